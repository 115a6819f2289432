/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handle: a connection to the bus, and calls of the manager's methods over it. */
#include "client.h"

#include "basic/reason.h"

#include <poll.h>
#include <time.h>

uint64_t client_now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

/* Whether the connection can be used. sd-bus learns that the bus has gone only from the next call. */
static bool is_connected(sd_bus *bus)
{
        struct pollfd p = { .fd = bus ? sd_bus_get_fd(bus) : -EBADF, .events = POLLRDHUP };

        return p.fd >= 0 && sd_bus_is_open(bus) > 0 && poll(&p, 1, 0) == 0;
}

int client_connect(hpcnode_cgroup *c, hpcnode_cgroup_error *e)
{
        int r;

        if (is_connected(c->bus))
                return 0;
        client_disconnect(c);

        r = c->user ? sd_bus_open_user_with_description(&c->bus, "libhpcnode-cgroup")
                    : sd_bus_open_system_with_description(&c->bus, "libhpcnode-cgroup");
        if (r < 0)
                return client_error(
                        e, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                        "cannot reach hpcnode-cgroupd: no %s bus (%s); see: systemctl%s "
                        "status dbus.socket hpcnode-cgroupd",
                        c->user ? "session" : "system", strerror(-r), c->user ? " --user" : "");
        return 0;
}

void client_disconnect(hpcnode_cgroup *c)
{
        c->bus = sd_bus_flush_close_unref(c->bus);
}

