/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving what runs in a cgroup into a scope: its processes are found here and attached by the daemon. */
#include "daemon.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include <fcntl.h>

/* Opens the cgroup, checked to be one that is there. */
static int open_cgroup(const char *path, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *relative = NULL, *reason = NULL;
        _cleanup_(closep) int root = -EBADF;
        int r;

        r = cgroup_path_parse(path, &relative, &reason);
        if (r < 0)
                return client_error_refused(e, r, reason, "the cgroup's path is not allowed");
        root = open(CGROUP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = root < 0 ? -errno : cgroup_open(root, *relative ? relative : ".");
        if (r == -ENOENT)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND, "there is no cgroup /%s",
                                    relative);
        if (r < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_IO, "cannot open cgroup /%s: %s",
                                    relative, strerror(-r));
        return r;
}

static int read_pids(int cgroup, const char *from, uint32_t **ret, size_t *ret_n,
                     hpcnode_cgroup_error *e)
{
        _cleanup_(freep) pid_t *pids = NULL;
        uint32_t *copy;
        size_t n;
        int r;

        r = cgroup_pids(cgroup, true, &pids, &n);
        if (r < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_IO,
                                    "cannot read the processes of %s: %s", from, strerror(-r));
        copy = malloc(n * sizeof(*copy) ?: 1);
        if (!copy)
                return client_oom(e);
        for (size_t i = 0; i < n; i++)
                copy[i] = (uint32_t) pids[i];

        *ret = copy;
        *ret_n = n;
        return 0;
}

void move_done(Move *m)
{
        m->cgroup = safe_close(m->cgroup);
        free(m->pids);
        m->pids = NULL;
}

int move_begin(const char *from, Move *ret, hpcnode_cgroup_error *e)
{
        _cleanup_(move_done) Move m = { .cgroup = open_cgroup(from, e) };
        int r;

        if (m.cgroup < 0)
                return m.cgroup;
        r = read_pids(m.cgroup, from, &m.pids, &m.n_pids, e);
        if (r < 0)
                return r;
        *ret = m;
        m = (Move){ .cgroup = -EBADF };
        return 0;
}

int move_end(const Move *m, const char *from, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) uint32_t *left = NULL;
        size_t n_left;
        int r;

        r = read_pids(m->cgroup, from, &left, &n_left, e);
        if (r < 0)
                return r;
        /* What a process forked between the reading and the moving has stayed behind. */
        if (n_left > 0)
                return client_error(
                        e, HPCNODE_CGROUP_ERROR_NOT_EMPTY,
                        "%zu processes were moved from %s, and %zu that were born there "
                        "meanwhile were not: move these as another task",
                        m->n_pids, from, n_left);
        return 0;
}

int daemon_move_tasks(void *userdata, const char *from, const char *scope, const char *task,
                      hpcnode_cgroup_error *ret_error)
{
        _cleanup_(move_done) Move m = { .cgroup = -EBADF };
        Request q = { .operation = OPERATION_MOVE_TASKS, .first = scope, .second = task };
        Result result;
        int r;

        r = move_begin(from, &m, ret_error);
        if (r < 0)
                return r;
        q.pids = m.pids;
        q.n_pids = m.n_pids;
        r = request_put(userdata, &q, &result, ret_error);
        return r < 0 ? r : move_end(&m, from, ret_error);
}
