/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything about a scope or a task: the properties of its object on the bus. */
#include "daemon.h"

/* --- which object --- */

bool client_object_is_task(const char *object)
{
        return startswith(object, SCOPE_PREFIX "/") && strstr(object, "/task/");
}

int client_info_set_object(hpcnode_cgroup_info *info, const char *object)
{
        char *unit = NULL, *task = NULL;
        bool is_task = client_object_is_task(object);
        int r;

        if (is_task)
                r = sd_bus_path_decode_many(object, TASK_TEMPLATE, &unit, &task);
        else
                r = sd_bus_path_decode(object, SCOPE_PREFIX, &unit);
        if (r < 0)
                return r;
        if (r == 0)
                return -EINVAL;

        free(info->unit);
        info->unit = unit;
        if (is_task) {
                free(info->name);
                info->name = task;
        }
        info->is_task = is_task;
        return 0;
}

/* The scope's object of a task's object; a copy of the path itself for a scope. */
static char *scope_object(const char *object)
{
        const char *task = strstr(object, "/task/");

        return task ? strndup(object, (size_t) (task - object)) : strdup(object);
}

int daemon_scope_identity(Daemon *d, const char *object, char **ret_name, char **ret_cgroup,
                          hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *scope = NULL, *name = NULL, *cgroup = NULL;
        int r;

        scope = scope_object(object);
        if (!scope)
                return client_oom(e);

        r = daemon_query_property(d, scope, SCOPE_IFACE, "Name", &name, e);
        if (r < 0)
                return r;
        r = daemon_query_property(d, scope, SCOPE_IFACE, "Path", &cgroup, e);
        if (r < 0)
                return r;

        *ret_name = TAKE_PTR(name);
        *ret_cgroup = TAKE_PTR(cgroup);
        return 0;
}

/* --- its properties --- */

/* Each reads a value of its type; an empty string stays NULL. */
static int read_string(sd_bus_message *m, void *field)
{
        char **ret = field;
        const char *s;
        int r;

        r = sd_bus_message_read_basic(m, 's', &s);
        if (r < 0 || !*s)
                return r;
        free(*ret);
        *ret = strdup(s);
        return *ret ? 0 : -ENOMEM;
}

static int read_strings(sd_bus_message *m, void *field)
{
        char ***ret = field;

        *ret = hpcnode_cgroup_strings_free(*ret);
        return sd_bus_message_read_strv(m, ret);
}

static int read_u32(sd_bus_message *m, void *field)
{
        return sd_bus_message_read_basic(m, 'u', field);
}

static int read_u64(sd_bus_message *m, void *field)
{
        return sd_bus_message_read_basic(m, 't', field);
}

static int read_i32(sd_bus_message *m, void *field)
{
        return sd_bus_message_read_basic(m, 'i', field);
}

static int read_flag(sd_bus_message *m, void *field)
{
        return sd_bus_message_read_basic(m, 'b', field);
}

static int read_count(sd_bus_message *m, void *field)
{
        uint32_t u;
        int r;

        r = sd_bus_message_read_basic(m, 'u', &u);
        if (r < 0)
                return r;
        *(int *) field = (int) u;
        return 0;
}

static int read_limits(sd_bus_message *m, void *field)
{
        hpcnode_cgroup_limits **ret = field;

        *ret = hpcnode_cgroup_limits_free(*ret);
        return client_limits_read(m, ret);
}

static int read_metrics(sd_bus_message *m, void *field)
{
        hpcnode_cgroup_metrics **ret = field;

        *ret = hpcnode_cgroup_metrics_free(*ret);
        return client_metrics_read(m, ret);
}

static int read_pids(sd_bus_message *m, void *field)
{
        hpcnode_cgroup_info *info = field;
        const void *pids;
        size_t n_bytes;
        int r;

        r = sd_bus_message_read_array(m, 'u', &pids, &n_bytes);
        if (r < 0)
                return r;
        free(info->pids);
        info->pids = malloc(n_bytes ?: 1);
        if (!info->pids)
                return -ENOMEM;
        if (n_bytes > 0)
                memcpy(info->pids, pids, n_bytes);
        info->n_pids = (int) (n_bytes / sizeof(uint32_t));
        return 0;
}

typedef struct InfoProperty {
        const char *name;
        const char *signature;
        int (*read)(sd_bus_message *m, void *field);
        size_t offset; /* in hpcnode_cgroup_info */
        bool apart;    /* no part of GetAll, since it takes the daemon a while */
} InfoProperty;

#define FIELD(f) offsetof(hpcnode_cgroup_info, f)

