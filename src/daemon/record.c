/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of acts: their entries put together, and handed to the journal. */
#include "daemon/record.h"

#include "basic/process.h"
#include "daemon/journal.h"
#include "daemon/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>

/* Far below what one datagram takes, and what journald keeps of one field. Only lists come near. */
#define VALUE_MAX 4096
#define ENTRY_MAX (48 * 1024)

/* How many of the processes that could not be killed a record names. */
#define PIDS_MAX 64

/* A limit for each kind, and four for each of some hundred disks. */
#define LIMITS_MAX 512

/* One record being written: its datagram, and its line where stderr is not the journal. */
typedef struct Entry {
        Manager *manager;
        EventType type;
        const char *unit;
        FILE *native, *line; /* either may be NULL */
        char *native_data, *line_data;
        size_t native_length, line_length;
        size_t length; /* of the values */
        bool truncated;
} Entry;

static void put_native(Entry *e, const char *name, const char *value)
{
        if (e->native)
                event_native_put(e->native, name, value);
}

static void put(Entry *e, EventField field, const char *value)
{
        const char *key = event_field_table[field].key;
        char name[EVENT_NAME_MAX + 1], cut[VALUE_MAX + 1];

        if (!value)
                return;
        if (strlen(value) > VALUE_MAX) {
                memcpy(cut, value, VALUE_MAX);
                cut[VALUE_MAX] = '\0';
                value = cut;
                e->truncated = true;
        }
        if (e->length + strlen(value) > ENTRY_MAX) {
                e->truncated = true;
                return;
        }
        e->length += strlen(value);
        put_native(e, event_field_name(key, name), value);
        if (e->line && event_field_table[field].kind != EVENT_KIND_HIDDEN)
                event_line_put(e->line, key, value);
}

static void put_number(Entry *e, EventField field, uint64_t value)
{
        char text[24];

        (void) snprintf(text, sizeof text, "%" PRIu64, value);
        put(e, field, text);
}

/* stderr is what PID 1 connected to the journal: a line there would be a second record. */
static bool stderr_is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) >= 0 && st.st_dev == device && st.st_ino == inode;
}

