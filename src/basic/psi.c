/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the files of PSI, and sets its triggers. */
#include "basic/psi.h"

#include "basic/cgroup-file.h"
#include "basic/words.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

static const char *const resource_table[_PSI_RESOURCE_MAX] = {
        [PSI_MEMORY] = "memory",
        [PSI_CPU] = "cpu",
        [PSI_IO] = "io",
};

static const char *const kind_table[_PSI_KIND_MAX] = {
        [PSI_SOME] = "some",
        [PSI_FULL] = "full",
};

const char *psi_resource_to_string(PsiResource r)
{
        return resource_table[r];
}

PsiResource psi_resource_from_string(const char *s)
{
        return words_find(resource_table, _PSI_RESOURCE_MAX, s);
}

const char *psi_kind_to_string(PsiKind k)
{
        return kind_table[k];
}

PsiKind psi_kind_from_string(const char *s)
{
        return words_find(kind_table, _PSI_KIND_MAX, s);
}

/* "12.34" of a percentage, as 1234. */
static bool share_parse(const char *text, unsigned *ret)
{
        unsigned whole, hundredths;

        if (sscanf(text, "%3u.%2u", &whole, &hundredths) != 2 || whole > 100)
                return false;
        *ret = whole * 100 + hundredths;
        return *ret <= PSI_WHOLE;
}

static bool line_parse(const char *line, PsiLine *ret)
{
        char avg10[8], avg60[8], avg300[8];
        PsiLine l = { .present = true };

        /* some avg10=0.00 avg60=0.00 avg300=0.00 total=12345 */
        if (sscanf(line, "%*s avg10=%7s avg60=%7s avg300=%7s total=%" SCNu64, avg10, avg60, avg300,
                   &l.total_usec) != 4 ||
            !share_parse(avg10, &l.avg10) || !share_parse(avg60, &l.avg60) ||
            !share_parse(avg300, &l.avg300))
                return false;
        *ret = l;
        return true;
}

int psi_parse(const char *text, Psi *ret)
{
        Psi psi = { 0 };

        for (const char *line = text; *line; line += *line == '\n') {
                size_t n = strcspn(line, "\n");

                for (PsiKind k = 0; k < _PSI_KIND_MAX; k++) {
                        const char *rest = startswith(line, kind_table[k]);

                        if (rest && *rest == ' ' && !line_parse(line, &psi.lines[k]))
                                return -EBADMSG;
                }
                line += n;
        }
        if (!psi.lines[PSI_SOME].present)
                return -EBADMSG;
        *ret = psi;
        return 0;
}

/* --- places --- */

/* Returns buffer. */
static const char *file_name(const PsiPlace *place, PsiResource resource, char buffer[static 32])
{
        (void) snprintf(buffer, 32, "%s%s", resource_table[resource],
                        place->proc ? "" : ".pressure");
        return buffer;
}

int psi_place_cgroup(int cgroup_fd, const char *path, PsiPlace *ret)
{
        int fd = cgroup_open(cgroup_fd, path);

        if (fd < 0)
                return fd;
        *ret = (PsiPlace){ .dir_fd = fd };
        return 0;
}

/* The root of all, which no container has, has no type. */
static bool is_machine(int cgroup_fd)
{
        return faccessat(cgroup_fd, "cgroup.type", F_OK, 0) < 0 && errno == ENOENT;
}

int psi_place_node(int cgroup_fd, PsiPlace *ret)
{
        /* The same figures, and whoever is not root may set a trigger (since Linux 6.5). */
        bool proc = faccessat(cgroup_fd, "memory.pressure", W_OK, AT_EACCESS) < 0 &&
                    (errno == ENOENT || is_machine(cgroup_fd));
        int fd = proc ? open("/proc/pressure", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                      : fcntl(cgroup_fd, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return -errno;
        *ret = (PsiPlace){ .dir_fd = fd, .proc = proc };
        return 0;
}

void psi_place_close(PsiPlace *place)
{
        place->dir_fd = safe_close(place->dir_fd);
}

int psi_read(const PsiPlace *place, PsiResource resource, Psi *ret)
{
        _cleanup_(freep) char *text = NULL;
        char name[32];
        int r;

        r = cgroup_read(place->dir_fd, file_name(place, resource, name), &text);
        return r < 0 ? r : psi_parse(text, ret);
}

int psi_trigger(const PsiPlace *place, PsiResource resource, PsiKind kind, uint64_t stall_usec,
                uint64_t window_usec)
{
        _cleanup_(closep) int fd = -EBADF;
        char name[32], text[64];
        int n;

        fd = openat(place->dir_fd, file_name(place, resource, name),
                    O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        n = snprintf(text, sizeof text, "%s %" PRIu64 " %" PRIu64, kind_table[kind], stall_usec,
                     window_usec);
        /* With its NUL, as the kernel's documentation has it. */
        if (write(fd, text, (size_t) n + 1) < 0)
                return -errno;
        return TAKE_FD(fd);
}
