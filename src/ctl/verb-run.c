/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `run`: starts a job, or a task in a live scope, and with --wait, --pipe or --pty stays until
 * it has ended. */
#include "ctl.h"
#include "pty.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/signalfd.h>

static bool waits(const Arguments *a)
{
        return a->wait || a->pipe || a->pty;
}

/* Only a limit can be given to a scope that there is. */
static bool is_limit(const char *option)
{
        for (const Option *o = limit_options(); o && o->name; o++)
                if (streq(o->name, option))
                        return true;
        return false;
}

int check_run(const Arguments *a)
{
        if (a->scope && a->not_with_scope)
                return usage_error(
                        "option --%s does not go with --scope: it is for a scope as a whole%s",
                        a->not_with_scope,
                        is_limit(a->not_with_scope) ? "; see hpcnode-ctl set --help" : "");
        if (a->pipe && a->pty)
                return usage_error("option --pty does not go with --pipe: it is one or the other");
        if ((a->pipe || a->pty) && a->not_with_pipe)
                return usage_error("option --%s does not go with --%s, by which output comes here",
                                   a->not_with_pipe, a->pipe ? "pipe" : "pty");
        return CTL_MAY_RUN;
}

/* --- the start --- */

static int set_working_directory(Arguments *a, hpcnode_cgroup_error *e)
{
        if (!a->cwd)
                a->cwd = place_is_elsewhere(&a->place) ? strdup("/") : getcwd(NULL, 0);
        if (!a->cwd) {
                fprintf(stderr, "error: the current directory cannot be found (%s); see --cwd\n",
                        strerror(errno));
                return CTL_FAILED;
        }
        return hpcnode_cgroup_options_set(a->options, "WorkingDirectory", a->cwd, e) < 0 ? fail(e)
                                                                                         : CTL_OK;
}

