/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Freezing, thawing and signals. */
#include "contract.h"

#include <signal.h>

/* --- freeze and thaw --- */

static void assert_frozen_by(Node *n, const char *scope, const char *who)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], scope, &info, &n->e));
        if (who) {
                assert_string_equal(info->frozen_by[0], who);
                assert_null(info->frozen_by[1]);
        } else {
                assert_true(!info->frozen_by || !info->frozen_by[0]);
        }
        hpcnode_cgroup_info_free(info);
}

static void a_frozen_job_is_frozen_until_it_is_thawed(void **state)
{
        Node *n = *state;

        run(n, WORKLOAD, "workload.slice", "job");
        for (int i = 0; i < 2; i++) {
                OK(n, hpcnode_cgroup_freeze(n->as[WORKLOAD], "job", &n->e));
                assert_state(n, "job", "frozen");
                assert_state(n, "job/main", "frozen");
                assert_frozen_by(n, "job", "client");
        }
        for (int i = 0; i < 2; i++) {
                OK(n, hpcnode_cgroup_thaw(n->as[WORKLOAD], "job", &n->e));
                assert_state(n, "job", "running");
                assert_frozen_by(n, "job", NULL);
        }
        backend.exit("job/main", 0);
        assert_end(n, "job", "exited", 0, 0);
}

static void an_empty_scope_may_be_frozen(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a", &n->e));
        assert_state(n, "a", "frozen");
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "a", &n->e));
        assert_state(n, "a", "active");
}

static void no_task_starts_in_what_is_frozen(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a", &n->e));
        FAILS(n, CREATION_FAILED, try_spawn(n, ADMIN, "a", "t", &info));
        MENTIONS(n, "frozen", "thaw");
        assert_null(info);
        assert_unknown(n, "a/t");
}

static void a_task_is_frozen_alone(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a/t", &n->e));
        assert_state(n, "a/t", "frozen");
        assert_state(n, "a/s", "running");
        assert_state(n, "a", "active");
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "a/t", &n->e));
        assert_state(n, "a/t", "running");
}

static void no_task_is_thawed_below_what_is_frozen(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a/t", &n->e));
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a", &n->e));
        FAILS(n, IO, hpcnode_cgroup_thaw(n->as[ADMIN], "a/t", &n->e));
        MENTIONS(n, "whole scope", "thaw a first");
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "a", &n->e));
        assert_state(n, "a/t", "frozen");
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "a/t", &n->e));
        assert_state(n, "a/t", "running");
}

/* As the kernel has it: what would end a process ends a frozen one, unless that has to write its core before. */
static void a_signal_that_ends_a_process_reaches_what_is_frozen(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "job", &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job", SIGTERM, &n->e));
        assert_end(n, "job", "failed", -1, SIGTERM);
}

static void a_signal_that_dumps_its_core_waits_until_it_is_thawed(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "job", &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job", SIGQUIT, &n->e));
        assert_state(n, "job", "frozen");
        assert_empty(n, "job", false);
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "job", &n->e));
        assert_end(n, "job", "failed", -1, SIGQUIT);
}

static void so_does_one_to_a_task_that_is_frozen_alone(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a/t", &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/t", SIGQUIT, &n->e));
        assert_state(n, "a/t", "frozen");
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "a/t", &n->e));
        assert_end(n, "a/t", "failed", -1, SIGQUIT);
}

static void what_is_frozen_can_be_killed_and_destroyed(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        run(n, ADMIN, "workload.slice", "other");
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "job", &n->e));
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "other", &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job", SIGKILL, &n->e));
        assert_end(n, "job", "killed", -1, SIGKILL);
        assert_frozen_by(n, "job", NULL);
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "other", &n->e));
        assert_end(n, "other", "killed", -1, SIGKILL);
}

static void what_has_ended_is_neither_frozen_nor_thawed(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/t", SIGKILL, &n->e));
        assert_end(n, "a/t", "killed", -1, SIGKILL);
        FAILS(n, NOT_FOUND, hpcnode_cgroup_freeze(n->as[ADMIN], "a/t", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_thaw(n->as[ADMIN], "a/t", &n->e));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_freeze(n->as[ADMIN], "a", &n->e));
        MENTIONS(n, "a", "exited");
        FAILS(n, NOT_FOUND, hpcnode_cgroup_thaw(n->as[ADMIN], "a", &n->e));
}

/* --- signals --- */

static void sigkill_kills_a_job(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        spawn(n, ADMIN, "job", "helper");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job", SIGKILL, &n->e));
        assert_end(n, "job", "killed", -1, SIGKILL);
        assert_empty(n, "job", true);
}

static void another_signal_is_a_failure(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job", SIGTERM, &n->e));
        assert_end(n, "job", "failed", -1, SIGTERM);
}

static void sigkill_to_a_scope_kills_all_its_tasks(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGKILL, &n->e));
        assert_end(n, "a/s", "killed", -1, SIGKILL);
        assert_end(n, "a/t", "killed", -1, SIGKILL);
        assert_state(n, "a", "active");
}

