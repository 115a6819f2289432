/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Manager owns everything the daemon knows: the bus, the scopes, the calls to PID 1. */
#include "daemon/manager.h"

#include "basic/cgroup-file.h"
#include "basic/clock.h"
#include "basic/name.h"
#include "basic/process-status.h"
#include "daemon/bus-connection.h"
#include "daemon/caller.h"
#include "daemon/drain.h"
#include "daemon/emergency.h"
#include "daemon/hierarchy.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/owners.h"
#include "daemon/polkit.h"
#include "daemon/pressure.h"
#include "daemon/rlimits.h"
#include "daemon/scope.h"
#include "daemon/sweep.h"
#include "daemon/systemd-job.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

/* The bus's answer to RequestName: DBUS_REQUEST_NAME_REPLY_IN_QUEUE. */
#define BUS_NAME_IN_QUEUE 2

/* How long the name may belong to another: a bus that does not read an earlier daemon's connection any more
 * looks at its end only when there is something new. */
#define NAME_TIMEOUT_USEC (2 * USEC_PER_SEC)

uint64_t now_realtime_usec(void)
{
        return clock_usec(CLOCK_REALTIME);
}

uint64_t now_monotonic_usec(void)
{
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t now_boottime_usec(void)
{
        return clock_usec(CLOCK_BOOTTIME);
}

const char *format_time(uint64_t realtime_usec, char buffer[static TIME_SIZE])
{
        time_t t = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(buffer, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                (void) strcpy(buffer, "?");
        return buffer;
}

/* A scope costs three descriptors. */
static void raise_nofile(const Manager *m)
{
        struct rlimit raised = m->rlimits[RLIMIT_NOFILE];

        raised.rlim_cur = raised.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &raised) < 0)
                log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

static int open_cgroup_root(Manager *m)
{
        struct statfs fs;

        m->cgroup_fd = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m->cgroup_fd < 0)
                return -errno;
        if (fstatfs(m->cgroup_fd, &fs) < 0)
                return -errno;
        if (fs.f_type != CGROUP2_SUPER_MAGIC) {
                log_error("%s is not cgroup v2: hpcnode-cgroupd needs the unified hierarchy",
                          CGROUP_ROOT);
                return -EMEDIUMTYPE;
        }
        return 0;
}

static int open_runtime_directory(Manager *m)
{
        const char *parent = m->user ? getenv("XDG_RUNTIME_DIR") : "/run";

        if (!parent) {
                log_error("XDG_RUNTIME_DIR is not set: hpcnode-cgroupd --user needs a login "
                          "session or "
                          "a user's service manager");
                return -ENXIO;
        }
        if (asprintf(&m->runtime_path, "%s/%s", parent, RUNTIME_DIRECTORY_NAME) < 0) {
                m->runtime_path = NULL;
                return -ENOMEM;
        }
        if (mkdir(m->runtime_path, 0700) < 0 && errno != EEXIST)
                return -errno;
        m->runtime_fd = open(m->runtime_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return m->runtime_fd < 0 ? -errno : 0;
}

/* The user's service manager is the unit user@UID.service of PID 1, and we run below it. */
static int find_cgroup_prefix(Manager *m)
{
        _cleanup_(freep) char *path = NULL;
        char *end;
        int r;

        if (!m->user) {
                m->cgroup_prefix = strdup("");
                return m->cgroup_prefix ? 0 : -ENOMEM;
        }
        r = process_cgroup(getpid(), &path);
        if (r < 0 && r != -ENODATA)
                return r;
        end = path ? strstr(path, "/user@") : NULL;
        end = end ? strstr(end, ".service") : NULL;
        if (!end) {
                log_error("hpcnode-cgroupd --user does not run below a user's service manager "
                          "(user@UID.service)");
                return -ENXIO;
        }
        end[strlen(".service")] = '\0';
        if (asprintf(&m->cgroup_prefix, "%s/", path + 1) < 0) {
                m->cgroup_prefix = NULL;
                return -ENOMEM;
        }
        return 0;
}

int manager_slice_path(const Manager *m, const char *slice, char **ret)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        r = slice_cgroup_path(slice, &path);
        if (r < 0)
                return r;
        return asprintf(ret, "%s%s", m->cgroup_prefix, path) < 0 ? -ENOMEM : 0;
}

