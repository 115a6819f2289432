/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two systems share one tree, and others have a part of it: who may do what. */
#include "contract.h"

#include <signal.h>

/* In a scope of that name (live, with a task "t"), and a record (ended). */
typedef struct Scene {
        const char *slice, *scope, *record;
} Scene;

static Scene make_scene(Node *n, Who who, const char *slice)
{
        create(n, who, slice, "theirs");
        spawn(n, who, "theirs", "t");
        create(n, who, slice, "past");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[who], "past", &n->e));
        return (Scene){ slice, "theirs", "past" };
}

static void assert_untouched(Node *n, const Scene *s)
{
        assert_state(n, s->scope, "active");
        assert_state(n, "theirs/t", "running");
        assert_state(n, s->record, "exited");
        assert_unknown(n, "mine");
}

/* Every call that changes something, but for those that an emergency allows. */
static void assert_denied(Node *n, Who who, const Scene *s, const char *const words[])
{
        hpcnode_cgroup_limits *limits = hpcnode_cgroup_limits_new();
        hpcnode_cgroup *c = n->as[who];
        const uint32_t pid = 1;

        OK(n, hpcnode_cgroup_limits_set(limits, "CPUWeight", "50", &n->e));
        FAILS(n, PERMISSION_DENIED, try_spawn(n, who, s->scope, "mine", NULL));
        check_words(n, words, __FILE__, __LINE__);
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_attach(c, s->scope, "mine", &pid, 1, &n->e));
        check_words(n, words, __FILE__, __LINE__);
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_set_limits(c, s->scope, limits, &n->e));
        check_words(n, words, __FILE__, __LINE__);
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_destroy_scope(c, s->scope, &n->e));
        check_words(n, words, __FILE__, __LINE__);
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_remove(c, s->record, &n->e));
        hpcnode_cgroup_limits_free(limits);
}

static void assert_no_scope_of_its_own(Node *n, Who who, const Scene *s, const char *const words[])
{
        hpcnode_cgroup_info *info = NULL;

        FAILS(n, PERMISSION_DENIED,
              hpcnode_cgroup_create_scope(n->as[who], s->slice, "mine", NULL, NULL, &info, &n->e));
        check_words(n, words, __FILE__, __LINE__);
        FAILS(n, PERMISSION_DENIED, try_run(n, who, s->slice, "mine", &info));
        check_words(n, words, __FILE__, __LINE__);
        assert_null(info);
}

static void assert_freezes_and_kills_denied(Node *n, Who who, const Scene *s)
{
        hpcnode_cgroup *c = n->as[who];

        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_freeze(c, s->scope, &n->e));
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_freeze(c, "theirs/t", &n->e));
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_thaw(c, s->scope, &n->e));
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_kill(c, s->scope, SIGKILL, &n->e));
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_kill(c, "theirs/t", SIGTERM, &n->e));
}

/* Every call that changes something, in a slice where it is allowed. */
static void assert_may_everything(Node *n, Who who, const char *slice)
{
        hpcnode_cgroup *c = n->as[who];

        create(n, who, slice, "own");
        spawn(n, who, "own", "t");
        OK(n, hpcnode_cgroup_freeze(c, "own", &n->e));
        OK(n, hpcnode_cgroup_thaw(c, "own", &n->e));
        OK(n, hpcnode_cgroup_freeze(c, "own/t", &n->e));
        OK(n, hpcnode_cgroup_thaw(c, "own/t", &n->e));
        OK(n, hpcnode_cgroup_kill(c, "own/t", SIGTERM, &n->e));
        assert_end(n, "own/t", "failed", -1, SIGTERM);
        OK(n, hpcnode_cgroup_kill(c, "own", SIGKILL, &n->e));
        OK(n, hpcnode_cgroup_destroy_scope(c, "own", &n->e));
        OK(n, hpcnode_cgroup_remove(c, "own", &n->e));
        run(n, who, slice, "own");
        backend.exit("own/main", 0);
        assert_end(n, "own", "exited", 0, 0);
        OK(n, hpcnode_cgroup_remove(c, "own", &n->e));
}

static void each_system_may_everything_in_its_tree(void **state)
{
        assert_may_everything(*state, PACT, "pact.slice");
        assert_may_everything(*state, PACT, "pact-gpu.slice");
        assert_may_everything(*state, WORKLOAD, "workload.slice");
        assert_may_everything(*state, WORKLOAD, "workload.slice/alloc-1");
}