static void entry_begin(Entry *e, Manager *m, EventType type, const char *unit)
{
        char priority[] = { (char) ('0' + event_type_table[type].priority), '\0' };

        *e = (Entry){ .manager = m, .type = type, .unit = unit };
        e->native = open_memstream(&e->native_data, &e->native_length);
        if (!stderr_is_journal())
                e->line = open_memstream(&e->line_data, &e->line_length);
        if (e->line)
                (void) fputs("EVENT", e->line);

        put_native(e, "MESSAGE_ID", event_type_table[type].message_id);
        put_native(e, "PRIORITY", priority);
        put_native(e, "SYSLOG_IDENTIFIER", "hpcnode-cgroupd");
        /* So that journalctl -u of the unit shows it among what the unit itself has written. */
        if (unit)
                put_native(e, m->user ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT", unit);

        put(e, EVENT_FIELD_SCHEMA, EVENT_SCHEMA);
        put_number(e, EVENT_FIELD_TS_UNIX_MS, now_realtime_usec() / USEC_PER_MSEC);
        put(e, EVENT_FIELD_TYPE, event_type_table[type].name);
        put(e, EVENT_FIELD_MANAGER, m->user ? "user" : "system");
}

static void close_stream(FILE **f)
{
        if (*f)
                (void) fclose(*f);
        *f = NULL;
}

static void send_native(Entry *e, uint64_t dropped)
{
        Journal *j = e->manager->journal;

        close_stream(&e->native);
        if (journal_send(j, e->native_data, e->native_length) >= 0)
                journal_dropped_said(j, dropped);
}

/* Ends the entry with its message: "UNIT: SUBJECT", and what the arguments say. */
static void _printf_(2, 3) entry_send(Entry *e, const char *format, ...)
{
        uint64_t dropped = journal_dropped(e->manager->journal);
        _cleanup_(freep) char *details = NULL, *message = NULL;
        va_list ap;

        if (e->truncated)
                put_number(e, EVENT_FIELD_TRUNCATED, 1);
        if (dropped > 0)
                put_number(e, EVENT_FIELD_DROPPED, dropped);
        va_start(ap, format);
        if (vasprintf(&details, format, ap) < 0)
                details = NULL;
        va_end(ap);
        if (asprintf(&message, "%s: %s%s", e->unit ?: "no unit", event_type_table[e->type].subject,
                     details ?: "") < 0)
                message = NULL;
        if (message)
                put_native(e, "MESSAGE", message);

        if (e->native)
                send_native(e, dropped);
        close_stream(&e->line);
        if (e->line_data)
                (void) fprintf(stderr, "%s\n", e->line_data);
        free(e->native_data);
        free(e->line_data);
}

/* --- what several records have in common --- */

static void begin_scope(Entry *e, const Scope *s, EventType type)
{
        entry_begin(e, s->manager, type, s->unit);
        put(e, EVENT_FIELD_SCOPE, s->name);
        put(e, EVENT_FIELD_UNIT, s->unit);
        put(e, EVENT_FIELD_CGROUP, s->path);
}

static void put_caller_ids(Entry *e, uid_t uid, pid_t pid)
{
        if (uid == UID_INVALID)
                return;
        put_number(e, EVENT_FIELD_CALLER_UID, uid);
        if (pid > 0)
                put_number(e, EVENT_FIELD_CALLER_PID, (uint64_t) pid);
}

static void put_caller(Entry *e, const Call *call)
{
        if (call)
                put_caller_ids(e, call->uid, call->pid);
}

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
                put(e, EVENT_FIELD_LIMIT, texts[i]);
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
                { METRIC_CPU_USAGE_USEC, EVENT_FIELD_CPU_USAGE_USEC },
                { METRIC_CPU_USER_USEC, EVENT_FIELD_CPU_USER_USEC },
                { METRIC_CPU_SYSTEM_USEC, EVENT_FIELD_CPU_SYSTEM_USEC },
                { METRIC_IO_READ_BYTES, EVENT_FIELD_IO_READ_BYTES },
                { METRIC_IO_WRITE_BYTES, EVENT_FIELD_IO_WRITE_BYTES },
                { METRIC_PIDS_PEAK, EVENT_FIELD_PIDS_PEAK },
        };

        for (size_t i = 0; i < ELEMENTSOF(figures); i++)
                if (m->present[figures[i].metric])
                        put_number(e, figures[i].field, m->values[figures[i].metric]);
}

/* --- the records --- */

void record_created(const Scope *s, const Call *call)
{
        Entry e;

        begin_scope(&e, s, EVENT_CGROUP_CREATE);
        put_number(&e, EVENT_FIELD_UID, s->uid);
        put_number(&e, EVENT_FIELD_PRIORITY, s->priority);
        put_limits(&e, &s->limits);
        put_caller(&e, call);
        entry_send(&e, " for uid %u", (unsigned) s->uid);
}

static void record_start(const Scope *s, const Call *call)
{
        Entry e;

        begin_scope(&e, s, EVENT_JOB_START);
        put_number(&e, EVENT_FIELD_UID, s->uid);
        put_number(&e, EVENT_FIELD_PRIORITY, s->priority);
        put_number(&e, EVENT_FIELD_PID, (uint64_t) s->main_pid);
        put_number(&e, EVENT_FIELD_START_UNIX_MS, s->start_usec / USEC_PER_MSEC);
        put_caller(&e, call);
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
                put_number(e, EVENT_FIELD_EXIT, (uint64_t) s->exit_status);
        if (s->exit_signal > 0)
                put_number(e, EVENT_FIELD_SIGNAL, (uint64_t) s->exit_signal);
        put_number(e, EVENT_FIELD_OOM_KILLED, s->main_oom || s->oom_kills > 0);
        put_number(e, EVENT_FIELD_OOM_KILL_COUNT, s->oom_kills);
}

static void put_times(Entry *e, const Scope *s)
{
        if (s->start_usec > 0)
                put_number(e, EVENT_FIELD_START_UNIX_MS, s->start_usec / USEC_PER_MSEC);
        if (s->exit_usec > 0)
                put_number(e, EVENT_FIELD_EXIT_UNIX_MS, s->exit_usec / USEC_PER_MSEC);
}

