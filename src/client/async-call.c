/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a call for the loop goes through, from its arguments to its handler. */
#include "async.h"

/* --- a call --- */

void call_move(Call *call, CallList *list)
{
        if (call->list)
                TAILQ_REMOVE(call->list, call, calls);
        call->list = list;
        if (list)
                TAILQ_INSERT_TAIL(list, call, calls);
}

Call *call_free(Call *call)
{
        if (!call)
                return NULL;
        call_move(call, NULL);
        transfer_forget(call->transfer);
        if (call->target)
                wait_target_leave(call->target);
        fake_watch_free(call->watch);
        free((char *) call->request.first);
        free((char *) call->request.second);
        free((char *) call->request.from);
        move_done(&call->move);
        result_done(&call->result);
        hpcnode_cgroup_error_done(&call->error);
        free(call);
        return NULL;
}

static char *copy(const char *s)
{
        return s ? strdup(s) : NULL;
}

static int call_new(Async *a, const Request *q, hpcnode_cgroup_handler handler, void *userdata,
                    Call **ret)
{
        _cleanup_(call_freep) Call *call = NULL;

        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (Call){ .async = a,
                        .request = { .operation = q->operation,
                                     .first = copy(q->first),
                                     .second = copy(q->second),
                                     .from = copy(q->from) },
                        .move = { .cgroup = -EBADF },
                        .handler = handler,
                        .userdata = userdata };
        if ((q->first && !call->request.first) || (q->second && !call->request.second) ||
            (q->from && !call->request.from))
                return -ENOMEM;
        call_move(call, &a->pending);
        *ret = TAKE_PTR(call);
        return 0;
}

void call_done(Call *call)
{
        call_move(call, &call->async->done);
        async_wake(call->async);
}

/* The call is in no list any more, and its handler may free the handle. */
static void call_deliver(Call *call)
{
        hpcnode_cgroup_result result = {
                .value = call->value,
                .error = &call->error,
                .info = call->result.info,
                .list = (const hpcnode_cgroup_info *const *) call->result.list,
                .metrics = call->result.metrics,
                .slices = (const char *const *) call->result.slices,
                .owner =
                        call->request.operation == OPERATION_SLICE_OWNER ? call->result.text : NULL,
        };

        call->delivering = true;
        if (call->handler)
                call->handler(&result, call->userdata);
        call_free(call);
}

_public_ hpcnode_cgroup_call *hpcnode_cgroup_call_cancel(hpcnode_cgroup_call *call)
{
        return !call || call->delivering ? NULL : call_free(call);
}

/* --- asking the daemon --- */

static void on_answer(sd_bus_message *reply, Failure *failure, void *userdata);

static int ask(Call *call, const Request *q, uint64_t timeout_usec, hpcnode_cgroup_error *e)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Async *a = call->async;
        int r;

        r = request_message(a->daemon, q, &m, e);
        if (r < 0)
                return r;
        r = transfer_new(a, m, timeout_usec, on_answer, call, &call->transfer);
        return r < 0 ? client_oom(e) : 0;
}

/* Puts once more what only reads, as daemon_call() does. */
static bool ask_again(Call *call, const Failure *failure)
{
        const Async *a = call->async;

        if (call->again || !request_reads(&call->request) ||
            !daemon_may_query_again(a->daemon, a->asked_usec, &failure->error, failure->r))
                return false;
        call->again = true;
        call->value = ask(call, &call->request, daemon_time_left(a->daemon, a->asked_usec) ?: 1,
                          &call->error);
        if (call->value < 0)
                call_done(call);
        return true;
}

static void on_answer(sd_bus_message *reply, Failure *failure, void *userdata)
{
        Call *call = userdata;

        call->transfer = NULL;
        if (reply) {
                call->value = request_read(&call->request, reply, &call->result, &call->error);
                if (call->value >= 0 && call->move.cgroup >= 0)
                        call->value = move_end(&call->move, call->request.from, &call->error);
        } else if (ask_again(call, failure))
                return;
        else
                call->value = failure_tell(call->async->daemon, failure, &call->error);
        call_done(call);
}

