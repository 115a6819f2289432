/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `top` shows: a row for each scope and task, with what it uses now and what it has used lately. */
#pragma once

#include "basic/macro.h"
#include "format.h"

#define TOP_UNKNOWN UINT64_MAX

/* Columns, in the order in which they are shown. */
typedef enum TopColumn {
        TOP_NAME,
        TOP_STATE,
        TOP_TASKS,
        TOP_PROCS,
        TOP_CPU,
        TOP_MEMORY,
        TOP_READ,
        TOP_WRITE,
        TOP_PRESSURE,
        _TOP_COLUMN_MAX,
} TopColumn;

/* What rows can be sorted by. */
typedef enum TopSort {
        TOP_BY_CPU,
        TOP_BY_MEMORY,
        TOP_BY_IO,
        TOP_BY_PRESSURE,
        TOP_BY_NAME,
        TOP_BY_TASKS,
        _TOP_SORT_MAX,
        _TOP_SORT_INVALID = -EINVAL,
} TopSort;

typedef enum TopResource { TOP_RES_CPU, TOP_RES_MEMORY, TOP_RES_IO, _TOP_RES_MAX } TopResource;

/* Each figure may be TOP_UNKNOWN. */
typedef struct TopRow {
        char *key;           /* owned: what it is told by from one sample to the next */
        char *name, *state;  /* owned */
        uint64_t since_usec; /* its start: another one may have the same name */
        uint64_t n_tasks, n_processes;
        uint64_t memory;
        uint64_t cpu_usec, read_bytes, write_bytes;    /* so far */
        uint64_t cpu_permyriad, read_rate, write_rate; /* lately: of one cpu, bytes a second */
        uint64_t pressure_permyriad[_TOP_RES_MAX];     /* some avg10 */
} TopRow;

typedef struct TopSample {
        TopRow *rows;
        size_t n;
        uint64_t usec; /* by a clock that is not set */
} TopSample;

extern const char *const top_headings[_TOP_COLUMN_MAX];

static inline bool top_is_text(TopColumn column)
{
        return column == TOP_NAME || column == TOP_STATE;
}

void top_sample_done(TopSample *s);

/* Fills the rates of `now` by what has happened since `before`, whose rows come in another order. What was not there,
 * was another one, or has counted backwards, has none. */
void top_rates(TopSample *now, TopSample *before);

/* The most first, names from A on, and the unknown last, also in reverse. */
void top_sort(TopSample *s, TopSort by, bool reverse);

/* The figure of a column; TOP_UNKNOWN for what is not known or no figure. */
uint64_t top_figure(const TopRow *row, TopColumn column, TopSort by);

/* As it is shown: returns a text of the row, or buffer. */
const char *top_cell(const TopRow *row, TopColumn column, TopSort by,
                     char buffer[static FORMAT_SIZE]);

TopSort top_sort_from_string(const char *s);
const char *top_sort_to_string(TopSort by);

/* "12.34"; "-" when it is not known. */
const char *top_percent(uint64_t permyriad, char buffer[static FORMAT_SIZE]);
