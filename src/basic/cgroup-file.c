/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading and writing the files of a cgroup. Its processes and children: cgroup-tree.c. */
#include "basic/cgroup-file.h"

#include "basic/fields.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#define READ_SIZE_MIN 4096

/* The digits of UINT64_MAX and a NUL. */
#define DECIMAL_SIZE 21

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* A cgroup that was removed while its directory is held open answers ENODEV. */
static int cgroup_errno(void)
{
        return errno == ENODEV ? -ENOENT : -errno;
}

/* Writes the digits from the end of the buffer on and returns where they start. */
static char *decimal(uint64_t value, char buffer[static DECIMAL_SIZE])
{
        char *p = buffer + DECIMAL_SIZE;

        *--p = '\0';
        do
                *--p = (char) ('0' + value % 10);
        while (value /= 10);

        return p;
}

/* openat2() for kernels and seccomp filters that do not have it. */
static int open_by_component(int root_fd, const char *path)
{
        _cleanup_(closep) int fd = openat(root_fd, ".", DIRECTORY_FLAGS);

        if (fd < 0)
                return cgroup_errno();

        for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
                char component[256];
                size_t n = strcspn(p, "/");
                int child;

                if (n >= sizeof(component))
                        return -ENAMETOOLONG;
                memcpy(component, p, n);
                component[n] = '\0';
                if (streq(component, ".."))
                        return -EXDEV;

                child = openat(fd, component, DIRECTORY_FLAGS | O_NOFOLLOW);
                if (child < 0)
                        return cgroup_errno();

                (void) close(fd);
                fd = child;
                p += n;
        }

        return TAKE_FD(fd);
}

