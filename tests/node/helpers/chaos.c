/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients that create, run, spawn, freeze, kill, stop and destroy at random, while somebody kills the daemon
 * and supervisors, reloads and re-executes PID 1, and restarts the bus (or, calm, nobody does). Every job that
 * was accepted must have exactly one outcome, and it must be the right one. */
#include "chaos/chaos.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define USAGE "[--seed N] [--jobs N] [--kills N] [--workers N] [--no-bus] [--calm]"

/* What systemctl ends with when it is to stop a unit that there is not. */
#define SYSTEMCTL_NOT_LOADED 5

Shared *shared;
static unsigned jobs_wanted = 200, kills_wanted = 30, n_workers = 6;
static bool spare_bus, calm;

/* The longest pause between two acts of sabotage: a multiple of what a job takes here, or a slow node would
 * come to nothing. */
static unsigned pause_usec;
#define PAUSE_JOBS 3

static __attribute__((format(printf, 2, 3))) void wrong(unsigned job, const char *format, ...)
{
        va_list ap;

        atomic_fetch_add(&shared->wrong, 1);
        fprintf(stderr, "wrong: chaos-%u: ", job);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

/* --- acts --- */

static const char *const *shell(const char *script)
{
        static const char *argv[] = { "sh", "-c", NULL, NULL };

        argv[2] = script;
        return argv;
}

/* Whether the scope is gone with its supervisor, or just goes. */
static bool is_lost(unsigned job, const char *scope)
{
        hpcnode_cgroup_info *info = NULL;
        bool lost;

        if (!shared->supervisor_killed[job] || is_in_state(scope, " active frozen "))
                return false;
        lost = hpcnode_cgroup_wait(client, scope, -1, &info, NULL) >= 0 &&
               streq(info->state, "lost");
        hpcnode_cgroup_info_free(info);
        return lost;
}

/* Starts a job, or with a scope a task in it. A call without an answer may have been carried out: then
 * it is there. A refusal must leave nothing. */
static bool start(unsigned job, const char *scope, const char *name, const char *script)
{
        int64_t deadline = now_msec() + PATIENCE_MSEC;
        char id[256];

        (void) snprintf(id, sizeof id, scope ? "%2$s/%1$s" : "%1$s", name, scope);
        for (;;) {
                hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
                hpcnode_cgroup_error_code found;
                bool answered;
                int r;

                r = scope ? hpcnode_cgroup_spawn(client, scope, name, NULL, shell(script), NULL, &e)
                          : hpcnode_cgroup_run(client, "workload.slice", name, NULL, NULL,
                                               shell(script), NULL, &e);
                if (r >= 0)
                        break;
                answered = !unanswered(&e);
                found = insist(call_inspect, id);
                if (!answered && found == 0) {
                        hpcnode_cgroup_error_done(&e);
                        break;
                }
                if (answered && found == 0 && e.code != HPCNODE_CGROUP_ERROR_ALREADY_EXISTS)
                        wrong(job, "%s was refused, and is there: %s", id, e.message);
                if (scope && e.code == HPCNODE_CGROUP_ERROR_NOT_FOUND && is_lost(job, scope)) {
                        hpcnode_cgroup_error_done(&e);
                        return false;
                }
                if (now_msec() > deadline || (scope && e.code == HPCNODE_CGROUP_ERROR_NOT_FOUND)) {
                        wrong(job, "%s is not accepted: %s", id, e.message);
                        hpcnode_cgroup_error_done(&e);
                        return false;
                }
                atomic_fetch_add(answered ? &shared->refused : &shared->asked_again, 1);
                hpcnode_cgroup_error_done(&e);
        }
        atomic_fetch_add(&shared->accepted, 1);
        return true;
}

static bool create(unsigned job, const char *name, bool release_on_empty)
{
        int64_t deadline = now_msec() + PATIENCE_MSEC;
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        bool is_there, again;

        if (!options || hpcnode_cgroup_options_set_number(options, "ReleaseOnEmpty",
                                                          release_on_empty, NULL) < 0)
                die("options");
        do {
                hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

                is_there = hpcnode_cgroup_create_scope(client, "workload.slice", name, NULL,
                                                       options, NULL, &e) >= 0 ||
                           (unanswered(&e) && insist(call_inspect, name) == 0);
                again = !is_there && now_msec() < deadline;
                if (again)
                        atomic_fetch_add(&shared->refused, 1);
                else if (!is_there)
                        wrong(job, "%s is not created: %s", name, e.message);
                hpcnode_cgroup_error_done(&e);
        } while (again);
        hpcnode_cgroup_options_free(options);
        return is_there;
}

/* Has PID 1 stop the unit, however often that has to be said to one that executes itself anew. */
static void stop_unit(unsigned job)
{
        int64_t deadline = now_msec() + PATIENCE_MSEC;
        char text[128];
        int status;

        (void) snprintf(text, sizeof text, "systemctl stop workload-chaos-%u.scope 2>/dev/null",
                        job);
        for (;;) {
                status = system(text);
                if (status == 0 ||
                    (WIFEXITED(status) && WEXITSTATUS(status) == SYSTEMCTL_NOT_LOADED))
                        break;
                if (now_msec() > deadline) {
                        wrong(job, "cannot be stopped: status 0x%x", (unsigned) status);
                        return;
                }
        }
        atomic_fetch_add(&shared->stops, 1);
}

/* Of a job, or with "SCOPE/TASK" of a task: it has ended with this status (-1: not by itself) or by this signal
 * (0: by none). */
static void expect(unsigned job, const char *id, int exit, int signal)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info *first = NULL, *again = NULL;

        if (hpcnode_cgroup_wait(client, id, -1, &first, &e) < 0) {
                _cleanup_(freep) char *scope = strndup(id, strcspn(id, "/"));

                /* Tasks go with their scope; and what has ended is forgotten when daemon and supervisor are
                 * killed together, see hpcnode-cgroupd(8). */
                if (e.code == HPCNODE_CGROUP_ERROR_NOT_FOUND && strchr(id, '/') &&
                    (shared->supervisor_killed[job] || is_lost(job, scope)))
                        atomic_fetch_add(&shared->lost, 1);
                else
                        wrong(job, "%s has no outcome: %s", id, e.message);
        } else if (streq(first->state, "lost")) {
                atomic_fetch_add(&shared->lost, 1);
                if (!shared->supervisor_killed[job])
                        wrong(job, "%s is lost, and its supervisor was not killed", id);
        } else {
                atomic_fetch_add(&shared->known, 1);
                if (!(exit >= 0 && first->exit_status == exit && first->exit_signal == 0) &&
                    !(signal > 0 && first->exit_status < 0 && first->exit_signal == signal))
                        wrong(job, "%s should have exit %d or signal %d, and has %s, %d, %d", id,
                              exit, signal, first->state, first->exit_status, first->exit_signal);
                if (hpcnode_cgroup_wait(client, id, -1, &again, NULL) >= 0 &&
                    (again->exit_status != first->exit_status ||
                     again->exit_signal != first->exit_signal ||
                     !streq(again->state, first->state)))
                        wrong(job, "%s has two outcomes: %s and %s", id, first->state,
                              again->state);
        }
        hpcnode_cgroup_error_done(&e);
        hpcnode_cgroup_info_free(first);
        hpcnode_cgroup_info_free(again);
}

