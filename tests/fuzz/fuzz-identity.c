/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the process that looks up a user has found. */
#include "fuzz.h"

#include "daemon/user.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(user_identity_done) UserIdentity u = {};
        _cleanup_(freep) char *copy = fuzz_copy(data, size);
        Lookup l = { .answer = copy, .length = size };
        char reason[512] = "";
        int r = lookup_parse(&l, &u, reason, sizeof reason);

        check(r <= 0);
        if (r == -ESRCH)
                check(*reason);
        return 0;
}
