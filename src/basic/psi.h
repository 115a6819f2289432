/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pressure stall information (PSI): the share of time in which tasks could not go on for want of a resource. */
#pragma once

#include "basic/macro.h"

typedef enum PsiResource {
        PSI_MEMORY,
        PSI_CPU,
        PSI_IO,
        _PSI_RESOURCE_MAX,
        _PSI_RESOURCE_INVALID = -EINVAL,
} PsiResource;

typedef enum PsiKind {
        PSI_SOME, /* at least one task waited */
        PSI_FULL, /* all that were not idle waited: nothing was done */
        _PSI_KIND_MAX,
        _PSI_KIND_INVALID = -EINVAL,
} PsiKind;

const char *psi_resource_to_string(PsiResource r); /* "memory", "cpu", "io" */
PsiResource psi_resource_from_string(const char *s);
const char *psi_kind_to_string(PsiKind k); /* "some", "full" */
PsiKind psi_kind_from_string(const char *s);

/* One whole, in the unit of all shares: 1/10000, as the kernel prints two decimals of a percentage. */
#define PSI_WHOLE 10000

typedef struct PsiLine {
        bool present;                  /* the whole node has no "full" of cpu before kernel 5.13 */
        unsigned avg10, avg60, avg300; /* shares of the last 10, 60, 300 s; renewed every 2 s */
        uint64_t total_usec;           /* stalled so far */
} PsiLine;

typedef struct Psi {
        PsiLine lines[_PSI_KIND_MAX];
} Psi;

/* What one file says. -EBADMSG when it is none with pressure. */
int psi_parse(const char *text, Psi *ret);

/* Where pressure is read: the directory of a cgroup, or /proc/pressure, whose files have other names. */
typedef struct PsiPlace {
        int dir_fd;
        bool proc;
} PsiPlace;

#define PSI_PLACE_NONE           \
        {                        \
                .dir_fd = -EBADF \
        }

/* That of the node: of the root of the tree at cgroup_fd, where the kernel has it there (in a container, that
 * is the container's), else /proc/pressure, as also for whoever may not write to the machine's. -ENOENT without PSI. */
int psi_place_node(int cgroup_fd, PsiPlace *ret);

/* That of the cgroup at path below cgroup_fd. */
int psi_place_cgroup(int cgroup_fd, const char *path, PsiPlace *ret);

void psi_place_close(PsiPlace *place);

/* -ENOENT without such a file, -EOPNOTSUPP where PSI is off. */
int psi_read(const PsiPlace *place, PsiResource resource, Psi *ret);

/* Has the kernel tell (EPOLLPRI of the returned fd) when stalls add up to stall_usec within window_usec, at
 * most once a window, for as long as the fd is open. The window is from 500 ms to 10 s; without
 * CAP_SYS_RESOURCE a multiple of 2 s, and -EPERM before kernel 6.5. EPOLLERR: the cgroup is gone. */
int psi_trigger(const PsiPlace *place, PsiResource resource, PsiKind kind, uint64_t stall_usec,
                uint64_t window_usec);
