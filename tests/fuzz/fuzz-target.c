/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which scope or task the client library takes a text for. */
#include "fuzz.h"

#include "client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size);
        _cleanup_(client_target_done) ClientTarget t = {};
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int r = client_target_parse(text, &t, &e);

        check(r <= 0);
        if (r < 0) {
                fuzz_check_sentence(e.message);
                check(!t.scope && !t.task);
        } else {
                check(t.scope);
        }
        hpcnode_cgroup_error_done(&e);
        return 0;
}
