/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of metrics.h. */
#include "basic/metrics.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>

static int setup(void **state)
{
        static Scratch s;

        s = scratch_new("workload-x.scope");
        *state = &s;
        return 0;
}

static int teardown(void **state)
{
        scratch_done(*state);
        return 0;
}

static void assert_metric(const Metrics *m, MetricType t, uint64_t expected)
{
        if (!m->present[t])
                fail_msg("%s is absent", metric_table[t].name);
        if (m->values[t] != expected)
                fail_msg("%s is %llu", metric_table[t].name, (unsigned long long) m->values[t]);
}

static void assert_absent(const Metrics *m, MetricType t)
{
        if (m->present[t])
                fail_msg("%s is there", metric_table[t].name);
}

static void the_table_is_whole_and_without_duplicates(void **state)
{
        for (MetricType t = 0; t < _METRIC_MAX; t++) {
                const MetricInfo *info = &metric_table[t];

                assert_non_null(info->property);
                assert_non_null(info->name);
                assert_non_null(info->file);
                assert_non_null(info->help);
                assert_int_equal(info->signature, t == METRIC_NR_PROCESSES ? 'u' : 't');
                assert_int_equal(metric_from_name(info->name), t);
                for (MetricType u = 0; u < t; u++)
                        assert_string_not_equal(metric_table[u].property, info->property);
        }
        assert_int_equal(metric_from_name("memory"), _METRIC_INVALID);
        assert_int_equal(metric_from_name("MemoryCurrent"), _METRIC_INVALID);
        assert_int_equal(metric_from_name(""), _METRIC_INVALID);
        assert_int_equal(metric_from_name(NULL), _METRIC_INVALID);
}

static void documented_names_do_not_change(void **state)
{
        assert_int_equal(metric_from_name("memory_current"), METRIC_MEMORY_CURRENT);
        assert_int_equal(metric_from_name("memory_max"), METRIC_MEMORY_MAX);
        assert_int_equal(metric_from_name("cpu_usage_usec"), METRIC_CPU_USAGE_USEC);
        assert_int_equal(metric_from_name("nr_processes"), METRIC_NR_PROCESSES);
        assert_int_equal(metric_from_name("memory_peak"), METRIC_MEMORY_PEAK);
        assert_int_equal(metric_from_name("io_read_bytes"), METRIC_IO_READ_BYTES);
        assert_int_equal(metric_from_name("memory_events_oom_kill"), METRIC_MEMORY_EVENTS_OOM_KILL);
        assert_int_equal(metric_from_name("cpu_some_total_usec"), METRIC_CPU_SOME_TOTAL_USEC);
        assert_string_equal(metric_table[METRIC_CPU_USAGE_USEC].property, "CPUUsageUSec");
        assert_string_equal(metric_table[METRIC_NR_PROCESSES].property, "NrProcesses");
        assert_string_equal(metric_table[METRIC_CPU_SOME_TOTAL_USEC].property, "CPUSomeTotalUSec");
}

static void a_cgroup_without_processes_file_is_gone(void **state)
{
        Scratch *s = *state;
        Metrics m = { .values[0] = 42 };

        scratch_write(s, "memory.current", "1\n");
        assert_int_equal(metrics_read(s->fd, &m), -ENOENT);
        assert_int_equal(m.values[0], 42);
}

static void what_has_no_file_is_absent(void **state)
{
        Scratch *s = *state;
        Metrics m;

        scratch_write(s, "cgroup.procs", "");
        assert_int_equal(metrics_read(s->fd, &m), 0);
        for (MetricType t = 0; t < _METRIC_MAX; t++)
                if (t != METRIC_NR_PROCESSES)
                        assert_absent(&m, t);
        assert_metric(&m, METRIC_NR_PROCESSES, 0);
}

