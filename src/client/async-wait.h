/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is waited for in an event loop. */
#pragma once

#include "async.h"

#include "basic/state.h"

typedef enum WaitState {
        WAIT_ASKING,    /* a question is under way */
        WAIT_FOLLOWING, /* it was alive; its end will be told */
        WAIT_AWAY,      /* to be asked about when whoever is away is back */
        WAIT_DUE,       /* to be asked about now */
        _WAIT_STATE_MAX,
} WaitState;

struct WaitTarget {
        TAILQ_ENTRY(WaitTarget) targets;
        Waits *waits;
        WaitState state;
        char *text;   /* as it was named */
        char *object; /* NULL: not known yet */
        bool asked;   /* so the daemon is not started for it any more */
        bool changed; /* while the question was under way */
        Transfer *transfer;
        CallList calls;
};

enum { MATCH_RELEASED, MATCH_ZOMBIE, MATCH_TASK, MATCH_REMOVED, MATCH_OWNER, _MATCH_MAX };

struct Waits {
        Async *async;
        TAILQ_HEAD(, WaitTarget) targets[_WAIT_STATE_MAX];
        void *by_object; /* of tsearch() */
        sd_bus_slot *matches[_MATCH_MAX], *probe;
        char *owner;       /* the daemon's unique name, by which its signals are known */
        bool absent;       /* the bus has said that there is none */
        Patience patience; /* deadline 0: nobody is away */
        sd_event_source *timer;
        Failure failure; /* the last one, while somebody is away */
};

/* --- async-wait.c --- */

bool waits_any(const Waits *w);
WaitTarget *target_by_object(Waits *w, const char *object);

/* Its end is told, and it is freed. */
void target_ended(WaitTarget *t, const char *state, int exit_status, int exit_signal,
                  int oom_killed);

/* The same of an end that will never be known. */
void target_lost(WaitTarget *t, const Failure *f);

/* A question has failed, or somebody is away: that is borne, or it is lost. */
void target_failed(WaitTarget *t, Failure *f);

/* Something was told of it that says no more than that it may have ended. */
void target_changed(WaitTarget *t);

/* Asks about those that are due. */
void waits_ask(Waits *w);

void waits_set_all(Waits *w, WaitState from, WaitState to);
void waits_set_owner(Waits *w, const char *owner);

/* --- async-follow.c --- */

/* Sets the time at which to look whether whoever is away is back. */
void waits_arm(Waits *w);
