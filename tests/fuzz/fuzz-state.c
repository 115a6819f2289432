/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State files of scopes: one that is read is written so that it is read the same. */
#include "fuzz.h"

#include "daemon/scope-state.c"

#define FIRST  "0123456789abcdef.scope"
#define SECOND "fedcba9876543210.scope"

static void check_scope_is_whole(const Scope *s)
{
        check(s->state >= 0 && s->state < _SCOPE_STATE_MAX);
        check(path_owner(s->slice) != OWNER_NONE);
        check(path_owner(s->unit) == path_owner(s->slice));
        check(!strchr(s->name, '/') && !strchr(s->unit, '/'));
        check(!s->path || endswith(s->path, s->unit));
        check(s->cgroup_fd < 0 && s->payload_fd < 0);
}

static char *save(Scope *s, const char *id, const char *file)
{
        check(strlen(s->id) == strlen(id));
        (void) strcpy(s->id, id);
        check(scope_save(s) == 0);
        return fuzz_read(s->manager->runtime_fd, file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Manager m = { .runtime_fd = fuzz_directory(),
                      .runtime_path = (char *) "/run",
                      .cgroup_prefix = (char *) "",
                      .cgroup_fd = -EBADF,
                      .instances_max = 1 };
        _cleanup_(freep) char *first = NULL, *second = NULL;
        Scope *s, *again;

        check(config_defaults(&m.config) == 0);
        fuzz_write(m.runtime_fd, FIRST, data, size);
        fuzz_log_begin();
        if (load_scope(&m, FIRST, &s) == 0) {
                check_scope_is_whole(s);
                first = save(s, "fedcba9876543210", SECOND);
                scope_free(s);
                check(load_scope(&m, SECOND, &again) == 0);
                second = save(again, "0123456789abcdef", FIRST);
                check(streq(first, second));
                scope_free(again);
        }
        fuzz_log_end();
        check(!m.scopes);
        config_done(&m.config);
        check(m.n_records == 0 && m.n_zombies == 0);
        return 0;
}
