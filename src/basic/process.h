/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls on processes that the C library has no wrapper for. */
#pragma once

#include "macro.h"
#include <sys/types.h>

/* R, S, D, Z and so on, as in /proc/PID/stat; '?' when there is no such process. */
char process_state(pid_t pid);

/* Whether it has begun to end, or is not there at all: a process that ends gives up its descriptors one by one. */
bool process_is_ending(pid_t pid);
bool process_is_kernel_thread(pid_t pid);

/* How a process has ended that its parent has not waited for yet, as waitid() tells of a child: 1: known,
 * 0: it still runs, -ESRCH: there is none, -EACCES: that is not for the caller to see. */
int process_exit_info(pid_t pid, int *ret_code, int *ret_status);

int pidfd_open_process(pid_t pid);

/* How the process of a pidfd ended, as waitid() tells of a child: si_code and si_status. Needs no
 * kinship, but a kernel that keeps it (6.15). 1: known, 0: not reaped by its parent yet (then the pidfd
 * polls EPOLLHUP), -EOPNOTSUPP: nobody but its parent can know. */
int pidfd_exit_info(int pidfd, int *ret_code, int *ret_status);
int pidfd_signal(int pidfd, int signal);

/* Closes every descriptor from 3 on but these, which it sorts; negative ones are none. */
void close_all_but(int *keep, size_t n);

/* Marks every descriptor from `first` on close-on-exec. */
int close_range_cloexec(unsigned first);
