/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of operations that the daemon fulfils, and the handles to it. */
#include "daemon.h"

static int daemon_create_hierarchy(void *userdata, char ***ret_slices,
                                   hpcnode_cgroup_error *ret_error)
{
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = request_put(userdata, &(Request){ .operation = OPERATION_CREATE_HIERARCHY }, &result,
                        ret_error);
        if (r >= 0)
                *ret_slices = TAKE_PTR(result.slices);
        return r;
}

/* What hands out an info. */
static int put_for_info(Daemon *d, const Request *q, hpcnode_cgroup_info **ret,
                        hpcnode_cgroup_error *e)
{
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = request_put(d, q, &result, e);
        if (r >= 0)
                *ret = TAKE_PTR(result.info);
        return r;
}

static int daemon_create_scope(void *userdata, const char *slice, const char *name,
                               const hpcnode_cgroup_limits *limits,
                               const hpcnode_cgroup_options *options, hpcnode_cgroup_info **ret,
                               hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_CREATE_SCOPE,
                      .first = slice,
                      .second = name,
                      .limits = limits,
                      .options = options };

        return put_for_info(userdata, &q, ret, ret_error);
}

static int daemon_run(void *userdata, const char *slice, const char *name,
                      const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
                      const char *const argv[], hpcnode_cgroup_info **ret,
                      hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_RUN,
                      .first = slice,
                      .second = name,
                      .limits = limits,
                      .options = options,
                      .argv = argv };

        return put_for_info(userdata, &q, ret, ret_error);
}

static int daemon_spawn(void *userdata, const char *scope, const char *task,
                        const hpcnode_cgroup_options *options, const char *const argv[],
                        hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(freep) char *object = NULL, *name = NULL, *cgroup = NULL;
        Request q = { .operation = OPERATION_SPAWN,
                      .first = scope,
                      .second = task,
                      .options = options,
                      .argv = argv };
        int r;

        r = put_for_info(userdata, &q, &info, ret_error);
        if (r < 0)
                return r;

        /* A task may have ended by now, and its scope with it: it was started all the same. */
        if (sd_bus_path_encode(SCOPE_PREFIX, info->unit, &object) < 0)
                return client_oom(ret_error);
        r = daemon_scope_identity(userdata, object, &name, &cgroup, NULL);
        if (r >= 0 &&
            (client_info_set_task_cgroup(info, cgroup) < 0 || client_info_set_id(info, name) < 0))
                return client_oom(ret_error);

        *ret = TAKE_PTR(info);
        return 0;
}

static int daemon_attach(void *userdata, const char *scope, const char *task, const uint32_t *pids,
                         size_t n_pids, hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_ATTACH,
                      .first = scope,
                      .second = task,
                      .pids = pids,
                      .n_pids = n_pids };
        Result result;

        return request_put(userdata, &q, &result, ret_error);
}

static int daemon_open_scope(void *userdata, const char *scope, const char *task, int *ret_fd,
                             hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_OPEN_SCOPE, .first = scope, .second = task };
        Result result;
        int r;

        r = request_put(userdata, &q, &result, ret_error);
        if (r < 0)
                return r;
        *ret_fd = result.value;
        return 0;
}

static int daemon_set_limits(void *userdata, const char *scope, const hpcnode_cgroup_limits *limits,
                             hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_SET_LIMITS, .first = scope, .limits = limits };
        Result result;

        return request_put(userdata, &q, &result, ret_error);
}

static int daemon_kill(void *userdata, const char *scope, int signal,
                       hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_KILL, .first = scope, .signal = signal };
        Result result;

        return request_put(userdata, &q, &result, ret_error);
}

static int daemon_kill_all(void *userdata, const char *scope, int signal,
                           hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_KILL_ALL, .first = scope, .signal = signal };
        Result result;

        return request_put(userdata, &q, &result, ret_error);
}

/* What takes a scope and hands out nothing. */
static int put_for_nothing(Daemon *d, Operation operation, const char *scope,
                           hpcnode_cgroup_error *e)
{
        Result result;

        return request_put(d, &(Request){ .operation = operation, .first = scope }, &result, e);
}

static int daemon_destroy_scope(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return put_for_nothing(userdata, OPERATION_DESTROY_SCOPE, scope, ret_error);
}

static int daemon_is_scope_empty(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return put_for_nothing(userdata, OPERATION_IS_SCOPE_EMPTY, scope, ret_error);
}

static int daemon_freeze(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return put_for_nothing(userdata, OPERATION_FREEZE, scope, ret_error);
}

static int daemon_thaw(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return put_for_nothing(userdata, OPERATION_THAW, scope, ret_error);
}

static int daemon_remove(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return put_for_nothing(userdata, OPERATION_REMOVE, scope, ret_error);
}

static int daemon_read_metrics(void *userdata, const char *path, hpcnode_cgroup_metrics **ret,
                               hpcnode_cgroup_error *ret_error)
{
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = request_put(userdata, &(Request){ .operation = OPERATION_READ_METRICS, .first = path },
                        &result, ret_error);
        if (r >= 0)
                *ret = TAKE_PTR(result.metrics);
        return r;
}

