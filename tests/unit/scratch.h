/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories for tests: of plain files that stand for a cgroup, and a real cgroup if allowed. */
#pragma once

#include "basic/macro.h"

/* A new directory <temporary>/<name>, and its descriptor. Fails the test if that cannot be made. */
typedef struct Scratch {
        char *root; /* the temporary directory */
        char *path;
        int fd;
} Scratch;

Scratch scratch_new(const char *name);
void scratch_done(Scratch *s);

/* Writes a file, with the directories that lead to it. */
void scratch_write(const Scratch *s, const char *file, const char *text);
void scratch_mkdir(const Scratch *s, const char *directory);
void scratch_remove(const Scratch *s, const char *file);

/* What is in a file; owned by the caller. */
char *scratch_read(const Scratch *s, const char *file);

/* The descriptor of a new cgroup in a writable hierarchy of version 2, and its name below
 * *ret_parent; -1 where there is none, as in most build environments. */
int cgroup_scratch(int *ret_parent, char **ret_name);
