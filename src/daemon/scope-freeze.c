/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Freezing and thawing: payload or one leaf, answered when the kernel says that it is done. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "daemon/emergency.h"
#include "daemon/log.h"
#include "daemon/record.h"

#include <fcntl.h>
#include <sys/inotify.h>

/* A process in uninterruptible sleep cannot be frozen: the caller is told then. */
#define FREEZE_TIMEOUT_USEC (10 * USEC_PER_SEC)

static int record_before(const Call *call, const Scope *s, const char *task, bool freeze,
                         sd_bus_error *error)
{
        return emergency_record_act(call, freeze ? EVENT_EMERGENCY_FREEZE : EVENT_EMERGENCY_THAW, s,
                                    task, 0, error);
}

/* --- the whole scope --- */

void scope_record_freezes(Scope *s, const Call *call)
{
        unsigned now =
                (s->frozen_by ? FREEZE_OURS : 0) | (s->frozen_by_systemd ? FREEZE_SYSTEMDS : 0);
        unsigned changed = now ^ s->freezes_recorded;

        if (changed & FREEZE_OURS)
                record_freeze(s, NULL, now & FREEZE_OURS, call);
        if (changed & FREEZE_SYSTEMDS)
                record_systemd_freeze(s);
        s->freezes_recorded = now;
}

void scope_check_freezers(Scope *s)
{
        int frozen;

        if (TAILQ_EMPTY(&s->freezers) && !s->freeze_pending)
                return;
        frozen = s->payload_fd < 0 ? -ENOENT : cgroup_frozen(s->payload_fd);
        if (frozen != (s->frozen_by != 0))
                return;
        s->freeze_deadline = sd_event_source_disable_unref(s->freeze_deadline);
        s->freeze_pending = false;
        scope_record_freezes(s, TAILQ_FIRST(&s->freezers));
        if (!s->release)
                scope_set_state(s, scope_live_state(s));
        (void) scope_save(s);
        scope_changed(s, "FrozenBy");
        calls_reply_empty(&s->freezers);
}

void scope_restore_freeze(Scope *s)
{
        uint64_t frozen;

        if (s->payload_fd < 0 || cgroup_read_u64(s->payload_fd, "cgroup.freeze", &frozen) < 0 ||
            (frozen != 0) == (s->frozen_by != 0))
                return;
        log_info("%s: %s as an earlier daemon was about to", s->unit,
                 s->frozen_by ? "frozen" : "thawed");
        (void) cgroup_write(s->payload_fd, "cgroup.freeze", s->frozen_by ? "1" : "0");
}

static int on_scope_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Scope *s = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        s->freeze_deadline = sd_event_source_disable_unref(s->freeze_deadline);
        if (s->frozen_by) {
                s->frozen_by &= FROZEN_BY_PRESSURE; /* which has nothing against a while */
                if (!s->frozen_by)
                        (void) cgroup_write(s->payload_fd, "cgroup.freeze", "0");
                (void) scope_save(s);
        }
        error_set(&error, ERROR_IO,
                  "%s/payload: not frozen after %u s, and %s: one of its processes sleeps "
                  "uninterruptibly",
                  s->path, (unsigned) (FREEZE_TIMEOUT_USEC / USEC_PER_SEC),
                  s->frozen_by ? "frozen for pressure alone when it can be" : "thawed again");
        calls_fail(&s->freezers, 0, &error);
        return 0;
}

/* Before the kernel is told, so that a daemon that starts anew knows what was wanted. */
static int save_wanted(Scope *s, unsigned wanted, sd_bus_error *error)
{
        unsigned was = s->frozen_by;
        int r;

        if (wanted == was)
                return 0;
        s->frozen_by = wanted;
        r = scope_save(s);
        if (r >= 0)
                return 0;
        s->frozen_by = was;
        return error_set(error, ERROR_IO,
                         "%s is not %s, since that cannot be saved below %s: %s; make room there, "
                         "and do it again",
                         s->name, wanted ? "frozen" : "thawed", s->manager->runtime_path,
                         strerror(-r));
}

