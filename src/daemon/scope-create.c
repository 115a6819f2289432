/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The making of a scope: supervisor, unit, cgroup, limits, main task. */
#include "daemon/scope-create.h"

#include "basic/fault.h"
#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/service.h"
#include "daemon/usage.h"

/* From the call to the main task's start; whatever step it is at then, it is undone. */
#define CREATE_TIMEOUT_USEC (19 * USEC_PER_SEC)

/* How many are under way at once; the others wait, with nothing begun. Were all begun together, each step
 * of each would stand behind the first steps of all, and under a slow PID 1 none would be done in time. */
#define CREATIONS_MAX 32

/* Makes room for the next one, whatever became of this. */
static void leave_line(ScopeCreate *c)
{
        Manager *m = c->scope->manager;

        if (c->waiting)
                TAILQ_REMOVE(&m->creations_waiting, c, line);
        if (c->under_way)
                m->creations_under_way--;
        if (m->creations_defer && !TAILQ_EMPTY(&m->creations_waiting))
                (void) sd_event_source_set_enabled(m->creations_defer, SD_EVENT_ONESHOT);
}

ScopeCreate *scope_create_free(ScopeCreate *c)
{
        if (!c)
                return NULL;
        c->scope->create = NULL;
        leave_line(c);
        systemd_call_free(c->systemd);
        sd_event_source_disable_unref(c->deadline);
        call_free(c->call);
        calls_drop(&c->destroyers);
        spec_free(c->spec);
        sd_bus_error_free(&c->error);
        free(c);
        return NULL;
}

void scope_create_abandon(Scope *s)
{
        if (s->create)
                s->create->undoing = true;
}

/* --- step 5: the services, the main task, then the answer --- */

static void announce(Scope *s)
{
        _cleanup_(freep) char *path = NULL;

        scope_emit_added(s);
        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_signal(s->manager->bus, BUS_PATH, BUS_INTERFACE, "ScopeCreated",
                                          "oss", path, s->name, s->path);
        for (Task *t = s->tasks; t; t = t->hh.next)
                if (task_is_over(t)) /* a service that has ended already */
                        task_emit_exited(t);
        manager_changed(s->manager, "NScopes");
}

/* What is not on disk is half made to the daemon that comes next, which would end it. */
static int save_active(ScopeCreate *c)
{
        Scope *s = c->scope;
        int r;

        s->state = SCOPE_ACTIVE;
        r = scope_save(s);
        s->state = SCOPE_CREATING;
        return r;
}

static void succeed(ScopeCreate *c)
{
        Scope *s = c->scope;
        _cleanup_(freep) char *path = NULL;
        CallList destroyers;
        Call *call, *destroyer;
        int r;

        r = save_active(c);
        if (r < 0) {
                scope_undo_unsaved(c, r);
                return;
        }
        call = TAKE_PTR(c->call);
        TAILQ_INIT(&destroyers);
        TAILQ_CONCAT(&destroyers, &c->destroyers, waiters);
        scope_create_free(c);
        scope_set_state(s, SCOPE_ACTIVE);
        record_created(s, call);
        (void) record_main(s, call);
        s->create_recorded = true;
        (void) scope_save(s);
        fault_point(FAULT_CREATE_RECORDED);
        announce(s);

        r = scope_object_path(s, &path);
        if (r < 0)
                call_fail(call, r, NULL);
        else if (s->is_job)
                call_reply(call, "osu", path, s->path, (uint32_t) s->main_pid);
        else
                call_reply(call, "os", path, s->path);
        fault_point(FAULT_CREATE_ANSWERED);

        while ((destroyer = TAILQ_FIRST(&destroyers))) {
                TAILQ_REMOVE(&destroyers, destroyer, waiters);
                scope_release(s, RELEASE_DESTROY, destroyer);
        }
        if (s->is_job && s->main_ended && scope_is_live(s))
                scope_release(s, RELEASE_ENDED, NULL);
}

