/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scope on disk: `<id>.scope` in the runtime directory, written atomically, read after a restart. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/state-file.h"
#include "daemon/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>

/* What a caller may make us remember of a scope: limits on some hundred disks. */
#define STATE_MAX (32 * 1024)

static void append_limits(Fields *f, const Limits *limits)
{
        limits_to_fields(limits, "limit", f);
}

static int read_limit(Limits *l, char *text)
{
        int r = limits_from_field(l, text);

        return r == -ENOENT ? 0 /* of a newer version */ : r;
}

static const StateField scope_fields[] = {
#define FIELD(key, type, member)                   \
        {                                          \
                key, type, offsetof(Scope, member) \
        }
        FIELD("name", FIELD_STRING, name),
        FIELD("slice", FIELD_STRING, slice),
        FIELD("unit", FIELD_STRING, unit),
        FIELD("path", FIELD_STRING, path),
        FIELD("description", FIELD_STRING, description),
        FIELD("log", FIELD_STRING, log),
        FIELD("uid", FIELD_UNSIGNED, uid),
        FIELD("priority", FIELD_UNSIGNED, priority),
        FIELD("service_count", FIELD_UNSIGNED, n_services),
        FIELD("require_path_count", FIELD_UNSIGNED, n_require_paths),
        FIELD("frozen_by", FIELD_UNSIGNED, frozen_by),
        FIELD("pressure_started_usec", FIELD_U64, pressure.started_usec),
        FIELD("pressure_killed", FIELD_BOOL, pressure.killed),
        FIELD("pressure_killed_usec", FIELD_U64, pressure.killed_usec),
        FIELD("pressure_killed_for", FIELD_UNSIGNED, pressure.killed_for),
        FIELD("pressure_frozen_for", FIELD_UNSIGNED, pressure.frozen_for),
        FIELD("pressure_frozen_order", FIELD_U64, pressure.frozen_order),
        FIELD("pressure_demoted", FIELD_BOOL, pressure.demoted),
        FIELD("pressure_demoted_for", FIELD_UNSIGNED, pressure.demoted_for),
        FIELD("pressure_demoted_order", FIELD_U64, pressure.demoted_order),
        FIELD("pressure_demoting", FIELD_BOOL, pressure.demoting),
        FIELD("pressure_restoring", FIELD_BOOL, pressure.restoring),
        FIELD("pressure_weight_theirs", FIELD_BOOL, pressure.weight_theirs),
        FIELD("pressure_weight_before", FIELD_U64, pressure.weight_before),
        FIELD("pressure_weight_demoted", FIELD_U64, pressure.weight_demoted),
        FIELD("job", FIELD_BOOL, is_job),
        FIELD("release_on_empty", FIELD_BOOL, release_on_empty),
        FIELD("destroying", FIELD_BOOL, destroying),
        FIELD("undone", FIELD_BOOL, undone),
        FIELD("ending", FIELD_UNSIGNED, ending),
        FIELD("main_ended", FIELD_BOOL, main_ended),
        FIELD("main_oom", FIELD_BOOL, main_oom),
        FIELD("main_timed_out", FIELD_BOOL, main_timed_out),
        FIELD("main_due_usec", FIELD_U64, main_due_usec),
        FIELD("created_usec", FIELD_U64, created_usec),
        FIELD("start_usec", FIELD_U64, start_usec),
        FIELD("exit_usec", FIELD_U64, exit_usec),
        FIELD("stop_timeout_usec", FIELD_U64, stop_timeout_usec),
        FIELD("ended_boot_usec", FIELD_U64, ended_boot_usec),
        FIELD("oom_kills", FIELD_U64, oom_kills),
        FIELD("memory_told_high", FIELD_U64, memory_told.high),
        FIELD("memory_told_max", FIELD_U64, memory_told.max),
        FIELD("memory_told_oom", FIELD_U64, memory_told.oom),
        FIELD("memory_told_usec", FIELD_U64, memory_told_usec),
        FIELD("main_pid", FIELD_INT, main_pid),
        FIELD("exit_status", FIELD_INT, exit_status),
        FIELD("exit_signal", FIELD_INT, exit_signal),
        FIELD("create_recorded", FIELD_BOOL, create_recorded),
        FIELD("start_recorded", FIELD_INT, start_recorded),
        FIELD("exit_recorded", FIELD_INT, exit_recorded),
        FIELD("zombie_recorded", FIELD_BOOL, zombie_recorded),
        FIELD("freezes_recorded", FIELD_UNSIGNED, freezes_recorded),
        FIELD("destroyer_uid", FIELD_UNSIGNED, destroyer_uid),
        FIELD("destroyer_pid", FIELD_INT, destroyer_pid),
#undef FIELD
};