static void root_may_everything_in_both(void **state)
{
        assert_may_everything(*state, ADMIN, "pact-audit.slice");
        assert_may_everything(*state, ADMIN, "workload.slice");
}

static void others_may_everything_with_their_own_in_the_workload_slice(void **state)
{
        assert_may_everything(*state, OTHER, "workload.slice");
}

static void workload_may_nothing_in_pacts_tree(void **state)
{
        static const char *const words[] = { "/pact.slice", "owned by pact", "(workload)", NULL };
        Node *n = *state;
        Scene s = make_scene(n, PACT, "pact.slice");

        assert_no_scope_of_its_own(n, WORKLOAD, &s, words);
        assert_denied(n, WORKLOAD, &s, words);
        assert_freezes_and_kills_denied(n, WORKLOAD, &s);
        check_words(n, words, __FILE__, __LINE__);
        assert_untouched(n, &s);
}

static void others_may_nothing_in_pacts_tree(void **state)
{
        static const char *const words[] = { "/pact.slice", "owned by pact", "(other)", NULL };
        Node *n = *state;
        Scene s = make_scene(n, ADMIN, "pact-infra.slice");

        assert_no_scope_of_its_own(n, OTHER, &s, words);
        assert_denied(n, OTHER, &s, words);
        assert_freezes_and_kills_denied(n, OTHER, &s);
        assert_untouched(n, &s);
}

static void others_may_nothing_with_what_is_not_theirs(void **state)
{
        static const char *const words[] = { "/workload.slice/", "owned by workload", "own", NULL };
        Node *n = *state;
        Scene s = make_scene(n, WORKLOAD, "workload.slice");

        assert_denied(n, OTHER, &s, words);
        assert_freezes_and_kills_denied(n, OTHER, &s);
        check_words(n, words, __FILE__, __LINE__);
        assert_untouched(n, &s);
}

static void what_others_made_is_the_owners_too(void **state)
{
        Node *n = *state;

        create(n, OTHER, "workload.slice", "hers");
        spawn(n, WORKLOAD, "hers", "t");
        OK(n, hpcnode_cgroup_freeze(n->as[WORKLOAD], "hers", &n->e));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[WORKLOAD], "hers", &n->e));
        OK(n, hpcnode_cgroup_remove(n->as[WORKLOAD], "hers", &n->e));
}

static void others_take_no_name_that_somebody_elses_record_has(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "past");
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "past", &n->e));
        FAILS(n, ALREADY_EXISTS,
              hpcnode_cgroup_create_scope(n->as[OTHER], "workload.slice", "past", NULL, NULL, &info,
                                          &n->e));
        assert_null(info);
        create(n, WORKLOAD, "workload.slice", "past");
}

/* The call is admitted, or refused to whom it does not own the slice. */
static void assert_forced(Node *n, Who who, const char *name, bool allowed)
{
        hpcnode_cgroup_options *options = prepared("host", name);
        hpcnode_cgroup_info *task = NULL, *scope = NULL;
        hpcnode_cgroup *c = n->as[who];

        OK(n, hpcnode_cgroup_options_set_number(options, "Force", 1, &n->e));
        create(n, who, "workload.slice", "host");
        if (allowed) {
                OK(n, hpcnode_cgroup_spawn(c, "host", name, options, program, &task, &n->e));
        } else {
                FAILS(n, PERMISSION_DENIED,
                      hpcnode_cgroup_spawn(c, "host", name, options, program, &task, &n->e));
                MENTIONS(n, "(other)", "Force", "workload.slice");
        }
        hpcnode_cgroup_options_free(options);

        options = hpcnode_cgroup_options_new();
        OK(n, hpcnode_cgroup_options_set_number(options, "Force", 1, &n->e));
        if (allowed)
                OK(n, hpcnode_cgroup_create_scope(c, "workload.slice", name, NULL, options, &scope,
                                                  &n->e));
        else
                FAILS(n, PERMISSION_DENIED,
                      hpcnode_cgroup_create_scope(c, "workload.slice", name, NULL, options, &scope,
                                                  &n->e));
        hpcnode_cgroup_options_free(options);
        hpcnode_cgroup_info_free(task);
        hpcnode_cgroup_info_free(scope);
        OK(n, hpcnode_cgroup_destroy_scope(c, "host", &n->e));
}

