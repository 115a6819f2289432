/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the table of mounts tells of a path: names of sources are chosen by users, too. */
#include "test.h"

#include "basic/cgroup-file.h"

static const char *mounts;

#define cgroup_read(dir, file, ret) ((*(ret) = strdup(mounts)) ? 0 : -ENOMEM)
#include "basic/io-disk.c"

static void assert_source(const char *path, const char *source, unsigned dev_major)
{
        _cleanup_(freep) char *found = NULL;
        dev_t dev;

        assert_int_equal(mount_of_path(path, &dev, &found), 0);
        assert_string_equal(found, source);
        assert_int_equal(major(dev), dev_major);
}

static void the_nearest_mount_counts(void **state)
{
        mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                 "2 1 8:2 / /home rw - xfs /dev/sda2 rw\n"
                 "3 1 8:3 / /home\\040dir rw - xfs /dev/sda3 rw\n";
        assert_source("/etc/x", "/dev/sda1", 8);
        assert_source("/home/x", "/dev/sda2", 8);
        assert_source("/homely/x", "/dev/sda1", 8);
        assert_source("/home dir/x", "/dev/sda3", 8);
}

static void only_btrfs_is_on_a_disk_without_a_device_number(void **state)
{
        mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                 "2 1 0:40 / /data rw - btrfs /dev/sdb rw\n"
                 "3 1 0:41 / /home/u/mnt rw - fuse.evil /dev/sda rw\n"
                 "4 1 0:42 / /net rw - nfs4 /dev/sda rw\n";
        assert_source("/data/x", "/dev/sdb", 0);
        assert_source("/home/u/mnt/x", "none", 0);
        assert_source("/net/x", "none", 0);
}

static void what_is_on_no_disk_is_not_opened(void **state)
{
        dev_t dev;

        mounts = "3 1 0:41 / / rw - fuse.evil /dev/sda rw\n";
        assert_int_equal(file_dev("/etc/passwd", &dev), -ENODEV);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_nearest_mount_counts),
                cmocka_unit_test(only_btrfs_is_on_a_disk_without_a_device_number),
                cmocka_unit_test(what_is_on_no_disk_is_not_opened),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
