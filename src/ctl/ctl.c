/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpcnode-ctl: parses the command line, calls the client library, prints the answer. */
#include "ctl.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
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
        { "pty", NULL, "Wait, with a terminal of its own, shown on this one", parse_pty },
        { "quiet", NULL, "Print only the id", parse_quiet, .letter = 'q' },
        { "cwd", "DIR", "Working directory (the current one)", parse_cwd },
        { "env", "NAME[=VALUE]", "Set a variable; without VALUE to the one set here", parse_env,
          "Environment" },
        { "user", "USER", "Run as this user, by name or number (the caller)", parse_run_as,
          "User" },
        { "group", "GROUP", "Run in this group, by name or number (the user's)", parse_text,
          "Group" },
        { "log", "WHERE", "Where output goes: journal, null or file:PATH (journal)", parse_log,
          "Log" },
        { "nice", "N", "-20 to 19: scheduling priority (0)", parse_number, "Nice", -20, 19 },
        { "timeout", "TIME", "End it when it has run for so long: 30s, 10min", parse_timeout,
          "TimeoutUSec" },
        { "service", "CMD", "Start this beside the job and before it, by /bin/sh; it ends with it",
          parse_service },
        { "require-path", "PATH", "Start only if the job's user reaches this path", parse_path,
          "RequirePaths" },
        { "no-new-privs", NULL, "No privileges by execve(): set-user-ID programs do not work",
          parse_flag, "NoNewPrivileges" },
        { "force", NULL, "Start it also under pressure; for root and the slice's owner", parse_flag,
          "Force" },
        { NULL },
};

static const Option attach_options[] = {
        { "quiet", NULL, "Print only the id", parse_quiet, .letter = 'q' },
        { NULL },
};

static const Option create_options[] = {
        { "slice", "SLICE", "Slice the scope goes to (workload.slice)", parse_slice },
        { "priority", "N", "0 to 100: how much it matters, more is higher (50)", parse_priority,
          "Priority", 0, 100 },
        { "quiet", NULL, "Print only the id", parse_quiet, .letter = 'q' },
        { "release-on-empty", NULL, "Release the scope when its last process has ended", parse_flag,
          "ReleaseOnEmpty" },
        { "description", "TEXT", "One line for systemctl status", parse_line, "Description" },
        { "force", NULL, "Create it also under pressure; for root and the slice's owner",
          parse_flag, "Force" },
        { NULL },
};

static const Option empty_options[] = {
        { "quiet", NULL, "Print nothing: exit status 0 if empty, 3 if not", parse_quiet,
          .letter = 'q' },
        { NULL },
};

static const Option list_options[] = {
        { "all", NULL, "Tasks that have ended, too", parse_all, .letter = 'a' },
        { "output", "COLUMNS", "Which columns: NAME,MEMORY, or +MEMORY; help lists them",
          parse_columns, .letter = 'o' },
        { "quiet", NULL, "Names only, one a line", parse_quiet, .letter = 'q' },
        { "no-tasks", NULL, "Scopes only, without their tasks", parse_no_tasks },
        { "no-legend", NULL, "Leave out the line of column names", parse_no_legend },
        { NULL },
};

static const Option tree_options[] = {
        { "no-legend", NULL, "Leave out the line of column names", parse_no_legend },
        { NULL },
};

static const Option pressure_options[] = {
        { "all", NULL, "All live scopes, too", parse_all, .letter = 'a' },
        { "follow", NULL, "Print what is done about pressure, as it is done", parse_follow,
          .letter = 'f' },
        { "since", "TIME", "With --follow: begin with what was done since then", parse_since },
        { "no-legend", NULL, "Leave out what stands above the figures", parse_no_legend },
        { NULL },
};

static const Option top_options[] = {
        { "delay", "SEC", "Seconds between two looks, 0.1 at least (3)", parse_delay,
          .letter = 'd' },
        { "iterations", "N", "End after so many (1 without a terminal and --batch)",
          parse_iterations, .letter = 'n' },
        { "batch", NULL, "Print tables, one after the other, instead of a screen", parse_batch,
          .letter = 'b' },
        { "sort", "COLUMN", "cpu, memory, io, pressure, name or tasks (cpu)", parse_sort },
        { "no-tasks", NULL, "Scopes only, without their tasks", parse_no_tasks },
        { "no-legend", NULL, "Print tables without what stands above them", parse_no_legend },
        { NULL },
};

