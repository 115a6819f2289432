/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a scope or a task, as it is handed out. */
#include "client.h"

#include <stdio.h>

hpcnode_cgroup_info *client_info_new(void)
{
        hpcnode_cgroup_info *info;

        info = malloc(sizeof(*info));
        if (!info)
                return NULL;
        *info = (hpcnode_cgroup_info){
                .n_pids = -1,
                .n_require_paths = -1,
                .n_services = -1,
                .timed_out = -1,
                .demoted = -1,
                .pressure_killed = -1,
                .uid = UINT32_MAX,
                .is_job = -1,
                .is_task = -1,
                .release_on_empty = -1,
                .oom_killed = -1,
                .priority = -1,
                .exit_status = -1,
                .oom_kills = UINT64_MAX,
        };
        return info;
}

hpcnode_cgroup_info *client_info_new_outcome(const char *state, int exit_status, int exit_signal,
                                             int oom_killed)
{
        hpcnode_cgroup_info *info;

        info = client_info_new();
        if (!info)
                return NULL;
        info->state = strdup(state);
        if (!info->state)
                return hpcnode_cgroup_info_free(info);
        info->exit_status = exit_status;
        info->exit_signal = exit_signal;
        info->oom_killed = oom_killed;
        return info;
}

_public_ hpcnode_cgroup_info *hpcnode_cgroup_info_free(hpcnode_cgroup_info *info)
{
        if (!info)
                return NULL;
        free(info->id);
        free(info->name);
        free(info->unit);
        free(info->slice);
        free(info->cgroup);
        free(info->state);
        free(info->owner);
        free(info->description);
        free(info->log);
        hpcnode_cgroup_strings_free(info->frozen_by);
        free(info->pids);
        hpcnode_cgroup_limits_free(info->limits);
        hpcnode_cgroup_metrics_free(info->metrics);
        free(info);
        return NULL;
}

_public_ hpcnode_cgroup_info **hpcnode_cgroup_list_free(hpcnode_cgroup_info **list)
{
        for (hpcnode_cgroup_info **i = list; i && *i; i++)
                hpcnode_cgroup_info_free(*i);
        free(list);
        return NULL;
}

hpcnode_cgroup_info *client_list_add(hpcnode_cgroup_info ***list, size_t n)
{
        hpcnode_cgroup_info **longer;

        longer = reallocarray(*list, n + 2, sizeof(hpcnode_cgroup_info *));
        if (!longer)
                return NULL;
        *list = longer;
        longer[n] = client_info_new();
        longer[n + 1] = NULL;
        return longer[n];
}

_public_ char **hpcnode_cgroup_strings_free(char **strings)
{
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
        return NULL;
}

int client_info_set_id(hpcnode_cgroup_info *info, const char *scope_name)
{
        char *id = NULL;

        if (info->is_task <= 0)
                id = strdup(info->name ?: info->unit);
        else if (asprintf(&id, "%s/%s", scope_name ?: info->unit, info->name) < 0)
                id = NULL;
        if (!id)
                return -ENOMEM;

        free(info->id);
        info->id = id;
        return 0;
}

int client_info_set_task_cgroup(hpcnode_cgroup_info *info, const char *scope_cgroup)
{
        char *cgroup = NULL;

        if (asprintf(&cgroup, "%s/payload/%s", scope_cgroup, info->name) < 0)
                return -ENOMEM;
        free(info->cgroup);
        info->cgroup = cgroup;
        return 0;
}