int manager_new(bool user, Manager **ret)
{
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = calloc(1, sizeof *m);
        if (!m)
                return -ENOMEM;
        *m = (Manager){
                .user = user,
                .cgroup_fd = -EBADF,
                .runtime_fd = -EBADF,
                .start_usec = now_realtime_usec(),
                .instances_max = 1,
                .supervisor = getenv("HPCNODE_SUPERVISOR") ?: SUPERVISOR_PATH,
        };
        TAILQ_INIT(&m->creations_waiting);
        TAILQ_INIT(&m->lookups);
        TAILQ_INIT(&m->preflights);
        TAILQ_INIT(&m->hierarchy_waiting);
        TAILQ_INIT(&m->hierarchy_served);
        TAILQ_INIT(&m->drain_kills);
        TAILQ_INIT(&m->drain_waiters);
        TAILQ_INIT(&m->systemd_queue);
        TAILQ_INIT(&m->systemd_sent);
        rlimits_init(m);
        raise_nofile(m);
        r = config_defaults(&m->config);
        if (r >= 0)
                r = config_load(&m->config, user, &m->config_wrong);
        if (r >= 0)
                r = sd_event_default(&m->event);
        if (r >= 0)
                r = open_cgroup_root(m);
        if (r >= 0)
                r = find_cgroup_prefix(m);
        if (r < 0)
                return r;
        r = open_runtime_directory(m);
        if (r < 0) {
                log_error("cannot open the runtime directory: %s", strerror(-r));
                return r;
        }
        r = journal_new(m->event, JOURNAL_DIRECTORY, m->runtime_fd, &m->journal);
        if (r < 0)
                return r;
        r = pressure_new(m);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m)
{
        Scope *s, *next;

        if (!m)
                return NULL;
        /* Whoever still waits is told nothing, rather than that it failed: the supervisors go on. */
        bus_leave(m);
        m->creations_defer = sd_event_source_disable_unref(m->creations_defer);
        calls_drop(&m->drain_kills);
        calls_drop(&m->drain_waiters);
        sd_event_source_disable_unref(m->drain_defer);
        HASH_ITER (hh, m->scopes, s, next)
                scope_free(s);
        sd_event_source_disable_unref(m->records_timer);
        sd_event_source_disable_unref(m->pause_defer);
        sd_event_source_disable_unref(m->adoption_deadline);
        systemd_done(m);
        polkit_done(m);
        calls_drop(&m->hierarchy_waiting);
        calls_drop(&m->hierarchy_served);
        callers_free(m);
        owners_free(m->owners);
        config_done(&m->config);
        free(m->config_wrong);
        emergency_free(m->emergency);
        drain_free(m->drain);
        pressure_free(m->pressure);
        sd_event_source_disable_unref(m->name_deadline);
        bus_connection_free(m->connection);
        sd_bus_unref(m->bus);
        journal_free(m->journal);
        sd_event_unref(m->event);
        safe_close(m->cgroup_fd);
        safe_close(m->runtime_fd);
        free(m->runtime_path);
        free(m->cgroup_prefix);
        free(m);
        return NULL;
}

/* How the node is, in one sentence; owned by the caller. */
static char *describe_state(const Manager *m)
{
        char until[TIME_SIZE], since[TIME_SIZE], *text;
        int n;

        if (emergency_lasts(m))
                n = asprintf(&text, "Emergency until %s: %s", emergency_format_until(m, until),
                             m->emergency->reason);
        else if (m->drain)
                n = asprintf(&text, "Drained since %s%s%s",
                             format_time(m->drain->since_usec, since), m->drain->reason ? ": " : "",
                             m->drain->reason ?: "");
        else
                n = asprintf(&text, "Serving %u scopes and records", HASH_COUNT(m->scopes));
        return n < 0 ? NULL : text;
}

void manager_notify_status(const Manager *m)
{
        _cleanup_(freep) char *state = describe_state(m);

        if (!state)
                return;
        if (m->config_wrong)
                (void) sd_notifyf(false, "STATUS=Configuration not reloaded: %s. %s",
                                  m->config_wrong, state);
        else
                (void) sd_notifyf(false, "STATUS=%s", state);
}

static void notify_ready(Manager *m)
{
        m->ready = true;
        manager_notify_status(m);
        (void) sd_notify(false, "READY=1");
        log_info("version %s is ready, %u scopes and records", VERSION, HASH_COUNT(m->scopes));
}

/* A slice that cannot be started takes only its own scopes with it. */
static void on_hierarchy(Manager *m, int r, const sd_bus_error *error, void *userdata)
{
        if (r < 0)
                log_error("%s", error->message ?: strerror(-r));
        pressure_arm(m);
        notify_ready(m);
}

/* When the name is ours: a daemon that leaves it to another must not take the supervisors from that. */
static int adopt_scopes(Manager *m)
{
        int r;

        if (m->adopted)
                return 0;
        m->adopted = true;
        journal_load(m->journal);
        r = emergency_load(m);
        if (r >= 0)
                r = drain_load(m);
        if (r >= 0)
                r = manager_load_scopes(m);
        if (r >= 0 && manager_sweep(m) < 0)
                log_error("out of memory: nobody looks for lost workloads");
        if (r >= 0)
                r = manager_await_adoptions(m);
        return r < 0 ? sd_event_exit(m->event, r) : 0;
}

