/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cpus and memory nodes that this machine has. */
#pragma once

#include "size.h"

#define SYS_DEVICES "/sys/devices/system"

/* The cpus that are online; with `sys` for SYS_DEVICES, or what stands for it. */
int topology_cpus(const char *sys, NumberSet *ret);

/* The NUMA nodes that have memory. A kernel without NUMA has all of it on node 0. */
int topology_memory_nodes(const char *sys, NumberSet *ret);

/* All numbers that cpus, and NUMA nodes, can ever have here, with those that may yet be plugged in. */
int topology_possible_cpus(const char *sys, NumberSet *ret);
int topology_possible_nodes(const char *sys, NumberSet *ret);

/* The cpus of these NUMA nodes together. Each has to have cpus and memory of its own: -EINVAL with a
 * sentence in *ret_reason (owned by the caller) when one is not there or has not. */
int topology_cpus_of_nodes(const char *sys, const NumberSet *nodes, NumberSet *ret,
                           char **ret_reason);
