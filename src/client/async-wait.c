/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for any number of ends at once: by the daemon's signals, so that no call is pending meanwhile.
 *
 * What is waited for is asked about when it is named, and whenever something may have been missed: the daemon or the
 * bus was away. The signals were asked for before that, and the bus handles what it is sent in order, so what happens
 * after the answer is told. What happened before it is not, so each wait asks for itself: the end of an earlier run of
 * that name may be told to those who wait already, and not to one who has seen the next run begin. */
#include "async-wait.h"

#include "basic/error.h"
#include <search.h>

static void ask(WaitTarget *t);

/* --- what is waited for --- */

static int compare_object(const void *a, const void *b)
{
        return strcmp(((const WaitTarget *) a)->object, ((const WaitTarget *) b)->object);
}

WaitTarget *target_by_object(Waits *w, const char *object)
{
        WaitTarget key = { .object = (char *) object };
        WaitTarget **found = tfind(&key, &w->by_object, compare_object);

        return found ? *found : NULL;
}

static void target_set_state(WaitTarget *t, WaitState state)
{
        TAILQ_REMOVE(&t->waits->targets[t->state], t, targets);
        t->state = state;
        TAILQ_INSERT_TAIL(&t->waits->targets[state], t, targets);
}

/* Of one that no call waits for any more. */
static void target_free(WaitTarget *t)
{
        Waits *w = t->waits;

        transfer_forget(t->transfer);
        TAILQ_REMOVE(&w->targets[t->state], t, targets);
        if (t->object)
                tdelete(t, &w->by_object, compare_object);
        free(t->text);
        free(t->object);
        free(t);
        async_wake(w->async);
}

void wait_target_leave(WaitTarget *t)
{
        if (TAILQ_EMPTY(&t->calls))
                target_free(t);
}

bool waits_any(const Waits *w)
{
        for (WaitState s = 0; s < _WAIT_STATE_MAX; s++)
                if (!TAILQ_EMPTY(&w->targets[s]))
                        return true;
        return false;
}

static int target_new(Waits *w, const char *text, WaitTarget **ret)
{
        WaitTarget *t;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (WaitTarget){ .waits = w, .state = WAIT_ASKING, .text = strdup(text) };
        TAILQ_INIT(&t->calls);
        if (!t->text) {
                free(t);
                return -ENOMEM;
        }
        TAILQ_INSERT_TAIL(&w->targets[t->state], t, targets);
        *ret = t;
        return 0;
}

/* --- how it ends --- */

/* Its next call, which is done with. */
static Call *target_take_call(WaitTarget *t)
{
        Call *call = TAILQ_FIRST(&t->calls);

        if (!call)
                return NULL;
        call->target = NULL;
        call_done(call);
        return call;
}

void target_ended(WaitTarget *t, const char *state, int exit_status, int exit_signal,
                  int oom_killed)
{
        Call *call;

        while ((call = target_take_call(t))) {
                call->result.info =
                        client_info_new_outcome(state, exit_status, exit_signal, oom_killed);
                if (!call->result.info)
                        call->value = client_oom(&call->error);
        }
        t->waits->patience.delay = patience_new().delay;
        target_free(t);
}

void target_lost(WaitTarget *t, const Failure *f)
{
        Call *call;

        while ((call = target_take_call(t)))
                call->value = failure_tell(t->waits->async->daemon, f, &call->error);
        target_free(t);
}

/* Somebody is away, and is waited for. */
static void target_away(WaitTarget *t, Failure *f)
{
        Waits *w = t->waits;

        failure_done(&w->failure);
        w->failure = *f;
        *f = (Failure){ 0 };
        target_set_state(t, WAIT_AWAY);
        waits_arm(w);
}

void target_failed(WaitTarget *t, Failure *f)
{
        Waits *w = t->waits;
        Patience p = w->patience.deadline == 0 ? patience_new() : w->patience;

        if (!daemon_may_await(w->async->daemon, f, &p)) {
                target_lost(t, f);
                return;
        }
        w->patience.deadline = p.deadline;
        target_away(t, f);
}

