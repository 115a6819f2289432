/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that are answered from an event loop. Handlers are called by one event source of the handle and from nowhere
 * else, so never from within a function that blocks, nor while the connection is being processed. */
#pragma once

#include "daemon.h"
#include "fake.h"
#include "hpcnode/cgroup-async.h"

#include <limits.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

typedef hpcnode_cgroup_call Call;
typedef TAILQ_HEAD(CallList, hpcnode_cgroup_call) CallList;
typedef struct Transfer Transfer;
typedef TAILQ_HEAD(TransferList, Transfer) TransferList;
typedef struct Waits Waits;
typedef struct WaitTarget WaitTarget;

struct hpcnode_cgroup_call {
        TAILQ_ENTRY(hpcnode_cgroup_call) calls;
        Async *async;
        CallList *list;  /* that it is in: of the handle or of a target */
        Request request; /* its strings are copies, and what else the message needed is not there */
        hpcnode_cgroup_handler handler;
        void *userdata;
        Move move;          /* what is being moved, if it is that */
        Transfer *transfer; /* the question, if it is one */
        WaitTarget *target; /* what is waited for, if it is a wait; */
        FakeWatch *watch;   /* or this, in the fake */
        bool again;         /* asked once more */
        bool delivering;    /* its handler runs */
        int value;
        Result result;
        hpcnode_cgroup_error error;
};

/* What belongs to a handle that is attached to a loop. */
struct Async {
        sd_event *event;
        int64_t priority;
        sd_event_source *work; /* enabled when there is something to do */
        CallList pending, done;
        sd_event_source *ends; /* of what is waited for in the fake; NULL: nothing was yet */

        /* Only with a connection to the daemon: */
        Daemon *daemon;
        bool attached; /* the connection, by us */
        sd_bus_slot *disconnected;
        TransferList waiting, flying, failed;
        unsigned n_flying;
        uint64_t asked_usec; /* when what is just being answered was asked, CLOCK_MONOTONIC */
        Waits *waits;        /* NULL: there was none yet */
};

/* --- async-call.c --- */

/* The handle's, or NULL with *e. */
Async *async_of(const hpcnode_cgroup *c, hpcnode_cgroup_error *e);

int async_new(hpcnode_cgroup *c, sd_event *event, int64_t priority, Async **ret,
              hpcnode_cgroup_error *e);

Async *async_free(Async *a);

/* There is something to do. */
void async_wake(Async *a);

/* Begins a call. */
int call_begin(hpcnode_cgroup *c, const Request *q, hpcnode_cgroup_handler handler, void *userdata,
               Call **ret, hpcnode_cgroup_error *e);
Call *call_free(Call *call);

/* Puts it elsewhere. */
void call_move(Call *call, CallList *list);

/* Its value, result and error are set: the handler is called from the loop. */
void call_done(Call *call);

/* --- async-table.c --- */

/* Does at once what is asked of a handle that is no connection to the daemon. */
int table_call(hpcnode_cgroup *c, const Request *q, Call *call, hpcnode_cgroup_error *e);

/* --- async-queue.c: questions to the daemon, of which so many are under way as the bus allows --- */

/* Has the answer, or NULL and why there is none. It may be called from within sd-bus, and never by transfer_new(). */
typedef void (*transfer_handler)(sd_bus_message *reply, Failure *failure, void *userdata);

/* Sends it as soon as may be; with timeout 0 it has the usual time from then on. */
int transfer_new(Async *a, sd_bus_message *m, uint64_t timeout_usec, transfer_handler handler,
                 void *userdata, Transfer **ret);

/* Nobody wants the answer any more. Takes NULL and returns NULL; not after the handler was called. */
Transfer *transfer_forget(Transfer *t);

/* Goes on from the loop: tells of those that failed, and sends more. */
void transfers_work(Async *a);
void transfers_done(Async *a);

/* --- async-wait.c --- */

int wait_begin(Call *call, hpcnode_cgroup_error *e);

/* One call less waits for it. */
void wait_target_leave(WaitTarget *t);

/* The connection has been made, or dropped. */
int waits_connected(Async *a);
void waits_disconnected(Async *a);

/* Lets go of what is not needed any more. */
void waits_work(Async *a);
Waits *waits_free(Waits *w);

DEFINE_CLEANUP(Call *, call_free);
DEFINE_CLEANUP(Async *, async_free);
