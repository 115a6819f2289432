/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of <hpcnode/cgroup-group.h>: what a group owns. */
#include "group-node.h"

#include <stdio.h>
#include <sys/wait.h>

static void assert_names(const hpcnode_group *group, const char *wanted)
{
        char names[256] = "";

        for (const char *const *n = hpcnode_group_names(group); *n; n++) {
                strcat(names, *n);
                strcat(names, " ");
        }
        assert_string_equal(names, wanted);
}

/* --- adding --- */

static void a_scope_is_created_and_then_bound_to_its_cpus(void **state)
{
        _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(node.handle);

        assert_int_equal(hpcnode_group_add(group, "pact.slice/gpu.slice/nv", "0-3"), 0);
        assert_int_equal(hpcnode_group_add(group, "/sys/fs/cgroup/workload.slice/a", "0"), 0);
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "b"), 0);
        assert_string_equal(node.calls, "create pact.slice/gpu.slice nv\n"
                                        "set pact-nv.scope\n"
                                        "create /sys/fs/cgroup/workload.slice a\n"
                                        "set /sys/fs/cgroup/workload-a.scope\n"
                                        "create workload.slice b\n");
        assert_names(group, "pact.slice/gpu.slice/nv /sys/fs/cgroup/workload.slice/a b ");
        assert_int_equal(hpcnode_group_error(group)->code, HPCNODE_CGROUP_ERROR_NONE);
}

static void a_scope_whose_cpuset_fails_is_owned(void **state)
{
        hpcnode_group *group = GROUP_OF("a");

        node_let_fail((Failure){ .operation = SET_LIMITS,
                                 .scope = "workload-b.scope",
                                 .error = EREMOTEIO,
                                 .code = HPCNODE_CGROUP_ERROR_CREATION_FAILED,
                                 .message = "there is no cpu 99" });
        assert_int_equal(hpcnode_group_add(group, "b", "1"), -EREMOTEIO);
        assert_int_equal(hpcnode_group_error(group)->code, HPCNODE_CGROUP_ERROR_CREATION_FAILED);
        assert_string_equal(hpcnode_group_error(group)->message, "there is no cpu 99");
        assert_names(group, "a b ");
        assert_int_equal(node_count(), 2);

        assert_int_equal(hpcnode_group_add(group, "b", "1"), -EEXIST);
        assert_names(group, "a b ");
        hpcnode_group_free(group);
        assert_int_equal(node_count(), 0);
        assert_string_equal(node.log, "");
}

static void without_a_cpuset_to_set_nothing_is_created(void **state)
{
        _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(node.handle);

        assert_int_equal(hpcnode_group_add(group, "a", NULL), -EINVAL);
        assert_int_equal(hpcnode_group_add(group, "a", ""), -EINVAL);
        assert_int_equal(hpcnode_group_error(group)->code, HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        assert_non_null(strstr(hpcnode_group_error(group)->message, "without_cpuset()"));
        assert_string_equal(node.calls, "");
}

static void what_was_not_created_is_not_owned(void **state)
{
        hpcnode_group *group = GROUP_OF("a");

        node_let_fail((Failure){ .operation = CREATE,
                                 .error = EREMOTEIO,
                                 .code = HPCNODE_CGROUP_ERROR_CREATION_FAILED,
                                 .message = "systemd is busy",
                                 .once = true });
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "b"), -EREMOTEIO);
        assert_string_equal(hpcnode_group_error(group)->message, "systemd is busy");
        assert_names(group, "a ");
        (void) node_make("workload", "other");
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "other"), -EEXIST);
        assert_names(group, "a ");

        assert_int_equal(hpcnode_group_add_without_cpuset(group, "c"), 0);
        assert_int_equal(hpcnode_group_error(group)->code, HPCNODE_CGROUP_ERROR_NONE);
        assert_null(hpcnode_group_error(group)->message);
        node.calls[0] = '\0';
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "destroy workload-c.scope\ndestroy workload-a.scope\n");
        assert_non_null(node_find("other"));
}

