/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Jobs and tasks: started, and ended by themselves. */
#include "contract.h"

#include <signal.h>

static void a_job_is_a_scope_with_a_main_task(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        OK(n, try_run(n, WORKLOAD, "workload.slice", "job", &info));
        assert_string_equal(info->id, "job");
        assert_string_equal(info->name, "job");
        assert_string_equal(info->unit, "workload-job.scope");
        assert_string_equal(info->cgroup, "/workload.slice/workload-job.scope");
        assert_true(info->pid > 1);
        hpcnode_cgroup_info_free(info);
        assert_state(n, "job", "running");
        assert_state(n, "job/main", "running");
        assert_empty(n, "job", false);
        assert_empty(n, "job/main", false);
}

static void a_job_ends_with_its_main_task(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "good");
        run(n, ADMIN, "workload.slice", "bad");
        backend.exit("good/main", 0);
        backend.exit("bad/main", 77);
        assert_end(n, "good", "exited", 0, 0);
        assert_end(n, "bad", "failed", 77, 0);
        assert_empty(n, "good", true);
        assert_state(n, "good", "exited");
        assert_state(n, "bad", "failed");
}

static void the_main_task_of_a_record_is_the_job(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        backend.exit("job/main", 77);
        assert_end(n, "job", "failed", 77, 0);
        assert_end(n, "job/main", "failed", 77, 0);
        assert_empty(n, "job/main", true);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "job/main", &info, &n->e));
        assert_string_equal(info->id, "job");
        hpcnode_cgroup_info_free(info);
        info = NULL;
        FAILS(n, NOT_FOUND, hpcnode_cgroup_remove(n->as[ADMIN], "job/main", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_inspect(n->as[ADMIN], "job/other", &info, &n->e));
        /* Of a scope that never had one. */
        create(n, ADMIN, "workload.slice", "none");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "none", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_inspect(n->as[ADMIN], "none/main", &info, &n->e));
        assert_null(info);
}

static void a_job_without_a_program_is_none(void **state)
{
        static const char *const nothing[] = { NULL }, *const empty[] = { "", "x", NULL };
        static const char *const no_text[] = { "true", "\xff", NULL };
        const char *const *const commands[] = { NULL, nothing, empty, no_text };
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "host");
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "job", NULL, NULL,
                                         commands[i], &info, &n->e));
                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_spawn(n->as[ADMIN], "host", "t", NULL, commands[i], &info,
                                           &n->e));
        }
        assert_null(info);
        assert_unknown(n, "job");
        assert_unknown(n, "host/t");
}

static void a_program_that_cannot_be_executed_leaves_nothing(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        FAILS(n, EXEC_FAILED,
              hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "job", NULL, NULL,
                                 backend.unusable_program("run"), &info, &n->e));
        assert_unknown(n, "job");
        create(n, ADMIN, "workload.slice", "host");
        FAILS(n, EXEC_FAILED,
              hpcnode_cgroup_spawn(n->as[ADMIN], "host", "t", NULL,
                                   backend.unusable_program("spawn"), &info, &n->e));
        assert_unknown(n, "host/t");
        assert_null(info);
        assert_empty(n, "host", true);
}

static void options_of_a_job_are_kept(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        backend.prepare("job/main", options);
        OK(n, hpcnode_cgroup_options_set(options, "Log", "null", &n->e));
        OK(n, hpcnode_cgroup_options_set(options, "Description", "A job", &n->e));
        OK(n, hpcnode_cgroup_options_set(options, "Environment", "A=b", &n->e));
        OK(n, hpcnode_cgroup_options_set(options, "RequirePaths", "/", &n->e));
        OK(n, hpcnode_cgroup_options_set(options, "RequirePaths", "/dev/null", &n->e));
        OK(n, hpcnode_cgroup_options_set_number(options, "Priority", 0, &n->e));
        OK(n, hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "job", NULL, options, program,
                                 NULL, &n->e));
        hpcnode_cgroup_options_free(options);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "job", &info, &n->e));
        assert_string_equal(info->log, "null");
        assert_string_equal(info->description, "A job");
        assert_int_equal(info->priority, 0);
        assert_int_equal(info->n_require_paths, 2);
        hpcnode_cgroup_info_free(info);
}

