/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How scopes and tasks are named, and what is told of them: find, inspect, list, metrics, who_am_i. */
#include "contract.h"

/* --- names --- */

static void assert_named(Node *n, const char *text, const char *id)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], text, &info, &n->e));
        assert_string_equal(info->id, id);
        hpcnode_cgroup_info_free(info);
}

static void a_scope_is_found_by_name_unit_and_path(void **state)
{
        static const char *const spellings[] = {
                "a-1",
                "a-1.scope",
                "workload-a-1.scope",
                "/workload.slice/workload-a-1.scope",
                "workload.slice/workload-a-1.scope",
                "/sys/fs/cgroup/workload.slice/workload-a-1.scope",
                "/workload.slice/workload-a-1.scope/",
                "/workload.slice/workload-a-1.scope/payload",
                "/org/hpcnode/Cgroup1/scope/workload_2da_2d1_2escope",
        };
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a-1");
        for (size_t i = 0; i < ELEMENTSOF(spellings); i++)
                assert_named(n, spellings[i], "a-1");
}

static void a_task_is_found_by_its_scope_and_by_path(void **state)
{
        static const char *const spellings[] = {
                "a/rank.0",
                "workload-a.scope/rank.0",
                "/workload.slice/workload-a.scope/payload/rank.0",
                "/sys/fs/cgroup/workload.slice/workload-a.scope/payload/rank.0",
                "/org/hpcnode/Cgroup1/scope/workload_2da_2escope/task/rank_2e0",
        };
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "rank.0");
        for (size_t i = 0; i < ELEMENTSOF(spellings); i++)
                assert_named(n, spellings[i], "a/rank.0");
}

static void what_is_no_text_is_no_name(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        FAILS(n, INVALID_ARGS, hpcnode_cgroup_inspect(n->as[ADMIN], "n\xf6", &info, &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "n\xf6", &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_wait(n->as[ADMIN], "n\xf6", -1, &info, &n->e));
        assert_null(info);
}

static void what_is_not_there_is_not_found(void **state)
{
        static const char *const texts[] = {
                "b",
                "a/b",
                "b/main",
                "workload-b.scope",
                "/workload.slice/workload-b.scope",
                "a/main/deep",
                "system.slice",
        };
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_unknown(n, texts[i]);
                MENTIONS(n, texts[i]);
        }
}

