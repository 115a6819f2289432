/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "async-server.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* --- the bus --- */

void server_start_bus(Server *s)
{
        _cleanup_(freep) char *config = NULL;
        int fds[2];
        char byte;

        assert_true(asprintf(&config, "--config-file=%s/bus.conf", s->scratch.path) > 0);
        assert_int_equal(pipe(fds), 0);
        s->bus_pid = fork();
        assert_true(s->bus_pid >= 0);
        if (s->bus_pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) dup2(fds[1], STDOUT_FILENO);
                (void) execlp("dbus-daemon", "dbus-daemon", config, "--nofork", "--print-address",
                              "--nosyslog", NULL);
                _exit(127);
        }
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 1); /* it listens */
        (void) close(fds[0]);
}

void server_stop_bus(Server *s)
{
        s->probe = sd_bus_flush_close_unref(s->probe);
        assert_int_equal(kill(s->bus_pid, SIGKILL), 0);
        assert_int_equal(waitpid(s->bus_pid, NULL, 0), s->bus_pid);
        s->bus_pid = 0;
}

/* --- the daemon --- */

static char *object_of(const char *name)
{
        _cleanup_(freep) char *scope = strndup(name, strcspn(name, "/"));
        const char *task = strchr(name, '/');
        char *object = NULL;

        if (task)
                assert_true(sd_bus_path_encode_many(&object, TASK_TEMPLATE, scope, task + 1) >= 0);
        else
                assert_true(sd_bus_path_encode(SCOPE_PREFIX, scope, &object) >= 0);
        return object;
}

/* "job" of its object and of its name. */
static char *name_of(const char *text)
{
        _cleanup_(freep) char *scope = NULL, *task = NULL;
        char *name = NULL;

        if (sd_bus_path_decode_many(text, TASK_TEMPLATE, &scope, &task) > 0)
                assert_true(asprintf(&name, "%s/%s", scope, task) > 0);
        else if (sd_bus_path_decode(text, SCOPE_PREFIX, &name) <= 0)
                name = strdup(text);
        return name;
}

static const Thing *thing_of(const Server *s, const char *text)
{
        _cleanup_(freep) char *name = name_of(text);
        const Thing *t = s->things;

        while (!startswith(name, t->name))
                t++;
        return t;
}

static int on_get_scope(Server *s, sd_bus_message *m)
{
        _cleanup_(freep) char *name = NULL, *object = NULL;
        const Thing *t;
        const char *text;

        s->n_get_scope++;
        s->n_started += sd_bus_message_get_auto_start(m) > 0;
        assert_true(sd_bus_message_read(m, "s", &text) > 0);
        t = thing_of(s, text);
        if (t->error)
                return sd_bus_reply_method_errorf(m, t->error, "no %s", text);
        name = name_of(text);
        object = object_of(name);
        assert_true(sd_bus_reply_method_return(m, "o", object) >= 0);
        if (s->on_get_scope)
                s->on_get_scope(s, object);
        return 1;
}

static int on_get(Server *s, sd_bus_message *m)
{
        const Thing *t = thing_of(s, sd_bus_message_get_path(m));

        s->n_get++;
        if (!t->state)
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_OBJECT, "none");
        return sd_bus_reply_method_return(m, "v", "s", t->state);
}

static int on_wait_scope(Server *s, sd_bus_message *m)
{
        const char *text;
        const Thing *t;

        s->n_wait_scope++;
        assert_true(sd_bus_message_read(m, "s", &text) > 0);
        t = thing_of(s, text);
        return sd_bus_reply_method_return(m, "siib", t->state, t->exit_status, 0, 0);
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(m);
        Server *s = userdata;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        if (streq(member, "GetScope"))
                return on_get_scope(s, m);
        if (streq(member, "Get"))
                return on_get(s, m);
        if (streq(member, "WaitScope"))
                return on_wait_scope(s, m);
        s->n_others++;
        if (streq(member, "SliceOwner"))
                return sd_bus_reply_method_return(m, "s", "pact");
        assert_true(s->n_held < ELEMENTSOF(s->held));
        s->held[s->n_held++] = sd_bus_message_ref(m);
        return 1;
}

void server_answer_held(Server *s)
{
        while (s->n_held > 0) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = s->held[--s->n_held];

                if (sd_bus_message_is_method_call(m, NULL, "IsScopeEmpty"))
                        assert_true(sd_bus_reply_method_return(m, "b", 1) >= 0);
                else
                        assert_true(sd_bus_reply_method_return(m, "") >= 0);
        }
}

