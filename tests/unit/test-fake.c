/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only the fake has: calls that are recorded and fail on demand, ends that a test brings about. What it shares
 * with the daemon is tested in tests/contract. */
#include "test.h"

#include "hpcnode/cgroup-fake.h"
#include <pthread.h>
#include <signal.h>

static const char *const program[] = { "/bin/job", "--fast", NULL };

static int open_fake(void **state)
{
        return hpcnode_cgroup_fake_open((hpcnode_cgroup **) state, NULL);
}

static int close_fake(void **state)
{
        hpcnode_cgroup_free(*state);
        return 0;
}

static void create(hpcnode_cgroup *fake, const char *name)
{
        assert_int_equal(
                hpcnode_cgroup_create_scope(fake, "workload.slice", name, NULL, NULL, NULL, NULL),
                0);
}

static void run(hpcnode_cgroup *fake, const char *name)
{
        assert_int_equal(
                hpcnode_cgroup_run(fake, "workload.slice", name, NULL, NULL, program, NULL, NULL),
                0);
}

static void assert_state(hpcnode_cgroup *fake, const char *scope, const char *state)
{
        hpcnode_cgroup_info *info = NULL;

        assert_int_equal(hpcnode_cgroup_inspect(fake, scope, &info, NULL), 0);
        assert_string_equal(info->state, state);
        hpcnode_cgroup_info_free(info);
}

/* --- calls --- */

static void assert_calls(hpcnode_cgroup *fake, const char *const calls[])
{
        size_t i = 0;

        for (; calls[i]; i++) {
                const char *call = hpcnode_cgroup_fake_call(fake, i);

                assert_non_null(call);
                assert_string_equal(call, calls[i]);
        }
        assert_null(hpcnode_cgroup_fake_call(fake, i));
}

static void test_calls_are_recorded_with_their_arguments(void **state)
{
        static const char *const calls[] = {
                "create_hierarchy",
                "create_scope workload.slice a MemoryMax=67108864 Priority=7 Description=An a",
                "run pact.slice b Environment=A=b Environment=C=d StandardInput=0 -- /bin/job "
                "--fast",
                "spawn a t -- /bin/job --fast",
                "attach a u 7 8",
                "move_tasks /x a v",
                "set_limits a CPUWeight=50",
                "set_limits a AllowedCPUs=0",
                "set_limits a AllowedCPUs=",
                "freeze a",
                "thaw a",
                "kill a 15",
                "is_scope_empty a",
                "inspect a",
                "list",
                "read_metrics a",
                "slice_owner /pact.slice",
                "who_am_i",
                "destroy_scope a",
                "wait a",
                "remove a",
                NULL,
        };
        hpcnode_cgroup *fake = *state;
        hpcnode_cgroup_limits *limits = hpcnode_cgroup_limits_new();
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_metrics *metrics = NULL;
        hpcnode_cgroup_info *info = NULL, **list = NULL;
        char *owner = NULL;

        (void) hpcnode_cgroup_create_hierarchy(fake, NULL, NULL);
        (void) hpcnode_cgroup_limits_set(limits, "MemoryMax", "64M", NULL);
        (void) hpcnode_cgroup_options_set(options, "Description", "An a", NULL);
        (void) hpcnode_cgroup_options_set_number(options, "Priority", 7, NULL);
        (void) hpcnode_cgroup_create_scope(fake, "workload.slice", "a", limits, options, NULL,
                                           NULL);
        hpcnode_cgroup_options_free(options);
        hpcnode_cgroup_limits_free(limits);
        options = hpcnode_cgroup_options_new();
        (void) hpcnode_cgroup_options_set(options, "Environment", "A=b", NULL);
        (void) hpcnode_cgroup_options_set(options, "Environment", "C=d", NULL);
        (void) hpcnode_cgroup_options_set_fd(options, "StandardInput", 0, NULL);
        (void) hpcnode_cgroup_run(fake, "pact.slice", "b", NULL, options, program, NULL, NULL);
        hpcnode_cgroup_options_free(options);
        (void) hpcnode_cgroup_spawn(fake, "a", "t", NULL, program, NULL, NULL);
        (void) hpcnode_cgroup_attach(fake, "a", "u", (const uint32_t[]){ 7, 8 }, 2, NULL);
        (void) hpcnode_cgroup_move_tasks(fake, "/x", "a", "v", NULL);
        limits = hpcnode_cgroup_limits_new();
        (void) hpcnode_cgroup_limits_set_number(limits, "CPUWeight", 50, NULL);
        (void) hpcnode_cgroup_set_limits(fake, "a", limits, NULL);
        hpcnode_cgroup_limits_free(limits);
        (void) hpcnode_cgroup_set_cpuset(fake, "a", "0", NULL);
        (void) hpcnode_cgroup_set_cpuset(fake, "a", NULL, NULL);
        (void) hpcnode_cgroup_freeze(fake, "a", NULL);
        (void) hpcnode_cgroup_thaw(fake, "a", NULL);
        (void) hpcnode_cgroup_kill(fake, "a", SIGTERM, NULL);
        (void) hpcnode_cgroup_is_scope_empty(fake, "a", NULL);
        (void) hpcnode_cgroup_inspect(fake, "a", &info, NULL);
        hpcnode_cgroup_info_free(info);
        (void) hpcnode_cgroup_list(fake, &list, NULL);
        hpcnode_cgroup_list_free(list);
        (void) hpcnode_cgroup_read_metrics(fake, "a", &metrics, NULL);
        hpcnode_cgroup_metrics_free(metrics);
        (void) hpcnode_cgroup_slice_owner(fake, "/pact.slice", &owner, NULL);
        free(owner);
        (void) hpcnode_cgroup_who_am_i(fake, NULL, NULL, NULL, NULL);
        (void) hpcnode_cgroup_destroy_scope(fake, "a", NULL);
        (void) hpcnode_cgroup_wait(fake, "a", -1, NULL, NULL);
        (void) hpcnode_cgroup_remove(fake, "a", NULL);
        assert_calls(fake, calls);
}

