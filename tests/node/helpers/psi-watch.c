/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has the kernel tell when a share of a window is crossed, once, and says when that was, and when the stall before it
 * was first seen: "stall_usec N" and "trigger_usec N", CLOCK_REALTIME. With a FILE, which may appear later, also when that
 * was written to first: "write_usec N". */
#include "helper.h"

#include "basic/psi.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/inotify.h>

#define LOOK_MSEC 5

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* Until the file is there, each look tries again. */
static bool watch_file(int inotify_fd, const char *file)
{
        return !file || inotify_add_watch(inotify_fd, file, IN_MODIFY) >= 0;
}

int main(int argc, char **argv)
{
        PsiResource resource = argc == 6 || argc == 7 ? psi_resource_from_string(argv[2]) : -1;
        PsiKind kind = argc > 3 ? psi_kind_from_string(argv[3]) : -1;
        const char *file = argc == 7 ? argv[6] : NULL;
        struct pollfd p[] = { { .fd = -1, .events = POLLPRI }, { .events = POLLIN } };
        PsiPlace place = PSI_PLACE_NONE;
        uint64_t stall = 0, triggered = 0, total;
        bool watched = false;
        Psi psi;

        if ((int) resource < 0 || (int) kind < 0)
                usage("CGROUP memory|cpu|io some|full STALL_USEC WINDOW_USEC [FILE]");
        place.dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        p[0].fd = psi_trigger(&place, resource, kind, strtoull(argv[4], NULL, 10),
                              strtoull(argv[5], NULL, 10));
        p[1].fd = inotify_init1(IN_CLOEXEC);
        if (p[0].fd < 0 || p[1].fd < 0 || psi_read(&place, resource, &psi) < 0)
                die("psi");
        total = psi.lines[kind].total_usec;
        (void) puts("watching");
        (void) fflush(stdout);
        for (;;) {
                watched = watched || watch_file(p[1].fd, file);
                if (poll(p, 2, watched && triggered ? -1 : LOOK_MSEC) < 0)
                        die("poll");
                if (p[1].revents) {
                        printf("write_usec %" PRIu64 "\n", now_usec());
                        file = NULL;
                        p[1].fd = -1;
                }
                if (p[0].revents) {
                        triggered = now_usec();
                        printf("stall_usec %" PRIu64 "\ntrigger_usec %" PRIu64 "\n", stall,
                               triggered);
                        p[0].fd = -1;
                }
                (void) fflush(stdout);
                if (triggered && !file)
                        return 0;
                if (triggered)
                        continue;
                if (psi_read(&place, resource, &psi) < 0)
                        die("psi");
                /* It goes on from a stall long ago. */
                if (psi.lines[kind].total_usec != total && stall == 0)
                        stall = now_usec();
                if (psi.lines[kind].total_usec == total)
                        stall = 0;
                total = psi.lines[kind].total_usec;
        }
}
