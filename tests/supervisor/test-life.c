/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a supervisor: set up, left alone and found again, stopped, released. */

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LONG_TASK SHELL("exec sleep 1000")

static void read_proc(pid_t pid, const char *file, char *buffer, size_t size)
{
        char path[64];
        ssize_t n;
        int fd;

        (void) snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        n = read(fd, buffer, size - 1);
        assert_true(n >= 0);
        buffer[n] = '\0';
        (void) close(fd);
}

static uint64_t request(Driver *d, const char *type)
{
        Fields f = {};

        fields_append(&f, "type", type);
        return driver_send(d, &f, NULL, 0);
}

static void expect_failed(Driver *d, uint64_t serial, int error)
{
        Message *m = driver_answer(d, serial);

        assert_string_equal(message_get(m, "type"), "failed");
        assert_int_equal(message_number(m, "errno"), error);
        free(m);
}

static void expect_alive(Driver *d)
{
        expect_failed(d, driver_signal(d, "nobody", SIGTERM), ESRCH);
}

/* --- setup --- */

static void check_layout(Driver *d)
{
        char text[256], wanted[32];

        (void) snprintf(wanted, sizeof(wanted), "%d\n", d->lasting);
        driver_read(d, "supervisor/cgroup.procs", text, sizeof(text));
        assert_string_equal(text, wanted);
        driver_read(d, "cgroup.procs", text, sizeof(text));
        assert_string_equal(text, "");
        driver_read(d, "payload/cgroup.procs", text, sizeof(text));
        assert_string_equal(text, "");
}

static void setup_puts_the_lasting_process_into_supervisor(void **state)
{
        Driver *d = driver_new(NULL);
        char text[256];

        check_layout(d);
        read_proc(d->lasting, "comm", text, sizeof(text));
        assert_string_equal(text, "hpcnode-superv\n");
        driver_free(d);
}

static void setup_enables_every_controller_on_both_levels(void **state)
{
        Driver *d = driver_new(NULL);
        char available[256], enabled[256];

        driver_read(d, "cgroup.controllers", available, sizeof(available));
        driver_read(d, "cgroup.subtree_control", enabled, sizeof(enabled));
        assert_string_equal(enabled, available);
        driver_read(d, "payload/cgroup.subtree_control", enabled, sizeof(enabled));
        assert_string_equal(enabled, available);
        driver_free(d);
}

static void setup_works_without_clone3(void **state)
{
        static const int errors[] = { ENOSYS, EPERM, E2BIG };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                Driver *d = driver_new(&(DriverOptions){ .clone3_error = errors[i] });
                char output[64];
                Message *m;

                check_layout(d);
                m = driver_run(d, "one",
                               &(Program){ .argv = ARGV("tail", "-n1", "/proc/self/cgroup") },
                               output, sizeof(output));
                assert_string_equal(message_get(m, "exit"), "0");
                free(m);
                driver_spawn_fails(d, "two", &(Program){ .argv = ARGV("/nowhere") }, "exec",
                                   ENOENT);
                assert_false(driver_exists(d, "payload/two"));
                driver_free(d);
        }
}

static void setup_without_directories_fails_and_leaves_nothing(void **state)
{
        static const DriverOptions usual;
        Driver *d = driver_start(&usual);

        expect_failed(d, request(d, "setup"), EINVAL);
        driver_expect_end(d);
        assert_false(driver_exists(d, "supervisor"));
        assert_false(driver_exists(d, "payload"));
        driver_free(d);
}

static void setup_that_cannot_be_placed_fails_and_leaves_nothing(void **state)
{
        static const DriverOptions usual;
        Driver *d = driver_start(&usual);
        Fields f = {};
        Message *m;

        fields_append(&f, "type", "setup");
        fields_append(&f, "unit", "workload-test.scope");
        fields_append(&f, "identifier", "test");
        /* No cgroup, so nothing can be born in its sub-directories. */
        m = driver_answer(d, driver_send(d, &f, (int[]){ d->runtime_fd, d->runtime_fd }, 2));
        assert_string_equal(message_get(m, "type"), "failed");
        free(m);
        driver_expect_end(d);
        assert_int_not_equal(faccessat(d->runtime_fd, "payload", F_OK, 0), 0);
        driver_free(d);
}

