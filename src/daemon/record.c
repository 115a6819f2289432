/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of acts: their entries put together, and handed to the journal. */
#include "daemon/record.h"

#include "basic/process.h"
#include "basic/reason.h"
#include "daemon/drain.h"
#include "daemon/emergency.h"
#include "daemon/record-entry.h"

#include <inttypes.h>

/* How many of the processes that could not be killed a record names. */
#define PIDS_MAX 64

/* A limit for each kind, and four for each of some hundred disks. */
#define LIMITS_MAX 512

/* --- what several records have in common --- */

/* Adds "Property=value" for each element of the limit to texts. */
static void list_limit(Entry *e, const Limits *limits, LimitType t, char **texts, size_t *n)
{
        for (size_t i = 0;; i++) {
                _cleanup_(freep) char *value = NULL;

                if (limits_format(limits, t, i, &value) <= 0)
                        return;
                if (*n == LIMITS_MAX ||
                    asprintf(&texts[*n], "%s=%s", limit_table[t].property, value) < 0) {
                        e->truncated = true;
                        return;
                }
                ++*n;
        }
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* In alphabetical order, since the journal keeps none, and a line read from there is to be the same. */
static void put_limits(Entry *e, const Limits *limits)
{
        char *texts[LIMITS_MAX];
        size_t n = 0;

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                list_limit(e, limits, t, texts, &n);
        qsort(texts, n, sizeof *texts, compare_texts);
        for (size_t i = 0; i < n; i++) {
                entry_put(e, EVENT_FIELD_LIMIT, texts[i]);
                free(texts[i]);
        }
}

static void put_figures(Entry *e, const Metrics *m)
{
        static const struct {
                MetricType metric;
                EventField field;
        } figures[] = {
                { METRIC_MEMORY_PEAK, EVENT_FIELD_MEMORY_PEAK },
                { METRIC_MEMORY_SWAP_PEAK, EVENT_FIELD_MEMORY_SWAP_PEAK },
                { METRIC_MEMORY_EVENTS_HIGH, EVENT_FIELD_MEMORY_HIGH_COUNT },
                { METRIC_MEMORY_EVENTS_MAX, EVENT_FIELD_MEMORY_MAX_COUNT },
                { METRIC_MEMORY_EVENTS_OOM, EVENT_FIELD_MEMORY_OOM_COUNT },
                { METRIC_CPU_USAGE_USEC, EVENT_FIELD_CPU_USAGE_USEC },
                { METRIC_CPU_USER_USEC, EVENT_FIELD_CPU_USER_USEC },
                { METRIC_CPU_SYSTEM_USEC, EVENT_FIELD_CPU_SYSTEM_USEC },
                { METRIC_IO_READ_BYTES, EVENT_FIELD_IO_READ_BYTES },
                { METRIC_IO_WRITE_BYTES, EVENT_FIELD_IO_WRITE_BYTES },
                { METRIC_PIDS_PEAK, EVENT_FIELD_PIDS_PEAK },
        };

        for (size_t i = 0; i < ELEMENTSOF(figures); i++)
                if (m->present[figures[i].metric])
                        entry_put_number(e, figures[i].field, m->values[figures[i].metric]);
}

/* --- the records --- */

void record_created(const Scope *s, const Call *call)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_CGROUP_CREATE);
        entry_put_number(&e, EVENT_FIELD_UID, s->uid);
        entry_put_number(&e, EVENT_FIELD_PRIORITY, s->priority);
        put_limits(&e, &s->limits);
        entry_put_caller(&e, call);
        entry_send(&e, " for uid %u", (unsigned) s->uid);
}

static void record_start(const Scope *s, const Call *call)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_JOB_START);
        entry_put_number(&e, EVENT_FIELD_UID, s->uid);
        entry_put_number(&e, EVENT_FIELD_PRIORITY, s->priority);
        entry_put_number(&e, EVENT_FIELD_PID, (uint64_t) s->main_pid);
        entry_put_number(&e, EVENT_FIELD_START_UNIX_MS, s->start_usec / USEC_PER_MSEC);
        entry_put_caller(&e, call);
        entry_send(&e, ", pid %d", (int) s->main_pid);
}

/* How main has ended, as `inspect` says it of a job. */
static const char *main_state(const Scope *s)
{
        return scope_state_to_string(s->main_ended ? outcome_state(s->exit_status, s->exit_signal)
                                                   : SCOPE_LOST);
}

