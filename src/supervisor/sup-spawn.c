/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The start of a task as its parent sees it: leaf, child, and the answer by pipe or by deadline. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/clone.h"
#include "basic/fault.h"
#include "basic/name.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>

static int fail(Request *r, SpawnStep step, int error, const char *reason)
{
        r->step = step;
        r->reason = reason;
        return error;
}

/* --- what comes through the pipe --- */

static void spawn_ended(Supervisor *s, Task *t, TaskState state)
{
        TAILQ_REMOVE(&s->starting, t, starting);
        t->state = state;
        t->deadline = USEC_NEVER;
        source_close(s, &t->status);
}

static void spawn_executed(Supervisor *s, Task *t)
{
        spawn_ended(s, t, TASK_RUNNING);
        task_set_due(s, t, usec_add(now_usec(), t->runtime_max_usec));
        fault_point(FAULT_SUPERVISOR_EXECUTED);
        link_say_task(s, t, SAY_TASK | SAY_REPLY);
}

/* The answer comes when nothing of it is left: see leaf_gone(). Until then the deadline stays. */
static void spawn_failed(Supervisor *s, Task *t, SpawnStep step, int error)
{
        t->step = step;
        t->error = error;
        source_close(s, &t->status);
}

/* Reads what there is. At the end of the pipe it is known how the start went. */
static void spawn_read(Supervisor *s, Task *t)
{
        ChildStatus status;
        ssize_t n;

        while ((n = read(t->status.fd, &status, sizeof(status))) == (ssize_t) sizeof(status)) {
                t->step = (SpawnStep) status.step;
                t->error = status.error;
                free(t->reason);
                t->reason = *status.reason ? strndup(status.reason, sizeof(status.reason)) : NULL;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (t->error == 0 && t->step == SPAWN_STEP_EXEC)
                spawn_executed(s, t);
        else if (t->error == 0)
                spawn_failed(s, t, SPAWN_STEP_DIED, ECANCELED);
        else
                spawn_failed(s, t, t->step, t->error);
}

static void handle_status(Supervisor *s, Source *source, uint32_t events)
{
        spawn_read(s, source_owner(source, Task, status));
}

void spawn_finish(Supervisor *s, Task *t)
{
        if (t->status.fd >= 0)
                spawn_read(s, t);
        if (t->state != TASK_STARTING)
                return;
        if (t->error == 0)
                spawn_failed(s, t, SPAWN_STEP_DIED, ECANCELED);
        spawn_ended(s, t, TASK_FAILED);
}

static void spawn_timeout(Supervisor *s, Task *t)
{
        if (t->status.fd >= 0)
                spawn_read(s, t);
        if (t->state != TASK_STARTING)
                return;
        if (t->error == 0) {
                if (t->step < 0)
                        t->step = SPAWN_STEP_TIMEOUT;
                t->error = ETIMEDOUT;
        }
        (void) kill(t->pid, SIGKILL);
        t->overdue = true;
        spawn_ended(s, t, TASK_FAILED);
        link_say_task(s, t, SAY_REPLY);
}

/* What hangs is answered now; its name stays taken until it has gone. */
void spawn_timeouts(Supervisor *s, uint64_t now)
{
        Task *t = TAILQ_FIRST(&s->starting), *next;

        for (; t && t->deadline <= now; t = next) {
                next = TAILQ_NEXT(t, starting);
                spawn_timeout(s, t);
        }
}

/* --- the child --- */

static int child_fds(Child *c, Request *r)
{
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        const char *p = r->fds_names ? r->fds_names : "";
        size_t n = 1;

        if (r->n_fds < 1)
                return fail(r, SPAWN_STEP_SPEC, -EINVAL, "spawn needs the specification");
        c->spec_fd = r->fds[0];
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *rest = startswith(p, names[i]);

                c->stdio[i] = -EBADF;
                if (!rest || (*rest && *rest != ' '))
                        continue;
                if (n == r->n_fds)
                        return fail(r, SPAWN_STEP_STDIO, -EINVAL,
                                    "fewer descriptors than fds says");
                c->stdio[i] = r->fds[n++];
                p = rest + strspn(rest, " ");
        }
        if (*p)
                return fail(r, SPAWN_STEP_STDIO, -EINVAL, "fds wants of: stdin stdout stderr");
        return 0;
}

/* Whether the task logs to the journal stands in the specification, which only the child reads. The
 * daemon may say so; else the stream is opened when stdout or stderr was not passed. */
static int journal_for(Supervisor *s, const Child *c, const Request *r)
{
        bool wanted = c->stdio[1] < 0 || c->stdio[2] < 0;

        if (r->journal != UINT64_MAX)
                wanted = r->journal > 0;
        return wanted ? journal_open(&s->journal) : -ENOTCONN;
}

/* --- the request --- */

