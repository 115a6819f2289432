/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One method call of a client: who sent it, and the answer that it still waits for. */
#include "daemon/call.h"

#include "daemon/caller.h"
#include "daemon/log.h"

#include <stdarg.h>

Call *call_free(Call *c)
{
        if (!c)
                return NULL;
        admission_free(c->admission);
        caller_drop(c);
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

        if (c) {
                TAILQ_REMOVE(list, c, waiters);
                c->list = NULL;
        }
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

static void run_handler(Call *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = c->handler(c, &error);

        if (r < 0)
                call_fail(c, r, &error);
        else if (r == 0)
                call_free(c);
}

void call_wait(Call *c, CallList *list)
{
        c->list = list;
        TAILQ_INSERT_TAIL(list, c, waiters);
}

static void run_again(Call *c)
{
        (void) sd_bus_message_rewind(c->message, true);
        run_handler(c);
}

void call_resume(Call *c)
{
        TAILQ_REMOVE(c->list, c, waiters);
        c->list = NULL;
        run_again(c);
}

void calls_resume(CallList *list)
{
        CallList again;
        Call *c;

        /* A handler may make its call wait in the same list once more. */
        TAILQ_INIT(&again);
        TAILQ_CONCAT(&again, list, waiters);
        TAILQ_FOREACH (c, &again, waiters)
                c->list = &again;
        while ((c = calls_take(&again)))
                run_again(c);
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

int call_begin(Manager *m, sd_bus_message *message, call_handler_t handler, sd_bus_error *error)
{
        _cleanup_(call_freep) Call *c = call_new(m, message, handler);
        int r;

        if (!c)
                return -ENOMEM;
        r = message_size(message, &c->size);
        if (r == -EMSGSIZE || c->size > CALL_BYTES_MAX)
                return error_set(error, ERROR_LIMITS_EXCEEDED,
                                 "the arguments of %s have more than %d bytes",
                                 sd_bus_message_get_member(message), CALL_BYTES_MAX);
        if (r < 0)
                return r;
        r = caller_take(c, error);
        if (r < 0)
                return r;
        if (r == 0)
                TAKE_PTR(c);
        else
                run_handler(TAKE_PTR(c));
        return 1;
}
