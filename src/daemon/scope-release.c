/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a scope: its processes gone, its figures taken, its supervisor and unit released, its
 * record kept. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/process.h"
#include "daemon/log.h"
#include "daemon/record.h"

#include <signal.h>

/* The statuses of processes that have ended are in the supervisor's hands already. */
#define STATUSES_TIMEOUT_USEC (3 * USEC_PER_SEC)

/* PID 1 notices the end of the last process by an event. It is asked when it has not after that long. */
#define UNIT_TIMEOUT_USEC (5 * USEC_PER_SEC)

/* A PID 1 that is busy is waited for until then, from the beginning of the release: below the 24 s in which
 * every call is answered, and above the kill timeout of 10 s with both of the above. */
#define RELEASE_TIMEOUT_USEC (23 * USEC_PER_SEC)

/* Between two attempts to be rid of a unit that PID 1 does not drop. */
#define UNIT_AGAIN_USEC (60 * USEC_PER_SEC)

/* How many of the processes that could not be killed an error names. */
#define PIDS_NAMED_MAX 16

typedef enum ReleaseStep {
        RELEASE_STEP_EMPTY,    /* payload has no process any more */
        RELEASE_STEP_STATUSES, /* how its tasks ended has been told */
        RELEASE_STEP_UNIT,     /* PID 1 has dropped the unit */
} ReleaseStep;

struct ScopeRelease {
        Scope *scope;
        ReleaseReason reason;
        ReleaseStep step;
        bool forced;   /* PID 1 was asked to stop the unit */
        bool reported; /* that it does not drop it */
        CallList calls;
        uint64_t begun_usec; /* CLOCK_MONOTONIC */
        SystemdCall *systemd;
        sd_event_source *deadline;
};

ScopeRelease *scope_release_free(ScopeRelease *r)
{
        if (!r)
                return NULL;
        calls_drop(&r->calls);
        systemd_call_free(r->systemd);
        sd_event_source_disable_unref(r->deadline);
        r->scope->release = NULL;
        free(r);
        return NULL;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata);

static void set_deadline_at(ScopeRelease *r, uint64_t usec)
{
        r->deadline = sd_event_source_disable_unref(r->deadline);
        if (sd_event_add_time(r->scope->manager->event, &r->deadline, CLOCK_MONOTONIC, usec, 0,
                              on_deadline, r) < 0)
                log_error("%s: cannot arm a timer: its end has no deadline", r->scope->unit);
}

static void set_deadline(ScopeRelease *r, uint64_t usec)
{
        set_deadline_at(r, now_monotonic_usec() + usec);
}

/* --- the last step: from a scope to a record --- */

static ScopeState final_state(const Scope *s, ReleaseReason reason)
{
        if (s->main_ended)
                return outcome_state(s->exit_status, s->exit_signal);
        return s->main_pid > 0 || reason == RELEASE_LOST ? SCOPE_LOST : SCOPE_EXITED;
}

static void answer_waiters(Scope *s)
{
        Call *call;

        while ((call = TAILQ_FIRST(&s->waiters))) {
                TAILQ_REMOVE(&s->waiters, call, waiters);
                call_reply(call, "siib", scope_state_name(s), s->exit_status, s->exit_signal,
                           (int) (s->oom_kills > 0));
        }
}

/* The last ones of an allocation stay with its record: whoever has started the very last one may not have
 * asked yet how it ended. */
static void drop_tasks(Scope *s)
{
        unsigned n_kept = s->is_job ? 0 : ENDED_TASKS_MIN;
        Task *t, *next;

        HASH_ITER (hh, s->tasks, t, next) { /* in order of creation */
                if (t->starting || t->open)
                        task_start_failed(t); /* as whoever wanted it is told */
                else
                        task_set_lost(t);
        }
        HASH_ITER (hh, s->tasks, t, next) {
                if (HASH_COUNT(s->tasks) <= n_kept)
                        break;
                task_emit_removed(t);
                task_free(t);
        }
}

