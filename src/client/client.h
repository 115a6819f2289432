/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share, whatever fulfils the contract: the handle, what is handed out, and the errors
 * that calls end in. */
#pragma once

#include "basic/limits.h"
#include "basic/macro.h"
#include "basic/metrics.h"
#include "hpcnode/cgroup.h"
#include <stdio.h>

#define _public_ __attribute__((visibility("default")))

/* The library's enum continues the one of basic/error.h by one: 0 is "no error" here. */
#define CODE_OF_KIND(kind) ((hpcnode_cgroup_error_code) ((kind) + 1))

typedef struct Async Async;

struct hpcnode_cgroup {
        const hpcnode_cgroup_ops *ops;
        void *userdata;
        Async *async; /* NULL: not attached to an event loop */
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
int client_oom(hpcnode_cgroup_error *e);
/* Arguments that were refused, with the sentence that says why, or `otherwise` without one; or -ENOMEM. */
int client_error_refused(hpcnode_cgroup_error *e, int r, const char *reason, const char *otherwise);
int client_error_not_supported(hpcnode_cgroup_error *e, const char *operation);

/* The code that fits an errno best; IO where none does. */
hpcnode_cgroup_error_code client_error_code(int error);

/* --- connection.c --- */

uint64_t client_now_usec(void);      /* CLOCK_MONOTONIC */
uint64_t client_realtime_usec(void); /* since 1970 */

/* --- options.c --- */

/* What is set of an option: how many of a list; the text, or NULL; whether there is a number. */
size_t client_options_count(const hpcnode_cgroup_options *options, const char *name);
const char *client_options_get_text(const hpcnode_cgroup_options *options, const char *name);
bool client_options_get_number(const hpcnode_cgroup_options *options, const char *name,
                               int64_t *ret);

/* Those of a task; NULL: none. */
const Limits *client_options_get_limits(const hpcnode_cgroup_options *options);

/* " NAME=VALUE" of each that is set. */
void client_options_write(const hpcnode_cgroup_options *options, FILE *f);

/* That the call takes all options that are set. */
int client_options_check(const hpcnode_cgroup_options *options, OptionCalls call, bool here,
                         hpcnode_cgroup_error *e);

/* --- limits.c --- */

/* " NAME=VALUE" of each that is set. -ENOMEM. */
int client_limits_write(const Limits *limits, FILE *f);

/* --- info.c --- */

/* An info in which nothing is known yet. */
hpcnode_cgroup_info *client_info_new(void);

/* One that says how something has ended. */
hpcnode_cgroup_info *client_info_new_outcome(const char *state, int exit_status, int exit_signal,
                                             int oom_killed);

/* Adds one to a list of n entries. NULL: no memory. */
hpcnode_cgroup_info *client_list_add(hpcnode_cgroup_info ***list, size_t n);

/* Sets id from name, or from scope_name (NULL: the unit) and name for a task. */
int client_info_set_id(hpcnode_cgroup_info *info, const char *scope_name);

/* Sets a task's cgroup: its leaf below the payload of the scope. */
int client_info_set_task_cgroup(hpcnode_cgroup_info *info, const char *scope_cgroup);

/* --- check.c --- */

/* What is checked before anything is asked for, by every implementation. *ret_name (owned by the caller) is the
 * scope's name without ".scope", or the task's name. */
int client_check_name(const char *name, char **ret_name, hpcnode_cgroup_error *e);
int client_check_task_name(const char *task, char **ret_name, hpcnode_cgroup_error *e);
int client_check_argv(const char *const argv[], hpcnode_cgroup_error *e);

/* Either may be NULL; call is 0 for what changes a live scope. Not `here`: they are for another machine, where other
 * devices and cpus are, and where no descriptor of this process leads. */
int client_check_settings(const hpcnode_cgroup_limits *limits,
                          const hpcnode_cgroup_options *options, OptionCalls call, bool here,
                          hpcnode_cgroup_error *e);

/* Of a single task, which is still to be made or is there. */
int client_check_task_limits(const Limits *limits, bool is_new, bool here, hpcnode_cgroup_error *e);

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
DEFINE_CLEANUP(hpcnode_cgroup_logs *, hpcnode_cgroup_logs_free);
DEFINE_CLEANUP(hpcnode_cgroup_info **, hpcnode_cgroup_list_free);
DEFINE_CLEANUP(char **, hpcnode_cgroup_strings_free);
