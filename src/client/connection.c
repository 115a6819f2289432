/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the bus, and calls over it. */
#include "daemon.h"

#include "basic/clock.h"
#include "basic/reason.h"

#include <poll.h>

/* For a call in the course of which a person may be asked for a password. */
#define INTERACTIVE_TIMEOUT_USEC (120 * USEC_PER_SEC)

uint64_t client_now_usec(void)
{
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t client_realtime_usec(void)
{
        return clock_usec(CLOCK_REALTIME);
}

/* sd-bus learns that the bus has gone only from the next call. */
bool daemon_is_connected(const Daemon *d)
{
        struct pollfd p = { .fd = d->bus ? sd_bus_get_fd(d->bus) : -EBADF, .events = POLLRDHUP };

        return p.fd >= 0 && sd_bus_is_open(d->bus) > 0 && poll(&p, 1, 0) == 0;
}

bool daemon_is_elsewhere(const Daemon *d)
{
        return d && d->where;
}

const char *daemon_manager_options(const Daemon *d, char buffer[static MANAGER_OPTIONS_SIZE])
{
        bool user = d && (d->kind == BUS_USER || d->kind == BUS_USER_MACHINE);

        (void) snprintf(buffer, MANAGER_OPTIONS_SIZE, "%s%s%s", user ? " --user" : "",
                        !daemon_is_elsewhere(d) ? ""
                        : d->kind == BUS_REMOTE ? " -H "
                                                : " -M ",
                        daemon_is_elsewhere(d) ? d->where : "");
        return buffer;
}

static int open_bus(Daemon *d)
{
        switch (d->kind) {
        case BUS_SYSTEM:
                return sd_bus_open_system_with_description(&d->bus, "libhpcnode-cgroup");
        case BUS_USER:
                return sd_bus_open_user_with_description(&d->bus, "libhpcnode-cgroup");
        case BUS_REMOTE:
                return sd_bus_open_system_remote(&d->bus, d->where);
        case BUS_MACHINE:
                return sd_bus_open_system_machine(&d->bus, d->where);
        case BUS_USER_MACHINE:
                return sd_bus_open_user_machine(&d->bus, d->where);
        case BUS_GIVEN:
                break;
        }
        return -ENOTCONN;
}

/* A session bus there is only where a user manager runs, and only who knows the directory finds it. */
static int no_session_bus(hpcnode_cgroup_error *e, int error)
{
        const char *directory = getenv("XDG_RUNTIME_DIR");
        unsigned uid = (unsigned) geteuid();

        if (!directory && !getenv("DBUS_SESSION_BUS_ADDRESS"))
                return client_error(
                        e, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                        "cannot reach hpcnode-cgroupd: no session bus: XDG_RUNTIME_DIR is not set, "
                        "as after su or sudo; log in as this user, or, if it has a service manager "
                        "(loginctl enable-linger), set XDG_RUNTIME_DIR=/run/user/%u",
                        uid);
        return client_error(
                e, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                "cannot reach hpcnode-cgroupd: no session bus of uid %u (%s) at "
                "XDG_RUNTIME_DIR=%s; "
                "a user's service manager runs while the user is logged in, or always after: "
                "loginctl enable-linger",
                uid, strerror(-error), directory ?: "");
}

int daemon_not_connected(const Daemon *d, int error, hpcnode_cgroup_error *e)
{
        char options[MANAGER_OPTIONS_SIZE];

        if (d->kind == BUS_USER)
                return no_session_bus(e, error);
        if (daemon_is_elsewhere(d) && error == -EINVAL)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "\"%.255s\" is not %s",
                                    d->where,
                                    d->kind == BUS_REMOTE ? "[USER@]HOST[:PORT][/CONTAINER]"
                                                          : "[USER@]CONTAINER");
        if (daemon_is_elsewhere(d))
                return client_error(e, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                                    "cannot reach hpcnode-cgroupd of %.255s: no connection to the "
                                    "%s bus there%s (%s); see: systemctl%s status",
                                    d->where, d->kind == BUS_USER_MACHINE ? "session" : "system",
                                    d->kind == BUS_REMOTE ? " by ssh" : "", strerror(-error),
                                    daemon_manager_options(d, options));
        return client_error(e, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                            "cannot reach hpcnode-cgroupd: no system bus (%s); see: systemctl "
                            "status dbus.socket hpcnode-cgroupd",
                            strerror(-error));
}

