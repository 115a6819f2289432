/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of the chaos test that are repeated until a daemon has answered. */
#include "chaos.h"

#include <signal.h>

hpcnode_cgroup *client;

/* Of the scope that was inspected last. */
static char state[16];

bool unanswered(const hpcnode_cgroup_error *e)
{
        return e->code == HPCNODE_CGROUP_ERROR_UNREACHABLE ||
               e->code == HPCNODE_CGROUP_ERROR_TIMED_OUT;
}

static int call_ping(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_ping(client, NULL, NULL, e);
}

int call_inspect(const char *scope, hpcnode_cgroup_error *e)
{
        hpcnode_cgroup_info *info = NULL;
        int r = hpcnode_cgroup_inspect(client, scope, &info, e);

        (void) snprintf(state, sizeof state, "%s", r < 0 ? "" : info->state);
        hpcnode_cgroup_info_free(info);
        return r;
}

int call_destroy(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_destroy_scope(client, scope, e);
}

int call_remove(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_remove(client, scope, e);
}

int call_freeze(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_freeze(client, scope, e);
}

int call_thaw(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_thaw(client, scope, e);
}

int call_term(const char *scope, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_kill(client, scope, SIGTERM, e);
}

hpcnode_cgroup_error_code insist(call_t call, const char *scope)
{
        int64_t deadline = now_msec() + PATIENCE_MSEC;

        for (;;) {
                hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
                hpcnode_cgroup_error_code code;
                bool again;

                code = call(scope, &e) < 0 ? e.code : 0;
                again = unanswered(&e) && now_msec() < deadline;
                if (unanswered(&e) && !again)
                        fprintf(stderr, "%s: no answer in time: %s\n", scope, e.message);
                hpcnode_cgroup_error_done(&e);
                if (!again)
                        return code;
                atomic_fetch_add(&shared->asked_again, 1);
        }
}

bool is_in_state(const char *scope, const char *states)
{
        char pattern[sizeof state + 2];

        if (insist(call_inspect, scope) != 0)
                return false;
        (void) snprintf(pattern, sizeof pattern, " %s ", state);
        return strstr(states, pattern);
}

void wait_until_served(void)
{
        (void) insist(call_ping, "ping");
}
