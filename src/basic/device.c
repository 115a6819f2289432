/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking at device nodes without touching what a caller's path leads to, and at device policies. */
#include "basic/device.h"

#include "basic/cgroup-file.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/bpf.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* MINORBITS of linux/kdev_t.h is 20, so that 12 are left. */
#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

/* systemd attaches one, and two for a moment while it changes the policy. */
#define PROGRAMS_MAX 64

/* --- nodes --- */

/* Digits at *s, moving it behind them. */
static bool digits_read(const char **s, unsigned max, unsigned *ret)
{
        size_t n = strspn(*s, "0123456789");
        unsigned long value;

        if (n == 0 || n > 9)
                return false;
        value = strtoul(*s, NULL, 10);
        if (value > max)
                return false;
        *s += n;
        *ret = (unsigned) value;
        return true;
}

bool device_number_parse(const char *s, dev_t *ret)
{
        unsigned ma, mi;

        if (!digits_read(&s, MAJOR_MAX, &ma) || *s++ != ':' || !digits_read(&s, MINOR_MAX, &mi) ||
            *s)
                return false;
        *ret = makedev(ma, mi);
        return true;
}

/* Opens a node below /dev for looking at it. Links are followed as far as they stay on the same
 * file system, so not into /dev/shm, where everybody may make some. */
static int node_open(const char *path)
{
        _cleanup_(closep) int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *name = startswith(path, "/dev/");
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
        };
        long fd;
        int last;

        if (!name || !*name)
                return -EINVAL;
        if (dev < 0)
                return -errno;

        fd = syscall(SYS_openat2, dev, name, &how, sizeof(how));
        if (fd >= 0)
                return (int) fd;

        /* A container has single nodes mounted on /dev; an old kernel has no openat2(). */
        if ((errno != EXDEV && errno != ENOSYS && errno != EPERM) || strchr(name, '/'))
                return -errno;

        last = openat(dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return last < 0 ? -errno : last;
}

static bool node_of_number(const char *path, mode_t *ret_kind, dev_t *ret_number)
{
        const char *number = startswith(path, "/dev/char/") ?: startswith(path, "/dev/block/");

        if (!number || !device_number_parse(number, ret_number))
                return false;
        *ret_kind = startswith(path, "/dev/char/") ? S_IFCHR : S_IFBLK;
        return true;
}

int device_node_find(const char *path, mode_t *ret_kind, dev_t *ret_number)
{
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        if (node_of_number(path, ret_kind, ret_number))
                return 0;
        fd = node_open(path);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode)) /* the last part, where openat2() was of no use */
                return -EXDEV;
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return -ENODEV;
        *ret_kind = st.st_mode & S_IFMT;
        *ret_number = st.st_rdev;
        return 0;
}

/* --- classes --- */

/* Lines of "MAJOR NAME" below a heading for each kind. */
static bool class_listed(char *table, const char *heading, const char *pattern)
{
        bool ours = false;
        char *line;

        while ((line = strsep(&table, "\n"))) {
                char *name = line + strspn(line, " ");

                if (strchr(line, ':')) {
                        ours = streq(line, heading);
                        continue;
                }
                name += strspn(name, "0123456789");
                name += strspn(name, " ");
                if (ours && *name && fnmatch(pattern, name, 0) == 0)
                        return true;
        }
        return false;
}

int device_class_check_in(const char *proc_devices, const char *name)
{
        const char *character = startswith(name, "char-"), *block = startswith(name, "block-");
        const char *class = character ?: block;
        _cleanup_(freep) char *table = NULL;
        unsigned number;
        int r;

        if (!class)
                return -EINVAL;
        if (streq(class, "*"))
                return 0;
        if (class[strspn(class, "0123456789")] == '\0')
                return digits_read(&class, MAJOR_MAX, &number) ? 0 : -ENOENT;

        r = cgroup_read(AT_FDCWD, proc_devices, &table);
        if (r < 0)
                return r;
        return class_listed(table, character ? "Character devices:" : "Block devices:", class)
                       ? 0
                       : -ENOENT;
}

int device_class_check(const char *name)
{
        return device_class_check_in("/proc/devices", name);
}

int device_systemd_name(const char *name, char **ret)
{
        mode_t kind;
        dev_t number;
        char *text;
        int r;

        if (name[0] != '/') {
                text = strdup(name);
        } else {
                r = device_node_find(name, &kind, &number);
                if (r < 0)
                        return r;
                if (asprintf(&text, "/dev/%s/%u:%u", kind == S_IFCHR ? "char" : "block",
                             major(number), minor(number)) < 0)
                        text = NULL;
        }
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* --- what is in force --- */

int device_program_find(int dir, uint32_t *ret_id)
{
        uint32_t ids[PROGRAMS_MAX] = { 0 }, newest = 0;
        union bpf_attr attr;

        memset(&attr, 0, sizeof(attr));
        attr.query.target_fd = (uint32_t) dir;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uint64_t) (uintptr_t) ids;
        attr.query.prog_cnt = PROGRAMS_MAX;
        if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
                return -errno;

        for (uint32_t i = 0; i < attr.query.prog_cnt && i < PROGRAMS_MAX; i++)
                if (ids[i] > newest)
                        newest = ids[i];
        if (newest == 0)
                return -ENOENT;
        *ret_id = newest;
        return 0;
}
