/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the table of limits and of setting, copying and merging them. */
#include "basic/limits.h"

#include "test.h"

#include <stdio.h>

static void the_table_is_whole_and_without_duplicates(void **state)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                const LimitInfo *info = &limit_table[t];

                assert_non_null(info->property);
                assert_non_null(info->signature);
                assert_non_null(info->argument);
                assert_non_null(info->unit);
                assert_non_null(info->help);
                assert_true((info->controller == NULL) == (info->file == NULL));
                assert_int_equal(limit_from_property(info->property), t);
                for (LimitType u = 0; u < t; u++)
                        assert_false(info->option && limit_table[u].option &&
                                     streq(info->option, limit_table[u].option));
        }
        assert_int_equal(limit_from_property("Memory"), _LIMIT_INVALID);
        assert_int_equal(limit_from_property("memorymax"), _LIMIT_INVALID);
        assert_int_equal(limit_from_property(""), _LIMIT_INVALID);
        assert_int_equal(limit_from_property(NULL), _LIMIT_INVALID);
}

static void signatures_are_those_of_systemd(void **state)
{
        static const char *const by_kind[] = {
                [LIMIT_KIND_NUMBER] = "t", [LIMIT_KIND_FLAG] = "b",
                [LIMIT_KIND_SET] = "ay",   [LIMIT_KIND_DEVICES] = "a(st)",
                [LIMIT_KIND_WORD] = "s",   [LIMIT_KIND_PAIRS] = "a(ss)",
        };
        static const struct {
                const char *property, *signature;
        } documented[] = {
                { "MemoryMax", "t" },
                { "MemoryOOMGroup", "b" },
                { "CPUWeight", "t" },
                { "CPUQuotaPerSecUSec", "t" },
                { "CPUQuotaPeriodUSec", "t" },
                { "AllowedCPUs", "ay" },
                { "AllowedMemoryNodes", "ay" },
                { "IOReadBandwidthMax", "a(st)" },
                { "IOWriteIOPSMax", "a(st)" },
                { "IOMax", "t" },
                { "TasksMax", "t" },
                { "DevicePolicy", "s" },
                { "DeviceAllow", "a(ss)" },
        };

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                assert_string_equal(limit_table[t].signature, by_kind[limit_table[t].kind]);
        for (size_t i = 0; i < ELEMENTSOF(documented); i++)
                assert_string_equal(
                        limit_table[limit_from_property(documented[i].property)].signature,
                        documented[i].signature);
}

static void options_are_the_documented_ones(void **state)
{
        static const char *const options[] = {
                "cpu-max",     "cpu-weight",      "memory-max", "memory-high",   "memory-low",
                "memory-min",  "memory-swap-max", "io-weight",  "io-max",        "pids-max",
                "cpuset-cpus", "cpuset-mems",     "device",     "device-policy", "oom-group",
        };
        size_t n = 0;

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                n += limit_table[t].option != NULL;
        assert_int_equal(n, ELEMENTSOF(options));
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                bool found = false;

                for (LimitType t = 0; t < _LIMIT_MAX; t++)
                        found = found || streq_ptr(limit_table[t].option, options[i]);
                if (!found)
                        fail_msg("--%s is missing", options[i]);
        }
}

static void assert_number(LimitType t, uint64_t value)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;

        if (limits_set_number(&l, t, value, &reason) != 0)
                fail_msg("%s", reason);
        assert_true(l.values[t].is_set);
        assert_true(l.values[t].number == value);
        assert_true(limits_any(&l));
}

static void assert_number_refused(LimitType t, uint64_t value, const char *sentence)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;

        if (limits_set_number(&l, t, value, &reason) != -ERANGE)
                fail_msg("%s=%llu is taken", limit_table[t].property, (unsigned long long) value);
        assert_string_equal(reason, sentence);
        assert_false(limits_any(&l));
}

static void a_flag_is_0_or_1(void **state)
{
        assert_number(LIMIT_MEMORY_OOM_GROUP, 0);
        assert_number(LIMIT_MEMORY_OOM_GROUP, 1);
        assert_number_refused(LIMIT_MEMORY_OOM_GROUP, 2,
                              "MemoryOOMGroup=2 is out of range: 0 to 1");
        assert_number_refused(LIMIT_MEMORY_OOM_GROUP, UINT64_MAX,
                              "MemoryOOMGroup=infinity is out of range: 0 to 1");
}

