/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changing the limits of a live scope: in the unit, and then seen in force. */
#include "daemon/scope.h"

#include "basic/device.h"
#include "basic/reason.h"
#include "daemon/limits-bus.h"
#include "daemon/record.h"

typedef struct LimitsChange {
        Manager *manager;
        char *unit;
        Limits asked, changes, before; /* as the caller says it, and as systemd is told */
        uint32_t device_program;       /* attached before; 0: none */
        Call *call;
} LimitsChange;

static LimitsChange *limits_change_free(LimitsChange *c)
{
        if (!c)
                return NULL;
        limits_done(&c->asked);
        limits_done(&c->changes);
        limits_done(&c->before);
        call_free(c->call);
        free(c->unit);
        free(c);
        return NULL;
}

DEFINE_CLEANUP(LimitsChange *, limits_change_free);

/* Policy and list of devices make one program: who sets one of them sets it to go with the other as the
 * scope has it. */
static int complete_devices(const Scope *s, Limits *l)
{
        static const LimitType devices[] = { LIMIT_DEVICE_POLICY, LIMIT_DEVICE_ALLOW };
        int r = 0;

        if (!l->values[LIMIT_DEVICE_POLICY].is_set && !l->values[LIMIT_DEVICE_ALLOW].is_set)
                return 0;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(devices); i++) {
                Limits other = {}; /* borrowed */

                if (l->values[devices[i]].is_set)
                        continue;
                other.values[devices[i]] = s->limits.values[devices[i]];
                r = limits_merge(l, &other);
        }
        if (r >= 0 && !l->values[LIMIT_DEVICE_POLICY].is_set)
                r = limits_set_word(l, LIMIT_DEVICE_POLICY, "auto", NULL);
        l->values[LIMIT_DEVICE_ALLOW].is_set = true;
        return r;
}

int scope_request_properties(const Scope *s, const Limits *limits, systemd_handler_t handler,
                             void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_(limits_done) Limits complete = {};
        Manager *m = s->manager;
        int r;

        r = limits_copy(limits, &complete);
        if (r >= 0)
                r = complete_devices(s, &complete);
        if (r >= 0)
                r = limits_whole_sets(&complete);
        if (r >= 0)
                r = systemd_message(m, "SetUnitProperties", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "sb", s->unit, 1); /* until the unit goes */
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(sv)");
        if (r >= 0)
                r = limits_append_properties(message, &complete);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r
                     : systemd_call(m, message, false, m->config.unit_timeout_usec, handler,
                                    userdata, NULL);
}

/* As systemd says "not set". */
static uint64_t unset_number(LimitType t)
{
        return t == LIMIT_MEMORY_LOW || t == LIMIT_MEMORY_MIN ? 0 : UINT64_MAX;
}

/* systemd keeps limits of disks that it is not told of, and the last one of a disk counts, by whatever name. */
static int previous_disks(LimitType t, const Limit *before, const Limit *change, Limits *ret)
{
        _cleanup_(freep) char *reason = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < change->n_pairs; i++)
                r = limits_add_device(ret, t, change->pairs[i].name, UINT64_MAX, &reason);
        for (size_t i = 0; r >= 0 && i < before->n_pairs; i++)
                r = limits_add_device(ret, t, before->pairs[i].name, before->pairs[i].number,
                                      &reason);
        return r;
}

/* What the unit had before, for the limits that are being changed. */
static int previous_limits(const LimitsChange *c, Limits *ret)
{
        _cleanup_(limits_done) Limits before = {}, disks = {};
        _cleanup_(freep) char *reason = NULL;
        const Limits *changes = &c->changes;
        int r;

        r = limits_copy(&c->before, &before);
        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++) {
                if (limit_table[t].kind == LIMIT_KIND_DEVICES && changes->values[t].is_set)
                        r = previous_disks(t, &before.values[t], &changes->values[t], &disks);
                if (r < 0 || changes->values[t].is_set == before.values[t].is_set)
                        continue;
                if (before.values[t].is_set)
                        before.values[t].is_set = false; /* not touched by the change */
                else if (limit_table[t].kind == LIMIT_KIND_NUMBER)
                        before.values[t] = (Limit){ .is_set = true, .number = unset_number(t) };
                else if (t == LIMIT_DEVICE_POLICY)
                        r = limits_set_word(&before, t, "auto", &reason);
                else if (t == LIMIT_DEVICE_ALLOW || limit_table[t].kind == LIMIT_KIND_SET)
                        before.values[t].is_set = true; /* the empty one */
        }
        if (r >= 0)
                r = limits_merge(&before, &disks);
        if (r < 0)
                return r;
        *ret = before;
        before = (Limits){};
        return 0;
}

