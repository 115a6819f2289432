/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each user takes of the daemon, and what it may take at most: [Limits] of cgroupd.conf(5). */
#include "daemon/usage.h"

#include "daemon/caller.h"
#include "daemon/scope.h"

/* What calls of one uid may have pending at once: an agent waits for each of its scopes with a call. */
#define CALLS_MAX 4096
#define BYTES_MAX (64 * 1024 * 1024)

/* What one uid may make us have processes for at once: the kernel may take its time for each. */
#define CHANGES_MAX 256

int usage_get(Manager *m, uid_t uid, Usage **ret)
{
        Usage *u;

        HASH_FIND(hh, m->usages, &uid, sizeof uid, u);
        if (!u) {
                u = calloc(1, sizeof *u);
                if (!u)
                        return -ENOMEM;
                u->manager = m;
                u->uid = uid;
                HASH_ADD(hh, m->usages, uid, sizeof u->uid, u);
        }
        u->n_refs++;
        *ret = u;
        return 0;
}

Usage *usage_put(Usage *u)
{
        if (u && --u->n_refs == 0) {
                HASH_DEL(u->manager->usages, u);
                free(u);
        }
        return NULL;
}

/* root is whom the limits are for to protect; a user's own daemon has nobody else to protect. */
static bool is_limited(const Manager *m, uid_t uid)
{
        return uid != 0 && !m->user;
}

int usage_add_call(Usage *u, Call *c, sd_bus_error *error)
{
        if (is_limited(u->manager, u->uid) &&
            (u->n_calls >= CALLS_MAX || u->n_bytes + c->size > BYTES_MAX))
                return error_set(error, ERROR_LIMITS_EXCEEDED,
                                 "uid %u has %zu calls with %zu bytes pending; at most %d and %d "
                                 "are allowed",
                                 (unsigned) u->uid, u->n_calls, u->n_bytes, CALLS_MAX, BYTES_MAX);
        u->n_calls++;
        u->n_bytes += c->size;
        c->counted = true;
        return 0;
}

void usage_remove_call(Usage *u, const Call *c)
{
        if (!c->counted)
                return;
        u->n_calls--;
        u->n_bytes -= c->size;
}

int usage_begin_change(const Call *c, Usage **ret, sd_bus_error *error)
{
        Usage *u;
        int r;

        r = usage_get(c->manager, c->uid, &u);
        if (r < 0)
                return r;
        if (is_limited(c->manager, c->uid) && u->n_changes >= CHANGES_MAX) {
                usage_put(u);
                return error_set(error, ERROR_LIMITS_EXCEEDED,
                                 "limits of %d tasks are being changed for uid %u; no more are "
                                 "allowed at once",
                                 CHANGES_MAX, (unsigned) c->uid);
        }
        u->n_changes++;
        *ret = u;
        return 0;
}

void usage_end_change(Usage *u)
{
        if (u)
                u->n_changes--;
        usage_put(u);
}

/* The tasks that a job is made with count from the beginning, or many could be begun at once. */
static size_t count_tasks(const Scope *s)
{
        size_t n = HASH_COUNT(s->tasks), planned = s->is_job ? 1 + (size_t) s->n_services : 0;

        return s->state == SCOPE_CREATING && n < planned ? planned : n;
}

void usage_subtract(const Scope *s)
{
        Usage *u = s->usage;

        if (!u)
                return;
        if (scope_has_ended(s)) {
                u->n_records--;
                return;
        }
        u->n_scopes--;
        u->n_tasks -= count_tasks(s);
        u->n_ended -= s->n_ended_tasks;
}

void usage_add(const Scope *s)
{
        Usage *u = s->usage;

        if (!u)
                return;
        if (scope_has_ended(s)) {
                u->n_records++;
                return;
        }
        u->n_scopes++;
        u->n_tasks += count_tasks(s);
        u->n_ended += s->n_ended_tasks;
}

int scope_set_creator(Scope *s, uid_t uid)
{
        Usage *u;
        int r;

        r = usage_get(s->manager, uid, &u);
        if (r < 0)
                return r;
        usage_subtract(s);
        usage_put(s->usage);
        s->uid = uid;
        s->usage = u;
        usage_add(s);
        return 0;
}

int usage_check_scope(const Call *c, sd_bus_error *error)
{
        const Usage *u = c->caller->usage;
        uint64_t max = c->manager->config.scopes_max;

        if (!is_limited(c->manager, c->uid) || u->n_scopes < max)
                return 0;
        return error_set(error, ERROR_LIMITS_EXCEEDED,
                         "uid %u has %zu scopes; ScopesMax=%ju in cgroupd.conf allows no more",
                         (unsigned) c->uid, u->n_scopes, (uintmax_t) max);
}

int usage_check_tasks(const Call *c, const Scope *s, size_t n, sd_bus_error *error)
{
        const Usage *u = s ? s->usage : c->caller->usage;
        uint64_t max = c->manager->config.tasks_max;

        if (!is_limited(c->manager, c->uid) || !u || u->uid == 0 ||
            u->n_tasks - u->n_ended + n <= max)
                return 0;
        return error_set(
                error, ERROR_LIMITS_EXCEEDED,
                "%zu tasks run in scopes of uid %u; TasksMax=%ju in cgroupd.conf allows no "
                "more",
                u->n_tasks - u->n_ended, (unsigned) u->uid, (uintmax_t) max);
}

bool usage_remembers_too_much(const Scope *s)
{
        const Usage *u = s->usage;

        return u && is_limited(s->manager, u->uid) && u->n_ended > s->manager->config.tasks_max;
}

uid_t usage_most_records(const Manager *m)
{
        const Usage *most = NULL;

        for (const Usage *u = m->usages; u; u = u->hh.next)
                if (u->n_records > (most ? most->n_records : 0))
                        most = u;
        return most ? most->uid : UID_INVALID;
}
