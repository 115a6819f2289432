/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of options: each parser checks what it can before anything is sent to the daemon, and
 * says which value was wrong and what is allowed. */
#include "columns.h"
#include "top.h"

#include "basic/emergency.h"
#include "basic/fields.h"
#include "basic/line.h"
#include "basic/name.h"
#include "basic/reason.h"
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

static int refuse(char **ret_reason, const char *value, const char *allowed)
{
        char quoted[REASON_QUOTE_SIZE];

        (void) reason_set(-EINVAL, ret_reason, "%s is not allowed: needed is %s",
                          reason_quote(value, quoted), allowed);
        return CTL_USAGE;
}

static const char span_allowed[] = "a time with its unit, at least 1s: 30s, 10min, 1h30min";

/* The answer of a library setter: a value it refuses is a mistake on the command line. */
static int library_result(int r, hpcnode_cgroup_error *e, char **ret_reason)
{
        if (r < 0)
                *ret_reason = TAKE_PTR(e->message);
        hpcnode_cgroup_error_done(e);
        return r == -EINVAL ? CTL_USAGE : r < 0 ? CTL_FAILED : CTL_OK;
}

static int options_of(Arguments *a, hpcnode_cgroup_options **ret)
{
        if (!a->options)
                a->options = hpcnode_cgroup_options_new();
        *ret = a->options;
        return a->options ? CTL_OK : CTL_FAILED;
}

int parse_text(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_options *options;

        if (!*value)
                return refuse(ret_reason, value, "a text that is not empty");
        if (options_of(a, &options) != CTL_OK)
                return CTL_FAILED;
        return library_result(hpcnode_cgroup_options_set(options, o->property, value, &e), &e,
                              ret_reason);
}

int parse_run_as(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->run_as = value;
        return parse_text(a, o, value, ret_reason);
}

/* As the daemon checks what it shows to others. */
static int check_line(const char *value, char **ret_reason)
{
        int r = line_check(value, ret_reason);

        return r == -EINVAL ? CTL_USAGE : r < 0 ? CTL_FAILED : CTL_OK;
}

int parse_line(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        int r = check_line(value, ret_reason);

        return r == CTL_OK ? parse_text(a, o, value, ret_reason) : r;
}

int parse_number(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_options *options;
        char allowed[64];
        int64_t n;

        if (parse_i64(value, &n) < 0 || n < o->min || n > o->max) {
                (void) snprintf(allowed, sizeof(allowed), "a whole number from %ld to %ld", o->min,
                                o->max);
                return refuse(ret_reason, value, allowed);
        }
        if (options_of(a, &options) != CTL_OK)
                return CTL_FAILED;
        return library_result(hpcnode_cgroup_options_set_number(options, o->property, n, &e), &e,
                              ret_reason);
}

int parse_flag(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_options *options;

        if (options_of(a, &options) != CTL_OK)
                return CTL_FAILED;
        return library_result(hpcnode_cgroup_options_set_number(options, o->property, 1, &e), &e,
                              ret_reason);
}

int parse_priority(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->not_with_scope = o->name;
        return parse_number(a, o, value, ret_reason);
}

int parse_json(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        JsonMode mode = json_mode_from_string(value);

        if (mode < 0)
                return refuse(ret_reason, value, "pretty, short or off");
        a->json = mode;
        return CTL_OK;
}

int parse_follow(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->follow = true;
        return CTL_OK;
}

int parse_lines(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        uint64_t n;

        if (parse_u64(value, &n) < 0 || n > INT32_MAX)
                return refuse(ret_reason, value, "a number of lines, 0 to 2147483647");
        a->lines = (int) n;
        return CTL_OK;
}

int parse_since(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (time_parse(value, &a->since_usec) < 0)
                return refuse(ret_reason, value,
                              "a time: YYYY-MM-DD, HH:MM[:SS], both with a space between, today, "
                              "yesterday, -1h30min, or @ and seconds since 1970");
        a->has_since = true;
        return CTL_OK;
}

int parse_log_format(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (!streq(value, "short") && !streq(value, "cat"))
                return refuse(ret_reason, value, "short or cat");
        a->raw = streq(value, "cat");
        return CTL_OK;
}

int parse_reason(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        int r = check_line(value, ret_reason);

        if (r == CTL_OK)
                a->reason = value;
        return r;
}

int parse_duration(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        uint64_t usec;

        if (span_parse(value, &usec) < 0 || usec < EMERGENCY_USEC_MIN || usec > EMERGENCY_USEC_MAX)
                return refuse(ret_reason, value,
                              "a time with its unit, from 1s to 4h: 30min, 1h30min");
        a->duration_usec = usec;
        return CTL_OK;
}

int parse_timeout(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_options *options;
        uint64_t usec;

        if (span_parse(value, &usec) < 0 || usec == 0 || usec > INT64_MAX)
                return refuse(ret_reason, value, span_allowed);
        if (options_of(a, &options) != CTL_OK)
                return CTL_FAILED;
        a->timed = true;
        return library_result(
                hpcnode_cgroup_options_set_number(options, o->property, (int64_t) usec, &e), &e,
                ret_reason);
}

