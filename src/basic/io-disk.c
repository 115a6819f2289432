/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding disks in /sys, without touching what a caller's path leads to. */
#include "basic/io-disk.h"

#include "basic/cgroup-file.h"
#include "basic/device.h"
#include "basic/reason.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* Device mapper upon device mapper: deeper stacks are refused by nobody and used by nobody. */
#define STACK_MAX 16

char **io_disks_free(char **disks)
{
        if (!disks)
                return NULL;

        for (char **d = disks; *d; d++)
                free(*d);
        free(disks);
        return NULL;
}

static int string_compare(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool is_whole_disk(int sys_block, const char *name)
{
        _cleanup_(freep) char *hidden = NULL;
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "%s/device", name);
        if (faccessat(sys_block, path, F_OK, 0) < 0)
                return false;

        /* Before 4.15 there are neither hidden disks nor the file. */
        (void) snprintf(path, sizeof(path), "%s/hidden", name);
        return cgroup_read(sys_block, path, &hidden) < 0 || !streq(hidden, "1");
}

static char *disk_node(const char *name)
{
        char *node;

        if (asprintf(&node, "/dev/%s", name) < 0)
                return NULL;

        /* The kernel's name of "cciss/c0d0" in /sys is "cciss!c0d0". */
        for (char *p = node; *p; p++)
                if (*p == '!')
                        *p = '/';

        return node;
}

int io_whole_disks_in(const char *sys_block, char ***ret)
{
        _cleanup_(closedirp) DIR *d = opendir(sys_block);
        _cleanup_(io_disks_freep) char **disks = calloc(1, sizeof(char *));
        size_t n = 0;

        if (!disks)
                return -ENOMEM;
        if (!d && errno != ENOENT)
                return -errno;

        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
                char **more;

                if (e->d_name[0] == '.' || !is_whole_disk(dirfd(d), e->d_name))
                        continue;

                more = reallocarray(disks, n + 2, sizeof(char *));
                if (!more)
                        return -ENOMEM;
                disks = more;
                disks[n + 1] = NULL;
                disks[n] = disk_node(e->d_name);
                if (!disks[n++])
                        return -ENOMEM;
        }

        qsort(disks, n, sizeof(char *), string_compare);
        *ret = TAKE_PTR(disks);
        return 0;
}

int io_whole_disks(char ***ret)
{
        return io_whole_disks_in("/sys/block", ret);
}

/* The number in a `dev` file below the device's directory in /sys. */
static int sys_dev(dev_t dev, const char *file, dev_t *ret)
{
        _cleanup_(freep) char *text = NULL;
        char path[PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev), minor(dev),
                        file);
        r = cgroup_read(AT_FDCWD, path, &text);
        if (r < 0)
                return r;

        return device_number_parse(text, ret) ? 0 : -EBADMSG;
}

/* The device below a device mapper device. As in systemd, one that lies on several ends the search. */
static int sys_slave(dev_t dev, dev_t *ret)
{
        _cleanup_(closedirp) DIR *d = NULL;
        char path[PATH_MAX], file[PATH_MAX] = "";

        (void) snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(dev), minor(dev));
        d = opendir(path);
        if (!d)
                return -errno;

        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                if (e->d_name[0] == '.')
                        continue;
                if (file[0])
                        return -ENOTUNIQ;
                (void) snprintf(file, sizeof(file), "slaves/%s/dev", e->d_name);
        }

        return file[0] ? sys_dev(dev, file, ret) : -ENOENT;
}

static dev_t whole_disk(dev_t dev)
{
        dev_t disk;
        char path[PATH_MAX];

        for (unsigned i = 0; i < STACK_MAX; i++)
                if (sys_slave(dev, &dev) < 0)
                        break;

        (void) snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(dev),
                        minor(dev));
        if (access(path, F_OK) >= 0 && sys_dev(dev, "../dev", &disk) >= 0)
                return disk;

        return dev;
}

