/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.hpcnode.Cgroup1: the manager's object, its vtable, and the methods that only read. */
#include "daemon/manager-bus.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "basic/reason.h"
#include "daemon/caller.h"
#include "daemon/metrics-bus.h"
#include "daemon/owners.h"
#include "daemon/scope.h"

/* --- methods that read --- */

/* The figures of a cgroup that is not one of our scopes. */
static int read_cgroup_metrics(Manager *m, const char *text, Metrics *ret, sd_bus_error *error)
{
        _cleanup_(freep) char *path = NULL, *unit = NULL, *reason = NULL, *slice_reason = NULL;
        _cleanup_(closep) int fd = -EBADF;
        char quoted[REASON_QUOTE_SIZE];
        int r;

        /* A slice of ours in any of its spellings, else a cgroup as the kernel has it. */
        r = slice_parse(text, &unit, &slice_reason);
        if (r >= 0)
                r = manager_slice_path(m, unit, &path);
        else if (r == -EINVAL)
                r = cgroup_path_parse(text, &path, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, TAKE_PTR(reason));

        fd = cgroup_open(m->cgroup_fd, *path ? path : ".");
        r = fd < 0 ? fd : metrics_read(fd, ret);
        if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EXDEV)
                return error_set(error, ERROR_NOT_FOUND, "there is no cgroup %s on this node",
                                 reason_quote(text, quoted));
        if (r < 0)
                return error_set(error, ERROR_IO, "%s: %s (errno %d)", reason_quote(text, quoted),
                                 strerror(-r), -r);
        return 0;
}

static int read_task_metrics(Task *t, Metrics *ret, sd_bus_error *error)
{
        Scope *s = t->scope;
        _cleanup_(closep) int fd = -EBADF;

        if (s->payload_fd >= 0)
                fd = cgroup_open(s->payload_fd, t->name);
        if (fd < 0 || metrics_read(fd, ret) < 0)
                return error_set(error, ERROR_NOT_FOUND, "%s/%s has ended (%s): its cgroup is gone",
                                 s->name, t->name, task_state(t));
        return 0;
}

static METHOD(method_read_metrics)
{
        Manager *m = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error scope_error = SD_BUS_ERROR_NULL;
        Metrics metrics = {};
        const char *path;
        Scope *s;
        Task *t;
        int r;

        r = sd_bus_message_read(message, "s", &path);
        if (r < 0)
                return r;
        if (scope_find(m, path, &s, &t, &scope_error) < 0)
                r = read_cgroup_metrics(m, path, &metrics, error);
        else if (t)
                r = read_task_metrics(t, &metrics, error);
        else if (scope_read_metrics(s, &metrics) < 0)
                r = error_set(error, ERROR_NOT_FOUND, "%s is %s: it has no figures", s->name,
                              scope_state_name(s));
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = metrics_append(reply, &metrics);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static METHOD(method_is_scope_empty)
{
        const char *text;
        Scope *s;
        Task *t;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r >= 0)
                r = scope_find_outcome(userdata, text, &s, &t, error);
        if (r < 0)
                return r;
        if (t)
                return sd_bus_reply_method_return(message, "b", (int) task_is_over(t));
        r = scope_populated(s);
        return r < 0 ? r : sd_bus_reply_method_return(message, "b", (int) !r);
}

static METHOD(method_slice_owner)
{
        _cleanup_(freep) char *path = NULL;
        char *reason = NULL;
        const char *text;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r < 0)
                return r;
        if (!*text)
                return error_set(error, ERROR_INVALID_ARGS, "the path is empty");
        r = cgroup_path_parse(text, &path, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        return sd_bus_reply_method_return(message, "s", owner_to_string(path_owner(text)));
}

static METHOD(method_get_scope)
{
        _cleanup_(freep) char *path = NULL;
        const char *text;
        Scope *s;
        Task *t;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r >= 0)
                r = scope_find_outcome(userdata, text, &s, &t, error);
        if (r >= 0)
                r = t ? task_object_path(t, &path) : scope_object_path(s, &path);
        return r < 0 ? r : sd_bus_reply_method_return(message, "o", path);
}

