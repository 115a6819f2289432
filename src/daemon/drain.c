/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drain: begun, cancelled, kept on disk, and what it refuses. */
#include "daemon/drain.h"

#include "basic/line.h"
#include "daemon/caller.h"
#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/state-file.h"

#include <fcntl.h>

#define DRAIN_FILE "drain"

static const StateField drain_fields[] = {
#define FIELD(key, type, member)                   \
        {                                          \
                key, type, offsetof(Drain, member) \
        }
        FIELD("reason", FIELD_STRING, reason),
        FIELD("uid", FIELD_UNSIGNED, uid),
        FIELD("pid", FIELD_INT, pid),
        FIELD("unit", FIELD_STRING, unit),
        FIELD("principal", FIELD_STRING, principal),
        FIELD("since_usec", FIELD_U64, since_usec),
        FIELD("recorded", FIELD_BOOL, recorded),
#undef FIELD
};

Drain *drain_free(Drain *d)
{
        if (!d)
                return NULL;
        free(d->reason);
        free(d->unit);
        free(d->principal);
        free(d);
        return NULL;
}

/* --- on disk --- */

static int save(const Manager *m, const Drain *d)
{
        return state_file_save(m->runtime_fd, DRAIN_FILE, d, drain_fields,
                               ELEMENTSOF(drain_fields));
}

static int read_saved(const Manager *m, Drain **ret)
{
        _cleanup_(drain_freep) Drain *d = calloc(1, sizeof *d);
        int r;

        if (!d)
                return -ENOMEM;
        d->uid = UID_INVALID;
        r = state_file_load(m->runtime_fd, DRAIN_FILE, d, drain_fields, ELEMENTSOF(drain_fields));
        if (r < 0)
                return r;
        if (!d->principal || (d->reason && line_check(d->reason, NULL) < 0) ||
            d->since_usec > INT64_MAX)
                return -EBADMSG;
        *ret = TAKE_PTR(d);
        return 0;
}

int drain_load(Manager *m)
{
        char since[TIME_SIZE];
        int r;

        r = read_saved(m, &m->drain);
        if (r == -ENOENT)
                return 0;
        if (is_shortage(r))
                return r;
        if (r < 0) {
                log_error("cannot read %s/" DRAIN_FILE ": %s; the node is not drained",
                          m->runtime_path,
                          r == -EBADMSG ? "it is no state file, or not whole" : strerror(-r));
                (void) unlinkat(m->runtime_fd, DRAIN_FILE, 0);
                return 0;
        }
        if (!m->drain->recorded) {
                record_drain(m, m->drain);
                m->drain->recorded = true;
                (void) save(m, m->drain);
        }
        log_info("the node is being drained since %s%s%s", format_time(m->drain->since_usec, since),
                 m->drain->reason ? ": " : "", m->drain->reason ?: "");
        return 0;
}

/* --- its beginning and its end --- */

static int drain_new(const Manager *m, const char *reason, const Call *call, Drain **ret)
{
        _cleanup_(drain_freep) Drain *d = calloc(1, sizeof *d);
        const char *unit = call->caller->unit;

        if (!d)
                return -ENOMEM;
        *d = (Drain){ .uid = call->uid, .pid = call->pid, .since_usec = now_realtime_usec() };
        if (m->drain)
                d->since_usec = m->drain->since_usec;
        d->principal = strdup(principal_to_string(call->principal));
        d->reason = *reason ? strdup(reason) : NULL;
        d->unit = unit ? strdup(unit) : NULL;
        if (!d->principal || (*reason && !d->reason) || (unit && !d->unit))
                return -ENOMEM;
        *ret = TAKE_PTR(d);
        return 0;
}

int drain_begin(Manager *m, const char *reason, const Call *call, sd_bus_error *error)
{
        _cleanup_(drain_freep) Drain *d = NULL;
        int r;

        if (m->drain && !*reason)
                return 0;
        r = drain_new(m, reason, call, &d);
        if (r < 0)
                return r;
        r = save(m, d);
        if (r < 0)
                return error_set(error, ERROR_IO,
                                 "the node is %s, since the drain cannot be saved below %s: %s; "
                                 "make room there, and do it again",
                                 m->drain ? "drained as before" : "not drained", m->runtime_path,
                                 strerror(-r));
        drain_free(m->drain);
        m->drain = TAKE_PTR(d);
        record_drain(m, m->drain);
        m->drain->recorded = true;
        (void) save(m, m->drain); /* else the next daemon records it again */
        drain_emit_changed(m);
        manager_notify_status(m);
        return 0;
}

int drain_cancel(Manager *m, const Call *call, sd_bus_error *error)
{
        if (!m->drain)
                return 0;
        if (unlinkat(m->runtime_fd, DRAIN_FILE, 0) < 0 && errno != ENOENT)
                return error_set(error, ERROR_IO, "the node stays drained: %s/" DRAIN_FILE ": %s",
                                 m->runtime_path, strerror(errno));
        record_undrain(m, m->drain, call);
        m->drain = drain_free(m->drain);
        drain_emit_changed(m);
        manager_notify_status(m);
        return 0;
}

/* --- what it refuses --- */

int drain_refuse(const Manager *m, const char *slice, sd_bus_error *error)
{
        const Drain *d = m->drain;
        char since[TIME_SIZE];

        if (!d || path_owner(slice) != OWNER_WORKLOAD)
                return 0;
        return error_set(error, ERROR_ADMISSION_REJECTED,
                         "the node is being drained since %s by uid %u (%s)%s%s; see `hpcnode-ctl "
                         "drain --cancel`",
                         format_time(d->since_usec, since), (unsigned) d->uid, d->principal,
                         d->reason ? ": " : "", d->reason ?: "");
}

/* --- whoever waits --- */

static int on_check(sd_event_source *source, void *userdata)
{
        drain_continue(userdata);
        return 0;
}

void drain_check(Manager *m)
{
        if (TAILQ_EMPTY(&m->drain_kills) && TAILQ_EMPTY(&m->drain_waiters))
                return;
        /* Many may end at once; all is looked at afterwards. */
        if (m->drain_defer)
                (void) sd_event_source_set_enabled(m->drain_defer, SD_EVENT_ONESHOT);
        else if (sd_event_add_defer(m->event, &m->drain_defer, on_check, m) < 0)
                log_error("out of memory: whoever waits for the drain is not answered");
}