/* Of an allocation: it has ended, and with it so many tasks of which it is not known how. */
static void expect_released(unsigned job, const char *name, unsigned n_tasks)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info *info = NULL;

        if (hpcnode_cgroup_wait(client, name, -1, &info, &e) < 0) {
                wrong(job, "has no outcome: %s", e.message);
        } else if (streq(info->state, "lost")) {
                atomic_fetch_add(&shared->lost, n_tasks);
                if (!shared->supervisor_killed[job])
                        wrong(job, "is lost, and its supervisor was not killed");
        } else {
                atomic_fetch_add(&shared->known, n_tasks);
                if (!streq(info->state, "exited"))
                        wrong(job, "should be exited, and is %s", info->state);
        }
        hpcnode_cgroup_error_done(&e);
        hpcnode_cgroup_info_free(info);
}

static void remove_record(unsigned job, const char *name)
{
        hpcnode_cgroup_error_code code = insist(call_remove, name);

        if (code != 0 && code != HPCNODE_CGROUP_ERROR_NOT_FOUND)
                wrong(job, "cannot be removed: %s", hpcnode_cgroup_error_name(code));
}

/* --- what a job may go through --- */

static void job_exits(unsigned job, const char *name)
{
        char script[64];

        (void) snprintf(script, sizeof script, "sleep 0.%02u; exit %u", below(20), 1 + job % 200);
        if (start(job, NULL, name, script))
                expect(job, name, (int) (1 + job % 200), 0);
}

/* Its main process ends, its children do not care: all of it is gone. */
static void job_leaves_children(unsigned job, const char *name)
{
        char script[128];

        (void) snprintf(
                script, sizeof script,
                "/usr/libexec/hpcnode-tests/bin/ignore-signals --leave 2 >/dev/null; exit %u",
                1 + job % 200);
        if (start(job, NULL, name, script))
                expect(job, name, (int) (1 + job % 200), 0);
}

