/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of <hpcnode/cgroup-async.h>. */
#include "async.h"

Async *async_of(const hpcnode_cgroup *c, hpcnode_cgroup_error *e)
{
        if (!c->async)
                (void) client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "this handle is not attached to an event loop: "
                                    "hpcnode_cgroup_attach_event() comes first");
        return c->async;
}

_public_ int hpcnode_cgroup_attach_event(hpcnode_cgroup *c, sd_event *event, int64_t priority,
                                         hpcnode_cgroup_error *ret_error)
{
        const Daemon *d = daemon_of(c, "attach_event", NULL);
        sd_event *other = d && d->bus ? sd_bus_get_event(d->bus) : NULL;
        int r;

        if (c->async || (other && other != event))
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "this %s is attached to an event loop already",
                                    c->async ? "handle" : "connection to the bus");
        if (priority < INT_MIN || priority > INT_MAX)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "priority %jd is out of range", (intmax_t) priority);

        r = async_new(c, event, priority, &c->async, ret_error);
        if (r < 0)
                return r;
        if (c->async->daemon)
                c->async->daemon->async = c->async;
        return 0;
}

_public_ int hpcnode_cgroup_create_hierarchy_async(hpcnode_cgroup *c,
                                                   hpcnode_cgroup_handler handler, void *userdata,
                                                   hpcnode_cgroup_call **ret_call,
                                                   hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_CREATE_HIERARCHY };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_create_scope_async(
        hpcnode_cgroup *c, const char *slice, const char *name, const hpcnode_cgroup_limits *limits,
        const hpcnode_cgroup_options *options, hpcnode_cgroup_handler handler, void *userdata,
        hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_CREATE_SCOPE,
                      .first = slice,
                      .second = name,
                      .limits = limits,
                      .options = options };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_destroy_scope_async(hpcnode_cgroup *c, const char *scope,
                                                hpcnode_cgroup_handler handler, void *userdata,
                                                hpcnode_cgroup_call **ret_call,
                                                hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_DESTROY_SCOPE, .first = scope };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_read_metrics_async(hpcnode_cgroup *c, const char *path,
                                               hpcnode_cgroup_handler handler, void *userdata,
                                               hpcnode_cgroup_call **ret_call,
                                               hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_READ_METRICS, .first = path };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_is_scope_empty_async(hpcnode_cgroup *c, const char *scope,
                                                 hpcnode_cgroup_handler handler, void *userdata,
                                                 hpcnode_cgroup_call **ret_call,
                                                 hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_IS_SCOPE_EMPTY, .first = scope };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_slice_owner_async(hpcnode_cgroup *c, const char *path,
                                              hpcnode_cgroup_handler handler, void *userdata,
                                              hpcnode_cgroup_call **ret_call,
                                              hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_SLICE_OWNER, .first = path };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_run_async(hpcnode_cgroup *c, const char *slice, const char *name,
                                      const hpcnode_cgroup_limits *limits,
                                      const hpcnode_cgroup_options *options,
                                      const char *const argv[], hpcnode_cgroup_handler handler,
                                      void *userdata, hpcnode_cgroup_call **ret_call,
                                      hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_RUN,
                      .first = slice,
                      .second = name,
                      .limits = limits,
                      .options = options,
                      .argv = argv };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_spawn_async(hpcnode_cgroup *c, const char *scope, const char *task,
                                        const hpcnode_cgroup_options *options,
                                        const char *const argv[], hpcnode_cgroup_handler handler,
                                        void *userdata, hpcnode_cgroup_call **ret_call,
                                        hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_SPAWN,
                      .first = scope,
                      .second = task,
                      .options = options,
                      .argv = argv };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_attach_async(hpcnode_cgroup *c, const char *scope, const char *task,
                                         const uint32_t *pids, size_t n_pids,
                                         hpcnode_cgroup_handler handler, void *userdata,
                                         hpcnode_cgroup_call **ret_call,
                                         hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_ATTACH,
                      .first = scope,
                      .second = task,
                      .pids = pids,
                      .n_pids = n_pids };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_move_tasks_async(hpcnode_cgroup *c, const char *from, const char *scope,
                                             const char *task, hpcnode_cgroup_handler handler,
                                             void *userdata, hpcnode_cgroup_call **ret_call,
                                             hpcnode_cgroup_error *ret_error)
{
        Request q = {
                .operation = OPERATION_MOVE_TASKS, .first = scope, .second = task, .from = from
        };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_set_limits_async(hpcnode_cgroup *c, const char *scope,
                                             const hpcnode_cgroup_limits *limits,
                                             hpcnode_cgroup_handler handler, void *userdata,
                                             hpcnode_cgroup_call **ret_call,
                                             hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_SET_LIMITS, .first = scope, .limits = limits };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_freeze_async(hpcnode_cgroup *c, const char *scope,
                                         hpcnode_cgroup_handler handler, void *userdata,
                                         hpcnode_cgroup_call **ret_call,
                                         hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_FREEZE, .first = scope };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_thaw_async(hpcnode_cgroup *c, const char *scope,
                                       hpcnode_cgroup_handler handler, void *userdata,
                                       hpcnode_cgroup_call **ret_call,
                                       hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_THAW, .first = scope };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_kill_async(hpcnode_cgroup *c, const char *scope, int signal,
                                       hpcnode_cgroup_handler handler, void *userdata,
                                       hpcnode_cgroup_call **ret_call,
                                       hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_KILL, .first = scope, .signal = signal };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_kill_all_async(hpcnode_cgroup *c, const char *scope, int signal,
                                           hpcnode_cgroup_handler handler, void *userdata,
                                           hpcnode_cgroup_call **ret_call,
                                           hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_KILL_ALL, .first = scope, .signal = signal };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_wait_async(hpcnode_cgroup *c, const char *scope,
                                       hpcnode_cgroup_handler handler, void *userdata,
                                       hpcnode_cgroup_call **ret_call,
                                       hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_WAIT, .first = scope };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_remove_async(hpcnode_cgroup *c, const char *scope,
                                         hpcnode_cgroup_handler handler, void *userdata,
                                         hpcnode_cgroup_call **ret_call,
                                         hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_REMOVE, .first = scope };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}

_public_ int hpcnode_cgroup_list_async(hpcnode_cgroup *c, hpcnode_cgroup_handler handler,
                                       void *userdata, hpcnode_cgroup_call **ret_call,
                                       hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_LIST };

        return call_begin(c, &q, handler, userdata, ret_call, ret_error);
}