static const Option kill_options[] = {
        { "signal", "SIGNAL", "Name or number of the signal (KILL)", parse_signal },
        { "all", NULL, "To every process, and not only to the main one", parse_all },
        { NULL },
};

static const Option logs_options[] = {
        { "follow", NULL, "Go on with lines as they come, until the job has ended", parse_follow,
          .letter = 'f' },
        { "lines", "N", "Only the last N (all)", parse_lines, .letter = 'n' },
        { "since", "TIME", "Only those written since then", parse_since },
        { "output", "FORMAT", "short, with time and process, or cat: the bytes alone (short)",
          parse_log_format, .letter = 'o' },
        { NULL },
};

static const Option drain_options[] = {
        { "kill", NULL, "Kill what runs, at once", parse_kill },
        { "reason", "TEXT", "Why: one line, which is recorded and shown to whom is refused",
          parse_reason },
        { "timeout", "TIME", "How long to wait: 30min, 1h30min (as long as it takes)",
          parse_wait_time },
        { "no-wait", NULL, "Do not wait for the end of what runs", parse_no_wait },
        { "cancel", NULL, "Admit everything again", parse_cancel },
        { "status", NULL, "Print whether the node is drained, and how much is waited for",
          parse_status },
        { NULL },
};

static const Option emergency_options[] = {
        { "reason", "TEXT", "Why it is declared: one line, which is recorded", parse_reason },
        { "duration", "TIME", "When it ends by itself: 30min, 1h30min (4h, the most)",
          parse_duration },
        { NULL },
};

static const Option events_options[] = {
        { "follow", NULL, "Go on with records as they come", parse_follow, .letter = 'f' },
        { "lines", "N", "Only the last N (all; 10 with --follow alone)", parse_lines,
          .letter = 'n' },
        { "since", "TIME", "Only those made since then", parse_since },
        { NULL },
};

/* What stands before the verb. */
typedef struct GlobalOptions {
        JsonMode json;
        Place place;
        bool ask_password;
        bool no_pager;
} GlobalOptions;

