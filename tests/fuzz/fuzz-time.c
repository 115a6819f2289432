/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points in time on the command line. */
#include "fuzz.h"

#include "ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size);
        uint64_t usec = FUZZ_UNTOUCHED;

        if (time_parse(text, &usec) < 0)
                check(usec == FUZZ_UNTOUCHED);
        return 0;
}