static int node_dev(const char *path, dev_t *ret)
{
        dev_t number, same;
        mode_t kind;
        int r;

        r = device_node_find(path, &kind, &number);
        if (r == -ENODEV || (r >= 0 && kind != S_IFBLK))
                return -ENOTBLK;
        if (r >= 0)
                r = sys_dev(number, "dev", &same); /* may be no more than a number */
        if (r < 0)
                return r;

        *ret = number;
        return 0;
}

/* Undoes the octal escapes of /proc/self/mountinfo in place. */
static void octal_unescape(char *s)
{
        static const char octal[] = "01234567";
        char *to = s;

        while (*s)
                if (s[0] == '\\' && strspn(s + 1, octal) >= 3) {
                        *to++ = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 4;
                } else
                        *to++ = *s++;
        *to = '\0';
}

static bool path_below(const char *path, const char *mount)
{
        const char *rest = startswith(path, mount);

        return rest && (streq(mount, "/") || *rest == '/' || !*rest);
}

/* Device number and source of the mount that a path lies on, as far as its text tells. Of mounts
 * upon the same point the last one counts. */
static int mount_of_path(const char *path, dev_t *ret_dev, char **ret_source)
{
        _cleanup_(freep) char *table = NULL, *source = NULL;
        size_t best = 0;
        char *line, *rest;
        int r;

        r = cgroup_read(AT_FDCWD, "/proc/self/mountinfo", &table);
        if (r < 0)
                return r;

        for (rest = table; (line = strsep(&rest, "\n"));) {
                char number[32], type[64], point[PATH_MAX], from[PATH_MAX];
                char *second = strstr(line, " - ");

                if (!second || sscanf(line, "%*s %*s %31s %*s %4095s", number, point) != 2 ||
                    sscanf(second, " - %63s %4095s", type, from) != 2)
                        continue;

                octal_unescape(point);
                if (!path_below(path, point) || strlen(point) < best ||
                    !device_number_parse(number, ret_dev))
                        continue;

                best = strlen(point);
                free(source);
                /* btrfs is on the disk that it names; others without a device may name what they like (FUSE). */
                source = strdup(major(*ret_dev) != 0 || streq(type, "btrfs") ? from : "none");
                if (!source)
                        return -ENOMEM;
        }

        if (!source)
                return -ENOENT;
        *ret_source = TAKE_PTR(source);
        return 0;
}

/* The device of the file system that a path outside /dev lies on. The path itself is opened only
 * once its text says that this is a local file system. */
static int file_dev(const char *path, dev_t *ret)
{
        _cleanup_(freep) char *source = NULL;
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_NO_SYMLINKS,
        };
        struct stat st;
        dev_t mounted;
        long fd;
        int r;

        r = mount_of_path(path, &mounted, &source);
        if (r < 0)
                return r;
        if (major(mounted) == 0 && !startswith(source, "/dev/"))
                return -ENODEV;

        fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        r = fstat((int) fd, &st) < 0 ? -errno : 0;
        (void) close((int) fd);
        if (r < 0)
                return r;

        /* btrfs has no device number of its own: the mounted one stands for the file system. */
        if (!S_ISBLK(st.st_mode) && major(st.st_dev) == 0)
                return node_dev(source, ret);

        *ret = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
        return 0;
}

static const char *disk_fault(int error)
{
        switch (error) {
        case -ENOENT:
                return "it does not exist";
        case -ENOTBLK:
                return "it is not a block device";
        case -ENODEV:
                return "its file system is on no local disk";
        case -ELOOP:
                return "symbolic links are not followed: name the place itself";
        case -EXDEV:
                return "it leads out of /dev";
        default:
                return strerror(-error);
        }
}

int io_disk_of_path(const char *path, dev_t *ret, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];
        dev_t dev;
        int r;

        r = startswith(path, "/dev/") ? node_dev(path, &dev) : file_dev(path, &dev);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return reason_set(r, ret_reason, "%s names no disk: %s", reason_quote(path, quoted),
                                  disk_fault(r));

        *ret = whole_disk(dev);
        return 0;
}
