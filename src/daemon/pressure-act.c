/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done against pressure, and undone: each act is announced, remembered on disk, and then done. */
#include "daemon/pressure.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "daemon/log.h"
#include "daemon/pressure-report.h"
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

/* theirs: somebody has set the weight, and it is not lowered again. */
static void forget_demotion(Scope *s, bool theirs)
{
        if (!s->pressure.demoted)
                return;
        s->pressure.weight_theirs = theirs;
        s->pressure.demoted = s->pressure.demoting = s->pressure.restoring = false;
        (void) scope_save(s);
        scope_changed(s, "Demoted");
}

static void on_weight(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        _cleanup_(weight_change_freep) WeightChange *c = userdata;
        Scope *s = scope_by_unit(c->manager, c->unit);

        if (!s || !s->pressure.demoted)
                return;
        fault_point(FAULT_PRESSURE_DONE);
        if (r < 0)
                log_error("%s: systemd did not change its CPUWeight: %s", c->unit,
                          error && error->message ? error->message : strerror(-r));
        /* A weight that could not be restored is tried again; one that could not be lowered is as it was. */
        if ((r >= 0) == c->restore) {
                forget_demotion(s, false);
                return;
        }
        s->pressure.demoting = s->pressure.restoring = false;
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
        r = scope_save(s);
        fault_point(FAULT_PRESSURE_SAVED);
        if (r >= 0)
                r = request_weight(s, p->weight_demoted, false);
        if (r < 0)
                p->demoted = p->demoting = false;
        scope_changed(s, "Demoted");
        return r;
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
        r = scope_save(s);
        fault_point(FAULT_PRESSURE_SAVED);
        if (r >= 0)
                r = request_weight(s, original_weight(s), true);
        if (r < 0)
                p->restoring = false;
        return r;
}

/* Whether PID 1 was told so before the last daemon ended is not known: it may well be told twice. */
void pressure_resume(Manager *m)
{
        for (Scope *s = m->scopes; s; s = s->hh.next) {
                const ScopePressure *p = &s->pressure;
                int r = 0;

                if (!p->demoted || !scope_is_live(s))
                        continue;
                if (p->restoring)
                        r = request_weight(s, original_weight(s), true);
                else if (p->demoting)
                        r = request_weight(s, p->weight_demoted, false);
                if (r < 0)
                        log_error("%s: its CPUWeight is not known: %s", s->unit, strerror(-r));
        }
}

void pressure_on_weight_set(Scope *s)
{
        forget_demotion(s, true);
}

void pressure_check_weights(Manager *m)
{
        for (Scope *s = m->scopes; s; s = s->hh.next) {
                const ScopePressure *p = &s->pressure;
                uint64_t weight;

                if (!p->demoted || p->demoting || p->restoring || !scope_is_live(s) ||
                    cgroup_read_u64(s->cgroup_fd, "cpu.weight", &weight) < 0 ||
                    weight == p->weight_demoted)
                        continue;
                log_info("%s: its CPUWeight was changed to %" PRIu64 " meanwhile, and stays",
                         s->unit, weight);
                forget_demotion(s, true);
        }
}

/* --- any act --- */

static int freeze(Scope *s, PsiResource resource, uint64_t order)
{
        s->pressure.frozen_for = resource;
        s->pressure.frozen_order = order;
        return scope_freeze_for_pressure(s, true);
}

static int kill_all(Scope *s)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = scope_kill(s, NULL, NULL, &error);

        if (r < 0 && error.message)
                log_error("%s", error.message);
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
                return kill_all(s);
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
                     const PressureScope *figures, size_t n, const char *place, const Psi *psi,
                     bool dry_run)
{
        _cleanup_(freep) PressureCandidate *candidates = NULL;
        size_t n_candidates;

        candidates = name_candidates(d, scopes, figures, n, &n_candidates);
        pressure_report(m, &(PressureReport){
                                   .act = d->act,
                                   .resource = d->resource,
                                   .kind = d->kind,
                                   .threshold = d->threshold,
                                   .place = place,
                                   .psi = *psi,
                                   .target = scopes[d->target],
                                   .candidates = candidates,
                                   .n_candidates = n_candidates,
                                   .dry_run = dry_run,
                           });
}

int pressure_act(Manager *m, const PressureDecision *d, Scope *const *scopes,
                 const PressureScope *figures, size_t n, const char *place, const Psi *psi,
                 uint64_t order)
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
        if (r < 0)
                log_error("%s: cannot %s it: %s", s->unit, pressure_act_to_string(d->act),
                          strerror(-r));
        return r;
}
