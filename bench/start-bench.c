/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the start of tasks and scopes costs on this node, as ratios to a peer that is measured in the same run,
 * turn by turn: see README.md. Nothing is decided here. */
#include "basic/macro.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define MANAGER "org.hpcnode.Cgroup1", "/org/hpcnode/Cgroup1", "org.hpcnode.Cgroup1"
#define SYSTEMD \
        "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define SLICE      "workload.slice"
#define SCOPE      "start-bench"
#define PAUSE_USEC 30000 /* of a node that is idle in between */
#define IN_FLIGHT  64
#define CALL_USEC  (120 * UINT64_C(1000000))

static sd_bus *bus;
static unsigned n_turns = 100, n_tasks;

/* --- what is measured: each returns how long it took, in µs --- */

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static void check(int r, const char *what, const sd_bus_error *error)
{
        if (r >= 0)
                return;
        fprintf(stderr, "start-bench: %s: %s\n", what,
                error && error->message ? error->message : strerror(-r));
        exit(1);
}

static uint64_t bus_echo(void)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t begun = now_usec();

        check(sd_bus_call_method(bus, "org.hpcnode.Cgroup1", "/org/hpcnode/Cgroup1",
                                 "org.freedesktop.DBus.Peer", "Ping", &error, NULL, NULL),
              "Ping", &error);
        return now_usec() - begun;
}

/* It returns when the program is executed. */
static uint64_t spawn_process(void)
{
        char *argv[] = { (char *) "true", NULL }, *env[] = { NULL };
        uint64_t begun = now_usec(), took;
        pid_t pid;

        check(-posix_spawn(&pid, "/bin/true", NULL, NULL, argv, env), "posix_spawn", NULL);
        took = now_usec() - begun;
        (void) waitpid(pid, NULL, 0);
        return took;
}

static sd_bus_message *spawn_message(const char *program, const char *argument)
{
        char *argv[] = { (char *) program, (char *) argument, NULL };
        sd_bus_message *m = NULL;
        char name[32];
        int r;

        (void) snprintf(name, sizeof(name), "t%u", n_tasks++);
        r = sd_bus_message_new_method_call(bus, &m, MANAGER, "Spawn");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SCOPE, name);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, argv);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        check(r, "Spawn", NULL);
        return m;
}

static uint64_t spawn_task(void)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t begun = now_usec();
        sd_bus_message *m = spawn_message("/bin/true", NULL);

        check(sd_bus_call(bus, m, CALL_USEC, &error, NULL), "Spawn", &error);
        sd_bus_message_unref(m);
        return now_usec() - begun;
}

/* --- scopes --- */

static const char *awaited; /* a job of PID 1 */

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *job;

        if (sd_bus_message_read(m, "uo", NULL, &job) >= 0 && awaited && streq(job, awaited))
                awaited = NULL;
        return 0;
}

/* Sends a call that starts a job, and returns when it is done. */
static void run_job(sd_bus_message *m)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;

        check(sd_bus_call(bus, m, CALL_USEC, &error, &reply), "systemd", &error);
        check(sd_bus_message_read(reply, "o", &awaited), "systemd", NULL);
        while (awaited) {
                int r = sd_bus_process(bus, NULL);

                check(r, "bus", NULL);
                if (r == 0)
                        check(sd_bus_wait(bus, CALL_USEC), "bus", NULL);
        }
        sd_bus_message_unref(reply);
        sd_bus_message_unref(m);
}

static uint64_t bare_scope(void)
{
        pid_t pid = fork();
        sd_bus_message *m = NULL;
        uint64_t begun, took;

        if (pid == 0)
                for (;;)
                        (void) pause();
        begun = now_usec();
        check(sd_bus_message_new_method_call(bus, &m, SYSTEMD, "StartTransientUnit"), "systemd",
              NULL);
        check(sd_bus_message_append(m, "ssa(sv)a(sa(sv))", "workload-start-bench-bare.scope",
                                    "fail", 3, "PIDs", "au", 1, (uint32_t) pid, "Slice", "s", SLICE,
                                    "CollectMode", "s", "inactive-or-failed", 0),
              "systemd", NULL);
        run_job(m);
        took = now_usec() - begun;

        check(sd_bus_message_new_method_call(bus, &m, SYSTEMD, "StopUnit"), "systemd", NULL);
        check(sd_bus_message_append(m, "ss", "workload-start-bench-bare.scope", "replace"),
              "systemd", NULL);
        run_job(m);
        (void) waitpid(pid, NULL, 0);
        return took;
}

static void manager_call(const char *method, const char *scope)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;

        check(sd_bus_call_method(bus, MANAGER, method, &error, NULL, "s", scope), method, &error);
}