static METHOD(method_list_scopes)
{
        Manager *m = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(osss)");
        for (Scope *s = m->scopes; r >= 0 && s; s = s->hh.next) {
                _cleanup_(freep) char *path = NULL;

                if (!scope_is_public(s))
                        continue;
                r = scope_object_path(s, &path);
                if (r >= 0)
                        r = sd_bus_message_append(reply, "(osss)", path, s->unit, s->path ?: "",
                                                  scope_state_name(s));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* A task that is being started for the first time is not one yet. */
static int append_tasks(sd_bus_message *reply, const Scope *s, const Task *only)
{
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssuiibtt)");
        for (const Task *t = s->tasks; r >= 0 && t; t = t->hh.next)
                if (!t->starting && (!only || t == only))
                        r = sd_bus_message_append(reply, "(ssuiibtt)", t->name, task_state(t),
                                                  (uint32_t) t->pid, t->exit_status, t->exit_signal,
                                                  (int) t->oom, t->start_usec, t->exit_usec);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_scope_with_tasks(sd_bus_message *reply, const Scope *s, const Task *only)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        if (!s->tasks || !scope_is_public(s))
                return 0;
        r = scope_object_path(s, &path);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'r', "ossa(ssuiibtt)");
        if (r >= 0)
                r = sd_bus_message_append(reply, "oss", path, s->name, s->path ?: "");
        if (r >= 0)
                r = append_tasks(reply, s, only);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Thousands of tasks by one answer: their objects would be thousands of questions. */
static METHOD(method_list_tasks)
{
        Manager *m = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Scope *scope = NULL;
        Task *task = NULL;
        const char *text;
        int r;

        r = sd_bus_message_read(message, "s", &text);
        if (r >= 0 && *text)
                r = scope_find(m, text, &scope, &task, error);
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ossa(ssuiibtt))");
        if (r >= 0 && scope)
                r = append_scope_with_tasks(reply, scope, task);
        for (Scope *s = scope ? NULL : m->scopes; r >= 0 && s; s = s->hh.next)
                r = append_scope_with_tasks(reply, s, NULL);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int who_am_i(Call *call, sd_bus_error *error)
{
        Principal principal;

        if (owners_principal(call, &principal) > 0)
                call_reply(call, "sus", principal_to_string(principal), (uint32_t) call->uid,
                           call->caller->unit ?: "");
        return 1;
}

static METHOD(method_who_am_i)
{
        return call_begin(userdata, message, who_am_i, error);
}

/* --- properties and the vtable --- */

static PROPERTY(get_n_scopes)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", (uint64_t) HASH_COUNT(m->scopes) - m->n_records);
}

static PROPERTY(get_pressure)
{
        return sd_bus_message_append(reply, "s", pressure_policy(userdata));
}

/* Those that are in force. */
static PROPERTY(get_pressure_thresholds)
{
        Manager *m = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssst)");
        for (PressureAct act = 0; act < _PRESSURE_THRESHOLD_MAX; act++)
                for (PsiResource resource = 0; resource < _PSI_RESOURCE_MAX; resource++)
                        for (PsiKind k = 0; r >= 0 && k < _PSI_KIND_MAX; k++) {
                                uint64_t share = pressure_threshold(m, act, resource, k);

                                if (share != PRESSURE_OFF)
                                        r = sd_bus_message_append(reply, "(ssst)",
                                                                  pressure_act_to_string(act),
                                                                  psi_resource_to_string(resource),
                                                                  psi_kind_to_string(k), share);
                        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static PROPERTY(get_dry_run)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", (int) m->config.pressure.dry_run);
}

static PROPERTY(get_version)
{
        return sd_bus_message_append(reply, "s", VERSION);
}

#define NAMES(...) __VA_ARGS__
#define FREE_METHOD(name, in, in_names, out, out_names, function)                          \
        SD_BUS_METHOD_WITH_NAMES(name, in, NAMES in_names, out, NAMES out_names, function, \
                                 SD_BUS_VTABLE_UNPRIVILEGED)
#define P SD_BUS_PARAM

