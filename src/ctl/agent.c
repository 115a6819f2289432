/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent that asks for a password on the terminal, when polkit wants one: pkttyagent. */
#include "ctl.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Until the agent is known to polkit; a polkit that hangs is reported by the daemon. */
#define READY_TIMEOUT_MSEC 10000

static pid_t agent_pid;

static _Noreturn void execute_agent(int notify_fd, pid_t parent)
{
        char number[16];
        sigset_t none;
        int fd;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(EXIT_SUCCESS);
        /* It asks on /dev/tty; what it complains of the daemon tells, too. */
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = STDIN_FILENO; fd >= 0 && i <= STDERR_FILENO; i++)
                (void) dup2(fd, i);
        (void) snprintf(number, sizeof(number), "%d", notify_fd);
        (void) execlp("pkttyagent", "pkttyagent", "--notify-fd", number, "--fallback", NULL);
        _exit(EXIT_FAILURE);
}

void agent_open(void)
{
        pid_t parent = getpid(), pid;
        struct pollfd ready;
        int fds[2];

        if (pipe2(fds, 0) < 0)
                return;
        (void) fcntl(fds[0], F_SETFD, FD_CLOEXEC);
        pid = fork();
        if (pid == 0)
                execute_agent(fds[1], parent);
        (void) close(fds[1]);
        if (pid > 0) {
                agent_pid = pid;
                /* It closes the other end when it is ready, and when it ends. */
                ready = (struct pollfd){ .fd = fds[0] };
                (void) poll(&ready, 1, READY_TIMEOUT_MSEC);
        }
        (void) close(fds[0]);
}

void agent_close(void)
{
        if (agent_pid == 0)
                return;
        (void) kill(agent_pid, SIGTERM);
        (void) kill(agent_pid, SIGCONT);
        while (waitpid(agent_pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent_pid = 0;
}
