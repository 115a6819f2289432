/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract in memory, for the tests of programs that use the library: no daemon, no bus, no systemd, no
 * process. Names, owners, states, emptiness and errors are as with the daemon; a task "runs" until it is killed
 * or hpcnode_cgroup_fake_exit() ends it. Every call is recorded, and can be made to fail.
 *
 * What there is no node for is not seen: that a program can be executed, that limits are in force (but what
 * they name has to be on this machine), User, Group and the standard descriptors of a task. A signal whose
 * default action is to end a process (signal(7)) ends a task; others do nothing.
 *
 * A wait for what has not ended ends when another thread, through another handle of the node, brings that
 * end about, or by its cancel_fd. Where neither can be, since the node has no other handle (any more) and there
 * is no cancel_fd, it is HPCNODE_CGROUP_ERROR_NOT_SUPPORTED at once.
 *
 * The directory of hpcnode_cgroup_open_scope() is an empty one without a name, into which nobody can be cloned: its
 * process is hpcnode_cgroup_fake_enter()'s.
 *
 * Handles of one node may be used by different threads at a time. The functions here are for handles of
 * hpcnode_cgroup_fake_open() only; with any other they do nothing, and those that return an int return -EINVAL,
 * those that return a string NULL. They are not recorded. */
#ifndef HPCNODE_CGROUP_FAKE_H
#define HPCNODE_CGROUP_FAKE_H

#include <hpcnode/cgroup.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A node of its own, with the six slices and nothing in them, called by root ("admin"). */
int hpcnode_cgroup_fake_open(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error);

/* A further handle on the same node, for another caller: "pact", "workload", "admin" or "other" (whom polkit
 * admits). The node is there until its last handle is freed. */
int hpcnode_cgroup_fake_open_as(hpcnode_cgroup *fake, const char *principal, uint32_t uid,
                                hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error);

/* The calls so far, of all handles of the node, oldest first: the operation and its arguments, such as
 * "create_scope workload.slice alloc-42 AllowedCPUs=0-3", then limits and options as NAME=VALUE, pids, and
 * after "--" the command. NULL past the last; of the fake, valid until the calls are cleared or the node is
 * freed. */
const char *hpcnode_cgroup_fake_call(const hpcnode_cgroup *fake, size_t index);
void hpcnode_cgroup_fake_clear_calls(hpcnode_cgroup *fake);

/* Makes the nth call (1: the next) of an operation ("create_scope"; NULL: of any) fail with this code and
 * change nothing. Several may be told; each is used up by failing. With nth 0 all of them fail, until the same
 * is said with HPCNODE_CGROUP_ERROR_NONE. -EINVAL for an operation that there is not. */
int hpcnode_cgroup_fake_fail(hpcnode_cgroup *fake, const char *operation, unsigned nth,
                             hpcnode_cgroup_error_code code);

/* The same with an errno as a system call would give it (positive): EBUSY, EACCES, ENOENT, ... */
int hpcnode_cgroup_fake_fail_errno(hpcnode_cgroup *fake, const char *operation, unsigned nth,
                                   int error);

/* Ends a task ("SCOPE/TASK", or a scope: its main task) with an exit status of 0 to 255, or by a signal that is
 * not 0. -ENOENT for what there is not, -ESRCH for what has ended, -EBUSY for what is frozen, -EINVAL. */
int hpcnode_cgroup_fake_exit(hpcnode_cgroup *fake, const char *task, int exit_status,
                             int exit_signal);

/* A process in a cgroup that is none of ours ("/user.slice/user-1000.slice/session-3.scope"), to be attached.
 * -EEXIST for a pid that there is. */
int hpcnode_cgroup_fake_add_process(hpcnode_cgroup *fake, uint32_t pid, uint32_t uid,
                                    const char *cgroup);

/* A process comes into a leaf of hpcnode_cgroup_open_scope() ("SCOPE/TASK"); the first one is the task's own.
 * -ESRCH for a task that has ended. */
int hpcnode_cgroup_fake_enter(hpcnode_cgroup *fake, const char *task, uint32_t pid, uint32_t uid);

/* Ends a process, wherever it is. As hpcnode_cgroup_fake_exit(). */
int hpcnode_cgroup_fake_exit_process(hpcnode_cgroup *fake, uint32_t pid, int exit_status,
                                     int exit_signal);

/* What read_metrics tells of a path, a scope or a task: by name, as of hpcnode_cgroup_metric_name().
 * nr_processes is counted where it is not set, and a limit of memory or tasks shown. A cgroup that there was
 * not is there then. */
int hpcnode_cgroup_fake_set_metric(hpcnode_cgroup *fake, const char *path, const char *name,
                                   uint64_t value);

/* Begins or ends an emergency, in which pact may freeze, thaw and kill in workload.slice. */
int hpcnode_cgroup_fake_set_emergency(hpcnode_cgroup *fake, bool lasts);

/* Makes the processes of a live scope unkillable: destroy_scope is KILL_FAILED, and the scope a zombie; or lets
 * those that were killed end. */
int hpcnode_cgroup_fake_set_unkillable(hpcnode_cgroup *fake, const char *scope, bool unkillable);

#ifdef __cplusplus
}
#endif

#endif
