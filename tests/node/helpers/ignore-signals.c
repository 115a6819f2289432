/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts children that ignore every signal that can be ignored, prints their pids, and then ends
 * (status 0) with --leave, or stays with them. */
#include "helper.h"

#include <signal.h>

#define USAGE "[--leave] COUNT"

static void ignore_all(void)
{
        for (int sig = 1; sig <= SIGRTMAX; sig++)
                (void) signal(sig, SIG_IGN);
}

int main(int argc, char **argv)
{
        bool leave = argc > 1 && streq(argv[1], "--leave");
        int count;

        if (argc != 2 + leave)
                usage(USAGE);
        count = atoi(argv[1 + leave]);
        ignore_all();
        for (int i = 0; i < count; i++) {
                pid_t pid = fork();

                if (pid < 0)
                        die("fork");
                if (pid == 0) {
                        /* Out of reach of what is sent to the session or the group, too. */
                        (void) setsid();
                        for (;;)
                                (void) pause();
                }
                printf("%d\n", (int) pid);
        }
        if (fflush(stdout) == EOF)
                die("stdout");
        while (!leave)
                (void) pause();
        return 0;
}
