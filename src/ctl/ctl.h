/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpcnode-ctl: what its verbs share, that is, arguments, options, and how they answer. */
#pragma once

#include "basic/macro.h"
#include "output.h"
#include <hpcnode/cgroup.h>

/* Exit statuses. `run` with --wait, --pipe or --pty ends with the job's own. */
enum {
        CTL_MAY_RUN = -1, /* none: there is nothing in the verb's way */
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_NOT_EMPTY = 3,    /* empty --quiet */
        CTL_NO_EMERGENCY = 3, /* emergency status */
        CTL_NOT_DRAINED = 3,  /* drain --timeout, --status */
};

#define DEFAULT_SLICE "workload.slice"

/* The daemon that is asked. */
typedef struct Place {
        bool user;           /* that of a user's own service manager */
        const char *host;    /* NULL: this one */
        const char *machine; /* a container, or ".host"; NULL: none */
} Place;

/* What the command line said. A verb sees only what its own options and operands can set. */
typedef struct Arguments {
        JsonMode json;
        Place place;
        const char *id;
        const char *slice;
        const char *scope;
        const char *run_as;
        hpcnode_cgroup_limits *limits;   /* owned; NULL: no limit was given */
        hpcnode_cgroup_options *options; /* owned; NULL: no option was given */
        char *cwd;                       /* owned, absolute */
        const char *reason;
        uint64_t duration_usec; /* 0: not given */
        int signal;
        int lines;           /* -1: not given */
        uint64_t since_usec; /* since 1970 */
        const char *columns; /* as given; NULL: the usual ones */
        bool has_since;
        bool follow;
        bool raw; /* logs -o cat */
        bool wait;
        bool timed; /* a timeout was given */
        bool all;
        bool kill;
        bool cancel;
        bool status;
        bool no_wait;
        uint64_t wait_usec; /* 0: not given */
        bool pipe;
        bool pty;
        bool quiet;
        bool no_legend;
        bool no_tasks;
        bool batch;
        int iterations;      /* 0: not given */
        uint64_t delay_usec; /* 0: not given */
        const char *sort;    /* NULL: not given */
        bool no_pager;
        const char *not_with_scope;  /* the first option given that `run --scope` does not take */
        const char *not_with_pipe;   /* nor with --pty */
        unsigned terminal_variables; /* those that --env has given: a set of bits */
        const char *not_with_numa;   /* the last option given that names cpus or memory nodes */
        const char *empty;           /* an option given that has no value, which only `set` takes */
        bool numa;                   /* and whether they were given by NUMA node */
        char **operands;             /* what is left of argv; NULL-terminated */
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
        bool first;           /* what other options mean depends on it */
        bool bare;            /* may stand without its value, which the parser then gets as NULL */
};

typedef struct Verb {
        const char *name;
        const char *operands;           /* for the usage line; "" for none */
        int min_operands, max_operands; /* max -1: any number, and options end at the first */
        const char *help;
        const Option *options; /* ends with a NULL name; may be NULL */
        bool limits;           /* takes the options of the limit table, too */
        int (*run)(hpcnode_cgroup *c, Arguments *a);

        /* What the tables cannot say. CTL_MAY_RUN, or the exit status: what is wrong was said, or what was asked for
         * and is known without the daemon. May be NULL. */
        int (*check)(const Arguments *a);

        bool journal; /* reads the journal, which is this machine's */
        bool alone;   /* asks neither daemon nor bus: c is NULL */
        bool follows; /* both are so with --follow */
        bool changes; /* so that polkit may want a password of an ordinary user */
} Verb;

extern const Verb verb_table[];

/* --- options.c --- */

/* Parses argv[1..] of a verb. CTL_MAY_RUN, or the exit status: help was shown, or the usage was
 * wrong and that was said. */
int options_parse(const Verb *verb, int argc, char **argv, Arguments *ret);
void arguments_done(Arguments *a);

/* --- option-values.c: parsers --- */

