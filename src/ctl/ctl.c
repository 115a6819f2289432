/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpcnode-ctl: parses the command line, calls the client library, prints the answer. */
#include "ctl.h"

#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>

static const Option run_options[] = {
        { "id", "NAME", "Name of the job, or of the task with --scope (run-XXXXXXXX)", parse_id },
        { "slice", "SLICE", "Slice the job goes to (workload.slice)", parse_slice },
        { "scope", "SCOPE", "Start a further task in this live scope instead of a job",
          parse_scope },
        { "priority", "N", "0 to 100: how much it matters, more is higher (50)", parse_priority,
          "Priority", 0, 100 },
        { "wait", NULL, "Wait for the end, and end with the job's exit status", parse_wait },
        { "pipe", NULL, "Wait, with this standard input, output and error", parse_pipe },
        { "cwd", "DIR", "Working directory (the current one)", parse_cwd },
        { "env", "NAME[=VALUE]", "Set a variable; without VALUE to the one set here", parse_env,
          "Environment" },
        { "user", "USER", "Run as this user, by name or number (the caller)", parse_text, "User" },
        { "group", "GROUP", "Run in this group, by name or number (the user's)", parse_text,
          "Group" },
        { "log", "WHERE", "Where output goes: journal, null or file:PATH (journal)", parse_log,
          "Log" },
        { "nice", "N", "-20 to 19: scheduling priority (0)", parse_number, "Nice", -20, 19 },
        { "no-new-privs", NULL, "No privileges by execve(): set-user-ID programs do not work",
          parse_flag, "NoNewPrivileges" },
        { NULL },
};

static const Option create_options[] = {
        { "slice", "SLICE", "Slice the scope goes to (workload.slice)", parse_slice },
        { "priority", "N", "0 to 100: how much it matters, more is higher (50)", parse_priority,
          "Priority", 0, 100 },
        { "release-on-empty", NULL, "Release the scope when its last process has ended", parse_flag,
          "ReleaseOnEmpty" },
        { "description", "TEXT", "One line for systemctl status", parse_line, "Description" },
        { NULL },
};

static const Option empty_options[] = {
        { "quiet", NULL, "Print nothing: exit status 0 if empty, 3 if not", parse_quiet },
        { NULL },
};

static const Option list_options[] = {
        { "no-legend", NULL, "Leave out the line of column names", parse_no_legend },
        { NULL },
};

static const Option kill_options[] = {
        { "signal", "SIGNAL", "Name or number of the signal (KILL)", parse_signal },
        { NULL },
};

static const Option events_options[] = {
        { "follow", NULL, "Go on with records as they come", parse_follow, .letter = 'f' },
        { "lines", "N", "Only the last N (all; 10 with --follow alone)", parse_lines,
          .letter = 'n' },
        { "since", "TIME", "Only those made since then", parse_since },
        { NULL },
};

const Verb verb_table[] = {
        { "run", "COMMAND [ARGUMENT...]", 1, -1, "Run a job: a command in a scope of its own",
          run_options, true, verb_run, check_run },
        { "create", "NAME", 1, 1, "Create an empty scope", create_options, true, verb_create,
          check_create },
        { "destroy", "SCOPE", 1, 1, "Kill everything in a scope at once and remove it", NULL, false,
          verb_destroy },
        { "metrics", "PATH", 1, 1, "Print what a cgroup has used", NULL, false, verb_metrics,
          check_path },
        { "empty", "SCOPE[/TASK]", 1, 1, "Print whether a scope has no process (yes or no)",
          empty_options, false, verb_empty },
        { "owner", "PATH", 1, 1, "Print who owns a slice or cgroup (pact, workload or none)", NULL,
          false, verb_owner, check_path },
        { "hierarchy", "", 0, 0, "Start the slices if need be, and print them", NULL, false,
          verb_hierarchy },
        { "list", "", 0, 0, "List all scopes and jobs, ended ones too", list_options, false,
          verb_list },
        { "inspect", "SCOPE[/TASK]", 1, 1, "Print what is known of a scope, a job or a task", NULL,
          false, verb_inspect },
        { "wait", "SCOPE[/TASK]", 1, 1, "Wait for the end of a job or task, and print its outcome",
          NULL, false, verb_wait },
        { "kill", "SCOPE[/TASK]", 1, 1, "Send a signal; SIGKILL goes to all of a scope",
          kill_options, false, verb_kill },
        { "freeze", "SCOPE[/TASK]", 1, 1, "Freeze all processes of a scope or task", NULL, false,
          verb_freeze },
        { "thaw", "SCOPE[/TASK]", 1, 1, "Thaw what is frozen", NULL, false, verb_thaw },
        { "set", "SCOPE", 1, 1, "Change limits of a live scope", NULL, true, verb_set, check_set },
        { "remove", "SCOPE", 1, 1, "Drop the record of an ended job", NULL, false, verb_remove },
        { "events", "[SCOPE]", 0, 1, "Print the records of what was done, to all or to one scope",
          events_options, false, verb_events, check_events, .alone = true },
        { "ping", "", 0, 0, "Print the daemon's version and how long it took to answer", NULL,
          false, verb_ping },
        { NULL },
};

