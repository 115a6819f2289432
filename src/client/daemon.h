/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract as the daemon fulfils it: the connection to the bus, and calls over it. */
#pragma once

#include "client.h"
#include <systemd/sd-bus.h>

#define BUS_NAME         "org.hpcnode.Cgroup1"
#define MANAGER_PATH     "/org/hpcnode/Cgroup1"
#define MANAGER_IFACE    "org.hpcnode.Cgroup1"
#define SCOPE_PREFIX     "/org/hpcnode/Cgroup1/scope"
#define TASK_TEMPLATE    "/org/hpcnode/Cgroup1/scope/%/task/%"
#define SCOPE_IFACE      "org.hpcnode.Cgroup1.Scope"
#define TASK_IFACE       "org.hpcnode.Cgroup1.Task"
#define PROPERTIES_IFACE "org.freedesktop.DBus.Properties"

/* How many calls a list has under way at a time, and as many others may be. dbus-daemon lets a connection have 128
 * without an answer. */
#define PENDING_MAX 60

typedef enum BusKind {
        BUS_SYSTEM,
        BUS_USER,         /* the session bus */
        BUS_GIVEN,        /* the caller's, whichever it is */
        BUS_REMOTE,       /* the system bus of another host */
        BUS_MACHINE,      /* that of a container, or of this host as another user */
        BUS_USER_MACHINE, /* the session bus of a user there */
} BusKind;

typedef struct Daemon {
        sd_bus *bus; /* NULL: to be opened by the next call */
        BusKind kind;
        char *where;  /* owned: host or machine; NULL: here */
        bool reached; /* the daemon has answered on this handle */
        bool interactive;
        Async *async; /* NULL: not attached to an event loop */
} Daemon;

/* --- daemon.c --- */

/* The daemon behind the handle; NULL, with *e, when that is fulfilled by something else. `operation` is what
 * was asked for. */
Daemon *daemon_of(const hpcnode_cgroup *c, const char *operation, hpcnode_cgroup_error *e);

/* --- error.c --- */

/* What the bus said of a call; d may be NULL where none was put. */
int client_error_bus(const Daemon *d, hpcnode_cgroup_error *e, const sd_bus_error *error, int r);
int client_error_reply(hpcnode_cgroup_error *e, int r); /* an answer that cannot be read */

/* True for the errors after which the same question may be put again: the daemon or the bus went
 * away. */
bool client_error_is_transport(const sd_bus_error *error, int r);

/* True when whoever was to answer, daemon or bus, went away before it did. */
bool client_error_is_away(const sd_bus_error *error, int r);

/* True for the errors that the daemon itself has sent. */
bool client_error_is_answer(const sd_bus_error *error);

/* Why a call has no answer to be read. */
typedef struct Failure {
        int r;                    /* negative errno */
        sd_bus_error error;       /* what the bus or the daemon said, if it was that */
        hpcnode_cgroup_error own; /* what the library itself says, if it was that */
} Failure;

void failure_done(Failure *f);

/* Makes the caller's error of it. */
int failure_tell(const Daemon *d, const Failure *f, hpcnode_cgroup_error *e);

/* --- connection.c --- */

/* Makes it anew, if need be. */
int daemon_connect(Daemon *d, hpcnode_cgroup_error *e);

/* Says that there is no bus. */
int daemon_not_connected(const Daemon *d, int error, hpcnode_cgroup_error *e);

/* Whether it leads out of here, so that what is on this machine says nothing. */
bool daemon_is_elsewhere(const Daemon *d);

/* The options with which systemctl(1) asks the same service manager: " --user", or "". Returns buffer. */
#define MANAGER_OPTIONS_SIZE 320
const char *daemon_manager_options(const Daemon *d, char buffer[static MANAGER_OPTIONS_SIZE]);

/* Drops the connection with everything that is pending on it. */
void daemon_disconnect(Daemon *d);

/* A new call with strings for its first arguments. */
int daemon_message_new(Daemon *d, const char *object, const char *interface, const char *member,
                       const char *const strings[], size_t n, sd_bus_message **ret,
                       hpcnode_cgroup_error *e);

/* Whether the connection can be used. */
bool daemon_is_connected(const Daemon *d);

/* An argument that could not be appended; what the bus cannot carry (not UTF-8) is the caller's mistake. */
int daemon_append_failed(hpcnode_cgroup_error *e, const char *what, int r);

/* The time that a call which changes something may take; 0: what is usual. */
uint64_t daemon_call_timeout_usec(const Daemon *d);