/* The kernel did not take it. */
static void forget_wanted(Scope *s, unsigned was)
{
        s->frozen_by = was;
        (void) scope_save(s);
        if (TAILQ_EMPTY(&s->freezers))
                s->freeze_deadline = sd_event_source_disable_unref(s->freeze_deadline);
}

static int begin_freezing(Scope *s, sd_bus_error *error)
{
        int r = 0;

        if (!s->freeze_deadline)
                r = sd_event_add_time_relative(s->manager->event, &s->freeze_deadline,
                                               CLOCK_MONOTONIC, FREEZE_TIMEOUT_USEC, 0,
                                               on_scope_deadline, s);
        if (r >= 0)
                r = cgroup_write(s->payload_fd, "cgroup.freeze", s->frozen_by ? "1" : "0");
        if (r >= 0)
                return 0;
        return error_set(error, ERROR_IO, "%s/payload/cgroup.freeze: %s (errno %d)", s->path,
                         strerror(-r), -r);
}

/* Whoever waits for the opposite of what is wanted now. */
static void overtake(Scope *s, unsigned was)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if ((s->frozen_by != 0) == (was != 0))
                return;
        error_set(&error, ERROR_IO, "%s was %s meanwhile", s->name,
                  s->frozen_by ? "frozen again" : "thawed");
        calls_fail(&s->freezers, 0, &error);
}

int scope_freeze_for_pressure(Scope *s, bool freeze)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        unsigned was = s->frozen_by;
        int r;

        r = save_wanted(s, freeze ? was | FROZEN_BY_PRESSURE : was & ~FROZEN_BY_PRESSURE, &error);
        fault_point(FAULT_PRESSURE_SAVED);
        if (r >= 0)
                r = cgroup_write(s->payload_fd, "cgroup.freeze", s->frozen_by ? "1" : "0");
        if (r < 0) {
                forget_wanted(s, was);
                return r;
        }
        fault_point(FAULT_PRESSURE_DONE);
        overtake(s, was);
        s->freeze_pending = true;
        scope_check_freezers(s);
        return 0;
}

void scope_freeze(Scope *s, bool freeze, Call *call)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        unsigned was = s->frozen_by;
        unsigned by = call->by_emergency ? FROZEN_BY_EMERGENCY : FROZEN_BY_CLIENT;
        unsigned wanted = freeze ? was | by : 0; /* a thaw clears all: it would not be one */
        int r;

        if (!scope_is_live(s)) {
                error_set(&error, ERROR_NOT_FOUND, "%s is %s: it cannot be %s", s->name,
                          scope_state_name(s), freeze ? "frozen" : "thawed");
                call_fail(call, 0, &error);
                return;
        }
        r = record_before(call, s, NULL, freeze, &error);
        if (r >= 0)
                r = save_wanted(s, wanted, &error);
        if (r >= 0) {
                r = begin_freezing(s, &error);
                if (r < 0)
                        forget_wanted(s, was);
        }
        if (r < 0) {
                call_fail(call, r, &error);
                return;
        }
        overtake(s, was);
        if (!wanted && scope_refuse_frozen(s, &error) < 0) {
                scope_record_freezes(s, call);
                (void) scope_save(s);
                scope_changed(s, "FrozenBy");
                call_fail(call, 0, &error);
                return;
        }
        TAILQ_INSERT_TAIL(&s->freezers, call, waiters);
        scope_check_freezers(s);
}

/* --- one task: its leaf --- */

typedef struct TaskFreeze {
        char *unit, *task, *path;
        int leaf_fd;
        bool freeze;
        Call *call;
        sd_event_source *watch, *deadline;
} TaskFreeze;

static TaskFreeze *task_freeze_free(TaskFreeze *f)
{
        if (!f)
                return NULL;
        sd_event_source_disable_unref(f->watch);
        sd_event_source_disable_unref(f->deadline);
        safe_close(f->leaf_fd);
        call_free(f->call);
        free(f->unit);
        free(f->task);
        free(f->path);
        free(f);
        return NULL;
}

