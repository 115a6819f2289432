/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.hpcnode.Cgroup1: methods, signals and properties of the emergency. */
#include "basic/line.h"
#include "daemon/emergency.h"
#include "daemon/manager-bus.h"

/* --- methods --- */

static int declare_emergency(Call *call, sd_bus_error *error)
{
        _cleanup_(freep) char *why = NULL;
        const char *reason;
        uint64_t duration;
        int r;

        if (call->manager->user)
                return error_set(error, ERROR_PERMISSION_DENIED,
                                 "a user's own daemon has no emergency: there is no pact in it");
        r = sd_bus_message_read(call->message, "st", &reason, &duration);
        if (r >= 0)
                r = call_authorize(call, ACT_EMERGENCY, NULL, NULL, error);
        if (r != 0)
                return r;
        r = line_check(reason, &why);
        if (r < 0)
                return r == -ENOMEM ? r
                                    : error_set(error, ERROR_INVALID_ARGS, "the reason %s", why);
        if (duration != 0 && (duration < EMERGENCY_USEC_MIN || duration > EMERGENCY_USEC_MAX))
                return error_set(error, ERROR_INVALID_ARGS,
                                 "an emergency cannot last %ju us: %ju (1 s) to %ju (4 h) are "
                                 "allowed, and 0 for 4 h",
                                 (uintmax_t) duration, (uintmax_t) EMERGENCY_USEC_MIN,
                                 (uintmax_t) EMERGENCY_USEC_MAX);
        r = emergency_declare(call->manager, reason, duration, call, error);
        if (r < 0)
                return r;
        call_reply(call, "");
        return 1;
}

METHOD(method_declare_emergency)
{
        return call_begin(userdata, message, declare_emergency, error);
}

static int end_emergency(Call *call, sd_bus_error *error)
{
        int r = call_authorize(call, ACT_EMERGENCY, NULL, NULL, error);

        if (r != 0)
                return r;
        r = emergency_end(call->manager, call, error);
        if (r < 0)
                return r;
        call_reply(call, "");
        return 1;
}

METHOD(method_end_emergency)
{
        return call_begin(userdata, message, end_emergency, error);
}

/* --- properties --- */

PROPERTY(get_emergency)
{
        return sd_bus_message_append(reply, "b", (int) emergency_lasts(userdata));
}

PROPERTY(get_emergency_reason)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "s", emergency_lasts(m) ? m->emergency->reason : "");
}

PROPERTY(get_emergency_until)
{
        return sd_bus_message_append(reply, "t", emergency_until(userdata));
}

/* --- signals --- */

static void properties_changed(Manager *m)
{
        (void) sd_bus_emit_properties_changed(m->bus, BUS_PATH, BUS_INTERFACE, "Emergency",
                                              "EmergencyReason", "EmergencyUntil", NULL);
}

void emergency_emit_declared(Manager *m)
{
        (void) sd_bus_emit_signal(m->bus, BUS_PATH, BUS_INTERFACE, "EmergencyDeclared", "st",
                                  m->emergency->reason, emergency_until(m));
        properties_changed(m);
}

void emergency_emit_ended(Manager *m, const char *how)
{
        (void) sd_bus_emit_signal(m->bus, BUS_PATH, BUS_INTERFACE, "EmergencyEnded", "s", how);
        properties_changed(m);
}
