/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What runs on the node and what it uses, gathered with a few questions however much it is. */
#include "collect.h"

#include "basic/state.h"
#include <fnmatch.h>
#include <stdio.h>

bool task_is_further(const hpcnode_cgroup_info *task)
{
        return !streq(task->name, "main");
}

bool has_ended(const hpcnode_cgroup_info *info)
{
        return scope_state_from_string(info->state) >= SCOPE_EXITED;
}

size_t collection_count_tasks(const Collection *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_entries; i++)
                n += c->entries[i].n_tasks;
        return n;
}

size_t collection_count_state(const Collection *c, const char *state)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_entries; i++)
                n += streq(c->entries[i].scope->state, state);
        return n;
}

void collection_done(Collection *c)
{
        free(c->entries);
        free(c->shown);
        hpcnode_cgroup_list_free(c->scopes);
        hpcnode_cgroup_list_free(c->tasks);
}

static size_t list_count(hpcnode_cgroup_info *const *list)
{
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

static int compare_units(const void *a, const void *b)
{
        const hpcnode_cgroup_info *const *x = a, *const *y = b;
        int r = strcmp((*x)->unit, (*y)->unit);

        return r != 0 ? r : strverscmp((*x)->id, (*y)->id);
}

static int compare_names(const void *a, const void *b)
{
        const Entry *x = a, *y = b;
        int r = strverscmp(x->scope->id, y->scope->id);

        return r != 0 ? r : strverscmp(x->scope->unit, y->scope->unit);
}

/* Both lists are brought in the order of units, so that one walk along both is enough. */
static int make_entries(Collection *c, bool with_ended_tasks)
{
        size_t n_scopes = list_count(c->scopes), n_tasks = list_count(c->tasks), n = 0, t = 0;

        qsort(c->scopes, n_scopes, sizeof(*c->scopes), compare_units);
        if (n_tasks > 0)
                qsort(c->tasks, n_tasks, sizeof(*c->tasks), compare_units);
        c->entries = calloc(n_scopes + 1, sizeof(*c->entries));
        c->shown = calloc(n_tasks + 1, sizeof(*c->shown));
        if (!c->entries || !c->shown)
                return -ENOMEM;

        for (size_t s = 0; s < n_scopes; s++) {
                Entry *entry = &c->entries[s];

                *entry = (Entry){ .scope = c->scopes[s], .tasks = c->shown + n, .whole = true };
                /* A scope that ended between the two questions has tasks in the second list only. */
                while (t < n_tasks && strcmp(c->tasks[t]->unit, entry->scope->unit) < 0)
                        t++;
                for (; t < n_tasks && streq(c->tasks[t]->unit, entry->scope->unit); t++)
                        if (with_ended_tasks || !has_ended(c->tasks[t])) {
                                c->shown[n++] = c->tasks[t];
                                entry->n_tasks++;
                        }
        }
        c->n_entries = n_scopes;
        return 0;
}

/* Units have backslashes in them. */
static bool fits(const char *pattern, const char *text)
{
        return fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}

static bool fits_scope(const char *pattern, const hpcnode_cgroup_info *scope)
{
        return fits(pattern, scope->id) || fits(pattern, scope->unit) ||
               fits(pattern, scope->cgroup);
}

static bool fits_task(const char *pattern, const hpcnode_cgroup_info *task)
{
        _cleanup_(freep) char *by_unit = NULL;

        if (asprintf(&by_unit, "%s/%s", task->unit, task->name) < 0)
                by_unit = NULL;
        return fits(pattern, task->id) || (by_unit && fits(pattern, by_unit)) ||
               (task->cgroup && fits(pattern, task->cgroup));
}

static bool is_plain(const char *pattern)
{
        return !strpbrk(pattern, "*?[");
}

/* Leaves of an entry what a pattern fits; false: nothing. Each pattern that does is noted. A task that is named is
 * meant, also one that has ended. */
static bool entry_keep(Entry *entry, CollectFlags flags, char *const *patterns, bool *used)
{
        size_t n = 0;

        entry->whole = false;
        for (size_t p = 0; patterns[p]; p++)
                if (fits_scope(patterns[p], entry->scope))
                        entry->whole = used[p] = true;
        for (size_t t = 0; t < entry->n_tasks; t++) {
                bool ended = !(flags & COLLECT_ENDED_TASKS) && has_ended(entry->tasks[t]),
                     fits = entry->whole && !ended;

                /* Names have no slash, so a scope's pattern is not put to thousands of tasks. */
                for (size_t p = 0; patterns[p]; p++)
                        if (strchr(patterns[p], '/') && (!ended || is_plain(patterns[p])) &&
                            fits_task(patterns[p], entry->tasks[t]))
                                fits = used[p] = true;
                if (fits)
                        entry->tasks[n++] = entry->tasks[t];
        }
        entry->n_tasks = n;
        return entry->whole || n > 0;
}

static int error_not_found(hpcnode_cgroup_error *e, const char *pattern)
{
        char *message;

        if (asprintf(&message, "there is no scope or task \"%s\", nor a record of it", pattern) < 0)
                return -ENOMEM;
        hpcnode_cgroup_error_done(e);
        *e = (hpcnode_cgroup_error){ HPCNODE_CGROUP_ERROR_NOT_FOUND, message };
        return -ENOENT;
}

static int keep_fitting(Collection *c, CollectFlags flags, char *const *patterns,
                        hpcnode_cgroup_error *e)
{
        _cleanup_(freep) bool *used = NULL;
        size_t n = 0, n_patterns = 0;

        while (patterns[n_patterns])
                n_patterns++;
        used = calloc(n_patterns, sizeof(*used));
        if (!used)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_entries; i++)
                if (entry_keep(&c->entries[i], flags, patterns, used))
                        c->entries[n++] = c->entries[i];
        c->n_entries = n;
        for (size_t p = 0; p < n_patterns; p++)
                if (!used[p] && is_plain(patterns[p]))
                        return error_not_found(e, patterns[p]);
        return 0;
}

