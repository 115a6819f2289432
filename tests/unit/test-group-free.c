/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of <hpcnode/cgroup-group.h>: how a group goes, and what it says of it. */
#include "group-node.h"

#include <stdio.h>
#include <sys/socket.h>

/* That destroying b fails so is logged as this line (NULL: not at all), and a and c go. */
static void assert_logged(hpcnode_cgroup_error_code code, int error, const char *message,
                          const char *wanted)
{
        hpcnode_group *group = GROUP_OF("a", "workload.slice/b", "c");

        node.log[0] = '\0';
        node.n_failures = 0;
        node_let_fail((Failure){ .operation = DESTROY,
                                 .scope = "workload-b.scope",
                                 .error = error,
                                 .code = code,
                                 .message = message });
        errno = 4711;
        hpcnode_group_free(group);
        assert_int_equal(errno, 4711);
        assert_string_equal(node.log, wanted ?: "");
        assert_non_null(startswith(node.calls, "destroy workload-c.scope\n"
                                               "destroy workload-b.scope\n"));
        assert_non_null(endswith(node.calls, "destroy workload-a.scope\n"));
        assert_int_equal(node_count(), 1);
        node_unmake(node_find("b"));
}

#define BUSY "; hint: it has live tasks, which were not ended before the teardown\n"
#define DENIED                                                                            \
        "; hint: its slice has another owner, or is not delegated to this program, see: " \
        "hpcnode-ctl whoami\n"

static void what_has_gone_already_is_not_worth_a_word(void **state)
{
        assert_logged(HPCNODE_CGROUP_ERROR_NOT_FOUND, ENOENT, "no such scope", NULL);
        assert_logged(HPCNODE_CGROUP_ERROR_NONE, ENOENT, NULL, NULL);
        assert_logged(HPCNODE_CGROUP_ERROR_OTHER, ENOENT, "rmdir: no such file", NULL);
}

static void what_is_busy_is_logged_with_a_hint(void **state)
{
        assert_logged(HPCNODE_CGROUP_ERROR_KILL_FAILED, EBUSY, "pids 7, 8 are left (D)",
                      "warning: cannot destroy workload.slice/b: KillFailed: pids 7, 8 are left "
                      "(D)" BUSY);
        assert_logged(HPCNODE_CGROUP_ERROR_NOT_EMPTY, ENOTEMPTY, "not empty",
                      "warning: cannot destroy workload.slice/b: NotEmpty: not empty" BUSY);
        assert_logged(HPCNODE_CGROUP_ERROR_SCOPE_ZOMBIE, EUCLEAN, "a zombie",
                      "warning: cannot destroy workload.slice/b: ScopeZombie: a zombie" BUSY);
        assert_logged(HPCNODE_CGROUP_ERROR_NONE, EBUSY, NULL,
                      "warning: cannot destroy workload.slice/b: EBUSY: Device or resource "
                      "busy" BUSY);
        assert_logged(HPCNODE_CGROUP_ERROR_OTHER, EBUSY, "rmdir: busy",
                      "warning: cannot destroy workload.slice/b: Other: rmdir: busy" BUSY);
}

static void what_is_denied_is_logged_with_a_hint(void **state)
{
        assert_logged(HPCNODE_CGROUP_ERROR_PERMISSION_DENIED, EACCES, "it is pact's",
                      "warning: cannot destroy workload.slice/b: PermissionDenied: it is "
                      "pact's" DENIED);
        assert_logged(HPCNODE_CGROUP_ERROR_EMERGENCY_REQUIRED, EPERM, "no emergency",
                      "warning: cannot destroy workload.slice/b: EmergencyRequired: no "
                      "emergency" DENIED);
        assert_logged(HPCNODE_CGROUP_ERROR_NONE, EACCES, NULL,
                      "warning: cannot destroy workload.slice/b: EACCES: Permission denied" DENIED);
}

static void all_else_is_logged_with_its_cause(void **state)
{
        assert_logged(HPCNODE_CGROUP_ERROR_IO, EIO, "cgroup.kill: Input/output error",
                      "warning: cannot destroy workload.slice/b: IO: cgroup.kill: Input/output "
                      "error\n");
        assert_logged(HPCNODE_CGROUP_ERROR_SHUTTING_DOWN, ESHUTDOWN, NULL,
                      "warning: cannot destroy workload.slice/b: ShuttingDown: Cannot send after "
                      "transport endpoint shutdown\n");
        assert_logged(HPCNODE_CGROUP_ERROR_NOT_SUPPORTED, EOPNOTSUPP, "no such operation",
                      "warning: cannot destroy workload.slice/b: NotSupported: no such "
                      "operation\n");
        /* The code is what counts. */
        assert_logged(HPCNODE_CGROUP_ERROR_IO, EBUSY, "busy?",
                      "warning: cannot destroy workload.slice/b: IO: busy?\n");
}

static void a_warning_is_one_line(void **state)
{
        char message[10000], line[4096];

        assert_logged(HPCNODE_CGROUP_ERROR_IO, EIO, "one\ntwo\r\x1b[1m\x7f",
                      "warning: cannot destroy workload.slice/b: IO: one two  [1m \n");
        memset(message, 'x', sizeof(message) - 1);
        message[sizeof(message) - 1] = '\0';
        (void) snprintf(line, sizeof(line) - 1, "%s",
                        "warning: cannot destroy workload.slice/b: IO: ");
        memset(line + strlen(line), 'x', sizeof(line) - 2 - strlen(line));
        memcpy(line + sizeof(line) - 2, "\n", 2);
        assert_logged(HPCNODE_CGROUP_ERROR_IO, EIO, message, line);
}

