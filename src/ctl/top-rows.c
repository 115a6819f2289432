/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of `top`: rates from two samples, their order, and how figures are written. */
#include "top.h"

#include "basic/words.h"
#include <inttypes.h>
#include <stdio.h>

const char *const top_headings[_TOP_COLUMN_MAX] = {
        [TOP_NAME] = "NAME",   [TOP_STATE] = "STATE",   [TOP_TASKS] = "TASKS",
        [TOP_PROCS] = "PROCS", [TOP_CPU] = "%CPU",      [TOP_MEMORY] = "MEMORY",
        [TOP_READ] = "READ/S", [TOP_WRITE] = "WRITE/S", [TOP_PRESSURE] = "%PRESSURE",
};

static const char *const sort_table[_TOP_SORT_MAX] = {
        [TOP_BY_CPU] = "cpu",           [TOP_BY_MEMORY] = "memory", [TOP_BY_IO] = "io",
        [TOP_BY_PRESSURE] = "pressure", [TOP_BY_NAME] = "name",     [TOP_BY_TASKS] = "tasks",
};

TopSort top_sort_from_string(const char *s)
{
        return words_find(sort_table, _TOP_SORT_MAX, s);
}

const char *top_sort_to_string(TopSort by)
{
        return sort_table[by];
}

void top_sample_done(TopSample *s)
{
        for (size_t i = 0; i < s->n; i++) {
                free(s->rows[i].key);
                free(s->rows[i].name);
                free(s->rows[i].state);
        }
        free(s->rows);
        *s = (TopSample){ 0 };
}

/* --- rates --- */

static int compare_keys(const void *a, const void *b)
{
        const TopRow *x = a, *y = b;

        return strcmp(x->key, y->key);
}

/* `scale` for each unit of the counter a microsecond. */
static uint64_t rate(uint64_t now, uint64_t before, uint64_t usec, double scale)
{
        if (now == TOP_UNKNOWN || before == TOP_UNKNOWN || now < before || usec == 0)
                return TOP_UNKNOWN;
        return (uint64_t) ((double) (now - before) * scale / (double) usec + 0.5);
}

void top_rates(TopSample *now, TopSample *before)
{
        uint64_t usec = now->usec > before->usec ? now->usec - before->usec : 0;

        if (before->n > 0)
                qsort(before->rows, before->n, sizeof(*before->rows), compare_keys);
        for (size_t i = 0; i < now->n; i++) {
                TopRow *row = &now->rows[i];
                const TopRow *old = NULL;

                row->cpu_permyriad = row->read_rate = row->write_rate = TOP_UNKNOWN;
                if (before->n > 0)
                        old = bsearch(row, before->rows, before->n, sizeof(*row), compare_keys);
                if (!old || old->since_usec != row->since_usec)
                        continue;
                row->cpu_permyriad = rate(row->cpu_usec, old->cpu_usec, usec, 10000);
                row->read_rate = rate(row->read_bytes, old->read_bytes, usec, USEC_PER_SEC);
                row->write_rate = rate(row->write_bytes, old->write_bytes, usec, USEC_PER_SEC);
        }
}

/* --- figures --- */

/* What is known of both; TOP_UNKNOWN: nothing. */
static uint64_t sum(uint64_t a, uint64_t b)
{
        return a == TOP_UNKNOWN ? b : b == TOP_UNKNOWN ? a : a + b;
}

/* That of the resource that is sorted by, else that which hurts most. */
static uint64_t pressure(const TopRow *row, TopSort by)
{
        static const TopResource resources[] = {
                [TOP_BY_CPU] = TOP_RES_CPU,
                [TOP_BY_MEMORY] = TOP_RES_MEMORY,
                [TOP_BY_IO] = TOP_RES_IO,
        };
        uint64_t most = TOP_UNKNOWN;

        if (by < (TopSort) ELEMENTSOF(resources))
                return row->pressure_permyriad[resources[by]];
        for (size_t i = 0; i < _TOP_RES_MAX; i++)
                if (row->pressure_permyriad[i] != TOP_UNKNOWN &&
                    (most == TOP_UNKNOWN || row->pressure_permyriad[i] > most))
                        most = row->pressure_permyriad[i];
        return most;
}

uint64_t top_figure(const TopRow *row, TopColumn column, TopSort by)
{
        switch (column) {
        case TOP_TASKS:
                return row->n_tasks;
        case TOP_PROCS:
                return row->n_processes;
        case TOP_CPU:
                return row->cpu_permyriad;
        case TOP_MEMORY:
                return row->memory;
        case TOP_READ:
                return row->read_rate;
        case TOP_WRITE:
                return row->write_rate;
        case TOP_PRESSURE:
                return pressure(row, by);
        default:
                return TOP_UNKNOWN;
        }
}

const char *top_percent(uint64_t permyriad, char buffer[static FORMAT_SIZE])
{
        if (permyriad == TOP_UNKNOWN)
                return "-";
        return format_percent(permyriad, buffer);
}

const char *top_cell(const TopRow *row, TopColumn column, TopSort by,
                     char buffer[static FORMAT_SIZE])
{
        uint64_t figure = top_figure(row, column, by);

        if (column == TOP_NAME)
                return row->name;
        if (column == TOP_STATE)
                return row->state;
        if (figure == TOP_UNKNOWN)
                return "-";
        switch (column) {
        case TOP_CPU:
        case TOP_PRESSURE:
                return top_percent(figure, buffer);
        case TOP_MEMORY:
        case TOP_READ:
        case TOP_WRITE:
                return format_bytes(figure, buffer);
        default:
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64, figure);
                return buffer;
        }
}

/* --- order --- */

typedef struct Order {
        TopSort by;
        bool reverse;
} Order;

static uint64_t sorted_by(const TopRow *row, TopSort by)
{
        switch (by) {
        case TOP_BY_CPU:
                return row->cpu_permyriad;
        case TOP_BY_MEMORY:
                return row->memory;
        case TOP_BY_IO:
                return sum(row->read_rate, row->write_rate);
        case TOP_BY_PRESSURE:
                return pressure(row, by);
        case TOP_BY_TASKS:
                return row->n_tasks;
        default:
                return TOP_UNKNOWN;
        }
}

static int compare_rows(const void *a, const void *b, void *order)
{
        const TopRow *x = a, *y = b;
        const Order *o = order;
        uint64_t p = sorted_by(x, o->by), q = sorted_by(y, o->by);
        int r;

        if ((p == TOP_UNKNOWN) != (q == TOP_UNKNOWN))
                return p == TOP_UNKNOWN ? 1 : -1;
        if (p != q)
                return (p > q) == o->reverse ? 1 : -1;
        r = strverscmp(x->name, y->name) ?: strcmp(x->key, y->key);
        return o->by == TOP_BY_NAME && o->reverse ? -r : r;
}

void top_sort(TopSample *s, TopSort by, bool reverse)
{
        Order order = { by, reverse };

        if (s->n > 0)
                qsort_r(s->rows, s->n, sizeof(*s->rows), compare_rows, &order);
}
