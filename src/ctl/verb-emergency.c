/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `emergency`: declared, ended, and whether one lasts. */
#include "ctl.h"

#include "basic/emergency.h"
#include <time.h>

static int declare(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_declare_emergency(c, a->reason, a->duration_usec, &e) < 0 ? fail(&e)
                                                                                        : CTL_OK;
}

static int end(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_end_emergency(c, &e) < 0 ? fail(&e) : CTL_OK;
}

static int status(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(record_freep) Record *record = NULL;
        _cleanup_(freep) char *reason = NULL;
        uint64_t until_usec, now_usec = (uint64_t) time(NULL) * USEC_PER_SEC;
        int lasts, r;

        lasts = hpcnode_cgroup_emergency(c, &reason, &until_usec, &e);
        if (lasts < 0)
                return fail(&e);

        record = record_new();
        record_add_flag(record, "active", lasts > 0);
        if (lasts > 0) {
                record_add_text(record, "reason", reason);
                record_add_number(record, "until_unix_ms", until_usec / USEC_PER_MSEC);
                record_add_number(record, "remaining_sec",
                                  until_usec > now_usec ? (until_usec - now_usec) / USEC_PER_SEC
                                                        : 0);
        }
        r = record_print(record, a->json);
        return r != CTL_OK || lasts > 0 ? r : CTL_NO_EMERGENCY;
}

static const struct Action {
        const char *name;
        int (*run)(hpcnode_cgroup *c, Arguments *a);
} actions[] = {
        { "declare", declare },
        { "end", end },
        { "status", status },
};

static const struct Action *action_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (streq(actions[i].name, name))
                        return &actions[i];
        return NULL;
}

int check_emergency(const Arguments *a)
{
        const struct Action *action = action_find(a->operands[0]);

        if (!action)
                return usage_error("emergency takes declare, end or status, and not \"%s\"; see "
                                   "hpcnode-ctl emergency --help",
                                   a->operands[0]);
        if (action->run == declare)
                return a->reason ? CTL_MAY_RUN : usage_error("emergency declare needs --reason");
        if (a->reason || a->duration_usec > 0)
                return usage_error("option --%s goes with emergency declare only",
                                   a->reason ? "reason" : "duration");
        return CTL_MAY_RUN;
}

int verb_emergency(hpcnode_cgroup *c, Arguments *a)
{
        return action_find(a->operands[0])->run(c, a);
}
