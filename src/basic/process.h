/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls on processes that the C library has no wrapper for. */
#pragma once

#include "macro.h"
#include <sys/types.h>

/* Like fork(), with the child born in the cgroup at cgroup_fd (kernel 5.7) and its pidfd in
 * *ret_pidfd. Returns the pid in the parent, 0 in the child, negative errno. */
pid_t clone_into_cgroup(int cgroup_fd, int *ret_pidfd);

/* True for the errors by which a kernel or a seccomp filter refuses clone3 as such (ENOSYS, EPERM,
 * E2BIG): then the caller forks, holds the child and writes it into cgroup.procs. */
bool clone_into_cgroup_unsupported(int error);

/* R, S, D, Z and so on, as in /proc/PID/stat; '?' when there is no such process. */
char process_state(pid_t pid);

/* How a process has ended that its parent has not waited for yet, as waitid() tells of a child: 1: known,
 * 0: it still runs, -ESRCH: there is none, -EACCES: that is not for the caller to see. */
int process_exit_info(pid_t pid, int *ret_code, int *ret_status);

int pidfd_open_process(pid_t pid);

/* How the process of a pidfd ended, as waitid() tells of a child: si_code and si_status. Needs no
 * kinship, but a kernel that keeps it (6.15). 1: known, 0: not reaped by its parent yet (then the pidfd
 * polls EPOLLHUP), -EOPNOTSUPP: nobody but its parent can know. */
int pidfd_exit_info(int pidfd, int *ret_code, int *ret_status);
int pidfd_signal(int pidfd, int signal);

/* Marks every descriptor from `first` on close-on-exec. */
int close_range_cloexec(unsigned first);
