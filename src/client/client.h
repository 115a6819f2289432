/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share: the handle, calls over the bus, and the errors they end in. */
#pragma once

#include "basic/limits.h"
#include "basic/macro.h"
#include "basic/metrics.h"
#include "hpcnode/cgroup.h"
#include <systemd/sd-bus.h>

#define _public_ __attribute__((visibility("default")))

#define BUS_NAME         "org.hpcnode.Cgroup1"
#define MANAGER_PATH     "/org/hpcnode/Cgroup1"
#define MANAGER_IFACE    "org.hpcnode.Cgroup1"
#define SCOPE_PREFIX     "/org/hpcnode/Cgroup1/scope"
#define TASK_TEMPLATE    "/org/hpcnode/Cgroup1/scope/%/task/%"
#define SCOPE_IFACE      "org.hpcnode.Cgroup1.Scope"
#define TASK_IFACE       "org.hpcnode.Cgroup1.Task"
#define PROPERTIES_IFACE "org.freedesktop.DBus.Properties"

/* The library's enum continues the one of basic/error.h by one: 0 is "no error" here. */
#define CODE_OF_KIND(kind) ((hpcnode_cgroup_error_code) ((kind) + 1))

struct hpcnode_cgroup {
        sd_bus *bus;  /* NULL: to be opened by the next call */
        bool user;    /* on the session bus */
        bool reached; /* the daemon has answered on this handle */
};

struct hpcnode_cgroup_limits {
        Limits limits;
};

struct hpcnode_cgroup_metrics {
        Metrics metrics;
};

/* The calls that take options, as a set. */
typedef enum OptionCalls {
        OPTION_CREATE = 1 << 0,
        OPTION_RUN = 1 << 1,
        OPTION_SPAWN = 1 << 2,
} OptionCalls;

/* --- error.c --- */

/* Each fills *e (which may be NULL) and returns the negative errno of the code. */
int client_error(hpcnode_cgroup_error *e, hpcnode_cgroup_error_code code, const char *format, ...)
        _printf_(3, 4);
/* What the bus said of a call; c may be NULL where none was put. */
int client_error_bus(const hpcnode_cgroup *c, hpcnode_cgroup_error *e, const sd_bus_error *error,
                     int r);
int client_error_reply(hpcnode_cgroup_error *e, int r); /* an answer that cannot be read */
int client_oom(hpcnode_cgroup_error *e);

/* True for the errors after which the same question may be put again: the daemon or the bus went
 * away. */
bool client_error_is_transport(const sd_bus_error *error, int r);

/* True when whoever was to answer, daemon or bus, went away before it did. */
bool client_error_is_away(const sd_bus_error *error, int r);

/* True for the errors that the daemon itself has sent. */
bool client_error_is_answer(const sd_bus_error *error);

/* --- connection.c --- */

uint64_t client_now_usec(void); /* CLOCK_MONOTONIC */

int client_connect(hpcnode_cgroup *c, hpcnode_cgroup_error *e);

/* Drops the connection with everything that is pending on it. */
void client_disconnect(hpcnode_cgroup *c);

/* A new call of the manager's method. */
int client_method(hpcnode_cgroup *c, const char *method, sd_bus_message **ret,
                  hpcnode_cgroup_error *e);

/* ret_reply may be NULL. */
int client_call(hpcnode_cgroup *c, sd_bus_message *m, sd_bus_message **ret_reply,
                hpcnode_cgroup_error *e);

/* A method of the manager that takes one string. */
int client_call_string(hpcnode_cgroup *c, const char *method, const char *argument,
                       sd_bus_message **ret_reply, hpcnode_cgroup_error *e);

/* A call that only reads, with strings (NULL-terminated; NULL: none) for its arguments. It is put once
 * more when whoever was to answer went away: asking twice does no harm, and the bus starts the daemon. */
int client_query(hpcnode_cgroup *c, const char *object, const char *interface, const char *member,
                 const char *const arguments[], sd_bus_message **ret_reply,
                 hpcnode_cgroup_error *e);