static void on_main(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        ScopeCreate *c = userdata;

        if (r < 0) {
                scope_undo(c, r, error);
                return;
        }
        if (c->undoing) /* it is being killed */
                return;
        fault_point(FAULT_CREATE_MAIN_STARTED);
        succeed(c);
}

static void start_main(ScopeCreate *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!c->spec) {
                succeed(c);
                return;
        }
        r = task_spawn(c->scope, TASK_MAIN, c->spec, on_main, c, &error);
        if (r < 0)
                scope_undo(c, r, &error);
        else
                TAKE_PTR(c->spec);
}

static void start_tasks(ScopeCreate *c);

static void on_service(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        ScopeCreate *c = userdata;

        if (r < 0) {
                scope_undo(c, r, error);
                return;
        }
        if (c->undoing)
                return;
        fault_point(FAULT_CREATE_SERVICE_STARTED);
        c->n_services_started++;
        start_tasks(c);
}

/* One after the other, the main task last: it finds them all there. One that has ended by then is a task that has
 * ended. */
static void start_tasks(ScopeCreate *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(spec_freep) Spec *spec = NULL;
        char name[SERVICE_NAME_SIZE];
        int r;

        if (c->n_services_started == c->scope->n_services) {
                start_main(c);
                return;
        }
        r = service_spec(c->spec, c->n_services_started, &spec);
        if (r >= 0)
                r = task_spawn(c->scope, service_name(c->n_services_started, name), spec,
                               on_service, c, &error);
        if (r < 0)
                scope_undo(c, r, &error);
        else
                TAKE_PTR(spec);
}

/* --- step 4: payload, and every limit in force --- */

static int check_limits(Scope *s, sd_bus_error *error)
{
        char *reason = NULL;
        int r;

        r = limits_verify(&s->limits, s->cgroup_fd, &reason);
        /* The unit has room for the supervisor; the job itself has exactly what was asked for. */
        if (r >= 0)
                r = limits_write_payload(&s->limits, s->payload_fd, &reason);
        if (r < 0) {
                _cleanup_(freep) char *owned = reason;

                return error_set(error, ERROR_CREATION_FAILED, "%s: %s%s", s->unit,
                                 owned ?: strerror(-r), scope_limits_hint(s));
        }
        return 0;
}

static void on_setup(const SupervisorAnswer *answer, void *userdata)
{
        ScopeCreate *c = userdata;
        Scope *s = c->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (c->undoing || answer->r == -ECONNRESET)
                return; /* scope_create_on_supervisor_gone() says so */
        if (answer->r < 0) {
                r = error_set(&error, ERROR_CREATION_FAILED,
                              "%s: its supervisor could not set it up: %s%s%s", s->unit,
                              strerror(answer->error), answer->reason ? ": " : "",
                              answer->reason ?: "");
                scope_undo(c, r, &error);
                return;
        }

        fault_point(FAULT_CREATE_SET_UP);
        r = scope_open_payload(s);
        if (r >= 0)
                r = check_limits(s, &error);
        fault_point(FAULT_CREATE_LIMITED);
        if (r < 0)
                scope_undo(c, r, &error);
        else
                start_tasks(c);
}

/* --- step 3: where PID 1 has put it --- */

static void on_path(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        ScopeCreate *c = userdata;
        Scope *s = c->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
        const char *path;

        c->systemd = NULL;
        if (r >= 0)
                r = sd_bus_message_read(reply, "v", "s", &path);
        if (r >= 0 && *path != '/') {
                r = error_set(&ours, ERROR_CREATION_FAILED,
                              "%s: PID 1 has not started the unit: a condition in a drop-in of it "
                              "was not met, or it was stopped; see `journalctl -u %s`",
                              s->unit, s->unit);
                error = &ours;
        }
        if (r >= 0) {
                s->path = strdup(path);
                r = s->path ? scope_open_cgroup(s) : -ENOMEM;
        }
        fault_point(FAULT_CREATE_PATH);
        if (r >= 0) {
                r = scope_save(s);
                if (r < 0) {
                        scope_undo_unsaved(c, r);
                        return;
                }
                fault_point(FAULT_CREATE_PATH_SAVED);
                r = supervisor_setup(s->link, on_setup, c);
                fault_point(FAULT_CREATE_SETUP_REQUESTED);
        }
        if (r < 0)
                scope_undo(c, r, error);
}

