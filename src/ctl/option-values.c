/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of options: each parser checks what it can before anything is sent to the daemon, and
 * says which value was wrong and what is allowed. */
#include "ctl.h"

#include "basic/fields.h"
#include "basic/name.h"
#include "basic/reason.h"
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

/* As the daemon has it: a line of systemctl status. */
#define DESCRIPTION_MAX 255

static int refuse(char **ret_reason, const char *value, const char *allowed)
{
        char quoted[REASON_QUOTE_SIZE];

        (void) reason_set(-EINVAL, ret_reason, "%s is not allowed: needed is %s",
                          reason_quote(value, quoted), allowed);
        return CTL_USAGE;
}

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

int parse_line(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        if (strlen(value) > DESCRIPTION_MAX || strpbrk(value, "\r\n"))
                return refuse(ret_reason, value, "one line of at most 255 bytes");
        return parse_text(a, o, value, ret_reason);
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
                return refuse(ret_reason, value, "a number of lines");
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

/* A path as the caller sees it: relative to the directory of this process, not of the job. */
static int absolute_path(const char *path, char **ret)
{
        _cleanup_(freep) char *here = NULL;
        char *absolute;

        if (*path == '/')
                absolute = strdup(path);
        else {
                here = getcwd(NULL, 0);
                if (!here)
                        return -errno;
                if (asprintf(&absolute, "%s/%s", streq(here, "/") ? "" : here, path) < 0)
                        absolute = NULL;
        }
        if (!absolute)
                return -ENOMEM;
        *ret = absolute;
        return 0;
}

static int no_current_directory(char **ret_reason, int error)
{
        (void) reason_set(error, ret_reason, "the current directory cannot be found: %s",
                          strerror(-error));
        return CTL_FAILED;
}

int parse_cwd(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        int r;

        if (!*value)
                return refuse(ret_reason, value, "a directory");
        free(a->cwd);
        a->cwd = NULL;
        r = absolute_path(value, &a->cwd);
        return r < 0 ? no_current_directory(ret_reason, r) : CTL_OK;
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
        if (value[n] == '=')
                return parse_text(a, o, value, ret_reason);

        here = getenv(value);
        if (!here)
                return refuse(ret_reason, value,
                              "NAME=VALUE, since it is not set where hpcnode-ctl runs");
        if (asprintf(&pair, "%s=%s", value, here) < 0) {
                pair = NULL;
                return CTL_FAILED;
        }
        return parse_text(a, o, pair, ret_reason);
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

        r = absolute_path(path, &absolute);
        if (r < 0)
                return no_current_directory(ret_reason, r);
        if (asprintf(&log, "file:%s", absolute) < 0) {
                log = NULL;
                return CTL_FAILED;
        }
        return parse_text(a, o, log, ret_reason);
}

/* "TERM", "SIGTERM", "15", "RTMIN+3"; -1 for anything else. */
static int signal_from_string(const char *s)
{
        const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
        int64_t n;

        if (parse_i64(s, &n) >= 0)
                return n >= 1 && n <= SIGRTMAX ? (int) n : -1;
        if (strncasecmp(name, "RTMIN+", 6) == 0)
                return parse_i64(name + 6, &n) >= 0 && n >= 0 && n <= SIGRTMAX - SIGRTMIN
                               ? SIGRTMIN + (int) n
                               : -1;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *abbreviation = sigabbrev_np(i);

                if (abbreviation && strcasecmp(abbreviation, name) == 0)
                        return i;
        }
        return -1;
}

int parse_signal(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        int n = signal_from_string(value);

        if (n < 0)
                return refuse(ret_reason, value,
                              "the name or number of a signal: TERM, SIGTERM, RTMIN+1, 1 to 64");
        a->signal = n;
        return CTL_OK;
}
