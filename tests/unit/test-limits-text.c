/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of limits as text. */
#include "basic/limits.h"

#include "test.h"

static void assert_parsed(LimitType t, const char *text, const char *formatted)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL, *back = NULL;

        if (limits_parse(&l, t, text, &reason) != 0)
                fail_msg("\"%s\" is refused: %s", text, reason);
        assert_int_equal(limits_format(&l, t, 0, &back), 1);
        assert_string_equal(back, formatted);
}

/* Refused with a sentence that starts with property and value, and nothing is set. */
static void assert_refused(LimitType t, const char *text)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;
        int r = limits_parse(&l, t, text, &reason);

        if (r != -EINVAL && r != -ERANGE)
                fail_msg("%s=\"%s\" is taken", limit_table[t].property, text);
        assert_non_null(reason);
        assert_non_null(startswith(reason, limit_table[t].property));
        assert_null(strchr(reason, '\n'));
        assert_false(limits_any(&l));
}

static void sizes_are_read_with_suffix(void **state)
{
        assert_parsed(LIMIT_MEMORY_MAX, "64M", "67108864");
        assert_parsed(LIMIT_MEMORY_MAX, "1.5G", "1610612736");
        assert_parsed(LIMIT_MEMORY_MAX, "1048576", "1048576");
        assert_parsed(LIMIT_MEMORY_MAX, "max", "infinity");
        assert_parsed(LIMIT_MEMORY_MAX, "infinity", "infinity");
        assert_parsed(LIMIT_MEMORY_SWAP_MAX, "0", "0");
        assert_parsed(LIMIT_IO_MAX, "100M", "104857600");
}

static void other_sizes_are_refused(void **state)
{
        static const char *const bad[] = { "garbage", "-1",   "64Q", "18446744073709551616",
                                           "",        "4096", "0",   "64M ",
                                           "1e9",     "0.5",  "\n" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_refused(LIMIT_MEMORY_MAX, bad[i]);
}

static void weights_and_counts_are_plain_numbers(void **state)
{
        static const char *const bad[] = { "0", "10001", "-1",  "1e3",
                                           "",  "1K",    "max", "infinity",
                                           "a", " 1",    "1.0", "99999999999999999999" };

        assert_parsed(LIMIT_CPU_WEIGHT, "1", "1");
        assert_parsed(LIMIT_IO_WEIGHT, "10000", "10000");
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_refused(LIMIT_CPU_WEIGHT, bad[i]);
                assert_refused(LIMIT_IO_WEIGHT, bad[i]);
        }

        assert_parsed(LIMIT_TASKS_MAX, "512", "512");
        assert_parsed(LIMIT_TASKS_MAX, "max", "infinity");
        assert_refused(LIMIT_TASKS_MAX, "0");
        assert_refused(LIMIT_TASKS_MAX, "-1");
        assert_refused(LIMIT_TASKS_MAX, "1K");
        assert_refused(LIMIT_TASKS_MAX, "many");
}

static void flags_are_as_systemd_takes_them(void **state)
{
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };
        static const char *const bad[] = { "", "2", "y", "YES", "yes ", "-1", "max" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                assert_parsed(LIMIT_MEMORY_OOM_GROUP, yes[i], "yes");
                assert_parsed(LIMIT_MEMORY_OOM_GROUP, no[i], "no");
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_refused(LIMIT_MEMORY_OOM_GROUP, bad[i]);
}

static void a_quota_is_a_number_since_the_option_is_two_limits(void **state)
{
        assert_parsed(LIMIT_CPU_QUOTA, "500000", "500000");
        assert_parsed(LIMIT_CPU_QUOTA, "infinity", "infinity");
        assert_parsed(LIMIT_CPU_QUOTA_PERIOD, "100000", "100000");
        assert_refused(LIMIT_CPU_QUOTA, "50000/100000");
        assert_refused(LIMIT_CPU_QUOTA, "999");
        assert_refused(LIMIT_CPU_QUOTA_PERIOD, "1000001");
}

static void cpus_and_nodes_are_lists(void **state)
{
        assert_parsed(LIMIT_ALLOWED_CPUS, "0-3,8", "0-3,8");
        assert_parsed(LIMIT_ALLOWED_MEMORY_NODES, "1,0", "0-1");
        assert_refused(LIMIT_ALLOWED_CPUS, "3-1");
        assert_refused(LIMIT_ALLOWED_CPUS, "0-9999");
        assert_refused(LIMIT_ALLOWED_CPUS, "a");
        assert_parsed(LIMIT_ALLOWED_CPUS, "", "");
        assert_refused(LIMIT_ALLOWED_CPUS, "0,");
        assert_refused(LIMIT_ALLOWED_MEMORY_NODES, "-1");
}

