/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether there is hardly any memory left: a twentieth at most. */
#pragma once

#include "macro.h"

/* Of what the cgroup at dir may have, by its memory.high and memory.max; what it has read of files is available, as on
 * the machine. False where neither is set, or there is no memory controller. */
bool memory_is_short(int dir);

/* Of what this machine has, by the text of /proc/meminfo, and by that file. */
bool memory_text_is_short(const char *meminfo);
bool memory_is_short_on_node(void);
