/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks from their start until nobody asks for them any more: table, reaping, removal of leaves. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

/* While PID 1 goes through the scope's processes for a stop, no leaf may vanish under it: systemd 252
 * fails to read a removed cgroup.procs, takes the stop for done and goes on to SIGKILL. It comes to
 * that when the very process that it has just signalled ends, so some time is left in between. */
#define LEAF_DELAY_USEC (200 * USEC_PER_MSEC)

/* At one go. A task that forks orphans as fast as it can must not keep the loop from everything
 * else. */
#define REAP_MAX 256

Task *task_find(Supervisor *s, const char *name)
{
        Task *t;

        HASH_FIND(by_name, s->tasks, name, strlen(name), t);
        return t;
}

Task *task_new(Supervisor *s, const char *name)
{
        size_t length = strlen(name);
        Task *t = calloc(1, sizeof(Task) + length + 1);

        if (!t)
                return NULL;
        memcpy(t->name, name, length + 1);
        t->status.fd = t->events.fd = -EBADF;
        t->deadline = t->leaf_due = t->runtime_max_usec = t->due = USEC_NEVER;
        HASH_ADD(by_name, s->tasks, name, length, t);
        if (!t->by_name.tbl) {
                free(t);
                return NULL;
        }
        return t;
}

void task_set_pid(Supervisor *s, Task *t, pid_t pid)
{
        t->pid = pid;
        t->alive = true;
        s->n_alive++;
        HASH_ADD(by_pid, s->pids, pid, sizeof(t->pid), t);
}

static void task_clear_pid(Supervisor *s, Task *t)
{
        if (!t->alive)
                return;
        t->alive = false;
        s->n_alive--;
        if (t->by_pid.tbl)
                HASH_DELETE(by_pid, s->pids, t);
}

static Task *task_find_pid(Supervisor *s, pid_t pid)
{
        Task *t, *next;

        HASH_FIND(by_pid, s->pids, &pid, sizeof(pid), t);
        if (t || HASH_CNT(by_pid, s->pids) == s->n_alive)
                return t;
        /* There was no memory to enter one of them. */
        HASH_ITER (by_name, s->tasks, t, next)
                if (t->alive && t->pid == pid)
                        return t;
        return NULL;
}

void task_free(Supervisor *s, Task *t)
{
        if (t->say)
                TAILQ_REMOVE(&s->unsaid, t, unsaid);
        if (t->state == TASK_STARTING)
                TAILQ_REMOVE(&s->starting, t, starting);
        if (t->leaf_due != USEC_NEVER)
                TAILQ_REMOVE(&s->leaving, t, leaving);
        task_clear_pid(s, t);
        source_close(s, &t->status);
        source_close(s, &t->events);
        HASH_DELETE(by_name, s->tasks, t);
        free(t->client);
        free(t->reason);
        free(t->log);
        free(t);
}

/* Frees the task when nobody waits for anything of it. */
void task_collect(Supervisor *s, Task *t)
{
        if (t->alive || t->has_leaf || t->say)
                return;
        if ((t->state == TASK_FAILED && !t->reply_due) || (t->state == TASK_EXITED && t->forgotten))
                task_free(s, t);
}

/* What follows the removal of the leaf: only then a failed start is answered. */
static void leaf_gone(Supervisor *s, Task *t)
{
        source_close(s, &t->events);
        t->has_leaf = false;
        if (t->state == TASK_FAILED && !t->overdue)
                link_say_task(s, t, SAY_REPLY);
        task_collect(s, t);
}

void task_leave(Supervisor *s, Task *t)
{
        if (t->leaf_due != USEC_NEVER)
                return;
        t->leaf_due = usec_add(now_usec(), LEAF_DELAY_USEC);
        TAILQ_INSERT_TAIL(&s->leaving, t, leaving);
        if (s->deadlines[DEADLINE_LEAVES] == USEC_NEVER)
                s->deadlines[DEADLINE_LEAVES] = t->leaf_due;
}

static void handle_leaf_events(Supervisor *s, Source *source, uint32_t events)
{
        Task *t = source_owner(source, Task, events);

        if (t->state == TASK_OPEN) {
                open_leaf_event(s, t);
                return;
        }
        if (events_populated(source->fd) > 0)
                return;
        source_close(s, source);
        if (t->state == TASK_RUNNING)
                adopted_leaf_empty(s, t);
        else if (t->state == TASK_FAILED)
                task_remove_leaf(s, t);
        else
                task_leave(s, t);
}

