/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leaves that a supervisor makes for a process which somebody else puts into them: here, this test. */

#include "driver.h"

#include "basic/cgroup-file.h"
#include "basic/clone.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static uint64_t send_open(Driver *d, const char *task)
{
        Fields f = {};

        fields_append(&f, "type", "open");
        fields_append(&f, "task", task);
        return driver_send(d, &f, NULL, 0);
}

/* Returns the leaf. */
static int open_leaf(Driver *d, const char *task)
{
        uint64_t serial = send_open(d, task);
        int payload, leaf;
        Message *m;

        m = driver_expect(d, "type", "task", "task", task, "open", "1", NULL);
        assert_null(message_get(m, "client"));
        assert_int_equal(message_number(m, "pid"), 0);
        free(m);
        m = driver_answer(d, serial);
        assert_string_equal(message_get(m, "type"), "done");
        free(m);
        payload = cgroup_open(d->scope_fd, "payload");
        leaf = cgroup_open(payload, task);
        assert_true(leaf >= 0);
        (void) close(payload);
        return leaf;
}

static void confirm(Driver *d, const char *task, const char *client)
{
        Fields f = {};

        fields_append(&f, "type", "opened");
        fields_append(&f, "task", task);
        fields_append(&f, "client", client);
        (void) driver_send(d, &f, NULL, 0);
}

static void reconnect(Driver *d)
{
        driver_disconnect(d);
        driver_connect(d);
}

/* One that sleeps, or ends at once. */
static pid_t start_in(int leaf, bool sleeps)
{
        pid_t pid = clone_into_cgroup(leaf, NULL);

        if (pid == 0) {
                if (sleeps)
                        (void) pause();
                _exit(7);
        }
        assert_true(pid > 0);
        return pid;
}

