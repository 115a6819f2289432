/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of a scope's supervisor, and what its parts offer each other. */
#pragma once

#include "basic/fields.h"
#include "basic/macro.h"
#include "basic/protocol.h"
#include <signal.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/types.h>

/* Without memory for the table one request fails, not the supervisor. */
#define HASH_NONFATAL_OOM 1
/* Smaller by far than the default, which is inlined with every use. */
#define HASH_FUNCTION(key, length, hash) HASH_FNV(key, length, hash)
#include <uthash.h>

typedef struct Supervisor Supervisor;
typedef struct Source Source;
typedef struct Task Task;
typedef struct Request Request;

/* A descriptor the loop waits on; lies inside the object that it belongs to. */
struct Source {
        int fd; /* owned; -EBADF when there is none */
        void (*handle)(Supervisor *s, Source *source, uint32_t events);
};

#define source_owner(source, type, member) \
        ((type *) (void *) ((char *) (source) -offsetof(type, member)))

/* Takes fd, also on failure. */
int source_add(Supervisor *s, Source *source, int fd, uint32_t events);
void source_close(Supervisor *s, Source *source);

/* Points in monotonic time at which something has to be done; UINT64_MAX when not. */
typedef enum Deadline {
        DEADLINE_CONNECT,      /* nobody has connected since the start */
        DEADLINE_CONTROLLERS,  /* next attempt to enable them */
        DEADLINE_LEAVES,       /* leaves of ended tasks are to be removed */
        DEADLINE_EMPTY,        /* payload is empty, the end of a task's process is not known yet */
        DEADLINE_TASKS,        /* the time of a task is over, or its grace */
        DEADLINE_STOP_KILL,    /* payload had its time to end by itself */
        DEADLINE_STOP_LAST,    /* PID 1's SIGKILL is near and payload still not empty */
        DEADLINE_STOP_RELEASE, /* the daemon had its time to take the figures */
        _DEADLINE_MAX,
} Deadline;

#define USEC_NEVER UINT64_MAX

uint64_t now_usec(void);                   /* CLOCK_MONOTONIC */
uint64_t now_realtime_usec(void);          /* CLOCK_REALTIME */
uint64_t usec_add(uint64_t a, uint64_t b); /* stays at USEC_NEVER */

typedef enum TaskState {
        TASK_STARTING, /* the child has not executed the program yet */
        TASK_FAILED,   /* it never will */
        TASK_OPEN,     /* a leaf that waits for the first process that somebody else puts into it */
        TASK_RUNNING,
        TASK_EXITED,
} TaskState;

/* What the daemon has not been told yet, in the order in which it is said. */
#define SAY_TASK   (1U << 0)
#define SAY_REPLY  (1U << 1)
#define SAY_EXITED (1U << 2)

struct Task {
        TaskState state;
        pid_t pid;
        bool alive;     /* not reaped yet */
        bool has_leaf;  /* its directory is to be removed */
        bool reply_due; /* the daemon that asked for the start is connected and waits */
        bool overdue;   /* failed, and answered before everything of it was gone */
        bool forgotten;
        bool adopted;  /* no child of ours; while it runs status is its pidfd */
        bool attached; /* and was there before it was a task */
        bool oom;
        bool timed_out; /* it was asked to end */
        uint8_t say;
        SpawnStep step; /* of a failed start */
        int error;
        char *reason;               /* owned, or NULL */
        int exit_code, exit_status; /* si_code and si_status; 0: nobody can know */
        uint64_t serial;
        uint64_t deadline; /* of the start */
        uint64_t leaf_due; /* when the leaf is to be removed; in s->leaving unless USEC_NEVER */
        uint64_t start_usec, exit_usec;
        uint64_t runtime_max_usec; /* that it may run from its execution on */
        uint64_t due;  /* when that is over, or was; USEC_NEVER: when there is nothing to be done */
        Source status; /* pipe to the child, while it starts */
        Source events; /* the leaf's cgroup.events, while others hold it, or are to come */
        char *client;  /* of an open one: for whom, as the daemon has said; owned, or NULL */
        char *log;     /* where its output goes, as the daemon has said; owned, or NULL */
        UT_hash_handle by_name, by_pid;
        TAILQ_ENTRY(Task) starting, unsaid, leaving;
        char name[];
};

TAILQ_HEAD(TaskList, Task);

/* The scope's one stream to journald. */
typedef struct Journal {
        char *identifier, *unit; /* owned */
        int fd;
} Journal;

/* What is to be said on this connection besides the tasks. */
#define SAY_HELLO    (1U << 0)
#define SAY_SETUP    (1U << 1)
#define SAY_SYNCED   (1U << 2)
#define SAY_EMPTY    (1U << 3)
#define SAY_STOPPING (1U << 4)

typedef struct Link {
        Source listen, peer;
        uint32_t peer_events; /* that the loop waits for */
        bool blocked;         /* the daemon does not read */
        unsigned say;
        Fields reply; /* to the last request; no further one is read before it was sent */
} Link;

typedef struct Setup {
        uint64_t serial;
        int error;          /* of a failed one */
        const char *step;   /* literal */
        const char *reason; /* literal */
        Source attached;    /* pidfd of the process that PID 1 attached */
        char *controllers;  /* that are to be enabled; owned */
        uint64_t wait;      /* until the next attempt */
        uint64_t give_up;
} Setup;

