/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a program of our own as a child of the daemon. */
#include "daemon/child.h"

#include "basic/clone.h"

#include <signal.h>
#include <spawn.h>

static int start_by_spawn(const char *path, char *const argv[], char *const environment[], int fd,
                          int as, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;
        int r;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        r = -posix_spawn_file_actions_init(&actions);
        if (r < 0)
                return r;
        r = -posix_spawnattr_init(&attributes);
        if (r < 0) {
                posix_spawn_file_actions_destroy(&actions);
                return r;
        }
        r = -posix_spawn_file_actions_adddup2(&actions, fd, as);
        if (r >= 0)
                r = -posix_spawnattr_setsigmask(&attributes, &none);
        if (r >= 0)
                r = -posix_spawnattr_setsigdefault(&attributes, &all);
        if (r >= 0)
                r = -posix_spawnattr_setflags(&attributes,
                                              POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r >= 0)
                r = -posix_spawn(ret, path, &actions, &attributes, argv, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

pid_t child_fork(void)
{
        sigset_t none;
        pid_t pid = fork();

        if (pid != 0)
                return pid < 0 ? -errno : pid;
        for (int i = 1; i < NSIG; i++)
                (void) signal(i, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        return 0;
}

static int start_by_fork(const char *path, char *const argv[], char *const environment[], int fd,
                         int as, pid_t *ret)
{
        pid_t pid = child_fork();

        if (pid < 0)
                return pid;
        if (pid > 0) {
                *ret = pid;
                return 0;
        }
        if (dup2(fd, as) >= 0)
                (void) execve(path, argv, environment);
        _exit(127);
}

int child_start(const char *path, char *const argv[], char *const environment[], int fd, int as,
                pid_t *ret)
{
        int r;

        /* glibc makes it of clone3(), and does without on ENOSYS only. */
        r = start_by_spawn(path, argv, environment, fd, as, ret);
        if (r < 0 && clone3_is_refused(r))
                r = start_by_fork(path, argv, environment, fd, as, ret);
        return r;
}
