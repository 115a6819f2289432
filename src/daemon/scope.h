/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scope: one transient delegated unit with its supervisor, its tasks, and in the end its record. */
#pragma once

#include "basic/limits.h"
#include "basic/memory-events.h"
#include "basic/metrics.h"
#include "basic/name.h"
#include "basic/state.h"
#include "daemon/call.h"
#include "daemon/pressure.h"
#include "daemon/spec.h"
#include "daemon/supervisor-link.h"
#include "daemon/systemd-job.h"
#include "daemon/task.h"

#include <uthash.h>

/* Who froze a scope: a set, since pressure undoes only its own. */
#define FROZEN_BY_CLIENT    (1u << 0)
#define FROZEN_BY_EMERGENCY (1u << 1)
#define FROZEN_BY_PRESSURE  (1u << 2)
#define FROZEN_BY_ALL       (FROZEN_BY_CLIENT | FROZEN_BY_EMERGENCY | FROZEN_BY_PRESSURE)

/* Whose freezes stand in the journal, without their thaw. */
#define FREEZE_OURS     (1u << 0)
#define FREEZE_SYSTEMDS (1u << 1)

typedef struct ScopeCreate ScopeCreate;
typedef struct ScopeRelease ScopeRelease;
typedef struct TaskSpawn TaskSpawn;

/* A supervisor that dies as often as this within RECOVERIES_USEC is not replaced any more: whatever
 * kills it would go on doing so. */
#define RECOVERIES_MAX  5
#define RECOVERIES_USEC (60 * USEC_PER_SEC)

struct Scope {
        Manager *manager;
        UT_hash_handle hh; /* manager->scopes, by unit */
        ScopeState state;

        char *id; /* 16 hexadecimal digits: what its files are called */
        char *name;
        char *slice; /* unit */
        char *unit;
        char *path; /* the unit's ControlGroup ("/workload.slice/…"); NULL before it is known */
        char *description;
        char *log; /* of the main task */
        uid_t uid; /* its creator: scope_set_creator() */
        Usage *usage;
        unsigned priority;
        unsigned n_services, n_require_paths; /* of a job, as it was asked for */
        bool is_job;                          /* made by Run: released when main has ended */
        bool release_on_empty;
        bool armed;        /* ReleaseOnEmpty, by the first task */
        bool unit_started; /* PID 1 was asked for it and its end was not seen */
        bool stopping;     /* PID 1 stops it */
        bool destroying;   /* DestroyScope was called: after a restart it is gone on with */
        bool undone;       /* its creation has failed: a zombie that leaves no record */
        bool newborn;      /* a task has begun since everything was killed */
        unsigned ending;   /* the ReleaseReason that began its end; RELEASE_LOST: none did */
        bool frozen_by_systemd;
        unsigned frozen_by; /* us; payload is frozen then */
        ScopePressure pressure;
        Limits limits;

        uint64_t created_usec, start_usec, exit_usec; /* CLOCK_REALTIME; 0: not yet */
        uint64_t stop_timeout_usec;                   /* that its unit was made with */
        uint64_t
                ended_boot_usec; /* CLOCK_BOOTTIME, which nobody sets: how old its record is; 0: not yet */
        pid_t main_pid;
        int exit_status; /* of main; -1: not known, or a signal */
        int exit_signal; /* 0: none */
        bool main_ended, main_oom, main_timed_out;
        uint64_t main_due_usec; /* when its time is over (CLOCK_MONOTONIC); 0: it is not limited */
        uint64_t oom_kills;
        MemoryEvents memory_told;  /* by the last job.throttle */
        uint64_t memory_told_usec; /* and when that was (CLOCK_BOOTTIME); 0: never */
        MemoryEvents memory_seen;
        Metrics metrics; /* final ones, once it has ended */

        /* What of it stands in the journal, so that the next daemon says the rest, and nothing twice. */
        bool create_recorded;
        pid_t start_recorded, exit_recorded; /* of the main task with this pid */
        bool zombie_recorded;
        unsigned freezes_recorded; /* FREEZE_OURS, FREEZE_SYSTEMDS */
        uid_t destroyer_uid; /* who has called DestroyScope; UID_INVALID: nobody, or not known */
        pid_t destroyer_pid;