/* --- asking --- */

void waits_ask(Waits *w)
{
        WaitTarget *t;

        while ((t = TAILQ_FIRST(&w->targets[WAIT_DUE])))
                ask(t);
}

void waits_set_all(Waits *w, WaitState from, WaitState to)
{
        WaitTarget *t;

        while ((t = TAILQ_FIRST(&w->targets[from])))
                target_set_state(t, to);
}

void target_changed(WaitTarget *t)
{
        if (t->state == WAIT_ASKING)
                t->changed = true;
        else if (t->state == WAIT_FOLLOWING)
                target_set_state(t, WAIT_DUE);
}

static void target_follow(WaitTarget *t)
{
        t->waits->patience.delay = patience_new().delay;
        if (!t->changed)
                target_set_state(t, WAIT_FOLLOWING);
        else
                ask(t);
}

void waits_set_owner(Waits *w, const char *owner)
{
        if (owner && streq_ptr(owner, w->owner))
                return;
        free(w->owner);
        w->owner = owner ? strdup(owner) : NULL;
}

/* The daemon has answered, so it is there. */
static void answered(Waits *w, sd_bus_message *reply)
{
        if (reply) {
                waits_set_owner(w, sd_bus_message_get_sender(reply));
                w->absent = false;
        }
        w->patience.deadline = 0;
}

static int send(WaitTarget *t, sd_bus_message *m, transfer_handler handler, hpcnode_cgroup_error *e)
{
        int r;

        r = transfer_new(t->waits->async, m, 0, handler, t, &t->transfer);
        return r < 0 ? client_oom(e) : 0;
}

/* Puts the next question after an answer. */
static void send_next(WaitTarget *t, sd_bus_message *m, int r, transfer_handler handler, Failure *f)
{
        if (r >= 0)
                r = send(t, m, handler, &f->own);
        if (r >= 0)
                return;
        f->r = r;
        target_failed(t, f);
}

/* --- question 3: how has it ended? --- */

static void on_outcome(sd_bus_message *reply, Failure *f, void *userdata)
{
        const Request q = { .operation = OPERATION_WAIT };
        _cleanup_(result_done) Result result = { 0 };
        WaitTarget *t = userdata;

        t->transfer = NULL;
        if (!reply) {
                target_failed(t, f);
                return;
        }
        answered(t->waits, reply);
        f->r = request_read(&q, reply, &result, &f->own);
        if (f->r < 0)
                target_lost(t, f);
        else
                target_ended(t, result.info->state, result.info->exit_status,
                             result.info->exit_signal, result.info->oom_killed);
}

/* It is answered at once. */
static void ask_outcome(WaitTarget *t)
{
        const Request q = { .operation = OPERATION_WAIT, .first = t->object };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(failure_done) Failure f = { 0 };
        int r;

        r = request_message(t->waits->async->daemon, &q, &m, &f.own);
        send_next(t, m, r, on_outcome, &f);
}

/* --- question 2: is it alive? --- */

static void on_state(sd_bus_message *reply, Failure *f, void *userdata)
{
        WaitTarget *t = userdata;
        const char *state;

        t->transfer = NULL;
        /* It is still being made, and what becomes of that is told. */
        if (!reply && sd_bus_error_has_name(&f->error, SD_BUS_ERROR_UNKNOWN_OBJECT)) {
                target_follow(t);
                return;
        }
        if (!reply) {
                target_failed(t, f);
                return;
        }
        answered(t->waits, reply);
        f->r = sd_bus_message_read(reply, "v", "s", &state);
        if (f->r < 0) {
                (void) client_error_reply(&f->own, f->r);
                target_lost(t, f);
        } else if (scope_state_from_string(state) >= SCOPE_ZOMBIE)
                ask_outcome(t);
        else
                target_follow(t);
}

