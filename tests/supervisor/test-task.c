/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks of a supervisor: how their end is told, and what it means for the others. */

#include "driver.h"

#include "basic/attach.h"
#include "basic/process-status.h"
#include "basic/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LONG_TASK SHELL("exec sleep 1000")

/* --- the end --- */

static void every_exit_status_is_told(void **state)
{
        static const int values[] = { 0, 1, 2, 42, 126, 127, 128, 137, 254, 255 };
        Driver *d = driver_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                char command[16], output[8];
                Message *m;

                (void) snprintf(command, sizeof(command), "exit %d", values[i]);
                m = driver_run(d, "t", &(Program){ .argv = SHELL(command) }, output,
                               sizeof(output));
                assert_int_equal(message_number(m, "exit"), values[i]);
                assert_null(message_get(m, "signal"));
                assert_true(message_number(m, "exit_usec") >= message_number(m, "start_usec"));
                free(m);
        }
        driver_free(d);
}

static void every_signal_is_told(void **state)
{
        static const int values[] = { SIGHUP,  SIGKILL, SIGSEGV, SIGABRT, SIGPIPE,
                                      SIGTERM, SIGUSR1, 34,      64 };
        Driver *d = driver_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                Message *m;

                driver_spawn_ok(d, "t", &(Program){ .argv = LONG_TASK });
                free(driver_answer(d, driver_signal(d, "t", values[i])));
                m = driver_expect(d, "type", "exited", "task", "t", NULL);
                assert_int_equal(message_number(m, "signal"), values[i]);
                assert_null(message_get(m, "exit"));
                assert_null(message_get(m, "oom"));
                free(m);
        }
        driver_free(d);
}

static void an_ended_task_leaves_no_leaf_and_its_name_is_free(void **state)
{
        Driver *d = driver_new(NULL);

        for (int i = 0; i < 3; i++) {
                driver_spawn_ok(d, "again", &(Program){ .argv = SHELL("exit 1") });
                driver_expect_drop(d, "type", "exited", "task", "again", NULL);
                driver_expect_drop(d, "type", "empty", NULL);
                if (i == 0)
                        driver_wait_gone(d, "payload/again");
        }
        driver_free(d);
}

static void a_live_task_keeps_its_name(void **state)
{
        Driver *d = driver_new(NULL);

        driver_spawn_ok(d, "one", &(Program){ .argv = LONG_TASK });
        driver_spawn_fails(d, "one", &(Program){ .argv = ARGV("true") }, "leaf", EEXIST);
        assert_true(driver_exists(d, "payload/one"));
        driver_free(d);
}

static void a_leaf_goes_when_the_last_orphan_has_gone(void **state)
{
        Driver *d = driver_new(NULL);
        int in;

        driver_spawn_ready(d, "one", "exec 3<&0; cat <&3 & echo; exit 0", &in);
        driver_expect_drop(d, "type", "exited", "task", "one", "exit", "0", NULL);
        assert_true(driver_exists(d, "payload/one"));
        assert_false(driver_has(d, "empty"));
        driver_spawn_fails(d, "one", &(Program){ .argv = ARGV("true") }, "leaf", EEXIST);
        (void) close(in);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_wait_gone(d, "payload/one");
        driver_spawn_ok(d, "one", &(Program){ .argv = ARGV("true") });
        driver_free(d);
}

static void orphans_are_reaped(void **state)
{
        Driver *d = driver_new(NULL);
        char text[4096];

        driver_spawn_ok(
                d, "one",
                &(Program){ .argv = SHELL("for i in $(seq 300); do (sleep 0.1 &) ; done") });
        driver_expect_drop(d, "type", "empty", NULL);
        driver_read(d, "payload/cgroup.events", text, sizeof(text));
        assert_non_null(strstr(text, "populated 0"));
        (void) snprintf(text, sizeof(text), "/proc/%d/task/%d/children", d->lasting, d->lasting);
        if (access(text, R_OK) == 0) {
                int fd = open(text, O_RDONLY | O_CLOEXEC);

                assert_int_equal(read(fd, text, sizeof(text)), 0);
                (void) close(fd);
        }
        driver_free(d);
}

