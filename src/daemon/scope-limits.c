/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing the limits of a live scope: in the unit, and then seen in force. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/limits-bus.h"
#include "daemon/record.h"

typedef struct LimitsChange {
        Manager *manager;
        char *unit;
        Limits changes;
        Call *call;
} LimitsChange;

static LimitsChange *limits_change_free(LimitsChange *c)
{
        if (!c)
                return NULL;
        limits_done(&c->changes);
        call_free(c->call);
        free(c->unit);
        free(c);
        return NULL;
}

DEFINE_CLEANUP(LimitsChange *, limits_change_free);

static int request_properties(Manager *m, const char *unit, const Limits *limits,
                              systemd_handler_t handler, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(m, "SetUnitProperties", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "sb", unit, 1); /* until the unit goes */
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(sv)");
        if (r >= 0)
                r = limits_append_properties(message, limits);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r
                     : systemd_call(m, message, false, m->config.unit_timeout_usec, handler,
                                    userdata, NULL);
}

/* What the unit had before, for the limits that are being changed. */
static int previous_limits(const Scope *s, const Limits *changes, Limits *ret)
{
        _cleanup_(limits_done) Limits before = {};
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = limits_copy(&s->limits, &before);
        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++) {
                if (changes->values[t].is_set == before.values[t].is_set)
                        continue;
                if (before.values[t].is_set)
                        before.values[t].is_set = false; /* not touched by the change */
                else if (limit_table[t].unlimited)
                        r = limits_set_number(&before, t, UINT64_MAX, &reason);
        }
        if (r < 0)
                return r;
        *ret = before;
        before = (Limits){};
        return 0;
}

static int verify(Scope *s, const Limits *changes, sd_bus_error *error)
{
        const Limit *tasks = &changes->values[LIMIT_TASKS_MAX];
        char *reason = NULL;
        int r;

        r = limits_verify(changes, s->cgroup_fd, &reason);
        if (r < 0) {
                _cleanup_(freep) char *owned = reason;

                return error_set(error, ERROR_IO, "%s: %s; the limits are as before", s->path,
                                 owned ?: strerror(-r));
        }
        if (!tasks->is_set)
                return 0;
        r = cgroup_write_u64(s->payload_fd, "pids.max", tasks->number);
        return r < 0 ? error_set(error, ERROR_IO, "%s/payload/pids.max: %s (errno %d)", s->path,
                                 strerror(-r), -r)
                     : 0;
}

static void on_set(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        _cleanup_(limits_change_freep) LimitsChange *c = userdata;
        Scope *s = scope_by_unit(c->manager, c->unit);
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
        _cleanup_(limits_done) Limits before = {};

        if (!s || !scope_is_live(s)) {
                error_set(&ours, ERROR_NOT_FOUND, "%s has ended meanwhile", c->unit);
                call_fail(TAKE_PTR(c->call), 0, &ours);
                return;
        }
        if (r < 0) {
                error_set(&ours, ERROR_IO, "%s: systemd refused the limits: %s", c->unit,
                          error->message ?: strerror(-r));
                call_fail(TAKE_PTR(c->call), 0, &ours);
                return;
        }
        r = verify(s, &c->changes, &ours);
        if (r < 0) {
                if (previous_limits(s, &c->changes, &before) >= 0)
                        (void) request_properties(c->manager, c->unit, &before, NULL, NULL);
                call_fail(TAKE_PTR(c->call), r, &ours);
                return;
        }
        record_limits(s, &c->changes, c->call);
        r = limits_merge(&s->limits, &c->changes);
        if (r >= 0)
                r = scope_save(s);
        scope_changed(s, "Limits");
        if (r < 0) {
                error_set(&ours, ERROR_IO,
                          "%s has the limits, but they cannot be saved below %s: %s; make room "
                          "there, and set them again",
                          s->name, s->manager->runtime_path, strerror(-r));
                call_fail(TAKE_PTR(c->call), 0, &ours);
        } else {
                call_reply(TAKE_PTR(c->call), "");
        }
}

/* Limits that are fine each may not go together with those that the scope has. */
static int check_merged(const Scope *s, const Limits *changes, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits merged = {};
        char *reason = NULL;
        int r;

        r = limits_copy(&s->limits, &merged);
        if (r >= 0)
                r = limits_merge(&merged, changes);
        if (r >= 0)
                r = limits_check(&merged, &reason);
        return r < 0 ? error_set_reason(error, ERROR_INVALID_ARGS, r, reason) : 0;
}

int scope_set_limits(Scope *s, Limits *changes, Call *call, sd_bus_error *error)
{
        _cleanup_(limits_change_freep) LimitsChange *c = NULL;
        int r;

        if (!scope_is_live(s))
                return error_set(error, ERROR_NOT_FOUND, "%s is %s: it has no limits to change",
                                 s->name, scope_state_name(s));
        if (!limits_any(changes))
                return error_set(error, ERROR_INVALID_ARGS, "no limit is given");
        r = check_merged(s, changes, error);
        if (r < 0)
                return r;
        c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        c->manager = s->manager;
        c->unit = strdup(s->unit);
        if (!c->unit)
                return -ENOMEM;
        c->changes = *changes;
        *changes = (Limits){};
        r = request_properties(s->manager, s->unit, &c->changes, on_set, c);
        if (r < 0)
                return r;
        c->call = call;
        TAKE_PTR(c);
        return 0;
}
