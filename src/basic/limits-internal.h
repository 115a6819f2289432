/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of limits.h share among themselves. */
#pragma once

#include "limits.h"

#define LIMIT_TEXT_SIZE 160

/* True for amounts of bytes: people write them with suffixes. */
static inline bool limit_is_size(const LimitInfo *info)
{
        return startswith(info->unit, "bytes") != NULL;
}

/* systemd's default, and the least and the most that the kernel takes, in cpu.max. */
#define PERIOD_DEFAULT_USEC UINT64_C(100000)
#define PERIOD_MAX_USEC     UINT64_C(1000000)
#define QUOTA_MIN_USEC      UINT64_C(1000)

/* The keys that io.max has for limits of single disks; NULL: none of these. */
extern const char *const limit_io_keys[_LIMIT_MAX];

/* The limits that are given for single disks: lists of them. */
#define FOREACH_LIMIT_OF_DISKS(t) \
        for (LimitType t = LIMIT_IO_READ_BANDWIDTH_MAX; t <= LIMIT_IO_WRITE_IOPS_MAX; t++)

/* -EBADMSG for what the kernel does not write. */
int limits_read_cpu_max(int dir, uint64_t *ret_quota, uint64_t *ret_period);

/* A quota a second as µs in such a period, rounded down, and the least of that which the kernel takes;
 * and the period in which a quota is at least that: this one, or a longer one, as systemd does it. */
uint64_t limit_quota_in_period(uint64_t per_second, uint64_t period);
uint64_t limit_period_of_quota(uint64_t per_second, uint64_t period);

/* Whether the cgroup of that path is a scope, in which one process is the supervisor. */
bool limits_path_is_scope(const char *path);

/* All cpus, or memory nodes, that there can be on this machine. */
int limits_possible(LimitType t, NumberSet *ret);

/* The part of the allowed range that `value` violates, for a sentence: "at least 1048576 bytes
 * (1 MiB), or infinity", "1 to 10000". */
void limit_format_range(const LimitInfo *info, uint64_t value, char buffer[static LIMIT_TEXT_SIZE]);
