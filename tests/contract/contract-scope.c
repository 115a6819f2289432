/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slices and scopes: made, destroyed, removed. */
#include "contract.h"

static const char *const slices[] = {
        "pact.slice",     "pact-infra.slice", "pact-network.slice",
        "pact-gpu.slice", "pact-audit.slice", "workload.slice",
};

static void assert_hierarchy(Node *n, Who who)
{
        char **names = NULL;
        size_t i = 0;

        OK(n, hpcnode_cgroup_create_hierarchy(n->as[who], &names, &n->e));
        for (; names[i]; i++)
                assert_string_equal(names[i], slices[i]);
        assert_int_equal(i, ELEMENTSOF(slices));
        hpcnode_cgroup_strings_free(names);
}

static void the_hierarchy_is_made_again_by_anybody(void **state)
{
        for (Who who = 0; who < _WHO_MAX; who++)
                assert_hierarchy(*state, who);
        assert_int_equal(hpcnode_cgroup_create_hierarchy(((Node *) *state)->as[ADMIN], NULL, NULL),
                         0);
}

static void slices_belong_to_their_tree(void **state)
{
        static const struct {
                const char *path, *owner;
        } paths[] = {
                { "pact.slice", "pact" },
                { "pact-gpu.slice", "pact" },
                { "pact.slice/gpu.slice", "pact" },
                { "/sys/fs/cgroup/pact.slice/pact-gpu.slice", "pact" },
                { "workload.slice", "workload" },
                { "/workload.slice/workload-a.scope/payload", "workload" },
                { "workload-alloc.scope", "workload" },
                { "workload.slice-extra", "" },
                { "not-pact.slice/x", "" },
                { "pactfoo.slice", "" },
                { "system.slice", "" },
                { "/", "" },
        };
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                char *owner = NULL;

                OK(n, hpcnode_cgroup_slice_owner(n->as[OTHER], paths[i].path, &owner, &n->e));
                assert_string_equal(owner, paths[i].owner);
                free(owner);
        }
}

static void the_owner_of_what_is_no_path_is_not_told(void **state)
{
        static const char *const paths[] = { "", "workload.slice/../pact.slice", "a//b" };
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                char *owner = NULL;

                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_slice_owner(n->as[ADMIN], paths[i], &owner, &n->e));
                assert_null(owner);
        }
}

static void a_scope_is_made_empty_and_active(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        OK(n, hpcnode_cgroup_create_scope(n->as[WORKLOAD], "workload.slice", "alloc-1", NULL, NULL,
                                          &info, &n->e));
        assert_string_equal(info->id, "alloc-1");
        assert_string_equal(info->name, "alloc-1");
        assert_string_equal(info->unit, "workload-alloc-1.scope");
        assert_string_equal(info->cgroup, "/workload.slice/workload-alloc-1.scope");
        hpcnode_cgroup_info_free(info);
        assert_state(n, "alloc-1", "active");
        assert_empty(n, "alloc-1", true);
}

static void a_slice_may_be_spelled_in_several_ways(void **state)
{
        static const char *const spellings[] = {
                "pact-gpu.slice",
                "pact.slice/gpu.slice",
                "pact.slice/pact-gpu.slice",
                "/pact.slice/gpu.slice",
                "/sys/fs/cgroup/pact.slice/pact-gpu.slice",
        };
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(spellings); i++) {
                hpcnode_cgroup_info *info = NULL;

                OK(n, hpcnode_cgroup_create_scope(n->as[PACT], spellings[i], "nv", NULL, NULL,
                                                  &info, &n->e));
                assert_string_equal(info->unit, "pact-gpu-nv.scope");
                assert_string_equal(info->cgroup, "/pact.slice/pact-gpu.slice/pact-gpu-nv.scope");
                OK(n, hpcnode_cgroup_destroy_scope(n->as[PACT], info->unit, &n->e));
                hpcnode_cgroup_info_free(info);
        }
}

