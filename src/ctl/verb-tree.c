/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `tree`: what runs, as it hangs together: slices, scopes, tasks, processes. */
#include "collect.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "format.h"
#include "table.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

typedef enum Column {
        COLUMN_NAME,
        COLUMN_STATE,
        COLUMN_PID,
        COLUMN_MEMORY,
        COLUMN_KIND, /* in JSON only */
} Column;

/* A command line beyond this is cut off. */
#define COMMAND_MAX 4096

typedef struct Slice {
        char *path; /* of its cgroup, owned */
        struct libscols_line *line;
} Slice;

typedef struct Tree {
        hpcnode_cgroup *c;
        const Arguments *a;
        struct libscols_table *table;
        int root_fd; /* of the cgroup file system; -EBADF: what is here is not what the daemon tells of */
        Slice *slices;
        size_t n_slices;
} Tree;

static void tree_done(Tree *t)
{
        for (size_t i = 0; i < t->n_slices; i++)
                free(t->slices[i].path);
        free(t->slices);
        scols_unref_table(t->table);
        (void) safe_close(t->root_fd);
}

/* NULL: no memory. What there is not of state and metrics is NULL, and 0 of pid. */
static struct libscols_line *add_line(Tree *t, struct libscols_line *parent, const char *kind,
                                      const char *name, const char *state, uint32_t pid,
                                      const hpcnode_cgroup_metrics *metrics)
{
        struct libscols_line *line = scols_table_new_line(t->table, parent);
        JsonMode json = t->a->json;
        char shown[FORMAT_SIZE];
        uint64_t memory;
        int r;

        if (!line || table_set_text(line, COLUMN_NAME, name, json) < 0)
                return NULL;
        r = json != JSON_OFF || state ? table_set_state(line, COLUMN_STATE, state, json) : 0;
        if (r >= 0 && pid > 0)
                r = table_set_number(line, COLUMN_PID, pid, NULL, json);
        if (r >= 0 && metrics && hpcnode_cgroup_metrics_get(metrics, "memory_current", &memory) > 0)
                r = table_set_number(line, COLUMN_MEMORY, memory, format_bytes(memory, shown),
                                     json);
        if (r >= 0 && json != JSON_OFF)
                r = table_set_text(line, COLUMN_KIND, kind, json);
        return r < 0 ? NULL : line;
}

/* --- slices --- */

static struct libscols_line *find_slice(const Tree *t, const char *path, size_t length)
{
        /* Scopes come by path, so that it is mostly one of the last. */
        for (size_t i = t->n_slices; i-- > 0;)
                if (strlen(t->slices[i].path) == length &&
                    memcmp(t->slices[i].path, path, length) == 0)
                        return t->slices[i].line;
        return NULL;
}

static int add_slice(Tree *t, const char *path, size_t length, struct libscols_line *parent,
                     struct libscols_line **ret)
{
        _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *metrics = NULL;
        Slice *longer = reallocarray(t->slices, t->n_slices + 1, sizeof(*longer)), *slice;

        if (!longer)
                return -ENOMEM;
        t->slices = longer;
        slice = &longer[t->n_slices];
        slice->path = strndup(path, length);
        if (!slice->path)
                return -ENOMEM;
        t->n_slices++;
        /* It may just have gone; then its line has no figures. */
        (void) hpcnode_cgroup_read_metrics(t->c, slice->path, &metrics, NULL);
        slice->line = add_line(t, parent, "slice", strrchr(slice->path, '/') + 1, NULL, 0, metrics);
        *ret = slice->line;
        return slice->line ? 0 : -ENOMEM;
}

/* The line of the slice in which the cgroup is, with those above it; NULL for one in none. */
static int slice_of(Tree *t, const char *cgroup, struct libscols_line **ret)
{
        struct libscols_line *line = NULL;

        for (const char *end = cgroup; (end = strchr(end + 1, '/'));) {
                size_t length = (size_t) (end - cgroup);
                struct libscols_line *found = find_slice(t, cgroup, length);

                if (length < strlen(".slice") ||
                    strncmp(end - strlen(".slice"), ".slice", strlen(".slice")) != 0)
                        continue;
                if (!found && add_slice(t, cgroup, length, line, &found) < 0)
                        return -ENOMEM;
                line = found;
        }
        *ret = line;
        return 0;
}

/* --- processes --- */

