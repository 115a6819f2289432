/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The node that the decisions against pressure are tried on. */
#include "pressure-world.h"

static uint64_t below(World *w, uint64_t n)
{
        return w->draw(w->userdata) % n;
}

static bool one_in(World *w, uint64_t n)
{
        return below(w, n) == 0;
}

static uint64_t threshold_draw(World *w, bool off)
{
        return off || one_in(w, 3) ? PRESSURE_OFF : 1 + below(w, PSI_WHOLE);
}

static void configure(World *w)
{
        static const uint64_t priorities[] = { 0, 30, 50, 100 };
        PressureConfig *c = &w->config.pressure;

        c->enabled = !one_in(w, 8);
        c->dry_run = one_in(w, 2);
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++) {
                bool off = one_in(w, 6);

                for (PressureAct a = 0; a < _PRESSURE_THRESHOLD_MAX; a++)
                        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                                c->thresholds[a][r][k] = threshold_draw(w, off);
                c->action_delay_usec[r] = 100000 + below(w, 5 * USEC_PER_SEC);
                c->grace_usec[r] = below(w, 10 * USEC_PER_SEC);
                c->thaw_usec[r] = 100000 + below(w, 20 * USEC_PER_SEC);
        }
        c->gentle_priority_max = priorities[below(w, ELEMENTSOF(priorities))];
        c->kill_priority_max = priorities[below(w, ELEMENTSOF(priorities))];
        c->demoted_cpu_weight = 1 + below(w, 200);
}

void world_init(World *w, uint64_t (*draw)(void *userdata), void *userdata)
{
        *w = (World){ .draw = draw, .userdata = userdata };
        if (config_defaults(&w->config) < 0)
                abort();
        w->look.now_usec = 1000 * USEC_PER_SEC;
}

void world_done(World *w)
{
        config_done(&w->config);
}

static void forget(World *w, size_t i)
{
        memmove(w->notes + i, w->notes + i + 1, (--w->n_notes - i) * sizeof *w->notes);
}

/* What pressure did to it, so or at all, is no longer to be undone. */
static void forget_scope(World *w, unsigned id, PressureAct act)
{
        for (size_t i = w->n_notes; i-- > 0;)
                if (w->notes[i].id == id && (act == PRESSURE_KILL || w->notes[i].act == act))
                        forget(w, i);
}

static void scope_start(World *w)
{
        PressureScope *s = &w->scopes[w->n];

        if (w->n == WORLD_SCOPES_MAX)
                return;
        *s = (PressureScope){
                .workload = !one_in(w, 4),
                .live = !one_in(w, 8),
                .priority = (unsigned) below(w, 11) * 10,
                .started_usec = w->look.now_usec,
                .cpu_weight = one_in(w, 8) ? 0 : 1 + below(w, 300),
        };
        w->ids[w->n++] = ++w->last_id;
}

static void scope_end(World *w, size_t i)
{
        forget_scope(w, w->ids[i], PRESSURE_KILL);
        w->n--;
        memmove(w->scopes + i, w->scopes + i + 1, (w->n - i) * sizeof *w->scopes);
        memmove(w->ids + i, w->ids + i + 1, (w->n - i) * sizeof *w->ids);
}

/* What others do. */
static void scope_happen(World *w, size_t i)
{
        PressureScope *s = &w->scopes[i];

        switch (below(w, s->dying ? 7 : 6)) {
        case 0:
                scope_end(w, i);
                break;
        case 1: /* its owner freezes it */
                s->frozen = true;
                break;
        case 2: /* and thaws it, whoever froze it */
                s->frozen = s->frozen_by_pressure = false;
                forget_scope(w, w->ids[i], PRESSURE_FREEZE);
                break;
        case 3: /* an operator sets its weight */
                s->cpu_weight = 1 + below(w, 300);
                s->demoted = false;
                forget_scope(w, w->ids[i], PRESSURE_DEMOTE);
                break;
        case 4:
                s->live = !s->live;
                break;
        case 6: /* it hangs */
                s->live = s->dying = false;
                break;
        default:
                s->priority = (unsigned) below(w, 11) * 10;
        }
}

