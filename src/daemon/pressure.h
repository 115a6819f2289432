/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pressure: the kernel tells when a threshold is crossed, pressure-decide.c says what is to be done, and here it
 * is done, and undone when the pressure has gone. */
#pragma once

#include "daemon/manager.h"
#include "daemon/pressure-decide.h"

/* What pressure has done with a scope, and what the scope has used of late. */
typedef struct ScopePressure {
        uint64_t started_usec; /* CLOCK_MONOTONIC: when it was there to be used */

        unsigned frozen_for, demoted_for, killed_for; /* PsiResource: while it is so */
        uint64_t frozen_order, demoted_order;         /* acts are counted up over all scopes */
        bool demoted;             /* its cpu weight was lowered, and nobody has changed it since */
        bool weight_theirs;       /* somebody has set it while it was lowered: it is left alone */
        bool demoting, restoring; /* PID 1 was asked for the weight */
        bool late;                /* and has not answered in time: it may still do it */
        unsigned
                n_weights_wanted; /* changes of the weight by clients that PID 1 has not answered yet */
        uint64_t weight_before, weight_demoted; /* cpu.weight */

        bool killed; /* all that ran in it was, at some time */

        /* CLOCK_MONOTONIC: when an act against it failed last, and when it was killed; 0: never */
        uint64_t failed_usec[_PRESSURE_THRESHOLD_MAX], killed_usec;

        /* CLOCK_MONOTONIC: when it was seen to have met a limit of memory of its own, 0: never */
        uint64_t held_usec;

        /* CLOCK_MONOTONIC: when memory was seen to be short in a slice that it is in with others, 0: never */
        uint64_t slice_short_usec;

        /* Of cpu and io: CLOCK_MONOTONIC, 0: never; the totals then; and between the last two samples, a second. */
        uint64_t sampled_usec[_PSI_RESOURCE_MAX], sampled[_PSI_RESOURCE_MAX],
                used_lately[_PSI_RESOURCE_MAX];
} ScopePressure;

int pressure_new(Manager *m);
Pressure *pressure_free(Pressure *p);

/* The slices are there: triggers are set, where they are not, and what earlier daemons have done is undone in
 * time. */
void pressure_arm(Manager *m);

/* The configuration was read anew. */
void pressure_reconfigure(Manager *m);

/* A scope's state has changed. */
void pressure_on_state(Scope *s);

/* "on", "dry-run", "disabled" (Enabled=no) or "unavailable" (there is no PSI) */
const char *pressure_policy(const Manager *m);

/* Where nothing is done about pressure they are all off. */
uint64_t pressure_threshold(const Manager *m, PressureAct act, PsiResource resource, PsiKind kind);

/* Where pressure is read. */
typedef enum PressurePlace {
        PRESSURE_NODE,
        PRESSURE_WORKLOAD, /* workload.slice: of the service manager that is served */
        _PRESSURE_PLACE_MAX,
} PressurePlace;

const char *pressure_place_name(PressurePlace place); /* "node", "workload.slice" */

/* As psi_place_node() and psi_place_cgroup(). */
int pressure_place_open(const Manager *m, PressurePlace place, PsiPlace *ret);

/* What was done for the resource takes effect only now: ActionDelaySec begins anew. */
void pressure_put_off(Manager *m, PsiResource resource);

/* pressure-scopes.c: all that may be acted on, as far as it is known without looking. Owned by the caller: *ret is
 * one array, *ret_scopes those that its elements stand for. */
int pressure_collect(Manager *m, PressureScope **ret, Scope ***ret_scopes, size_t *ret_n);

/* Whether something runs in them, their weights, and what they use of the resource: two files of each, of cpu three. */
void pressure_measure(PsiResource resource, PressureScope *figures, Scope *const *scopes, size_t n);

/* Which of them are held at limits of their own, of memory, or in a slice in which it is short; and if some are held, how
 * long the others wait: one file of each. False when none is either. */
bool pressure_measure_waits(PsiResource resource, PressureScope *figures, Scope *const *scopes,
                            size_t n);

/* pressure-slices.c: notes which of them share a slice within workload.slice in which memory is short now, and which have
 * one to themselves: that is a limit of their own. */
void pressure_look_at_slices(Scope *const *scopes, size_t n);

/* What they have used of cpu or io since the last sample is what they used of late. */
void pressure_sample(Manager *m, PsiResource resource);

/* pressure-act.c: announces what was decided, and does it unless dry_run. psi: of the resource, in each place;
 * order counts the acts up. */
int pressure_act(Manager *m, const PressureDecision *decision, Scope *const *scopes,
                 const PressureScope *figures, size_t n, PressurePlace place,
                 const Psi psi[static _PRESSURE_PLACE_MAX], uint64_t order);

/* The weight of a demoted scope was set by somebody: it is theirs from now on. _check_ looks for those. */
void pressure_on_weight_set(Scope *s);
void pressure_check_weights(Manager *m);

/* Nothing is to be undone any more of a scope that has ended. */
void pressure_forget(Scope *s);

/* Nothing runs in the scope any more, or it could not be killed: what runs there next was not. */
void pressure_forget_kill(Scope *s);

/* Goes on with what an earlier daemon was about to do. */
void pressure_resume(Manager *m);
