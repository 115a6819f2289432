/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks whose process their caller starts itself, in a leaf that it is given. */
#include "contract.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

/* The directory, which is closed at the end of the block. */
static int open_leaf(Node *n, hpcnode_cgroup *c, const char *scope, const char *task)
{
        int fd = -EBADF;

        OK(n, hpcnode_cgroup_open_scope(c, scope, task, &fd, &n->e));
        return fd;
}

static int try_open(Node *n, Who who, const char *scope, const char *task)
{
        int fd = -EBADF, r;

        r = hpcnode_cgroup_open_scope(n->as[who], scope, task, &fd, &n->e);
        if (r < 0)
                assert_int_equal(fd, -EBADF);
        else
                (void) close(fd);
        return r;
}

static void a_leaf_is_a_directory(void **state)
{
        Node *n = *state;
        struct stat st;

        create(n, ADMIN, "workload.slice", "a");
        {
                _cleanup_(closep) int leaf = open_leaf(n, n->as[ADMIN], "a", "t");

                assert_int_equal(fstat(leaf, &st), 0);
                assert_true(S_ISDIR(st.st_mode));
                assert_true(fcntl(leaf, F_GETFD) & FD_CLOEXEC);
        }
}

static void its_task_is_starting_until_somebody_comes(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        uint32_t pid;

        create(n, ADMIN, "workload.slice", "a");
        {
                _cleanup_(closep) int leaf = open_leaf(n, n->as[ADMIN], "a", "t");

                OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], "a/t", &info, &n->e));
                assert_string_equal(info->state, "starting");
                assert_int_equal(info->pid, 0);
                assert_int_equal(info->start_usec, 0);
                hpcnode_cgroup_info_free(info);
                assert_empty(n, "a/t", false); /* it has not ended */
                assert_empty(n, "a", true);
                pid = backend.enter("a/t", leaf);
                assert_empty(n, "a", false);
        }
        backend.end_process(pid);
        OK(n, hpcnode_cgroup_wait(n->as[ADMIN], "a/t", -1, NULL, &n->e));
        assert_empty(n, "a/t", true);
        assert_empty(n, "a", true);
}

static void its_name_is_in_use(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, try_open(n, ADMIN, "a", "t"));
        FAILS(n, ALREADY_EXISTS, try_open(n, ADMIN, "a", "t"));
        FAILS(n, ALREADY_EXISTS, try_spawn(n, ADMIN, "a", "t", &info));
        assert_null(info);
        spawn(n, ADMIN, "a", "u");
        FAILS(n, ALREADY_EXISTS, try_open(n, ADMIN, "a", "u"));
        assert_state(n, "a/t", "starting");
        assert_state(n, "a/u", "running");
}

static void only_root_is_given_one(void **state)
{
        static const Who others[] = { WORKLOAD, OTHER };
        Node *n = *state;

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                const char *name = who_names[others[i]];

                create(n, others[i], "workload.slice", name);
                FAILS(n, PERMISSION_DENIED, try_open(n, others[i], name, "t"));
                MENTIONS(n, "root");
                assert_empty(n, name, true);
                OK(n, try_open(n, ADMIN, name, "t"));
        }
        FAILS(n, PERMISSION_DENIED, try_open(n, PACT, "workload", "u"));
        MENTIONS(n, "/workload.slice", "owned by workload");
}

static void there_is_none_where_no_task_can_start(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        FAILS(n, NOT_FOUND, try_open(n, ADMIN, "nil", "t"));
        FAILS(n, INVALID_ARGS, try_open(n, ADMIN, "a/t", "u"));
        FAILS(n, INVALID_ARGS, try_open(n, ADMIN, "a", "cgroup.procs"));
        FAILS(n, INVALID_ARGS, try_open(n, ADMIN, "a", "../x"));
        OK(n, hpcnode_cgroup_freeze(n->as[ADMIN], "a", &n->e));
        FAILS(n, CREATION_FAILED, try_open(n, ADMIN, "a", "u"));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, try_open(n, ADMIN, "a", "u"));
}

