/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that an earlier supervisor of this scope started, or whose processes were there before: not our
 * children, so their end is seen by pidfd, or by their leaf becoming empty. */

#include "supervisor.h"

#include "basic/attach.h"
#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/name.h"
#include "basic/process.h"

#include <dirent.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void adopted_ended(Supervisor *s, Task *t, int code, int status)
{
        siginfo_t si = { .si_code = code };

        si.si_status = status;
        source_close(s, &t->status);
        task_ended(s, t, &si);
        payload_check_empty(s, true);
}

void adopted_leaf_empty(Supervisor *s, Task *t)
{
        adopted_ended(s, t, 0, 0);
}

/* The kernel keeps the status for us when the parent has reaped it, which may take that for ever; until
 * then it can be seen of the zombie. Where neither is so, it is not known, and nothing is made up: on older
 * kernels all of an earlier supervisor's, whose parent PID 1 is and is quick. */
static int read_exit(const Task *t, int *ret_code, int *ret_status)
{
        int code, status, r = pidfd_exit_info(t->status.fd, ret_code, ret_status);

        if (r > 0 || (r < 0 && !t->attached) || process_exit_info(t->pid, &code, &status) <= 0 ||
            pidfd_signal(t->status.fd, 0) == -ESRCH) /* it may have been another with its pid */
                return r;
        *ret_code = code;
        *ret_status = status;
        return 1;
}

static void handle_pidfd(Supervisor *s, Source *source, uint32_t events)
{
        Task *t = source_owner(source, Task, status);
        int code = 0, status = 0, r;

        r = read_exit(t, &code, &status);
        if (r == 0 && !(events & EPOLLHUP)) {
                struct epoll_event e = { .events = 0, .data.ptr = source };

                if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, source->fd, &e) >= 0)
                        return; /* EPOLLHUP comes unasked */
        }
        adopted_ended(s, t, code, status);
}

/* How many there are nobody can say, and each has a pidfd here. */
void raise_nofile(void)
{
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == l.rlim_max)
                return;
        l.rlim_cur = l.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &l);
}

static void adopt_ended(Supervisor *s, Task *t, const Request *r)
{
        t->state = TASK_EXITED;
        t->exit_usec = r->exit_usec;
        t->oom = r->oom == 1;
        t->timed_out = r->timed_out == 1;
        if (r->exit != UINT64_MAX) {
                t->exit_code = CLD_EXITED;
                t->exit_status = (int) r->exit;
        } else if (r->signal != UINT64_MAX) {
                t->exit_code = CLD_KILLED;
                t->exit_status = (int) r->signal;
        }
        link_say_task(s, t, SAY_EXITED);
        task_leave(s, t);
}

int adopted_watch(Supervisor *s, Task *t, pid_t pid, int pidfd)
{
        t->status.handle = handle_pidfd;
        if (source_add(s, &t->status, pidfd, EPOLLIN) < 0)
                return -ENOMEM;
        task_set_pid(s, t, pid);
        return 0;
}

/* Its first process may have come and gone while nobody looked. */
static int adopt_open(Supervisor *s, Task *t, Request *r)
{
        int k;

        t->state = TASK_OPEN;
        t->attached = true;
        t->client = r->client ? strdup(r->client) : NULL;
        k = task_watch_leaf(s, t);
        if (k >= 0)
                open_leaf_event(s, t);
        return k;
}

static int adopt_running(Supervisor *s, Task *t, Request *r)
{
        t->state = TASK_RUNNING;
        if (r->n_fds < 1) {
                int k = task_watch_leaf(s, t);

                if (k >= 0 && events_populated(t->events.fd) <= 0)
                        adopted_leaf_empty(s, t);
                return k;
        }
        return adopted_watch(s, t, t->pid, TAKE_FD(r->fds[0]));
}

/* Leaves of tasks that nobody knows: those that are empty go now, the others when they are. */
static int clear_leaves(Supervisor *s)
{
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *entry;
        int r;

        r = cgroup_open_children(s->payload_fd, ".", &d);
        if (r < 0 || !d)
                return r < 0 ? r : -ENOENT;
        while ((entry = readdir(d))) {
                Task *t;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
                    task_find(s, entry->d_name))
                        continue;
                t = task_new(s, entry->d_name);
                if (!t)
                        continue;
                t->state = TASK_EXITED;
                t->has_leaf = t->forgotten = true;
                task_leave(s, t);
        }
        return 0;
}

static int adopt_all_done(Supervisor *s)
{
        int r = clear_leaves(s);

        s->populated = payload_populated(s);
        return r;
}

