/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to the daemon: those that are more than the bus lets a connection have without an answer wait here. */
#include "async.h"

struct Transfer {
        TAILQ_ENTRY(Transfer) transfers;
        Async *async;
        TransferList *list;
        sd_bus_message *message; /* NULL: sent */
        sd_bus_slot *slot;
        uint64_t timeout_usec, sent_usec;
        transfer_handler handler; /* NULL: forgotten, but the bus still counts it */
        void *userdata;
        Failure failure;
};

static void transfer_move(Transfer *t, TransferList *list)
{
        Async *a = t->async;

        if (t->list)
                TAILQ_REMOVE(t->list, t, transfers);
        a->n_flying += (list == &a->flying) - (t->list == &a->flying);
        t->list = list;
        if (list)
                TAILQ_INSERT_TAIL(list, t, transfers);
}

static Transfer *transfer_free(Transfer *t)
{
        transfer_move(t, NULL);
        sd_bus_slot_unref(t->slot);
        sd_bus_message_unref(t->message);
        failure_done(&t->failure);
        free(t);
        return NULL;
}

static void transfer_fail(Transfer *t)
{
        t->slot = sd_bus_slot_unref(t->slot);
        transfer_move(t, &t->async->failed);
        async_wake(t->async);
}

/* --- sending --- */

static void transfer_finish(Transfer *t, sd_bus_message *reply)
{
        t->async->asked_usec = t->sent_usec;
        transfer_move(t, NULL);
        if (t->handler)
                t->handler(reply, &t->failure, t->userdata);
        transfer_free(t);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Transfer *t = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(m);

        async_wake(t->async); /* another one may be sent */
        if (!error || client_error_is_answer(error))
                t->async->daemon->reached = true;
        if (error) {
                t->failure.r = -sd_bus_message_get_errno(m);
                (void) sd_bus_error_copy(&t->failure.error, error);
        }
        /* What follows may make a new connection, and this one is just being closed. */
        if (error && client_error_is_away(error, t->failure.r))
                transfer_fail(t);
        else
                transfer_finish(t, error ? NULL : m);
        return 0;
}

static int transfer_send(Transfer *t)
{
        Daemon *d = t->async->daemon;
        int r;

        r = daemon_connect(d, &t->failure.own);
        if (r >= 0)
                r = sd_bus_call_async(d->bus, &t->slot, t->message, on_reply, t, t->timeout_usec);
        if (r < 0)
                return r;
        t->sent_usec = client_now_usec();
        t->message = sd_bus_message_unref(t->message);
        return 0;
}

static void send_more(Async *a)
{
        Transfer *t;

        while (a->n_flying < PENDING_MAX && (t = TAILQ_FIRST(&a->waiting))) {
                t->failure.r = transfer_send(t);
                if (t->failure.r < 0)
                        transfer_fail(t);
                else
                        transfer_move(t, &a->flying);
        }
}

int transfer_new(Async *a, sd_bus_message *m, uint64_t timeout_usec, transfer_handler handler,
                 void *userdata, Transfer **ret)
{
        Transfer *t;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Transfer){ .async = a,
                         .message = sd_bus_message_ref(m),
                         .timeout_usec = timeout_usec,
                         .handler = handler,
                         .userdata = userdata };
        transfer_move(t, &a->waiting);
        *ret = t;
        send_more(a);
        return 0;
}

Transfer *transfer_forget(Transfer *t)
{
        if (!t)
                return NULL;
        if (t->list != &t->async->flying)
                return transfer_free(t);
        t->handler = NULL;
        return NULL;
}

void transfers_work(Async *a)
{
        Transfer *t;

        while ((t = TAILQ_FIRST(&a->failed)))
                transfer_finish(t, NULL);
        send_more(a);
}

void transfers_done(Async *a)
{
        TransferList *const lists[] = { &a->waiting, &a->flying, &a->failed };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                while (!TAILQ_EMPTY(lists[i]))
                        transfer_free(TAILQ_FIRST(lists[i]));
}

/* --- the connection --- */

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        /* What was asked has been told before. */
        waits_disconnected(userdata);
        return 0;
}

static int attach(Async *a)
{
        Daemon *d = a->daemon;
        int r;

        /* The caller's may be in the loop already. */
        if (d->kind == BUS_GIVEN && sd_bus_get_event(d->bus) == a->event)
                return 0;
        r = sd_bus_attach_event(d->bus, a->event, (int) a->priority);
        if (r >= 0)
                a->attached = true;
        return r;
}

int async_connected(Async *a)
{
        int r;

        /* A loop that has ended takes nothing in any more, but the functions that block go on to work. */
        if (sd_event_get_state(a->event) == SD_EVENT_FINISHED)
                return 0;
        r = attach(a);
        if (r >= 0)
                r = sd_bus_match_signal(
                        a->daemon->bus, &a->disconnected, "org.freedesktop.DBus.Local", NULL,
                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, a);
        return r < 0 ? r : waits_connected(a);
}

void async_disconnected(Async *a)
{
        Transfer *t;

        while ((t = TAILQ_FIRST(&a->flying))) {
                t->failure.r = -ECONNRESET;
                (void) sd_bus_error_set_const(&t->failure.error, SD_BUS_ERROR_NO_REPLY,
                                              "the connection to the bus has ended");
                transfer_fail(t);
        }
        waits_disconnected(a);
        a->disconnected = sd_bus_slot_unref(a->disconnected);
        if (a->attached && a->daemon->bus)
                (void) sd_bus_detach_event(a->daemon->bus);
        a->attached = false;
}
