/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The emergency: declared, ended, asked for. */
#include "daemon.h"

_public_ int hpcnode_cgroup_declare_emergency(hpcnode_cgroup *c, const char *reason,
                                              uint64_t duration_usec,
                                              hpcnode_cgroup_error *ret_error)
{
        Daemon *d = daemon_of(c, "declare_emergency", ret_error);
        Request q = { .operation = OPERATION_DECLARE_EMERGENCY,
                      .first = reason,
                      .duration_usec = duration_usec };
        Result result;

        return d ? request_put(d, &q, &result, ret_error) : -EOPNOTSUPP;
}

_public_ int hpcnode_cgroup_end_emergency(hpcnode_cgroup *c, hpcnode_cgroup_error *ret_error)
{
        Daemon *d = daemon_of(c, "end_emergency", ret_error);
        Request q = { .operation = OPERATION_END_EMERGENCY };
        Result result;

        return d ? request_put(d, &q, &result, ret_error) : -EOPNOTSUPP;
}

_public_ int hpcnode_cgroup_emergency(hpcnode_cgroup *c, char **ret_reason,
                                      uint64_t *ret_until_usec, hpcnode_cgroup_error *ret_error)
{
        static const NodeState names = { "Emergency", "EmergencyReason", "EmergencyUntil" };
        Daemon *d = daemon_of(c, "emergency", ret_error);

        return d ? daemon_node_state(d, &names, ret_reason, ret_until_usec, ret_error)
                 : -EOPNOTSUPP;
}
