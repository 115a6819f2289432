/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One method call of a client: who sent it, and the answer that it still waits for. */
#pragma once

#include "basic/access.h"
#include "daemon/error-bus.h"
#include "daemon/manager.h"

/* Runs once the caller is known. Negative: the call is answered with *error, or with the errno if
 * that is not set, and freed. 0: it was answered and is freed. 1: the handler keeps it and answers
 * later. */
typedef int (*call_handler_t)(Call *c, sd_bus_error *error);

struct Call {
        Manager *manager;
        sd_bus_message *message;
        size_t size;    /* of the message, in bytes */
        Caller *caller; /* whose connection it came on */
        uid_t uid;      /* the caller's, as the bus says; UID_INVALID until it has */
        pid_t pid;
        bool counted;                /* among those that the user has pending */
        bool looked_up;              /* unknown names of owners were looked up for it */
        bool by_emergency;           /* only the emergency allows what it does */
        Principal principal;         /* what call_authorize() has taken the caller for */
        struct Admission *admission; /* what polkit was asked, and has said */
        uint64_t begun_usec;         /* CLOCK_MONOTONIC */
        call_handler_t handler;
        TAILQ_ENTRY(Call) waiters; /* of whoever keeps it */
        struct CallList *list;     /* that it waits in, by call_wait() */
        TAILQ_ENTRY(Call) of_caller;
};

/* Takes a message: asks the bus who sent it, without blocking, then runs the handler, which asks whether that
 * one may. To be returned from a vtable's method. */
int call_begin(Manager *m, sd_bus_message *message, call_handler_t handler, sd_bus_error *error);

/* For a handler, when it has read which slice or scope is meant, and before anything else: whether the caller
 * may do that there. slice: the unit (NULL with a scope, or when the act is on neither). 0: it may; negative:
 * refused with *error; 1: that is being found out, and the handler, which returns 1 too, is run again from its
 * beginning then. */
int call_authorize(Call *c, Act act, const char *slice, const Scope *s, sd_bus_error *error);

/* call-polkit.c: the same for whom only polkit can admit. -EACCES: it does not, for that reason (the call's). */
int call_ask_polkit(Call *c, Act act, const char *slice, const Scope *s, const char **ret_reason);
struct Admission *admission_free(struct Admission *a);

/* Keeps the call in the list until it is answered or its client has left the bus. */
void call_wait(Call *c, CallList *list);

/* argv and environment may have 2 MiB (spec.c); the rest is small. */
#define CALL_BYTES_MAX (4 * 1024 * 1024)

/* call-size.c: the bytes of the message's arguments, about; the message is rewound. -EMSGSIZE: beyond that. */
int message_size(sd_bus_message *message, size_t *ret);

Call *call_free(Call *c);
DEFINE_CLEANUP(Call *, call_free);

/* Each answers and frees the call. */
void call_reply(Call *c, const char *types, ...);
void call_fail(Call *c, int r, const sd_bus_error *error);

/* The same for all of a list, which is empty afterwards. */
void calls_reply_empty(CallList *list);
void calls_fail(CallList *list, int r, const sd_bus_error *error);
void calls_drop(CallList *list);

/* Runs the handler of a call that waited in a list for something else than its answer, from its beginning. */
void call_resume(Call *c);

/* Runs the handlers of calls that waited for something else than their answer, from their beginning. */
void calls_resume(CallList *list);