DEFINE_CLEANUP(TaskFreeze *, task_freeze_free);

/* 1 when the call was answered. */
static int task_freeze_check(TaskFreeze *f)
{
        Scope *s;

        if (cgroup_frozen(f->leaf_fd) != f->freeze)
                return 0;
        /* Tasks besides main have no records. */
        s = streq(f->task, TASK_MAIN) ? scope_by_unit(f->call->manager, f->unit) : NULL;
        if (s)
                record_freeze(s, f->task, f->freeze, f->call);
        call_reply(TAKE_PTR(f->call), "");
        return 1;
}

static int on_leaf_event(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        if (task_freeze_check(userdata))
                task_freeze_free(userdata);
        return 0;
}

static int on_leaf_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(task_freeze_freep) TaskFreeze *f = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (f->freeze)
                (void) cgroup_write(f->leaf_fd, "cgroup.freeze", "0");
        error_set(&error, ERROR_IO, "%s: not %s after %u s", f->path,
                  f->freeze ? "frozen" : "thawed", (unsigned) (FREEZE_TIMEOUT_USEC / USEC_PER_SEC));
        call_fail(TAKE_PTR(f->call), 0, &error);
        return 0;
}

static int task_freeze_begin(TaskFreeze *f, sd_event *event)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        fd = openat(f->leaf_fd, "cgroup.events", O_PATH | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        r = sd_event_add_inotify_fd(event, &f->watch, fd, IN_MODIFY, on_leaf_event, f);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &f->deadline, CLOCK_MONOTONIC,
                                               FREEZE_TIMEOUT_USEC, 0, on_leaf_deadline, f);
        return r < 0 ? r : cgroup_write(f->leaf_fd, "cgroup.freeze", f->freeze ? "1" : "0");
}

/* Below a cgroup that is frozen nothing is seen to thaw. */
static int refuse_below_frozen(const Scope *s, const Task *t, sd_bus_error *error)
{
        if (!s->frozen_by && !s->frozen_by_systemd)
                return 0;
        return error_set(error, ERROR_IO,
                         "%s/%s: the whole scope is frozen; thaw %s first, and then the task if it "
                         "still is",
                         s->name, t->name, s->name);
}

void task_freeze(Task *t, bool freeze, Call *call)
{
        Scope *s = t->scope;
        _cleanup_(task_freeze_freep) TaskFreeze *f = calloc(1, sizeof *f);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (f)
                f->leaf_fd = -EBADF;
        if (!f || asprintf(&f->path, "%s/payload/%s", s->path, t->name) < 0) {
                call_fail(call, -ENOMEM, NULL);
                return;
        }
        f->call = call;
        f->unit = strdup(s->unit);
        f->task = strdup(t->name);
        if (!f->unit || !f->task) {
                call_fail(TAKE_PTR(f->call), -ENOMEM, NULL);
                return;
        }
        f->freeze = freeze;
        r = freeze ? 0 : refuse_below_frozen(s, t, &error);
        if (r < 0) {
                call_fail(TAKE_PTR(f->call), r, &error);
                return;
        }
        t->may_be_frozen = true;
        f->leaf_fd = cgroup_open(s->payload_fd, t->name);
        r = record_before(call, s, t->name, freeze, &error);
        if (r < 0) {
                call_fail(TAKE_PTR(f->call), r, &error);
                return;
        }
        r = f->leaf_fd < 0 ? f->leaf_fd : task_freeze_begin(f, s->manager->event);
        if (r < 0) {
                error_set(&error, r == -ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "%s: %s (errno %d)",
                          f->path, strerror(-r), -r);
                call_fail(TAKE_PTR(f->call), 0, &error);
                return;
        }
        if (!task_freeze_check(f))
                TAKE_PTR(f); /* its event sources own it now */
}
