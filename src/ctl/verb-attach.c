/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `attach`: processes that there are already become a task of a live scope. */
#include "ctl.h"

#include "basic/fields.h"
#include "basic/name.h"
#include <stdio.h>

/* Splits SCOPE/TASK; a path of a cgroup and an object path are a scope's as a whole. */
static int split_target(const char *text, char **ret_scope, char **ret_task)
{
        const char *slash = strchr(text, '/');
        _cleanup_(freep) char *scope = NULL, *task = NULL;

        scope = strndup(text, slash ? (size_t) (slash - text) : strlen(text));
        if (!scope)
                return -ENOMEM;
        if (slash && (slash == text || strchr(slash + 1, '/') || endswith(scope, ".slice"))) {
                *ret_scope = strdup(text);
                *ret_task = NULL;
                return *ret_scope ? 0 : -ENOMEM;
        }
        if (slash && !(task = strdup(slash + 1)))
                return -ENOMEM;
        *ret_scope = TAKE_PTR(scope);
        *ret_task = TAKE_PTR(task);
        return 0;
}

int check_attach(const Arguments *a)
{
        _cleanup_(freep) char *scope = NULL, *task = NULL, *name = NULL, *reason = NULL;

        if (split_target(a->operands[0], &scope, &task) < 0)
                return usage_error("out of memory");
        if (task && task_name_parse(task, &name, &reason) < 0)
                return usage_error("TASK: %s", reason ?: "out of memory");
        for (int i = 1; i < a->n_operands; i++) {
                uint64_t pid;

                if (parse_u64(a->operands[i], &pid) < 0 || pid == 0 || pid > INT32_MAX)
                        return usage_error("PID: \"%.64s\" is not the number of a process",
                                           a->operands[i]);
        }
        return CTL_MAY_RUN;
}

/* What `run` prints of a task; one that has ended by now, with its scope, is still known by its id. */
static int print_attached(hpcnode_cgroup *c, const Arguments *a, const char *scope,
                          const char *task)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL, *whole = NULL;
        _cleanup_(freep) char *id = NULL;

        /* A path is no part of what means a task. */
        if (strchr(scope, '/') && hpcnode_cgroup_inspect(c, scope, &whole, NULL) >= 0)
                scope = whole->unit;
        if (asprintf(&id, "%s/%s", scope, task) < 0) {
                id = NULL;
                return out_of_memory();
        }
        if (hpcnode_cgroup_inspect(c, id, &info, NULL) >= 0)
                return print_started(a, info);
        return print_started(a, &(const hpcnode_cgroup_info){ .id = id });
}

int verb_attach(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(freep) char *scope = NULL, *task = NULL;
        _cleanup_(freep) uint32_t *pids = NULL;
        size_t n = (size_t) a->n_operands - 1;
        char made_up[MADE_UP_NAME_SIZE];
        const char *name;

        pids = calloc(n, sizeof(*pids));
        if (!pids || split_target(a->operands[0], &scope, &task) < 0)
                return out_of_memory();
        for (size_t i = 0; i < n; i++)
                pids[i] = (uint32_t) strtoul(a->operands[i + 1], NULL, 10);
        name = task ?: make_up_name("attach", made_up);
        if (hpcnode_cgroup_attach(c, scope, name, pids, n, &e) < 0)
                return fail(&e);
        return print_attached(c, a, scope, name);
}
