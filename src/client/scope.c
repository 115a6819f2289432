/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract's operations on slices and scopes. */
#include "client.h"

#include "basic/name.h"

_public_ int hpcnode_cgroup_create_hierarchy(hpcnode_cgroup *c, char ***ret_slices,
                                             hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(hpcnode_cgroup_strings_freep) char **slices = NULL;
        int r;

        r = client_method(c, "CreateHierarchy", &m, ret_error);
        if (r < 0)
                return r;
        r = client_call(c, m, &reply, ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_strv(reply, &slices);
        if (r < 0)
                return client_error_reply(ret_error, r);

        if (ret_slices)
                *ret_slices = TAKE_PTR(slices);
        return 0;
}

int client_check_name(const char *name, char **ret_name, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = scope_name_parse(name, ret_name, &reason);
        if (r == -ENOMEM)
                return client_oom(e);
        if (r < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "%s",
                                    reason ?: "the scope's name is not allowed");
        return 0;
}

int client_read_created(sd_bus_message *reply, const char *name, hpcnode_cgroup_info **ret,
                        hpcnode_cgroup_error *e)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        const char *object, *path;
        int r;

        r = sd_bus_message_read(reply, "os", &object, &path);
        if (r < 0)
                return client_error_reply(e, r);

        info = client_info_new();
        if (!info)
                return client_oom(e);
        r = client_info_set_object(info, object);
        if (r < 0)
                return client_error_reply(e, r);
        info->name = strdup(name);
        info->cgroup = strdup(path);
        if (!info->name || !info->cgroup || client_info_set_id(info, NULL) < 0)
                return client_oom(e);

        *ret = TAKE_PTR(info);
        return 0;
}

_public_ int hpcnode_cgroup_create_scope(hpcnode_cgroup *c, const char *slice, const char *name,
                                         const hpcnode_cgroup_limits *limits,
                                         const hpcnode_cgroup_options *options,
                                         hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(freep) char *scope_name = NULL;
        int r;

        r = client_check_name(name, &scope_name, ret_error);
        if (r < 0)
                return r;
        r = client_method(c, "CreateScope", &m, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, slice, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, scope_name, ret_error);
        if (r < 0)
                return r;
        r = client_append_dict(m, limits, options, OPTION_CREATE, ret_error);
        if (r < 0)
                return r;
        r = client_call(c, m, &reply, ret_error);
        if (r < 0)
                return r;
        r = client_read_created(reply, scope_name, &info, ret_error);
        if (r < 0)
                return r;

        if (ret)
                *ret = TAKE_PTR(info);
        return 0;
}

_public_ int hpcnode_cgroup_destroy_scope(hpcnode_cgroup *c, const char *scope,
                                          hpcnode_cgroup_error *ret_error)
{
        return client_call_string(c, "DestroyScope", scope, NULL, ret_error);
}

_public_ int hpcnode_cgroup_freeze(hpcnode_cgroup *c, const char *scope,
                                   hpcnode_cgroup_error *ret_error)
{
        return client_call_string(c, "FreezeScope", scope, NULL, ret_error);
}

_public_ int hpcnode_cgroup_thaw(hpcnode_cgroup *c, const char *scope,
                                 hpcnode_cgroup_error *ret_error)
{
        return client_call_string(c, "ThawScope", scope, NULL, ret_error);
}

_public_ int hpcnode_cgroup_remove(hpcnode_cgroup *c, const char *scope,
                                   hpcnode_cgroup_error *ret_error)
{
        return client_call_string(c, "RemoveScope", scope, NULL, ret_error);
}

_public_ int hpcnode_cgroup_is_scope_empty(hpcnode_cgroup *c, const char *scope,
                                           hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r, empty;

        r = client_query_string(c, "IsScopeEmpty", scope, &reply, ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(reply, 'b', &empty);
        return r < 0 ? client_error_reply(ret_error, r) : empty;
}

_public_ int hpcnode_cgroup_slice_owner(hpcnode_cgroup *c, const char *path, char **ret_owner,
                                        hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *owner;
        char *copy;
        int r;

        r = client_query_string(c, "SliceOwner", path, &reply, ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(reply, 's', &owner);
        if (r < 0)
                return client_error_reply(ret_error, r);

        copy = strdup(owner);
        if (!copy)
                return client_oom(ret_error);
        *ret_owner = copy;
        return 0;
}

_public_ int hpcnode_cgroup_kill(hpcnode_cgroup *c, const char *scope, int signal,
                                 hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int32_t number = signal;
        int r;

        r = client_method(c, "KillScope", &m, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, scope, ret_error);
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 'i', &number);
        if (r < 0)
                return client_error_bus(c, ret_error, NULL, r);
        return client_call(c, m, NULL, ret_error);
}

_public_ int hpcnode_cgroup_set_limits(hpcnode_cgroup *c, const char *scope,
                                       const hpcnode_cgroup_limits *limits,
                                       hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_method(c, "SetScopeLimits", &m, ret_error);
        if (r < 0)
                return r;
        r = client_append_string(m, scope, ret_error);
        if (r < 0)
                return r;
        r = client_append_dict(m, limits, NULL, OPTION_CREATE, ret_error);
        if (r < 0)
                return r;
        return client_call(c, m, NULL, ret_error);
}
