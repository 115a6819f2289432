/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that may run for some time only: asked to end when that is over, and killed when they do not. */

#include "supervisor.h"

#include "basic/cgroup-file.h"

#include <signal.h>

void task_set_due(Supervisor *s, Task *t, uint64_t due)
{
        t->due = due;
        if (due < s->deadlines[DEADLINE_TASKS])
                s->deadlines[DEADLINE_TASKS] = due;
}

static uint64_t next_step(const Task *t)
{
        return t->timed_out ? usec_add(t->due, TASK_GRACE_USEC) : t->due;
}

/* A shell that waits for its program would not hand the signal on: all of the task gets it. One that is frozen has
 * it pending, and is ended by the other. */
static void step(Supervisor *s, Task *t, uint64_t now)
{
        _cleanup_(closep) int leaf = cgroup_open(s->payload_fd, t->name);

        if (t->timed_out) {
                t->due = USEC_NEVER;
                if (leaf >= 0)
                        (void) cgroup_kill(leaf);
        } else if (t->state != TASK_RUNNING) {
                t->due = USEC_NEVER; /* it has ended in time */
        } else {
                t->timed_out = true;
                t->due = now; /* it may be late, and has the same grace */
                if (leaf >= 0)
                        (void) cgroup_signal(leaf, SIGTERM);
        }
}

/* Seldom done, and by going through all of them: so there is nothing to keep in order when one starts or ends. */
void tasks_time_out(Supervisor *s)
{
        uint64_t now = now_usec(), next = USEC_NEVER;
        Task *t, *following;

        HASH_ITER (by_name, s->tasks, t, following) {
                if (next_step(t) <= now)
                        step(s, t, now);
                if (next_step(t) < next)
                        next = next_step(t);
        }
        s->deadlines[DEADLINE_TASKS] = next;
}
