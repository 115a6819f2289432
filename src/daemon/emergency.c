/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The emergency: declared, ended, expired, kept on disk. */
#include "daemon/emergency.h"

#include "basic/fault.h"
#include "basic/line.h"
#include "daemon/caller.h"
#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/state-file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>

#define EMERGENCY_FILE "emergency"

/* Less than this between the two clocks is drift, and not that somebody has set one. */
#define CLOCK_SET_USEC ((int64_t) USEC_PER_SEC)

static const StateField emergency_fields[] = {
#define FIELD(key, type, member)                       \
        {                                              \
                key, type, offsetof(Emergency, member) \
        }
        FIELD("reason", FIELD_STRING, reason),
        FIELD("uid", FIELD_UNSIGNED, uid),
        FIELD("pid", FIELD_INT, pid),
        FIELD("unit", FIELD_STRING, unit),
        FIELD("until_usec", FIELD_U64, until_usec),
        FIELD("until_boot_usec", FIELD_U64, until_boot_usec),
        FIELD("recorded", FIELD_BOOL, recorded),
        FIELD("ended", FIELD_BOOL, ended),
        FIELD("ender_uid", FIELD_UNSIGNED, ender_uid),
        FIELD("ender_pid", FIELD_INT, ender_pid),
        FIELD("ender_unit", FIELD_STRING, ender_unit),
#undef FIELD
};

Emergency *emergency_free(Emergency *e)
{
        if (!e)
                return NULL;
        sd_event_source_disable_unref(e->timer);
        free(e->reason);
        free(e->unit);
        free(e->ender_unit);
        free(e);
        return NULL;
}

static Emergency *emergency_new(void)
{
        Emergency *e = calloc(1, sizeof *e);

        if (e)
                *e = (Emergency){ .uid = UID_INVALID, .ender_uid = UID_INVALID };
        return e;
}

static int copy_caller(const Call *call, uid_t *uid, pid_t *pid, char **unit)
{
        free(*unit);
        *unit = call->caller->unit ? strdup(call->caller->unit) : NULL;
        if (call->caller->unit && !*unit)
                return -ENOMEM;
        *uid = call->uid;
        *pid = call->pid;
        return 0;
}

/* --- its time --- */

static bool is_over(const Emergency *e)
{
        return e->ended || now_boottime_usec() >= e->until_boot_usec;
}

bool emergency_lasts(const Manager *m)
{
        return m->emergency && !is_over(m->emergency);
}

uint64_t emergency_until(const Manager *m)
{
        const Emergency *e = m->emergency;
        int64_t moved;

        if (!emergency_lasts(m))
                return 0;
        moved = (int64_t) (now_realtime_usec() - now_boottime_usec()) -
                (int64_t) (e->until_usec - e->until_boot_usec);
        return moved > -CLOCK_SET_USEC && moved < CLOCK_SET_USEC ? e->until_usec
                                                                 : e->until_usec + (uint64_t) moved;
}

const char *emergency_format_until(const Manager *m, char buffer[static TIME_SIZE])
{
        return format_time(emergency_until(m), buffer);
}

/* --- on disk --- */

static int save(const Manager *m, const Emergency *e)
{
        return state_file_save(m->runtime_fd, EMERGENCY_FILE, e, emergency_fields,
                               ELEMENTSOF(emergency_fields));
}

static void forget(const Manager *m)
{
        if (unlinkat(m->runtime_fd, EMERGENCY_FILE, 0) < 0 && errno != ENOENT)
                log_error("cannot remove %s/" EMERGENCY_FILE ": %s", m->runtime_path,
                          strerror(errno));
}

static bool is_possible(const Emergency *e)
{
        return e->reason && line_check(e->reason, NULL) >= 0 && e->until_usec <= INT64_MAX &&
               e->until_boot_usec <= now_boottime_usec() + EMERGENCY_USEC_MAX;
}

static int read_saved(const Manager *m, Emergency **ret)
{
        _cleanup_(emergency_freep) Emergency *e = emergency_new();
        int r;

        if (!e)
                return -ENOMEM;
        r = state_file_load(m->runtime_fd, EMERGENCY_FILE, e, emergency_fields,
                            ELEMENTSOF(emergency_fields));
        if (r < 0)
                return r;
        if (!is_possible(e))
                return -EBADMSG;
        *ret = TAKE_PTR(e);
        return 0;
}

/* --- its end --- */

static void leave(Manager *m)
{
        const char *how = m->emergency->ended ? "ended" : "expired";

        record_emergency_end(m, m->emergency);
        fault_point(FAULT_EMERGENCY_END_RECORDED);
        forget(m);
        fault_point(FAULT_EMERGENCY_END_FORGOTTEN);
        m->emergency = emergency_free(m->emergency);
        emergency_emit_ended(m, how);
        manager_notify_status(m);
}

