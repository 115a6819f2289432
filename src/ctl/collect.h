/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What runs on the node and what it uses: scopes with their tasks, gathered for list, tree, stats and top. */
#pragma once

#include "ctl.h"

typedef enum CollectFlags {
        COLLECT_TASKS = 1 << 0,
        COLLECT_ENDED_TASKS = 1 << 1, /* those, too; else only who is named without wildcards */
        COLLECT_LIVE = 1 << 2,        /* scopes that have ended are counted only */
        /* What takes a question for each: all of inspect, figures of tasks. */
        COLLECT_SCOPE_DETAILS = 1 << 3,
        COLLECT_TASK_DETAILS = 1 << 4, /* of tasks that are listed beside their scope */
        COLLECT_MAIN_DETAILS = 1 << 5, /* of main as well */
        COLLECT_DETAILS = COLLECT_SCOPE_DETAILS | COLLECT_TASK_DETAILS | COLLECT_MAIN_DETAILS,
} CollectFlags;

typedef struct Entry {
        hpcnode_cgroup_info *scope;
        hpcnode_cgroup_info **tasks; /* by name; main is among them */
        size_t n_tasks;
        bool whole; /* false: it is here only for those of its tasks that a pattern fits */
} Entry;

typedef struct Collection {
        Entry *entries; /* by name */
        size_t n_entries;
        size_t n_ended; /* scopes that COLLECT_LIVE has left out */
        /* All is owned here: what was listed, and the tasks of all entries, one behind the other. */
        hpcnode_cgroup_info **scopes, **tasks, **shown;
} Collection;

/* Only what a pattern fits (NULL: all): SCOPE by name, unit or cgroup, with all its tasks, or SCOPE/TASK. A pattern
 * without wildcards that fits nothing is HPCNODE_CGROUP_ERROR_NOT_FOUND. */
int collect(hpcnode_cgroup *c, CollectFlags flags, char *const *patterns, Collection *ret,
            hpcnode_cgroup_error *e);
void collection_done(Collection *c);

/* A task that is listed beside its scope: main is what the scope's own line tells of. */
bool task_is_further(const hpcnode_cgroup_info *task);

/* Of a scope as well as of a task. */
bool has_ended(const hpcnode_cgroup_info *info);

/* Over all entries: tasks, and scopes in this state. */
size_t collection_count_tasks(const Collection *c);
size_t collection_count_state(const Collection *c, const char *state);
