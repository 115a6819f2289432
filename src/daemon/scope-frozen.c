/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scope that systemd has frozen (`systemctl freeze` of the unit or of a slice above it): its supervisor
 * stands still, too, and can do nothing before systemd thaws it. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <sys/inotify.h>

/* Its cgroup is never frozen by us. */
bool scope_is_frozen_by_systemd(const Scope *s)
{
        _cleanup_(closep) int fd = -EBADF;

        if (s->cgroup_fd < 0)
                return false;
        fd = cgroup_open(s->cgroup_fd, "supervisor");
        return fd >= 0 && cgroup_frozen(fd) > 0;
}

/* The first unit on the way to the scope that systemd was told to freeze; owned by the caller. As it was
 * set: what is so is not to be known while processes are being killed. */
static char *frozen_unit(const Scope *s)
{
        _cleanup_(freep) char *path = strdup(s->path + 1);
        char *unit = path;

        while (unit) {
                _cleanup_(closep) int fd = -EBADF;
                char *slash = strchr(unit, '/');
                uint64_t freeze;

                if (slash)
                        *slash = '\0';
                fd = cgroup_open(s->manager->cgroup_fd, path);
                if (fd >= 0 && cgroup_read_u64(fd, "cgroup.freeze", &freeze) >= 0 && freeze == 1)
                        return strdup(unit);
                if (slash)
                        *slash++ = '/';
                unit = slash;
        }
        return NULL;
}

ScopeState scope_live_state(const Scope *s)
{
        return s->frozen_by || s->frozen_by_systemd ? SCOPE_FROZEN : SCOPE_ACTIVE;
}

static void check(Scope *s)
{
        bool frozen = scope_is_frozen_by_systemd(s);

        if (!scope_is_live(s) || frozen == s->frozen_by_systemd)
                return;
        s->frozen_by_systemd = frozen;
        log_info("%s was %s by systemd", s->unit,
                 frozen ? "frozen, with its supervisor," : "thawed");
        scope_set_state(s, scope_live_state(s));
        scope_record_freezes(s, NULL);
        (void) scope_save(s);
        scope_changed(s, "FrozenBy");
}

static int on_events(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        check(userdata);
        return 0;
}

int scope_watch_freezes(Scope *s)
{
        _cleanup_(closep) int fd = -EBADF;

        s->frozen_by_systemd = scope_is_frozen_by_systemd(s);
        fd = openat(s->cgroup_fd, "supervisor/cgroup.events", O_PATH | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno; /* there is no supervisor */
        return sd_event_add_inotify_fd(s->manager->event, &s->freeze_watch, fd, IN_MODIFY,
                                       on_events, s);
}

int scope_refuse_frozen(const Scope *s, sd_bus_error *error)
{
        _cleanup_(freep) char *unit = NULL;

        if (!scope_is_frozen_by_systemd(s))
                return 0;
        unit = frozen_unit(s);
        return error_set(error, ERROR_IO,
                         "%s: systemd has frozen the unit, and its supervisor with it; `systemctl "
                         "thaw %s` thaws it",
                         s->unit, unit ?: s->unit);
}

void scope_thaw_to_end(Scope *s)
{
        _cleanup_(freep) char *unit = NULL;

        if (!scope_is_frozen_by_systemd(s))
                return;
        unit = frozen_unit(s);
        /* PID 1 does not thaw a unit below a frozen slice, or thaws the slice as well. Then how the tasks
         * ended stays unknown. */
        if (!unit || !streq(unit, s->unit))
                (void) cgroup_kill(s->cgroup_fd);
        else
                systemd_call_forget(s->manager, "ThawUnit", s->unit, NULL);
}
