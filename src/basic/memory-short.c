/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "basic/memory-short.h"

#include "basic/cgroup-file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define SHORT_PART 20

static bool is_short(uint64_t available, uint64_t total)
{
        return total > 0 && available <= total / SHORT_PART;
}

/* At least 0. */
static uint64_t difference(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

static uint64_t file_cache(int dir)
{
        static const char *const keys[] = { "active_file", "inactive_file" };
        _cleanup_(freep) char *text = NULL;
        uint64_t bytes, sum = 0;

        if (cgroup_read(dir, "memory.stat", &text) < 0)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (cgroup_text_key(text, keys[i], &bytes) >= 0)
                        sum += bytes;
        return sum;
}

bool memory_is_short(int dir)
{
        static const char *const files[] = { "memory.high", "memory.max" };
        uint64_t current, limit, lowest = UINT64_MAX;

        if (cgroup_read_u64(dir, "memory.current", &current) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (cgroup_read_u64(dir, files[i], &limit) >= 0 && limit < lowest)
                        lowest = limit;
        if (lowest == UINT64_MAX)
                return false;
        return is_short(difference(lowest, current), lowest) &&
               is_short(difference(lowest, difference(current, file_cache(dir))), lowest);
}

/* "MemTotal:       2028028 kB" */
static int read_line(const char *meminfo, const char *key, uint64_t *ret)
{
        const char *line = strstr(meminfo, key);

        return line && sscanf(line + strlen(key), " %" SCNu64 " kB", ret) == 1 ? 0 : -EBADMSG;
}

bool memory_text_is_short(const char *meminfo)
{
        uint64_t available, total;

        return read_line(meminfo, "MemTotal:", &total) >= 0 &&
               read_line(meminfo, "MemAvailable:", &available) >= 0 && is_short(available, total);
}

bool memory_is_short_on_node(void)
{
        _cleanup_(freep) char *text = NULL;

        return cgroup_read(AT_FDCWD, "/proc/meminfo", &text) >= 0 && memory_text_is_short(text);
}