static void a_time_is_neither_nothing_nor_endless(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        FAILS(n, INVALID_ARGS, hpcnode_cgroup_options_set_number(options, "TimeoutUSec", 0, &n->e));
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_options_set_number(options, "TimeoutUSec", -1, &n->e));
        OK(n, hpcnode_cgroup_options_set_number(options, "TimeoutUSec", INT64_MAX, &n->e));
        backend.prepare("job/main", options);
        OK(n, hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "job", NULL, options, program,
                                 NULL, &n->e));
        hpcnode_cgroup_options_free(options);
        backend.exit("job/main", 0);
        assert_end(n, "job", "exited", 0, 0);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "job", &info, &n->e));
        assert_int_equal(info->timed_out, 0);
        hpcnode_cgroup_info_free(info);
}

static hpcnode_cgroup_options *with_services(Node *n)
{
        static const char *const service[] = { "sleep", "infinity", NULL };
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();

        OK(n, hpcnode_cgroup_options_add_service(options, service, &n->e));
        OK(n, hpcnode_cgroup_options_add_service(options, service, &n->e));
        return options;
}

static void services_are_tasks_of_a_job_and_end_with_it(void **state)
{
        hpcnode_cgroup_options *options;
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        options = with_services(n);
        backend.prepare("job/main", options);
        OK(n, hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "job", NULL, options, program,
                                 NULL, &n->e));
        hpcnode_cgroup_options_free(options);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "job", &info, &n->e));
        assert_int_equal(info->n_services, 2);
        assert_true(info->n_pids >= 3);
        hpcnode_cgroup_info_free(info);
        assert_state(n, "job/service-1", "running");
        assert_state(n, "job/service-2", "running");
        assert_unknown(n, "job/service-3");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job/service-1", SIGKILL, &n->e));
        assert_end(n, "job/service-1", "killed", -1, SIGKILL);
        assert_state(n, "job", "running");
        backend.exit("job/main", 3);
        assert_end(n, "job", "failed", 3, 0);
        assert_empty(n, "job", true);
}

static void services_are_a_jobs_alone(void **state)
{
        static const char *const empty[] = { "", NULL };
        hpcnode_cgroup_options *options;
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        options = with_services(n);
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_options_add_service(options, empty, &n->e));
        create(n, ADMIN, "workload.slice", "host");
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_spawn(n->as[ADMIN], "host", "t", options, program, &info, &n->e));
        MENTIONS(n, "Services");
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "x", NULL, options, &info,
                                          &n->e));
        hpcnode_cgroup_options_free(options);
        assert_null(info);
        assert_unknown(n, "host/t");
}

static void texts_of_options_are_checked(void **state)
{
        static const struct {
                const char *option, *text;
        } wrong[] = {
                { "WorkingDirectory", "relative" },
                { "WorkingDirectory", "" },
                { "Environment", "1A=b" },
                { "Environment", "A" },
                { "User", "" },
                { "Group", "a\nb" },
                { "Log", "syslog" },
                { "Log", "file:relative" },
                { "RequirePaths", "relative" },
                { "Description", "two\nlines" },
        };
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();

                OK(n, hpcnode_cgroup_options_set(options, wrong[i].option, wrong[i].text, &n->e));
                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "job", NULL, options,
                                         program, &info, &n->e));
                MENTIONS(n, wrong[i].option);
                hpcnode_cgroup_options_free(options);
        }
        assert_null(info);
        assert_unknown(n, "job");
}

/* --- tasks --- */

static void a_task_has_a_leaf_and_a_process(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, try_spawn(n, ADMIN, "a", "rank-0", &info));
        assert_string_equal(info->id, "a/rank-0");
        assert_string_equal(info->name, "rank-0");
        assert_string_equal(info->unit, "workload-a.scope");
        assert_string_equal(info->cgroup, "/workload.slice/workload-a.scope/payload/rank-0");
        assert_true(info->pid > 1);
        hpcnode_cgroup_info_free(info);
        assert_state(n, "a/rank-0", "running");
        assert_state(n, "a", "active");
        assert_empty(n, "a", false);
}