static void put_outcome(Entry *e, const Scope *s)
{
        if (s->exit_status >= 0)
                entry_put_number(e, EVENT_FIELD_EXIT, (uint64_t) s->exit_status);
        if (s->exit_signal > 0)
                entry_put_number(e, EVENT_FIELD_SIGNAL, (uint64_t) s->exit_signal);
        entry_put_number(e, EVENT_FIELD_OOM_KILLED, s->main_oom || s->oom_kills > 0);
        entry_put_number(e, EVENT_FIELD_OOM_KILL_COUNT, s->oom_kills);
        if (s->main_timed_out)
                entry_put_number(e, EVENT_FIELD_TIMED_OUT, 1);
        if (s->pressure.killed)
                entry_put_number(e, EVENT_FIELD_PRESSURE_KILLED, 1);
}

static void put_times(Entry *e, const Scope *s)
{
        if (s->start_usec > 0)
                entry_put_number(e, EVENT_FIELD_START_UNIX_MS, s->start_usec / USEC_PER_MSEC);
        if (s->exit_usec > 0)
                entry_put_number(e, EVENT_FIELD_EXIT_UNIX_MS, s->exit_usec / USEC_PER_MSEC);
}

static void record_exit(const Scope *s)
{
        Metrics metrics;
        Entry e;

        entry_begin_scope(&e, s, EVENT_JOB_EXIT);
        entry_put_number(&e, EVENT_FIELD_UID, s->uid);
        entry_put(&e, EVENT_FIELD_STATE, main_state(s));
        entry_put_number(&e, EVENT_FIELD_PID, (uint64_t) s->main_pid);
        put_outcome(&e, s);
        put_times(&e, s);
        if (scope_read_metrics(s, &metrics) >= 0)
                put_figures(&e, &metrics);
        if (s->exit_signal > 0)
                entry_send(&e, ": %s by signal %d", main_state(s), s->exit_signal);
        else if (s->exit_status >= 0)
                entry_send(&e, ": %s, status %d", main_state(s), s->exit_status);
        else
                entry_send(&e, ": %s", main_state(s));
}

bool record_main(Scope *s, const Call *call)
{
        bool done = false;

        if (s->main_pid <= 0)
                return false;
        if (s->start_recorded != s->main_pid) {
                record_start(s, call);
                s->start_recorded = s->main_pid;
                done = true;
        }
        if (s->main_ended && s->exit_recorded != s->main_pid) {
                record_exit(s);
                s->exit_recorded = s->main_pid;
                done = true;
        }
        return done;
}

/* Where they came from, each cgroup once, in alphabetical order for the same reason. */
static void put_origins(Entry *e, const Attach *attach)
{
        const char *from[ATTACH_PIDS_MAX];

        for (size_t i = 0; i < attach->n; i++)
                from[i] = attach->from[i];
        qsort(from, attach->n, sizeof *from, compare_texts);
        for (size_t i = 0; i < attach->n; i++)
                if (i == 0 || !streq(from[i], from[i - 1]))
                        entry_put(e, EVENT_FIELD_FROM, from[i]);
}

void record_attached(const Scope *s, const char *task, const Attach *attach, const Call *call)
{
        char pids[ATTACH_PIDS_MAX * 12] = "";
        size_t at = 0;
        char quoted[REASON_QUOTE_SIZE];
        Entry e;

        for (size_t i = 0; i < attach->n; i++)
                at += (size_t) snprintf(pids + at, sizeof pids - at, "%s%d", i > 0 ? "," : "",
                                        (int) attach->list[i].pid);
        entry_begin_scope(&e, s, EVENT_CGROUP_ATTACH);
        entry_put(&e, EVENT_FIELD_TASK, task);
        entry_put_number(&e, EVENT_FIELD_PID, (uint64_t) attach->list[0].pid);
        entry_put_number(&e, EVENT_FIELD_PID_COUNT, attach->n);
        entry_put(&e, EVENT_FIELD_PIDS, pids);
        put_origins(&e, attach);
        entry_put_caller(&e, call);
        entry_send(&e, " as its task %s: %s, from %s", task, pids,
                   reason_quote(attach->from[0], quoted));
}

void record_limits(const Scope *s, const char *task, const Limits *changes, const Call *call)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_CGROUP_LIMITS);
        entry_put(&e, EVENT_FIELD_TASK, task);
        put_limits(&e, changes);
        entry_put_caller(&e, call);
        entry_send(&e, "%s%s", task ? ": only its task " : "", task ?: "");
}

void record_oom(const Scope *s)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_JOB_OOM);
        entry_put_number(&e, EVENT_FIELD_OOM_KILL_COUNT, s->oom_kills);
        entry_send(&e, ": %" PRIu64 " of its processes were killed so far", s->oom_kills);
}

