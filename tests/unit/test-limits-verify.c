/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of limits_verify() on a directory of files that stands for a cgroup. */
#include "basic/device.h"
#include "basic/io-disk.h"
#include "basic/limits.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>

static int setup(void **state)
{
        static Scratch s;

        s = scratch_new("workload-x.scope");
        scratch_write(&s, "cgroup.controllers", "cpuset cpu io memory pids\n");
        *state = &s;
        return 0;
}

static int teardown(void **state)
{
        scratch_done(*state);
        return 0;
}

static Limits limits_of(LimitType t, const char *text)
{
        _cleanup_(freep) char *reason = NULL;
        Limits l = { 0 };

        if (limits_parse(&l, t, text, &reason) != 0)
                fail_msg("%s", reason);
        return l;
}

static void assert_in_force(const Scratch *s, const Limits *l)
{
        _cleanup_(freep) char *reason = NULL;

        if (limits_verify(l, s->fd, &reason) != 0)
                fail_msg("%s", reason);
        assert_null(reason);
}

/* Each part has to be in the sentence. */
static void assert_not_in_force(const Scratch *s, const Limits *l, const char *a, const char *b)
{
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_verify(l, s->fd, &reason), -ESTALE);
        assert_non_null(reason);
        if (!strstr(reason, a) || !strstr(reason, b) || !strstr(reason, "workload-x.scope"))
                fail_msg("%s", reason);
}

static void assert_one(Scratch *s, LimitType t, const char *text, const char *file,
                       const char *contents)
{
        _cleanup_(limits_done) Limits l = limits_of(t, text);

        scratch_write(s, file, contents);
        assert_in_force(s, &l);
}

static void assert_not_one(Scratch *s, LimitType t, const char *text, const char *file,
                           const char *contents, const char *wanted, const char *found)
{
        _cleanup_(limits_done) Limits l = limits_of(t, text);
        _cleanup_(freep) char *a = NULL, *b = NULL;

        scratch_write(s, file, contents);
        assert_true(asprintf(&a, "%s is not in force: %s was wanted", limit_table[t].property,
                             wanted) > 0);
        assert_true(asprintf(&b, "\"%s\" in %s", found, file) > 0);
        assert_not_in_force(s, &l, a, b);
}

static void nothing_is_in_force_anywhere(void **state)
{
        Limits l = { 0 };

        assert_in_force(*state, &l);
}

static void memory_is_rounded_down_to_pages(void **state)
{
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
        char text[32], contents[32], other[32];

        (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) (500 * page + page - 1));
        (void) snprintf(contents, sizeof(contents), "%llu\n", (unsigned long long) (500 * page));
        (void) snprintf(other, sizeof(other), "%llu\n", (unsigned long long) (501 * page));
        assert_one(*state, LIMIT_MEMORY_MAX, text, "memory.max", contents);
        assert_one(*state, LIMIT_MEMORY_HIGH, text, "memory.high", contents);
        assert_one(*state, LIMIT_MEMORY_LOW, text, "memory.low", contents);
        assert_one(*state, LIMIT_MEMORY_MIN, text, "memory.min", contents);
        assert_one(*state, LIMIT_MEMORY_SWAP_MAX, text, "memory.swap.max", contents);
        assert_one(*state, LIMIT_MEMORY_SWAP_MAX, "0", "memory.swap.max", "0\n");

        contents[strlen(contents) - 1] = '\0';
        assert_not_one(*state, LIMIT_MEMORY_MAX, text, "memory.max", "max\n", contents, "max");
        assert_not_one(*state, LIMIT_MEMORY_HIGH, text, "memory.high", "0\n", contents, "0");
        assert_not_one(*state, LIMIT_MEMORY_LOW, "0", "memory.low", "max\n", "0", "max");
        {
                _cleanup_(limits_done) Limits l = limits_of(LIMIT_MEMORY_MAX, text);

                scratch_write(*state, "memory.max", other);
                assert_not_in_force(*state, &l, "MemoryMax", contents);
        }
}

