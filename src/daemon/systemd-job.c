/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to PID 1: asynchronous, with a deadline, a bounded number in flight, jobs followed to their
 * result. */
#include "daemon/systemd-job.h"

#include "basic/fault.h"
#include "daemon/error-bus.h"
#include "daemon/log.h"
#include "daemon/scope.h"

#include <uthash.h>

#define SYSTEMD_NO_SUCH_UNIT "org.freedesktop.systemd1.NoSuchUnit"

struct SystemdCall {
        Manager *manager;
        sd_bus_message *message;
        sd_bus_slot *slot;     /* the pending reply */
        sd_bus_message *reply; /* kept while the job runs */
        char *job;             /* its object path */
        sd_event_source *deadline;
        systemd_handler_t handler;
        void *userdata;
        bool wait_job, queued, in_flight;
        UT_hash_handle by_job;
        TAILQ_ENTRY(SystemdCall) queue; /* in systemd_queue or systemd_sent */
};

static void systemd_call_leave_flight(SystemdCall *c)
{
        if (!c->in_flight)
                return;
        c->in_flight = false;
        c->manager->systemd_in_flight--;
        if (!TAILQ_EMPTY(&c->manager->systemd_queue))
                (void) sd_event_source_set_enabled(c->manager->systemd_defer, SD_EVENT_ONESHOT);
}

SystemdCall *systemd_call_free(SystemdCall *c)
{
        if (!c)
                return NULL;
        if (c->queued)
                TAILQ_REMOVE(&c->manager->systemd_queue, c, queue);
        else
                TAILQ_REMOVE(&c->manager->systemd_sent, c, queue);
        if (c->job)
                HASH_DELETE(by_job, c->manager->jobs, c);
        sd_bus_slot_unref(c->slot);
        systemd_call_leave_flight(c);
        sd_bus_message_unref(c->message);
        sd_bus_message_unref(c->reply);
        sd_event_source_disable_unref(c->deadline);
        free(c->job);
        free(c);
        return NULL;
}

static void systemd_call_finish(SystemdCall *c, int r, const sd_bus_error *error)
{
        systemd_handler_t handler = c->handler;
        void *userdata = c->userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = TAKE_PTR(c->reply);
        _cleanup_(sd_bus_error_free) sd_bus_error copy = SD_BUS_ERROR_NULL;

        (void) sd_bus_error_copy(&copy, error);
        systemd_call_free(c);
        if (handler)
                handler(r, reply, &copy, userdata);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
        SystemdCall *c = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

        (void) sd_bus_error_setf(&e, SD_BUS_ERROR_TIMEOUT, "PID 1 did not %s in time",
                                 c->job ? "finish the job" : "answer");
        systemd_call_finish(c, -ETIMEDOUT, &e);
        return 0;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        SystemdCall *c = userdata;
        const char *job;
        int r;

        systemd_call_leave_flight(c);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                bool gone = sd_bus_message_is_method_error(reply, SYSTEMD_NO_SUCH_UNIT);

                systemd_call_finish(c, gone ? -ENOENT : -sd_bus_message_get_errno(reply),
                                    sd_bus_message_get_error(reply));
                return 0;
        }

        c->reply = sd_bus_message_ref(reply);
        if (!c->wait_job) {
                systemd_call_finish(c, 0, NULL);
                return 0;
        }

        r = sd_bus_message_read(reply, "o", &job);
        if (r >= 0 && !(c->job = strdup(job)))
                r = -ENOMEM;
        if (r < 0)
                systemd_call_finish(c, r, NULL);
        else
                HASH_ADD_KEYPTR(by_job, c->manager->jobs, c->job, strlen(c->job), c);
        return 0;
}

static void systemd_send(SystemdCall *c)
{
        Manager *m = c->manager;
        int r;

        TAILQ_REMOVE(&m->systemd_queue, c, queue);
        TAILQ_INSERT_TAIL(&m->systemd_sent, c, queue);
        c->queued = false;
        /* The deadline counts from queueing and is ours, so the bus call itself has none. */
        r = sd_bus_call_async(m->bus, &c->slot, c->message, on_reply, c, UINT64_MAX);
        if (r < 0) {
                systemd_call_finish(c, r, NULL);
                return;
        }
        c->in_flight = true;
        m->systemd_in_flight++;
        if (c->wait_job)
                fault_point(FAULT_CREATE_UNIT_REQUESTED);
}

static int on_defer(sd_event_source *s, void *userdata)
{
        Manager *m = userdata;

        while (m->systemd_in_flight < SYSTEMD_IN_FLIGHT_MAX && !TAILQ_EMPTY(&m->systemd_queue))
                systemd_send(TAILQ_FIRST(&m->systemd_queue));
        return 0;
}

