/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls for an event loop, on the fake. */
#include "test.h"

#include "hpcnode/cgroup-async.h"
#include "hpcnode/cgroup-fake.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-event.h>

static const char *const program[] = { "/bin/job", NULL };

typedef struct Loop {
        sd_event *event;
        hpcnode_cgroup *fake;
        unsigned n_told; /* handlers called */
        int value;       /* what the last one was told */
        hpcnode_cgroup_error_code code;
        int exit_status;
        char state[16];
} Loop;

static int begin(void **state)
{
        Loop *l = calloc(1, sizeof(*l));

        assert_non_null(l);
        assert_int_equal(sd_event_new(&l->event), 0);
        assert_int_equal(hpcnode_cgroup_fake_open(&l->fake, NULL), 0);
        assert_int_equal(hpcnode_cgroup_attach_event(l->fake, l->event, 0, NULL), 0);
        *state = l;
        return 0;
}

static int end(void **state)
{
        Loop *l = *state;

        hpcnode_cgroup_free(l->fake);
        sd_event_unref(l->event);
        free(l);
        return 0;
}

static void on_result(const hpcnode_cgroup_result *result, void *userdata)
{
        Loop *l = userdata;

        l->n_told++;
        l->value = result->value;
        l->code = result->error->code;
        if (result->info && result->info->state)
                (void) snprintf(l->state, sizeof l->state, "%s", result->info->state);
        if (result->info)
                l->exit_status = result->info->exit_status;
}

/* Everything that is there to be done, without waiting for more. */
static void turn(Loop *l)
{
        while (sd_event_run(l->event, 0) > 0)
                ;
}

/* Until so many handlers have been called. */
static void turn_until(Loop *l, unsigned n)
{
        while (l->n_told < n)
                assert_true(sd_event_run(l->event, 60 * USEC_PER_SEC) > 0);
}

static void run_job(Loop *l, const char *name)
{
        assert_int_equal(hpcnode_cgroup_run(l->fake, "workload.slice", name, NULL, NULL, program,
                                            NULL, NULL),
                         0);
}

static hpcnode_cgroup_call *wait_async(Loop *l, const char *scope)
{
        hpcnode_cgroup_call *call = NULL;

        assert_int_equal(hpcnode_cgroup_wait_async(l->fake, scope, on_result, l, &call, NULL), 0);
        assert_non_null(call);
        return call;
}

static void test_a_call_is_told_from_the_loop(void **state)
{
        Loop *l = *state;

        assert_int_equal(hpcnode_cgroup_create_scope_async(l->fake, "workload.slice", "a", NULL,
                                                           NULL, on_result, l, NULL, NULL),
                         0);
        assert_int_equal(l->n_told, 0);
        turn(l);
        assert_int_equal(l->n_told, 1);
        assert_int_equal(l->value, 0);
        assert_string_equal(hpcnode_cgroup_fake_call(l->fake, 0), "create_scope workload.slice a");
        assert_int_equal(
                hpcnode_cgroup_destroy_scope_async(l->fake, "none", on_result, l, NULL, NULL), 0);
        turn(l);
        assert_int_equal(l->n_told, 2);
        assert_int_equal(l->value, -ENOENT);
        assert_int_equal(l->code, HPCNODE_CGROUP_ERROR_NOT_FOUND);
}

static void test_an_end_is_told_when_it_comes(void **state)
{
        Loop *l = *state;

        run_job(l, "job");
        wait_async(l, "job");
        wait_async(l, "job/main");
        turn(l);
        assert_int_equal(l->n_told, 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(l->fake, "job", 3, 0), 0);
        assert_int_equal(l->n_told, 0); /* not from within that */
        turn(l);
        assert_int_equal(l->n_told, 2);
        assert_int_equal(l->value, 0);
        assert_string_equal(l->state, "failed");
        assert_int_equal(l->exit_status, 3);
}

static void test_an_end_that_has_come_is_told_from_the_loop(void **state)
{
        Loop *l = *state;

        run_job(l, "job");
        assert_int_equal(hpcnode_cgroup_fake_exit(l->fake, "job", 0, 0), 0);
        wait_async(l, "job");
        assert_int_equal(l->n_told, 0);
        turn(l);
        assert_int_equal(l->n_told, 1);
        assert_string_equal(l->state, "exited");
}

