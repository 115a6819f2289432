/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cgroup that all tasks are in: whether anything is left in it, and its end as a whole. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>

/* Between a process leaving its cgroup and its end being told to us lie microseconds. Somebody may
 * also have moved a task out of payload: then its end is not waited for. */
#define EMPTY_PATIENCE_USEC (50 * USEC_PER_MSEC)

/* Reads cgroup.events through the descriptor that is polled, which rearms it; inotify would need
 * one instance a supervisor, and a user (root included) has 128. */
int events_populated(int fd)
{
        char text[256];
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        if (n < 0)
                return errno == ENODEV ? 0 : -errno;
        text[n] = '\0';
        return strstr(text, "populated 1") != NULL;
}

/* Says `empty` once for each time that payload was populated, after the last task's end was said. */
void payload_check_empty(Supervisor *s, bool patient)
{
        if (!s->populated || s->events.fd < 0)
                return;
        if (!TAILQ_EMPTY(&s->starting) || events_populated(s->events.fd) != 0) {
                s->deadlines[DEADLINE_EMPTY] = USEC_NEVER;
                return;
        }
        if (s->n_alive > 0 && patient) {
                if (s->deadlines[DEADLINE_EMPTY] == USEC_NEVER)
                        s->deadlines[DEADLINE_EMPTY] = usec_add(now_usec(), EMPTY_PATIENCE_USEC);
                return;
        }
        s->deadlines[DEADLINE_EMPTY] = USEC_NEVER;
        s->populated = false;
        link_say(s, SAY_EMPTY);
        stop_payload_empty(s);
}

static void handle_events(Supervisor *s, Source *source, uint32_t events)
{
        if (events_populated(source->fd) > 0) {
                s->populated = true;
                return;
        }
        tasks_reap(s); /* and see whether that was the last */
}

int payload_watch(Supervisor *s)
{
        int fd = openat(s->payload_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        s->events.handle = handle_events;
        return source_add(s, &s->events, fd, EPOLLPRI);
}

bool payload_populated(Supervisor *s)
{
        return s->populated || (s->events.fd >= 0 && events_populated(s->events.fd) > 0);
}

/* Children that are on their way into payload are ended one by one: cgroup.kill may miss them. */
int payload_kill(Supervisor *s)
{
        int r = cgroup_kill(s->payload_fd);
        Task *t;

        TAILQ_FOREACH (t, &s->starting, starting)
                if (t->alive)
                        (void) kill(t->pid, SIGKILL);
        return r;
}

/* What the task has left behind is its own, too. */
static int leaf_signal(Supervisor *s, Task *t, int sig)
{
        _cleanup_(closep) int leaf = cgroup_open(s->payload_fd, t->name);

        if (leaf == -ENOENT || (leaf >= 0 && cgroup_populated(leaf) == 0))
                return -ESRCH;
        return leaf < 0 ? leaf : cgroup_signal(leaf, sig);
}

int request_signal(Supervisor *s, Request *r)
{
        Task *t;

        if (r->signal < 1 || r->signal >= _NSIG) {
                r->reason = "no such signal";
                return -EINVAL;
        }
        if (s->payload_fd < 0)
                return -ESRCH;
        if (!r->task) {
                if (r->signal == SIGKILL)
                        return payload_kill(s);
                return cgroup_signal(s->payload_fd, (int) r->signal);
        }
        t = task_find(s, r->task);
        if (!t || t->state == TASK_FAILED)
                return -ESRCH;
        if (r->whole == 1 && t->state >= TASK_RUNNING)
                return leaf_signal(s, t, (int) r->signal);
        if (!t->alive) /* if it lives nevertheless, it is not known which process of it was the first */
                return t->adopted && t->state == TASK_RUNNING ? leaf_signal(s, t, (int) r->signal)
                                                              : -ESRCH;
        if (t->adopted)
                return pidfd_signal(t->status.fd, (int) r->signal);
        return kill(t->pid, (int) r->signal) < 0 ? -errno : 0;
}

/* systemd removes what it stops, and must not find it gone in the middle of that. */
static int payload_remove(Supervisor *s)
{
        if (s->state == SUPERVISOR_STOPPING)
                return payload_populated(s) ? -EBUSY : 0;
        return cgroup_remove(s->scope_fd, "payload");
}

int request_release(Supervisor *s, Request *r)
{
        int k;

        if (s->payload_fd >= 0) {
                if (!TAILQ_EMPTY(&s->starting))
                        return -EBUSY;
                k = payload_remove(s);
                if (k < 0)
                        return k;
        }
        s->quit = true;
        fault_point(FAULT_SUPERVISOR_RELEASED);
        return 1;
}
