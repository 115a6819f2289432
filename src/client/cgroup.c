/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract as functions: each passes its arguments on to the handle's table of operations. */
#include "async.h"

/* The function of a table, which may be of a program that was compiled with an older header; NULL: none. */
#define OPERATION(c, name)                                                             \
        ((c)->ops->size >= offsetof(hpcnode_cgroup_ops, name) + sizeof((c)->ops->name) \
                 ? (c)->ops->name                                                      \
                 : NULL)

/* Calls it, or says that there is none. Arguments end in the error. */
#define CALL(c, name, e, ...)                                            \
        (OPERATION(c, name) ? (c)->ops->name((c)->userdata, __VA_ARGS__) \
                            : client_error_not_supported(e, #name))

_public_ int hpcnode_cgroup_new(const hpcnode_cgroup_ops *ops, void *userdata, hpcnode_cgroup **ret,
                                hpcnode_cgroup_error *ret_error)
{
        hpcnode_cgroup *c;

        c = calloc(1, sizeof(*c));
        if (!c)
                return client_oom(ret_error);
        *c = (hpcnode_cgroup){ .ops = ops, .userdata = userdata };
        *ret = c;
        return 0;
}

_public_ hpcnode_cgroup *hpcnode_cgroup_free(hpcnode_cgroup *c)
{
        if (!c)
                return NULL;
        async_free(c->async);
        if (OPERATION(c, free))
                c->ops->free(c->userdata);
        free(c);
        return NULL;
}

/* Outputs that the caller does not want are taken here, so that no table need care. */
static int give_info(int r, hpcnode_cgroup_info *info, hpcnode_cgroup_info **ret)
{
        if (r >= 0 && ret)
                *ret = info;
        else
                hpcnode_cgroup_info_free(info);
        return r;
}

_public_ int hpcnode_cgroup_create_hierarchy(hpcnode_cgroup *c, char ***ret_slices,
                                             hpcnode_cgroup_error *ret_error)
{
        _cleanup_(hpcnode_cgroup_strings_freep) char **slices = NULL;
        int r;

        r = CALL(c, create_hierarchy, ret_error, &slices, ret_error);
        if (r >= 0 && ret_slices)
                *ret_slices = TAKE_PTR(slices);
        return r;
}

_public_ int hpcnode_cgroup_create_scope(hpcnode_cgroup *c, const char *slice, const char *name,
                                         const hpcnode_cgroup_limits *limits,
                                         const hpcnode_cgroup_options *options,
                                         hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        hpcnode_cgroup_info *info = NULL;
        int r;

        r = CALL(c, create_scope, ret_error, slice, name, limits, options, &info, ret_error);
        return give_info(r, info, ret);
}

_public_ int hpcnode_cgroup_destroy_scope(hpcnode_cgroup *c, const char *scope,
                                          hpcnode_cgroup_error *ret_error)
{
        return CALL(c, destroy_scope, ret_error, scope, ret_error);
}

_public_ int hpcnode_cgroup_read_metrics(hpcnode_cgroup *c, const char *path,
                                         hpcnode_cgroup_metrics **ret,
                                         hpcnode_cgroup_error *ret_error)
{
        return CALL(c, read_metrics, ret_error, path, ret, ret_error);
}

_public_ int hpcnode_cgroup_is_scope_empty(hpcnode_cgroup *c, const char *scope,
                                           hpcnode_cgroup_error *ret_error)
{
        return CALL(c, is_scope_empty, ret_error, scope, ret_error);
}

_public_ int hpcnode_cgroup_slice_owner(hpcnode_cgroup *c, const char *path, char **ret_owner,
                                        hpcnode_cgroup_error *ret_error)
{
        return CALL(c, slice_owner, ret_error, path, ret_owner, ret_error);
}

_public_ int hpcnode_cgroup_run(hpcnode_cgroup *c, const char *slice, const char *name,
                                const hpcnode_cgroup_limits *limits,
                                const hpcnode_cgroup_options *options, const char *const argv[],
                                hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        hpcnode_cgroup_info *info = NULL;
        int r;

        r = CALL(c, run, ret_error, slice, name, limits, options, argv, &info, ret_error);
        return give_info(r, info, ret);
}

_public_ int hpcnode_cgroup_spawn(hpcnode_cgroup *c, const char *scope, const char *task,
                                  const hpcnode_cgroup_options *options, const char *const argv[],
                                  hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        hpcnode_cgroup_info *info = NULL;
        int r;

        r = CALL(c, spawn, ret_error, scope, task, options, argv, &info, ret_error);
        return give_info(r, info, ret);
}

_public_ int hpcnode_cgroup_attach(hpcnode_cgroup *c, const char *scope, const char *task,
                                   const uint32_t *pids, size_t n_pids,
                                   hpcnode_cgroup_error *ret_error)
{
        return CALL(c, attach, ret_error, scope, task, pids, n_pids, ret_error);
}

_public_ int hpcnode_cgroup_move_tasks(hpcnode_cgroup *c, const char *from, const char *scope,
                                       const char *task, hpcnode_cgroup_error *ret_error)
{
        return CALL(c, move_tasks, ret_error, from, scope, task, ret_error);
}

_public_ int hpcnode_cgroup_open_scope(hpcnode_cgroup *c, const char *scope, const char *task,
                                       int *ret_fd, hpcnode_cgroup_error *ret_error)
{
        return CALL(c, open_scope, ret_error, scope, task, ret_fd, ret_error);
}

_public_ int hpcnode_cgroup_set_limits(hpcnode_cgroup *c, const char *scope,
                                       const hpcnode_cgroup_limits *limits,
                                       hpcnode_cgroup_error *ret_error)
{
        return CALL(c, set_limits, ret_error, scope, limits, ret_error);
}

_public_ int hpcnode_cgroup_set_cpuset(hpcnode_cgroup *c, const char *scope, const char *cpus,
                                       hpcnode_cgroup_error *ret_error)
{
        _cleanup_(hpcnode_cgroup_limits_freep) hpcnode_cgroup_limits *limits = NULL;
        int r;

        limits = hpcnode_cgroup_limits_new();
        if (!limits)
                return client_oom(ret_error);
        r = hpcnode_cgroup_limits_set(limits, "AllowedCPUs", cpus ?: "", ret_error);
        if (r < 0)
                return r;
        return hpcnode_cgroup_set_limits(c, scope, limits, ret_error);
}

_public_ int hpcnode_cgroup_freeze(hpcnode_cgroup *c, const char *scope,
                                   hpcnode_cgroup_error *ret_error)
{
        return CALL(c, freeze, ret_error, scope, ret_error);
}

_public_ int hpcnode_cgroup_thaw(hpcnode_cgroup *c, const char *scope,
                                 hpcnode_cgroup_error *ret_error)
{
        return CALL(c, thaw, ret_error, scope, ret_error);
}

_public_ int hpcnode_cgroup_kill(hpcnode_cgroup *c, const char *scope, int signal,
                                 hpcnode_cgroup_error *ret_error)
{
        return CALL(c, kill, ret_error, scope, signal, ret_error);
}

_public_ int hpcnode_cgroup_kill_all(hpcnode_cgroup *c, const char *scope, int signal,
                                     hpcnode_cgroup_error *ret_error)
{
        return CALL(c, kill_all, ret_error, scope, signal, ret_error);
}

_public_ int hpcnode_cgroup_wait(hpcnode_cgroup *c, const char *scope, int cancel_fd,
                                 hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        hpcnode_cgroup_info *info = NULL;
        int r;

        r = CALL(c, wait, ret_error, scope, cancel_fd, &info, ret_error);
        return give_info(r, info, ret);
}

_public_ int hpcnode_cgroup_remove(hpcnode_cgroup *c, const char *scope,
                                   hpcnode_cgroup_error *ret_error)
{
        return CALL(c, remove, ret_error, scope, ret_error);
}

_public_ int hpcnode_cgroup_list(hpcnode_cgroup *c, hpcnode_cgroup_info ***ret,
                                 hpcnode_cgroup_error *ret_error)
{
        return CALL(c, list, ret_error, ret, ret_error);
}

_public_ int hpcnode_cgroup_list_tasks(hpcnode_cgroup *c, const char *scope,
                                       hpcnode_cgroup_info ***ret, hpcnode_cgroup_error *ret_error)
{
        return CALL(c, list_tasks, ret_error, scope, ret, ret_error);
}

_public_ int hpcnode_cgroup_inspect_list(hpcnode_cgroup *c, hpcnode_cgroup_info *const list[],
                                         hpcnode_cgroup_error *ret_error)
{
        return CALL(c, inspect_list, ret_error, list, ret_error);
}

_public_ int hpcnode_cgroup_inspect(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_info **ret,
                                    hpcnode_cgroup_error *ret_error)
{
        return CALL(c, inspect, ret_error, scope, ret, ret_error);
}

_public_ int hpcnode_cgroup_who_am_i(hpcnode_cgroup *c, char **ret_principal, uint32_t *ret_uid,
                                     char **ret_unit, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(freep) char *principal = NULL, *unit = NULL;
        uint32_t uid = 0;
        int r;

        r = CALL(c, who_am_i, ret_error, &principal, &uid, &unit, ret_error);
        if (r < 0)
                return r;
        if (ret_principal)
                *ret_principal = TAKE_PTR(principal);
        if (ret_uid)
                *ret_uid = uid;
        if (ret_unit)
                *ret_unit = TAKE_PTR(unit);
        return r;
}

_public_ int hpcnode_cgroup_drain(hpcnode_cgroup *c, const char *reason, int kill,
                                  hpcnode_cgroup_error *ret_error)
{
        return CALL(c, drain, ret_error, reason ?: "", kill, ret_error);
}

_public_ int hpcnode_cgroup_wait_drained(hpcnode_cgroup *c, int cancel_fd,
                                         hpcnode_cgroup_error *ret_error)
{
        return CALL(c, wait_drained, ret_error, cancel_fd, ret_error);
}

_public_ int hpcnode_cgroup_cancel_drain(hpcnode_cgroup *c, hpcnode_cgroup_error *ret_error)
{
        return CALL(c, cancel_drain, ret_error, ret_error);
}

_public_ int hpcnode_cgroup_draining(hpcnode_cgroup *c, char **ret_reason, uint64_t *ret_since_usec,
                                     hpcnode_cgroup_error *ret_error)
{
        _cleanup_(freep) char *reason = NULL;
        uint64_t since_usec = 0;
        int r;

        r = CALL(c, draining, ret_error, &reason, &since_usec, ret_error);
        if (r <= 0)
                return r;
        if (ret_reason)
                *ret_reason = TAKE_PTR(reason);
        if (ret_since_usec)
                *ret_since_usec = since_usec;
        return r;
}
