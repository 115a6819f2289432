/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits of memory that a scope meets: what the OOM killer has ended is said at once, that it is slowed down when it
 * is so for some time.
 *
 * The kernel changes memory.events of one that is beyond memory.high a hundred times a second for as long as that
 * lasts. So after an event the file is not watched, but looked at once a second until it stands still. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/record.h"

#include <fcntl.h>
#include <sys/inotify.h>

#define LOOK_USEC USEC_PER_SEC

void scope_take_oom_kills(Scope *s, uint64_t kills)
{
        _cleanup_(freep) char *path = NULL;

        if (kills <= s->oom_kills)
                return;
        s->oom_kills = kills;
        record_oom(s);
        (void) scope_save(s);
        scope_changed(s, "OOMKills");
        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_signal(s->manager->bus, BUS_PATH, BUS_INTERFACE, "ScopeOOM",
                                          "ost", path, s->name, kills);
}

void scope_check_oom(Scope *s)
{
        uint64_t kills;

        if (s->payload_fd >= 0 &&
            cgroup_read_key(s->payload_fd, "memory.events", "oom_kill", &kills) >= 0)
                scope_take_oom_kills(s, kills);
}

static void tell(Scope *s)
{
        uint64_t now = now_boottime_usec();

        if (!scope_is_live(s) ||
            !memory_events_due(&s->memory_seen, &s->memory_told, now, s->memory_told_usec))
                return;
        record_throttle(s);
        s->memory_told = s->memory_seen;
        s->memory_told_usec = now;
        (void) scope_save(s);
}

/* True when something has happened since the last look. The limits, and so the counts of how often they were met,
 * are those of the scope itself; they include its payload's. */
static bool look(Scope *s)
{
        MemoryEvents before = s->memory_seen;
        uint64_t kills = s->oom_kills;

        scope_check_oom(s);
        if (memory_events_read(s->cgroup_fd, &s->memory_seen) < 0)
                return false;
        if (memory_events_equal(&s->memory_seen, &before))
                return s->oom_kills != kills;
        s->pressure.held_usec = now_monotonic_usec();
        return true;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata);

/* Looks again later, instead of waiting for events. */
static int look_later(Scope *s)
{
        int r;

        if (s->memory_look) {
                r = sd_event_source_set_time_relative(s->memory_look, LOOK_USEC);
                if (r >= 0)
                        r = sd_event_source_set_enabled(s->memory_look, SD_EVENT_ONESHOT);
        } else {
                r = sd_event_add_time_relative(s->manager->event, &s->memory_look, CLOCK_MONOTONIC,
                                               LOOK_USEC, 0, on_look, s);
        }
        if (r >= 0) /* a source that is only disabled goes on waking us up */
                s->memory_watch = sd_event_source_disable_unref(s->memory_watch);
        return r;
}

static int on_event(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Scope *s = userdata;

        (void) look(s);
        (void) look_later(s);
        return 0;
}

static int watch(Scope *s)
{
        _cleanup_(closep) int fd = -EBADF;

        fd = openat(s->cgroup_fd, "memory.events", O_PATH | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        return sd_event_add_inotify_fd(s->manager->event, &s->memory_watch, fd, IN_MODIFY, on_event,
                                       s);
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
        Scope *s = userdata;
        bool moves = look(s);

        tell(s);
        /* What has come before it was watched again has no event. */
        if (!moves)
                moves = watch(s) < 0 || look(s);
        if (moves)
                (void) look_later(s);
        else
                s->memory_look = sd_event_source_disable_unref(s->memory_look);
        return 0;
}

int scope_watch_memory(Scope *s)
{
        uint64_t kills = 0;
        int r;

        r = watch(s);
        if (r < 0)
                return r == -ENOENT ? 0 : r; /* no memory controller */
        (void) memory_events_read(s->cgroup_fd, &s->memory_seen);
        (void) cgroup_read_key(s->payload_fd, "memory.events", "oom_kill", &kills);
        /* What an earlier daemon has not said yet. */
        return memory_events_equal(&s->memory_seen, &s->memory_told) && kills <= s->oom_kills
                       ? 0
                       : look_later(s);
}

void scope_unwatch_memory(Scope *s)
{
        s->memory_watch = sd_event_source_disable_unref(s->memory_watch);
        s->memory_look = sd_event_source_disable_unref(s->memory_look);
}
