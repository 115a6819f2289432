/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the numbers from 1 to N, one a line, at fixed intervals. Fails when a line cannot be written. */
#include "helper.h"

int main(int argc, char *argv[])
{
        struct timespec next;
        long n, msec;

        if (argc != 3)
                usage("N MSEC");
        n = atol(argv[1]);
        msec = atol(argv[2]);
        (void) clock_gettime(CLOCK_MONOTONIC, &next);
        for (long i = 1; i <= n; i++) {
                if (dprintf(STDOUT_FILENO, "%ld\n", i) < 0)
                        die("write");
                next.tv_nsec += msec % 1000 * 1000000;
                next.tv_sec += msec / 1000 + next.tv_nsec / 1000000000;
                next.tv_nsec %= 1000000000;
                (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        }
        return 0;
}