int parse_id(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        _cleanup_(freep) char *name = NULL;
        int r;

        r = scope_name_parse(value, &name, ret_reason);
        if (r < 0)
                return r == -EINVAL ? CTL_USAGE : CTL_FAILED;
        a->id = value;
        return CTL_OK;
}

int parse_slice(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        _cleanup_(freep) char *unit = NULL;
        int r;

        r = slice_parse(value, &unit, ret_reason);
        if (r < 0)
                return r == -EINVAL ? CTL_USAGE : CTL_FAILED;
        a->slice = value;
        a->not_with_scope = o->name;
        return CTL_OK;
}

int parse_scope(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (!*value)
                return refuse(ret_reason, value, "the name, unit or cgroup path of a live scope");
        a->scope = value;
        return CTL_OK;
}

int parse_wait(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->wait = true;
        return CTL_OK;
}

int parse_pipe(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->pipe = true;
        return CTL_OK;
}

int parse_pty(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->pty = true;
        return CTL_OK;
}

int parse_quiet(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->quiet = true;
        return CTL_OK;
}

int parse_no_legend(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->no_legend = true;
        return CTL_OK;
}

int parse_no_tasks(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->no_tasks = true;
        return CTL_OK;
}

int parse_all(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->all = true;
        return CTL_OK;
}

int parse_columns(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        Columns columns;
        int r = 0;

        if (!streq(value, "help"))
                r = columns_parse(value, &columns, ret_reason);
        if (r < 0)
                return r == -EINVAL ? CTL_USAGE : CTL_FAILED;
        a->columns = value;
        return CTL_OK;
}

int parse_batch(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->batch = true;
        return CTL_OK;
}

int parse_delay(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (delay_parse(value, &a->delay_usec) < 0)
                return refuse(ret_reason, value, DELAY_ALLOWED);
        return CTL_OK;
}

int parse_iterations(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        uint64_t n;

        if (parse_u64(value, &n) < 0 || n == 0 || n > INT32_MAX)
                return refuse(ret_reason, value, "a number from 1 on");
        a->iterations = (int) n;
        return CTL_OK;
}

int parse_sort(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (top_sort_from_string(value) < 0)
                return refuse(ret_reason, value, "cpu, memory, io, pressure, name or tasks");
        a->sort = value;
        return CTL_OK;
}

int parse_no_pager(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->no_pager = true;
        return CTL_OK;
}

/* A path as the caller sees it: relative to the directory of this process, not of the job. Of another machine no such
 * one can be meant. */
static int absolute_path(const Arguments *a, const char *path, char **ret, char **ret_reason)
{
        _cleanup_(freep) char *here = NULL;

        if (*path == '/') {
                *ret = strdup(path);
                return *ret ? CTL_OK : CTL_FAILED;
        }
        if (place_is_elsewhere(&a->place))
                return refuse(ret_reason, path, "an absolute path, with --host or --machine");
        here = getcwd(NULL, 0);
        if (!here) {
                (void) reason_set(-errno, ret_reason, "the current directory cannot be found: %s",
                                  strerror(errno));
                return CTL_FAILED;
        }
        if (asprintf(ret, "%s/%s", streq(here, "/") ? "" : here, path) < 0) {
                *ret = NULL;
                return CTL_FAILED;
        }
        return CTL_OK;
}

int parse_cwd(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (!*value)
                return refuse(ret_reason, value, "a directory");
        free(a->cwd);
        a->cwd = NULL;
        return absolute_path(a, value, &a->cwd, ret_reason);
}

int parse_path(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        _cleanup_(freep) char *absolute = NULL;
        int r;

        if (!*value)
                return refuse(ret_reason, value, "a path");
        r = absolute_path(a, value, &absolute, ret_reason);
        return r == CTL_OK ? parse_text(a, o, absolute, ret_reason) : r;
}

/* What programs want to know of their terminal; as systemd-run passes it. */
static const char *const terminal_variables[] = { "TERM", "COLORTERM", "NO_COLOR" };

static void note_terminal_variable(Arguments *a, const char *name, size_t n)
{
        for (unsigned i = 0; i < ELEMENTSOF(terminal_variables); i++)
                if (strlen(terminal_variables[i]) == n &&
                    strncmp(terminal_variables[i], name, n) == 0)
                        a->terminal_variables |= 1U << i;
}

int pass_terminal_variables(Arguments *a, hpcnode_cgroup_error *e)
{
        for (unsigned i = 0; i < ELEMENTSOF(terminal_variables); i++) {
                const char *value = getenv(terminal_variables[i]);
                _cleanup_(freep) char *pair = NULL;
                int r;

                if (!value || a->terminal_variables & 1U << i)
                        continue;
                if (asprintf(&pair, "%s=%s", terminal_variables[i], value) < 0) {
                        pair = NULL;
                        return out_of_memory();
                }
                r = hpcnode_cgroup_options_set(a->options, "Environment", pair, e);
                if (r < 0)
                        return fail(e);
        }
        return CTL_OK;
}

