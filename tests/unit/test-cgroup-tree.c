/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the subtree functions of cgroup-file.h: on plain files, and where it is allowed on a real
 * cgroup. */
#include "basic/cgroup-file.h"
#include "basic/clone.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int setup(void **state)
{
        static Scratch s;

        s = scratch_new("workload-x.scope");
        *state = &s;
        return 0;
}

static int teardown(void **state)
{
        scratch_done(*state);
        return 0;
}

static void assert_pids(int dir, bool with_supervisors, const char *expected)
{
        _cleanup_(freep) pid_t *pids = NULL;
        char text[256] = "";
        size_t n = 0;

        assert_int_equal(cgroup_pids(dir, with_supervisors, &pids, &n), 0);
        for (size_t i = 0; i < n; i++)
                (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d",
                                i > 0 ? " " : "", pids[i]);
        assert_string_equal(text, expected);
}

static void processes_are_those_of_the_whole_subtree(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "cgroup.procs", "");
        scratch_write(s, "payload/cgroup.procs", "40\n");
        scratch_write(s, "payload/main/cgroup.procs", "30\n100\n");
        scratch_write(s, "payload/main/deep/er/cgroup.procs", "7\n");
        scratch_write(s, "payload/rank-0001/cgroup.procs", "20\n");
        assert_pids(s->fd, true, "7 20 30 40 100");
}

static void supervisors_are_left_out_directly_in_a_scope_only(void **state)
{
        Scratch *s = *state;
        int payload;

        scratch_write(s, "cgroup.procs", "");
        scratch_write(s, "supervisor/cgroup.procs", "1000\n");
        scratch_write(s, "payload/supervisor/cgroup.procs", "1001\n");
        scratch_write(s, "payload/cgroup.procs", "1002\n");
        assert_pids(s->fd, true, "1000 1001 1002");
        assert_pids(s->fd, false, "1001 1002");

        payload = openat(s->fd, "payload", O_RDONLY | O_DIRECTORY);
        assert_true(payload >= 0);
        assert_pids(payload, false, "1001 1002");
        (void) close(payload);
}

static void supervisors_are_left_out_of_a_slice_too(void **state)
{
        Scratch *s = *state;
        int slice = open(s->root, O_RDONLY | O_DIRECTORY);

        assert_true(slice >= 0);
        scratch_write(s, "supervisor/cgroup.procs", "1000\n");
        scratch_write(s, "payload/main/cgroup.procs", "1001\n");
        assert_pids(slice, false, "1001");
        assert_pids(slice, true, "1000 1001");
        (void) close(slice);
}

static void a_process_met_twice_counts_once(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "a/cgroup.procs", "5\n6\n");
        scratch_write(s, "b/cgroup.procs", "6\n5\n");
        assert_pids(s->fd, true, "5 6");
}

static void processes_of_other_namespaces_are_passed_over(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "cgroup.procs", "0\n12\n0\n");
        assert_pids(s->fd, true, "12");
}

static void a_garbled_list_is_an_error(void **state)
{
        static const char *const bad[] = { "x\n", "-1\n", "99999999999\n", "1 2\n" };
        Scratch *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                pid_t *pids = NULL;
                size_t n = 42;

                scratch_write(s, "cgroup.procs", bad[i]);
                assert_int_equal(cgroup_pids(s->fd, true, &pids, &n), -EBADMSG);
                assert_null(pids);
                assert_int_equal(n, 42);
        }
}

static void thousands_of_processes_are_found(void **state)
{
        enum { N = 20000 };
        Scratch *s = *state;
        _cleanup_(freep) char *list = malloc(N * 8);
        _cleanup_(freep) pid_t *pids = NULL;
        char *to = list;
        size_t n = 0;

        for (int i = N; i > 0; i--)
                to += sprintf(to, "%d\n", i);
        scratch_write(s, "payload/main/cgroup.procs", list);
        assert_int_equal(cgroup_pids(s->fd, false, &pids, &n), 0);
        assert_int_equal(n, N);
        assert_int_equal(pids[0], 1);
        assert_int_equal(pids[N - 1], N);
}

static void symbolic_links_are_not_walked(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "cgroup.procs", "1\n");
        assert_int_equal(symlinkat(".", s->fd, "loop"), 0);
        assert_pids(s->fd, true, "1");
}