int parse_json(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_follow(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_lines(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_since(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_log_format(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_id(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_slice(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_scope(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_wait(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_pipe(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_pty(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_quiet(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_no_legend(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_no_tasks(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_all(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_columns(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_batch(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_delay(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_iterations(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_sort(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_no_pager(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_reason(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_timeout(Arguments *a, const Option *o, const char *value,
                  char **ret_reason); /* an option */
int parse_duration(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_cwd(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_path(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */
int parse_env(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_service(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_log(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_signal(Arguments *a, const Option *o, const char *value, char **ret_reason);

/* "TERM", "SIGTERM", "15", "RTMIN+3"; -1 for anything else. */
#define SIGNAL_ALLOWED "the name or number of a signal: TERM, SIGTERM, RTMIN+1, 1 to 64"
int signal_from_string(const char *s);

int parse_kill(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_cancel(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_status(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_no_wait(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_wait_time(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_text(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */
int parse_run_as(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_line(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */
int parse_number(Arguments *a, const Option *o, const char *value,
                 char **ret_reason); /* an option */
int parse_priority(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_flag(Arguments *a, const Option *o, const char *value, char **ret_reason); /* an option */

/* Those of the caller's variables that describe the terminal, as far as --env has not given them. */
int pass_terminal_variables(Arguments *a, hpcnode_cgroup_error *ret_error);

/* --- place.c --- */

int parse_host(Arguments *a, const Option *o, const char *value, char **ret_reason);
int parse_machine(Arguments *a, const Option *o, const char *value, char **ret_reason);

/* Whether the daemon is on another machine, or in a container: what is here says nothing then. */
bool place_is_elsewhere(const Place *p);

/* Refuses what cannot be asked there: CTL_MAY_RUN, or CTL_USAGE after saying so. */
int place_check(const Verb *verb, const Arguments *a);

int place_open(const Place *p, hpcnode_cgroup **ret, hpcnode_cgroup_error *e);

/* --- option-time.c --- */

/* "2026-11-22 06:27:45" or a part of it, "today", "yesterday", "-1h30min", "@1795329812.126": in
 * microseconds since 1970, or -EINVAL, -ERANGE. */
int time_parse(const char *s, uint64_t *ret);

/* "1h30min": one or more numbers with a unit each. */
int span_parse(const char *s, uint64_t *ret);

/* The time between two looks of `top`: "0.5", in seconds; or -EINVAL. */
#define DELAY_ALLOWED  "a number of seconds from 0.1 to 86400"
#define DELAY_USEC_MIN (100 * USEC_PER_MSEC)
#define DELAY_USEC_MAX (86400 * USEC_PER_SEC)
int delay_parse(const char *s, uint64_t *ret);

/* --- limit-options.c --- */

/* The options that the limit table gives, ending with a NULL name; made once. NULL: no memory. */
const Option *limit_options(void);

/* Checks relations between the limits that were given; says so and returns CTL_USAGE, or 0. */
int limits_given_check(const Verb *verb, const Arguments *a);

/* --- agent.c --- */

/* On the terminal, for as long as polkit may have a question. Without pkttyagent there is none. */
void agent_open(void);
void agent_close(void);

/* --- pager.c --- */

/* Where standard output leads to, a pager included. */
bool output_is_terminal(void);
bool output_has_colors(void);

/* From here on standard output goes through a pager, if it is a terminal and the user has not forbidden it. What may
 * be long calls it right before it prints. hpcnode-ctl closes the pager, and waits for its end, after the verb. */
void pager_open(bool no_pager);
void pager_close(void);

/* After a failed write: whether that was because the user has left the pager. */
bool pager_was_left(void);

/* --- await.c --- */

/* What is waited for and killed: unlike its name, the unit is this job's alone. Owned by the caller; NULL: no memory. */
char *target_of(const hpcnode_cgroup_info *info);

/* A process of ours that waits for the end of a scope or task. */
typedef struct Awaiting {
        int fd; /* readable, at its end, when that is over */
        pid_t pid;
} Awaiting;

#define AWAITING_NONE ((Awaiting){ .fd = -EBADF })

/* 0, or a negative errno. */
int awaiting_start(const char *target, const Place *place, Awaiting *ret);

/* Once fd is readable: CTL_OK, or CTL_FAILED when it is not known whether that is over, which was said. */
int awaiting_result(Awaiting *w);

/* Ends it if need be. */
void awaiting_done(Awaiting *w);

/* --- log-file.c --- */

/* Prints the log file of a job, and with --follow what comes until `w` says that it is over. CTL_OK, or the exit
 * status after saying what is wrong. */
int log_file_print(const char *path, const Arguments *a, Awaiting *w);

/* --- verb-events.c --- */

/* Prints one record. 0, or the exit status when nothing can be printed. */
typedef int (*EventPrinter)(const hpcnode_cgroup_events *events, const Arguments *a);

/* As a line, or as JSON. */
int event_print(const hpcnode_cgroup_events *events, const Arguments *a);

/* The records that the options ask for, of one scope or (NULL) of all. The exit status. */
int events_print(const char *scope, const Arguments *a, EventPrinter print);

/* --- the verbs --- */

int verb_run(hpcnode_cgroup *c, Arguments *a);
int verb_attach(hpcnode_cgroup *c, Arguments *a);
int verb_create(hpcnode_cgroup *c, Arguments *a);
int verb_destroy(hpcnode_cgroup *c, Arguments *a);
int verb_metrics(hpcnode_cgroup *c, Arguments *a);
int verb_empty(hpcnode_cgroup *c, Arguments *a);
int verb_owner(hpcnode_cgroup *c, Arguments *a);
int verb_hierarchy(hpcnode_cgroup *c, Arguments *a);
int verb_list(hpcnode_cgroup *c, Arguments *a);
int verb_tree(hpcnode_cgroup *c, Arguments *a);
int verb_top(hpcnode_cgroup *c, Arguments *a);
int verb_stats(hpcnode_cgroup *c, Arguments *a);
int verb_pressure(hpcnode_cgroup *c, Arguments *a);
int verb_inspect(hpcnode_cgroup *c, Arguments *a);
int verb_wait(hpcnode_cgroup *c, Arguments *a);
int verb_kill(hpcnode_cgroup *c, Arguments *a);
int verb_freeze(hpcnode_cgroup *c, Arguments *a);
int verb_thaw(hpcnode_cgroup *c, Arguments *a);
int verb_set(hpcnode_cgroup *c, Arguments *a);
int verb_remove(hpcnode_cgroup *c, Arguments *a);
int verb_logs(hpcnode_cgroup *c, Arguments *a);
int verb_drain(hpcnode_cgroup *c, Arguments *a);
int verb_emergency(hpcnode_cgroup *c, Arguments *a);
int verb_events(hpcnode_cgroup *c, Arguments *a);
int verb_ping(hpcnode_cgroup *c, Arguments *a);
int verb_whoami(hpcnode_cgroup *c, Arguments *a);

int check_run(const Arguments *a);
int check_attach(const Arguments *a);
int check_list(const Arguments *a);
int check_create(const Arguments *a);
int check_path(const Arguments *a);
int check_set(const Arguments *a);
int check_pressure(const Arguments *a);
int check_drain(const Arguments *a);
int check_emergency(const Arguments *a);
int check_events(const Arguments *a);

/* "PREFIX-" and eight random digits. Returns buffer. */
#define MADE_UP_NAME_SIZE 32
const char *make_up_name(const char *prefix, char buffer[static MADE_UP_NAME_SIZE]);

/* id, unit, pid and cgroup of what was made, or with --quiet the id alone. Returns the exit status. */
int print_started(const Arguments *a, const hpcnode_cgroup_info *info);

/* Prints "error: SENTENCE" on stderr; returns CTL_FAILED. */
int fail(const hpcnode_cgroup_error *e);

/* The same where nothing but memory was wanting. */
int out_of_memory(void);

/* Prints "error: ..." on stderr; returns CTL_USAGE. */
int usage_error(const char *format, ...) _printf_(1, 2);

DEFINE_CLEANUP(hpcnode_cgroup *, hpcnode_cgroup_free);
DEFINE_CLEANUP(hpcnode_cgroup_info *, hpcnode_cgroup_info_free);
DEFINE_CLEANUP(hpcnode_cgroup_info **, hpcnode_cgroup_list_free);
DEFINE_CLEANUP(hpcnode_cgroup_metrics *, hpcnode_cgroup_metrics_free);
DEFINE_CLEANUP(char **, hpcnode_cgroup_strings_free);
