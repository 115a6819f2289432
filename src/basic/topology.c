/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the machine's cpus and memory nodes from /sys. */
#include "basic/topology.h"

#include "basic/cgroup-file.h"
#include "basic/reason.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

/* A list in a file; an empty file is an empty set. */
static int read_list(const char *sys, const char *file, NumberSet *ret)
{
        _cleanup_(freep) char *text = NULL;
        char path[PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "%s/%s", sys, file);
        r = cgroup_read(AT_FDCWD, path, &text);
        if (r < 0)
                return r;
        if (!*text) {
                *ret = (NumberSet){ 0 };
                return 0;
        }
        r = number_set_parse(text, ret);
        return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

int topology_cpus(const char *sys, NumberSet *ret)
{
        return read_list(sys, "cpu/online", ret);
}

int topology_memory_nodes(const char *sys, NumberSet *ret)
{
        int r;

        r = read_list(sys, "node/has_memory", ret);
        return r == -ENOENT ? number_set_parse("0", ret) : r;
}

int topology_possible_cpus(const char *sys, NumberSet *ret)
{
        return read_list(sys, "cpu/possible", ret);
}

int topology_possible_nodes(const char *sys, NumberSet *ret)
{
        int r;

        r = read_list(sys, "node/possible", ret);
        return r == -ENOENT ? number_set_parse("0", ret) : r;
}

static int check_nodes(const char *sys, const NumberSet *nodes, char **ret_reason)
{
        _cleanup_(number_set_done) NumberSet online = { 0 };
        _cleanup_(freep) char *missing = NULL, *there = NULL;
        int r;

        r = read_list(sys, "node/online", &online);
        if (r == -ENOENT)
                return reason_set(-EINVAL, ret_reason, "this machine's kernel has no NUMA nodes");
        if (r >= 0)
                r = number_set_find_missing(nodes, &online, &missing, &there);
        return r <= 0 ? r
                      : reason_set(-EINVAL, ret_reason,
                                   "this machine has no NUMA node %.80s; its nodes are %s", missing,
                                   there);
}

static int add_node(const char *sys, size_t node, const NumberSet *memory, NumberSet *cpus,
                    char **ret_reason)
{
        _cleanup_(number_set_done) NumberSet own = { 0 };
        char file[64];
        int r;

        if (!number_set_has(memory, node))
                return reason_set(-EINVAL, ret_reason,
                                  "NUMA node %zu has cpus, but no memory: name cpus and memory "
                                  "nodes singly",
                                  node);
        (void) snprintf(file, sizeof(file), "node/node%zu/cpulist", node);
        r = read_list(sys, file, &own);
        if (r < 0)
                return r;
        if (!number_set_any(&own))
                return reason_set(-EINVAL, ret_reason,
                                  "NUMA node %zu has memory, but no cpus: name cpus and memory "
                                  "nodes singly",
                                  node);
        return number_set_add(cpus, &own);
}

int topology_cpus_of_nodes(const char *sys, const NumberSet *nodes, NumberSet *ret,
                           char **ret_reason)
{
        _cleanup_(number_set_done) NumberSet cpus = { 0 }, memory = { 0 };
        int r;

        r = check_nodes(sys, nodes, ret_reason);
        if (r >= 0)
                r = topology_memory_nodes(sys, &memory);
        for (size_t i = 0; r >= 0 && i < nodes->n_bytes * 8; i++)
                if (number_set_has(nodes, i))
                        r = add_node(sys, i, &memory, &cpus, ret_reason);
        if (r < 0)
                return r;
        *ret = cpus;
        cpus = (NumberSet){ 0 };
        return 0;
}