static void an_endless_tree_is_given_up(void **state)
{
        Scratch *s = *state;
        int fd = dup(s->fd);
        pid_t *pids = NULL;
        size_t n;

        for (unsigned i = 0; i < 300; i++) {
                int child;

                assert_int_equal(mkdirat(fd, "d", 0700), 0);
                child = openat(fd, "d", O_RDONLY | O_DIRECTORY);
                assert_true(child >= 0);
                (void) close(fd);
                fd = child;
        }
        (void) close(fd);

        assert_int_equal(cgroup_pids(s->fd, true, &pids, &n), -ELOOP);
        assert_null(pids);
}

/* A child that does nothing until a signal ends it. */
static pid_t child_start(void)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                for (;;)
                        (void) pause();
        return pid;
}

static int child_signal(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        return WTERMSIG(status);
}

static bool child_lives(pid_t pid)
{
        return waitpid(pid, NULL, WNOHANG) == 0;
}

static void write_pid(Scratch *s, const char *file, pid_t pid)
{
        char text[32];

        (void) snprintf(text, sizeof(text), "%d\n", pid);
        scratch_write(s, file, text);
}

static void a_signal_reaches_the_whole_subtree(void **state)
{
        pid_t a = child_start(), b = child_start(), other = child_start();
        Scratch *s = *state;

        write_pid(s, "payload/main/cgroup.procs", a);
        write_pid(s, "payload/rank/cgroup.procs", b);
        assert_int_equal(cgroup_signal(s->fd, SIGUSR1), 0);
        assert_int_equal(child_signal(a), SIGUSR1);
        assert_int_equal(child_signal(b), SIGUSR1);
        assert_true(child_lives(other));
        (void) kill(other, SIGKILL);
        assert_int_equal(child_signal(other), SIGKILL);
}

static void a_process_that_has_ended_is_no_error(void **state)
{
        pid_t a = child_start();
        Scratch *s = *state;

        (void) kill(a, SIGKILL);
        assert_int_equal(child_signal(a), SIGKILL);
        write_pid(s, "cgroup.procs", a);
        assert_int_equal(cgroup_signal(s->fd, SIGTERM), 0);
}

static void an_unknown_signal_is_an_error(void **state)
{
        Scratch *s = *state;

        write_pid(s, "cgroup.procs", getpid());
        assert_int_equal(cgroup_signal(s->fd, 1000), -EINVAL);
}

static void killing_is_one_write_where_the_kernel_has_it(void **state)
{
        pid_t a = child_start();
        Scratch *s = *state;
        _cleanup_(freep) char *text = NULL;

        write_pid(s, "cgroup.procs", a);
        scratch_write(s, "cgroup.kill", "");
        assert_int_equal(cgroup_kill(s->fd), 0);
        text = scratch_read(s, "cgroup.kill");
        assert_string_equal(text, "1");
        assert_true(child_lives(a));
        (void) kill(a, SIGKILL);
        (void) child_signal(a);
}

static void killing_without_cgroup_kill_reaches_each_process(void **state)
{
        pid_t a = child_start(), b = child_start();
        Scratch *s = *state;

        write_pid(s, "cgroup.procs", a);
        write_pid(s, "payload/main/cgroup.procs", b);
        assert_int_equal(cgroup_kill(s->fd), 0);
        assert_int_equal(child_signal(a), SIGKILL);
        assert_int_equal(child_signal(b), SIGKILL);
}

static void killing_what_is_gone_is_no_error(void **state)
{
        Scratch *s = *state;

        assert_int_equal(rmdir(s->path), 0);
        assert_int_equal(cgroup_kill(s->fd), 0);
        assert_int_equal(cgroup_signal(s->fd, SIGTERM), 0);
}

static void removing_takes_empty_children_along(void **state)
{
        Scratch *s = *state;

        scratch_mkdir(s, "payload/main/a/b");
        scratch_mkdir(s, "payload/main/c");
        scratch_mkdir(s, "other");
        assert_int_equal(cgroup_remove(s->fd, "payload"), 0);
        assert_int_equal(faccessat(s->fd, "payload", F_OK, 0), -1);
        assert_int_equal(faccessat(s->fd, "other", F_OK, 0), 0);
}

static void removing_what_is_not_there_is_no_error(void **state)
{
        Scratch *s = *state;

        assert_int_equal(cgroup_remove(s->fd, "payload"), 0);
        assert_int_equal(rmdir(s->path), 0);
        assert_int_equal(cgroup_remove(s->fd, "payload"), 0);
}

static void removing_what_is_in_use_is_ebusy(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "payload/main/file", "");
        assert_int_equal(cgroup_remove(s->fd, "payload"), -EBUSY);
        assert_int_equal(faccessat(s->fd, "payload/main", F_OK, 0), 0);
}

