/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fork bomb that ignores all signals: every process goes on forking for ever. When no more are
 * allowed, that is written to FILE. */
#include "helper.h"

#include <fcntl.h>
#include <signal.h>

static void say_full(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        if (fd >= 0) {
                (void) !write(fd, "full\n", 5);
                (void) close(fd);
        }
}

int main(int argc, char **argv)
{
        if (argc != 2)
                usage("FILE");
        for (int sig = 1; sig <= SIGRTMAX; sig++)
                (void) signal(sig, SIG_IGN);
        for (;;)
                if (fork() < 0) {
                        say_full(argv[1]);
                        /* Some rest for the emulated processor. */
                        (void) sleep(1);
                }
}
