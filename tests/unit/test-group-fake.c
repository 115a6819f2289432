/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of <hpcnode/cgroup-group.h> over the fake, as users of the library would write them for their own programs. */
#include "hpcnode/cgroup-fake.h"
#include "hpcnode/cgroup-group.h"

#include "test.h"

static char log_text[4096];

static void on_line(const char *line, void *userdata)
{
        assert_true(strlen(log_text) + strlen(line) + 2 < sizeof(log_text));
        strcat(log_text, line);
        strcat(log_text, "\n");
}

static int set_up(void **state)
{
        hpcnode_cgroup *fake = NULL;

        log_text[0] = '\0';
        hpcnode_group_set_logger(on_line, NULL);
        assert_int_equal(hpcnode_cgroup_fake_open(&fake, NULL), 0);
        *state = fake;
        return 0;
}

static int tear_down(void **state)
{
        hpcnode_cgroup_free(*state);
        return 0;
}

/* A group of a, b and c, whose creation is not among the calls any more. */
static hpcnode_group *three(hpcnode_cgroup *fake)
{
        hpcnode_group *group = hpcnode_group_new(fake);

        for (const char *const *name = (const char *const[]){ "a", "b", "c", NULL }; *name; name++)
                assert_int_equal(hpcnode_group_add_without_cpuset(group, *name), 0);
        hpcnode_cgroup_fake_clear_calls(fake);
        return group;
}

static void assert_calls(hpcnode_cgroup *fake, const char *const wanted[])
{
        size_t i;

        for (i = 0; wanted[i]; i++)
                assert_string_equal(hpcnode_cgroup_fake_call(fake, i) ?: "", wanted[i]);
        assert_null(hpcnode_cgroup_fake_call(fake, i));
}

#define ASSERT_CALLS(fake, ...) assert_calls(fake, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_live(hpcnode_cgroup *fake, const char *scope, bool live)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;

        /* Freezing is for what lives. */
        assert_int_equal(hpcnode_cgroup_freeze(fake, scope, &error) >= 0, live);
}

static void all_scopes_go_in_reverse(void **state)
{
        hpcnode_cgroup *fake = *state;
        const char *const sleep[] = { "/bin/sleep", "infinity", NULL };
        hpcnode_group *group = hpcnode_group_new(fake);

        assert_int_equal(hpcnode_group_add(group, "a", "0"), 0);
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "pact.slice/gpu.slice/b"), 0);
        assert_int_equal(hpcnode_cgroup_spawn(fake, "a", "rank-0", NULL, sleep, NULL, NULL), 0);
        hpcnode_group_free(group);
        ASSERT_CALLS(fake, "create_scope workload.slice a",
                     "set_limits workload-a.scope AllowedCPUs=0",
                     "create_scope pact.slice/gpu.slice b", "spawn a rank-0 -- /bin/sleep infinity",
                     "destroy_scope pact-gpu-b.scope", "destroy_scope workload-a.scope");
        assert_live(fake, "a", false);
        assert_string_equal(log_text, "");
}

static void each_kind_of_error_is_logged_as_is_due(void **state)
{
        static const struct {
                int error;
                const char *line;
        } cases[] = {
                { ENOENT, "" },
                { EBUSY,
                  "warning: cannot destroy b: KillFailed: destroy_scope: Device or resource busy "
                  "(errno 16), as the fake was told to say; hint: it has live tasks, which were "
                  "not ended before the teardown\n" },
                { EACCES,
                  "warning: cannot destroy b: PermissionDenied: destroy_scope: Permission denied "
                  "(errno 13), as the fake was told to say; hint: its slice has another owner, or "
                  "is not delegated to this program, see: hpcnode-ctl whoami\n" },
                { EIO,
                  "warning: cannot destroy b: IO: destroy_scope: Input/output error (errno 5), as "
                  "the fake was told to say\n" },
        };
        hpcnode_cgroup *fake = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                hpcnode_group *group = three(fake);

                log_text[0] = '\0';
                assert_int_equal(
                        hpcnode_cgroup_fake_fail_errno(fake, "destroy_scope", 2, cases[i].error),
                        0);
                hpcnode_group_free(group);
                assert_string_equal(log_text, cases[i].line);
                ASSERT_CALLS(fake, "destroy_scope workload-c.scope",
                             "destroy_scope workload-b.scope", "destroy_scope workload-a.scope");
                assert_live(fake, "a", false);
                assert_live(fake, "b", true);
                assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "b", NULL), 0);
        }
}

static void processes_that_cannot_be_killed_are_told(void **state)
{
        hpcnode_cgroup *fake = *state;
        const char *const sleep[] = { "/bin/sleep", "infinity", NULL };
        hpcnode_group *group = three(fake);

        assert_int_equal(hpcnode_cgroup_spawn(fake, "b", "main", NULL, sleep, NULL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "b", true), 0);
        hpcnode_group_free(group);
        assert_non_null(startswith(log_text, "warning: cannot destroy b: KillFailed: "));
        assert_non_null(endswith(log_text, "; hint: it has live tasks, which were not ended before "
                                           "the teardown\n"));
        assert_live(fake, "a", false);
        assert_live(fake, "c", false);
}

static void a_cpuset_that_fails_leaves_nothing(void **state)
{
        hpcnode_cgroup *fake = *state;
        hpcnode_group *group = hpcnode_group_new(fake);

        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "set_limits", 1,
                                                  HPCNODE_CGROUP_ERROR_CREATION_FAILED),
                         0);
        assert_int_equal(hpcnode_group_add(group, "a", "0"), -EREMOTEIO);
        assert_string_equal(hpcnode_group_names(group)[0], "a");
        assert_live(fake, "a", true);
        hpcnode_group_free(group);
        assert_live(fake, "a", false);
        assert_string_equal(log_text, "");
}

static void of_a_creation_without_an_answer_nothing_is_left_to_say(void **state)
{
        hpcnode_cgroup *fake = *state;
        hpcnode_group *group = hpcnode_group_new(fake);

        assert_int_equal(
                hpcnode_cgroup_fake_fail(fake, "create_scope", 1, HPCNODE_CGROUP_ERROR_TIMED_OUT),
                0);
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "a"), -ETIMEDOUT);
        hpcnode_group_free(group);
        ASSERT_CALLS(fake, "create_scope workload.slice a", "inspect workload-a.scope");
        assert_string_equal(log_text, "");
}

static void the_group_of_another_system_owns_nothing(void **state)
{
        hpcnode_cgroup *pact = NULL;
        hpcnode_group *group;

        assert_int_equal(hpcnode_cgroup_fake_open_as(*state, "pact", 990, &pact, NULL), 0);
        group = hpcnode_group_new(pact);
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "a"), -EACCES);
        assert_non_null(strstr(hpcnode_group_error(group)->message, "workload"));
        assert_null(hpcnode_group_names(group)[0]);
        hpcnode_group_free(group);
        hpcnode_cgroup_free(pact);
        assert_string_equal(log_text, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(all_scopes_go_in_reverse),
                TEST(each_kind_of_error_is_logged_as_is_due),
                TEST(processes_that_cannot_be_killed_are_told),
                TEST(a_cpuset_that_fails_leaves_nothing),
                TEST(of_a_creation_without_an_answer_nothing_is_left_to_say),
                TEST(the_group_of_another_system_owns_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