int daemon_connect(Daemon *d, hpcnode_cgroup_error *e)
{
        int r;

        if (daemon_is_connected(d))
                return 0;
        if (d->kind == BUS_GIVEN)
                return client_error(e, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                                    "cannot reach hpcnode-cgroupd: the connection to the bus that "
                                    "this handle was given has ended");
        daemon_disconnect(d);

        r = open_bus(d);
        if (r < 0)
                return daemon_not_connected(d, r, e);

        r = d->async ? async_connected(d->async) : 0;
        if (r < 0) {
                daemon_disconnect(d);
                return client_error_bus(d, e, NULL, r);
        }
        return 0;
}

void daemon_disconnect(Daemon *d)
{
        if (d->async)
                async_disconnected(d->async);
        d->bus = d->kind == BUS_GIVEN ? sd_bus_unref(d->bus) : sd_bus_flush_close_unref(d->bus);
}

int daemon_append_failed(hpcnode_cgroup_error *e, const char *what, int r)
{
        if (r == -EINVAL)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s cannot be sent over D-Bus: it is not UTF-8 text", what);
        return client_error_bus(NULL, e, NULL, r);
}

int daemon_message_new(Daemon *d, const char *object, const char *interface, const char *member,
                       const char *const strings[], size_t n, sd_bus_message **ret,
                       hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = daemon_connect(d, e);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(d->bus, &m, BUS_NAME, object, interface, member);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(m, d->interactive);
        if (r < 0)
                return client_error_bus(d, e, NULL, r);
        for (size_t i = 0; i < n; i++) {
                char quoted[REASON_QUOTE_SIZE];

                r = sd_bus_message_append_basic(m, 's', strings[i]);
                if (r < 0)
                        return daemon_append_failed(e, reason_quote(strings[i], quoted), r);
        }

        *ret = TAKE_PTR(m);
        return 0;
}

uint64_t daemon_call_timeout_usec(const Daemon *d)
{
        return d->interactive ? INTERACTIVE_TIMEOUT_USEC : 0;
}

uint64_t daemon_time_left(const Daemon *d, uint64_t begun_usec)
{
        uint64_t limit, spent = client_now_usec() - begun_usec;

        if (!d->bus || sd_bus_get_method_call_timeout(d->bus, &limit) < 0)
                return 0;
        return limit > spent ? limit - spent : 0;
}

bool daemon_may_query_again(const Daemon *d, uint64_t begun_usec, const sd_bus_error *error, int r)
{
        return client_error_is_away(error, r) && daemon_time_left(d, begun_usec) > 0;
}

int daemon_call(Daemon *d, MessageMaker make, const void *userdata, bool reads,
                sd_bus_message **ret_reply, hpcnode_cgroup_error *e)
{
        uint64_t begun = client_now_usec();

        for (bool again = false;; again = true) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                uint64_t timeout = reads ? 0 : daemon_call_timeout_usec(d);
                int r;

                r = make(d, userdata, &m, e);
                if (r < 0)
                        return r;
                if (again)
                        timeout = daemon_time_left(d, begun) ?: 1;
                r = sd_bus_call(d->bus, m, timeout, &error, ret_reply);
                if (r >= 0 || client_error_is_answer(&error))
                        d->reached = true;
                if (r >= 0)
                        return 0;
                if (!reads || again || !daemon_may_query_again(d, begun, &error, r))
                        return client_error_bus(d, e, &error, r);
        }
}

/* --- calls that are no operation of the table --- */

typedef struct Query {
        const char *object, *interface, *member;
        const char *const *arguments;
} Query;

static int make_query(Daemon *d, const void *userdata, sd_bus_message **ret,
                      hpcnode_cgroup_error *e)
{
        const Query *q = userdata;
        size_t n = 0;

        while (q->arguments && q->arguments[n])
                n++;
        return daemon_message_new(d, q->object, q->interface, q->member, q->arguments, n, ret, e);
}

int daemon_query(Daemon *d, const char *object, const char *interface, const char *member,
                 const char *const arguments[], sd_bus_message **ret_reply, hpcnode_cgroup_error *e)
{
        Query q = { object, interface, member, arguments };

        return daemon_call(d, make_query, &q, true, ret_reply, e);
}

int daemon_query_property(Daemon *d, const char *object, const char *interface,
                          const char *property, char **ret, hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *value;
        char *copy;
        int r;

        r = daemon_query(d, object, PROPERTIES_IFACE, "Get",
                         (const char *const[]){ interface, property, NULL }, &reply, e);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "v", "s", &value);
        if (r < 0)
                return client_error_reply(e, r);

        copy = strdup(value);
        if (!copy)
                return client_oom(e);
        *ret = copy;
        return 0;
}