static void finish(ScopeRelease *r)
{
        Scope *s = r->scope;
        Manager *m = s->manager;
        _cleanup_(freep) char *path = NULL;
        CallList calls;

        fault_point(FAULT_RELEASE_UNIT_GONE);
        /* Its supervisor saw the end, so nothing is unknown. */
        if (!s->main_ended && scope_load_outcome(s) >= 0 && r->reason == RELEASE_LOST)
                r->reason = RELEASE_STOPPED;
        drop_tasks(s);
        supervisor_link_free(TAKE_PTR(s->link));
        scope_end_adoption(s);
        scope_close_cgroup(s);
        s->frozen_by = 0;
        s->frozen_by_systemd = false;
        pressure_forget(s);
        if (s->exit_usec == 0)
                s->exit_usec = now_realtime_usec();
        s->ended_boot_usec = now_boottime_usec();
        scope_set_state(s, final_state(s, r->reason));
        record_released(s, r->reason);
        s->stopping = false;
        if (scope_save(s) < 0)
                log_error("%s: its record cannot be saved and will be lost with the daemon",
                          s->unit);
        fault_point(FAULT_RELEASE_SAVED);
        (void) scope_forget_files(s, false);
        fault_point(FAULT_RELEASE_FORGOTTEN);

        TAILQ_INIT(&calls);
        TAILQ_CONCAT(&calls, &r->calls, waiters);
        scope_release_free(r);
        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_signal(m->bus, BUS_PATH, BUS_INTERFACE, "ScopeReleased",
                                          "ossiib", path, s->name, scope_state_name(s),
                                          s->exit_status, s->exit_signal, (int) (s->oom_kills > 0));
        manager_changed(m, "NScopes");
        answer_waiters(s);
        calls_reply_empty(&calls);
        fault_point(FAULT_RELEASE_ANSWERED);
        scope_resume_held(s);
        calls_fail(&s->freezers, 0,
                   &SD_BUS_ERROR_MAKE_CONST("org.hpcnode.Cgroup1.Error.NotFound",
                                            "the scope has ended meanwhile"));
        if (s->undone)
                scope_drop(s);
        manager_trim_records(m);
}

/* --- a scope whose processes cannot be killed --- */

/* "pid 12 (state D), pid 13 (state D)" of the processes that are left. */
static char *describe_pids(const pid_t *pids, size_t n)
{
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return NULL;
        for (size_t i = 0; i < n && i < PIDS_NAMED_MAX; i++)
                (void) fprintf(f, "%spid %d (state %c)", i > 0 ? ", " : "", (int) pids[i],
                               process_state(pids[i]));
        if (n > PIDS_NAMED_MAX)
                (void) fprintf(f, " and %zu more", n - PIDS_NAMED_MAX);
        (void) fclose(f);
        return text;
}

static void emit_zombie(Scope *s, const pid_t *pids, size_t n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        r = scope_object_path(s, &path);
        if (r >= 0)
                r = sd_bus_message_new_signal(s->manager->bus, &signal, BUS_PATH, BUS_INTERFACE,
                                              "ScopeZombie");
        if (r >= 0)
                r = sd_bus_message_append(signal, "os", path, s->name);
        if (r >= 0)
                r = sd_bus_message_append_array(signal, 'u', pids, n * sizeof *pids);
        if (r >= 0)
                (void) sd_bus_send(NULL, signal, NULL);
}

int scope_refuse_zombie(const Scope *s, sd_bus_error *error)
{
        return error_set(error, ERROR_SCOPE_ZOMBIE,
                         "%s is a zombie: its processes were killed and have not ended yet; the "
                         "name %s may be used anew",
                         s->unit, s->name);
}

/* What could not be killed is on its way out, so nobody is to freeze it any more. */
static void end_freezing(Scope *s)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        s->freeze_deadline = sd_event_source_disable_unref(s->freeze_deadline);
        (void) cgroup_write(s->payload_fd, "cgroup.freeze", "0");
        if (s->frozen_by != 0) {
                s->frozen_by = 0;
                scope_changed(s, "FrozenBy");
        }
        scope_refuse_zombie(s, &error);
        calls_fail(&s->freezers, 0, &error);
}

void scope_become_zombie(Scope *s, sd_bus_error *ret_error)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(freep) pid_t *pids = NULL;
        size_t n = 0;

        (void) cgroup_pids(s->payload_fd, true, &pids, &n);
        text = describe_pids(pids, n);
        error_set(ret_error, ERROR_KILL_FAILED,
                  "%s: killed, and still there after %u s: %s; %s is a zombie until they end",
                  s->path, (unsigned) (s->manager->config.kill_timeout_usec / USEC_PER_SEC),
                  text ?: "?", s->unit);
        if (s->state == SCOPE_ZOMBIE)
                return;

        log_error("%s is a zombie: its processes were killed and have not ended: %s", s->unit,
                  text ?: "?");
        s->armed = true; /* its emptying is waited for */
        end_freezing(s);
        pressure_forget(s);
        scope_set_state(s, SCOPE_ZOMBIE);
        record_kill_failed(s, pids, n, "its processes do not end");
        (void) scope_save(s);
        emit_zombie(s, pids, n);
        answer_waiters(s);
}

