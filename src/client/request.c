/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of the daemon's methods: one table of what they take and how their answer is read. */
#include "daemon.h"

#include "basic/name.h"
#include <fcntl.h>
#include <unistd.h>

typedef enum Takes {
        TAKES_SCOPE_NAME = 1 << 0, /* second: the name of a scope to be */
        TAKES_TASK_NAME = 1 << 1,  /* second: that of a task to be */
        TAKES_LIMITS = 1 << 2,
        TAKES_ARGV = 1 << 3,
        TAKES_OPTIONS = 1 << 4,
        TAKES_PIDS = 1 << 5,
        TAKES_SIGNAL = 1 << 6,
        TAKES_DURATION = 1 << 7,
        TAKES_NOTHING = 1 << 8, /* nor a first string */
        TAKES_KILL = 1 << 9,    /* which comes before the first string */
} Takes;

typedef struct OperationInfo {
        const char *method;
        bool reads;
        unsigned takes;        /* in the order of the arguments */
        OptionCalls call;      /* what makes something, with limits or options */
        const char *only_here; /* what it is called, if it is of no use on another machine */
        int (*read)(const Request *q, sd_bus_message *reply, Result *ret);
} OperationInfo;

/* --- answers; negative errno when they cannot be read --- */

static int read_slices(const Request *q, sd_bus_message *reply, Result *ret)
{
        return sd_bus_message_read_strv(reply, &ret->slices);
}

static int read_created(const Request *q, sd_bus_message *reply, Result *ret)
{
        const char *object, *path;
        int r;

        r = sd_bus_message_read(reply, "os", &object, &path);
        if (r < 0)
                return r;
        ret->info = client_info_new();
        if (!ret->info)
                return -ENOMEM;
        r = client_info_set_object(ret->info, object);
        if (r < 0)
                return r;
        r = scope_name_parse(q->second, &ret->info->name, NULL);
        if (r < 0)
                return r;
        ret->info->cgroup = strdup(path);
        return ret->info->cgroup ? client_info_set_id(ret->info, NULL) : -ENOMEM;
}

static int read_run(const Request *q, sd_bus_message *reply, Result *ret)
{
        int r;

        r = read_created(q, reply, ret);
        return r < 0 ? r : sd_bus_message_read_basic(reply, 'u', &ret->info->pid);
}

static int read_spawned(const Request *q, sd_bus_message *reply, Result *ret)
{
        const char *object;
        int r;

        ret->info = client_info_new();
        if (!ret->info)
                return -ENOMEM;
        r = sd_bus_message_read(reply, "ou", &object, &ret->info->pid);
        if (r < 0)
                return r;
        r = client_info_set_object(ret->info, object);
        return r < 0 ? r : client_info_set_id(ret->info, NULL);
}

static int read_figures(const Request *q, sd_bus_message *reply, Result *ret)
{
        return client_metrics_read(reply, &ret->metrics);
}

static int read_flag(const Request *q, sd_bus_message *reply, Result *ret)
{
        return sd_bus_message_read_basic(reply, 'b', &ret->value);
}

static int read_text(const Request *q, sd_bus_message *reply, Result *ret)
{
        const char *text;
        int r;

        r = sd_bus_message_read_basic(reply, 's', &text);
        if (r < 0)
                return r;
        ret->text = strdup(text);
        return ret->text ? 0 : -ENOMEM;
}

static int read_outcome(const Request *q, sd_bus_message *reply, Result *ret)
{
        int exit_status, exit_signal, oom_killed, r;
        const char *state;

        r = sd_bus_message_read(reply, "siib", &state, &exit_status, &exit_signal, &oom_killed);
        if (r < 0)
                return r;
        ret->info = client_info_new_outcome(state, exit_status, exit_signal, oom_killed);
        return ret->info ? 0 : -ENOMEM;
}

static int read_list_entry(Result *ret, size_t n, const char *object, const char *path,
                           const char *state)
{
        hpcnode_cgroup_info *info;
        int r;

        info = client_list_add(&ret->list, n);
        if (!info)
                return -ENOMEM;
        r = client_info_set_object(info, object);
        if (r < 0)
                return r;
        info->cgroup = strdup(path);
        info->state = strdup(state);
        return info->cgroup && info->state ? client_info_set_id(info, NULL) : -ENOMEM;
}

static int read_list(const Request *q, sd_bus_message *reply, Result *ret)
{
        const char *object, *path, *state;
        size_t n = 0;
        int r;

        ret->list = calloc(1, sizeof(hpcnode_cgroup_info *));
        if (!ret->list)
                return -ENOMEM;
        r = sd_bus_message_enter_container(reply, 'a', "(osss)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(reply, "(osss)", &object, NULL, &path, &state)) > 0) {
                r = read_list_entry(ret, n++, object, path, state);
                if (r < 0)
                        return r;
        }
        return r;
}