        int cgroup_fd, payload_fd;
        SupervisorLink *link;
        sd_event_source *events_watch, *memory_watch, *freeze_watch;
        sd_event_source *memory_look; /* instead of memory_watch, while there are events */
        sd_event_source *silence;     /* armed while the supervisor is */
        Task *tasks;                  /* by name */
        size_t n_ended_tasks, n_starting_tasks, n_open_tasks, n_tasks_over;
        TAILQ_HEAD(, Task) tasks_over; /* as they ended */

        SystemdCall *unit_query; /* whether PID 1 still has the unit */

        ScopeCreate *create; /* while the operation runs */
        ScopeRelease *release;
        bool adopting;    /* counted in manager->adoptions */
        bool tasks_heard; /* a supervisor has told of those that a daemon before this one started */
        bool recovering;  /* a new supervisor is put in */
        bool recovery_slow;                  /* and that it takes its time was said */
        uint64_t recoveries[RECOVERIES_MAX]; /* when the last ones were (CLOCK_MONOTONIC, µs) */
        TAILQ_HEAD(, TaskSpawn) spawns_held; /* until it is there */
        CallList held;                       /* KillScope, until then */
        CallList unheard;  /* WaitScope on a task, until it is heard which there are */
        CallList waiters;  /* WaitScope */
        CallList freezers; /* FreezeScope, ThawScope */
        sd_event_source *freeze_deadline;
        bool freeze_pending; /* what pressure wants is not so yet */
};

static inline bool scope_has_ended(const Scope *s)
{
        return s->state >= SCOPE_EXITED;
}

static inline bool scope_is_live(const Scope *s)
{
        return s->state == SCOPE_ACTIVE || s->state == SCOPE_FROZEN;
}

/* Not while it is made, nor when its creation is undone, unless that makes a zombie of it. */
static inline bool scope_is_public(const Scope *s)
{
        return s->state != SCOPE_CREATING && (!s->undone || s->state == SCOPE_ZOMBIE);
}

/* "running" for a job, "active" for a scope made by CreateScope; else the state's own name. */
const char *scope_state_name(const Scope *s);

/* Takes copies of the names; the scope is found by its unit from now on. */
int scope_new(Manager *m, const char *slice, const char *name, const char *unit, Scope **ret);
Scope *scope_free(Scope *s);
DEFINE_CLEANUP(Scope *, scope_free);

Scope *scope_by_unit(Manager *m, const char *unit);

/* Finds the scope a caller means by a name, a unit, a cgroup path or an object path, and the task when
 * "/task" or a task object is named (*ret_task is NULL when none is). Fails with NotFound, with InvalidArgs
 * when a name fits in more than one slice, or with IO and *ret_scope set when the scope is unheard. Both
 * outputs stay the scope's. */
int scope_find(Manager *m, const char *text, Scope **ret_scope, Task **ret_task,
               sd_bus_error *error);

/* The same for whoever asks what it is, or how it ended: "SCOPE/main" is, in the record of a job, that record. */
int scope_find_outcome(Manager *m, const char *text, Scope **ret_scope, Task **ret_task,
                       sd_bus_error *error);

/* The same for a scope that is to have a further task. */
int scope_find_for_task(Manager *m, const char *text, Scope **ret, sd_bus_error *error);

int scope_object_path(const Scope *s, char **ret);

void scope_set_state(Scope *s, ScopeState state);
void scope_changed(Scope *s, const char *property);

/* The whole of payload: 1, 0, or negative. A scope without payload is not populated. */
int scope_populated(const Scope *s);

/* Whether some task is being started, by us or by whoever has opened it. */
static inline bool scope_is_starting_task(const Scope *s)
{
        return s->n_starting_tasks > 0 || s->n_open_tasks > 0;
}

/* Whether the end of some task is still to be told by the supervisor. */
bool scope_tasks_pending(const Scope *s);

/* Whether it is yet to be told which tasks there are: the daemon is new, and the supervisor stands still. */
bool scope_is_unheard(const Scope *s);

/* Opens the scope's directories below s->path and starts to watch payload. */
int scope_open_cgroup(Scope *s);
int scope_open_payload(Scope *s);
void scope_close_cgroup(Scope *s);

/* scope-memory.c: watches its limits of memory being met, and says so. */
int scope_watch_memory(Scope *s);
void scope_unwatch_memory(Scope *s);

