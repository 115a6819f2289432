/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The emergency: while one lasts, pact may freeze, thaw and kill in workload.slice. It is on disk before it
 * is in force, and outlives the daemon; time ends it whether or not there is a daemon. */
#pragma once

#include "basic/emergency.h"
#include "basic/event.h"
#include "daemon/call.h"
#include "daemon/manager.h"

struct Emergency {
        char *reason; /* one line: see line_check() */
        uid_t uid;    /* who has declared it */
        pid_t pid;
        char *unit;          /* of the caller, if known */
        uint64_t until_usec; /* CLOCK_REALTIME, as that was then */
        uint64_t
                until_boot_usec; /* CLOCK_BOOTTIME, which counts: nobody sets it, and it goes on in suspend */
        bool recorded;           /* that it was declared */
        bool ended;              /* before its time */
        uid_t ender_uid;
        pid_t ender_pid;
        char *ender_unit;
        sd_event_source *timer;
};

Emergency *emergency_free(Emergency *e);
DEFINE_CLEANUP(Emergency *, emergency_free);

/* By the clock, and not by whether its end was noticed already. */
bool emergency_lasts(const Manager *m);

/* When it ends by itself, by CLOCK_REALTIME as that is set now; 0 when none lasts. */
uint64_t emergency_until(const Manager *m);

/* The same as format_time() has it. Returns buffer. */
const char *emergency_format_until(const Manager *m, char buffer[static TIME_SIZE]);

/* Takes over what an earlier daemon has left. Negative only when the daemon is to end. */
int emergency_load(Manager *m);

/* Declares one, in place of the one that lasts. duration_usec 0: EMERGENCY_USEC_MAX. */
int emergency_declare(Manager *m, const char *reason, uint64_t duration_usec, const Call *call,
                      sd_bus_error *error);

/* Without one there is nothing to do. */
int emergency_end(Manager *m, const Call *call, sd_bus_error *error);

/* To be called right before EVENT_EMERGENCY_FREEZE, _THAW, _KILL is done: what only the emergency allows is
 * recorded. Negative, with *error, when that is not possible: then it must not be done. */
int emergency_record_act(const Call *call, EventType type, const Scope *s, const char *task,
                         int signal, sd_bus_error *error);

/* --- emergency-bus.c --- */

/* Signals and properties; how: "ended" or "expired". */
void emergency_emit_declared(Manager *m);
void emergency_emit_ended(Manager *m, const char *how);
