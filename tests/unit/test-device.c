/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of device.h. */
#include "basic/device.h"

#include "scratch.h"
#include "test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void a_number_is_two_numbers_and_nothing_else(void **state)
{
        static const char *const bad[] = { "",      "1",         "1:",        ":1",
                                           "1:2:3", "1:2 ",      " 1:2",      "-1:2",
                                           "1:+2",  "4096:0",    "a:b",       "1: 2",
                                           "1:0x3", "0:1048576", "1:1048577", "4294967297:3" };
        dev_t number = 0;

        assert_true(device_number_parse("254:0", &number));
        assert_true(number == makedev(254, 0));
        assert_true(device_number_parse("4095:1048575", &number));
        assert_true(number == makedev(4095, 1048575));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (device_number_parse(bad[i], &number))
                        fail_msg("\"%s\" is taken", bad[i]);
}

static int find(const char *path)
{
        dev_t number;
        mode_t kind;

        return device_node_find(path, &kind, &number);
}

static void device_nodes_are_told_from_other_files(void **state)
{
        dev_t number = 0;
        mode_t kind = 0;

        assert_int_equal(device_node_find("/dev/null", &kind, &number), 0);
        assert_int_equal(kind, S_IFCHR);
        assert_true(number == makedev(1, 3));
        assert_int_equal(find("/dev/no-such-device"), -ENOENT);
        assert_int_equal(find("/dev/"), -EINVAL);
        assert_int_equal(find("/tmp"), -EINVAL);
        assert_int_equal(find("/dev/../etc/passwd"), -EXDEV);
        if (access("/dev/net", F_OK) >= 0)
                assert_int_equal(find("/dev/net"), -ENODEV);
}

static void a_device_is_known_by_its_number_alone(void **state)
{
        dev_t number = 0;
        mode_t kind = 0;

        assert_int_equal(device_node_find("/dev/char/4000:7", &kind, &number), 0);
        assert_int_equal(kind, S_IFCHR);
        assert_true(number == makedev(4000, 7));
        assert_int_equal(device_node_find("/dev/block/4001:8", &kind, &number), 0);
        assert_int_equal(kind, S_IFBLK);
        assert_true(number == makedev(4001, 8));
        assert_int_equal(find("/dev/char/4096:7"), -ENOENT);
}

static void another_file_system_below_dev_is_not_entered(void **state)
{
        struct stat pts, dev;

        if (stat("/dev", &dev) < 0 || stat("/dev/pts", &pts) < 0 || dev.st_dev == pts.st_dev)
                skip();
        assert_int_equal(find("/dev/pts/ptmx"), -EXDEV);
}

/* /dev/stdin -> /proc/self/fd/0, which may be anything. */
static void no_link_leads_out_of_dev(void **state)
{
        struct stat shm, dev;
        char link[64], through[96];

        if (access("/dev/stdin", F_OK) >= 0)
                assert_int_equal(find("/dev/stdin"), -EXDEV);
        if (stat("/dev", &dev) < 0 || stat("/dev/shm", &shm) < 0 || dev.st_dev == shm.st_dev)
                skip();
        (void) snprintf(link, sizeof(link), "/dev/shm/hpcnode-device-%d", getpid());
        if (symlink("/dev", link) < 0)
                skip();
        (void) snprintf(through, sizeof(through), "%s/null", link);
        assert_int_equal(find(through), -EXDEV);
        assert_int_equal(unlink(link), 0);
}

static void systemd_is_told_numbers_and_classes(void **state)
{
        _cleanup_(freep) char *node = NULL, *class = NULL, *none = NULL;

        assert_int_equal(device_systemd_name("/dev/null", &node), 0);
        assert_string_equal(node, "/dev/char/1:3");
        assert_int_equal(device_systemd_name("char-pts", &class), 0);
        assert_string_equal(class, "char-pts");
        assert_int_equal(device_systemd_name("/dev/no-such-device", &none), -ENOENT);
        assert_null(none);
}

static void classes_are_those_of_proc_devices(void **state)
{
        static const struct {
                const char *name;
                int r;
        } all[] = {
                { "char-mem", 0 },
                { "char-nvidia-*", 0 },
                { "char-*", 0 },
                { "block-loop", 0 },
                { "block-*", 0 },
                { "char-195", 0 },
                { "char-4000", 0 },
                { "char-loop", -ENOENT },
                { "block-mem", -ENOENT },
                { "char-nvidia", -ENOENT },
                { "char-99999", -ENOENT },
                { "char-1 mem", -ENOENT },
                { "char-Block devices:", -ENOENT },
                { "tty-mem", -EINVAL },
        };
        _cleanup_(scratch_done) Scratch s = scratch_new("proc");
        _cleanup_(freep) char *path = NULL;

        scratch_write(&s, "devices",
                      "Character devices:\n  1 mem\n  4 /dev/vc/0\n195 nvidia-frontend\n510 "
                      "nvidia-uvm\n\nBlock devices:\n  7 loop\n259 blkext\n");
        assert_true(asprintf(&path, "%s/devices", s.path) > 0);
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (device_class_check_in(path, all[i].name) != all[i].r)
                        fail_msg("%s", all[i].name);
        scratch_remove(&s, "devices");
        assert_int_equal(device_class_check_in(path, "char-mem"), -ENOENT);
}

static void what_is_no_cgroup_has_no_device_program(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("plain");
        uint32_t id = 0;

        assert_true(device_program_find(s.fd, &id) < 0);
        assert_true(device_program_find(s.fd, &id) != -ENOENT);
        assert_int_equal(id, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_number_is_two_numbers_and_nothing_else),
                cmocka_unit_test(device_nodes_are_told_from_other_files),
                cmocka_unit_test(a_device_is_known_by_its_number_alone),
                cmocka_unit_test(another_file_system_below_dev_is_not_entered),
                cmocka_unit_test(no_link_leads_out_of_dev),
                cmocka_unit_test(systemd_is_told_numbers_and_classes),
                cmocka_unit_test(classes_are_those_of_proc_devices),
                cmocka_unit_test(what_is_no_cgroup_has_no_device_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
