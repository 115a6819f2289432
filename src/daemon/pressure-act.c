/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done against pressure, and undone: each act is announced, remembered on disk, and then done. */
#include "daemon/pressure.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "daemon/log.h"
#include "daemon/pressure-report.h"
#include "daemon/record.h"
#include "daemon/scope.h"

#include <inttypes.h>

/* The kernel's. */
#define CPU_WEIGHT_DEFAULT 100

/* --- demotion: the cpu weight of the unit --- */

typedef struct WeightChange {
        Manager *manager;
        char *unit;
        bool restore;
} WeightChange;

static WeightChange *weight_change_free(WeightChange *c)
{
        if (!c)
                return NULL;
        free(c->unit);
        free(c);
        return NULL;
}

DEFINE_CLEANUP(WeightChange *, weight_change_free);

static void clear_demotion(ScopePressure *p)
{
        p->demoted = p->demoting = p->restoring = p->late = false;
}

/* theirs: somebody has set the weight, and it is not lowered again. */
static void forget_demotion(Scope *s, bool theirs)
{
        if (!s->pressure.demoted)
                return;
        s->pressure.weight_theirs = theirs;
        clear_demotion(&s->pressure);
        (void) scope_save(s);
        scope_changed(s, "Demoted");
}

static void note_failure(Scope *s, PressureAct act)
{
        ScopePressure *p = &s->pressure;

        /* An undoing that fails is not to hold up those of earlier acts. */
        if (act == PRESSURE_RESTORE)
                p->demoted_order = 0;
        else if (act == PRESSURE_THAW)
                p->frozen_order = 0;
        else
                p->failed_usec[act] = now_monotonic_usec();
}

/* PID 1 has set it. */
static void record_weight(const Scope *s, uint64_t weight)
{
        Limits limits = {};

        limits.values[LIMIT_CPU_WEIGHT] = (Limit){ .is_set = true, .number = weight };
        record_limits(s, NULL, &limits, NULL);
}

/* What systemd answers is that it was not done. Without an answer it may still be done, before whatever it is asked
 * for next. */
static bool is_refused(int r)
{
        return r < 0 && r != -ETIMEDOUT && r != -ECONNRESET && r != -ENOTCONN;
}

static void on_weight(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        _cleanup_(weight_change_freep) WeightChange *c = userdata;
        Scope *s = scope_by_unit(c->manager, c->unit);
        ScopePressure *p = s ? &s->pressure : NULL;

        if (!p || !(c->restore ? p->restoring : p->demoting))
                return; /* it has ended, or the weight is theirs */
        fault_point(FAULT_PRESSURE_DONE);
        if (r < 0) {
                log_error("%s: systemd did not change its CPUWeight: %s", c->unit,
                          error && error->message ? error->message : strerror(-r));
                note_failure(s, c->restore ? PRESSURE_RESTORE : PRESSURE_DEMOTE);
        }
        p->late = r < 0 && !is_refused(r);
        if (p->late)
                return;
        if (r >= 0)
                record_weight(s, c->restore ? p->weight_before : p->weight_demoted);
        /* A weight that could not be restored is tried again; one that could not be lowered is as it was. */
        if ((r >= 0) == c->restore) {
                forget_demotion(s, false);
                return;
        }
        p->demoting = p->restoring = false;
        (void) scope_save(s);
}

/* UINT64_MAX: as it is for a unit that says nothing of it. */
static int request_weight(Scope *s, uint64_t weight, bool restore)
{
        _cleanup_(weight_change_freep) WeightChange *c = calloc(1, sizeof *c);
        Limits limits = {};
        int r;

        if (!c)
                return -ENOMEM;
        *c = (WeightChange){ s->manager, strdup(s->unit), restore };
        if (!c->unit)
                return -ENOMEM;
        limits.values[LIMIT_CPU_WEIGHT] = (Limit){ .is_set = true, .number = weight };
        r = scope_request_properties(s, &limits, on_weight, c);
        if (r >= 0)
                TAKE_PTR(c);
        return r;
}

static int demote(Scope *s, PsiResource resource, uint64_t weight, uint64_t order)
{
        ScopePressure *p = &s->pressure;
        int r;

        p->weight_before = weight;
        p->weight_demoted = s->manager->config.pressure.demoted_cpu_weight;
        p->demoted_for = resource;
        p->demoted_order = order;
        p->demoted = p->demoting = true;
        p->late = false;
        r = scope_save(s);
        fault_point(FAULT_PRESSURE_SAVED);
        if (r >= 0)
                r = request_weight(s, p->weight_demoted, false);
        if (r < 0) {
                clear_demotion(p);
                (void) scope_save(s);
                return r;
        }
        scope_changed(s, "Demoted");
        return 0;
}

