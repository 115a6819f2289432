/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drain: while it lasts, nothing more is admitted to workload.slice, and what runs there may come to its
 * end. It outlives the daemon, and not the boot. */
#pragma once

#include "daemon/call.h"
#include "daemon/manager.h"

struct Drain {
        char *reason; /* one line: see line_check(); or "" */
        uid_t uid;    /* who wanted it */
        pid_t pid;
        char *unit;          /* of the caller, if known */
        char *principal;     /* what it was taken for */
        uint64_t since_usec; /* CLOCK_REALTIME */
        bool recorded;
};

Drain *drain_free(Drain *d);
DEFINE_CLEANUP(Drain *, drain_free);

/* Takes over what an earlier daemon has left. Negative only when the daemon is to end. */
int drain_load(Manager *m);

/* Begins it, or gives the one that lasts another reason ("": as it is). */
int drain_begin(Manager *m, const char *reason, const Call *call, sd_bus_error *error);

/* Without one there is nothing to do. */
int drain_cancel(Manager *m, const Call *call, sd_bus_error *error);

/* AdmissionRejected when nothing more may begin in that slice. */
int drain_refuse(const Manager *m, const char *slice, sd_bus_error *error);

/* Something has begun or ended: whether somebody who waits is to be answered is looked at from the loop. */
void drain_check(Manager *m);

/* --- drain-bus.c --- */

void drain_emit_changed(Manager *m);
void drain_continue(Manager *m); /* calls that wait, where what they wait for is so */
