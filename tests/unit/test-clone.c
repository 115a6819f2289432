/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of clone.h. A directory of plain files stands for the cgroup where the fork is tried. */
#include "basic/clone.h"

#include "basic/cgroup-file.h"
#include "basic/process.h"
#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void cloning_into_what_is_no_cgroup_fails(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("plain");
        int pidfd = 42;
        pid_t r;

        r = clone_into_cgroup(s.fd, &pidfd);
        if (r == 0)
                _exit(0);
        assert_int_equal(r, -EBADF);
        assert_int_equal(clone_into_cgroup(-1, &pidfd), -EBADF);
        assert_int_equal(pidfd, 42);
}

/* Both ways. */
static void a_child_is_in_its_cgroup_from_the_beginning(void **state)
{
        pid_t (*const ways[])(int fd, int *ret_pidfd) = { clone_into_cgroup, fork_into_cgroup };

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                _cleanup_(freep) char *name = NULL;
                int parent, fd, pidfd = -1, status;
                pid_t pid;

                fd = cgroup_scratch(&parent, &name);
                if (fd < 0)
                        skip();
                pid = ways[i](fd, &pidfd);
                if (pid == 0) {
                        char *own = NULL;

                        /* "0" would move it; being listed already is what is asked for. */
                        _exit(cgroup_read(fd, "cgroup.procs", &own) < 0 || atoi(own) != getpid());
                }
                assert_true(pid > 0);
                assert_true(pidfd >= 0);
                assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
                assert_int_equal(pidfd_signal(pidfd, SIGTERM), -ESRCH);

                assert_int_equal(cgroup_remove(parent, name), 0);
                (void) close(pidfd);
                (void) close(fd);
                (void) close(parent);
        }
}

static void only_refusals_of_clone3_itself_call_for_a_fork(void **state)
{
        static const int yes[] = { ENOSYS, EPERM, E2BIG },
                         no[] = { EBUSY, EACCES, EAGAIN, ENOMEM, EBADF, ENOENT, ENODEV, EINVAL, 0 };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                assert_true(clone3_is_refused(yes[i]));
                assert_true(clone3_is_refused(-yes[i]));
        }
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                assert_false(clone3_is_refused(-no[i]));
}

/* --- the fork --- */

static void a_forked_child_is_named_to_its_cgroup(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("cgroup");
        _cleanup_(freep) char *text = NULL;
        int pidfd = -EBADF, status;
        pid_t pid;

        scratch_write(&s, "cgroup.procs", "");
        pid = fork_into_cgroup(s.fd, &pidfd);
        if (pid == 0)
                _exit(7);
        assert_true(pid > 0);
        assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
        text = scratch_read(&s, "cgroup.procs");
        assert_int_equal(atoi(text), pid);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        (void) close(pidfd);
}

/* In a process of its own: has the fork made, which blocks until somebody reads the fifo. */
static pid_t start_blocked_fork(const Scratch *s, const int mark[2])
{
        pid_t parent = fork();

        assert_true(parent >= 0);
        if (parent == 0) {
                pid_t child = fork_into_cgroup(s->fd, NULL);

                if (child == 0)
                        _exit(write(mark[1], "x", 1) != 1);
                _exit(child < 0 || waitpid(child, NULL, 0) != child);
        }
        return parent;
}

static bool is_readable(int fd, int timeout_msec)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, timeout_msec) == 1;
}

static void nothing_runs_before_it_is_placed(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("cgroup");
        int mark[2], fifo, status;
        char pid[16] = "";
        pid_t parent;

        assert_int_equal(mkfifoat(s.fd, "cgroup.procs", 0600), 0);
        assert_int_equal(pipe2(mark, O_CLOEXEC), 0);
        parent = start_blocked_fork(&s, mark);
        /* Time for a child that is not held. */
        assert_false(is_readable(mark[0], 50));
        fifo = openat(s.fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        assert_true(fifo >= 0);
        assert_true(read(fifo, pid, sizeof pid - 1) > 0);
        assert_true(atoi(pid) > 0);
        assert_true(is_readable(mark[0], 10000));
        assert_int_equal(waitpid(parent, &status, 0), parent);
        assert_int_equal(status, 0);
        (void) close(fifo);
        (void) close(mark[0]);
        (void) close(mark[1]);
}

static void a_held_child_ends_with_its_parent(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("cgroup");
        int mark[2];
        pid_t parent;

        assert_int_equal(mkfifoat(s.fd, "cgroup.procs", 0600), 0);
        assert_int_equal(pipe2(mark, O_CLOEXEC), 0);
        parent = start_blocked_fork(&s, mark);
        (void) close(mark[1]);
        assert_false(is_readable(mark[0], 50));
        assert_int_equal(kill(parent, SIGKILL), 0);
        assert_int_equal(waitpid(parent, NULL, 0), parent);
        /* The end of the pipe, which the child has held, and nothing in it. */
        assert_true(is_readable(mark[0], 10000));
        assert_int_equal(read(mark[0], &(char){ 0 }, 1), 0);
        (void) close(mark[0]);
}

static void what_cannot_be_placed_never_runs(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("cgroup");
        int mark[2], pidfd = 42;
        pid_t r;

        assert_int_equal(pipe2(mark, O_CLOEXEC | O_NONBLOCK), 0);
        r = fork_into_cgroup(s.fd, &pidfd);
        if (r == 0)
                _exit(write(mark[1], "x", 1) != 1);
        assert_int_equal(r, -ENOENT);
        assert_int_equal(pidfd, 42);
        /* Nobody is left to be waited for, either. */
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        assert_int_equal(read(mark[0], &(char){ 0 }, 1), -1);
        (void) close(mark[0]);
        (void) close(mark[1]);
}

static void the_signal_mask_stays_what_it_was(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("cgroup");
        sigset_t one, now;
        int status;
        pid_t pid;

        (void) sigemptyset(&one);
        (void) sigaddset(&one, SIGUSR2);
        assert_int_equal(sigprocmask(SIG_SETMASK, &one, NULL), 0);
        scratch_write(&s, "cgroup.procs", "");
        pid = fork_into_cgroup(s.fd, NULL);
        (void) sigprocmask(SIG_SETMASK, NULL, &now);
        if (pid == 0)
                _exit(sigismember(&now, SIGUSR2) != 1 || sigismember(&now, SIGTERM) != 0);
        assert_int_equal(sigismember(&now, SIGUSR2), 1);
        assert_int_equal(sigismember(&now, SIGTERM), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        (void) sigemptyset(&one);
        (void) sigprocmask(SIG_SETMASK, &one, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cloning_into_what_is_no_cgroup_fails),
                cmocka_unit_test(a_child_is_in_its_cgroup_from_the_beginning),
                cmocka_unit_test(only_refusals_of_clone3_itself_call_for_a_fork),
                cmocka_unit_test(a_forked_child_is_named_to_its_cgroup),
                cmocka_unit_test(nothing_runs_before_it_is_placed),
                cmocka_unit_test(a_held_child_ends_with_its_parent),
                cmocka_unit_test(what_cannot_be_placed_never_runs),
                cmocka_unit_test(the_signal_mask_stays_what_it_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
