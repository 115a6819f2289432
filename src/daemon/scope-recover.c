/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scope whose supervisor has died while tasks run in it: they go on, and get a new one. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/process.h"
#include "daemon/log.h"

#include <dirent.h>

static bool too_often(Scope *s)
{
        uint64_t now = now_monotonic_usec(), *oldest = &s->recoveries[0];

        for (size_t i = 1; i < RECOVERIES_MAX; i++)
                if (s->recoveries[i] < *oldest)
                        oldest = &s->recoveries[i];
        if (*oldest > 0 && now - *oldest < RECOVERIES_USEC)
                return true;
        *oldest = now;
        return false;
}

/* The process that was the task's, if it still is. */
static int open_task_process(const Scope *s, const Task *t)
{
        _cleanup_(closep) int pidfd = -EBADF;

        if (t->pid <= 0)
                return -ESRCH;
        pidfd = pidfd_open_process(t->pid);
        if (pidfd < 0)
                return pidfd;
        return task_owns_pid(s, t->name, t->pid) ? TAKE_FD(pidfd) : -ESRCH;
}

/* Main has ended, and nobody was there to kill the others. */
static void kill_rest_of(Scope *s, const Task *t)
{
        if (streq(t->name, TASK_MAIN) && s->payload_fd >= 0)
                (void) cgroup_kill(s->payload_fd);
}

static int adopt_task(Scope *s, const Task *t)
{
        _cleanup_(closep) int pidfd = -EBADF;
        _cleanup_(freep) char *client = NULL;
        TaskReport report = {
                .task = t->name,
                .log = t->log,
                .open = t->open,
                .pid = t->pid,
                .start_usec = t->start_usec,
                .exit_usec = t->exit_usec,
                .ended = t->ended,
                .exit = t->exit_status,
                .signal = t->exit_signal,
                .oom = t->oom,
                .timed_out = t->timed_out,
                .due_usec = t->due_usec,
        };

        if (t->open && task_client(t, &client) >= 0)
                report.client = client;
        if (!t->ended) {
                pidfd = open_task_process(s, t);
                /* It ended when nobody looked. Without a pid only its leaf can tell. */
                if (pidfd < 0 && t->pid > 0) {
                        report.ended = true;
                        report.exit_usec = now_realtime_usec();
                        kill_rest_of(s, t);
                }
        }
        return supervisor_adopt(s->link, &report, pidfd, NULL, NULL);
}

/* A task of which its leaf is all that is known: a daemon before this one started it. If nothing is in the
 * leaf, or it has gone, the task ended when nobody looked. */
static int adopt_leaf(Scope *s, const char *name)
{
        _cleanup_(closep) int leaf = -EBADF;
        Task t = { .name = (char *) name, .exit_status = -1 };

        if (streq(name, TASK_MAIN)) {
                t.pid = s->main_pid;
                t.start_usec = s->start_usec;
                t.due_usec = s->main_due_usec;
        }
        if (streq(name, TASK_MAIN) && s->main_ended) { /* something else is left in its leaf */
                t.ended = true;
                t.exit_usec = s->exit_usec;
                t.exit_status = s->exit_status;
                t.exit_signal = s->exit_signal;
                t.oom = s->main_oom;
                t.timed_out = s->main_timed_out;
                return adopt_task(s, &t);
        }
        leaf = cgroup_open(s->payload_fd, name);
        if (leaf < 0 || cgroup_populated(leaf) <= 0) {
                t.ended = true;
                t.exit_usec = now_realtime_usec();
                /* A supervisor that lives may be about to start it. */
                if (s->recovering && t.pid > 0)
                        kill_rest_of(s, &t);
        }
        return adopt_task(s, &t);
}

int scope_adopt_leaves(Scope *s)
{
        _cleanup_(closedirp) DIR *d = NULL;
        bool main_missing = s->is_job && !s->main_ended && !task_find(s, TASK_MAIN);
        struct dirent *entry;
        int r;

        r = cgroup_open_children(s->payload_fd, ".", &d);
        if (r < 0 || !d)
                return r < 0 ? r : -ENOENT;
        while ((entry = readdir(d))) {
                if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
                    task_find(s, entry->d_name))
                        continue;
                r = adopt_leaf(s, entry->d_name);
                if (r < 0)
                        return r;
                if (streq(entry->d_name, TASK_MAIN))
                        main_missing = false;
        }
        return main_missing ? adopt_leaf(s, TASK_MAIN) : 0;
}

