/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an earlier daemon, or somebody else, has left in the two trees: looked at once, at the start. */
#include "daemon/sweep.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/scope.h"
#include "daemon/systemd-job.h"

#include <dirent.h>
#include <fcntl.h>

/* A name has at most 255 bytes, so slices do not nest deeper than that. */
#define DEPTH_MAX 128

/* What PID 1 says of a scope. */
typedef struct Unit {
        UT_hash_handle hh;
        bool failed;
        bool leaving; /* it is being stopped already */
        char name[];
} Unit;

typedef struct Sweep {
        Manager *manager;
        Unit *units;   /* by name */
        bool workload; /* the tree that is gone through */
} Sweep;

static void sweep_done(Sweep *s)
{
        Unit *u, *next;

        HASH_ITER (hh, s->units, u, next) {
                HASH_DEL(s->units, u);
                free(u);
        }
}

static const Unit *find_unit(const Sweep *s, const char *name)
{
        Unit *u;

        HASH_FIND_STR(s->units, name, u);
        return u;
}

/* --- PID 1's list --- */

static int add_unit(Sweep *s, const char *name, const char *active, const char *job)
{
        Unit *u;

        if (find_unit(s, name))
                return 0;
        u = calloc(1, sizeof *u + strlen(name) + 1);
        if (!u)
                return -ENOMEM;
        (void) strcpy(u->name, name);
        u->failed = streq(active, "failed");
        u->leaving = streq(active, "deactivating") || streq(job, "stop");
        HASH_ADD_STR(s->units, name, u);
        return 0;
}

static int read_units(Sweep *s, sd_bus_message *reply)
{
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0) {
                const char *name, *active, *job;

                r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, &active, NULL,
                                        NULL, NULL, NULL, &job, NULL);
                if (r <= 0)
                        break;
                r = add_unit(s, name, active, job);
        }
        return r;
}

/* A unit that failed keeps its name. Whoever made it may still want to look at it, unless that was us:
 * what there is to know is in the record. */
static void reset_failed(Sweep *s)
{
        Unit *u, *next;

        HASH_ITER (hh, s->units, u, next) {
                const Scope *scope = u->failed ? scope_by_unit(s->manager, u->name) : NULL;

                if (scope && scope_has_ended(scope))
                        systemd_call_forget(s->manager, "ResetFailedUnit", u->name, NULL);
        }
}

/* --- the trees --- */

/* Every scope of ours has these directories, though in the end they go one after the other; scopes of
 * others have no reason to. */
