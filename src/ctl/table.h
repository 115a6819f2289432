/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables and trees for people, and the same as JSON. */
#pragma once

#include "ctl.h"

#include <libsmartcols/libsmartcols.h>

static inline void table_freep(struct libscols_table **t)
{
        scols_unref_table(*t);
}

/* An empty one; `name` is that of the list in JSON. NULL: no memory. */
struct libscols_table *table_new(const char *name, const Arguments *a);

/* `json` is the key there. A column that draws the tree (SCOLS_FL_TREE) makes lines children of lines in JSON, too. */
int table_add_column(struct libscols_table *t, const Arguments *a, const char *heading,
                     const char *json, int flags, int json_type);

/* Text from others, with what would steer the terminal taken out; NULL: there is none. */
int table_set_text(struct libscols_line *line, size_t column, const char *text, JsonMode json);

/* A number: as people read it, or as it is in JSON. */
int table_set_number(struct libscols_line *line, size_t column, uint64_t value, const char *shown,
                     JsonMode json);

/* A state, in the colour that says whether all is well. */
int table_set_state(struct libscols_line *line, size_t column, const char *state, JsonMode json);

/* Prints it, through a pager where there is one, and returns the exit status. */
int table_print(struct libscols_table *t, const Arguments *a);