static void end(pid_t pid)
{
        assert_int_equal(kill(pid, SIGTERM), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void the_first_process_is_the_task(void **state)
{
        Driver *d = driver_new(NULL);
        int leaf = open_leaf(d, "own");
        pid_t first, second;
        Message *m;

        first = start_in(leaf, true);
        m = driver_expect(d, "type", "task", "task", "own", NULL);
        assert_int_equal(message_number(m, "pid"), first);
        assert_null(message_get(m, "open"));
        free(m);
        second = start_in(leaf, true);
        end(first);
        driver_expect_drop(d, "type", "exited", "task", "own", NULL);
        assert_true(driver_exists(d, "payload/own"));
        end(second);
        driver_expect_drop(d, "type", "empty", NULL);
        driver_wait_gone(d, "payload/own");
        (void) close(leaf);
        driver_free(d);
}

static void one_that_ends_at_once_has_been_there(void **state)
{
        Driver *d = driver_new(NULL);

        for (int i = 0; i < 20; i++) {
                int leaf = open_leaf(d, "own");
                pid_t pid = start_in(leaf, false);

                assert_int_equal(waitpid(pid, NULL, 0), pid);
                driver_expect_drop(d, "type", "exited", "task", "own", NULL);
                (void) close(leaf);
        }
        driver_free(d);
}

static void a_frozen_leaf_has_no_process_yet(void **state)
{
        Driver *d = driver_new(NULL);
        int leaf = open_leaf(d, "own");
        pid_t pid;

        driver_write(d, "payload/cgroup.freeze", "1");
        driver_write(d, "payload/cgroup.freeze", "0");
        free(driver_answer(d, driver_signal(d, "own", SIGTERM)));
        assert_false(driver_has(d, "exited"));
        pid = start_in(leaf, true);
        driver_expect_drop(d, "type", "task", "task", "own", NULL);
        end(pid);
        driver_expect_drop(d, "type", "exited", "task", "own", NULL);
        (void) close(leaf);
        driver_free(d);
}

static void whom_it_is_for_is_told_to_every_daemon(void **state)
{
        Driver *d = driver_new(NULL);
        int leaf = open_leaf(d, "own");

        /* Nobody has been told of it yet. */
        reconnect(d);
        Message *m = driver_expect(d, "type", "task", "task", "own", "open", "1", NULL);
        assert_null(message_get(m, "client"));
        free(m);
        confirm(d, "own", "0123 :1.7");
        reconnect(d);
        driver_expect_drop(d, "type", "task", "open", "1", "client", "0123 :1.7", NULL);
        driver_expect_drop(d, "type", "synced", "populated", "0", NULL);
        (void) close(leaf);
        driver_free(d);
}

static void what_is_forgotten_goes_unless_somebody_is_in_it(void **state)
{
        Driver *d = driver_new(NULL);
        int leaf = open_leaf(d, "own"), used = open_leaf(d, "used");
        size_t before = count_fds(d->lasting);
        pid_t pid;

        driver_forget(d, "own");
        driver_wait_gone(d, "payload/own");
        pid = start_in(used, true);
        driver_forget(d, "used");
        driver_expect_drop(d, "type", "task", "task", "used", NULL);
        assert_true(driver_exists(d, "payload/used"));
        end(pid);
        driver_expect_drop(d, "type", "exited", "task", "used", NULL);
        driver_wait_gone(d, "payload/used");
        assert_int_equal(count_fds(d->lasting), before - 2);
        /* Nobody can come into one that has gone. */
        assert_true(clone_into_cgroup(leaf, NULL) < 0);
        (void) close(leaf);
        (void) close(used);
        driver_free(d);
}

static void a_name_in_use_is_not_opened(void **state)
{
        Driver *d = driver_new(NULL);
        int leaf = open_leaf(d, "own");
        Message *m;

        m = driver_answer(d, send_open(d, "own"));
        assert_int_equal(message_number(m, "errno"), EEXIST);
        free(m);
        m = driver_answer(d, send_open(d, "../own"));
        assert_int_equal(message_number(m, "errno"), EINVAL);
        free(m);
        driver_spawn_fails(d, "own", &(Program){ .argv = ARGV("true") }, "leaf", EEXIST);
        (void) close(leaf);
        driver_free(d);
}

/* To the supervisor, those below this number, and never more again. */
static void leave_descriptors(Driver *d, rlim_t n)
{
        struct rlimit l = { n, n };

        assert_int_equal(prlimit(d->lasting, RLIMIT_NOFILE, &l, NULL), 0);
}

static void without_descriptors_it_is_refused_and_nothing_is_left(void **state)
{
        Driver *d = driver_new(NULL);
        bool opened = false;

        for (rlim_t n = count_fds(d->lasting) + 8; n >= 3; n--) {
                Message *m;

                leave_descriptors(d, n);
                m = driver_answer(d, send_open(d, "own"));
                opened = streq(message_get(m, "type"), "done");
                if (!opened)
                        assert_int_equal(message_number(m, "errno"), EMFILE);
                free(m);
                assert_int_equal(driver_exists(d, "payload/own"), opened);
                if (opened)
                        driver_forget(d, "own");
                driver_wait_gone(d, "payload/own");
        }
        assert_false(opened);
        driver_free(d);
}

static void without_descriptors_its_process_is_seen_to_come_and_go(void **state)
{
        Driver *d = driver_new(NULL);
        int leaf = open_leaf(d, "own");
        pid_t pid;

        leave_descriptors(d, 3);
        pid = start_in(leaf, true);
        driver_expect_drop(d, "type", "task", "task", "own", "pid", "0", NULL);
        end(pid);
        driver_expect_drop(d, "type", "exited", "task", "own", NULL);
        (void) close(leaf);
        driver_free(d);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_process_is_the_task),
        cmocka_unit_test(one_that_ends_at_once_has_been_there),
        cmocka_unit_test(a_frozen_leaf_has_no_process_yet),
        cmocka_unit_test(whom_it_is_for_is_told_to_every_daemon),
        cmocka_unit_test(what_is_forgotten_goes_unless_somebody_is_in_it),
        cmocka_unit_test(a_name_in_use_is_not_opened),
        cmocka_unit_test(without_descriptors_it_is_refused_and_nothing_is_left),
        cmocka_unit_test(without_descriptors_its_process_is_seen_to_come_and_go),
};

const struct CMUnitTest *const open_tests = tests;
const size_t n_open_tests = ELEMENTSOF(tests);
