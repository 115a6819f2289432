/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.hpcnode.Cgroup1.Scope: the properties of a scope on the bus. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/limits-bus.h"
#include "daemon/metrics-bus.h"

int scope_object_path(const Scope *s, char **ret)
{
        return sd_bus_path_encode(SCOPE_PREFIX, s->unit, ret);
}

static int find_object(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error)
{
        Manager *m = userdata;
        _cleanup_(freep) char *unit = NULL;
        Scope *s;
        int r;

        r = sd_bus_path_decode(path, SCOPE_PREFIX, &unit);
        /* Of the prefix alone it makes an empty one. */
        if (r <= 0 || !*unit || strchr(path + strlen(SCOPE_PREFIX "/"), '/'))
                return 0;
        s = scope_by_unit(m, unit);
        if (!s || !scope_is_public(s))
                return 0;
        *ret_found = s;
        return 1;
}

static int append_task_paths(const Scope *s, char **list, size_t *n)
{
        for (Task *t = s->tasks; t; t = t->hh.next) {
                int r;

                if (t->starting)
                        continue;
                r = task_object_path(t, &list[*n]);
                if (r < 0)
                        return r;
                (*n)++;
        }
        return 0;
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                     sd_bus_error *error)
{
        Manager *m = userdata;
        size_t n = 0, max = 0;
        char **list;
        int r = 0;

        for (Scope *s = m->scopes; s; s = s->hh.next)
                max += 1 + HASH_COUNT(s->tasks);
        list = calloc(max + 1, sizeof *list);
        if (!list)
                return -ENOMEM;
        for (Scope *s = m->scopes; r >= 0 && s; s = s->hh.next) {
                if (!scope_is_public(s))
                        continue;
                r = scope_object_path(s, &list[n]);
                if (r < 0)
                        break;
                n++;
                r = append_task_paths(s, list, &n);
        }
        if (r < 0) {
                for (size_t i = 0; i < n; i++)
                        free(list[i]);
                free(list);
                return r;
        }
        *ret_nodes = list;
        return 0;
}

#define GETTER(function, types, ...)                                                     \
        static int function(sd_bus *bus, const char *path, const char *interface,        \
                            const char *property, sd_bus_message *reply, void *userdata, \
                            sd_bus_error *error)                                         \
        {                                                                                \
                Scope *s = userdata;                                                     \
                                                                                         \
                return sd_bus_message_append(reply, types, __VA_ARGS__);                 \
        }

GETTER(get_path, "s", s->path ?: "")
GETTER(get_state, "s", scope_state_name(s))
GETTER(get_owner, "s", owner_to_string(path_owner(s->slice)))
GETTER(get_description, "s", s->description ?: s->name)
GETTER(get_main_pid, "u", (uint32_t) (s->main_ended ? 0 : s->main_pid))
GETTER(get_oom_killed, "b", s->oom_kills > 0)
GETTER(get_timed_out, "b", s->main_timed_out)
GETTER(get_job, "b", s->is_job)
GETTER(get_release_on_empty, "b", s->release_on_empty)
GETTER(get_pressure_killed, "b", s->pressure.killed)
GETTER(get_demoted, "b", s->pressure.demoted)

static int get_frozen_by(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Scope *s = userdata;
        char *names[5] = {};
        size_t n = 0;

        if (s->frozen_by & FROZEN_BY_CLIENT)
                names[n++] = (char *) "client";
        if (s->frozen_by & FROZEN_BY_EMERGENCY)
                names[n++] = (char *) "emergency";
        if (s->frozen_by & FROZEN_BY_PRESSURE)
                names[n++] = (char *) "pressure";
        if (s->frozen_by_systemd)
                names[n++] = (char *) "systemd";
        return sd_bus_message_append_strv(reply, names);
}

static int get_pids(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Scope *s = userdata;
        _cleanup_(freep) pid_t *pids = NULL;
        size_t n = 0;

        if (s->payload_fd >= 0)
                (void) cgroup_pids(s->payload_fd, true, &pids, &n);
        return sd_bus_message_append_array(reply, 'u', pids, n * sizeof *pids);
}

