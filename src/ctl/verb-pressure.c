/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `pressure`: how long tasks wait for memory, cpu and io, and what the daemon does about it. */
#include "collect.h"
#include "format.h"
#include "table.h"

#include "basic/name.h"
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

/* --- the figures --- */

static const char *const resources[] = { "memory", "cpu", "io" };
static const char *const levels[] = { "some", "full" };

static const struct {
        const char *kind, *name, *path;
} places[] = {
        { "node", "node", "/" },
        { "slice", SLICE_WORKLOAD, SLICE_WORKLOAD },
        { "slice", SLICE_PACT, SLICE_PACT },
};

/* A line for each resource is added to the table, or in JSON an object for the place to the record. */
typedef struct View {
        const Arguments *arguments;
        struct libscols_table *table;
        Record *record;
} View;

static int view_begin(View *v)
{
        static const char *const headings[] = { "NAME",       "RESOURCE", "SOME10", "SOME60",
                                                "SOME-TOTAL", "FULL10",   "FULL60", "FULL-TOTAL" };

        v->table = table_new("pressure", v->arguments);
        if (!v->table)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(headings); i++)
                if (table_add_column(v->table, v->arguments, headings[i], headings[i],
                                     i < 2 ? 0 : SCOLS_FL_RIGHT, SCOLS_JSON_STRING) < 0)
                        return -ENOMEM;
        return 0;
}

static void view_done(View *v)
{
        table_freep(&v->table);
        record_freep(&v->record);
}

/* One figure, by the name that `metrics` has for it. */
static int set_figure(struct libscols_line *line, size_t column,
                      const hpcnode_cgroup_metrics *metrics, const char *resource,
                      const char *level, const char *figure,
                      const char *(*format)(uint64_t, char[static FORMAT_SIZE]))
{
        char name[64], buffer[FORMAT_SIZE];
        uint64_t value;

        (void) snprintf(name, sizeof(name), "%s_%s_%s", resource, level, figure);
        if (!metrics || hpcnode_cgroup_metrics_get(metrics, name, &value) <= 0)
                return table_set_text(line, column, NULL, JSON_OFF);
        return table_set_number(line, column, value, format(value, buffer), JSON_OFF);
}

static int add_line(View *v, const char *place, const char *resource,
                    const hpcnode_cgroup_metrics *metrics)
{
        struct libscols_line *line = scols_table_new_line(v->table, NULL);
        size_t column = 0;
        int r;

        if (!line)
                return -ENOMEM;
        r = table_set_text(line, column++, place, JSON_OFF);
        if (r >= 0)
                r = table_set_text(line, column++, resource, JSON_OFF);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(levels); i++) {
                r = set_figure(line, column++, metrics, resource, levels[i], "avg10_permyriad",
                               format_percent);
                if (r >= 0)
                        r = set_figure(line, column++, metrics, resource, levels[i],
                                       "avg60_permyriad", format_percent);
                if (r >= 0)
                        r = set_figure(line, column++, metrics, resource, levels[i], "total_usec",
                                       format_span);
        }
        return r;
}

static int add_place(View *v, const char *kind, const char *name, const char *unit,
                     const hpcnode_cgroup_metrics *metrics)
{
        int r = 0;

        if (v->arguments->json != JSON_OFF) {
                Record *place = record_new();

                record_add_text(place, "kind", kind);
                record_add_text(place, "name", name);
                record_add_text(place, "unit", unit);
                if (metrics)
                        (void) record_add_pressure(place, "", metrics);
                record_add_record(v->record, "pressure", place);
                return 0;
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(resources); i++)
                r = add_line(v, name, resources[i], metrics);
        return r;
}

/* The node and both slices; of one that is not there nothing is known. CTL_OK, or the exit status after saying what
 * is wrong. */
static int add_places(hpcnode_cgroup *c, View *v)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *metrics = NULL;

                if (hpcnode_cgroup_read_metrics(c, places[i].path, &metrics, &e) < 0 &&
                    e.code != HPCNODE_CGROUP_ERROR_NOT_FOUND)
                        return fail(&e);
                if (add_place(v, places[i].kind, places[i].name, NULL, metrics) < 0)
                        return out_of_memory();
        }
        return CTL_OK;
}

static int add_scopes(View *v, const Collection *collection)
{
        for (size_t i = 0; i < collection->n_entries; i++) {
                const hpcnode_cgroup_info *scope = collection->entries[i].scope;

                if (add_place(v, "scope", scope->id, scope->unit, scope->metrics) < 0)
                        return out_of_memory();
        }
        return CTL_OK;
}

/* --- what was done --- */

static bool is_frozen(const hpcnode_cgroup_info *scope)
{
        for (char **by = scope->frozen_by; by && *by; by++)
                if (streq(*by, "pressure"))
                        return true;
        return false;
}

static bool is_demoted(const hpcnode_cgroup_info *scope)
{
        return scope->demoted > 0;
}

/* The names of those for which that is so; of none, people are told so. */
static int add_names(View *v, const char *key, bool (*is)(const hpcnode_cgroup_info *),
                     const Collection *all)
{
        _cleanup_(freep) char **names = calloc(all->n_entries + 1, sizeof(*names));
        size_t n = 0;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < all->n_entries; i++)
                if (is(all->entries[i].scope))
                        names[n++] = all->entries[i].scope->id;
        if (n == 0 && v->arguments->json == JSON_OFF)
                record_add_text(v->record, key, "none");
        else
                record_add_texts(v->record, key, names);
        return 0;
}

