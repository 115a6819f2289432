/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that may wait for days: each goes with the client that has sent it. */
#include "daemon/call.h"

#include "daemon/log.h"

#define BUS_DESTINATION "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"

/* One rule for all clients: that one of them has left, and none of those that come. */
#define MATCH                                                            \
        "type='signal',sender='org.freedesktop.DBus',"                   \
        "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus'," \
        "member='NameOwnerChanged',arg2=''"

static int on_left(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        const char *name;
        Call *c, *next;

        if (sd_bus_message_read(message, "s", &name) < 0 || *name != ':')
                return 0;
        for (c = TAILQ_FIRST(&m->waiting_calls); c; c = next) {
                next = TAILQ_NEXT(c, waiting);
                if (!streq(sd_bus_message_get_sender(c->message), name))
                        continue;
                TAILQ_REMOVE(c->list, c, waiters);
                call_free(c);
        }
        return 0;
}

static int on_matched(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        if (sd_bus_message_is_method_error(reply, NULL))
                log_warning("cannot see clients leave: %s",
                            sd_bus_message_get_error(reply)->message);
        return 0;
}

/* It may have left before the rule was in force. */
static int on_still_there(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Call *c = userdata;

        c->slot = sd_bus_slot_unref(c->slot);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
                TAILQ_REMOVE(c->list, c, waiters);
                call_free(c);
        }
        return 0;
}

void call_wait(Call *c, CallList *list)
{
        Manager *m = c->manager;
        int r = 0;

        c->list = list;
        TAILQ_INSERT_TAIL(list, c, waiters);
        TAILQ_INSERT_TAIL(&m->waiting_calls, c, waiting);
        /* Only while somebody waits: else nobody's leaving wakes us. */
        if (!m->waiting_match)
                r = sd_bus_add_match_async(m->bus, &m->waiting_match, MATCH, on_left, on_matched,
                                           m);
        if (r >= 0)
                r = sd_bus_call_method_async(m->bus, &c->slot, BUS_DESTINATION, "GetNameOwner",
                                             on_still_there, c, "s",
                                             sd_bus_message_get_sender(c->message));
        if (r < 0)
                log_warning("cannot see clients leave: %s", strerror(-r));
}

void call_wait_done(Call *c)
{
        Manager *m = c->manager;

        if (!c->list)
                return;
        c->list = NULL;
        TAILQ_REMOVE(&m->waiting_calls, c, waiting);
        if (TAILQ_EMPTY(&m->waiting_calls))
                m->waiting_match = sd_bus_slot_unref(m->waiting_match);
}
