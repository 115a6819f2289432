/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One method call of a client: who sent it, and the answer that it still waits for. */
#include "daemon/call.h"

#include "daemon/log.h"

#include <stdarg.h>

/* The bus daemon answers in well under a millisecond; a client must not wait longer than its own 25 s. */
#define CREDENTIALS_TIMEOUT_USEC (10 * USEC_PER_SEC)

Call *call_free(Call *c)
{
        if (!c)
                return NULL;
        call_wait_done(c);
        sd_bus_slot_unref(c->slot);
        sd_bus_message_unref(c->message);
        free(c);
        return NULL;
}

static void say_unanswered(const Call *c, int r)
{
        if (r != -ENOTCONN) /* we are leaving the bus */
                log_warning("cannot answer %s: %s", sd_bus_message_get_member(c->message),
                            strerror(-r));
}

void call_reply(Call *c, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        va_list ap;
        int r;

        va_start(ap, types);
        r = sd_bus_message_new_method_return(c->message, &reply);
        if (r >= 0 && *types)
                r = sd_bus_message_appendv(reply, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_message_send(reply);
        if (r < 0)
                say_unanswered(c, r);
        call_free(c);
}

void call_fail(Call *c, int r, const sd_bus_error *error)
{
        if (error && sd_bus_error_is_set(error))
                r = sd_bus_reply_method_error(c->message, error);
        else
                r = sd_bus_reply_method_errno(c->message, r, NULL);
        if (r < 0)
                say_unanswered(c, r);
        call_free(c);
}

static Call *calls_take(CallList *list)
{
        Call *c = TAILQ_FIRST(list);

        if (c)
                TAILQ_REMOVE(list, c, waiters);
        return c;
}

void calls_reply_empty(CallList *list)
{
        Call *c;

        while ((c = calls_take(list)))
                call_reply(c, "");
}

void calls_fail(CallList *list, int r, const sd_bus_error *error)
{
        Call *c;

        while ((c = calls_take(list)))
                call_fail(c, r, error);
}

void calls_drop(CallList *list)
{
        Call *c;

        while ((c = calls_take(list)))
                call_free(c);
}

/* Reads uid and pid from the answer of GetConnectionCredentials. */
static int read_credentials(Call *c, sd_bus_message *reply)
{
        bool have_uid = false;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                const char *key;
                uint32_t value;

                r = sd_bus_message_read(reply, "s", &key);
                if (r >= 0 && streq(key, "UnixUserID")) {
                        r = sd_bus_message_read(reply, "v", "u", &value);
                        c->uid = value;
                        have_uid = true;
                } else if (r >= 0 && streq(key, "ProcessID")) {
                        r = sd_bus_message_read(reply, "v", "u", &value);
                        c->pid = (pid_t) value;
                } else if (r >= 0) {
                        r = sd_bus_message_skip(reply, "v");
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        if (r < 0)
                return r;
        return have_uid ? 0 : -ENODATA;
}

static int call_authorize(Call *c, sd_bus_error *error)
{
        if (c->uid == 0 || (c->manager->user && c->uid == getuid()))
                return 0;
        return error_set(
                error, ERROR_PERMISSION_DENIED,
                "%s changes pact.slice or workload.slice, which only root may do; uid %u may "
                "only read",
                sd_bus_message_get_member(c->message), (unsigned) c->uid);
}

static void run_handler(Call *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = c->handler(c, &error);

        if (r < 0)
                call_fail(c, r, &error);
        else if (r == 0)
                call_free(c);
}

void calls_resume(CallList *list)
{
        CallList again;
        Call *c;

        /* A handler may make its call wait in the same list once more. */
        TAILQ_INIT(&again);
        TAILQ_CONCAT(&again, list, waiters);
        while ((c = calls_take(&again))) {
                call_wait_done(c);
                c->slot = sd_bus_slot_unref(c->slot);
                (void) sd_bus_message_rewind(c->message, true);
                run_handler(c);
        }
}

static int on_credentials(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(call_freep) Call *c = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        c->slot = sd_bus_slot_unref(c->slot);
        /* The caller has left before it could be known: it gets no answer, and nothing is done. */
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return 0;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                call_fail(TAKE_PTR(c), -EACCES, sd_bus_message_get_error(reply));
                return 0;
        }

        r = read_credentials(c, reply);
        if (r >= 0)
                r = call_authorize(c, &error);
        if (r < 0)
                call_fail(TAKE_PTR(c), r, &error);
        else
                run_handler(TAKE_PTR(c));
        return 0;
}

static Call *call_new(Manager *m, sd_bus_message *message, call_handler_t handler)
{
        Call *c = calloc(1, sizeof *c);

        if (c)
                *c = (Call){
                        .manager = m,
                        .message = sd_bus_message_ref(message),
                        .uid = UID_INVALID,
                        .begun_usec = now_monotonic_usec(),
                        .handler = handler,
                };
        return c;
}

int call_begin_reading(Manager *m, sd_bus_message *message, call_handler_t handler,
                       sd_bus_error *error)
{
        _cleanup_(call_freep) Call *c = call_new(m, message, handler);
        int r;

        if (!c)
                return -ENOMEM;
        r = handler(c, error);
        if (r > 0)
                TAKE_PTR(c);
        return r < 0 ? r : 1;
}

int call_begin(Manager *m, sd_bus_message *message, call_handler_t handler, sd_bus_error *error)
{
        _cleanup_(call_freep) Call *c = call_new(m, message, handler);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *query = NULL;
        int r;

        if (!c)
                return -ENOMEM;
        r = sd_bus_message_new_method_call(m->bus, &query, "org.freedesktop.DBus",
                                           "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                           "GetConnectionCredentials");
        if (r >= 0)
                r = sd_bus_message_append(query, "s", sd_bus_message_get_sender(message));
        if (r >= 0)
                r = sd_bus_call_async(m->bus, &c->slot, query, on_credentials, c,
                                      CREDENTIALS_TIMEOUT_USEC);
        if (r < 0)
                return r;
        TAKE_PTR(c);
        return 1;
}