const Verb verb_table[] = {
        { "run", "COMMAND [ARGUMENT...]", 1, -1, "Run a job: a command in a scope of its own",
          run_options, true, verb_run, check_run, .changes = true },
        { "attach", "SCOPE[/TASK] PID...", 2, -1,
          "Move processes that run elsewhere into a scope, as a task", attach_options, false,
          verb_attach, check_attach, .changes = true },
        { "create", "NAME", 1, 1, "Create an empty scope", create_options, true, verb_create,
          check_create, .changes = true },
        { "destroy", "SCOPE", 1, 1, "Kill everything in a scope at once and remove it", NULL, false,
          verb_destroy, .changes = true },
        { "metrics", "PATH", 1, 1, "Print what a cgroup has used", NULL, false, verb_metrics,
          check_path },
        { "empty", "SCOPE[/TASK]", 1, 1, "Print whether a scope has no process (yes or no)",
          empty_options, false, verb_empty },
        { "owner", "PATH", 1, 1, "Print who owns a slice or cgroup (pact, workload or none)", NULL,
          false, verb_owner, check_path },
        { "hierarchy", "", 0, 0, "Start the slices if need be, and print them", NULL, false,
          verb_hierarchy },
        { "list", "[SCOPE...]", 0, INT_MAX, "List scopes and jobs, ended ones too, and tasks",
          list_options, false, verb_list, check_list },
        { "tree", "[SLICE|SCOPE...]", 0, INT_MAX,
          "Show slices, scopes, tasks and processes as a tree", tree_options, false, verb_tree },
        { "top", "[SCOPE...]", 0, INT_MAX, "Show what scopes and tasks use, again and again",
          top_options, false, verb_top },
        { "stats", "", 0, 0, "Print counts, what the slices use, and the pressure", NULL, false,
          verb_stats },
        { "pressure", "[SCOPE...]", 0, INT_MAX, "Show the pressure, and what is done about it",
          pressure_options, false, verb_pressure, check_pressure, .follows = true },
        { "inspect", "SCOPE[/TASK]", 1, 1, "Print what is known of a scope, a job or a task", NULL,
          false, verb_inspect },
        { "wait", "SCOPE[/TASK]", 1, 1, "Wait for the end of a job or task, and print its outcome",
          NULL, false, verb_wait },
        { "logs", "SCOPE[/TASK]", 1, 1, "Print what a job or task has written", logs_options, false,
          verb_logs, .journal = true },
        { "kill", "SCOPE[/TASK]", 1, 1, "Send a signal; SIGKILL goes to all of a scope",
          kill_options, false, verb_kill, .changes = true },
        { "freeze", "SCOPE[/TASK]", 1, 1, "Freeze all processes of a scope or task", NULL, false,
          verb_freeze, .changes = true },
        { "thaw", "SCOPE[/TASK]", 1, 1, "Thaw what is frozen", NULL, false, verb_thaw,
          .changes = true },
        { "set", "SCOPE[/TASK]", 1, 1, "Change limits of a live scope or task", NULL, true,
          verb_set, check_set, .changes = true },
        { "remove", "SCOPE...", 1, -1, "Drop the records of ended jobs", NULL, false, verb_remove,
          .changes = true },
        { "emergency", "declare|end|status", 1, 1,
          "Let pact freeze, thaw and kill in workload.slice", emergency_options, false,
          verb_emergency, check_emergency, .changes = true },
        { "drain", "", 0, 0, "Admit nothing more, and wait for or kill what runs", drain_options,
          false, verb_drain, check_drain, .changes = true },
        { "events", "[SCOPE]", 0, 1, "Print the records of what was done, to all or to one scope",
          events_options, false, verb_events, check_events, .journal = true, .alone = true },
        { "ping", "", 0, 0, "Print the daemon's version and how long it took to answer", NULL,
          false, verb_ping },
        { "whoami", "", 0, 0, "Print what the daemon takes the caller for, and what it may do",
          NULL, false, verb_whoami },
        { NULL },
};

int fail(const hpcnode_cgroup_error *e)
{
        (void) fflush(stdout);
        fprintf(stderr, "error: %s\n", e->message ?: hpcnode_cgroup_error_name(e->code));
        return CTL_FAILED;
}

int out_of_memory(void)
{
        fputs("error: out of memory\n", stderr);
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
        printf("Usage: hpcnode-ctl [OPTION...] VERB [OPTION...] [OPERAND...]\n\n"
               "Scopes, jobs and their limits on this node, by hpcnode-cgroupd.\n\nVerbs:\n");
        for (const Verb *v = verb_table; v->name; v++) {
                int n = printf("  %s %s", v->name, v->operands);

                printf("%*s%s\n", n < 34 ? 34 - n : 1, "", v->help);
        }
        printf("\nOptions:\n"
               "      --json MODE               Print JSON instead of lines: pretty, short or off\n"
               "  -h, --help                    Show this help, or that of a verb\n"
               "  -H, --host [USER@]HOST        Ask the daemon of another host, by ssh\n"
               "  -M, --machine [USER@]CONTAINER\n"
               "                                Ask the daemon of a container on this host\n"
               "      --no-ask-password         Ask nobody for a password that polkit wants\n"
               "      --no-pager                Do not show long output in a pager\n"
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

/* Whether there is somebody to be asked for a password, who may need to be. */
static bool may_ask(const Verb *verb, const Place *place, const GlobalOptions *global)
{
        return verb->changes && global->ask_password && !place->user &&
               !place_is_elsewhere(place) && geteuid() != 0 && isatty(STDIN_FILENO);
}

static int verb_call(const Verb *verb, int argc, char **argv, const GlobalOptions *global)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_freep) hpcnode_cgroup *c = NULL;
        _cleanup_(arguments_done) Arguments a = { .json = global->json,
                                                  .slice = DEFAULT_SLICE,
                                                  .lines = -1,
                                                  .place = global->place,
                                                  .no_pager = global->no_pager };
        int r;

        r = options_parse(verb, argc, argv, &a);
        if (r == CTL_MAY_RUN)
                r = place_check(verb, &a);
        if (r == CTL_MAY_RUN && verb->check)
                r = verb->check(&a);
        if (r != CTL_MAY_RUN)
                return r;

        if (verb->alone || (verb->follows && a.follow)) {
                r = verb->run(NULL, &a);
                pager_close();
                return r;
        }
        if (place_open(&a.place, &c, &e) < 0) {
                r = fail(&e);
                hpcnode_cgroup_error_done(&e);
                return r;
        }
        if (may_ask(verb, &a.place, global)) {
                hpcnode_cgroup_set_interactive(c, true);
                agent_open();
        }
        r = verb->run(c, &a);
        pager_close();
        agent_close();
        return r;
}