void server_emit_end(Server *s, const char *name, int exit_status)
{
        _cleanup_(freep) char *scope = strndup(name, strcspn(name, "/")), *object = NULL;
        const char *task = strchr(name, '/');

        object = object_of(scope);
        if (task)
                assert_true(sd_bus_emit_signal(s->bus, MANAGER_PATH, MANAGER_IFACE, "TaskExited",
                                               "osuiib", object, task + 1, 1, exit_status, 0,
                                               0) >= 0);
        else
                assert_true(sd_bus_emit_signal(s->bus, MANAGER_PATH, MANAGER_IFACE, "ScopeReleased",
                                               "ossiib", object, scope,
                                               exit_status ? "failed" : "exited", exit_status, 0,
                                               0) >= 0);
}

void server_emit_removed(Server *s, const char *name)
{
        _cleanup_(freep) char *object = object_of(name);

        assert_true(sd_bus_emit_signal(s->bus, MANAGER_PATH, "org.freedesktop.DBus.ObjectManager",
                                       "InterfacesRemoved", "oas", object, 1, SCOPE_IFACE) >= 0);
}

void server_connect(Server *s)
{
        assert_true(sd_bus_open_system(&s->bus) >= 0);
        assert_true(sd_bus_attach_event(s->bus, s->event, 0) >= 0);
        assert_true(sd_bus_add_filter(s->bus, NULL, on_call, s) >= 0);
        assert_true(sd_bus_request_name(s->bus, BUS_NAME, 0) >= 0);
}

void server_disconnect(Server *s)
{
        while (s->n_held > 0)
                sd_bus_message_unref(s->held[--s->n_held]);
        s->bus = sd_bus_flush_close_unref(s->bus);
}

/* --- the client --- */

Daemon *server_client(const Server *s)
{
        return s->client->userdata;
}

void server_cut(const Server *s)
{
        assert_int_equal(shutdown(sd_bus_get_fd(server_client(s)->bus), SHUT_RDWR), 0);
}

static void ask_bus(Server *s)
{
        if (s->bus_pid == 0)
                return;
        if (!s->probe)
                assert_true(sd_bus_open_system(&s->probe) >= 0);
        assert_true(sd_bus_call_method(s->probe, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, "") >= 0);
}

void server_settle(Server *s)
{
        /* The bus is the only other process: it has passed on what it was sent before it was asked. */
        for (unsigned n_silent = 0; n_silent < 3; n_silent++) {
                ask_bus(s);
                while (sd_event_run(s->event, 10 * USEC_PER_MSEC) > 0)
                        n_silent = 0;
        }
}

void told(const hpcnode_cgroup_result *result, void *userdata)
{
        Told *t = userdata;

        t->n++;
        t->value = result->value;
        t->code = result->error->code;
        if (result->info) {
                (void) snprintf(t->state, sizeof(t->state), "%s", result->info->state ?: "");
                t->exit_status = result->info->exit_status;
        }
}

void server_await(Server *s, const Told *t)
{
        uint64_t deadline = client_now_usec() + 60 * USEC_PER_SEC;

        while (t->n == 0) {
                assert_true(client_now_usec() < deadline);
                assert_true(sd_event_run(s->event, USEC_PER_SEC) >= 0);
        }
}

/* --- a test --- */

static void write_config(Server *s)
{
        _cleanup_(freep) char *text = NULL, *address = NULL;

        assert_true(asprintf(&address, "unix:path=%s/socket", s->scratch.path) > 0);
        assert_true(asprintf(&text,
                             "<busconfig><type>session</type><listen>%s</listen>"
                             "<auth>EXTERNAL</auth><policy context='default'>"
                             "<allow send_destination='*'/><allow eavesdrop='true'/>"
                             "<allow own='*'/></policy></busconfig>",
                             address) > 0);
        scratch_write(&s->scratch, "bus.conf", text);
        assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
}

int server_setup(void **state)
{
        static const Thing all_alive[] = { { "", .state = "running" } };
        static Server s;

        if (system("command -v dbus-daemon >/dev/null") != 0)
                skip();
        s = (Server){ .scratch = scratch_new("bus"), .things = all_alive };
        write_config(&s);
        server_start_bus(&s);
        assert_true(sd_event_new(&s.event) >= 0);
        server_connect(&s);
        assert_int_equal(hpcnode_cgroup_open(&s.client, NULL), 0);
        assert_int_equal(hpcnode_cgroup_attach_event(s.client, s.event, 0, NULL), 0);
        *state = &s;
        return 0;
}

int server_teardown(void **state)
{
        Server *s = *state;

        hpcnode_cgroup_free(s->client);
        server_disconnect(s);
        sd_event_unref(s->event);
        server_stop_bus(s);
        scratch_done(&s->scratch);
        return 0;
}
