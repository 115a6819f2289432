/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done against pressure, put into words, into the journal and on the bus. */
#include "daemon/pressure-report.h"

#include "basic/name.h"
#include "daemon/config-table.h"
#include "daemon/record-entry.h"

#include <inttypes.h>

/* A share as a percentage, for printf. */
#define SHARE_FORMAT      "%u.%02u %%"
#define SHARE_ARGS(share) (unsigned) ((share) / 100), (unsigned) ((share) % 100)

/* What is, or is to be, done. */
static const char *const done_table[_PRESSURE_ACT_MAX] = {
        [PRESSURE_REJECT] = "rejected",
        [PRESSURE_DEMOTE] = "its cpu weight is to be lowered",
        [PRESSURE_FREEZE] = "to be frozen",
        [PRESSURE_KILL] = "to be killed",
        [PRESSURE_RESTORE] = "its cpu weight is to be restored",
        [PRESSURE_THAW] = "to be thawed",
};

static const struct {
        EventField avg10, avg60, total_usec;
        const char *avg10_key, *avg60_key, *total_usec_key; /* in the signal */
} figure_table[_PSI_KIND_MAX] = {
        [PSI_SOME] = { EVENT_FIELD_SOME_AVG10, EVENT_FIELD_SOME_AVG60, EVENT_FIELD_SOME_TOTAL_USEC,
                       "SomeAvg10", "SomeAvg60", "SomeTotalUSec" },
        [PSI_FULL] = { EVENT_FIELD_FULL_AVG10, EVENT_FIELD_FULL_AVG60, EVENT_FIELD_FULL_TOTAL_USEC,
                       "FullAvg10", "FullAvg60", "FullTotalUSec" },
};

/* An undoing has crossed no threshold. */
static bool has_threshold(const PressureReport *r)
{
        return r->act < _PRESSURE_THRESHOLD_MAX;
}

static const char *report_unit(const PressureReport *r)
{
        return r->target ? r->target->unit : r->unit;
}

static size_t n_named(const PressureReport *r)
{
        return r->n_candidates < PRESSURE_CANDIDATES_MAX ? r->n_candidates
                                                         : PRESSURE_CANDIDATES_MAX;
}

static const char *threshold_key(const Config *c, const PressureReport *r)
{
        const uint64_t *threshold = &c->pressure.thresholds[r->act][r->resource][r->kind];

        return config_key((size_t) ((const char *) threshold - (const char *) c));
}

static const char *const in_words[_PRESSURE_PLACE_MAX] = {
        [PRESSURE_NODE] = "the node",
        [PRESSURE_WORKLOAD] = SLICE_WORKLOAD,
};

#define ELSEWHERE_SIZE 64

/* Which place is first to tell of what both suffer from is chance: " (12.34 % of workload.slice)", or nothing. */
static const char *describe_elsewhere(const PressureReport *r, PsiKind kind,
                                      char buffer[static ELSEWHERE_SIZE])
{
        PressurePlace other = r->place == PRESSURE_NODE ? PRESSURE_WORKLOAD : PRESSURE_NODE;
        const PsiLine *line = &r->psi[other].lines[kind];

        buffer[0] = '\0';
        if (line->present)
                (void) snprintf(buffer, ELSEWHERE_SIZE, " (" SHARE_FORMAT " of %s)",
                                SHARE_ARGS(line->avg10), in_words[other]);
        return buffer;
}