int task_watch_leaf(Supervisor *s, Task *t)
{
        char path[NAME_MAX + sizeof("/cgroup.events")];
        int fd;

        if (t->events.fd >= 0)
                return 0;
        (void) stpcpy(stpcpy(path, t->name), "/cgroup.events");
        fd = openat(s->payload_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        t->events.handle = handle_leaf_events;
        return source_add(s, &t->events, fd, EPOLLPRI);
}

/* Removes the leaf now or, while orphans of the task are in it, when they have gone. In a scope that
 * is being stopped this is left to systemd. */
void task_remove_leaf(Supervisor *s, Task *t)
{
        if (t->leaf_due != USEC_NEVER) {
                TAILQ_REMOVE(&s->leaving, t, leaving);
                t->leaf_due = USEC_NEVER;
        }
        if (s->state != SUPERVISOR_STOPPING && cgroup_remove(s->payload_fd, t->name) == -EBUSY &&
            task_watch_leaf(s, t) >= 0)
                return;
        leaf_gone(s, t);
}

void tasks_remove_leaves(Supervisor *s)
{
        uint64_t now = now_usec();
        Task *t;

        while ((t = TAILQ_FIRST(&s->leaving)) && t->leaf_due <= now)
                task_remove_leaf(s, t);
        s->deadlines[DEADLINE_LEAVES] = t ? t->leaf_due : USEC_NEVER;
}

/* The kernel tells who was killed for memory only by cgroup. */
static bool killed_for_memory(Supervisor *s, Task *t)
{
        _cleanup_(closep) int leaf = -EBADF;
        uint64_t kills;
        bool more;
        int r = -ENOENT;

        leaf = cgroup_open(s->payload_fd, t->name);
        if (leaf >= 0)
                r = cgroup_read_key(leaf, "memory.events", "oom_kill", &kills);
        if (r >= 0)
                return kills > 0;
        if (cgroup_read_key(s->payload_fd, "memory.events", "oom_kill", &kills) < 0)
                return false;
        more = kills > s->payload_oom_kills;
        s->payload_oom_kills = kills;
        return more;
}

void task_ended(Supervisor *s, Task *t, const siginfo_t *si)
{
        task_clear_pid(s, t);
        if (t->state == TASK_STARTING)
                spawn_finish(s, t);
        if (t->state == TASK_RUNNING) {
                t->state = TASK_EXITED;
                t->exit_usec = now_realtime_usec();
                t->exit_code = si->si_code;
                t->exit_status = si->si_status;
                t->oom = si->si_code != CLD_EXITED && si->si_status == SIGKILL &&
                         killed_for_memory(s, t);
                fault_point(FAULT_SUPERVISOR_TASK_ENDED);
                link_say_task(s, t, SAY_EXITED);
                if (streq(t->name, TASK_MAIN))
                        (void) payload_kill(s);
        }
        /* What ended by itself before it was anything is no process that PID 1 stops. */
        if (t->state == TASK_FAILED && si->si_code == CLD_EXITED)
                task_remove_leaf(s, t);
        else
                task_leave(s, t);
}

/* Everything that has ended, our own children and the orphans of payload, which are ours as well. */
void tasks_reap(Supervisor *s)
{
        int n = 0;

        for (; n < REAP_MAX; n++) {
                siginfo_t si = {};
                Task *t;

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
                        break;
                t = task_find_pid(s, si.si_pid);
                if (t)
                        task_ended(s, t, &si);
        }
        s->more_to_reap = n == REAP_MAX;
        payload_check_empty(s, true);
}

/* The fields of `exited`, as they also stand in an outcome. */
void task_append_exit(const Task *t, Fields *f)
{
        fields_append(f, "task", t->name);
        fields_append(f, "log", t->log);
        fields_append_i64(f, "pid", t->pid);
        fields_append_u64(f, "start_usec", t->start_usec);
        fields_append_u64(f, "exit_usec", t->exit_usec);
        if (t->exit_code != 0)
                fields_append_i64(f, t->exit_code == CLD_EXITED ? "exit" : "signal",
                                  t->exit_status);
        if (t->oom)
                fields_append_u64(f, "oom", 1);
        if (t->timed_out)
                fields_append_u64(f, "timed_out", 1);
}

int request_forget(Supervisor *s, Request *r)
{
        Task *t = r->task ? task_find(s, r->task) : NULL;

        if (t && t->state == TASK_OPEN)
                return open_forget(s, t);
        if (!t || t->state != TASK_EXITED)
                return 1;
        t->forgotten = true;
        task_collect(s, t);
        return 1;
}
