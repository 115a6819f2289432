/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Single figures from the text of any file of a cgroup. */
#include "fuzz.h"

#include "basic/metrics.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size);

        for (MetricType t = 0; t < _METRIC_MAX; t++) {
                uint64_t value = FUZZ_UNTOUCHED;

                if (metric_parse(&metric_table[t], text, &value) < 0)
                        check(value == FUZZ_UNTOUCHED);
        }
        return 0;
}
