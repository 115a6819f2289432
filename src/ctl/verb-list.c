/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `list`: a table of scopes and jobs, with their tasks. */
#include "columns.h"

#include <stdio.h>

/* How tasks are shown: below their scope, where somebody looks at it or reads JSON; for other programs each line
 * begins with what a verb takes. */
static bool wants_tree(const Arguments *a)
{
        return !a->quiet && (a->json != JSON_OFF || output_is_terminal());
}

static int add_tasks(struct libscols_table *t, const Columns *columns, const Entry *entry,
                     struct libscols_line *parent, const Arguments *a)
{
        bool by_scope = parent && a->json == JSON_OFF;

        for (size_t i = 0; i < entry->n_tasks; i++) {
                const hpcnode_cgroup_info *task = entry->tasks[i];
                struct libscols_line *line;

                if (entry->whole && !task_is_further(task))
                        continue;
                line = scols_table_new_line(t, parent);
                if (!line || columns_fill(columns, line, entry, task,
                                          by_scope ? task->name : task->id, a->json) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_entry(struct libscols_table *t, const Columns *columns, const Entry *entry,
                     const Arguments *a)
{
        struct libscols_line *line;

        if (!entry->whole)
                return add_tasks(t, columns, entry, NULL, a);
        line = scols_table_new_line(t, NULL);
        if (!line ||
            columns_fill(columns, line, entry, entry->scope, entry->scope->id, a->json) < 0)
                return -ENOMEM;
        return a->no_tasks ? 0 : add_tasks(t, columns, entry, wants_tree(a) ? line : NULL, a);
}

int check_list(const Arguments *a)
{
        if (!streq_ptr(a->columns, "help"))
                return CTL_MAY_RUN;
        columns_help();
        return output_flush();
}

int verb_list(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(collection_done) Collection collection = { 0 };
        _cleanup_(table_freep) struct libscols_table *t = NULL;
        CollectFlags flags = a->no_tasks ? 0 : COLLECT_TASKS;
        Columns columns;

        /* The parser of the option has refused what is wrong. */
        if (columns_parse(a->columns ?: a->quiet ? "NAME" : NULL, &columns, NULL) < 0)
                return out_of_memory();
        a->no_legend = a->no_legend || a->quiet;
        if (a->all)
                flags |= COLLECT_ENDED_TASKS;
        if (collect(c, flags | columns_need(&columns), a->operands, &collection, &e) < 0)
                return fail(&e);

        t = table_new("scopes", a);
        if (!t || columns_add(&columns, t, a, wants_tree(a)) < 0)
                return out_of_memory();
        for (size_t i = 0; i < collection.n_entries; i++)
                if (add_entry(t, &columns, &collection.entries[i], a) < 0)
                        return out_of_memory();
        return table_print(t, a);
}