int request_adopt(Supervisor *s, Request *r)
{
        _cleanup_(freep) char *name = NULL;
        Task *t;
        int k;

        if (s->state == SUPERVISOR_WAITING) {
                r->reason = "the supervisor is not set up";
                return -ESHUTDOWN;
        }
        if (!r->task)
                return adopt_all_done(s);
        if (task_name_parse(r->task, &name, NULL) < 0) {
                r->reason = "not a valid name of a task";
                return -EINVAL;
        }
        if (task_find(s, r->task))
                return -EEXIST;
        t = task_new(s, r->task);
        if (!t)
                return -ENOMEM;
        raise_nofile();
        t->adopted = t->has_leaf = true;
        t->log = r->log ? strdup(r->log) : NULL;
        t->pid = (pid_t) r->pid;
        t->start_usec = r->start_usec;
        task_set_due(s, t, r->exit_usec == UINT64_MAX ? r->due_usec : USEC_NEVER);
        if (r->exit_usec != UINT64_MAX) {
                adopt_ended(s, t, r);
                return 0;
        }
        link_say_task(s, t, SAY_TASK);
        k = r->open == 1 ? adopt_open(s, t, r) : adopt_running(s, t, r);
        if (k < 0) {
                t->state = TASK_RUNNING;
                adopted_ended(s, t, 0, 0);
        }
        return 0;
}

/* --- attach --- */

/* Takes the descriptors out of the request. */
static int read_attachees(Request *r, Attachee *a, size_t *ret_n)
{
        char *rest = r->pids, *word;
        size_t n = 0;

        while ((word = strsep(&rest, " "))) {
                uint64_t pid;

                if (2 * n + 1 >= r->n_fds || parse_u64(word, &pid) < 0 || pid == 0 ||
                    pid > INT32_MAX)
                        break;
                a[n] = (Attachee){
                        .pid = (pid_t) pid,
                        .pidfd = TAKE_FD(r->fds[2 * n]),
                        .origin = TAKE_FD(r->fds[2 * n + 1]),
                };
                n++;
        }
        *ret_n = n;
        if (n > 0 && !word && 2 * n == r->n_fds)
                return 0;
        r->reason = "attach needs pids, and two descriptors for each";
        return -EINVAL;
}

/* The first process is the task's own. */
static int attach_task(Supervisor *s, Request *r, Task *t, int leaf, Attachee *a, size_t n)
{
        size_t failed = 0;
        int k;

        k = attach_processes(leaf, a, n, &failed);
        if (k < 0) {
                r->failed = a[failed].pid;
                return k;
        }
        s->populated = true;
        k = adopted_watch(s, t, a[0].pid, TAKE_FD(a[0].pidfd));
        if (k < 0)
                (void) attach_undo(leaf, a, n);
        return k;
}

/* What could not be moved back stays, as a task that ends with its leaf. */
static int attach_failed(Supervisor *s, Request *r, Task *t, int error)
{
        int k = cgroup_remove(s->payload_fd, t->name);

        if (k != -EBUSY || task_watch_leaf(s, t) < 0) {
                task_free(s, t);
                return error;
        }
        r->reason = "some could not be moved back, and are left in it";
        link_say_task(s, t, SAY_TASK);
        return error;
}

static int attach(Supervisor *s, Request *r, Attachee *a, size_t n)
{
        _cleanup_(closep) int leaf = -EBADF;
        Task *t;
        int k;

        leaf = leaf_open(s, r->task);
        if (leaf < 0)
                return leaf;
        t = task_new(s, r->task);
        if (!t) {
                (void) cgroup_remove(s->payload_fd, r->task);
                return -ENOMEM;
        }
        raise_nofile();
        t->state = TASK_RUNNING;
        t->adopted = t->attached = t->has_leaf = true;
        t->start_usec = now_realtime_usec();
        k = attach_task(s, r, t, leaf, a, n);
        if (k < 0)
                return attach_failed(s, r, t, k);
        fault_point(FAULT_SUPERVISOR_ATTACHED);
        t->serial = r->serial;
        t->reply_due = true;
        link_say_task(s, t, SAY_TASK | SAY_REPLY);
        return 1;
}

int request_attach(Supervisor *s, Request *r)
{
        Attachee a[ATTACH_PIDS_MAX];
        size_t n = 0;
        int k;

        k = request_check_task(s, r);
        if (k >= 0)
                k = read_attachees(r, a, &n);
        if (k >= 0)
                k = request_make_room(s, r);
        if (k >= 0)
                k = attach(s, r, a, n);
        attachees_done(a, n);
        return k;
}