static void what_is_no_path_is_told_so(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        FAILS(n, INVALID_ARGS, hpcnode_cgroup_inspect(n->as[ADMIN], "a//b", &info, &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_inspect(n->as[ADMIN], "/a/../b", &info, &n->e));
        assert_null(info);
}

static void every_call_says_that_a_scope_is_not_there(void **state)
{
        hpcnode_cgroup_limits *limits = hpcnode_cgroup_limits_new();
        hpcnode_cgroup_info *info = NULL;
        const uint32_t pid = 12345;
        Node *n = *state;
        hpcnode_cgroup *c = n->as[ADMIN];

        OK(n, hpcnode_cgroup_limits_set(limits, "CPUWeight", "50", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_destroy_scope(c, "nil", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_is_scope_empty(c, "nil", &n->e));
        FAILS(n, NOT_FOUND, try_spawn(n, ADMIN, "nil", "t", &info));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_attach(c, "nil", "t", &pid, 1, &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_set_limits(c, "nil", limits, &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_freeze(c, "nil", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_thaw(c, "nil", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(c, "nil", 15, &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_wait(c, "nil", -1, &info, &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_remove(c, "nil", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_inspect(c, "nil", &info, &n->e));
        MENTIONS(n, "nil");
        assert_null(info);
        hpcnode_cgroup_limits_free(limits);
}

static void a_name_in_two_slices_has_to_be_told_apart(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "twin");
        create(n, ADMIN, "pact-gpu.slice", "twin");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_inspect(n->as[ADMIN], "twin", &info, &n->e));
        MENTIONS(n, "workload-twin.scope", "pact-gpu-twin.scope");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "twin", &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_is_scope_empty(n->as[ADMIN], "twin", &n->e));
        assert_null(info);
        assert_state(n, "workload-twin.scope", "active");
        assert_state(n, "/pact.slice/pact-gpu.slice/pact-gpu-twin.scope", "active");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "pact-gpu-twin.scope", &n->e));
        assert_named(n, "twin", "twin");
        assert_state(n, "twin", "active"); /* the live one is meant */
}

/* --- inspect --- */

static void a_job_tells_all_of_itself(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        uint64_t value = 0;
        uint32_t pid;

        pid = run(n, WORKLOAD, "workload.slice", "job");
        OK(n, hpcnode_cgroup_inspect(n->as[OTHER], "job", &info, &n->e));
        assert_string_equal(info->id, "job");
        assert_string_equal(info->name, "job");
        assert_string_equal(info->unit, "workload-job.scope");
        assert_string_equal(info->slice, "workload.slice");
        assert_string_equal(info->cgroup, "/workload.slice/workload-job.scope");
        assert_string_equal(info->state, "running");
        assert_string_equal(info->owner, "workload");
        assert_string_equal(info->description, "job");
        assert_string_equal(info->log, "journal");
        assert_true(!info->frozen_by || !info->frozen_by[0]);
        assert_int_equal(info->n_pids, 1);
        assert_int_equal(info->pids[0], pid);
        assert_int_equal(info->pid, pid);
        assert_int_equal(info->uid, backend.uid(WORKLOAD));
        assert_int_equal(info->is_job, 1);
        assert_int_equal(info->is_task, 0);
        assert_int_equal(info->release_on_empty, 0);
        assert_int_equal(info->oom_killed, 0);
        assert_int_equal(info->priority, 50);
        assert_int_equal(info->exit_status, -1);
        assert_int_equal(info->exit_signal, 0);
        assert_int_equal(info->oom_kills, 0);
        assert_true(info->created_usec > 0 && info->start_usec >= info->created_usec);
        assert_int_equal(info->exit_usec, 0);
        assert_int_equal(hpcnode_cgroup_limits_get_number(info->limits, "MemoryMax", &value), 0);
        assert_int_equal(hpcnode_cgroup_metrics_get(info->metrics, "nr_processes", &value), 1);
        assert_int_equal(value, 1);
        hpcnode_cgroup_info_free(info);
}

static void a_record_tells_how_it_ended(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        uint64_t value = 1;

        run(n, ADMIN, "workload.slice", "job");
        backend.exit("job/main", 3);
        assert_end(n, "job", "failed", 3, 0);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "job", &info, &n->e));
        assert_string_equal(info->state, "failed");
        assert_int_equal(info->exit_status, 3);
        assert_int_equal(info->exit_signal, 0);
        assert_int_equal(info->pid, 0);
        assert_int_equal(info->n_pids, 0);
        assert_true(info->exit_usec >= info->start_usec && info->start_usec > 0);
        assert_int_equal(hpcnode_cgroup_metrics_get(info->metrics, "nr_processes", &value), 1);
        assert_int_equal(value, 0);
        hpcnode_cgroup_info_free(info);
}

static void a_task_tells_what_it_is(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        uint32_t pid;

        create(n, ADMIN, "workload.slice", "a");
        pid = spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_inspect(n->as[OTHER], "a/t", &info, &n->e));
        assert_string_equal(info->id, "a/t");
        assert_string_equal(info->name, "t");
        assert_string_equal(info->unit, "workload-a.scope");
        assert_string_equal(info->cgroup, "/workload.slice/workload-a.scope/payload/t");
        assert_string_equal(info->state, "running");
        assert_int_equal(info->is_task, 1);
        assert_int_equal(info->oom_killed, 0);
        assert_int_equal(info->pid, pid);
        assert_int_equal(info->exit_status, -1);
        assert_true(info->start_usec > 0);
        assert_int_equal(info->exit_usec, 0);
        hpcnode_cgroup_info_free(info);
        backend.exit("a/t", 5);
        assert_end(n, "a/t", "failed", 5, 0);
        OK(n, hpcnode_cgroup_inspect(n->as[OTHER], "a/t", &info, &n->e));
        assert_string_equal(info->state, "failed");
        assert_int_equal(info->exit_status, 5);
        assert_int_equal(info->pid, pid);
        assert_true(info->exit_usec >= info->start_usec);
        hpcnode_cgroup_info_free(info);
}

/* --- list --- */

static const hpcnode_cgroup_info *listed(hpcnode_cgroup_info *const *list, const char *id)
{
        for (; *list; list++)
                if (streq((*list)->id, id))
                        return *list;
        fail_msg("%s is not listed", id);
        return NULL;
}

static void at_first_nothing_is_listed(void **state)
{
        hpcnode_cgroup_info **list = NULL;
        Node *n = *state;

        OK(n, hpcnode_cgroup_list(n->as[OTHER], &list, &n->e));
        assert_null(list[0]);
        hpcnode_cgroup_list_free(list);
}

static void what_lives_and_what_has_ended_is_listed(void **state)
{
        hpcnode_cgroup_info **list = NULL;
        const hpcnode_cgroup_info *i;
        Node *n = *state;
        uint32_t pid;

        create(n, PACT, "pact.slice", "service");
        pid = run(n, WORKLOAD, "workload.slice", "job");
        run(n, ADMIN, "workload.slice", "past");
        backend.exit("past/main", 0);
        assert_end(n, "past", "exited", 0, 0);
        OK(n, hpcnode_cgroup_list(n->as[OTHER], &list, &n->e));
        i = listed(list, "service");
        assert_string_equal(i->unit, "pact-service.scope");
        assert_string_equal(i->cgroup, "/pact.slice/pact-service.scope");
        assert_string_equal(i->state, "active");
        assert_int_equal(i->pid, 0);
        i = listed(list, "job");
        assert_string_equal(i->name, "job");
        assert_string_equal(i->state, "running");
        assert_int_equal(i->pid, pid);
        i = listed(list, "past");
        assert_string_equal(i->state, "exited");
        assert_int_equal(i->pid, 0);
        assert_null(list[3]);
        hpcnode_cgroup_list_free(list);
}

static void the_tasks_of_one_scope_or_of_all_are_listed(void **state)
{
        hpcnode_cgroup_info **list = NULL;
        const hpcnode_cgroup_info *i;
        Node *n = *state;

        create(n, PACT, "pact.slice", "service");
        run(n, WORKLOAD, "workload.slice", "job");
        spawn(n, WORKLOAD, "job", "rank-1");
        backend.exit("job/rank-1", 7);
        assert_end(n, "job/rank-1", "failed", 7, 0);
        spawn(n, PACT, "service", "worker");

        OK(n, hpcnode_cgroup_list_tasks(n->as[OTHER], "job", &list, &n->e));
        assert_string_equal(list[0]->id, "job/main");
        assert_string_equal(list[0]->state, "running");
        assert_true(list[0]->pid > 0);
        assert_true(list[0]->start_usec > 0);
        assert_string_equal(list[1]->id, "job/rank-1");
        assert_int_equal(list[1]->exit_status, 7);
        assert_null(list[2]);
        hpcnode_cgroup_list_free(list);

        OK(n, hpcnode_cgroup_list_tasks(n->as[OTHER], NULL, &list, &n->e));
        (void) listed(list, "job/main");
        (void) listed(list, "job/rank-1");
        i = listed(list, "service/worker");
        assert_string_equal(i->name, "worker");
        assert_string_equal(i->unit, "pact-service.scope");
        assert_string_equal(i->cgroup, "/pact.slice/pact-service.scope/payload/worker");
        assert_int_equal(i->is_task, 1);
        assert_null(list[3]);
        hpcnode_cgroup_list_free(list);

        OK(n, hpcnode_cgroup_list_tasks(n->as[OTHER], "job/rank-1", &list, &n->e));
        (void) listed(list, "job/rank-1");
        assert_null(list[1]);
        hpcnode_cgroup_list_free(list);
        FAILS(n, NOT_FOUND, hpcnode_cgroup_list_tasks(n->as[OTHER], "nobody", &list, &n->e));
}

static void entries_of_a_list_are_completed(void **state)
{
        hpcnode_cgroup_info **scopes = NULL, **tasks = NULL;
        const hpcnode_cgroup_info *i;
        Node *n = *state;
        uint64_t value;

        create(n, ADMIN, "workload.slice", "past");
        run(n, WORKLOAD, "workload.slice", "job");
        OK(n, hpcnode_cgroup_list(n->as[OTHER], &scopes, &n->e));
        OK(n, hpcnode_cgroup_list_tasks(n->as[OTHER], NULL, &tasks, &n->e));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "past", &n->e));
        OK(n, hpcnode_cgroup_remove(n->as[ADMIN], "past", &n->e));

        OK(n, hpcnode_cgroup_inspect_list(n->as[OTHER], scopes, &n->e));
        i = listed(scopes, "job");
        assert_string_equal(i->slice, "workload.slice");
        assert_int_equal(i->priority, 50);
        assert_non_null(i->limits);
        assert_int_equal(i->n_pids, -1);
        assert_int_equal(hpcnode_cgroup_metrics_get(i->metrics, "nr_processes", &value), 1);
        assert_int_equal(value, 1);
        /* What has gone meanwhile stays as it was. */
        assert_string_equal(listed(scopes, "past")->state, "active");

        OK(n, hpcnode_cgroup_inspect_list(n->as[OTHER], tasks, &n->e));
        assert_int_equal(hpcnode_cgroup_metrics_get(tasks[0]->metrics, "nr_processes", &value), 1);
        assert_int_equal(value, 1);
        hpcnode_cgroup_list_free(scopes);
        hpcnode_cgroup_list_free(tasks);
}