static void no_limit_must_be_found_as_none(void **state)
{
        assert_one(*state, LIMIT_MEMORY_MAX, "infinity", "memory.max", "max\n");
        assert_not_one(*state, LIMIT_MEMORY_MAX, "infinity", "memory.max", "1048576\n", "max",
                       "1048576");
        assert_one(*state, LIMIT_TASKS_MAX, "infinity", "pids.max", "max\n");
        assert_not_one(*state, LIMIT_TASKS_MAX, "infinity", "pids.max", "4915\n", "max", "4915");
}

static void no_limit_needs_no_controller(void **state)
{
        _cleanup_(limits_done) Limits tasks = limits_of(LIMIT_TASKS_MAX, "infinity");
        _cleanup_(limits_done) Limits io = limits_of(LIMIT_IO_MAX, "infinity");

        assert_in_force(*state, &tasks);
        assert_in_force(*state, &io);
}

static void a_missing_controller_is_named(void **state)
{
        static const struct {
                LimitType type;
                const char *text, *sentence;
        } cases[] = {
                { LIMIT_MEMORY_MAX, "64M",
                  "MemoryMax is not in force: the memory controller is missing in " },
                { LIMIT_CPU_WEIGHT, "50", "CPUWeight is not in force: the cpu controller" },
                { LIMIT_CPU_QUOTA, "500000",
                  "CPUQuotaPerSecUSec is not in force: the cpu controller" },
                { LIMIT_ALLOWED_CPUS, "0", "AllowedCPUs is not in force: the cpuset controller" },
                { LIMIT_IO_WEIGHT, "50", "IOWeight is not in force: the io controller" },
                { LIMIT_IO_MAX, "1M", "IOMax is not in force: the io controller" },
                { LIMIT_IO_READ_IOPS_MAX, "/ 50",
                  "IOReadIOPSMax is not in force: the io controller" },
                { LIMIT_TASKS_MAX, "5", "TasksMax is not in force: the pids controller" },
        };

        scratch_write(*state, "cgroup.controllers", "\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(limits_done) Limits l = limits_of(cases[i].type, cases[i].text);

                assert_not_in_force(*state, &l, cases[i].sentence, "is missing in");
        }
}

static void a_file_missing_beside_its_controller_is_the_kernels(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_MEMORY_SWAP_MAX, "64M");

        assert_not_in_force(*state, &l, "MemorySwapMax is not in force", "no memory.swap.max");
}

static void a_garbled_file_is_not_taken_for_a_match(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_MEMORY_MAX, "64M");
        _cleanup_(freep) char *reason = NULL;
        Scratch *s = *state;

        scratch_write(s, "memory.max", "64M\n");
        assert_int_equal(limits_verify(&l, s->fd, &reason), -EBADMSG);
        assert_non_null(strstr(reason, "MemoryMax cannot be verified"));
}

static void weights_are_compared(void **state)
{
        assert_one(*state, LIMIT_CPU_WEIGHT, "55", "cpu.weight", "55\n");
        assert_not_one(*state, LIMIT_CPU_WEIGHT, "55", "cpu.weight", "100\n", "55", "100");
        assert_one(*state, LIMIT_IO_WEIGHT, "55", "io.weight", "default 55\n");
        assert_one(*state, LIMIT_IO_WEIGHT, "55", "io.weight", "default 55\n8:0 100\n");
        assert_not_one(*state, LIMIT_IO_WEIGHT, "55", "io.weight", "default 100\n8:0 55\n", "55",
                       "100");
}

static void a_scopes_tasks_have_room_for_the_supervisor(void **state)
{
        assert_one(*state, LIMIT_TASKS_MAX, "10", "pids.max", "11\n");
        assert_not_one(*state, LIMIT_TASKS_MAX, "10", "pids.max", "10\n", "11", "10");
}

static void other_cgroups_tasks_are_exact(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_TASKS_MAX, "10");
        _cleanup_(scratch_done) Scratch leaf = scratch_new("main");

        scratch_write(&leaf, "pids.max", "10\n");
        assert_in_force(&leaf, &l);
        scratch_write(&leaf, "pids.max", "11\n");
        assert_int_equal(limits_verify(&l, leaf.fd, NULL), -ESTALE);
}

