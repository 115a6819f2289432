/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bus says of a caller, and after an empty line what the kernel says of the cgroup of its process. */
#include "fuzz.h"

#include "basic/cgroup-file.h"

static const char *cgroup;

#define cgroup_read(dir, file, ret) ((*(ret) = strdup(cgroup)) ? 0 : -ENOMEM)
#include "daemon/caller.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = fuzz_message();
        _cleanup_(freep) char *text = fuzz_text(data, size);
        char *end = strstr(text, "\n\n");
        Manager manager = {};
        Caller c = { .manager = &manager };
        int r;

        cgroup = end ? end + 2 : "";
        if (end)
                *end = '\0';
        if (!fuzz_append_dict(m, text))
                return 0;
        fuzz_seal(m);
        r = read_credentials(&c, m);
        check(r <= 0);
        if (r == 0) {
                check(c.uid != UID_INVALID);
                check(!c.unit || (c.uid == 0 && c.pid > 0));
                check(!c.unit || !strpbrk(c.unit, "/\n"));
        }
        usage_put(c.usage);
        free(c.groups);
        free(c.unit);
        return 0;
}
