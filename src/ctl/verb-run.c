/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `run`: starts a job, or a task in a live scope, and with --wait or --pipe stays until it has
 * ended. */
#include "ctl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/signalfd.h>

static bool waits(const Arguments *a)
{
        return a->wait || a->pipe;
}

int check_run(const Arguments *a)
{
        if (a->scope && a->not_with_scope)
                return usage_error(
                        "option --%s does not go with --scope: it is for a scope as a whole; "
                        "see hpcnode-ctl set --help",
                        a->not_with_scope);
        if (a->pipe && a->not_with_pipe)
                return usage_error(
                        "option --%s does not go with --pipe, by which output comes here",
                        a->not_with_pipe);
        return CTL_OK;
}

/* --- the start --- */

static int set_working_directory(Arguments *a, hpcnode_cgroup_error *e)
{
        if (!a->cwd)
                a->cwd = getcwd(NULL, 0);
        if (!a->cwd) {
                fprintf(stderr, "error: the current directory cannot be found (%s); see --cwd\n",
                        strerror(errno));
                return CTL_FAILED;
        }
        return hpcnode_cgroup_options_set(a->options, "WorkingDirectory", a->cwd, e) < 0 ? fail(e)
                                                                                         : CTL_OK;
}

static int set_standard_descriptors(Arguments *a, hpcnode_cgroup_error *e)
{
        static const char *const names[] = { "StandardInput", "StandardOutput", "StandardError" };

        for (int fd = 0; fd < (int) ELEMENTSOF(names); fd++)
                if (hpcnode_cgroup_options_set_fd(a->options, names[fd], fd, e) < 0)
                        return fail(e);
        return CTL_OK;
}

static int prepare(Arguments *a, hpcnode_cgroup_error *e)
{
        int r;

        if (!a->options)
                a->options = hpcnode_cgroup_options_new();
        if (!a->options) {
                fputs("error: out of memory\n", stderr);
                return CTL_FAILED;
        }
        r = set_working_directory(a, e);
        if (r == CTL_OK && a->pipe)
                r = set_standard_descriptors(a, e);
        return r;
}

static int start(hpcnode_cgroup *c, Arguments *a, hpcnode_cgroup_info **ret,
                 hpcnode_cgroup_error *e)
{
        const char *const *argv = (const char *const *) a->operands;
        char made_up[sizeof("run-XXXXXXXX")];
        const char *name = a->id;

        if (!name) {
                uint32_t number;

                if (getrandom(&number, sizeof(number), 0) != (ssize_t) sizeof(number))
                        number = (uint32_t) getpid();
                (void) snprintf(made_up, sizeof(made_up), "run-%08" PRIx32, number);
                name = made_up;
        }

        if (a->scope)
                return hpcnode_cgroup_spawn(c, a->scope, name, a->options, argv, ret, e);
        return hpcnode_cgroup_run(c, a->slice, name, a->limits, a->options, argv, ret, e);
}

static int print_started(const Arguments *a, const hpcnode_cgroup_info *info)
{
        _cleanup_(record_freep) Record *record = record_new();

        record_add_started(record, info);
        return record_print(record, a->json);
}

/* --- the wait --- */

/* Blocks the signals that end a waiting client, and makes them readable; those that the caller
 * ignores (nohup, a shell's background) stay ignored. SIGHUP is left alone: it ends the client, not
 * the job. */
static int catch_signals(void)
{
        static const int signals[] = { SIGINT, SIGTERM };
        sigset_t set;
        int fd;

        (void) sigemptyset(&set);
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
static void pass_on_signal(hpcnode_cgroup *c, const char *target, int signals, int n_before)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        struct signalfd_siginfo received;

        if (read(signals, &received, sizeof(received)) != (ssize_t) sizeof(received))
                return;
        if (hpcnode_cgroup_kill(c, target, n_before == 0 ? SIGTERM : SIGKILL, &e) < 0 &&
            e.code != HPCNODE_CGROUP_ERROR_NOT_FOUND)
                (void) fail(&e);
}

/* What is waited for and killed: unlike its name, the unit is this job's alone. */
static char *target_of(const hpcnode_cgroup_info *started)
{
        char *target;

        if (started->is_task <= 0)
                return strdup(started->unit);
        return asprintf(&target, "%s/%s", started->unit, started->name) < 0 ? NULL : target;
}

static int await(hpcnode_cgroup *c, const char *target, int signals, hpcnode_cgroup_info **ret)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        for (int n_signals = 0; hpcnode_cgroup_wait(c, target, signals, ret, &e) < 0; n_signals++) {
                if (e.code != HPCNODE_CGROUP_ERROR_INTERRUPTED)
                        return fail(&e);
                pass_on_signal(c, target, signals, n_signals);
        }
        return CTL_OK;
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

static int report(hpcnode_cgroup *c, const hpcnode_cgroup_info *started,
                  const hpcnode_cgroup_info *outcome)
{
        if (outcome->oom_killed > 0)
                say_out_of_memory(c, started, outcome);
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

int verb_run(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *started = NULL, *outcome = NULL;
        _cleanup_(closep) int signals = -EBADF;
        _cleanup_(freep) char *target = NULL;
        int r;

        r = prepare(a, &e);
        if (r != CTL_OK)
                return r;

        if (waits(a)) {
                signals = catch_signals();
                if (signals < 0) {
                        fprintf(stderr, "error: cannot catch signals: %s\n", strerror(-signals));
                        return CTL_FAILED;
                }
        }
        if (start(c, a, &started, &e) < 0)
                return fail(&e);
        r = a->pipe ? CTL_OK : print_started(a, started);
        if (!waits(a))
                return r;

        if (a->pipe)
                release_pipe();
        target = target_of(started);
        if (!target) {
                fputs("error: out of memory\n", stderr);
                return CTL_FAILED;
        }
        r = await(c, target, signals, &outcome);
        return r == CTL_OK ? report(c, started, outcome) : r;
}
