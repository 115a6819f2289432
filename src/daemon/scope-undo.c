/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The undoing of a scope's making: the one place, whatever step failed. */
#include "daemon/scope-create.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "daemon/log.h"

/* How long the undoing waits for PID 1 to drop the unit. With UnitTimeoutSec and the start of a
 * task it stays below the 24 s in which every call is answered. */
#define UNDO_TIMEOUT_USEC (3 * USEC_PER_SEC)

static void undo_finish(ScopeCreate *c)
{
        Scope *s = c->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error error = c->error;
        Call *call = TAKE_PTR(c->call);
        CallList destroyers, waiters;
        int r = c->r;

        c->error = SD_BUS_ERROR_NULL;
        TAILQ_INIT(&destroyers);
        TAILQ_CONCAT(&destroyers, &c->destroyers, waiters);
        TAILQ_INIT(&waiters);
        TAILQ_CONCAT(&waiters, &s->waiters, waiters);
        (void) scope_forget_files(s, true);
        fault_point(FAULT_CREATE_UNDONE);
        /* It was never announced, but GetScope has named it to whoever follows the signals. */
        scope_emit_removed(s);
        scope_free(s);

        /* Only now: whoever is told that it failed finds nothing of it. */
        call_fail(call, r, &error);
        calls_reply_empty(&destroyers);
        calls_fail(&waiters, 0, &error);
}

/* A process that hangs in the kernel, so far in a start that failed, keeps the unit. */
static bool leave_zombie(ScopeCreate *c)
{
        Scope *s = c->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CallList destroyers;
        Call *call;

        if (scope_populated(s) <= 0)
                return false;
        (void) sd_bus_error_copy(&error, &c->error);
        call = TAKE_PTR(c->call);
        TAILQ_INIT(&destroyers);
        TAILQ_CONCAT(&destroyers, &c->destroyers, waiters);
        scope_create_free(c);
        scope_leave_zombie(s, &error, call, &destroyers);
        return true;
}

static int on_undo_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        ScopeCreate *c = userdata;
        Scope *s = c->scope;

        if (leave_zombie(c))
                return 0;
        log_warning("%s: PID 1 has not dropped the unit in time; asking it to", s->unit);
        systemd_call_forget(s->manager, "StopUnit", s->unit, "replace");
        systemd_call_forget(s->manager, "ResetFailedUnit", s->unit, NULL);
        undo_finish(c);
        return 0;
}

static void on_undo_unit_known(int r, sd_bus_message *reply, const sd_bus_error *error,
                               void *userdata)
{
        ScopeCreate *c = userdata;

        c->systemd = NULL;
        if (r == -ENOENT)
                undo_finish(c);
        /* Else UnitRemoved or the deadline ends it. */
}

void scope_undo(ScopeCreate *c, int r, const sd_bus_error *error)
{
        Scope *s = c->scope;

        if (c->undoing)
                return;
        fault_point(FAULT_CREATE_UNDO);
        c->undoing = true;
        c->unit_requested = false;
        c->r = r;
        if (error && sd_bus_error_is_set(error) && error_kind_from_dbus(error->name) >= 0)
                (void) sd_bus_error_copy(&c->error, error);
        else
                error_set(&c->error, ERROR_CREATION_FAILED, "%s: %s", s->unit,
                          error && error->message ? error->message : strerror(-r));
        log_info("not created: %s", c->error.message);
        c->systemd = systemd_call_free(c->systemd);
        c->deadline = sd_event_source_disable_unref(c->deadline);

        if (s->cgroup_fd >= 0)
                (void) cgroup_kill(s->cgroup_fd);
        if (s->link)
                supervisor_kill_starter(s->link);
        /* PID 1 may hold its start back for something that the unit needs. */
        if (s->unit_started && r == -ETIMEDOUT)
                systemd_call_forget(s->manager, "StopUnit", s->unit, "replace");
        /* A unit that failed before it was ever active may have been dropped already. */
        if (s->unit_started &&
            systemd_ask_for_unit(s->manager, s->unit, UNDO_TIMEOUT_USEC, on_undo_unit_known, c,
                                 &c->systemd) >= 0 &&
            sd_event_add_time_relative(s->manager->event, &c->deadline, CLOCK_MONOTONIC,
                                       UNDO_TIMEOUT_USEC, 0, on_undo_deadline, c) >= 0)
                return;
        undo_finish(c);
}

void scope_undo_unsaved(ScopeCreate *c, int r)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        scope_undo(c,
                   error_set(&error, ERROR_CREATION_FAILED,
                             "%s: its state cannot be saved below %s: %s", c->scope->unit,
                             c->scope->manager->runtime_path, strerror(-r)),
                   &error);
}

void scope_create_on_supervisor_gone(Scope *s)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = error_set(&error, ERROR_CREATION_FAILED,
                      "%s: its supervisor ended while it was created", s->unit);
        scope_undo(s->create, r, &error);
}

void scope_create_on_unit_removed(Scope *s)
{
        ScopeCreate *c = s->create;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        /* Before PID 1 has answered it is that of an earlier unit of the same name. */
        if (c->unit_requested && c->systemd && !systemd_call_has_job(c->systemd))
                return;
        s->unit_started = false;
        if (c->undoing) {
                undo_finish(c);
                return;
        }
        scope_undo(c,
                   error_set(&error, ERROR_CREATION_FAILED, "%s was stopped while it was created",
                             s->unit),
                   &error);
}
