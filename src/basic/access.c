/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what, as a table: nothing here asks anybody or changes anything. */
#include "basic/access.h"

#include <stdio.h>

static const char *const principal_names[_PRINCIPAL_MAX] = {
        [PRINCIPAL_OTHER] = "other",
        [PRINCIPAL_PACT] = "pact",
        [PRINCIPAL_WORKLOAD] = "workload",
        [PRINCIPAL_ADMIN] = "admin",
};

const char *principal_to_string(Principal p)
{
        return p >= 0 && p < _PRINCIPAL_MAX ? principal_names[p] : NULL;
}

static const struct {
        const char *name;
        bool in_emergency; /* what an emergency lets pact do in the other tree */
        bool begins;       /* something that a drained node does not admit, from whomever */
} acts[_ACT_MAX] = {
        [ACT_CREATE] = { "create scopes", false, true },
        [ACT_SPAWN] = { "start tasks", false, true },
        [ACT_ATTACH] = { "attach processes", false, true },
        [ACT_DESTROY] = { "destroy", false },
        [ACT_FREEZE] = { "freeze", true },
        [ACT_THAW] = { "thaw", true },
        [ACT_KILL] = { "kill", true },
        [ACT_LIMITS] = { "change limits", false },
        [ACT_REMOVE] = { "remove records", false },
        [ACT_EMERGENCY] = { "declare or end an emergency", false },
        [ACT_DRAIN] = { "drain the node", false },
};

const char *act_to_string(Act act)
{
        return act >= 0 && act < _ACT_MAX ? acts[act].name : NULL;
}

bool act_begins(Act act)
{
        return act >= 0 && act < _ACT_MAX && acts[act].begins;
}

typedef enum Right { RIGHT_NONE, RIGHT_ALL, RIGHT_EMERGENCY, RIGHT_ASK } Right;

/* By whom, and in whose tree. What no system owns is nobody's to change. */
static const Right rights[_PRINCIPAL_MAX][_OWNER_MAX] = {
        [PRINCIPAL_OTHER] = { [OWNER_WORKLOAD] = RIGHT_ASK },
        [PRINCIPAL_PACT] = { [OWNER_PACT] = RIGHT_ALL, [OWNER_WORKLOAD] = RIGHT_EMERGENCY },
        [PRINCIPAL_WORKLOAD] = { [OWNER_WORKLOAD] = RIGHT_ALL },
        [PRINCIPAL_ADMIN] = { [OWNER_PACT] = RIGHT_ALL, [OWNER_WORKLOAD] = RIGHT_ALL },
};

/* Not for the system that it is declared against: polkit would let it, when it runs as root. */
static Verdict decide_emergency(Principal principal, uid_t uid)
{
        if (principal == PRINCIPAL_WORKLOAD && uid == 0)
                return VERDICT_DENIED;
        return principal == PRINCIPAL_PACT || principal == PRINCIPAL_ADMIN ? VERDICT_ALLOWED
                                                                           : VERDICT_ASK;
}

Verdict access_decide(Principal principal, uid_t uid, Act act, Owner owner, uid_t creator,
                      bool emergency)
{
        if (principal < 0 || principal >= _PRINCIPAL_MAX || act < 0 || act >= _ACT_MAX ||
            owner < 0 || owner >= _OWNER_MAX)
                return VERDICT_DENIED;
        if (act == ACT_EMERGENCY)
                return decide_emergency(principal, uid);
        /* It takes nothing from anybody that runs. */
        if (act == ACT_DRAIN)
                return principal == PRINCIPAL_OTHER ? VERDICT_ASK : VERDICT_ALLOWED;

        switch (rights[principal][owner]) {
        case RIGHT_ALL:
                return VERDICT_ALLOWED;
        case RIGHT_EMERGENCY:
                if (!acts[act].in_emergency)
                        return VERDICT_DENIED;
                return emergency ? VERDICT_BY_EMERGENCY : VERDICT_EMERGENCY_REQUIRED;
        case RIGHT_ASK:
                return creator == UID_INVALID || creator == uid ? VERDICT_ASK : VERDICT_NOT_OWN;
        default:
                return VERDICT_DENIED;
        }
}

int access_refuse(Verdict verdict, Principal principal, uid_t uid, Act act, const char *where,
                  Owner owner, ErrorKind *ret_kind, char **ret_reason)
{
        const char *whose = owner == OWNER_NONE ? "nobody" : owner_to_string(owner);
        const char *who = principal_to_string(principal), *what = act_to_string(act);
        int r;

        if (verdict == VERDICT_EMERGENCY_REQUIRED)
                r = asprintf(ret_reason,
                             "%s is owned by %s: uid %u (%s) may %s there only while an emergency "
                             "lasts (`hpcnode-ctl emergency declare`)",
                             where, whose, (unsigned) uid, who, what);
        else if (verdict == VERDICT_NOT_OWN)
                r = asprintf(ret_reason,
                             "%s is owned by %s and was not made by uid %u, which may %s only in "
                             "scopes of its own",
                             where, whose, (unsigned) uid, what);
        else
                r = asprintf(ret_reason, "%s is owned by %s: uid %u (%s) may not %s there", where,
                             whose, (unsigned) uid, who, what);
        if (r < 0) {
                *ret_reason = NULL;
                return -ENOMEM;
        }
        *ret_kind = verdict == VERDICT_EMERGENCY_REQUIRED ? ERROR_EMERGENCY_REQUIRED
                                                          : ERROR_PERMISSION_DENIED;
        return 0;
}