static void a_quota_is_compared_in_the_period_found(void **state)
{
        assert_one(*state, LIMIT_CPU_QUOTA, "500000", "cpu.max", "50000 100000\n");
        assert_one(*state, LIMIT_CPU_QUOTA, "500000", "cpu.max", "500000 1000000\n");
        /* Rounding by whoever computed it: 33333.3 µs in 100 ms. */
        assert_one(*state, LIMIT_CPU_QUOTA, "333333", "cpu.max", "33333 100000\n");
        assert_one(*state, LIMIT_CPU_QUOTA, "333333", "cpu.max", "33334 100000\n");
        assert_one(*state, LIMIT_CPU_QUOTA, "infinity", "cpu.max", "max 100000\n");
        /* systemd raises a quota of less than 1 ms and its period. */
        assert_one(*state, LIMIT_CPU_QUOTA, "5000", "cpu.max", "1000 200000\n");

        assert_not_one(*state, LIMIT_CPU_QUOTA, "500000", "cpu.max", "max 100000\n", "50000",
                       "max");
        assert_not_one(*state, LIMIT_CPU_QUOTA, "500000", "cpu.max", "60000 100000\n", "50000",
                       "60000");
        assert_not_one(*state, LIMIT_CPU_QUOTA, "infinity", "cpu.max", "50000 100000\n", "max",
                       "50000");
}

static void a_period_is_compared_where_it_was_set(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_CPU_QUOTA, "500000");
        Scratch *s = *state;

        scratch_write(s, "cpu.max", "25000 50000\n");
        assert_in_force(s, &l);
        assert_int_equal(limits_parse(&l, LIMIT_CPU_QUOTA_PERIOD, "50000", NULL), 0);
        assert_in_force(s, &l);
        assert_int_equal(limits_parse(&l, LIMIT_CPU_QUOTA_PERIOD, "100000", NULL), 0);
        assert_not_in_force(s, &l, "CPUQuotaPeriodUSec is not in force: 100000 was wanted",
                            "\"50000\" in cpu.max");
        assert_int_equal(limits_parse(&l, LIMIT_CPU_QUOTA_PERIOD, "infinity", NULL), 0);
        scratch_write(s, "cpu.max", "50000 100000\n");
        assert_in_force(s, &l);
}

static void the_smallest_quota_in_any_period_is_in_force(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_CPU_QUOTA, "33333");
        Scratch *s = *state;

        /* 1000/30000 became 33333 µs a second; systemd: max(30000, 1e9 / 33333) = 30000. */
        assert_int_equal(limits_parse(&l, LIMIT_CPU_QUOTA_PERIOD, "30000", NULL), 0);
        scratch_write(s, "cpu.max", "1000 30000\n");
        assert_in_force(s, &l);
}

static void a_garbled_cpu_max_is_not_taken_for_a_match(void **state)
{
        static const char *const bad[] = { "", "50000", "x 100000", "50000 0", "50000 100000 1" };
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_CPU_QUOTA, "500000");
        Scratch *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                scratch_write(s, "cpu.max", bad[i]);
                assert_int_equal(limits_verify(&l, s->fd, NULL), -EBADMSG);
        }
}

static void sets_are_compared_with_what_is_effective(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "cpuset.cpus", "0-3\n");
        assert_one(s, LIMIT_ALLOWED_CPUS, "0-3,8", "cpuset.cpus.effective", "0-3,8\n");
        assert_not_one(s, LIMIT_ALLOWED_CPUS, "0-3", "cpuset.cpus.effective", "0-1\n", "0-3",
                       "0-1");
        assert_not_one(s, LIMIT_ALLOWED_CPUS, "0-3", "cpuset.cpus.effective", "\n", "0-3", "");
        assert_not_one(s, LIMIT_ALLOWED_CPUS, "99", "cpuset.cpus.effective", "0-3\n", "99", "0-3");
        scratch_write(s, "../cpuset.cpus.effective", "0-3\n");
        assert_one(s, LIMIT_ALLOWED_CPUS, "", "cpuset.cpus.effective", "0-3\n");
        assert_not_one(s, LIMIT_ALLOWED_CPUS, "", "cpuset.cpus.effective", "1\n", "0-3", "1");
        assert_one(s, LIMIT_ALLOWED_MEMORY_NODES, "", "memory.max", "max\n"); /* no controller */
        assert_one(s, LIMIT_ALLOWED_MEMORY_NODES, "0", "cpuset.mems.effective", "0\n");
        assert_not_one(s, LIMIT_ALLOWED_MEMORY_NODES, "1", "cpuset.mems.effective", "0\n", "1",
                       "0");
}

