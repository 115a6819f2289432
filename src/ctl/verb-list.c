/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `list`: a table of all scopes and jobs. */
#include "ctl.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

typedef enum Column {
        COLUMN_NAME,
        COLUMN_UNIT,
        COLUMN_STATE,
        COLUMN_PID,
        COLUMN_CGROUP,
        _COLUMN_MAX,
} Column;

static const struct ColumnInfo {
        const char *heading;
        const char *json; /* key; NULL: the heading */
        int flags;
        int json_type;
} column_table[_COLUMN_MAX] = {
        [COLUMN_NAME] = { "NAME", "name", 0, SCOLS_JSON_STRING },
        [COLUMN_UNIT] = { "UNIT", "unit", 0, SCOLS_JSON_STRING },
        [COLUMN_STATE] = { "STATE", "state", 0, SCOLS_JSON_STRING },
        [COLUMN_PID] = { "PID", "pid", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [COLUMN_CGROUP] = { "CGROUP", "cgroup", 0, SCOLS_JSON_STRING },
};

static void table_freep(struct libscols_table **t)
{
        scols_unref_table(*t);
}

static struct libscols_table *table_new(const Arguments *a)
{
        _cleanup_(table_freep) struct libscols_table *t = NULL;

        t = scols_new_table();
        if (!t)
                return NULL;
        if (scols_table_set_name(t, "scopes") < 0 ||
            scols_table_enable_json(t, a->json != JSON_OFF) < 0 ||
            scols_table_enable_noheadings(t, a->no_legend) < 0)
                return NULL;

        for (Column i = 0; i < _COLUMN_MAX; i++) {
                const struct ColumnInfo *info = &column_table[i];
                struct libscols_column *column;

                column = scols_table_new_column(t, a->json == JSON_OFF ? info->heading : info->json,
                                                0, info->flags);
                if (!column || scols_column_set_json_type(column, info->json_type) < 0)
                        return NULL;
        }
        return TAKE_PTR(t);
}

static int table_add(struct libscols_table *t, const hpcnode_cgroup_info *info, JsonMode json)
{
        struct libscols_line *line;
        char pid[16] = "-";
        bool has_pid = info->pid > 0;

        line = scols_table_new_line(t, NULL);
        if (!line)
                return -ENOMEM;
        if (has_pid)
                (void) snprintf(pid, sizeof(pid), "%" PRIu32, info->pid);

        if (scols_line_set_data(line, COLUMN_NAME, info->id) < 0 ||
            scols_line_set_data(line, COLUMN_UNIT, info->unit) < 0 ||
            scols_line_set_data(line, COLUMN_STATE, info->state) < 0 ||
            (has_pid || json == JSON_OFF ? scols_line_set_data(line, COLUMN_PID, pid) : 0) < 0 ||
            scols_line_set_data(line, COLUMN_CGROUP, info->cgroup) < 0)
                return -ENOMEM;
        return 0;
}

static int out_of_memory(void)
{
        fputs("error: out of memory\n", stderr);
        return CTL_FAILED;
}

static int table_print(struct libscols_table *t, JsonMode json)
{
        _cleanup_(freep) char *text = NULL;

        if (json == JSON_OFF) {
                if (scols_print_table(t) < 0)
                        return out_of_memory();
                return output_flush();
        }
        if (scols_print_table_to_string(t, &text) < 0)
                return out_of_memory();
        return json_print(text, json);
}

static int compare_names(const void *a, const void *b)
{
        const hpcnode_cgroup_info *const *x = a, *const *y = b;
        int r = strverscmp((*x)->id, (*y)->id);

        return r != 0 ? r : strverscmp((*x)->unit, (*y)->unit);
}

int verb_list(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **list = NULL;
        _cleanup_(table_freep) struct libscols_table *t = NULL;
        size_t n = 0;

        if (hpcnode_cgroup_list(c, &list, &e) < 0)
                return fail(&e);
        while (list[n])
                n++;
        qsort(list, n, sizeof(*list), compare_names);

        t = table_new(a);
        if (!t)
                return out_of_memory();
        for (size_t i = 0; i < n; i++)
                if (table_add(t, list[i], a->json) < 0)
                        return out_of_memory();
        return table_print(t, a->json);
}
