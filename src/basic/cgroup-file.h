/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of cgroup v2, always reached through the descriptor of the cgroup's directory. */
#pragma once

#include "macro.h"
#include <sys/types.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Opens the directory of a cgroup below root_fd (a descriptor of CGROUP_ROOT); path is relative and
 * was checked, and still nothing outside the tree and no symbolic link is followed (openat2). */
int cgroup_open(int root_fd, const char *path);

/* Opens a directory for reading its entries; NULL in *ret when it is gone. */
int cgroup_open_children(int parent, const char *name, DIR **ret);

/* The path below CGROUP_ROOT of the cgroup at dir, "" for the root, any other directory's in full. */
int cgroup_path_of(int dir, char **ret_path);

/* The whole file without its last newline; -ENOENT when the file or the cgroup is not there (ENODEV
 * of a removed cgroup is turned into it). */
int cgroup_read(int dir, const char *file, char **ret);

/* One number; "max" is UINT64_MAX. */
int cgroup_read_u64(int dir, const char *file, uint64_t *ret);

/* The number after "key " in a flat-keyed file such as memory.events; -ENXIO without that key. */
int cgroup_read_key(int dir, const char *file, const char *key, uint64_t *ret);

/* The number after "key=" summed over all lines of a nested-keyed file such as io.stat. */
int cgroup_read_nested_sum(int dir, const char *file, const char *key, uint64_t *ret);

/* The same of a text that was read: several numbers of one file belong to one moment. */
int cgroup_text_u64(const char *text, uint64_t *ret);
int cgroup_text_key(const char *text, const char *key, uint64_t *ret);
int cgroup_text_nested_sum(const char *text, const char *key, uint64_t *ret);

int cgroup_write(int dir, const char *file, const char *text);
int cgroup_write_u64(int dir, const char *file, uint64_t value); /* UINT64_MAX is "max" */

/* 1 or 0 from cgroup.events; a cgroup that is gone is not populated. */
int cgroup_populated(int dir);
int cgroup_frozen(int dir);

/* Whether a process is in the cgroup, or one has run in it since it was made. */
int cgroup_used(int dir);

/* Ends every process of the subtree: cgroup.kill, or on a kernel without it (before 5.14) SIGKILL to
 * each process, repeated until no new one is found. Does not wait for them. */
int cgroup_kill(int dir);

/* Sends a signal to every process of the subtree, once each. */
int cgroup_signal(int dir, int signal);

/* The processes of the subtree. Directories called "supervisor" that stand directly in a scope are
 * left out if !with_supervisors. *ret_pids is owned by the caller and may be NULL when there is none. */
int cgroup_pids(int dir, bool with_supervisors, pid_t **ret_pids, size_t *ret_n);

/* Removes the empty cgroup `name` below dir with all its empty children, deepest first. 0 also when it
 * is not there; -EBUSY while a process is left. */
int cgroup_remove(int dir, const char *name);

/* The same if no process is or was in it, and else -EBUSY. Without remove that is only looked at. */
int cgroup_remove_unused(int dir, const char *name, bool remove);
