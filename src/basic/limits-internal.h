/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of limits.h share among themselves. */
#pragma once

#include "limits.h"

#include <sys/types.h>

#define LIMIT_TEXT_SIZE 160

/* True for amounts of bytes: people write them with suffixes. */
static inline bool limit_is_size(const LimitInfo *info)
{
        return startswith(info->unit, "bytes") != NULL;
}

/* The least and the most that the kernel takes, in cpu.max. */
#define PERIOD_MAX_USEC UINT64_C(1000000)
#define QUOTA_MIN_USEC  UINT64_C(1000)

/* The keys that io.max has for limits of single disks; NULL: none of these. */
extern const char *const limit_io_keys[_LIMIT_MAX];

/* The disks that limits name, by these names, which are borrowed. With room for all of l at first. */
typedef struct DiskNames {
        const char **names;
        dev_t *devs;
        size_t n;
} DiskNames;

int disk_names_init(DiskNames *d, const Limits *l);
void disk_names_done(DiskNames *d);
bool disk_names_has(const DiskNames *d, const char *name);
const char *disk_names_of(const DiskNames *d, dev_t dev); /* NULL: none */
void disk_names_add(DiskNames *d, const char *name, dev_t dev);

/* -EBADMSG for what the kernel does not write. */
int limits_read_cpu_max(int dir, uint64_t *ret_quota, uint64_t *ret_period);

/* The period in which a quota is at least what the kernel takes: this one, or a longer one, as systemd does it. */
uint64_t limit_period_of_quota(uint64_t per_second, uint64_t period);

/* Whether the cgroup of that path is a scope, in which one process is the supervisor. */
bool limits_path_is_scope(const char *path);

/* All cpus, or memory nodes, that there can be on this machine. */
int limits_possible(LimitType t, NumberSet *ret);

/* The part of the allowed range that `value` violates, for a sentence: "at least 1048576 bytes
 * (1 MiB), or infinity", "1 to 10000". */
void limit_format_range(const LimitInfo *info, uint64_t value, char buffer[static LIMIT_TEXT_SIZE]);
