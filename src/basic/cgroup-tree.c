/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes and children of a cgroup's subtree: listing, signalling, killing, removing. */
#include "basic/cgroup-file.h"
#include "basic/fields.h"
#include "basic/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

/* Each level holds a descriptor open, and a process may have no more than 1024 by default. */
#define DEPTH_MAX 256

/* Pidfds held at once while signalling, for the same reason. */
#define SIGNAL_BATCH 128

/* Without cgroup.kill, rounds of SIGKILL. Each round finds only what was forked during the one
 * before, and what forks is dying: more than a few are never seen unless something else is wrong. */
#define KILL_ROUNDS_MAX 100

typedef struct PidList {
        pid_t *pids;
        size_t n;
        size_t allocated;
} PidList;

static void pid_list_done(PidList *l)
{
        free(l->pids);
        *l = (PidList){ 0 };
}

static int pid_list_add(PidList *l, pid_t pid)
{
        if (l->n == l->allocated) {
                size_t allocated = l->allocated > 0 ? l->allocated * 2 : 64;
                pid_t *pids = reallocarray(l->pids, allocated, sizeof(pid_t));

                if (!pids)
                        return -ENOMEM;
                l->pids = pids;
                l->allocated = allocated;
        }

        l->pids[l->n++] = pid;
        return 0;
}

static int pid_compare(const void *a, const void *b)
{
        pid_t x = *(const pid_t *) a, y = *(const pid_t *) b;

        return (x > y) - (x < y);
}

static void pid_list_sort(PidList *l)
{
        if (l->n > 0)
                qsort(l->pids, l->n, sizeof(pid_t), pid_compare);
}

static bool pid_list_has(const PidList *sorted, pid_t pid)
{
        return sorted->n > 0 &&
               bsearch(&pid, sorted->pids, sorted->n, sizeof(pid_t), pid_compare) != NULL;
}

/* The processes that stand directly in the cgroup. */
static int own_pids(int dir, PidList *l)
{
        _cleanup_(freep) char *text = NULL;
        char *line, *rest;
        int r;

        r = cgroup_read(dir, "cgroup.procs", &text);
        /* Gone meanwhile; or threaded, and then its processes are listed by the threaded domain. */
        if (r == -ENOENT || r == -EOPNOTSUPP)
                return 0;
        if (r < 0)
                return r;

        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                uint64_t pid;

                if (!*line)
                        continue;
                if (parse_u64(line, &pid) < 0 || pid > INT_MAX)
                        return -EBADMSG;
                /* 0 is a process of another pid namespace: not ours to signal, and to kill() it
                 * would mean our own process group. */
                if (pid == 0)
                        continue;

                r = pid_list_add(l, (pid_t) pid);
                if (r < 0)
                        return r;
        }

        return 0;
}

int cgroup_open_children(int parent, const char *name, DIR **ret)
{
        _cleanup_(closep) int fd = -EBADF;
        DIR *d;

        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT && errno != ENODEV && errno != ENOTDIR)
                return -errno;
        if (fd < 0) {
                *ret = NULL;
                return 0;
        }

        d = fdopendir(fd);
        if (!d)
                return -errno;

        (void) TAKE_FD(fd);
        *ret = d;
        return 0;
}

/* 1 and the name of the next sub-directory, 0 at the end. */
static int dir_next(DIR *d, const char **ret_name)
{
        for (;;) {
                struct dirent *e;

                errno = 0;
                e = readdir(d);
                /* The directory was removed while it was read: it has no more children. */
                if (!e)
                        return errno == ENOENT || errno == ENODEV ? 0 : -errno;
                if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
                        continue;
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;

                *ret_name = e->d_name;
                return 1;
        }
}

static bool is_scope(const char *path)
{
        return endswith(path, ".scope") != NULL;
}

/* A directory that is only known by its descriptor is asked for its name. 1 or 0; -ENOMEM. */
static int dir_is_scope(int dir)
{
        _cleanup_(freep) char *path = NULL;
        int r = cgroup_path_of(dir, &path);

        if (r == -ENOMEM)
                return r;
        return r >= 0 && is_scope(path);
}

typedef struct Collect {
        PidList list;
        bool with_supervisors;
} Collect;

static int collect_pids(Collect *c, DIR *d, bool in_scope, unsigned depth)
{
        const char *name;
        int r;

        if (depth > DEPTH_MAX)
                return -ELOOP;

        r = own_pids(dirfd(d), &c->list);
        if (r < 0)
                return r;

        while ((r = dir_next(d, &name)) > 0) {
                _cleanup_(closedirp) DIR *child = NULL;

                if (in_scope && !c->with_supervisors && streq(name, "supervisor"))
                        continue;

                r = cgroup_open_children(dirfd(d), name, &child);
                if (r >= 0 && child)
                        r = collect_pids(c, child, is_scope(name), depth + 1);
                if (r < 0)
                        return r;
        }

        return r;
}

/* A process that moves while the tree is read can be met twice. */
static void pid_list_unique(PidList *sorted)
{
        size_t n = 0;

        for (size_t i = 0; i < sorted->n; i++)
                if (n == 0 || sorted->pids[n - 1] != sorted->pids[i])
                        sorted->pids[n++] = sorted->pids[i];

        sorted->n = n;
}

