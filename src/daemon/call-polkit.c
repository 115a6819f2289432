/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of those whom only polkit can admit: they wait until it has been asked, and are run again. */
#include "daemon/call.h"
#include "daemon/polkit.h"
#include "daemon/scope.h"

/* Which action each act is, and its name for rules. */
static const struct {
        const char *action, *name;
} acts[_ACT_MAX] = {
        [ACT_CREATE] = { POLKIT_RUN, "create" },
        [ACT_SPAWN] = { POLKIT_MANAGE_OWN, "spawn" },
        [ACT_ATTACH] = { POLKIT_MANAGE_OWN, "attach" },
        [ACT_DESTROY] = { POLKIT_MANAGE_OWN, "destroy" },
        [ACT_FREEZE] = { POLKIT_MANAGE_OWN, "freeze" },
        [ACT_THAW] = { POLKIT_MANAGE_OWN, "thaw" },
        [ACT_KILL] = { POLKIT_MANAGE_OWN, "kill" },
        [ACT_LIMITS] = { POLKIT_RUN, "limits" },
        [ACT_REMOVE] = { POLKIT_MANAGE_OWN, "remove" },
        [ACT_EMERGENCY] = { POLKIT_EMERGENCY, "emergency" },
        [ACT_DRAIN] = { POLKIT_DRAIN, "drain" },
};

typedef struct Admission {
        PolkitQuestion *question; /* while it is not answered */
        Act act;
        char *target; /* the scope or slice that was asked about */
        int r;
        char *reason;
} Admission;

Admission *admission_free(Admission *a)
{
        if (!a)
                return NULL;
        polkit_question_free(a->question);
        free(a->target);
        free(a->reason);
        free(a);
        return NULL;
}

static void on_answer(int r, const char *reason, void *userdata)
{
        Call *c = userdata;
        Admission *a = c->admission;

        a->question = NULL;
        a->r = r;
        a->reason = strdup(reason);
        /* What took a person a minute is no reason to give up what is only now begun. */
        if (sd_bus_message_get_allow_interactive_authorization(c->message) > 0)
                c->begun_usec = now_monotonic_usec();
        call_resume(c);
}

static int ask(Call *c, Act act, const char *slice, const char *scope, const char *target)
{
        /* The first that is not there ends them. */
        const char *const details[] = {
                "act", acts[act].name, slice ? "slice" : NULL, slice, scope ? "scope" : NULL,
                scope, NULL,
        };
        Admission *a = calloc(1, sizeof *a);
        int r;

        admission_free(c->admission);
        c->admission = a;
        if (!a)
                return -ENOMEM;
        a->act = act;
        a->target = strdup(target);
        if (!a->target)
                return -ENOMEM;
        r = polkit_ask(c->manager, c->message, c->uid, acts[act].action, details, on_answer, c,
                       &a->question);
        if (r < 0)
                return r;
        call_wait(c, &c->manager->polkit_calls);
        return 1;
}

int call_ask_polkit(Call *c, Act act, const char *slice, const Scope *s, const char **ret_reason)
{
        const char *target = s ? s->unit : slice ?: "";
        const Admission *a = c->admission;

        /* The answer is good for what was asked: a name may stand for another scope by now. */
        if (!a || a->act != act || !streq(a->target, target))
                return ask(c, act, s ? s->slice : slice, s ? s->unit : NULL, target);
        if (a->r <= 0)
                *ret_reason = a->reason ?: "polkit does not admit it";
        return a->r > 0 ? 0 : -EACCES;
}
