/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pidfds and close_range by number: Debian 12's C library wraps none of them as needed here. */
#include "basic/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* PF_EXITING and PF_KTHREAD of the kernel, among the flags in /proc/PID/stat. */
#define FLAG_EXITING 0x00000004u
#define FLAG_KTHREAD 0x00200000u

/* More than 52 numbers of 20 digits. */
#define STAT_MAX 2048

/* The third field of /proc/PID/stat, the state, and what follows; NULL when there is no such process. */
static const char *read_stat(pid_t pid, char buffer[static STAT_MAX])
{
        _cleanup_(closep) int fd = -EBADF;
        char path[64], *p;
        ssize_t n;

        (void) snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return NULL;
        n = read(fd, buffer, STAT_MAX - 1);
        if (n <= 0)
                return NULL;
        buffer[n] = '\0';
        p = strrchr(buffer, ')'); /* the name before it may hold anything */
        return p && p[1] == ' ' ? p + 2 : NULL;
}

static bool read_state_and_flags(pid_t pid, char *ret_state, unsigned *ret_flags)
{
        char buffer[STAT_MAX];
        const char *rest = read_stat(pid, buffer);

        return rest && sscanf(rest, "%c %*d %*d %*d %*d %*d %u", ret_state, ret_flags) == 2;
}

bool process_is_ending(pid_t pid)
{
        unsigned flags;
        char state;

        return !read_state_and_flags(pid, &state, &flags) || state == 'Z' || state == 'X' ||
               (flags & FLAG_EXITING);
}

bool process_is_kernel_thread(pid_t pid)
{
        unsigned flags;
        char state;

        return read_state_and_flags(pid, &state, &flags) && (flags & FLAG_KTHREAD);
}

char process_state(pid_t pid)
{
        char buffer[STAT_MAX];
        const char *state = read_stat(pid, buffer);

        return state ? *state : '?';
}

static void split_wait_status(int wait_status, int *ret_code, int *ret_status)
{
        if (WIFEXITED(wait_status)) {
                *ret_code = CLD_EXITED;
                *ret_status = WEXITSTATUS(wait_status);
        } else {
                *ret_code = WCOREDUMP(wait_status) ? CLD_DUMPED : CLD_KILLED;
                *ret_status = WTERMSIG(wait_status);
        }
}

int process_exit_info(pid_t pid, int *ret_code, int *ret_status)
{
        char buffer[STAT_MAX];
        const char *p = read_stat(pid, buffer);
        const int to_exit_code = 52 - 3; /* fields, from the state on */
        int exit_code;
        char path[64];

        if (!p)
                return -ESRCH;
        if (*p != 'Z')
                return 0;
        /* To those who may not trace it the kernel says 0; this link says who they are. */
        (void) snprintf(path, sizeof path, "/proc/%d/exe", (int) pid);
        if (readlink(path, &(char){ 0 }, 1) < 0 && errno == EACCES)
                return -EACCES;
        for (int i = 0; i < to_exit_code && p; i++) {
                p = strchr(p, ' ');
                p = p ? p + 1 : NULL;
        }
        if (!p || sscanf(p, "%d", &exit_code) != 1)
                return -EBADMSG;
        split_wait_status(exit_code, ret_code, ret_status);
        return 1;
}

int pidfd_open_process(pid_t pid)
{
        long fd = syscall(SYS_pidfd_open, pid, 0U);

        return fd < 0 ? -errno : (int) fd;
}

/* From linux/pidfd.h of 6.15, which neither Debian has. */
struct exit_info {
        uint64_t mask;
        uint64_t cgroup_id;
        uint32_t ids[11];
        int32_t exit_code; /* as wait() gives it */
};

#define EXIT_INFO_EXIT (UINT64_C(1) << 3)
#define EXIT_INFO_GET  _IOWR(0xFF, 11, struct exit_info)

int pidfd_exit_info(int pidfd, int *ret_code, int *ret_status)
{
        struct exit_info info = { .mask = EXIT_INFO_EXIT };

        if (ioctl(pidfd, EXIT_INFO_GET, &info) < 0)
                return -EOPNOTSUPP;
        if (!(info.mask & EXIT_INFO_EXIT))
                return 0;
        split_wait_status(info.exit_code, ret_code, ret_status);
        return 1;
}

int pidfd_signal(int pidfd, int signal)
{
        return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0U) < 0 ? -errno : 0;
}

/* For kernels that cannot do it at once: close_range() is of 5.9, with CLOEXEC of 5.11. */
static int each_fd(unsigned first, unsigned last, void (*act)(int fd))
{
        DIR *d = opendir("/proc/self/fd");

        if (!d)
                return -errno;

        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                char *end;
                unsigned long fd = strtoul(e->d_name, &end, 10);

                if (end != e->d_name && *end == '\0' && fd >= first && fd <= last &&
                    (int) fd != dirfd(d))
                        act((int) fd);
        }

        (void) closedir(d);
        return 0;
}

/* A descriptor closed meanwhile needs no mark. */
static void mark_cloexec(int fd)
{
        (void) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void close_one(int fd)
{
        (void) close(fd);
}

static int compare_fds(const void *a, const void *b)
{
        int x = *(const int *) a, y = *(const int *) b;

        return (x > y) - (x < y);
}

static void close_between(unsigned first, unsigned last)
{
        if (first <= last && syscall(SYS_close_range, first, last, 0U) < 0)
                (void) each_fd(first, last, close_one);
}

void close_all_but(int *keep, size_t n)
{
        unsigned next = STDERR_FILENO + 1;

        qsort(keep, n, sizeof *keep, compare_fds);
        for (size_t i = 0; i < n; i++) {
                if (keep[i] < (int) next)
                        continue;
                close_between(next, (unsigned) keep[i] - 1);
                next = (unsigned) keep[i] + 1;
        }
        close_between(next, ~0U);
}

int close_range_cloexec(unsigned first)
{
        if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) >= 0)
                return 0;
        if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
                return -errno;

        return each_fd(first, ~0U, mark_cloexec);
}
