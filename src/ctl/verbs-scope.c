/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs on live scopes and on records of ended jobs, and ping. */
#include "ctl.h"

#include <signal.h>

/* The names of the tasks of a scope, also those that have ended, as long as they are known. */
static int add_tasks(hpcnode_cgroup *c, const char *unit, Record *r)
{
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **tasks = NULL;
        _cleanup_(freep) char **names = NULL;
        size_t n = 0;

        /* It may have been dropped meanwhile. */
        if (hpcnode_cgroup_list_tasks(c, unit, &tasks, NULL) < 0)
                return 0;
        while (tasks[n])
                n++;
        names = calloc(n + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                names[i] = tasks[i]->name;
        record_add_number(r, "task_count", n);
        if (n > 0)
                record_add_texts(r, "tasks", names);
        return 0;
}

int verb_inspect(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(record_freep) Record *record = NULL;

        if (hpcnode_cgroup_inspect(c, a->operands[0], &info, &e) < 0)
                return fail(&e);

        /* What a task uses is no property of it; without it the rest is still worth telling. */
        if (info->is_task > 0)
                (void) hpcnode_cgroup_inspect_list(c, (hpcnode_cgroup_info *[]){ info, NULL },
                                                   NULL);
        record = record_new();
        record_add_info(record, info);
        if (info->is_task <= 0 && add_tasks(c, info->unit, record) < 0)
                return out_of_memory();
        pager_open(a->no_pager);
        return record_print(record, a->json);
}

/* Whether there is nothing to be had beyond the outcome: no record of it, or nobody left to ask. */
static bool outcome_is_all(hpcnode_cgroup_error_code code)
{
        return code == HPCNODE_CGROUP_ERROR_NOT_FOUND || code == HPCNODE_CGROUP_ERROR_UNREACHABLE ||
               code == HPCNODE_CGROUP_ERROR_TIMED_OUT;
}

/* All that is known of what has ended, at least the bare outcome. */
static int print_outcome(hpcnode_cgroup *c, Arguments *a, const hpcnode_cgroup_info *outcome)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(record_freep) Record *record = record_new();

        if (hpcnode_cgroup_inspect(c, a->operands[0], &info, &e) >= 0) {
                record_add_info(record, info);
                return record_print(record, a->json);
        }
        if (!outcome_is_all(e.code))
                return fail(&e);
        record_add_text(record, "id", a->operands[0]);
        record_add_info(record, outcome);
        return record_print(record, a->json);
}

int verb_wait(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *outcome = NULL;

        if (hpcnode_cgroup_wait(c, a->operands[0], -1, &outcome, &e) < 0)
                return fail(&e);
        return print_outcome(c, a, outcome);
}

int verb_kill(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int signal = a->signal > 0 ? a->signal : SIGKILL;

        int r = a->all ? hpcnode_cgroup_kill_all(c, a->operands[0], signal, &e)
                       : hpcnode_cgroup_kill(c, a->operands[0], signal, &e);

        return r < 0 ? fail(&e) : CTL_OK;
}

int verb_freeze(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_freeze(c, a->operands[0], &e) < 0 ? fail(&e) : CTL_OK;
}

int verb_thaw(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_thaw(c, a->operands[0], &e) < 0 ? fail(&e) : CTL_OK;
}

int check_set(const Arguments *a)
{
        return a->limits ? CTL_MAY_RUN
                         : usage_error("set needs a limit; see hpcnode-ctl set --help");
}

int verb_set(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_set_limits(c, a->operands[0], a->limits, &e) < 0 ? fail(&e) : CTL_OK;
}

/* All of them, also after one that cannot be. */
int verb_remove(hpcnode_cgroup *c, Arguments *a)
{
        int result = CTL_OK;

        for (int i = 0; i < a->n_operands; i++) {
                _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e =
                        HPCNODE_CGROUP_ERROR_INIT;

                if (hpcnode_cgroup_remove(c, a->operands[i], &e) < 0)
                        result = fail(&e);
        }
        return result;
}

int verb_ping(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(record_freep) Record *record = NULL;
        _cleanup_(freep) char *version = NULL;
        uint64_t round_trip_usec;

        if (hpcnode_cgroup_ping(c, &version, &round_trip_usec, &e) < 0)
                return fail(&e);

        record = record_new();
        record_add_text(record, "version", version);
        record_add_number(record, "round_trip_usec", round_trip_usec);
        return record_print(record, a->json);
}