static void test_calls_that_fail_are_recorded_too(void **state)
{
        hpcnode_cgroup *fake = *state;

        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "none", NULL), -ENOENT);
        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "list", 1, HPCNODE_CGROUP_ERROR_IO), 0);
        assert_int_equal(hpcnode_cgroup_list(fake, &(hpcnode_cgroup_info **){ NULL }, NULL), -EIO);
        assert_calls(fake, (const char *const[]){ "destroy_scope none", "list", NULL });
        hpcnode_cgroup_fake_clear_calls(fake);
        assert_calls(fake, (const char *const[]){ NULL });
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "none", NULL), -ENOENT);
        assert_calls(fake, (const char *const[]){ "destroy_scope none", NULL });
}

/* --- failing on demand --- */

static void test_the_nth_call_fails_and_changes_nothing(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info *info = NULL;
        hpcnode_cgroup *fake = *state;

        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "create_scope", 2,
                                                  HPCNODE_CGROUP_ERROR_CREATION_FAILED),
                         0);
        create(fake, "a");
        run(fake, "job"); /* another operation */
        assert_int_equal(
                hpcnode_cgroup_create_scope(fake, "workload.slice", "b", NULL, NULL, &info, &e),
                -EREMOTEIO);
        assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_CREATION_FAILED);
        assert_non_null(strstr(e.message, "create_scope"));
        assert_null(info);
        assert_int_equal(hpcnode_cgroup_is_scope_empty(fake, "b", &e), -ENOENT);
        create(fake, "b"); /* it is used up */
        hpcnode_cgroup_error_done(&e);
}

static void test_any_operation_may_fail(void **state)
{
        hpcnode_cgroup *fake = *state;

        create(fake, "a");
        assert_int_equal(hpcnode_cgroup_fake_fail(fake, NULL, 2, HPCNODE_CGROUP_ERROR_TIMED_OUT),
                         0);
        assert_int_equal(hpcnode_cgroup_freeze(fake, "a", NULL), 0);
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "a", NULL), -ETIMEDOUT);
        assert_state(fake, "a", "frozen");
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "a", NULL), 0);
}