static void only_what_nobody_was_in_is_removed(void **state)
{
        Scratch *s = *state;

        scratch_mkdir(s, "open");
        scratch_write(s, "open/cgroup.events", "populated 0\nfrozen 1\n");
        scratch_write(s, "open/cpu.stat", "usage_usec 1\nuser_usec 0\n");
        assert_int_equal(cgroup_remove_unused(s->fd, "open", true), -EBUSY);
        scratch_write(s, "open/cpu.stat", "usage_usec 0\nuser_usec 0\n");
        assert_int_equal(cgroup_remove_unused(s->fd, "open", false), 0);
        scratch_write(s, "open/cgroup.events", "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_remove_unused(s->fd, "open", false), -EBUSY);
        assert_int_equal(faccessat(s->fd, "open", F_OK, 0), 0);
        assert_int_equal(cgroup_remove_unused(s->fd, "nowhere", true), 0);
}

/* --- on a real cgroup --- */

static void wait_empty(int dir)
{
        for (unsigned i = 0; cgroup_populated(dir) == 1; i++) {
                assert_true(i < 1000);
                (void) usleep(10000);
        }
}

static void the_kernel_agrees(void **state)
{
        _cleanup_(freep) char *name = NULL;
        int parent, fd, leaf, pidfd = -1, status;
        char pid_text[16];
        pid_t pid;

        fd = cgroup_scratch(&parent, &name);
        if (fd < 0)
                skip();

        assert_int_equal(mkdirat(fd, "leaf", 0755), 0);
        leaf = cgroup_open(parent, name);
        assert_true(leaf >= 0);
        (void) close(leaf);
        leaf = cgroup_open(fd, "leaf");
        assert_true(leaf >= 0);
        assert_int_equal(cgroup_populated(fd), 0);
        assert_int_equal(cgroup_used(leaf), 0);
        assert_int_equal(cgroup_remove_unused(fd, "leaf", false), 0);

        pid = clone_into_cgroup(leaf, &pidfd);
        if (pid == 0)
                for (;;)
                        (void) pause();
        assert_true(pid > 0);
        (void) snprintf(pid_text, sizeof(pid_text), "%d", pid);
        assert_pids(fd, false, pid_text);
        assert_int_equal(cgroup_populated(fd), 1);
        assert_int_equal(cgroup_remove(parent, name), -EBUSY);
        assert_int_equal(cgroup_used(leaf), 1);

        assert_int_equal(cgroup_kill(fd), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        wait_empty(fd);
        assert_int_equal(cgroup_used(leaf), 1);
        assert_int_equal(cgroup_remove_unused(fd, "leaf", true), -EBUSY);

        assert_int_equal(cgroup_remove(parent, name), 0);
        /* The descriptors stay, the cgroup does not. */
        assert_int_equal(cgroup_populated(leaf), 0);
        assert_int_equal(cgroup_write(leaf, "cgroup.procs", "0"), -ENOENT);
        assert_pids(leaf, true, "");
        assert_int_equal(cgroup_kill(leaf), 0);
        assert_int_equal(cgroup_remove(parent, name), 0);

        (void) close(pidfd);
        (void) close(leaf);
        (void) close(fd);
        (void) close(parent);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(processes_are_those_of_the_whole_subtree),
                TEST(supervisors_are_left_out_directly_in_a_scope_only),
                TEST(supervisors_are_left_out_of_a_slice_too),
                TEST(a_process_met_twice_counts_once),
                TEST(processes_of_other_namespaces_are_passed_over),
                TEST(a_garbled_list_is_an_error),
                TEST(thousands_of_processes_are_found),
                TEST(symbolic_links_are_not_walked),
                TEST(an_endless_tree_is_given_up),
                TEST(a_signal_reaches_the_whole_subtree),
                TEST(a_process_that_has_ended_is_no_error),
                TEST(an_unknown_signal_is_an_error),
                TEST(killing_is_one_write_where_the_kernel_has_it),
                TEST(killing_without_cgroup_kill_reaches_each_process),
                TEST(killing_what_is_gone_is_no_error),
                TEST(removing_takes_empty_children_along),
                TEST(removing_what_is_not_there_is_no_error),
                TEST(removing_what_is_in_use_is_ebusy),
                TEST(only_what_nobody_was_in_is_removed),
                cmocka_unit_test(the_kernel_agrees),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