static void levels_below_the_workload_slice_are_made_on_demand(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        OK(n, hpcnode_cgroup_create_scope(n->as[WORKLOAD], "workload.slice/alloc-7", "step", NULL,
                                          NULL, &info, &n->e));
        assert_string_equal(info->unit, "workload-alloc\\x2d7-step.scope");
        assert_string_equal(
                info->cgroup,
                "/workload.slice/workload-alloc\\x2d7.slice/workload-alloc\\x2d7-step.scope");
        hpcnode_cgroup_info_free(info);
        OK(n, hpcnode_cgroup_inspect(n->as[WORKLOAD], "step", &info, &n->e));
        assert_string_equal(info->slice, "workload-alloc\\x2d7.slice");
        hpcnode_cgroup_info_free(info);
}

static void scopes_are_made_in_no_other_slice(void **state)
{
        static const char *const others[] = {
                "",
                "system.slice",
                "user.slice",
                "workload.slice-extra",
                "not-pact.slice/x",
                "pactfoo.slice",
                "pact.slice/storage.slice",
                "workload.slice/../pact.slice",
                "workload.slice//a",
                "workload.slice/workload-a.scope",
        };
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                hpcnode_cgroup_info *info = NULL;

                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_create_scope(n->as[ADMIN], others[i], "lost", NULL, NULL,
                                                  &info, &n->e));
                assert_null(info);
                FAILS(n, INVALID_ARGS, try_run(n, ADMIN, others[i], "lost", &info));
                assert_null(info);
        }
        assert_unknown(n, "lost");
}

static void names_are_checked(void **state)
{
        char longest[130];
        const char *const wrong[] = { "", ".x", "-x", "a b", "a/b", "x.scope.scope", "ä", longest };
        Node *n = *state;

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                hpcnode_cgroup_info *info = NULL;

                FAILS(n, INVALID_ARGS,
                      hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", wrong[i], NULL,
                                                  NULL, &info, &n->e));
                assert_null(info);
                FAILS(n, INVALID_ARGS, try_run(n, ADMIN, "workload.slice", wrong[i], &info));
                assert_null(info);
        }
        longest[128] = '\0';
        create(n, ADMIN, "workload.slice", longest);
        assert_state(n, longest, "active");
}

static void a_name_may_end_as_a_unit_does(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "x.scope", NULL, NULL,
                                          &info, &n->e));
        assert_string_equal(info->name, "x");
        assert_string_equal(info->unit, "workload-x.scope");
        hpcnode_cgroup_info_free(info);
        assert_state(n, "x", "active");
}

static void a_name_is_used_once(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "one");
        FAILS(n, ALREADY_EXISTS,
              hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "one", NULL, NULL, &info,
                                          &n->e));
        MENTIONS(n, "one", "workload-one.scope", "/workload.slice");
        FAILS(n, ALREADY_EXISTS, try_run(n, WORKLOAD, "workload.slice", "one", &info));
        assert_null(info);
        assert_state(n, "one", "active");
}

static void options_are_kept(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        assert_non_null(options);
        OK(n, hpcnode_cgroup_options_set(options, "Description", "An allocation", &n->e));
        OK(n, hpcnode_cgroup_options_set_number(options, "Priority", 7, &n->e));
        OK(n, hpcnode_cgroup_options_set_number(options, "ReleaseOnEmpty", 1, &n->e));
        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "told", NULL, options,
                                          NULL, &n->e));
        hpcnode_cgroup_options_free(options);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "told", &info, &n->e));
        assert_string_equal(info->description, "An allocation");
        assert_int_equal(info->priority, 7);
        assert_int_equal(info->release_on_empty, 1);
        hpcnode_cgroup_info_free(info);
}

static void options_of_other_calls_are_refused(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        assert_non_null(options);
        OK(n, hpcnode_cgroup_options_set_number(options, "Nice", 5, &n->e));
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "nice", NULL, options,
                                          &info, &n->e));
        MENTIONS(n, "Nice");
        hpcnode_cgroup_options_free(options);
        assert_null(info);
        assert_unknown(n, "nice");
}

/* --- destroy --- */

static void a_destroyed_scope_is_a_record(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, WORKLOAD, "workload.slice", "gone");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[WORKLOAD], "gone", &n->e));
        assert_empty(n, "gone", true);
        OK(n, hpcnode_cgroup_inspect(n->as[WORKLOAD], "gone", &info, &n->e));
        assert_string_equal(info->state, "exited");
        assert_true(info->exit_usec >= info->created_usec && info->created_usec > 0);
        hpcnode_cgroup_info_free(info);
}

