/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides what is to be done against pressure, and when it is undone. */
#include "daemon/pressure-decide.h"

static const char *const act_table[_PRESSURE_ACT_MAX] = {
        [PRESSURE_REJECT] = "reject", [PRESSURE_DEMOTE] = "demote",   [PRESSURE_FREEZE] = "freeze",
        [PRESSURE_KILL] = "kill",     [PRESSURE_RESTORE] = "restore", [PRESSURE_THAW] = "thaw",
};

const char *pressure_act_to_string(PressureAct act)
{
        return act_table[act];
}

/* 0 where the clock would have gone back. */
static uint64_t elapsed(uint64_t now, uint64_t since)
{
        return now > since ? now - since : 0;
}

/* What all that follows asks about: the scopes, and for which resource. */
typedef struct Question {
        const PressureConfig *config;
        const PressureScope *scopes;
        size_t n;
        PsiResource resource;
        uint64_t now_usec;
        bool in_short_slice; /* only of those that are is anybody to give something back */
} Question;

/* It has just begun, and is let alone for a while. */
static bool is_young(const Question *q, const PressureScope *s)
{
        return elapsed(q->now_usec, s->started_usec) < q->config->grace_usec[q->resource];
}

/* It is where the resource is short. */
static bool is_concerned(const Question *q, const PressureScope *s)
{
        return s->workload && s->live && (!q->in_short_slice || s->in_short_slice);
}

/* Also one that is young. What does not use the resource gives nothing back, whatever is done to it. */
static bool is_candidate(const Question *q, PressureAct act, const PressureScope *s)
{
        const PressureConfig *c = q->config;

        if (!is_concerned(q, s) || s->dying || s->used[q->resource] == 0)
                return false;
        switch (act) {
        case PRESSURE_DEMOTE:
                return s->priority <= c->gentle_priority_max && !s->frozen && !s->demoted &&
                       s->cpu_weight > c->demoted_cpu_weight;
        case PRESSURE_FREEZE:
                return s->priority <= c->gentle_priority_max && !s->frozen;
        case PRESSURE_KILL: /* also a frozen one: it still has its memory */
                return s->priority <= c->kill_priority_max;
        default:
                return false;
        }
}

/* What a killed one holds is given back only when it has ended. */
static bool is_any_dying(const Question *q)
{
        for (size_t i = 0; i < q->n; i++)
                if (q->scopes[i].workload && q->scopes[i].live && q->scopes[i].dying)
                        return true;
        return false;
}

static int compare_victims(const void *a, const void *b, void *userdata)
{
        const Question *q = userdata;
        size_t i = *(const size_t *) a, j = *(const size_t *) b;
        const PressureScope *x = &q->scopes[i], *y = &q->scopes[j];

        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        if (x->used[q->resource] != y->used[q->resource])
                return x->used[q->resource] > y->used[q->resource] ? -1 : 1;
        return i < j ? -1 : 1;
}

/* Less than this part of what the greatest user among those in question has gives nothing back either, however low
 * its priority is. */
#define USED_PART_MIN 20

/* How much that is; and of one that is young, by the greatest user of all, whatever its priority: nobody is spared for
 * one that will not matter when its time has come. */
static void find_least(const Question *q, PressureAct act, uint64_t *ret_least,
                       uint64_t *ret_least_young)
{
        uint64_t most = 0, most_of_all = 0;

        for (size_t i = 0; i < q->n; i++) {
                const PressureScope *s = &q->scopes[i];
                uint64_t used = s->used[q->resource];

                if (is_concerned(q, s) && used > most_of_all)
                        most_of_all = used;
                if (is_candidate(q, act, s) && used > most)
                        most = used;
        }
        *ret_least = most / USED_PART_MIN;
        *ret_least_young = most_of_all / USED_PART_MIN;
}

typedef enum Victim {
        VICTIM_NONE,
        VICTIM_FOUND,
        VICTIM_YOUNG, /* who comes first: it is waited for, and nobody else has to suffer for it */
} Victim;

/* The candidates, the victim first. */
static Victim find_victim(Question *q, PressureAct act, PressureDecision *ret)
{
        uint64_t least, least_young;
        size_t found = 0, old = 0;

        find_least(q, act, &least, &least_young);
        for (size_t i = 0; i < q->n; i++) {
                const PressureScope *s = &q->scopes[i];

                if (is_candidate(q, act, s) &&
                    s->used[q->resource] >= (is_young(q, s) ? least_young : least))
                        ret->candidates[found++] = i;
        }
        if (found == 0)
                return VICTIM_NONE;
        qsort_r(ret->candidates, found, sizeof *ret->candidates, compare_victims, q);
        ret->target = ret->candidates[0];
        if (is_young(q, &q->scopes[ret->target]))
                return VICTIM_YOUNG;
        for (size_t i = 0; i < found; i++)
                if (!is_young(q, &q->scopes[ret->candidates[i]]))
                        ret->candidates[old++] = ret->candidates[i];
        ret->n_candidates = old;
        return VICTIM_FOUND;
}