static void happen(World *w)
{
        static const uint64_t spans[] = { 1, USEC_PER_SEC / 4, 3 * USEC_PER_SEC,
                                          30 * USEC_PER_SEC };

        w->look.now_usec += below(w, spans[below(w, ELEMENTSOF(spans))]);
        if (one_in(w, 60))
                configure(w);
        if (one_in(w, 3))
                scope_start(w);
        if (w->n > 0 && one_in(w, 2))
                scope_happen(w, below(w, w->n));
        w->look.is_short = one_in(w, 4);
        for (size_t i = 0; i < w->n; i++) {
                w->scopes[i].held = one_in(w, 4);
                w->scopes[i].in_short_slice = one_in(w, 12);
                w->scopes[i].waits = (unsigned) below(w, one_in(w, 2) ? 20 : 1000);
        }
        for (size_t i = 0; i < w->n; i++)
                for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                        w->scopes[i].used[r] = below(w, 8) * (below(w, 4) > 0 ? 1000 : 10);
}

/* The share since the last look; within it, a window may have been worse. */
static void press(World *w, PsiResource r)
{
        static const unsigned levels[] = { 30, 500, 4000, PSI_WHOLE };
        unsigned *shares = w->look.shares[r], *peaks = w->peaks[r];

        if (one_in(w, 6))
                w->level[r] = (unsigned) below(w, ELEMENTSOF(levels));
        shares[PSI_SOME] = (unsigned) below(w, levels[w->level[r]] + 1);
        shares[PSI_FULL] = (unsigned) below(w, shares[PSI_SOME] + 1);
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                peaks[k] = shares[k];
        if (one_in(w, 6)) {
                peaks[PSI_SOME] += (unsigned) below(w, PSI_WHOLE - peaks[PSI_SOME] + 1);
                peaks[PSI_FULL] += (unsigned) below(w, peaks[PSI_SOME] - peaks[PSI_FULL] + 1);
        }
}

static uint64_t threshold(const World *w, PressureAct a, PsiResource r, PsiKind k)
{
        return w->config.pressure.thresholds[a][r][k];
}

/* The kernel tells what was crossed, but not always all of it before something is decided; of a threshold that
 * was switched off just now it may still tell. */
static void report(World *w, PsiResource r)
{
        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                        w->look.crossed[a][r][k] =
                                threshold(w, a, r, k) == PRESSURE_OFF
                                        ? one_in(w, 16)
                                        : w->peaks[r][k] >= threshold(w, a, r, k) && !one_in(w, 4);
}

static bool is_reported(const World *w, PressureAct a, PsiResource r)
{
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                if (threshold(w, a, r, k) != PRESSURE_OFF && w->look.crossed[a][r][k])
                        return true;
        return false;
}

/* By itself, or by a threshold that is crossed only later. */
static bool is_implied(const World *w, PressureAct a, PsiResource r)
{
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                for (PressureAct b = PRESSURE_DEMOTE; b <= PRESSURE_KILL; b++)
                        for (PsiKind l = k; l < _PSI_KIND_MAX; l++)
                                if (w->look.crossed[b][r][l] &&
                                    threshold(w, b, r, l) != PRESSURE_OFF &&
                                    threshold(w, b, r, l) >= threshold(w, a, r, k))
                                        return true;
        return false;
}

static bool is_watched(const World *w, PsiResource r)
{
        if (!w->config.pressure.enabled)
                return false;
        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                        if (threshold(w, a, r, k) != PRESSURE_OFF)
                                return true;
        return false;
}

/* There is enough, some scopes wait at limits of their own, and none that counts does for want of it. */
static bool is_self_made(const World *w, PsiResource r)
{
        uint64_t lowest = PRESSURE_OFF;
        bool held = false;

        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                        if (threshold(w, a, r, k) < lowest)
                                lowest = threshold(w, a, r, k);
        for (size_t i = 0; i < w->n; i++) {
                const PressureScope *s = &w->scopes[i];

                if (s->workload && !s->dying && s->held)
                        held = true;
                else if (s->workload && !s->dying && s->waits >= lowest / 10)
                        return false;
        }
        return held && !w->look.is_short;
}

static bool is_quiet(const World *w, PsiResource r)
{
        if (is_self_made(w, r))
                return is_watched(w, r);
        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                for (PsiKind k = 0; k < _PSI_KIND_MAX; k++)
                        if (threshold(w, a, r, k) != PRESSURE_OFF &&
                            (w->look.crossed[a][r][k] ||
                             w->look.shares[r][k] >= (threshold(w, a, r, k) + 1) / 2))
                                return false;
        return is_watched(w, r);
}