static int parse_global_place(int c, Place *place)
{
        _cleanup_(freep) char *reason = NULL;
        Arguments a = { .place = *place };
        int r;

        r = c == 'H' ? parse_host(&a, NULL, optarg, &reason)
                     : parse_machine(&a, NULL, optarg, &reason);
        if (r != CTL_OK)
                return usage_error("option --%s: %s", c == 'H' ? "host" : "machine",
                                   reason ?: "out of memory");
        *place = a.place;
        return CTL_OK;
}

/* Long options get numbers beyond all letters, which tell them apart in optopt. */
enum {
        OPTION_HELP = 256,
        OPTION_VERSION,
        OPTION_JSON,
        OPTION_USER,
        OPTION_NO_ASK_PASSWORD,
        OPTION_NO_PAGER,
};

/* What getopt_long() found wrong before the verb. */
static int global_error(int c, char **argv)
{
        const char *option = argv[optind - 1];

        if (c == ':')
                return usage_error("option %s needs a value; see hpcnode-ctl --help", option);
        if (optopt >= OPTION_HELP)
                return usage_error("option %s takes no value; see hpcnode-ctl --help", option);
        if (optopt != 0)
                return usage_error("option -%c is not known; see hpcnode-ctl --help", optopt);
        return usage_error("option %s is not known, or short for several; see hpcnode-ctl --help",
                           option);
}

/* The options before the verb. -1 with optind at the verb, else the exit status. */
static int parse_global(int argc, char **argv, GlobalOptions *ret)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, OPTION_HELP },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "host", required_argument, NULL, 'H' },
                { "json", required_argument, NULL, OPTION_JSON },
                { "machine", required_argument, NULL, 'M' },
                { "user", no_argument, NULL, OPTION_USER },
                { "no-ask-password", no_argument, NULL, OPTION_NO_ASK_PASSWORD },
                { "no-pager", no_argument, NULL, OPTION_NO_PAGER },
                { NULL },
        };
        int c, r;

        opterr = 0;
        while ((c = getopt_long(argc, argv, "+:hH:M:", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                case OPTION_HELP:
                        return help();
                case OPTION_VERSION:
                        return version();
                case OPTION_JSON:
                        ret->json = json_mode_from_string(optarg);
                        if (ret->json < 0)
                                return usage_error("option --json: \"%s\" is not allowed: "
                                                   "needed is pretty, short or off",
                                                   optarg);
                        break;
                case 'H':
                case 'M':
                        r = parse_global_place(c, &ret->place);
                        if (r != CTL_OK)
                                return r;
                        break;
                case OPTION_USER:
                        ret->place.user = true;
                        break;
                case OPTION_NO_ASK_PASSWORD:
                        ret->ask_password = false;
                        break;
                case OPTION_NO_PAGER:
                        ret->no_pager = true;
                        break;
                default:
                        return global_error(c, argv);
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
        GlobalOptions global = { .json = JSON_OFF, .ask_password = true };
        const Verb *verb;
        int r;

        (void) setlocale(LC_CTYPE, "");
        open_standard_descriptors();
        /* A sentence at once, or what others say on the same terminal comes in between. */
        (void) setvbuf(stderr, NULL, _IOLBF, BUFSIZ);

        r = parse_global(argc, argv, &global);
        if (r >= 0)
                return r;
        if (optind >= argc)
                return usage_error("no verb is given; see hpcnode-ctl --help");
        verb = verb_find(argv[optind]);
        if (!verb)
                return usage_error("there is no verb \"%s\"; see hpcnode-ctl --help", argv[optind]);

        return verb_call(verb, argc - optind, argv + optind, &global);
}
