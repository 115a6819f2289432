/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drain of the fake, where that has no daemon to be like: see tests/contract/contract-drain.c for the rest. */
#include "test.h"

#include "hpcnode/cgroup-fake.h"

static const char *const program[] = { "/bin/true", NULL };

static int open_fake(void **state)
{
        return hpcnode_cgroup_fake_open((hpcnode_cgroup **) state, NULL);
}

static int close_fake(void **state)
{
        hpcnode_cgroup_free(*state);
        return 0;
}

static void test_a_drain_is_recorded_and_fails_on_demand(void **state)
{
        hpcnode_cgroup *fake = *state;

        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "drain", 1, HPCNODE_CGROUP_ERROR_IO), 0);
        assert_int_equal(hpcnode_cgroup_drain(fake, "power cut", 1, NULL), -EIO);
        assert_int_equal(hpcnode_cgroup_draining(fake, NULL, NULL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_drain(fake, NULL, 0, NULL), 0);
        assert_int_equal(hpcnode_cgroup_wait_drained(fake, -1, NULL), 0);
        assert_int_equal(hpcnode_cgroup_cancel_drain(fake, NULL), 0);
        assert_string_equal(hpcnode_cgroup_fake_call(fake, 0), "drain kill power cut");
        assert_string_equal(hpcnode_cgroup_fake_call(fake, 1), "draining");
        assert_string_equal(hpcnode_cgroup_fake_call(fake, 2), "drain");
        assert_string_equal(hpcnode_cgroup_fake_call(fake, 3), "wait_drained");
        assert_string_equal(hpcnode_cgroup_fake_call(fake, 4), "cancel_drain");
        assert_null(hpcnode_cgroup_fake_call(fake, 5));
}

static void test_a_drain_waits_for_no_zombie(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *fake = *state;

        assert_int_equal(
                hpcnode_cgroup_run(fake, "workload.slice", "job", NULL, NULL, program, NULL, NULL),
                0);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", true), 0);
        assert_int_equal(hpcnode_cgroup_drain(fake, NULL, 1, NULL), 0);
        /* It was killed, and lives, and nobody else could end the wait for it. */
        assert_int_equal(hpcnode_cgroup_wait_drained(fake, -1, NULL), -EOPNOTSUPP);
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "job", NULL), -EBUSY);
        assert_int_equal(hpcnode_cgroup_wait_drained(fake, -1, &e), -EBUSY);
        assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_KILL_FAILED);
        assert_non_null(strstr(e.message, "workload-job.scope"));
        hpcnode_cgroup_error_done(&e);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", false), 0);
        assert_int_equal(hpcnode_cgroup_wait_drained(fake, -1, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fake, close_fake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_drain_is_recorded_and_fails_on_demand),
                TEST(test_a_drain_waits_for_no_zombie),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
