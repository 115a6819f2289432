/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slices within workload.slice that have hardly any memory left by a limit of their own. */
#include "daemon/pressure.h"

#include "basic/cgroup-file.h"
#include "basic/memory-short.h"
#include "basic/name.h"
#include "daemon/scope.h"

#include <fcntl.h>
#include <unistd.h>

typedef struct InnerSlice {
        UT_hash_handle hh; /* by path */
        bool is_short;
        size_t n_scopes; /* in it, and below it */
        char path[];     /* below CGROUP_ROOT */
} InnerSlice;

static void free_slices(InnerSlice **slices)
{
        InnerSlice *s, *next;

        HASH_ITER (hh, *slices, s, next) {
                HASH_DEL(*slices, s);
                free(s);
        }
}

/* The paths of the slices within workload.slice that a scope is in begin its own path: the length of the outermost, and
 * of the next one; 0: there is none. */
static size_t next_slice(const char *path, size_t length)
{
        const char *end = strchr(path + length + 1, '/');

        return end ? (size_t) (end - path) : 0;
}

static size_t first_slice(const Scope *s, const char *path)
{
        const char *rest = startswith(path, s->manager->cgroup_prefix);

        rest = rest ? startswith(rest, SLICE_WORKLOAD "/") : NULL;
        return rest ? next_slice(path, (size_t) (rest - 1 - path)) : 0;
}

static const char *path_below_root(const Scope *s)
{
        return s->path + 1;
}

static InnerSlice *find_slice(InnerSlice *slices, const char *path, size_t length)
{
        InnerSlice *s;

        HASH_FIND(hh, slices, path, length, s);
        return s;
}

static int count_scope(const Manager *m, InnerSlice **slices, const char *path, size_t length)
{
        InnerSlice *s = find_slice(*slices, path, length);
        _cleanup_(closep) int dir = -EBADF;

        if (!s) {
                s = calloc(1, sizeof *s + length + 1);
                if (!s)
                        return -ENOMEM;
                memcpy(s->path, path, length);
                dir = openat(m->cgroup_fd, s->path, O_DIRECTORY | O_CLOEXEC);
                s->is_short = dir >= 0 && memory_is_short(dir);
                HASH_ADD_KEYPTR(hh, *slices, s->path, length, s);
        }
        s->n_scopes++;
        return 0;
}

#define FOREACH_INNER_SLICE(end, scope, path) \
        for (size_t end = first_slice(scope, path); end > 0; end = next_slice(path, end))

void pressure_look_at_slices(Scope *const *scopes, size_t n)
{
        _cleanup_(free_slices) InnerSlice *slices = NULL;
        uint64_t now = now_monotonic_usec();

        for (size_t i = 0; i < n; i++) {
                const char *path = path_below_root(scopes[i]);

                FOREACH_INNER_SLICE (end, scopes[i], path)
                        if (count_scope(scopes[i]->manager, &slices, path, end) < 0)
                                return;
        }
        for (size_t i = 0; slices && i < n; i++) {
                ScopePressure *p = &scopes[i]->pressure;
                const char *path = path_below_root(scopes[i]);

                FOREACH_INNER_SLICE (end, scopes[i], path) {
                        const InnerSlice *s = find_slice(slices, path, end);

                        if (s->is_short && s->n_scopes > 1)
                                p->slice_short_usec = now;
                        else if (s->is_short)
                                p->held_usec = now;
                }
        }
}
