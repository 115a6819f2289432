/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leaves for processes that somebody else starts: each waits for its first one, which then is the task's own and
 * no child of ours, like one that was attached. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/process-status.h"
#include "basic/process.h"

#include <fcntl.h>
#include <sys/epoll.h>

/* Its pid may have become another's before there was a pidfd: that other one is elsewhere. */
static pid_t open_first_process(int leaf, int *ret_pidfd)
{
        _cleanup_(freep) pid_t *pids = NULL;
        size_t n = 0;

        if (cgroup_pids(leaf, true, &pids, &n) < 0)
                return 0;
        for (size_t i = 0; i < n; i++) {
                _cleanup_(closep) int pidfd = pidfd_open_process(pids[i]);

                if (pidfd < 0 || process_is_in_cgroup(pids[i], leaf) <= 0)
                        continue;
                *ret_pidfd = TAKE_FD(pidfd);
                return pids[i];
        }
        return 0;
}

/* Without a process that can be told from others it ends with its leaf. */
static void open_begun(Supervisor *s, Task *t, int leaf)
{
        _cleanup_(closep) int pidfd = -EBADF;
        pid_t pid;

        t->state = TASK_RUNNING;
        t->start_usec = now_realtime_usec();
        s->populated = true;
        pid = open_first_process(leaf, &pidfd);
        if (pid > 0 && adopted_watch(s, t, pid, TAKE_FD(pidfd)) >= 0)
                source_close(s, &t->events);
        fault_point(FAULT_SUPERVISOR_BEGUN);
        link_say_task(s, t, SAY_TASK);
}

void open_leaf_event(Supervisor *s, Task *t)
{
        _cleanup_(closep) int leaf = cgroup_open(s->payload_fd, t->name);
        bool populated = events_populated(t->events.fd) > 0; /* which rearms it */

        /* Not by leaf, for which there may be no descriptor left. */
        if (faccessat(s->payload_fd, t->name, F_OK, 0) < 0) {
                source_close(s, &t->events); /* taken away: that is said by `forget` */
                return;
        }
        if (!populated && cgroup_used(leaf) <= 0)
                return; /* frozen, or thawed */
        open_begun(s, t, leaf);
        /* It may have come only after the first look. */
        if (t->alive || events_populated(t->events.fd) > 0)
                return;
        source_close(s, &t->events);
        adopted_leaf_empty(s, t);
}

/* 1 when somebody is or was in it, which its event tells. */
int open_forget(Supervisor *s, Task *t)
{
        if (cgroup_remove_unused(s->payload_fd, t->name, s->state != SUPERVISOR_STOPPING) < 0)
                return 1;
        task_free(s, t);
        return 1;
}

static int open_leaf(Supervisor *s, Request *r, Task **ret)
{
        _cleanup_(closep) int leaf = -EBADF;
        Task *t;
        int k;

        /* What has used one that was left there would be taken for the new task's. */
        (void) cgroup_remove(s->payload_fd, r->task);
        leaf = leaf_open(s, r->task);
        if (leaf < 0) {
                r->reason = leaf == -EEXIST ? "processes are left in the leaf" : NULL;
                return leaf;
        }
        t = task_new(s, r->task);
        if (t)
                t->state = TASK_OPEN;
        k = t ? task_watch_leaf(s, t) : -ENOMEM;
        if (k < 0) {
                if (t)
                        task_free(s, t);
                (void) cgroup_remove(s->payload_fd, r->task);
                return k;
        }
        *ret = t;
        return 0;
}

int request_open(Supervisor *s, Request *r)
{
        Task *t;
        int k;

        k = request_check_task(s, r);
        if (k >= 0)
                k = request_make_room(s, r);
        if (k < 0)
                return k;
        raise_nofile();
        k = open_leaf(s, r, &t);
        if (k < 0)
                return k;
        fault_point(FAULT_SUPERVISOR_OPENED);
        t->adopted = t->attached = t->has_leaf = true;
        t->serial = r->serial;
        t->reply_due = true;
        link_say_task(s, t, SAY_TASK | SAY_REPLY);
        return 1;
}

int request_opened(Supervisor *s, Request *r)
{
        Task *t = r->task ? task_find(s, r->task) : NULL;
        char *client;

        if (!t || t->state != TASK_OPEN || !r->client)
                return 1;
        client = strdup(r->client);
        if (!client)
                return 1; /* for the next daemon it is nobody's */
        free(t->client);
        t->client = client;
        return 1;
}