static int open_bus(bool user, hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(hpcnode_cgroup_freep) hpcnode_cgroup *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return client_oom(ret_error);

        c->user = user;
        r = client_connect(c, ret_error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

_public_ int hpcnode_cgroup_open(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        return open_bus(false, ret, ret_error);
}

_public_ int hpcnode_cgroup_open_user(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        return open_bus(true, ret, ret_error);
}

_public_ hpcnode_cgroup *hpcnode_cgroup_free(hpcnode_cgroup *c)
{
        if (!c)
                return NULL;
        client_disconnect(c);
        free(c);
        return NULL;
}

int client_method(hpcnode_cgroup *c, const char *method, sd_bus_message **ret,
                  hpcnode_cgroup_error *e)
{
        int r;

        r = client_connect(c, e);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_call(c->bus, ret, BUS_NAME, MANAGER_PATH, MANAGER_IFACE,
                                           method);
        if (r < 0)
                return client_error_bus(c, e, NULL, r);
        return 0;
}

/* With timeout_usec 0 for as long as is usual. */
static int call(hpcnode_cgroup *c, sd_bus_message *m, uint64_t timeout_usec,
                sd_bus_message **ret_reply, sd_bus_error *ret_error)
{
        int r;

        r = sd_bus_call(c->bus, m, timeout_usec, ret_error, ret_reply);
        if (r >= 0 || client_error_is_answer(ret_error))
                c->reached = true;
        return r;
}

int client_call(hpcnode_cgroup *c, sd_bus_message *m, sd_bus_message **ret_reply,
                hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = call(c, m, 0, ret_reply, &error);
        return r < 0 ? client_error_bus(c, e, &error, r) : 0;
}

int client_call_string(hpcnode_cgroup *c, const char *method, const char *argument,
                       sd_bus_message **ret_reply, hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_method(c, method, &m, e);
        if (r < 0)
                return r;
        r = client_append_string(m, argument, e);
        if (r < 0)
                return r;
        return client_call(c, m, ret_reply, e);
}

/* --- calls that only read --- */

/* What is left, since begun_usec, of the time that a call may take; 0: nothing. */
static uint64_t time_left(hpcnode_cgroup *c, uint64_t begun_usec)
{
        uint64_t limit, spent = client_now_usec() - begun_usec;

        if (!c->bus || sd_bus_get_method_call_timeout(c->bus, &limit) < 0)
                return 0;
        return limit > spent ? limit - spent : 0;
}

bool client_may_query_again(hpcnode_cgroup *c, uint64_t begun_usec, const sd_bus_error *error,
                            int r)
{
        return client_error_is_away(error, r) && time_left(c, begun_usec) > 0;
}

static int query_new(hpcnode_cgroup *c, const char *object, const char *interface,
                     const char *member, const char *const arguments[], sd_bus_message **ret,
                     hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_connect(c, e);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(c->bus, &m, BUS_NAME, object, interface, member);
        if (r < 0)
                return client_error_bus(c, e, NULL, r);
        for (const char *const *a = arguments; a && *a; a++) {
                r = client_append_string(m, *a, e);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(m);
        return 0;
}

int client_query(hpcnode_cgroup *c, const char *object, const char *interface, const char *member,
                 const char *const arguments[], sd_bus_message **ret_reply, hpcnode_cgroup_error *e)
{
        uint64_t begun = client_now_usec();

        for (bool again = false;; again = true) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int r;

                r = query_new(c, object, interface, member, arguments, &m, e);
                if (r < 0)
                        return r;
                r = call(c, m, again ? time_left(c, begun) ?: 1 : 0, ret_reply, &error);
                if (r >= 0)
                        return 0;
                if (again || !client_may_query_again(c, begun, &error, r))
                        return client_error_bus(c, e, &error, r);
        }
}

int client_query_string(hpcnode_cgroup *c, const char *method, const char *argument,
                        sd_bus_message **ret_reply, hpcnode_cgroup_error *e)
{
        return client_query(c, MANAGER_PATH, MANAGER_IFACE, method,
                            (const char *const[]){ argument, NULL }, ret_reply, e);
}

int client_query_property(hpcnode_cgroup *c, const char *object, const char *interface,
                          const char *property, char **ret, hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *value;
        char *copy;
        int r;

        r = client_query(c, object, PROPERTIES_IFACE, "Get",
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

/* --- arguments --- */

static int append_failed(hpcnode_cgroup_error *e, const char *what, int r)
{
        if (r == -EINVAL)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s cannot be sent over D-Bus: it is not UTF-8 text", what);
        return client_error_bus(NULL, e, NULL, r);
}

int client_append_string(sd_bus_message *m, const char *s, hpcnode_cgroup_error *e)
{
        char quoted[REASON_QUOTE_SIZE];
        int r;

        r = sd_bus_message_append_basic(m, 's', s);
        if (r < 0)
                return append_failed(e, reason_quote(s, quoted), r);
        return 0;
}

int client_append_strv(sd_bus_message *m, const char *const strings[], hpcnode_cgroup_error *e)
{
        int r;

        r = sd_bus_message_append_strv(m, (char **) strings);
        if (r < 0)
                return append_failed(e, "the command", r);
        return 0;
}

int client_append_dict(sd_bus_message *m, const hpcnode_cgroup_limits *limits,
                       const hpcnode_cgroup_options *options, OptionCalls call,
                       hpcnode_cgroup_error *e)
{
        int r;

        if (limits) {
                r = hpcnode_cgroup_limits_check(limits, e);
                if (r < 0)
                        return r;
        }
        if (options) {
                r = client_options_check(options, call, e);
                if (r < 0)
                        return r;
        }

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && limits)
                r = client_limits_append(m, &limits->limits);
        if (r >= 0 && options)
                r = client_options_append(m, options);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return append_failed(e, "an option", r);
        return 0;
}

_public_ int hpcnode_cgroup_ping(hpcnode_cgroup *c, char **ret_version,
                                 uint64_t *ret_round_trip_usec, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(freep) char *version = NULL;
        uint64_t start = client_now_usec();
        int r;

        r = client_query_property(c, MANAGER_PATH, MANAGER_IFACE, "Version", &version, ret_error);
        if (r < 0)
                return r;

        if (ret_round_trip_usec)
                *ret_round_trip_usec = client_now_usec() - start;
        if (ret_version)
                *ret_version = TAKE_PTR(version);
        return 0;
}
