/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables behind protocol.h. */
#include "basic/protocol.h"

#include "basic/words.h"

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
        [SPAWN_STEP_TASK_LIMITS] = "task_limits",
        [SPAWN_STEP_LIMITS] = "limits",
        [SPAWN_STEP_IDENTITY] = "identity",
        [SPAWN_STEP_CWD] = "cwd",
        [SPAWN_STEP_LOG] = "log",
        [SPAWN_STEP_STDIO] = "stdio",
        [SPAWN_STEP_EXEC] = "exec",
        [SPAWN_STEP_TIMEOUT] = "timeout",
        [SPAWN_STEP_DIED] = "died",
};

static const char *const feature_table[_FEATURE_MAX] = {
        [FEATURE_TASK_LIMITS] = "task_limits",
        [FEATURE_TIMEOUT] = "timeout",
        [FEATURE_WHOLE] = "whole",
};

const char *supervisor_state_to_string(SupervisorState s)
{
        return s >= 0 && s < _SUPERVISOR_STATE_MAX ? supervisor_state_table[s] : NULL;
}

SupervisorState supervisor_state_from_string(const char *s)
{
        return words_find(supervisor_state_table, ELEMENTSOF(supervisor_state_table), s);
}

const char *spawn_step_to_string(SpawnStep s)
{
        return s >= 0 && s < _SPAWN_STEP_MAX ? spawn_step_table[s] : NULL;
}

SpawnStep spawn_step_from_string(const char *s)
{
        return words_find(spawn_step_table, ELEMENTSOF(spawn_step_table), s);
}

const char *features_format(unsigned features, char buffer[static FEATURES_SIZE])
{
        char *end = buffer;

        *end = '\0';
        for (Feature f = 0; f < _FEATURE_MAX; f++)
                if (features & (1U << f))
                        end = stpcpy(stpcpy(end, end > buffer ? " " : ""), feature_table[f]);
        return buffer;
}

static bool has_word(const char *list, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
                if (strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
                        return true;
        return false;
}

unsigned features_parse(const char *text)
{
        unsigned features = 0;

        for (Feature f = 0; f < _FEATURE_MAX; f++)
                if (has_word(text, feature_table[f]))
                        features |= 1U << f;
        return features;
}
