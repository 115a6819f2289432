/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls for the loop over operations that only know calls that block: they are done at once, and told later. */
#include "async.h"

static int operate(hpcnode_cgroup *c, const Request *q, Result *ret, hpcnode_cgroup_error *e)
{
        switch (q->operation) {
        case OPERATION_CREATE_HIERARCHY:
                return hpcnode_cgroup_create_hierarchy(c, &ret->slices, e);
        case OPERATION_CREATE_SCOPE:
                return hpcnode_cgroup_create_scope(c, q->first, q->second, q->limits, q->options,
                                                   &ret->info, e);
        case OPERATION_DESTROY_SCOPE:
                return hpcnode_cgroup_destroy_scope(c, q->first, e);
        case OPERATION_READ_METRICS:
                return hpcnode_cgroup_read_metrics(c, q->first, &ret->metrics, e);
        case OPERATION_IS_SCOPE_EMPTY:
                return hpcnode_cgroup_is_scope_empty(c, q->first, e);
        case OPERATION_SLICE_OWNER:
                return hpcnode_cgroup_slice_owner(c, q->first, &ret->text, e);
        case OPERATION_RUN:
                return hpcnode_cgroup_run(c, q->first, q->second, q->limits, q->options, q->argv,
                                          &ret->info, e);
        case OPERATION_SPAWN:
                return hpcnode_cgroup_spawn(c, q->first, q->second, q->options, q->argv, &ret->info,
                                            e);
        case OPERATION_ATTACH:
                return hpcnode_cgroup_attach(c, q->first, q->second, q->pids, q->n_pids, e);
        case OPERATION_MOVE_TASKS:
                return hpcnode_cgroup_move_tasks(c, q->from, q->first, q->second, e);
        case OPERATION_SET_LIMITS:
                return hpcnode_cgroup_set_limits(c, q->first, q->limits, e);
        case OPERATION_FREEZE:
                return hpcnode_cgroup_freeze(c, q->first, e);
        case OPERATION_THAW:
                return hpcnode_cgroup_thaw(c, q->first, e);
        case OPERATION_KILL:
                return hpcnode_cgroup_kill(c, q->first, q->signal, e);
        case OPERATION_KILL_ALL:
                return hpcnode_cgroup_kill_all(c, q->first, q->signal, e);
        case OPERATION_REMOVE:
                return hpcnode_cgroup_remove(c, q->first, e);
        case OPERATION_LIST:
                return hpcnode_cgroup_list(c, &ret->list, e);
        default:
                return client_error_not_supported(e, "this call for an event loop");
        }
}

/* --- waiting in the fake --- */

static void on_end(const FakeOutcome *outcome, void *userdata)
{
        Call *call = userdata;

        call->watch = NULL;
        call->value =
                fake_outcome_info(call->request.first, outcome, &call->result.info, &call->error);
        call_done(call);
}

static int on_ends(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        fake_watch_dispatch(userdata);
        return 0;
}

static int add_ends(Async *a, Fake *f, hpcnode_cgroup_error *e)
{
        int r;

        r = sd_event_add_io(a->event, &a->ends, fake_watch_fd(f), EPOLLIN, on_ends, f);
        if (r >= 0)
                r = sd_event_source_set_priority(a->ends, a->priority);
        return r < 0 ? client_error(e, HPCNODE_CGROUP_ERROR_OTHER,
                                    "cannot wait in the event loop: %s", strerror(-r))
                     : 0;
}

/* What blocks until something ends cannot be done at once, and of a table that is not known only that is known. */
static int table_wait(hpcnode_cgroup *c, const Request *q, Call *call, hpcnode_cgroup_error *e)
{
        Async *a = call->async;
        Fake *f = fake_of(c);

        if (!f)
                return client_error_not_supported(e, "waiting in an event loop");
        call->value = fake_watch(f, q->first, on_end, call, &call->watch, &call->error);
        if (call->value < 0)
                call_done(call);
        else if (!a->ends)
                return add_ends(a, f, e);
        return 0;
}

int table_call(hpcnode_cgroup *c, const Request *q, Call *call, hpcnode_cgroup_error *e)
{
        if (q->operation == OPERATION_WAIT)
                return table_wait(c, q, call, e);
        call->value = operate(c, q, &call->result, &call->error);
        call_done(call);
        return 0;
}