static void ask_for_path(ScopeCreate *c)
{
        Manager *m = c->scope->manager;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", c->scope->unit, &path);
        if (r >= 0)
                r = sd_bus_message_new_method_call(m->bus, &message, SYSTEMD_DESTINATION, path,
                                                   "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", "org.freedesktop.systemd1.Scope",
                                          "ControlGroup");
        if (r >= 0)
                r = systemd_call(m, message, false, m->config.unit_timeout_usec, on_path, c,
                                 &c->systemd);
        if (r < 0)
                scope_undo(c, r, NULL);
}

/* --- step 2: the unit --- */

static int request_unit(ScopeCreate *c);

static void on_reset(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        ScopeCreate *c = userdata;

        c->systemd = NULL;
        r = request_unit(c);
        if (r < 0)
                scope_undo(c, r, NULL);
}

/* A unit of that name which failed once stays loaded until it is reset: tried once. */
static int reset_failed(ScopeCreate *c)
{
        Manager *m = c->scope->manager;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        c->retried = true;
        c->scope->unit_started = false;
        r = systemd_message(m, "ResetFailedUnit", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", c->scope->unit);
        return r < 0 ? r
                     : systemd_call(m, message, false, m->config.unit_timeout_usec, on_reset, c,
                                    &c->systemd);
}

static void fail_unit(ScopeCreate *c, int r, const sd_bus_error *error)
{
        Scope *s = c->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
        bool exists = sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists");

        if (r == -ETIMEDOUT) {
                error_set(&ours, ERROR_CREATION_FAILED,
                          "%s: PID 1 did not make the unit in %ju s (UnitTimeoutSec); is it busy?",
                          s->unit,
                          (uintmax_t) (s->manager->config.unit_timeout_usec / USEC_PER_SEC));
        } else if (exists) {
                error_set(
                        &ours, ERROR_ALREADY_EXISTS,
                        "%s is already known to systemd and is not ours; see `systemctl status %s`",
                        s->unit, s->unit);
        } else {
                error_set(&ours, ERROR_CREATION_FAILED, "%s: systemd refused it: %s", s->unit,
                          error && error->message ? error->message : strerror(-r));
        }
        /* An answer of PID 1 to the call itself, and not to its job: there is no unit. */
        if (r != -ETIMEDOUT && r != -EPROTO)
                s->unit_started = false;
        scope_undo(c, r, &ours);
}

/* A nested slice is stopped by PID 1 when it is unneeded. A start that meets that stop is refused, and
 * is tried again as soon as the stop is done. */
static void wait_for_slice(ScopeCreate *c)
{
        c->scope->unit_started = false;
        c->slice_stopping = true;
}

void manager_on_slice_job(Manager *m)
{
        Scope *s, *next;

        HASH_ITER (hh, m->scopes, s, next) {
                ScopeCreate *c = s->create;
                int r;

                if (!c || !c->slice_stopping || c->undoing)
                        continue;
                c->slice_stopping = false;
                r = request_unit(c);
                if (r < 0)
                        scope_undo(c, r, NULL);
        }
}

static void on_unit(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        ScopeCreate *c = userdata;

        c->systemd = NULL;
        c->unit_requested = false;
        if (r >= 0) {
                fault_point(FAULT_CREATE_UNIT_MADE);
                ask_for_path(c);
                return;
        }
        if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.TransactionIsDestructive")) {
                wait_for_slice(c);
                return;
        }
        if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists") && !c->retried &&
            reset_failed(c) >= 0)
                return;
        fail_unit(c, r, error);
}