static void memory_has_a_least_amount(void **state)
{
        assert_number(LIMIT_MEMORY_MAX, 1048576);
        assert_number(LIMIT_MEMORY_MAX, UINT64_C(1) << 62);
        assert_number(LIMIT_MEMORY_MAX, UINT64_MAX);
        assert_number(LIMIT_MEMORY_LOW, 0);
        assert_number(LIMIT_MEMORY_MIN, 1);
        assert_number(LIMIT_MEMORY_SWAP_MAX, 0);
        assert_number_refused(LIMIT_MEMORY_MAX, 4096,
                              "MemoryMax=4096 is out of range: at least 1048576 bytes (1 MiB), or "
                              "infinity");
        assert_number_refused(
                LIMIT_MEMORY_HIGH, 1048575,
                "MemoryHigh=1048575 is out of range: at least 1048576 bytes (1 MiB), or "
                "infinity");
        assert_number_refused(LIMIT_MEMORY_MAX, UINT64_MAX - 1,
                              "MemoryMax=18446744073709551614 is out of range: at most "
                              "4611686018427387904 bytes (4 EiB), or infinity");
        assert_number_refused(LIMIT_MEMORY_SWAP_MAX, UINT64_MAX - 1,
                              "MemorySwapMax=18446744073709551614 is out of range: at most "
                              "4611686018427387904 bytes (4 EiB), or infinity");
}

static void weights_are_1_to_10000(void **state)
{
        assert_number(LIMIT_CPU_WEIGHT, 1);
        assert_number(LIMIT_CPU_WEIGHT, 10000);
        assert_number(LIMIT_IO_WEIGHT, 100);
        assert_number_refused(LIMIT_CPU_WEIGHT, 0, "CPUWeight=0 is out of range: 1 to 10000");
        assert_number_refused(LIMIT_CPU_WEIGHT, 10001,
                              "CPUWeight=10001 is out of range: 1 to 10000");
        assert_number_refused(LIMIT_CPU_WEIGHT, UINT64_MAX,
                              "CPUWeight=infinity is out of range: 1 to 10000");
        assert_number_refused(LIMIT_IO_WEIGHT, 0, "IOWeight=0 is out of range: 1 to 10000");
}

static void quota_period_and_tasks_have_the_kernels_ranges(void **state)
{
        assert_number(LIMIT_CPU_QUOTA, 1000);
        assert_number(LIMIT_CPU_QUOTA, UINT64_MAX);
        assert_number(LIMIT_CPU_QUOTA_PERIOD, 1000);
        assert_number(LIMIT_CPU_QUOTA_PERIOD, 1000000);
        assert_number(LIMIT_TASKS_MAX, 1);
        assert_number(LIMIT_TASKS_MAX, 4194303);
        assert_number(LIMIT_TASKS_MAX, UINT64_MAX);
        assert_number_refused(LIMIT_CPU_QUOTA, 0,
                              "CPUQuotaPerSecUSec=0 is out of range: 1000 to 17592186044415 µs, or "
                              "infinity");
        assert_number_refused(LIMIT_CPU_QUOTA_PERIOD, 999,
                              "CPUQuotaPeriodUSec=999 is out of range: 1000 to 1000000 µs, or "
                              "infinity");
        assert_number_refused(LIMIT_TASKS_MAX, 0,
                              "TasksMax=0 is out of range: 1 to 4194303 tasks, or infinity");
        assert_number_refused(LIMIT_TASKS_MAX, 4194304,
                              "TasksMax=4194304 is out of range: 1 to 4194303 tasks, or infinity");
}

static void bandwidth_is_what_the_kernel_can_throttle(void **state)
{
        assert_number(LIMIT_IO_MAX, 2);
        assert_number(LIMIT_IO_MAX, UINT64_MAX);
        assert_number_refused(LIMIT_IO_MAX, 0,
                              "IOMax=0 is out of range: at least 2 bytes/s, or infinity");
        assert_number_refused(LIMIT_IO_MAX, 1,
                              "IOMax=1 is out of range: at least 2 bytes/s, or infinity");
}

static void a_refused_number_leaves_the_old_one(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        assert_int_equal(limits_set_number(&l, LIMIT_CPU_WEIGHT, 50, NULL), 0);
        assert_int_equal(limits_set_number(&l, LIMIT_CPU_WEIGHT, 0, NULL), -ERANGE);
        assert_int_equal(l.values[LIMIT_CPU_WEIGHT].number, 50);
}

