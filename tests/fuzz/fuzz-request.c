/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon says to a supervisor. */
#include "fuzz.h"

#include "supervisor/sup-link.c"

static void check_text(const char *text, const char *data, size_t size)
{
        check(!text || (text > data && text + strlen(text) < data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *copy = fuzz_copy(data, size);
        Request r = {};

        if (request_parse(&r, copy, size) < 0)
                return 0;
        check(r.type);
        check_text(r.type, copy, size);
        check_text(r.task, copy, size);
        check_text(r.fds_names, copy, size);
        check_text(r.unit, copy, size);
        check_text(r.identifier, copy, size);
        return 0;
}