struct Supervisor {
        SupervisorState state;
        const char *id;
        bool lasting; /* this process lives in supervisor/ */
        bool quit;
        bool more_to_reap;
        bool populated; /* payload, as the daemon knows it */
        int epoll_fd;
        int scope_fd, supervisor_fd, payload_fd, runtime_fd;
        Source signals, timer;
        Source events; /* payload's cgroup.events */
        Link link;
        Setup setup;
        Journal journal;
        Task *tasks; /* by name */
        Task *pids;  /* those alive, by pid */
        size_t n_alive;
        struct TaskList starting; /* by deadline */
        struct TaskList unsaid, leaving;
        uint64_t payload_oom_kills; /* as last seen, where leaves have no memory.events */
        uint64_t deadlines[_DEADLINE_MAX], armed;
        uint64_t stop_timeout_usec, term_usec, cont_usec;
};

int supervisor_watch(Supervisor *s); /* a new epoll with everything that is always waited on */

/* A packet of the daemon. Numbers that were not sent are UINT64_MAX, texts NULL. */
struct Request {
        char *type, *task, *fds_names, *unit, *identifier, *pids, *client, *log;
        uint64_t serial, timeout_usec, expires_usec, stop_timeout_usec, signal, journal;
        uint64_t pid, start_usec, exit_usec, exit, oom, open, whole;
        uint64_t runtime_max_usec, due_usec, timed_out;
        int fds[PROTOCOL_FDS_MAX]; /* closed afterwards, unless taken */
        size_t n_fds;
        pid_t failed;       /* set by a handler that fails, or 0 */
        SpawnStep step;     /* likewise, or invalid */
        const char *reason; /* likewise, literal, or NULL */
};

/* Requests: 0 when `done` is to be sent now, 1 when the answer comes later or never, negative
 * errno. */
int request_setup(Supervisor *s, Request *r);
int request_spawn(Supervisor *s, Request *r);
int request_signal(Supervisor *s, Request *r);
int request_forget(Supervisor *s, Request *r);
int request_adopt(Supervisor *s, Request *r);
int request_attach(Supervisor *s, Request *r);
int request_open(Supervisor *s, Request *r);
int request_opened(Supervisor *s, Request *r);
int request_release(Supervisor *s, Request *r);

/* sup-idle.c */
struct epoll_event;
void idle_init(void);
int idle_wait(int epoll_fd, struct epoll_event *ret); /* as epoll_wait() for one event, for ever */

/* sup-link.c: the connection */
int link_watch(Supervisor *s);
void link_flush(Supervisor *s);
void link_say(Supervisor *s, unsigned what);
void link_say_task(Supervisor *s, Task *t, unsigned what);

/* sup-setup.c: from the attached to the lasting process */
int setup_watch(Supervisor *s);
void setup_enable_controllers(Supervisor *s);

/* sup-spawn.c: the start of a task, parent's side */
void spawn_timeouts(Supervisor *s, uint64_t now);
void spawn_finish(Supervisor *s, Task *t); /* the child has gone */
int request_check_task(Supervisor *s, Request *r);
int request_make_room(Supervisor *s, Request *r); /* for a task of that name */
int leaf_open(Supervisor *s,
              const char *name); /* made if need be; -EEXIST when something lives in it */

/* sup-task.c: tasks from their start to their oblivion */
Task *task_find(Supervisor *s, const char *name);
Task *task_new(Supervisor *s, const char *name);
void task_free(Supervisor *s, Task *t);
void task_set_pid(Supervisor *s, Task *t, pid_t pid);
void task_remove_leaf(Supervisor *s, Task *t);
int task_watch_leaf(Supervisor *s, Task *t);
void task_collect(Supervisor *s, Task *t);
void task_append_exit(const Task *t, Fields *f);
void task_ended(Supervisor *s, Task *t, const siginfo_t *si);
void task_leave(Supervisor *s, Task *t); /* its leaf goes after a while, or when it is empty */
void tasks_reap(Supervisor *s);
void tasks_remove_leaves(Supervisor *s);

/* sup-timeout.c: tasks that may run for some time only */
void task_set_due(Supervisor *s, Task *t, uint64_t due);
void tasks_time_out(Supervisor *s);

/* sup-adopt.c: tasks that are no children of ours */
void adopted_leaf_empty(Supervisor *s, Task *t);
int adopted_watch(Supervisor *s, Task *t, pid_t pid, int pidfd); /* takes pidfd, also on failure */
void raise_nofile(void);

/* sup-open.c: leaves that wait for their first process */
void open_leaf_event(Supervisor *s, Task *t);
int open_forget(Supervisor *s, Task *t);

/* sup-payload.c: the cgroup that all tasks are in */
int payload_watch(Supervisor *s);
int payload_kill(Supervisor *s);
void payload_check_empty(Supervisor *s, bool patient);
bool payload_populated(Supervisor *s);
int events_populated(int fd);

/* sup-stop.c: PID 1 stops the scope */
void stop_signal(Supervisor *s, const struct signalfd_siginfo *si);
void stop_payload_empty(Supervisor *s);
void stop_kill(Supervisor *s);
void stop_last(Supervisor *s);

/* sup-journal.c */
int journal_open(Journal *j); /* the descriptor, which stays j's, or negative errno */
void journal_done(Journal *j);

/* sup-child.c: the start of a task, child's side */
typedef struct Child {
        int status_fd;
        int spec_fd;
        int leaf_fd;
        int stdio[3]; /* -EBADF: not passed */
        int journal;  /* a descriptor or the errno why there is none */
} Child;

typedef struct ChildStatus {
        int32_t step;
        int32_t error;    /* 0: about to take the step, which may hang */
        char reason[512]; /* "": none */
} ChildStatus;

_Noreturn void child_run(const Child *c);
