/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether PID 1 still has a scope's unit, when it says that it has removed it. */
#include "daemon/scope.h"

#include "daemon/log.h"

#include <fcntl.h>

static void ask(Scope *s);

static void on_unit_known(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        Scope *s = userdata;

        s->unit_query = NULL;
        if (r == -ENOENT)
                scope_on_unit_removed(s);
        else if (r == -ETIMEDOUT)
                ask(s); /* a reload may take PID 1 longer */
        else if (r < 0)
                log_error("%s: PID 1 does not say whether it has the unit: %s", s->unit,
                          error->message ?: strerror(-r));
}

static void ask(Scope *s)
{
        Manager *m = s->manager;
        int r;

        r = systemd_ask_for_unit(m, s->unit, m->config.unit_timeout_usec, on_unit_known, s,
                                 &s->unit_query);
        if (r < 0)
                log_error("%s: cannot ask PID 1 for the unit: %s", s->unit, strerror(-r));
}

/* PID 1 says UnitRemoved also of every unit that it reads anew (daemon-reload, daemon-reexec). The cgroup
 * of a unit goes before the unit does, so only while that is there PID 1 has to be asked. */
void scope_check_unit(Scope *s)
{
        if (scope_has_ended(s) || !s->unit_started || s->unit_query)
                return;
        if (s->cgroup_fd >= 0 && faccessat(s->cgroup_fd, "cgroup.events", F_OK, 0) < 0)
                scope_on_unit_removed(s);
        else
                ask(s);
}
