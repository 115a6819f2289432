/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between taking the bus name and knowing everything that an earlier daemon did: calls wait on the bus. */
#include "daemon/log.h"
#include "daemon/manager.h"

/* A supervisor tells at once what it knows, unless it is frozen or starved. */
#define ADOPTION_TIMEOUT_USEC (3 * USEC_PER_SEC)

static void resume(Manager *m)
{
        int r;

        m->adoption_deadline = sd_event_source_disable_unref(m->adoption_deadline);
        m->pause_defer = sd_event_source_disable_unref(m->pause_defer);
        if (!m->bus_paused)
                return;
        m->bus_paused = false;
        r = sd_bus_attach_event(m->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                (void) sd_event_exit(m->event, r);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *m = userdata;

        log_warning("%u of the adopted scopes have not told of their tasks yet", m->adoptions);
        resume(m);
        return 0;
}

/* From the loop, and not from within a message. */
static int on_pause(sd_event_source *source, void *userdata)
{
        Manager *m = userdata;

        m->bus_paused = sd_bus_detach_event(m->bus) >= 0;
        return 0;
}

void manager_begin_adoption(Manager *m)
{
        m->adoptions++;
}

void manager_end_adoption(Manager *m)
{
        if (--m->adoptions == 0)
                resume(m);
}

int manager_await_adoptions(Manager *m)
{
        int r;

        if (m->adoptions == 0)
                return 0;
        r = sd_event_add_time_relative(m->event, &m->adoption_deadline, CLOCK_MONOTONIC,
                                       ADOPTION_TIMEOUT_USEC, 0, on_deadline, m);
        if (r >= 0)
                r = sd_event_add_defer(m->event, &m->pause_defer, on_pause, m);
        /* Before the next message is handled. */
        if (r >= 0)
                r = sd_event_source_set_priority(m->pause_defer, SD_EVENT_PRIORITY_IMPORTANT);
        return r;
}