/* The number of processes the OOM killer has ended in payload so far, announced when it grew. */
void scope_check_oom(Scope *s);

/* The same with a number that is known from elsewhere. */
void scope_take_oom_kills(Scope *s, uint64_t kills);

/* A new main task begins: what was known of an earlier one is forgotten. */
void scope_reset_main(Scope *s);

/* Takes main's pid or exit over from its task. */
void scope_take_main(Scope *s, const TaskReport *report);

int scope_read_metrics(const Scope *s, Metrics *ret);

/* Events, from the supervisor, the kernel and PID 1. */
void scope_on_task(Scope *s, const TaskReport *report);
void scope_on_synced(Scope *s);
void scope_on_cgroup_event(Scope *s);
void scope_on_stopping(Scope *s);
void scope_on_supervisor_waiting(Scope *s);
void scope_on_supervisor_gone(Scope *s);
void scope_on_unit_removed(Scope *s);

/* All that an earlier daemon knew of it is known, or will never be: also when its link goes. */
void scope_end_adoption(Scope *s);

/* scope-unit.c: PID 1 has said UnitRemoved; scope_on_unit_removed() when that is so. */
void scope_check_unit(Scope *s);

/* scope-request.c */
typedef struct ScopeRequest {
        char *slice, *name, *description;
        Limits limits;
        unsigned priority;
        bool release_on_empty;
        bool force; /* admitted whatever the pressure */
        Spec *spec; /* the main task of Run, or NULL */
} ScopeRequest;

void scope_request_done(ScopeRequest *q);

/* Makes the scope, in memory only; what it needs of the request it takes out of it. Fails with
 * AlreadyExists when the name is in use, and with AdmissionRejected under pressure. */
int scope_from_request(Manager *m, ScopeRequest *q, const Call *call, Scope **ret,
                       sd_bus_error *error);

/* A scope was loaded: its unit may be a further one of its name. -EBADMSG if it is none at all. */
int scope_note_instance(const Scope *s);

/* scope-properties.c: StartTransientUnit with the scope's properties. */
int scope_unit_message(Scope *s, sd_bus_message **ret);

/* scope-create.c: creates the scope (and runs main in it), then answers the call. What it needs of the
 * request it takes out of it. Takes the call over unless it returns negative; then nothing was begun. */
int scope_create(Manager *m, ScopeRequest *q, Call *call, sd_bus_error *error);

int scope_create_init(Manager *m);

/* DestroyScope while it is being created: done as soon as that has come to its end. */
void scope_create_then_destroy(Scope *s, Call *call);

/* PID 1 has finished a job of some slice: scopes whose slice was just being stopped try again. */
void manager_on_slice_job(Manager *m);

/* The scope is about to be freed: nothing is to be undone any more. */
void scope_create_abandon(Scope *s);

void scope_create_on_supervisor_gone(Scope *s);
void scope_create_on_unit_removed(Scope *s);
ScopeCreate *scope_create_free(ScopeCreate *c);

/* scope-release.c */
/* Stands in state files: new ones come last. */
typedef enum ReleaseReason {
        RELEASE_LOST,    /* its supervisor has gone, or the unit */
        RELEASE_DESTROY, /* everything in it is killed at once */
        RELEASE_ENDED,   /* main has ended, or it is empty and was to go then */
        RELEASE_STOPPED, /* PID 1 stops it: it may take its own time */
} ReleaseReason;

/* Ends the scope; a call (may be NULL) is answered when it is gone. While one is running another
 * reason joins it, a stronger one takes over. */
void scope_release(Scope *s, ReleaseReason reason, Call *call);
void scope_release_continue(Scope *s);
ScopeRelease *scope_release_free(ScopeRelease *r);

/* Its processes were killed and are still there: counted, announced, whoever waits for it is answered,
 * once; *ret_error says which they are. It is cleaned up when they have ended. */
void scope_become_zombie(Scope *s, sd_bus_error *ret_error);

/* The same for a scope whose creation has failed: its calls are answered with the reason and with what is
 * left. Takes the call, and those that want it destroyed, over. */
void scope_leave_zombie(Scope *s, const sd_bus_error *why, Call *call, CallList *destroyers);