static void ask_state(WaitTarget *t)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(failure_done) Failure f = { 0 };
        const char *interface = client_object_is_task(t->object) ? TASK_IFACE : SCOPE_IFACE;
        int r;

        r = daemon_message_new(t->waits->async->daemon, t->object, PROPERTIES_IFACE, "Get",
                               (const char *const[]){ interface, "State" }, 2, &m, &f.own);
        send_next(t, m, r, on_state, &f);
}

/* --- question 1: what is meant? --- */

/* 1 when it is another one of our targets, which then has the calls. */
static int target_set_object(WaitTarget *t, const char *object)
{
        WaitTarget *other;
        Call *call;

        if (t->object)
                return 0;
        other = target_by_object(t->waits, object);
        if (other) {
                while ((call = TAILQ_FIRST(&t->calls))) {
                        call->target = other;
                        call_move(call, &other->calls);
                }
                target_free(t);
                return 1;
        }
        t->object = strdup(object);
        if (!t->object)
                return -ENOMEM;
        if (!tsearch(t, &t->waits->by_object, compare_object)) {
                free(TAKE_PTR(t->object));
                return -ENOMEM;
        }
        return 0;
}

static void on_object(sd_bus_message *reply, Failure *f, void *userdata)
{
        WaitTarget *t = userdata;
        const char *object;

        t->transfer = NULL;
        if (!reply && sd_bus_error_has_name(&f->error, error_kind_to_dbus(ERROR_IO))) {
                /* A supervisor that stands still has not said yet which tasks it has. */
                answered(t->waits, NULL);
                target_away(t, f);
                return;
        }
        if (!reply) {
                target_failed(t, f);
                return;
        }
        answered(t->waits, reply);
        f->r = sd_bus_message_read_basic(reply, 'o', &object);
        if (f->r < 0)
                (void) client_error_reply(&f->own, f->r);
        else
                f->r = target_set_object(t, object);
        if (f->r < 0)
                target_lost(t, f);
        else if (f->r == 0)
                ask_state(t);
}

static int ask_object(WaitTarget *t, hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = daemon_message_new(t->waits->async->daemon, MANAGER_PATH, MANAGER_IFACE, "GetScope",
                               (const char *const[]){ t->object ?: t->text }, 1, &m, e);
        if (r < 0)
                return r;
        /* Whoever has stopped the daemon wants it to stay so. */
        r = sd_bus_message_set_auto_start(m, !t->asked);
        if (r < 0)
                return client_error_bus(NULL, e, NULL, r);
        t->asked = true;
        return send(t, m, on_object, e);
}

static void ask(WaitTarget *t)
{
        _cleanup_(failure_done) Failure f = { 0 };

        target_set_state(t, WAIT_ASKING);
        t->changed = false;
        f.r = ask_object(t, &f.own);
        if (f.r < 0)
                target_failed(t, &f);
}

/* --- the call --- */

static int waits_new(Async *a, Waits **ret)
{
        Waits *w;

        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Waits){ .async = a, .patience = { .delay = patience_new().delay } };
        for (WaitState s = 0; s < _WAIT_STATE_MAX; s++)
                TAILQ_INIT(&w->targets[s]);
        *ret = w;
        return 0;
}

int wait_begin(Call *call, hpcnode_cgroup_error *e)
{
        _cleanup_(failure_done) Failure f = { 0 };
        Async *a = call->async;
        WaitTarget *t;
        Patience p;

        if (!a->waits && waits_new(a, &a->waits) < 0)
                return client_oom(e);
        if (target_new(a->waits, call->request.first, &t) < 0)
                return client_oom(e);
        call->target = t;
        call_move(call, &t->calls);
        f.r = daemon_is_connected(a->daemon) ? waits_connected(a) : 0;
        if (f.r >= 0)
                f.r = ask_object(t, &f.own);
        if (f.r >= 0)
                return 0;
        /* Nothing that is wrong with the arguments is borne. */
        p = patience_new();
        if (!daemon_may_await(a->daemon, &f, &p))
                return failure_tell(a->daemon, &f, e);
        target_failed(t, &f);
        return 0;
}
