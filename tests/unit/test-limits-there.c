/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of limits_check_there(), on this machine. */
#include "basic/limits.h"
#include "basic/topology.h"

#include "test.h"

#include <stdio.h>

static void assert_there(LimitType t, const char *text)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_parse(&l, t, text, NULL), 0);
        if (limits_check_there(&l, &reason) != 0)
                fail_msg("%s", reason);
}

static void assert_not_there(LimitType t, const char *text, const char *begin)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(limits_parse(&l, t, text, NULL), 0);
        assert_int_equal(limits_check_there(&l, &reason), -EINVAL);
        assert_non_null(reason);
        if (!startswith(reason, begin))
                fail_msg("%s", reason);
}

static void what_names_nothing_is_there(void **state)
{
        assert_there(LIMIT_MEMORY_MAX, "64M");
        assert_there(LIMIT_DEVICE_POLICY, "closed");
}

static void device_nodes_have_to_be_there(void **state)
{
        assert_there(LIMIT_DEVICE_ALLOW, "/dev/null rw");
        assert_there(LIMIT_DEVICE_ALLOW, "/dev/char/4000:0 rw");
        assert_not_there(LIMIT_DEVICE_ALLOW, "/dev/no-such-device rw",
                         "DeviceAllow=\"/dev/no-such-device\": there is no such device node");
}

static void a_directory_is_no_device_node(void **state)
{
        if (access("/dev/net", F_OK) < 0)
                skip();
        assert_not_there(LIMIT_DEVICE_ALLOW, "/dev/net rw",
                         "DeviceAllow=\"/dev/net\": this is not a device node");
}

static void a_link_does_not_lead_out_of_dev(void **state)
{
        if (access("/dev/stdin", F_OK) < 0)
                skip();
        assert_not_there(LIMIT_DEVICE_ALLOW, "/dev/stdin rw",
                         "DeviceAllow=\"/dev/stdin\": this leads out of the file system of /dev");
}

static void classes_have_to_be_known(void **state)
{
        assert_there(LIMIT_DEVICE_ALLOW, "char-mem r");
        assert_not_there(LIMIT_DEVICE_ALLOW, "char-no-such-class rw",
                         "DeviceAllow=\"char-no-such-class\": /proc/devices has no such class");
        assert_not_there(LIMIT_DEVICE_ALLOW, "block-mem rw", "DeviceAllow=\"block-mem\": ");
}

/* A bit beyond all that the machine has, and with it all of those. */
static void assert_last_is_missing(LimitType t, int (*find)(const char *sys, NumberSet *ret),
                                   const char *begin)
{
        _cleanup_(number_set_done) NumberSet all = { 0 };
        _cleanup_(freep) char *text = NULL, *more = NULL;

        if (find(SYS_DEVICES, &all) < 0)
                skip();
        assert_int_equal(number_set_format(&all, &text), 0);
        assert_there(t, text);
        assert_true(asprintf(&more, "%s,8191", text) > 0);
        assert_not_there(t, more, begin);
}

static void cpus_have_to_be_online(void **state)
{
        assert_last_is_missing(LIMIT_ALLOWED_CPUS, topology_cpus,
                               "AllowedCPUs: this machine has no cpu 8191; it has ");
}

static void memory_nodes_have_to_be_there(void **state)
{
        assert_last_is_missing(LIMIT_ALLOWED_MEMORY_NODES, topology_memory_nodes,
                               "AllowedMemoryNodes: this machine has no memory node 8191; it has ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_names_nothing_is_there),
                cmocka_unit_test(device_nodes_have_to_be_there),
                cmocka_unit_test(a_directory_is_no_device_node),
                cmocka_unit_test(a_link_does_not_lead_out_of_dev),
                cmocka_unit_test(classes_have_to_be_known),
                cmocka_unit_test(cpus_have_to_be_online),
                cmocka_unit_test(memory_nodes_have_to_be_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
