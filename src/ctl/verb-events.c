/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `events`: the records of the daemon's acts, as lines, and as they come. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

/* With --follow and nothing else said, as many as journalctl and tail show. */
#define FOLLOW_LINES 10

DEFINE_CLEANUP(hpcnode_cgroup_events *, hpcnode_cgroup_events_free);

/* The elements of a list stand one behind the other. Returns the index of what comes after them. */
static size_t add_list(Record *r, const hpcnode_cgroup_events *events, size_t index)
{
        const char *list, *key, *value;
        size_t n = 0, first = index;
        _cleanup_(freep) char **values = NULL;

        (void) hpcnode_cgroup_events_field(events, index, &list, &value);
        while (hpcnode_cgroup_events_field(events, first + n, &key, &value) && streq(key, list))
                n++;
        values = calloc(n + 1, sizeof(*values));
        if (!values)
                exit(out_of_memory());
        for (size_t i = 0; i < n; i++) {
                (void) hpcnode_cgroup_events_field(events, first + i, &key, &value);
                values[i] = (char *) value;
        }
        record_add_texts(r, list, values);
        return first + n;
}

static int print_json(const hpcnode_cgroup_events *events, JsonMode mode)
{
        _cleanup_(record_freep) Record *r = record_new();
        hpcnode_cgroup_field_kind kind;
        const char *key, *value;

        for (size_t i = 0; (kind = hpcnode_cgroup_events_field(events, i, &key, &value));) {
                if (kind == HPCNODE_CGROUP_FIELD_LIST) {
                        i = add_list(r, events, i);
                        continue;
                }
                if (kind == HPCNODE_CGROUP_FIELD_NUMBER)
                        record_add_number(r, key, strtoumax(value, NULL, 10));
                else
                        record_add_text(r, key, value);
                i++;
        }
        return record_print(r, mode);
}

int event_print(const hpcnode_cgroup_events *events, const Arguments *a)
{
        if (a->json != JSON_OFF)
                return print_json(events, a->json);
        return puts(hpcnode_cgroup_events_line(events)) < 0 ? output_flush() : 0;
}

static int seek(hpcnode_cgroup_events *events, const Arguments *a, hpcnode_cgroup_error *e)
{
        int lines = a->lines;
        int r = 0;

        if (lines < 0 && a->follow && !a->has_since)
                lines = FOLLOW_LINES;
        if (a->has_since)
                r = hpcnode_cgroup_events_seek_time(events, a->since_usec, e);
        if (r >= 0 && lines >= 0)
                r = hpcnode_cgroup_events_seek_last(events, (size_t) lines, e);
        return r;
}

/* Prints what there is. CTL_OK, or the exit status after saying what is wrong. */
static int print_all(hpcnode_cgroup_events *events, const Arguments *a, EventPrinter print)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int r;

        while ((r = hpcnode_cgroup_events_next(events, &e)) > 0) {
                r = print(events, a);
                if (r != 0)
                        return r;
        }
        return r < 0 ? fail(&e) : output_flush();
}

int events_print(const char *scope, const Arguments *a, EventPrinter print)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_events_freep) hpcnode_cgroup_events *events = NULL;
        int r;

        r = a->place.user ? hpcnode_cgroup_events_open_user(scope, &events, &e)
                          : hpcnode_cgroup_events_open(scope, &events, &e);
        if (r >= 0)
                r = seek(events, a, &e);
        if (r < 0)
                return fail(&e);
        if (!a->follow)
                pager_open(a->no_pager);

        for (;;) {
                r = print_all(events, a, print);
                if (r != CTL_OK || !a->follow)
                        return r;
                if (hpcnode_cgroup_events_wait(events, -1, &e) < 0)
                        return fail(&e);
        }
}

int check_events(const Arguments *a)
{
        if (a->n_operands > 0 && !*a->operands[0])
                return usage_error("events takes SCOPE, which must not be empty");
        return CTL_MAY_RUN;
}

int verb_events(hpcnode_cgroup *c, Arguments *a)
{
        return events_print(a->n_operands > 0 ? a->operands[0] : NULL, a, event_print);
}
