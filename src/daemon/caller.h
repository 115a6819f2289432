/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection that has called us: who is behind it, as the bus says, known as long as it is there. */
#pragma once

#include "daemon/call.h"

#include <uthash.h>

typedef struct Caller {
        Manager *manager;
        UT_hash_handle hh; /* manager->callers, by name */
        char *name;        /* unique, on the bus */
        sd_bus_slot *query;
        CallList asking; /* calls that wait until it is known */
        TAILQ_HEAD(, Call) calls;
        TAILQ_HEAD(, Task) opened; /* tasks that it is to start itself */
        bool known;
        bool gone; /* or to be asked for anew */
        bool leaving;

        uid_t uid;
        pid_t pid;
        gid_t *groups; /* all of them; NULL: the bus has not said */
        size_t n_groups;
        char *unit; /* of the system, and only for uid 0: for others it proves nothing. Or NULL */
        Usage *usage;
} Caller;

/* Sets c->caller, and with it c->uid and c->pid. 1: at once; 0: the call is kept, and run when it is known;
 * negative: refused with *error. */
int caller_take(Call *c, sd_bus_error *error);

/* The connection of that name, which is being asked for if it is not known yet: whoever refers to it hears of its
 * end by tasks_opener_left(). */
int caller_find(Manager *m, const char *name, Caller **ret);

/* The call is about to be freed. */
void caller_drop(Call *c);

void callers_free(Manager *m);