int cgroup_open(int root_fd, const char *path)
{
        struct open_how how = {
                .flags = DIRECTORY_FLAGS,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        long fd;

        if (path[0] == '/')
                return -EXDEV;

        fd = syscall(SYS_openat2, root_fd, path[0] ? path : ".", &how, sizeof(how));
        if (fd >= 0)
                return (int) fd;
        if (errno == ENOSYS || errno == EPERM)
                return open_by_component(root_fd, path);

        return cgroup_errno();
}

int cgroup_path_of(int dir, char **ret_path)
{
        static const char fds[] = "/proc/self/fd/";
        char link[sizeof(fds) + DECIMAL_SIZE], path[PATH_MAX], number[DECIMAL_SIZE];
        const char *rest;
        char *copy;
        ssize_t n;

        if (dir < 0)
                return -EBADF;

        (void) stpcpy(stpcpy(link, fds), decimal((uint64_t) dir, number));
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return -errno;
        path[n] = '\0';

        rest = startswith(path, CGROUP_ROOT);
        if (!rest || (*rest && *rest != '/'))
                rest = path;
        else if (*rest == '/')
                rest++;

        copy = strdup(rest);
        if (!copy)
                return -ENOMEM;

        *ret_path = copy;
        return 0;
}

static int file_open(int dir, const char *file, int flags)
{
        int fd = openat(dir, file, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

        return fd < 0 ? cgroup_errno() : fd;
}

int cgroup_read(int dir, const char *file, char **ret)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(closep) int fd = -EBADF;
        size_t length = 0, allocated = 0;

        fd = file_open(dir, file, O_RDONLY);
        if (fd < 0)
                return fd;

        for (;;) {
                ssize_t n;

                if (length + 1 >= allocated) {
                        size_t size = allocated > 0 ? allocated * 2 : READ_SIZE_MIN;
                        char *larger = realloc(text, size);

                        if (!larger)
                                return -ENOMEM;
                        text = larger;
                        allocated = size;
                }

                n = read(fd, text + length, allocated - length - 1);
                if (n == 0)
                        break;
                if (n > 0)
                        length += (size_t) n;
                else if (errno != EINTR)
                        return cgroup_errno();
        }

        if (length > 0 && text[length - 1] == '\n')
                length--;
        text[length] = '\0';

        *ret = TAKE_PTR(text);
        return 0;
}

/* The number at the start of s, up to the end of the word. */
static int number_parse(const char *s, uint64_t *ret)
{
        size_t n = strcspn(s, " \n");
        char buffer[DECIMAL_SIZE];

        if (n >= sizeof(buffer))
                return -EBADMSG;
        memcpy(buffer, s, n);
        buffer[n] = '\0';

        if (streq(buffer, "max")) {
                *ret = UINT64_MAX;
                return 0;
        }
        return parse_u64(buffer, ret) < 0 ? -EBADMSG : 0;
}

int cgroup_text_u64(const char *text, uint64_t *ret)
{
        return strpbrk(text, " \n") ? -EBADMSG : number_parse(text, ret);
}

int cgroup_text_key(const char *text, const char *key, uint64_t *ret)
{
        for (const char *line = text; *line; line += line[0] == '\n') {
                const char *value = startswith(line, key);

                if (value && *value == ' ')
                        return number_parse(value + 1, ret);
                line += strcspn(line, "\n");
        }

        return -ENXIO;
}

int cgroup_text_nested_sum(const char *text, const char *key, uint64_t *ret)
{
        uint64_t sum = 0, number;
        int r;

        for (const char *word = text; *word; word += word[0] != '\0') {
                const char *value = startswith(word, key);

                if (value && *value == '=') {
                        r = number_parse(value + 1, &number);
                        if (r < 0)
                                return r;
                        if (__builtin_add_overflow(sum, number, &sum))
                                return -ERANGE;
                }
                word += strcspn(word, " \n");
        }

        *ret = sum;
        return 0;
}

/* Room for a number, or for all of cgroup.events. */
#define SHORT_SIZE 128

/* The kernel shows such a file as one piece, so that it need not be asked whether there is more. */
static int read_short(int dir, const char *file, char text[static SHORT_SIZE])
{
        _cleanup_(closep) int fd = file_open(dir, file, O_RDONLY);
        ssize_t n;

        if (fd < 0)
                return fd;
        do
                n = read(fd, text, SHORT_SIZE);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return cgroup_errno();
        if (n == SHORT_SIZE)
                return -EBADMSG;
        if (n > 0 && text[n - 1] == '\n')
                n--;
        text[n] = '\0';
        return 0;
}

int cgroup_read_u64(int dir, const char *file, uint64_t *ret)
{
        char text[SHORT_SIZE];
        int r = read_short(dir, file, text);

        return r < 0 ? r : cgroup_text_u64(text, ret);
}

int cgroup_read_key(int dir, const char *file, const char *key, uint64_t *ret)
{
        _cleanup_(freep) char *text = NULL;
        int r = cgroup_read(dir, file, &text);

        return r < 0 ? r : cgroup_text_key(text, key, ret);
}

int cgroup_read_nested_sum(int dir, const char *file, const char *key, uint64_t *ret)
{
        _cleanup_(freep) char *text = NULL;
        int r = cgroup_read(dir, file, &text);

        return r < 0 ? r : cgroup_text_nested_sum(text, key, ret);
}

int cgroup_write(int dir, const char *file, const char *text)
{
        _cleanup_(closep) int fd = -EBADF;
        size_t length = strlen(text);
        ssize_t n;

        fd = file_open(dir, file, O_WRONLY);
        if (fd < 0)
                return fd;

        /* The kernel takes each write() as one command, so it must not be split. */
        do
                n = write(fd, text, length);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return cgroup_errno();

        return (size_t) n == length ? 0 : -EIO;
}

int cgroup_write_u64(int dir, const char *file, uint64_t value)
{
        char buffer[DECIMAL_SIZE];

        return cgroup_write(dir, file, value == UINT64_MAX ? "max" : decimal(value, buffer));
}

/* One of the flags in cgroup.events; false for a cgroup that is gone. */
static int event_flag(int dir, const char *key)
{
        char text[SHORT_SIZE];
        uint64_t value;
        int r;

        r = read_short(dir, "cgroup.events", text);
        if (r >= 0)
                r = cgroup_text_key(text, key, &value);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        return value != 0;
}

int cgroup_populated(int dir)
{
        return event_flag(dir, "populated");
}

int cgroup_frozen(int dir)
{
        return event_flag(dir, "frozen");
}

/* Each cgroup has cpu.stat, without the controller, too; nothing that runs takes less than a microsecond. */
int cgroup_used(int dir)
{
        uint64_t usec;
        int r = cgroup_populated(dir);

        if (r != 0)
                return r;
        r = cgroup_read_key(dir, "cpu.stat", "usage_usec", &usec);
        return r < 0 ? r : usec > 0;
}