/* The length of a variable's name at the start of s; 0 when there is none. */
static size_t variable_name_length(const char *s)
{
        size_t n = 0;

        if (isdigit((unsigned char) *s))
                return 0;
        while (isalnum((unsigned char) s[n]) || s[n] == '_')
                n++;
        return n;
}

int parse_env(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        size_t n = variable_name_length(value);
        _cleanup_(freep) char *pair = NULL;
        const char *here;

        if (n == 0 || (value[n] != '=' && value[n] != '\0'))
                return refuse(
                        ret_reason, value,
                        "NAME=VALUE, or NAME for the caller's value; NAME is made of letters, "
                        "digits and _");
        note_terminal_variable(a, value, n);
        here = value[n] == '=' ? value + n + 1 : getenv(value);
        if (!here)
                return refuse(ret_reason, value,
                              "NAME=VALUE, since it is not set where hpcnode-ctl runs");
        /* On a command line most likely a mistake; an agent, which hands on what a user has set, may. */
        if (strchr(here, '\n'))
                return refuse(ret_reason, value, "NAME=VALUE with a value of one line");
        if (value[n] == '=')
                return parse_text(a, o, value, ret_reason);
        if (asprintf(&pair, "%s=%s", value, here) < 0) {
                pair = NULL;
                return CTL_FAILED;
        }
        return parse_text(a, o, pair, ret_reason);
}

int parse_service(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        const char *const argv[] = { "/bin/sh", "-c", value, NULL };
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_options *options;

        if (!*value)
                return refuse(ret_reason, value, "a command");
        a->not_with_scope = o->name;
        if (options_of(a, &options) != CTL_OK)
                return CTL_FAILED;
        return library_result(hpcnode_cgroup_options_add_service(options, argv, &e), &e,
                              ret_reason);
}

int parse_log(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        const char *path = startswith(value, "file:");
        _cleanup_(freep) char *absolute = NULL, *log = NULL;
        int r;

        if (path ? !*path : !streq(value, "journal") && !streq(value, "null"))
                return refuse(ret_reason, value, "journal, null or file:PATH");
        a->not_with_pipe = o->name;
        if (!path)
                return parse_text(a, o, value, ret_reason);

        r = absolute_path(a, path, &absolute, ret_reason);
        if (r != CTL_OK)
                return r;
        if (asprintf(&log, "file:%s", absolute) < 0) {
                log = NULL;
                return CTL_FAILED;
        }
        return parse_text(a, o, log, ret_reason);
}

/* "RTMIN", "RTMIN+3", "RTMAX-1"; -1 for anything else. */
static int realtime_from_string(const char *name)
{
        bool from_max = strncasecmp(name, "RTMAX", 5) == 0;
        int64_t n = 0;

        if (!from_max && strncasecmp(name, "RTMIN", 5) != 0)
                return -1;
        name += 5;
        if (*name && (*name != (from_max ? '-' : '+') || !isdigit((unsigned char) name[1]) ||
                      parse_i64(name + 1, &n) < 0 || n > SIGRTMAX - SIGRTMIN))
                return -1;
        return from_max ? SIGRTMAX - (int) n : SIGRTMIN + (int) n;
}

int signal_from_string(const char *s)
{
        /* Second names, of which the C library knows the first. */
        static const struct {
                const char *name;
                int signal;
        } aliases[] = { { "IO", SIGIO }, { "IOT", SIGIOT }, { "CLD", SIGCHLD } };
        const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
        int64_t n;

        for (size_t i = 0; i < ELEMENTSOF(aliases); i++)
                if (strcasecmp(aliases[i].name, name) == 0)
                        return aliases[i].signal;
        if (parse_i64(s, &n) >= 0)
                return n >= 1 && n <= SIGRTMAX ? (int) n : -1;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *abbreviation = sigabbrev_np(i);

                if (abbreviation && strcasecmp(abbreviation, name) == 0)
                        return i;
        }
        return realtime_from_string(name);
}

int parse_kill(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->kill = true;
        return CTL_OK;
}

int parse_cancel(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->cancel = true;
        return CTL_OK;
}

int parse_status(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->status = true;
        return CTL_OK;
}

int parse_no_wait(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        a->no_wait = true;
        return CTL_OK;
}

int parse_wait_time(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        uint64_t usec;

        if (span_parse(value, &usec) < 0 || usec == 0)
                return refuse(ret_reason, value, span_allowed);
        a->wait_usec = usec;
        return CTL_OK;
}

int parse_signal(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        int n = signal_from_string(value);

        if (n < 0)
                return refuse(ret_reason, value, SIGNAL_ALLOWED);
        a->signal = n;
        return CTL_OK;
}