#define STUBBORN "trap '' TERM HUP INT; (setsid sleep 1000 &); echo; while :; do sleep 1000; done"

static void the_end_of_main_kills_everything_else(void **state)
{
        Driver *d = driver_new(NULL);
        int in;

        driver_spawn_ready(d, "service", STUBBORN, NULL);
        driver_spawn_ready(d, "rank-1", STUBBORN, NULL);
        driver_spawn_ready(d, "main", "(setsid sleep 1000 &); echo; read x; exit 9", &in);
        driver_write(d, "payload/rank-1/cgroup.freeze", "1");
        (void) close(in);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "9", NULL);
        driver_expect_drop(d, "type", "exited", "task", "service", "signal", "9", NULL);
        driver_expect_drop(d, "type", "exited", "task", "rank-1", "signal", "9", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_wait_gone(d, "payload/service");
        driver_wait_gone(d, "payload/main");
        driver_spawn_ok(d, "main", &(Program){ .argv = ARGV("true") });
        driver_free(d);
}

static void the_end_of_main_kills_without_daemon_too(void **state)
{
        Driver *d = driver_new(NULL);
        int in;

        driver_spawn_ready(d, "rank-1", STUBBORN, NULL);
        driver_spawn_ready(d, "main", "echo; read x", &in);
        driver_disconnect(d);
        (void) close(in);
        driver_wait_gone(d, "payload/rank-1");
        driver_connect(d);
        driver_expect_drop(d, "type", "exited", "task", "rank-1", "signal", "9", NULL);
        driver_expect_drop(d, "type", "synced", "populated", "0", NULL);
        driver_free(d);
}

/* A child that has not executed its program yet is part of what is left. */
static void the_end_of_main_ends_a_start_as_well(void **state)
{
        Driver *d = driver_new(NULL);
        uint64_t serial;
        Message *m;
        int in;

        driver_spawn_ready(d, "main", "echo; read x", &in);
        assert_return_code(mkdirat(d->scope_fd, "payload/hangs", 0755), errno);
        driver_write(d, "payload/hangs/cgroup.freeze", "1");
        serial = driver_spawn_send(d, "hangs", &(Program){ .argv = ARGV("true") });
        free(driver_answer(d, driver_signal(d, "nobody", SIGTERM)));
        (void) close(in);
        m = driver_answer(d, serial);
        assert_string_equal(message_get(m, "step"), "died");
        free(m);
        driver_free(d);
}

static void a_signal_reaches_the_task_or_everything(void **state)
{
        Driver *d = driver_new(NULL);
        Message *m;

        driver_spawn_ok(d, "one", &(Program){ .argv = LONG_TASK });
        driver_spawn_ok(d, "two", &(Program){ .argv = LONG_TASK });
        free(driver_answer(d, driver_signal(d, "one", SIGUSR1)));
        driver_expect_drop(d, "type", "exited", "task", "one", "signal", "10", NULL);
        m = driver_answer(d, driver_signal(d, "one", SIGUSR1));
        assert_string_equal(message_get(m, "type"), "failed");
        assert_int_equal(message_number(m, "errno"), ESRCH);
        free(m);
        free(driver_answer(d, driver_signal(d, NULL, SIGUSR2)));
        driver_expect_drop(d, "type", "exited", "task", "two", "signal", "12", NULL);
        driver_free(d);
}

