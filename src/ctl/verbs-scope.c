/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs on live scopes and on records of ended jobs, and ping. */
#include "ctl.h"

#include <signal.h>
#include <stdio.h>

int verb_inspect(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(record_freep) Record *record = NULL;

        if (hpcnode_cgroup_inspect(c, a->operands[0], &info, &e) < 0)
                return fail(&e);

        record = record_new();
        record_add_info(record, info);
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

        return hpcnode_cgroup_kill(c, a->operands[0], signal, &e) < 0 ? fail(&e) : CTL_OK;
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
        return a->limits ? CTL_OK : usage_error("set needs a limit; see hpcnode-ctl set --help");
}

int verb_set(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_set_limits(c, a->operands[0], a->limits, &e) < 0 ? fail(&e) : CTL_OK;
}

int verb_remove(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_remove(c, a->operands[0], &e) < 0 ? fail(&e) : CTL_OK;
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