static void test_two_failures_of_one_turn_come_one_after_the_other(void **state)
{
        hpcnode_cgroup *fake = *state;

        create(fake, "a");
        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "thaw", 1, HPCNODE_CGROUP_ERROR_IO), 0);
        assert_int_equal(
                hpcnode_cgroup_fake_fail(fake, NULL, 1, HPCNODE_CGROUP_ERROR_SHUTTING_DOWN), 0);
        assert_int_equal(hpcnode_cgroup_thaw(fake, "a", NULL), -EIO);
        assert_int_equal(hpcnode_cgroup_thaw(fake, "a", NULL), -ESHUTDOWN);
        assert_int_equal(hpcnode_cgroup_thaw(fake, "a", NULL), 0);
}

static void test_all_calls_fail_until_they_are_told_not_to(void **state)
{
        hpcnode_cgroup *fake = *state;

        create(fake, "a");
        assert_int_equal(
                hpcnode_cgroup_fake_fail(fake, "thaw", 0, HPCNODE_CGROUP_ERROR_UNREACHABLE), 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(hpcnode_cgroup_thaw(fake, "a", NULL), -ECONNREFUSED);
        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "thaw", 0, HPCNODE_CGROUP_ERROR_NONE), 0);
        assert_int_equal(hpcnode_cgroup_thaw(fake, "a", NULL), 0);
}

static void test_calls_fail_with_an_errno(void **state)
{
        static const struct {
                int error;
                hpcnode_cgroup_error_code code;
        } errors[] = {
                { EBUSY, HPCNODE_CGROUP_ERROR_KILL_FAILED },
                { EACCES, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED },
                { EPERM, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED },
                { ENOENT, HPCNODE_CGROUP_ERROR_NOT_FOUND },
                { ENOMEM, HPCNODE_CGROUP_ERROR_NO_MEMORY },
                { ENOSPC, HPCNODE_CGROUP_ERROR_IO },
        };
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *fake = *state;

        create(fake, "a");
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                assert_int_equal(
                        hpcnode_cgroup_fake_fail_errno(fake, "destroy_scope", 1, errors[i].error),
                        0);
                assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "a", &e), -errors[i].error);
                assert_int_equal(e.code, errors[i].code);
                assert_non_null(strstr(e.message, strerror(errors[i].error)));
        }
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "a", &e), 0);
        hpcnode_cgroup_error_done(&e);
}

static void test_what_cannot_fail_is_told(void **state)
{
        hpcnode_cgroup *fake = *state;

        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "nonsense", 1, HPCNODE_CGROUP_ERROR_IO),
                         -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_fail(fake, "list", 1, HPCNODE_CGROUP_ERROR_NONE),
                         -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_fail_errno(fake, "list", 1, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_fail_errno(fake, "list", 1, -EBUSY), -EINVAL);
}

/* --- ends --- */

static void test_tasks_end_as_they_are_told(void **state)
{
        hpcnode_cgroup *fake = *state;

        run(fake, "good");
        run(fake, "bad");
        run(fake, "shot");
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "good", 0, 0), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "bad/main", 255, 0), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "workload-shot.scope", 0, SIGKILL), 0);
        assert_state(fake, "good", "exited");
        assert_state(fake, "bad", "failed");
        assert_state(fake, "shot", "killed");
}