/* As when the supervisor was frozen while the daemon waited. */
static void what_the_daemon_has_given_up_is_not_done(void **state)
{
        Driver *d = driver_new(NULL);
        Fields signal = {}, spawn = {};
        Message *m;

        driver_spawn_ok(d, "t", &(Program){ .argv = LONG_TASK });
        fields_append(&signal, "type", "signal");
        fields_append_u64(&signal, "signal", SIGKILL);
        fields_append_u64(&signal, "expires_usec", clock_now() - 1);
        m = driver_answer(d, driver_send(d, &signal, NULL, 0));
        assert_string_equal(message_get(m, "type"), "failed");
        assert_int_equal(message_number(m, "errno"), ETIMEDOUT);
        free(m);
        fields_append(&spawn, "type", "spawn");
        fields_append(&spawn, "task", "late");
        fields_append_u64(&spawn, "timeout_usec", USEC_PER_SEC);
        fields_append_u64(&spawn, "expires_usec", clock_now() - 1);
        m = driver_answer(d, driver_send(d, &spawn, NULL, 0));
        assert_int_equal(message_number(m, "errno"), ETIMEDOUT);
        free(m);
        assert_false(driver_exists(d, "payload/late"));
        /* The task has survived it. */
        fields_append(&signal, "type", "signal");
        fields_append_u64(&signal, "signal", SIGTERM);
        fields_append_u64(&signal, "expires_usec", clock_now() + 60 * USEC_PER_SEC);
        free(driver_answer(d, driver_send(d, &signal, NULL, 0)));
        driver_expect_drop(d, "type", "exited", "task", "t", "signal", "15", NULL);
        driver_free(d);
}

static void a_task_killed_for_memory_is_told_so(void **state)
{
        Driver *d = driver_new(NULL);
        Message *m;

        assert_return_code(mkdirat(d->scope_fd, "payload/greedy", 0755), errno);
        if (!driver_exists(d, "payload/greedy/memory.max")) {
                driver_free(d);
                skip();
        }
        driver_write(d, "payload/greedy/memory.max", "16777216");
        if (driver_exists(d, "payload/greedy/memory.swap.max"))
                driver_write(d, "payload/greedy/memory.swap.max", "0");
        driver_spawn_ok(d, "modest", &(Program){ .argv = LONG_TASK });
        driver_spawn_ok(d, "greedy", &(Program){ .argv = ARGV("tail", "/dev/zero") });
        m = driver_expect(d, "type", "exited", "task", "greedy", NULL);
        assert_int_equal(message_number(m, "signal"), SIGKILL);
        assert_int_equal(message_number(m, "oom"), 1);
        free(m);
        free(driver_answer(d, driver_signal(d, "modest", SIGKILL)));
        m = driver_expect(d, "type", "exited", "task", "modest", NULL);
        assert_null(message_get(m, "oom"));
        free(m);
        driver_free(d);
}

/* --- processes that there are already --- */

static pid_t start_process(void)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        (void) pause();
        }
        return pid;
}

