/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state file of the emergency: one that is read is written so that it is read the same. */
#include "fuzz.h"

#include "daemon/emergency.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Manager m = { .runtime_fd = fuzz_directory(), .runtime_path = (char *) "/run" };
        _cleanup_(emergency_freep) Emergency *e = NULL, *again = NULL;
        _cleanup_(freep) char *first = NULL, *second = NULL;

        fuzz_write(m.runtime_fd, EMERGENCY_FILE, data, size);
        if (read_saved(&m, &e) < 0) {
                check(!e);
                return 0;
        }
        m.emergency = e;
        check(line_check(e->reason, NULL) == 0);
        check(emergency_lasts(&m) ? emergency_until(&m) > 0 : emergency_until(&m) == 0);
        check(save(&m, e) == 0);
        first = fuzz_read(m.runtime_fd, EMERGENCY_FILE);
        check(read_saved(&m, &again) == 0);
        check(save(&m, again) == 0);
        second = fuzz_read(m.runtime_fd, EMERGENCY_FILE);
        check(streq(first, second));
        return 0;
}
