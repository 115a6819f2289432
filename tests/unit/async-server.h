/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bus of our own, what stands for the daemon on it, and a handle: all in one loop, so that nothing happens at a time
 * that a test does not choose. */
#pragma once

#include "client/async.h"
#include "scratch.h"
#include "test.h"

/* What the server says of the object whose name begins so; the first that fits. */
typedef struct Thing {
        const char *name;  /* "job", or "scope/task" */
        const char *state; /* NULL: it is being made, and has no object yet */
        int exit_status;
        const char *error; /* of GetScope, else NULL */
} Thing;

typedef struct Server {
        Scratch scratch;
        pid_t bus_pid;
        sd_event *event;
        sd_bus *bus, *probe;
        const Thing *things;
        unsigned n_get_scope, n_get, n_wait_scope, n_others,
                n_started;         /* started: questions that may start a daemon */
        sd_bus_message *held[256]; /* FreezeScope and IsScopeEmpty are not answered */
        unsigned n_held;
        void (*on_get_scope)(struct Server *s, const char *object); /* called after the answer */

        hpcnode_cgroup *client;
} Server;

/* Skips the test where there is no dbus-daemon. */
int server_setup(void **state);
int server_teardown(void **state);

#define ON_SERVER(f) cmocka_unit_test_setup_teardown(f, server_setup, server_teardown)

void server_start_bus(Server *s);
void server_stop_bus(Server *s);

/* Begins and ends to be the daemon. */
void server_connect(Server *s);
void server_disconnect(Server *s);

/* Answers what is held. */
void server_answer_held(Server *s);

/* The end of a scope, or "scope/task", as the daemon says it. */
void server_emit_end(Server *s, const char *name, int exit_status);
void server_emit_removed(Server *s, const char *name);

/* The connection of the client. */
Daemon *server_client(const Server *s);
void server_cut(const Server *s);

/* Runs the loop until everything has been said and done that follows. */
void server_settle(Server *s);

/* What a handler was told. */
typedef struct Told {
        unsigned n;
        int value;
        hpcnode_cgroup_error_code code;
        char state[16];
        int exit_status;
} Told;

void told(const hpcnode_cgroup_result *result, void *userdata);

/* Runs the loop until it was told. */
void server_await(Server *s, const Told *t);
