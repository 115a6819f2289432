/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits: checked anywhere, in force where the node has the controllers ("controllers_" in the test's name). */
#include "contract.h"

/* A set with one limit in it, or two. */
static hpcnode_cgroup_limits *limits_with(Node *n, const char *property, const char *text,
                                          const char *second, const char *second_text)
{
        hpcnode_cgroup_limits *limits = hpcnode_cgroup_limits_new();

        assert_non_null(limits);
        OK(n, hpcnode_cgroup_limits_set(limits, property, text, &n->e));
        if (second)
                OK(n, hpcnode_cgroup_limits_set(limits, second, second_text, &n->e));
        return limits;
}

static int set(Node *n, const char *scope, const char *property, const char *text)
{
        hpcnode_cgroup_limits *limits = limits_with(n, property, text, NULL, NULL);
        int r;

        r = hpcnode_cgroup_set_limits(n->as[ADMIN], scope, limits, &n->e);
        hpcnode_cgroup_limits_free(limits);
        return r;
}

/* What inspect shows of a limit. */
static uint64_t shown(Node *n, const char *scope, const char *property)
{
        hpcnode_cgroup_info *info = NULL;
        uint64_t value = 0;

        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], scope, &info, &n->e));
        (void) hpcnode_cgroup_limits_get_number(info->limits, property, &value);
        hpcnode_cgroup_info_free(info);
        return value;
}

static void assert_text(const hpcnode_cgroup_limits *limits, const char *property, size_t index,
                        const char *expected)
{
        char *text = NULL;

        assert_int_equal(hpcnode_cgroup_limits_get_text(limits, property, index, &text),
                         expected ? 1 : 0);
        if (expected)
                assert_string_equal(text, expected);
        free(text);
}

static void limits_are_told_as_they_are_set(void **state)
{
        Node *n = *state;
        hpcnode_cgroup_limits *limits = limits_with(n, "AllowedCPUs", "0-1,3", "MemoryMax", "64M");
        char *text = NULL;

        OK(n, hpcnode_cgroup_limits_set(limits, "IOReadIOPSMax", "/dev/a 30", &n->e));
        OK(n, hpcnode_cgroup_limits_set(limits, "IOReadIOPSMax", "/dev/b max", &n->e));
        assert_text(limits, "AllowedCPUs", 0, "0-1,3");
        assert_text(limits, "AllowedCPUs", 1, NULL);
        assert_text(limits, "MemoryMax", 0, "67108864");
        assert_text(limits, "IOReadIOPSMax", 0, "/dev/a 30");
        assert_text(limits, "IOReadIOPSMax", 1, "/dev/b infinity");
        assert_text(limits, "IOReadIOPSMax", 2, NULL);
        assert_text(limits, "TasksMax", 0, NULL);
        assert_int_equal(hpcnode_cgroup_limits_get_text(limits, "NoLimit", 0, &text), -EINVAL);
        assert_null(text);
        hpcnode_cgroup_limits_free(limits);
}

static void limits_that_do_not_go_together_make_nothing(void **state)
{
        Node *n = *state;
        hpcnode_cgroup_limits *limits = limits_with(n, "CPUQuotaPeriodUSec", "100000", NULL, NULL);
        hpcnode_cgroup_info *info = NULL;

        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", limits, NULL, &info,
                                          &n->e));
        MENTIONS(n, "CPUQuotaPeriodUSec");
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "a", limits, NULL, program, &info,
                                 &n->e));
        hpcnode_cgroup_limits_free(limits);
        assert_null(info);
        assert_unknown(n, "a");
}

static void what_this_machine_has_not_is_refused(void **state)
{
        Node *n = *state;
        hpcnode_cgroup_limits *limits = limits_with(n, "AllowedCPUs", "4095", NULL, NULL);
        hpcnode_cgroup_info *info = NULL;

        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", limits, NULL, &info,
                                          &n->e));
        MENTIONS(n, "AllowedCPUs", "4095");
        hpcnode_cgroup_limits_free(limits);
        assert_null(info);
        create(n, ADMIN, "workload.slice", "a");
        FAILS(n, INVALID_ARGS, set(n, "a", "AllowedCPUs", "4095"));
        FAILS(n, INVALID_ARGS, set(n, "a", "DeviceAllow", "/dev/nothing-here:r"));
}

