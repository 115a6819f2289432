/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor leaves behind when it ends without a daemon. */
#include "fuzz.h"

#include "daemon/journal.h"
#include "daemon/scope.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Manager m = { .runtime_fd = fuzz_directory(),
                      .runtime_path = (char *) "/run",
                      .cgroup_prefix = (char *) "",
                      .cgroup_fd = -EBADF };
        char file[64];
        Scope *s;
        int r;

        /* Without a journald in it: records are only kept. */
        check(journal_new(NULL, "/nonexistent", m.runtime_fd, &m.journal) == 0);
        check(scope_new(&m, "workload.slice", "x", "workload-x.scope", &s) == 0);
        s->is_job = true;
        (void) snprintf(file, sizeof file, "%s.outcome", s->id);
        fuzz_write(m.runtime_fd, file, data, size);
        fuzz_log_begin();
        r = scope_load_outcome(s);
        fuzz_log_end();
        check(r <= 0);
        check(s->exit_status >= -1 && s->exit_signal >= 0);
        check(s->main_pid >= 0);
        check(unlinkat(m.runtime_fd, file, 0) >= 0);
        scope_free(s);
        journal_free(m.journal);
        return 0;
}
