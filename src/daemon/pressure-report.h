/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says what is done against pressure, and why: the record `pressure`, and the signal PressureAction. */
#pragma once

#include "daemon/pressure-decide.h"
#include "daemon/scope.h"

/* One that came into question, and how much of the resource that is short it used. */
typedef struct PressureCandidate {
        const Scope *scope;
        uint64_t used; /* bytes in use of memory; else µs of cpu time, or bytes of io, lately */
} PressureCandidate;

/* How many of them are named. */
#define PRESSURE_CANDIDATES_MAX 16

typedef struct PressureReport {
        PressureAct act;
        PsiResource resource;
        PsiKind kind;        /* these two not of an undoing */
        uint64_t threshold;  /* 1/10000 */
        PressurePlace place; /* where it was met */
        /* Of the resource: there, and in the others as far as they were looked at. */
        Psi psi[_PRESSURE_PLACE_MAX];
        const Scope *target; /* NULL: of a rejection */
        /* Of a rejection: the one that was wanted, or that a task was wanted in. */
        const char *unit;
        /* The target first; behind those who could be chosen who could not. */
        const PressureCandidate *candidates;
        size_t n_candidates, n_eligible;
        bool in_short_slice; /* those who could be chosen are in a slice within, in which the resource is short */
        bool self_made;   /* of an undoing: what pressure there is is of scopes' own making */
        bool dry_run;     /* it is said, and not done */
        const Call *call; /* may be NULL: nobody has asked for it */
} PressureReport;

/* To be called before the act: the record is what is left when the daemon ends in the midst of it. */
void pressure_report(Manager *m, const PressureReport *r);

/* The sentence that it gives as the reason; to be freed, and NULL without memory for it. */
char *pressure_reason(const Manager *m, const PressureReport *r);