/* What it has by itself was never set, unless by its creator. */
static uint64_t original_weight(const Scope *s)
{
        bool set = s->limits.values[LIMIT_CPU_WEIGHT].is_set;

        return s->pressure.weight_before == CPU_WEIGHT_DEFAULT && !set ? UINT64_MAX
                                                                       : s->pressure.weight_before;
}

static int restore(Scope *s)
{
        ScopePressure *p = &s->pressure;
        int r;

        p->restoring = true;
        p->demoting = p->late = false;
        r = scope_save(s);
        fault_point(FAULT_PRESSURE_SAVED);
        if (r >= 0)
                r = request_weight(s, original_weight(s), true);
        if (r < 0) {
                p->restoring = false;
                (void) scope_save(s);
        }
        return r;
}

/* Whether PID 1 was told so before the last daemon ended is not known: it may well be told twice. */
static void resume_weight(Scope *s)
{
        ScopePressure *p = &s->pressure;
        int r = 0;

        if (p->restoring)
                r = request_weight(s, original_weight(s), true);
        else if (p->demoting)
                r = request_weight(s, p->weight_demoted, false);
        p->late = r < 0;
        if (r < 0)
                log_error("%s: its CPUWeight is not known: %s", s->unit, strerror(-r));
}

void pressure_on_weight_set(Scope *s)
{
        forget_demotion(s, true);
}

/* What has become of a change that PID 1 has not answered in time, by the weight that is there. True when that is one of
 * the two. */
static bool settle_late(Scope *s, uint64_t weight)
{
        ScopePressure *p = &s->pressure;

        if (weight == p->weight_before) {
                if (p->restoring) {
                        record_weight(s, weight);
                        forget_demotion(s, false);
                }
                return true; /* that it is to be lowered may still come */
        }
        if (weight != p->weight_demoted)
                return false;
        if (p->demoting)
                record_weight(s, weight);
        p->demoting = p->restoring = p->late = false; /* one that is not restored is so again */
        (void) scope_save(s);
        return true;
}

static void check_weight(Scope *s)
{
        const ScopePressure *p = &s->pressure;
        uint64_t weight;

        if (((p->demoting || p->restoring) && !p->late) || p->n_weights_wanted > 0 ||
            cgroup_read_u64(s->cgroup_fd, "cpu.weight", &weight) < 0 ||
            (p->late ? settle_late(s, weight) : weight == p->weight_demoted))
                return;
        log_info("%s: its CPUWeight was changed to %" PRIu64 " meanwhile, and stays", s->unit,
                 weight);
        forget_demotion(s, true);
}

void pressure_check_weights(Manager *m)
{
        for (Scope *s = m->scopes; s; s = s->hh.next)
                if (s->pressure.demoted && scope_is_live(s))
                        check_weight(s);
}

/* What it held has come back, or never will. */
static bool end_kill(Scope *s)
{
        if (s->pressure.killed_usec == 0)
                return false;
        s->pressure.killed_usec = 0;
        pressure_put_off(s->manager, s->pressure.killed_for);
        return true;
}

void pressure_forget_kill(Scope *s)
{
        if (end_kill(s))
                (void) scope_save(s);
}

void pressure_forget(Scope *s)
{
        ScopePressure *p = &s->pressure;
        bool demoted = p->demoted;

        clear_demotion(p);
        (void) end_kill(s);
        if (demoted)
                scope_changed(s, "Demoted");
}

/* --- any act --- */

static int freeze(Scope *s, PsiResource resource, uint64_t order)
{
        s->pressure.frozen_for = resource;
        s->pressure.frozen_order = order;
        return scope_freeze_for_pressure(s, true);
}

static int signal_all(Scope *s)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = scope_kill(s, NULL, NULL, &error);

        if (error.message)
                log_error("%s", error.message);
        return r;
}

static int kill_all(Scope *s, PsiResource resource)
{
        bool was = s->pressure.killed;
        int r;

        s->pressure.killed = true;
        s->pressure.killed_for = resource;
        s->pressure.killed_usec = now_monotonic_usec();
        /* It is not undone: one that cannot be remembered is killed as well. */
        (void) scope_save(s);
        fault_point(FAULT_PRESSURE_SAVED);
        r = signal_all(s);
        if (r < 0) {
                s->pressure.killed = was;
                pressure_forget_kill(s);
        }
        return r;
}

