/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of `list`: one table of what they are called, and where each has its value from. */
#include "columns.h"

#include "format.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

typedef enum Kind {
        KIND_NAME,
        KIND_TEXT, /* char * at offset */
        KIND_STATE,
        KIND_PID,     /* uint32_t; 0: none, as of what has ended */
        KIND_UID,     /* uint32_t; UINT32_MAX: not known */
        KIND_INTEGER, /* int; below 0: not known */
        KIND_SIGNAL,  /* int; 0: none */
        KIND_COUNT,   /* uint64_t; UINT64_MAX: not known */
        KIND_TIME,    /* uint64_t, microseconds; 0: not known */
        KIND_WORDS,   /* char ** */
        KIND_N_TASKS, /* of the entry */
        KIND_NUMBER,  /* of the metrics, as these: */
        KIND_SIZE,
        KIND_SPAN,
} Kind;

typedef struct ColumnInfo {
        const char *heading;
        const char *json; /* the key, that of `inspect` and `metrics` where there is one */
        Kind kind;
        size_t offset; /* in hpcnode_cgroup_info */
        CollectFlags needs;
        bool is_default;
        const char *help;
} ColumnInfo;

#define FIELD(f) offsetof(hpcnode_cgroup_info, f)

static const ColumnInfo column_table[] = {
        { "NAME", "name", KIND_NAME, 0, 0, true, "Name of the scope, or SCOPE/TASK" },
        { "UNIT", "unit", KIND_TEXT, FIELD(unit), 0, true, "Unit of the scope in systemd" },
        { "STATE", "state", KIND_STATE, FIELD(state), 0, true, "State" },
        { "PID", "pid", KIND_PID, FIELD(pid), 0, true, "Process of the task, of a scope of main" },
        { "CGROUP", "cgroup", KIND_TEXT, FIELD(cgroup), 0, true, "Path below /sys/fs/cgroup" },
        { "SLICE", "slice", KIND_TEXT, FIELD(slice), COLLECT_DETAILS, false, "Slice of the scope" },
        { "OWNER", "owner", KIND_TEXT, FIELD(owner), COLLECT_DETAILS, false, "pact or workload" },
        { "UID", "uid", KIND_UID, FIELD(uid), COLLECT_DETAILS, false, "Who created it" },
        { "PRIORITY", "priority", KIND_INTEGER, FIELD(priority), COLLECT_DETAILS, false,
          "0 to 100" },
        { "TASKS", "task_count", KIND_N_TASKS, 0, COLLECT_TASKS, false,
          "Tasks of the scope, main among them" },
        { "PROCS", "nr_processes", KIND_NUMBER, 0, COLLECT_DETAILS, false, "Processes" },
        { "PIDS", "pids_current", KIND_NUMBER, 0, COLLECT_DETAILS, false, "Processes and threads" },
        { "MEMORY", "memory_current", KIND_SIZE, 0, COLLECT_DETAILS, false, "Memory in use" },
        { "MEMORY-PEAK", "memory_peak", KIND_SIZE, 0, COLLECT_DETAILS, false,
          "Most memory ever in use" },
        { "MEMORY-MAX", "memory_max", KIND_SIZE, 0, COLLECT_DETAILS, false, "Limit of memory" },
        { "SWAP", "memory_swap_current", KIND_SIZE, 0, COLLECT_DETAILS, false,
          "Swap space in use" },
        { "CPU", "cpu_usage_usec", KIND_SPAN, 0, COLLECT_DETAILS, false, "Cpu time used" },
        { "READ", "io_read_bytes", KIND_SIZE, 0, COLLECT_DETAILS, false, "Read from disks" },
        { "WRITTEN", "io_write_bytes", KIND_SIZE, 0, COLLECT_DETAILS, false, "Written to disks" },
        { "EXIT", "exit", KIND_INTEGER, FIELD(exit_status), COLLECT_DETAILS, false, "Exit status" },
        { "SIGNAL", "signal", KIND_SIGNAL, FIELD(exit_signal), COLLECT_DETAILS, false,
          "Signal that ended it" },
        { "OOM-KILLS", "oom_kill_count", KIND_COUNT, FIELD(oom_kills), COLLECT_DETAILS, false,
          "Processes of the scope killed for want of memory" },
        { "CREATED", "created_unix_ms", KIND_TIME, FIELD(created_usec), COLLECT_DETAILS, false,
          "When the scope was created" },
        { "STARTED", "start_unix_ms", KIND_TIME, FIELD(start_usec), COLLECT_DETAILS, false,
          "When the task was started, of a scope main" },
        { "ENDED", "exit_unix_ms", KIND_TIME, FIELD(exit_usec), COLLECT_DETAILS, false,
          "When it ended" },
        { "FROZEN-BY", "frozen_by", KIND_WORDS, FIELD(frozen_by), COLLECT_DETAILS, false,
          "Who froze the scope" },
        { "LOG", "log", KIND_TEXT, FIELD(log), COLLECT_DETAILS, false, "Where output goes" },
        { "DESCRIPTION", "description", KIND_TEXT, FIELD(description), COLLECT_DETAILS, false,
          "Description of the scope" },
};

