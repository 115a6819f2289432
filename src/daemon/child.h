/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a program of our own as a child of the daemon. */
#pragma once

#include "basic/macro.h"
#include <sys/types.h>

/* fork(2), the child with a clean signal mask and default signals. */
pid_t child_fork(void);

/* Executes path with a clean signal mask, default signals, and `fd` as its descriptor `as`; nothing else
 * of the daemon's is open in it beside 0, 1 and 2. Waits for the execution (not for the program): both
 * programs that it is for lie on the root file system. */
int child_start(const char *path, char *const argv[], char *const environment[], int fd, int as,
                pid_t *ret);
