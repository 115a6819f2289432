/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints $NUMBER in one line, and stays until SIGTERM; then it ends with that number modulo 200 as its status. */
#include "helper.h"

#include <signal.h>

int main(int argc, char *argv[])
{
        const char *number = getenv("NUMBER");
        sigset_t set;
        int sig;

        if (!number)
                usage("(with NUMBER in the environment)");
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        if (dprintf(STDOUT_FILENO, "%s\n", number) < 0)
                die("write");
        return sigwait(&set, &sig) == 0 ? atoi(number) % 200 : 125;
}
