/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child that is in its cgroup before it does anything. Neither way runs handlers of pthread_atfork(). */
#include "basic/clone.h"

#include "basic/cgroup-file.h"
#include "basic/process.h"

#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* What the child is told that waits for its place. */
#define PLACED     'p'
#define NOT_PLACED 'n'

bool clone3_is_refused(int error)
{
        error = abs(error);

        /* E2BIG: clone3 of 5.3 to 5.6, which finds the unknown member `cgroup` set. */
        return error == ENOSYS || error == EPERM || error == E2BIG;
}

/* By number: Debian 12's C library has no wrapper. */
static pid_t clone3_into_cgroup(int cgroup_fd, int *ret_pidfd)
{
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = CLONE_INTO_CGROUP | (ret_pidfd ? CLONE_PIDFD : 0),
                .pidfd = (uint64_t) (uintptr_t) &pidfd,
                .exit_signal = SIGCHLD,
                .cgroup = (uint64_t) cgroup_fd,
        };
        long pid;

        /* Without a stack of its own the child goes on here, on a copy of ours, as after fork().
         * The kernel makes the pidfd close-on-exec. */
        pid = syscall(SYS_clone3, &args, sizeof(args));
        if (pid < 0)
                return -errno;
        if (pid > 0 && ret_pidfd)
                *ret_pidfd = pidfd;
        return (pid_t) pid;
}

/* In the child. At the end of the connection its parent has ended. */
static void await_place(int fd)
{
        char verdict = NOT_PLACED;

        while (recv(fd, &verdict, sizeof verdict, 0) < 0 && errno == EINTR)
                ;
        if (verdict != PLACED)
                _exit(EXIT_FAILURE);
}

static int place(pid_t pid, int cgroup_fd, int *ret_pidfd)
{
        _cleanup_(closep) int pidfd = -EBADF;
        int r;

        if (ret_pidfd) {
                pidfd = pidfd_open_process(pid);
                if (pidfd < 0)
                        return pidfd;
        }
        r = cgroup_write_u64(cgroup_fd, "cgroup.procs", (uint64_t) pid);
        if (r >= 0 && ret_pidfd)
                *ret_pidfd = TAKE_FD(pidfd);
        return r;
}

/* In the parent: moves the child, and lets it go on, or ends and reaps it. */
static pid_t place_child(pid_t pid, int cgroup_fd, int fd, int *ret_pidfd)
{
        int r = place(pid, cgroup_fd, ret_pidfd);
        char verdict = r < 0 ? NOT_PLACED : PLACED;

        /* Somebody may have killed it: then it has ended as any child may, and nobody reads this. */
        (void) send(fd, &verdict, sizeof verdict, MSG_NOSIGNAL);
        if (r >= 0)
                return pid;
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return r;
}

pid_t fork_into_cgroup(int cgroup_fd, int *ret_pidfd)
{
        _cleanup_(closep) int own = -EBADF, childs = -EBADF;
        sigset_t all, before;
        int fds[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        own = fds[0];
        childs = fds[1];
        /* Handlers of signals are the caller's as well. */
        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = _Fork();
        if (pid == 0) {
                own = safe_close(own);
                await_place(childs);
        } else if (pid < 0) {
                pid = -errno;
        } else {
                pid = place_child(pid, cgroup_fd, own, ret_pidfd);
        }
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return pid;
}

pid_t clone_into_cgroup(int cgroup_fd, int *ret_pidfd)
{
        struct statfs sfs;
        pid_t pid;

        if (cgroup_fd < 0)
                return -EBADF;
        pid = clone3_into_cgroup(cgroup_fd, ret_pidfd);
        if (pid >= 0 || !clone3_is_refused((int) pid))
                return pid;
        /* As clone3 says it of what is no cgroup: without that file it would be taken for one that has gone. */
        if (fstatfs(cgroup_fd, &sfs) < 0 || sfs.f_type != CGROUP2_SUPER_MAGIC)
                return -EBADF;
        return fork_into_cgroup(cgroup_fd, ret_pidfd);
}
