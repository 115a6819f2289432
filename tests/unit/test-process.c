/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of process.h. */
#include "basic/process.h"

#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

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

/* In a process of its own, which has nothing open that a test needs. */
static void all_descriptors_but_those_to_keep_are_closed(void **state)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0) {
                int keep[] = { 40, -EBADF, 7, 1, 40, 8 };
                bool right = true;

                for (int fd = 3; fd < 60; fd++)
                        (void) dup2(STDERR_FILENO, fd);
                close_all_but(keep, ELEMENTSOF(keep));
                for (int fd = 0; fd < 60; fd++)
                        right = right && (fcntl(fd, F_GETFD) >= 0) ==
                                                 (fd < 3 || fd == 7 || fd == 8 || fd == 40);
                _exit(!right);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(how_a_zombie_has_ended_can_be_read),
                cmocka_unit_test(but_not_by_others),
                cmocka_unit_test(a_pidfd_signals_its_process),
                cmocka_unit_test(all_descriptors_but_those_to_keep_are_closed),
                cmocka_unit_test(descriptors_from_first_on_are_marked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