/* Its timer may be late. */
static void notice_expiry(Manager *m)
{
        if (m->emergency && is_over(m->emergency))
                leave(m);
}

static int on_expired(sd_event_source *source, uint64_t usec, void *userdata)
{
        leave(userdata);
        return 0;
}

static int set_timer(Manager *m, Emergency *e)
{
        return sd_event_add_time(m->event, &e->timer, CLOCK_BOOTTIME, e->until_boot_usec, 0,
                                 on_expired, m);
}

int emergency_end(Manager *m, const Call *call, sd_bus_error *error)
{
        Emergency *e;
        int r;

        notice_expiry(m);
        e = m->emergency;
        if (!e)
                return 0;
        if (copy_caller(call, &e->ender_uid, &e->ender_pid, &e->ender_unit) < 0)
                return -ENOMEM;
        e->ended = true;
        r = save(m, e);
        if (r < 0) {
                e->ended = false;
                return error_set(error, ERROR_IO,
                                 "the emergency lasts on, since its end cannot be saved below %s: "
                                 "%s; make room there, and end it again",
                                 m->runtime_path, strerror(-r));
        }
        fault_point(FAULT_EMERGENCY_END_SAVED);
        leave(m);
        return 0;
}

/* --- its beginning --- */

static int emergency_from_call(Manager *m, const char *reason, uint64_t duration_usec,
                               const Call *call, Emergency **ret)
{
        _cleanup_(emergency_freep) Emergency *e = emergency_new();
        int r;

        if (!e)
                return -ENOMEM;
        e->reason = strdup(reason);
        if (!e->reason || copy_caller(call, &e->uid, &e->pid, &e->unit) < 0)
                return -ENOMEM;
        e->until_boot_usec = now_boottime_usec() + duration_usec;
        e->until_usec = now_realtime_usec() + duration_usec;
        r = set_timer(m, e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(e);
        return 0;
}

/* It cannot be: what was in force before goes on. */
static int refuse(const Manager *m, int r, const char *what, sd_bus_error *error)
{
        if (!m->emergency)
                forget(m);
        else if (save(m, m->emergency) < 0)
                log_error("the emergency that lasts cannot be saved again");
        return error_set(error, ERROR_IO, "no emergency is declared, since it cannot be %s: %s",
                         what, strerror(-r));
}

int emergency_declare(Manager *m, const char *reason, uint64_t duration_usec, const Call *call,
                      sd_bus_error *error)
{
        _cleanup_(emergency_freep) Emergency *e = NULL;
        int r;

        notice_expiry(m);
        r = emergency_from_call(m, reason, duration_usec ?: EMERGENCY_USEC_MAX, call, &e);
        if (r < 0)
                return r;
        r = save(m, e);
        if (r < 0)
                return error_set(error, ERROR_IO,
                                 "no emergency is declared, since it cannot be saved below %s: %s; "
                                 "make room there, and do it again",
                                 m->runtime_path, strerror(-r));
        fault_point(FAULT_EMERGENCY_SAVED);
        r = record_emergency(m, e);
        if (r < 0)
                return refuse(m, r, "recorded", error);
        fault_point(FAULT_EMERGENCY_RECORDED);
        e->recorded = true;
        (void) save(m, e); /* else the next daemon records it again */
        emergency_free(m->emergency);
        m->emergency = TAKE_PTR(e);
        fault_point(FAULT_EMERGENCY_DECLARED);
        emergency_emit_declared(m);
        manager_notify_status(m);
        return 0;
}

int emergency_load(Manager *m)
{
        char until[TIME_SIZE];
        int r;

        r = read_saved(m, &m->emergency);
        if (r == -ENOENT)
                return 0;
        if (is_shortage(r))
                return r;
        if (r < 0) {
                log_error("cannot read %s/" EMERGENCY_FILE ": %s; no emergency is in force",
                          m->runtime_path,
                          r == -EBADMSG ? "it is no state file, or not whole" : strerror(-r));
                forget(m);
                return 0;
        }
        if (!m->emergency->recorded) {
                (void) record_emergency(m, m->emergency);
                m->emergency->recorded = true;
                (void) save(m, m->emergency);
        }
        notice_expiry(m);
        if (!m->emergency)
                return 0;
        log_info("an emergency lasts until %s: %s", emergency_format_until(m, until),
                 m->emergency->reason);
        return set_timer(m, m->emergency);
}

/* --- what it allows --- */

int emergency_record_act(const Call *call, EventType type, const Scope *s, const char *task,
                         int signal, sd_bus_error *error)
{
        int r;

        if (!call->by_emergency)
                return 0;
        r = record_emergency_act(type, s, task, signal, call);
        if (r < 0)
                return error_set(error, ERROR_IO,
                                 "%s is left as it is, since what is done by emergency is recorded "
                                 "before, and that cannot be: %s",
                                 s->name, strerror(-r));
        fault_point(FAULT_EMERGENCY_ACT_RECORDED);
        return 0;
}
