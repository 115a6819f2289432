/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lasts for a while on the whole node, an emergency or a drain: asked for. */
#include "daemon.h"

typedef struct Answer {
        const NodeState *names;
        int lasts;
        const char *reason; /* the message's */
        uint64_t usec;
} Answer;

static int read_property(sd_bus_message *m, const char *key, void *userdata)
{
        Answer *a = userdata;

        if (streq(key, a->names->lasts))
                return sd_bus_message_read(m, "v", "b", &a->lasts);
        if (streq(key, a->names->reason))
                return sd_bus_message_read(m, "v", "s", &a->reason);
        if (streq(key, a->names->usec))
                return sd_bus_message_read(m, "v", "t", &a->usec);
        return 0;
}

/* All in one answer, so that they are of one moment. */
int daemon_node_state(Daemon *d, const NodeState *names, char **ret_reason, uint64_t *ret_usec,
                      hpcnode_cgroup_error *ret_error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Answer a = { .names = names, .lasts = -1, .reason = "" };
        int r;

        r = daemon_query(d, MANAGER_PATH, PROPERTIES_IFACE, "GetAll",
                         (const char *const[]){ MANAGER_IFACE, NULL }, &reply, ret_error);
        if (r < 0)
                return r;
        r = client_dict_read(reply, read_property, &a);
        if (r >= 0 && a.lasts < 0)
                r = -ENXIO; /* of a daemon that does not know of it */
        if (r < 0)
                return client_error_reply(ret_error, r);
        if (!a.lasts)
                return 0;
        if (ret_reason) {
                char *reason = strdup(a.reason);

                if (!reason)
                        return client_oom(ret_error);
                *ret_reason = reason;
        }
        if (ret_usec)
                *ret_usec = a.usec;
        return 1;
}
