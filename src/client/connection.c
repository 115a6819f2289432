/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handle: a connection to the bus, and calls of the manager's methods over it. */
#include "client.h"

#include <time.h>

uint64_t client_now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

int client_connect(hpcnode_cgroup *c, hpcnode_cgroup_error *e)
{
        int r;

        if (c->bus && sd_bus_is_open(c->bus) > 0)
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
                return client_error_bus(e, NULL, r);
        return 0;
}

int client_call(hpcnode_cgroup *c, sd_bus_message *m, sd_bus_message **ret_reply,
                hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(c->bus, m, 0, &error, ret_reply);
        if (r >= 0 || client_error_is_answer(&error))
                c->reached = true;
        if (r < 0)
                return client_error_bus(e, &error, r);
        return 0;
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

static int append_failed(hpcnode_cgroup_error *e, const char *what, int r)
{
        if (r == -EINVAL)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s cannot be sent over D-Bus: it is not UTF-8 text", what);
        return client_error_bus(e, NULL, r);
}

int client_append_string(sd_bus_message *m, const char *s, hpcnode_cgroup_error *e)
{
        int r;

        r = sd_bus_message_append_basic(m, 's', s);
        if (r < 0)
                return append_failed(e, "an argument", r);
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
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *version = NULL;
        uint64_t start;
        int r;

        r = client_connect(c, ret_error);
        if (r < 0)
                return r;

        start = client_now_usec();
        r = sd_bus_get_property_string(c->bus, BUS_NAME, MANAGER_PATH, MANAGER_IFACE, "Version",
                                       &error, &version);
        if (r < 0)
                return client_error_bus(ret_error, &error, r);

        if (ret_round_trip_usec)
                *ret_round_trip_usec = client_now_usec() - start;
        if (ret_version)
                *ret_version = TAKE_PTR(version);
        return 0;
}