static int read_tasks(const Request *q, sd_bus_message *reply, Result *ret)
{
        return client_tasks_read(reply, &ret->list);
}

static int read_caller(const Request *q, sd_bus_message *reply, Result *ret)
{
        const char *principal, *unit;
        int r;

        r = sd_bus_message_read(reply, "sus", &principal, &ret->uid, &unit);
        if (r < 0)
                return r;
        ret->text = strdup(principal);
        ret->unit = strdup(unit);
        return ret->text && ret->unit ? 0 : -ENOMEM;
}

static int read_directory(const Request *q, sd_bus_message *reply, Result *ret)
{
        int r, fd;

        r = sd_bus_message_read_basic(reply, 'h', &fd); /* the reply's */
        if (r < 0)
                return r;
        ret->value = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return ret->value < 0 ? -errno : 0;
}

/* --- the table --- */

static const OperationInfo operation_table[_OPERATION_MAX] = {
        [OPERATION_CREATE_HIERARCHY] = { "CreateHierarchy", .takes = TAKES_NOTHING,
                                         .read = read_slices },
        [OPERATION_CREATE_SCOPE] = { "CreateScope",
                                     .takes = TAKES_SCOPE_NAME | TAKES_LIMITS | TAKES_OPTIONS,
                                     .call = OPTION_CREATE, .read = read_created },
        [OPERATION_DESTROY_SCOPE] = { "DestroyScope" },
        [OPERATION_READ_METRICS] = { "ReadMetrics", .reads = true, .read = read_figures },
        [OPERATION_IS_SCOPE_EMPTY] = { "IsScopeEmpty", .reads = true, .read = read_flag },
        [OPERATION_SLICE_OWNER] = { "SliceOwner", .reads = true, .read = read_text },
        [OPERATION_RUN] = { "Run",
                            .takes = TAKES_SCOPE_NAME | TAKES_LIMITS | TAKES_ARGV | TAKES_OPTIONS,
                            .call = OPTION_RUN, .read = read_run },
        [OPERATION_SPAWN] = { "Spawn", .takes = TAKES_TASK_NAME | TAKES_ARGV | TAKES_OPTIONS,
                              .call = OPTION_SPAWN, .read = read_spawned },
        [OPERATION_ATTACH] = { "AttachProcesses", .takes = TAKES_TASK_NAME | TAKES_PIDS },
        [OPERATION_MOVE_TASKS] = { "AttachProcesses", .takes = TAKES_TASK_NAME | TAKES_PIDS,
                                   .only_here = "move_tasks" },
        [OPERATION_OPEN_SCOPE] = { "OpenScope", .takes = TAKES_TASK_NAME, .read = read_directory,
                                   .only_here = "open_scope" },
        [OPERATION_SET_LIMITS] = { "SetScopeLimits", .takes = TAKES_LIMITS },
        [OPERATION_FREEZE] = { "FreezeScope" },
        [OPERATION_THAW] = { "ThawScope" },
        [OPERATION_KILL] = { "KillScope", .takes = TAKES_SIGNAL },
        [OPERATION_KILL_ALL] = { "KillAll", .takes = TAKES_SIGNAL },
        [OPERATION_WAIT] = { "WaitScope", .reads = true, .read = read_outcome },
        [OPERATION_REMOVE] = { "RemoveScope" },
        [OPERATION_LIST] = { "ListScopes", .reads = true, .takes = TAKES_NOTHING,
                             .read = read_list },
        [OPERATION_LIST_TASKS] = { "ListTasks", .reads = true, .read = read_tasks },
        [OPERATION_WHO_AM_I] = { "WhoAmI", .reads = true, .takes = TAKES_NOTHING,
                                 .read = read_caller },
        [OPERATION_DECLARE_EMERGENCY] = { "DeclareEmergency", .takes = TAKES_DURATION },
        [OPERATION_END_EMERGENCY] = { "EndEmergency", .takes = TAKES_NOTHING },
        [OPERATION_DRAIN] = { "Drain", .takes = TAKES_KILL },
        [OPERATION_WAIT_DRAINED] = { "WaitDrained", .reads = true, .takes = TAKES_NOTHING },
        [OPERATION_CANCEL_DRAIN] = { "CancelDrain", .takes = TAKES_NOTHING },
};

