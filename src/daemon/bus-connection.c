/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the bus: waited for when there is no bus, and given up when the bus does not take what
 * we say any more. */
#include "daemon/bus-connection.h"

#include "daemon/log.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

/* Between two attempts to connect; PID 1 would start the daemon again and again instead. */
#define RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (1 * USEC_PER_SEC)

/* dbus-daemon reads nothing more of a sender as long as 127 MiB of its messages are with clients that do
 * not read them. So when a call comes in and earlier answers have not been taken yet, the bus is asked
 * something. As long as it does not answer, calls are refused, so that answers take no memory; in the end
 * the daemon leaves, which rids it of those messages, and PID 1 starts it again. A bus that is merely
 * busy, on a slow node, was seen to take four seconds and more. */
#define PROBE_REFUSE_USEC  (8 * USEC_PER_SEC)
#define PROBE_TIMEOUT_USEC (16 * USEC_PER_SEC)

struct BusConnection {
        Manager *manager;
        bus_handler_t connected;
        sd_event_source *retry;
        uint64_t delay;
        sd_bus_slot *probe;
        uint64_t probed_usec; /* CLOCK_MONOTONIC */
};

static bool is_stalled(const BusConnection *c)
{
        return c->probe && now_monotonic_usec() > c->probed_usec + PROBE_REFUSE_USEC;
}

void bus_leave(Manager *m)
{
        if (!m->bus)
                return;
        /* Nothing can be flushed to a bus that does not read. */
        if (!m->connection || !is_stalled(m->connection))
                (void) sd_bus_flush(m->bus);
        sd_bus_close(m->bus);
}

BusConnection *bus_connection_free(BusConnection *c)
{
        if (!c)
                return NULL;
        sd_bus_slot_unref(c->probe);
        sd_event_source_disable_unref(c->retry);
        free(c);
        return NULL;
}

/* --- a bus that does not read --- */

/* Something that we have sent has not been taken. */
static bool is_unread(sd_bus *bus)
{
        uint64_t n = 0;
        int bytes = 0;

        return (sd_bus_get_n_queued_write(bus, &n) >= 0 && n > 0) ||
               (ioctl(sd_bus_get_fd(bus), SIOCOUTQ, &bytes) >= 0 && bytes > 0);
}

static int on_probed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        BusConnection *c = userdata;
        Manager *m = c->manager;

        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NO_REPLY) && is_unread(m->bus)) {
                log_error(
                        "the bus has read nothing of us for %u s (is there a client that does not "
                        "read its answers?): leaving it, to be started again",
                        (unsigned) (PROBE_TIMEOUT_USEC / USEC_PER_SEC));
                return sd_event_exit(m->event, EXIT_FAILURE);
        }
        c->probe = sd_bus_slot_unref(c->probe);
        return 0;
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        BusConnection *c = userdata;

        if (!sd_bus_message_is_method_call(message, NULL, NULL))
                return 0;
        if (is_stalled(c))
                return sd_bus_error_set_const(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                              "the bus takes no answers of hpcnode-cgroupd");
        if (!c->probe && is_unread(c->manager->bus)) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *probe = NULL;

                c->probed_usec = now_monotonic_usec();
                if (sd_bus_message_new_method_call(c->manager->bus, &probe, "org.freedesktop.DBus",
                                                   "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                   "GetId") >= 0)
                        (void) sd_bus_call_async(c->manager->bus, &c->probe, probe, on_probed, c,
                                                 PROBE_TIMEOUT_USEC);
        }
        return 0;
}

/* --- no bus yet --- */

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static bool may_come(int r)
{
        return r == -ECONNREFUSED || r == -ENOENT || r == -EAGAIN || r == -ECONNRESET ||
               r == -EPIPE;
}

static int wait_for_bus(BusConnection *c, int r)
{
        Manager *m = c->manager;

        if (c->delay == 0) {
                log_warning("cannot connect to the %s bus (%s); waiting for it",
                            m->user ? "session" : "system", strerror(-r));
                (void) sd_notify(false, "STATUS=Waiting for the bus");
                c->delay = RETRY_MIN_USEC;
        }
        c->retry = sd_event_source_disable_unref(c->retry);
        r = sd_event_add_time_relative(m->event, &c->retry, CLOCK_MONOTONIC, c->delay, 0, on_retry,
                                       c);
        c->delay = c->delay * 2 < RETRY_MAX_USEC ? c->delay * 2 : RETRY_MAX_USEC;
        return r;
}

static int try_to_connect(BusConnection *c)
{
        Manager *m = c->manager;
        int r;

        r = m->user ? sd_bus_open_user(&m->bus) : sd_bus_open_system(&m->bus);
        if (may_come(r))
                return wait_for_bus(c, r);
        if (r < 0) {
                log_error("cannot connect to the %s bus: %s", m->user ? "session" : "system",
                          strerror(-r));
                return r;
        }
        /* Without the bus there is nobody to serve; PID 1 restarts us, and everything is adopted. */
        (void) sd_bus_set_exit_on_disconnect(m->bus, true);
        r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_add_filter(m->bus, NULL, on_message, c);
        return r < 0 ? r : c->connected(m);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        BusConnection *c = userdata;
        int r = try_to_connect(c);

        return r < 0 ? sd_event_exit(c->manager->event, r) : 0;
}

int bus_connect(Manager *m, bus_handler_t connected)
{
        m->connection = calloc(1, sizeof *m->connection);
        if (!m->connection)
                return -ENOMEM;
        *m->connection = (BusConnection){ .manager = m, .connected = connected };
        return try_to_connect(m->connection);
}
