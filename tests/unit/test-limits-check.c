/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of limits_check(). */
#include "basic/io-disk.h"
#include "basic/limits.h"

#include "test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void set(Limits *l, LimitType t, const char *text)
{
        _cleanup_(freep) char *reason = NULL;

        if (limits_parse(l, t, text, &reason) != 0)
                fail_msg("%s", reason);
}

static void assert_ok(const Limits *l)
{
        _cleanup_(freep) char *reason = NULL;

        if (limits_check(l, &reason) != 0)
                fail_msg("%s", reason);
}

static void assert_refused(const Limits *l, int error, const char *part)
{
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_check(l, &reason), error);
        assert_non_null(reason);
        if (!strstr(reason, part))
                fail_msg("%s", reason);
}

static void no_limits_are_consistent(void **state)
{
        Limits l = { 0 };

        assert_ok(&l);
}

static void a_period_needs_a_quota(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        set(&l, LIMIT_CPU_QUOTA_PERIOD, "50000");
        assert_refused(&l, -EINVAL, "CPUQuotaPeriodUSec=50000");
        set(&l, LIMIT_CPU_QUOTA, "infinity");
        assert_ok(&l);
        set(&l, LIMIT_CPU_QUOTA, "500000");
        assert_ok(&l);
}

static void the_default_period_needs_none(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        set(&l, LIMIT_CPU_QUOTA_PERIOD, "infinity");
        assert_ok(&l);
}

static void a_quota_is_at_least_1_ms_in_its_period(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        set(&l, LIMIT_CPU_QUOTA, "10000");
        set(&l, LIMIT_CPU_QUOTA_PERIOD, "100000");
        assert_ok(&l);
        set(&l, LIMIT_CPU_QUOTA_PERIOD, "10000");
        assert_refused(&l, -ERANGE, "at least 100000 µs");
        set(&l, LIMIT_CPU_QUOTA_PERIOD, "infinity");
        assert_ok(&l);
}

static void every_accepted_option_passes_whatever_its_rounding(void **state)
{
        for (uint64_t period = 1000; period <= 1000000; period += 997) {
                _cleanup_(limits_done) Limits l = { 0 };

                assert_int_equal(
                        limits_set_number(&l, LIMIT_CPU_QUOTA, 1000 * USEC_PER_SEC / period, NULL),
                        0);
                assert_int_equal(limits_set_number(&l, LIMIT_CPU_QUOTA_PERIOD, period, NULL), 0);
                assert_ok(&l);
        }
}

static void io_max_stands_alone(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        set(&l, LIMIT_IO_MAX, "10M");
        assert_ok(&l);
        set(&l, LIMIT_IO_WRITE_IOPS_MAX, "/dev/sda 100");
        assert_refused(&l, -EINVAL, "IOWriteIOPSMax and IOMax exclude each other");
}

static void disks_have_to_be_there(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        set(&l, LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/no-such-disk 10M");
        assert_refused(&l, -EINVAL, "IOReadBandwidthMax: \"/dev/no-such-disk\" names no disk");
}

static void a_disk_has_one_name(void **state)
{
        char **disks = NULL, *disk = NULL, by_number[64];
        _cleanup_(limits_done) Limits l = { 0 };
        struct stat st;

        assert_int_equal(io_whole_disks(&disks), 0);
        if (disks[0] && stat(disks[0], &st) >= 0)
                disk = strdup(disks[0]);
        (void) io_disks_free(disks);
        if (!disk)
                skip();
        (void) snprintf(by_number, sizeof(by_number), "%u:%u", major(st.st_rdev),
                        minor(st.st_rdev));

        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, disk, 100, NULL), 0);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_WRITE_BANDWIDTH_MAX, disk, 100, NULL), 0);
        assert_ok(&l);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, by_number, 100, NULL), 0);
        assert_refused(&l, -EINVAL, "are the same disk");
        free(disk);
}

