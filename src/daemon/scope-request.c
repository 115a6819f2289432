/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller asked for when it wanted a scope, turned into one under a unit's name that is free. */
#include "daemon/scope.h"

void scope_request_done(ScopeRequest *q)
{
        free(q->slice);
        free(q->name);
        free(q->description);
        limits_done(&q->limits);
        spec_free(q->spec);
        *q = (ScopeRequest){};
}

static int refuse_existing(const Scope *s, sd_bus_error *error)
{
        if (scope_has_ended(s))
                return error_set(error, ERROR_ALREADY_EXISTS,
                                 "%s: a job of that name has ended (%s) and its record is kept; "
                                 "`hpcnode-ctl remove %s` drops it",
                                 s->name, scope_state_name(s), s->name);
        return error_set(error, ERROR_ALREADY_EXISTS, "%s is in use: %s at %s (%s)", s->name,
                         s->unit, s->path ?: s->slice, scope_state_name(s));
}

/* Finds the unit's name: a zombie of that name keeps its own, and the new scope is its next
 * instance. */
static int choose_unit(Manager *m, const ScopeRequest *q, char **ret_unit, sd_bus_error *error)
{
        for (unsigned instance = 1;; instance++) {
                _cleanup_(freep) char *unit = NULL;
                char *reason = NULL;
                Scope *s;
                int r;

                r = scope_unit_name(q->slice, q->name, instance, &unit, &reason);
                if (r < 0)
                        return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
                s = scope_by_unit(m, unit);
                if (s && s->state == SCOPE_ZOMBIE)
                        continue;
                if (s && (!scope_has_ended(s) || s->is_job))
                        return refuse_existing(s, error);
                /* The record of a scope that its owner has destroyed makes room. */
                if (s)
                        scope_drop(s);
                *ret_unit = TAKE_PTR(unit);
                return 0;
        }
}

int scope_from_request(Manager *m, ScopeRequest *q, Scope **ret, sd_bus_error *error)
{
        _cleanup_(freep) char *unit = NULL;
        _cleanup_(scope_freep) Scope *s = NULL;
        int r;

        r = choose_unit(m, q, &unit, error);
        if (r >= 0)
                r = scope_new(m, q->slice, q->name, unit, &s);
        if (r < 0)
                return r;
        s->limits = q->limits;
        q->limits = (Limits){};
        s->description = TAKE_PTR(q->description);
        s->priority = q->priority;
        s->release_on_empty = q->release_on_empty;
        s->is_job = q->spec;
        s->log = strdup(q->spec && q->spec->log ? q->spec->log : "journal");
        if (!s->log)
                return -ENOMEM;
        *ret = TAKE_PTR(s);
        return 0;
}