void scope_resume_held(Scope *s)
{
        tasks_spawn_held(s);
        calls_resume(&s->held);
        calls_resume(&s->unheard);
}

void scope_fail_held(Scope *s)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        tasks_fail_held(s);
        if (scope_refuse_frozen(s, &error) >= 0)
                error_set(&error, ERROR_IO,
                          "%s: its new supervisor does not answer; is the node out of memory?",
                          s->name);
        calls_fail(&s->held, 0, &error);
}

/* With a new supervisor, or without. */
static void end_recovery(Scope *s)
{
        s->recovering = s->recovery_slow = false;
        s->armed = s->armed || s->tasks || !s->link;
        scope_end_adoption(s);
        scope_restore_freeze(s);
        scope_resume_held(s);
        scope_on_cgroup_event(s);
}

/* The tasks go on; PID 1 drops the unit when the last one has ended. */
static void give_up(Scope *s, const char *reason)
{
        log_error("%s: no new supervisor: %s; its tasks go on, their exit statuses cannot be known",
                  s->unit, reason);
        supervisor_link_free(TAKE_PTR(s->link));
        end_recovery(s);
}

static void on_setup(const SupervisorAnswer *answer, void *userdata);

/* It is frozen, or the node is out of breath. What waits for it is told so, and it is asked again: with the
 * tasks under its eyes it will know their end. */
static void ask_again(Scope *s)
{
        int r;

        if (!s->recovery_slow)
                log_warning("%s: its new supervisor does not answer yet", s->unit);
        s->recovery_slow = true;
        scope_end_adoption(s);
        scope_fail_held(s);
        supervisor_link_free(TAKE_PTR(s->link));
        r = supervisor_connect(s, &s->link);
        if (r >= 0)
                r = supervisor_setup(s->link, on_setup, s);
        if (r < 0)
                give_up(s, strerror(-r));
}

static void on_adopted(const SupervisorAnswer *answer, void *userdata)
{
        Scope *s = userdata;

        if (answer->r == -ECONNRESET)
                return;
        fault_point(FAULT_RECOVER_ADOPTED);
        s->tasks_heard = true;
        log_info("%s has a new supervisor", s->unit);
        end_recovery(s);
}

static void on_setup(const SupervisorAnswer *answer, void *userdata)
{
        Scope *s = userdata;
        int r = 0;

        if (answer->r == -ECONNRESET)
                return; /* scope_on_supervisor_gone() says so */
        if (answer->r == -ETIMEDOUT) {
                ask_again(s);
                return;
        }
        if (answer->r < 0) {
                give_up(s, answer->reason ?: strerror(answer->error));
                return;
        }
        fault_point(FAULT_RECOVER_SET_UP);
        for (Task *t = s->tasks; t && r >= 0; t = t->hh.next)
                if (!t->starting)
                        r = adopt_task(s, t);
        if (r >= 0)
                r = s->tasks_heard ? 0 : scope_adopt_leaves(s);
        if (r >= 0)
                r = supervisor_adopt(s->link, NULL, -EBADF, on_adopted, s);
        if (r < 0)
                give_up(s, strerror(-r));
}

/* The new supervisor of a daemon that died before it had it set up. */
void scope_on_supervisor_waiting(Scope *s)
{
        int r;

        if (s->create || s->recovering || s->release || scope_has_ended(s))
                return;
        s->recovering = true;
        r = supervisor_setup(s->link, on_setup, s);
        if (r < 0)
                give_up(s, strerror(-r));
}

static int start_recovery(Scope *s)
{
        int r;

        if (too_often(s)) {
                log_error(
                        "%s: its supervisor has died %d times in %d s and is not replaced any more",
                        s->unit, RECOVERIES_MAX + 1, (int) (RECOVERIES_USEC / USEC_PER_SEC));
                return -EBUSY;
        }
        scope_forget_socket(s);
        r = supervisor_start(s, &s->link);
        fault_point(FAULT_RECOVER_BEGUN);
        if (r >= 0)
                r = supervisor_setup(s->link, on_setup, s);
        if (r < 0) {
                log_error("%s: cannot start a new supervisor: %s", s->unit, strerror(-r));
                supervisor_link_free(TAKE_PTR(s->link));
        }
        return r;
}

int scope_recover(Scope *s)
{
        int r = start_recovery(s);

        if (r < 0)
                end_recovery(s);
        else
                s->recovering = true;
        return r;
}
