/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often a cgroup has met its limits of memory, and when that is to be said. */
#pragma once

#include "macro.h"

typedef struct MemoryEvents {
        uint64_t high; /* slowed down beyond memory.high */
        uint64_t max;  /* about to exceed memory.max */
        uint64_t oom;  /* and nothing could be reclaimed */
} MemoryEvents;

/* How long nothing more is said of one that goes on meeting them. */
#define MEMORY_EVENTS_PAUSE_USEC (60 * USEC_PER_SEC)

/* From memory.events of the cgroup at dir. -ENOENT without the controller. */
int memory_events_read(int dir, MemoryEvents *ret);

bool memory_events_equal(const MemoryEvents *a, const MemoryEvents *b);

/* Whether they are more than what was told at told_usec (0: never), and that is long enough ago. */
bool memory_events_due(const MemoryEvents *now, const MemoryEvents *told, uint64_t now_usec,
                       uint64_t told_usec);
