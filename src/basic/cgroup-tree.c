/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes and children of a cgroup's subtree: listing, signalling, killing, removing. */
#include "basic/cgroup-file.h"
#include "basic/fields.h"
#include "basic/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* Those that stand directly in a cgroup. The file is its cgroup.procs, as seen from the directory. */
static int own_pids(int dir, const char *file, PidList *l)
{
        _cleanup_(freep) char *text = NULL;
        char *line, *rest;
        int r;

        r = cgroup_read(dir, file, &text);
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

/* A directory with two links has no sub-directory, and need not be read: a leaf of a task has more files than
 * processes. File systems that do not count so say 1. */
static bool may_have_children(int dir, const char *name)
{
        struct stat st;

        return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
               st.st_nlink != 2;
}

/* Called for each cgroup of a subtree, its own cgroup.procs being `file`. */
typedef int (*visit_t)(int dir, const char *file, void *userdata);

typedef struct Walk {
        visit_t visit;
        void *userdata;
        bool with_supervisors;
} Walk;

static int visit_leaf(const Walk *w, int dir, const char *name)
{
        char file[NAME_MAX + sizeof("/cgroup.procs")];

        (void) stpcpy(stpcpy(file, name), "/cgroup.procs");
        return w->visit(dir, file, w->userdata);
}

static int walk(const Walk *w, DIR *d, bool in_scope, unsigned depth)
{
        const char *name;
        int r;

        if (depth > DEPTH_MAX)
                return -ELOOP;

        r = w->visit(dirfd(d), "cgroup.procs", w->userdata);
        if (r < 0)
                return r;

        while ((r = dir_next(d, &name)) > 0) {
                _cleanup_(closedirp) DIR *child = NULL;

                if (in_scope && !w->with_supervisors && streq(name, "supervisor"))
                        continue;

                if (!may_have_children(dirfd(d), name)) {
                        r = visit_leaf(w, dirfd(d), name);
                } else {
                        r = cgroup_open_children(dirfd(d), name, &child);
                        if (r >= 0 && child)
                                r = walk(w, child, is_scope(name), depth + 1);
                }
                if (r < 0)
                        return r;
        }

        return r;
}

static int walk_from(const Walk *w, int dir, bool in_scope)
{
        _cleanup_(closedirp) DIR *d = NULL;
        int r = cgroup_open_children(dir, ".", &d);

        return r < 0 || !d ? r : walk(w, d, in_scope, 0);
}

static int collect(int dir, const char *file, void *userdata)
{
        return own_pids(dir, file, userdata);
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
        PidList l = { 0 };
        const Walk w = { .visit = collect, .userdata = &l, .with_supervisors = with_supervisors };
        int r, in_scope;

        in_scope = dir_is_scope(dir);
        if (in_scope < 0)
                return in_scope;
        r = walk_from(&w, dir, in_scope);
        if (r < 0) {
                pid_list_done(&l);
                return r;
        }

        pid_list_sort(&l);
        pid_list_unique(&l);

        *ret_pids = l.pids;
        *ret_n = l.n;
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

/* A signal on its way through a subtree. */
typedef struct Signalling {
        int signal;
        PidList done;  /* sorted: who got it */
        PidList moved; /* who has left the cgroup they were found in before they got it */
        int result;    /* the first failure; it goes on nevertheless */
} Signalling;

static void signalling_done(Signalling *g)
{
        pid_list_done(&g->done);
        pid_list_done(&g->moved);
}

static void note(Signalling *g, int r)
{
        if (r < 0 && g->result >= 0)
                g->result = r;
}

static int pid_list_insert(PidList *sorted, pid_t pid)
{
        size_t i;
        int r;

        r = pid_list_add(sorted, pid);
        if (r < 0)
                return r;
        for (i = sorted->n - 1; i > 0 && sorted->pids[i - 1] > pid; i--)
                sorted->pids[i] = sorted->pids[i - 1];
        sorted->pids[i] = pid;
        return 0;
}

static bool has_ended(int pidfd)
{
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return pidfd == -ESRCH || (pidfd >= 0 && poll(&p, 1, 0) > 0);
}

/* A pid read from a file may belong to somebody else by the time it is used. So the process is held by a
 * pidfd first, and signalled only if its pid is in the cgroup after that: in this one, or without a file in
 * the subtree. */
static void signal_batch(Signalling *g, int dir, const char *file, const pid_t *pids, size_t n)
{
        _cleanup_(pid_list_done) PidList still = { 0 };
        int fds[SIGNAL_BATCH];

        for (size_t i = 0; i < n; i++)
                fds[i] = pidfd_open_process(pids[i]);

        note(g, file ? own_pids(dir, file, &still) : subtree_pids(dir, &still));
        pid_list_sort(&still);
        for (size_t i = 0; i < n; i++) {
                if (pid_list_has(&g->done, pids[i])) {
                        ; /* met once more */
                } else if (pid_list_has(&still, pids[i])) {
                        note(g, signal_one(pids[i], fds[i], g->signal));
                        note(g, pid_list_insert(&g->done, pids[i]));
                } else if (file && !has_ended(fds[i])) {
                        note(g, pid_list_add(&g->moved, pids[i]));
                }
                (void) safe_close(fds[i]);
        }
}

static void signal_pids(Signalling *g, int dir, const char *file, const PidList *l)
{
        for (size_t i = 0; i < l->n; i += SIGNAL_BATCH)
                signal_batch(g, dir, file, l->pids + i,
                             l->n - i < SIGNAL_BATCH ? l->n - i : SIGNAL_BATCH);
}

static int signal_own(int dir, const char *file, void *userdata)
{
        _cleanup_(pid_list_done) PidList l = { 0 };
        Signalling *g = userdata;

        note(g, own_pids(dir, file, &l));
        signal_pids(g, dir, file, &l);
        return 0;
}

/* Cgroup by cgroup: to look for each process in the whole subtree would take as long as there are cgroups. */
static void signal_subtree(Signalling *g, int dir)
{
        const Walk w = { .visit = signal_own, .userdata = g, .with_supervisors = true };

        note(g, walk_from(&w, dir, false));
        signal_pids(g, dir, NULL, &g->moved);
        pid_list_done(&g->moved);
}

int cgroup_signal(int dir, int signal)
{
        _cleanup_(signalling_done) Signalling g = { .signal = signal };

        signal_subtree(&g, dir);
        return g.result;
}

static int kill_each(int dir)
{
        _cleanup_(signalling_done) Signalling g = { .signal = SIGKILL };

        for (unsigned i = 0; i < KILL_ROUNDS_MAX; i++) {
                size_t before = g.done.n;

                signal_subtree(&g, dir);
                if (g.result < 0 || g.done.n == before)
                        return g.result;
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

int cgroup_remove_unused(int dir, const char *name, bool remove)
{
        _cleanup_(closep) int fd = cgroup_open(dir, name);

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return fd;
        if (cgroup_used(fd) > 0)
                return -EBUSY;
        return remove ? cgroup_remove(dir, name) : 0;
}