static void a_supervisor_that_was_not_set_up_ends_with_its_connection(void **state)
{
        static const DriverOptions usual;
        Driver *d = driver_start(&usual);
        int status;

        driver_disconnect(d);
        assert_int_equal(waitpid(d->attached, &status, 0), d->attached);
        assert_true(WIFEXITED(status));
        driver_free(d);
}

/* --- connections --- */

static void what_happened_is_said_again_on_every_connection(void **state)
{
        Driver *d = driver_new(NULL);

        driver_spawn_ok(d, "running", &(Program){ .argv = LONG_TASK });
        driver_spawn_ok(d, "ended", &(Program){ .argv = SHELL("exit 3") });
        driver_expect_drop(d, "type", "exited", "task", "ended", "exit", "3", NULL);
        driver_spawn_ok(d, "taken", &(Program){ .argv = SHELL("exit 4") });
        driver_expect_drop(d, "type", "exited", "task", "taken", NULL);
        driver_forget(d, "taken");
        for (int i = 0; i < 3; i++) {
                driver_disconnect(d);
                driver_connect(d);
                driver_expect_drop(d, "type", "hello", "state", "ready", "version", "1", NULL);
                driver_expect_drop(d, "type", "task", "task", "running", NULL);
                driver_expect_drop(d, "type", "exited", "task", "ended", "exit", "3", NULL);
                driver_expect_drop(d, "type", "synced", "populated", "1", NULL);
                assert_false(driver_has(d, "exited"));
        }
        driver_free(d);
}

static void an_end_while_no_daemon_is_there_is_told_to_the_next(void **state)
{
        Driver *d = driver_new(NULL);
        int in;

        driver_spawn_ready(d, "main", "echo; read x; exit 5", &in);
        driver_disconnect(d);
        (void) close(in);
        driver_wait_gone(d, "payload/main");
        driver_connect(d);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "5", NULL);
        driver_expect_drop(d, "type", "synced", "populated", "0", NULL);
        driver_free(d);
}

static void a_new_connection_replaces_the_old_one(void **state)
{
        Driver *d = driver_new(NULL);
        int old = d->link;
        char c;

        driver_connect(d);
        driver_expect_drop(d, "type", "hello", NULL);
        assert_int_equal(recv(old, &c, 1, 0), 0);
        (void) close(old);
        expect_alive(d);
        driver_free(d);
}

/* Both are seen at once, the new connection first. */
static void what_the_old_connection_has_asked_for_is_done(void **state)
{
        Driver *d = driver_new(NULL);
        int old = d->link, new;

        assert_return_code(kill(d->lasting, SIGSTOP), errno);
        driver_connect(d);
        new = d->link;
        d->link = old;
        (void) driver_spawn_send(d, "late", &(Program){ .argv = LONG_TASK });
        (void) close(old);
        d->link = new;
        assert_return_code(kill(d->lasting, SIGCONT), errno);
        driver_expect_drop(d, "type", "task", "task", "late", NULL);
        driver_free(d);
}

static void a_daemon_that_does_not_read_misses_nothing(void **state)
{
        enum { N = 600 };
        Driver *d = driver_new(NULL);
        uint64_t serials[N];

        for (int i = 0; i < N; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "t%d", i);
                serials[i] = driver_spawn_send(d, name, &(Program){ .argv = ARGV("true") });
        }
        driver_wait_gone(d, "payload/t0");
        (void) usleep(200000);
        for (int i = 0; i < N; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "t%d", i);
                free(driver_answer(d, serials[i]));
                driver_expect_drop(d, "type", "exited", "task", name, "exit", "0", NULL);
        }
        driver_free(d);
}

static void malformed_requests_are_refused(void **state)
{
        Driver *d = driver_new(NULL);
        char big[PROTOCOL_PACKET_MAX + 100];

        assert_int_equal(send(d->link, "rubbish", 7, 0), 7);
        driver_expect_drop(d, "type", "failed", "errno", "74", NULL);
        memset(big, 'x', sizeof(big));
        memcpy(big, "type=spawn\nserial=77\ntask=", 26);
        assert_int_equal(send(d->link, big, sizeof(big), 0), sizeof(big));
        driver_expect_drop(d, "type", "failed", "errno", "90", "serial", "77", NULL);
        assert_int_equal(send(d->link, "type=spawn\n", 11, 0), 11);
        driver_expect_drop(d, "type", "failed", "errno", "22", NULL);
        assert_int_equal(send(d->link, "type=signal\nserial=1x\n", 22, 0), 22);
        driver_expect_drop(d, "type", "failed", "errno", "22", NULL);
        (void) request(d, "from-the-future");
        expect_alive(d);
        driver_free(d);
}

