/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.hpcnode.Cgroup1: methods and properties of the drain. */
#include "basic/line.h"
#include "daemon/drain.h"
#include "daemon/manager-bus.h"
#include "daemon/scope.h"

/* --- what is still there --- */

static bool is_drained(const Scope *s)
{
        return path_owner(s->slice) == OWNER_WORKLOAD && !scope_has_ended(s);
}

/* Something was admitted that has not begun yet: a kill now would miss it. */
static bool is_starting(const Scope *s)
{
        return s->create || s->n_starting_tasks > 0;
}

static bool any_starting(const Manager *m)
{
        for (const Scope *s = m->scopes; s; s = s->hh.next)
                if (is_drained(s) && is_starting(s))
                        return true;
        return false;
}

/* Scopes that are empty wait for nobody; a job goes with its main task, and what is released is not gone yet. */
static bool is_waited_for(const Scope *s)
{
        if (!is_drained(s) || s->state == SCOPE_ZOMBIE)
                return false;
        return s->is_job || s->create || s->release || scope_is_starting_task(s) ||
               scope_populated(s) != 0;
}

static bool any_waited_for(const Manager *m)
{
        for (const Scope *s = m->scopes; s; s = s->hh.next)
                if (is_waited_for(s))
                        return true;
        return false;
}

void drain_continue(Manager *m)
{
        if (!any_starting(m))
                calls_resume(&m->drain_kills);
        if (!any_waited_for(m))
                calls_resume(&m->drain_waiters);
}

/* --- Drain --- */

static int refuse_cancelled(sd_bus_error *error)
{
        return error_set(error, ERROR_NOT_FOUND, "the drain was cancelled meanwhile");
}

/* Goes on after a failure; the first is told. */
static int kill_each(Call *call, sd_bus_error *error)
{
        Scope *s, *next;
        int result = 0;

        HASH_ITER (hh, call->manager->scopes, s, next) {
                _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
                int r;

                if (!is_waited_for(s) || s->payload_fd < 0)
                        continue;
                r = scope_kill(s, NULL, call, result < 0 ? &ours : error);
                if (result >= 0)
                        result = r;
                if (r >= 0) {
                        scope_withdraw_tasks(s);
                        scope_on_cgroup_event(s);
                }
        }
        return result;
}

static int kill_rest(Call *call, sd_bus_error *error)
{
        int r;

        if (!call->manager->drain)
                return refuse_cancelled(error);
        r = call_authorize(call, ACT_KILL, "workload.slice", NULL, error);
        if (r != 0)
                return r;
        if (any_starting(call->manager)) {
                call_wait(call, &call->manager->drain_kills);
                return 1;
        }
        r = kill_each(call, error);
        if (r < 0)
                return r;
        call_reply(call, "");
        return 1;
}

/* Whom polkit admits may end what is its own, so not what is everybody's. */
static int authorize_kill(Call *call, sd_bus_error *error)
{
        if (call->principal == PRINCIPAL_OTHER)
                return error_set(error, ERROR_PERMISSION_DENIED,
                                 "uid %u (other) may not kill what others run; drain the node "
                                 "without that",
                                 (unsigned) call->uid);
        return call_authorize(call, ACT_KILL, "workload.slice", NULL, error);
}

static int drain(Call *call, sd_bus_error *error)
{
        _cleanup_(freep) char *why = NULL;
        const char *reason;
        int killing, r;

        r = sd_bus_message_read(call->message, "bs", &killing, &reason);
        if (r >= 0)
                r = call_authorize(call, ACT_DRAIN, NULL, NULL, error);
        if (r == 0 && killing)
                r = authorize_kill(call, error);
        if (r != 0)
                return r;
        r = *reason ? line_check(reason, &why) : 0;
        if (r < 0)
                return r == -ENOMEM ? r
                                    : error_set(error, ERROR_INVALID_ARGS, "the reason %s", why);
        r = drain_begin(call->manager, reason, call, error);
        if (r < 0)
                return r;
        if (killing) {
                call->handler = kill_rest; /* it has begun, whatever the rest has to wait for */
                return kill_rest(call, error);
        }
        call_reply(call, "");
        return 1;
}

METHOD(method_drain)
{
        return call_begin(userdata, message, drain, error);
}

/* --- WaitDrained: reading, so free for everyone --- */

static int refuse_zombies(const Manager *m, sd_bus_error *error)
{
        const Scope *first = NULL;
        unsigned n = 0;

        for (const Scope *s = m->scopes; s; s = s->hh.next)
                if (is_drained(s) && s->state == SCOPE_ZOMBIE) {
                        first = first ?: s;
                        n++;
                }
        if (n == 0)
                return 0;
        return error_set(error, ERROR_KILL_FAILED,
                         "all have ended but %u (%s%s), whose processes were killed and hang in "
                         "the kernel; they may not be gone before the node is started anew",
                         n, first->unit, n > 1 ? " and others" : "");
}

static int wait_drained(Call *call, sd_bus_error *error)
{
        Manager *m = call->manager;
        int r;

        if (!m->drain)
                return error_set(error, ERROR_NOT_FOUND,
                                 "the node is not being drained; see `hpcnode-ctl drain`");
        if (any_waited_for(m)) {
                call_wait(call, &m->drain_waiters);
                return 1;
        }
        r = refuse_zombies(m, error);
        if (r < 0)
                return r;
        call_reply(call, "");
        return 1;
}

METHOD(method_wait_drained)
{
        return call_begin(userdata, message, wait_drained, error);
}

/* --- CancelDrain --- */

static int cancel_drain(Call *call, sd_bus_error *error)
{
        _cleanup_(sd_bus_error_free) sd_bus_error cancelled = SD_BUS_ERROR_NULL;
        Manager *m = call->manager;
        int r = call_authorize(call, ACT_DRAIN, NULL, NULL, error);

        if (r != 0)
                return r;
        r = drain_cancel(m, call, error);
        if (r < 0)
                return r;
        refuse_cancelled(&cancelled);
        calls_fail(&m->drain_kills, 0, &cancelled);
        calls_fail(&m->drain_waiters, 0, &cancelled);
        call_reply(call, "");
        return 1;
}

METHOD(method_cancel_drain)
{
        return call_begin(userdata, message, cancel_drain, error);
}

/* --- properties --- */

PROPERTY(get_draining)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", (int) (m->drain != NULL));
}

PROPERTY(get_drain_reason)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s",
                                     m->drain && m->drain->reason ? m->drain->reason : "");
}

PROPERTY(get_drain_since)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->drain ? m->drain->since_usec : 0);
}

void drain_emit_changed(Manager *m)
{
        (void) sd_bus_emit_properties_changed(m->bus, BUS_PATH, BUS_INTERFACE, "Draining",
                                              "DrainReason", "DrainSince", NULL);
}
