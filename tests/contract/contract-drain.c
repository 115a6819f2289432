/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A node that is drained admits nothing more to workload.slice, and what runs there is waited for. */
#include "contract.h"

#include <pthread.h>
#include <signal.h>

static void drain(Node *n, Who who, const char *reason, int kill)
{
        OK(n, hpcnode_cgroup_drain(n->as[who], reason, kill, &n->e));
}

static void assert_drained(Node *n, const char *reason)
{
        uint64_t since_usec = 0;
        char *found = NULL;

        assert_int_equal(OK(n, hpcnode_cgroup_draining(n->as[OTHER], &found, &since_usec, &n->e)),
                         1);
        assert_string_equal(found, reason);
        assert_true(since_usec > 0);
        free(found);
        assert_int_equal(OK(n, hpcnode_cgroup_draining(n->as[PACT], NULL, NULL, &n->e)), 1);
}

static void assert_not_drained(Node *n)
{
        uint64_t since_usec = 7;
        char *reason = NULL;

        assert_int_equal(OK(n, hpcnode_cgroup_draining(n->as[OTHER], &reason, &since_usec, &n->e)),
                         0);
        assert_null(reason);
        assert_int_equal(since_usec, 7);
}

/* --- what it refuses --- */

static void nothing_more_begins_on_a_drained_node(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        hpcnode_cgroup *c = n->as[ADMIN];
        const uint32_t pid = backend.process(ADMIN, "contract");
        int fd = -1;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        drain(n, WORKLOAD, "kernel update", 0);
        FAILS(n, ADMISSION_REJECTED,
              hpcnode_cgroup_create_scope(c, "workload.slice/sub", "b", NULL, NULL, &info, &n->e));
        MENTIONS(n, "kernel update", "drained", "(workload)");
        FAILS(n, ADMISSION_REJECTED, try_run(n, ADMIN, "workload.slice", "job", &info));
        FAILS(n, ADMISSION_REJECTED, try_spawn(n, ADMIN, "a", "u", &info));
        FAILS(n, ADMISSION_REJECTED, hpcnode_cgroup_attach(c, "a", "u", &pid, 1, &n->e));
        FAILS(n, ADMISSION_REJECTED, hpcnode_cgroup_open_scope(c, "a", "u", &fd, &n->e));
        assert_null(info);
        assert_unknown(n, "b");
        assert_unknown(n, "job");
        assert_unknown(n, "a/u");
        /* Who may not, is told that, drained or not. */
        FAILS(n, PERMISSION_DENIED, try_spawn(n, PACT, "a", "u", NULL));

        OK(n, hpcnode_cgroup_cancel_drain(c, &n->e));
        spawn(n, ADMIN, "a", "u");
}

static void everything_else_can_still_be_done(void **state)
{
        Node *n = *state;
        hpcnode_cgroup *c = n->as[ADMIN];

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        drain(n, ADMIN, NULL, 0);
        OK(n, hpcnode_cgroup_freeze(c, "a", &n->e));
        OK(n, hpcnode_cgroup_thaw(c, "a", &n->e));
        OK(n, hpcnode_cgroup_kill(c, "a/t", SIGTERM, &n->e));
        assert_end(n, "a/t", "failed", -1, SIGTERM);
        OK(n, hpcnode_cgroup_destroy_scope(c, "a", &n->e));
        OK(n, hpcnode_cgroup_remove(c, "a", &n->e));
        /* And everything in the other tree. */
        create(n, PACT, "pact.slice", "b");
        spawn(n, PACT, "b", "t");
        run(n, PACT, "pact-gpu.slice", "service");
}

/* --- what it is --- */

static void it_is_told_whether_and_why(void **state)
{
        uint64_t first = 0, then = 0;
        Node *n = *state;
        hpcnode_cgroup *c = n->as[ADMIN];

        assert_not_drained(n);
        drain(n, PACT, NULL, 0);
        assert_drained(n, "");
        OK(n, hpcnode_cgroup_draining(c, NULL, &first, &n->e));
        drain(n, ADMIN, "power cut", 0);
        drain(n, WORKLOAD, "", 0); /* which keeps the reason */
        assert_drained(n, "power cut");
        OK(n, hpcnode_cgroup_draining(c, NULL, &then, &n->e));
        assert_int_equal(first, then);
        OK(n, hpcnode_cgroup_cancel_drain(n->as[WORKLOAD], &n->e));
        assert_not_drained(n);
        OK(n, hpcnode_cgroup_cancel_drain(c, &n->e));
}

static void a_reason_is_one_line(void **state)
{
        Node *n = *state;
        char longer[257];

        memset(longer, 'x', 256);
        longer[256] = '\0';
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_drain(n->as[ADMIN], "a\nb", 0, &n->e));
        MENTIONS(n, "the reason");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_drain(n->as[ADMIN], longer, 1, &n->e));
        assert_not_drained(n);
        longer[255] = '\0';
        drain(n, ADMIN, longer, 0);
        assert_drained(n, longer);
}

/* --- what it waits for --- */

static void *end_tasks(void *userdata)
{
        backend.exit("job/main", 4);
        backend.exit("a/t", 3);
        return NULL;
}