static void a_value_of_another_kind_is_refused(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;
        uint8_t bits = 1;

        assert_int_equal(limits_set_number(&l, LIMIT_ALLOWED_CPUS, 1, &reason), -EINVAL);
        assert_string_equal(reason, "AllowedCPUs takes a value of D-Bus type ay");
        assert_int_equal(limits_set_set(&l, LIMIT_MEMORY_MAX, &bits, 1, NULL), -EINVAL);
        assert_int_equal(limits_set_word(&l, LIMIT_MEMORY_MAX, "auto", NULL), -EINVAL);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_MAX, "/", 100, NULL), -EINVAL);
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_POLICY, "/dev/null", "r", NULL), -EINVAL);
        assert_false(limits_any(&l));
}

static void sets_lose_trailing_zeros(void **state)
{
        static const uint8_t bits[] = { 0x0f, 0x01, 0, 0 }, zeros[8] = { 0 };
        _cleanup_(limits_done) Limits l = { 0 };

        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_CPUS, bits, sizeof(bits), NULL), 0);
        assert_int_equal(l.values[LIMIT_ALLOWED_CPUS].set.n_bytes, 2);

        /* A second value takes the place of the first. */
        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_CPUS, bits, 1, NULL), 0);
        assert_int_equal(l.values[LIMIT_ALLOWED_CPUS].set.n_bytes, 1);
        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_CPUS, zeros, sizeof(zeros), NULL), 0);
        assert_int_equal(l.values[LIMIT_ALLOWED_CPUS].set.n_bytes, 0);
}

static void an_empty_set_takes_the_one_there_is_away(void **state)
{
        static const uint8_t bits[] = { 0x0f };
        _cleanup_(limits_done) Limits l = { 0 }, changes = { 0 };
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_CPUS, bits, sizeof(bits), NULL), 0);
        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_MEMORY_NODES, bits, 1, NULL), 0);
        assert_int_equal(limits_parse(&changes, LIMIT_ALLOWED_CPUS, "", NULL), 0);
        assert_true(limit_takes_away(&changes, LIMIT_ALLOWED_CPUS));
        assert_false(limit_takes_away(&changes, LIMIT_ALLOWED_MEMORY_NODES));
        assert_false(limit_takes_away(&changes, LIMIT_DEVICE_ALLOW));

        assert_int_equal(limits_check(&changes, NULL), 0);
        assert_int_equal(limits_check_new(&changes, &reason), -EINVAL);
        assert_non_null(startswith(reason, "AllowedCPUs is empty"));

        assert_int_equal(limits_merge(&l, &changes), 0);
        assert_false(l.values[LIMIT_ALLOWED_CPUS].is_set);
        assert_true(l.values[LIMIT_ALLOWED_MEMORY_NODES].is_set);
        assert_int_equal(limits_check_new(&l, NULL), 0);
}

static void a_set_of_more_cpus_than_there_can_be_is_refused(void **state)
{
        uint8_t bits[NUMBER_SET_MAX / 8 + 1] = { 0 };
        _cleanup_(limits_done) Limits l = { 0 };

        bits[NUMBER_SET_MAX / 8 - 1] = 0x80;
        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_CPUS, bits, sizeof(bits), NULL), 0);
        bits[NUMBER_SET_MAX / 8] = 1;
        assert_int_equal(limits_set_set(&l, LIMIT_ALLOWED_CPUS, bits, sizeof(bits), NULL), -ERANGE);
}

static void device_policies_are_three(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_set_word(&l, LIMIT_DEVICE_POLICY, "auto", NULL), 0);
        assert_int_equal(limits_set_word(&l, LIMIT_DEVICE_POLICY, "closed", NULL), 0);
        assert_int_equal(limits_set_word(&l, LIMIT_DEVICE_POLICY, "strict", NULL), 0);
        assert_int_equal(limits_set_word(&l, LIMIT_DEVICE_POLICY, "open\n", &reason), -EINVAL);
        assert_string_equal(reason,
                            "DevicePolicy=\"open\\x0a\" is not known: auto, closed or strict");
        assert_string_equal(l.values[LIMIT_DEVICE_POLICY].word, "strict");
}

static void disks_are_named_by_path_or_number(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        const Limit *v = &l.values[LIMIT_IO_READ_BANDWIDTH_MAX];

        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, "/", 1000, NULL), 0);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/sda", 2000, NULL),
                         0);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, "8:16", 3000, NULL), 0);
        assert_int_equal(v->n_pairs, 3);
        assert_true(v->is_set);
        assert_string_equal(v->pairs[2].name, "/dev/block/8:16");
        assert_int_equal(v->pairs[2].number, 3000);

        /* The same name again is a new value for it. */
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/sda", 2001, NULL),
                         0);
        assert_int_equal(v->n_pairs, 3);
        assert_int_equal(v->pairs[1].number, 2001);
}