int fail(const hpcnode_cgroup_error *e)
{
        (void) fflush(stdout);
        fprintf(stderr, "error: %s\n", e->message ?: hpcnode_cgroup_error_name(e->code));
        return CTL_FAILED;
}

int usage_error(const char *format, ...)
{
        va_list ap;

        fputs("error: ", stderr);
        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return CTL_USAGE;
}

static int help(void)
{
        printf("Usage: hpcnode-ctl [--user] [--json MODE] VERB [OPTION...] [OPERAND...]\n\n"
               "Scopes, jobs and their limits on this node, by hpcnode-cgroupd.\n\nVerbs:\n");
        for (const Verb *v = verb_table; v->name; v++) {
                int n = printf("  %s %s", v->name, v->operands);

                printf("%*s%s\n", n < 34 ? 34 - n : 1, "", v->help);
        }
        printf("\nOptions:\n"
               "      --json MODE               Print JSON instead of lines: pretty, short or off\n"
               "  -h, --help                    Show this help, or that of a verb\n"
               "      --user                    Ask the daemon of the user's own service manager\n"
               "      --version                 Show the version\n"
               "\nhpcnode-ctl VERB --help shows the options of a verb. See hpcnode-ctl(1).\n");
        return output_flush();
}

static int version(void)
{
        puts("hpcnode-ctl " VERSION);
        return output_flush();
}

static const Verb *verb_find(const char *name)
{
        for (const Verb *v = verb_table; v->name; v++)
                if (streq(v->name, name))
                        return v;
        return NULL;
}

static int verb_call(const Verb *verb, int argc, char **argv, JsonMode json, bool user)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_freep) hpcnode_cgroup *c = NULL;
        _cleanup_(arguments_done)
                Arguments a = { .json = json, .slice = DEFAULT_SLICE, .lines = -1, .user = user };
        int r;

        r = options_parse(verb, argc, argv, &a);
        if (r >= 0)
                return r;
        r = verb->check ? verb->check(&a) : CTL_OK;
        if (r != CTL_OK)
                return r;

        if (verb->alone)
                return verb->run(NULL, &a);
        if ((user ? hpcnode_cgroup_open_user(&c, &e) : hpcnode_cgroup_open(&c, &e)) < 0) {
                r = fail(&e);
                hpcnode_cgroup_error_done(&e);
                return r;
        }
        return verb->run(c, &a);
}

/* The options before the verb. -1 with optind at the verb, else the exit status. */
static int parse_global(int argc, char **argv, JsonMode *ret_json, bool *ret_user)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                { "json", required_argument, NULL, 'j' },
                { "user", no_argument, NULL, 'u' },
                { NULL },
        };
        int c;

        opterr = 0;
        while ((c = getopt_long(argc, argv, "+:h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        return help();
                case 'v':
                        return version();
                case 'j':
                        *ret_json = json_mode_from_string(optarg);
                        if (*ret_json < 0)
                                return usage_error("option --json: \"%s\" is not allowed: "
                                                   "needed is pretty, short or off",
                                                   optarg);
                        break;
                case 'u':
                        *ret_user = true;
                        break;
                case ':':
                        return usage_error("option %s needs a value; see hpcnode-ctl --help",
                                           argv[optind - 1]);
                default:
                        return usage_error("option %s is not known; see hpcnode-ctl --help",
                                           argv[optind - 1]);
                }
        return -1;
}

/* Descriptors 0 to 2 are in use, so that the bus connection does not become a job's standard
 * output. */
static void open_standard_descriptors(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        (void) safe_close(fd);
}

int main(int argc, char **argv)
{
        JsonMode json = JSON_OFF;
        bool user = false;
        const Verb *verb;
        int r;

        (void) setlocale(LC_CTYPE, "");
        open_standard_descriptors();

        r = parse_global(argc, argv, &json, &user);
        if (r >= 0)
                return r;
        if (optind >= argc)
                return usage_error("no verb is given; see hpcnode-ctl --help");
        verb = verb_find(argv[optind]);
        if (!verb)
                return usage_error("there is no verb \"%s\"; see hpcnode-ctl --help", argv[optind]);

        return verb_call(verb, argc - optind, argv + optind, json, user);
}
