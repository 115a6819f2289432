/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A task of a scope: one leaf, one process that the supervisor started, and its exit. */
#pragma once

#include "daemon/attach.h"
#include "daemon/call.h"
#include "daemon/spec.h"
#include "daemon/supervisor-link.h"

#include <uthash.h>

/* Ended tasks a scope remembers besides main; the oldest go first. An allocation may run millions. */
#define ENDED_TASKS_MAX 1024

/* As many in any case, also with a record. */
#define ENDED_TASKS_MIN 16

typedef struct Task {
        Scope *scope;
        UT_hash_handle hh; /* scope->tasks, by name */
        char *name;
        pid_t pid;
        bool starting, ended;   /* both: it is started anew, and what follows is of the run before;
                                 changed by task_set_stage() only, which counts */
        TAILQ_ENTRY(Task) over; /* scope->tasks_over, while task_is_over() */
        uint64_t start_usec, exit_usec;
        int exit_status, exit_signal;
        bool oom;
        char *log;          /* as of a scope; NULL: "journal" */
        bool timed_out;     /* its time was over, and it was asked to end */
        uint64_t due_usec;  /* when its time is over (CLOCK_MONOTONIC); 0: it is not limited */
        Attach *attach;     /* while its processes are moved; whoever waits for that owns it */
        bool open;          /* its leaf waits for the first process */
        bool may_be_frozen; /* its leaf: by us, by an earlier daemon, or by whoever has opened it */
        Caller *opener;     /* who is to start that; NULL when that one has left the bus */
        TAILQ_ENTRY(Task) of_opener;
        CallList waiters; /* WaitScope on the task */
} Task;

int task_new(Scope *s, const char *name, Task **ret);
Task *task_free(Task *t);
Task *task_find(Scope *s, const char *name);

/* Whether the process is in the task's leaf: a pid may have become another's. */
bool task_owns_pid(const Scope *s, const char *task, pid_t pid);

int task_object_path(const Task *t, char **ret);

void task_set_stage(Task *t, bool starting, bool ended);

static inline bool task_is_over(const Task *t)
{
        return t->ended && !t->starting;
}

/* "starting", "running", "frozen", "exited", "failed", "killed" or "lost". */
const char *task_state(const Task *t);

/* Where the output of what was started goes. */
void task_set_log(Task *t, const char *log);

/* The process has started, or has ended: takes over what the supervisor said. */
void task_update(Task *t, const TaskReport *report);

/* Called when nobody can tell how the task, which has begun, ended. */
void task_set_lost(Task *t);

/* It could not be started: what an earlier run of that name has left stays, else the task is freed. */
void task_start_failed(Task *t);

/* Answers a WaitScope from the task. */
void task_answer_wait(const Task *t, Call *call);

/* task-limits.c: the limits that its leaf has, to be freed with limits_done(). */
int task_limits(const Task *t, Limits *ret);

/* Changes them. Takes the call over, and the changes, unless it returns negative. */
int task_set_limits(Task *t, Limits *changes, Call *call, sd_bus_error *error);

/* task-bus.c */
int task_add_bus(Manager *m);
void task_emit_added(Task *t);
void task_emit_removed(Task *t);
void task_emit_exited(const Task *t);
void task_emit_limits(const Task *t);
void task_emit_begun(const Task *t); /* an open one has its first process */

/* Its supervisor has ended, and whoever wanted it is told that it has failed: what is in its leaf is killed
 * before it executes anything, or is moved back to where it was. */
void task_abort_start(Task *t);

/* task-spawn.c: starts the task. Takes spec over unless it returns negative; then the handler is
 * not called. Otherwise it is, once, with the running task, or with the error and nothing left
 * behind. */
typedef void (*task_handler_t)(Task *t, int r, const sd_bus_error *error, void *userdata);
int task_spawn(Scope *s, const char *name, Spec *spec, task_handler_t handler, void *userdata,
               sd_bus_error *error);

/* Reads "s scope, s task" of a call that makes a task, and asks whether the caller may: returns as
 * call_authorize() does. *ret_task is owned by the caller. */
int task_read_target(Call *call, Act act, Scope **ret_scope, char **ret_task, sd_bus_error *error);

/* Whether a task of that name can be started now. */
int task_check_startable(Scope *s, const char *name, sd_bus_error *error);

/* The same with processes that there are already: the first is the task's own. Takes attach over likewise. */
int task_attach(Scope *s, const char *name, Attach *attach, task_handler_t handler, void *userdata,
                sd_bus_error *error);

/* The same with a leaf into which the caller is to put a process. */
int task_open(Scope *s, const char *name, task_handler_t handler, void *userdata,
              sd_bus_error *error);

/* task-open.c: who is to start the task has its leaf: it goes when that one leaves the bus before. */
void task_hand_over(Task *t, Caller *caller);

/* Nobody is to start it any more. True when it is freed, false when somebody is or was in its leaf. */
bool task_withdraw(Task *t);

/* The same alone: what it means for the scope is seen to elsewhere. False when somebody is or was in it, which
 * the supervisor tells. */
bool task_take_back(Task *t);

/* Takes away what nobody has come into, before the rest of the scope ends. */
void scope_withdraw_tasks(Scope *s);

/* What the supervisor keeps of whom it waits for; -ENXIO: nobody. */
int task_client(const Task *t, char **ret);

void task_disown(Task *t);
void tasks_opener_left(Caller *caller);

/* The supervisor has made, or has, the leaf of an open one. */
void scope_on_open_task(Scope *s, const TaskReport *report);

/* Starts that waited for a new supervisor: they go on, or without one fail; or they fail, as too late. */
void tasks_spawn_held(Scope *s);
void tasks_fail_held(Scope *s);
