/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of limits_take_in_force() on a directory of files that stands for a cgroup. */
#include "basic/limits.h"

#include "scratch.h"
#include "test.h"

#include <stdio.h>

static int setup(void **state)
{
        static const char *const defaults[][2] = {
                { "cgroup.controllers", "cpuset cpu io memory pids\n" },
                { "memory.max", "max\n" },
                { "memory.high", "max\n" },
                { "memory.low", "0\n" },
                { "memory.min", "0\n" },
                { "memory.swap.max", "max\n" },
                { "cpu.weight", "100\n" },
                { "cpu.max", "max 100000\n" },
                { "io.weight", "default 100\n" },
                { "io.max", "" },
                { "memory.oom.group", "0\n" },
                { "pids.max", "max\n" },
                { "cpuset.cpus", "\n" },
                { "cpuset.cpus.effective", "0-3\n" },
                { "cpuset.mems", "\n" },
                { "cpuset.mems.effective", "0\n" },
        };
        static Scratch s;

        s = scratch_new("workload-x.scope");
        for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                scratch_write(&s, defaults[i][0], defaults[i][1]);
        *state = &s;
        return 0;
}

static int teardown(void **state)
{
        scratch_done(*state);
        return 0;
}

/* "Property=value" of all that are set, in the order of the table, each with a space. */
static void assert_limits(const Scratch *s, Limits *l, const char *wanted)
{
        char text[1024] = "";

        assert_int_equal(limits_take_in_force(l, s->fd), 0);
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                for (size_t i = 0;; i++) {
                        _cleanup_(freep) char *value = NULL;
                        size_t n = strlen(text);

                        if (limits_format(l, t, i, &value) <= 0)
                                break;
                        (void) snprintf(text + n, sizeof(text) - n, "%s=%s ",
                                        limit_table[t].property, value);
                }
        assert_string_equal(text, wanted);
}

static Limits limits_of(LimitType t, const char *text)
{
        _cleanup_(freep) char *reason = NULL;
        Limits l = { 0 };

        if (limits_parse(&l, t, text, &reason) != 0)
                fail_msg("%s", reason);
        return l;
}

static void defaults_are_no_limits(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        assert_limits(*state, &l, "");
}

static void missing_controllers_change_nothing(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_CPU_WEIGHT, "55");
        Scratch *s = *state;

        scratch_write(s, "cpu.weight", "55\n");
        scratch_remove(s, "memory.max");
        scratch_remove(s, "io.max");
        scratch_remove(s, "pids.max");
        scratch_remove(s, "cpu.max");
        assert_limits(s, &l, "CPUWeight=55 ");
}

static void what_was_asked_for_stays_as_it_was_asked_for(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_MEMORY_MAX, "67108865");
        Scratch *s = *state;

        scratch_write(s, "memory.max", "67108864\n"); /* whole pages */
        assert_limits(s, &l, "MemoryMax=67108865 ");
}

static void what_another_has_set_is_told(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_MEMORY_MAX, "64M");
        Scratch *s = *state;

        scratch_write(s, "memory.max", "65536\n");
        scratch_write(s, "memory.low", "4096\n");
        scratch_write(s, "cpu.weight", "7\n");
        scratch_write(s, "cpu.max", "30000 200000\n");
        scratch_write(s, "io.weight", "default 300\n");
        scratch_write(s, "pids.max", "11\n");
        scratch_write(s, "cpuset.cpus", "1-2\n");
        scratch_write(s, "io.max", "254:17 rbps=max wbps=1000 riops=max wiops=5\n");
        assert_limits(s, &l,
                      "MemoryMax=65536 MemoryLow=4096 CPUWeight=7 CPUQuotaPerSecUSec=150000 "
                      "CPUQuotaPeriodUSec=200000 AllowedCPUs=1-2 IOWeight=300 "
                      "IOWriteBandwidthMax=/dev/block/254:17 1000 "
                      "IOWriteIOPSMax=/dev/block/254:17 5 TasksMax=10 ");
}

static void what_another_has_lifted_is_told(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_MEMORY_MAX, "64M");
        _cleanup_(limits_done) Limits cpus = limits_of(LIMIT_ALLOWED_CPUS, "1");
        _cleanup_(limits_done) Limits tasks = limits_of(LIMIT_TASKS_MAX, "7");

        assert_int_equal(limits_merge(&l, &cpus), 0);
        assert_int_equal(limits_merge(&l, &tasks), 0);
        assert_limits(*state, &l, "MemoryMax=infinity TasksMax=infinity ");
}

static void a_raised_unit_does_not_raise_the_job(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_TASKS_MAX, "7");
        Scratch *s = *state;

        scratch_mkdir(s, "payload");
        scratch_write(s, "payload/pids.max", "7\n");
        scratch_write(s, "pids.max", "101\n");
        assert_limits(s, &l, "TasksMax=7 ");
}

static void an_oom_group_of_a_scope_is_payloads(void **state)
{
        _cleanup_(limits_done) Limits set = limits_of(LIMIT_MEMORY_OOM_GROUP, "yes"), unset = { 0 };
        Scratch *s = *state;

        scratch_mkdir(s, "payload");
        scratch_write(s, "payload/memory.oom.group", "1\n");
        assert_limits(s, &unset, "MemoryOOMGroup=yes ");
        scratch_write(s, "payload/memory.oom.group", "0\n");
        assert_limits(s, &set, "MemoryOOMGroup=no ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_oom_group_of_a_scope_is_payloads, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(defaults_are_no_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(missing_controllers_change_nothing, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(what_was_asked_for_stays_as_it_was_asked_for, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(what_another_has_set_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(what_another_has_lifted_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(a_raised_unit_does_not_raise_the_job, setup,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
