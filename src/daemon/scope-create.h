/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The making of a scope, as its steps (scope-create.c) and its undoing (scope-undo.c) share it. */
#pragma once

#include "daemon/scope.h"

struct ScopeCreate {
        Scope *scope;
        Call *call;
        Spec *spec; /* the main task of Run */
        unsigned n_services_started;
        CallList destroyers;
        SystemdCall *systemd;    /* the step that PID 1 works on */
        bool unit_requested;     /* and that is the call that makes the unit */
        bool retried;            /* a failed unit of that name was in the way */
        bool slice_stopping;     /* to be tried again when PID 1 has stopped its unneeded slice */
        bool waiting, under_way; /* in line, or begun */
        bool undoing;
        int r; /* why it is undone */
        sd_bus_error error;
        sd_event_source *deadline;
        TAILQ_ENTRY(ScopeCreate) line;
};

/* Undoes what there is, then answers the call: with the error, when it is one of ours, else with
 * CreationFailed that tells it. Once is enough. */
void scope_undo(ScopeCreate *c, int r, const sd_bus_error *error);

/* The same, since the state could not be written. */
void scope_undo_unsaved(ScopeCreate *c, int r);
