/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of io-disk.h. */
#include "basic/io-disk.h"

#include "scratch.h"
#include "test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void whole_disks_are_those_with_a_device_that_are_not_hidden(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("block");
        _cleanup_(io_disks_freep) char **disks = NULL;

        scratch_mkdir(&s, "sdb/device");
        scratch_mkdir(&s, "sda/device");
        scratch_write(&s, "sda/hidden", "0\n");
        scratch_mkdir(&s, "nvme0c0n1/device");
        scratch_write(&s, "nvme0c0n1/hidden", "1\n");
        scratch_mkdir(&s, "cciss!c0d0/device");
        scratch_mkdir(&s, "loop0");
        scratch_write(&s, "dm-0/dev", "253:0\n");

        assert_int_equal(io_whole_disks_in(s.path, &disks), 0);
        assert_string_equal(disks[0], "/dev/cciss/c0d0");
        assert_string_equal(disks[1], "/dev/sda");
        assert_string_equal(disks[2], "/dev/sdb");
        assert_null(disks[3]);
}

static void a_node_without_disks_has_an_empty_list(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("block");
        _cleanup_(io_disks_freep) char **empty = NULL, **none = NULL;
        _cleanup_(freep) char *missing = NULL;

        assert_int_equal(io_whole_disks_in(s.path, &empty), 0);
        assert_null(empty[0]);
        assert_true(asprintf(&missing, "%s/none", s.path) > 0);
        assert_int_equal(io_whole_disks_in(missing, &none), 0);
        assert_null(none[0]);
}

static void freeing_nothing_is_allowed(void **state)
{
        assert_null(io_disks_free(NULL));
}

/* A disk of this machine with its number, or skip. */
static char *some_disk(dev_t *ret)
{
        char **disks = NULL, *found = NULL;

        assert_int_equal(io_whole_disks(&disks), 0);
        for (char **d = disks; *d && !found; d++) {
                struct stat st;

                if (stat(*d, &st) >= 0 && S_ISBLK(st.st_mode)) {
                        *ret = st.st_rdev;
                        found = strdup(*d);
                }
        }
        (void) io_disks_free(disks);
        if (!found)
                skip();
        return found;
}

static void a_disk_is_known_by_node_and_by_number(void **state)
{
        _cleanup_(freep) char *disk = NULL, *reason = NULL;
        dev_t expected, found;
        char by_number[64];

        disk = some_disk(&expected);
        assert_int_equal(io_disk_of_path(disk, &found, &reason), 0);
        assert_int_equal(found, expected);

        (void) snprintf(by_number, sizeof(by_number), "/dev/block/%u:%u", major(expected),
                        minor(expected));
        found = 0;
        assert_int_equal(io_disk_of_path(by_number, &found, &reason), 0);
        assert_int_equal(found, expected);
        assert_null(reason);
}

/* Not what it is, which depends on the machine: that it is one, and the same by either name. */
static void a_file_system_on_a_disk_leads_to_the_disk(void **state)
{
        struct stat st;
        dev_t of_root, of_dir;

        assert_int_equal(stat("/", &st), 0);
        if (major(st.st_dev) == 0)
                skip();
        assert_int_equal(io_disk_of_path("/", &of_root, NULL), 0);
        assert_int_not_equal(major(of_root), 0);
        assert_int_equal(stat("/usr", &st), 0);
        if (io_disk_of_path("/usr", &of_dir, NULL) == 0 && st.st_dev == of_root)
                assert_int_equal(of_dir, of_root);
}

static void assert_no_disk(const char *path, int error)
{
        _cleanup_(freep) char *reason = NULL;
        dev_t dev = 42;
        int r = io_disk_of_path(path, &dev, &reason);

        if (r != error)
                fail_msg("%s: %d", path, r);
        assert_int_equal(dev, 42);
        assert_non_null(reason);
        assert_non_null(strstr(reason, path));
}

static void what_is_on_no_disk_is_refused(void **state)
{
        assert_no_disk("/proc/version", -ENODEV);
        assert_no_disk("/sys", -ENODEV);
        assert_no_disk("/dev/null", -ENOTBLK);
        assert_no_disk("/dev/no-such-device", -ENOENT);
        assert_no_disk("/dev/block/4095:1048575", -ENOENT);
}

/* /dev/shm is open to everybody: a link in there could lead to a server that does not answer. */
static void nothing_below_dev_leads_out_of_it(void **state)
{
        struct stat shm, dev;
        char link[64], through[96];

        if (stat("/dev", &dev) < 0 || stat("/dev/shm", &shm) < 0 || dev.st_dev == shm.st_dev)
                skip();
        (void) snprintf(link, sizeof(link), "/dev/shm/hpcnode-test-%d", getpid());
        if (symlink("/dev", link) < 0)
                skip();

        (void) snprintf(through, sizeof(through), "%s/null", link);
        assert_no_disk(through, -EXDEV);
        assert_int_equal(unlink(link), 0);
}

static void links_outside_dev_are_not_followed(void **state)
{
        char *link = NULL, *real = NULL, *reason = NULL;
        Scratch s = scratch_new("files");
        int of_dir, of_link;
        dev_t dev;

        real = realpath(s.path, NULL);
        assert_true(asprintf(&link, "%s/link", real) > 0);
        assert_int_equal(symlink("/", link), 0);
        of_dir = io_disk_of_path(real, &dev, NULL);
        of_link = io_disk_of_path(link, &dev, &reason);
        free(real);
        free(link);
        scratch_done(&s);

        /* The temporary directory is on no disk: then nothing is looked at. */
        if (of_dir < 0) {
                free(reason);
                skip();
        }
        assert_int_equal(of_link, -ELOOP);
        assert_non_null(strstr(reason, "symbolic link"));
        free(reason);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_disks_are_those_with_a_device_that_are_not_hidden),
                cmocka_unit_test(a_node_without_disks_has_an_empty_list),
                cmocka_unit_test(freeing_nothing_is_allowed),
                cmocka_unit_test(a_disk_is_known_by_node_and_by_number),
                cmocka_unit_test(a_file_system_on_a_disk_leads_to_the_disk),
                cmocka_unit_test(what_is_on_no_disk_is_refused),
                cmocka_unit_test(nothing_below_dev_leads_out_of_it),
                cmocka_unit_test(links_outside_dev_are_not_followed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
