/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of the daemon: cgroupd.conf(5). */
#pragma once

#include "basic/macro.h"

/* What becomes of scopes below workload.slice that nobody knows. */
typedef enum UnknownScopes { UNKNOWN_SCOPES_REPORT, UNKNOWN_SCOPES_TERMINATE } UnknownScopes;

typedef struct Config {
        uint64_t unit_timeout_usec;    /* UnitTimeoutSec: how long PID 1 may take for a unit */
        uint64_t kill_timeout_usec;    /* KillTimeoutSec: after it, a scope that is not empty is a
                                          zombie */
        uint64_t stop_timeout_usec;    /* StopTimeoutSec: TimeoutStopUSec of the scopes */
        uint64_t unknown_scopes;       /* UnknownScopes: see above */
        uint64_t records_max;          /* RecordsMax: ended jobs that are remembered */
        uint64_t records_max_age_usec; /* RecordsMaxAge */
} Config;

void config_defaults(Config *c);

/* Reads cgroupd.conf and its drop-ins the way systemd's daemons look them up: in /etc, /run and /usr/lib,
 * or in the user's own configuration. A wrong value is an error (-EINVAL) that was logged with file and
 * line; an unknown key only a warning. *c is untouched on failure. */
int config_load(Config *c, bool user);
