/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table behind state.h. */
#include "basic/state.h"

#include "basic/words.h"

#include <signal.h>

static const char *const scope_state_table[_SCOPE_STATE_MAX] = {
        [SCOPE_CREATING] = "creating",   [SCOPE_ACTIVE] = "active", [SCOPE_FROZEN] = "frozen",
        [SCOPE_RELEASING] = "releasing", [SCOPE_ZOMBIE] = "zombie", [SCOPE_EXITED] = "exited",
        [SCOPE_FAILED] = "failed",       [SCOPE_KILLED] = "killed", [SCOPE_LOST] = "lost",
};

const char *scope_state_to_string(ScopeState s)
{
        return s >= 0 && s < _SCOPE_STATE_MAX ? scope_state_table[s] : NULL;
}

ScopeState scope_state_from_string(const char *s)
{
        return words_find(scope_state_table, _SCOPE_STATE_MAX, s);
}

ScopeState outcome_state(int exit_status, int exit_signal)
{
        if (exit_signal == SIGKILL)
                return SCOPE_KILLED;
        if (exit_signal != 0)
                return SCOPE_FAILED;
        return exit_status < 0 ? SCOPE_LOST : exit_status == 0 ? SCOPE_EXITED : SCOPE_FAILED;
}
