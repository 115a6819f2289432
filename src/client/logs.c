/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tasks of a scope have written, read from the journal: of one run of its name, not of those before. */
#include "daemon.h"
#include "journal-reader.h"

#include "basic/fields.h"
#include "basic/state.h"
#include "rate-limit.h"

#include <inttypes.h>
#include <stdio.h>

/* SD_MESSAGE_JOURNAL_DROPPED of journald. */
#define MESSAGE_DROPPED "a596d6fe7bfa4994828e72309e95d61e"

/* What has ended so long ago has been taken in by journald. */
#define SETTLED_USEC (60 * USEC_PER_SEC)

typedef enum FieldName {
        FIELD_MESSAGE,
        FIELD_TRANSPORT,
        FIELD_PID,
        FIELD_PRIORITY,
        FIELD_STREAM,
        FIELD_CGROUP,
        FIELD_INVOCATION,
        FIELD_USER_UNIT,
        _FIELD_MAX,
} FieldName;

static const char *const field_table[_FIELD_MAX] = {
        [FIELD_MESSAGE] = "MESSAGE",
        [FIELD_TRANSPORT] = "_TRANSPORT",
        [FIELD_PID] = "_PID",
        [FIELD_PRIORITY] = "PRIORITY",
        [FIELD_STREAM] = "_STREAM_ID",
        [FIELD_CGROUP] = "_SYSTEMD_CGROUP",
        [FIELD_INVOCATION] = "_SYSTEMD_INVOCATION_ID",
        [FIELD_USER_UNIT] = "_SYSTEMD_USER_UNIT",
};

typedef struct Field {
        char *data; /* ends with a zero that does not count; NULL: there never was one */
        size_t length, allocated;
        bool present;
} Field;

/* A stream to journald: a scope has one, and a new one when journald has lost it. */
typedef struct Stream {
        char *id;
        bool ours;
} Stream;

struct hpcnode_cgroup_logs {
        sd_journal *journal;
        sd_journal *past; /* where it is looked up when a stream began */
        char *unit;
        char *user_unit;     /* the same when it is the user's service manager's; else NULL */
        char *rated;         /* the unit by which journald limits the rate */
        char *payload;       /* the cgroup that the tasks' leaves are in */
        char invocation[33]; /* of the unit, in hexadecimal digits; "": not known */
        uint64_t begin_usec; /* CLOCK_REALTIME: nothing of this run is older */
        uint64_t end_usec;   /* 0: it has not ended */
        uint64_t since_usec;
        bool any;      /* a line of this run was seen: what journald drops from now on is its */
        bool at_entry; /* the journal stands at an entry that is still to be read */
        bool watched;
        Stream *streams;
        size_t n_streams;
        Field fields[_FIELD_MAX];
        RateLimit rate;
        char *task;
        hpcnode_cgroup_log_line line;
};

_public_ hpcnode_cgroup_logs *hpcnode_cgroup_logs_free(hpcnode_cgroup_logs *logs)
{
        if (!logs)
                return NULL;
        sd_journal_close(logs->journal);
        sd_journal_close(logs->past);
        for (size_t i = 0; i < logs->n_streams; i++)
                free(logs->streams[i].id);
        for (FieldName f = 0; f < _FIELD_MAX; f++)
                free(logs->fields[f].data);
        free(logs->streams);
        free(logs->unit);
        free(logs->user_unit);
        free(logs->rated);
        free(logs->payload);
        free(logs->task);
        free(logs);
        return NULL;
}

/* --- which run, and which lines --- */

/* What came over the scope's stream, of one field more when `field` is not NULL. Lines of a user's own scope
 * have its unit only if the writer still lived when journald took them. */
static int match_stream(const hpcnode_cgroup_logs *logs, const char *identifier, const char *field,
                        const char *value)
{
        sd_journal *j = logs->journal;
        char uid[16];
        int r;

        (void) snprintf(uid, sizeof(uid), "%u", (unsigned) getuid());
        r = logs->user_unit ? client_journal_match(j, "_UID", uid)
                            : client_journal_match(j, "_SYSTEMD_UNIT", logs->unit);
        if (r >= 0)
                r = client_journal_match(j, "SYSLOG_IDENTIFIER", identifier);
        if (r >= 0)
                r = client_journal_match(j, "_TRANSPORT", "stdout");
        if (r >= 0 && field)
                r = client_journal_match(j, field, value);
        return r < 0 ? r : sd_journal_add_disjunction(j);
}