/* --- metrics --- */

static void assert_processes(Node *n, const char *path, uint64_t number)
{
        hpcnode_cgroup_metrics *metrics = NULL;
        uint64_t value = 0;

        OK(n, hpcnode_cgroup_read_metrics(n->as[OTHER], path, &metrics, &n->e));
        assert_int_equal(hpcnode_cgroup_metrics_get(metrics, "nr_processes", &value), 1);
        assert_int_equal(value, number);
        assert_int_equal(hpcnode_cgroup_metrics_get(metrics, "nonsense", &value), -EINVAL);
        hpcnode_cgroup_metrics_free(metrics);
}

static void processes_are_counted_without_the_supervisor(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "pact-gpu.slice", "a");
        assert_processes(n, "a", 0);
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        assert_processes(n, "a", 2);
        assert_processes(n, "a/t", 1);
        assert_processes(n, "pact-gpu-a.scope", 2);
        assert_processes(n, "/pact.slice/pact-gpu.slice/pact-gpu-a.scope/payload", 2);
        assert_processes(n, "pact.slice/gpu.slice", 2);
        assert_processes(n, "pact.slice", 2);
        backend.exit("a/t", 0);
        assert_end(n, "a/t", "exited", 0, 0);
        assert_processes(n, "pact-gpu.slice", 1);
}