static bool exists_dying(const World *w)
{
        for (size_t i = 0; i < w->n; i++)
                if (w->scopes[i].workload && w->scopes[i].live && w->scopes[i].dying)
                        return true;
        return false;
}

static bool exists_short_slice(const World *w)
{
        for (size_t i = 0; i < w->n; i++)
                if (w->scopes[i].workload && w->scopes[i].live && w->scopes[i].in_short_slice)
                        return true;
        return false;
}

/* Whether something may be done to a scope, in words of its own for each case: NULL, or why not. */
static const char *objection(const World *w, PressureAct a, PsiResource r, const PressureScope *s)
{
        const PressureConfig *c = &w->config.pressure;
        bool gentle = a != PRESSURE_KILL;

        WORLD_PROPERTY(s->workload, "never a scope outside workload.slice");
        WORLD_PROPERTY(s->live, "never one that has ended or not begun");
        WORLD_PROPERTY(!s->dying, "never one that was killed already");
        WORLD_PROPERTY(s->in_short_slice || w->look.is_short || !exists_short_slice(w),
                       "none for what is short in a slice without it");
        WORLD_PROPERTY(gentle || !exists_dying(w), "no kill while another one dies");
        WORLD_PROPERTY(!gentle || s->priority <= c->gentle_priority_max,
                       "nothing gentle above GentlePriorityMax");
        WORLD_PROPERTY(gentle || s->priority <= c->kill_priority_max,
                       "no kill above KillPriorityMax");
        WORLD_PROPERTY(s->used[r] > 0, "never one that does not use the resource");
        WORLD_PROPERTY(!gentle || !s->frozen, "never freeze or demote one that is frozen");
        WORLD_PROPERTY(a != PRESSURE_DEMOTE || !s->demoted, "never demote one twice");
        WORLD_PROPERTY(a != PRESSURE_DEMOTE || s->cpu_weight > c->demoted_cpu_weight,
                       "never raise a weight by a demotion");
        return NULL;
}

static bool is_in_grace(const World *w, PsiResource r, const PressureScope *s)
{
        return w->look.now_usec < s->started_usec + w->config.pressure.grace_usec[r];
}

/* Whatever it uses, nothing of that is what is short. */
static bool is_elsewhere(const World *w, const PressureScope *s)
{
        return !s->workload || !s->live ||
               (exists_short_slice(w) && !w->look.is_short && !s->in_short_slice);
}

/* Who uses less than a twentieth of what the greatest user of them does does not count; where it has just begun, of
 * what the greatest user of all does. */
static bool is_victim(const World *w, PressureAct a, PsiResource r, const PressureScope *s)
{
        bool young = is_in_grace(w, r, s);
        uint64_t most = 0;

        for (size_t i = 0; i < w->n; i++) {
                const PressureScope *other = &w->scopes[i];

                if (young ? is_elsewhere(w, other) : objection(w, a, r, other) != NULL)
                        continue;
                if (other->used[r] > most)
                        most = other->used[r];
        }
        return !objection(w, a, r, s) && s->used[r] >= most / 20;
}

static size_t count_victims(const World *w, PressureAct a, PsiResource r)
{
        size_t n = 0;

        for (size_t i = 0; i < w->n; i++)
                n += is_victim(w, a, r, &w->scopes[i]) && !is_in_grace(w, r, &w->scopes[i]);
        return n;
}

/* The first of them is still in its grace period. */
static bool is_waited_for(const World *w, PressureAct a, PsiResource r)
{
        const PressureScope *first = NULL;

        for (size_t i = 0; i < w->n; i++) {
                const PressureScope *s = &w->scopes[i];

                if (is_victim(w, a, r, s) &&
                    (!first || s->priority < first->priority ||
                     (s->priority == first->priority && s->used[r] > first->used[r])))
                        first = s;
        }
        return first && is_in_grace(w, r, first);
}

static bool exists_victim(const World *w, PressureAct a, PsiResource r)
{
        return count_victims(w, a, r) > 0 && !is_waited_for(w, a, r);
}

