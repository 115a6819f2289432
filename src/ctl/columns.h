/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of `list`: one table of what they are called, and where each has its value from. */
#pragma once

#include "collect.h"
#include "table.h"

#define COLUMNS_MAX 32

/* The columns of a list, in the order in which they are shown, as indices of the table. */
typedef struct Columns {
        size_t shown[COLUMNS_MAX];
        size_t n;
} Columns;

/* "NAME,STATE", in any case; "+MEMORY" adds to what is shown without. NULL: that. -EINVAL with a sentence (owned by
 * the caller) in *ret_reason, which may be NULL. */
int columns_parse(const char *text, Columns *ret, char **ret_reason);

/* What has to be asked for. */
CollectFlags columns_need(const Columns *columns);

/* `tree`: tasks are children of their scope. */
int columns_add(const Columns *columns, struct libscols_table *t, const Arguments *a, bool tree);

/* Fills a line for a scope, or for a task of the entry. `name` is what NAME is to show. */
int columns_fill(const Columns *columns, struct libscols_line *line, const Entry *entry,
                 const hpcnode_cgroup_info *info, const char *name, JsonMode json);

/* What there is, a line each. */
void columns_help(void);
