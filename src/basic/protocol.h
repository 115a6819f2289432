/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon and a scope's supervisor say to each other.
 *
 * The supervisor listens on a SOCK_SEQPACKET socket (descriptor PROTOCOL_LISTEN_FD when it is started,
 * `<id>.sock` in the runtime directory), so that every later daemon can connect to it in the same way;
 * a new connection replaces the old one. Each packet is a list of fields (fields.h) that starts with
 * `type` and has at most PROTOCOL_PACKET_MAX bytes; descriptors go with it as SCM_RIGHTS. Fields and
 * types that the receiver does not know are ignored, so both sides may be of different versions.
 *
 * daemon → supervisor, each answered by `done` or `failed` with the same serial:
 *
 *   setup    serial, unit, identifier (SYSLOG_IDENTIFIER of the scope's journal stream),
 *            stop_timeout_usec; descriptors: the scope's cgroup directory, the runtime directory. The
 *            supervisor, attached by PID 1, creates supervisor/ and payload/, puts its lasting process
 *            into the former by clone3 and enables every controller for both levels. `done` has pid (of
 *            the lasting process); `failed` has errno, step and reason.
 *   spawn    serial, task, log, timeout_usec, journal (1 when its output goes to the scope's stream; absent:
 *            when stdout or stderr was not passed), fds (which of "stdin stdout stderr" follow, in this
 *            order, separated by spaces), expires_usec, optionally runtime_max_usec (after which it is ended,
 *            see TASK_GRACE_USEC); descriptors: a memfd with the specification (SPEC_* below), then those.
 *            `task` is said first, then `done` with pid, once the program is executed;
 *            `failed` has errno, step (SpawnStep), perhaps reason, and nothing of the task is left.
 *   signal   serial, signal, expires_usec, optionally task: sends to the task's own process (race-free, since only
 *            the supervisor reaps it), or with whole (1) to every process of it. `failed` with ESRCH when it
 *            has ended. Without task: to every process of payload.
 *   adopt    serial, task, log, pid, start_usec, optionally due_usec: to a supervisor that takes the place of one that
 *            has died. A task that runs, with its pidfd as descriptor (its end is seen by that); or without, when
 *            nobody knows its process any more (it ends when its leaf is empty); or with exit_usec, and
 *            exit, signal, oom and timed_out as in `exited`, one that has ended; or with open and client.
 *            Without task: that was all; what else is left of leaves is cleared away.
 *   attach   serial, task, pids (separated by spaces), expires_usec; descriptors: for each of them its
 *            pidfd and the directory of the cgroup in which it was found, at most ATTACH_PIDS_MAX of both.
 *            They are moved into a new leaf, and the first is the task's own process. `task` is said first,
 *            then `done`; `failed` has errno, and pid where it is the fault of one: -ESRCH when it has
 *            ended, -ESTALE when it was moved meanwhile. All of them are back where they were then,
 *            unless reason says that this could not be: then the task is there, too.
 *   open     serial, task, expires_usec: makes a leaf for a process that somebody else puts into it. `task` with
 *            open is said first, then `done`. When its first process is there, `task` is said again, with its pid,
 *            and its end is told as that of an attached one.
 *   release  serial: the daemon has taken everything. With an empty payload the supervisor ends, which
 *            closes the connection and is the answer; else `failed` with EBUSY.
 *
 * log is where a task's output goes when that is not the journal, of at most PROTOCOL_LOG_MAX bytes; kept, and said again on
 * every connection.
 *
 * expires_usec (CLOCK_MONOTONIC, µs) is when the daemon gives the request up: a supervisor that was frozen
 * until then does nothing of it.
 *
 * daemon → supervisor, unanswered:
 *
 *   forget   task: the daemon needs an ended task's status no longer. An open one goes, unless somebody is in it.
 *   opened   task, client: whom an open one was made for is told so, and has the leaf. Kept, and said again on
 *            every connection.
 *
 * supervisor → daemon:
 *
 *   hello    version, pid, state (SupervisorState), features (see Feature, separated by spaces): first packet
 *            of a connection. Then a `task` or `exited` for every task not forgotten, then
 *   synced   populated (0 or 1). From here on, events:
 *   task     task, log, pid, start_usec: a live task; due_usec (CLOCK_MONOTONIC, µs) when its time is over, if that is
 *            limited. With open (1), and client if `opened` has said it: a leaf that
 *            waits for its first process.
 *   exited   task, log, pid, start_usec, exit_usec (CLOCK_REALTIME, µs), exit (status, 0..255) or signal (or
 *            neither, when nobody can know), oom (1 when the task was killed by the kernel's OOM killer),
 *            timed_out (1 when its time was over and it was asked to end). Kept, and said again on every
 *            connection, until `forget` or `release`.
 *   empty    payload has become empty (populated 1 → 0).
 *   stopping PID 1 stops the scope. The supervisor thaws the payload, waits until it is empty, and ends
 *            on `release`, or when none comes within STOP_RELEASE_USEC of that, or no daemon is
 *            connected. Before that it leaves `<id>.outcome` in the runtime directory, which is the
 *            daemon's to remove: the fields of main's `exited` (without type) and the metrics by name
 *            (metrics.h).
 *
 * A task called `main` is supervised: when its process has ended, the supervisor kills everything that
 * is left in payload, whether or not a daemon is connected. A supervisor that was not set up ends when
 * its connection closes. */
#pragma once

#include "attach.h"
#include "macro.h"

/* PROTOCOL_VERSION, which `hello` says, comes from the build. It is raised when something gets another
 * meaning; what is only added needs no new version. */

#define PROTOCOL_LISTEN_FD  3
#define PROTOCOL_PACKET_MAX 4096
#define PROTOCOL_LOG_MAX    3072 /* a longer one is not told */
#define PROTOCOL_FDS_MAX    (2 * ATTACH_PIDS_MAX)

#define TASK_MAIN "main"

/* How long a stopping supervisor waits for the daemon to take the figures: longer than a daemon that
 * is being restarted needs, much shorter than the default TimeoutStopSec of 90 s. */
#define STOP_RELEASE_USEC (5 * UINT64_C(1000000))

/* A task whose time is over gets SIGTERM, all of its processes do, and what is left of it after this much more
 * SIGKILL: also while no daemon is there, and while it is frozen, when it cannot see the former. */
#define TASK_GRACE_USEC (10 * UINT64_C(1000000))

/* A stop must not run into PID 1's SIGKILL, which would take the supervisor and the statuses with it:
 * payload is killed when this much of the unit's stop timeout is left. */
#define STOP_MARGIN_PERCENT 10

typedef enum SupervisorState {
        SUPERVISOR_WAITING, /* not set up yet */
        SUPERVISOR_READY,
        SUPERVISOR_STOPPING,
        _SUPERVISOR_STATE_MAX,
        _SUPERVISOR_STATE_INVALID = -EINVAL,
} SupervisorState;

const char *supervisor_state_to_string(SupervisorState s); /* "waiting", … */
SupervisorState supervisor_state_from_string(const char *s);

/* The steps of a start that can fail, in the order in which they run. */
typedef enum SpawnStep {
        SPAWN_STEP_LEAF,    /* mkdir of the leaf */
        SPAWN_STEP_PLACE,   /* clone3 or cgroup.procs */
        SPAWN_STEP_SPEC,    /* reading the specification */
        SPAWN_STEP_JOURNAL, /* connecting to journald */
        SPAWN_STEP_OOM_SCORE,
        SPAWN_STEP_KEYRING,
        SPAWN_STEP_TASK_LIMITS, /* those of the leaf, written and read back */
        SPAWN_STEP_LIMITS,      /* rlimits, nice */
        SPAWN_STEP_IDENTITY,    /* groups, gid, uid, no_new_privs */
        SPAWN_STEP_CWD,
        SPAWN_STEP_LOG, /* opening the log file */
        SPAWN_STEP_STDIO,
        SPAWN_STEP_EXEC,
        SPAWN_STEP_TIMEOUT, /* timeout_usec was over before any of cwd, log, exec; those have ETIMEDOUT
                               then. The child was killed. */
        SPAWN_STEP_DIED,    /* the child was killed before it could execute anything */
        _SPAWN_STEP_MAX,
        _SPAWN_STEP_INVALID = -EINVAL,
} SpawnStep;

const char *spawn_step_to_string(SpawnStep s); /* "leaf", "place", … */
SpawnStep spawn_step_from_string(const char *s);

/* What an older supervisor would pass over in silence, though it must not be: asked for only where `hello` has it. */
typedef enum Feature {
        FEATURE_TASK_LIMITS, /* SPEC_LIMIT */
        FEATURE_TIMEOUT,     /* runtime_max_usec */
        FEATURE_WHOLE,       /* of `signal` */
        _FEATURE_MAX,
        _FEATURE_INVALID = -EINVAL,
} Feature;

/* A set of them, a bit each (1 << FEATURE_…), as `hello` has it; words that are not known are passed over. */
#define FEATURES_ALL  ((1U << _FEATURE_MAX) - 1)
#define FEATURES_SIZE 128
const char *features_format(unsigned features, char buffer[static FEATURES_SIZE]); /* buffer */
unsigned features_parse(const char *text);

/* Keys of a specification, the contents of the memfd. Only the task's own child reads it. argv and env
 * stand once an element, in order; env is complete (nothing is inherited). */
#define SPEC_ARGV   "argv"
#define SPEC_ENV    "env" /* K=V */
#define SPEC_CWD    "cwd" /* absolute; default "/" */
#define SPEC_UID    "uid" /* default: no change of identity */
#define SPEC_GID    "gid"
#define SPEC_GROUPS "groups" /* one supplementary gid an element */
#define SPEC_NICE   "nice"   /* default: 0 */
#define SPEC_RLIMIT \
        "rlimit" /* resource (RLIMIT_*), soft and hard limit: numbers with spaces between */
#define SPEC_LIMIT \
        "limit" /* of the task's leaf, as limits_to_fields() writes it; one an element of a list */
#define SPEC_NO_NEW_PRIVS  "no_new_privs"  /* 1 */
#define SPEC_OOM_SCORE_ADJ "oom_score_adj" /* default 0; written while privileged */
#define SPEC_LOG           "log" /* "journal", "null" or "file:PATH"; for stdout and stderr not passed */
