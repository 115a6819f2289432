/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client library of hpcnode-cgroupd: scopes, tasks, limits and metrics of an HPC node, in C.
 *
 * Functions return 0 (or a positive answer where that is said) on success, and on failure a negative
 * errno that fits the error best, with code and sentence in *ret_error. ret_error may be NULL; else
 * it is set up with HPCNODE_CGROUP_ERROR_INIT (or zeroed), may be used for any number of calls, and is
 * emptied with hpcnode_cgroup_error_done(). Outputs (ret_...) are untouched on failure; where an
 * output may be NULL, that is said. Destructors take NULL and return NULL.
 *
 * A question to the daemon is answered within 25 s (most calls are one; to start a task, to inspect and to list take
 * some more), else the call fails with HPCNODE_CGROUP_ERROR_TIMED_OUT and may yet have
 * been done; only hpcnode_cgroup_wait() has no time limit, and hpcnode_cgroup_set_interactive() allows
 * more. When the daemon or the bus goes away before it has answered, what only reads is asked once more
 * within that time, and what changes something never is. A handle and the objects made here belong to
 * one thread at a time, and to the process that made them: a child of fork() may only free them. Strings
 * are UTF-8; arguments are NULL only where that is said.
 *
 * `slice` is a systemd slice in any spelling: its unit ("pact-gpu.slice"), the shared path form
 * ("pact.slice/gpu.slice"), or its cgroup path. `scope` is a scope's name ("alloc-42"), its unit
 * ("workload-alloc-42.scope") or its cgroup path; where it is said, also "SCOPE/TASK". */
#ifndef HPCNODE_CGROUP_H
#define HPCNODE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Defined by <systemd/sd-bus.h> and <systemd/sd-event.h>, which only those need who use them. */
struct sd_bus;
struct sd_event;

/* What the contract is fulfilled by: mostly a connection to the daemon. Every call goes over a table of
 * operations, see hpcnode_cgroup_ops. */
typedef struct hpcnode_cgroup hpcnode_cgroup;

/* Resource limits, see hpcnode_cgroup_limits_new(). */
typedef struct hpcnode_cgroup_limits hpcnode_cgroup_limits;

/* How a scope or a task is made besides its limits, see hpcnode_cgroup_options_new(). */
typedef struct hpcnode_cgroup_options hpcnode_cgroup_options;

/* What a cgroup has used, see hpcnode_cgroup_read_metrics(). */
typedef struct hpcnode_cgroup_metrics hpcnode_cgroup_metrics;

/* --- errors --- */

typedef enum hpcnode_cgroup_error_code {
        HPCNODE_CGROUP_ERROR_NONE = 0,

        /* One to one with org.hpcnode.Cgroup1.Error.*, and D-Bus's own InvalidArgs. */
        HPCNODE_CGROUP_ERROR_CREATION_FAILED = 1,
        HPCNODE_CGROUP_ERROR_KILL_FAILED = 2,
        HPCNODE_CGROUP_ERROR_NOT_FOUND = 3,
        HPCNODE_CGROUP_ERROR_PERMISSION_DENIED = 4,
        HPCNODE_CGROUP_ERROR_IO = 5,
        HPCNODE_CGROUP_ERROR_ALREADY_EXISTS = 6,
        HPCNODE_CGROUP_ERROR_EMERGENCY_REQUIRED = 7,
        HPCNODE_CGROUP_ERROR_ADMISSION_REJECTED = 8,
        HPCNODE_CGROUP_ERROR_LIMITS_EXCEEDED = 9,
        HPCNODE_CGROUP_ERROR_EXEC_FAILED = 10,
        HPCNODE_CGROUP_ERROR_NOT_EMPTY = 11,
        HPCNODE_CGROUP_ERROR_SCOPE_ZOMBIE = 12,
        HPCNODE_CGROUP_ERROR_SHUTTING_DOWN = 13,
        HPCNODE_CGROUP_ERROR_INVALID_ARGS = 14,

        /* Of the library itself. */
        HPCNODE_CGROUP_ERROR_UNREACHABLE = 100, /* no bus, or no daemon on it */
        HPCNODE_CGROUP_ERROR_TIMED_OUT = 101,   /* no answer: it may yet have been done */
        HPCNODE_CGROUP_ERROR_INTERRUPTED = 102, /* hpcnode_cgroup_wait() was cancelled */
        HPCNODE_CGROUP_ERROR_NO_MEMORY = 103,
        HPCNODE_CGROUP_ERROR_OTHER = 104, /* an answer this library does not know */
        HPCNODE_CGROUP_ERROR_NOT_SUPPORTED =
                105, /* the handle's operations do not include this one */
} hpcnode_cgroup_error_code;

typedef struct hpcnode_cgroup_error {
        hpcnode_cgroup_error_code code;
        char *message; /* a sentence: what, where, what to do; may be NULL (out of memory) */
} hpcnode_cgroup_error;

#define HPCNODE_CGROUP_ERROR_INIT               \
        {                                       \
                HPCNODE_CGROUP_ERROR_NONE, NULL \
        }

/* Frees the message and resets the code. */
void hpcnode_cgroup_error_done(hpcnode_cgroup_error *error);

/* "NotFound", "Unreachable", ...; never NULL. */
const char *hpcnode_cgroup_error_name(hpcnode_cgroup_error_code code);

/* --- the slices --- */