static void tasks_end_each_for_itself(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        backend.exit("a/s", 4);
        assert_end(n, "a/s", "failed", 4, 0);
        assert_empty(n, "a/s", true);
        assert_state(n, "a/t", "running");
        assert_empty(n, "a", false);
        backend.exit("a/t", 0);
        assert_end(n, "a/t", "exited", 0, 0);
        assert_empty(n, "a", true);
        assert_state(n, "a", "active");
}

static void a_tasks_name_is_used_by_one_at_a_time(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        FAILS(n, ALREADY_EXISTS, try_spawn(n, ADMIN, "a", "t", &info));
        MENTIONS(n, "a/t");
        assert_null(info);
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/t", 9, &n->e));
        assert_end(n, "a/t", "killed", -1, 9);
}

static void tasks_names_are_checked(void **state)
{
        static const char *const wrong[] = {
                "", ".t", "-t", "s/t", "a b", "cgroup.procs", "memory.max", "cpu.x",
        };
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_spawn(n->as[ADMIN], "a", wrong[i], NULL, program, &info,
                                           &n->e));
        assert_null(info);
}

static void a_task_has_no_tasks(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_spawn(n->as[ADMIN], "a/t", "u", NULL, program, &info, &n->e));
        assert_null(info);
}

static void no_task_starts_in_what_has_ended(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, try_spawn(n, ADMIN, "a", "t", &info));
        assert_null(info);
}

static void options_of_scopes_are_refused_for_tasks(void **state)
{
        static const char *const names[] = { "Priority", "ReleaseOnEmpty" };
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();

                OK(n, hpcnode_cgroup_options_set_number(options, names[i], 1, &n->e));
                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_spawn(n->as[ADMIN], "a", "t", options, program, &info, &n->e));
                MENTIONS(n, names[i]);
                hpcnode_cgroup_options_free(options);
        }
        assert_null(info);
        assert_unknown(n, "a/t");
}

/* --- main --- */

static void the_end_of_main_kills_the_rest(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "helper");
        spawn(n, ADMIN, "a", "main");
        backend.exit("a/main", 0);
        assert_end(n, "a/main", "exited", 0, 0);
        assert_end(n, "a/helper", "killed", -1, 9);
        assert_empty(n, "a", true);
        assert_state(n, "a", "active");
}

/* Nothing of its earlier run is told of it. */
static void assert_begun(Node *n, const char *scope, uint32_t pid)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], scope, &info, &n->e));
        assert_int_equal(info->pid, pid);
        assert_int_equal(info->exit_status, -1);
        assert_int_equal(info->exit_signal, 0);
        assert_true(info->start_usec > 0);
        assert_int_equal(info->exit_usec, 0);
        hpcnode_cgroup_info_free(info);
}

/* Also of a scope that lives on the end of its main task is known. */
static void assert_ended(Node *n, const char *scope, int exit_status, int exit_signal)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], scope, &info, &n->e));
        assert_true(info->exit_usec >= info->start_usec);
        assert_int_equal(info->exit_status, exit_status);
        assert_int_equal(info->exit_signal, exit_signal);
        hpcnode_cgroup_info_free(info);
}

static void what_has_ended_is_started_anew_under_its_name(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        for (int status = 1; status < 4; status++) {
                uint32_t pid = spawn(n, ADMIN, "a", "main");

                assert_state(n, "a/main", "running");
                assert_begun(n, "a", pid);
                assert_begun(n, "a/main", pid);
                if (status == 2) {
                        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGTERM, &n->e));
                        assert_end(n, "a/main", "failed", -1, SIGTERM);
                        assert_ended(n, "a", -1, SIGTERM);
                        assert_ended(n, "a/main", -1, SIGTERM);
                } else {
                        backend.exit("a/main", status);
                        assert_end(n, "a/main", "failed", status, 0);
                        assert_ended(n, "a", status, 0);
                        assert_ended(n, "a/main", status, 0);
                }
        }
}

