/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plays the daemon against a real supervisor in a real cgroup. Whatever does not go as a test wants
 * fails the test where it stands. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants those four before it */
#include <cmocka.h>

#include "basic/fields.h"
#include "basic/protocol.h"
#include <sys/types.h>

/* A packet of the supervisor. */
typedef struct Message Message;
struct Message {
        Message *next;
        size_t n;
        struct {
                char *key, *value;
        } pairs[32];
        char data[PROTOCOL_PACKET_MAX];
};

typedef struct Driver {
        const char *top; /* HPCNODE_TEST_CGROUP */
        char runtime[64], scope[256];
        char unit[64];
        int scope_fd, runtime_fd;
        int link;
        pid_t attached, lasting;
        uint64_t serial;
        Message *unread;
} Driver;

#define DRIVER_ID "k7f3"

/* How a supervisor is started; zero is the usual way. */
typedef struct DriverOptions {
        int clone3_error; /* of a seccomp filter */
        uint64_t stop_timeout_usec;
        bool real; /* in a scope of systemd's own */
} DriverOptions;

/* What is executed and how; zero is the usual way. */
typedef struct Program {
        const char *const *argv;
        const char *const *env;
        const char *spec;      /* further lines of the specification */
        const char *fds;       /* of `spawn`; "" when NULL */
        int passed[3];         /* descriptors for those */
        uint64_t timeout_usec; /* 10 s */
        bool no_log;           /* leave `log` out, which means the journal */
} Program;

#define ARGV(...)  ((const char *const[]){ __VA_ARGS__, NULL })
#define SHELL(cmd) ARGV("/bin/sh", "-c", cmd)

/* Whether there is a cgroup to test in. */
bool driver_possible(void);

Driver *driver_start(const DriverOptions *o); /* attached and connected, but not set up */
Driver *driver_new(const DriverOptions *o);   /* set up */
void driver_free(Driver *d);

void driver_connect(Driver *d);
void driver_disconnect(Driver *d);
void driver_setup(Driver *d, uint64_t stop_timeout_usec);

/* Sends a request and returns its serial. */
uint64_t driver_send(Driver *d, Fields *f, const int *fds, size_t n_fds);

/* Waits for the next packet in which the keys have these values, and keeps the others for later. The
 * arguments are pairs of key and value, ending in NULL. Owned by the caller. */
Message *driver_expect(Driver *d, ...) __attribute__((sentinel));
void driver_expect_drop(Driver *d, ...) __attribute__((sentinel));
Message *driver_answer(Driver *d, uint64_t serial);
bool driver_has(Driver *d, const char *type); /* among what was received and not taken yet */
void driver_expect_end(Driver *d);            /* the supervisor closes the connection and ends */

const char *message_get(const Message *m, const char *key); /* NULL without it */
uint64_t message_number(const Message *m, const char *key);

uint64_t driver_spawn_send(Driver *d, const char *task, const Program *p);
Message *driver_spawn(Driver *d, const char *task, const Program *p); /* the answer */
void driver_spawn_ok(Driver *d, const char *task, const Program *p);
/* Starts a shell command as a task and returns when it has printed a line. It can wait, by read, for
 * *ret_stdin (where wanted) to be closed. */
void driver_spawn_ready(Driver *d, const char *task, const char *command, int *ret_stdin);
void driver_spawn_fails(Driver *d, const char *task, const Program *p, const char *step, int error);

/* Runs the program as task `name` to its end: its stdout and the `exited` message, forgotten again. */
Message *driver_run(Driver *d, const char *name, const Program *p, char *ret_output, size_t size);

void driver_forget(Driver *d, const char *task);
uint64_t driver_signal(Driver *d, const char *task, int signal);
void driver_stop(Driver *d); /* as the service manager, which is the supervisor's parent */

bool driver_exists(Driver *d, const char *path); /* in the scope */
void driver_read(Driver *d, const char *path, char *buffer, size_t size);
void driver_write(Driver *d, const char *path, const char *text);
void driver_wait_gone(Driver *d, const char *path);

size_t count_fds(pid_t pid);
uint64_t clock_now(void);

extern const struct CMUnitTest *const life_tests, *const task_tests, *const spawn_tests,
                                                                             *const open_tests;
extern const size_t n_life_tests, n_task_tests, n_spawn_tests, n_open_tests;
