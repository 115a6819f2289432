/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child that is in its cgroup before it does anything. */
#pragma once

#include "macro.h"
#include <sys/types.h>

/* Like fork(), with the child in the cgroup whose directory cgroup_fd is: born there (kernel 5.7), or where
 * clone3 is refused as such, by fork_into_cgroup(). Its pidfd, close-on-exec, is in *ret_pidfd, which may be
 * NULL. Returns the pid in the parent, 0 in the child, or negative errno; then there is no child. */
pid_t clone_into_cgroup(int cgroup_fd, int *ret_pidfd);

/* The way without clone3: the child is held, with every signal blocked, until its parent has moved it, which
 * blocks for some 10 ms. If it cannot be moved, or the parent ends, it ends, too. */
pid_t fork_into_cgroup(int cgroup_fd, int *ret_pidfd);

/* True for the errors by which a kernel or a seccomp filter refuses clone3 as such: ENOSYS, EPERM, E2BIG. That
 * the cgroup refuses the child is EACCES. */
bool clone3_is_refused(int error);
