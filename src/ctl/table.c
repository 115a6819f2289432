/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables and trees for people, and the same as JSON, by libsmartcols. */
#include "table.h"

#include "format.h"
#include <inttypes.h>
#include <stdio.h>

static const struct {
        const char *state, *color;
} color_table[] = {
        { "creating", "yellow" }, { "starting", "yellow" }, { "releasing", "yellow" },
        { "active", "green" },    { "running", "green" },   { "frozen", "blue" },
        { "zombie", "lightred" }, { "failed", "red" },      { "killed", "red" },
        { "lost", "red" },
};

struct libscols_table *table_new(const char *name, const Arguments *a)
{
        _cleanup_(table_freep) struct libscols_table *t = scols_new_table();

        if (!t || scols_table_set_name(t, name) < 0 ||
            scols_table_enable_json(t, a->json != JSON_OFF) < 0 ||
            scols_table_enable_noheadings(t, a->no_legend) < 0 ||
            scols_table_enable_colors(t, a->json == JSON_OFF && output_has_colors()) < 0 ||
            /* A unit's name may have "\\x2d" in it, which is to be printed as it is. */
            scols_table_enable_noencoding(t, a->json == JSON_OFF) < 0)
                return NULL;
        return TAKE_PTR(t);
}

int table_add_column(struct libscols_table *t, const Arguments *a, const char *heading,
                     const char *json, int flags, int json_type)
{
        struct libscols_column *column;

        column = scols_table_new_column(t, a->json == JSON_OFF ? heading : json, 0, flags);
        if (!column || scols_column_set_json_type(column, json_type) < 0)
                return -ENOMEM;
        return 0;
}

int table_set_text(struct libscols_line *line, size_t column, const char *text, JsonMode json)
{
        char *escaped;

        if (json != JSON_OFF)
                return text ? scols_line_set_data(line, column, text) : 0;
        escaped = format_text(text ?: "-");
        if (!escaped)
                return -ENOMEM;
        return scols_line_refer_data(line, column, escaped); /* which owns it now */
}

int table_set_number(struct libscols_line *line, size_t column, uint64_t value, const char *shown,
                     JsonMode json)
{
        char number[32];

        (void) snprintf(number, sizeof(number), "%" PRIu64, value);
        return scols_line_set_data(line, column, json == JSON_OFF && shown ? shown : number);
}

int table_set_state(struct libscols_line *line, size_t column, const char *state, JsonMode json)
{
        int r = table_set_text(line, column, state, json);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(color_table); i++)
                if (streq_ptr(color_table[i].state, state))
                        r = scols_cell_set_color(scols_line_get_cell(line, column),
                                                 color_table[i].color);
        return r;
}

int table_print(struct libscols_table *t, const Arguments *a)
{
        _cleanup_(freep) char *text = NULL;

        pager_open(a->no_pager);
        if (a->json == JSON_OFF) {
                if (scols_print_table(t) < 0)
                        return output_flush() ?: out_of_memory();
                return output_flush();
        }
        if (scols_print_table_to_string(t, &text) < 0)
                return out_of_memory();
        return json_print(text, a->json);
}