static void destroying_again_succeeds(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "twice");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "twice", &n->e));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "twice", &n->e));
        run(n, ADMIN, "workload.slice", "job");
        backend.exit("job/main", 0);
        assert_end(n, "job", "exited", 0, 0);
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "job", &n->e));
        assert_state(n, "job", "exited");
}

static void what_never_was_cannot_be_destroyed(void **state)
{
        Node *n = *state;

        FAILS(n, NOT_FOUND, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "never-was", &n->e));
        MENTIONS(n, "never-was");
        create(n, ADMIN, "workload.slice", "dropped");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "dropped", &n->e));
        OK(n, hpcnode_cgroup_remove(n->as[ADMIN], "dropped", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "dropped", &n->e));
}

static void destroying_kills_all_tasks(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "full");
        spawn(n, ADMIN, "full", "a");
        spawn(n, ADMIN, "full", "b");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "full", &n->e));
        assert_end(n, "full/a", "killed", -1, 9);
        assert_end(n, "full/b", "killed", -1, 9);
        assert_state(n, "full", "exited");
        assert_empty(n, "full", true);
}

static void a_scope_ends_as_its_main_task_did(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "led");
        spawn(n, ADMIN, "led", "main");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "led", &n->e));
        assert_end(n, "led", "killed", -1, 9);
}

static void a_task_alone_is_not_destroyed(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "whole");
        spawn(n, ADMIN, "whole", "part");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "whole/part", &n->e));
        assert_state(n, "whole/part", "running");
}

/* --- records --- */

static void the_record_of_a_destroyed_scope_makes_room(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "again");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "again", &n->e));
        create(n, WORKLOAD, "workload.slice", "again");
        assert_state(n, "again", "active");
}

static void the_record_of_a_job_does_not(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        backend.exit("job/main", 0);
        assert_end(n, "job", "exited", 0, 0);
        FAILS(n, ALREADY_EXISTS, try_run(n, ADMIN, "workload.slice", "job", &info));
        MENTIONS(n, "job", "exited", "record");
        assert_null(info);
        OK(n, hpcnode_cgroup_remove(n->as[ADMIN], "job", &n->e));
        run(n, ADMIN, "workload.slice", "job");
}

static void what_runs_is_not_removed(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        create(n, ADMIN, "workload.slice", "scope");
        FAILS(n, NOT_EMPTY, hpcnode_cgroup_remove(n->as[ADMIN], "job", &n->e));
        FAILS(n, NOT_EMPTY, hpcnode_cgroup_remove(n->as[ADMIN], "scope", &n->e));
        assert_state(n, "job", "running");
        assert_state(n, "scope", "active");
}

static void a_removed_record_is_gone(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "past");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "past", &n->e));
        OK(n, hpcnode_cgroup_remove(n->as[ADMIN], "past", &n->e));
        assert_unknown(n, "past");
        FAILS(n, NOT_FOUND, hpcnode_cgroup_remove(n->as[ADMIN], "past", &n->e));
}

int run_scope_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_hierarchy_is_made_again_by_anybody),
                TEST(slices_belong_to_their_tree),
                TEST(the_owner_of_what_is_no_path_is_not_told),
                TEST(a_scope_is_made_empty_and_active),
                TEST(a_slice_may_be_spelled_in_several_ways),
                TEST(levels_below_the_workload_slice_are_made_on_demand),
                TEST(scopes_are_made_in_no_other_slice),
                TEST(names_are_checked),
                TEST(a_name_may_end_as_a_unit_does),
                TEST(a_name_is_used_once),
                TEST(options_are_kept),
                TEST(options_of_other_calls_are_refused),
                TEST(a_destroyed_scope_is_a_record),
                TEST(destroying_again_succeeds),
                TEST(what_never_was_cannot_be_destroyed),
                TEST(destroying_kills_all_tasks),
                TEST(a_scope_ends_as_its_main_task_did),
                TEST(a_task_alone_is_not_destroyed),
                TEST(the_record_of_a_destroyed_scope_makes_room),
                TEST(the_record_of_a_job_does_not),
                TEST(what_runs_is_not_removed),
                TEST(a_removed_record_is_gone),
        };

        return cmocka_run_group_tests_name("scopes", tests, NULL, NULL);
}
