/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The node that the fake of <hpcnode/cgroup-fake.h> keeps in memory: its scopes, tasks and processes, the calls
 * put to it, and those that are to fail.
 *
 * A node is shared by its handles, which may belong to different threads, and is locked by whoever uses it:
 * the operations of the table and the functions of the header lock it; everything else here is called with it
 * locked, unless it is said otherwise. */
#pragma once

#include "client.h"

#include "basic/access.h"
#include "basic/name.h"
#include "basic/state.h"
#include <pthread.h>
#include <sys/queue.h>

typedef struct FakeNode FakeNode;
typedef struct FakeScope FakeScope;
typedef struct FakeTask FakeTask;

typedef struct FakeWatch FakeWatch;
typedef TAILQ_HEAD(FakeWatchList, FakeWatch) FakeWatchList;

/* A caller: the userdata of the operations. */
typedef struct Fake {
        FakeNode *node;
        Principal principal;
        uid_t uid;
        int watch_fd;       /* readable when there is something in */
        FakeWatchList told; /* watches of which the end has come */
} Fake;

typedef struct FakeProcess {
        TAILQ_ENTRY(FakeProcess) processes;
        uint32_t pid;
        uid_t uid;
        FakeTask *task; /* that it belongs to; NULL: it is elsewhere, in */
        char *cgroup;   /* "/user.slice/…" */
        bool killed;    /* by SIGKILL, which it does not heed */
        bool marked;    /* by whoever goes through them, while others end in the course of that */
        int pending;    /* the signal that it gets once it is thawed; 0: none */
} FakeProcess;

struct FakeTask {
        TAILQ_ENTRY(FakeTask) tasks;
        FakeScope *scope;
        char *name;
        uint32_t pid;       /* its own process, with whose end it has ended */
        const Fake *opener; /* who is to start that, and has its leaf; NULL: nobody, it has begun */
        bool ended, frozen;
        int exit_status, exit_signal;
        uint64_t start_usec, exit_usec;
        Limits limits;
        Metrics metrics; /* that were set for it */
};

/* Who has frozen a scope. */
#define FAKE_FROZEN_BY_CLIENT    (1u << 0)
#define FAKE_FROZEN_BY_EMERGENCY (1u << 1)

struct FakeScope {
        TAILQ_ENTRY(FakeScope) scopes;
        FakeNode *node;
        ScopeState state;
        char *name, *slice, *unit, *path, *description, *log;
        uid_t uid; /* of its creator */
        unsigned priority;
        unsigned n_services, n_require_paths;
        bool is_job;
        bool release_on_empty;
        bool unkillable;
        unsigned frozen_by;
        Limits limits;
        Metrics metrics; /* that were set for it */
        uint64_t created_usec, start_usec, exit_usec;
        uint32_t main_pid; /* 0: there was none */
        bool main_ended;
        int exit_status, exit_signal; /* main's */
        TAILQ_HEAD(, FakeTask) tasks; /* in the order of their first start */
};

/* What was set for a cgroup that is none of a scope. */
typedef struct FakeCgroup {
        TAILQ_ENTRY(FakeCgroup) cgroups;
        char *path;
        Metrics metrics;
} FakeCgroup;

/* That the node admits nothing more. */
typedef struct FakeDrain {
        char *reason; /* "" : none */
        Principal principal;
        uid_t uid;
        uint64_t since_usec;
} FakeDrain;

/* A call that is to fail. */
typedef struct FakeFailure {
        TAILQ_ENTRY(FakeFailure) failures;
        char *operation; /* NULL: any */
        unsigned nth;    /* 1: the next; 0: all of them */
        hpcnode_cgroup_error_code code;
        int error; /* errno; 0: that of the code */
} FakeFailure;

struct FakeNode {
        pthread_mutex_t lock;
        unsigned n_handles;
        bool emergency;
        FakeDrain *drain; /* NULL: it is not drained */
        uint32_t last_pid;
        TAILQ_HEAD(, FakeScope) scopes; /* in the order of their creation */
        TAILQ_HEAD(, FakeProcess) processes;
        TAILQ_HEAD(, FakeCgroup) cgroups;
        TAILQ_HEAD(, FakeFailure) failures;
        FakeWatchList watches; /* of which it has not */
        char **calls;
        size_t n_calls;
};