static int do_act(Scope *s, const PressureDecision *d, const PressureScope *figures, uint64_t order)
{
        switch (d->act) {
        case PRESSURE_DEMOTE:
                return demote(s, d->resource, figures->cpu_weight, order);
        case PRESSURE_FREEZE:
                return freeze(s, d->resource, order);
        case PRESSURE_KILL:
                return kill_all(s, d->resource);
        case PRESSURE_RESTORE:
                return restore(s);
        case PRESSURE_THAW:
                return scope_freeze_for_pressure(s, false);
        default:
                return -EINVAL;
        }
}

static int compare_used(const void *a, const void *b)
{
        const PressureCandidate *x = a, *y = b;

        return (x->used < y->used) - (x->used > y->used);
}

/* Who was chosen among, in that order, and then who else uses the resource: most first. NULL without memory. */
static PressureCandidate *name_candidates(const PressureDecision *d, Scope *const *scopes,
                                          const PressureScope *figures, size_t n, size_t *ret_n)
{
        PressureCandidate *named = calloc(n + 1, sizeof *named);
        _cleanup_(freep) bool *chosen = calloc(n + 1, sizeof *chosen);
        size_t k = 0;

        *ret_n = 0;
        if (!named || !chosen) {
                free(named);
                return NULL;
        }
        for (size_t i = 0; i < d->n_candidates; i++) {
                size_t index = d->candidates[i];

                chosen[index] = true;
                named[k++] = (PressureCandidate){ scopes[index], figures[index].used[d->resource] };
        }
        for (size_t i = 0; i < n; i++)
                if (!chosen[i] && figures[i].used[d->resource] > 0)
                        named[k++] = (PressureCandidate){ scopes[i], figures[i].used[d->resource] };
        if (k > d->n_candidates)
                qsort(named + d->n_candidates, k - d->n_candidates, sizeof *named, compare_used);
        *ret_n = k;
        return named;
}

static void announce(Manager *m, const PressureDecision *d, Scope *const *scopes,
                     const PressureScope *figures, size_t n, PressurePlace place,
                     const Psi psi[static _PRESSURE_PLACE_MAX], bool dry_run)
{
        _cleanup_(freep) PressureCandidate *candidates = NULL;
        PressureReport report = {
                .act = d->act,
                .resource = d->resource,
                .kind = d->kind,
                .threshold = d->threshold,
                .place = place,
                .target = scopes[d->target],
                .in_short_slice = d->in_short_slice,
                .self_made = d->self_made,
                .dry_run = dry_run,
        };

        memcpy(report.psi, psi, sizeof report.psi);
        candidates = name_candidates(d, scopes, figures, n, &report.n_candidates);
        report.candidates = candidates;
        report.n_eligible = d->n_candidates;
        pressure_report(m, &report);
}

int pressure_act(Manager *m, const PressureDecision *d, Scope *const *scopes,
                 const PressureScope *figures, size_t n, PressurePlace place,
                 const Psi psi[static _PRESSURE_PLACE_MAX], uint64_t order)
{
        Scope *s = scopes[d->target];
        bool undoing = d->act == PRESSURE_RESTORE || d->act == PRESSURE_THAW;
        bool dry_run = m->config.pressure.dry_run && !undoing;
        int r;

        announce(m, d, scopes, figures, n, place, psi, dry_run);
        fault_point(FAULT_PRESSURE_ANNOUNCED);
        if (dry_run)
                return 0;
        r = do_act(s, d, &figures[d->target], order);
        if (r < 0) {
                log_error("%s: cannot %s it: %s", s->unit, pressure_act_to_string(d->act),
                          strerror(-r));
                note_failure(s, d->act);
        }
        return r;
}

/* --- after a restart --- */

void pressure_resume(Manager *m)
{
        for (Scope *s = m->scopes; s; s = s->hh.next) {
                if (!scope_is_live(s) || s->release)
                        continue;
                if (s->pressure.demoted)
                        resume_weight(s);
                /* Announced by the last daemon, which may have ended before it came to it. */
                if (s->pressure.killed_usec > 0 && scope_populated(s) > 0)
                        (void) signal_all(s);
        }
}
