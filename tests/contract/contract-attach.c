/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that run elsewhere: attached one by one, or by cgroup. */
#include "contract.h"

#include <signal.h>
#include <stdio.h>

static int attach(Node *n, Who who, const char *scope, const char *task, uint32_t pid)
{
        return hpcnode_cgroup_attach(n->as[who], scope, task, &pid, 1, &n->e);
}

/* How a process ends that is no child of the supervisor is not always to be known. */
static void assert_ends(Node *n, const char *task)
{
        OK(n, hpcnode_cgroup_wait(n->as[ADMIN], task, -1, NULL, &n->e));
        assert_empty(n, task, true);
}

static void a_process_becomes_a_task(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        uint32_t pid = backend.process(ADMIN, "contract");

        create(n, ADMIN, "workload.slice", "a");
        OK(n, attach(n, ADMIN, "a", "guest", pid));
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "a/guest", &info, &n->e));
        assert_string_equal(info->state, "running");
        assert_int_equal(info->pid, pid);
        hpcnode_cgroup_info_free(info);
        assert_empty(n, "a", false);
        backend.end_process(pid);
        assert_ends(n, "a/guest");
        assert_empty(n, "a", true);
        assert_state(n, "a", "active");
}

static void an_attached_process_is_frozen_and_killed_like_any_other(void **state)
{
        Node *n = *state;
        uint32_t pid = backend.process(ADMIN, "contract");

        create(n, ADMIN, "workload.slice", "a");
        OK(n, attach(n, ADMIN, "a", "guest", pid));
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a/guest", &n->e));
        assert_state(n, "a/guest", "frozen");
        OK(n, hpcnode_cgroup_thaw(n->as[ADMIN], "a/guest", &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/guest", SIGKILL, &n->e));
        assert_ends(n, "a/guest");
}

static void an_attached_main_task_is_supervised(void **state)
{
        Node *n = *state;
        uint32_t pid = backend.process(ADMIN, "contract");

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "helper");
        OK(n, attach(n, ADMIN, "a", "main", pid));
        backend.end_process(pid);
        assert_ends(n, "a/main");
        assert_end(n, "a/helper", "killed", -1, SIGKILL);
}

static void of_several_processes_the_first_is_the_tasks_own(void **state)
{
        Node *n = *state;
        const uint32_t pids[] = { backend.process(ADMIN, "contract"),
                                  backend.process(ADMIN, "contract") };

        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_attach(n->as[ADMIN], "a", "crew", pids, 2, &n->e));
        backend.end_process(pids[0]);
        assert_ends(n, "a/crew");
        assert_empty(n, "a", false);
        /* What the task has left behind is still its own. */
        FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(n->as[ADMIN], "a/crew", SIGCONT, &n->e));
        OK(n, hpcnode_cgroup_kill_all(n->as[ADMIN], "a/crew", SIGCONT, &n->e));
        OK(n, hpcnode_cgroup_kill(n->as[ADMIN], "a/crew", SIGKILL, &n->e));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        assert_empty(n, "a", true);
}

static void what_cannot_be_attached_leaves_all_where_they_are(void **state)
{
        Node *n = *state;
        uint32_t pid = backend.process(ADMIN, "contract"), many[65];
        const uint32_t with_unknown[] = { pid, INT32_MAX }, twice[] = { pid, pid },
                       zero[] = { pid, 0 };
        hpcnode_cgroup *c = n->as[ADMIN];

        for (size_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (uint32_t) (1000000 + i);
        create(n, ADMIN, "workload.slice", "a");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_attach(c, "a", "guest", NULL, 0, &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_attach(c, "a", "guest", many, 65, &n->e));
        MENTIONS(n, "64");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_attach(c, "a", "guest", twice, 2, &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_attach(c, "a", "guest", zero, 2, &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_attach(c, "a", "guest", with_unknown, 2, &n->e));
        FAILS(n, PERMISSION_DENIED, attach(n, ADMIN, "a", "guest", 1));
        FAILS(n, INVALID_ARGS, attach(n, ADMIN, "a", "cgroup.procs", pid));
        assert_unknown(n, "a/guest");
        assert_empty(n, "a", true);
}

static void a_task_is_not_attached_once_more(void **state)
{
        Node *n = *state;
        uint32_t pid;

        create(n, ADMIN, "workload.slice", "a");
        create(n, ADMIN, "workload.slice", "b");
        pid = spawn(n, ADMIN, "a", "t");
        FAILS(n, ALREADY_EXISTS, attach(n, ADMIN, "b", "guest", pid));
        MENTIONS(n, "a/t");
        assert_empty(n, "b", true);
}

static void a_name_that_a_task_has_is_not_attached_to(void **state)
{
        Node *n = *state;
        uint32_t pid = backend.process(ADMIN, "contract");

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        FAILS(n, ALREADY_EXISTS, attach(n, ADMIN, "a", "t", pid));
        FAILS(n, INVALID_ARGS, attach(n, ADMIN, "a/t", "u", pid));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, attach(n, ADMIN, "a", "u", pid));
}

static void only_root_attaches_what_is_somebody_elses(void **state)
{
        Node *n = *state;
        uint32_t theirs = backend.process(ADMIN, "contract"),
                 own = backend.process(WORKLOAD, "contract");

        create(n, WORKLOAD, "workload.slice", "a");
        FAILS(n, PERMISSION_DENIED, attach(n, WORKLOAD, "a", "guest", theirs));
        assert_unknown(n, "a/guest");
        OK(n, attach(n, WORKLOAD, "a", "guest", own));
        OK(n, attach(n, ADMIN, "a", "further", theirs));
}

static void nothing_goes_from_one_tree_to_the_other(void **state)
{
        Node *n = *state;
        uint32_t pids[2] = { backend.process(ADMIN, "contract"),
                             backend.process(ADMIN, "contract") };

        create(n, ADMIN, "workload.slice", "a");
        create(n, ADMIN, "pact.slice", "b");
        OK(n, hpcnode_cgroup_attach(n->as[ADMIN], "a", "crew", pids, 2, &n->e));
        FAILS(n, PERMISSION_DENIED, attach(n, ADMIN, "b", "guest", pids[1]));
        MENTIONS(n, "belongs to workload", "belongs to pact");
        assert_empty(n, "b", true);
}

static void within_its_tree_a_process_may_go_on(void **state)
{
        Node *n = *state;
        uint32_t pids[2] = { backend.process(WORKLOAD, "contract"),
                             backend.process(WORKLOAD, "contract") };

        create(n, WORKLOAD, "workload.slice", "a");
        create(n, WORKLOAD, "workload.slice", "b");
        OK(n, hpcnode_cgroup_attach(n->as[WORKLOAD], "a", "crew", pids, 2, &n->e));
        OK(n, attach(n, WORKLOAD, "b", "guest", pids[1]));
        assert_state(n, "b/guest", "running");
        backend.end_process(pids[0]);
        assert_ends(n, "a/crew");
        assert_empty(n, "a", true);
}

static void a_scope_is_released_when_its_last_process_goes_elsewhere(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        Node *n = *state;
        const uint32_t pids[] = { backend.process(ADMIN, "contract"),
                                  backend.process(ADMIN, "contract") };

        OK(n, hpcnode_cgroup_options_set_number(options, "ReleaseOnEmpty", 1, &n->e));
        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", NULL, options, NULL,
                                          &n->e));
        hpcnode_cgroup_options_free(options);
        create(n, ADMIN, "workload.slice", "b");
        OK(n, hpcnode_cgroup_attach(n->as[ADMIN], "a", "crew", pids, 2, &n->e));
        backend.end_process(pids[0]);
        assert_ends(n, "a/crew");
        assert_state(n, "a", "active");
        OK(n, attach(n, ADMIN, "b", "guest", pids[1]));
        assert_end(n, "a", "exited", -1, 0);
        assert_state(n, "b/guest", "running");
}