/* The roots of the two trees, and the four of the node's own services. */
#define HPCNODE_CGROUP_SLICE_PACT         "pact.slice"
#define HPCNODE_CGROUP_SLICE_PACT_INFRA   "pact-infra.slice"
#define HPCNODE_CGROUP_SLICE_PACT_NETWORK "pact-network.slice"
#define HPCNODE_CGROUP_SLICE_PACT_GPU     "pact-gpu.slice"
#define HPCNODE_CGROUP_SLICE_PACT_AUDIT   "pact-audit.slice"
#define HPCNODE_CGROUP_SLICE_WORKLOAD     "workload.slice"

/* --- connection --- */

/* Connects to the system bus. The daemon is started by the bus when it is first called. A connection
 * that is lost later is made anew by the next call. */
int hpcnode_cgroup_open(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error);

/* The same with the session bus, where the daemon serves the user's own service manager. */
int hpcnode_cgroup_open_user(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error);

/* The same over a connection that there is, to whichever bus; of which a reference is taken. It is not made
 * anew: once it has ended, all calls are HPCNODE_CGROUP_ERROR_UNREACHABLE. */
int hpcnode_cgroup_open_bus(struct sd_bus *bus, hpcnode_cgroup **ret,
                            hpcnode_cgroup_error *ret_error);

/* The same with the system bus of another machine: of "[USER@]HOST[:PORT][/CONTAINER]", by ssh(1), and of a container
 * on this one, "[USER@]CONTAINER", where ".host" is this machine itself; or with the session bus of a user there. They
 * return when that bus has answered. Devices, cpus and memory nodes that limits name are those there; descriptors
 * (StandardInput and so on), open_scope() and move_tasks() are HPCNODE_CGROUP_ERROR_NOT_SUPPORTED. */