static int set_standard_descriptors(Arguments *a, const int fds[static 3], hpcnode_cgroup_error *e)
{
        static const char *const names[] = { "StandardInput", "StandardOutput", "StandardError" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (hpcnode_cgroup_options_set_fd(a->options, names[i], fds[i], e) < 0)
                        return fail(e);
        return CTL_OK;
}

static int set_pty(Arguments *a, Pty **ret, hpcnode_cgroup_error *e)
{
        int fd, r;

        r = pty_open(a->run_as, ret);
        if (r < 0) {
                fprintf(stderr, "error: cannot make a pseudo-terminal: %s\n", strerror(-r));
                return CTL_FAILED;
        }
        fd = pty_slave(*ret);
        r = pass_terminal_variables(a, e);
        if (r != CTL_OK)
                return r;
        return set_standard_descriptors(a, (const int[]){ fd, fd, fd }, e);
}

static int prepare(Arguments *a, Pty **ret_pty, hpcnode_cgroup_error *e)
{
        int r;

        if (!a->options)
                a->options = hpcnode_cgroup_options_new();
        if (!a->options)
                return out_of_memory();
        r = set_working_directory(a, e);
        if (r == CTL_OK && a->pipe)
                r = set_standard_descriptors(
                        a, (const int[]){ STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO }, e);
        if (r == CTL_OK && a->pty)
                r = set_pty(a, ret_pty, e);
        if (r == CTL_OK && a->scope && a->limits &&
            hpcnode_cgroup_options_set_limits(a->options, a->limits, e) < 0)
                return fail(e);
        return r;
}

const char *make_up_name(const char *prefix, char buffer[static MADE_UP_NAME_SIZE])
{
        uint32_t number;

        if (getrandom(&number, sizeof(number), 0) != (ssize_t) sizeof(number))
                number = (uint32_t) getpid();
        (void) snprintf(buffer, MADE_UP_NAME_SIZE, "%s-%08" PRIx32, prefix, number);
        return buffer;
}

static int start(hpcnode_cgroup *c, Arguments *a, hpcnode_cgroup_info **ret,
                 hpcnode_cgroup_error *e)
{
        const char *const *argv = (const char *const *) a->operands;
        char made_up[MADE_UP_NAME_SIZE];
        const char *name = a->id ?: make_up_name("run", made_up);

        if (a->scope)
                return hpcnode_cgroup_spawn(c, a->scope, name, a->options, argv, ret, e);
        return hpcnode_cgroup_run(c, a->slice, name, a->limits, a->options, argv, ret, e);
}

int print_started(const Arguments *a, const hpcnode_cgroup_info *info)
{
        _cleanup_(record_freep) Record *record = NULL;

        if (a->quiet && a->json == JSON_OFF) {
                puts(info->id);
                return output_flush();
        }
        record = record_new();
        if (a->quiet)
                record_add_text(record, "id", info->id);
        else
                record_add_started(record, info);
        return record_print(record, a->json);
}

/* --- the wait --- */

/* Blocks the signals that end a waiting client, and makes them readable; those that the caller
 * ignores (nohup, a shell's background) stay ignored. SIGHUP is left alone: it ends the client, not
 * the job. That of a child is the pseudo-terminal's. */
static int catch_signals(bool child)
{
        static const int signals[] = { SIGINT, SIGTERM };
        sigset_t set;
        int fd;

        (void) sigemptyset(&set);
        if (child)
                (void) sigaddset(&set, SIGCHLD);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                struct sigaction sa;

                if (sigaction(signals[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
                        (void) sigaddset(&set, signals[i]);
        }
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

/* Lets go of what is the job's now: a reader of our output, or a writer of our input, is to notice
 * when the job closes its end. Messages still go to standard error. */
static void release_pipe(void)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return;
        (void) dup2(fd, STDIN_FILENO);
        (void) dup2(fd, STDOUT_FILENO);
        (void) safe_close(fd);
}

/* The first signal asks the main task to end, every later one ends all of it. A job that has ended
 * in the meantime is no error: the wait finds its result. */
static void pass_on_signal(hpcnode_cgroup *c, const Place *p, const char *target, int n_before)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int r;

        r = hpcnode_cgroup_kill(c, target, n_before == 0 ? SIGTERM : SIGKILL, &e);
        /* A ^C has ended ssh, too, with what had just been sent by it. */
        if (r < 0 && e.code == HPCNODE_CGROUP_ERROR_UNREACHABLE && place_is_elsewhere(p))
                r = hpcnode_cgroup_kill(c, target, n_before == 0 ? SIGTERM : SIGKILL, &e);
        if (r < 0 && e.code != HPCNODE_CGROUP_ERROR_NOT_FOUND)
                (void) fail(&e);
}

/* *ret stays NULL when the user has left the job. */
static int await(hpcnode_cgroup *c, const Place *p, const char *target, int signals, Pty *pty,
                 hpcnode_cgroup_info **ret, hpcnode_cgroup_error *e)
{
        struct signalfd_siginfo received;
        int n_passed_on = 0, r;

        for (;;) {
                r = hpcnode_cgroup_wait(c, target, signals, ret, e);
                if (r >= 0 || e->code != HPCNODE_CGROUP_ERROR_INTERRUPTED)
                        return r;
                if (read(signals, &received, sizeof(received)) != (ssize_t) sizeof(received))
                        continue;
                if (received.ssi_signo != SIGCHLD)
                        pass_on_signal(c, p, target, n_passed_on++);
                else if (pty && pty_is_left(pty))
                        return 0;
        }
}

/* --- the end --- */

/* "64M" where that is exact. */
static void format_size(uint64_t bytes, char buffer[static 32])
{
        const char *suffixes = "KMGT", *suffix = "";

        for (; *suffixes && bytes > 0 && bytes % 1024 == 0; suffixes++) {
                bytes /= 1024;
                suffix = suffixes;
        }
        (void) snprintf(buffer, 32, "%" PRIu64 "%.1s", bytes, suffix);
}

/* The kernel may have chosen another process of the job than the one whose end is reported. */
static void say_out_of_memory(hpcnode_cgroup *c, const hpcnode_cgroup_info *started,
                              const hpcnode_cgroup_info *outcome)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        const char *of = outcome->exit_signal > 0 ? "" : "a process of ";
        char size[32], limit_text[64] = "";
        uint64_t limit;

        if (hpcnode_cgroup_inspect(c, started->unit, &info, NULL) >= 0 && info->limits) {
                if (hpcnode_cgroup_limits_get_number(info->limits, "MemoryMax", &limit) > 0 &&
                    limit != UINT64_MAX) {
                        format_size(limit, size);
                        (void) snprintf(limit_text, sizeof(limit_text), " (limit %s)", size);
                } else
                        (void) snprintf(limit_text, sizeof(limit_text),
                                        " (it had no limit of its own)");
        }
        fprintf(stderr, "%sjob %s was killed: out of memory%s\n", of, started->id, limit_text);
}

static void say_timed_out(hpcnode_cgroup *c, const char *target, const hpcnode_cgroup_info *started)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;

        if (hpcnode_cgroup_inspect(c, target, &info, NULL) >= 0 && info->timed_out > 0)
                fprintf(stderr, "job %s was ended: its time (--timeout) was over\n", started->id);
}