static void a_daemon_that_is_back_at_once_is_asked_again(void **state)
{
        hpcnode_group *group = GROUP_OF("a", "b");

        node_let_fail((Failure){ .operation = DESTROY,
                                 .error = ETIMEDOUT,
                                 .code = HPCNODE_CGROUP_ERROR_TIMED_OUT,
                                 .once = true });
        hpcnode_group_free(group);
        assert_string_equal(node.log, "");
        assert_int_equal(node_count(), 0);
}

static void a_daemon_that_is_away_is_a_warning_for_each_scope(void **state)
{
        hpcnode_group *group = GROUP_OF("a", "b");

        node_let_fail((Failure){ .operation = CREATE,
                                 .error = ECONNREFUSED,
                                 .code = HPCNODE_CGROUP_ERROR_UNREACHABLE,
                                 .message = "cannot reach it" });
        node_let_fail((Failure){ .operation = DESTROY,
                                 .error = ECONNREFUSED,
                                 .code = HPCNODE_CGROUP_ERROR_UNREACHABLE,
                                 .message = "cannot reach it" });
        node_let_fail((Failure){ .operation = INSPECT,
                                 .error = ECONNREFUSED,
                                 .code = HPCNODE_CGROUP_ERROR_UNREACHABLE,
                                 .message = "cannot reach it" });
        /* One that was never made, since it was away then already, is not worth a word. */
        assert_int_equal(hpcnode_group_add_without_cpuset(group, "c"), -ECONNREFUSED);
        node.calls[0] = '\0';
        hpcnode_group_free(group);
        assert_string_equal(node.log, "warning: cannot destroy b: Unreachable: cannot reach it\n"
                                      "warning: cannot destroy a: Unreachable: cannot reach it\n");
        assert_int_equal(count_text(node.calls, "destroy"), 4);
}

static void a_daemon_that_hangs_is_waited_for_once(void **state)
{
        hpcnode_group *group = hpcnode_group_new(node.handle);

        for (int i = 0; i < 100; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "s-%d", i);
                assert_int_equal(hpcnode_group_add_without_cpuset(group, name), 0);
        }
        node.calls[0] = '\0';
        node_let_fail((Failure){ .operation = DESTROY,
                                 .error = ETIMEDOUT,
                                 .code = HPCNODE_CGROUP_ERROR_TIMED_OUT,
                                 .message = "no answer",
                                 .takes_usec = 25 * USEC_PER_SEC });
        hpcnode_group_free(group);
        assert_string_equal(node.calls, "destroy workload-s-99.scope\n");
        assert_non_null(startswith(node.log,
                                   "warning: cannot destroy s-99: TimedOut: no answer\n"
                                   "warning: cannot destroy s-98: Unreachable: not tried any "
                                   "more, since there was no answer for others\n"));
        assert_int_equal(count_text(node.log, "\n"), 100);
}

/* --- where the lines go --- */

/* Destroys a scope with stderr in a socket, where each write is a message. */
static void free_with_stderr(int fd)
{
        hpcnode_group *group = GROUP_OF("a", "b");
        int saved = dup(STDERR_FILENO);

        hpcnode_group_set_logger(NULL, NULL);
        node_let_fail((Failure){ .operation = DESTROY,
                                 .error = EIO,
                                 .code = HPCNODE_CGROUP_ERROR_IO,
                                 .message = "broken" });
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        hpcnode_group_free(group);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        close(saved);
}

static void without_a_logger_each_line_is_one_write_to_stderr(void **state)
{
        char text[256] = "";
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
        free_with_stderr(fds[1]);
        assert_true(recv(fds[0], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
        assert_string_equal(text, "warning: cannot destroy b: IO: broken\n");
        assert_true(recv(fds[0], text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
        assert_string_equal(text, "warning: cannot destroy a: IO: broken\n");
        assert_true(recv(fds[0], text, sizeof(text) - 1, MSG_DONTWAIT) < 0);
        close(fds[0]);
        close(fds[1]);
}

static void a_stderr_that_nobody_reads_does_not_end_the_program(void **state)
{
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        close(fds[0]);
        free_with_stderr(fds[1]); /* SIGPIPE would end this test */
        assert_int_equal(count_text(node.calls, "destroy"), 2);
        close(fds[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(what_has_gone_already_is_not_worth_a_word),
                TEST(what_is_busy_is_logged_with_a_hint),
                TEST(what_is_denied_is_logged_with_a_hint),
                TEST(all_else_is_logged_with_its_cause),
                TEST(a_warning_is_one_line),
                TEST(a_daemon_that_is_back_at_once_is_asked_again),
                TEST(a_daemon_that_is_away_is_a_warning_for_each_scope),
                TEST(a_daemon_that_hangs_is_waited_for_once),
                TEST(without_a_logger_each_line_is_one_write_to_stderr),
                TEST(a_stderr_that_nobody_reads_does_not_end_the_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
