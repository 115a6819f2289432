/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of protocol.h. */
#include "basic/protocol.h"

#include "test.h"

static void every_state_is_read_back(void **state)
{
        for (SupervisorState s = 0; s < _SUPERVISOR_STATE_MAX; s++)
                assert_int_equal(supervisor_state_from_string(supervisor_state_to_string(s)), s);
}

static void every_step_is_read_back(void **state)
{
        for (SpawnStep s = 0; s < _SPAWN_STEP_MAX; s++)
                assert_int_equal(spawn_step_from_string(spawn_step_to_string(s)), s);
}

static void words_on_the_wire_do_not_change(void **state)
{
        assert_string_equal(supervisor_state_to_string(SUPERVISOR_WAITING), "waiting");
        assert_string_equal(supervisor_state_to_string(SUPERVISOR_STOPPING), "stopping");
        assert_string_equal(spawn_step_to_string(SPAWN_STEP_LEAF), "leaf");
        assert_string_equal(spawn_step_to_string(SPAWN_STEP_OOM_SCORE), "oom_score");
        assert_string_equal(spawn_step_to_string(SPAWN_STEP_DIED), "died");
}

static void unknown_words_are_invalid(void **state)
{
        assert_int_equal(supervisor_state_from_string("Ready"), _SUPERVISOR_STATE_INVALID);
        assert_int_equal(supervisor_state_from_string(NULL), _SUPERVISOR_STATE_INVALID);
        assert_int_equal(spawn_step_from_string(""), _SPAWN_STEP_INVALID);
        assert_int_equal(spawn_step_from_string("execute"), _SPAWN_STEP_INVALID);
        assert_null(supervisor_state_to_string(_SUPERVISOR_STATE_MAX));
        assert_null(supervisor_state_to_string(_SUPERVISOR_STATE_INVALID));
        assert_null(spawn_step_to_string(_SPAWN_STEP_MAX));
}

static void features_are_read_back_among_others(void **state)
{
        char text[FEATURES_SIZE];

        for (unsigned features = 0; features <= FEATURES_ALL; features++)
                assert_int_equal(features_parse(features_format(features, text)), features);
        assert_string_equal(features_format(FEATURES_ALL, text), "task_limits timeout whole");
        assert_int_equal(features_parse("other timeout_of_new timeout"), 1U << FEATURE_TIMEOUT);
        assert_int_equal(features_parse("task_limit timeouts"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_state_is_read_back),
                cmocka_unit_test(every_step_is_read_back),
                cmocka_unit_test(words_on_the_wire_do_not_change),
                cmocka_unit_test(unknown_words_are_invalid),
                cmocka_unit_test(features_are_read_back_among_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