void record_throttle(const Scope *s)
{
        const MemoryEvents *now = &s->memory_seen, *told = &s->memory_told;
        Entry e;

        entry_begin_scope(&e, s, EVENT_JOB_THROTTLE);
        entry_put_number(&e, EVENT_FIELD_MEMORY_HIGH_COUNT, now->high);
        entry_put_number(&e, EVENT_FIELD_MEMORY_MAX_COUNT, now->max);
        entry_put_number(&e, EVENT_FIELD_MEMORY_OOM_COUNT, now->oom);
        entry_put_number(&e, EVENT_FIELD_MEMORY_HIGH_SINCE_LAST, now->high - told->high);
        entry_put_number(&e, EVENT_FIELD_MEMORY_MAX_SINCE_LAST, now->max - told->max);
        entry_put_number(&e, EVENT_FIELD_MEMORY_OOM_SINCE_LAST, now->oom - told->oom);
        entry_send(&e,
                   ": %" PRIu64 " times beyond MemoryHigh, %" PRIu64
                   " times at MemoryMax, and %" PRIu64 " times nothing could be reclaimed so far",
                   now->high, now->max, now->oom);
}

void record_freeze(const Scope *s, const char *task, bool freeze, const Call *call)
{
        Entry e;

        entry_begin_scope(&e, s, freeze ? EVENT_JOB_FREEZE : EVENT_JOB_THAW);
        entry_put(&e, EVENT_FIELD_TASK, task);
        entry_put_caller(&e, call);
        entry_send(&e, "%s%s", task ? ": only its task " : "", task ?: "");
}

void record_systemd_freeze(const Scope *s)
{
        Entry e;

        entry_begin_scope(&e, s, s->frozen_by_systemd ? EVENT_JOB_FREEZE : EVENT_JOB_THAW);
        entry_put(&e, EVENT_FIELD_REASON, "systemd");
        entry_send(&e, " by systemd%s", s->frozen_by_systemd ? ", with its supervisor" : "");
}

void record_kill(const Scope *s, const char *task, int signal, const Call *call)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_JOB_KILL);
        entry_put(&e, EVENT_FIELD_TASK, task);
        entry_put_number(&e, EVENT_FIELD_SIGNAL, (uint64_t) signal);
        entry_put_caller(&e, call);
        entry_send(&e, ": %d (SIG%s)%s%s", signal, sigabbrev_np(signal) ?: "RT",
                   task ? ", to its task " : "", task ?: "");
}

int record_emergency(Manager *m, const Emergency *emergency)
{
        Entry e;

        entry_begin(&e, m, EVENT_EMERGENCY_DECLARE, NULL);
        entry_put(&e, EVENT_FIELD_REASON, emergency->reason);
        entry_put_number(&e, EVENT_FIELD_UNTIL_UNIX_MS, emergency->until_usec / USEC_PER_MSEC);
        entry_put_caller_ids(&e, emergency->uid, emergency->pid);
        entry_put(&e, EVENT_FIELD_CALLER_UNIT, emergency->unit);
        entry_send(&e, ": %s", emergency->reason);
        return e.sent;
}

void record_emergency_end(Manager *m, const Emergency *emergency)
{
        const char *how = emergency->ended ? "ended" : "expired";
        Entry e;

        entry_begin(&e, m, EVENT_EMERGENCY_END, NULL);
        entry_put(&e, EVENT_FIELD_REASON, how);
        if (emergency->ended) {
                entry_put_caller_ids(&e, emergency->ender_uid, emergency->ender_pid);
                entry_put(&e, EVENT_FIELD_CALLER_UNIT, emergency->ender_unit);
        }
        entry_send(&e, "%s: %s", emergency->ended ? "" : ", since its time is over",
                   emergency->reason);
}

int record_emergency_act(EventType type, const Scope *s, const char *task, int signal,
                         const Call *call)
{
        const char *reason = s->manager->emergency->reason;
        Entry e;

        entry_begin_scope(&e, s, type);
        entry_put(&e, EVENT_FIELD_TASK, task);
        entry_put(&e, EVENT_FIELD_REASON, reason);
        if (signal > 0)
                entry_put_number(&e, EVENT_FIELD_SIGNAL, (uint64_t) signal);
        entry_put_caller(&e, call);
        entry_send(&e, "%s%s: %s", task ? ", only its task " : "", task ?: "", reason);
        return e.sent;
}