static void further_tasks_of_a_job_end_with_it(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        spawn(n, ADMIN, "job", "helper");
        assert_state(n, "job/helper", "running");
        backend.exit("job/main", 0);
        assert_end(n, "job", "exited", 0, 0);
        assert_empty(n, "job", true);
        assert_unknown(n, "job/helper");
}

/* --- ReleaseOnEmpty --- */

static void create_released_on_empty(Node *n, const char *name)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();

        OK(n, hpcnode_cgroup_options_set_number(options, "ReleaseOnEmpty", 1, &n->e));
        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", name, NULL, options, NULL,
                                          &n->e));
        hpcnode_cgroup_options_free(options);
}

static void a_scope_is_released_when_its_last_task_has_ended(void **state)
{
        Node *n = *state;

        create_released_on_empty(n, "a");
        assert_state(n, "a", "active"); /* there was no task yet */
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        backend.exit("a/s", 1);
        assert_end(n, "a/s", "failed", 1, 0);
        assert_state(n, "a", "active");
        backend.exit("a/t", 2);
        assert_end(n, "a", "exited", -1, 0);
        assert_end(n, "a/t", "failed", 2, 0);
}

static void a_released_scope_ends_as_its_main_task_did(void **state)
{
        Node *n = *state;

        create_released_on_empty(n, "a");
        spawn(n, ADMIN, "a", "main");
        backend.exit("a/main", 6);
        assert_end(n, "a", "failed", 6, 0);
}

/* --- privileges --- */

static void only_root_names_another_user(void **state)
{
        static const char *const names[] = { "User", "Group" };
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();

                OK(n, hpcnode_cgroup_options_set(options, names[i], "0", &n->e));
                FAILS(n, PERMISSION_DENIED,
                      hpcnode_cgroup_run(n->as[WORKLOAD], "workload.slice", "job", NULL, options,
                                         program, &info, &n->e));
                MENTIONS(n, "root");
                hpcnode_cgroup_options_free(options);
        }
        assert_null(info);
        assert_unknown(n, "job");
}

static void only_root_goes_before_others(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        OK(n, hpcnode_cgroup_options_set_number(options, "Nice", -1, &n->e));
        create(n, WORKLOAD, "workload.slice", "a");
        FAILS(n, PERMISSION_DENIED,
              hpcnode_cgroup_spawn(n->as[WORKLOAD], "a", "t", options, program, &info, &n->e));
        MENTIONS(n, "Nice");
        hpcnode_cgroup_options_free(options);
        assert_null(info);
        assert_unknown(n, "a/t");
}

int run_task_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_job_is_a_scope_with_a_main_task),
                TEST(a_job_ends_with_its_main_task),
                TEST(the_main_task_of_a_record_is_the_job),
                TEST(a_job_without_a_program_is_none),
                TEST(a_program_that_cannot_be_executed_leaves_nothing),
                TEST(options_of_a_job_are_kept),
                TEST(a_time_is_neither_nothing_nor_endless),
                TEST(services_are_tasks_of_a_job_and_end_with_it),
                TEST(services_are_a_jobs_alone),
                TEST(texts_of_options_are_checked),
                TEST(a_task_has_a_leaf_and_a_process),
                TEST(tasks_end_each_for_itself),
                TEST(a_tasks_name_is_used_by_one_at_a_time),
                TEST(tasks_names_are_checked),
                TEST(a_task_has_no_tasks),
                TEST(no_task_starts_in_what_has_ended),
                TEST(options_of_scopes_are_refused_for_tasks),
                TEST(the_end_of_main_kills_the_rest),
                TEST(what_has_ended_is_started_anew_under_its_name),
                TEST(further_tasks_of_a_job_end_with_it),
                TEST(a_scope_is_released_when_its_last_task_has_ended),
                TEST(a_released_scope_ends_as_its_main_task_did),
                TEST(only_root_names_another_user),
                TEST(only_root_goes_before_others),
        };

        return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
