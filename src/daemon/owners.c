/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which uids stand for pact and for workload: the users that the configuration names, looked up without
 * blocking. */
#include "daemon/owners.h"

#include "basic/fields.h"
#include "daemon/caller.h"
#include "daemon/log.h"
#include "daemon/user.h"

/* A name service that has failed is asked again after this time at the earliest: whoever calls meanwhile is
 * not made to wait for it. A name that it does not know is asked for each time, since an administrator may
 * just have made that user. */
#define RETRY_USEC (30 * USEC_PER_SEC)

/* One user of the configuration. */
typedef struct OwnerUser {
        Owners *owners; /* NULL: these were replaced while it was being looked up */
        Principal principal;
        char *name;
        uid_t uid;   /* UID_INVALID: not known */
        bool number; /* so the name is, or means root: not looked up */
        bool looking;
        uint64_t retry_usec; /* CLOCK_MONOTONIC; 0: at any time */
} OwnerUser;

struct Owners {
        Manager *manager;
        OwnerUser **users;
        size_t n_users;
        unsigned n_looking;
        CallList waiting;
};

static OwnerUser *owner_user_free(OwnerUser *u)
{
        if (!u)
                return NULL;
        free(u->name);
        free(u);
        return NULL;
}

DEFINE_CLEANUP(OwnerUser *, owner_user_free);

Owners *owners_free(Owners *o)
{
        if (!o)
                return NULL;
        calls_drop(&o->waiting);
        for (size_t i = 0; i < o->n_users; i++) {
                o->users[i]->owners = NULL;
                if (!o->users[i]->looking)
                        owner_user_free(o->users[i]);
        }
        free(o->users);
        free(o);
        return NULL;
}

static void on_user(int r, UserIdentity *identity, const char *reason, void *userdata)
{
        OwnerUser *u = userdata;
        Owners *o = u->owners;

        u->looking = false;
        if (!o) {
                owner_user_free(u);
                return;
        }
        if (r >= 0) {
                u->uid = identity->uid;
        } else if (r == -ESRCH) {
                u->uid = UID_INVALID;
        } else {
                u->retry_usec = now_monotonic_usec() + RETRY_USEC;
                log_warning("user %s, who stands for %s: %s", u->name,
                            principal_to_string(u->principal), reason);
        }
        if (--o->n_looking == 0)
                calls_resume(&o->waiting);
}

static void look_up(OwnerUser *u)
{
        Owners *o = u->owners;
        int r;

        r = user_lookup(o->manager, u->name, "", on_user, u);
        if (r < 0) {
                log_warning("user %s cannot be looked up: %s", u->name, strerror(-r));
                u->retry_usec = now_monotonic_usec() + RETRY_USEC;
                return;
        }
        u->looking = true;
        o->n_looking++;
}

static int add_user(Owners *o, Principal principal, const char *name)
{
        _cleanup_(owner_user_freep) OwnerUser *u = calloc(1, sizeof *u);
        OwnerUser **grown;
        uint64_t number;

        if (!u)
                return -ENOMEM;
        *u = (OwnerUser){ .owners = o, .principal = principal, .uid = UID_INVALID };
        u->name = strdup(name);
        grown = reallocarray(o->users, o->n_users + 1, sizeof *grown);
        if (grown)
                o->users = grown;
        if (!u->name || !grown)
                return -ENOMEM;
        u->number = true;
        if (parse_u64(name, &number) >= 0)
                u->uid = (uid_t) number;
        else if (streq(name, "root"))
                u->uid = 0;
        else
                u->number = false;
        o->users[o->n_users++] = TAKE_PTR(u);
        return 0;
}

static int add_users(Owners *o, Principal principal, const ConfigList *names)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < names->n; i++)
                r = add_user(o, principal, names->items[i]);
        return r;
}

int owners_load(Manager *m)
{
        Owners *o;
        CallList waiting;
        Call *c;
        int r;

        o = calloc(1, sizeof *o);
        if (!o)
                return -ENOMEM;
        o->manager = m;
        TAILQ_INIT(&o->waiting);
        r = add_users(o, PRINCIPAL_PACT, &m->config.pact_users);
        if (r >= 0)
                r = add_users(o, PRINCIPAL_WORKLOAD, &m->config.workload_users);
        if (r < 0) {
                owners_free(o);
                return r;
        }

        /* Those that are known stay so, also if the name service does not answer just now. */
        for (size_t i = 0; m->owners && i < o->n_users; i++)
                for (size_t k = 0; k < m->owners->n_users; k++)
                        if (streq(o->users[i]->name, m->owners->users[k]->name))
                                o->users[i]->uid = m->owners->users[k]->uid;

        TAILQ_INIT(&waiting);
        if (m->owners)
                TAILQ_CONCAT(&waiting, &m->owners->waiting, waiters);
        owners_free(m->owners);
        m->owners = o;
        for (size_t i = 0; i < o->n_users; i++)
                if (!o->users[i]->number)
                        look_up(o->users[i]);
        TAILQ_FOREACH (c, &waiting, waiters)
                c->looked_up = false;
        calls_resume(&waiting);
        return 0;
}

static bool is_listed(const ConfigList *list, const char *word)
{
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->items[i], word))
                        return true;
        return false;
}

/* Looks for those that are not known yet; true while one of them is being looked for. */
static bool look_for_unknown(Owners *o)
{
        uint64_t now = now_monotonic_usec();

        for (size_t i = 0; i < o->n_users; i++) {
                OwnerUser *u = o->users[i];

                if (u->uid == UID_INVALID && !u->looking && u->retry_usec <= now)
                        look_up(u);
        }
        return o->n_looking > 0;
}

/* One user may stand for both: the first that is named counts. */
static bool find_user(const Owners *o, uid_t uid, Principal *ret)
{
        for (size_t i = 0; i < o->n_users; i++)
                if (o->users[i]->uid == uid) {
                        *ret = o->users[i]->principal;
                        return true;
                }
        return false;
}

int owners_principal(Call *c, Principal *ret)
{
        Manager *m = c->manager;
        const char *unit = c->caller->unit;

        /* A user's own daemon serves that user, whose workload.slice it is. */
        if (m->user) {
                *ret = c->uid == getuid() ? PRINCIPAL_WORKLOAD : PRINCIPAL_OTHER;
                return 1;
        }
        if (unit && is_listed(&m->config.pact_units, unit)) {
                *ret = PRINCIPAL_PACT;
                return 1;
        }
        if (unit && is_listed(&m->config.workload_units, unit)) {
                *ret = PRINCIPAL_WORKLOAD;
                return 1;
        }
        if (find_user(m->owners, c->uid, ret))
                return 1;
        if (c->uid == 0) {
                *ret = PRINCIPAL_ADMIN;
                return 1;
        }
        /* Once for each call: it has come back from waiting for the same names else. */
        if (!c->looked_up) {
                c->looked_up = true;
                if (look_for_unknown(m->owners)) {
                        call_wait(c, &m->owners->waiting);
                        return 0;
                }
        }
        *ret = PRINCIPAL_OTHER;
        return 1;
}
