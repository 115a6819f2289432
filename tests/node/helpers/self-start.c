/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has a leaf made for a task and starts its process there itself, as an agent that is root would. Prints "open",
 * then as told on stdin, a line each:
 *
 *   fork     starts COMMAND in it: "pid N", and when it has ended "ended N" (exit status, or 128 and the signal)
 *   start    the same without waiting for its end
 *   drop     has no privilege any more
 *   leave    ends, as it does at the end of stdin
 *
 * Failures are printed, too: "error CODE: SENTENCE", after which it goes on, also without a leaf. */
#include "helper.h"

#include "hpcnode/cgroup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>

#define USAGE "[--user] SCOPE TASK COMMAND [ARGUMENT...]"

static void print_error(hpcnode_cgroup_error *e)
{
        (void) printf("error %s: %s\n", hpcnode_cgroup_error_name(e->code), e->message ?: "?");
        hpcnode_cgroup_error_done(e);
}

static void await_end(pid_t pid)
{
        int status;

        if (waitpid(pid, &status, 0) != pid)
                die("waitpid");
        (void) printf("ended %d\n",
                      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void start(int fd, char **argv, bool wait)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int pidfd = -EBADF;
        pid_t pid;

        pid = hpcnode_cgroup_fork_into(fd, &pidfd, &e);
        if (pid == 0) {
                (void) execvp(argv[0], argv);
                _exit(127);
        }
        if (pid < 0) {
                print_error(&e);
                return;
        }
        if (!(fcntl(pidfd, F_GETFD) & FD_CLOEXEC))
                die("pidfd");
        (void) close(pidfd);
        (void) printf("pid %d\n", (int) pid);
        if (wait)
                await_end(pid);
}

static int open_leaf(hpcnode_cgroup *c, const char *scope, const char *task)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int fd;

        if (hpcnode_cgroup_open_scope(c, scope, task, &fd, &e) < 0) {
                print_error(&e);
                return -EBADF;
        }
        if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC) || openat(fd, "cgroup.procs", O_PATH) < 0)
                die("the leaf");
        return fd;
}

int main(int argc, char **argv)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        bool user = argc > 1 && streq(argv[1], "--user");
        hpcnode_cgroup *c;
        char line[64];
        int fd;

        argv += user;
        argc -= user;
        if (argc < 4)
                usage(USAGE);
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        if ((user ? hpcnode_cgroup_open_user(&c, &e) : hpcnode_cgroup_open(&c, &e)) < 0) {
                print_error(&e);
                return 1;
        }
        fd = open_leaf(c, argv[1], argv[2]);
        if (fd >= 0)
                (void) puts("open");
        while (fgets(line, sizeof line, stdin) && !streq(line, "leave\n"))
                if (!streq(line, "drop\n"))
                        start(fd, argv + 3, streq(line, "fork\n"));
                else if (setuid(65534) < 0)
                        die("setuid");
        hpcnode_cgroup_free(c);
        return 0;
}
