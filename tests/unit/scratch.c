/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making and removing the directories of scratch.h. */
#include "scratch.h"

#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

Scratch scratch_new(const char *name)
{
        const char *base = getenv("TMPDIR") ?: "/tmp";
        Scratch s = { .fd = -1 };

        assert_true(asprintf(&s.root, "%s/hpcnode-test-XXXXXX", base) > 0);
        assert_non_null(mkdtemp(s.root));
        assert_true(asprintf(&s.path, "%s/%s", s.root, name) > 0);
        assert_int_equal(mkdir(s.path, 0700), 0);
        s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(s.fd >= 0);
        return s;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

void scratch_done(Scratch *s)
{
        if (s->root)
                (void) nftw(s->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        s->fd = safe_close(s->fd);
        free(s->root);
        free(s->path);
        *s = (Scratch){ .fd = -1 };
}

static void make_parents(const Scratch *s, const char *file)
{
        _cleanup_(freep) char *path = strdup(file);

        assert_non_null(path);
        for (char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                assert_true(mkdirat(s->fd, path, 0700) >= 0 || errno == EEXIST);
                *p = '/';
        }
}

void scratch_write(const Scratch *s, const char *file, const char *text)
{
        int fd;

        make_parents(s, file);
        fd = openat(s->fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void) close(fd);
}

void scratch_mkdir(const Scratch *s, const char *directory)
{
        make_parents(s, directory);
        assert_int_equal(mkdirat(s->fd, directory, 0700), 0);
}

void scratch_remove(const Scratch *s, const char *file)
{
        assert_int_equal(unlinkat(s->fd, file, 0), 0);
}

char *scratch_read(const Scratch *s, const char *file)
{
        char buffer[4096];
        int fd = openat(s->fd, file, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(fd >= 0);
        n = read(fd, buffer, sizeof(buffer) - 1);
        assert_true(n >= 0);
        (void) close(fd);
        buffer[n] = '\0';
        return strdup(buffer);
}

int cgroup_scratch(int *ret_parent, char **ret_name)
{
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++) {
                struct statfs fs;
                char *name;
                int parent, fd;

                if (statfs(mounts[i], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
                        continue;

                parent = open(mounts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (parent < 0)
                        continue;

                assert_true(asprintf(&name, "hpcnode-test-%d", getpid()) > 0);
                if (mkdirat(parent, name, 0755) >= 0) {
                        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                        assert_true(fd >= 0);
                        *ret_parent = parent;
                        *ret_name = name;
                        return fd;
                }
                free(name);
                (void) close(parent);
        }

        return -1;
}