/* Those who had us started are let in before we are told that we have the name. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        const char *destination = sd_bus_message_get_destination(message);

        if (!m->adopted && sd_bus_message_is_method_call(message, NULL, NULL) && destination &&
            streq(destination, BUS_NAME))
                (void) adopt_scopes(m);
        return 0;
}

static int begin_to_serve(Manager *m)
{
        int r;

        (void) adopt_scopes(m);
        rlimits_ask(m);
        r = hierarchy_start(m, on_hierarchy, NULL);
        if (r < 0) {
                log_error("cannot start the slices: %s", strerror(-r));
                pressure_arm(m);
                notify_ready(m);
        }
        return 0;
}

static int on_name_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        log_error("another process has the bus name %s", BUS_NAME);
        return sd_event_exit(sd_event_source_get_event(source), -EEXIST);
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        uint32_t result;
        int r;

        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_error("cannot take the bus name %s: %s", BUS_NAME,
                          sd_bus_message_get_error(reply)->message);
                return sd_event_exit(m->event, -sd_bus_message_get_errno(reply));
        }
        r = sd_bus_message_read(reply, "u", &result);
        if (r < 0 || result != BUS_NAME_IN_QUEUE)
                return begin_to_serve(m);
        /* The bus may not have seen yet that an earlier daemon has gone. */
        r = sd_event_add_time_relative(m->event, &m->name_deadline, CLOCK_MONOTONIC,
                                       NAME_TIMEOUT_USEC, 0, on_name_deadline, m);
        return r < 0 ? sd_event_exit(m->event, r) : 0;
}

static int on_name_acquired(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0 || !streq(name, BUS_NAME))
                return 0;
        /* Before the calls that the bus has kept for us, which come before its answer to the request. */
        if (!m->name_deadline)
                return adopt_scopes(m);
        m->name_deadline = sd_event_source_disable_unref(m->name_deadline);
        return begin_to_serve(m);
}

/* Queued for the name when another has it. */
static int request_name(Manager *m)
{
        int r;

        r = sd_bus_match_signal_async(m->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                      "org.freedesktop.DBus", "NameAcquired", on_name_acquired,
                                      NULL, m);
        return r < 0 ? r
                     : sd_bus_request_name_async(m->bus, NULL, BUS_NAME, SD_BUS_NAME_QUEUE, on_name,
                                                 m);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        (void) sd_notify(false, "STOPPING=1");
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

/* Everything that is not asked for anew each time it matters follows the configuration from here on. What is under
 * way goes on as it began: a deadline that is set, a scope with what its unit was made with. */
static void reload(Manager *m)
{
        _cleanup_(freep) char *wrong = NULL;

        if (config_load(&m->config, m->user, &wrong) < 0) {
                free(m->config_wrong);
                m->config_wrong = TAKE_PTR(wrong);
                log_error("the configuration stays as it was");
                return;
        }
        free(m->config_wrong);
        m->config_wrong = NULL;
        if (m->ready) /* the start asks by itself */
                rlimits_ask(m);
        manager_trim_records(m);
        pressure_reconfigure(m);
        if (owners_load(m) < 0)
                log_error("out of memory: the users of [Ownership] are as before");
        log_info("the configuration was reloaded");
}

/* PID 1 is told only what it does not learn from the start itself. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
        Manager *m = userdata;

        if (m->ready)
                (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%ju",
                                  (uintmax_t) now_monotonic_usec());
        reload(m);
        if (!m->ready)
                return 0;
        manager_notify_status(m);
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int add_signals(Manager *m)
{
        static const int terminating[] = { SIGTERM, SIGINT };
        _cleanup_(sd_event_source_unrefp) sd_event_source *reload_signal = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(terminating); i++)
                r = sd_event_add_signal(m->event, NULL, terminating[i] | SD_EVENT_SIGNAL_PROCMASK,
                                        on_signal, m);
        if (r < 0)
                return r;
        r = sd_event_add_signal(m->event, &reload_signal, SIGHUP | SD_EVENT_SIGNAL_PROCMASK,
                                on_reload, m);
        if (r < 0)
                return r;
        /* Before calls: who calls after a reload is served by the new configuration. */
        r = sd_event_source_set_priority(reload_signal, SD_EVENT_PRIORITY_IMPORTANT);
        return r < 0 ? r : sd_event_source_set_floating(reload_signal, true);
}

/* Children are reaped through event sources, which need SIGCHLD blocked. */
static int block_sigchld(void)
{
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGCHLD);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int serve(Manager *m)
{
        int r;

        r = manager_add_bus(m);
        if (r >= 0)
                r = sd_bus_add_filter(m->bus, NULL, on_message, m);
        if (r >= 0)
                r = systemd_init(m);
        if (r >= 0)
                r = polkit_init(m);
        if (r >= 0)
                r = scope_create_init(m);
        return r < 0 ? r : request_name(m);
}

int manager_start(Manager *m)
{
        int r;

        r = block_sigchld();
        if (r >= 0)
                r = add_signals(m);
        if (r < 0)
                return r;
        (void) sd_event_set_watchdog(m->event, true);
        r = owners_load(m);
        if (r < 0)
                return r;
        return bus_connect(m, serve);
}