/* One of the manager's methods that takes one string and only reads. */
int client_query_string(hpcnode_cgroup *c, const char *method, const char *argument,
                        sd_bus_message **ret_reply, hpcnode_cgroup_error *e);

/* *ret is owned by the caller. */
int client_query_property(hpcnode_cgroup *c, const char *object, const char *interface,
                          const char *property, char **ret, hpcnode_cgroup_error *e);

/* Whether what only reads, and failed so, is to be put once more: whoever was to answer went away, and
 * the time that a call may take, since begun_usec, is not over. */
bool client_may_query_again(hpcnode_cgroup *c, uint64_t begun_usec, const sd_bus_error *error,
                            int r);

/* Appends one argument; a string the bus cannot carry (not UTF-8) is the caller's mistake. */
int client_append_string(sd_bus_message *m, const char *s, hpcnode_cgroup_error *e);
int client_append_strv(sd_bus_message *m, const char *const strings[], hpcnode_cgroup_error *e);

/* Appends one a{sv} with both in it; either may be NULL. */
int client_append_dict(sd_bus_message *m, const hpcnode_cgroup_limits *limits,
                       const hpcnode_cgroup_options *options, OptionCalls call,
                       hpcnode_cgroup_error *e);

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
int client_options_check(const hpcnode_cgroup_options *options, OptionCalls call,
                         hpcnode_cgroup_error *e);
int client_metrics_read(sd_bus_message *m, hpcnode_cgroup_metrics **ret);

/* --- info.c --- */

/* An info in which nothing is known yet. */
hpcnode_cgroup_info *client_info_new(void);

/* Fills unit (and name of a task) from an object path. -EINVAL for a path that is neither. */
int client_info_set_object(hpcnode_cgroup_info *info, const char *object);

/* Sets id from name, or from scope_name (NULL: the unit) and name for a task. */
int client_info_set_id(hpcnode_cgroup_info *info, const char *scope_name);

/* Sets a task's cgroup: its leaf below the payload of the scope. */
int client_info_set_task_cgroup(hpcnode_cgroup_info *info, const char *scope_cgroup);

/* Reads Name and Path of the scope that `object` (a scope or a task) belongs to. */
int client_scope_identity(hpcnode_cgroup *c, const char *object, char **ret_name, char **ret_cgroup,
                          hpcnode_cgroup_error *e);

/* --- scope.c --- */

/* The scope's name without ".scope", checked before anything is sent. */
int client_check_name(const char *name, char **ret_name, hpcnode_cgroup_error *e);

/* The answer of CreateScope, and the beginning of Run's: object and cgroup. */
int client_read_created(sd_bus_message *reply, const char *name, hpcnode_cgroup_info **ret,
                        hpcnode_cgroup_error *e);

/* --- target.c --- */

/* A scope, or a task of it. */
typedef struct ClientTarget {
        char *scope; /* owned; the path of its cgroup when it starts with '/', else name or unit */
        char *task;  /* owned; NULL: the whole scope */
} ClientTarget;

void client_target_done(ClientTarget *t);

/* Takes apart what calls accept as `scope`, as the daemon would. It need not exist. */
int client_target_parse(const char *text, ClientTarget *ret, hpcnode_cgroup_error *e);

DEFINE_CLEANUP(hpcnode_cgroup *, hpcnode_cgroup_free);
DEFINE_CLEANUP(hpcnode_cgroup_limits *, hpcnode_cgroup_limits_free);
DEFINE_CLEANUP(hpcnode_cgroup_options *, hpcnode_cgroup_options_free);
DEFINE_CLEANUP(hpcnode_cgroup_metrics *, hpcnode_cgroup_metrics_free);
DEFINE_CLEANUP(hpcnode_cgroup_info *, hpcnode_cgroup_info_free);
DEFINE_CLEANUP(hpcnode_cgroup_events *, hpcnode_cgroup_events_free);
DEFINE_CLEANUP(hpcnode_cgroup_info **, hpcnode_cgroup_list_free);
DEFINE_CLEANUP(char **, hpcnode_cgroup_strings_free);