extern const hpcnode_cgroup_ops fake_ops;

/* Frees a caller, and the node with its last one. Without the lock. */
Fake *fake_free(Fake *f);

/* The caller behind a handle, NULL if it is none of the fake's. Needs no lock. */
Fake *fake_of(const hpcnode_cgroup *c);

/* Returns the node, locked; for _cleanup_(fake_unlockp). */
FakeNode *fake_lock(const Fake *f);

static inline void fake_unlockp(FakeNode **node)
{
        if (*node)
                (void) pthread_mutex_unlock(&(*node)->lock);
}

/* --- fake-call.c: what was asked for, and what is to fail --- */

/* Begins an operation: records it with its arguments ("" : none), and fails if it is to fail. */
int fake_begin(FakeNode *node, const char *operation, hpcnode_cgroup_error *e, const char *format,
               ...) _printf_(4, 5);

/* The same for those that take settings or a command; each of these may be NULL. */
typedef struct FakeArguments {
        const char *first, *second;
        const hpcnode_cgroup_limits *limits;
        const hpcnode_cgroup_options *options;
        const char *const *argv;
        const uint32_t *pids;
        size_t n_pids;
} FakeArguments;

int fake_begin_with(FakeNode *node, const char *operation, const FakeArguments *a,
                    hpcnode_cgroup_error *e);

void fake_forget_calls(FakeNode *node);
FakeFailure *fake_failure_free(FakeNode *node, FakeFailure *failure);

/* --- fake-find.c: which scope or task is meant, and who may act on it --- */

FakeScope *fake_scope_by_unit(FakeNode *node, const char *unit);
FakeTask *fake_task_find(const FakeScope *s, const char *name);
FakeProcess *fake_process_find(const FakeNode *node, uint32_t pid);

/* As the daemon finds what calls take as `scope`; *ret_task is NULL for the whole of it. */
int fake_find(FakeNode *node, const char *text, FakeScope **ret_scope, FakeTask **ret_task,
              hpcnode_cgroup_error *e);

/* The same for whoever asks what it is, or how it ended: "SCOPE/main" is, in the record of a job, that record. */
int fake_find_outcome(FakeNode *node, const char *text, FakeScope **ret_scope, FakeTask **ret_task,
                      hpcnode_cgroup_error *e);

/* Whether the caller may do that to what is in a slice, or to a scope (else NULL). *ret_by_emergency may be
 * NULL. */
int fake_authorize(const Fake *f, Act act, const char *slice, const FakeScope *s,
                   bool *ret_by_emergency, hpcnode_cgroup_error *e);

/* The two of them for an act on a scope, or a task of it. */
int fake_find_for(const Fake *f, Act act, const char *text, FakeScope **ret_scope,
                  FakeTask **ret_task, bool *ret_by_emergency, hpcnode_cgroup_error *e);

/* The same where a task cannot be meant. */
int fake_find_scope_for(const Fake *f, Act act, const char *text, FakeScope **ret,
                        hpcnode_cgroup_error *e);

/* The same for the scope that a new task is for. */
int fake_find_for_task(const Fake *f, Act act, const char *scope, FakeScope **ret,
                       hpcnode_cgroup_error *e);

/* Whether a task of that name can be started in it now. */
int fake_check_startable(const FakeScope *s, const char *task, hpcnode_cgroup_error *e);

int fake_refuse_zombie(const FakeScope *s, hpcnode_cgroup_error *e);

/* --- fake-scope.c: what scopes are, and what becomes of them --- */

static inline bool fake_scope_has_ended(const FakeScope *s)
{
        return s->state >= SCOPE_EXITED;
}

const char *fake_scope_state(const FakeScope *s);
const char *fake_task_state(const FakeTask *t);