static void end_process(pid_t pid)
{
        (void) kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Asks for the processes with their pidfds and origins; ends with its answer. */
static Message *attach(Driver *d, const char *task, const Attachee *a, size_t n)
{
        Fields f = {};
        char pids[256] = "";
        int fds[8];

        fields_append(&f, "type", "attach");
        fields_append(&f, "task", task);
        for (size_t i = 0; i < n; i++) {
                (void) snprintf(pids + strlen(pids), sizeof(pids) - strlen(pids), "%s%d",
                                i > 0 ? " " : "", a[i].pid);
                fds[2 * i] = a[i].pidfd;
                fds[2 * i + 1] = a[i].origin;
        }
        fields_append(&f, "pids", pids);
        return driver_answer(d, driver_send(d, &f, fds, 2 * n));
}

static Attachee attachee(pid_t pid)
{
        Attachee a = { .pid = pid,
                       .pidfd = pidfd_open_process(pid),
                       .origin = process_open_cgroup(pid) };

        assert_true(a.pidfd >= 0 && a.origin >= 0);
        return a;
}

static void assert_in(pid_t pid, const char *wanted)
{
        char *path = NULL;

        assert_int_equal(process_cgroup(pid, &path), 0);
        assert_string_equal(path, wanted);
        free(path);
}

static void processes_are_attached_and_the_first_is_the_task(void **state)
{
        Driver *d = driver_new(NULL);
        Attachee a[] = { attachee(start_process()), attachee(start_process()) };
        char procs[64], wanted[64];
        size_t before = count_fds(d->lasting);
        Message *m = attach(d, "guest", a, 2);

        assert_string_equal(message_get(m, "type"), "done");
        assert_int_equal(message_number(m, "pid"), a[0].pid);
        free(m);
        driver_read(d, "payload/guest/cgroup.procs", procs, sizeof(procs));
        (void) snprintf(wanted, sizeof(wanted), "%d\n%d\n", a[0].pid, a[1].pid);
        assert_string_equal(procs, wanted);
        assert_int_equal(count_fds(d->lasting), before + 1);
        attachees_done(a, 2);
        /* Its parent has not taken the status yet. */
        free(driver_answer(d, driver_signal(d, "guest", SIGUSR1)));
        m = driver_expect(d, "type", "exited", "task", "guest", NULL);
        assert_int_equal(message_number(m, "signal"), SIGUSR1);
        assert_int_equal(message_number(m, "pid"), a[0].pid);
        free(m);
        assert_true(driver_exists(d, "payload/guest"));
        end_process(a[0].pid);
        end_process(a[1].pid);
        driver_wait_gone(d, "payload/guest");
        driver_expect_drop(d, "type", "empty", NULL);
        assert_int_equal(count_fds(d->lasting), before);
        driver_free(d);
}

static void what_cannot_be_attached_leaves_all_where_they_were(void **state)
{
        Driver *d = driver_new(NULL);
        Attachee a[] = { attachee(start_process()), attachee(start_process()),
                         attachee(start_process()) };
        _cleanup_(freep) char *from = NULL;
        size_t before = count_fds(d->lasting);
        Message *m;

        assert_int_equal(process_cgroup(a[0].pid, &from), 0);
        /* One that was in another cgroup when it was looked at. */
        (void) close(a[1].origin);
        a[1].origin = dup(d->scope_fd);
        m = attach(d, "guest", a, 3);
        assert_string_equal(message_get(m, "type"), "failed");
        assert_int_equal(message_number(m, "errno"), ESTALE);
        assert_int_equal(message_number(m, "pid"), a[1].pid);
        assert_null(message_get(m, "reason"));
        free(m);
        for (size_t i = 0; i < 3; i++)
                assert_in(a[i].pid, from);
        assert_false(driver_exists(d, "payload/guest"));

        /* One that has ended, also while its parent has not asked. */
        assert_int_equal(dup2(a[0].origin, a[1].origin), a[1].origin);
        for (int i = 0; i < 2; i++) {
                if (i == 0)
                        assert_return_code(kill(a[2].pid, SIGKILL), errno);
                else
                        assert_int_equal(waitpid(a[2].pid, NULL, 0), a[2].pid);
                assert_int_equal(
                        poll(&(struct pollfd){ .fd = a[2].pidfd, .events = POLLIN }, 1, 60000), 1);
                m = attach(d, "guest", a, 3);
                assert_int_equal(message_number(m, "errno"), ESRCH);
                assert_int_equal(message_number(m, "pid"), a[2].pid);
                free(m);
                assert_in(a[0].pid, from);
                assert_in(a[1].pid, from);
                assert_false(driver_exists(d, "payload/guest"));
        }
        assert_int_equal(count_fds(d->lasting), before);
        assert_false(driver_has(d, "task"));
        for (size_t i = 0; i < 2; i++)
                end_process(a[i].pid);
        attachees_done(a, 3);
        driver_free(d);
}

static void requests_to_attach_that_make_no_sense_are_refused(void **state)
{
        static const char *const pids[] = {
                NULL, "", "x", "0", "-1", "4294967296", "12 13", "12 "
        };
        Driver *d = driver_new(NULL);
        size_t before = count_fds(d->lasting);

        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                Fields f = {};
                Message *m;

                fields_append(&f, "type", "attach");
                fields_append(&f, "task", "guest");
                fields_append(&f, "pids", pids[i]);
                m = driver_answer(d, driver_send(d, &f, (int[]){ STDIN_FILENO, STDIN_FILENO }, 2));
                assert_int_equal(message_number(m, "errno"), EINVAL);
                free(m);
        }
        assert_false(driver_exists(d, "payload/guest"));
        assert_int_equal(count_fds(d->lasting), before);
        driver_free(d);
}