static void write_group(Scratch *s)
{
        scratch_write(s, "cgroup.procs", "10\n11\n");
        scratch_write(s, "main/cgroup.procs", "12\n");
        scratch_write(s, "supervisor/cgroup.procs", "13\n");
        scratch_write(s, "memory.current", "8192\n");
        scratch_write(s, "memory.max", "1048576\n");
        scratch_write(s, "memory.peak", "9000\n");
        scratch_write(s, "memory.swap.current", "0\n");
        scratch_write(s, "memory.events",
                      "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n"
                      "oom_group_kill 5\n");
        scratch_write(s, "memory.swap.events", "high 6\nmax 7\nfail 8\n");
        scratch_write(s, "cpu.stat",
                      "usage_usec 100\nuser_usec 60\nsystem_usec 40\nnr_periods 7\n"
                      "nr_throttled 8\nthrottled_usec 9\n");
        scratch_write(s, "io.stat",
                      "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n"
                      "8:16 rbytes=10 wbytes=20 rios=30 wios=40 dbytes=0 dios=0\n");
        scratch_write(s, "pids.current", "5\n");
        scratch_write(s, "pids.max", "100\n");
        scratch_write(s, "cpu.pressure",
                      "some avg10=1.07 avg60=20.00 avg300=100.00 total=111\n"
                      "full avg10=0.00 avg60=0.00 avg300=0.00 total=112\n");
        scratch_write(s, "memory.pressure",
                      "some avg10=0.00 avg60=0.00 avg300=0.00 total=121\n"
                      "full avg10=0.00 avg60=0.00 avg300=0.00 total=122\n");
        scratch_write(s, "io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=131\n");
}

static void every_file_is_read(void **state)
{
        Scratch *s = *state;
        Metrics m;

        write_group(s);
        assert_int_equal(metrics_read(s->fd, &m), 0);
        assert_metric(&m, METRIC_MEMORY_CURRENT, 8192);
        assert_metric(&m, METRIC_MEMORY_MAX, 1048576);
        assert_metric(&m, METRIC_MEMORY_PEAK, 9000);
        assert_metric(&m, METRIC_MEMORY_SWAP_CURRENT, 0);
        assert_absent(&m, METRIC_MEMORY_SWAP_PEAK);
        assert_metric(&m, METRIC_MEMORY_EVENTS_HIGH, 1);
        assert_metric(&m, METRIC_MEMORY_EVENTS_MAX, 2);
        assert_metric(&m, METRIC_MEMORY_EVENTS_OOM, 3);
        assert_metric(&m, METRIC_MEMORY_EVENTS_OOM_KILL, 4);
        assert_metric(&m, METRIC_MEMORY_SWAP_EVENTS_MAX, 7);
        assert_metric(&m, METRIC_MEMORY_SWAP_EVENTS_FAIL, 8);
        assert_metric(&m, METRIC_CPU_USAGE_USEC, 100);
        assert_metric(&m, METRIC_CPU_USER_USEC, 60);
        assert_metric(&m, METRIC_CPU_SYSTEM_USEC, 40);
        assert_metric(&m, METRIC_CPU_NR_PERIODS, 7);
        assert_metric(&m, METRIC_CPU_NR_THROTTLED, 8);
        assert_metric(&m, METRIC_CPU_THROTTLED_USEC, 9);
        assert_metric(&m, METRIC_IO_READ_BYTES, 11);
        assert_metric(&m, METRIC_IO_WRITE_BYTES, 22);
        assert_metric(&m, METRIC_IO_READ_OPS, 33);
        assert_metric(&m, METRIC_IO_WRITE_OPS, 44);
        assert_metric(&m, METRIC_NR_PROCESSES, 3);
        assert_metric(&m, METRIC_PIDS_CURRENT, 5);
        assert_absent(&m, METRIC_PIDS_PEAK);
        assert_metric(&m, METRIC_PIDS_MAX, 100);
        assert_metric(&m, METRIC_CPU_SOME_TOTAL_USEC, 111);
        assert_metric(&m, METRIC_CPU_FULL_TOTAL_USEC, 112);
        assert_metric(&m, METRIC_MEMORY_SOME_TOTAL_USEC, 121);
        assert_metric(&m, METRIC_MEMORY_FULL_TOTAL_USEC, 122);
        assert_metric(&m, METRIC_IO_SOME_TOTAL_USEC, 131);
        assert_absent(&m, METRIC_IO_FULL_TOTAL_USEC);
        assert_metric(&m, METRIC_CPU_SOME_AVG10, 107);
        assert_metric(&m, METRIC_CPU_SOME_AVG60, 2000);
        assert_metric(&m, METRIC_CPU_SOME_AVG300, 10000);
        assert_metric(&m, METRIC_CPU_FULL_AVG10, 0);
        assert_absent(&m, METRIC_IO_FULL_AVG10);

        metrics_end(&m);
        assert_absent(&m, METRIC_CPU_SOME_AVG10);
        assert_metric(&m, METRIC_CPU_SOME_TOTAL_USEC, 111);
}