static void some_limit_has_to_be_given(void **state)
{
        hpcnode_cgroup_limits *limits = hpcnode_cgroup_limits_new();
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_set_limits(n->as[ADMIN], "a", limits, &n->e));
        hpcnode_cgroup_limits_free(limits);
}

static int spawn_with(Node *n, const char *task, const char *property, const char *text)
{
        hpcnode_cgroup_limits *limits = limits_with(n, property, text, NULL, NULL);
        hpcnode_cgroup_options *options = prepared("a", task);
        int r;

        OK(n, hpcnode_cgroup_options_set_limits(options, limits, &n->e));
        hpcnode_cgroup_limits_free(limits); /* it has its own */
        r = hpcnode_cgroup_spawn(n->as[ADMIN], "a", task, options, program, NULL, &n->e);
        hpcnode_cgroup_options_free(options);
        return r;
}

static void a_task_has_no_limit_of_devices(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        FAILS(n, INVALID_ARGS, spawn_with(n, "u", "DeviceAllow", "/dev/null:r"));
        MENTIONS(n, "DeviceAllow", "scope as a whole");
        FAILS(n, INVALID_ARGS, spawn_with(n, "u", "AllowedCPUs", ""));
        MENTIONS(n, "AllowedCPUs");
        FAILS(n, INVALID_ARGS, set(n, "a/t", "DevicePolicy", "closed"));
        MENTIONS(n, "DevicePolicy", "scope as a whole");
        assert_unknown(n, "a/u");
}

static void limits_of_a_task_are_an_option_of_spawn_alone(void **state)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        hpcnode_cgroup_limits *limits;
        Node *n = *state;

        limits = limits_with(n, "MemoryMax", "64M", NULL, NULL);
        OK(n, hpcnode_cgroup_options_set_limits(options, limits, &n->e));
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_options_set(options, "Limits", "MemoryMax=64M", &n->e));
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", NULL, options, NULL,
                                          &n->e));
        MENTIONS(n, "Limits", "CreateScope");
        FAILS(n, INVALID_ARGS,
              hpcnode_cgroup_run(n->as[ADMIN], "workload.slice", "a", NULL, options, program, NULL,
                                 &n->e));
        MENTIONS(n, "Limits", "Run");
        hpcnode_cgroup_limits_free(limits);
        hpcnode_cgroup_options_free(options);
        assert_unknown(n, "a");
}

static void limits_of_a_task_are_its_owners_to_change(void **state)
{
        hpcnode_cgroup_limits *limits;
        Node *n = *state;

        limits = limits_with(n, "CPUWeight", "50", NULL, NULL);
        create(n, WORKLOAD, "workload.slice", "a");
        spawn(n, WORKLOAD, "a", "t");
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_set_limits(n->as[PACT], "a/t", limits, &n->e));
        FAILS(n, PERMISSION_DENIED, hpcnode_cgroup_set_limits(n->as[OTHER], "a/t", limits, &n->e));
        hpcnode_cgroup_limits_free(limits);
}

static void controllers_a_task_has_limits_beside_those_of_its_scope(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        OK(n, spawn_with(n, "t", "MemoryMax", "64M"));
        spawn(n, ADMIN, "a", "u");
        assert_int_equal(shown(n, "a/t", "MemoryMax"), 64 << 20);
        assert_int_equal(shown(n, "a/u", "MemoryMax"), 0);
        assert_int_equal(shown(n, "a", "MemoryMax"), 0);
        OK(n, set(n, "a/t", "CPUWeight", "77"));
        OK(n, set(n, "a/u", "TasksMax", "9"));
        assert_int_equal(shown(n, "a/t", "MemoryMax"), 64 << 20);
        assert_int_equal(shown(n, "a/t", "CPUWeight"), 77);
        assert_int_equal(shown(n, "a/u", "TasksMax"), 9);
        /* Of those of disks the later one counts. */
        OK(n, set(n, "a/t", "IOMax", "1000000"));
        OK(n, set(n, "a/t", "IOMax", "2000000"));
        assert_int_equal(shown(n, "a/t", "IOMax"), 2000000);
}

