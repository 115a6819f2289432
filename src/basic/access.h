/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what, as a table: nothing here asks anybody or changes anything. */
#pragma once

#include "error.h"
#include "macro.h"
#include "name.h"

#include <sys/types.h>

#define UID_INVALID ((uid_t) -1)

/* What a caller is taken for. */
typedef enum Principal {
        PRINCIPAL_OTHER,
        PRINCIPAL_PACT,
        PRINCIPAL_WORKLOAD,
        PRINCIPAL_ADMIN,
        _PRINCIPAL_MAX,
        _PRINCIPAL_INVALID = -EINVAL,
} Principal;

const char *principal_to_string(Principal p); /* "other", "pact", "workload", "admin" */

/* What a caller wants to do; reading is free for everyone and is no act. */
typedef enum Act {
        ACT_CREATE,
        ACT_SPAWN,
        ACT_ATTACH,
        ACT_DESTROY,
        ACT_FREEZE,
        ACT_THAW,
        ACT_KILL,
        ACT_LIMITS,
        ACT_REMOVE,
        ACT_EMERGENCY, /* declare one, or end it */
        ACT_DRAIN,     /* the node, or cancel that */
        _ACT_MAX,
        _ACT_INVALID = -EINVAL,
} Act;

/* As in "it may not …": "create scopes", "freeze". */
const char *act_to_string(Act act);

/* Whether something begins by it, which a drained node does not admit. */
bool act_begins(Act act);

typedef enum Verdict {
        VERDICT_ALLOWED,
        VERDICT_BY_EMERGENCY,       /* because one lasts */
        VERDICT_EMERGENCY_REQUIRED, /* would be allowed if one did */
        VERDICT_ASK,                /* if polkit admits the caller */
        VERDICT_NOT_OWN,            /* it may act on scopes of its own uid only */
        VERDICT_DENIED,
        _VERDICT_MAX,
        _VERDICT_INVALID = -EINVAL,
} Verdict;

/* owner: of the slice or scope that is acted on (for ACT_EMERGENCY and ACT_DRAIN it does not matter). creator: the uid that
 * has made the scope; UID_INVALID when there is none yet. */
Verdict access_decide(Principal principal, uid_t uid, Act act, Owner owner, uid_t creator,
                      bool emergency);

/* For those verdicts that refuse: the error, and the sentence that names the place, its owner and the caller
 * (owned by the caller). Or -ENOMEM. */
int access_refuse(Verdict verdict, Principal principal, uid_t uid, Act act, const char *where,
                  Owner owner, ErrorKind *ret_kind, char **ret_reason);
