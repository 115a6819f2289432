/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of limits_write() and limits_of_leaf() on a directory of files that stands for a leaf. A file of the kernel's is
 * set anew by each write; these keep what lies behind it, so what is written is never shorter. */
#include "basic/limits.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>

static int setup(void **state)
{
        static const char *const files[][2] = {
                { "cgroup.controllers", "cpuset cpu io memory pids\n" },
                { "memory.max", "11116544\n" },
                { "memory.high", "max\n" },
                { "memory.low", "0\n" },
                { "cpu.weight", "10\n" },
                { "cpu.max", "max 100000\n" },
                { "io.max", "" },
                { "memory.oom.group", "0\n" },
                { "pids.max", "max\n" },
                { "cpuset.cpus", "\n" },
                { "cpuset.cpus.effective", "0-3\n" },
        };
        static Scratch s;

        s = scratch_new("payload");
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                scratch_write(&s, files[i][0], files[i][1]);
        *state = &s;
        return 0;
}

static int teardown(void **state)
{
        scratch_done(*state);
        return 0;
}

static void set(Limits *l, const char *property, const char *text)
{
        _cleanup_(freep) char *reason = NULL;

        if (limits_parse(l, limit_from_property(property), text, &reason) != 0)
                fail_msg("%s", reason);
}

static void assert_file(const Scratch *s, const char *file, const char *wanted)
{
        _cleanup_(freep) char *text = scratch_read(s, file);

        text[strcspn(text, "\n")] = '\0';
        assert_string_equal(text, wanted);
}

static void assert_written(const Scratch *s, const Limits *l)
{
        _cleanup_(freep) char *reason = NULL;

        if (limits_write(l, s->fd, &reason) != 0)
                fail_msg("%s", reason);
}

static void assert_refused(const Scratch *s, const Limits *l, const char *first, const char *second)
{
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_write(l, s->fd, &reason), -ESTALE);
        assert_non_null(strstr(reason, first));
        assert_non_null(strstr(reason, second));
}

static void each_is_in_its_file(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        Scratch *s = *state;

        set(&l, "MemoryMax", "65536K");
        set(&l, "MemoryHigh", "48M");
        set(&l, "MemoryLow", "4096");
        set(&l, "CPUWeight", "77");
        set(&l, "CPUQuotaPerSecUSec", "500000");
        set(&l, "MemoryOOMGroup", "yes");
        set(&l, "TasksMax", "1000");
        set(&l, "AllowedCPUs", "0,1,2,3");
        assert_written(s, &l);
        assert_file(s, "memory.max", "67108864");
        assert_file(s, "memory.high", "50331648");
        assert_file(s, "memory.low", "4096");
        assert_file(s, "cpu.weight", "77");
        assert_file(s, "cpu.max", "50000 100000");
        assert_file(s, "memory.oom.group", "1");
        assert_file(s, "pids.max", "1000");
        assert_file(s, "cpuset.cpus", "0-3");
}

static void payload_has_some_of_its_scopes(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;
        Scratch *s = *state;

        set(&l, "MemoryMax", "65536K");
        set(&l, "MemoryOOMGroup", "yes");
        set(&l, "TasksMax", "1000");
        assert_int_equal(limits_write_payload(&l, s->fd, &reason), 0);
        assert_file(s, "memory.max", "11116544");
        assert_file(s, "memory.oom.group", "1");
        assert_file(s, "pids.max", "1000");

        set(&l, "MemoryOOMGroup", "no");
        scratch_remove(s, "pids.max");
        assert_int_equal(limits_write_payload(&l, s->fd, &reason), -ESTALE);
        assert_non_null(strstr(reason, "TasksMax"));
        assert_file(s, "memory.oom.group", "1");
}

static void a_quota_is_of_its_period_or_of_a_longer_one(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, small = { 0 };
        Scratch *s = *state;

        set(&l, "CPUQuotaPerSecUSec", "500000");
        set(&l, "CPUQuotaPeriodUSec", "200000");
        assert_written(s, &l);
        assert_file(s, "cpu.max", "100000 200000");
        /* Under the millisecond that the kernel asks for. */
        set(&small, "CPUQuotaPerSecUSec", "1000");
        scratch_write(s, "cpu.max", "max 100000\n");
        assert_written(s, &small);
        assert_file(s, "cpu.max", "1000 1000000");
}

static void a_quota_alone_keeps_the_period(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        Scratch *s = *state;

        scratch_write(s, "cpu.max", "10000 20000\n");
        set(&l, "CPUQuotaPerSecUSec", "600000");
        assert_written(s, &l);
        assert_file(s, "cpu.max", "12000 20000");
}

static void what_is_not_in_force_undoes_the_rest(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        Scratch *s = *state;

        set(&l, "MemoryMax", "64M");
        set(&l, "CPUWeight", "77");
        set(&l, "AllowedCPUs", "2");
        assert_refused(s, &l, "AllowedCPUs", "2 was wanted");
        assert_file(s, "memory.max", "11116544");
        assert_file(s, "cpu.weight", "10");
}

static void a_missing_controller_is_named(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        Scratch *s = *state;

        scratch_remove(s, "memory.max");
        scratch_write(s, "cgroup.controllers", "cpu pids\n");
        set(&l, "MemoryMax", "64M");
        set(&l, "CPUWeight", "77");
        assert_refused(s, &l, "MemoryMax", "the memory controller is missing");
        assert_file(s, "cpu.weight", "10");
        /* Where nothing can limit, nothing does. */
        limits_done(&l);
        set(&l, "MemoryMax", "infinity");
        assert_written(s, &l);
}

static void the_supervisor_is_in_no_leaf_also_of_a_task_called_like_a_scope(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, found = { 0 };
        _cleanup_(scratch_done) Scratch s = scratch_new("workload-x.scope");
        _cleanup_(closep) int leaf = -EBADF;

        scratch_write(&s, "payload/y.scope/pids.max", "max\n");
        leaf = openat(s.fd, "payload/y.scope", O_DIRECTORY | O_CLOEXEC);
        assert_true(leaf >= 0);
        set(&l, "TasksMax", "5000");
        assert_int_equal(limits_write(&l, leaf, NULL), 0);
        assert_file(&s, "payload/y.scope/pids.max", "5000");
        assert_int_equal(limits_of_leaf(leaf, &found), 0);
        assert_int_equal(found.values[LIMIT_TASKS_MAX].number, 5000);
}

static void other_disks_than_all_are_told_one_by_one(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        Scratch *s = *state;

        scratch_write(s, "io.max",
                      "250:17 rbps=5000 wbps=5000 riops=max wiops=max\n"
                      "250:18 rbps=5000 wbps=6000 riops=max wiops=max\n");
        assert_int_equal(limits_of_leaf(s->fd, &l), 0);
        assert_false(l.values[LIMIT_IO_MAX].is_set);
        assert_int_equal(l.values[LIMIT_IO_READ_BANDWIDTH_MAX].n_pairs, 2);
        assert_int_equal(l.values[LIMIT_IO_WRITE_BANDWIDTH_MAX].pairs[1].number, 6000);
        assert_int_equal(l.values[LIMIT_MEMORY_MAX].number, 11116544);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(each_is_in_its_file),
                TEST(payload_has_some_of_its_scopes),
                TEST(a_quota_is_of_its_period_or_of_a_longer_one),
                TEST(a_quota_alone_keeps_the_period),
                TEST(what_is_not_in_force_undoes_the_rest),
                TEST(a_missing_controller_is_named),
                TEST(the_supervisor_is_in_no_leaf_also_of_a_task_called_like_a_scope),
                TEST(other_disks_than_all_are_told_one_by_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
