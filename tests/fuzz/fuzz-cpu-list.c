/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of cpus and memory nodes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size), *list = NULL, *list_again = NULL;
        _cleanup_(number_set_done) NumberSet set = {}, again = {};

        if (number_set_parse(text, &set) < 0) {
                check(!set.bits && set.n_bytes == 0);
                return 0;
        }
        check(set.n_bytes > 0 && set.n_bytes <= NUMBER_SET_MAX / 8);
        check(set.bits[set.n_bytes - 1] != 0);
        check(number_set_format(&set, &list) == 0);
        check(number_set_parse(list, &again) == 0);
        check(number_set_equal(&set, &again) && set.n_bytes == again.n_bytes);
        check(number_set_format(&again, &list_again) == 0);
        check(streq(list, list_again));
        return 0;
}