/* A live scope without tasks, in the place of what has the unit's name. NULL when out of memory. */
FakeScope *fake_scope_new(FakeNode *node, const char *slice, const char *unit, const char *name);
FakeScope *fake_scope_free(FakeScope *s);
DEFINE_CLEANUP(FakeScope *, fake_scope_free);

/* A task without processes, in the place of one of that name that has ended. `pid` will be its own. */
FakeTask *fake_task_new(FakeScope *s, const char *name, uint32_t pid);

static inline bool fake_task_is_over(const FakeTask *t)
{
        return t->ended && !t->opener; /* else what is known is of the run before */
}

/* The name is kept for a task that somebody is to start, who may not do so after all. */
int fake_task_open(FakeScope *s, const char *name, const Fake *opener);
void fake_task_withdraw(FakeTask *t); /* which is freed, unless an earlier one had that name */
void fake_withdraw_tasks(const Fake *opener); /* all of that one's */
void fake_withdraw_tasks_of(FakeScope *s);    /* all in it */

/* A process that is in no cgroup yet; with pid 0 it gets one. */
FakeProcess *fake_process_new(FakeNode *node, uint32_t pid, uid_t uid);
FakeProcess *fake_process_free(FakeNode *node, FakeProcess *p);

/* Moves a process into a task, from where it is. */
void fake_process_move(FakeProcess *p, FakeTask *t);

/* It ends, with all that follows from that. */
void fake_process_end(FakeNode *node, FakeProcess *p, int exit_status, int exit_signal);

/* It gets a signal, and ends if that is what the signal does to it. */
void fake_signal(FakeNode *node, FakeProcess *p, int signal);

/* The same for all processes of a scope, or of a task of it (else NULL). */
void fake_signal_all(FakeScope *s, const FakeTask *t, int signal);

/* The number of processes of a scope, or of a task of it (else NULL). */
unsigned fake_count(const FakeScope *s, const FakeTask *t);

/* Until the task is over and all its processes are. */
static inline bool fake_task_has_cgroup(const FakeTask *t)
{
        return !fake_task_is_over(t) || fake_count(t->scope, t) > 0;
}

bool fake_task_is_frozen(const FakeTask *t); /* with its scope, or alone */

/* Freezes or thaws the whole scope (frozen_by: what it is frozen by then), or a task of it. */
void fake_scope_freeze(FakeScope *s, unsigned frozen_by);
void fake_task_freeze(FakeTask *t, bool freeze);

/* Kills what is left and makes a record of it, or a zombie, if something is left nevertheless. */
void fake_scope_release(FakeScope *s);

/* With false, what was killed ends at last. */
void fake_scope_set_unkillable(FakeScope *s, bool unkillable);

/* --- fake-read.c: what is seen from outside --- */

/* What those who have made a scope, or a task of it (else NULL), are told: id, name, unit, cgroup, pid. */
int fake_info_started(FakeScope *s, FakeTask *t, hpcnode_cgroup_info **ret);

/* The figures that are set for a path, which may be a scope's or a task's by any name. There are none at first. */
int fake_metrics_of(FakeNode *node, const char *path, Metrics **ret);

/* Of a path without slashes around it ("": all): whether there is such a cgroup, and whether the process is in
 * it or below it. 1, 0 or -ENOMEM. */
int fake_cgroup_exists(FakeNode *node, const char *path);
int fake_process_is_below(const FakeProcess *p, const char *path);

/* --- fake-wait.c: ends that are waited for --- */

/* How something has ended, or that it is a zombie. */
typedef struct FakeOutcome {
        const char *state; /* static; NULL: it was never started */
        int exit_status, exit_signal;
} FakeOutcome;

/* Called once, by fake_watch_dispatch(), after which the watch is gone. */
typedef void (*fake_watch_handler)(const FakeOutcome *outcome, void *userdata);

/* Begins what wait() does, without waiting: recorded, and failing on demand, as "wait". The end may have come already.
 * Watches go before their handle, by fake_watch_free(); not within their handler. */