static const InfoProperty scope_properties[] = {
        { "Name", "s", read_string, FIELD(name) },
        { "Unit", "s", read_string, FIELD(unit) },
        { "Slice", "s", read_string, FIELD(slice) },
        { "Path", "s", read_string, FIELD(cgroup) },
        { "State", "s", read_string, FIELD(state) },
        { "Owner", "s", read_string, FIELD(owner) },
        { "UID", "u", read_u32, FIELD(uid) },
        { "Job", "b", read_flag, FIELD(is_job) },
        { "Description", "s", read_string, FIELD(description) },
        { "Priority", "u", read_count, FIELD(priority) },
        { "ReleaseOnEmpty", "b", read_flag, FIELD(release_on_empty) },
        { "FrozenBy", "as", read_strings, FIELD(frozen_by) },
        { "Demoted", "b", read_flag, FIELD(demoted) },
        { "MainPID", "u", read_u32, FIELD(pid) },
        { "PIDs", "au", read_pids, 0 /* two fields: takes the info itself */, true },
        { "ExitStatus", "i", read_i32, FIELD(exit_status) },
        { "ExitSignal", "i", read_i32, FIELD(exit_signal) },
        { "OOMKilled", "b", read_flag, FIELD(oom_killed) },
        { "TimedOut", "b", read_flag, FIELD(timed_out) },
        { "PressureKilled", "b", read_flag, FIELD(pressure_killed) },
        { "OOMKills", "t", read_u64, FIELD(oom_kills) },
        { "CreatedUSec", "t", read_u64, FIELD(created_usec) },
        { "StartUSec", "t", read_u64, FIELD(start_usec) },
        { "ExitUSec", "t", read_u64, FIELD(exit_usec) },
        { "Log", "s", read_string, FIELD(log) },
        { "ServiceCount", "u", read_count, FIELD(n_services) },
        { "RequirePathCount", "u", read_count, FIELD(n_require_paths) },
        { "Limits", "a{sv}", read_limits, FIELD(limits), true },
        { "Metrics", "a{sv}", read_metrics, FIELD(metrics), true },
        { NULL },
};

static const InfoProperty task_properties[] = {
        { "Name", "s", read_string, FIELD(name) },
        { "PID", "u", read_u32, FIELD(pid) },
        { "State", "s", read_string, FIELD(state) },
        { "ExitStatus", "i", read_i32, FIELD(exit_status) },
        { "ExitSignal", "i", read_i32, FIELD(exit_signal) },
        { "OOMKilled", "b", read_flag, FIELD(oom_killed) },
        { "TimedOut", "b", read_flag, FIELD(timed_out) },
        { "StartUSec", "t", read_u64, FIELD(start_usec) },
        { "ExitUSec", "t", read_u64, FIELD(exit_usec) },
        { "Limits", "a{sv}", read_limits, FIELD(limits), true },
        { "Log", "s", read_string, FIELD(log) },
        { NULL },
};

static const InfoProperty *properties_of(const hpcnode_cgroup_info *info)
{
        return info->is_task > 0 ? task_properties : scope_properties;
}

const char *client_info_apart(const hpcnode_cgroup_info *info, size_t n)
{
        for (const InfoProperty *p = properties_of(info); p->name; p++)
                if (p->apart && n-- == 0)
                        return p->name;
        return NULL;
}

static int read_property(sd_bus_message *m, const char *key, void *userdata)
{
        hpcnode_cgroup_info *info = userdata;
        const InfoProperty *p = properties_of(info);
        int r;

        while (p->name && !streq(p->name, key))
                p++;
        if (!p->name)
                return 0;

        r = client_variant_enter(m, p->signature);
        if (r <= 0)
                return r;
        r = p->read(m, (char *) info + p->offset);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

int client_info_read(sd_bus_message *reply, const char *property, hpcnode_cgroup_info *info)
{
        return property ? read_property(reply, property, info)
                        : client_dict_read(reply, read_property, info);
}

/* With a property Get, else GetAll. */
static int read_object(Daemon *d, const char *object, const char *property,
                       hpcnode_cgroup_info *info, hpcnode_cgroup_error *e)
{
        const char *interface = info->is_task > 0 ? TASK_IFACE : SCOPE_IFACE;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = daemon_query(d, object, PROPERTIES_IFACE, property ? "Get" : "GetAll",
                         (const char *const[]){ interface, property, NULL }, &reply, e);
        if (r < 0)
                return r;
        r = client_info_read(reply, property, info);
        return r < 0 ? client_error_reply(e, r) : 0;
}

int daemon_inspect(void *userdata, const char *scope, hpcnode_cgroup_info **ret,
                   hpcnode_cgroup_error *ret_error)
{
        Daemon *d = userdata;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *scope_name = NULL;
        const char *object, *apart;
        int r;

        r = daemon_query(d, MANAGER_PATH, MANAGER_IFACE, "GetScope",
                         (const char *const[]){ scope, NULL }, &reply, ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(reply, 'o', &object);
        if (r < 0)
                return client_error_reply(ret_error, r);

        info = client_info_new();
        if (!info)
                return client_oom(ret_error);
        r = client_info_set_object(info, object);
        if (r < 0)
                return client_error_reply(ret_error, r);
        r = read_object(d, object, NULL, info, ret_error);
        for (size_t i = 0; r >= 0 && (apart = client_info_apart(info, i)); i++)
                r = read_object(d, object, apart, info, ret_error);
        if (r < 0)
                return r;
        if (info->is_task > 0) {
                _cleanup_(freep) char *scope_cgroup = NULL;

                r = daemon_scope_identity(d, object, &scope_name, &scope_cgroup, ret_error);
                if (r < 0)
                        return r;
                r = client_info_set_task_cgroup(info, scope_cgroup);
                if (r < 0)
                        return client_oom(ret_error);
        }
        r = client_info_set_id(info, scope_name);
        if (r < 0)
                return client_oom(ret_error);

        *ret = TAKE_PTR(info);
        return 0;
}