/* A threshold has been crossed when the kernel says so of it, or of one that is crossed only later: a higher one, or
 * one of "full", which is a part of "some". The kernel's reports have no order. */
static bool is_crossed(const Question *q, const PressureLook *look, PressureAct act, PsiKind kind)
{
        const uint64_t(*thresholds)[_PSI_RESOURCE_MAX][_PSI_KIND_MAX] = q->config->thresholds;
        uint64_t threshold = thresholds[act][q->resource][kind];

        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                for (PsiKind k = kind; k < _PSI_KIND_MAX; k++)
                        if (look->crossed[a][q->resource][k] &&
                            thresholds[a][q->resource][k] != PRESSURE_OFF &&
                            thresholds[a][q->resource][k] >= threshold)
                                return true;
        return false;
}

/* Of which kind it was: rather of the graver one. */
static bool find_crossed(const Question *q, const PressureLook *look, PressureAct act,
                         PsiKind *ret_kind)
{
        for (PsiKind k = _PSI_KIND_MAX; k-- > 0;)
                if (is_crossed(q, look, act, k)) {
                        *ret_kind = k;
                        return true;
                }
        return false;
}

static bool is_any_crossed(const Question *q, const PressureLook *look)
{
        PsiKind kind;

        for (PressureAct act = PRESSURE_DEMOTE; act <= PRESSURE_KILL; act++)
                if (find_crossed(q, look, act, &kind))
                        return true;
        return false;
}

/* A kind counts by its own thresholds: where only those of "full" are set, some task may wait for as long as
 * it likes. */
static uint64_t lowest_threshold(const Question *q, PsiKind kind)
{
        uint64_t lowest = PRESSURE_OFF;

        for (PressureAct act = PRESSURE_DEMOTE; act <= PRESSURE_KILL; act++)
                if (q->config->thresholds[act][q->resource][kind] < lowest)
                        lowest = q->config->thresholds[act][q->resource][kind];
        return lowest;
}

/* avg10 of one that waits for the whole of a window of 1 s is about a tenth. */
#define WAITS_PART 10

/* Who waits at a limit of its own is not helped by anything that is done to it, or to others. */
static bool is_self_made(const Question *q, const PressureLook *look)
{
        uint64_t some = lowest_threshold(q, PSI_SOME), full = lowest_threshold(q, PSI_FULL);
        uint64_t least = (some < full ? some : full) / WAITS_PART;
        bool held = false;

        for (size_t i = 0; i < q->n; i++) {
                const PressureScope *s = &q->scopes[i];

                if (!s->workload || s->dying)
                        continue;
                if (!s->held && s->waits >= least)
                        return false;
                held |= s->held;
        }
        return held && !look->is_short;
}

static bool is_short_in_slice(const Question *q, const PressureLook *look)
{
        if (look->is_short)
                return false;
        for (size_t i = 0; i < q->n; i++)
                if (q->scopes[i].workload && q->scopes[i].live && q->scopes[i].in_short_slice)
                        return true;
        return false;
}

/* What the kernel reports is of a whole window. A kill, which nothing undoes, waits for one that began after the delay:
 * who was slowed down beyond memory.high sleeps on, for up to 2 s after there is enough again. */
static bool is_too_early(const Question *q, PressureAct act, uint64_t acted)
{
        uint64_t window = act == PRESSURE_KILL ? q->config->window_usec[q->resource] : 0;

        return acted > 0 &&
               elapsed(q->now_usec, acted) < q->config->action_delay_usec[q->resource] + window;
}

