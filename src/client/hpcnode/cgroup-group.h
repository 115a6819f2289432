/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The group guard: scopes that go with a block of the program that made them.
 *
 *         _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(ops);
 *
 *         if (!group || hpcnode_group_add(group, "workload.slice/alloc-42", "0-3") < 0)
 *                 return -1;
 *
 * A group owns each scope from the moment it exists, so also when the cpuset that it was to get cannot be
 * set. When it is freed, the scopes go in the reverse order of their creation, with all that runs in them. */
#ifndef HPCNODE_CGROUP_GROUP_H
#define HPCNODE_CGROUP_GROUP_H

#include <hpcnode/cgroup.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hpcnode_group hpcnode_group;

/* An empty group, whose scopes are made by `ops`, a handle of any kind, which has to outlive it. NULL when out of
 * memory or ops is NULL. */
hpcnode_group *hpcnode_group_new(hpcnode_cgroup *ops);

/* Creates a scope, and binds it to cpus ("0-3,8"). `name` is SLICE/NAME, the slice in any spelling, or a NAME in
 * workload.slice; to <hpcnode/cgroup.h> the scope is NAME, without the slice. 0, or a negative errno, and
 * hpcnode_group_error() has the sentence. When only the cpuset fails, the scope is there, empty, and the group owns it:
 * it is among hpcnode_group_names(), and adding it again is HPCNODE_CGROUP_ERROR_ALREADY_EXISTS. A scope that somebody
 * else has made never becomes the group's.
 *
 * When it is not known whether the scope was created (HPCNODE_CGROUP_ERROR_TIMED_OUT, or a connection that broke), it
 * counts as not added. If it turns out to be there when the group is freed, is younger than the request and empty, it
 * is destroyed all the same. */
int hpcnode_group_add(hpcnode_group *group, const char *name, const char *cpuset);

/* The same without the second step: the scope may use all cpus of its slice. */
int hpcnode_group_add_without_cpuset(hpcnode_group *group, const char *name);

/* Why the last _add failed; its code is NONE when it did not. Never NULL; of the group. */
const hpcnode_cgroup_error *hpcnode_group_error(const hpcnode_group *group);

/* What the group owns, in the order of creation, as it was given to _add: NULL-terminated, of the group, valid
 * until the next call on it. Never NULL but for a group that is NULL. */
const char *const *hpcnode_group_names(const hpcnode_group *group);

/* Gives up a scope (as it was given to _add, or its unit), which then stays when the group is freed; NULL: all of them.
 * 0, or -ENOENT when the group owns none of that name. */
int hpcnode_group_forget(hpcnode_group *group, const char *name);

/* Destroys what the group owns, in the reverse order of creation, and frees it. This never fails, nor changes errno: a
 * scope that has gone already is passed over in silence, and what cannot be destroyed is logged, one line for each, with
 * the name as it was given to _add, the error's name (or that of the errno where an implementation has no code) and its
 * sentence:
 *
 *   warning: cannot destroy NAME: ERROR: SENTENCE
 *
 * followed for KillFailed, NotEmpty, ScopeZombie and EBUSY by
 *
 *   ; hint: it has live tasks, which were not ended before the teardown
 *
 * and for PermissionDenied, EmergencyRequired, EACCES and EPERM by
 *
 *   ; hint: its slice has another owner, or is not delegated to this program, see: hpcnode-ctl whoami
 *
 * A daemon that does not answer (25 s) is asked for one scope only, and those that are left are logged at once. In a
 * child of fork() only memory is freed: the scopes are the parent's. Takes NULL and returns NULL. */
hpcnode_group *hpcnode_group_free(hpcnode_group *group);

/* For _hpcnode_group_cleanup_: frees *group and sets it to NULL. */
void hpcnode_group_freep(hpcnode_group **group);

#define _hpcnode_group_cleanup_ __attribute__((cleanup(hpcnode_group_freep)))

/* Called with each line that the guard logs, without a newline and control characters, at most 4094 bytes long, instead
 * of its being written to stderr with one write(); NULL: stderr again. One for the whole program, not to be changed while
 * other threads use groups. */
typedef void (*hpcnode_group_logger)(const char *line, void *userdata);
void hpcnode_group_set_logger(hpcnode_group_logger logger, void *userdata);

#ifdef __cplusplus
}
#endif

#endif