static const char *check_candidates(const World *w, const PressureDecision *d)
{
        size_t n = count_victims(w, d->act, d->resource);

        WORLD_PROPERTY(d->n_candidates == n, "all candidates are named");
        WORLD_PROPERTY(d->candidates[0] == d->target, "the target is the first candidate");
        for (size_t i = 0; i + 1 < n; i++) {
                const PressureScope *x = &w->scopes[d->candidates[i]];
                const PressureScope *y = &w->scopes[d->candidates[i + 1]];

                WORLD_PROPERTY(x->priority <= y->priority, "the lowest priority first");
                WORLD_PROPERTY(x->priority < y->priority ||
                                       x->used[d->resource] >= y->used[d->resource],
                               "then the largest user of the resource");
        }
        return NULL;
}

/* What is reported is of the last window, which has begun after the delay. */
static bool may_kill(const World *w, PsiResource r)
{
        const PressureConfig *c = &w->config.pressure;

        return w->acted_usec[r] == 0 ||
               w->look.now_usec >= w->acted_usec[r] + c->action_delay_usec[r] + c->window_usec[r];
}

static const char *check_act(const World *w, PsiResource r, const PressureDecision *d)
{
        const PressureConfig *c = &w->config.pressure;
        const char *wrong;

        WORLD_PROPERTY(c->enabled, "nothing when disabled");
        WORLD_PROPERTY(!is_self_made(w, r), "nothing when all wait at limits of their own");
        WORLD_PROPERTY(d->resource == r, "only for the resource that was asked about");
        WORLD_PROPERTY(d->act >= PRESSURE_DEMOTE && d->act <= PRESSURE_KILL, "an act");
        WORLD_PROPERTY(d->target < w->n, "a scope that there is");
        WORLD_PROPERTY(w->acted_usec[r] == 0 ||
                               w->look.now_usec >= w->acted_usec[r] + c->action_delay_usec[r],
                       "one act for a resource in a delay");
        WORLD_PROPERTY(d->act != PRESSURE_KILL || may_kill(w, r), "no kill for an earlier window");
        WORLD_PROPERTY(d->threshold != PRESSURE_OFF &&
                               d->threshold == threshold(w, d->act, r, d->kind),
                       "the threshold is that of the act");
        WORLD_PROPERTY(w->peaks[r][d->kind] >= d->threshold, "only what was crossed");
        wrong = objection(w, d->act, r, &w->scopes[d->target]);
        WORLD_PROPERTY(!wrong, wrong);
        WORLD_PROPERTY(!is_in_grace(w, r, &w->scopes[d->target]),
                       "nothing within the grace period");
        WORLD_PROPERTY(!is_waited_for(w, d->act, r),
                       "none suffers for one that comes first and has just begun");
        for (PressureAct a = PRESSURE_DEMOTE; a < d->act; a++) {
                WORLD_PROPERTY(!is_reported(w, a, r) || !is_waited_for(w, a, r),
                               "nothing graver while a gentle act is waited for");
                WORLD_PROPERTY(!is_reported(w, a, r) || !exists_victim(w, a, r),
                               "the gentlest act that helps");
                for (PsiKind k = 0; k <= d->kind; k++)
                        WORLD_PROPERTY(threshold(w, a, r, k) > d->threshold ||
                                               !exists_victim(w, a, r),
                                       "a gentler act that follows from what was crossed");
        }
        return check_candidates(w, d);
}

static void carry_out(World *w, const PressureDecision *d)
{
        PressureScope *s = &w->scopes[d->target];

        w->acts[d->act]++;
        w->acted_usec[d->resource] = w->look.now_usec;
        w->order++;
        switch (d->act) {
        case PRESSURE_FREEZE:
                s->frozen = s->frozen_by_pressure = true;
                s->frozen_for = d->resource;
                s->frozen_order = w->order;
                break;
        case PRESSURE_DEMOTE:
                s->demoted = true;
                s->demoted_for = d->resource;
                s->demoted_order = w->order;
                break;
        default:
                if (one_in(w, 2)) {
                        scope_end(w, d->target);
                        return;
                }
                s->dying = true; /* slowly, or never */
                return;
        }
        w->notes[w->n_notes++] = (WorldNote){ w->ids[d->target], d->act, d->resource };
}