/* Where systemd could not load the new program, the old one goes on with the old list. */
static int verify_device_program(const Scope *s, const LimitsChange *c, char **ret_reason)
{
        uint32_t id;

        if (!c->changes.values[LIMIT_DEVICE_POLICY].is_set &&
            !c->changes.values[LIMIT_DEVICE_ALLOW].is_set)
                return 0;
        if (device_program_find(s->cgroup_fd, &id) < 0 || id != c->device_program)
                return 0;
        return reason_set(-ESTALE, ret_reason,
                          "the devices are not in force: the device program is the one that it had "
                          "before; the journal may say why systemd could not replace it");
}

const char *scope_limits_hint(const Scope *s)
{
        return s->manager->user
                       ? " (a user's service manager has the controllers that Delegate= of "
                         "user@.service gives it, and cannot limit devices)"
                       : "";
}

static int verify(Scope *s, const LimitsChange *c, sd_bus_error *error)
{
        char *reason = NULL;
        int r;

        r = limits_verify(&c->changes, s->cgroup_fd, &reason);
        if (r >= 0)
                r = verify_device_program(s, c, &reason);
        if (r >= 0)
                r = limits_write_payload(&c->changes, s->payload_fd, &reason);
        if (r < 0) {
                _cleanup_(freep) char *owned = reason;

                return error_set(error, ERROR_IO, "%s: %s%s; the limits are as before", s->path,
                                 owned ?: strerror(-r), scope_limits_hint(s));
        }
        return 0;
}

static void on_set(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        _cleanup_(limits_change_freep) LimitsChange *c = userdata;
        Scope *s = scope_by_unit(c->manager, c->unit);
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
        _cleanup_(limits_done) Limits before = {};

        if (s && c->changes.values[LIMIT_CPU_WEIGHT].is_set && s->pressure.n_weights_wanted > 0)
                s->pressure.n_weights_wanted--;
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
        r = verify(s, c, &ours);
        if (r < 0) {
                if (previous_limits(c, &before) >= 0)
                        (void) scope_request_properties(s, &before, NULL, NULL);
                call_fail(TAKE_PTR(c->call), r, &ours);
                return;
        }
        record_limits(s, NULL, &c->asked, c->call);
        r = limits_align_disks(&s->limits, &c->changes, NULL);
        if (r >= 0)
                r = limits_merge(&s->limits, &c->changes);
        if (c->changes.values[LIMIT_CPU_WEIGHT].is_set)
                pressure_on_weight_set(s);
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

static int check_merged(const Scope *s, const Limits *changes, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits merged = {};
        char *reason = NULL;
        int r;

        r = limits_check_merged(&s->limits, changes, &merged, &reason);
        return r < 0 ? error_set_reason(error, ERROR_INVALID_ARGS, r, reason) : 0;
}

static int prepare(const Scope *s, Limits *changes, LimitsChange *c)
{
        int r;

        c->manager = s->manager;
        c->unit = strdup(s->unit);
        if (!c->unit)
                return -ENOMEM;
        c->asked = *changes;
        *changes = (Limits){};
        r = limits_copy(&c->asked, &c->changes);
        if (r >= 0)
                r = limits_copy(&s->limits, &c->before);
        if (r >= 0)
                r = limits_align_disks(&c->before, &c->changes, NULL);
        if (r >= 0)
                r = limits_take_in_force(&c->before, s->cgroup_fd);
        (void) device_program_find(s->cgroup_fd, &c->device_program);
        return r;
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
        r = prepare(s, changes, c);
        if (r >= 0)
                r = scope_request_properties(s, &c->changes, on_set, c);
        if (r < 0)
                return r;
        s->pressure.n_weights_wanted += c->changes.values[LIMIT_CPU_WEIGHT].is_set;
        c->call = call;
        TAKE_PTR(c);
        return 0;
}
