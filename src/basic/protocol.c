/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables behind protocol.h. */
#include "basic/protocol.h"

static const char *const supervisor_state_table[_SUPERVISOR_STATE_MAX] = {
        [SUPERVISOR_WAITING] = "waiting",
        [SUPERVISOR_READY] = "ready",
        [SUPERVISOR_STOPPING] = "stopping",
};

static const char *const spawn_step_table[_SPAWN_STEP_MAX] = {
        [SPAWN_STEP_LEAF] = "leaf",
        [SPAWN_STEP_PLACE] = "place",
        [SPAWN_STEP_SPEC] = "spec",
        [SPAWN_STEP_JOURNAL] = "journal",
        [SPAWN_STEP_OOM_SCORE] = "oom_score",
        [SPAWN_STEP_KEYRING] = "keyring",
        [SPAWN_STEP_LIMITS] = "limits",
        [SPAWN_STEP_IDENTITY] = "identity",
        [SPAWN_STEP_CWD] = "cwd",
        [SPAWN_STEP_LOG] = "log",
        [SPAWN_STEP_STDIO] = "stdio",
        [SPAWN_STEP_EXEC] = "exec",
        [SPAWN_STEP_TIMEOUT] = "timeout",
        [SPAWN_STEP_DIED] = "died",
};

static int table_find(const char *const *table, size_t n, const char *s)
{
        if (!s)
                return -EINVAL;

        for (size_t i = 0; i < n; i++)
                if (streq(table[i], s))
                        return (int) i;

        return -EINVAL;
}

const char *supervisor_state_to_string(SupervisorState s)
{
        return s >= 0 && s < _SUPERVISOR_STATE_MAX ? supervisor_state_table[s] : NULL;
}

SupervisorState supervisor_state_from_string(const char *s)
{
        return table_find(supervisor_state_table, ELEMENTSOF(supervisor_state_table), s);
}

const char *spawn_step_to_string(SpawnStep s)
{
        return s >= 0 && s < _SPAWN_STEP_MAX ? spawn_step_table[s] : NULL;
}

SpawnStep spawn_step_from_string(const char *s)
{
        return table_find(spawn_step_table, ELEMENTSOF(spawn_step_table), s);
}