static void test_what_cannot_end_is_told(void **state)
{
        hpcnode_cgroup *fake = *state;

        create(fake, "a");
        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "none", 0, 0), -ENOENT);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "a", 0, 0), -ESRCH); /* no main task */
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", 256, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", -1, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", 0, -9), -EINVAL);
        assert_int_equal(hpcnode_cgroup_freeze(fake, "job", NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", 0, 0), -EBUSY);
        assert_int_equal(hpcnode_cgroup_thaw(fake, "job", NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", 0, 0), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", 0, 0), -ESRCH);
}

static void test_processes_are_there_once(void **state)
{
        hpcnode_cgroup *fake = *state;

        assert_int_equal(hpcnode_cgroup_fake_add_process(fake, 7, 1000, "/user.slice/x"), 0);
        assert_int_equal(hpcnode_cgroup_fake_add_process(fake, 7, 1000, "/user.slice/x"), -EEXIST);
        assert_int_equal(hpcnode_cgroup_fake_add_process(fake, 0, 0, "/x"), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_add_process(fake, 8, 0, "/x/../y"), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_exit_process(fake, 8, 0, 0), -ESRCH);
        assert_int_equal(hpcnode_cgroup_fake_exit_process(fake, 7, 0, 0), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit_process(fake, 7, 0, 0), -ESRCH);
}

static void test_processes_come_into_leaves(void **state)
{
        hpcnode_cgroup *fake = *state;
        int fd = -1;

        create(fake, "a");
        assert_int_equal(hpcnode_cgroup_open_scope(fake, "a", "t", &fd, NULL), 0);
        assert_int_equal(close(fd), 0);
        assert_string_equal(hpcnode_cgroup_fake_call(fake, 1), "open_scope a t");
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "a/t", 0, 0), -ESRCH); /* nobody is there */
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a", 7, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a/u", 7, 0), -ENOENT);
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a/t", 0, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a/t", 7, 0), 0);
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a/t", 7, 0), -EEXIST);
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a/t", 8, 0), 0);
        assert_state(fake, "a/t", "running");
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "a/t", 3, 0), 0);
        assert_state(fake, "a/t", "failed");
        assert_int_equal(hpcnode_cgroup_is_scope_empty(fake, "a", NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_enter(fake, "a/t", 9, 0), -ESRCH);
        assert_int_equal(hpcnode_cgroup_fake_exit_process(fake, 8, 0, 0), 0);
        assert_int_equal(hpcnode_cgroup_is_scope_empty(fake, "a", NULL), 1);
}

static void test_what_is_not_started_anew_is_known_as_before(void **state)
{
        hpcnode_cgroup *fake = *state, *agent = NULL;
        int fd = -1;

        create(fake, "a");
        assert_int_equal(hpcnode_cgroup_fake_open_as(fake, "admin", 0, &agent, NULL), 0);
        assert_int_equal(hpcnode_cgroup_spawn(fake, "a", "t", NULL, program, NULL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "a/t", 3, 0), 0);
        assert_int_equal(hpcnode_cgroup_open_scope(agent, "a", "t", &fd, NULL), 0);
        assert_int_equal(close(fd), 0);
        assert_state(fake, "a/t", "starting");
        hpcnode_cgroup_free(agent);
        assert_state(fake, "a/t", "failed");
}

static void assert_metric(hpcnode_cgroup *fake, const char *path, const char *name, int present,
                          uint64_t value)
{
        hpcnode_cgroup_metrics *metrics = NULL;
        uint64_t found = 0;

        assert_int_equal(hpcnode_cgroup_read_metrics(fake, path, &metrics, NULL), 0);
        assert_int_equal(hpcnode_cgroup_metrics_get(metrics, name, &found), present);
        assert_int_equal(found, value);
        hpcnode_cgroup_metrics_free(metrics);
}

static void test_metrics_are_as_they_are_set(void **state)
{
        hpcnode_cgroup *fake = *state;
        hpcnode_cgroup_metrics *metrics = NULL;

        run(fake, "job");
        assert_metric(fake, "job", "memory_current", 0, 0);
        assert_int_equal(
                hpcnode_cgroup_fake_set_metric(fake, "workload-job.scope", "memory_current", 4096),
                0);
        assert_int_equal(hpcnode_cgroup_fake_set_metric(fake, "job/main", "cpu_usage_usec", 5), 0);
        assert_int_equal(
                hpcnode_cgroup_fake_set_metric(fake, "pact.slice/gpu.slice", "io_read_bytes", 6),
                0);
        assert_metric(fake, "job", "memory_current", 1, 4096);
        assert_metric(fake, "job/main", "cpu_usage_usec", 1, 5);
        assert_metric(fake, "pact-gpu.slice", "io_read_bytes", 1, 6);
        assert_int_equal(hpcnode_cgroup_read_metrics(fake, "/elsewhere", &metrics, NULL), -ENOENT);
        assert_int_equal(hpcnode_cgroup_fake_set_metric(fake, "/elsewhere", "memory_current", 7),
                         0);
        assert_metric(fake, "elsewhere", "memory_current", 1, 7);
        assert_int_equal(hpcnode_cgroup_fake_set_metric(fake, "job", "nonsense", 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_exit(fake, "job", 0, 0), 0);
        assert_metric(fake, "job", "memory_current", 1, 4096); /* the final ones */
}

/* --- what cannot be killed --- */

static void test_what_cannot_be_killed_becomes_a_zombie(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info *info = NULL;
        hpcnode_cgroup *fake = *state;

        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", true), 0);
        assert_int_equal(hpcnode_cgroup_kill(fake, "job", SIGKILL, NULL), 0);
        assert_state(fake, "job", "running");
        for (int i = 0; i < 2; i++) {
                assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "job", &e), -EBUSY);
                assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_KILL_FAILED);
                assert_state(fake, "workload-job.scope", "zombie");
        }
        assert_int_equal(hpcnode_cgroup_wait(fake, "job", -1, &info, NULL), 0);
        assert_string_equal(info->state, "zombie");
        hpcnode_cgroup_info_free(info);
        assert_int_equal(hpcnode_cgroup_freeze(fake, "job", NULL), -EUCLEAN);
        assert_int_equal(hpcnode_cgroup_thaw(fake, "job", NULL), -EUCLEAN);
        assert_int_equal(hpcnode_cgroup_kill(fake, "job", SIGTERM, NULL), -EUCLEAN);
        assert_int_equal(hpcnode_cgroup_remove(fake, "job", NULL), -EUCLEAN);
        assert_int_equal(hpcnode_cgroup_spawn(fake, "job", "t", NULL, program, NULL, NULL),
                         -EUCLEAN);
        assert_int_equal(hpcnode_cgroup_is_scope_empty(fake, "job", NULL), 0);
        hpcnode_cgroup_error_done(&e);
}