static void no_limit_is_absent(void **state)
{
        Scratch *s = *state;
        Metrics m;

        write_group(s);
        scratch_write(s, "memory.max", "max\n");
        scratch_write(s, "pids.max", "max\n");
        assert_int_equal(metrics_read(s->fd, &m), 0);
        assert_absent(&m, METRIC_MEMORY_MAX);
        assert_absent(&m, METRIC_PIDS_MAX);
}

static void a_key_that_is_missing_is_absent(void **state)
{
        Scratch *s = *state;
        Metrics m;

        write_group(s);
        scratch_write(s, "cpu.stat", "usage_usec 100\nuser_usec 60\nsystem_usec 40\n");
        assert_int_equal(metrics_read(s->fd, &m), 0);
        assert_metric(&m, METRIC_CPU_SYSTEM_USEC, 40);
        assert_absent(&m, METRIC_CPU_NR_PERIODS);
}

static void a_garbled_file_is_an_error(void **state)
{
        Scratch *s = *state;
        Metrics m;

        write_group(s);
        scratch_write(s, "memory.current", "lots\n");
        assert_int_equal(metrics_read(s->fd, &m), -EBADMSG);
}

static void a_scope_is_its_payload_and_the_scopes_own_limits(void **state)
{
        Scratch *s = *state;
        Metrics m;
        int payload;

        scratch_write(s, "cgroup.procs", "");
        scratch_write(s, "supervisor/cgroup.procs", "9\n");
        scratch_write(s, "memory.current", "100\n");
        scratch_write(s, "memory.max", "5000000\n");
        scratch_write(s, "memory.events", "high 1\nmax 2\noom 3\noom_kill 40\n");
        scratch_write(s, "cpu.stat", "usage_usec 100\nnr_throttled 8\n");
        scratch_write(s, "pids.max", "11\n");
        scratch_write(s, "payload/cgroup.procs", "");
        scratch_write(s, "payload/main/cgroup.procs", "12\n13\n");
        scratch_write(s, "payload/memory.current", "60\n");
        scratch_write(s, "payload/memory.max", "max\n");
        scratch_write(s, "payload/memory.events", "high 0\nmax 0\noom 0\noom_kill 4\n");
        scratch_write(s, "payload/cpu.stat", "usage_usec 70\nnr_throttled 0\n");
        scratch_write(s, "payload/pids.max", "10\n");
        payload = openat(s->fd, "payload", O_RDONLY | O_DIRECTORY);
        assert_true(payload >= 0);

        assert_int_equal(metrics_read_scope(s->fd, payload, &m), 0);
        assert_metric(&m, METRIC_MEMORY_CURRENT, 60);
        assert_metric(&m, METRIC_MEMORY_MAX, 5000000);
        assert_metric(&m, METRIC_MEMORY_EVENTS_MAX, 2);
        assert_metric(&m, METRIC_MEMORY_EVENTS_OOM, 3);
        assert_metric(&m, METRIC_MEMORY_EVENTS_OOM_KILL, 4);
        assert_metric(&m, METRIC_CPU_USAGE_USEC, 70);
        assert_metric(&m, METRIC_CPU_NR_THROTTLED, 8);
        assert_metric(&m, METRIC_PIDS_MAX, 10);
        assert_metric(&m, METRIC_NR_PROCESSES, 2);

        scratch_remove(s, "payload/cgroup.procs");
        assert_int_equal(metrics_read_scope(s->fd, payload, &m), -ENOENT);
        (void) close(payload);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_is_whole_and_without_duplicates),
                cmocka_unit_test(documented_names_do_not_change),
                TEST(a_cgroup_without_processes_file_is_gone),
                TEST(what_has_no_file_is_absent),
                TEST(every_file_is_read),
                TEST(no_limit_is_absent),
                TEST(a_key_that_is_missing_is_absent),
                TEST(a_garbled_file_is_an_error),
                TEST(a_scope_is_its_payload_and_the_scopes_own_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