static int match_all(const hpcnode_cgroup_logs *logs, const char *identifier,
                     const hpcnode_cgroup_info *task)
{
        char pid[16];
        int r;

        if (task) {
                /* A child of the task is known by its cgroup alone, and if it has ended by then not at all. */
                (void) snprintf(pid, sizeof(pid), "%" PRIu32, task->pid);
                r = match_stream(logs, identifier, "_PID", pid);
                if (r >= 0)
                        r = match_stream(logs, identifier, "_SYSTEMD_CGROUP", task->cgroup);
        } else
                r = match_stream(logs, identifier, NULL, NULL);
        if (r >= 0)
                r = client_journal_match(logs->journal, "MESSAGE_ID", MESSAGE_DROPPED);
        return r < 0 ? r : client_journal_match(logs->journal, "_TRANSPORT", "driver");
}

/* The unit's invocation, as PID 1 shows it to journald while there is the unit. */
static void read_invocation(hpcnode_cgroup_logs *logs)
{
        _cleanup_(freep) char *path = NULL;
        ssize_t n;

        if (asprintf(&path, "/run/systemd/units/invocation:%s", logs->unit) < 0) {
                path = NULL;
                return;
        }
        n = readlink(path, logs->invocation, sizeof(logs->invocation) - 1);
        logs->invocation[n == sizeof(logs->invocation) - 1 ? n : 0] = '\0';
}

static bool is_over(const hpcnode_cgroup_info *info)
{
        return info->state && scope_state_from_string(info->state) >= SCOPE_EXITED;
}

static int set_up(hpcnode_cgroup_logs *logs, const hpcnode_cgroup_info *scope,
                  const hpcnode_cgroup_info *task)
{
        const char *manager = strstr(scope->cgroup ?: "", "/user@");
        int r;

        logs->begin_usec = scope->created_usec;
        logs->end_usec = is_over(task ?: scope) ? (task ?: scope)->exit_usec : 0;
        logs->unit = strdup(scope->unit);
        if (manager) {
                logs->user_unit = strdup(scope->unit);
                logs->rated = strndup(manager + 1, strcspn(manager + 1, "/"));
        } else
                logs->rated = strdup(scope->unit);
        if (asprintf(&logs->payload, "%s/payload/", scope->cgroup ?: "") < 0)
                logs->payload = NULL;
        if (!logs->unit || !logs->rated || !logs->payload || (manager && !logs->user_unit))
                return -ENOMEM;
        if (!manager && !is_over(scope))
                read_invocation(logs);
        /* The job of an ordinary user may be in that user's journal. */
        r = sd_journal_open(&logs->journal, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = sd_journal_open(&logs->past, SD_JOURNAL_LOCAL_ONLY);
        if (r >= 0)
                r = sd_journal_set_data_threshold(logs->journal, 0);
        if (r >= 0)
                r = match_all(logs, scope->name, task);
        return r < 0 ? r : sd_journal_seek_realtime_usec(logs->journal, logs->begin_usec);
}

/* Why there is nothing in the journal; NULL: there is. */
static int check_log(const hpcnode_cgroup_info *info, hpcnode_cgroup_error *e)
{
        const char *path = startswith(info->log ?: "", "file:");

        if (path)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "the output of %s is not in the journal but in %s", info->id,
                                    path);
        if (info->log && streq(info->log, "null"))
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "%s has no log: it was started to have none (null)", info->id);
        if (info->log && streq(info->log, "caller"))
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "%s has no log: its output went to whoever started it",
                                    info->id);
        return 0;
}

_public_ int hpcnode_cgroup_logs_open(hpcnode_cgroup *c, const char *scope,
                                      hpcnode_cgroup_logs **ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL, *of_scope = NULL;
        _cleanup_(hpcnode_cgroup_logs_freep) hpcnode_cgroup_logs *logs = NULL;
        bool own;
        int r;

        if (daemon_is_elsewhere(daemon_of(c, "logs_open", NULL)))
                return client_error(
                        ret_error, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED,
                        "logs_open reads the journal of this machine, and not of another");
        r = hpcnode_cgroup_inspect(c, scope, &info, ret_error);
        if (r >= 0)
                r = check_log(info, ret_error);
        if (r >= 0 && info->is_task > 0)
                r = hpcnode_cgroup_inspect(c, info->unit, &of_scope, ret_error);
        if (r < 0)
                return r;
        own = (of_scope ?: info)->uid == getuid();
        if (client_journal_is_closed(own))
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "the output of %s is in the system's journal, which root and "
                                    "the members of the groups systemd-journal and adm may read%s",
                                    info->id, own ? CLIENT_OWN_JOURNALS : "");
        logs = calloc(1, sizeof(*logs));
        if (!logs)
                return client_oom(ret_error);
        r = set_up(logs, of_scope ?: info, of_scope ? info : NULL);
        if (r < 0)
                return client_journal_error(ret_error, r);
        *ret = TAKE_PTR(logs);
        return 0;
}