/* --- many --- */

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

/* From the request to the executed program. */
static uint64_t time_spawn(Driver *d)
{
        uint64_t begin = clock_now(), took;

        driver_spawn_ok(d, "t", &(Program){ .argv = ARGV("/bin/true") });
        took = clock_now() - begin;
        driver_expect_drop(d, "type", "exited", "task", "t", NULL);
        return took;
}

static void print_times(const char *what, uint64_t *times, size_t n)
{
        qsort(times, n, sizeof(uint64_t), compare);
        print_message("request to executed program, %s: p50 %ju us, p99 %ju us\n", what,
                      (uintmax_t) times[n / 2], (uintmax_t) times[n * 99 / 100]);
}

static void a_thousand_tasks_leak_no_descriptor(void **state)
{
        enum { N = 1000, N_SPACED = 50 };
        Driver *d = driver_new(NULL);
        uint64_t *times = calloc(N, sizeof(uint64_t));
        size_t before;

        assert_non_null(times);
        (void) time_spawn(d);
        before = count_fds(d->lasting);
        for (int i = 0; i < N; i++) {
                times[i] = time_spawn(d);
                if (i % 10 == 0)
                        driver_spawn_fails(d, "t", &(Program){ .argv = ARGV("/nowhere") }, "exec",
                                           ENOENT);
        }
        print_times("back to back", times, N);
        for (int i = 0; i < N_SPACED; i++) {
                (void) usleep(20000);
                times[i] = time_spawn(d);
        }
        print_times("20 ms apart", times, N_SPACED);
        driver_forget(d, "t");
        driver_wait_gone(d, "payload/t");
        assert_int_equal(count_fds(d->lasting), before);
        free(times);
        driver_free(d);
}

static void many_tasks_live_at_once(void **state)
{
        enum { N = 300 };
        Driver *d = driver_new(NULL);
        uint64_t serials[N];
        char name[16];

        for (int i = 0; i < N; i++) {
                (void) snprintf(name, sizeof(name), "rank-%04d", i);
                serials[i] = driver_spawn_send(d, name, &(Program){ .argv = LONG_TASK });
                free(driver_answer(d, serials[i]));
        }
        free(driver_answer(d, driver_signal(d, NULL, SIGKILL)));
        for (int i = 0; i < N; i++) {
                (void) snprintf(name, sizeof(name), "rank-%04d", i);
                driver_expect_drop(d, "type", "exited", "task", name, "signal", "9", NULL);
        }
        driver_expect_drop(d, "type", "empty", NULL);
        driver_free(d);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exit_status_is_told),
        cmocka_unit_test(every_signal_is_told),
        cmocka_unit_test(an_ended_task_leaves_no_leaf_and_its_name_is_free),
        cmocka_unit_test(a_live_task_keeps_its_name),
        cmocka_unit_test(a_leaf_goes_when_the_last_orphan_has_gone),
        cmocka_unit_test(orphans_are_reaped),
        cmocka_unit_test(the_end_of_main_kills_everything_else),
        cmocka_unit_test(the_end_of_main_kills_without_daemon_too),
        cmocka_unit_test(the_end_of_main_ends_a_start_as_well),
        cmocka_unit_test(a_signal_reaches_the_task_or_everything),
        cmocka_unit_test(what_the_daemon_has_given_up_is_not_done),
        cmocka_unit_test(a_task_killed_for_memory_is_told_so),
        cmocka_unit_test(processes_are_attached_and_the_first_is_the_task),
        cmocka_unit_test(what_cannot_be_attached_leaves_all_where_they_were),
        cmocka_unit_test(requests_to_attach_that_make_no_sense_are_refused),
        cmocka_unit_test(a_thousand_tasks_leak_no_descriptor),
        cmocka_unit_test(many_tasks_live_at_once),
};

const struct CMUnitTest *const task_tests = tests;
const size_t n_task_tests = ELEMENTSOF(tests);