static void append_metrics(Fields *f, const Metrics *m)
{
        for (MetricType t = 0; t < _METRIC_MAX; t++)
                if (m->present[t])
                        fields_append_u64(f, metric_table[t].name, m->values[t]);
}

/* 1 when the key is a metric's name. */
static int read_metric(Metrics *m, const char *key, const char *value)
{
        MetricType t = metric_from_name(key);
        int r;

        if (t < 0)
                return 0;
        r = parse_u64(value, &m->values[t]);
        if (r < 0)
                return r;
        m->present[t] = true;
        return 1;
}

static void append_scope(Fields *f, const Scope *s)
{
        fields_append(f, "state", scope_state_to_string(s->state));
        state_append(f, s, scope_fields, ELEMENTSOF(scope_fields));
        append_limits(f, &s->limits);
        append_metrics(f, &s->metrics);
}

int scope_check_size(const Scope *s, const Limits *changes, sd_bus_error *error)
{
        _cleanup_(fields_done) Fields f = {};

        append_scope(&f, s);
        if (changes)
                append_limits(&f, changes);
        if (f.error < 0)
                return f.error;
        if (f.length <= STATE_MAX)
                return 0;
        return error_set(error, ERROR_LIMITS_EXCEEDED,
                         "%s with these limits takes %zu bytes to remember; at most %d are allowed",
                         s->name, f.length, STATE_MAX);
}

int scope_save(const Scope *s)
{
        _cleanup_(fields_done) Fields f = {};
        char name[64];
        int r;

        append_scope(&f, s);
        (void) snprintf(name, sizeof name, "%s.scope", s->id);
        r = state_file_write(s->manager->runtime_fd, name, &f);
        if (r < 0)
                log_error("%s: cannot write %s/%s: %s", s->unit, s->manager->runtime_path, name,
                          strerror(-r));
        return r;
}

