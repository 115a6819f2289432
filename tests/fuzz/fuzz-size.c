/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes, and quotas of cpu time. */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>

static void check_size(const char *text)
{
        uint64_t value = FUZZ_UNTOUCHED, again = 0;
        char number[32] = "max";

        if (size_parse(text, &value) < 0) {
                check(value == FUZZ_UNTOUCHED);
                return;
        }
        if (value != UINT64_MAX)
                (void) snprintf(number, sizeof number, "%" PRIu64, value);
        check(size_parse(number, &again) == 0);
        check(again == value);
}

static void check_quota(const char *text)
{
        uint64_t quota = FUZZ_UNTOUCHED, period = FUZZ_UNTOUCHED, quota_again, period_again;
        char pair[64];

        if (cpu_quota_parse(text, &quota, &period) < 0) {
                check(quota == FUZZ_UNTOUCHED && period == FUZZ_UNTOUCHED);
                return;
        }
        if (period == UINT64_MAX) {
                check(quota == UINT64_MAX);
                return;
        }
        check(period >= 1000 && period <= 1000000);
        if (quota == UINT64_MAX)
                (void) snprintf(pair, sizeof pair, "max %" PRIu64, period);
        else
                (void) snprintf(pair, sizeof pair, "%" PRIu64 "/%" PRIu64, quota, period);
        check(cpu_quota_parse(pair, &quota_again, &period_again) == 0);
        check(quota_again == quota && period_again == period);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size);

        check_size(text);
        check_quota(text);
        return 0;
}