void scope_leave_zombie(Scope *s, const sd_bus_error *why, Call *call, CallList *destroyers)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error left = SD_BUS_ERROR_NULL;
        CallList waiters;

        (void) sd_bus_error_setf(&error, why->name,
                                 "%s; a process of it cannot be killed: %s is a zombie until it "
                                 "ends",
                                 why->message, s->unit);
        TAILQ_INIT(&waiters);
        TAILQ_CONCAT(&waiters, &s->waiters, waiters);
        s->undone = true;
        scope_emit_added(s);
        manager_changed(s->manager, "NScopes");
        scope_become_zombie(s, &left);
        call_fail(call, 0, &error);
        calls_fail(destroyers, 0, &left);
        calls_fail(&waiters, 0, &error);
}

static void become_zombie(ScopeRelease *r)
{
        Scope *s = r->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CallList calls;

        TAILQ_INIT(&calls);
        TAILQ_CONCAT(&calls, &r->calls, waiters);
        scope_release_free(r);
        scope_become_zombie(s, &error);
        calls_fail(&calls, 0, &error);
}

/* --- the steps, in their order --- */

static void kill_rest(Scope *s)
{
        int r;

        if (s->payload_fd < 0)
                return;
        s->newborn = false;
        scope_withdraw_tasks(s);
        r = cgroup_kill(s->payload_fd);
        if (r < 0 && r != -ENOENT)
                log_error("%s: cannot kill its processes: %s", s->unit, strerror(-r));
}

/* What was being started is born perhaps after the rest was killed: when a task has begun since, and when all
 * that are known to run have ended. To kill everything at the end of each of thousands would take minutes. */
static bool is_to_be_killed_again(const Scope *s)
{
        return s->newborn || HASH_COUNT(s->tasks) == s->n_tasks_over + s->n_starting_tasks;
}

static void take_figures(Scope *s)
{
        Metrics metrics;

        scope_check_oom(s);
        if (scope_read_metrics(s, &metrics) >= 0) {
                metrics_end(&metrics);
                s->metrics = metrics;
        }
}

static void release_unit(ScopeRelease *r)
{
        Scope *s = r->scope;

        fault_point(FAULT_RELEASE_FIGURES);
        take_figures(s);
        /* What the supervisor knows must be on disk before it may forget it. */
        (void) scope_save(s);
        fault_point(FAULT_RELEASE_FIGURES_SAVED);
        r->step = RELEASE_STEP_UNIT;
        set_deadline(r, UNIT_TIMEOUT_USEC);
        if (s->unit_started && (!s->link || supervisor_release(s->link) < 0) && s->cgroup_fd >= 0)
                (void) cgroup_kill(s->cgroup_fd);
        fault_point(FAULT_RELEASE_REQUESTED);
}

/* `systemctl kill --signal=STOP` stops it, too, and then it says nothing. */
static void continue_supervisor(Scope *s)
{
        _cleanup_(closep) int dir = -EBADF;

        if (s->cgroup_fd < 0)
                return;
        dir = cgroup_open(s->cgroup_fd, "supervisor");
        if (dir >= 0)
                (void) cgroup_signal(dir, SIGCONT);
}

void scope_release_continue(Scope *s)
{
        ScopeRelease *r = s->release;
        bool populated = scope_populated(s) > 0;

        /* PID 1 alone lets them live on. */
        if (r->step != RELEASE_STEP_UNIT && (s->ending != RELEASE_STOPPED || s->destroying) &&
            populated && is_to_be_killed_again(s))
                kill_rest(s);
        if (r->step == RELEASE_STEP_EMPTY) {
                if (populated) {
                        /* PID 1's SIGKILL, at the end of a stop, has taken the supervisor only. */
                        if (!s->link && !r->deadline)
                                set_deadline(r, s->manager->config.kill_timeout_usec);
                        return;
                }
                fault_point(FAULT_RELEASE_EMPTY);
                r->step = RELEASE_STEP_STATUSES;
                set_deadline(r, STATUSES_TIMEOUT_USEC);
        }
        if (r->step == RELEASE_STEP_STATUSES) {
                scope_withdraw_tasks(s);
                if (s->unit_started && scope_tasks_pending(s))
                        return;
                release_unit(r);
        }
        if (r->step == RELEASE_STEP_UNIT && !s->unit_started)
                finish(r);
}

