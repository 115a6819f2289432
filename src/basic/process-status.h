/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc tells of a process that somebody has named by its pid: whose it is, and where. A pid may become
 * another process's: who needs to be sure holds a pidfd, and asks it after this. */
#pragma once

#include "macro.h"
#include <sys/types.h>

typedef struct ProcessStatus {
        char state;    /* R, S, D, Z and so on */
        pid_t parent;  /* 0: in another pid namespace, or none */
        uid_t uids[4]; /* real, effective, saved, of file accesses */
        gid_t gids[4];
        uint64_t permitted; /* capabilities, those of its own user namespace */
        uint64_t threads;
} ProcessStatus;

/* From the text of /proc/PID/status. -EBADMSG when something is missing. */
int process_status_parse(const char *text, ProcessStatus *ret);

/* -ESRCH when there is no such process. */
int process_status(pid_t pid, ProcessStatus *ret);

/* Whether both processes are in the same namespace of that kind ("pid", "user"); 0 is the calling one. 1, 0,
 * or negative when that cannot be known. */
int process_same_namespace(pid_t a, pid_t b, const char *kind);

/* Its cgroup as cgroup v2 has it: "/system.slice/…", from CGROUP_ROOT on. -ESRCH, or -ENOENT when the cgroup
 * has been removed. */
int process_cgroup(pid_t pid, char **ret_path);

/* The same, opened. */
int process_open_cgroup(pid_t pid);

/* Whether it is in the cgroup at dir itself: 1, 0, or -ESRCH. A process that has ended is where it was last,
 * until it is reaped. */
int process_is_in_cgroup(pid_t pid, int dir);