/* Of an allocation it is not known whether this task, or an earlier one, was. */
static void say_killed_for_pressure(hpcnode_cgroup *c, const hpcnode_cgroup_info *started)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;

        if (hpcnode_cgroup_inspect(c, started->unit, &info, NULL) >= 0 && info->pressure_killed > 0)
                fprintf(stderr,
                        "job %s was killed for pressure on the node; see hpcnode-ctl events %s\n",
                        started->id, info->name);
}

static int report(hpcnode_cgroup *c, const Arguments *a, const char *target,
                  const hpcnode_cgroup_info *started, const hpcnode_cgroup_info *outcome)
{
        if (a->timed)
                say_timed_out(c, target, started);
        if (outcome->oom_killed > 0)
                say_out_of_memory(c, started, outcome);
        else if (outcome->exit_signal == SIGKILL && !a->scope)
                say_killed_for_pressure(c, started);
        if (outcome->exit_signal > 0)
                return 128 + outcome->exit_signal;
        if (outcome->exit_status >= 0)
                return outcome->exit_status;
        if (streq(outcome->state, "zombie"))
                fprintf(stderr,
                        "error: job %s is a zombie: it was killed and hangs in the kernel\n",
                        started->id);
        else
                fprintf(stderr, "error: job %s is %s: nobody knows how it ended\n", started->id,
                        outcome->state);
        return CTL_FAILED;
}

/* Lets the job have what is its own now. */
static int hand_over(const Arguments *a, Pty *pty, const hpcnode_cgroup_info *started)
{
        int r;

        agent_close(); /* it asked on the terminal */
        if (a->pipe)
                release_pipe();
        if (!pty)
                return a->pipe ? CTL_OK : print_started(a, started);
        if (!a->quiet && isatty(STDIN_FILENO))
                fprintf(stderr, "job %s: press ^] three times within a second to leave it\n",
                        started->id);
        r = pty_forward(pty);
        if (r < 0)
                fprintf(stderr, "error: cannot show the job's terminal: %s\n", strerror(-r));
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int wait_and_report(hpcnode_cgroup *c, const Arguments *a,
                           const hpcnode_cgroup_info *started, int signals, Pty *pty,
                           hpcnode_cgroup_error *e)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *outcome = NULL;
        _cleanup_(freep) char *target = target_of(started);
        int r;

        if (!target)
                return out_of_memory();
        r = await(c, &a->place, target, signals, pty, &outcome, e);
        pty_end(pty, r >= 0);
        if (r < 0)
                return fail(e);
        if (outcome)
                return report(c, a, target, started, outcome);
        fprintf(stderr, "\njob %s goes on; see hpcnode-ctl wait %s\n", started->id, target);
        return CTL_OK;
}

int verb_run(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *started = NULL;
        _cleanup_(pty_freep) Pty *pty = NULL;
        _cleanup_(closep) int signals = -EBADF;
        int r, outcome;

        r = prepare(a, &pty, &e);
        if (r != CTL_OK)
                return r;

        if (waits(a)) {
                signals = catch_signals(pty);
                if (signals < 0) {
                        fprintf(stderr, "error: cannot catch signals: %s\n", strerror(-signals));
                        return CTL_FAILED;
                }
        }
        if (start(c, a, &started, &e) < 0)
                return fail(&e);
        r = hand_over(a, pty, started);
        if (!waits(a) || (r != CTL_OK && pty))
                return r;
        outcome = wait_and_report(c, a, started, signals, pty, &e);
        return outcome != CTL_OK ? outcome : r;
}