_Static_assert(ELEMENTSOF(column_table) <= COLUMNS_MAX, "each column can be shown once");

/* --- which --- */

static bool has(const Columns *columns, size_t column)
{
        for (size_t i = 0; i < columns->n; i++)
                if (columns->shown[i] == column)
                        return true;
        return false;
}

static void add_defaults(Columns *columns)
{
        for (size_t i = 0; i < ELEMENTSOF(column_table); i++)
                if (column_table[i].is_default)
                        columns->shown[columns->n++] = i;
}

static int refuse(const char *name, size_t length, const char *what, char **ret_reason)
{
        _cleanup_(freep) char *names = NULL;
        size_t size;
        FILE *f;

        if (!ret_reason)
                return -EINVAL;
        f = open_memstream(&names, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(column_table); i++)
                fprintf(f, "%s%s", i > 0 ? ", " : "", column_table[i].heading);
        if (fclose(f) != 0 || asprintf(ret_reason, "\"%.*s\" %s: needed is a list of %s",
                                       (int) length, name, what, names) < 0)
                return -ENOMEM;
        return -EINVAL;
}

int columns_parse(const char *text, Columns *ret, char **ret_reason)
{
        Columns columns = { 0 };

        if (!text || *text == '+') {
                add_defaults(&columns);
                text = text ? text + 1 : NULL;
        }
        for (; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL) {
                size_t length = strcspn(text, ","), i = 0;

                while (i < ELEMENTSOF(column_table) &&
                       (strncasecmp(column_table[i].heading, text, length) != 0 ||
                        column_table[i].heading[length]))
                        i++;
                if (i == ELEMENTSOF(column_table))
                        return refuse(text, length, "is not a column", ret_reason);
                if (has(&columns, i))
                        return refuse(text, length, "is there already", ret_reason);
                columns.shown[columns.n++] = i;
        }
        *ret = columns;
        return 0;
}

CollectFlags columns_need(const Columns *columns)
{
        CollectFlags needs = 0;

        for (size_t i = 0; i < columns->n; i++)
                needs |= column_table[columns->shown[i]].needs;
        return needs;
}

void columns_help(void)
{
        for (size_t i = 0; i < ELEMENTSOF(column_table); i++)
                printf("%-12s %s\n", column_table[i].heading, column_table[i].help);
}

/* --- how --- */

static bool is_text(Kind kind)
{
        return kind == KIND_NAME || kind == KIND_TEXT || kind == KIND_STATE || kind == KIND_WORDS;
}

int columns_add(const Columns *columns, struct libscols_table *t, const Arguments *a, bool tree)
{
        for (size_t i = 0; i < columns->n; i++) {
                const ColumnInfo *info = &column_table[columns->shown[i]];
                int flags = is_text(info->kind) ? 0 : SCOLS_FL_RIGHT;

                if (info->kind == KIND_NAME && tree)
                        flags |= SCOLS_FL_TREE;
                if (table_add_column(t, a, info->heading, info->json, flags,
                                     is_text(info->kind) ? SCOLS_JSON_STRING : SCOLS_JSON_NUMBER) <
                    0)
                        return -ENOMEM;
        }
        return 0;
}

