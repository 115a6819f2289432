/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client library of hpcnode-cgroupd: scopes, tasks, limits and metrics of an HPC node, in C.
 *
 * Functions return 0 (or a positive answer where that is said) on success, and on failure a negative
 * errno that fits the error best, with code and sentence in *ret_error. ret_error may be NULL; else
 * it is set up with HPCNODE_CGROUP_ERROR_INIT (or zeroed), may be used for any number of calls, and is
 * emptied with hpcnode_cgroup_error_done(). Outputs (ret_...) are untouched on failure; where an
 * output may be NULL, that is said. Destructors take NULL and return NULL.
 *
 * A call is answered within 25 s, else it fails with HPCNODE_CGROUP_ERROR_TIMED_OUT and may yet have
 * been done; only hpcnode_cgroup_wait() has no time limit. When the daemon or the bus goes away before
 * it has answered, what only reads is asked once more within that time, and what changes something
 * never is. A handle and the objects made here belong to one thread at a time. Strings are UTF-8.
 *
 * `slice` is a systemd slice in any spelling: its unit ("pact-gpu.slice"), the shared path form
 * ("pact.slice/gpu.slice"), or its cgroup path. `scope` is a scope's name ("alloc-42"), its unit
 * ("workload-alloc-42.scope") or its cgroup path; where it is said, also "SCOPE/TASK". */
#ifndef HPCNODE_CGROUP_H
#define HPCNODE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection to the daemon. */
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

/* --- connection --- */

/* Connects to the system bus. The daemon is started by the bus when it is first called. A connection
 * that is lost later is made anew by the next call. */
int hpcnode_cgroup_open(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error);

/* The same with the session bus, where the daemon serves the user's own service manager. */
int hpcnode_cgroup_open_user(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error);
hpcnode_cgroup *hpcnode_cgroup_free(hpcnode_cgroup *c);

/* Asks the daemon for its version. *ret_version is owned by the caller (free()); *ret_round_trip_usec
 * is the time from question to answer in microseconds. Either may be NULL. */
int hpcnode_cgroup_ping(hpcnode_cgroup *c, char **ret_version, uint64_t *ret_round_trip_usec,
                        hpcnode_cgroup_error *ret_error);

/* --- limits --- */

/* A set of limits, empty at first: nothing is limited. NULL when out of memory. */
hpcnode_cgroup_limits *hpcnode_cgroup_limits_new(void);
hpcnode_cgroup_limits *hpcnode_cgroup_limits_free(hpcnode_cgroup_limits *limits);

/* Sets one limit by its systemd name from the text a person would write: sizes in bytes with K, M, G,
 * T or "infinity" (MemoryMax, MemoryHigh, MemoryLow, MemoryMin, MemorySwapMax, IOMax), numbers
 * (CPUWeight and IOWeight 1 to 10000, TasksMax), lists (AllowedCPUs, AllowedMemoryNodes: "0-3,8"),
 * microseconds (CPUQuotaPerSecUSec, CPUQuotaPeriodUSec), "PATH NUMBER" for IOReadBandwidthMax,
 * IOWriteBandwidthMax, IOReadIOPSMax and IOWriteIOPSMax, "PATH MODES" for DeviceAllow (modes of r, w,
 * m), a word for DevicePolicy. Those with a PATH are lists, to which each call adds. An unknown name
 * or a value out of range is HPCNODE_CGROUP_ERROR_INVALID_ARGS and changes nothing. */
int hpcnode_cgroup_limits_set(hpcnode_cgroup_limits *limits, const char *property, const char *text,
                              hpcnode_cgroup_error *ret_error);

/* The same for the limits that are numbers, in their own unit; UINT64_MAX is "infinity". */
int hpcnode_cgroup_limits_set_number(hpcnode_cgroup_limits *limits, const char *property,
                                     uint64_t value, hpcnode_cgroup_error *ret_error);

/* Checks what single values cannot show: limits that do not go together. Every call that takes limits
 * does so by itself, before anything is sent. */
int hpcnode_cgroup_limits_check(const hpcnode_cgroup_limits *limits,
                                hpcnode_cgroup_error *ret_error);

/* 1 and the number, 0 when that limit is not set, -EINVAL for an unknown name or not a number. */
int hpcnode_cgroup_limits_get_number(const hpcnode_cgroup_limits *limits, const char *property,
                                     uint64_t *ret);

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
 *   Priority          number  c r  0 to 100, 50 when not given: who goes first under pressure
 *   ReleaseOnEmpty    number  c r  0 or 1: release the scope when its last process has ended
 *   Description       text    c r  one line, the unit's Description=
 *
 * An option that a call does not take is refused there with HPCNODE_CGROUP_ERROR_INVALID_ARGS.
 * NULL when out of memory. */
hpcnode_cgroup_options *hpcnode_cgroup_options_new(void);
hpcnode_cgroup_options *hpcnode_cgroup_options_free(hpcnode_cgroup_options *options);

int hpcnode_cgroup_options_set(hpcnode_cgroup_options *options, const char *name, const char *text,
                               hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_options_set_number(hpcnode_cgroup_options *options, const char *name,
                                      int64_t value, hpcnode_cgroup_error *ret_error);

/* The descriptor stays the caller's and must be open when the options are used. */
int hpcnode_cgroup_options_set_fd(hpcnode_cgroup_options *options, const char *name, int fd,
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
        char *log;        /* "journal", "null" or "file:PATH" */
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

/* Changes the limits of a live scope that are set in `limits`; the others stay. */
int hpcnode_cgroup_set_limits(hpcnode_cgroup *c, const char *scope,
                              const hpcnode_cgroup_limits *limits, hpcnode_cgroup_error *ret_error);

/* Drops the record of an ended job. */
int hpcnode_cgroup_remove(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_error *ret_error);

/* All scopes and records. *ret is a NULL-terminated array, freed with hpcnode_cgroup_list_free(); each
 * entry has id, name, unit, cgroup, state and pid. */
int hpcnode_cgroup_list(hpcnode_cgroup *c, hpcnode_cgroup_info ***ret,
                        hpcnode_cgroup_error *ret_error);
hpcnode_cgroup_info **hpcnode_cgroup_list_free(hpcnode_cgroup_info **list);

/* Everything about a scope, an ended job, or "SCOPE/TASK". */
int hpcnode_cgroup_inspect(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_info **ret,
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

#ifdef __cplusplus
}
#endif

#endif
