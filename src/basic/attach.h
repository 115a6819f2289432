/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that live elsewhere are moved into a cgroup: all of them, or none. */
#pragma once

#include "macro.h"
#include <sys/types.h>

/* A migration waits for an RCU grace period, some 10 ms each on an idle machine: this many at once take no
 * longer than whoever asks for them waits. Each needs two descriptors, and the kernel passes 253. */
#define ATTACH_PIDS_MAX 64

typedef struct Attachee {
        pid_t pid;
        int pidfd;  /* tells whether the pid is still this process's */
        int origin; /* the directory of the cgroup in which it was found */
} Attachee;

void attachees_done(Attachee *a, size_t n);

/* Moves the processes into the cgroup at leaf, in which there is none. On failure those that had been moved
 * are back where they came from, and *ret_failed is the index of the one that could not be:
 * -ESRCH: it has ended, -ESTALE: it is not in its origin any more. */
int attach_processes(int leaf, const Attachee *a, size_t n, size_t *ret_failed);

/* Moves what is in leaf back to where it came from; what was forked meanwhile goes with its parent. -EBUSY
 * when something is left, as when its cgroup has been removed. */
int attach_undo(int leaf, const Attachee *a, size_t n);