static const char *const acts[] = { "reject", "demote", "freeze", "kill" };

/* For each act, from which share of time on of what; for people, that it is off. */
static void add_thresholds(View *v, const hpcnode_cgroup_threshold *thresholds, size_t n)
{
        for (size_t i = 0; i < ELEMENTSOF(acts); i++) {
                Record *shares = record_new();
                char key[64];

                for (size_t j = 0; j < n; j++)
                        if (streq(thresholds[j].act, acts[i])) {
                                (void) snprintf(key, sizeof(key), "%s_%s", thresholds[j].resource,
                                                thresholds[j].kind);
                                record_add_percent(shares, key, thresholds[j].share);
                        }
                (void) snprintf(key, sizeof(key), "%s_from", acts[i]);
                if (json_object_object_length(shares) > 0 || v->arguments->json != JSON_OFF) {
                        record_add_member(v->record, key, shares);
                        continue;
                }
                record_freep(&shares);
                record_add_text(v->record, key, "off");
        }
}

/* CTL_OK, or the exit status after saying what is wrong. */
static int add_policy(hpcnode_cgroup *c, View *v, const Collection *all)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(freep) hpcnode_cgroup_threshold *thresholds = NULL;
        _cleanup_(freep) char *policy = NULL;
        size_t n;

        if (hpcnode_cgroup_pressure_policy(c, &policy, &e) < 0 ||
            hpcnode_cgroup_pressure_thresholds(c, &thresholds, &n, &e) < 0)
                return fail(&e);
        v->record = record_new();
        record_add_text(v->record, "policy", policy);
        if (add_names(v, "frozen", is_frozen, all) < 0 ||
            add_names(v, "demoted", is_demoted, all) < 0)
                return out_of_memory();
        add_thresholds(v, thresholds, n);
        return CTL_OK;
}

/* --- the acts, as they come --- */

/* The value of a field, NULL without it. */
static const char *field_of(const hpcnode_cgroup_events *events, const char *wanted)
{
        const char *key, *value;

        for (size_t i = 0; hpcnode_cgroup_events_field(events, i, &key, &value); i++)
                if (streq(key, wanted))
                        return value;
        return NULL;
}

static bool is_asked_for(const hpcnode_cgroup_events *events, const Arguments *a)
{
        static const char *const names[] = { "scope", "unit", "cgroup" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *value = field_of(events, names[i]);

                for (char **pattern = a->operands; value && *pattern; pattern++)
                        if (fnmatch(*pattern, value, FNM_NOESCAPE) == 0)
                                return true;
        }
        return a->n_operands == 0;
}

static void put_field(const hpcnode_cgroup_events *events, const char *key, int width)
{
        _cleanup_(freep) char *text = format_text(field_of(events, key) ?: "-");

        if (!text)
                exit(out_of_memory());
        printf("%-*s", width, text);
}

static int print_act(const hpcnode_cgroup_events *events, const Arguments *a)
{
        const char *ms = field_of(events, "ts_unix_ms");
        char time[FORMAT_SIZE];

        if (!streq_ptr(field_of(events, "type"), "pressure") || !is_asked_for(events, a))
                return 0;
        if (a->json != JSON_OFF)
                return event_print(events, a);
        printf("%s ", format_time(strtoumax(ms ?: "0", NULL, 10) * USEC_PER_MSEC, time));
        put_field(events, "act", 8);
        put_field(events, "resource", 7);
        put_field(events, "unit", 0);
        fputs(": ", stdout);
        put_field(events, "reason", 0);
        putchar('\n');
        return ferror(stdout) ? output_flush() : 0;
}

/* --- the verb --- */

int check_pressure(const Arguments *a)
{
        if (a->has_since && !a->follow)
                return usage_error("option --since goes with --follow only; see: hpcnode-ctl "
                                   "events --since");
        if (a->all && (a->follow || a->n_operands > 0))
                return usage_error("option --all does not go with %s",
                                   a->follow ? "--follow" : "SCOPE");
        return CTL_MAY_RUN;
}

static int show(hpcnode_cgroup *c, const Arguments *a, const Collection *all,
                const Collection *wanted)
{
        _cleanup_(view_done) View v = { .arguments = a };
        int r;

        if (view_begin(&v) < 0)
                return out_of_memory();
        r = add_policy(c, &v, all);
        if (r == CTL_OK)
                r = add_places(c, &v);
        if (r == CTL_OK)
                r = add_scopes(&v, wanted);
        if (r != CTL_OK)
                return r;
        pager_open(a->no_pager);
        if (a->json != JSON_OFF)
                return record_print(v.record, a->json);
        if (!a->no_legend) {
                r = record_print(v.record, JSON_OFF);
                if (r != CTL_OK)
                        return r;
                putchar('\n');
        }
        return table_print(v.table, a);
}

int verb_pressure(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(collection_done) Collection all = { 0 }, named = { 0 };

        if (a->follow) {
                if (!a->has_since)
                        a->lines = 0;
                return events_print(NULL, a, print_act);
        }
        if (collect(c, COLLECT_LIVE | COLLECT_SCOPE_DETAILS, NULL, &all, &e) < 0)
                return fail(&e);
        if (a->n_operands > 0 && collect(c, COLLECT_SCOPE_DETAILS, a->operands, &named, &e) < 0)
                return fail(&e);
        return show(c, a, &all, a->all ? &all : &named);
}