char *pressure_reason(const Manager *m, const PressureReport *r)
{
        const char *resource = psi_resource_to_string(r->resource);
        PsiKind k = has_threshold(r) ? r->kind : PSI_SOME;
        const char *kind = psi_kind_to_string(k);
        const char *place = in_words[r->place];
        const char *dry = r->dry_run ? "; DryRun=yes, so nothing is done" : "";
        unsigned avg10 = r->psi[r->place].lines[k].avg10;
        char elsewhere[ELSEWHERE_SIZE], *reason;
        int n;

        if (!has_threshold(r) && !m->config.pressure.enabled)
                n = asprintf(&reason, "the policy against pressure was disabled (Enabled=)%s", dry);
        else if (!has_threshold(r) && !pressure_is_watched(&m->config.pressure, r->resource))
                n = asprintf(&reason, "all thresholds of %s pressure were switched off%s", resource,
                             dry);
        else if (!has_threshold(r))
                n = asprintf(&reason, "%s: avg10 of %s %s of %s is " SHARE_FORMAT "%s%s",
                             r->self_made ? "who still waits is held at limits of its own"
                                          : "the pressure has gone",
                             resource, kind, place, SHARE_ARGS(avg10),
                             describe_elsewhere(r, k, elsewhere), dry);
        else if (r->act == PRESSURE_REJECT)
                n = asprintf(&reason,
                             "avg10 of %s %s of %s is " SHARE_FORMAT
                             ", and nothing is admitted from " SHARE_FORMAT " on (%s=)%s",
                             resource, kind, place, SHARE_ARGS(avg10), SHARE_ARGS(r->threshold),
                             threshold_key(&m->config, r), dry);
        else
                n = asprintf(&reason,
                             "%s %s of %s has reached " SHARE_FORMAT
                             " of a window (%s=), and its avg10 is " SHARE_FORMAT "%s%s%s",
                             resource, kind, place, SHARE_ARGS(r->threshold),
                             threshold_key(&m->config, r), SHARE_ARGS(avg10),
                             describe_elsewhere(r, k, elsewhere),
                             r->in_short_slice ? "; it is short in a slice that the scope is in"
                                               : "",
                             dry);
        return n < 0 ? NULL : reason;
}

/* --- the record --- */

static void put_figures(Entry *e, const Psi *psi)
{
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++) {
                const PsiLine *line = &psi->lines[k];

                if (!line->present)
                        continue;
                entry_put_number(e, figure_table[k].avg10, line->avg10);
                entry_put_number(e, figure_table[k].avg60, line->avg60);
                entry_put_number(e, figure_table[k].total_usec, line->total_usec);
        }
}

/* "UNIT:PRIORITY:USED,…": neither sign is in the name of a unit of ours. */
static void put_candidates(Entry *e, const PressureReport *r)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        if (r->n_candidates == 0)
                return;
        entry_put_number(e, EVENT_FIELD_ELIGIBLE_COUNT, r->n_eligible);
        entry_put_number(e, EVENT_FIELD_CANDIDATE_COUNT, r->n_candidates);
        f = open_memstream(&text, &size);
        if (!f)
                return;
        for (size_t i = 0; i < n_named(r); i++)
                (void) fprintf(f, "%s%s:%u:%" PRIu64, i > 0 ? "," : "",
                               r->candidates[i].scope->unit, r->candidates[i].scope->priority,
                               r->candidates[i].used);
        if (fclose(f) == 0)
                entry_put(e, EVENT_FIELD_CANDIDATES, text);
}

static void record(Manager *m, const PressureReport *r, const char *reason)
{
        Entry e;

        if (r->target) {
                entry_begin_scope(&e, r->target, EVENT_PRESSURE);
                entry_put_number(&e, EVENT_FIELD_UID, r->target->uid);
                entry_put_number(&e, EVENT_FIELD_PRIORITY, r->target->priority);
        } else {
                entry_begin(&e, m, EVENT_PRESSURE, r->unit);
                entry_put(&e, EVENT_FIELD_UNIT, r->unit);
        }
        entry_put(&e, EVENT_FIELD_REASON, reason);
        entry_put(&e, EVENT_FIELD_ACT, pressure_act_to_string(r->act));
        entry_put(&e, EVENT_FIELD_RESOURCE, psi_resource_to_string(r->resource));
        if (has_threshold(r))
                entry_put(&e, EVENT_FIELD_KIND, psi_kind_to_string(r->kind));
        entry_put(&e, EVENT_FIELD_PLACE, pressure_place_name(r->place));
        put_figures(&e, &r->psi[r->place]);
        if (has_threshold(r))
                entry_put_number(&e, EVENT_FIELD_THRESHOLD, r->threshold);
        entry_put_number(&e, EVENT_FIELD_DRY_RUN, r->dry_run);
        put_candidates(&e, r);
        entry_put_caller(&e, r->call);
        entry_send(&e, ", %s: %s", done_table[r->act], reason ?: "");
}