/* --- release --- */

static void release_of_an_empty_scope_ends_the_supervisor(void **state)
{
        Driver *d = driver_new(NULL);

        (void) request(d, "release");
        driver_expect_end(d);
        assert_false(driver_exists(d, "payload"));
        driver_free(d);
}

static void release_with_a_process_in_payload_is_refused(void **state)
{
        Driver *d = driver_new(NULL);

        driver_spawn_ok(d, "main", &(Program){ .argv = LONG_TASK });
        expect_failed(d, request(d, "release"), EBUSY);
        expect_alive(d);
        driver_free(d);
}

/* --- stop --- */

/* Ends a while after SIGTERM, or once its stdin is closed. */
#define SLOW_END   "trap 'sleep 0.3; exit 7' TERM; echo; while :; do sleep 0.05; done"
#define ENDS_ASKED "trap 'read x; exit 7' TERM; echo; while :; do sleep 0.05; done"
#define STUBBORN   "trap '' TERM; echo; while :; do sleep 1; done"

static void outcome(Driver *d, char *buffer, size_t size)
{
        int fd = openat(d->runtime_fd, DRIVER_ID ".outcome", O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(fd >= 0);
        n = read(fd, buffer, size - 1);
        assert_true(n > 0);
        buffer[n] = '\0';
        (void) close(fd);
}

static void a_stopped_job_gets_the_time_it_needs(void **state)
{
        Driver *d = driver_new(NULL);

        driver_spawn_ready(d, "main", SLOW_END, NULL);
        driver_stop(d);
        driver_expect_drop(d, "type", "stopping", NULL);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "7", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        (void) request(d, "release");
        driver_expect_end(d);
        driver_free(d);
}

/* Whatever becomes of the daemon then, and of the supervisor. */
static void a_stopped_job_leaves_its_outcome_before_anybody_releases_it(void **state)
{
        Driver *d = driver_new(NULL);
        char text[4096];

        driver_spawn_ready(d, "main", SLOW_END, NULL);
        driver_stop(d);
        driver_expect_drop(d, "type", "empty", NULL);
        outcome(d, text, sizeof(text));
        assert_non_null(strstr(text, "task=main\n"));
        assert_non_null(strstr(text, "\nexit=7\n"));
        assert_non_null(strstr(text, "\ncpu_usage_usec="));
        expect_alive(d);
        driver_free(d);
}

static void a_stop_without_daemon_leaves_the_outcome(void **state)
{
        Driver *d = driver_new(NULL);
        char text[4096];

        driver_spawn_ready(d, "main", SLOW_END, NULL);
        driver_disconnect(d);
        driver_stop(d);
        assert_int_equal(waitpid(d->lasting, NULL, 0), d->lasting);
        outcome(d, text, sizeof(text));
        assert_non_null(strstr(text, "task=main\n"));
        assert_non_null(strstr(text, "\nexit=7\n"));
        assert_non_null(strstr(text, "\ncpu_usage_usec="));
        driver_free(d);
}

static void a_stop_that_nobody_releases_ends_by_itself(void **state)
{
        Driver *d = driver_new(NULL);
        char text[4096];

        driver_spawn_ok(d, "main", &(Program){ .argv = LONG_TASK });
        driver_stop(d);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_expect_end(d);
        outcome(d, text, sizeof(text));
        assert_non_null(strstr(text, "\nsignal=15\n"));
        driver_free(d);
}

static void a_frozen_job_is_thawed_to_be_stopped(void **state)
{
        Driver *d = driver_new(NULL);

        driver_spawn_ready(d, "main", SLOW_END, NULL);
        driver_spawn_ready(d, "frozen-by-itself", SLOW_END, NULL);
        driver_write(d, "payload/frozen-by-itself/cgroup.freeze", "1");
        driver_write(d, "payload/cgroup.freeze", "1");
        driver_stop(d);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "7", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_free(d);
}

static void a_frozen_job_is_stopped_without_daemon(void **state)
{
        Driver *d = driver_new(NULL);
        char text[4096];

        driver_spawn_ready(d, "main", SLOW_END, NULL);
        driver_write(d, "payload/cgroup.freeze", "1");
        driver_disconnect(d);
        driver_stop(d);
        assert_int_equal(waitpid(d->lasting, NULL, 0), d->lasting);
        outcome(d, text, sizeof(text));
        assert_non_null(strstr(text, "\nexit=7\n"));
        driver_free(d);
}

static void a_job_that_does_not_end_is_killed_before_the_stop_times_out(void **state)
{
        Driver *d = driver_new(&(DriverOptions){ .stop_timeout_usec = 2 * USEC_PER_SEC });
        uint64_t begin;

        driver_spawn_ready(d, "main", STUBBORN, NULL);
        begin = clock_now();
        driver_stop(d);
        driver_expect_drop(d, "type", "exited", "task", "main", "signal", "9", NULL);
        assert_true(clock_now() - begin >= 1800 * USEC_PER_MSEC);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_free(d);
}

static void nothing_starts_in_a_scope_that_is_stopped(void **state)
{
        Driver *d = driver_new(NULL);
        int in;

        driver_spawn_ready(d, "main", ENDS_ASKED, &in);
        driver_stop(d);
        driver_expect_drop(d, "type", "stopping", NULL);
        driver_spawn_fails(d, "late", &(Program){ .argv = ARGV("true") }, "leaf", ESHUTDOWN);
        (void) close(in);
        driver_free(d);
}

static void a_daemon_that_comes_during_a_stop_is_told(void **state)
{
        Driver *d = driver_new(NULL);
        int in;

        driver_spawn_ready(d, "main", ENDS_ASKED, &in);
        driver_disconnect(d);
        driver_stop(d);
        driver_connect(d);
        driver_expect_drop(d, "type", "synced", "populated", "1", NULL);
        (void) close(in);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "7", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        (void) request(d, "release");
        driver_expect_end(d);
        driver_free(d);
}

static void sigterm_alone_is_not_a_stop(void **state)
{
        Driver *d = driver_new(NULL);
        static const int signals[] = { SIGTERM, SIGHUP, SIGINT, SIGPIPE, SIGUSR1 };

        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                assert_return_code(kill(d->lasting, signals[i]), errno);
        expect_alive(d);
        assert_false(driver_has(d, "stopping"));
        driver_free(d);
}

static int systemctl(Driver *d, const char *verb)
{
        char command[128];

        (void) snprintf(command, sizeof(command), "systemctl %s %s 2>/dev/null >&2", verb, d->unit);
        return system(command);
}

/* In a scope that PID 1 made, or skipped. */
static Driver *new_real(void)
{
        if (access("/run/systemd/system", F_OK) < 0 || geteuid() != 0) {
                skip();
                return NULL;
        }
        return driver_new(&(DriverOptions){ .real = true });
}

static void systemctl_stop_waits_for_a_frozen_job(void **state)
{
        Driver *d = new_real();
        char text[4096];

        if (!d)
                return;
        driver_spawn_ready(d, "main", SLOW_END, NULL);
        driver_write(d, "payload/cgroup.freeze", "1");
        driver_disconnect(d);
        assert_int_equal(systemctl(d, "stop"), 0);
        assert_int_equal(waitpid(d->lasting, NULL, 0), d->lasting);
        outcome(d, text, sizeof(text));
        assert_non_null(strstr(text, "\nexit=7\n"));
        assert_int_not_equal(systemctl(d, "is-active"), 0);
        driver_free(d);
}

static void systemctl_stop_is_told_to_the_daemon(void **state)
{
        Driver *d = new_real();

        if (!d)
                return;
        driver_spawn_ready(d, "main", SLOW_END, NULL);
        assert_int_equal(systemctl(d, "--no-block stop"), 0);
        driver_expect_drop(d, "type", "stopping", NULL);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "7", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        (void) request(d, "release");
        driver_expect_end(d);
        driver_free(d);
}

/* PID 1 goes through the leaves while tasks end in them. */
static void systemctl_stop_gives_time_although_others_end_at_once(void **state)
{
        enum { N = 40 };
        Driver *d = new_real();
        char name[16];

        if (!d)
                return;
        for (int i = 0; i < N; i++) {
                (void) snprintf(name, sizeof(name), "quick-%d", i);
                driver_spawn_ok(d, name, &(Program){ .argv = LONG_TASK });
        }
        driver_spawn_ready(d, "main", SLOW_END, NULL);
        assert_int_equal(systemctl(d, "--no-block stop"), 0);
        driver_expect_drop(d, "type", "exited", "task", "main", "exit", "7", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_free(d);
}

static void systemctl_kill_does_not_end_the_supervisor(void **state)
{
        Driver *d = new_real();

        if (!d)
                return;
        driver_spawn_ok(d, "main", &(Program){ .argv = LONG_TASK });
        assert_int_equal(systemctl(d, "kill"), 0);
        driver_expect_drop(d, "type", "exited", "task", "main", "signal", "15", NULL);
        driver_expect_drop(d, "type", "empty", NULL);
        expect_alive(d);
        assert_false(driver_has(d, "stopping"));
        assert_int_equal(systemctl(d, "is-active"), 0);
        driver_free(d);
}

/* --- size --- */

static uint64_t memory_kib(pid_t pid, const char *key)
{
        char text[4096], *p;

        read_proc(pid, "smaps_rollup", text, sizeof(text));
        p = strstr(text, key);
        assert_non_null(p);
        return strtoull(p + strlen(key), NULL, 10);
}

/* The bound of the design; what is built with a sanitizer says by HPCNODE_TEST_SIZE=0 that it is big. */
static void an_idle_supervisor_stays_small(void **state)
{
        const char *size = getenv("HPCNODE_TEST_SIZE");
        Driver *d = driver_new(NULL);
        uint64_t before, after;

        (void) usleep(300000);
        before = memory_kib(d->lasting, "\nPss:");
        for (int i = 0; i < 20; i++) {
                char output[8];

                free(driver_run(d, "task", &(Program){ .argv = ARGV("true") }, output,
                                sizeof(output)));
        }
        (void) usleep(300000);
        after = memory_kib(d->lasting, "\nPss:");
        print_message("PSS %ju KiB after setup, %ju KiB after 20 tasks (anonymous %ju KiB)\n",
                      (uintmax_t) before, (uintmax_t) after,
                      (uintmax_t) memory_kib(d->lasting, "\nAnonymous:"));
        if (!size || !streq(size, "0"))
                assert_in_range(after, 1, 150);
        driver_free(d);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(setup_puts_the_lasting_process_into_supervisor),
        cmocka_unit_test(setup_enables_every_controller_on_both_levels),
        cmocka_unit_test(setup_works_without_clone3),
        cmocka_unit_test(setup_without_directories_fails_and_leaves_nothing),
        cmocka_unit_test(setup_that_cannot_be_placed_fails_and_leaves_nothing),
        cmocka_unit_test(a_supervisor_that_was_not_set_up_ends_with_its_connection),
        cmocka_unit_test(what_happened_is_said_again_on_every_connection),
        cmocka_unit_test(an_end_while_no_daemon_is_there_is_told_to_the_next),
        cmocka_unit_test(a_new_connection_replaces_the_old_one),
        cmocka_unit_test(what_the_old_connection_has_asked_for_is_done),
        cmocka_unit_test(a_daemon_that_does_not_read_misses_nothing),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(release_of_an_empty_scope_ends_the_supervisor),
        cmocka_unit_test(release_with_a_process_in_payload_is_refused),
        cmocka_unit_test(a_stopped_job_gets_the_time_it_needs),
        cmocka_unit_test(a_stopped_job_leaves_its_outcome_before_anybody_releases_it),
        cmocka_unit_test(a_stop_without_daemon_leaves_the_outcome),
        cmocka_unit_test(a_stop_that_nobody_releases_ends_by_itself),
        cmocka_unit_test(a_frozen_job_is_thawed_to_be_stopped),
        cmocka_unit_test(a_frozen_job_is_stopped_without_daemon),
        cmocka_unit_test(a_job_that_does_not_end_is_killed_before_the_stop_times_out),
        cmocka_unit_test(nothing_starts_in_a_scope_that_is_stopped),
        cmocka_unit_test(a_daemon_that_comes_during_a_stop_is_told),
        cmocka_unit_test(sigterm_alone_is_not_a_stop),
        cmocka_unit_test(systemctl_stop_waits_for_a_frozen_job),
        cmocka_unit_test(systemctl_stop_is_told_to_the_daemon),
        cmocka_unit_test(systemctl_stop_gives_time_although_others_end_at_once),
        cmocka_unit_test(systemctl_kill_does_not_end_the_supervisor),
        cmocka_unit_test(an_idle_supervisor_stays_small),
};

const struct CMUnitTest *const life_tests = tests;
const size_t n_life_tests = ELEMENTSOF(tests);