static int daemon_list_tasks(void *userdata, const char *scope, hpcnode_cgroup_info ***ret,
                             hpcnode_cgroup_error *ret_error)
{
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = request_put(userdata,
                        &(Request){ .operation = OPERATION_LIST_TASKS, .first = scope ?: "" },
                        &result, ret_error);
        if (r >= 0)
                *ret = TAKE_PTR(result.list);
        return r;
}

static int daemon_slice_owner(void *userdata, const char *path, char **ret_owner,
                              hpcnode_cgroup_error *ret_error)
{
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = request_put(userdata, &(Request){ .operation = OPERATION_SLICE_OWNER, .first = path },
                        &result, ret_error);
        if (r >= 0)
                *ret_owner = TAKE_PTR(result.text);
        return r;
}

static int daemon_who_am_i(void *userdata, char **ret_principal, uint32_t *ret_uid, char **ret_unit,
                           hpcnode_cgroup_error *ret_error)
{
        _cleanup_(result_done) Result result = { 0 };
        int r;

        r = request_put(userdata, &(Request){ .operation = OPERATION_WHO_AM_I }, &result,
                        ret_error);
        if (r < 0)
                return r;
        *ret_principal = TAKE_PTR(result.text);
        *ret_uid = result.uid;
        *ret_unit = TAKE_PTR(result.unit);
        return 0;
}

static void daemon_free(void *userdata)
{
        Daemon *d = userdata;

        daemon_disconnect(d);
        free(d->where);
        free(d);
}

static const hpcnode_cgroup_ops daemon_ops = {
        .size = sizeof(hpcnode_cgroup_ops),
        .create_hierarchy = daemon_create_hierarchy,
        .create_scope = daemon_create_scope,
        .destroy_scope = daemon_destroy_scope,
        .read_metrics = daemon_read_metrics,
        .is_scope_empty = daemon_is_scope_empty,
        .slice_owner = daemon_slice_owner,
        .run = daemon_run,
        .spawn = daemon_spawn,
        .attach = daemon_attach,
        .move_tasks = daemon_move_tasks,
        .open_scope = daemon_open_scope,
        .set_limits = daemon_set_limits,
        .freeze = daemon_freeze,
        .thaw = daemon_thaw,
        .kill = daemon_kill,
        .wait = daemon_wait,
        .remove = daemon_remove,
        .list = daemon_list,
        .inspect = daemon_inspect,
        .list_tasks = daemon_list_tasks,
        .inspect_list = daemon_inspect_list,
        .who_am_i = daemon_who_am_i,
        .free = daemon_free,
        .kill_all = daemon_kill_all,
        .drain = daemon_drain,
        .wait_drained = daemon_wait_drained,
        .cancel_drain = daemon_cancel_drain,
        .draining = daemon_draining,
};

Daemon *daemon_of(const hpcnode_cgroup *c, const char *operation, hpcnode_cgroup_error *e)
{
        if (c->ops == &daemon_ops)
                return c->userdata;
        (void) client_error_not_supported(e, operation);
        return NULL;
}

/* --- handles --- */

/* What ssh, or the way into a container, comes to is known only when the bus there has answered. */
static int await_bus(Daemon *d, hpcnode_cgroup_error *e)
{
        const char *name;
        int r;

        r = sd_bus_get_unique_name(d->bus, &name);
        return r < 0 ? daemon_not_connected(d, r, e) : 0;
}

/* Takes a reference of bus, which may be NULL, as may `where`. */
static int open_daemon(BusKind kind, const char *where, sd_bus *bus, hpcnode_cgroup **ret,
                       hpcnode_cgroup_error *ret_error)
{
        Daemon *d;
        int r;

        d = calloc(1, sizeof(*d));
        if (!d)
                return client_oom(ret_error);
        d->kind = kind;
        d->bus = sd_bus_ref(bus);
        d->where = where ? strdup(where) : NULL;

        r = where && !d->where ? client_oom(ret_error) : daemon_connect(d, ret_error);
        if (r >= 0 && where)
                r = await_bus(d, ret_error);
        if (r >= 0)
                r = hpcnode_cgroup_new(&daemon_ops, d, ret, ret_error);
        if (r < 0)
                daemon_free(d);
        return r;
}

_public_ int hpcnode_cgroup_open(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        return open_daemon(BUS_SYSTEM, NULL, NULL, ret, ret_error);
}

_public_ int hpcnode_cgroup_open_user(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        return open_daemon(BUS_USER, NULL, NULL, ret, ret_error);
}

_public_ int hpcnode_cgroup_open_bus(sd_bus *bus, hpcnode_cgroup **ret,
                                     hpcnode_cgroup_error *ret_error)
{
        return open_daemon(BUS_GIVEN, NULL, bus, ret, ret_error);
}

_public_ int hpcnode_cgroup_open_remote(const char *host, hpcnode_cgroup **ret,
                                        hpcnode_cgroup_error *ret_error)
{
        return open_daemon(BUS_REMOTE, host, NULL, ret, ret_error);
}