/* Makes the message, which for what only `reads` is put once more when whoever was to answer went away: asking
 * twice does no harm, and the bus starts the daemon. */
typedef int (*MessageMaker)(Daemon *d, const void *userdata, sd_bus_message **ret,
                            hpcnode_cgroup_error *e);
int daemon_call(Daemon *d, MessageMaker make, const void *userdata, bool reads,
                sd_bus_message **ret_reply, hpcnode_cgroup_error *e);

/* A call that only reads, with strings (NULL-terminated; NULL: none) for its arguments. */
int daemon_query(Daemon *d, const char *object, const char *interface, const char *member,
                 const char *const arguments[], sd_bus_message **ret_reply,
                 hpcnode_cgroup_error *e);

/* *ret is owned by the caller. */
int daemon_query_property(Daemon *d, const char *object, const char *interface,
                          const char *property, char **ret, hpcnode_cgroup_error *e);

/* Whether what only reads, and failed so, is to be put once more: whoever was to answer went away, and
 * the time that a call may take, since begun_usec, is not over. */
bool daemon_may_query_again(const Daemon *d, uint64_t begun_usec, const sd_bus_error *error, int r);

/* What is left, since begun_usec, of the time that a call may take; 0: nothing. */
uint64_t daemon_time_left(const Daemon *d, uint64_t begun_usec);

/* --- node-state.c --- */

/* The properties of something that lasts for a while on the whole node: b, s and t. */
typedef struct NodeState {
        const char *lasts, *reason, *usec;
} NodeState;

/* 1 when it lasts, and then the outputs, which may be NULL; 0 when it does not. */
int daemon_node_state(Daemon *d, const NodeState *names, char **ret_reason, uint64_t *ret_usec,
                      hpcnode_cgroup_error *ret_error);

/* --- drain.c: functions of the table --- */

int daemon_drain(void *userdata, const char *reason, int kill, hpcnode_cgroup_error *ret_error);
int daemon_wait_drained(void *userdata, int cancel_fd, hpcnode_cgroup_error *ret_error);
int daemon_cancel_drain(void *userdata, hpcnode_cgroup_error *ret_error);
int daemon_draining(void *userdata, char **ret_reason, uint64_t *ret_since_usec,
                    hpcnode_cgroup_error *ret_error);

/* --- wait.c --- */

/* How long a wait bears that the daemon is out of reach, and how long until it looks again. */
typedef struct Patience {
        uint64_t deadline; /* CLOCK_MONOTONIC, µs */
        uint64_t delay;    /* before the next attempt */
} Patience;

Patience patience_new(void);
void patience_tried(Patience *p);

/* Whether a wait that failed so is to go on: not when the daemon answered, nor when it has been away for too long,
 * was never there, or cannot be reached any more. */
bool daemon_may_await(const Daemon *d, const Failure *f, const Patience *p);

/* --- async-queue.c: what the connection is to tell --- */

/* The connection has just been made. */
int async_connected(Async *a);

/* It is about to be dropped. */
void async_disconnected(Async *a);

/* --- request.c --- */

typedef enum Operation {
        OPERATION_CREATE_HIERARCHY,
        OPERATION_CREATE_SCOPE,
        OPERATION_DESTROY_SCOPE,
        OPERATION_READ_METRICS,
        OPERATION_IS_SCOPE_EMPTY,
        OPERATION_SLICE_OWNER,
        OPERATION_RUN,
        OPERATION_SPAWN,
        OPERATION_ATTACH,
        OPERATION_MOVE_TASKS,
        OPERATION_OPEN_SCOPE,
        OPERATION_SET_LIMITS,
        OPERATION_FREEZE,
        OPERATION_THAW,
        OPERATION_KILL,
        OPERATION_KILL_ALL,
        OPERATION_WAIT,
        OPERATION_REMOVE,
        OPERATION_LIST,
        OPERATION_LIST_TASKS,
        OPERATION_WHO_AM_I,
        OPERATION_DECLARE_EMERGENCY,
        OPERATION_END_EMERGENCY,
        OPERATION_DRAIN,
        OPERATION_WAIT_DRAINED,
        OPERATION_CANCEL_DRAIN,
        _OPERATION_MAX,
} Operation;

/* One call with its arguments, which are the caller's. */
typedef struct Request {
        Operation operation;
        const char *first;  /* slice, scope, path or reason */
        const char *second; /* name of the scope or of the task */
        const char *from;   /* the cgroup whose processes are moved; not sent */
        const hpcnode_cgroup_limits *limits;
        const hpcnode_cgroup_options *options;
        const char *const *argv;
        const uint32_t *pids;
        size_t n_pids;
        int signal;
        bool kill;
        uint64_t duration_usec;
} Request;

