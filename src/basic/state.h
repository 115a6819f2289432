/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The states of a scope, and how a task ends in one of them. */
#pragma once

#include "macro.h"

typedef enum ScopeState {
        SCOPE_CREATING,
        SCOPE_ACTIVE, /* a job shows it as "running" */
        SCOPE_FROZEN,
        SCOPE_RELEASING,
        SCOPE_ZOMBIE,
        SCOPE_EXITED, /* from here on it is a record */
        SCOPE_FAILED,
        SCOPE_KILLED,
        SCOPE_LOST,
        _SCOPE_STATE_MAX,
        _SCOPE_STATE_INVALID = -EINVAL,
} ScopeState;

const char *scope_state_to_string(ScopeState s);
ScopeState scope_state_from_string(const char *s);

/* How a task, or a job by its main task, has ended: SCOPE_EXITED, _FAILED, _KILLED, or _LOST when neither its
 * status (-1) nor a signal (0) is known. */
ScopeState outcome_state(int exit_status, int exit_signal);