static void test_a_record_may_be_removed_before_its_end_is_told(void **state)
{
        Loop *l = *state;

        run_job(l, "job");
        wait_async(l, "job");
        assert_int_equal(hpcnode_cgroup_kill(l->fake, "job", SIGKILL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_remove(l->fake, "job", NULL), 0);
        turn(l);
        assert_int_equal(l->n_told, 1);
        assert_string_equal(l->state, "killed");
}

static void test_a_zombie_is_told_of_once(void **state)
{
        Loop *l = *state;

        run_job(l, "job");
        wait_async(l, "job");
        wait_async(l, "job/main");
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(l->fake, "job", true), 0);
        assert_int_equal(hpcnode_cgroup_destroy_scope(l->fake, "job", NULL), -EBUSY);
        turn(l);
        assert_int_equal(l->n_told, 1); /* the task lives */
        assert_string_equal(l->state, "zombie");
        assert_int_equal(hpcnode_cgroup_destroy_scope(l->fake, "job", NULL), -EBUSY);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(l->fake, "job", false), 0);
        turn(l);
        assert_int_equal(l->n_told, 2);
        assert_string_equal(l->state, "killed");
}

static void test_a_wait_may_fail(void **state)
{
        Loop *l = *state;

        run_job(l, "job");
        wait_async(l, "none");
        turn(l);
        assert_int_equal(l->value, -ENOENT);
        assert_int_equal(
                hpcnode_cgroup_fake_fail(l->fake, "wait", 1, HPCNODE_CGROUP_ERROR_UNREACHABLE), 0);
        wait_async(l, "job");
        turn(l);
        assert_int_equal(l->n_told, 2);
        assert_int_equal(l->value, -ECONNREFUSED);
        assert_string_equal(hpcnode_cgroup_fake_call(l->fake, 2), "wait job");
}

static void test_a_wait_can_be_cancelled(void **state)
{
        Loop *l = *state;
        hpcnode_cgroup_call *call;

        run_job(l, "job");
        run_job(l, "other");
        call = wait_async(l, "job");
        wait_async(l, "other");
        hpcnode_cgroup_call_cancel(call);
        call = wait_async(l, "job");
        assert_int_equal(hpcnode_cgroup_fake_exit(l->fake, "job", 0, 0), 0);
        hpcnode_cgroup_call_cancel(call); /* its end has come, and was not told yet */
        turn(l);
        assert_int_equal(l->n_told, 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(l->fake, "other", 0, 0), 0);
        turn(l);
        assert_int_equal(l->n_told, 1);
}

static void test_waits_go_with_their_handle(void **state)
{
        Loop *l = *state;

        run_job(l, "ended");
        run_job(l, "job");
        wait_async(l, "ended");
        wait_async(l, "job");
        assert_int_equal(hpcnode_cgroup_fake_exit(l->fake, "ended", 0, 0), 0);
        l->fake = hpcnode_cgroup_free(l->fake);
        turn(l);
        assert_int_equal(l->n_told, 0);
}

static void test_a_thousand_ends_are_waited_for(void **state)
{
        enum { N = 1000 };
        Loop *l = *state;
        char name[16];

        for (unsigned i = 0; i < N; i++) {
                (void) snprintf(name, sizeof name, "j%u", i);
                run_job(l, name);
                wait_async(l, name);
        }
        for (unsigned i = N; i > 0; i--) {
                (void) snprintf(name, sizeof name, "j%u", i - 1);
                assert_int_equal(hpcnode_cgroup_fake_exit(l->fake, name, 0, 0), 0);
        }
        turn(l);
        assert_int_equal(l->n_told, N);
}

static void *end_job(void *userdata)
{
        return (void *) (intptr_t) hpcnode_cgroup_fake_exit(userdata, "job", 9, 0);
}

static void test_another_thread_may_bring_the_end_about(void **state)
{
        Loop *l = *state;
        hpcnode_cgroup *other = NULL;
        pthread_t thread;
        void *r;

        assert_int_equal(hpcnode_cgroup_fake_open_as(l->fake, "admin", 0, &other, NULL), 0);
        run_job(l, "job");
        wait_async(l, "job");
        assert_int_equal(pthread_create(&thread, NULL, end_job, other), 0);
        turn_until(l, 1);
        assert_int_equal(l->exit_status, 9);
        assert_int_equal(pthread_join(thread, &r), 0);
        assert_null(r);
        hpcnode_cgroup_free(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_call_is_told_from_the_loop),
                TEST(test_an_end_is_told_when_it_comes),
                TEST(test_an_end_that_has_come_is_told_from_the_loop),
                TEST(test_a_record_may_be_removed_before_its_end_is_told),
                TEST(test_a_zombie_is_told_of_once),
                TEST(test_a_wait_may_fail),
                TEST(test_a_wait_can_be_cancelled),
                TEST(test_waits_go_with_their_handle),
                TEST(test_a_thousand_ends_are_waited_for),
                TEST(test_another_thread_may_bring_the_end_about),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