static const char *try_act(World *w, PsiResource r)
{
        size_t candidates[WORLD_SCOPES_MAX];
        PressureDecision d = { .candidates = candidates };
        const char *wrong;
        bool told = w->config.pressure.enabled && !is_self_made(w, r);
        bool due = told &&
                   (w->acted_usec[r] == 0 ||
                    w->look.now_usec >= w->acted_usec[r] + w->config.pressure.action_delay_usec[r]);

        /* What others do for other resources, before it is asked what may be undone, takes none of that back. */
        for (PressureAct a = PRESSURE_DEMOTE; told && a <= PRESSURE_KILL; a++)
                if (is_reported(w, a, r))
                        w->quiet_usec[r] = 0;
        if (pressure_decide(&w->config.pressure, r, &w->look, &w->past, w->scopes, w->n, &d)) {
                wrong = check_act(w, r, &d);
                if (!wrong)
                        carry_out(w, &d);
                return wrong;
        }
        for (PressureAct a = PRESSURE_DEMOTE; due && a <= PRESSURE_KILL; a++) {
                if ((is_implied(w, a, r) && is_waited_for(w, a, r)) ||
                    (a == PRESSURE_KILL && !may_kill(w, r)))
                        break;
                WORLD_PROPERTY(!is_reported(w, a, r) || !exists_victim(w, a, r),
                               "what can be done is done");
        }
        return NULL;
}

static WorldNote *last_note(World *w, PsiResource r)
{
        for (size_t i = w->n_notes; i-- > 0;)
                if (w->notes[i].resource == r)
                        return &w->notes[i];
        return NULL;
}

static const char *check_undo(World *w, PsiResource r, const PressureDecision *d)
{
        const WorldNote *last = last_note(w, r);
        PressureAct undo;

        WORLD_PROPERTY(last, "undo only what pressure has done for the resource");
        undo = last->act == PRESSURE_FREEZE ? PRESSURE_THAW : PRESSURE_RESTORE;
        WORLD_PROPERTY(d->resource == r && d->target < w->n, "a scope that there is");
        WORLD_PROPERTY(w->ids[d->target] == last->id && d->act == undo, "the last one first");
        WORLD_PROPERTY(!is_watched(w, r) || w->quiet_usec[r] > 0,
                       "nothing is undone while there is pressure");
        WORLD_PROPERTY(!is_watched(w, r) ||
                               w->look.now_usec >=
                                       w->quiet_usec[r] + w->config.pressure.thaw_usec[r],
                       "nothing is undone before ThawSec of calm");
        WORLD_PROPERTY(d->candidates[0] == d->target, "the target is the first candidate");
        return NULL;
}

static const char *try_undo(World *w, PsiResource r)
{
        size_t candidates[WORLD_SCOPES_MAX];
        PressureDecision d = { .candidates = candidates };
        const char *wrong;
        PressureScope *s;

        if (!is_quiet(w, r))
                w->quiet_usec[r] = 0;
        else if (w->quiet_usec[r] == 0)
                w->quiet_usec[r] = w->look.now_usec;
        if (!pressure_decide_undo(&w->config.pressure, r, &w->look, &w->past, w->scopes, w->n,
                                  &d)) {
                WORLD_PROPERTY(is_watched(w, r) || !last_note(w, r),
                               "all is undone where nothing is watched");
                WORLD_PROPERTY(!last_note(w, r) || w->quiet_usec[r] == 0 ||
                                       w->look.now_usec <
                                               w->quiet_usec[r] + w->config.pressure.thaw_usec[r],
                               "what can be undone is undone");
                return NULL;
        }
        wrong = check_undo(w, r, &d);
        if (wrong)
                return wrong;
        w->acts[d.act]++;
        w->acted_usec[r] = w->look.now_usec;
        if (w->quiet_usec[r] > 0)
                w->quiet_usec[r] = w->look.now_usec;
        forget(w, (size_t) (last_note(w, r) - w->notes));
        s = &w->scopes[d.target];
        if (d.act == PRESSURE_THAW)
                s->frozen = s->frozen_by_pressure = false;
        else
                s->demoted = false;
        return NULL;
}

const char *world_step(World *w)
{
        const char *wrong = NULL;

        happen(w);
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++) {
                press(w, r);
                report(w, r);
        }
        for (PsiResource r = 0; !wrong && r < _PSI_RESOURCE_MAX; r++)
                wrong = try_act(w, r);
        for (PsiResource r = 0; !wrong && r < _PSI_RESOURCE_MAX; r++)
                wrong = try_undo(w, r);
        return wrong;
}