static void only_root_and_the_owner_may_force(void **state)
{
        Node *n = *state;

        assert_forced(n, OTHER, "hers", false);
        assert_unknown(n, "hers");
        assert_forced(n, WORKLOAD, "theirs", true);
        assert_forced(n, ADMIN, "roots", true);
}

/* --- emergency --- */

static void pact_may_nothing_in_workloads_tree(void **state)
{
        static const char *const words[] = { "/workload.slice", "owned by workload", "(pact)",
                                             NULL };
        Node *n = *state;
        Scene s = make_scene(n, WORKLOAD, "workload.slice");
        hpcnode_cgroup *c = n->as[PACT];

        assert_no_scope_of_its_own(n, PACT, &s, words);
        assert_denied(n, PACT, &s, words);
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_freeze(c, s.scope, &n->e));
        check_words(n, words, __FILE__, __LINE__);
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_thaw(c, s.scope, &n->e));
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_kill(c, s.scope, SIGKILL, &n->e));
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_kill(c, "theirs/t", SIGTERM, &n->e));
        MENTIONS(n, "emergency");
        assert_untouched(n, &s);
}

static void in_an_emergency_pact_freezes_thaws_and_kills(void **state)
{
        Node *n = *state;
        Scene s = make_scene(n, WORKLOAD, "workload.slice");
        hpcnode_cgroup_info *info = NULL;

        backend.set_emergency(true);
        OK(n, hpcnode_cgroup_freeze(n->as[PACT], s.scope, &n->e));
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], s.scope, &info, &n->e));
        assert_string_equal(info->state, "frozen");
        assert_string_equal(info->frozen_by[0], "emergency");
        hpcnode_cgroup_info_free(info);
        OK(n, hpcnode_cgroup_thaw(n->as[PACT], s.scope, &n->e));
        assert_state(n, s.scope, "active");
        OK(n, hpcnode_cgroup_kill(n->as[PACT], "theirs/t", SIGTERM, &n->e));
        assert_end(n, "theirs/t", "failed", -1, SIGTERM);
}

static void in_an_emergency_pact_does_nothing_else(void **state)
{
        static const char *const words[] = { "/workload.slice", "owned by workload", NULL };
        Node *n = *state;
        Scene s = make_scene(n, WORKLOAD, "workload.slice");

        backend.set_emergency(true);
        assert_no_scope_of_its_own(n, PACT, &s, words);
        assert_denied(n, PACT, &s, words);
        assert_untouched(n, &s);
}

static void what_an_emergency_froze_is_thawed_by_its_owner(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        run(n, WORKLOAD, "workload.slice", "job");
        backend.set_emergency(true);
        OK(n, hpcnode_cgroup_freeze(n->as[PACT], "job", &n->e));
        OK(n, hpcnode_cgroup_freeze(n->as[WORKLOAD], "job", &n->e)); /* and the owner */
        backend.set_emergency(false);
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "job", &info, &n->e));
        assert_string_equal(info->state, "frozen");
        assert_string_equal(info->frozen_by[0], "client");
        assert_string_equal(info->frozen_by[1], "emergency");
        assert_null(info->frozen_by[2]);
        hpcnode_cgroup_info_free(info);
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_thaw(n->as[PACT], "job", &n->e));
        OK(n, hpcnode_cgroup_thaw(n->as[WORKLOAD], "job", &n->e));
        assert_state(n, "job", "running");
}

int run_access_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(each_system_may_everything_in_its_tree),
                TEST(root_may_everything_in_both),
                TEST(others_may_everything_with_their_own_in_the_workload_slice),
                TEST(workload_may_nothing_in_pacts_tree),
                TEST(others_may_nothing_in_pacts_tree),
                TEST(others_may_nothing_with_what_is_not_theirs),
                TEST(what_others_made_is_the_owners_too),
                TEST(others_take_no_name_that_somebody_elses_record_has),
                TEST(only_root_and_the_owner_may_force),
                TEST(pact_may_nothing_in_workloads_tree),
                TEST(in_an_emergency_pact_freezes_thaws_and_kills),
                TEST(in_an_emergency_pact_does_nothing_else),
                TEST(what_an_emergency_froze_is_thawed_by_its_owner),
        };

        return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