static void limits_are_of_what_lives(void **state)
{
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        backend.exit("a/t", 0);
        assert_end(n, "a/t", "exited", 0, 0);
        FAILS(n, NOT_FOUND, set(n, "a/t", "CPUWeight", "50"));
        MENTIONS(n, "a/t", "exited");
        FAILS(n, NOT_FOUND, set(n, "a/nobody", "CPUWeight", "50"));
        OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], "a", &n->e));
        FAILS(n, NOT_FOUND, set(n, "a", "CPUWeight", "50"));
        FAILS(n, NOT_FOUND, hpcnode_cgroup_set_cpuset(n->as[ADMIN], "a", "0", &n->e));
        MENTIONS(n, "a", "exited");
}

static void controllers_limits_are_in_force_from_the_beginning(void **state)
{
        Node *n = *state;
        hpcnode_cgroup_limits *limits = limits_with(n, "MemoryMax", "64M", "TasksMax", "20");
        hpcnode_cgroup_metrics *metrics = NULL;
        uint64_t value = 0;

        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", limits, NULL, NULL,
                                          &n->e));
        hpcnode_cgroup_limits_free(limits);
        assert_int_equal(shown(n, "a", "MemoryMax"), 64 << 20);
        assert_int_equal(shown(n, "a", "TasksMax"), 20);
        OK(n, hpcnode_cgroup_read_metrics(n->as[OTHER], "a", &metrics, &n->e));
        assert_int_equal(hpcnode_cgroup_metrics_get(metrics, "memory_max", &value), 1);
        assert_int_equal(value, 64 << 20);
        assert_int_equal(hpcnode_cgroup_metrics_get(metrics, "pids_max", &value), 1);
        assert_int_equal(value, 20);
        hpcnode_cgroup_metrics_free(metrics);
}

static void controllers_what_is_not_set_stays_as_it_was(void **state)
{
        Node *n = *state;
        hpcnode_cgroup_limits *limits = limits_with(n, "MemoryMax", "64M", "CPUWeight", "77");

        OK(n, hpcnode_cgroup_create_scope(n->as[ADMIN], "workload.slice", "a", limits, NULL, NULL,
                                          &n->e));
        hpcnode_cgroup_limits_free(limits);
        OK(n, set(n, "a", "CPUWeight", "200"));
        assert_int_equal(shown(n, "a", "CPUWeight"), 200);
        assert_int_equal(shown(n, "a", "MemoryMax"), 64 << 20);
        OK(n, set(n, "a", "MemoryMax", "infinity"));
        assert_int_equal(shown(n, "a", "CPUWeight"), 200);
}

static void controllers_a_cpuset_is_set_and_taken_away(void **state)
{
        Node *n = *state;
        hpcnode_cgroup *c = n->as[WORKLOAD];

        create(n, WORKLOAD, "workload.slice", "a");
        OK(n, hpcnode_cgroup_set_cpuset(c, "a", "0", &n->e));
        OK(n, hpcnode_cgroup_set_cpuset(c, "a", NULL, &n->e));
        OK(n, hpcnode_cgroup_set_cpuset(c, "a", "0", &n->e));
        OK(n, hpcnode_cgroup_set_cpuset(c, "a", "", &n->e));
        OK(n, hpcnode_cgroup_set_cpuset(c, "a", "", &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_set_cpuset(c, "a", "4095", &n->e));
        FAILS(n, INVALID_ARGS, hpcnode_cgroup_set_cpuset(c, "a", "nonsense", &n->e));
        assert_state(n, "a", "active");
}

int run_limits_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(limits_are_told_as_they_are_set),
                TEST(limits_that_do_not_go_together_make_nothing),
                TEST(what_this_machine_has_not_is_refused),
                TEST(some_limit_has_to_be_given),
                TEST(a_task_has_no_limit_of_devices),
                TEST(limits_of_a_task_are_an_option_of_spawn_alone),
                TEST(limits_of_a_task_are_its_owners_to_change),
                TEST(limits_are_of_what_lives),
                TEST(controllers_a_task_has_limits_beside_those_of_its_scope),
                TEST(controllers_limits_are_in_force_from_the_beginning),
                TEST(controllers_what_is_not_set_stays_as_it_was),
                TEST(controllers_a_cpuset_is_set_and_taken_away),
        };

        return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