/* Sets ScopeZombie, for what cannot be done with a zombie; returns as error_set() does. */
int scope_refuse_zombie(const Scope *s, sd_bus_error *error);

/* scope-recover.c: puts a new supervisor in the place of one that has died, beside tasks that go on.
 * Negative when that cannot be; then the scope goes on without. */
int scope_recover(Scope *s);

/* Calls that wait for the supervisor go on: with it, or to the answer that there is none. */
void scope_resume_held(Scope *s);

/* Those of them that are to be answered in time fail. */
void scope_fail_held(Scope *s);

/* Tells the supervisor of tasks in payload that it does not know. Negative when it cannot be told. */
int scope_adopt_leaves(Scope *s);

/* scope-silent.c: all processes have ended, and the supervisor does not say how: its tasks' statuses are taken
 * from the kernel, or are lost. _check_ looks whether it is so, and leaves the supervisor some time. */
void scope_check_silence(Scope *s);
void scope_end_silence(Scope *s);

/* scope-freeze.c: answers the call when the kernel says so. Takes it over. */
void scope_freeze(Scope *s, bool freeze, Call *call);
void scope_check_freezers(Scope *s);

/* Records each freeze and thaw, ours and systemd's, that is not recorded yet; the call may be NULL. */
void scope_record_freezes(Scope *s, const Call *call);

/* Freezes it, or takes back that pressure did: whoever else has frozen it is not thawed. It is so when the kernel
 * says so. */
int scope_freeze_for_pressure(Scope *s, bool freeze);

/* Has payload frozen or not, as an earlier daemon wanted it last. */
void scope_restore_freeze(Scope *s);
void task_freeze(Task *t, bool freeze, Call *call);

/* scope-frozen.c: what systemd has frozen */
int scope_watch_freezes(Scope *s);
bool scope_is_frozen_by_systemd(const Scope *s);

/* SCOPE_FROZEN or SCOPE_ACTIVE, of a live scope. */
ScopeState scope_live_state(const Scope *s);

/* Negative with the sentence when it is frozen by systemd. */
int scope_refuse_frozen(const Scope *s, sd_bus_error *error);

/* Everything in payload was killed: lets the supervisor go on to its end. */
void scope_thaw_to_end(Scope *s);

/* scope-kill.c: kills everything in the scope, or in the task (else NULL), at once, and records it. The call is
 * NULL when nobody has asked for it. */
int scope_kill(Scope *s, Task *t, const Call *call, sd_bus_error *error);

/* Another signal than SIGKILL, which the supervisor sends. all: to every process, of the scope or the task. Takes the
 * call over unless it returns negative. */
int scope_signal(Scope *s, Task *t, bool all, int signal, Call *call, sd_bus_error *error);

/* scope-limits.c: changes limits of a live scope, in the unit and in force. Takes the limits out of
 * *changes, and the call over unless it returns negative. */
int scope_set_limits(Scope *s, Limits *changes, Call *call, sd_bus_error *error);

/* Has PID 1 set them in the unit, until that goes. As systemd_call(). */
int scope_request_properties(const Scope *s, const Limits *limits, systemd_handler_t handler,
                             void *userdata);

/* What else there is to say of a limit that is not in force; may be "". */
const char *scope_limits_hint(const Scope *s);

/* scope-state.c */
int scope_save(const Scope *s);

/* LimitsExceeded when the scope (with changes of its limits, or NULL) is too much to be remembered. */
int scope_check_size(const Scope *s, const Limits *changes, sd_bus_error *error);
int scope_forget_files(const Scope *s, bool record); /* negative when the record stays */
void scope_forget_socket(const Scope *s);            /* before another supervisor listens there */
int manager_load_scopes(Manager *m);

/* The outcome that a supervisor left when it ended without a daemon; -ENOENT if there is none. */
int scope_load_outcome(Scope *s);

/* scope-bus.c */
int scope_add_bus(Manager *m);
void scope_emit_added(Scope *s);
void scope_emit_removed(Scope *s);

/* Drops the record: from the disk, the bus and memory; and when it is off the disk already, from the others.
 * Both return NULL. */
Scope *scope_drop(Scope *s);
Scope *scope_retire(Scope *s);

/* Drops records beyond the configured number and age, the oldest first: those too many, of whoever has the most. */
void manager_trim_records(Manager *m);
