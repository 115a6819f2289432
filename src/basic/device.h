/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device nodes and classes: what a device policy may name, and whether one is in force. */
#pragma once

#include "macro.h"
#include <sys/types.h>

/* "254:0", digits only, as far as the kernel's device numbers go. */
bool device_number_parse(const char *s, dev_t *ret);

/* Kind (S_IFCHR or S_IFBLK) and number of a device node below /dev. Links are followed as far as they
 * stay on its file system. "/dev/char/MAJ:MIN" and "/dev/block/MAJ:MIN" are taken by their text, as
 * systemd takes them, whether or not there is such a node. -ENODEV: something else than a device node;
 * -EXDEV: it leads out of /dev. */
int device_node_find(const char *path, mode_t *ret_kind, dev_t *ret_number);

/* 0 when "char-CLASS" or "block-CLASS" names a driver that is loaded: a name of /proc/devices (with
 * wildcards), a major number, or all ("*"). -ENOENT when it names none. */
int device_class_check(const char *name);
int device_class_check_in(const char *proc_devices, const char *name);

/* A device as systemd is told: a node by its number ("/dev/char/195:0"), so that nobody looks at its
 * path again, a class as it is. *ret is owned by the caller. */
int device_systemd_name(const char *name, char **ret);

/* The newest of the BPF programs that decide about devices and are attached to the cgroup at dir itself.
 * -ENOENT when there is none, so that nothing is restricted here. */
int device_program_find(int dir, uint32_t *ret_id);