static void what_is_starting_is_neither_frozen_nor_signalled(void **state)
{
        Node *n = *state;
        hpcnode_cgroup *c = n->as[ADMIN];

        create(n, ADMIN, "workload.slice", "a");
        OK(n, try_open(n, ADMIN, "a", "main"));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_freeze(c, "a/main", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_thaw(c, "a/main", &n->e));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(c, "a/main", SIGTERM, &n->e));
        MENTIONS(n, "a/main", "starting");
        OK(n, hpcnode_cgroup_kill(c, "a", SIGTERM, &n->e));
        OK(n, hpcnode_cgroup_kill(c, "a", SIGKILL, &n->e));
        assert_state(n, "a/main", "starting");
}

static void it_is_taken_back_by_a_kill(void **state)
{
        Node *n = *state;
        hpcnode_cgroup *c = n->as[ADMIN];

        create(n, ADMIN, "workload.slice", "a");
        OK(n, try_open(n, ADMIN, "a", "t"));
        FAILS(n, EMERGENCY_REQUIRED, hpcnode_cgroup_kill(n->as[PACT], "a/t", SIGKILL, &n->e));
        OK(n, hpcnode_cgroup_kill(c, "a/t", SIGKILL, &n->e));
        assert_unknown(n, "a/t");
        FAILS(n, NOT_FOUND, hpcnode_cgroup_kill(c, "a/t", SIGKILL, &n->e));
        OK(n, try_open(n, ADMIN, "a", "t"));
        assert_state(n, "a/t", "starting");
}

static void it_goes_with_the_handle_of_its_caller(void **state)
{
        hpcnode_cgroup *c = NULL;
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, backend.open(ADMIN, &c, &n->e));
        {
                _cleanup_(closep) _unused_ int leaf = open_leaf(n, c, "a", "t");

                assert_state(n, "a/t", "starting");
                hpcnode_cgroup_free(c);
        }
        FAILS(n, NOT_FOUND, hpcnode_cgroup_wait(n->as[ADMIN], "a/t", -1, NULL, &n->e));
        assert_unknown(n, "a/t");
        assert_state(n, "a", "active");
}

static void who_has_come_stays_after_that(void **state)
{
        hpcnode_cgroup *c = NULL;
        Node *n = *state;
        uint32_t pid;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, backend.open(ADMIN, &c, &n->e));
        {
                _cleanup_(closep) _unused_ int leaf = open_leaf(n, c, "a", "t");

                pid = backend.enter("a/t", leaf);
                hpcnode_cgroup_free(c);
        }
        assert_empty(n, "a", false);
        backend.end_process(pid);
        OK(n, hpcnode_cgroup_wait(n->as[ADMIN], "a/t", -1, NULL, &n->e));
}

static void it_goes_with_its_scope(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, try_open(n, ADMIN, "a", "t"));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        assert_state(n, "a", "exited");
        assert_unknown(n, "a/t");
}

static void it_keeps_a_scope_from_being_released(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup *c = NULL;
        Node *n = *state;

        OK(n, hpcnode_cgroup_options_set_number(options, "ReleaseOnEmpty", 1, &n->e));
        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", NULL, options, NULL,
                                          &n->e));
        hpcnode_cgroup_options_free(options);
        OK(n, backend.open(ADMIN, &c, &n->e));
        spawn(n, ADMIN, "a", "t");
        {
                _cleanup_(closep) _unused_ int leaf = open_leaf(n, c, "a", "u");

                backend.exit("a/t", 0);
                assert_end(n, "a/t", "exited", 0, 0);
                assert_state(n, "a", "active");
        }
        hpcnode_cgroup_free(c);
        assert_end(n, "a", "exited", -1, 0);
}

int run_open_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_leaf_is_a_directory),
                TEST(its_task_is_starting_until_somebody_comes),
                TEST(its_name_is_in_use),
                TEST(only_root_is_given_one),
                TEST(there_is_none_where_no_task_can_start),
                TEST(what_is_starting_is_neither_frozen_nor_signalled),
                TEST(it_is_taken_back_by_a_kill),
                TEST(it_goes_with_the_handle_of_its_caller),
                TEST(who_has_come_stays_after_that),
                TEST(it_goes_with_its_scope),
                TEST(it_keeps_a_scope_from_being_released),
        };

        return cmocka_run_group_tests_name("opening", tests, NULL, NULL);
}
