/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that a caller wants in a scope: found, held, and checked against the rules. */
#pragma once

#include "basic/attach.h"
#include "daemon/call.h"

typedef struct Attach {
        Attachee list[ATTACH_PIDS_MAX];
        char *from[ATTACH_PIDS_MAX]; /* the cgroup of each, with a '/' before it */
        size_t n;
} Attach;

Attach *attach_free(Attach *a);
DEFINE_CLEANUP(Attach *, attach_free);

/* Reads "au pids" at the message's position. Refuses none, too many, 0, and one that stands there twice. */
int attach_read(sd_bus_message *message, Attach **ret, sd_bus_error *error);

/* Opens each process, and then sees whether the caller may have it in the scope. Says which it is that may
 * not. What was seen is true of exactly these processes, as long as they are where they are. */
int attach_check(Attach *a, const Scope *s, const Call *call, sd_bus_error *error);

/* A sentence for what the supervisor could not do. `what` is the task's full name. */
typedef struct SupervisorAnswer SupervisorAnswer;
int attach_error(const Attach *a, const char *what, const SupervisorAnswer *answer,
                 sd_bus_error *error);