/* SIGTERM to the job, or to the last task of the allocation. */
static void terminate(unsigned job, const char *name, const char *target)
{
        (void) insist(call_term, target);
        /* A supervisor that is killed at this moment may not have sent it. */
        while (shared->supervisor_killed[job] && is_in_state(name, " running active releasing "))
                (void) insist(call_term, target);
}

static void job_is_terminated(unsigned job, const char *name)
{
        if (!start(job, NULL, name, "exec sleep 1000"))
                return;
        if (below(2)) {
                (void) insist(call_freeze, name);
                (void) insist(call_thaw, name);
        }
        terminate(job, name, name);
        expect(job, name, -1, SIGTERM);
}

/* By PID 1, which says SIGTERM: amid its work, or just when it ends. */
static void job_is_stopped(unsigned job, const char *name)
{
        unsigned kind = below(3), status = 1 + job % 200;
        char script[128] = "exec sleep 1000";

        if (kind == 1)
                (void) snprintf(script, sizeof script,
                                "trap 'exit %u' TERM; while :; do sleep 1000 & wait; done", status);
        else if (kind == 2)
                (void) snprintf(script, sizeof script, "sleep 0.%02u; exit %u", below(10), status);
        if (!start(job, NULL, name, script))
                return;
        if (kind < 2 && below(3) == 0)
                (void) insist(call_freeze, name);
        stop_unit(job);
        /* A trap that is not set yet makes no difference. */
        expect(job, name, kind > 0 ? (int) status : -1, SIGTERM);
}

static void job_is_destroyed(unsigned job, const char *name)
{
        hpcnode_cgroup_error_code code;

        if (!start(job, NULL, name, "exec sleep 1000"))
                return;
        code = insist(call_destroy, name);
        if (code != 0)
                wrong(job, "cannot be destroyed: %s", hpcnode_cgroup_error_name(code));
        expect(job, name, -1, SIGKILL);
}

static void allocation(unsigned job, const char *name)
{
        hpcnode_cgroup_error_code code;
        char script[64], id[128];
        bool started[3];

        if (!create(job, name, false))
                return;
        for (unsigned i = 0; i < 3; i++) {
                (void) snprintf(id, sizeof id, "rank-%u", i);
                (void) snprintf(script, sizeof script, "sleep 0.%02u; exit %u", below(10),
                                (job + i) % 200);
                started[i] = start(job, name, id, script);
        }
        for (unsigned i = 0; i < 3; i++) {
                (void) snprintf(id, sizeof id, "%s/rank-%u", name, i);
                if (started[i])
                        expect(job, id, (int) ((job + i) % 200), 0);
        }
        code = insist(call_destroy, name);
        if (code != 0)
                wrong(job, "cannot be destroyed: %s", hpcnode_cgroup_error_name(code));
}

/* Released by itself when its last task has ended. */
static void allocation_is_released(unsigned job, const char *name)
{
        char script[64], holder[128], id[128];
        bool held, started[2];

        if (!create(job, name, true))
                return;
        held = start(job, name, "holder", "exec sleep 1000");
        for (unsigned i = 0; i < ELEMENTSOF(started); i++) {
                (void) snprintf(id, sizeof id, "rank-%u", i);
                (void) snprintf(script, sizeof script, "sleep 0.%02u; exit %u", below(10),
                                (job + i) % 200);
                started[i] = start(job, name, id, script);
        }
        for (unsigned i = 0; i < ELEMENTSOF(started); i++) {
                (void) snprintf(id, sizeof id, "%s/rank-%u", name, i);
                if (started[i])
                        expect(job, id, (int) ((job + i) % 200), 0);
        }
        (void) snprintf(holder, sizeof holder, "%s/holder", name);
        if (held)
                terminate(job, name, holder);
        expect_released(job, name, held);
}

static void allocation_is_stopped(unsigned job, const char *name)
{
        unsigned n = 0;
        char id[64];

        if (!create(job, name, below(2)))
                return;
        for (unsigned i = below(4); i > 0; i--) {
                (void) snprintf(id, sizeof id, "rank-%u", i);
                n += start(job, name, id, "exec sleep 1000");
        }
        stop_unit(job);
        expect_released(job, name, n);
}

static void work(unsigned worker)
{
        static void (*const kinds[])(unsigned job, const char *name) = {
                job_exits,
                job_exits,
                job_leaves_children,
                job_is_terminated,
                job_is_destroyed,
                job_is_stopped,
                allocation,
                allocation_is_released,
                allocation_is_stopped,
        };

        if (hpcnode_cgroup_open(&client, NULL) < 0)
                die("cannot connect");
        for (;;) {
                unsigned job = atomic_fetch_add(&shared->next_job, 1) + 1;
                char name[64];

                if (job >= JOBS_MAX ||
                    (shared->accepted >= jobs_wanted && (calm || shared->kills >= kills_wanted)))
                        break;
                (void) snprintf(name, sizeof name, "chaos-%u", job);
                atomic_store(&shared->current[worker], job);
                kinds[below(ELEMENTSOF(kinds))](job, name);
                remove_record(job, name);
        }
        atomic_store(&shared->current[worker], 0);
        hpcnode_cgroup_free(client);
}