static bool looks_like_ours(int dir)
{
        return faccessat(dir, "supervisor", F_OK, AT_SYMLINK_NOFOLLOW) >= 0 ||
               faccessat(dir, "payload", F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

/* The supervisor of a scope whose state file was lost, after its last task. */
static bool is_left_over(int dir)
{
        _cleanup_(closep) int supervisor = -EBADF, payload = -EBADF;

        supervisor = cgroup_open(dir, "supervisor");
        payload = cgroup_open(dir, "payload");
        return supervisor >= 0 && payload >= 0 && cgroup_populated(payload) == 0 &&
               cgroup_populated(supervisor) > 0;
}

static const char *why_unknown(const Scope *record, int dir)
{
        if (looks_like_ours(dir))
                return "it was made by this daemon, and its state file is lost or unreadable: "
                       "nobody serves it";
        return record ? "a scope of that name has ended, and somebody has made this one since"
                      : "it was not made by this daemon";
}

/* Stopped by its unit, so that it gets its SIGTERM. A cgroup that PID 1 does not know is left alone. */
static void terminate(Sweep *s, const char *unit)
{
        if (!find_unit(s, unit)) {
                log_warning("%s is not known to PID 1: it is not ended", unit);
                return;
        }
        log_warning("%s is ended, as UnknownScopes=terminate says", unit);
        systemd_call_forget(s->manager, "StopUnit", unit, "replace");
}

static void sweep_workload(Sweep *s, const Scope *record, int dir, const char *unit,
                           const char *path)
{
        const Unit *known = find_unit(s, unit);

        if (known && known->leaving)
                return;
        record_lost_workload(s->manager, unit, path, why_unknown(record, dir));
        if (s->manager->config.unknown_scopes == UNKNOWN_SCOPES_TERMINATE)
                terminate(s, unit);
}

/* Leaves of tasks that have ended; their supervisor would have removed them. */
static void sweep_payload(const Scope *scope, DIR *payload)
{
        struct dirent *entry;

        while ((entry = readdir(payload)))
                if (entry->d_type == DT_DIR && *entry->d_name != '.' &&
                    cgroup_remove(dirfd(payload), entry->d_name) >= 0)
                        log_info("%s: removed %s, an empty leaf", scope->unit, entry->d_name);
}

static void sweep_known(const Scope *scope)
{
        _cleanup_(closedirp) DIR *payload = NULL;

        if (scope->link || scope->create || scope->payload_fd < 0)
                return;
        if (cgroup_open_children(scope->payload_fd, ".", &payload) >= 0 && payload)
                sweep_payload(scope, payload);
}

static void sweep_scope(Sweep *s, int parent, const char *name, const char *path)
{
        _cleanup_(closep) int dir = cgroup_open(parent, name);
        /* systemd escapes what the kernel could take for a file of its own. */
        const char *unit = *name == '_' ? name + 1 : name;
        const Scope *scope = scope_by_unit(s->manager, unit);
        int populated;

        if (dir < 0)
                return;
        if (scope && !scope_has_ended(scope)) {
                sweep_known(scope);
                return;
        }
        populated = cgroup_populated(dir);
        if (populated > 0 && is_left_over(dir)) {
                log_info("%s: ended its supervisor, which nobody can serve and has no task", unit);
                (void) cgroup_kill(dir);
                return;
        }
        if (populated > 0 && s->workload)
                sweep_workload(s, scope, dir, unit, path);
        else if (populated == 0 && !find_unit(s, unit) && looks_like_ours(dir) &&
                 cgroup_remove(parent, name) >= 0)
                log_info("removed %s, an empty cgroup without a unit", path);
}

static void sweep_slice(Sweep *s, DIR *d, const char *path, unsigned depth)
{
        struct dirent *entry;

        while ((entry = readdir(d))) {
                _cleanup_(freep) char *child = NULL;
                _cleanup_(closedirp) DIR *children = NULL;

                if (entry->d_type != DT_DIR)
                        continue;
                if (asprintf(&child, "%s/%s", path, entry->d_name) < 0) {
                        child = NULL;
                        continue;
                }
                if (endswith(entry->d_name, ".scope")) {
                        sweep_scope(s, dirfd(d), entry->d_name, child);
                } else if (endswith(entry->d_name, ".slice") && depth < DEPTH_MAX) {
                        if (cgroup_open_children(dirfd(d), entry->d_name, &children) >= 0 &&
                            children)
                                sweep_slice(s, children, child, depth + 1);
                }
        }
}

static void sweep_tree(Sweep *s, const char *slice)
{
        _cleanup_(freep) char *path = NULL, *shown = NULL;
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_(closep) int dir = -EBADF;

        if (manager_slice_path(s->manager, slice, &path) < 0 || asprintf(&shown, "/%s", path) < 0)
                return;
        dir = cgroup_open(s->manager->cgroup_fd, path);
        if (dir < 0 || cgroup_open_children(dir, ".", &d) < 0 || !d)
                return; /* the slice has not been started yet, so there is nothing in it */
        s->workload = streq(slice, SLICE_WORKLOAD);
        sweep_slice(s, d, shown, 1);
}

static void on_units(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        _cleanup_(sweep_done) Sweep s = { .manager = userdata };

        if (r >= 0)
                r = read_units(&s, reply);
        if (r < 0) {
                log_error("cannot look for lost workloads: PID 1 does not list its scopes: %s",
                          error->message ?: strerror(-r));
                return;
        }
        reset_failed(&s);
        sweep_tree(&s, SLICE_WORKLOAD);
        sweep_tree(&s, SLICE_PACT);
}

int manager_sweep(Manager *m)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(m, "ListUnitsByPatterns", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "asas", 0, 1, "*.scope");
        return r < 0 ? r
                     : systemd_call(m, message, false, m->config.unit_timeout_usec, on_units, m,
                                    NULL);
}