static void a_signal_to_a_task_leaves_the_others(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        spawn(n, ADMIN, "a", "u");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/s", SIGTERM, &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/t", SIGKILL, &n->e));
        assert_end(n, "a/s", "failed", -1, SIGTERM);
        assert_end(n, "a/t", "killed", -1, SIGKILL);
        assert_state(n, "a/u", "running");
}

static void without_a_main_task_a_signal_goes_to_all(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "s");
        spawn(n, ADMIN, "a", "t");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGTERM, &n->e));
        assert_end(n, "a/s", "failed", -1, SIGTERM);
        assert_end(n, "a/t", "failed", -1, SIGTERM);
}

static void else_it_goes_to_the_main_task(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "helper");
        spawn(n, ADMIN, "a", "main");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGTERM, &n->e));
        assert_end(n, "a/main", "failed", -1, SIGTERM);
        assert_end(n, "a/helper", "killed", -1, SIGKILL); /* what was left */
}

static void to_all_it_goes_to_every_task(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "helper");
        spawn(n, ADMIN, "a", "other");
        OK(n, hpcnode_cgroup_kill_all(n->as[ADMIN], "a/other", SIGTERM, &n->e));
        assert_end(n, "a/other", "failed", -1, SIGTERM);
        assert_state(n, "a/helper", "running");
        spawn(n, ADMIN, "a", "other");
        spawn(n, ADMIN, "a", "main");
        OK(n, hpcnode_cgroup_kill_all(n->as[ADMIN], "a", SIGCONT, &n->e)); /* harmless */
        assert_state(n, "a/helper", "running");
        backend.exit("a/main", 0);
        assert_end(n, "a/helper", "killed", -1, SIGKILL);
        assert_end(n, "a/other", "killed", -1, SIGKILL);
        spawn(n, ADMIN, "a", "helper");
        spawn(n, ADMIN, "a", "other");
        OK(n, hpcnode_cgroup_kill_all(n->as[ADMIN], "a", SIGTERM, &n->e));
        assert_end(n, "a/helper", "failed", -1, SIGTERM);
        assert_end(n, "a/other", "failed", -1, SIGTERM);
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_kill_all(n->as[ADMIN], "a", 0, &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_kill_all(n->as[ADMIN], "a", 65, &n->e));
        MENTIONS(n, "65", "1 to 64");
}

static void a_harmless_signal_ends_nothing(void **state)
{
        static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH };
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "job", harmless[i], &n->e));
        assert_state(n, "job", "running");
        backend.exit("job/main", 9);
        assert_end(n, "job", "failed", 9, 0);
}

static void an_empty_scope_may_be_killed(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGKILL, &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGTERM, &n->e));
        assert_state(n, "a", "active");
}

static void there_is_no_such_signal(void **state)
{
        static const int wrong[] = { 0, -1, 65, 1000 };
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                FAILS(n, INVALID_ARGS, hpcnode_cgroup_kill(n->as[ADMIN], "job", wrong[i], &n->e));
        MENTIONS(n, "1000", "1 to 64");
        assert_state(n, "job", "running");
}

static void what_has_ended_gets_no_signal(void **state)
{
        static const int signals[] = { SIGKILL, SIGTERM, SIGCONT };
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        spawn(n, ADMIN, "a", "u");
        backend.exit("a/t", 0);
        assert_end(n, "a/t", "exited", 0, 0);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(n->as[ADMIN], "a/t", signals[i], &n->e));
                FAILS(n, NOT_FOUND,
                      hpcnode_cgroup_kill_all(n->as[ADMIN], "a/t", signals[i], &n->e));
        }
        assert_state(n, "a/t", "exited");
        backend.exit("a/u", 5); /* none of them was for it */
        assert_end(n, "a/u", "failed", 5, 0);
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGKILL, &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(n->as[ADMIN], "a", SIGTERM, &n->e));
}

int run_signal_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_frozen_job_is_frozen_until_it_is_thawed),
                TEST(an_empty_scope_may_be_frozen),
                TEST(no_task_starts_in_what_is_frozen),
                TEST(a_task_is_frozen_alone),
                TEST(no_task_is_thawed_below_what_is_frozen),
                TEST(a_signal_that_ends_a_process_reaches_what_is_frozen),
                TEST(a_signal_that_dumps_its_core_waits_until_it_is_thawed),
                TEST(so_does_one_to_a_task_that_is_frozen_alone),
                TEST(what_is_frozen_can_be_killed_and_destroyed),
                TEST(what_has_ended_is_neither_frozen_nor_thawed),
                TEST(sigkill_kills_a_job),
                TEST(another_signal_is_a_failure),
                TEST(sigkill_to_a_scope_kills_all_its_tasks),
                TEST(a_signal_to_a_task_leaves_the_others),
                TEST(without_a_main_task_a_signal_goes_to_all),
                TEST(else_it_goes_to_the_main_task),
                TEST(to_all_it_goes_to_every_task),
                TEST(a_harmless_signal_ends_nothing),
                TEST(an_empty_scope_may_be_killed),
                TEST(there_is_no_such_signal),
                TEST(what_has_ended_gets_no_signal),
        };

        return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
