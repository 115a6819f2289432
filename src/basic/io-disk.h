/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which whole disks there are, and which one a path lies on: what io.max needs to know. */
#pragma once

#include "macro.h"
#include <sys/types.h>

/* The device nodes of all whole disks: the entries of /sys/block with a `device` link (no loop,
 * ram, zram, dm, md) that are not hidden (the paths below a multipath NVMe disk). Sorted, ends in
 * NULL; the array and each string are owned by the caller. */
int io_whole_disks(char ***ret);

/* The same from another directory than /sys/block. */
int io_whole_disks_in(const char *sys_block, char ***ret);

/* Returns NULL. */
char **io_disks_free(char **disks);
DEFINE_CLEANUP(char **, io_disks_free);

/* The whole disk that systemd means by a path in IOReadBandwidthMax= and its like: the block device
 * itself or the one the path's file system is on, followed down through device mapper and from a
 * partition to its disk. A path outside /dev may not lead over symbolic links or to a file system
 * without a block device: looking at it could hang on a server that does not answer.
 * 0, or negative errno with a sentence in *ret_reason (owned by the caller). */
int io_disk_of_path(const char *path, dev_t *ret, char **ret_reason);
