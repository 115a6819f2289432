/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dictionaries of limits from a caller. */
#include "fuzz.h"

#include "daemon/error-bus.h"
#include "daemon/limits-bus.h"

static void read_again(const Limits *l)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = fuzz_message();
        _cleanup_(limits_done) Limits again = {};

        check(limits_append(m, l) >= 0);
        fuzz_seal(m);
        check(limits_read(m, &again, NULL, NULL, NULL, NULL) == 0);
        fuzz_check_equal_limits(l, &again);
}

static void hand_on(const Limits *l)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = fuzz_message();

        check(sd_bus_message_open_container(m, 'a', "(sv)") >= 0);
        check(limits_append_properties(m, l) >= 0);
        check(sd_bus_message_close_container(m) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = fuzz_message();
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *text = fuzz_text(data, size);
        _cleanup_(limits_done) Limits l = {};
        int r;

        if (!fuzz_append_dict(m, text))
                return 0;
        fuzz_seal(m);
        r = limits_read(m, &l, NULL, NULL, NULL, &error);
        if (r < 0) {
                check(sd_bus_error_has_name(&error, HPCNODE_ERROR_INVALID_ARGS));
                fuzz_check_sentence(error.message);
                check(!limits_any(&l));
                return 0;
        }
        check(sd_bus_message_at_end(m, true) > 0);
        read_again(&l);
        hand_on(&l);
        return 0;
}
