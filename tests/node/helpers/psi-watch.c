/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has the kernel tell when a share of a window is crossed, once, and says when that was, and when the stall before it
 * was first seen: "stall_usec N" and "trigger_usec N", CLOCK_REALTIME. */
#include "helper.h"

#include "basic/psi.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>

#define LOOK_MSEC 5

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
        PsiResource resource = argc == 6 ? psi_resource_from_string(argv[2]) : -1;
        PsiKind kind = argc == 6 ? psi_kind_from_string(argv[3]) : -1;
        struct pollfd p = { .events = POLLPRI };
        PsiPlace place = PSI_PLACE_NONE;
        uint64_t stall = 0, total;
        Psi psi;
        int r;

        if ((int) resource < 0 || (int) kind < 0)
                usage("CGROUP memory|cpu|io some|full STALL_USEC WINDOW_USEC");
        place.dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        p.fd = psi_trigger(&place, resource, kind, strtoull(argv[4], NULL, 10),
                           strtoull(argv[5], NULL, 10));
        if (p.fd < 0 || psi_read(&place, resource, &psi) < 0)
                die("psi");
        total = psi.lines[kind].total_usec;
        (void) puts("watching");
        (void) fflush(stdout);
        while ((r = poll(&p, 1, LOOK_MSEC)) == 0) {
                if (psi_read(&place, resource, &psi) < 0)
                        die("psi");
                /* It goes on from a stall long ago. */
                if (psi.lines[kind].total_usec != total && stall == 0)
                        stall = now_usec();
                if (psi.lines[kind].total_usec == total)
                        stall = 0;
                total = psi.lines[kind].total_usec;
        }
        if (r < 0)
                die("poll");
        printf("stall_usec %" PRIu64 "\ntrigger_usec %" PRIu64 "\n", stall, now_usec());
        return 0;
}
