/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that an earlier supervisor of this scope started: not our children, so their end is seen by
 * pidfd, or by their leaf becoming empty. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "basic/process.h"

#include <dirent.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static void adopted_ended(Supervisor *s, Task *t, int code, int status)
{
        siginfo_t si = { .si_code = code };

        si.si_status = status;
        /* The descriptor came from the daemon, which may still have it: closing ours is not enough. */
        if (t->status.fd >= 0)
                (void) epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, t->status.fd, NULL);
        source_close(&t->status);
        task_ended(s, t, &si);
        payload_check_empty(s, true);
}

void adopted_leaf_empty(Supervisor *s, Task *t)
{
        adopted_ended(s, t, 0, 0);
}

/* The status is there when the parent has reaped it, which is PID 1, so at once. Where the kernel does
 * not keep it, it is not known, and nothing is made up. */
static void handle_pidfd(Supervisor *s, Source *source, uint32_t events)
{
        Task *t = source_owner(source, Task, status);
        int code = 0, status = 0, r;

        r = pidfd_exit_info(source->fd, &code, &status);
        if (r == 0 && !(events & EPOLLHUP)) {
                struct epoll_event e = { .events = 0, .data.ptr = source };

                if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, source->fd, &e) >= 0)
                        return; /* EPOLLHUP comes unasked */
        }
        adopted_ended(s, t, code, status);
}

/* How many there are nobody can say, and each has a pidfd here. */
static void raise_nofile(void)
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

static int adopt_running(Supervisor *s, Task *t, Request *r)
{
        t->state = TASK_RUNNING;
        if (r->n_fds < 1) {
                int k = task_watch_leaf(s, t);

                if (k >= 0 && events_populated(t->events.fd) <= 0)
                        adopted_leaf_empty(s, t);
                return k;
        }
        t->status.handle = handle_pidfd;
        if (source_add(s, &t->status, TAKE_FD(r->fds[0]), EPOLLIN) < 0)
                return -ENOMEM;
        task_set_pid(s, t, t->pid);
        return 0;
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
        t->pid = (pid_t) r->pid;
        t->start_usec = r->start_usec;
        if (r->exit_usec != UINT64_MAX) {
                adopt_ended(s, t, r);
                return 0;
        }
        link_say_task(s, t, SAY_TASK);
        k = adopt_running(s, t, r);
        if (k < 0)
                adopted_ended(s, t, 0, 0);
        return 0;
}
