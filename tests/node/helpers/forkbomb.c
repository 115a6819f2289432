/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fork bomb that ignores all signals: every process goes on forking for ever. */
#include "helper.h"

#include <signal.h>

int main(void)
{
        for (int sig = 1; sig <= SIGRTMAX; sig++)
                (void) signal(sig, SIG_IGN);
        for (;;)
                /* Where the limit is reached, some rest for the emulated processor. */
                if (fork() < 0)
                        (void) sleep(1);
}