static void report_unit_left(ScopeRelease *r)
{
        Scope *s = r->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        error_set(
                &error, ERROR_KILL_FAILED,
                "%s: all its processes have ended, but PID 1 has not dropped the unit in time; see "
                "`systemctl status %s`",
                s->path, s->unit);
        if (!r->reported) {
                log_error("%s: all its processes have ended, but PID 1 has not dropped the unit",
                          s->unit);
                record_kill_failed(s, NULL, 0, "PID 1 does not drop the unit");
        }
        r->reported = true;
        calls_fail(&r->calls, 0, &error);
        /* UnitRemoved ends it; should that have been missed, PID 1 is asked now and then. */
        r->forced = false;
        set_deadline(r, UNIT_AGAIN_USEC);
}

static void on_unit_known(int result, sd_bus_message *reply, const sd_bus_error *error,
                          void *userdata)
{
        ScopeRelease *r = userdata;

        r->systemd = NULL;
        if (result != -ENOENT)
                return;
        r->scope->unit_started = false;
        scope_release_continue(r->scope);
}

/* Its signal may have been missed while nobody was subscribed, or its last process is not ours. */
static void force_unit(ScopeRelease *r)
{
        Scope *s = r->scope;
        uint64_t soon = now_monotonic_usec() + UNIT_TIMEOUT_USEC;
        uint64_t late = r->begun_usec + RELEASE_TIMEOUT_USEC;

        r->forced = true;
        if (s->cgroup_fd >= 0)
                (void) cgroup_kill(s->cgroup_fd);
        systemd_call_forget(s->manager, "StopUnit", s->unit, "replace");
        set_deadline_at(r, late > soon ? late : soon);
        (void) systemd_ask_for_unit(s->manager, s->unit, RELEASE_TIMEOUT_USEC, on_unit_known, r,
                                    &r->systemd);
}

static void take_statuses(Scope *s)
{
        /* It may have been us who stood still. */
        (void) supervisor_drain(s);
        if (!s->release || s->release->step != RELEASE_STEP_STATUSES)
                return;
        scope_end_silence(s);
        if (s->release && s->release->step == RELEASE_STEP_STATUSES)
                release_unit(s->release);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        ScopeRelease *r = userdata;
        Scope *s = r->scope;

        switch (r->step) {
        case RELEASE_STEP_EMPTY:
                if (scope_populated(s) > 0)
                        become_zombie(r);
                else
                        scope_release_continue(s);
                break;
        case RELEASE_STEP_STATUSES:
                r->deadline = sd_event_source_disable_unref(r->deadline);
                take_statuses(s);
                break;
        case RELEASE_STEP_UNIT:
                if (r->forced)
                        report_unit_left(r);
                else
                        force_unit(r);
                break;
        }
        return 0;
}

void scope_release(Scope *s, ReleaseReason reason, Call *call)
{
        ScopeRelease *r = s->release;
        bool is_new = !r;

        if (is_new) {
                r = calloc(1, sizeof *r);
                if (!r) {
                        log_error("%s: out of memory, it is not released", s->unit);
                        if (call)
                                call_fail(call, -ENOMEM, NULL);
                        return;
                }
                *r = (ScopeRelease){
                        .scope = s,
                        .reason = reason,
                        .begun_usec = now_monotonic_usec(),
                };
                TAILQ_INIT(&r->calls);
                s->release = r;
        }
        if (call)
                TAILQ_INSERT_TAIL(&r->calls, call, waiters);
        if (call && r->reported) {
                r->begun_usec = now_monotonic_usec();
                set_deadline(r, 0);
        }
        /* What had begun its end, perhaps under an earlier daemon, remains the reason. */
        if (reason != RELEASE_LOST)
                s->ending = reason;
        else if (r->step != RELEASE_STEP_UNIT)
                r->reason = s->ending;

        if (reason == RELEASE_DESTROY)
                s->destroying = true;
        if (is_new && s->state != SCOPE_ZOMBIE) /* which it stays, until it is a record */
                scope_set_state(s, SCOPE_RELEASING);
        if (reason == RELEASE_DESTROY && call) {
                s->destroyer_uid = call->uid;
                s->destroyer_pid = call->pid;
        }
        /* Before anything is killed: whatever happens to us now, it is destroyed. */
        if (is_new || reason == RELEASE_DESTROY)
                (void) scope_save(s);
        fault_point(FAULT_RELEASE_RECORDED);
        if (reason == RELEASE_DESTROY) {
                kill_rest(s);
                scope_thaw_to_end(s);
                continue_supervisor(s);
        }
        fault_point(FAULT_RELEASE_KILLED);
        /* PID 1's own stop timeout bounds a stop; everything else was killed. */
        if (r->step == RELEASE_STEP_EMPTY && reason != RELEASE_STOPPED && (is_new || !r->deadline))
                set_deadline(r, s->manager->config.kill_timeout_usec);
        scope_release_continue(s);
}
