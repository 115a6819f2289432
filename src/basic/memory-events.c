/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "basic/memory-events.h"

#include "basic/cgroup-file.h"

int memory_events_read(int dir, MemoryEvents *ret)
{
        _cleanup_(freep) char *text = NULL;
        MemoryEvents e;
        int r;

        r = cgroup_read(dir, "memory.events", &text);
        if (r >= 0)
                r = cgroup_text_key(text, "high", &e.high);
        if (r >= 0)
                r = cgroup_text_key(text, "max", &e.max);
        if (r >= 0)
                r = cgroup_text_key(text, "oom", &e.oom);
        if (r < 0)
                return r;

        *ret = e;
        return 0;
}

bool memory_events_equal(const MemoryEvents *a, const MemoryEvents *b)
{
        return a->high == b->high && a->max == b->max && a->oom == b->oom;
}

bool memory_events_due(const MemoryEvents *now, const MemoryEvents *told, uint64_t now_usec,
                       uint64_t told_usec)
{
        bool is_more = now->high > told->high || now->max > told->max || now->oom > told->oom;

        return is_more && (told_usec == 0 || now_usec < told_usec ||
                           now_usec - told_usec >= MEMORY_EVENTS_PAUSE_USEC);
}
