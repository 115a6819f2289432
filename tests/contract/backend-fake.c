/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract is tested on the fake. */
#include "contract.h"

#include "hpcnode/cgroup-fake.h"

#define FIRST_PROCESS 500000 /* above the pids of the fake's tasks */

static const uint32_t uids[_WHO_MAX] = { [PACT] = 801, [WORKLOAD] = 802, [OTHER] = 1000 };

static hpcnode_cgroup *node; /* that nobody else uses */
static uint32_t last_process;

static void begin(void)
{
        assert_int_equal(hpcnode_cgroup_fake_open(&node, NULL), 0);
        last_process = FIRST_PROCESS;
}

static void end(void)
{
        node = hpcnode_cgroup_free(node);
}

static int open_as(Who who, hpcnode_cgroup **ret, hpcnode_cgroup_error *e)
{
        return hpcnode_cgroup_fake_open_as(node, who_names[who], uids[who], ret, e);
}

static uint32_t uid(Who who)
{
        return uids[who];
}

static void prepare(const char *task, hpcnode_cgroup_options *options)
{
}

/* No assertion: those are the main thread's. */
static void exit_task(const char *task, int status)
{
        if (hpcnode_cgroup_fake_exit(node, task, status, 0) < 0)
                abort();
}

static const char *const *unusable_program(const char *operation)
{
        assert_int_equal(
                hpcnode_cgroup_fake_fail(node, operation, 1, HPCNODE_CGROUP_ERROR_EXEC_FAILED), 0);
        return program;
}

static uint32_t process(Who who, const char *cgroup)
{
        assert_int_equal(hpcnode_cgroup_fake_add_process(node, ++last_process, uids[who], cgroup),
                         0);
        return last_process;
}

static void end_process(uint32_t pid)
{
        assert_int_equal(hpcnode_cgroup_fake_exit_process(node, pid, 0, 0), 0);
}

static uint32_t enter(const char *task, int leaf)
{
        assert_int_equal(hpcnode_cgroup_fake_enter(node, task, ++last_process, 0), 0);
        return last_process;
}

static void make_cgroup(const char *cgroup)
{
        assert_int_equal(hpcnode_cgroup_fake_set_metric(node, cgroup, "nr_processes", 0), 0);
}

static void set_emergency(bool lasts)
{
        assert_int_equal(hpcnode_cgroup_fake_set_emergency(node, lasts), 0);
}

const Backend backend = {
        .begin = begin,
        .end = end,
        .open = open_as,
        .uid = uid,
        .prepare = prepare,
        .exit = exit_task,
        .unusable_program = unusable_program,
        .process = process,
        .end_process = end_process,
        .make_cgroup = make_cgroup,
        .enter = enter,
        .set_emergency = set_emergency,
};