static void others_attach_what_is_in_a_session_of_their_own(void **state)
{
        char session[64];
        Node *n = *state;
        uint32_t elsewhere = backend.process(OTHER, "contract"), inside;

        (void) snprintf(session, sizeof session, "user.slice/user-%u.slice/session-c1.scope",
                        backend.uid(OTHER));
        inside = backend.process(OTHER, session);
        create(n, OTHER, "workload.slice", "a");
        FAILS(n, PERMISSION_DENIED, attach(n, OTHER, "a", "guest", elsewhere));
        MENTIONS(n, "session");
        OK(n, attach(n, OTHER, "a", "guest", inside));
        assert_state(n, "a/guest", "running");
}

/* --- move_tasks --- */

static void all_of_a_cgroup_are_moved(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        (void) backend.process(ADMIN, "contract/x");
        (void) backend.process(ADMIN, "contract/x");
        (void) backend.process(ADMIN, "contract/x/below");
        (void) backend.process(ADMIN, "contract/xy");
        create(n, ADMIN, "workload.slice", "a");
        OK(n, hpcnode_cgroup_move_tasks(n->as[ADMIN], "/contract/x", "a", "crew", &n->e));
        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "a", &info, &n->e));
        assert_int_equal(info->n_pids, 3);
        hpcnode_cgroup_info_free(info);
        assert_state(n, "a/crew", "running");
}

static void what_is_not_there_is_not_moved(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        FAILS(n, NOT_FOUND,
              hpcnode_cgroup_move_tasks(n->as[ADMIN], "/contract/none", "a", "t", &n->e));
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_move_tasks(n->as[ADMIN], "/contract/../x", "a", "t", &n->e));
        backend.make_cgroup("contract/empty");
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_move_tasks(n->as[ADMIN], "/contract/empty", "a", "t", &n->e));
        assert_unknown(n, "a/t");
}

static void only_ones_own_are_moved(void **state)
{
        Node *n = *state;

        (void) backend.process(WORKLOAD, "contract/x");
        (void) backend.process(ADMIN, "contract/x");
        create(n, WORKLOAD, "workload.slice", "a");
        FAILS(n, PERMISSION_DENIED,
              hpcnode_cgroup_move_tasks(n->as[WORKLOAD], "contract/x", "a", "t", &n->e));
        assert_empty(n, "a", true);
        OK(n, hpcnode_cgroup_move_tasks(n->as[ADMIN], "contract/x", "a", "t", &n->e));
        assert_empty(n, "a", false);
}

int run_attach_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_process_becomes_a_task),
                TEST(an_attached_process_is_frozen_and_killed_like_any_other),
                TEST(an_attached_main_task_is_supervised),
                TEST(of_several_processes_the_first_is_the_tasks_own),
                TEST(what_cannot_be_attached_leaves_all_where_they_are),
                TEST(a_task_is_not_attached_once_more),
                TEST(a_name_that_a_task_has_is_not_attached_to),
                TEST(only_root_attaches_what_is_somebody_elses),
                TEST(nothing_goes_from_one_tree_to_the_other),
                TEST(within_its_tree_a_process_may_go_on),
                TEST(a_scope_is_released_when_its_last_process_goes_elsewhere),
                TEST(others_attach_what_is_in_a_session_of_their_own),
                TEST(all_of_a_cgroup_are_moved),
                TEST(what_is_not_there_is_not_moved),
                TEST(only_ones_own_are_moved),
        };

        return cmocka_run_group_tests_name("attaching", tests, NULL, NULL);
}