/* A disk of this machine as io.max names it, or skip. */
static char *some_disk(char numbers[static 32])
{
        char **disks = NULL, *found = NULL;
        dev_t dev = 0;

        assert_int_equal(io_whole_disks(&disks), 0);
        if (disks[0] && io_disk_of_path(disks[0], &dev, NULL) >= 0)
                found = strdup(disks[0]);
        (void) io_disks_free(disks);
        if (!found)
                skip();
        (void) snprintf(numbers, 32, "%u:%u", major(dev), minor(dev));
        return found;
}

static void write_io_max(Scratch *s, const char *format, const char *numbers)
{
        char text[256], *to = text;

        for (const char *p = format; *p; p++)
                if (*p == '@')
                        to = stpcpy(to, numbers);
                else
                        *to++ = *p;
        *to = '\0';
        scratch_write(s, "io.max", text);
}

static void a_disks_line_is_found_by_its_number(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *disk = NULL;
        char numbers[32];
        Scratch *s = *state;

        disk = some_disk(numbers);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, disk, 1000, NULL), 0);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_WRITE_IOPS_MAX, disk, 20, NULL), 0);

        write_io_max(s,
                     "1@ rbps=1 wbps=1 riops=1 wiops=1\n@ rbps=1000 wbps=max riops=max wiops=20\n",
                     numbers);
        assert_in_force(s, &l);
        write_io_max(s, "@ rbps=1000 wbps=max riops=20 wiops=max\n", numbers);
        assert_not_in_force(s, &l, "IOWriteIOPSMax is not in force: 20 was wanted", "\"max\"");
        write_io_max(s, "@ rbps=999 wbps=max riops=max wiops=20\n", numbers);
        assert_not_in_force(s, &l, "IOReadBandwidthMax is not in force: 1000 was wanted",
                            "\"999\"");
        write_io_max(s, "1@ rbps=1000 wbps=max riops=max wiops=20\n", numbers);
        assert_not_in_force(s, &l, "IOReadBandwidthMax is not in force: 1000", numbers);
        write_io_max(s, "", numbers);
        assert_not_in_force(s, &l, "IOReadBandwidthMax is not in force: 1000", disk);
}

static void an_unlimited_disk_needs_no_line(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *disk = NULL;
        char numbers[32];
        Scratch *s = *state;

        disk = some_disk(numbers);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, disk, UINT64_MAX, NULL),
                         0);
        write_io_max(s, "", numbers);
        assert_in_force(s, &l);
        write_io_max(s, "@ rbps=max wbps=5 riops=max wiops=max\n", numbers);
        assert_in_force(s, &l);
        write_io_max(s, "@ rbps=5 wbps=max riops=max wiops=max\n", numbers);
        assert_not_in_force(s, &l, "IOReadBandwidthMax is not in force: max was wanted", "\"5\"");
}

static void a_disk_that_went_away_is_not_limited(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_IO_READ_IOPS_MAX, "/dev/no-such-disk 50");
        _cleanup_(freep) char *reason = NULL;
        Scratch *s = *state;

        scratch_write(s, "io.max", "");
        assert_int_equal(limits_verify(&l, s->fd, &reason), -ESTALE);
        assert_non_null(strstr(reason, "/dev/no-such-disk"));
}

