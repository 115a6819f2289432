/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each user takes of the daemon, and what it may take at most: [Limits] of cgroupd.conf(5). */
#pragma once

#include "daemon/call.h"

#include <uthash.h>

typedef struct Usage {
        UT_hash_handle hh; /* manager->usages, by uid */
        Manager *manager;
        uid_t uid;
        unsigned n_refs;            /* connections, scopes and changes */
        size_t n_calls, n_bytes;    /* pending calls, and their messages */
        size_t n_changes;           /* of limits of tasks, each a process */
        size_t n_scopes, n_records; /* live and ended scopes that it has made */
        size_t n_tasks,
                n_ended; /* all known tasks of the live ones, and the ended ones among them */
} Usage;

int usage_get(Manager *m, uid_t uid, Usage **ret);
Usage *usage_put(Usage *u);

/* A call of the user begins, or ends. Negative: the user has too many, said in *error. */
int usage_add_call(Usage *u, Call *c, sd_bus_error *error);
void usage_remove_call(Usage *u, const Call *c);

/* A process changes limits of a task for the user of the call, or does not any more. As usage_add_call(). */
int usage_begin_change(const Call *c, Usage **ret, sd_bus_error *error);
void usage_end_change(Usage *u); /* NULL is none */

/* Who has made the scope. -ENOMEM. */
int scope_set_creator(Scope *s, uid_t uid);

/* Around every change of what is counted of a scope: its state, its tasks. */
void usage_subtract(const Scope *s);
void usage_add(const Scope *s);

/* Negative with *error when the caller may have no further scope, or no further task in s (NULL: in one that it
 * makes). */
int usage_check_scope(const Call *c, sd_bus_error *error);
int usage_check_tasks(const Call *c, const Scope *s, size_t n, sd_bus_error *error);

static inline int usage_check_task(const Call *c, const Scope *s, sd_bus_error *error)
{
        return usage_check_tasks(c, s, 1, error);
}

/* Whether less of what has ended is to be remembered for whoever made the scope. */
bool usage_remembers_too_much(const Scope *s);

/* Who has the most records of ended scopes; UID_INVALID if there are none. */
uid_t usage_most_records(const Manager *m);