bool pressure_decide(const PressureConfig *c, PsiResource resource, const PressureLook *look,
                     PressurePast *past, const PressureScope *scopes, size_t n,
                     PressureDecision *ret)
{
        Question q = { c, scopes, n, resource, look->now_usec };

        if (!c->enabled || is_self_made(&q, look))
                return false;
        q.in_short_slice = is_short_in_slice(&q, look);
        if (is_any_crossed(&q, look))
                past->calm_usec[resource] = 0;
        for (PressureAct act = PRESSURE_DEMOTE; act <= PRESSURE_KILL; act++) {
                Victim victim;
                PsiKind kind;

                if (is_too_early(&q, act, past->acted_usec[resource]) ||
                    !find_crossed(&q, look, act, &kind) ||
                    (act == PRESSURE_KILL && is_any_dying(&q)))
                        continue;
                victim = find_victim(&q, act, ret);
                if (victim == VICTIM_YOUNG)
                        return false;
                if (victim == VICTIM_NONE)
                        continue;
                ret->act = act;
                ret->resource = resource;
                ret->kind = kind;
                ret->in_short_slice = q.in_short_slice;
                ret->threshold = c->thresholds[act][resource][kind];
                past->acted_usec[resource] = look->now_usec;
                return true;
        }
        return false;
}

bool pressure_is_watched(const PressureConfig *c, PsiResource resource)
{
        const Question q = { .config = c, .resource = resource };

        return c->enabled && (lowest_threshold(&q, PSI_SOME) != PRESSURE_OFF ||
                              lowest_threshold(&q, PSI_FULL) != PRESSURE_OFF);
}

static bool is_calm(const Question *q, const PressureLook *look)
{
        if (is_self_made(q, look))
                return true;
        if (is_any_crossed(q, look))
                return false;
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                if (UINT64_C(2) * look->shares[q->resource][k] >= lowest_threshold(q, k))
                        return false;
        return true;
}

/* What was done last with a scope for the resource, and when: false when nothing is to be undone. */
static bool find_done(const Question *q, const PressureScope *s, PressureAct *ret_undo,
                      uint64_t *ret_order)
{
        bool frozen = s->frozen_by_pressure && s->frozen_for == q->resource;
        bool demoted = s->demoted && s->demoted_for == q->resource;

        if (frozen && (!demoted || s->frozen_order > s->demoted_order)) {
                *ret_undo = PRESSURE_THAW;
                *ret_order = s->frozen_order;
                return true;
        }
        if (demoted) {
                *ret_undo = PRESSURE_RESTORE;
                *ret_order = s->demoted_order;
                return true;
        }
        return false;
}

static int compare_done(const void *a, const void *b, void *userdata)
{
        const Question *q = userdata;
        uint64_t x = 0, y = 0;
        PressureAct undo;

        (void) find_done(q, &q->scopes[*(const size_t *) a], &undo, &x);
        (void) find_done(q, &q->scopes[*(const size_t *) b], &undo, &y);
        return x > y ? -1 : x < y;
}

bool pressure_decide_undo(const PressureConfig *c, PsiResource resource, const PressureLook *look,
                          PressurePast *past, const PressureScope *scopes, size_t n,
                          PressureDecision *ret)
{
        Question q = { c, scopes, n, resource, look->now_usec };
        uint64_t *calm = &past->calm_usec[resource], order;
        bool watched = pressure_is_watched(c, resource);
        size_t found = 0;

        if (!watched || !is_calm(&q, look))
                *calm = 0;
        else if (*calm == 0)
                *calm = look->now_usec;
        if (watched && (*calm == 0 || elapsed(look->now_usec, *calm) < c->thaw_usec[resource]))
                return false;
        for (size_t i = 0; i < n; i++) {
                PressureAct undo;

                if (find_done(&q, &scopes[i], &undo, &order))
                        ret->candidates[found++] = i;
        }
        if (found == 0)
                return false;
        qsort_r(ret->candidates, found, sizeof *ret->candidates, compare_done, &q);
        ret->n_candidates = found;
        ret->target = ret->candidates[0];
        (void) find_done(&q, &scopes[ret->target], &ret->act, &order);
        ret->resource = resource;
        ret->kind = 0;
        ret->threshold = 0;
        ret->in_short_slice = false;
        ret->self_made = watched && is_self_made(&q, look);
        if (watched)
                *calm = look->now_usec;
        /* What was thawed goes on where it was stopped for want of memory, and waits once more. */
        past->acted_usec[resource] = look->now_usec;
        return true;
}

bool pressure_decide_admission(const PressureConfig *c, const Psi psi[static _PSI_RESOURCE_MAX],
                               PressureDecision *ret)
{
        if (!c->enabled)
                return false;
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                for (PsiKind k = _PSI_KIND_MAX; k-- > 0;) {
                        uint64_t threshold = c->thresholds[PRESSURE_REJECT][r][k];

                        if (!psi[r].lines[k].present || psi[r].lines[k].avg10 < threshold)
                                continue;
                        *ret = (PressureDecision){
                                .act = PRESSURE_REJECT,
                                .resource = r,
                                .kind = k,
                                .threshold = threshold,
                        };
                        return true;
                }
        return false;
}
