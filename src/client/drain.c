/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drain, as the daemon fulfils it: begun, cancelled, waited for, asked for. */
#include "daemon.h"

int daemon_drain(void *userdata, const char *reason, int kill, hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_DRAIN, .first = reason, .kill = kill };
        Result result;

        return request_put(userdata, &q, &result, ret_error);
}

int daemon_wait_drained(void *userdata, int cancel_fd, hpcnode_cgroup_error *ret_error)
{
        const Request q = { .operation = OPERATION_WAIT_DRAINED };
        Result result;

        return daemon_await(userdata, &q, cancel_fd, &result, ret_error);
}

int daemon_cancel_drain(void *userdata, hpcnode_cgroup_error *ret_error)
{
        Request q = { .operation = OPERATION_CANCEL_DRAIN };
        Result result;

        return request_put(userdata, &q, &result, ret_error);
}

int daemon_draining(void *userdata, char **ret_reason, uint64_t *ret_since_usec,
                    hpcnode_cgroup_error *ret_error)
{
        static const NodeState names = { "Draining", "DrainReason", "DrainSince" };

        return daemon_node_state(userdata, &names, ret_reason, ret_since_usec, ret_error);
}
