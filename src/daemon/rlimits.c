/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resource limits that tasks start with: those that PID 1 gives its services, whatever the daemon has. */
#include "daemon/rlimits.h"

#include "daemon/log.h"
#include "daemon/systemd-job.h"

#define ASK_TIMEOUT_USEC (10 * USEC_PER_SEC)

#define PROPERTY_PREFIX "DefaultLimit"
#define SOFT_SUFFIX     "Soft"

/* As systemd-system.conf(5) calls them, without "DefaultLimit". */
static const char *const names[RLIM_NLIMITS] = {
        [RLIMIT_AS] = "AS",
        [RLIMIT_CORE] = "CORE",
        [RLIMIT_CPU] = "CPU",
        [RLIMIT_DATA] = "DATA",
        [RLIMIT_FSIZE] = "FSIZE",
        [RLIMIT_LOCKS] = "LOCKS",
        [RLIMIT_MEMLOCK] = "MEMLOCK",
        [RLIMIT_MSGQUEUE] = "MSGQUEUE",
        [RLIMIT_NICE] = "NICE",
        [RLIMIT_NOFILE] = "NOFILE",
        [RLIMIT_NPROC] = "NPROC",
        [RLIMIT_RSS] = "RSS",
        [RLIMIT_RTPRIO] = "RTPRIO",
        [RLIMIT_RTTIME] = "RTTIME",
        [RLIMIT_SIGPENDING] = "SIGPENDING",
        [RLIMIT_STACK] = "STACK",
};

void rlimits_init(Manager *m)
{
        for (unsigned i = 0; i < RLIM_NLIMITS; i++)
                (void) getrlimit((__rlimit_resource_t) i, &m->rlimits[i]);
}

/* The value that a property means, or NULL. */
static rlim_t *find(struct rlimit limits[static RLIM_NLIMITS], const char *property)
{
        const char *name = startswith(property, PROPERTY_PREFIX);

        for (size_t i = 0; name && i < RLIM_NLIMITS; i++) {
                const char *rest = names[i] ? startswith(name, names[i]) : NULL;

                if (rest && !*rest)
                        return &limits[i].rlim_max;
                if (rest && streq(rest, SOFT_SUFFIX))
                        return &limits[i].rlim_cur;
        }
        return NULL;
}

/* UINT64_MAX is systemd's infinity, and the kernel's. */
static int read_property(sd_bus_message *reply, struct rlimit limits[static RLIM_NLIMITS])
{
        const char *property;
        uint64_t value;
        rlim_t *target;
        int r;

        r = sd_bus_message_read(reply, "s", &property);
        if (r < 0)
                return r;
        target = find(limits, property);
        if (!target)
                return sd_bus_message_skip(reply, "v");
        r = sd_bus_message_read(reply, "v", "t", &value);
        if (r >= 0)
                *target = value;
        return r;
}

static int read_properties(sd_bus_message *reply, struct rlimit limits[static RLIM_NLIMITS])
{
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = read_property(reply, limits);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r;
}

static void on_properties(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        Manager *m = userdata;
        struct rlimit limits[RLIM_NLIMITS];

        memcpy(limits, m->rlimits, sizeof limits);
        if (r >= 0)
                r = read_properties(reply, limits);
        if (r < 0) {
                log_warning("PID 1 does not tell its default resource limits (%s): tasks get those "
                            "that are known",
                            error && error->message ? error->message : strerror(-r));
                return;
        }
        memcpy(m->rlimits, limits, sizeof limits);
}

void rlimits_ask(Manager *m)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(m->bus, &message, SYSTEMD_DESTINATION, SYSTEMD_PATH,
                                           "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", SYSTEMD_INTERFACE);
        if (r >= 0)
                r = systemd_call(m, message, false, ASK_TIMEOUT_USEC, on_properties, m, NULL);
        if (r < 0)
                log_warning("cannot ask PID 1 for its default resource limits: %s", strerror(-r));
}