static void record_exit(const Scope *s)
{
        Metrics metrics;
        Entry e;

        begin_scope(&e, s, EVENT_JOB_EXIT);
        put_number(&e, EVENT_FIELD_UID, s->uid);
        put(&e, EVENT_FIELD_STATE, main_state(s));
        put_number(&e, EVENT_FIELD_PID, (uint64_t) s->main_pid);
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

void record_limits(const Scope *s, const Limits *changes, const Call *call)
{
        Entry e;

        begin_scope(&e, s, EVENT_CGROUP_LIMITS);
        put_limits(&e, changes);
        put_caller(&e, call);
        entry_send(&e, "%s", "");
}

void record_oom(const Scope *s)
{
        Entry e;

        begin_scope(&e, s, EVENT_JOB_OOM);
        put_number(&e, EVENT_FIELD_OOM_KILL_COUNT, s->oom_kills);
        entry_send(&e, ": %" PRIu64 " of its processes were killed so far", s->oom_kills);
}

void record_freeze(const Scope *s, const char *task, bool freeze, const Call *call)
{
        Entry e;

        begin_scope(&e, s, freeze ? EVENT_JOB_FREEZE : EVENT_JOB_THAW);
        put(&e, EVENT_FIELD_TASK, task);
        put_caller(&e, call);
        entry_send(&e, "%s%s", task ? ": only its task " : "", task ?: "");
}

void record_systemd_freeze(const Scope *s)
{
        Entry e;

        begin_scope(&e, s, s->frozen_by_systemd ? EVENT_JOB_FREEZE : EVENT_JOB_THAW);
        put(&e, EVENT_FIELD_REASON, "systemd");
        entry_send(&e, " by systemd%s", s->frozen_by_systemd ? ", with its supervisor" : "");
}

void record_kill(const Scope *s, const char *task, int signal, const Call *call)
{
        Entry e;

        begin_scope(&e, s, EVENT_JOB_KILL);
        put(&e, EVENT_FIELD_TASK, task);
        put_number(&e, EVENT_FIELD_SIGNAL, (uint64_t) signal);
        put_caller(&e, call);
        entry_send(&e, ": %d (SIG%s)%s%s", signal, sigabbrev_np(signal) ?: "RT",
                   task ? ", to its task " : "", task ?: "");
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
        begin_scope(&e, s, EVENT_CGROUP_KILL_FAILED);
        put(&e, EVENT_FIELD_REASON, reason);
        put_number(&e, EVENT_FIELD_PID_COUNT, n_pids);
        if (n_pids > 0) {
                put(&e, EVENT_FIELD_PIDS, pids_text);
                put(&e, EVENT_FIELD_STATES, states_text);
        }
        put_caller_ids(&e, s->destroyer_uid, s->destroyer_pid);
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

        begin_scope(&e, s, EVENT_JOB_CLEANUP);
        put_number(&e, EVENT_FIELD_UID, s->uid);
        put(&e, EVENT_FIELD_STATE, scope_state_name(s));
        put(&e, EVENT_FIELD_REASON, reason);
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
        begin_scope(&e, s, EVENT_CGROUP_ZOMBIE_CLEANED);
        entry_send(&e, "%s", "");
        s->zombie_recorded = false;
}

void record_undone(const Scope *s)
{
        Entry e;

        begin_scope(&e, s, EVENT_CGROUP_DESTROY);
        put(&e, EVENT_FIELD_REASON, "unfinished");
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
        begin_scope(&e, s, EVENT_CGROUP_DESTROY);
        put(&e, EVENT_FIELD_STATE, scope_state_name(s));
        put(&e, EVENT_FIELD_REASON, name);
        put_caller_ids(&e, s->destroyer_uid, s->destroyer_pid);
        entry_send(&e, ": %s", name);
}

void record_lost_workload(Manager *m, const char *unit, const char *path, const char *reason)
{
        Entry e;

        entry_begin(&e, m, EVENT_LOST_WORKLOAD, unit);
        put(&e, EVENT_FIELD_UNIT, unit);
        put(&e, EVENT_FIELD_CGROUP, path);
        put(&e, EVENT_FIELD_REASON, reason);
        entry_send(&e, "%s%s: %s", path ? " at " : "", path ?: "", reason);
}
