/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One method call of a client: who sent it, and the answer that it still waits for. */
#pragma once

#include "daemon/error-bus.h"
#include "daemon/manager.h"

#define UID_INVALID ((uid_t) -1)

typedef struct Call Call;

/* Runs once the caller is known. Negative: the call is answered with *error, or with the errno if
 * that is not set, and freed. 0: it was answered and is freed. 1: the handler keeps it and answers
 * later. */
typedef int (*call_handler_t)(Call *c, sd_bus_error *error);

struct Call {
        Manager *manager;
        sd_bus_message *message;
        sd_bus_slot *slot;
        uid_t uid; /* as the bus says; UID_INVALID until then */
        pid_t pid;
        uint64_t begun_usec; /* CLOCK_MONOTONIC */
        call_handler_t handler;
        TAILQ_ENTRY(Call) waiters; /* of whoever keeps it */
        struct CallList *list;     /* that it waits in, by call_wait() */
        TAILQ_ENTRY(Call) waiting; /* of the manager, then */
};

typedef TAILQ_HEAD(CallList, Call) CallList;

/* Takes a message that changes something: asks the bus who sent it, without blocking, refuses whom
 * the rules refuse, then runs the handler. To be returned from a vtable's method. */
int call_begin(Manager *m, sd_bus_message *message, call_handler_t handler, sd_bus_error *error);

/* The same for a call that only reads and is answered later: nobody is asked, the uid is not known. */
int call_begin_reading(Manager *m, sd_bus_message *message, call_handler_t handler,
                       sd_bus_error *error);

/* call-wait.c: keeps the call in the list until it is answered or its client has left the bus. */
void call_wait(Call *c, CallList *list);
void call_wait_done(Call *c);

Call *call_free(Call *c);
DEFINE_CLEANUP(Call *, call_free);

/* Each answers and frees the call. */
void call_reply(Call *c, const char *types, ...);
void call_fail(Call *c, int r, const sd_bus_error *error);

/* The same for all of a list, which is empty afterwards. */
void calls_reply_empty(CallList *list);
void calls_fail(CallList *list, int r, const sd_bus_error *error);
void calls_drop(CallList *list);

/* Runs the handlers of calls that waited for something else than their answer, from their beginning. */
void calls_resume(CallList *list);
