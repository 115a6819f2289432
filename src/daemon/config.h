/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of the daemon: cgroupd.conf(5). */
#pragma once

#include "basic/macro.h"
#include "daemon/pressure-decide.h"

/* What becomes of scopes below workload.slice that nobody knows. */
typedef enum UnknownScopes { UNKNOWN_SCOPES_REPORT, UNKNOWN_SCOPES_TERMINATE } UnknownScopes;

/* The words of a key that takes a list; given empty it has none. */
typedef struct ConfigList {
        char **items;
        size_t n;
} ConfigList;

typedef struct Config {
        ConfigList pact_units, workload_units; /* PactUnits, WorkloadUnits: of the system */
        ConfigList pact_users, workload_users; /* PactUsers, WorkloadUsers: names or numbers */
        uint64_t unit_timeout_usec;    /* UnitTimeoutSec: how long PID 1 may take for a unit */
        uint64_t kill_timeout_usec;    /* KillTimeoutSec: after it, a scope that is not empty is a
                                          zombie */
        uint64_t stop_timeout_usec;    /* StopTimeoutSec: TimeoutStopUSec of the scopes */
        uint64_t unknown_scopes;       /* UnknownScopes: see above */
        uint64_t records_max;          /* RecordsMax: ended jobs that are remembered */
        uint64_t records_max_age_usec; /* RecordsMaxAge */
        uint64_t scopes_max;           /* ScopesMax: live ones of each user that is not root */
        uint64_t tasks_max;            /* TasksMax: the same for tasks */
        PressureConfig pressure;
} Config;

/* *c, which is empty or done with, gets the defaults. -ENOMEM. */
int config_defaults(Config *c);
void config_done(Config *c);

/* Reads cgroupd.conf and its drop-ins the way systemd's daemons look them up: in /etc, /run and /usr/lib,
 * or in the user's own configuration. A wrong value is an error (-EINVAL), as is a file that cannot be read; all are
 * logged with file and line, and *ret_why is the sentence about the first, to be freed, or NULL without memory for it.
 * An unknown key is only a warning. *c is untouched on failure. */
int config_load(Config *c, bool user, char **ret_why);
