/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting programs: a job with a scope of its own, and further tasks in a live scope. */
#include "client.h"

#include "basic/name.h"

/* An empty command is refused here: D-Bus would carry it, and nobody could execute it. */
static int check_argv(const char *const argv[], hpcnode_cgroup_error *e)
{
        if (!argv || !argv[0] || !*argv[0])
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "no program is named");
        return 0;
}

_public_ int hpcnode_cgroup_run(hpcnode_cgroup *c, const char *slice, const char *name,
                                const hpcnode_cgroup_limits *limits,
                                const hpcnode_cgroup_options *options, const char *const argv[],
                                hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(freep) char *scope_name = NULL;
        int r;

        r = check_argv(argv, ret_error);
        if (r < 0)
                return r;
        r = client_check_name(name, &scope_name, ret_error);
        if (r < 0)
                return r;
        r = client_method(c, "Run", &m, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, slice, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, scope_name, ret_error);
        if (r < 0)
                return r;
        r = client_append_dict(m, limits, NULL, OPTION_RUN, ret_error);
        if (r < 0)
                return r;
        r = client_append_strv(m, argv, ret_error);
        if (r < 0)
                return r;
        r = client_append_dict(m, NULL, options, OPTION_RUN, ret_error);
        if (r < 0)
                return r;
        r = client_call(c, m, &reply, ret_error);
        if (r < 0)
                return r;
        r = client_read_created(reply, scope_name, &info, ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(reply, 'u', &info->pid);
        if (r < 0)
                return client_error_reply(ret_error, r);

        if (ret)
                *ret = TAKE_PTR(info);
        return 0;
}

static int read_spawned(hpcnode_cgroup *c, sd_bus_message *reply, hpcnode_cgroup_info **ret,
                        hpcnode_cgroup_error *e)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(freep) char *scope_name = NULL, *scope_cgroup = NULL;
        const char *object;
        int r;

        info = client_info_new();
        if (!info)
                return client_oom(e);
        r = sd_bus_message_read(reply, "ou", &object, &info->pid);
        if (r < 0)
                return client_error_reply(e, r);
        r = client_info_set_object(info, object);
        if (r < 0)
                return client_error_reply(e, r);

        /* A task may have ended by now, and its scope with it: it was started all the same. */
        r = client_scope_identity(c, object, &scope_name, &scope_cgroup, NULL);
        if (r >= 0 && client_info_set_task_cgroup(info, scope_cgroup) < 0)
                return client_oom(e);
        if (client_info_set_id(info, scope_name) < 0)
                return client_oom(e);

        *ret = TAKE_PTR(info);
        return 0;
}

static int check_task_name(const char *task, char **ret_name, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = task_name_parse(task, ret_name, &reason);
        if (r == -ENOMEM)
                return client_oom(e);
        if (r < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "%s",
                                    reason ?: "the task's name is not allowed");
        return 0;
}

_public_ int hpcnode_cgroup_spawn(hpcnode_cgroup *c, const char *scope, const char *task,
                                  const hpcnode_cgroup_options *options, const char *const argv[],
                                  hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(freep) char *task_name = NULL;
        int r;

        r = check_argv(argv, ret_error);
        if (r < 0)
                return r;
        r = check_task_name(task, &task_name, ret_error);
        if (r < 0)
                return r;
        r = client_method(c, "Spawn", &m, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, scope, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, task_name, ret_error);
        if (r < 0)
                return r;
        r = client_append_strv(m, argv, ret_error);
        if (r < 0)
                return r;
        r = client_append_dict(m, NULL, options, OPTION_SPAWN, ret_error);
        if (r < 0)
                return r;
        r = client_call(c, m, &reply, ret_error);
        if (r < 0)
                return r;
        return ret ? read_spawned(c, reply, ret, ret_error) : 0;
}
