/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A supervisor that says nothing though all processes have ended: starved by a limit that an operator has set,
 * stopped by a signal, stuck. It has not waited for its tasks then, and how they ended can be read. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "basic/process.h"
#include "daemon/log.h"

#include <signal.h>
#include <sys/wait.h>

/* From the end of the last process. A supervisor says within milliseconds what it has seen, on a node that
 * is out of breath within a second or two. */
#define SILENCE_USEC (5 * USEC_PER_SEC)

static bool was_killed_for_memory(const Scope *s, const char *task)
{
        _cleanup_(closep) int leaf = cgroup_open(s->payload_fd, task);
        uint64_t kills;

        return leaf >= 0 && cgroup_read_key(leaf, "memory.events", "oom_kill", &kills) >= 0 &&
               kills > 0;
}

static void take_status(Scope *s, const char *task, pid_t pid, uint64_t start_usec)
{
        TaskReport report = {
                .task = task,
                .pid = pid,
                .start_usec = start_usec,
                .exit_usec = now_realtime_usec(),
                .exit = -1,
                .ended = true,
        };
        int code, status;

        if (task_owns_pid(s, task, pid) && process_exit_info(pid, &code, &status) > 0) {
                if (code == CLD_EXITED)
                        report.exit = status;
                else
                        report.signal = status;
                report.oom =
                        status == SIGKILL && code != CLD_EXITED && was_killed_for_memory(s, task);
        }
        scope_on_task(s, &report);
}

/* One whose end is still to be told, and that has begun. */
static Task *pending_task(const Scope *s)
{
        for (Task *t = s->tasks; t; t = t->hh.next)
                if (!t->ended && !t->starting && !t->open)
                        return t;
        return NULL;
}

void scope_end_silence(Scope *s)
{
        Task *t;

        log_warning("%s: its supervisor does not say how its tasks ended", s->unit);
        while ((t = pending_task(s))) {
                _cleanup_(freep) char *name = strdup(t->name);

                if (name)
                        take_status(s, name, t->pid, t->start_usec);
                else
                        task_set_lost(t);
        }
        if (s->is_job && !s->main_ended && !task_find(s, TASK_MAIN))
                take_status(s, TASK_MAIN, s->main_pid, s->start_usec);
}

static bool is_silent(const Scope *s)
{
        /* Of a start that deadline is the one that counts, or whoever is to start it. */
        return s->link && scope_is_live(s) && !s->create && !s->recovering && !s->release &&
               !s->frozen_by_systemd && (s->armed || s->is_job) && scope_populated(s) == 0 &&
               scope_tasks_pending(s) && !scope_is_starting_task(s);
}

static int on_silence(sd_event_source *source, uint64_t usec, void *userdata)
{
        Scope *s = userdata;

        s->silence = sd_event_source_disable_unref(s->silence);
        /* It may have been us who stood still. */
        if (supervisor_drain(s) && is_silent(s))
                scope_end_silence(s);
        return 0;
}

void scope_check_silence(Scope *s)
{
        if (!is_silent(s)) {
                s->silence = sd_event_source_disable_unref(s->silence);
                return;
        }
        if (!s->silence &&
            sd_event_add_time_relative(s->manager->event, &s->silence, CLOCK_MONOTONIC,
                                       SILENCE_USEC, 0, on_silence, s) < 0)
                log_error("%s: cannot arm a timer: its supervisor may be silent for ever", s->unit);
}
