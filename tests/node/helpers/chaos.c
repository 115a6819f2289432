/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients that create, run, spawn, freeze, kill and destroy at random, while somebody kills the daemon and
 * supervisors, reloads and re-executes PID 1, and restarts the bus (or, calm, nobody does). Every job that was accepted must have
 * exactly one outcome, and it must be the right one. */
#include "helper.h"

#include "hpcnode/cgroup.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define USAGE "[--seed N] [--jobs N] [--kills N] [--workers N] [--no-bus] [--calm]"

#define JOBS_MAX    100000
#define WORKERS_MAX 64

/* What is refused for a while, after a crash say, is to be accepted within this time. */
#define PATIENCE_MSEC (120 * 1000)

typedef struct Shared {
        atomic_uint next_job, accepted, known, lost, refused, asked_again, wrong;
        atomic_uint kills, supervisors_killed, reloads, reexecs, bus_restarts;
        atomic_bool finished;
        atomic_uint current[WORKERS_MAX];        /* the job that each worker is at */
        atomic_bool supervisor_killed[JOBS_MAX]; /* then its outcome may be lost */
} Shared;

static Shared *shared;
static unsigned jobs_wanted = 200, kills_wanted = 30, n_workers = 6;
static bool spare_bus, calm;
static hpcnode_cgroup *client;

/* The longest pause between two acts of sabotage: a multiple of what a job takes here, or a slow node would
 * come to nothing. */
static unsigned pause_usec;
#define PAUSE_JOBS 3

static unsigned below(unsigned n)
{
        return (unsigned) random() % n;
}

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

/* --- calls that are repeated until the daemon has answered --- */

static bool unanswered(const hpcnode_cgroup_error *e)
{
        return e->code == HPCNODE_CGROUP_ERROR_UNREACHABLE ||
               e->code == HPCNODE_CGROUP_ERROR_TIMED_OUT;
}

typedef int (*call_t)(const char *scope, hpcnode_cgroup_error *e);

static int call_ping(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_ping(client, NULL, NULL, e);
}

static int call_inspect(const char *scope, hpcnode_cgroup_error *e)
{
        hpcnode_cgroup_info *info = NULL;
        int r = hpcnode_cgroup_inspect(client, scope, &info, e);

        hpcnode_cgroup_info_free(info);
        return r;
}

static int call_destroy(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_destroy_scope(client, scope, e);
}

static int call_remove(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_remove(client, scope, e);
}

static int call_freeze(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_freeze(client, scope, e);
}

static int call_thaw(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_thaw(client, scope, e);
}

static int call_term(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_kill(client, scope, SIGTERM, e);
}

/* For calls that do no harm when they are made twice. The error's code, or 0. */
static hpcnode_cgroup_error_code insist(call_t call, const char *scope)
{
        int64_t deadline = now_msec() + PATIENCE_MSEC;

        for (;;) {
                hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
                hpcnode_cgroup_error_code code;
                bool again;

                code = call(scope, &e) < 0 ? e.code : 0;
                again = unanswered(&e) && now_msec() < deadline;
                if (unanswered(&e) && !again)
                        fprintf(stderr, "%s: no answer in time: %s\n", scope, e.message);
                hpcnode_cgroup_error_done(&e);
                if (!again)
                        return code;
                atomic_fetch_add(&shared->asked_again, 1);
        }
}

/* --- acts --- */

