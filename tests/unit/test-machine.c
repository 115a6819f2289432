/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles that lead out of here. The bus is that of this machine all the same. */
#include "async-server.h"

static hpcnode_cgroup *machine_open(void)
{
        hpcnode_cgroup *c = NULL;

        assert_int_equal(hpcnode_cgroup_open_machine(".host", &c, NULL), 0);
        return c;
}

static void what_is_of_this_machine_alone_is_not_done_on_another(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        const char *const argv[] = { "true", NULL };
        hpcnode_cgroup *c = machine_open();
        hpcnode_cgroup_logs *logs = NULL;
        int fd = -EBADF;

        assert_int_equal(hpcnode_cgroup_open_scope(c, "a", "t", &fd, &e), -EOPNOTSUPP);
        assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED);
        assert_int_equal(hpcnode_cgroup_move_tasks(c, "/", "a", "t", NULL), -EOPNOTSUPP);
        assert_int_equal(hpcnode_cgroup_logs_open(c, "a", &logs, NULL), -EOPNOTSUPP);
        assert_int_equal(hpcnode_cgroup_options_set_fd(options, "StandardInput", 0, NULL), 0);
        assert_int_equal(
                hpcnode_cgroup_run(c, "workload.slice", "a", NULL, options, argv, NULL, NULL),
                -EOPNOTSUPP);
        hpcnode_cgroup_error_done(&e);
        hpcnode_cgroup_options_free(options);
        hpcnode_cgroup_free(c);
}

static void what_is_no_host_or_machine_is_an_argument(void **state)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *c = NULL;

        assert_int_equal(hpcnode_cgroup_open_machine("a/b", &c, &e), -EINVAL);
        assert_int_equal(e.code, HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        assert_int_equal(hpcnode_cgroup_open_user_machine("a/b", &c, &e), -EINVAL);
        assert_int_equal(hpcnode_cgroup_open_machine("no-such-machine", &c, &e), -ECONNREFUSED);
        assert_non_null(strstr(e.message, "no-such-machine"));
        hpcnode_cgroup_error_done(&e);
        assert_null(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_SERVER(what_is_of_this_machine_alone_is_not_done_on_another),
                ON_SERVER(what_is_no_host_or_machine_is_an_argument),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