/* What it came to; all is owned. */
typedef struct Result {
        int value; /* what the function returns on success; of open_scope the descriptor, which is the caller's */
        hpcnode_cgroup_info *info;
        hpcnode_cgroup_info **list;
        hpcnode_cgroup_metrics *metrics;
        char **slices;
        char *text; /* owner, or principal */
        char *unit;
        uint32_t uid;
} Result;

void result_done(Result *r);

/* Whether asking twice does no harm. */
bool request_reads(const Request *q);

/* Checks the arguments and makes the message. */
int request_message(Daemon *d, const Request *q, sd_bus_message **ret, hpcnode_cgroup_error *e);

/* Reads the answer. Nothing is asked of the daemon for it. */
int request_read(const Request *q, sd_bus_message *reply, Result *ret, hpcnode_cgroup_error *e);

/* Puts it, and waits for the answer. */
int request_put(Daemon *d, const Request *q, Result *ret, hpcnode_cgroup_error *e);

/* wait.c: the same with what may take for ever, over restarts of daemon and bus. */
int daemon_await(Daemon *d, const Request *request, int cancel_fd, Result *ret,
                 hpcnode_cgroup_error *ret_error);

/* --- move.c --- */

/* What is being moved. */
typedef struct Move {
        int cgroup;     /* owned; -EBADF: nothing is */
        uint32_t *pids; /* owned */
        size_t n_pids;
} Move;

void move_done(Move *m);

/* Finds the processes of the cgroup `from`. */
int move_begin(const char *from, Move *ret, hpcnode_cgroup_error *e);

/* Sees, after these have been moved, whether others were born there meanwhile. */
int move_end(const Move *m, const char *from, hpcnode_cgroup_error *e);

/* --- dict.c --- */

/* Called before each value of an a{sv}: 1 when it has read the variant, 0 to have it skipped. */
typedef int (*DictReader)(sd_bus_message *m, const char *key, void *userdata);

int client_dict_read(sd_bus_message *m, DictReader reader, void *userdata);

/* 1 inside the variant, 0 when it is of another type: what a newer daemon says is skipped. */
int client_variant_enter(sd_bus_message *m, const char *signature);

/* --- limits.c, options.c, metrics.c: the dictionaries on the bus; -EINVAL and so on from sd-bus --- */

int client_limits_append(sd_bus_message *m, const Limits *limits);
int client_limits_read(sd_bus_message *m, hpcnode_cgroup_limits **ret);
int client_options_append(sd_bus_message *m, const hpcnode_cgroup_options *options);
int client_metrics_read(sd_bus_message *m, hpcnode_cgroup_metrics **ret);

/* --- inspect.c --- */

bool client_object_is_task(const char *object);

/* Fills unit (and name of a task) from an object path. -EINVAL for a path that is neither. */
int client_info_set_object(hpcnode_cgroup_info *info, const char *object);

/* Takes over what GetAll says of the object, or Get of one property. */
int client_info_read(sd_bus_message *reply, const char *property, hpcnode_cgroup_info *info);

/* The properties that GetAll leaves out, one after the other; then NULL. */
const char *client_info_apart(const hpcnode_cgroup_info *info, size_t n);

/* The answer to ListTasks. */
int client_tasks_read(sd_bus_message *reply, hpcnode_cgroup_info ***ret);

/* Reads Name and Path of the scope that `object` (a scope or a task) belongs to. */
int daemon_scope_identity(Daemon *d, const char *object, char **ret_name, char **ret_cgroup,
                          hpcnode_cgroup_error *e);

/* The functions of the table that take more than one call, see hpcnode_cgroup_ops. */
int daemon_inspect(void *userdata, const char *scope, hpcnode_cgroup_info **ret,
                   hpcnode_cgroup_error *ret_error);
int daemon_list(void *userdata, hpcnode_cgroup_info ***ret, hpcnode_cgroup_error *ret_error);
int daemon_inspect_list(void *userdata, hpcnode_cgroup_info *const list[],
                        hpcnode_cgroup_error *ret_error);
int daemon_wait(void *userdata, const char *scope, int cancel_fd, hpcnode_cgroup_info **ret,
                hpcnode_cgroup_error *ret_error);
int daemon_move_tasks(void *userdata, const char *from, const char *scope, const char *task,
                      hpcnode_cgroup_error *ret_error);
