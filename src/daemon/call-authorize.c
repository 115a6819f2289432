/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a caller may do what it asks for, and the sentence that tells it that it may not. */
#include "daemon/caller.h"
#include "daemon/drain.h"
#include "daemon/emergency.h"
#include "daemon/owners.h"
#include "daemon/scope.h"

/* "uid 998 (workload)" */
typedef char Who[48];

static const char *who(const Call *c, Principal principal, Who buffer)
{
        (void) snprintf(buffer, sizeof(Who), "uid %u (%s)", (unsigned) c->uid,
                        principal_to_string(principal));
        return buffer;
}

static int refuse(const Call *c, Verdict verdict, Principal principal, Act act, const char *where,
                  Owner owner, sd_bus_error *error)
{
        _cleanup_(freep) char *reason = NULL;
        ErrorKind kind;
        int r;

        r = access_refuse(verdict, principal, c->uid, act, where, owner, &kind, &reason);
        return r < 0 ? r : error_set(error, kind, "%s", reason);
}

/* Of the others, who may if polkit admits them. */
static int ask(Call *c, Principal principal, Act act, const char *slice, const Scope *s,
               const char *where, Owner owner, sd_bus_error *error)
{
        const char *reason = "polkit cannot be asked";
        Who buffer;
        int r;

        r = call_ask_polkit(c, act, slice, s, &reason);
        if (r != -EACCES)
                return r;
        if (owner == OWNER_NONE)
                return error_set(error, ERROR_PERMISSION_DENIED, "%s may not %s: %s",
                                 who(c, principal, buffer), act_to_string(act), reason);
        return error_set(
                error, ERROR_PERMISSION_DENIED, "%s is owned by %s: %s may not %s there: %s", where,
                owner_to_string(owner), who(c, principal, buffer), act_to_string(act), reason);
}

int call_authorize(Call *c, Act act, const char *slice, const Scope *s, sd_bus_error *error)
{
        _cleanup_(freep) char *slice_path = NULL;
        const char *where = s ? s->path ?: s->unit : "the node";
        Owner owner = s || slice ? path_owner(s ? s->slice : slice) : OWNER_NONE;
        Principal principal;
        Verdict verdict;

        if (slice) {
                _cleanup_(freep) char *path = NULL;

                if (manager_slice_path(c->manager, slice, &path) < 0)
                        return -ENOMEM;
                if (asprintf(&slice_path, "/%s", path) < 0) {
                        slice_path = NULL;
                        return -ENOMEM;
                }
                where = slice_path;
        }
        if (owners_principal(c, &principal) == 0)
                return 1;
        c->principal = principal;
        verdict = access_decide(principal, c->uid, act, owner, s ? s->uid : UID_INVALID,
                                emergency_lasts(c->manager));
        c->by_emergency = verdict == VERDICT_BY_EMERGENCY;
        /* Before anybody is asked for a password in vain. */
        if (act_begins(act) && (verdict == VERDICT_ALLOWED || verdict == VERDICT_ASK)) {
                int r = drain_refuse(c->manager, s ? s->slice : slice, error);

                if (r < 0)
                        return r;
        }
        if (verdict == VERDICT_ALLOWED || verdict == VERDICT_BY_EMERGENCY)
                return 0;
        if (verdict == VERDICT_ASK)
                return ask(c, principal, act, slice, s, where, owner, error);
        return refuse(c, verdict, principal, act, where, owner, error);
}