/* Reads what is there of a small file of /proc, zeros as spaces; "" when it cannot be read. */
static void read_words(uint32_t pid, const char *file, char text[static COMMAND_MAX])
{
        _cleanup_(closep) int fd = -EBADF;
        char path[64];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? 0 : read(fd, text, COMMAND_MAX - 1);
        while (n > 0 && (text[n - 1] == '\0' || text[n - 1] == '\n'))
                n--;
        for (ssize_t i = 0; i < n; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
        text[n > 0 ? n : 0] = '\0';
}

/* As systemd-cgls has it: the command line as far as the caller may see it, else [NAME]. Owned by the caller. */
static char *read_command(uint32_t pid)
{
        char text[COMMAND_MAX], *name = NULL;

        read_words(pid, "cmdline", text);
        if (*text)
                return strdup(text);
        read_words(pid, "comm", text);
        return asprintf(&name, "[%s]", text) < 0 ? NULL : name;
}

static int compare_pids(const void *a, const void *b)
{
        pid_t x = *(const pid_t *) a, y = *(const pid_t *) b;

        return (x > y) - (x < y);
}

static int add_processes(Tree *t, const char *cgroup, struct libscols_line *parent)
{
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) pid_t *pids = NULL;
        size_t n = 0;

        if (t->root_fd < 0 || !cgroup || *cgroup != '/')
                return 0;
        fd = cgroup_open(t->root_fd, cgroup + 1);
        if (fd < 0 || cgroup_pids(fd, true, &pids, &n) < 0)
                return 0; /* it has just ended */
        if (n > 0)
                qsort(pids, n, sizeof(*pids), compare_pids);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(freep) char *command = read_command((uint32_t) pids[i]);

                if (!command ||
                    !add_line(t, parent, "process", command, NULL, (uint32_t) pids[i], NULL))
                        return -ENOMEM;
        }
        return 0;
}

/* --- scopes and tasks --- */

static int add_entry(Tree *t, const Entry *entry)
{
        const hpcnode_cgroup_info *scope = entry->scope;
        struct libscols_line *slice, *line;

        /* While it was asked about. */
        if (has_ended(scope))
                return 0;
        if (slice_of(t, scope->cgroup, &slice) < 0)
                return -ENOMEM;
        line = add_line(t, slice, "scope", scope->unit, scope->state, 0, scope->metrics);
        if (!line)
                return -ENOMEM;
        for (size_t i = 0; i < entry->n_tasks; i++) {
                const hpcnode_cgroup_info *task = entry->tasks[i];
                struct libscols_line *child = add_line(t, line, "task", task->name, task->state,
                                                       task->pid, task->metrics);

                if (!child || add_processes(t, task->cgroup, child) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int compare_cgroups(const void *a, const void *b)
{
        const Entry *x = a, *y = b;

        return strverscmp(x->scope->cgroup, y->scope->cgroup);
}

/* A slice, in any spelling, means all scopes below it. *ret is owned by the caller, as is what is in it. */
static int make_patterns(char *const *operands, char ***ret)
{
        _cleanup_(hpcnode_cgroup_strings_freep) char **patterns = NULL;
        size_t n = 0;

        while (operands[n])
                n++;
        patterns = calloc(n + 1, sizeof(*patterns));
        if (!patterns)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                _cleanup_(freep) char *unit = NULL, *path = NULL, *reason = NULL;

                if (slice_parse(operands[i], &unit, &reason) < 0 ||
                    slice_cgroup_path(unit, &path) < 0)
                        patterns[i] = strdup(operands[i]);
                else if (asprintf(&patterns[i], "/%s/*", path) < 0)
                        patterns[i] = NULL;
                if (!patterns[i])
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(patterns);
        return 0;
}

static int make_table(Tree *t)
{
        static const struct {
                const char *heading, *json;
                int flags, json_type;
        } columns[] = {
                [COLUMN_NAME] = { "NAME", "name", SCOLS_FL_TREE | SCOLS_FL_TRUNC,
                                  SCOLS_JSON_STRING },
                [COLUMN_STATE] = { "STATE", "state", 0, SCOLS_JSON_STRING },
                [COLUMN_PID] = { "PID", "pid", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
                [COLUMN_MEMORY] = { "MEMORY", "memory_current", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
                [COLUMN_KIND] = { "KIND", "kind", 0, SCOLS_JSON_STRING },
        };

        t->table = table_new("tree", t->a);
        if (!t->table)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(columns); i++)
                if ((i != COLUMN_KIND || t->a->json != JSON_OFF) &&
                    table_add_column(t->table, t->a, columns[i].heading, columns[i].json,
                                     columns[i].flags, columns[i].json_type) < 0)
                        return -ENOMEM;
        return 0;
}

int verb_tree(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_strings_freep) char **patterns = NULL;
        _cleanup_(collection_done) Collection collection = { 0 };
        _cleanup_(tree_done) Tree t = { .c = c, .a = a, .root_fd = -EBADF };

        if (make_patterns(a->operands, &patterns) < 0)
                return out_of_memory();
        if (collect(c, COLLECT_TASKS | COLLECT_LIVE | COLLECT_DETAILS, patterns, &collection, &e) <
            0)
                return fail(&e);
        qsort(collection.entries, collection.n_entries, sizeof(*collection.entries),
              compare_cgroups);

        if (!place_is_elsewhere(&a->place))
                t.root_fd = open(CGROUP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (make_table(&t) < 0)
                return out_of_memory();
        for (size_t i = 0; i < collection.n_entries; i++)
                if (add_entry(&t, &collection.entries[i]) < 0)
                        return out_of_memory();
        return table_print(t.table, a);
}