static void a_scope_that_went_and_came_again_is_destroyed_once(void **state)
{
        hpcnode_group *group = GROUP_OF("a", "b");

        node_unmake(node_find("a"));
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "workload.slice/a"), 0);
        assert_names(group, "b workload.slice/a ");
        node.calls[0] = '\0';
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "destroy workload-a.scope\ndestroy workload-b.scope\n");
}

static void a_table_need_not_tell_the_unit(void **state)
{
        hpcnode_group *group;

        node.no_units = true;
        group = GROUP_OF("pact-gpu.slice/nv", "no slice/b");
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "destroy b\ndestroy pact-gpu-nv.scope\n");
}

/* --- creations of which nobody knows whether they were done --- */

static void create_in_doubt(hpcnode_group *group, hpcnode_cgroup_error_code code, bool done)
{
        node_let_fail((Failure){ .operation = CREATE,
                                 .error = ETIMEDOUT,
                                 .code = code,
                                 .message = "no answer",
                                 .done = done,
                                 .once = true });
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "a"), -ETIMEDOUT);
        assert_int_equal(hpcnode_group_error(group)->code, code);
        assert_names(group, "");
}

static void what_may_have_been_created_is_destroyed(void **state)
{
        static const hpcnode_cgroup_error_code codes[] = {
                HPCNODE_CGROUP_ERROR_TIMED_OUT,   HPCNODE_CGROUP_ERROR_OTHER,
                HPCNODE_CGROUP_ERROR_UNREACHABLE, HPCNODE_CGROUP_ERROR_NO_MEMORY,
                HPCNODE_CGROUP_ERROR_NONE,
        };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                for (int done = 0; done < 2; done++) {
                        hpcnode_group *group = hpcnode_group_new(node.handle);

                        create_in_doubt(group, codes[i], done);
                        assert_int_equal(node_count(), done);
                        hpcnode_group_free(group);
                        assert_int_equal(node_count(), 0);
                }
        assert_string_equal(node.log, "");
}

static void what_may_have_been_created_is_not_confused_with_another_scope(void **state)
{
        for (int i = 0; i < 4; i++) {
                hpcnode_group *group = hpcnode_group_new(node.handle);
                NodeScope *s = node_make("workload", "a");

                if (i == 3) /* nobody's yet; a second */
                        node_unmake(s);
                node.clock_ahead_usec += USEC_PER_SEC;
                node_let_fail((Failure){ .operation = CREATE,
                                         .error = ETIMEDOUT,
                                         .code = HPCNODE_CGROUP_ERROR_TIMED_OUT,
                                         .once = true });
                assert_int_equal(hpcnode_group_add_without_cpuset(group, "a"), -ETIMEDOUT);
                if (i > 0) { /* a scope that is younger than the request */
                        node_unmake(s);
                        s = node_make("workload", "a");
                        s->is_job = i == 1;
                        s->runs = i == 2;
                }
                node.log[0] = '\0';
                hpcnode_group_free(group);
                assert_int_equal(node_count(), i < 3);
                assert_string_equal(
                        node.log,
                        i == 3   ? ""
                        : i == 2 ? "warning: cannot destroy a: NotEmpty: it may be another's: "
                                   "something runs in it, and this group was not told whether its "
                                   "creation was done (TimedOut); hint: it has live tasks, which "
                                   "were not ended before the teardown\n"
                                 : "warning: cannot destroy a: AlreadyExists: it is another's: it "
                                   "was not made by this group\n");
                node_unmake(s);
        }
}

static void a_creation_in_doubt_may_be_tried_again(void **state)
{
        hpcnode_group *group = hpcnode_group_new(node.handle);

        create_in_doubt(group, HPCNODE_CGROUP_ERROR_TIMED_OUT, true);
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "a"), -EEXIST);
        hpcnode_group_free(group);
        assert_int_equal(node_count(), 0);

        group = hpcnode_group_new(node.handle);
        create_in_doubt(group, HPCNODE_CGROUP_ERROR_TIMED_OUT, false);
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "a"), 0);
        assert_names(group, "a ");
        node.calls[0] = '\0';
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "destroy workload-a.scope\n");

        group = hpcnode_group_new(node.handle);
        create_in_doubt(group, HPCNODE_CGROUP_ERROR_TIMED_OUT, true);
        assert_int_equal(hpcnode_group_forget(group, "a"),
                         -ENOENT); /* nobody was told that it is there */
        hpcnode_group_free(group);
        assert_int_equal(node_count(), 1);
}