int systemd_call(Manager *m, sd_bus_message *message, bool wait_job, uint64_t timeout_usec,
                 systemd_handler_t handler, void *userdata, SystemdCall **ret)
{
        SystemdCall *c;
        int r;

        c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        *c = (SystemdCall){
                .manager = m,
                .message = sd_bus_message_ref(message),
                .handler = handler,
                .userdata = userdata,
                .wait_job = wait_job,
                .queued = true,
        };
        TAILQ_INSERT_TAIL(&m->systemd_queue, c, queue);
        r = sd_event_add_time_relative(m->event, &c->deadline, CLOCK_MONOTONIC, timeout_usec, 0,
                                       on_deadline, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->systemd_defer, SD_EVENT_ONESHOT);
        if (r < 0) {
                systemd_call_free(c);
                return r;
        }
        if (ret)
                *ret = c;
        return 0;
}

int systemd_message(Manager *m, const char *member, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(m->bus, ret, SYSTEMD_DESTINATION, SYSTEMD_PATH,
                                              SYSTEMD_INTERFACE, member);
}

bool systemd_call_has_job(const SystemdCall *c)
{
        return c->job;
}

int systemd_ask_for_unit(Manager *m, const char *unit, uint64_t timeout_usec,
                         systemd_handler_t handler, void *userdata, SystemdCall **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(m, "GetUnit", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", unit);
        return r < 0 ? r : systemd_call(m, message, false, timeout_usec, handler, userdata, ret);
}

void systemd_call_forget(Manager *m, const char *member, const char *unit, const char *mode)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(m, member, &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "s", unit);
        if (r >= 0 && mode)
                r = sd_bus_message_append(message, "s", mode);
        if (r >= 0)
                r = systemd_call(m, message, false, m->config.unit_timeout_usec, NULL, NULL, NULL);
        if (r < 0)
                log_error("cannot send %s(%s) to PID 1: %s", member, unit, strerror(-r));
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        Manager *m = userdata;
        const char *job, *unit, *result;
        SystemdCall *c = NULL;

        if (sd_bus_message_read(message, "uoss", NULL, &job, &unit, &result) < 0)
                return 0;
        if (endswith(unit, ".slice"))
                manager_on_slice_job(m);
        HASH_FIND(by_job, m->jobs, job, strlen(job), c);
        if (!c)
                return 0;

        if (streq(result, "done")) {
                systemd_call_finish(c, 0, NULL);
        } else {
                _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;

                error_set(&e, ERROR_CREATION_FAILED, "the job of PID 1 for %s ended with \"%s\"",
                          unit, result);
                systemd_call_finish(c, -EPROTO, &e);
        }
        return 0;
}

static int on_unit_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        Manager *m = userdata;
        const char *unit;
        Scope *s;

        if (sd_bus_message_read(message, "so", &unit, NULL) < 0)
                return 0;
        s = scope_by_unit(m, unit);
        if (s)
                scope_on_unit_removed(s);
        return 0;
}

/* Installing a match is a call to the bus daemon; without a callback sd-bus would do without an
 * answer and end the connection if it were refused. */
static int systemd_match(Manager *m, const char *member, sd_bus_message_handler_t handler)
{
        return sd_bus_match_signal_async(m->bus, NULL, SYSTEMD_DESTINATION, SYSTEMD_PATH,
                                         SYSTEMD_INTERFACE, member, handler, NULL, m);
}

static void on_subscribed(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        if (r < 0)
                log_error("cannot subscribe to PID 1: %s", error->message ?: strerror(-r));
}

int systemd_init(Manager *m)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        TAILQ_INIT(&m->systemd_queue);
        TAILQ_INIT(&m->systemd_sent);
        r = sd_event_add_defer(m->event, &m->systemd_defer, on_defer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->systemd_defer, SD_EVENT_OFF);
        if (r >= 0)
                r = systemd_match(m, "JobRemoved", on_job_removed);
        if (r >= 0)
                r = systemd_match(m, "UnitRemoved", on_unit_removed);
        if (r >= 0)
                r = systemd_message(m, "Subscribe", &message);
        if (r < 0)
                return r;
        return systemd_call(m, message, false, m->config.unit_timeout_usec, on_subscribed, NULL,
                            NULL);
}

void systemd_done(Manager *m)
{
        SystemdCall *c;

        while ((c = TAILQ_FIRST(&m->systemd_queue)))
                systemd_call_free(c);
        while ((c = TAILQ_FIRST(&m->systemd_sent)))
                systemd_call_free(c);
        m->systemd_defer = sd_event_source_disable_unref(m->systemd_defer);
}
