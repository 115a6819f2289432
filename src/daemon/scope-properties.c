/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The call that makes a scope's unit, with the unit's properties. */
#include "daemon/scope.h"

#include "daemon/limits-bus.h"

static int append_properties(Scope *s, sd_bus_message *message)
{
        bool has_tasks_max = s->limits.values[LIMIT_TASKS_MAX].is_set;
        int r;

        r = sd_bus_message_append(message, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)", "Description", "s",
                                  s->description ?: s->name, "Slice", "s", s->slice, "PIDs", "au",
                                  1, (uint32_t) supervisor_starter_pid(s->link), "Delegate", "b", 1,
                                  "OOMPolicy", "s", "continue", "CollectMode", "s",
                                  "inactive-or-failed", "TimeoutStopUSec", "t",
                                  s->stop_timeout_usec);
        /* systemd's own default is 15 % of the system. */
        if (r >= 0 && !has_tasks_max)
                r = sd_bus_message_append(message, "(sv)", "TasksMax", "t", UINT64_MAX);
        if (r >= 0)
                r = limits_append_properties(message, &s->limits);
        return r;
}

int scope_unit_message(Scope *s, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(s->manager, "StartTransientUnit", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", s->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(sv)");
        if (r >= 0)
                r = append_properties(s, message);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_append(message, "a(sa(sv))", 0);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}