static int set_words(struct libscols_line *line, size_t column, char *const *words, JsonMode json)
{
        char text[128] = "";
        size_t n = 0;

        for (; words && *words && n < sizeof(text); words++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? "," : "",
                                       *words);
        return table_set_text(line, column, n > 0 ? text : NULL, json);
}

static int set_metric(struct libscols_line *line, size_t column, const ColumnInfo *c,
                      const hpcnode_cgroup_info *info, JsonMode json)
{
        char shown[FORMAT_SIZE];
        uint64_t value;

        if (!info->metrics || hpcnode_cgroup_metrics_get(info->metrics, c->json, &value) <= 0)
                return table_set_text(line, column, NULL, json);
        return table_set_number(line, column, value,
                                c->kind == KIND_SIZE   ? format_bytes(value, shown)
                                : c->kind == KIND_SPAN ? format_span(value, shown)
                                                       : NULL,
                                json);
}

/* A number of the info, when it is known. */
static bool get_number(const ColumnInfo *c, const hpcnode_cgroup_info *info, const Entry *entry,
                       uint64_t *ret)
{
        const void *field = (const char *) info + c->offset;
        uint32_t u = *(const uint32_t *) field;
        int i = *(const int *) field;

        switch (c->kind) {
        case KIND_N_TASKS:
                *ret = entry->n_tasks;
                return info == entry->scope;
        case KIND_PID:
                *ret = u;
                return u > 0 && !has_ended(info);
        case KIND_UID:
                *ret = u;
                return u != UINT32_MAX;
        case KIND_SIGNAL:
                *ret = (uint64_t) i;
                return i > 0;
        case KIND_COUNT:
                *ret = *(const uint64_t *) field;
                return *ret != UINT64_MAX;
        case KIND_TIME:
                *ret = *(const uint64_t *) field / USEC_PER_MSEC;
                return *ret > 0;
        default:
                *ret = (uint64_t) i;
                return i >= 0;
        }
}

static int set_number(struct libscols_line *line, size_t column, const ColumnInfo *c,
                      const hpcnode_cgroup_info *info, const Entry *entry, JsonMode json)
{
        char buffer[FORMAT_SIZE];
        const char *shown = NULL;
        uint64_t value;

        if (!get_number(c, info, entry, &value))
                return table_set_text(line, column, NULL, json);
        if (c->kind == KIND_TIME)
                shown = format_time(value * USEC_PER_MSEC, buffer);
        else if (c->kind == KIND_SIGNAL)
                shown = sigabbrev_np((int) value);
        return table_set_number(line, column, value, shown, json);
}

static int set_cell(struct libscols_line *line, size_t column, const ColumnInfo *c,
                    const Entry *entry, const hpcnode_cgroup_info *info, const char *name,
                    JsonMode json)
{
        const void *field = (const char *) info + c->offset;

        switch (c->kind) {
        case KIND_NAME:
                return table_set_text(line, column, name, json);
        case KIND_TEXT:
                return table_set_text(line, column, *(char *const *) field, json);
        case KIND_STATE:
                return table_set_state(line, column, *(char *const *) field, json);
        case KIND_WORDS:
                return set_words(line, column, *(char **const *) field, json);
        case KIND_NUMBER:
        case KIND_SIZE:
        case KIND_SPAN:
                return set_metric(line, column, c, info, json);
        default:
                return set_number(line, column, c, info, entry, json);
        }
}

int columns_fill(const Columns *columns, struct libscols_line *line, const Entry *entry,
                 const hpcnode_cgroup_info *info, const char *name, JsonMode json)
{
        for (size_t i = 0; i < columns->n; i++)
                if (set_cell(line, i, &column_table[columns->shown[i]], entry, info, name, json) <
                    0)
                        return -ENOMEM;
        return 0;
}