/* Whether a caller may is found out asynchronously by call_authorize(); sd-bus's own check would block. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("StartUSec", "t", NULL, offsetof(Manager, start_usec),
                        SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("NScopes", "t", get_n_scopes, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("NZombies", "t", NULL, offsetof(Manager, n_zombies),
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Emergency", "b", get_emergency, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("EmergencyReason", "s", get_emergency_reason, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("EmergencyUntil", "t", get_emergency_until, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),

        SD_BUS_PROPERTY("Draining", "b", get_draining, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("DrainReason", "s", get_drain_reason, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("DrainSince", "t", get_drain_since, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),

        SD_BUS_PROPERTY("Pressure", "s", get_pressure, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("PressureThresholds", "a(ssst)", get_pressure_thresholds, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("DryRun", "b", get_dry_run, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),

        FREE_METHOD("CreateHierarchy", "", (), "as", (P(slices)), method_create_hierarchy),
        FREE_METHOD("CreateScope", "ssa{sv}", (P(parent) P(name) P(limits)), "os",
                    (P(scope) P(path)), method_create_scope),
        FREE_METHOD("DestroyScope", "s", (P(scope)), "", (), method_destroy_scope),
        FREE_METHOD("ReadMetrics", "s", (P(path)), "a{sv}", (P(metrics)), method_read_metrics),
        FREE_METHOD("IsScopeEmpty", "s", (P(scope)), "b", (P(empty)), method_is_scope_empty),
        FREE_METHOD("SliceOwner", "s", (P(path)), "s", (P(owner)), method_slice_owner),
        FREE_METHOD("Run", "ssa{sv}asa{sv}", (P(parent) P(name) P(limits) P(argv) P(options)),
                    "osu", (P(scope) P(path) P(pid)), method_run),
        FREE_METHOD("Spawn", "ssasa{sv}", (P(scope) P(task) P(argv) P(options)), "ou",
                    (P(task_object) P(pid)), method_spawn),
        FREE_METHOD("OpenScope", "ss", (P(scope) P(task)), "h", (P(directory)), method_open_scope),
        FREE_METHOD("AttachProcesses", "ssau", (P(scope) P(task) P(pids)), "", (),
                    method_attach_processes),
        FREE_METHOD("FreezeScope", "s", (P(scope)), "", (), method_freeze_scope),
        FREE_METHOD("ThawScope", "s", (P(scope)), "", (), method_thaw_scope),
        FREE_METHOD("KillScope", "si", (P(scope) P(signal)), "", (), method_kill_scope),
        FREE_METHOD("KillAll", "si", (P(scope) P(signal)), "", (), method_kill_all),
        FREE_METHOD("SetScopeLimits", "sa{sv}", (P(scope) P(limits)), "", (),
                    method_set_scope_limits),
        FREE_METHOD("WaitScope", "s", (P(scope)), "siib",
                    (P(state) P(exit) P(signal) P(oom_killed)), method_wait_scope),
        FREE_METHOD("RemoveScope", "s", (P(scope)), "", (), method_remove_scope),
        FREE_METHOD("GetScope", "s", (P(scope)), "o", (P(object)), method_get_scope),
        FREE_METHOD("WhoAmI", "", (), "sus", (P(principal) P(uid) P(unit)), method_who_am_i),
        FREE_METHOD("ListScopes", "", (), "a(osss)", (P(scopes)), method_list_scopes),
        FREE_METHOD("ListTasks", "s", (P(scope)), "a(ossa(ssuiibtt))", (P(scopes)),
                    method_list_tasks),
        FREE_METHOD("DeclareEmergency", "st", (P(reason) P(duration_usec)), "", (),
                    method_declare_emergency),
        SD_BUS_METHOD("EndEmergency", "", "", method_end_emergency, SD_BUS_VTABLE_UNPRIVILEGED),
        FREE_METHOD("Drain", "bs", (P(kill) P(reason)), "", (), method_drain),
        SD_BUS_METHOD("WaitDrained", "", "", method_wait_drained, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelDrain", "", "", method_cancel_drain, SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_SIGNAL_WITH_NAMES("ScopeCreated", "oss", P(scope) P(name) P(path), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ScopeEmpty", "os", P(scope) P(name), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ScopeReleased", "ossiib",
                                 P(scope) P(name) P(state) P(exit) P(signal) P(oom_killed), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ScopeZombie", "osau", P(scope) P(name) P(pids), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ScopeOOM", "ost", P(scope) P(name) P(oom_kills), 0),
        SD_BUS_SIGNAL_WITH_NAMES("TaskExited", "osuiib",
                                 P(scope) P(task) P(pid) P(exit) P(signal) P(oom_killed), 0),
        SD_BUS_SIGNAL_WITH_NAMES("PressureAction", "ssssa{sv}",
                                 P(act) P(resource) P(kind) P(unit) P(details), 0),
        SD_BUS_SIGNAL_WITH_NAMES("EmergencyDeclared", "st", P(reason) P(until_usec), 0),
        SD_BUS_SIGNAL_WITH_NAMES("EmergencyEnded", "s", P(how), 0),
        SD_BUS_VTABLE_END,
};

int manager_add_bus(Manager *m)
{
        int r;

        r = sd_bus_add_object_vtable(m->bus, NULL, BUS_PATH, BUS_INTERFACE, vtable, m);
        if (r >= 0)
                r = sd_bus_add_object_manager(m->bus, NULL, BUS_PATH);
        if (r >= 0)
                r = scope_add_bus(m);
        return r < 0 ? r : task_add_bus(m);
}

void manager_changed(Manager *m, const char *property)
{
        (void) sd_bus_emit_properties_changed(m->bus, BUS_PATH, BUS_INTERFACE, property, NULL);
}