/* --- names, forget, and groups that are not there --- */

static void a_forgotten_scope_stays(void **state)
{
        hpcnode_group *group = GROUP_OF("a", "pact-gpu.slice/nv", "c");

        assert_int_equal(hpcnode_group_forget(group, "nv"), -ENOENT);
        assert_int_equal(hpcnode_group_forget(group, "pact-gpu.slice/nv"), 0);
        assert_int_equal(hpcnode_group_forget(group, "pact-gpu.slice/nv"), -ENOENT);
        assert_names(group, "a c ");
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "destroy workload-c.scope\ndestroy workload-a.scope\n");
        assert_non_null(node_find("nv"));

        group = GROUP_OF("d", "e");
        assert_int_equal(hpcnode_group_forget(group, "workload-e.scope"), 0);
        assert_int_equal(hpcnode_group_forget(group, NULL), 0);
        assert_int_equal(hpcnode_group_forget(group, NULL), 0);
        assert_names(group, "");
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "");
}

static void a_group_may_be_large(void **state)
{
        hpcnode_group *group = hpcnode_group_new(node.handle);
        size_t n = 0;

        for (int i = 0; i < 100; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "s-%d", i);
                assert_int_equal(hpcnode_group_add_without_cpuset(group, name), 0);
        }
        for (const char *const *name = hpcnode_group_names(group); *name; name++)
                n++;
        assert_int_equal(n, 100);
        hpcnode_group_free(group);
        assert_int_equal(node_count(), 0);
}

static void a_group_is_freed_once_however_often_it_is(void **state)
{
        _hpcnode_group_cleanup_ hpcnode_group *group = GROUP_OF("a");

        hpcnode_group_freep(&group);
        assert_null(group);
        assert_string_equal(node.calls, "destroy workload-a.scope\n");
        hpcnode_group_freep(&group);
        assert_null(hpcnode_group_free(group));
        group = hpcnode_group_new(node.handle);
        group = hpcnode_group_free(group); /* empty */
        assert_null(group);
        assert_string_equal(node.calls, "destroy workload-a.scope\n");
        hpcnode_group_freep(NULL);
}

static void without_a_group_nothing_happens(void **state)
{
        assert_null(hpcnode_group_new(NULL));
        assert_int_equal(hpcnode_group_add(NULL, "a", "0"), -EINVAL);
        assert_int_equal(hpcnode_group_add_without_cpuset(NULL, "a"), -EINVAL);
        assert_int_equal(hpcnode_group_error(NULL)->code, HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        assert_non_null(hpcnode_group_error(NULL)->message);
        assert_null(hpcnode_group_names(NULL));
        assert_int_equal(hpcnode_group_forget(NULL, NULL), -ENOENT);

        _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(node.handle);
        assert_int_equal(hpcnode_group_add(group, NULL, "0"), -EINVAL);
        assert_non_null(hpcnode_group_error(group)->message);
        assert_names(group, "");
}

static void a_child_process_does_not_end_what_is_its_parents(void **state)
{
        hpcnode_group *group = GROUP_OF("a");
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                hpcnode_group_freep(&group);
                _exit(node.calls[0] ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        hpcnode_group_free(group);
        assert_int_equal(node_count(), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_scope_is_created_and_then_bound_to_its_cpus),
                TEST(a_scope_whose_cpuset_fails_is_owned),
                TEST(without_a_cpuset_to_set_nothing_is_created),
                TEST(what_was_not_created_is_not_owned),
                TEST(a_scope_that_went_and_came_again_is_destroyed_once),
                TEST(a_table_need_not_tell_the_unit),
                TEST(what_may_have_been_created_is_destroyed),
                TEST(what_may_have_been_created_is_not_confused_with_another_scope),
                TEST(a_creation_in_doubt_may_be_tried_again),
                TEST(a_forgotten_scope_stays),
                TEST(a_group_may_be_large),
                TEST(a_group_is_freed_once_however_often_it_is),
                TEST(without_a_group_nothing_happens),
                TEST(a_child_process_does_not_end_what_is_its_parents),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