/* The leaf may be there already, prepared with limits by the daemon, but nothing may live in it. */
int leaf_open(Supervisor *s, const char *name)
{
        _cleanup_(closep) int leaf = -EBADF;
        bool made = mkdirat(s->payload_fd, name, 0755) >= 0;

        if (!made && errno != EEXIST)
                return -errno;
        leaf = cgroup_open(s->payload_fd, name);
        if (leaf < 0) {
                if (made)
                        (void) cgroup_remove(s->payload_fd, name);
                return leaf;
        }
        if (!made && cgroup_populated(leaf) != 0)
                return -EEXIST;
        return TAKE_FD(leaf);
}

static int spawn_start(Supervisor *s, Request *r, Task *t, Child *c)
{
        _cleanup_(closep) int leaf = -EBADF, status = -EBADF, status_child = -EBADF;
        int fds[2];
        pid_t pid;

        leaf = leaf_open(s, t->name);
        if (leaf < 0)
                return fail(r, SPAWN_STEP_LEAF, leaf,
                            leaf == -EEXIST ? "processes are left in the leaf" : NULL);
        t->has_leaf = true;
        fault_point(FAULT_SUPERVISOR_LEAF);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return fail(r, SPAWN_STEP_PLACE, -errno, NULL);
        status = fds[0];
        status_child = fds[1];
        if (fcntl(status, F_SETFL, O_NONBLOCK) < 0)
                return fail(r, SPAWN_STEP_PLACE, -errno, NULL);
        t->status.handle = handle_status;
        if (source_add(s, &t->status, TAKE_FD(status), EPOLLIN) < 0)
                return fail(r, SPAWN_STEP_PLACE, -ENOMEM, NULL);
        t->start_usec = now_realtime_usec();
        c->status_fd = status_child;
        c->leaf_fd = leaf;
        pid = clone_into_cgroup(leaf, NULL);
        if (pid == 0)
                child_run(c);
        if (pid < 0)
                return fail(r, SPAWN_STEP_PLACE, (int) pid, NULL);
        s->populated = true;
        task_set_pid(s, t, pid);
        fault_point(FAULT_SUPERVISOR_CHILD);
        return 0;
}

/* An ended task of the same name makes room: its status was said, on this connection too. */
int request_make_room(Supervisor *s, Request *r)
{
        Task *t = task_find(s, r->task);

        if (!t)
                return 0;
        if (t->state != TASK_EXITED || t->say)
                return fail(r, SPAWN_STEP_LEAF, -EEXIST, "a task of this name is there");
        t->forgotten = true;
        if (t->has_leaf)
                task_remove_leaf(s, t);
        else
                task_collect(s, t);
        if (task_find(s, r->task))
                return fail(r, SPAWN_STEP_LEAF, -EEXIST, "processes are left in the leaf");
        return 0;
}

int request_check_task(Supervisor *s, Request *r)
{
        _cleanup_(freep) char *name = NULL;

        if (s->state != SUPERVISOR_READY)
                return fail(r, SPAWN_STEP_LEAF, -ESHUTDOWN,
                            s->state == SUPERVISOR_WAITING ? "the supervisor is not set up"
                                                           : "the scope is being stopped");
        if (!r->task || task_name_parse(r->task, &name, NULL) < 0)
                return fail(r, SPAWN_STEP_LEAF, -EINVAL, "not a valid name of a task");
        return 0;
}

static int check_spawn(Supervisor *s, Request *r, Child *c)
{
        int k = request_check_task(s, r);

        if (k < 0)
                return k;
        if (r->timeout_usec == UINT64_MAX || r->timeout_usec == 0)
                return fail(r, SPAWN_STEP_LEAF, -EINVAL, "spawn needs timeout_usec");
        return child_fds(c, r);
}

/* Mostly all have the same time, and the last is due last. */
static void insert_starting(Supervisor *s, Task *t, uint64_t deadline)
{
        Task *before = TAILQ_LAST(&s->starting, TaskList);

        t->deadline = deadline;
        while (before && before->deadline > deadline)
                before = TAILQ_PREV(before, TaskList, starting);
        if (before)
                TAILQ_INSERT_AFTER(&s->starting, before, t, starting);
        else
                TAILQ_INSERT_HEAD(&s->starting, t, starting);
}

int request_spawn(Supervisor *s, Request *r)
{
        Child c;
        Task *t;
        int k;

        k = check_spawn(s, r, &c);
        if (k < 0)
                return k;
        k = request_make_room(s, r);
        if (k < 0)
                return k;
        t = task_new(s, r->task);
        if (!t)
                return fail(r, SPAWN_STEP_LEAF, -ENOMEM, NULL);
        t->log = r->log ? strdup(r->log) : NULL;
        t->serial = r->serial;
        t->reply_due = true;
        t->step = _SPAWN_STEP_INVALID;
        insert_starting(s, t, usec_add(now_usec(), r->timeout_usec));
        t->runtime_max_usec = r->runtime_max_usec;
        c.journal = journal_for(s, &c, r);
        k = spawn_start(s, r, t, &c);
        if (k < 0) {
                if (t->has_leaf)
                        (void) cgroup_remove(s->payload_fd, t->name);
                task_free(s, t);
                return k;
        }
        return 1;
}