static int request_unit(ScopeCreate *c)
{
        Scope *s = c->scope;
        Manager *m = s->manager;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = scope_unit_message(s, &message);
        if (r >= 0)
                r = systemd_call(m, message, true, m->config.unit_timeout_usec, on_unit, c,
                                 &c->systemd);
        if (r >= 0)
                s->unit_started = c->unit_requested = true;
        return r;
}

/* --- step 1: the scope in memory and on disk, its supervisor --- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        ScopeCreate *c = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        scope_undo(c,
                   error_set(&error, ERROR_CREATION_FAILED, "%s: not made in %u s%s%s",
                             c->scope->unit, (unsigned) (CREATE_TIMEOUT_USEC / USEC_PER_SEC),
                             c->slice_stopping ? "; PID 1 is still stopping " : "",
                             c->slice_stopping ? c->scope->slice : ""),
                   &error);
        return 0;
}

static void begin(ScopeCreate *c)
{
        Scope *s = c->scope;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        c->under_way = true;
        s->manager->creations_under_way++;
        fault_point(FAULT_CREATE_BEGUN);
        r = scope_save(s);
        if (r < 0) {
                scope_undo_unsaved(c, r);
                return;
        }
        fault_point(FAULT_CREATE_SAVED);
        r = supervisor_start(s, &s->link);
        fault_point(FAULT_CREATE_SUPERVISOR);
        if (r >= 0)
                r = request_unit(c);
        if (r < 0)
                scope_undo(c,
                           error_set(&error, ERROR_CREATION_FAILED,
                                     "%s: cannot start its supervisor: %s", s->unit, strerror(-r)),
                           &error);
}

static int on_line(sd_event_source *source, void *userdata)
{
        Manager *m = userdata;
        ScopeCreate *c;

        while (m->creations_under_way < CREATIONS_MAX && (c = TAILQ_FIRST(&m->creations_waiting))) {
                TAILQ_REMOVE(&m->creations_waiting, c, line);
                c->waiting = false;
                begin(c);
        }
        return 0;
}

int scope_create_init(Manager *m)
{
        int r;

        r = sd_event_add_defer(m->event, &m->creations_defer, on_line, m);
        return r < 0 ? r : sd_event_source_set_enabled(m->creations_defer, SD_EVENT_OFF);
}

int scope_create(Manager *m, ScopeRequest *q, Call *call, sd_bus_error *error)
{
        _cleanup_(scope_freep) Scope *s = NULL;
        ScopeCreate *c;
        int r;

        r = usage_check_scope(call, error);
        if (r >= 0 && q->spec)
                r = usage_check_tasks(call, NULL, 1 + services_count(q->spec->services), error);
        if (r >= 0)
                r = scope_from_request(m, q, call, &s, error);
        if (r >= 0)
                r = scope_check_size(s, NULL, error);
        if (r < 0)
                return r;
        r = scope_set_creator(s, call->uid);
        if (r < 0)
                return r;
        c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        *c = (ScopeCreate){ .scope = s };
        TAILQ_INIT(&c->destroyers);
        s->create = c;
        r = sd_event_add_time(m->event, &c->deadline, CLOCK_MONOTONIC,
                              call->begun_usec + CREATE_TIMEOUT_USEC, 0, on_deadline, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->creations_defer, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;
        TAILQ_INSERT_TAIL(&m->creations_waiting, c, line);
        c->waiting = true;
        c->call = call;
        c->spec = TAKE_PTR(q->spec);
        TAKE_PTR(s);
        return 0;
}

void scope_create_then_destroy(Scope *s, Call *call)
{
        TAILQ_INSERT_TAIL(&s->create->destroyers, call, waiters);
}