static void what_has_no_cgroup_has_no_metrics(void **state)
{
        hpcnode_cgroup_metrics *metrics = NULL;
        Node *n = *state;

        FAILS(n, NOT_FOUND, hpcnode_cgroup_read_metrics(n->as[ADMIN], "none", &metrics, &n->e));
        MENTIONS(n, "none");
        FAILS(n, NOT_FOUND,
              hpcnode_cgroup_read_metrics(n->as[ADMIN], "workload.slice/none.slice", &metrics,
                                          &n->e));
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_read_metrics(n->as[ADMIN], "/workload.slice/../x", &metrics, &n->e));
        assert_null(metrics);
}

static void the_cgroups_of_a_scope_go_with_it(void **state)
{
        static const char path[] = "/workload.slice/workload-a.scope/supervisor";
        hpcnode_cgroup_metrics *metrics = NULL;
        Node *n = *state;

        FAILS(n, NOT_FOUND, hpcnode_cgroup_read_metrics(n->as[OTHER], path, &metrics, &n->e));
        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_read_metrics(n->as[OTHER], path, &metrics, &n->e));
        metrics = hpcnode_cgroup_metrics_free(metrics);
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_read_metrics(n->as[OTHER], path, &metrics, &n->e));
        assert_null(metrics);
}