static void other_names_of_disks_are_refused(void **state)
{
        static const char *const bad[] = { "",          "sda",
                                           "dev/sda",   "/dev/../etc",
                                           "/dev//sda", "/./x",
                                           "/dev/sda/", "/..",
                                           "8:",        ":0",
                                           "8:0x",      "8:0:0",
                                           "/a\nb",     "111111111111:11111111111111" };
        _cleanup_(limits_done) Limits l = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(freep) char *reason = NULL;

                if (limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, bad[i], 100, &reason) != -EINVAL)
                        fail_msg("\"%s\" is taken", bad[i]);
                assert_non_null(startswith(reason, "IOReadIOPSMax="));
        }
        assert_false(limits_any(&l));
}

static void a_name_breaks_no_sentence(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *a = NULL, *b = NULL;

        assert_int_equal(limits_add_device(&l, LIMIT_IO_MAX, "/", 1, NULL), -EINVAL);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, "/\xff", 1, &a), -ERANGE);
        assert_non_null(startswith(a, "IOReadIOPSMax=\"/\\xff\" 1 is out of range"));
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/\xff", "x", &b), -EINVAL);
        assert_non_null(startswith(b, "DeviceAllow=\"/dev/\\xff\" has the permissions"));
        assert_false(limits_any(&l));
}

static void disks_have_ranges_too(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *a = NULL, *b = NULL;

        assert_int_equal(limits_add_device(&l, LIMIT_IO_WRITE_BANDWIDTH_MAX, "/", 0, &a), -ERANGE);
        assert_string_equal(a, "IOWriteBandwidthMax=\"/\" 0 is out of range: at least 2 "
                               "bytes/s, or infinity");
        assert_int_equal(limits_add_device(&l, LIMIT_IO_WRITE_IOPS_MAX, "/", UINT64_C(1) << 32, &b),
                         -ERANGE);
        assert_string_equal(b, "IOWriteIOPSMax=\"/\" 4294967296 is out of range: 2 to "
                               "4294967294 operations/s, or infinity");
        assert_false(limits_any(&l));
        assert_int_equal(limits_add_device(&l, LIMIT_IO_WRITE_IOPS_MAX, "/", UINT64_MAX, NULL), 0);
}

static void devices_are_nodes_or_classes_with_permissions(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        const Limit *v = &l.values[LIMIT_DEVICE_ALLOW];

        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/nvidia0", "rw", NULL), 0);
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "char-pts", "rwm", NULL), 0);
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "block-*", "m", NULL), 0);
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/nvidia0", "r", NULL), 0);
        assert_int_equal(v->n_pairs, 3);
        assert_string_equal(v->pairs[0].word, "r");
        assert_string_equal(v->pairs[1].name, "char-pts");
}

static void other_devices_and_permissions_are_refused(void **state)
{
        static const char *const names[] = { "",
                                             "/dev",
                                             "/dev/",
                                             "null",
                                             "/etc/passwd",
                                             "char-",
                                             "block-",
                                             "/dev/../etc/passwd",
                                             "/dev//null",
                                             "/devnull",
                                             "char-a b",
                                             "char-a\n",
                                             "tty-*" };
        static const char *const words[] = { "", "x", "rx", "R", "rwmr", "r w", "rw " };
        _cleanup_(limits_done) Limits l = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(freep) char *reason = NULL;

                if (limits_add_pair(&l, LIMIT_DEVICE_ALLOW, names[i], "rw", &reason) != -EINVAL)
                        fail_msg("\"%s\" is taken", names[i]);
                assert_non_null(startswith(reason, "DeviceAllow="));
        }
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                _cleanup_(freep) char *reason = NULL;

                if (limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/null", words[i], &reason) !=
                    -EINVAL)
                        fail_msg("\"%s\" is taken", words[i]);
                assert_non_null(
                        startswith(reason, "DeviceAllow=\"/dev/null\" has the permissions"));
        }
        assert_false(limits_any(&l));
}

static void lists_have_an_end(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        char name[32];

        for (unsigned i = 0; i < 256; i++) {
                (void) snprintf(name, sizeof(name), "/dev/x%u", i);
                assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, name, 9, NULL), 0);
                assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, name, "r", NULL), 0);
        }
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, "/dev/y", 9, NULL), -ERANGE);
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/y", "r", NULL), -ERANGE);
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, name, 10, NULL), 0);
}

