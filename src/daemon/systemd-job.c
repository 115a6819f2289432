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
        sd_bus_slot *slot;     /* the pending reply, or the question what became of the job */
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

/* Kept, within its deadline, until PID 1 can be told again; see on_owner_changed(). */
static void systemd_call_keep(SystemdCall *c)
{
        Manager *m = c->manager;

        c->slot = sd_bus_slot_unref(c->slot);
        TAILQ_REMOVE(&m->systemd_sent, c, queue);
        TAILQ_INSERT_TAIL(&m->systemd_queue, c, queue);
        c->queued = true;
        (void) sd_event_source_set_enabled(m->systemd_defer, SD_EVENT_ONESHOT);
}

/* PID 1 has left the bus before it read the call, or is not there: it executes itself anew. (It answers
 * what it has read before it goes.) Its new connection may have the name already when the calls to the old
 * one are answered by the bus with NoReply. */
static bool systemd_call_missed(SystemdCall *c, sd_bus_message *reply)
{
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                c->manager->systemd_away = true;
        else if (!sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY))
                return false;
        systemd_call_keep(c);
        return true;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        SystemdCall *c = userdata;
        const char *job;
        int r;

        systemd_call_leave_flight(c);
        if (systemd_call_missed(c, reply))
                return 0;
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
        /* The bus could only try to start a second PID 1. */
        (void) sd_bus_message_set_auto_start(c->message, false);
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

        while (!m->systemd_away && m->systemd_in_flight < SYSTEMD_IN_FLIGHT_MAX &&
               !TAILQ_EMPTY(&m->systemd_queue))
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
                scope_check_unit(s);
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
        /* It remembers its subscribers when it executes itself anew. */
        if (r < 0 && !sd_bus_error_has_name(error, "org.freedesktop.systemd1.AlreadySubscribed"))
                log_error("cannot subscribe to PID 1: %s", error->message ?: strerror(-r));
}

static int systemd_subscribe(Manager *m)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(m, "Subscribe", &message);
        return r < 0 ? r
                     : systemd_call(m, message, false, m->config.unit_timeout_usec, on_subscribed,
                                    NULL, NULL);
}

static int on_job_known(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        SystemdCall *c = userdata;

        c->slot = sd_bus_slot_unref(c->slot);
        /* It has ended, and how is not to be known; the next step finds out. */
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_UNKNOWN_OBJECT))
                systemd_call_finish(c, 0, NULL);
        return 0;
}

/* Nobody heard of the end of a job while PID 1 was not on the bus. */
static void check_job(SystemdCall *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(c->manager->bus, &message, SYSTEMD_DESTINATION, c->job,
                                           "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", "org.freedesktop.systemd1.Job", "State");
        c->slot = sd_bus_slot_unref(c->slot);
        if (r >= 0)
                r = sd_bus_call_async(c->manager->bus, &c->slot, message, on_job_known, c,
                                      UINT64_MAX);
        if (r < 0)
                log_error("cannot ask PID 1 for %s: %s", c->job, strerror(-r));
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        Manager *m = userdata;
        SystemdCall *c, *next;
        const char *owner;

        if (sd_bus_message_read(message, "sss", NULL, NULL, &owner) < 0)
                return 0;
        m->systemd_away = !*owner;
        if (m->systemd_away)
                return 0;
        if (systemd_subscribe(m) < 0)
                log_error("cannot subscribe to PID 1, which is back on the bus");
        HASH_ITER (by_job, m->jobs, c, next)
                check_job(c);
        (void) sd_event_source_set_enabled(m->systemd_defer, SD_EVENT_ONESHOT);
        return 0;
}

int systemd_init(Manager *m)
{
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
                r = sd_bus_add_match_async(m->bus, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',"
                                           "path='/org/freedesktop/DBus',"
                                           "interface='org.freedesktop.DBus',"
                                           "member='NameOwnerChanged',"
                                           "arg0='" SYSTEMD_DESTINATION "'",
                                           on_owner_changed, NULL, m);
        return r < 0 ? r : systemd_subscribe(m);
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