static void test_a_zombie_is_not_frozen(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        hpcnode_cgroup *fake = *state;

        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_freeze(fake, "job", NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", true), 0);
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "job", NULL), -EBUSY);
        assert_int_equal(hpcnode_cgroup_inspect(fake, "job", &info, NULL), 0);
        assert_string_equal(info->state, "zombie");
        assert_null(info->frozen_by[0]);
        hpcnode_cgroup_info_free(info);
}

static void test_a_zombies_name_is_used_anew(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        hpcnode_cgroup *fake = *state;

        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", true), 0);
        assert_int_equal(hpcnode_cgroup_destroy_scope(fake, "job", NULL), -EBUSY);
        assert_int_equal(
                hpcnode_cgroup_run(fake, "workload.slice", "job", NULL, NULL, program, &info, NULL),
                0);
        assert_string_equal(info->unit, "workload-job-2.scope");
        hpcnode_cgroup_info_free(info);
        assert_state(fake, "job", "running"); /* the live one is meant */
        assert_state(fake, "workload-job.scope", "zombie");
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "workload-job.scope", false), 0);
        assert_state(fake, "workload-job.scope", "killed");
        assert_state(fake, "job", "running");
}

static void test_what_was_not_killed_lives_on(void **state)
{
        hpcnode_cgroup *fake = *state;

        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", true), 0);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job", false), 0);
        assert_state(fake, "job", "running");
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "job/main", true), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(fake, "none", true), -ENOENT);
}

/* --- handles --- */

static void test_handles_share_a_node(void **state)
{
        hpcnode_cgroup *fake = *state, *pact = NULL, *other = NULL;

        assert_int_equal(hpcnode_cgroup_fake_open_as(fake, "pact", 801, &pact, NULL), 0);
        assert_int_equal(hpcnode_cgroup_fake_open(&other, NULL), 0);
        create(fake, "a");
        assert_state(pact, "a", "active");
        assert_string_equal(hpcnode_cgroup_fake_call(pact, 0), "create_scope workload.slice a");
        assert_int_equal(hpcnode_cgroup_is_scope_empty(other, "a", NULL), -ENOENT); /* its own */
        *state = hpcnode_cgroup_free(fake);
        assert_state(pact, "a", "active");
        hpcnode_cgroup_free(pact);
        hpcnode_cgroup_free(other);
}

static void test_principals_have_names(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *nobody = NULL;

        assert_int_equal(hpcnode_cgroup_fake_open_as(*state, "root", 0, &nobody, &e), -EINVAL);
        assert_non_null(strstr(e.message, "root"));
        assert_null(nobody);
        hpcnode_cgroup_error_done(&e);
}