void record_kill_failed(Scope *s, const pid_t *pids, size_t n_pids, const char *reason)
{
        char pids_text[PIDS_MAX * 12] = "", states_text[PIDS_MAX * 2] = "";
        size_t at = 0;
        Entry e;

        for (size_t i = 0; i < n_pids && i < PIDS_MAX; i++) {
                at += (size_t) snprintf(pids_text + at, sizeof pids_text - at, "%s%d",
                                        i > 0 ? "," : "", (int) pids[i]);
                states_text[2 * i] = process_state(pids[i]);
                states_text[2 * i + 1] = i + 1 < n_pids && i + 1 < PIDS_MAX ? ',' : '\0';
        }
        if (s->state == SCOPE_ZOMBIE)
                s->zombie_recorded = true;
        entry_begin_scope(&e, s, EVENT_CGROUP_KILL_FAILED);
        entry_put(&e, EVENT_FIELD_REASON, reason);
        entry_put_number(&e, EVENT_FIELD_PID_COUNT, n_pids);
        if (n_pids > 0) {
                entry_put(&e, EVENT_FIELD_PIDS, pids_text);
                entry_put(&e, EVENT_FIELD_STATES, states_text);
        }
        entry_put_caller_ids(&e, s->destroyer_uid, s->destroyer_pid);
        entry_send(&e, ": %s, %zu processes left", reason, n_pids);
}

static const char *reason_name(const Scope *s, ReleaseReason reason)
{
        if (s->stopping || reason == RELEASE_STOPPED)
                return "stopped";
        if (reason == RELEASE_LOST)
                return "lost";
        if (s->destroying)
                return "destroyed";
        return s->is_job ? "ended" : "empty";
}

static void record_cleanup(const Scope *s, const char *reason)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_JOB_CLEANUP);
        entry_put_number(&e, EVENT_FIELD_UID, s->uid);
        entry_put(&e, EVENT_FIELD_STATE, scope_state_name(s));
        entry_put(&e, EVENT_FIELD_REASON, reason);
        put_outcome(&e, s);
        put_times(&e, s);
        put_figures(&e, &s->metrics);
        entry_send(&e, ": %s", scope_state_name(s));
}

static void record_zombie_cleaned(Scope *s)
{
        Entry e;

        if (!s->zombie_recorded)
                return;
        entry_begin_scope(&e, s, EVENT_CGROUP_ZOMBIE_CLEANED);
        entry_send(&e, "%s", "");
        s->zombie_recorded = false;
}

void record_undone(const Scope *s)
{
        Entry e;

        entry_begin_scope(&e, s, EVENT_CGROUP_DESTROY);
        entry_put(&e, EVENT_FIELD_REASON, "unfinished");
        entry_send(&e, ": its creation did not come to its end");
}

void record_released(Scope *s, ReleaseReason reason)
{
        const char *name = reason_name(s, reason);
        Entry e;

        if (s->undone) {
                record_zombie_cleaned(s);
                record_undone(s);
                return;
        }
        (void) record_main(s, NULL);
        if (s->main_pid > 0 && s->exit_recorded != s->main_pid) {
                record_exit(s);
                s->exit_recorded = s->main_pid;
        }
        record_zombie_cleaned(s);
        if (s->is_job)
                record_cleanup(s, name);
        entry_begin_scope(&e, s, EVENT_CGROUP_DESTROY);
        entry_put(&e, EVENT_FIELD_STATE, scope_state_name(s));
        entry_put(&e, EVENT_FIELD_REASON, name);
        entry_put_caller_ids(&e, s->destroyer_uid, s->destroyer_pid);
        entry_send(&e, ": %s", name);
}

void record_lost_workload(Manager *m, const char *unit, const char *path, const char *reason)
{
        Entry e;

        entry_begin(&e, m, EVENT_LOST_WORKLOAD, unit);
        entry_put(&e, EVENT_FIELD_UNIT, unit);
        entry_put(&e, EVENT_FIELD_CGROUP, path);
        entry_put(&e, EVENT_FIELD_REASON, reason);
        entry_send(&e, "%s%s: %s", path ? " at " : "", path ?: "", reason);
}

void record_drain(Manager *m, const Drain *drain)
{
        Entry e;

        entry_begin(&e, m, EVENT_NODE_DRAIN, NULL);
        entry_put(&e, EVENT_FIELD_REASON, drain->reason);
        entry_put_caller_ids(&e, drain->uid, drain->pid);
        entry_put(&e, EVENT_FIELD_CALLER_UNIT, drain->unit);
        entry_send(&e, "%s%s", drain->reason ? ": " : "", drain->reason ?: "");
}

void record_undrain(Manager *m, const Drain *drain, const Call *call)
{
        Entry e;

        entry_begin(&e, m, EVENT_NODE_UNDRAIN, NULL);
        entry_put(&e, EVENT_FIELD_REASON, drain->reason);
        entry_put_caller(&e, call);
        entry_send(&e, "%s%s", drain->reason ? ": " : "", drain->reason ?: "");
}
