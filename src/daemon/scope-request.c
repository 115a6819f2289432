/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller asked for when it wanted a scope, turned into one under a unit's name that is free. */
#include "daemon/scope.h"

#include "daemon/pressure-admit.h"
#include "daemon/service.h"
#include "daemon/strv.h"

void scope_request_done(ScopeRequest *q)
{
        free(q->slice);
        free(q->name);
        free(q->description);
        limits_done(&q->limits);
        spec_free(q->spec);
        *q = (ScopeRequest){};
}

/* More zombies of one name than any node will have. */
#define INSTANCES_MAX 1000

static int refuse_existing(const Scope *s, sd_bus_error *error)
{
        /* Where the name may mean another one by now, the unit is named. */
        const char *argument = s->manager->instances_max > 1 ? s->unit : s->name;

        if (scope_has_ended(s))
                return error_set(error, ERROR_ALREADY_EXISTS,
                                 "%s: a job of that name has ended (%s) and its record is kept; "
                                 "`hpcnode-ctl remove %s` drops it",
                                 s->name, scope_state_name(s), argument);
        return error_set(error, ERROR_ALREADY_EXISTS, "%s is in use: %s at %s (%s)", s->name,
                         s->unit, s->path ?: s->slice, scope_state_name(s));
}

static int instance_unit(const ScopeRequest *q, unsigned instance, char **ret, sd_bus_error *error)
{
        char *reason = NULL;
        int r;

        r = scope_unit_name(q->slice, q->name, instance, ret, &reason);
        return r < 0 ? error_set_reason(error, ERROR_INVALID_ARGS, r, reason) : 0;
}

static bool is_of_name(const Scope *s, const ScopeRequest *q)
{
        return s->state != SCOPE_ZOMBIE && streq(s->name, q->name);
}

/* The next scope of that name from *instance on, zombies left out; NULL after the last. */
static Scope *next_of_name(Manager *m, const ScopeRequest *q, unsigned *instance)
{
        while (*instance <= m->instances_max) {
                _cleanup_(freep) char *unit = NULL;
                Scope *s;

                if (instance_unit(q, (*instance)++, &unit, NULL) < 0)
                        return NULL;
                s = scope_by_unit(m, unit);
                if (s && is_of_name(s, q))
                        return s;
        }
        return NULL;
}

/* Whom only polkit admits must not remove the record of another's scope, as RemoveScope would not let it. */
static bool may_replace(const Scope *s, const Call *call)
{
        return s->uid == call->uid || call->principal != PRINCIPAL_OTHER;
}

/* The record of a scope that its owner has destroyed makes room, that of a job does not. */
static int check_name_free(Manager *m, const ScopeRequest *q, const Call *call, sd_bus_error *error)
{
        unsigned instance = 1;
        const Scope *job = NULL;
        Scope *s;

        while ((s = next_of_name(m, q, &instance))) {
                if (!scope_has_ended(s))
                        return refuse_existing(s, error);
                if (s->is_job || !may_replace(s, call))
                        job = s;
        }
        return job ? refuse_existing(job, error) : 0;
}

/* After it was found that they may go. */
static void drop_records(Manager *m, const ScopeRequest *q)
{
        unsigned instance = 1;
        Scope *s;

        while ((s = next_of_name(m, q, &instance)))
                scope_drop(s);
}

/* By one that is not to make room. */
static bool is_taken(Manager *m, const ScopeRequest *q, const char *unit)
{
        const Scope *s = scope_by_unit(m, unit);

        return s && !is_of_name(s, q);
}

/* Finds the unit's name: a zombie keeps its own, and the new scope is the next instance. */
static int choose_unit(Manager *m, const ScopeRequest *q, const Call *call, char **ret_unit,
                       sd_bus_error *error)
{
        int r;

        r = check_name_free(m, q, call, error);
        for (unsigned instance = 1; r >= 0 && instance <= INSTANCES_MAX; instance++) {
                _cleanup_(freep) char *unit = NULL;

                r = instance_unit(q, instance, &unit, error);
                if (r < 0 || is_taken(m, q, unit))
                        continue;
                if (instance > m->instances_max)
                        m->instances_max = instance;
                *ret_unit = TAKE_PTR(unit);
                return 0;
        }
        return r < 0 ? r
                     : error_set(error, ERROR_ALREADY_EXISTS, "%s has %u zombies already", q->name,
                                 INSTANCES_MAX);
}

int scope_note_instance(const Scope *s)
{
        Manager *m = s->manager;
        _cleanup_(freep) char *first = NULL, *reason = NULL;
        char *end;
        unsigned long instance;
        size_t n;
        int r;

        r = scope_unit_name(s->slice, s->name, 1, &first, &reason);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (streq(s->unit, first))
                return 0;
        n = strlen(first) - strlen(".scope");
        if (strncmp(s->unit, first, n) != 0 || s->unit[n] != '-' || s->unit[n + 1] < '1' ||
            s->unit[n + 1] > '9')
                return -EBADMSG;
        instance = strtoul(s->unit + n + 1, &end, 10);
        if (!streq(end, ".scope") || instance < 2 || instance > INSTANCES_MAX)
                return -EBADMSG;
        if (instance > m->instances_max)
                m->instances_max = (unsigned) instance;
        return 0;
}

int scope_from_request(Manager *m, ScopeRequest *q, const Call *call, Scope **ret,
                       sd_bus_error *error)
{
        _cleanup_(freep) char *unit = NULL;
        _cleanup_(scope_freep) Scope *s = NULL;
        int r;

        r = choose_unit(m, q, call, &unit, error);
        if (r >= 0)
                r = pressure_admit(call, q->slice, unit, q->force, error);
        if (r < 0)
                return r;
        drop_records(m, q);
        r = scope_new(m, q->slice, q->name, unit, &s);
        if (r < 0)
                return r;
        s->limits = q->limits;
        q->limits = (Limits){};
        s->description = TAKE_PTR(q->description);
        s->priority = q->priority;
        s->release_on_empty = q->release_on_empty;
        s->is_job = q->spec;
        if (s->is_job) {
                s->n_services = (unsigned) services_count(q->spec->services);
                s->n_require_paths = (unsigned) strv_length(q->spec->require_paths);
        }
        s->log = strdup(q->spec ? spec_log(q->spec) : "journal");
        if (!s->log)
                return -ENOMEM;
        *ret = TAKE_PTR(s);
        return 0;
}
