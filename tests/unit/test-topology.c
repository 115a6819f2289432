/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of topology.h. */
#include "basic/topology.h"

#include "scratch.h"
#include "test.h"

/* Two ordinary nodes, one of memory alone (2) and one of cpus alone (3). */
static Scratch machine(void)
{
        Scratch s = scratch_new("system");

        scratch_write(&s, "cpu/online", "0-6,8\n");
        scratch_write(&s, "node/online", "0-3\n");
        scratch_write(&s, "node/has_memory", "0-2\n");
        scratch_write(&s, "node/node0/cpulist", "0-1,4-5\n");
        scratch_write(&s, "node/node1/cpulist", "2-3\n");
        scratch_write(&s, "node/node2/cpulist", "\n");
        scratch_write(&s, "node/node3/cpulist", "6,8\n");
        return s;
}

static void assert_set(const NumberSet *set, const char *wanted)
{
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(number_set_format(set, &text), 0);
        assert_string_equal(text, wanted);
}

static void cpus_are_those_online(void **state)
{
        _cleanup_(number_set_done) NumberSet cpus = { 0 };
        _cleanup_(scratch_done) Scratch s = machine();

        assert_int_equal(topology_cpus(s.path, &cpus), 0);
        assert_set(&cpus, "0-6,8");
}

static void memory_nodes_are_those_with_memory(void **state)
{
        _cleanup_(number_set_done) NumberSet nodes = { 0 };
        _cleanup_(scratch_done) Scratch s = machine();

        assert_int_equal(topology_memory_nodes(s.path, &nodes), 0);
        assert_set(&nodes, "0-2");
}

static void without_numa_all_memory_is_node_0(void **state)
{
        _cleanup_(number_set_done) NumberSet nodes = { 0 };
        _cleanup_(scratch_done) Scratch s = scratch_new("system");

        assert_int_equal(topology_memory_nodes(s.path, &nodes), 0);
        assert_set(&nodes, "0");
}

static void assert_cpus(const Scratch *s, const char *list, const char *wanted)
{
        _cleanup_(number_set_done) NumberSet nodes = { 0 }, cpus = { 0 };
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(number_set_parse(list, &nodes), 0);
        if (topology_cpus_of_nodes(s->path, &nodes, &cpus, &reason) != 0)
                fail_msg("%s", reason);
        assert_set(&cpus, wanted);
}

static void assert_refused(const Scratch *s, const char *list, const char *wanted)
{
        _cleanup_(number_set_done) NumberSet nodes = { 0 }, cpus = { 0 };
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(number_set_parse(list, &nodes), 0);
        assert_int_equal(topology_cpus_of_nodes(s->path, &nodes, &cpus, &reason), -EINVAL);
        assert_null(cpus.bits);
        assert_string_equal(reason, wanted);
}

static void nodes_are_their_cpus_together(void **state)
{
        _cleanup_(scratch_done) Scratch s = machine();

        assert_cpus(&s, "0", "0-1,4-5");
        assert_cpus(&s, "1", "2-3");
        assert_cpus(&s, "0-1", "0-5");
}

static void a_node_that_is_not_there_is_named(void **state)
{
        _cleanup_(scratch_done) Scratch s = machine();

        assert_refused(&s, "4", "this machine has no NUMA node 4; its nodes are 0-3");
        assert_refused(&s, "0-1,6,9-10", "this machine has no NUMA node 6,9-10; its nodes are 0-3");
}

static void a_node_of_one_kind_is_refused(void **state)
{
        _cleanup_(scratch_done) Scratch s = machine();

        assert_refused(&s, "0,2",
                       "NUMA node 2 has memory, but no cpus: name cpus and memory nodes singly");
        assert_refused(&s, "3",
                       "NUMA node 3 has cpus, but no memory: name cpus and memory nodes singly");
}

static void a_kernel_without_numa_has_no_nodes(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("system");

        assert_refused(&s, "0", "this machine's kernel has no NUMA nodes");
}

static void a_garbled_list_is_no_answer(void **state)
{
        _cleanup_(number_set_done) NumberSet cpus = { 0 };
        _cleanup_(scratch_done) Scratch s = machine();

        scratch_write(&s, "cpu/online", "0-\n");
        assert_int_equal(topology_cpus(s.path, &cpus), -EBADMSG);
        assert_null(cpus.bits);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cpus_are_those_online),
                cmocka_unit_test(memory_nodes_are_those_with_memory),
                cmocka_unit_test(without_numa_all_memory_is_node_0),
                cmocka_unit_test(nodes_are_their_cpus_together),
                cmocka_unit_test(a_node_that_is_not_there_is_named),
                cmocka_unit_test(a_node_of_one_kind_is_refused),
                cmocka_unit_test(a_kernel_without_numa_has_no_nodes),
                cmocka_unit_test(a_garbled_list_is_no_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