/* The processes are found at once: that takes no longer than to ask somebody. */
static int ask_for_move(Call *call, const Request *q, hpcnode_cgroup_error *e)
{
        Request with_pids = *q;
        int r;

        r = move_begin(q->from, &call->move, e);
        if (r < 0)
                return r;
        with_pids.pids = call->move.pids;
        with_pids.n_pids = call->move.n_pids;
        return ask(call, &with_pids, daemon_call_timeout_usec(call->async->daemon), e);
}

int call_begin(hpcnode_cgroup *c, const Request *q, hpcnode_cgroup_handler handler, void *userdata,
               Call **ret, hpcnode_cgroup_error *e)
{
        _cleanup_(call_freep) Call *call = NULL;
        Async *a = async_of(c, e);
        int r;

        if (!a)
                return -EINVAL;
        r = call_new(a, q, handler, userdata, &call);
        if (r < 0)
                return client_oom(e);
        if (!a->daemon)
                r = table_call(c, q, call, e);
        else if (q->operation == OPERATION_WAIT)
                r = wait_begin(call, e);
        else if (q->operation == OPERATION_MOVE_TASKS)
                r = ask_for_move(call, q, e);
        else
                r = ask(call, q, request_reads(q) ? 0 : daemon_call_timeout_usec(a->daemon), e);
        if (r < 0)
                return r;

        if (ret)
                *ret = call;
        TAKE_PTR(call);
        return 0;
}

/* --- the loop --- */

void async_wake(Async *a)
{
        (void) sd_event_source_set_enabled(a->work, SD_EVENT_ON);
}

static int on_work(sd_event_source *source, void *userdata)
{
        Async *a = userdata;
        Call *call;

        if (a->daemon) {
                transfers_work(a);
                waits_work(a);
        }
        call = TAILQ_FIRST(&a->done);
        if (call)
                call_move(call, NULL);
        if (TAILQ_EMPTY(&a->done) && TAILQ_EMPTY(&a->failed))
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (call)
                call_deliver(call); /* after which the handle may be gone */
        return 0;
}

int async_new(hpcnode_cgroup *c, sd_event *event, int64_t priority, Async **ret,
              hpcnode_cgroup_error *e)
{
        _cleanup_(async_freep) Async *a = NULL;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return client_oom(e);
        *a = (Async){ .event = sd_event_ref(event),
                      .priority = priority,
                      .daemon = daemon_of(c, "attach_event", NULL) };
        TAILQ_INIT(&a->pending);
        TAILQ_INIT(&a->done);
        TAILQ_INIT(&a->waiting);
        TAILQ_INIT(&a->flying);
        TAILQ_INIT(&a->failed);

        r = sd_event_add_defer(event, &a->work, on_work, a);
        if (r >= 0)
                r = sd_event_source_set_priority(a->work, priority);
        if (r >= 0)
                r = sd_event_source_set_enabled(a->work, SD_EVENT_OFF);
        if (r >= 0 && a->daemon && daemon_is_connected(a->daemon))
                r = async_connected(a);
        if (r < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_OTHER,
                                    "cannot attach to the event loop: %s", strerror(-r));
        *ret = TAKE_PTR(a);
        return 0;
}

Async *async_free(Async *a)
{
        if (!a)
                return NULL;
        while (!TAILQ_EMPTY(&a->pending))
                call_free(TAILQ_FIRST(&a->pending));
        while (!TAILQ_EMPTY(&a->done))
                call_free(TAILQ_FIRST(&a->done));
        a->waits = waits_free(a->waits);
        transfers_done(a);
        async_disconnected(a);
        if (a->daemon)
                a->daemon->async = NULL;
        sd_event_source_disable_unref(a->ends);
        sd_event_source_disable_unref(a->work);
        sd_event_unref(a->event);
        free(a);
        return NULL;
}