static void disks_are_path_and_number(void **state)
{
        assert_parsed(LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/sda 10M", "/dev/sda 10485760");
        assert_parsed(LIMIT_IO_WRITE_BANDWIDTH_MAX, "/a path 10M", "/a path 10485760");
        assert_parsed(LIMIT_IO_WRITE_BANDWIDTH_MAX, "8:0 max", "/dev/block/8:0 infinity");
        assert_parsed(LIMIT_IO_READ_IOPS_MAX, "/ 100", "/ 100");
        assert_refused(LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/sda");
        assert_refused(LIMIT_IO_READ_BANDWIDTH_MAX, "10M");
        assert_refused(LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/sda ");
        assert_refused(LIMIT_IO_READ_BANDWIDTH_MAX, "sda 10M");
        assert_refused(LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/sda 0");
        assert_refused(LIMIT_IO_READ_IOPS_MAX, "/dev/sda 10M");
        assert_refused(LIMIT_IO_READ_IOPS_MAX, "");
}

static void devices_are_node_and_permissions(void **state)
{
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/nvidia0 rw", "/dev/nvidia0 rw");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/nvidia0", "/dev/nvidia0 rwm");
        assert_parsed(LIMIT_DEVICE_ALLOW, "char-pts r", "char-pts r");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/nvidia0:rw", "/dev/nvidia0 rw");
        assert_parsed(LIMIT_DEVICE_ALLOW, "char-nvidia-uvm:rwm", "char-nvidia-uvm rwm");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/char/195:0", "/dev/char/195:0 rwm");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/char/195:0:r", "/dev/char/195:0 r");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/by-path/pci-0:3b:00.0-x",
                      "/dev/by-path/pci-0:3b:00.0-x rwm");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/by-label/a:b:rwm", "/dev/by-label/a:b rwm");
        assert_parsed(LIMIT_DEVICE_ALLOW, "/dev/by-label/a:r rw", "/dev/by-label/a:r rw");
        assert_refused(LIMIT_DEVICE_ALLOW, "/dev/nvidia0:");
        assert_refused(LIMIT_DEVICE_ALLOW, "/dev/nvidia0:rx");
        assert_refused(LIMIT_DEVICE_ALLOW, "/dev/nvidia0:RW");
        assert_refused(LIMIT_DEVICE_ALLOW, "/dev/nvidia0:rwmr");
        assert_refused(LIMIT_DEVICE_ALLOW, ":rw");
        assert_refused(LIMIT_DEVICE_ALLOW, "/dev/nvidia0 ");
        assert_refused(LIMIT_DEVICE_ALLOW, "/dev/nvidia0 x");
        assert_refused(LIMIT_DEVICE_ALLOW, "nvidia0 rw");
        assert_refused(LIMIT_DEVICE_ALLOW, "");
        assert_parsed(LIMIT_DEVICE_POLICY, "strict", "strict");
        assert_refused(LIMIT_DEVICE_POLICY, "Strict");
}

static void sentences_name_the_value_and_what_is_allowed(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *a = NULL, *b = NULL, *c = NULL;

        assert_int_equal(limits_parse(&l, LIMIT_MEMORY_MAX, "garbage", &a), -EINVAL);
        assert_string_equal(a, "MemoryMax=\"garbage\" is not a size (a number, then K, M, G, T or "
                               "nothing: 64M, 1.5G): at least 1048576 bytes (1 MiB), or infinity");
        assert_int_equal(limits_parse(&l, LIMIT_MEMORY_MAX, "99999999T", &b), -ERANGE);
        assert_string_equal(b,
                            "MemoryMax=\"99999999T\" is out of range: at most 4611686018427387904 "
                            "bytes (4 EiB), or infinity");
        assert_int_equal(limits_parse(&l, LIMIT_CPU_WEIGHT, "1e3", &c), -EINVAL);
        assert_string_equal(c, "CPUWeight=\"1e3\" is not a number: 1 to 10000");
}

static void what_is_not_set_has_no_text(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };
        char *text = NULL;

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                assert_int_equal(limits_format(&l, t, 0, &text), 0);
        assert_int_equal(limits_parse(&l, LIMIT_CPU_WEIGHT, "5", NULL), 0);
        assert_int_equal(limits_format(&l, LIMIT_CPU_WEIGHT, 1, &text), 0);
        assert_null(text);
}

static void every_limit_comes_back_from_its_text(void **state)
{
        static const struct {
                LimitType type;
                const char *text;
        } all[] = {
                { LIMIT_MEMORY_MAX, "1048576" },
                { LIMIT_MEMORY_HIGH, "infinity" },
                { LIMIT_CPU_QUOTA, "500000" },
                { LIMIT_ALLOWED_CPUS, "0-3,8191" },
                { LIMIT_IO_READ_BANDWIDTH_MAX, "/ 100" },
                { LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/a b infinity" },
                { LIMIT_TASKS_MAX, "4194303" },
                { LIMIT_DEVICE_POLICY, "closed" },
                { LIMIT_DEVICE_ALLOW, "/dev/null rwm" },
                { LIMIT_DEVICE_ALLOW, "char-* r" },
        };
        _cleanup_(limits_done) Limits l = { 0 }, again = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                assert_int_equal(limits_parse(&l, all[i].type, all[i].text, NULL), 0);

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                for (size_t i = 0;; i++) {
                        _cleanup_(freep) char *text = NULL;

                        if (limits_format(&l, t, i, &text) == 0)
                                break;
                        assert_int_equal(t, all[n].type);
                        assert_string_equal(text, all[n++].text);
                        assert_int_equal(limits_parse(&again, t, text, NULL), 0);
                }
        assert_int_equal(n, ELEMENTSOF(all));
        assert_int_equal(again.values[LIMIT_DEVICE_ALLOW].n_pairs, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_are_read_with_suffix),
                cmocka_unit_test(other_sizes_are_refused),
                cmocka_unit_test(weights_and_counts_are_plain_numbers),
                cmocka_unit_test(flags_are_as_systemd_takes_them),
                cmocka_unit_test(a_quota_is_a_number_since_the_option_is_two_limits),
                cmocka_unit_test(cpus_and_nodes_are_lists),
                cmocka_unit_test(disks_are_path_and_number),
                cmocka_unit_test(devices_are_node_and_permissions),
                cmocka_unit_test(sentences_name_the_value_and_what_is_allowed),
                cmocka_unit_test(what_is_not_set_has_no_text),
                cmocka_unit_test(every_limit_comes_back_from_its_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
