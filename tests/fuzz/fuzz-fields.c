/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KEY=VALUE lines: what is read can be written, and is the same when it is read again. */
#include "fuzz.h"

#include "basic/fields.h"
#include "basic/protocol.h"

static void check_numbers(const char *value)
{
        uint64_t u = FUZZ_UNTOUCHED;
        int64_t i = FUZZ_UNTOUCHED;

        if (parse_u64(value, &u) < 0)
                check(u == FUZZ_UNTOUCHED);
        if (parse_i64(value, &i) < 0)
                check(i == FUZZ_UNTOUCHED);
        else if (i >= 0 && *value != '-')
                check(u == (uint64_t) i);
}

static void check_words(const char *value)
{
        SpawnStep step = spawn_step_from_string(value);
        SupervisorState state = supervisor_state_from_string(value);

        check(step < 0 || streq(spawn_step_to_string(step), value));
        check(state < 0 || streq(supervisor_state_to_string(state), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *copy = fuzz_copy(data, size);
        _cleanup_(fields_done) Fields f = {};
        FieldsReader reader = fields_reader(copy, size);
        char *key = fuzz_untouched, *value = fuzz_untouched;
        int r;

        while ((r = fields_next(&reader, &key, &value)) > 0) {
                fields_append(&f, key, value);
                check_numbers(value);
                check_words(value);
                key = value = fuzz_untouched;
        }
        check(key == fuzz_untouched && value == fuzz_untouched);
        check(f.error == 0);
        /* One that is malformed stays so. */
        check(fields_next(&reader, &key, &value) == r);
        if (r == 0) {
                check(f.length == size);
                check(size == 0 || memcmp(f.data, data, size) == 0);
        }
        return 0;
}