/* A line for every disk of this machine, or nothing if there is none or one without a node. */
static void io_max_lines(char *text, size_t size)
{
        _cleanup_(io_disks_freep) char **disks = NULL;
        size_t n = 0;

        text[0] = '\0';
        assert_int_equal(io_whole_disks(&disks), 0);
        for (char **d = disks; *d; d++) {
                dev_t dev;

                if (io_disk_of_path(*d, &dev, NULL) < 0) {
                        text[0] = '\0';
                        return;
                }
                n += (size_t) snprintf(text + n, size - n,
                                       "%u:%u rbps=1000 wbps=1000 riops=max wiops=max\n",
                                       major(dev), minor(dev));
                assert_true(n < size);
        }
}

static void io_max_is_on_every_whole_disk(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_IO_MAX, "1000");
        char text[16384];
        Scratch *s = *state;

        io_max_lines(text, sizeof(text));
        if (!text[0])
                skip();

        scratch_write(s, "io.max", text);
        assert_in_force(s, &l);
        (void) memcpy(strstr(text, "wbps=1000"), "wbps=1001", strlen("wbps=1001"));
        scratch_write(s, "io.max", text);
        assert_not_in_force(s, &l, "IOMax is not in force: 1000 was wanted", "wbps");
        scratch_write(s, "io.max", "");
        assert_not_in_force(s, &l, "IOMax is not in force: 1000 was wanted", "rbps");
}

/* A plain directory has no device program. */
static void a_device_policy_needs_a_program(void **state)
{
        _cleanup_(limits_done) Limits policy = limits_of(LIMIT_DEVICE_POLICY, "strict"),
                                      allow = limits_of(LIMIT_DEVICE_ALLOW, "/dev/null rw");

        assert_not_in_force(*state, &policy, "DevicePolicy cannot be seen to be in force",
                            "device programs");
        assert_not_in_force(*state, &allow, "DeviceAllow cannot be seen to be in force",
                            "device programs");
}

static void open_devices_need_no_program(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_DEVICE_POLICY, "auto");

        l.values[LIMIT_DEVICE_ALLOW].is_set = true; /* the empty list */
        assert_in_force(*state, &l);
}

static void a_cgroup_without_a_program_is_told(void **state)
{
        _cleanup_(limits_done) Limits l = limits_of(LIMIT_DEVICE_POLICY, "closed");
        _cleanup_(freep) char *reason = NULL, *name = NULL;
        int parent, fd, r;
        uint32_t id;

        fd = cgroup_scratch(&parent, &name);
        if (fd < 0)
                skip();
        r = device_program_find(fd, &id);
        if (r == -ENOENT)
                r = limits_verify(&l, fd, &reason);
        else
                reason = NULL;
        (void) unlinkat(parent, name, AT_REMOVEDIR);
        (void) close(fd);
        (void) close(parent);
        if (!reason)
                skip(); /* not for this user */
        assert_int_equal(r, -ESTALE);
        assert_non_null(strstr(reason, "no device program is attached"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(nothing_is_in_force_anywhere),
                TEST(memory_is_rounded_down_to_pages),
                TEST(no_limit_must_be_found_as_none),
                TEST(no_limit_needs_no_controller),
                TEST(a_missing_controller_is_named),
                TEST(a_file_missing_beside_its_controller_is_the_kernels),
                TEST(a_garbled_file_is_not_taken_for_a_match),
                TEST(weights_are_compared),
                TEST(a_scopes_tasks_have_room_for_the_supervisor),
                TEST(other_cgroups_tasks_are_exact),
                TEST(a_quota_is_compared_in_the_period_found),
                TEST(a_period_is_compared_where_it_was_set),
                TEST(the_smallest_quota_in_any_period_is_in_force),
                TEST(a_garbled_cpu_max_is_not_taken_for_a_match),
                TEST(sets_are_compared_with_what_is_effective),
                TEST(a_disks_line_is_found_by_its_number),
                TEST(an_unlimited_disk_needs_no_line),
                TEST(a_disk_that_went_away_is_not_limited),
                TEST(io_max_is_on_every_whole_disk),
                TEST(a_device_policy_needs_a_program),
                TEST(open_devices_need_no_program),
                TEST(a_cgroup_without_a_program_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