static const char *const *shell(const char *script)
{
        static const char *argv[] = { "sh", "-c", NULL, NULL };

        argv[2] = script;
        return argv;
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
                /* The scope has gone with its supervisor. */
                if (scope && shared->supervisor_killed[job] &&
                    e.code == HPCNODE_CGROUP_ERROR_NOT_FOUND) {
                        hpcnode_cgroup_error_done(&e);
                        return false;
                }
                if (now_msec() > deadline) {
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

static bool create(unsigned job, const char *name)
{
        int64_t deadline = now_msec() + PATIENCE_MSEC;

        for (;;) {
                hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
                bool is_there;

                if (hpcnode_cgroup_create_scope(client, "workload.slice", name, NULL, NULL, NULL,
                                                &e) >= 0)
                        return true;
                is_there = unanswered(&e) && insist(call_inspect, name) == 0;
                if (!is_there && now_msec() > deadline)
                        wrong(job, "%s is not created: %s", name, e.message);
                hpcnode_cgroup_error_done(&e);
                if (is_there || now_msec() > deadline)
                        return is_there;
                atomic_fetch_add(&shared->refused, 1);
        }
}

static void expect(unsigned job, const char *id, int exit, int signal)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info *first = NULL, *again = NULL;

        if (hpcnode_cgroup_wait(client, id, -1, &first, &e) < 0) {
                if (!(strchr(id, '/') && shared->supervisor_killed[job]))
                        wrong(job, "%s has no outcome: %s", id, e.message);
                else
                        atomic_fetch_add(&shared->lost, 1); /* with its whole scope */
        } else if (streq(first->state, "lost")) {
                atomic_fetch_add(&shared->lost, 1);
                if (!shared->supervisor_killed[job])
                        wrong(job, "%s is lost, and its supervisor was not killed", id);
        } else {
                atomic_fetch_add(&shared->known, 1);
                if (first->exit_status != exit || first->exit_signal != signal)
                        wrong(job, "%s should have exit %d, signal %d, and has %s, %d, %d", id,
                              exit, signal, first->state, first->exit_status, first->exit_signal);
                if (hpcnode_cgroup_wait(client, id, -1, &again, NULL) >= 0 &&
                    (again->exit_status != first->exit_status ||
                     !streq(again->state, first->state)))
                        wrong(job, "%s has two outcomes: %s and %s", id, first->state,
                              again->state);
        }
        hpcnode_cgroup_error_done(&e);
        hpcnode_cgroup_info_free(first);
        hpcnode_cgroup_info_free(again);
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

static void job_is_terminated(unsigned job, const char *name)
{
        if (!start(job, NULL, name, "exec sleep 1000"))
                return;
        if (below(2)) {
                (void) insist(call_freeze, name);
                (void) insist(call_thaw, name);
        }
        (void) insist(call_term, name);
        /* A supervisor that is killed at this moment may not have sent it. */
        while (shared->supervisor_killed[job]) {
                hpcnode_cgroup_info *info = NULL;
                bool ended;

                if (hpcnode_cgroup_inspect(client, name, &info, NULL) < 0)
                        continue;
                ended = !streq(info->state, "running") && !streq(info->state, "releasing");
                hpcnode_cgroup_info_free(info);
                if (ended)
                        break;
                (void) insist(call_term, name);
        }
        expect(job, name, -1, SIGTERM);
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

        if (!create(job, name))
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

static void work(unsigned worker)
{
        static void (*const kinds[])(unsigned job, const char *name) = {
                job_exits,         job_exits,        job_leaves_children,
                job_is_terminated, job_is_destroyed, allocation,
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

/* --- the other side --- */

static void command(const char *text)
{
        if (system(text) < 0)
                die(text);
}

static void kill_daemon(void)
{
        command("systemctl kill --signal=KILL --kill-who=main hpcnode-cgroupd.service 2>/dev/null");
        atomic_fetch_add(&shared->kills, 1);
}

static void kill_supervisor(void)
{
        unsigned job = shared->current[below(n_workers)];
        char path[256];
        FILE *f;
        int pid;

        if (job == 0)
                return;
        (void) snprintf(
                path, sizeof path,
                "/sys/fs/cgroup/workload.slice/workload-chaos-%u.scope/supervisor/cgroup.procs",
                job);
        f = fopen(path, "re");
        if (!f)
                return;
        if (fscanf(f, "%d", &pid) == 1) {
                atomic_store(&shared->supervisor_killed[job], true);
                if (kill(pid, SIGKILL) >= 0)
                        atomic_fetch_add(&shared->supervisors_killed, 1);
        }
        (void) fclose(f);
}

static void reload(void)
{
        command("systemctl daemon-reload");
        atomic_fetch_add(&shared->reloads, 1);
}

static void reexec(void)
{
        command("systemctl daemon-reexec");
        atomic_fetch_add(&shared->reexecs, 1);
}

static void restart_bus(void)
{
        if (spare_bus)
                return;
        command("systemctl restart dbus.service 2>/dev/null");
        atomic_fetch_add(&shared->bus_restarts, 1);
}

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

static void sabotage(void)
{
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (hpcnode_cgroup_open(&client, NULL) < 0)
                die("cannot connect");
        while (!shared->finished) {
                unsigned n = below(100);

                /* As soon as a daemon serves, at a moment that nobody can foresee. */
                (void) insist(call_ping, "ping");
                (void) usleep(below(pause_usec));
                if (n < 70)
                        kill_daemon();
                else if (n < 88)
                        kill_supervisor();
                else if (n < 94)
                        reload();
                else if (n < 97)
                        reexec();
                else
                        restart_bus();
        }
        (void) insist(call_ping, "ping");
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
        if (f)
                f(n);
        else
                sabotage();
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
        unsigned seed = (unsigned) time(NULL);
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
                saboteur = begin(seed, NULL, n_workers);
        for (unsigned i = 0; i < n_workers; i++)
                died |= ended_badly(workers[i]);
        atomic_store(&shared->finished, true);
        if (!calm)
                died |= ended_badly(saboteur);

        printf("accepted %u known %u lost %u refused %u asked-again %u wrong %u\n",
               shared->accepted, shared->known, shared->lost, shared->refused, shared->asked_again,
               shared->wrong);
        printf("daemon-kills %u supervisor-kills %u reloads %u reexecs %u bus-restarts %u seconds "
               "%u\n",
               shared->kills, shared->supervisors_killed, shared->reloads, shared->reexecs,
               shared->bus_restarts, (unsigned) ((now_msec() - begun) / 1000));
        return died || shared->wrong > 0 || shared->accepted != shared->known + shared->lost;
}
