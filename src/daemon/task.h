/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A task of a scope: one leaf, one process that the supervisor started, and its exit. */
#pragma once

#include "daemon/call.h"
#include "daemon/spec.h"
#include "daemon/supervisor-link.h"

#include <uthash.h>

/* Ended tasks a scope remembers besides main; the oldest go first. An allocation may run millions. */
#define ENDED_TASKS_MAX 1024

typedef struct Task {
        Scope *scope;
        UT_hash_handle hh; /* scope->tasks, by name */
        char *name;
        pid_t pid;
        bool starting, ended; /* both: it is started anew, and what follows is of the run before */
        uint64_t start_usec, exit_usec;
        int exit_status, exit_signal;
        bool oom;
        CallList waiters; /* WaitScope on the task */
} Task;

int task_new(Scope *s, const char *name, Task **ret);
Task *task_free(Task *t);
Task *task_find(Scope *s, const char *name);

/* Whether the process is in the task's leaf: a pid may have become another's. */
bool task_owns_pid(const Scope *s, const char *task, pid_t pid);

int task_object_path(const Task *t, char **ret);

static inline bool task_is_over(const Task *t)
{
        return t->ended && !t->starting;
}

/* "starting", "running", "frozen", "exited", "failed", "killed" or "lost". */
const char *task_state(const Task *t);

/* The process has started, or has ended: takes over what the supervisor said. */
void task_update(Task *t, const TaskReport *report);

/* Called when nobody can tell how the task, which has begun, ended. */
void task_set_lost(Task *t);

/* It could not be started: what an earlier run of that name has left stays, else the task is freed. */
void task_start_failed(Task *t);

/* Answers a WaitScope from the task. */
void task_answer_wait(const Task *t, Call *call);

/* task-bus.c */
int task_add_bus(Manager *m);
void task_emit_added(Task *t);
void task_emit_removed(Task *t);
void task_emit_exited(const Task *t);

/* task-spawn.c: starts the task. Takes spec over unless it returns negative; then the handler is
 * not called. Otherwise it is, once, with the running task, or with the error and nothing left
 * behind. */
typedef void (*task_handler_t)(Task *t, int r, const sd_bus_error *error, void *userdata);
int task_spawn(Scope *s, const char *name, Spec *spec, task_handler_t handler, void *userdata,
               sd_bus_error *error);

/* Starts that waited for a new supervisor: they go on, or without one fail; or they fail, as too late. */
void tasks_spawn_held(Scope *s);
void tasks_fail_held(Scope *s);
