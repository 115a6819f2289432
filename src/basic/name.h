/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of slices, scopes and tasks: what is accepted, the unit it means, and who owns it. */
#pragma once

#include "macro.h"

#define SLICE_PACT     "pact.slice"
#define SLICE_WORKLOAD "workload.slice"

/* 1..NAME_MAX_LENGTH of [A-Za-z0-9_.-], not starting with '.' or '-': scopes, tasks, and the levels
 * that a caller names below workload.slice. */
#define NAME_MAX_LENGTH 128

/* systemd's UNIT_NAME_MAX less its terminating NUL. */
#define UNIT_NAME_MAX_LENGTH 255

typedef enum Owner {
        OWNER_NONE,
        OWNER_PACT,
        OWNER_WORKLOAD,
        _OWNER_MAX,
        _OWNER_INVALID = -EINVAL,
} Owner;

const char *owner_to_string(Owner owner); /* "", "pact", "workload" */
Owner owner_from_string(const char *s);

/* The six slices that the hierarchy consists of, parents first, ending in NULL. */
extern const char *const hierarchy_slices[];

/* Brings a caller's spelling of a slice to its unit name. Accepted: the unit ("pact-gpu.slice"), the
 * shared path form ("pact.slice/gpu.slice", "workload.slice/alloc-42") and the cgroup path
 * ("pact.slice/pact-gpu.slice"), each also with a leading '/' or "/sys/fs/cgroup/". Only slices that
 * have an owner are accepted; below pact.slice only the four that exist.
 * 0, or -EINVAL with a sentence in *ret_reason (owned by the caller), or -ENOMEM. */
int slice_parse(const char *text, char **ret_unit, char **ret_reason);

/* "workload-a-b.slice" → "workload.slice/workload-a.slice/workload-a-b.slice". */
int slice_cgroup_path(const char *unit, char **ret_path);

/* Who owns a cgroup path, a slice in any spelling, or a scope's unit; decided component by component,
 * so "workload.slice-extra", "not-pact.slice/x" and "pactfoo.slice" have no owner. */
Owner path_owner(const char *path);

/* The unit that a cgroup path lies in: its first component below all slices, as systemd counts it, so for what
 * a user's service manager runs that of the manager. -ENOENT if there are only slices, or -ENOMEM. */
int path_unit(const char *path, char **ret_unit);

/* Checks a cgroup path named by a caller and strips "/sys/fs/cgroup" and slashes around it: no empty
 * component, no "." or "..", no control characters, at most PATH_MAX. "" and "/" mean the root.
 * 0, or -EINVAL with *ret_reason. */
int cgroup_path_parse(const char *text, char **ret_path, char **ret_reason);

/* Checks a scope's name; one trailing ".scope" is dropped. 0, or -EINVAL with *ret_reason. */
int scope_name_parse(const char *text, char **ret_name, char **ret_reason);

/* Checks a task's name. It becomes a directory below payload/, so besides the rule above it must not
 * look like one of the kernel's own files there ("cgroup.procs", "memory.max"). */
int task_name_parse(const char *text, char **ret_name, char **ret_reason);

/* The scope's unit: "<slice prefix>-<name>.scope", with "-<instance>" before the suffix from instance
 * 2 on. -EINVAL with *ret_reason if it gets longer than UNIT_NAME_MAX_LENGTH. */
int scope_unit_name(const char *slice_unit, const char *name, unsigned instance, char **ret_unit,
                    char **ret_reason);