_public_ int hpcnode_cgroup_open_machine(const char *machine, hpcnode_cgroup **ret,
                                         hpcnode_cgroup_error *ret_error)
{
        return open_daemon(BUS_MACHINE, machine, NULL, ret, ret_error);
}

_public_ int hpcnode_cgroup_open_user_machine(const char *machine, hpcnode_cgroup **ret,
                                              hpcnode_cgroup_error *ret_error)
{
        return open_daemon(BUS_USER_MACHINE, machine, NULL, ret, ret_error);
}

_public_ void hpcnode_cgroup_set_interactive(hpcnode_cgroup *c, bool allow)
{
        Daemon *d = daemon_of(c, "set_interactive", NULL);

        if (d)
                d->interactive = allow;
}

_public_ int hpcnode_cgroup_ping(hpcnode_cgroup *c, char **ret_version,
                                 uint64_t *ret_round_trip_usec, hpcnode_cgroup_error *ret_error)
{
        Daemon *d = daemon_of(c, "ping", ret_error);
        _cleanup_(freep) char *version = NULL;
        uint64_t start = client_now_usec();
        int r;

        if (!d)
                return -EOPNOTSUPP;
        r = daemon_query_property(d, MANAGER_PATH, MANAGER_IFACE, "Version", &version, ret_error);
        if (r < 0)
                return r;

        if (ret_round_trip_usec)
                *ret_round_trip_usec = client_now_usec() - start;
        if (ret_version)
                *ret_version = TAKE_PTR(version);
        return 0;
}

_public_ int hpcnode_cgroup_pressure_policy(hpcnode_cgroup *c, char **ret,
                                            hpcnode_cgroup_error *ret_error)
{
        Daemon *d = daemon_of(c, "pressure_policy", ret_error);

        return d ? daemon_query_property(d, MANAGER_PATH, MANAGER_IFACE, "Pressure", ret, ret_error)
                 : -EOPNOTSUPP;
}

/* 1: it was read; 0: there are no more. A word that is too long is one of a version to come. */
static int read_threshold(sd_bus_message *m, hpcnode_cgroup_threshold *ret, bool *ret_known)
{
        const char *act, *resource, *kind;
        uint64_t share;
        int r;

        r = sd_bus_message_read(m, "(ssst)", &act, &resource, &kind, &share);
        if (r <= 0)
                return r;
        *ret_known = strlen(act) < sizeof(ret->act) && strlen(resource) < sizeof(ret->resource) &&
                     strlen(kind) < sizeof(ret->kind);
        if (!*ret_known)
                return 1;
        *ret = (hpcnode_cgroup_threshold){ .share = share };
        memcpy(ret->act, act, strlen(act));
        memcpy(ret->resource, resource, strlen(resource));
        memcpy(ret->kind, kind, strlen(kind));
        return 1;
}

static int read_thresholds(sd_bus_message *m, hpcnode_cgroup_threshold **ret, size_t *ret_n)
{
        _cleanup_(freep) hpcnode_cgroup_threshold *thresholds = NULL;
        size_t n = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "a(ssst)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(ssst)");
        while (r >= 0) {
                hpcnode_cgroup_threshold *grown =
                        reallocarray(thresholds, n + 1, sizeof(*thresholds));
                bool known = false;

                if (!grown)
                        return -ENOMEM;
                thresholds = grown;
                r = read_threshold(m, &thresholds[n], &known);
                if (r == 0)
                        break;
                n += known;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(thresholds);
        *ret_n = n;
        return 0;
}

_public_ int hpcnode_cgroup_pressure_thresholds(hpcnode_cgroup *c, hpcnode_cgroup_threshold **ret,
                                                size_t *ret_n, hpcnode_cgroup_error *ret_error)
{
        Daemon *d = daemon_of(c, "pressure_thresholds", ret_error);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (!d)
                return -EOPNOTSUPP;
        r = daemon_query(d, MANAGER_PATH, PROPERTIES_IFACE, "Get",
                         (const char *const[]){ MANAGER_IFACE, "PressureThresholds", NULL }, &reply,
                         ret_error);
        if (r < 0)
                return r;
        r = read_thresholds(reply, ret, ret_n);
        return r < 0 ? client_error_reply(ret_error, r) : 0;
}

_public_ int hpcnode_cgroup_daemon_started(hpcnode_cgroup *c, uint64_t *ret_usec,
                                           hpcnode_cgroup_error *ret_error)
{
        Daemon *d = daemon_of(c, "daemon_started", ret_error);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t usec;
        int r;

        if (!d)
                return -EOPNOTSUPP;
        r = daemon_query(d, MANAGER_PATH, PROPERTIES_IFACE, "Get",
                         (const char *const[]){ MANAGER_IFACE, "StartUSec", NULL }, &reply,
                         ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "v", "t", &usec);
        if (r < 0)
                return client_error_reply(ret_error, r);
        *ret_usec = usec;
        return 0;
}
