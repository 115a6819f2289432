/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be done against pressure: decided from figures, scopes, configuration and time alone, without bus
 * or files. pressure.c brings the figures, and does it. */
#pragma once

#include "basic/psi.h"

/* From the gentlest on. */
typedef enum PressureAct {
        PRESSURE_REJECT, /* a request to start something */
        PRESSURE_DEMOTE, /* its cpu weight is lowered */
        PRESSURE_FREEZE,
        PRESSURE_KILL,
        PRESSURE_RESTORE, /* undoes a demotion */
        PRESSURE_THAW,    /* undoes a freeze */
        _PRESSURE_ACT_MAX,
        _PRESSURE_ACT_INVALID = -EINVAL,
} PressureAct;

#define _PRESSURE_THRESHOLD_MAX (PRESSURE_KILL + 1) /* the acts that have thresholds */

const char *pressure_act_to_string(PressureAct act); /* "reject", "demote", … */

/* A threshold that is never crossed. */
#define PRESSURE_OFF UINT64_MAX

/* [Pressure] of cgroupd.conf(5); uint64_t throughout, as its table wants. Times in µs. */
typedef struct PressureConfig {
        uint64_t enabled, dry_run;
        /* Shares of 1/10000: of the window for what is done, avg10 for what is rejected. */
        uint64_t thresholds[_PRESSURE_THRESHOLD_MAX][_PSI_RESOURCE_MAX][_PSI_KIND_MAX];
        uint64_t window_usec[_PSI_RESOURCE_MAX];
        uint64_t action_delay_usec[_PSI_RESOURCE_MAX]; /* from one act to the next */
        uint64_t grace_usec[_PSI_RESOURCE_MAX];        /* after the start of a scope */
        uint64_t thaw_usec[_PSI_RESOURCE_MAX];         /* of calm, before anything is undone */
        uint64_t gentle_priority_max;                  /* freeze and demote up to it */
        uint64_t kill_priority_max;                    /* kill up to it */
        uint64_t demoted_cpu_weight;                   /* what a demoted scope gets */
} PressureConfig;

/* What is known of one scope at the time. */
typedef struct PressureScope {
        bool workload; /* it is below workload.slice */
        bool live;     /* neither being created nor ending; something runs in it. What was
                                  done to one that is not is undone all the same */
        bool frozen;   /* by whomsoever, or it could not be just now */
        bool dying;    /* it was killed for pressure, and has not ended: nobody else is meanwhile */
        unsigned priority;     /* 0 to 100 */
        uint64_t started_usec; /* CLOCK_MONOTONIC */
        uint64_t cpu_weight;   /* 1 to 10000; 0 when it has none that may be lowered */
        /* PSI_MEMORY: bytes in use, the others: µs of cpu time and bytes of io lately. */
        uint64_t used[_PSI_RESOURCE_MAX];
        /* Of the resource in question. It is held at a limit of its own, and waits for that; or the share (avg10) of
         * its own time in which some of it waited. Both are 0 where neither is looked at. */
        bool held;
        unsigned waits;
        /* It is below workload.slice in a slice, with others, in which the resource is short. */
        bool in_short_slice;

        /* What pressure has done with it. The orders count acts up, over all scopes. */
        bool frozen_by_pressure, demoted;
        PsiResource frozen_for, demoted_for;
        uint64_t frozen_order, demoted_order;
} PressureScope;

/* What PSI says, of the node and workload.slice together. */
typedef struct PressureLook {
        uint64_t now_usec; /* CLOCK_MONOTONIC */
        /* The kernel has reported it, and nothing was decided since. What follows from that of other thresholds need
         * not be filled in. */
        bool crossed[_PRESSURE_THRESHOLD_MAX][_PSI_RESOURCE_MAX][_PSI_KIND_MAX];
        /* The greater share of the time since the last look; for what is undone. */
        unsigned shares[_PSI_RESOURCE_MAX][_PSI_KIND_MAX];
        /* Of the resource in question there is hardly any left, on the node or in workload.slice. */
        bool is_short;
} PressureLook;

/* What is remembered from one decision to the next; zeroed at first. */
typedef struct PressurePast {
        /* Of each the last act or undoing, or the end of who was killed; 0: none. */
        uint64_t acted_usec[_PSI_RESOURCE_MAX];
        uint64_t calm_usec[_PSI_RESOURCE_MAX]; /* since when it is calm, 0: it is not */
} PressurePast;

typedef struct PressureDecision {
        PressureAct act;
        PsiResource resource;
        PsiKind kind;        /* which was crossed; of an undoing 0 */
        uint64_t threshold;  /* the same */
        size_t target;       /* index among the scopes */
        bool in_short_slice; /* others than those came not into question */
        bool self_made;      /* of an undoing: what pressure there is is of scopes' own making */
        /* Indices of all that came into question, the target first. Room for as many as there are scopes, given by
         * the caller. */
        size_t *candidates, n_candidates;
} PressureDecision;

/* The one act that is due against pressure of a resource, the gentlest that was crossed and for which there is a
 * scope: true, and remembered in *past as done. At most one in action_delay_usec, and a kill only a whole window later. A dry
 * run is decided alike.
 *
 * While the one that comes first has just begun, its grace_usec are waited for: nobody else has to suffer for it, nor is
 * a graver act done. Not for one that uses less than a twentieth of what the greatest user of all does.
 *
 * Where the resource is not short on the node or in workload.slice, but in a slice within, somebody in there has to give.
 *
 * None against pressure that is of scopes' own making: where some are held at limits of their own, no other one waits
 * for a tenth of the lowest threshold, and there is enough. That is calm, too. */
bool pressure_decide(const PressureConfig *c, PsiResource resource, const PressureLook *look,
                     PressurePast *past, const PressureScope *scopes, size_t n,
                     PressureDecision *ret);

/* Whether any threshold of the resource is set, and the policy enabled. */
bool pressure_is_watched(const PressureConfig *c, PsiResource resource);

/* The one act for the resource that is to be undone, the last first, after thaw_usec of calm: nothing was crossed,
 * and the share of each kind was below half of its lowest threshold. The next one after as long again. At once
 * when nothing watches the resource any more: the policy is disabled, or all thresholds of the resource are off; the
 * caller then asks again until nothing is left. As after any act nothing is done for action_delay_usec. Also to be
 * done in a dry run, which does nothing that would have to be undone. */
bool pressure_decide_undo(const PressureConfig *c, PsiResource resource, const PressureLook *look,
                          PressurePast *past, const PressureScope *scopes, size_t n,
                          PressureDecision *ret);

/* Whether a request is to be rejected, by the avg10 of a place: true with act, resource, kind and threshold, and no
 * candidates. */
bool pressure_decide_admission(const PressureConfig *c, const Psi psi[static _PSI_RESOURCE_MAX],
                               PressureDecision *ret);