static void keep_live(Collection *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_entries; i++)
                if (!has_ended(c->entries[i].scope))
                        c->entries[n++] = c->entries[i];
        c->n_ended = c->n_entries - n;
        c->n_entries = n;
}

/* Of tasks that have ended there is no more to be known. */
static bool wants_details(CollectFlags flags, const Entry *entry, const hpcnode_cgroup_info *task)
{
        bool alone = !entry->whole || task_is_further(task);

        return !has_ended(task) && flags & (alone ? COLLECT_TASK_DETAILS : COLLECT_MAIN_DETAILS);
}

static int add_details(hpcnode_cgroup *c, CollectFlags flags, const Collection *collection,
                       hpcnode_cgroup_error *e)
{
        _cleanup_(freep) hpcnode_cgroup_info **wanted = NULL;
        size_t k = 0;

        wanted = calloc(collection->n_entries + collection_count_tasks(collection) + 1,
                        sizeof(*wanted));
        if (!wanted)
                return -ENOMEM;
        for (size_t i = 0; i < collection->n_entries; i++) {
                const Entry *entry = &collection->entries[i];

                if (flags & COLLECT_SCOPE_DETAILS)
                        wanted[k++] = entry->scope;
                for (size_t t = 0; t < entry->n_tasks; t++)
                        if (wants_details(flags, entry, entry->tasks[t]))
                                wanted[k++] = entry->tasks[t];
        }
        return hpcnode_cgroup_inspect_list(c, wanted, e);
}

static int gather(hpcnode_cgroup *c, CollectFlags flags, char *const *patterns, Collection *ret,
                  hpcnode_cgroup_error *e)
{
        bool has_patterns = patterns && patterns[0];
        int r;

        /* Tasks first: what is made in between is then missing, and not without its scope. */
        if (flags & COLLECT_TASKS) {
                r = hpcnode_cgroup_list_tasks(c, NULL, &ret->tasks, e);
                if (r < 0)
                        return r;
        }
        r = hpcnode_cgroup_list(c, &ret->scopes, e);
        if (r >= 0)
                r = make_entries(ret, flags & COLLECT_ENDED_TASKS || has_patterns);
        if (r >= 0 && has_patterns)
                r = keep_fitting(ret, flags, patterns, e);
        if (r >= 0 && flags & COLLECT_LIVE)
                keep_live(ret);
        if (r >= 0 && flags & COLLECT_DETAILS)
                r = add_details(c, flags, ret, e);
        return r;
}

int collect(hpcnode_cgroup *c, CollectFlags flags, char *const *patterns, Collection *ret,
            hpcnode_cgroup_error *e)
{
        _cleanup_(collection_done) Collection collection = { 0 };
        int r;

        r = gather(c, flags, patterns, &collection, e);
        if (r == -ENOMEM && e->code == HPCNODE_CGROUP_ERROR_NONE)
                e->code = HPCNODE_CGROUP_ERROR_NO_MEMORY;
        if (r < 0)
                return r;
        qsort(collection.entries, collection.n_entries, sizeof(*collection.entries), compare_names);
        *ret = collection;
        collection = (Collection){ 0 };
        return 0;
}
