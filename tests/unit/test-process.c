/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of process.h. */
#include "basic/process.h"

#include "basic/cgroup-file.h"
#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void cloning_into_what_is_no_cgroup_fails(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("plain");
        int pidfd = 42;
        pid_t r;

        r = clone_into_cgroup(s.fd, &pidfd);
        if (r == 0)
                _exit(0);
        assert_true(r == -EBADF || clone_into_cgroup_unsupported(r));
        assert_int_equal(clone_into_cgroup(-1, &pidfd), -EBADF);
        assert_int_equal(pidfd, 42);
}

static void a_child_is_born_in_its_cgroup(void **state)
{
        _cleanup_(freep) char *name = NULL;
        int parent, fd, pidfd = -1, status;
        pid_t pid;

        fd = cgroup_scratch(&parent, &name);
        if (fd < 0)
                skip();

        pid = clone_into_cgroup(fd, &pidfd);
        if (pid == 0) {
                char *own = NULL;

                /* "0" would move it; being listed already is what is asked for. */
                _exit(cgroup_read(fd, "cgroup.procs", &own) < 0 || atoi(own) != getpid());
        }
        assert_true(pid > 0);
        assert_true(pidfd >= 0);
        assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(pidfd_signal(pidfd, SIGTERM), -ESRCH);

        assert_int_equal(cgroup_remove(parent, name), 0);
        (void) close(pidfd);
        (void) close(fd);
        (void) close(parent);
}

static pid_t start_child(int status, int signal)
{
        pid_t pid = fork();

        if (pid == 0) {
                if (signal > 0)
                        (void) kill(getpid(), signal);
                _exit(status);
        }
        assert_true(pid > 0);
        return pid;
}

static void await_end(pid_t pid)
{
        siginfo_t si;

        assert_int_equal(waitid(P_PID, (id_t) pid, &si, WEXITED | WNOWAIT), 0);
}

static void how_a_zombie_has_ended_can_be_read(void **state)
{
        int code = 0, status = 0;
        pid_t pid = start_child(7, 0);

        assert_int_equal(process_exit_info(getpid(), &code, &status), 0);
        await_end(pid);
        assert_int_equal(process_exit_info(pid, &code, &status), 1);
        assert_int_equal(code, CLD_EXITED);
        assert_int_equal(status, 7);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(process_exit_info(pid, &code, &status), -ESRCH);

        pid = start_child(0, SIGTERM);
        await_end(pid);
        assert_int_equal(process_exit_info(pid, &code, &status), 1);
        assert_int_equal(code, CLD_KILLED);
        assert_int_equal(status, SIGTERM);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The kernel makes up a 0 for them. */
static void but_not_by_others(void **state)
{
        pid_t pid, other;
        int status = -1;

        if (geteuid() != 0)
                skip();
        pid = start_child(7, 0);
        await_end(pid);
        other = fork();
        if (other == 0) {
                int code, unused;

                _exit(setuid(65534) < 0 || process_exit_info(pid, &code, &unused) != -EACCES);
        }
        assert_int_equal(waitpid(other, &status, 0), other);
        assert_int_equal(status, 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void only_refusals_of_clone3_itself_call_for_a_fork(void **state)
{
        static const int yes[] = { ENOSYS, EPERM, E2BIG },
                         no[] = { EBUSY, EACCES, EAGAIN, ENOMEM, EBADF, ENOENT, EINVAL, 0 };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                assert_true(clone_into_cgroup_unsupported(yes[i]));
                assert_true(clone_into_cgroup_unsupported(-yes[i]));
        }
        for (size_t i = 0; i < ELEMENTSOF(no); i++)
                assert_false(clone_into_cgroup_unsupported(-no[i]));
}

static void a_pidfd_signals_its_process(void **state)
{
        pid_t pid = fork();
        int fd, status;

        if (pid == 0)
                for (;;)
                        (void) pause();
        assert_true(pid > 0);
        fd = pidfd_open_process(pid);
        assert_true(fd >= 0);
        assert_int_equal(pidfd_signal(fd, 0), 0);
        assert_int_equal(pidfd_signal(fd, SIGUSR2), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGUSR2);
        assert_int_equal(pidfd_signal(fd, SIGUSR2), -ESRCH);
        (void) close(fd);

        assert_int_equal(pidfd_open_process(pid), -ESRCH);
        assert_int_equal(pidfd_open_process(-1), -EINVAL);
        assert_int_equal(pidfd_signal(-1, 0), -EBADF);
}

static void descriptors_from_first_on_are_marked(void **state)
{
        int low = dup(STDERR_FILENO), high;

        assert_true(low >= 0);
        high = fcntl(low, F_DUPFD, low + 10);
        assert_true(high > low);

        assert_int_equal(close_range_cloexec((unsigned) low + 1), 0);
        assert_int_equal(fcntl(low, F_GETFD), 0);
        assert_int_equal(fcntl(high, F_GETFD), FD_CLOEXEC);

        assert_int_equal(close_range_cloexec((unsigned) low), 0);
        assert_int_equal(fcntl(low, F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(STDERR_FILENO, F_GETFD), 0);
        (void) close(low);
        (void) close(high);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cloning_into_what_is_no_cgroup_fails),
                cmocka_unit_test(a_child_is_born_in_its_cgroup),
                cmocka_unit_test(how_a_zombie_has_ended_can_be_read),
                cmocka_unit_test(but_not_by_others),
                cmocka_unit_test(only_refusals_of_clone3_itself_call_for_a_fork),
                cmocka_unit_test(a_pidfd_signals_its_process),
                cmocka_unit_test(descriptors_from_first_on_are_marked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