void result_done(Result *r)
{
        hpcnode_cgroup_info_free(r->info);
        hpcnode_cgroup_list_free(r->list);
        hpcnode_cgroup_metrics_free(r->metrics);
        hpcnode_cgroup_strings_free(r->slices);
        free(r->text);
        free(r->unit);
        *r = (Result){ 0 };
}

bool request_reads(const Request *q)
{
        return operation_table[q->operation].reads;
}

/* --- questions --- */

/* *ret_second (owned by the caller) is NULL where there is none. */
static int check(const Request *q, const OperationInfo *o, bool here, char **ret_second,
                 hpcnode_cgroup_error *e)
{
        int r = 0;

        if (!here && o->only_here)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED,
                                    "%s needs the cgroups of this machine, and not of another",
                                    o->only_here);
        if (o->takes & TAKES_ARGV)
                r = client_check_argv(q->argv, e);
        if (r >= 0 && o->takes & TAKES_SCOPE_NAME)
                r = client_check_name(q->second, ret_second, e);
        if (r >= 0 && o->takes & TAKES_TASK_NAME)
                r = client_check_task_name(q->second, ret_second, e);
        if (r >= 0)
                r = client_check_settings(q->limits, q->options, o->call, here, e);
        return r;
}

/* An a{sv} of both, either of which may be NULL. */
static int append_dict(sd_bus_message *m, const hpcnode_cgroup_limits *limits,
                       const hpcnode_cgroup_options *options, hpcnode_cgroup_error *e)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && limits)
                r = client_limits_append(m, &limits->limits);
        if (r >= 0 && options)
                r = client_options_append(m, options);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? daemon_append_failed(e, "an option", r) : 0;
}

static int append_arguments(Daemon *d, const Request *q, const OperationInfo *o, sd_bus_message *m,
                            hpcnode_cgroup_error *e)
{
        /* Where a command stands between them, they are dictionaries of their own. */
        bool one_dict = !(o->takes & TAKES_ARGV);
        int r = 0;

        if (o->takes & TAKES_KILL) {
                r = sd_bus_message_append(m, "bs", (int) q->kill, q->first);
                if (r < 0)
                        return daemon_append_failed(e, "the reason", r);
        }
        if (o->takes & TAKES_LIMITS)
                r = append_dict(m, q->limits, one_dict ? q->options : NULL, e);
        if (r >= 0 && o->takes & TAKES_ARGV) {
                r = sd_bus_message_append_strv(m, (char **) q->argv);
                if (r < 0)
                        return daemon_append_failed(e, "the command", r);
        }
        if (r >= 0 && o->takes & TAKES_OPTIONS && !one_dict)
                r = append_dict(m, NULL, q->options, e);
        if (r < 0)
                return r;

        if (o->takes & TAKES_PIDS)
                r = sd_bus_message_append_array(m, 'u', q->pids, q->n_pids * sizeof(*q->pids));
        if (o->takes & TAKES_SIGNAL)
                r = sd_bus_message_append(m, "i", (int32_t) q->signal);
        if (o->takes & TAKES_DURATION)
                r = sd_bus_message_append(m, "t", q->duration_usec);
        return r < 0 ? client_error_bus(d, e, NULL, r) : 0;
}

int request_message(Daemon *d, const Request *q, sd_bus_message **ret, hpcnode_cgroup_error *e)
{
        const OperationInfo *o = &operation_table[q->operation];
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *second = NULL;
        int r;

        r = check(q, o, !daemon_is_elsewhere(d), &second, e);
        if (r < 0)
                return r;
        r = daemon_message_new(d, MANAGER_PATH, MANAGER_IFACE, o->method,
                               (const char *const[]){ q->first, second },
                               o->takes & (TAKES_NOTHING | TAKES_KILL) ? 0
                               : second                                ? 2
                                                                       : 1,
                               &m, e);
        if (r < 0)
                return r;
        r = append_arguments(d, q, o, m, e);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(m);
        return 0;
}

int request_read(const Request *q, sd_bus_message *reply, Result *ret, hpcnode_cgroup_error *e)
{
        const OperationInfo *o = &operation_table[q->operation];
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = o->read ? o->read(q, reply, &result) : 0;
        if (r < 0)
                return client_error_reply(e, r);

        *ret = result;
        result = (Result){ 0 };
        return ret->value;
}

static int make(Daemon *d, const void *userdata, sd_bus_message **ret, hpcnode_cgroup_error *e)
{
        return request_message(d, userdata, ret, e);
}

int request_put(Daemon *d, const Request *q, Result *ret, hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = daemon_call(d, make, q, request_reads(q), &reply, e);
        return r < 0 ? r : request_read(q, reply, ret, e);
}