static int forget_file(const Scope *s, const char *suffix)
{
        char name[64];

        (void) snprintf(name, sizeof name, "%s.%s", s->id, suffix);
        return unlinkat(s->manager->runtime_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int scope_forget_files(const Scope *s, bool record)
{
        scope_forget_socket(s);
        (void) forget_file(s, "outcome");
        return record ? forget_file(s, "scope") : 0;
}

void scope_forget_socket(const Scope *s)
{
        (void) forget_file(s, "sock");
}

int scope_load_outcome(Scope *s)
{
        _cleanup_(freep) char *data = NULL;
        TaskReport report = { .task = TASK_MAIN, .ended = true, .exit = -1 };
        FieldsReader reader;
        char name[64], *key, *value;
        size_t length;
        int r;

        (void) snprintf(name, sizeof name, "%s.outcome", s->id);
        r = state_file_read(s->manager->runtime_fd, name, &data, &length);
        if (r < 0)
                return r;
        reader = fields_reader(data, length);
        while ((r = fields_next(&reader, &key, &value)) > 0) {
                uint64_t n;

                r = read_metric(&s->metrics, key, value);
                if (r != 0)
                        continue;
                if (parse_u64(value, &n) < 0)
                        continue;
                if (n > INT32_MAX && !endswith(key, "_usec"))
                        return -EBADMSG;
                if (streq(key, "pid"))
                        report.pid = (pid_t) n;
                else if (streq(key, "start_usec"))
                        report.start_usec = n;
                else if (streq(key, "exit_usec"))
                        report.exit_usec = n;
                else if (streq(key, "exit"))
                        report.exit = (int) n;
                else if (streq(key, "signal"))
                        report.signal = (int) n;
                else if (streq(key, "oom"))
                        report.oom = n != 0;
                else if (streq(key, "timed_out"))
                        report.timed_out = n != 0;
        }
        if (r < 0)
                return r;
        if (report.pid > 0 && report.exit_usec > 0)
                scope_take_main(s, &report);
        if (s->metrics.present[METRIC_MEMORY_EVENTS_OOM_KILL])
                scope_take_oom_kills(s, s->metrics.values[METRIC_MEMORY_EVENTS_OOM_KILL]);
        return 0;
}

static int read_scope_field(Scope *s, const char *key, char *value)
{
        int r;

        if (streq(key, "state")) {
                ScopeState state = scope_state_from_string(value);

                if (state < 0)
                        return -EBADMSG;
                scope_set_state(s, state);
                return 0;
        }
        if (streq(key, "limit"))
                return read_limit(&s->limits, value);
        if (streq(key, "unit"))
                return 0; /* the hash's key, known already */
        r = state_read(s, scope_fields, ELEMENTSOF(scope_fields), key, value);
        if (r == 0)
                r = read_metric(&s->metrics, key, value);
        return r < 0 ? r : 0;
}

/* The unit comes first: the scope is hashed by it. */
static int find_unit(const char *data, size_t length, char **ret)
{
        _cleanup_(freep) char *copy = malloc(length + 1), *unit = NULL;
        FieldsReader reader;
        char *key, *value;
        bool complete = false;
        int r;

        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, length);
        reader = fields_reader(copy, length);
        while ((r = fields_next(&reader, &key, &value)) > 0) {
                complete = streq(key, STATE_END_KEY);
                if (!unit && streq(key, "unit") && !(unit = strdup(value)))
                        return -ENOMEM;
        }
        if (r < 0)
                return r;
        if (!complete || !unit)
                return -EBADMSG;
        *ret = TAKE_PTR(unit);
        return 0;
}

/* As scope_new() makes it. */
static int read_id(const char *file, char **ret)
{
        size_t n = strspn(file, "0123456789abcdef");

        if (n != 16 || !streq(file + n, ".scope"))
                return -EBADMSG;
        *ret = strndup(file, n);
        return *ret ? 0 : -ENOMEM;
}

static bool is_weight(uint64_t weight)
{
        return weight >= 1 && weight <= 10000;
}

static bool check_pressure(const ScopePressure *p)
{
        return p->frozen_for < _PSI_RESOURCE_MAX && p->demoted_for < _PSI_RESOURCE_MAX &&
               p->killed_for < _PSI_RESOURCE_MAX && p->started_usec <= now_monotonic_usec() &&
               p->killed_usec <= now_monotonic_usec() &&
               (!p->demoted || (is_weight(p->weight_before) && is_weight(p->weight_demoted)));
}

/* Whatever stands in the file, only what may be ours is opened, killed or stopped for it. */
static int check_scope(const Scope *s)
{
        _cleanup_(freep) char *slice = NULL, *name = NULL, *reason = NULL;
        const char *last = s->path ? strrchr(s->path, '/') : NULL;
        int r;

        r = slice_parse(s->slice, &slice, &reason);
        if (r >= 0)
                r = scope_name_parse(s->name, &name, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (!streq(slice, s->slice) || !streq(name, s->name) || s->ending > RELEASE_STOPPED ||
            (s->frozen_by & ~FROZEN_BY_ALL) || !check_pressure(&s->pressure))
                return -EBADMSG;
        /* systemd escapes names that the kernel could take for its own. */
        if (s->path && (s->path[0] != '/' || !last || !streq(last + 1 + (last[1] == '_'), s->unit)))
                return -EBADMSG;
        return scope_note_instance(s);
}

static int load_scope(Manager *m, const char *file, Scope **ret)
{
        _cleanup_(freep) char *data = NULL, *unit = NULL, *id = NULL;
        _cleanup_(scope_freep) Scope *s = NULL;
        FieldsReader reader;
        char *key, *value;
        size_t length;
        int r;

        r = read_id(file, &id);
        if (r >= 0)
                r = state_file_read(m->runtime_fd, file, &data, &length);
        if (r >= 0)
                r = find_unit(data, length, &unit);
        if (r < 0)
                return r;
        if (scope_by_unit(m, unit))
                return -EEXIST;
        r = scope_new(m, "", "", unit, &s);
        if (r < 0)
                return r;
        free(s->id);
        s->id = TAKE_PTR(id);

        reader = fields_reader(data, length);
        while ((r = fields_next(&reader, &key, &value)) > 0) {
                r = read_scope_field(s, key, value);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = check_scope(s);
        if (r >= 0)
                r = scope_set_creator(s, s->uid);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* One that stands still with its scope tells nothing before systemd thaws it. */
static void begin_adoption(Scope *s)
{
        if (scope_is_frozen_by_systemd(s))
                return;
        s->adopting = true;
        manager_begin_adoption(s->manager);
}

/* Processes of a start that was not told to be done, perhaps because it hangs: ended as everything is
 * that is ended, and no record is left. */
static void undo_populated(Scope *s)
{
        log_info("%s was half made and is undone", s->unit);
        s->undone = true;
        if (s->cgroup_fd >= 0)
                (void) cgroup_kill(s->cgroup_fd);
        scope_release(s, RELEASE_DESTROY, NULL);
}

static void note_freezes(Scope *s)
{
        unsigned recorded = s->freezes_recorded;

        scope_record_freezes(s, NULL);
        if (s->freezes_recorded != recorded)
                (void) scope_save(s);
}

static int open_cgroups(Scope *s)
{
        int r = s->path ? scope_open_cgroup(s) : -ENOENT;

        if (r >= 0)
                r = scope_open_payload(s);
        return is_shortage(r) ? r : 0;
}

/* Brings a scope that an earlier daemon served back to life, or to its end. */
static int adopt(Scope *s)
{
        bool half_made = s->state == SCOPE_CREATING;
        int r;

        s->unit_started = true;
        r = open_cgroups(s);
        if (r < 0)
                return r;
        s->armed = scope_populated(s) > 0; /* else by a task that the supervisor tells of */
        if ((half_made || (s->undone && s->state != SCOPE_ZOMBIE)) && s->armed) {
                undo_populated(s);
                return 0;
        }
        if (half_made) {
                /* Nobody was told that it exists. */
                log_info("%s was half made and is undone", s->unit);
                record_undone(s);
                if (s->cgroup_fd >= 0)
                        (void) cgroup_kill(s->cgroup_fd);
                systemd_call_forget(s->manager, "StopUnit", s->unit, "replace");
                (void) scope_forget_files(s, true);
                scope_free(s);
                return 0;
        }

        if (!s->create_recorded && !s->undone) {
                record_created(s, NULL);
                s->create_recorded = true;
                (void) scope_save(s);
        }
        if (s->state == SCOPE_RELEASING || scope_is_live(s)) {
                /* systemd may have frozen or thawed it meanwhile. */
                scope_set_state(s, scope_live_state(s));
                note_freezes(s);
        }
        r = supervisor_connect(s, &s->link);
        if (r >= 0) {
                log_info("%s is adopted", s->unit);
                begin_adoption(s);
                if (s->destroying && s->state != SCOPE_ZOMBIE)
                        scope_release(s, RELEASE_DESTROY, NULL);
                scope_check_silence(s);
                return 0;
        }
        if (is_shortage(r))
                return r;
        if (scope_populated(s) > 0) {
                log_warning("%s has lost its supervisor", s->unit);
                if (!s->main_ended)
                        (void) scope_load_outcome(s);
                if (s->state == SCOPE_ZOMBIE)
                        return 0; /* its emptying is waited for */
                if (s->destroying)
                        scope_release(s, RELEASE_DESTROY, NULL);
                else if (scope_recover(s) >= 0)
                        begin_adoption(s);
                return 0;
        }
        s->unit_started = s->cgroup_fd >= 0;
        scope_release(s, s->destroying ? RELEASE_DESTROY : RELEASE_LOST, NULL);
        return 0;
}

/* Stale sockets and half-written files of scopes that are not there any more. */
static int remove_stale(Manager *m, const char *file)
{
        const char *dot = strrchr(file, '.');
        char scope[64];

        if (startswith(file, ".#")) {
                (void) unlinkat(m->runtime_fd, file, 0);
                return 0;
        }
        if (!dot || (!streq(dot, ".sock") && !streq(dot, ".outcome") && !streq(dot, ".outcome~")))
                return 0;
        (void) snprintf(scope, sizeof scope, "%.*s.scope", (int) (dot - file), file);
        if (faccessat(m->runtime_fd, scope, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
                (void) unlinkat(m->runtime_fd, file, 0);
        return 0;
}

/* Calls f for every file of the runtime directory, until it fails. */
static int for_each_file(Manager *m, int (*f)(Manager *m, const char *file))
{
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *entry;
        int fd, r = 0;

        fd = openat(m->runtime_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                safe_close(fd);
                return -errno;
        }
        while (r >= 0 && (entry = readdir(d)))
                if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
                        r = f(m, entry->d_name);
        return r;
}

/* What is wrong with a file concerns its scope alone. */
static int load_file(Manager *m, const char *file)
{
        const char *suffix = endswith(file, ".scope");
        Scope *s;
        int r;

        if (!suffix || *file == '.')
                return 0;
        r = load_scope(m, file, &s);
        if (r < 0)
                log_error("cannot read %s/%s: %s; its scope is not served", m->runtime_path, file,
                          r == -EBADMSG ? "it is no state file, or not whole" : strerror(-r));
        return is_shortage(r) ? r : 0;
}

int manager_load_scopes(Manager *m)
{
        Scope *s, *next;
        int r;

        r = for_each_file(m, load_file);
        if (r >= 0)
                r = for_each_file(m, remove_stale);
        if (r < 0)
                return r;
        m->adopting = true;
        HASH_ITER (hh, m->scopes, s, next)
                if (r >= 0 && !scope_has_ended(s))
                        r = adopt(s);
        m->adopting = false;
        if (r >= 0)
                manager_trim_records(m);
        return r;
}
