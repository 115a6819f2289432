/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slices within workload.slice that have hardly any memory left by a limit of their own. */
#include "daemon/pressure.h"

#include "basic/memory-short.h"
#include "basic/name.h"
#include "daemon/scope.h"

#include <fcntl.h>

typedef struct InnerSlice {
        UT_hash_handle hh; /* by path */
        bool is_short;
        size_t n_scopes; /* in it, and below it, in which something runs */
        char path[];     /* as of a scope */
} InnerSlice;

static void free_slices(InnerSlice **slices)
{
        InnerSlice *s, *next;

        HASH_ITER (hh, *slices, s, next) {
                HASH_DEL(*slices, s);
                free(s);
        }
}

/* The paths of the slices within workload.slice that a scope is in begin its own path: the length of that of the
 * outermost, and of the next one; 0: there is none. */
static size_t next_slice(const char *path, size_t length)
{
        const char *end = strchr(path + length + 1, '/');

        return end ? (size_t) (end - path) : 0;
}

static size_t first_slice(const Scope *s)
{
        const char *rest = startswith(s->path + 1, s->manager->cgroup_prefix);

        rest = rest ? startswith(rest, SLICE_WORKLOAD "/") : NULL;
        return rest ? next_slice(s->path, (size_t) (rest - 1 - s->path)) : 0;
}

#define FOREACH_INNER_SLICE(length, scope)                   \
        for (size_t length = first_slice(scope); length > 0; \
             length = next_slice((scope)->path, length))

static InnerSlice *find_slice(InnerSlice *slices, const char *path, size_t length)
{
        InnerSlice *s;

        HASH_FIND(hh, slices, path, length, s);
        return s;
}

static int count_scope(const Scope *scope, InnerSlice **slices, size_t length)
{
        InnerSlice *s = find_slice(*slices, scope->path, length);
        _cleanup_(closep) int dir = -EBADF;

        if (!s) {
                s = calloc(1, sizeof *s + length + 1);
                if (!s)
                        return -ENOMEM;
                memcpy(s->path, scope->path, length);
                dir = openat(scope->manager->cgroup_fd, s->path + 1, O_DIRECTORY | O_CLOEXEC);
                s->is_short = dir >= 0 && memory_is_short(dir);
                HASH_ADD_KEYPTR(hh, *slices, s->path, length, s);
        }
        s->n_scopes++;
        return 0;
}

void pressure_look_at_slices(Scope *const *scopes, size_t n)
{
        _cleanup_(free_slices) InnerSlice *slices = NULL;
        uint64_t now = now_monotonic_usec();

        for (size_t i = 0; i < n; i++) {
                if (first_slice(scopes[i]) == 0 || scope_populated(scopes[i]) <= 0)
                        continue;
                FOREACH_INNER_SLICE (length, scopes[i])
                        if (count_scope(scopes[i], &slices, length) < 0)
                                return;
        }
        for (size_t i = 0; slices && i < n; i++) {
                ScopePressure *p = &scopes[i]->pressure;

                FOREACH_INNER_SLICE (length, scopes[i]) {
                        const InnerSlice *s = find_slice(slices, scopes[i]->path, length);

                        if (!s || !s->is_short)
                                continue;
                        if (s->n_scopes > 1)
                                p->slice_short_usec = now;
                        else
                                p->held_usec = now;
                }
        }
}
