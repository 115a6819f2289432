/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls over a connection that the program goes on to use. */
#include "client/daemon.h"
#include "test.h"

#include <pthread.h>
#include <sys/socket.h>

/* The daemon, which leaves in the middle of the first list, in a thread of its own at the other end of the connection. */
typedef struct Server {
        pthread_t thread;
        int fd;
        unsigned n_lists, n_left; /* left: questions that it left without an answer */
        sd_bus_message *held;     /* one of them, that is answered too late */
        bool interactive;         /* somebody may be asked for a password for the last call */
} Server;

static int on_list(Server *s, sd_bus_message *m)
{
        s->n_lists++;
        return sd_bus_reply_method_return(m, "a(osss)", 2, SCOPE_PREFIX "/a", "a", "/a", "active",
                                          SCOPE_PREFIX "/b", "b", "/b", "active");
}

static int on_property(Server *s, sd_bus_message *m)
{
        const char *property;
        int r;

        assert_true(sd_bus_message_read(m, "ss", NULL, &property) > 0);
        if (s->n_lists == 1 && s->n_left++ == 0)
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_NO_REPLY, "it has left");
        if (s->n_lists == 1) {
                s->held = s->held ?: sd_bus_message_ref(m);
                return 1;
        }
        if (s->held) {
                r = sd_bus_reply_method_return(s->held, "v", "s", "late");
                s->held = sd_bus_message_unref(s->held);
                assert_true(r >= 0);
        }
        return streq(property, "Name") ? sd_bus_reply_method_return(m, "v", "s", "name")
                                       : sd_bus_reply_method_return(m, "v", "u", 7);
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;

        if (sd_bus_message_is_method_call(m, MANAGER_IFACE, "ListScopes"))
                return on_list(s, m);
        if (sd_bus_message_is_method_call(m, PROPERTIES_IFACE, "Get"))
                return on_property(s, m);
        if (sd_bus_message_is_method_call(m, MANAGER_IFACE, "FreezeScope")) {
                s->interactive = sd_bus_message_get_allow_interactive_authorization(m) > 0;
                return sd_bus_reply_method_return(m, "");
        }
        return 0;
}

static void *serve(void *userdata)
{
        sd_bus *bus = NULL;
        Server *s = userdata;
        int r;

        assert_return_code(sd_bus_new(&bus), 0);
        assert_return_code(sd_bus_set_fd(bus, s->fd, s->fd), 0);
        assert_return_code(sd_bus_set_server(bus, true,
                                             SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                                           13, 14, 15, 16)),
                           0);
        assert_return_code(sd_bus_add_filter(bus, NULL, on_call, s), 0);
        assert_return_code(sd_bus_start(bus), 0);
        do {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        } while (r >= 0);
        sd_bus_close_unref(bus);
        return NULL;
}

static sd_bus *connect_to(Server *s)
{
        sd_bus *bus = NULL;
        int fds[2];

        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), errno);
        s->fd = fds[1];
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
        assert_return_code(sd_bus_new(&bus), 0);
        assert_return_code(sd_bus_set_fd(bus, fds[0], fds[0]), 0);
        assert_return_code(sd_bus_start(bus), 0);
        return bus;
}

/* The handle goes, and leaves the connection as it is. */
static void disconnect_from(Server *s, hpcnode_cgroup *c, sd_bus *bus)
{
        hpcnode_cgroup_free(c);
        assert_true(sd_bus_is_open(bus) > 0);
        sd_bus_close_unref(bus);
        assert_int_equal(pthread_join(s->thread, NULL), 0);
}

static void a_list_that_is_asked_for_again_keeps_the_connection(void **state)
{
        hpcnode_cgroup_info **list = NULL;
        Server s = { .fd = -EBADF };
        sd_bus *bus = connect_to(&s);
        hpcnode_cgroup *c = NULL;

        assert_int_equal(hpcnode_cgroup_open_bus(bus, &c, NULL), 0);
        assert_int_equal(hpcnode_cgroup_list(c, &list, NULL), 0);
        assert_string_equal(list[0]->id, "name");
        assert_string_equal(list[1]->id, "name");
        assert_int_equal(list[1]->pid, 7);
        assert_null(list[2]);
        hpcnode_cgroup_list_free(list);
        /* What was answered too late is nobody's. */
        while (sd_bus_process(bus, NULL) > 0)
                ;
        assert_int_equal(hpcnode_cgroup_list(c, &list, NULL), 0);
        hpcnode_cgroup_list_free(list);
        disconnect_from(&s, c, bus);
        assert_int_equal(s.n_lists, 3);
}

static void who_may_be_asked_is_the_handles_and_not_the_connections(void **state)
{
        Server s = { .fd = -EBADF };
        sd_bus *bus = connect_to(&s);
        hpcnode_cgroup *c = NULL;

        assert_return_code(sd_bus_set_allow_interactive_authorization(bus, true), 0);
        assert_int_equal(hpcnode_cgroup_open_bus(bus, &c, NULL), 0);
        assert_int_equal(hpcnode_cgroup_freeze(c, "a", NULL), 0);
        assert_false(s.interactive);
        assert_return_code(sd_bus_set_allow_interactive_authorization(bus, false), 0);
        hpcnode_cgroup_set_interactive(c, true);
        assert_int_equal(hpcnode_cgroup_freeze(c, "a", NULL), 0);
        assert_true(s.interactive);
        assert_int_equal(sd_bus_get_allow_interactive_authorization(bus), 0);
        disconnect_from(&s, c, bus);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_list_that_is_asked_for_again_keeps_the_connection),
                cmocka_unit_test(who_may_be_asked_is_the_handles_and_not_the_connections),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
