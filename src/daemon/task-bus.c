/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.hpcnode.Cgroup1.Task: the properties of a task on the bus. */
#include "daemon/limits-bus.h"
#include "daemon/scope.h"

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error)
{
        Manager *m = userdata;
        _cleanup_(freep) char *unit = NULL, *name = NULL;
        Scope *s;
        Task *t;

        if (sd_bus_path_decode_many(path, SCOPE_PREFIX "/%/task/%", &unit, &name) <= 0)
                return 0;
        s = scope_by_unit(m, unit);
        t = s && scope_is_public(s) ? task_find(s, name) : NULL;
        if (!t || t->starting)
                return 0;
        *ret_found = t;
        return 1;
}

static int get_scope(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Task *t = userdata;
        _cleanup_(freep) char *scope = NULL;
        int r;

        r = scope_object_path(t->scope, &scope);
        return r < 0 ? r : sd_bus_message_append(reply, "o", scope);
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", task_state(userdata));
}

static int get_oom_killed(sd_bus *bus, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error)
{
        Task *t = userdata;

        return sd_bus_message_append(reply, "b", t->oom);
}

static int get_timed_out(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Task *t = userdata;

        return sd_bus_message_append(reply, "b", t->timed_out);
}

static int get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits limits = {};
        int r;

        r = task_limits(userdata, &limits);
        return r < 0 ? r : limits_append(reply, &limits);
}

static int get_log(sd_bus *bus, const char *path, const char *interface, const char *property,
                   sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Task *t = userdata;

        return sd_bus_message_append(reply, "s", t->log ?: "journal");
}

#define PROPERTY(name, type, member, flags) \
        SD_BUS_PROPERTY(name, type, NULL, offsetof(Task, member), flags)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        PROPERTY("Name", "s", name, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Scope", "o", get_scope, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("PID", "u", pid, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("State", "s", get_state, 0, 0),
        PROPERTY("ExitStatus", "i", exit_status, 0),
        PROPERTY("ExitSignal", "i", exit_signal, 0),
        SD_BUS_PROPERTY("OOMKilled", "b", get_oom_killed, 0, 0),
        SD_BUS_PROPERTY("TimedOut", "b", get_timed_out, 0, 0),
        PROPERTY("StartUSec", "t", start_usec, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("ExitUSec", "t", exit_usec, 0),
        /* A dozen files for each of thousands. */
        SD_BUS_PROPERTY("Limits", "a{sv}", get_limits, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION |
                                SD_BUS_VTABLE_PROPERTY_EXPLICIT),
        SD_BUS_PROPERTY("Log", "s", get_log, 0, 0),
        SD_BUS_VTABLE_END,
};

int task_add_bus(Manager *m)
{
        return sd_bus_add_fallback_vtable(m->bus, NULL, SCOPE_PREFIX, TASK_INTERFACE, vtable,
                                          find_object, m);
}

void task_emit_added(Task *t)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_is_public(t->scope) && !t->starting && task_object_path(t, &path) >= 0)
                (void) sd_bus_emit_object_added(t->scope->manager->bus, path);
}

void task_emit_removed(Task *t)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_is_public(t->scope) && !t->starting && task_object_path(t, &path) >= 0)
                (void) sd_bus_emit_object_removed(t->scope->manager->bus, path);
}

static void emit_changed(const Task *t, const char *first, const char *second)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_is_public(t->scope) && task_object_path(t, &path) >= 0)
                (void) sd_bus_emit_properties_changed(t->scope->manager->bus, path, TASK_INTERFACE,
                                                      first, second, NULL);
}

void task_emit_begun(const Task *t)
{
        emit_changed(t, "PID", "StartUSec");
}

void task_emit_limits(const Task *t)
{
        emit_changed(t, "Limits", NULL);
}

void task_emit_exited(const Task *t)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_is_public(t->scope) && scope_object_path(t->scope, &path) >= 0)
                (void) sd_bus_emit_signal(t->scope->manager->bus, BUS_PATH, BUS_INTERFACE,
                                          "TaskExited", "osuiib", path, t->name, (uint32_t) t->pid,
                                          t->exit_status, t->exit_signal, (int) t->oom);
}