/* A table of a third party. */
static void test_other_handles_are_let_alone(void **state)
{
        static const hpcnode_cgroup_ops ops = { .size = sizeof(ops) };
        hpcnode_cgroup *c = NULL, *further = NULL;

        assert_int_equal(hpcnode_cgroup_new(&ops, NULL, &c, NULL), 0);
        assert_null(hpcnode_cgroup_fake_call(c, 0));
        hpcnode_cgroup_fake_clear_calls(c);
        assert_int_equal(hpcnode_cgroup_fake_fail(c, NULL, 1, HPCNODE_CGROUP_ERROR_IO), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_fail_errno(c, NULL, 1, EIO), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_exit(c, "a", 0, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_exit_process(c, 1, 0, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_add_process(c, 7, 0, "/x"), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_enter(c, "a/t", 7, 0), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_set_metric(c, "/", "memory_current", 1), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_set_emergency(c, true), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_set_unkillable(c, "a", true), -EINVAL);
        assert_int_equal(hpcnode_cgroup_fake_open_as(c, "pact", 0, &further, NULL), -EINVAL);
        hpcnode_cgroup_free(c);
}

/* --- waits that cannot end --- */

static void test_a_wait_that_nothing_could_end_fails(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info *info = NULL;
        hpcnode_cgroup *fake = *state;

        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_wait(fake, "job", -1, &info, &e), -EOPNOTSUPP);
        assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED);
        assert_non_null(strstr(e.message, "job"));
        assert_null(info);
        hpcnode_cgroup_error_done(&e);
        assert_state(fake, "job", "running");
}

static void test_nobody_is_forked_into_its_leaf(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *fake = *state;
        int fd = -EBADF;

        create(fake, "scope");
        assert_int_equal(hpcnode_cgroup_open_scope(fake, "scope", "task", &fd, NULL), 0);
        assert_int_equal(hpcnode_cgroup_fork_into(fd, NULL, &e), -EBADF);
        assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        assert_string_equal(e.message,
                            "no process was started: the descriptor is not the directory "
                            "of a cgroup (Bad file descriptor)");
        hpcnode_cgroup_error_done(&e);
        close(fd);
}

static void *free_handle(void *userdata)
{
        hpcnode_cgroup_free(userdata);
        return NULL;
}

static void test_a_wait_fails_when_the_last_one_who_could_end_it_has_gone(void **state)
{
        hpcnode_cgroup *fake = *state, *other = NULL;
        pthread_t thread;

        run(fake, "job");
        assert_int_equal(hpcnode_cgroup_fake_open_as(fake, "admin", 0, &other, NULL), 0);
        assert_int_equal(pthread_create(&thread, NULL, free_handle, other), 0);
        assert_int_equal(hpcnode_cgroup_wait(fake, "job", -1, NULL, NULL), -EOPNOTSUPP);
        assert_int_equal(pthread_join(thread, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fake, close_fake)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_calls_are_recorded_with_their_arguments),
                TEST(test_calls_that_fail_are_recorded_too),
                TEST(test_the_nth_call_fails_and_changes_nothing),
                TEST(test_any_operation_may_fail),
                TEST(test_two_failures_of_one_turn_come_one_after_the_other),
                TEST(test_all_calls_fail_until_they_are_told_not_to),
                TEST(test_calls_fail_with_an_errno),
                TEST(test_what_cannot_fail_is_told),
                TEST(test_tasks_end_as_they_are_told),
                TEST(test_what_cannot_end_is_told),
                TEST(test_processes_are_there_once),
                TEST(test_processes_come_into_leaves),
                TEST(test_what_is_not_started_anew_is_known_as_before),
                TEST(test_metrics_are_as_they_are_set),
                TEST(test_what_cannot_be_killed_becomes_a_zombie),
                TEST(test_a_zombie_is_not_frozen),
                TEST(test_a_zombies_name_is_used_anew),
                TEST(test_what_was_not_killed_lives_on),
                TEST(test_handles_share_a_node),
                TEST(test_principals_have_names),
                TEST(test_other_handles_are_let_alone),
                TEST(test_nobody_is_forked_into_its_leaf),
                TEST(test_a_wait_that_nothing_could_end_fails),
                TEST(test_a_wait_fails_when_the_last_one_who_could_end_it_has_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