/* --- one entry --- */

static int keep_field(const char *data, size_t length, void *userdata)
{
        hpcnode_cgroup_logs *logs = userdata;
        const char *equals = memchr(data, '=', length);
        size_t n_name = equals ? (size_t) (equals - data) : 0;

        for (FieldName i = 0; equals && i < _FIELD_MAX; i++) {
                Field *f = &logs->fields[i];
                size_t n = length - n_name - 1;

                if (strlen(field_table[i]) != n_name || memcmp(field_table[i], data, n_name) != 0)
                        continue;
                if (f->allocated < n + 1) {
                        char *p = realloc(f->data, n + 1);

                        if (!p)
                                return -ENOMEM;
                        f->data = p;
                        f->allocated = n + 1;
                }
                memcpy(f->data, equals + 1, n);
                f->data[n] = '\0';
                f->length = n;
                f->present = true;
                break;
        }
        return 0;
}

static int read_fields(hpcnode_cgroup_logs *logs)
{
        for (FieldName f = 0; f < _FIELD_MAX; f++)
                logs->fields[f].present = false;
        return client_journal_read_fields(logs->journal, keep_field, logs);
}

static const char *field(const hpcnode_cgroup_logs *logs, FieldName f)
{
        return logs->fields[f].present ? logs->fields[f].data : NULL;
}