/* --- the signal --- */

static int append_figures(sd_bus_message *signal, const Psi *psi)
{
        int r = 0;

        for (PsiKind k = 0; r >= 0 && k < _PSI_KIND_MAX; k++) {
                const PsiLine *line = &psi->lines[k];

                if (line->present)
                        r = sd_bus_message_append(
                                signal, "{sv}{sv}{sv}", figure_table[k].avg10_key, "t",
                                (uint64_t) line->avg10, figure_table[k].avg60_key, "t",
                                (uint64_t) line->avg60, figure_table[k].total_usec_key, "t",
                                line->total_usec);
        }
        return r;
}

static int append_candidates(sd_bus_message *signal, const PressureReport *report)
{
        int r;

        if (report->n_candidates == 0)
                return 0;
        r = sd_bus_message_append(signal, "{sv}{sv}", "EligibleCount", "u",
                                  (uint32_t) report->n_eligible, "CandidateCount", "u",
                                  (uint32_t) report->n_candidates);
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(signal, "s", "Candidates");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'v', "a(sut)");
        if (r >= 0)
                r = sd_bus_message_open_container(signal, 'a', "(sut)");
        for (size_t i = 0; r >= 0 && i < n_named(report); i++)
                r = sd_bus_message_append(signal, "(sut)", report->candidates[i].scope->unit,
                                          (uint32_t) report->candidates[i].scope->priority,
                                          report->candidates[i].used);
        for (size_t i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(signal);
        return r;
}

static int append_details(sd_bus_message *signal, const PressureReport *report, const char *reason)
{
        int r;

        r = sd_bus_message_open_container(signal, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(signal, "{sv}{sv}{sv}", "Place", "s",
                                          pressure_place_name(report->place), "DryRun", "b",
                                          (int) report->dry_run, "Reason", "s", reason ?: "");
        if (r >= 0)
                r = append_figures(signal, &report->psi[report->place]);
        if (r >= 0 && has_threshold(report))
                r = sd_bus_message_append(signal, "{sv}", "Threshold", "t", report->threshold);
        if (r >= 0 && report->target)
                r = sd_bus_message_append(signal, "{sv}", "Priority", "u",
                                          (uint32_t) report->target->priority);
        if (r >= 0)
                r = append_candidates(signal, report);
        return r < 0 ? r : sd_bus_message_close_container(signal);
}

static void emit(Manager *m, const PressureReport *report, const char *reason)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        int r;

        if (!m->bus)
                return;
        r = sd_bus_message_new_signal(m->bus, &signal, BUS_PATH, BUS_INTERFACE, "PressureAction");
        if (r >= 0)
                r = sd_bus_message_append(signal, "ssss", pressure_act_to_string(report->act),
                                          psi_resource_to_string(report->resource),
                                          has_threshold(report) ? psi_kind_to_string(report->kind)
                                                                : "",
                                          report_unit(report) ?: "");
        if (r >= 0)
                r = append_details(signal, report, reason);
        if (r >= 0)
                (void) sd_bus_send(NULL, signal, NULL);
}

void pressure_report(Manager *m, const PressureReport *r)
{
        _cleanup_(freep) char *reason = pressure_reason(m, r);

        record(m, r, reason);
        emit(m, r, reason);
}