static void jobs_and_processes_are_waited_for(void **state)
{
        Node *n = *state;
        pthread_t thread;

        run(n, ADMIN, "workload.slice", "job");
        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        create(n, ADMIN, "workload.slice", "empty");
        run(n, PACT, "pact.slice", "service");
        drain(n, ADMIN, NULL, 0);
        assert_int_equal(pthread_create(&thread, NULL, end_tasks, NULL), 0);
        OK(n, hpcnode_cgroup_wait_drained(n->as[OTHER], -1, &n->e));
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_state(n, "job", "failed");
        assert_empty(n, "a", true);
        assert_state(n, "a", "active");
        assert_state(n, "empty", "active");
        assert_state(n, "service", "running");
        OK(n,
           hpcnode_cgroup_wait_drained(n->as[ADMIN], -1, &n->e)); /* there is nothing to wait for */
        assert_drained(n, "");
}

static void that_wait_can_be_cancelled(void **state)
{
        Node *n = *state;
        char byte;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], "x", 1), 1);
        run(n, ADMIN, "workload.slice", "job");
        drain(n, ADMIN, NULL, 0);
        FAILS(n, INTERRUPTED, hpcnode_cgroup_wait_drained(n->as[ADMIN], fds[0], &n->e));
        assert_int_equal(read(fds[0], &byte, 1), 1); /* it was left there */
        assert_drained(n, "");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "job", &n->e));
        OK(n, hpcnode_cgroup_wait_drained(n->as[ADMIN], fds[0], &n->e));
        (void) close(fds[0]);
        (void) close(fds[1]);
}

static void *cancel(void *userdata)
{
        hpcnode_cgroup *c = userdata;

        return hpcnode_cgroup_cancel_drain(c, NULL) < 0 ? c : NULL;
}

static void *destroy(void *userdata)
{
        hpcnode_cgroup *c = userdata;

        return hpcnode_cgroup_destroy_scope(c, "job", NULL) < 0 ? c : NULL;
}

/* Somebody else, with a handle of its own. */
static void begin(Node *n, pthread_t *thread, void *(*what)(void *), hpcnode_cgroup **ret)
{
        OK(n, backend.open(WORKLOAD, ret, &n->e));
        assert_int_equal(pthread_create(thread, NULL, what, *ret), 0);
}

static void finish(pthread_t thread, hpcnode_cgroup *c)
{
        void *failed;

        assert_int_equal(pthread_join(thread, &failed), 0);
        assert_null(failed);
        hpcnode_cgroup_free(c);
}

static void what_is_destroyed_is_waited_for(void **state)
{
        hpcnode_cgroup *c = NULL;
        Node *n = *state;
        pthread_t thread;

        run(n, ADMIN, "workload.slice", "job");
        drain(n, ADMIN, NULL, 0);
        begin(n, &thread, destroy, &c);
        OK(n, hpcnode_cgroup_wait_drained(n->as[ADMIN], -1, &n->e));
        finish(thread, c);
        assert_state(n, "job", "killed");
}

static void the_end_of_a_drain_ends_that_wait(void **state)
{
        hpcnode_cgroup *c = NULL;
        Node *n = *state;
        pthread_t thread;

        FAILS(n, NOT_FOUND, hpcnode_cgroup_wait_drained(n->as[ADMIN], -1, &n->e));
        run(n, ADMIN, "workload.slice", "job");
        drain(n, ADMIN, NULL, 0);
        begin(n, &thread, cancel, &c);
        FAILS(n, NOT_FOUND, hpcnode_cgroup_wait_drained(n->as[ADMIN], -1, &n->e));
        finish(thread, c);
        assert_state(n, "job", "running");
}

/* --- what it kills --- */

static void what_runs_is_killed_where_that_is_asked_for(void **state)
{
        Node *n = *state;
        int fd = -1;

        run(n, ADMIN, "workload.slice", "job");
        run(n, ADMIN, "workload.slice", "ice");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "ice", &n->e));
        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        create(n, ADMIN, "workload.slice", "b");
        OK(n, hpcnode_cgroup_open_scope(n->as[ADMIN], "b", "t", &fd, &n->e));
        run(n, PACT, "pact.slice", "service");
        drain(n, WORKLOAD, "power cut", 1);
        OK(n, hpcnode_cgroup_wait_drained(n->as[WORKLOAD], -1, &n->e));
        assert_end(n, "job", "killed", -1, SIGKILL);
        assert_end(n, "ice", "killed", -1, SIGKILL);
        assert_end(n, "a/t", "killed", -1, SIGKILL);
        assert_unknown(n, "b/t");
        assert_state(n, "a", "active");
        assert_state(n, "b", "active");
        assert_state(n, "service", "running");
        (void) close(fd);
}

static void who_may_not_kill_drains_without(void **state)
{
        Node *n = *state;

        run(n, WORKLOAD, "workload.slice", "job");
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_drain(n->as[PACT], NULL, 1, &n->e));
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_drain(n->as[OTHER], NULL, 1, &n->e));
        assert_not_drained(n);
        drain(n, PACT, "by pact", 0);
        assert_state(n, "job", "running");
        backend.set_emergency(true);
        drain(n, PACT, NULL, 1);
        assert_end(n, "job", "killed", -1, SIGKILL);
        assert_drained(n, "by pact");
}

int run_drain_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_more_begins_on_a_drained_node),
                TEST(everything_else_can_still_be_done),
                TEST(it_is_told_whether_and_why),
                TEST(a_reason_is_one_line),
                TEST(jobs_and_processes_are_waited_for),
                TEST(what_is_destroyed_is_waited_for),
                TEST(that_wait_can_be_cancelled),
                TEST(the_end_of_a_drain_ends_that_wait),
                TEST(what_runs_is_killed_where_that_is_asked_for),
                TEST(who_may_not_kill_drains_without),
        };

        return cmocka_run_group_tests_name("draining", tests, NULL, NULL);
}