static uint64_t run_scope(void)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t begun = now_usec(), took;

        check(sd_bus_call_method(bus, MANAGER, "Run", &error, NULL, "ssa{sv}asa{sv}", SLICE,
                                 SCOPE "-job", 0, 2, "/bin/sleep", "infinity", 0),
              "Run", &error);
        took = now_usec() - begun;
        manager_call("DestroyScope", SCOPE "-job");
        manager_call("RemoveScope", SCOPE "-job");
        return took;
}

/* --- with many tasks alive --- */

static unsigned in_flight;

static int on_spawned(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        check(-sd_bus_message_get_errno(m), "Spawn", sd_bus_message_get_error(m));
        in_flight--;
        return 0;
}

static void fill(unsigned n)
{
        while (n > 0 || in_flight > 0) {
                int r;

                for (; n > 0 && in_flight < IN_FLIGHT; n--, in_flight++) {
                        sd_bus_message *m = spawn_message("/bin/sleep", "infinity");

                        check(sd_bus_call_async(bus, NULL, m, on_spawned, NULL, CALL_USEC), "Spawn",
                              NULL);
                        sd_bus_message_unref(m);
                }
                r = sd_bus_process(bus, NULL);
                check(r, "bus", NULL);
                if (r == 0)
                        check(sd_bus_wait(bus, CALL_USEC), "bus", NULL);
        }
}

/* --- the report --- */

typedef struct Series {
        uint64_t *usec; /* sorted */
} Series;

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static uint64_t percentile(const Series *s, unsigned n)
{
        return s->usec[(n_turns - 1) * n / 100];
}

static void print(const char *what, const Series *s, const Series *peer, unsigned pause)
{
        printf("%-34s %3u ms apart  p50 %6ju us  p99 %6ju us", what, pause / 1000,
               (uintmax_t) percentile(s, 50), (uintmax_t) percentile(s, 99));
        if (peer)
                printf("  ratio %5.2f  p99 %5.2f",
                       (double) percentile(s, 50) / (double) percentile(peer, 50),
                       (double) percentile(s, 99) / (double) percentile(peer, 99));
        printf("\n");
}

/* Both in turn, so that what else the node does hits both. */
static void compare_two(const char *what, uint64_t (*ours)(void), const char *peer,
                        uint64_t (*theirs)(void))
{
        for (unsigned pause = 0; pause <= PAUSE_USEC; pause += PAUSE_USEC) {
                Series a = { calloc(n_turns, sizeof(uint64_t)) };
                Series b = { calloc(n_turns, sizeof(uint64_t)) };

                if (!a.usec || !b.usec)
                        check(-ENOMEM, "series", NULL);
                for (unsigned i = 0; i < n_turns; i++) {
                        (void) usleep(pause);
                        b.usec[i] = theirs();
                        (void) usleep(pause);
                        a.usec[i] = ours();
                }
                qsort(a.usec, n_turns, sizeof(uint64_t), compare);
                qsort(b.usec, n_turns, sizeof(uint64_t), compare);
                print(peer, &b, NULL, pause);
                print(what, &a, &b, pause);
                free(a.usec);
                free(b.usec);
        }
}

int main(int argc, char **argv)
{
        static const unsigned alive[] = { 10, 1000, 5000 };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        unsigned before = 0;

        if (argc > 2 || (argc == 2 && (n_turns = (unsigned) atoi(argv[1])) == 0)) {
                fprintf(stderr, "usage: start-bench [TURNS]\n");
                return 2;
        }
        check(sd_bus_open_system(&bus), "the system bus", NULL);
        check(sd_bus_call_method(bus, SYSTEMD, "Subscribe", &error, NULL, NULL), "Subscribe",
              &error);
        check(sd_bus_match_signal(bus, NULL, SYSTEMD, "JobRemoved", on_job_removed, NULL),
              "JobRemoved", NULL);
        check(sd_bus_call_method(bus, MANAGER, "CreateScope", &error, NULL, "ssa{sv}", SLICE, SCOPE,
                                 0),
              "CreateScope", &error);

        compare_two("a task (Spawn)", spawn_task, "posix_spawn()", spawn_process);
        compare_two("a task (Spawn)", spawn_task, "an echo over the bus", bus_echo);
        compare_two("a job (Run)", run_scope, "a bare scope of systemd", bare_scope);
        for (size_t i = 0; i < ELEMENTSOF(alive); i++) {
                char what[64];

                fill(alive[i] - before);
                before = alive[i];
                (void) snprintf(what, sizeof(what), "a task beside %u", alive[i]);
                compare_two(what, spawn_task, "posix_spawn()", spawn_process);
        }
        manager_call("DestroyScope", SCOPE);
        manager_call("RemoveScope", SCOPE);
        sd_bus_flush_close_unref(bus);
        return 0;
}