static int get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Scope *s = userdata;
        _cleanup_(limits_done) Limits limits = {};
        int r;

        /* `systemctl set-property` changes limits, too, and PID 1 announces none. */
        r = limits_copy(&s->limits, &limits);
        if (r >= 0 && s->cgroup_fd >= 0)
                r = limits_take_in_force(&limits, s->cgroup_fd);
        return r < 0 ? r : limits_append(reply, &limits);
}

static int get_metrics(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Scope *s = userdata;
        Metrics metrics = {};

        (void) scope_read_metrics(s, &metrics);
        return metrics_append(reply, &metrics);
}

#define CONSTANT SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES  SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
/* What files have to be read for is no part of GetManagedObjects, in which everything is. */
#define APART SD_BUS_VTABLE_PROPERTY_EXPLICIT
#define PROPERTY(name, type, getter, member, flags) \
        SD_BUS_PROPERTY(name, type, getter, offsetof(Scope, member), flags)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        PROPERTY("Name", "s", NULL, name, CONSTANT),
        PROPERTY("Unit", "s", NULL, unit, CONSTANT),
        PROPERTY("Slice", "s", NULL, slice, CONSTANT),
        SD_BUS_PROPERTY("Path", "s", get_path, 0, CONSTANT),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("Owner", "s", get_owner, 0, CONSTANT),
        PROPERTY("UID", "u", NULL, uid, CONSTANT),
        SD_BUS_PROPERTY("Job", "b", get_job, 0, CONSTANT),
        SD_BUS_PROPERTY("Description", "s", get_description, 0, CONSTANT),
        PROPERTY("Priority", "u", NULL, priority, CONSTANT),
        SD_BUS_PROPERTY("ReleaseOnEmpty", "b", get_release_on_empty, 0, CONSTANT),
        SD_BUS_PROPERTY("FrozenBy", "as", get_frozen_by, 0, CHANGES),
        SD_BUS_PROPERTY("Demoted", "b", get_demoted, 0, CHANGES),
        SD_BUS_PROPERTY("MainPID", "u", get_main_pid, 0, CHANGES),
        SD_BUS_PROPERTY("PIDs", "au", get_pids, 0, APART),
        PROPERTY("ExitStatus", "i", NULL, exit_status, 0),
        PROPERTY("ExitSignal", "i", NULL, exit_signal, 0),
        SD_BUS_PROPERTY("OOMKilled", "b", get_oom_killed, 0, 0),
        SD_BUS_PROPERTY("TimedOut", "b", get_timed_out, 0, 0),
        SD_BUS_PROPERTY("PressureKilled", "b", get_pressure_killed, 0, 0),
        PROPERTY("OOMKills", "t", NULL, oom_kills, CHANGES),
        PROPERTY("CreatedUSec", "t", NULL, created_usec, CONSTANT),
        PROPERTY("StartUSec", "t", NULL, start_usec, 0),
        PROPERTY("ExitUSec", "t", NULL, exit_usec, 0),
        PROPERTY("Log", "s", NULL, log, CHANGES),
        PROPERTY("ServiceCount", "u", NULL, n_services, CONSTANT),
        PROPERTY("RequirePathCount", "u", NULL, n_require_paths, CONSTANT),
        SD_BUS_PROPERTY("Limits", "a{sv}", get_limits, 0,
                        SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION | APART),
        SD_BUS_PROPERTY("Metrics", "a{sv}", get_metrics, 0, APART),
        SD_BUS_VTABLE_END,
};

int scope_add_bus(Manager *m)
{
        int r;

        r = sd_bus_add_fallback_vtable(m->bus, NULL, SCOPE_PREFIX, SCOPE_INTERFACE, vtable,
                                       find_object, m);
        return r < 0 ? r : sd_bus_add_node_enumerator(m->bus, NULL, SCOPE_PREFIX, enumerate, m);
}

void scope_emit_added(Scope *s)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_object_added(s->manager->bus, path);
}

void scope_emit_removed(Scope *s)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_object_removed(s->manager->bus, path);
}