static void an_ended_task_has_no_metrics_and_a_record_has(void **state)
{
        hpcnode_cgroup_metrics *metrics = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_read_metrics(n->as[ADMIN], "a/t", &metrics, &n->e));
        assert_null(metrics);
        assert_processes(n, "a", 0);
}

/* --- callers and errors --- */

static void callers_are_told_who_they_are(void **state)
{
        Node *n = *state;

        for (Who who = 0; who < _WHO_MAX; who++) {
                char *principal = NULL, *unit = NULL;
                uint32_t uid = UINT32_MAX;

                OK(n, hpcnode_cgroup_who_am_i(n->as[who], &principal, &uid, &unit, &n->e));
                assert_string_equal(principal, who_names[who]);
                assert_int_equal(uid, backend.uid(who));
                assert_non_null(unit);
                free(principal);
                free(unit);
                OK(n, hpcnode_cgroup_who_am_i(n->as[who], NULL, NULL, NULL, &n->e));
        }
}

static void errors_may_be_used_again_and_left_out(void **state)
{
        Node *n = *state;

        assert_unknown(n, "first");
        assert_unknown(n, "second");
        MENTIONS(n, "second");
        assert_string_equal(hpcnode_cgroup_error_name(n->e.code), "NotFound");
        hpcnode_cgroup_error_done(&n->e);
        assert_int_equal(n->e.code, HPCNODE_CGROUP_ERROR_NONE);
        assert_null(n->e.message);
        assert_int_equal(hpcnode_cgroup_destroy_scope(n->as[ADMIN], "third", NULL), -ENOENT);
        assert_int_equal(hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", ".", NULL,
                                                     NULL, NULL, NULL),
                         -EINVAL);
}

int run_find_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_scope_is_found_by_name_unit_and_path),
                TEST(a_task_is_found_by_its_scope_and_by_path),
                TEST(what_is_no_text_is_no_name),
                TEST(what_is_not_there_is_not_found),
                TEST(what_is_no_path_is_told_so),
                TEST(every_call_says_that_a_scope_is_not_there),
                TEST(a_name_in_two_slices_has_to_be_told_apart),
                TEST(a_job_tells_all_of_itself),
                TEST(a_record_tells_how_it_ended),
                TEST(a_task_tells_what_it_is),
                TEST(at_first_nothing_is_listed),
                TEST(what_lives_and_what_has_ended_is_listed),
                TEST(the_tasks_of_one_scope_or_of_all_are_listed),
                TEST(entries_of_a_list_are_completed),
                TEST(processes_are_counted_without_the_supervisor),
                TEST(what_has_no_cgroup_has_no_metrics),
                TEST(the_cgroups_of_a_scope_go_with_it),
                TEST(an_ended_task_has_no_metrics_and_a_record_has),
                TEST(callers_are_told_who_they_are),
                TEST(errors_may_be_used_again_and_left_out),
        };

        return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