/* A stream that was there before the scope is of an earlier one of that name, whatever is still read of it. */
static int stream_is_ours(hpcnode_cgroup_logs *logs, const char *id)
{
        uint64_t first;
        Stream *s;
        int r;

        for (size_t i = 0; i < logs->n_streams; i++)
                if (streq(logs->streams[i].id, id))
                        return logs->streams[i].ours;

        sd_journal_flush_matches(logs->past);
        r = client_journal_match(logs->past, field_table[FIELD_STREAM], id);
        if (r >= 0)
                r = sd_journal_seek_head(logs->past);
        if (r >= 0)
                r = sd_journal_next(logs->past);
        if (r > 0)
                r = sd_journal_get_realtime_usec(logs->past, &first);
        else if (r == 0)
                first = UINT64_MAX; /* removed to save space, or not seen yet by this reader */
        if (r < 0)
                return r;

        s = reallocarray(logs->streams, logs->n_streams + 1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        logs->streams = s;
        s += logs->n_streams;
        *s = (Stream){ .id = strdup(id), .ours = first >= logs->begin_usec };
        if (!s->id)
                return -ENOMEM;
        logs->n_streams++;
        return s->ours;
}

/* Whether journald dropped lines of this scope; *ret is their number. */
static bool is_dropped(const hpcnode_cgroup_logs *logs, uint64_t *ret)
{
        const char *text = startswith(field(logs, FIELD_MESSAGE) ?: "", "Suppressed "), *unit;
        char *end;

        if (!text)
                return false;
        *ret = strtoumax(text, &end, 10);
        unit = startswith(end, " messages from ");
        return unit && streq(unit, logs->rated);
}

/* The task by its leaf, which stands there if the writer still lived when journald took the line. */
static int find_task(hpcnode_cgroup_logs *logs)
{
        const char *leaf = startswith(field(logs, FIELD_CGROUP) ?: "", logs->payload);

        free(logs->task);
        logs->task = NULL;
        if (!leaf || !*leaf)
                return 0;
        logs->task = strndup(leaf, strcspn(leaf, "/"));
        return logs->task ? 0 : -ENOMEM;
}

static int fill_line(hpcnode_cgroup_logs *logs, uint64_t usec)
{
        const Field *message = &logs->fields[FIELD_MESSAGE];
        uint64_t pid = 0, priority = 6;
        int r;

        r = find_task(logs);
        if (r < 0)
                return r;
        if (field(logs, FIELD_PID))
                (void) parse_u64(field(logs, FIELD_PID), &pid);
        if (field(logs, FIELD_PRIORITY))
                (void) parse_u64(field(logs, FIELD_PRIORITY), &priority);
        logs->line = (hpcnode_cgroup_log_line){
                .message = message->present ? message->data : "",
                .length = message->present ? message->length : 0,
                .task = logs->task,
                .time_usec = usec,
                .pid = (uint32_t) pid,
                .priority = (int) priority,
        };
        return 0;
}

/* Reads the entry that the journal stands at: 1 if it is a line of this run, or a gap in it. */
static int read_entry(hpcnode_cgroup_logs *logs)
{
        uint64_t usec, dropped;
        const char *id, *unit;
        int r;

        r = sd_journal_get_realtime_usec(logs->journal, &usec);
        if (r < 0 || usec < logs->begin_usec)
                return r < 0 ? r : 0;
        r = read_fields(logs);
        if (r < 0)
                return r;
        if (streq(field(logs, FIELD_TRANSPORT) ?: "", "driver")) {
                if (!logs->any || !is_dropped(logs, &dropped))
                        return 0;
                logs->line = (hpcnode_cgroup_log_line){ .message = "",
                                                        .time_usec = usec,
                                                        .n_dropped = dropped };
                return 1;
        }
        id = field(logs, FIELD_INVOCATION);
        if (id && *logs->invocation && !streq(id, logs->invocation))
                return 0;
        unit = field(logs, FIELD_USER_UNIT);
        if (unit && logs->user_unit && !streq(unit, logs->user_unit))
                return 0;
        id = field(logs, FIELD_STREAM);
        r = id ? stream_is_ours(logs, id) : 1;
        if (r <= 0)
                return r;
        logs->any = true;
        r = fill_line(logs, usec);
        return r < 0 ? r : 1;
}

static void count(hpcnode_cgroup_logs *logs)
{
        sd_id128_t boot;
        uint64_t usec;

        if (logs->line.n_dropped == 0 &&
            sd_journal_get_monotonic_usec(logs->journal, &usec, &boot) >= 0)
                rate_limit_count(&logs->rate, logs->line.priority, usec);
}

_public_ int hpcnode_cgroup_logs_next(hpcnode_cgroup_logs *logs, hpcnode_cgroup_error *ret_error)
{
        int r;

        while ((r = client_journal_next(logs->journal, &logs->at_entry, ret_error)) > 0) {
                r = read_entry(logs);
                if (r < 0 && !client_journal_is_lost(r))
                        return client_journal_error(ret_error, r);
                if (r <= 0)
                        continue;
                count(logs);
                if (logs->line.time_usec >= logs->since_usec)
                        return 1;
        }
        return r;
}

_public_ const hpcnode_cgroup_log_line *hpcnode_cgroup_logs_line(const hpcnode_cgroup_logs *logs)
{
        return &logs->line;
}

_public_ bool hpcnode_cgroup_logs_is_at_limit(const hpcnode_cgroup_logs *logs)
{
        return rate_limit_is_reached(&logs->rate);
}

/* --- where to begin --- */

_public_ int hpcnode_cgroup_logs_seek_time(hpcnode_cgroup_logs *logs, uint64_t usec,
                                           hpcnode_cgroup_error *ret_error)
{
        int r;

        logs->since_usec = usec;
        logs->at_entry = false;
        r = sd_journal_seek_realtime_usec(logs->journal,
                                          usec > logs->begin_usec ? usec : logs->begin_usec);
        return r < 0 ? client_journal_error(ret_error, r) : 0;
}

/* 1 at an entry from which on n lines are to be read, 0 when there are fewer. */
static int go_back(hpcnode_cgroup_logs *logs, size_t n)
{
        uint64_t usec;
        int r;

        /* Of a gap it is not asked here whether a line comes before it. */
        logs->any = true;
        while ((r = sd_journal_previous(logs->journal)) > 0) {
                r = sd_journal_get_realtime_usec(logs->journal, &usec);
                if (r >= 0 && (usec < logs->begin_usec || usec < logs->since_usec))
                        return 0;
                if (r >= 0)
                        r = read_entry(logs);
                if (r < 0 && !client_journal_is_lost(r))
                        return r;
                if (r > 0 && logs->line.n_dropped == 0 && --n == 0)
                        return 1;
        }
        return r;
}

_public_ int hpcnode_cgroup_logs_seek_last(hpcnode_cgroup_logs *logs, size_t n,
                                           hpcnode_cgroup_error *ret_error)
{
        int r;

        r = sd_journal_seek_tail(logs->journal);
        if (r >= 0)
                r = n > 0 ? go_back(logs, n) : sd_journal_previous(logs->journal);
        if (r < 0)
                return client_journal_error(ret_error, r);
        if (r == 0) {
                logs->any = false;
                return hpcnode_cgroup_logs_seek_time(logs, logs->since_usec, ret_error);
        }
        logs->at_entry = n > 0;
        return 0;
}

/* --- waiting for more --- */

_public_ int hpcnode_cgroup_logs_wait(hpcnode_cgroup_logs *logs, int cancel_fd,
                                      hpcnode_cgroup_error *ret_error)
{
        return client_journal_wait(logs->journal, &logs->watched, cancel_fd, ret_error);
}

_public_ void hpcnode_cgroup_logs_sync(hpcnode_cgroup_logs *logs)
{
        if (logs->end_usec == 0 || client_realtime_usec() < logs->end_usec + SETTLED_USEC)
                client_journal_sync(logs->journal);
}