/* --- all of it --- */

static void measure_job(void)
{
        int64_t begun = now_msec();

        if (hpcnode_cgroup_open(&client, NULL) < 0)
                die("cannot connect");
        if (hpcnode_cgroup_run(client, "workload.slice", "chaos-0", NULL, NULL, shell("exit 0"),
                               NULL, NULL) < 0 ||
            hpcnode_cgroup_wait(client, "chaos-0", -1, NULL, NULL) < 0)
                die("cannot run a job");
        pause_usec = (unsigned) (now_msec() - begun + 1) * 1000 * PAUSE_JOBS;
        (void) insist(call_remove, "chaos-0");
        client = hpcnode_cgroup_free(client);
        printf("a job takes %u ms\n", pause_usec / PAUSE_JOBS / 1000);
        (void) fflush(stdout);
}

static void be_saboteur(unsigned n)
{
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (hpcnode_cgroup_open(&client, NULL) < 0)
                die("cannot connect");
        sabotage(n, pause_usec, spare_bus);
        hpcnode_cgroup_free(client);
}

static pid_t begin(unsigned seed, void (*f)(unsigned n), unsigned n)
{
        pid_t pid = fork();

        if (pid < 0)
                die("fork");
        if (pid > 0)
                return pid;
        srandom(seed + n * 7919);
        f(n);
        exit(0);
}

static bool ended_badly(pid_t pid)
{
        int status;

        if (waitpid(pid, &status, 0) < 0)
                die("waitpid");
        if (status != 0)
                fprintf(stderr, "process %d of the test ended with status 0x%x\n", (int) pid,
                        status);
        return status != 0;
}

static unsigned parse(const char *text)
{
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*end || end == text || n > UINT32_MAX)
                usage(USAGE);
        return (unsigned) n;
}

int main(int argc, char *argv[])
{
        unsigned seed = (unsigned) time(NULL), restarts = daemon_restarts();
        int64_t begun = now_msec();
        pid_t saboteur = 0, workers[WORKERS_MAX];
        bool died = false;

        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--no-bus"))
                        spare_bus = true;
                else if (streq(argv[i], "--calm"))
                        calm = true;
                else if (i + 1 == argc)
                        usage(USAGE);
                else if (streq(argv[i], "--seed"))
                        seed = parse(argv[++i]);
                else if (streq(argv[i], "--jobs"))
                        jobs_wanted = parse(argv[++i]);
                else if (streq(argv[i], "--kills"))
                        kills_wanted = parse(argv[++i]);
                else if (streq(argv[i], "--workers"))
                        n_workers = parse(argv[++i]);
                else
                        usage(USAGE);
        }
        if (n_workers < 1 || n_workers > WORKERS_MAX)
                usage(USAGE);
        printf("seed %u\n", seed);
        (void) fflush(stdout);
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        if (shared == MAP_FAILED)
                die("mmap");

        measure_job();
        for (unsigned i = 0; i < n_workers; i++)
                workers[i] = begin(seed, work, i);
        if (!calm)
                saboteur = begin(seed, be_saboteur, n_workers);
        for (unsigned i = 0; i < n_workers; i++)
                died |= ended_badly(workers[i]);
        atomic_store(&shared->finished, true);
        if (!calm)
                died |= ended_badly(saboteur);

        restarts = daemon_restarts() - restarts;
        printf("accepted %u known %u lost %u refused %u asked-again %u stopped %u wrong %u\n",
               shared->accepted, shared->known, shared->lost, shared->refused, shared->asked_again,
               shared->stops, shared->wrong);
        printf("daemon-kills %u daemon-restarts %u supervisor-kills %u reloads %u reexecs %u "
               "bus-restarts %u seconds %u\n",
               shared->kills, restarts, shared->supervisors_killed, shared->reloads,
               shared->reexecs, shared->bus_restarts, (unsigned) ((now_msec() - begun) / 1000));
        /* Whoever is killed is started again, and nobody ends without that, unless the bus does. */
        if (restarts < shared->kills || restarts > shared->kills + shared->bus_restarts) {
                fprintf(stderr, "the daemon was killed %u times, and started again %u times\n",
                        shared->kills, restarts);
                died = true;
        }
        return died || shared->wrong > 0 || shared->accepted != shared->known + shared->lost;
}