int hpcnode_cgroup_open_remote(const char *host, hpcnode_cgroup **ret,
                               hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_open_machine(const char *machine, hpcnode_cgroup **ret,
                                hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_open_user_machine(const char *machine, hpcnode_cgroup **ret,
                                     hpcnode_cgroup_error *ret_error);

/* Frees the handle with what is pending on it; whatever else was made here stays valid. */
hpcnode_cgroup *hpcnode_cgroup_free(hpcnode_cgroup *c);

/* Whether a person may be asked to authenticate for what polkit admits only then; not at first. The
 * asking is an agent's business, such as pkttyagent(1). Calls that change something then wait for their
 * answer for 120 s. */
void hpcnode_cgroup_set_interactive(hpcnode_cgroup *c, bool allow);

/* Asks the daemon for its version. *ret_version is owned by the caller (free()); *ret_round_trip_usec
 * is the time from question to answer in microseconds. Either may be NULL. */
int hpcnode_cgroup_ping(hpcnode_cgroup *c, char **ret_version, uint64_t *ret_round_trip_usec,
                        hpcnode_cgroup_error *ret_error);

/* What the daemon does about pressure: "on", "dry-run", "disabled" (by its configuration) or "unavailable" (the
 * kernel has no PSI). *ret is the caller's (free()). */
int hpcnode_cgroup_pressure_policy(hpcnode_cgroup *c, char **ret, hpcnode_cgroup_error *ret_error);

/* From which share of time on something is done about pressure. The words are those of the signal PressureAction. */
typedef struct hpcnode_cgroup_threshold {
        char act[16];      /* "reject", "demote", "freeze" or "kill" */
        char resource[16]; /* "memory", "cpu" or "io" */
        char kind[16];     /* "some" or "full" */
        uint64_t share;    /* of avg10 for "reject", of a window for the others; in 1/10000 */
} hpcnode_cgroup_threshold;

/* The thresholds that are in force, from the gentlest act on: those that are off are left out, and there are none where
 * the policy is neither "on" nor "dry-run". *ret, an array of *ret_n, is the caller's (free()). */
int hpcnode_cgroup_pressure_thresholds(hpcnode_cgroup *c, hpcnode_cgroup_threshold **ret,
                                       size_t *ret_n, hpcnode_cgroup_error *ret_error);

/* When the daemon that answers has begun, in microseconds since 1970. */
int hpcnode_cgroup_daemon_started(hpcnode_cgroup *c, uint64_t *ret_usec,
                                  hpcnode_cgroup_error *ret_error);

/* --- limits --- */

/* A set of limits, empty at first: nothing is limited. NULL when out of memory. */
hpcnode_cgroup_limits *hpcnode_cgroup_limits_new(void);
hpcnode_cgroup_limits *hpcnode_cgroup_limits_free(hpcnode_cgroup_limits *limits);

/* Sets one limit by its systemd name from the text a person would write: sizes in bytes with K, M, G,
 * T or "infinity" (MemoryMax, MemoryHigh, MemoryLow, MemoryMin, MemorySwapMax, IOMax), "yes" or "no"
 * (MemoryOOMGroup, of which the number is 1 or 0), numbers
 * (CPUWeight and IOWeight 1 to 10000, TasksMax), lists (AllowedCPUs, AllowedMemoryNodes: "0-3,8"; "", with
 * hpcnode_cgroup_set_limits() only, takes the limit away),
 * microseconds (CPUQuotaPerSecUSec, CPUQuotaPeriodUSec), "PATH NUMBER" for IOReadBandwidthMax,
 * IOWriteBandwidthMax, IOReadIOPSMax and IOWriteIOPSMax, "PATH:MODES" for DeviceAllow (modes of r, w,
 * m), a word for DevicePolicy. Those with a PATH are lists, to which each call adds. An unknown name
 * or a value out of range is HPCNODE_CGROUP_ERROR_INVALID_ARGS and changes nothing. */
int hpcnode_cgroup_limits_set(hpcnode_cgroup_limits *limits, const char *property, const char *text,
                              hpcnode_cgroup_error *ret_error);

/* The same for the limits that are numbers, in their own unit; UINT64_MAX is "infinity". */
int hpcnode_cgroup_limits_set_number(hpcnode_cgroup_limits *limits, const char *property,
                                     uint64_t value, hpcnode_cgroup_error *ret_error);

/* Checks what single values cannot show: limits that do not go together, or name a device, cpu or memory
 * node that this machine has not got. Every call that takes limits does so by itself, before anything is
 * sent. */
int hpcnode_cgroup_limits_check(const hpcnode_cgroup_limits *limits,
                                hpcnode_cgroup_error *ret_error);

/* 1 and the number, 0 when that limit is not set, -EINVAL for an unknown name or not a number. */
int hpcnode_cgroup_limits_get_number(const hpcnode_cgroup_limits *limits, const char *property,
                                     uint64_t *ret);

/* Any limit as hpcnode_cgroup_limits_set() takes it: "67108864", "infinity", "0-3,8"; of a list the element at index,
 * "/dev/sda 1000000". 1 and the text, to be freed with free(), 0 when that limit is not set or has no such element,
 * -EINVAL for an unknown name, -ENOMEM. */
int hpcnode_cgroup_limits_get_text(const hpcnode_cgroup_limits *limits, const char *property,
                                   size_t index, char **ret);

/* How many devices have an io limit of their own; a node-wide IOMax counts as one more. */
size_t hpcnode_cgroup_limits_count_io_rules(const hpcnode_cgroup_limits *limits);

/* --- options --- */

/* What CreateScope (c), Run (r) and Spawn (s) take besides limits, by the names of the D-Bus interface:
 *
 *   WorkingDirectory  text    r s  absolute path; default "/"
 *   Environment       text    r s  "NAME=VALUE", one call each; added to PATH, HOME, USER, LOGNAME,
 *                                  SHELL and LANG
 *   User, Group       text    r s  name or number; for root only, and not with hpcnode_cgroup_open_user()
 *   StandardInput, StandardOutput, StandardError
 *                     fd      r s  default: nothing, and the log
 *   Log               text    r s  "journal" (default), "null" or "file:" and an absolute path
 *   Nice              number  r s  -20 to 19
 *   NoNewPrivileges   number  r s  0 or 1
 *   TimeoutUSec       number  r s  how long it may run, in microseconds: then SIGTERM, and 10 s later SIGKILL
 *   RequirePaths      text    r s  absolute path, one call each: is there, and the task's user reaches it
 *   Services                  r    see hpcnode_cgroup_options_add_service()
 *   Limits            limits      s  those of the task alone, by hpcnode_cgroup_options_set_limits()
 *   Priority          number  c r  0 to 100, 50 when not given: who goes first under pressure
 *   ReleaseOnEmpty    number  c r  0 or 1: release the scope when its last process has ended
 *   Description       text    c r  one line, the unit's Description=
 *   Force             number  crs  0 or 1: also under pressure; for root and the owner of the slice only
 *
 * An option that a call does not take is refused there with HPCNODE_CGROUP_ERROR_INVALID_ARGS.
 * NULL when out of memory. */
hpcnode_cgroup_options *hpcnode_cgroup_options_new(void);
hpcnode_cgroup_options *hpcnode_cgroup_options_free(hpcnode_cgroup_options *options);

int hpcnode_cgroup_options_set(hpcnode_cgroup_options *options, const char *name, const char *text,
                               hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_options_set_number(hpcnode_cgroup_options *options, const char *name,
                                      int64_t value, hpcnode_cgroup_error *ret_error);

/* Adds a service to a job: a command that is started in its scope before the main task, as task "service-1",
 * "service-2" and so on, and that ends with it. For Run only; argv is copied. */
int hpcnode_cgroup_options_add_service(hpcnode_cgroup_options *options, const char *const argv[],
                                       hpcnode_cgroup_error *ret_error);

/* The descriptor stays the caller's and must be open when the options are used. */
int hpcnode_cgroup_options_set_fd(hpcnode_cgroup_options *options, const char *name, int fd,
                                  hpcnode_cgroup_error *ret_error);

/* The limits of a task, beside those of its scope. They are copied, and replace what was set before. They are in force
 * before the program is executed, or it is not: HPCNODE_CGROUP_ERROR_CREATION_FAILED. DevicePolicy and DeviceAllow
 * are a scope's alone. */
int hpcnode_cgroup_options_set_limits(hpcnode_cgroup_options *options,
                                      const hpcnode_cgroup_limits *limits,
                                      hpcnode_cgroup_error *ret_error);

/* --- what is known of a scope or a task --- */

/* Made by the library only, and later versions may add fields at the end. What a function does not
 * learn, or does not apply, is NULL, 0 or -1 as given here. */
typedef struct hpcnode_cgroup_info {
        char *id;     /* the scope's name, or "SCOPE/TASK": what is taken as scope everywhere */
        char *name;   /* of the scope, or of the task alone */
        char *unit;   /* the scope's systemd unit */
        char *slice;  /* the slice's unit */
        char *cgroup; /* path below /sys/fs/cgroup */
        char *state;  /* creating, active, running, frozen, releasing, zombie, exited, failed,
                         killed, lost; of a task also starting */
        char *owner;  /* "pact" or "workload" */
        char *description;
        char *log; /* "journal", "null", "file:PATH", or "caller": whoever started it has it */
        char **frozen_by; /* NULL-terminated: "client", "systemd", "pressure", "emergency" */
        uint32_t *pids;   /* of the whole scope, its supervisor left out */
        int n_pids;       /* -1: not known */
        uint32_t pid;     /* of the task, or of the scope's main task; 0: none */
        uint32_t uid;     /* of the creator; UINT32_MAX: not known */
        int is_job;       /* made by Run: 1 or 0; -1: not known. So are all the flags: */
        int is_task;      /* a task, not a scope */
        int release_on_empty;
        int oom_killed;        /* it, or of a scope any process, was killed for want of memory */
        int priority;          /* 0 to 100; -1: not known */
        int exit_status;       /* 0 to 255; -1: still runs, was ended by a signal, or not known */
        int exit_signal;       /* 0: none */
        uint64_t oom_kills;    /* processes of the scope killed so far; UINT64_MAX: not known */
        uint64_t created_usec; /* times: microseconds since 1970-01-01 UTC; 0: not known */
        uint64_t start_usec;
        uint64_t exit_usec;
        hpcnode_cgroup_limits *limits;   /* NULL: not known */
        hpcnode_cgroup_metrics *metrics; /* live, or final ones of an ended job; NULL: not known */
        int n_require_paths;             /* of a job: checked before it; -1: not known */
        int n_services;                  /* of a job: started before its main task; -1: not known */
        int timed_out; /* it was asked to end, its TimeoutUSec being over; or -1 */
        int demoted;   /* its cpu weight is lowered for pressure, until that has gone; or -1 */
        int pressure_killed; /* of a scope: it was, by the daemon, at some time; or -1 */
} hpcnode_cgroup_info;

hpcnode_cgroup_info *hpcnode_cgroup_info_free(hpcnode_cgroup_info *info);

/* --- the contract --- */

/* Starts the six slices if they are not there. *ret_slices is a NULL-terminated list of their units,
 * freed with hpcnode_cgroup_strings_free(); may be NULL. */
int hpcnode_cgroup_create_hierarchy(hpcnode_cgroup *c, char ***ret_slices,
                                    hpcnode_cgroup_error *ret_error);
char **hpcnode_cgroup_strings_free(char **strings);

/* Creates an empty scope below a slice. limits and options may be NULL. *ret (may be NULL) has id,
 * name, unit and cgroup. On failure nothing is left behind. */
int hpcnode_cgroup_create_scope(hpcnode_cgroup *c, const char *slice, const char *name,
                                const hpcnode_cgroup_limits *limits,
                                const hpcnode_cgroup_options *options, hpcnode_cgroup_info **ret,
                                hpcnode_cgroup_error *ret_error);

/* Kills everything in the scope at once and removes it. Succeeds for a scope that has gone already.
 * HPCNODE_CGROUP_ERROR_KILL_FAILED when a process is left after 10 s. */
int hpcnode_cgroup_destroy_scope(hpcnode_cgroup *c, const char *scope,
                                 hpcnode_cgroup_error *ret_error);

/* Reads the figures of any cgroup on the node. */
int hpcnode_cgroup_read_metrics(hpcnode_cgroup *c, const char *path, hpcnode_cgroup_metrics **ret,
                                hpcnode_cgroup_error *ret_error);
hpcnode_cgroup_metrics *hpcnode_cgroup_metrics_free(hpcnode_cgroup_metrics *metrics);

/* The name of metric `index` ("memory_current", "cpu_usage_usec", ...), NULL past the last. A static
 * string; order and number may change with the library's version. */
const char *hpcnode_cgroup_metric_name(size_t index);

/* 1 and the value, 0 when the cgroup has none (no such controller, or unlimited), -EINVAL for an
 * unknown name. Bytes, microseconds or counts, as the name says. */
int hpcnode_cgroup_metrics_get(const hpcnode_cgroup_metrics *metrics, const char *name,
                               uint64_t *ret);

/* 1 when no process of a task is left in the scope, 0 when there is one; with "SCOPE/TASK", whether that
 * task has ended. */
int hpcnode_cgroup_is_scope_empty(hpcnode_cgroup *c, const char *scope,
                                  hpcnode_cgroup_error *ret_error);

/* Who owns a slice, a scope or any cgroup path: "pact", "workload" or "" (nobody). *ret_owner is owned
 * by the caller (free()). */
int hpcnode_cgroup_slice_owner(hpcnode_cgroup *c, const char *path, char **ret_owner,
                               hpcnode_cgroup_error *ret_error);

/* What the daemon takes this process for: "pact", "workload", "admin" (root) or "other", its uid, and for root
 * the system unit it belongs to, else "". Outputs may be NULL; strings are owned by the caller (free()). */
int hpcnode_cgroup_who_am_i(hpcnode_cgroup *c, char **ret_principal, uint32_t *ret_uid,
                            char **ret_unit, hpcnode_cgroup_error *ret_error);

/* --- jobs and tasks --- */

/* Creates a scope and runs argv (NULL-terminated) in it as its main task; when that ends, the rest of
 * the scope is killed, and its record stays until hpcnode_cgroup_remove(). A program that cannot be
 * executed is HPCNODE_CGROUP_ERROR_EXEC_FAILED and leaves nothing behind. *ret (may be NULL) has id,
 * name, unit, cgroup and pid. */
int hpcnode_cgroup_run(hpcnode_cgroup *c, const char *slice, const char *name,
                       const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
                       const char *const argv[], hpcnode_cgroup_info **ret,
                       hpcnode_cgroup_error *ret_error);

/* Starts a further task in a live scope. A task called "main" is the supervised one. *ret (may be NULL)
 * has id, name, unit, cgroup (of the task's leaf) and pid; when the scope has gone in the meantime, id
 * is made from the unit, and cgroup is NULL. */
int hpcnode_cgroup_spawn(hpcnode_cgroup *c, const char *scope, const char *task,
                         const hpcnode_cgroup_options *options, const char *const argv[],
                         hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error);

/* Moves processes that run elsewhere into a live scope, as a further task of it: all of them, or on failure
 * none. The first is the task's own: with its end the task has ended, and how it ended may be known to nobody
 * (state "lost"). At most 64 at once; a caller that is not root may name only processes of its own. */
int hpcnode_cgroup_attach(hpcnode_cgroup *c, const char *scope, const char *task,
                          const uint32_t *pids, size_t n_pids, hpcnode_cgroup_error *ret_error);

/* Makes a leaf in a live scope, for a new task of which the caller starts the process itself, with
 * hpcnode_cgroup_fork_into() or by clone3(2) with CLONE_INTO_CGROUP. For root only, or with the user's own daemon;
 * for others hpcnode_cgroup_spawn() starts it. *ret_fd is the directory of the leaf, close-on-exec, owned by the
 * caller. The task is "starting" until its first process is there, which then is the task's own, as the first of
 * hpcnode_cgroup_attach() is. A leaf into which nobody has come goes when the caller's connection ends, so the
 * handle must be kept until then; by hpcnode_cgroup_kill() of the task with SIGKILL; and with the scope. One process, and what it starts, is what it is for: when
 * it has ended, the leaf goes. */
int hpcnode_cgroup_open_scope(hpcnode_cgroup *c, const char *scope, const char *task, int *ret_fd,
                              hpcnode_cgroup_error *ret_error);

/* Like fork(2), but the child is in the cgroup whose directory cgroup_fd is before it runs anything of the
 * caller's: born in it, or where clone3(2) is not there or refused by a filter, held until it has been moved there.
 * Returns the child's pid in the parent and 0 in the child; or a negative errno (with *ret_error) when no child
 * runs: -ENODEV or -ENOENT when the leaf has gone, with its scope or by itself. *ret_pidfd (may be NULL) is, in
 * the parent, the child's pidfd, close-on-exec, owned by the caller. The child is the caller's to wait for.
 *
 * Handlers of pthread_atfork(3) do not run, so in the child only functions that are async-signal-safe
 * (signal-safety(7)) may be called before it executes a program, as after fork() in a process with threads;
 * and no others of this library. */
pid_t hpcnode_cgroup_fork_into(int cgroup_fd, int *ret_pidfd, hpcnode_cgroup_error *ret_error);

/* Waits until a job, a scope or "SCOPE/TASK" has ended, or the scope is a zombie. Restarts of the daemon
 * meanwhile do not matter: it is asked again, without being started for that, and only when it has been
 * out of reach for 90 s, or was so from the beginning, this fails with HPCNODE_CGROUP_ERROR_UNREACHABLE.
 * When cancel_fd (-1: none) becomes readable, the function returns -EINTR with
 * HPCNODE_CGROUP_ERROR_INTERRUPTED; nothing is read from it. *ret (may be NULL) has state, exit_status,
 * exit_signal and oom_killed. */
int hpcnode_cgroup_wait(hpcnode_cgroup *c, const char *scope, int cancel_fd,
                        hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error);

/* Freezes everything in the scope, and thaws it. */
int hpcnode_cgroup_freeze(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_thaw(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_error *ret_error);

/* Sends a signal: SIGKILL to everything in the scope, another one to its main task (to every process
 * when it has none); with "SCOPE/TASK" to that task. */
int hpcnode_cgroup_kill(hpcnode_cgroup *c, const char *scope, int signal,
                        hpcnode_cgroup_error *ret_error);

/* Sends it to every process of the scope, or of the task. */
int hpcnode_cgroup_kill_all(hpcnode_cgroup *c, const char *scope, int signal,
                            hpcnode_cgroup_error *ret_error);

/* Changes the limits of a live scope, or of a live task ("SCOPE/TASK"), that are set in `limits`; the others stay. */
int hpcnode_cgroup_set_limits(hpcnode_cgroup *c, const char *scope,
                              const hpcnode_cgroup_limits *limits, hpcnode_cgroup_error *ret_error);

/* Binds a live scope to these cpus ("0-3,8"), or, with NULL or "", to none in particular. The same as
 * AllowedCPUs by hpcnode_cgroup_set_limits(). */
int hpcnode_cgroup_set_cpuset(hpcnode_cgroup *c, const char *scope, const char *cpus,
                              hpcnode_cgroup_error *ret_error);

/* Moves all processes of the cgroup `from` (a path), and of those below it, into a live scope as a further task,
 * see hpcnode_cgroup_attach(), whose conditions hold. HPCNODE_CGROUP_ERROR_NOT_EMPTY when processes were born
 * there meanwhile: what was moved stays so, and may be followed by another call with another task. */
int hpcnode_cgroup_move_tasks(hpcnode_cgroup *c, const char *from, const char *scope,
                              const char *task, hpcnode_cgroup_error *ret_error);

/* Drops the record of an ended job. */
int hpcnode_cgroup_remove(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_error *ret_error);

/* All scopes and records. *ret is a NULL-terminated array, freed with hpcnode_cgroup_list_free(); each
 * entry has id, name, unit, cgroup, state and pid. */
int hpcnode_cgroup_list(hpcnode_cgroup *c, hpcnode_cgroup_info ***ret,
                        hpcnode_cgroup_error *ret_error);
hpcnode_cgroup_info **hpcnode_cgroup_list_free(hpcnode_cgroup_info **list);

/* The tasks of a scope, or of all (NULL), with those that have ended as long as they are known. As of
 * hpcnode_cgroup_list(); each entry has id, name, unit, cgroup, state, pid, is_task, oom_killed, exit_status,
 * exit_signal, start_usec and exit_usec. */
int hpcnode_cgroup_list_tasks(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_info ***ret,
                              hpcnode_cgroup_error *ret_error);

/* Completes entries of the two lists (NULL-terminated, any of them, in any order): what hpcnode_cgroup_inspect() tells
 * of each scope but its pids, and the metrics of each task. What has gone meanwhile stays as it is. */
int hpcnode_cgroup_inspect_list(hpcnode_cgroup *c, hpcnode_cgroup_info *const list[],
                                hpcnode_cgroup_error *ret_error);

/* Everything about a scope, an ended job, or "SCOPE/TASK". */
int hpcnode_cgroup_inspect(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_info **ret,
                           hpcnode_cgroup_error *ret_error);

/* --- the emergency --- */

/* Declares an emergency, during which the owner of pact.slice may freeze, thaw and kill in workload.slice;
 * one that lasts is replaced. The reason is one line of 1 to 255 bytes, UTF-8 without control characters. The
 * duration is 1 s to 4 h; 0 means 4 h. */
int hpcnode_cgroup_declare_emergency(hpcnode_cgroup *c, const char *reason, uint64_t duration_usec,
                                     hpcnode_cgroup_error *ret_error);

/* Ends it. Succeeds without one. */
int hpcnode_cgroup_end_emergency(hpcnode_cgroup *c, hpcnode_cgroup_error *ret_error);

/* 1 when one lasts, else 0. *ret_reason is owned by the caller (free()); *ret_until_usec is when it ends by
 * itself, in microseconds since 1970. Either may be NULL, and without an emergency both are untouched. */
int hpcnode_cgroup_emergency(hpcnode_cgroup *c, char **ret_reason, uint64_t *ret_until_usec,
                             hpcnode_cgroup_error *ret_error);

/* --- the drain --- */

/* Drains the node: from now on nothing more is admitted to workload.slice, that is, no scope, job or task is made
 * there (HPCNODE_CGROUP_ERROR_ADMISSION_REJECTED), until it is cancelled or the node is started anew. With kill,
 * what runs there is killed, as hpcnode_cgroup_kill() does it with SIGKILL; else it may come to its end. The reason is
 * one line of at most 255 bytes, or NULL; a node that is drained already gets it in the place of the one it had. It
 * is not waited for: */
int hpcnode_cgroup_drain(hpcnode_cgroup *c, const char *reason, int kill,
                         hpcnode_cgroup_error *ret_error);

/* Waits until no job, and no scope with processes, is left in workload.slice, as hpcnode_cgroup_wait() waits.
 * HPCNODE_CGROUP_ERROR_NOT_FOUND when the node is not drained, or that is cancelled;
 * HPCNODE_CGROUP_ERROR_KILL_FAILED when there are only zombies left. */
int hpcnode_cgroup_wait_drained(hpcnode_cgroup *c, int cancel_fd, hpcnode_cgroup_error *ret_error);

/* Cancels it. Succeeds without one. */
int hpcnode_cgroup_cancel_drain(hpcnode_cgroup *c, hpcnode_cgroup_error *ret_error);

/* 1 when the node is drained, else 0. *ret_reason is owned by the caller (free()), and "" without one;
 * *ret_since_usec is in microseconds since 1970. Either may be NULL, and without a drain both are untouched. */
int hpcnode_cgroup_draining(hpcnode_cgroup *c, char **ret_reason, uint64_t *ret_since_usec,
                            hpcnode_cgroup_error *ret_error);

/* --- the table of operations --- */

/* What fulfils the contract, as functions; each is what the function hpcnode_cgroup_... of its name does. The
 * library has two implementations, the daemon and the fake of <hpcnode/cgroup-fake.h>; a third may stand before one
 * of them. The functions get the userdata of hpcnode_cgroup_new(). Outputs are never NULL here, and what is
 * handed out in them is the caller's; limits and options may be NULL. Members that are NULL, and those past `size`,
 * are HPCNODE_CGROUP_ERROR_NOT_SUPPORTED. */
typedef struct hpcnode_cgroup_ops {
        size_t size; /* sizeof(hpcnode_cgroup_ops) where the table was compiled: members are added at the end */

        int (*create_hierarchy)(void *userdata, char ***ret_slices,
                                hpcnode_cgroup_error *ret_error);
        int (*create_scope)(void *userdata, const char *slice, const char *name,
                            const hpcnode_cgroup_limits *limits,
                            const hpcnode_cgroup_options *options, hpcnode_cgroup_info **ret,
                            hpcnode_cgroup_error *ret_error);
        int (*destroy_scope)(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error);
        int (*read_metrics)(void *userdata, const char *path, hpcnode_cgroup_metrics **ret,
                            hpcnode_cgroup_error *ret_error);
        int (*is_scope_empty)(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error);
        int (*slice_owner)(void *userdata, const char *path, char **ret_owner,
                           hpcnode_cgroup_error *ret_error);
        int (*run)(void *userdata, const char *slice, const char *name,
                   const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
                   const char *const argv[], hpcnode_cgroup_info **ret,
                   hpcnode_cgroup_error *ret_error);
        int (*spawn)(void *userdata, const char *scope, const char *task,
                     const hpcnode_cgroup_options *options, const char *const argv[],
                     hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error);
        int (*attach)(void *userdata, const char *scope, const char *task, const uint32_t *pids,
                      size_t n_pids, hpcnode_cgroup_error *ret_error);
        int (*move_tasks)(void *userdata, const char *from, const char *scope, const char *task,
                          hpcnode_cgroup_error *ret_error);
        int (*open_scope)(void *userdata, const char *scope, const char *task, int *ret_fd,
                          hpcnode_cgroup_error *ret_error);
        int (*set_limits)(void *userdata, const char *scope, const hpcnode_cgroup_limits *limits,
                          hpcnode_cgroup_error *ret_error);
        int (*freeze)(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error);
        int (*thaw)(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error);
        int (*kill)(void *userdata, const char *scope, int signal, hpcnode_cgroup_error *ret_error);
        int (*wait)(void *userdata, const char *scope, int cancel_fd, hpcnode_cgroup_info **ret,
                    hpcnode_cgroup_error *ret_error);
        int (*remove)(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error);
        int (*list)(void *userdata, hpcnode_cgroup_info ***ret, hpcnode_cgroup_error *ret_error);
        int (*inspect)(void *userdata, const char *scope, hpcnode_cgroup_info **ret,
                       hpcnode_cgroup_error *ret_error);
        int (*list_tasks)(void *userdata, const char *scope, hpcnode_cgroup_info ***ret,
                          hpcnode_cgroup_error *ret_error);
        int (*inspect_list)(void *userdata, hpcnode_cgroup_info *const list[],
                            hpcnode_cgroup_error *ret_error);
        int (*who_am_i)(void *userdata, char **ret_principal, uint32_t *ret_uid, char **ret_unit,
                        hpcnode_cgroup_error *ret_error);

        void (*free)(void *userdata); /* by hpcnode_cgroup_free(); NULL: nothing to be done */

        int (*kill_all)(void *userdata, const char *scope, int signal,
                        hpcnode_cgroup_error *ret_error);

        int (*drain)(void *userdata, const char *reason, int kill, /* "": no reason */
                     hpcnode_cgroup_error *ret_error);
        int (*wait_drained)(void *userdata, int cancel_fd, hpcnode_cgroup_error *ret_error);
        int (*cancel_drain)(void *userdata, hpcnode_cgroup_error *ret_error);
        int (*draining)(void *userdata, char **ret_reason, uint64_t *ret_since_usec,
                        hpcnode_cgroup_error *ret_error);
} hpcnode_cgroup_ops;

/* A handle whose calls go to these operations, which are not copied. On failure userdata is not freed. */
int hpcnode_cgroup_new(const hpcnode_cgroup_ops *ops, void *userdata, hpcnode_cgroup **ret,
                       hpcnode_cgroup_error *ret_error);

/* --- records --- */

/* What the daemon has changed, as it has recorded it in the journal: see hpcnode-events(7). It is read
 * from there, and neither the daemon nor the bus is asked. */
typedef struct hpcnode_cgroup_events hpcnode_cgroup_events;

/* Opens the records of the system's daemon, of all scopes or only of `scope` (NULL: all), from the oldest
 * on. Of "SCOPE/TASK" only "SCOPE/main" has any, those of the scope; others are
 * HPCNODE_CGROUP_ERROR_INVALID_ARGS. HPCNODE_CGROUP_ERROR_PERMISSION_DENIED when the caller may not read the
 * journal that has them. */
int hpcnode_cgroup_events_open(const char *scope, hpcnode_cgroup_events **ret,
                               hpcnode_cgroup_error *ret_error);

/* The same with those of the user's own daemon. */
int hpcnode_cgroup_events_open_user(const char *scope, hpcnode_cgroup_events **ret,
                                    hpcnode_cgroup_error *ret_error);
hpcnode_cgroup_events *hpcnode_cgroup_events_free(hpcnode_cgroup_events *events);

/* Begins at the first record made at this time or later, in microseconds since 1970. */
int hpcnode_cgroup_events_seek_time(hpcnode_cgroup_events *events, uint64_t usec,
                                    hpcnode_cgroup_error *ret_error);

/* Begins so that there are n records still to be read, or fewer; those before the time given earlier to
 * hpcnode_cgroup_events_seek_time() are passed over. With 0, only those to come. */
int hpcnode_cgroup_events_seek_last(hpcnode_cgroup_events *events, size_t n,
                                    hpcnode_cgroup_error *ret_error);

/* Reads the next record: 1, or 0 when there is none at present. */
int hpcnode_cgroup_events_next(hpcnode_cgroup_events *events, hpcnode_cgroup_error *ret_error);

/* Sleeps until there may be another one, without polling. To be called when hpcnode_cgroup_events_next()
 * has returned 0, which then is to be called again. When cancel_fd (-1: none) becomes readable, it
 * returns -EINTR with HPCNODE_CGROUP_ERROR_INTERRUPTED; nothing is read from it. */
int hpcnode_cgroup_events_wait(hpcnode_cgroup_events *events, int cancel_fd,
                               hpcnode_cgroup_error *ret_error);

/* The record read last as a line, "EVENT schema=hpcnode.v1 ts_unix_ms=...", without a newline. It
 * belongs to `events` and is valid until the next record is read, as is what the following returns. */
const char *hpcnode_cgroup_events_line(const hpcnode_cgroup_events *events);

typedef enum hpcnode_cgroup_field_kind {
        HPCNODE_CGROUP_FIELD_NONE = 0, /* there is no such field */
        HPCNODE_CGROUP_FIELD_TEXT = 1,
        HPCNODE_CGROUP_FIELD_NUMBER = 2, /* decimal, of at most 64 bits, not negative */
        HPCNODE_CGROUP_FIELD_LIST = 3,   /* one element: the key may come several times */
} hpcnode_cgroup_field_kind;

/* Field `index` of the record read last, in the order of the line. */
hpcnode_cgroup_field_kind hpcnode_cgroup_events_field(const hpcnode_cgroup_events *events,
                                                      size_t index, const char **ret_key,
                                                      const char **ret_value);

/* --- output --- */

/* What the tasks of a scope have written to standard output and error, as the journal has it: that of the scope or
 * job that is meant, not of those that had its name before. */
typedef struct hpcnode_cgroup_logs hpcnode_cgroup_logs;

/* A line, or a gap. Made by the library only, and later versions may add fields at the end. */
typedef struct hpcnode_cgroup_log_line {
        const char *message; /* any bytes, without a newline; a zero that does not count follows */
        size_t length;
        const char *task;   /* whose process has written it; NULL: not known */
        uint64_t time_usec; /* when journald took it, microseconds since 1970 */
        uint32_t pid;       /* of the process that has written it */
        int priority;       /* 0 to 7 as for syslog(3): 6, if the line did not begin with "<N>" */
        uint64_t n_dropped; /* not 0: no line; as many before the next one were dropped by
                               journald's rate limit, of this scope or, under the user's own service
                               manager, of all that user's units */
} hpcnode_cgroup_log_line;

/* Opens the output of a scope, a job or, with "SCOPE/TASK", of one task, also when it has ended, from its first line on.
 * Of a task that is what its own process has written, and of its other processes those lines whose writer
 * still lived when journald took them. HPCNODE_CGROUP_ERROR_NOT_FOUND if its output is not in the journal, or there
 * is no such scope; HPCNODE_CGROUP_ERROR_PERMISSION_DENIED when the caller may not read the journal that has it. The
 * handle is not needed afterwards. */
int hpcnode_cgroup_logs_open(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_logs **ret,
                             hpcnode_cgroup_error *ret_error);
hpcnode_cgroup_logs *hpcnode_cgroup_logs_free(hpcnode_cgroup_logs *logs);

/* Begins at the first line that journald took at this time or later, in microseconds since 1970. */
int hpcnode_cgroup_logs_seek_time(hpcnode_cgroup_logs *logs, uint64_t usec,
                                  hpcnode_cgroup_error *ret_error);

/* Begins so that there are n lines still to be read, or fewer; those before the time given earlier to
 * hpcnode_cgroup_logs_seek_time() are passed over. With 0, only those to come. */
int hpcnode_cgroup_logs_seek_last(hpcnode_cgroup_logs *logs, size_t n,
                                  hpcnode_cgroup_error *ret_error);

/* Reads the next line or gap: 1, or 0 when there is none at present. */
int hpcnode_cgroup_logs_next(hpcnode_cgroup_logs *logs, hpcnode_cgroup_error *ret_error);

/* What was read last. It belongs to `logs` and is valid until the next is read. */
const hpcnode_cgroup_log_line *hpcnode_cgroup_logs_line(const hpcnode_cgroup_logs *logs);

/* Sleeps until there may be another line, without polling. To be called when hpcnode_cgroup_logs_next() has returned
 * 0, which then is to be called again. When cancel_fd (-1: none) becomes readable, it returns -EINTR with
 * HPCNODE_CGROUP_ERROR_INTERRUPTED; nothing is read from it. */
int hpcnode_cgroup_logs_wait(hpcnode_cgroup_logs *logs, int cancel_fd,
                             hpcnode_cgroup_error *ret_error);

/* Has journald take in what was written until now, so that it can be read: to be called when a job has ended. For 10 s
 * at most; for a caller who is not root it waits for 2 s at most until nothing more comes. */
void hpcnode_cgroup_logs_sync(hpcnode_cgroup_logs *logs);

/* Whether as many lines were read last as journald takes within 30 s by default, so that it may have dropped others and
 * not said so yet: it does before the next line that it takes. Known only if all lines were read. */
bool hpcnode_cgroup_logs_is_at_limit(const hpcnode_cgroup_logs *logs);

#ifdef __cplusplus
}
#endif

#endif
