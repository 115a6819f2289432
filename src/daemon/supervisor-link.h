/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to one scope's supervisor: starting it, requests with a deadline, its events. */
#pragma once

#include "basic/attach.h"
#include "basic/fields.h"
#include "basic/protocol.h"
#include "daemon/manager.h"

typedef struct SupervisorLink SupervisorLink;

/* The answer to a request: r is 0 with the fields of `done`, or -EREMOTEIO with those of `failed`,
 * or another negative errno when there was no answer (-ETIMEDOUT, -ECONNRESET) and no fields. */
typedef struct SupervisorAnswer {
        int r;
        pid_t pid; /* of the task; or whose fault it is */
        int error; /* positive errno */
        SpawnStep step;
        const char *reason; /* may be NULL */
} SupervisorAnswer;

typedef void (*supervisor_handler_t)(const SupervisorAnswer *answer, void *userdata);

/* What the supervisor says of a task, live (`task`) or ended (`exited`). */
typedef struct TaskReport {
        const char *task;
        const char *client; /* of an open one, or NULL */
        const char *log;    /* NULL: the journal, or not known */
        bool open;          /* its leaf waits for the first process */
        pid_t pid;
        uint64_t start_usec, exit_usec;
        bool ended;
        int exit;   /* -1 when a signal ended it, or nobody knows */
        int signal; /* 0 when it exited, or nobody knows */
        bool oom;
        bool timed_out;    /* its time was over, and it was asked to end */
        uint64_t due_usec; /* when its time is over (CLOCK_MONOTONIC); 0: it is not limited */
} TaskReport;

/* Creates the socket `<id>.sock`, starts the supervisor on it and connects. */
int supervisor_start(Scope *s, SupervisorLink **ret);

/* Connects to the supervisor that an earlier daemon started. -ECONNREFUSED or -ENOENT: it has gone. */
int supervisor_connect(Scope *s, SupervisorLink **ret);

/* Closes the connection; a supervisor that was not set up ends by it. Pending requests are answered
 * with -ECONNRESET. */
SupervisorLink *supervisor_link_free(SupervisorLink *l);
DEFINE_CLEANUP(SupervisorLink *, supervisor_link_free);

/* Handles what the scope's supervisor, if it has one, has said already. False when that was the end of the
 * link; a scope in the making may have gone with it. */
bool supervisor_drain(Scope *s);

/* The process that systemd is to attach; 0 after setup, when it has handed over. */
pid_t supervisor_starter_pid(const SupervisorLink *l);

/* Kills a supervisor that is not set up yet and so still our child. */
void supervisor_kill_starter(SupervisorLink *l);

/* All that was known when the daemon connected has been told. */
bool supervisor_is_synced(const SupervisorLink *l);

/* It has said that it can all of these (1 << FEATURE_… each), which it says before it is synced. */
bool supervisor_has_features(const SupervisorLink *l, unsigned features);

int supervisor_setup(SupervisorLink *l, supervisor_handler_t handler, void *userdata);

/* fds: memfd with the specification first, then those that `which` names. They stay the caller's.
 * log: where the task's output goes; "journal" when at least a part of it does. runtime_max_usec: 0 for no limit. */
int supervisor_spawn(SupervisorLink *l, const char *task, uint64_t timeout_usec,
                     uint64_t runtime_max_usec, const char *log, const char *which, const int *fds,
                     size_t n_fds, supervisor_handler_t handler, void *userdata);

/* Tells a new supervisor of a task of the one before it: task->ended with how it ended, else running with
 * its pidfd (stays the caller's) or, when that is negative, without. NULL: these were all. */
int supervisor_adopt(SupervisorLink *l, const TaskReport *task, int pidfd,
                     supervisor_handler_t handler, void *userdata);

/* Moves processes that there are into a new leaf: the task's own is the first. a stays the caller's. */
int supervisor_attach(SupervisorLink *l, const char *task, const Attachee *a, size_t n,
                      supervisor_handler_t handler, void *userdata);

/* Makes a leaf that waits for its first process; and says for whom, when that one has it. */
int supervisor_open(SupervisorLink *l, const char *task, supervisor_handler_t handler,
                    void *userdata);
int supervisor_opened(SupervisorLink *l, const char *task, const char *client);

/* To the task's own process, or whole: to every process of it; without a task to all of payload. */
int supervisor_signal(SupervisorLink *l, const char *task, bool whole, int signal,
                      supervisor_handler_t handler, void *userdata);

/* The answer is scope_on_supervisor_gone(). */
int supervisor_release(SupervisorLink *l);
int supervisor_forget(SupervisorLink *l, const char *task);
