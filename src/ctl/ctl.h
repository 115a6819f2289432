/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpcnode-ctl: what its verbs share, that is, arguments, options, and how they answer. */
#pragma once

#include "basic/macro.h"
#include "output.h"
#include <hpcnode/cgroup.h>

/* Exit statuses. `run --wait` and `run --pipe` end with the job's own. */
enum {
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_NOT_EMPTY = 3, /* empty --quiet */
};

#define DEFAULT_SLICE "workload.slice"

/* What the command line said. A verb sees only what its own options and operands can set. */
typedef struct Arguments {
        JsonMode json;
        const char *id;
        const char *slice;
        const char *scope;
        hpcnode_cgroup_limits *limits;   /* owned; NULL: no limit was given */
        hpcnode_cgroup_options *options; /* owned; NULL: no option was given */
        char *cwd;                       /* owned, absolute */
        int signal;
        int lines;           /* -1: not given */
        uint64_t since_usec; /* since 1970 */
        bool has_since;
        bool follow;
        bool user;
        bool wait;
        bool pipe;
        bool quiet;
        bool no_legend;
        const char *not_with_scope; /* the first option given that `run --scope` does not take */
        const char *not_with_pipe;
        char **operands; /* what is left of argv; NULL-terminated */
        int n_operands;
} Arguments;

/* A parser leaves a sentence in *ret_reason (owned by the caller) and returns CTL_USAGE for a value
 * that is not allowed, CTL_FAILED when something else went wrong. */
typedef struct Option Option;
typedef int (*OptionParser)(Arguments *a, const Option *o, const char *value, char **ret_reason);

struct Option {
        const char *name;     /* long option without "--" */
        const char *argument; /* metavariable; NULL: takes none */
        const char *help;
        OptionParser parse;
        const char *property; /* of the library's limits or options */
        long min, max;        /* of a number */
        char letter;          /* of a short option; 0: none */
};

typedef struct Verb {
        const char *name;
        const char *operands;           /* for the usage line; "" for none */
        int min_operands, max_operands; /* max -1: any number, and options end at the first */
        const char *help;
        const Option *options; /* ends with a NULL name; may be NULL */
        bool limits;           /* takes the options of the limit table, too */
        int (*run)(hpcnode_cgroup *c, Arguments *a);

        /* What the tables cannot say: CTL_OK, or CTL_USAGE after saying what is wrong. May be NULL. */
        int (*check)(const Arguments *a);

        bool alone; /* asks neither daemon nor bus: c is NULL */
} Verb;

extern const Verb verb_table[];

/* --- options.c --- */

/* Parses argv[1..] of a verb. -1 when it may run, else the exit status: help was shown, or the
 * usage was wrong and that was said. */
int options_parse(const Verb *verb, int argc, char **argv, Arguments *ret);
void arguments_done(Arguments *a);

/* --- option-values.c: parsers --- */

int parse_json(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_follow(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_lines(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_since(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_id(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_slice(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_scope(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_wait(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_pipe(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_quiet(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_no_legend(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_cwd(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_env(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_log(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_signal(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_text(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */
int parse_line(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */
int parse_number(Arguments *a, const Option *o, const char *value,
                 char **ret_reason); /* an option */
int parse_priority(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_flag(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */

/* --- option-time.c --- */

/* "2026-11-22 06:27:45" or a part of it, "today", "yesterday", "-1h30min", "@1795329812.126": in
 * microseconds since 1970, or -EINVAL, -ERANGE. */
int time_parse(const char *s, uint64_t *ret);

/* --- limit-options.c --- */

/* The options that the limit table gives, ending with a NULL name; made once. NULL: no memory. */
const Option *limit_options(void);

/* Checks relations between the limits that were given; says so and returns CTL_USAGE, or 0. */
int limits_given_check(const Arguments *a);

/* --- the verbs --- */

int verb_run(hpcnode_cgroup *c, Arguments *a);
int verb_create(hpcnode_cgroup *c, Arguments *a);
int verb_destroy(hpcnode_cgroup *c, Arguments *a);
int verb_metrics(hpcnode_cgroup *c, Arguments *a);
int verb_empty(hpcnode_cgroup *c, Arguments *a);
int verb_owner(hpcnode_cgroup *c, Arguments *a);
int verb_hierarchy(hpcnode_cgroup *c, Arguments *a);
int verb_list(hpcnode_cgroup *c, Arguments *a);
int verb_inspect(hpcnode_cgroup *c, Arguments *a);
int verb_wait(hpcnode_cgroup *c, Arguments *a);
int verb_kill(hpcnode_cgroup *c, Arguments *a);
int verb_freeze(hpcnode_cgroup *c, Arguments *a);
int verb_thaw(hpcnode_cgroup *c, Arguments *a);
int verb_set(hpcnode_cgroup *c, Arguments *a);
int verb_remove(hpcnode_cgroup *c, Arguments *a);
int verb_events(hpcnode_cgroup *c, Arguments *a);
int verb_ping(hpcnode_cgroup *c, Arguments *a);

int check_run(const Arguments *a);
int check_create(const Arguments *a);
int check_path(const Arguments *a);
int check_set(const Arguments *a);
int check_events(const Arguments *a);

/* Prints "error: SENTENCE" on stderr; returns CTL_FAILED. */
int fail(const hpcnode_cgroup_error *e);

/* Prints "error: ..." on stderr; returns CTL_USAGE. */
int usage_error(const char *format, ...) _printf_(1, 2);

DEFINE_CLEANUP(hpcnode_cgroup *, hpcnode_cgroup_free);
DEFINE_CLEANUP(hpcnode_cgroup_info *, hpcnode_cgroup_info_free);
DEFINE_CLEANUP(hpcnode_cgroup_info **, hpcnode_cgroup_list_free);
DEFINE_CLEANUP(hpcnode_cgroup_metrics *, hpcnode_cgroup_metrics_free);
DEFINE_CLEANUP(char **, hpcnode_cgroup_strings_free);