int cgroup_pids(int dir, bool with_supervisors, pid_t **ret_pids, size_t *ret_n)
{
        _cleanup_(closedirp) DIR *d = NULL;
        Collect c = { .with_supervisors = with_supervisors };
        int r, in_scope;

        in_scope = dir_is_scope(dir);
        if (in_scope < 0)
                return in_scope;
        r = cgroup_open_children(dir, ".", &d);
        if (r >= 0 && d)
                r = collect_pids(&c, d, in_scope, 0);
        if (r < 0) {
                pid_list_done(&c.list);
                return r;
        }

        pid_list_sort(&c.list);
        pid_list_unique(&c.list);

        *ret_pids = c.list.pids;
        *ret_n = c.list.n;
        return 0;
}

static int subtree_pids(int dir, PidList *ret)
{
        PidList l = { 0 };
        int r;

        r = cgroup_pids(dir, /* with_supervisors= */ true, &l.pids, &l.n);
        if (r < 0)
                return r;

        l.allocated = l.n;
        *ret = l;
        return 0;
}

/* Signals by pidfd where there are pidfds; 0 also for a process that has ended. */
static int signal_one(pid_t pid, int pidfd, int signal)
{
        int r;

        if (pidfd >= 0)
                r = pidfd_signal(pidfd, signal);
        else if (pidfd == -ENOSYS || pidfd == -EPERM)
                r = kill(pid, signal) < 0 ? -errno : 0;
        else
                r = pidfd;

        return r == -ESRCH ? 0 : r;
}

/* A pid read from a file may belong to somebody else by the time it is used. So the process is held
 * by a pidfd first, and signalled only if its pid is in the cgroup after that. */
static int signal_batch(int dir, const pid_t *pids, size_t n, int signal)
{
        _cleanup_(pid_list_done) PidList still = { 0 };
        int fds[SIGNAL_BATCH];
        int r, result = 0;

        for (size_t i = 0; i < n; i++)
                fds[i] = pidfd_open_process(pids[i]);

        result = subtree_pids(dir, &still);
        for (size_t i = 0; i < n; i++) {
                if (pid_list_has(&still, pids[i])) {
                        r = signal_one(pids[i], fds[i], signal);
                        if (r < 0 && result >= 0)
                                result = r;
                }
                (void) safe_close(fds[i]);
        }

        return result;
}

/* Goes on after a failure and returns the first. */
static int signal_pids(int dir, const PidList *l, int signal)
{
        int result = 0;

        for (size_t i = 0; i < l->n; i += SIGNAL_BATCH) {
                size_t n = l->n - i < SIGNAL_BATCH ? l->n - i : SIGNAL_BATCH;
                int r = signal_batch(dir, l->pids + i, n, signal);

                if (r < 0 && result >= 0)
                        result = r;
        }

        return result;
}

int cgroup_signal(int dir, int signal)
{
        _cleanup_(pid_list_done) PidList l = { 0 };
        int r;

        r = subtree_pids(dir, &l);
        if (r < 0)
                return r;

        return signal_pids(dir, &l, signal);
}

/* Kills what is in the subtree now and is not in `seen` yet. 1 if there was something new. */
static int kill_round(int dir, PidList *seen)
{
        _cleanup_(pid_list_done) PidList now = { 0 }, fresh = { 0 };
        int r;

        r = subtree_pids(dir, &now);
        if (r < 0)
                return r;

        for (size_t i = 0; i < now.n; i++)
                if (!pid_list_has(seen, now.pids[i])) {
                        r = pid_list_add(&fresh, now.pids[i]);
                        if (r < 0)
                                return r;
                }

        for (size_t i = 0; i < fresh.n; i++) {
                r = pid_list_add(seen, fresh.pids[i]);
                if (r < 0)
                        return r;
        }
        pid_list_sort(seen);

        r = signal_pids(dir, &fresh, SIGKILL);
        return r < 0 ? r : fresh.n > 0;
}

static int kill_each(int dir)
{
        _cleanup_(pid_list_done) PidList seen = { 0 };

        for (unsigned i = 0; i < KILL_ROUNDS_MAX; i++) {
                int r = kill_round(dir, &seen);

                if (r <= 0)
                        return r;
        }

        return -EAGAIN;
}

int cgroup_kill(int dir)
{
        int r = cgroup_write(dir, "cgroup.kill", "1");

        return r == -ENOENT ? kill_each(dir) : r;
}

/* 0 when there is no such directory any more, -EBUSY when something is left in it. */
static int remove_directory(int dir, const char *name)
{
        if (unlinkat(dir, name, AT_REMOVEDIR) >= 0 || errno == ENOENT || errno == ENODEV)
                return 0;

        return errno == ENOTEMPTY ? -EBUSY : -errno;
}

static int remove_tree(int dir, const char *name, unsigned depth)
{
        _cleanup_(closedirp) DIR *d = NULL;
        const char *child;
        int r;

        r = remove_directory(dir, name);
        if (r != -EBUSY)
                return r;
        if (depth > DEPTH_MAX)
                return -ELOOP;

        r = cgroup_open_children(dir, name, &d);
        if (r < 0 || !d)
                return r;

        while ((r = dir_next(d, &child)) > 0) {
                r = remove_tree(dirfd(d), child, depth + 1);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return remove_directory(dir, name);
}

int cgroup_remove(int dir, const char *name)
{
        return remove_tree(dir, name, 0);
}
