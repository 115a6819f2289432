/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether what limits name is on this machine: devices, cpus, memory nodes. */
#include "basic/device.h"
#include "basic/limits-internal.h"
#include "basic/reason.h"
#include "basic/topology.h"

static const char *device_fault(int error)
{
        switch (error) {
        case -ENOENT:
                return "there is no such device node";
        case -ENODEV:
        case -EINVAL:
                return "this is not a device node";
        case -EXDEV:
        case -ELOOP:
                return "this leads out of the file system of /dev";
        default:
                return strerror(-error);
        }
}

/* systemd passes over a node that is not there and a class that is not known. */
static int check_device(const LimitPair *p, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];
        const char *fault;
        dev_t number;
        mode_t kind;
        int r;

        if (p->name[0] == '/') {
                r = device_node_find(p->name, &kind, &number);
                fault = device_fault(r);
        } else {
                r = device_class_check(p->name);
                fault = r == -ENOENT ? "/proc/devices has no such class of devices" : strerror(-r);
        }
        if (r >= 0 || r == -ENOMEM)
                return r;
        return reason_set(-EINVAL, ret_reason, "DeviceAllow=%s: %s", reason_quote(p->name, quoted),
                          fault);
}

/* systemd and the kernel pass over the numbers of what is not there. */
static int check_set(const Limits *l, LimitType t, const char *what,
                     int (*find)(const char *sys, NumberSet *ret), char **ret_reason)
{
        _cleanup_(number_set_done) NumberSet found = { 0 };
        _cleanup_(freep) char *missing = NULL, *there = NULL;
        int r;

        if (!l->values[t].is_set)
                return 0;
        r = find(SYS_DEVICES, &found);
        if (r == -ENOMEM)
                return r;
        if (r < 0) /* no /sys: it is seen when the limit is read back */
                return 0;
        r = number_set_find_missing(&l->values[t].set, &found, &missing, &there);
        return r <= 0 ? r
                      : reason_set(-EINVAL, ret_reason,
                                   "%s: this machine has no %s %.80s; it has %s",
                                   limit_table[t].property, what, missing, there);
}

int limits_possible(LimitType t, NumberSet *ret)
{
        return t == LIMIT_ALLOWED_CPUS ? topology_possible_cpus(SYS_DEVICES, ret)
                                       : topology_possible_nodes(SYS_DEVICES, ret);
}

int limits_whole_sets(Limits *l)
{
        int r = 0;

        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++) {
                if (!limit_takes_away(l, t))
                        continue;
                number_set_done(&l->values[t].set);
                r = limits_possible(t, &l->values[t].set);
        }
        return r;
}

int limits_check_there(const Limits *l, char **ret_reason)
{
        const Limit *devices = &l->values[LIMIT_DEVICE_ALLOW];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < devices->n_pairs; i++)
                r = check_device(&devices->pairs[i], ret_reason);
        if (r >= 0)
                r = check_set(l, LIMIT_ALLOWED_CPUS, "cpu", topology_cpus, ret_reason);
        if (r >= 0)
                r = check_set(l, LIMIT_ALLOWED_MEMORY_NODES, "memory node", topology_memory_nodes,
                              ret_reason);

        return r;
}
