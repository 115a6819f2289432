/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The specification of a task, as the supervisor's child reads it. */
#include "fuzz.h"

#include "basic/fields.h"

#include <sys/mman.h>

/* What is read stays until the child executes the program: here it is kept in mind, and freed. */
static void *kept[65536];
static size_t n_kept;

static void *keep(void *old, void *new)
{
        for (size_t i = 0; i < n_kept && old; i++)
                if (kept[i] == old) {
                        kept[i] = new;
                        return new;
                }
        check(n_kept < ELEMENTSOF(kept));
        return kept[n_kept++] = new;
}

/* Of just the size that is mapped. */
static void *map_copy(int fd, size_t size)
{
        void *copy = malloc(size);

        check(copy && pread(fd, copy, size, 0) == (ssize_t) size);
        return keep(NULL, copy);
}

#define reallocarray(old, n, size)              keep(old, (reallocarray) (old, n, size))
#define mmap(address, size, prot, flags, fd, o) map_copy(fd, size)
#include "supervisor/sup-spec.c"

static void check_spec(const Spec *spec)
{
        check(spec->n_argv > 0 && !spec->argv[spec->n_argv]);
        for (size_t i = 0; i < spec->n_argv; i++)
                check(spec->argv[i]);
        check(!spec->env[spec->n_env]);
        for (size_t i = 0; i < spec->n_env; i++)
                check(strchr(spec->env[i], '=') > spec->env[i]);
        check(*spec->cwd == '/');
        check(spec->has_uid == spec->has_gid && (spec->has_uid || spec->n_groups == 0));
        check(!spec->has_uid || (spec->uid != (uid_t) -1 && spec->gid != (gid_t) -1));
        for (size_t i = 0; i < spec->n_groups; i++)
                check(spec->groups[i] != (gid_t) -1);
        check((spec->log == SPEC_LOG_FILE) == (spec->log_path != NULL));
        check(!spec->log_path || *spec->log_path == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static int fd = -EBADF;
        Spec spec, before;
        int r;

        if (fd < 0)
                fd = memfd_create("spec", MFD_CLOEXEC);
        check(ftruncate(fd, 0) >= 0 && pwrite(fd, data, size, 0) == (ssize_t) size);
        memset(&spec, 0x5a, sizeof spec);
        before = spec;
        r = spec_read(fd, &spec);
        check(r <= 0);
        if (r == 0) {
                check_spec(&spec);
                limits_done(&spec.limits);
        } else
                check(memcmp(&spec, &before, sizeof spec) == 0);
        while (n_kept > 0)
                free(kept[--n_kept]);
        return 0;
}