int fake_watch(Fake *f, const char *scope, fake_watch_handler handler, void *userdata,
               FakeWatch **ret, hpcnode_cgroup_error *e);
FakeWatch *fake_watch_free(FakeWatch *watch);

/* Readable, once there is a watch, when the handlers of some are to be called; by whose thread the ends were brought
 * about does not matter. The handle's. -ENOTCONN before that. */
int fake_watch_fd(const Fake *f);

/* Calls them. They may use the fake, but not free the handle. */
void fake_watch_dispatch(Fake *f);

/* Those four lock the node. */

/* The answer of wait() for `scope`. Needs no lock. */
int fake_outcome_info(const char *scope, const FakeOutcome *outcome, hpcnode_cgroup_info **ret,
                      hpcnode_cgroup_error *e);

/* Waits, which unlocks the node meanwhile, until fake_notify_drain() says that it is drained: 1, or 0 when that was
 * cancelled. */
int fake_sleep_drain(Fake *f, int cancel_fd, hpcnode_cgroup_error *e);
void fake_notify_drain(FakeNode *node, bool cancelled);

/* Tells those that wait for a scope, or for a task of it. */
void fake_notify_scope(FakeScope *s);
void fake_notify_task(FakeTask *t);

/* Tells those that wait for what nobody can bring about any more: their handle is the last one. */
void fake_notify_alone(FakeNode *node);

int fake_wait(void *userdata, const char *scope, int cancel_fd, hpcnode_cgroup_info **ret,
              hpcnode_cgroup_error *ret_error);

/* --- the operations that are not in fake-ops.c --- */

/* fake-start.c */
int fake_create_scope(void *userdata, const char *slice, const char *name,
                      const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
                      hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error);
int fake_run(void *userdata, const char *slice, const char *name,
             const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
             const char *const argv[], hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error);
int fake_spawn(void *userdata, const char *scope, const char *task,
               const hpcnode_cgroup_options *options, const char *const argv[],
               hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error);

/* fake-drain.c */
int fake_drain(void *userdata, const char *reason, int kill, hpcnode_cgroup_error *ret_error);
int fake_wait_drained(void *userdata, int cancel_fd, hpcnode_cgroup_error *ret_error);
int fake_cancel_drain(void *userdata, hpcnode_cgroup_error *ret_error);
int fake_draining(void *userdata, char **ret_reason, uint64_t *ret_since_usec,
                  hpcnode_cgroup_error *ret_error);

FakeDrain *fake_drain_free(FakeDrain *d);

/* AdmissionRejected when the node is drained, and the slice is part of that. */
int fake_refuse_drained(const FakeNode *node, const char *slice, hpcnode_cgroup_error *e);

/* Something has ended or gone: tells those that wait for the drain, if it was the last. */
void fake_check_drain(FakeNode *node);

/* fake-open.c */
int fake_open_scope(void *userdata, const char *scope, const char *task, int *ret_fd,
                    hpcnode_cgroup_error *ret_error);

/* fake-attach.c */
int fake_attach(void *userdata, const char *scope, const char *task, const uint32_t *pids,
                size_t n_pids, hpcnode_cgroup_error *ret_error);
int fake_move_tasks(void *userdata, const char *from, const char *scope, const char *task,
                    hpcnode_cgroup_error *ret_error);

/* fake-read.c */
int fake_read_metrics(void *userdata, const char *path, hpcnode_cgroup_metrics **ret,
                      hpcnode_cgroup_error *ret_error);
int fake_list(void *userdata, hpcnode_cgroup_info ***ret, hpcnode_cgroup_error *ret_error);
int fake_inspect(void *userdata, const char *scope, hpcnode_cgroup_info **ret,
                 hpcnode_cgroup_error *ret_error);
int fake_list_tasks(void *userdata, const char *scope, hpcnode_cgroup_info ***ret,
                    hpcnode_cgroup_error *ret_error);
int fake_inspect_list(void *userdata, hpcnode_cgroup_info *const list[],
                      hpcnode_cgroup_error *ret_error);