static void fill(Limits *l)
{
        uint8_t cpus = 0x0f;

        assert_int_equal(limits_set_number(l, LIMIT_MEMORY_MAX, 1 << 20, NULL), 0);
        assert_int_equal(limits_set_set(l, LIMIT_ALLOWED_CPUS, &cpus, 1, NULL), 0);
        assert_int_equal(limits_set_word(l, LIMIT_DEVICE_POLICY, "closed", NULL), 0);
        assert_int_equal(limits_add_device(l, LIMIT_IO_READ_BANDWIDTH_MAX, "/", 1000, NULL), 0);
        assert_int_equal(limits_add_pair(l, LIMIT_DEVICE_ALLOW, "/dev/null", "rw", NULL), 0);
}

static void assert_filled(const Limits *l)
{
        assert_int_equal(l->values[LIMIT_MEMORY_MAX].number, 1 << 20);
        assert_int_equal(l->values[LIMIT_ALLOWED_CPUS].set.bits[0], 0x0f);
        assert_string_equal(l->values[LIMIT_DEVICE_POLICY].word, "closed");
        assert_string_equal(l->values[LIMIT_IO_READ_BANDWIDTH_MAX].pairs[0].name, "/");
        assert_int_equal(l->values[LIMIT_IO_READ_BANDWIDTH_MAX].pairs[0].number, 1000);
        assert_string_equal(l->values[LIMIT_DEVICE_ALLOW].pairs[0].word, "rw");
        assert_false(l->values[LIMIT_TASKS_MAX].is_set);
}

static void a_copy_lives_on_its_own(void **state)
{
        _cleanup_(limits_done) Limits copy = { 0 };
        Limits l = { 0 };

        fill(&l);
        assert_int_equal(limits_copy(&l, &copy), 0);
        limits_done(&l);
        assert_false(limits_any(&l));
        assert_filled(&copy);
}

static void merging_replaces_what_is_set_and_only_that(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 }, changes = { 0 };

        fill(&l);
        assert_int_equal(limits_merge(&l, &changes), 0);
        assert_filled(&l);

        assert_int_equal(limits_set_word(&changes, LIMIT_DEVICE_POLICY, "strict", NULL), 0);
        assert_int_equal(
                limits_add_device(&changes, LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/a", 5, NULL), 0);
        assert_int_equal(limits_set_number(&changes, LIMIT_TASKS_MAX, 7, NULL), 0);
        assert_int_equal(limits_merge(&l, &changes), 0);
        limits_done(&changes);
        assert_string_equal(l.values[LIMIT_DEVICE_POLICY].word, "strict");
        assert_int_equal(l.values[LIMIT_IO_READ_BANDWIDTH_MAX].n_pairs, 2);
        assert_string_equal(l.values[LIMIT_IO_READ_BANDWIDTH_MAX].pairs[0].name, "/dev/a");
        assert_int_equal(l.values[LIMIT_IO_READ_BANDWIDTH_MAX].pairs[1].number, 1000);
        assert_int_equal(l.values[LIMIT_TASKS_MAX].number, 7);
        assert_int_equal(l.values[LIMIT_MEMORY_MAX].number, 1 << 20);
        assert_string_equal(l.values[LIMIT_DEVICE_ALLOW].pairs[0].name, "/dev/null");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_is_whole_and_without_duplicates),
                cmocka_unit_test(signatures_are_those_of_systemd),
                cmocka_unit_test(options_are_the_documented_ones),
                cmocka_unit_test(a_flag_is_0_or_1),
                cmocka_unit_test(memory_has_a_least_amount),
                cmocka_unit_test(weights_are_1_to_10000),
                cmocka_unit_test(quota_period_and_tasks_have_the_kernels_ranges),
                cmocka_unit_test(bandwidth_is_what_the_kernel_can_throttle),
                cmocka_unit_test(a_refused_number_leaves_the_old_one),
                cmocka_unit_test(a_value_of_another_kind_is_refused),
                cmocka_unit_test(sets_lose_trailing_zeros),
                cmocka_unit_test(an_empty_set_takes_the_one_there_is_away),
                cmocka_unit_test(a_set_of_more_cpus_than_there_can_be_is_refused),
                cmocka_unit_test(device_policies_are_three),
                cmocka_unit_test(disks_are_named_by_path_or_number),
                cmocka_unit_test(other_names_of_disks_are_refused),
                cmocka_unit_test(a_name_breaks_no_sentence),
                cmocka_unit_test(disks_have_ranges_too),
                cmocka_unit_test(devices_are_nodes_or_classes_with_permissions),
                cmocka_unit_test(other_devices_and_permissions_are_refused),
                cmocka_unit_test(lists_have_an_end),
                cmocka_unit_test(a_copy_lives_on_its_own),
                cmocka_unit_test(merging_replaces_what_is_set_and_only_that),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
