/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be said of arguments before anything is asked for. */
#include "client.h"

#include "basic/line.h"
#include "basic/name.h"

int client_check_name(const char *name, char **ret_name, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = scope_name_parse(name, ret_name, &reason);
        return r < 0 ? client_error_refused(e, r, reason, "the scope's name is not allowed") : 0;
}

int client_check_task_name(const char *task, char **ret_name, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = task_name_parse(task, ret_name, &reason);
        return r < 0 ? client_error_refused(e, r, reason, "the task's name is not allowed") : 0;
}

/* An empty command is refused here: D-Bus would carry it, and nobody could execute it. */
int client_check_argv(const char *const argv[], hpcnode_cgroup_error *e)
{
        if (!argv || !argv[0] || !*argv[0])
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "no program is named");
        for (const char *const *s = argv; *s; s++)
                if (!text_is_utf8(*s))
                        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                            "the command cannot be sent over D-Bus: it is not "
                                            "UTF-8 text");
        return 0;
}

static int check_new(const Limits *limits, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = limits_check_new(limits, &reason);
        return r < 0 ? client_error_refused(e, r, reason, "a limit is empty") : 0;
}

int client_check_task_limits(const Limits *limits, bool is_new, bool here, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = limits_check_leaf(limits, &reason);
        if (r >= 0 && here)
                r = limits_check(limits, &reason);
        if (r >= 0 && here)
                r = limits_check_there(limits, &reason);
        if (r < 0)
                return client_error_refused(e, r, reason, "the value is not allowed");
        return is_new ? check_new(limits, e) : 0;
}

int client_check_settings(const hpcnode_cgroup_limits *limits,
                          const hpcnode_cgroup_options *options, OptionCalls call, bool here,
                          hpcnode_cgroup_error *e)
{
        int r;

        if (limits) {
                /* Of another machine, its daemon says what does not go together there. */
                r = here ? hpcnode_cgroup_limits_check(limits, e) : 0;
                if (r >= 0 && call)
                        r = check_new(&limits->limits, e);
                if (r < 0)
                        return r;
        }
        return options ? client_options_check(options, call, here, e) : 0;
}
