/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits, by event and with a deadline, for a file to hold a text, for paths or processes to go. */
#include "helper.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#define USAGE "[--timeout SEC] file FILE TEXT | gone PATH... | exit PID..."

static int64_t deadline;

/* False when the time is up. */
static bool wait_for(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline - now_msec();

        if (left <= 0)
                return false;
        if (poll(&p, 1, (int) left) < 0 && errno != EINTR)
                die("poll");
        return true;
}

static void drain(int inotify_fd)
{
        char buffer[4096];

        (void) !read(inotify_fd, buffer, sizeof(buffer));
}

/* The directory that the path is in, or as much of the way there as exists. */
static void watch_parent(int inotify_fd, const char *path, uint32_t mask)
{
        char copy[PATH_MAX], *parent = copy;

        (void) snprintf(copy, sizeof(copy), "%s", path);
        do
                parent = dirname(parent);
        while (inotify_add_watch(inotify_fd, parent, mask) < 0 && parent[1]);
}

/* The beginning of the file; NULL when it cannot be read. */
static const char *content(const char *path)
{
        static char buffer[65536];
        ssize_t n;
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return NULL;
        n = read(fd, buffer, sizeof(buffer) - 1);
        (void) close(fd);
        if (n < 0)
                return NULL;
        buffer[n] = '\0';
        return buffer;
}

static bool file_holds(const char *path, const char *text)
{
        const char *there = content(path);

        return there && strstr(there, text);
}

/* What it holds instead, for the reader of a test that has failed. */
static void show(const char *path)
{
        const char *there = content(path);

        fprintf(stderr, "it holds: %.2000s\n", there ? there : "nothing, as it cannot be read");
}

static bool await_file(int inotify_fd, const char *path, const char *text)
{
        for (;;) {
                watch_parent(inotify_fd, path, IN_CREATE | IN_MOVED_TO);
                (void) inotify_add_watch(inotify_fd, path, IN_MODIFY | IN_CLOSE_WRITE);
                if (file_holds(path, text))
                        return true;
                if (!wait_for(inotify_fd)) {
                        fprintf(stderr, "%s does not come to hold \"%s\"\n", path, text);
                        show(path);
                        return false;
                }
                drain(inotify_fd);
        }
}

static bool await_gone(int inotify_fd, const char *path)
{
        for (;;) {
                watch_parent(inotify_fd, path, IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF);
                if (access(path, F_OK) < 0)
                        return true;
                if (!wait_for(inotify_fd)) {
                        fprintf(stderr, "%s does not go\n", path);
                        return false;
                }
                drain(inotify_fd);
        }
}

static bool await_exit(const char *pid)
{
        int fd = (int) syscall(SYS_pidfd_open, (pid_t) atoi(pid), 0);

        /* EINVAL while it is on its way out and not a process any more. */
        if (fd < 0 && (errno == ESRCH || errno == EINVAL) && atoi(pid) > 0)
                return true;
        if (fd < 0)
                die("pidfd_open");
        if (!wait_for(fd)) {
                fprintf(stderr, "process %s does not end\n", pid);
                return false;
        }
        (void) close(fd);
        return true;
}

int main(int argc, char **argv)
{
        int inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), seconds = DEADLINE_SEC;
        bool reached = true;

        if (inotify_fd < 0)
                die("inotify");
        if (argc > 2 && streq(argv[1], "--timeout")) {
                seconds = atoi(argv[2]);
                argc -= 2;
                argv += 2;
        }
        deadline = now_msec() + seconds * 1000;

        if (argc == 4 && streq(argv[1], "file"))
                reached = await_file(inotify_fd, argv[2], argv[3]);
        else if (argc > 2 && streq(argv[1], "gone"))
                for (int i = 2; reached && i < argc; i++)
                        reached = await_gone(inotify_fd, argv[i]);
        else if (argc > 2 && streq(argv[1], "exit"))
                for (int i = 2; reached && i < argc; i++)
                        reached = await_exit(argv[i]);
        else
                usage(USAGE);
        return reached ? 0 : 1;
}