static void find_disk(char **ret, char by_number[static 64])
{
        _cleanup_(io_disks_freep) char **disks = NULL;
        struct stat st;

        assert_int_equal(io_whole_disks(&disks), 0);
        if (!disks[0] || stat(disks[0], &st) < 0)
                skip();
        (void) snprintf(by_number, 64, "/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
        *ret = strdup(disks[0]);
}

static void assert_disk(const Limits *l, LimitType t, const char *name, uint64_t number)
{
        const Limit *v = &l->values[t];

        assert_false(l->values[LIMIT_IO_MAX].is_set);
        for (size_t i = 0; i < v->n_pairs; i++)
                if (streq(v->pairs[i].name, name)) {
                        assert_int_equal(v->pairs[i].number, number);
                        return;
                }
        fail_msg("%s says nothing of %s", limit_table[t].property, name);
}

static void a_disk_that_is_named_later_has_the_limit_of_all_but_for_that(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, changes = { 0 }, merged = { 0 };
        _cleanup_(freep) char *disk = NULL;
        char by_number[64];

        find_disk(&disk, by_number);
        set(&l, LIMIT_IO_MAX, "10M");
        assert_int_equal(
                limits_add_device(&changes, LIMIT_IO_READ_BANDWIDTH_MAX, by_number, 100, NULL), 0);
        assert_int_equal(limits_check_merged(&l, &changes, &merged, NULL), 0);
        assert_disk(&merged, LIMIT_IO_READ_BANDWIDTH_MAX, disk, 100);
        assert_disk(&merged, LIMIT_IO_WRITE_BANDWIDTH_MAX, disk, 10 << 20);
        assert_true(l.values[LIMIT_IO_MAX].is_set);
        assert_string_equal(changes.values[LIMIT_IO_READ_BANDWIDTH_MAX].pairs[0].name, by_number);
}

static void a_limit_of_all_disks_takes_the_place_of_former_ones(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, changes = { 0 };
        _cleanup_(freep) char *disk = NULL;
        char by_number[64];

        find_disk(&disk, by_number);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, by_number, 30, NULL), 0);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, by_number, 100, NULL),
                         0);
        set(&changes, LIMIT_IO_MAX, "max");
        assert_int_equal(limits_align_disks(&l, &changes, NULL), 0);
        assert_disk(&changes, LIMIT_IO_READ_BANDWIDTH_MAX, by_number, UINT64_MAX);
        assert_disk(&changes, LIMIT_IO_WRITE_BANDWIDTH_MAX, by_number, UINT64_MAX);
        assert_int_equal(limits_merge(&l, &changes), 0);
        assert_disk(&l, LIMIT_IO_READ_BANDWIDTH_MAX, by_number, UINT64_MAX);
        assert_disk(&l, LIMIT_IO_READ_IOPS_MAX, by_number, 30);
        assert_ok(&l);
}

static void limits_of_all_disks_follow_each_other_as_they_are(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, changes = { 0 }, merged = { 0 };

        set(&l, LIMIT_IO_MAX, "10M");
        set(&changes, LIMIT_IO_MAX, "5M");
        assert_int_equal(limits_check_merged(&l, &changes, &merged, NULL), 0);
        assert_int_equal(merged.values[LIMIT_IO_MAX].number, 5 << 20);
        assert_false(merged.values[LIMIT_IO_READ_BANDWIDTH_MAX].is_set);
}

static void a_change_that_names_no_disk_is_refused(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, changes = { 0 }, merged = { 0 };
        _cleanup_(freep) char *reason = NULL;

        set(&l, LIMIT_IO_MAX, "10M");
        set(&changes, LIMIT_IO_WRITE_IOPS_MAX, "/dev/no-such-disk 100");
        assert_int_equal(limits_check_merged(&l, &changes, &merged, &reason), -EINVAL);
        assert_non_null(strstr(reason, "names no disk"));
}

static void an_empty_list_of_devices_needs_a_policy(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        l.values[LIMIT_DEVICE_ALLOW].is_set = true;
        assert_refused(&l, -EINVAL, "DeviceAllow is empty");
        set(&l, LIMIT_DEVICE_POLICY, "closed");
        assert_ok(&l);
}

static void what_has_gone_since_is_not_missed(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        set(&l, LIMIT_DEVICE_ALLOW, "/dev/no-such-device rw");
        set(&l, LIMIT_ALLOWED_CPUS, "8191");
        assert_ok(&l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_limits_are_consistent),
                cmocka_unit_test(a_period_needs_a_quota),
                cmocka_unit_test(the_default_period_needs_none),
                cmocka_unit_test(a_quota_is_at_least_1_ms_in_its_period),
                cmocka_unit_test(every_accepted_option_passes_whatever_its_rounding),
                cmocka_unit_test(io_max_stands_alone),
                cmocka_unit_test(disks_have_to_be_there),
                cmocka_unit_test(a_disk_has_one_name),
                cmocka_unit_test(a_disk_that_is_named_later_has_the_limit_of_all_but_for_that),
                cmocka_unit_test(a_limit_of_all_disks_takes_the_place_of_former_ones),
                cmocka_unit_test(limits_of_all_disks_follow_each_other_as_they_are),
                cmocka_unit_test(a_change_that_names_no_disk_is_refused),
                cmocka_unit_test(an_empty_list_of_devices_needs_a_policy),
                cmocka_unit_test(what_has_gone_since_is_not_missed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
