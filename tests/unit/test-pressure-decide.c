/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is decided against pressure, rule by rule. */
#include "daemon/config.h"

#include "test.h"

#define SECONDS(n) ((uint64_t) ((n) *1e6))
#define MAX        4

/* The default configuration at 1000 s, two scopes that have run for long, and nothing crossed. */
typedef struct Case {
        Config config;
        PressureConfig *c;
        PressureLook look;
        PressurePast past;
        PressureScope scopes[MAX];
        size_t n, candidates[MAX];
        PressureDecision decision;
} Case;

static PressureScope scope(unsigned priority, uint64_t used)
{
        return (PressureScope){
                .workload = true,
                .live = true,
                .priority = priority,
                .started_usec = SECONDS(900),
                .cpu_weight = 100,
                .used = { used, used, used },
        };
}

static int setup(void **state)
{
        Case *t = calloc(1, sizeof *t);

        assert_non_null(t);
        assert_int_equal(config_defaults(&t->config), 0);
        t->c = &t->config.pressure;
        t->look.now_usec = SECONDS(1000);
        t->n = 2;
        t->scopes[0] = scope(10, 100);
        t->scopes[1] = scope(50, 1000);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Case *t = *state;

        config_done(&t->config);
        free(t);
        return 0;
}

static bool decide(Case *t, PsiResource resource)
{
        t->decision = (PressureDecision){ .candidates = t->candidates };
        return pressure_decide(t->c, resource, &t->look, &t->past, t->scopes, t->n, &t->decision);
}

static bool undo(Case *t, PsiResource resource)
{
        t->decision = (PressureDecision){ .candidates = t->candidates };
        return pressure_decide_undo(t->c, resource, &t->look, &t->past, t->scopes, t->n,
                                    &t->decision);
}

/* The kernel says of one threshold that it was crossed, of no other. */
static void cross(Case *t, PressureAct act, PsiResource resource, PsiKind kind)
{
        memset(t->look.crossed, 0, sizeof t->look.crossed);
        t->look.crossed[act][resource][kind] = true;
}

static void calm(Case *t)
{
        memset(t->look.crossed, 0, sizeof t->look.crossed);
        memset(t->look.shares, 0, sizeof t->look.shares);
}

static void assert_decision(const Case *t, PressureAct act, size_t target)
{
        assert_string_equal(pressure_act_to_string(t->decision.act), pressure_act_to_string(act));
        assert_int_equal(t->decision.target, target);
}

static void test_nothing_crossed(void **state)
{
        Case *t = *state;

        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                assert_false(decide(t, r));
        cross(t, PRESSURE_FREEZE, PSI_IO, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
}

static void test_decision_names_what_was_crossed(void **state)
{
        Case *t = *state;

        cross(t, PRESSURE_FREEZE, PSI_IO, PSI_FULL);
        assert_true(decide(t, PSI_IO));
        assert_decision(t, PRESSURE_FREEZE, 0);
        assert_int_equal(t->decision.resource, PSI_IO);
        assert_int_equal(t->decision.kind, PSI_FULL);
        assert_int_equal(t->decision.threshold, 3000);
}

static void test_threshold_that_is_off(void **state)
{
        Case *t = *state;

        cross(t, PRESSURE_KILL, PSI_CPU, PSI_FULL);
        assert_false(decide(t, PSI_CPU));
}

static void test_disabled(void **state)
{
        Case *t = *state;

        t->c->enabled = 0;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY));
}

static void test_dry_run_is_decided_alike(void **state)
{
        Case *t = *state;

        t->c->dry_run = 1;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
        assert_false(decide(t, PSI_MEMORY));
}

static void test_nothing_is_done_where_all_wait_at_limits_of_their_own(void **state)
{
        Case *t = *state;

        t->scopes[0].held = true;
        t->scopes[0].waits = 9000;
        t->scopes[1].waits = 199; /* a tenth of FreezeMemorySome=20 is 200 */
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        t->scopes[1].waits = 200;
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
}

static void test_limits_of_their_own_do_not_matter_where_there_is_too_little(void **state)
{
        Case *t = *state;

        t->scopes[0].held = t->scopes[1].held = true;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY));
        t->look.is_short = true;
        assert_true(decide(t, PSI_MEMORY));
}

/* Who dies waits, and not for long; who is not the workload's is not seen to. */
static void test_the_waits_of_some_do_not_matter(void **state)
{
        Case *t = *state;

        t->n = 3;
        t->scopes[0].held = true;
        t->scopes[1].waits = t->scopes[2].waits = 9000;
        t->scopes[1].dying = true;
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
}

static void test_pressure_of_their_own_making_is_calm(void **state)
{
        Case *t = *state;

        t->scopes[0].frozen = t->scopes[0].frozen_by_pressure = true;
        t->scopes[1].held = true;
        t->look.shares[PSI_MEMORY][PSI_SOME] = t->look.shares[PSI_MEMORY][PSI_FULL] = PSI_WHOLE;
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10);
        assert_true(undo(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_THAW, 0);
        assert_true(t->decision.self_made);
        t->scopes[0].frozen = t->scopes[0].frozen_by_pressure = true;
        t->look.is_short = true;
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(100);
        assert_false(undo(t, PSI_MEMORY));
}

/* The low one is outside, and has nothing to do with it. */
static void test_where_a_slice_is_short_somebody_in_it_gives(void **state)
{
        Case *t = *state;

        t->n = 3;
        t->scopes[2] = scope(20, 500);
        t->scopes[1].in_short_slice = t->scopes[2].in_short_slice = true;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 2);
        assert_int_equal(t->decision.n_candidates, 1);
        assert_true(t->decision.in_short_slice);
}

static void test_nobody_outside_of_a_short_slice_gives_for_those_who_may_not(void **state)
{
        Case *t = *state;

        t->scopes[1].in_short_slice = true;
        t->c->kill_priority_max = 40;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
}

static void test_where_all_is_short_slices_do_not_matter(void **state)
{
        Case *t = *state;

        t->scopes[1].in_short_slice = true;
        t->look.is_short = true;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
        assert_false(t->decision.in_short_slice);
}

/* One that is not there any more, or is not the workload's, says nothing of where it is short. */
static void test_the_slice_of_one_that_does_not_count_does_not_either(void **state)
{
        Case *t = *state;

        t->n = 4;
        t->scopes[2] = t->scopes[3] = scope(20, 500);
        t->scopes[2].in_short_slice = t->scopes[3].in_short_slice = true;
        t->scopes[2].live = t->scopes[3].workload = false;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
}

/* The high one runs, and the low one has just begun, by which memory is short. */
static void test_nobody_suffers_for_one_that_has_just_begun(void **state)
{
        Case *t = *state;

        t->scopes[0].started_usec = SECONDS(999);
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        t->scopes[0].frozen = true;
        assert_false(decide(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(1);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_KILL, 0);
}

static void test_among_equal_ones_the_largest_is_waited_for(void **state)
{
        Case *t = *state;

        t->n = 3;
        t->scopes[0] = t->scopes[1] = scope(50, 1000);
        t->scopes[2] = scope(50, 1001);
        t->scopes[2].started_usec = SECONDS(999);
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        t->scopes[1].used[PSI_MEMORY] = 1002;
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_KILL, 1);
        assert_int_equal(t->decision.n_candidates, 2);
}

static void test_one_of_a_higher_priority_that_has_just_begun_is_not_waited_for(void **state)
{
        Case *t = *state;

        t->scopes[1].started_usec = SECONDS(999);
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
}

/* The only one that may be frozen: without it nothing would be done at all. */
static void test_a_small_one_that_has_just_begun_is_not_waited_for(void **state)
{
        Case *t = *state;

        t->scopes[0] = scope(5, 450);
        t->scopes[0].started_usec = SECONDS(999);
        t->scopes[1] = scope(80, 9000);
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        t->scopes[0].used[PSI_MEMORY] = 449;
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_KILL, 1);
        assert_int_equal(t->decision.n_candidates, 1);
}

static void test_gentlest_first(void **state)
{
        Case *t = *state;

        t->c->thresholds[PRESSURE_FREEZE][PSI_CPU][PSI_SOME] = 6000;
        t->c->thresholds[PRESSURE_KILL][PSI_CPU][PSI_SOME] = 7000;
        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                t->look.crossed[a][PSI_CPU][PSI_SOME] = true;
        assert_true(decide(t, PSI_CPU));
        assert_decision(t, PRESSURE_DEMOTE, 0);
        t->scopes[0].demoted = true;
        t->look.now_usec += SECONDS(2);
        assert_true(decide(t, PSI_CPU));
        assert_decision(t, PRESSURE_FREEZE, 0);
        t->scopes[0].frozen = true;
        t->look.now_usec += SECONDS(2);
        assert_false(decide(t, PSI_CPU)); /* the window before is of the freeze */
        t->look.now_usec += SECONDS(1) - 1;
        assert_false(decide(t, PSI_CPU));
        t->look.now_usec++;
        assert_true(decide(t, PSI_CPU));
        assert_decision(t, PRESSURE_KILL, 0);
}

/* The kernel tells of the higher threshold first, or the share jumps over both in one window. */
static void test_higher_threshold_includes_lower(void **state)
{
        Case *t = *state;

        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
        assert_int_equal(t->decision.kind, PSI_SOME);
        assert_int_equal(t->decision.threshold, 2000);
}

static void test_lower_threshold_includes_no_higher(void **state)
{
        Case *t = *state;

        t->scopes[0].frozen = true;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY));
}

/* "some" says nothing of "full", however high it is. */
static void test_some_includes_no_full(void **state)
{
        Case *t = *state;

        t->c->thresholds[PRESSURE_FREEZE][PSI_MEMORY][PSI_SOME] = PSI_WHOLE;
        t->scopes[0].frozen = true;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY));
}

static void test_lowest_priority_first(void **state)
{
        Case *t = *state;

        t->n = 4;
        t->scopes[0] = scope(20, 1000);
        t->scopes[1] = scope(5, 450);
        t->scopes[2] = scope(31, 9000);
        t->scopes[3] = scope(30, 9000);
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 1);
        assert_int_equal(t->decision.n_candidates, 3);
        assert_int_equal(t->candidates[0], 1);
        assert_int_equal(t->candidates[1], 0);
        assert_int_equal(t->candidates[2], 3);
}

/* Below a twentieth of the greatest user in question. */
static void test_one_that_uses_next_to_nothing_is_left_alone(void **state)
{
        Case *t = *state;

        t->n = 3;
        t->scopes[0] = scope(20, 9000);
        t->scopes[1] = scope(5, 449);
        t->scopes[2] = scope(31, 100000);
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
        assert_int_equal(t->decision.n_candidates, 1);
}

static void test_largest_user_of_that_resource(void **state)
{
        Case *t = *state;

        t->scopes[0] = scope(10, 500);
        t->scopes[1] = scope(10, 500);
        t->scopes[0].used[PSI_MEMORY] = 900;
        t->scopes[1].used[PSI_IO] = 501;
        cross(t, PRESSURE_FREEZE, PSI_IO, PSI_FULL);
        assert_true(decide(t, PSI_IO));
        assert_decision(t, PRESSURE_FREEZE, 1);
}

static void test_equal_ones_by_index(void **state)
{
        Case *t = *state;

        t->scopes[0] = t->scopes[1] = scope(10, 500);
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 0);
}

static void test_one_that_uses_nothing_is_left_alone(void **state)
{
        Case *t = *state;

        t->scopes[0].used[PSI_MEMORY] = 0;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY));
        assert_false(t->past.acted_usec[PSI_MEMORY] > 0);
}

static void test_who_is_killed(void **state)
{
        Case *t = *state;

        t->c->thresholds[PRESSURE_FREEZE][PSI_MEMORY][PSI_SOME] = PRESSURE_OFF;
        t->c->kill_priority_max = 49;
        t->scopes[0].live = false;
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        t->c->kill_priority_max = 50;
        t->scopes[1].frozen = true;
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_KILL, 1);
}

/* What it holds comes back only when it has ended; in the meantime another may be frozen, but none killed. */
static void test_one_kill_at_a_time(void **state)
{
        Case *t = *state;

        t->scopes[0].dying = true;
        cross(t, PRESSURE_KILL, PSI_MEMORY, PSI_FULL);
        assert_false(decide(t, PSI_MEMORY));
        t->scopes[1].priority = 10;
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_FREEZE, 1);
        t->scopes[1].frozen = true;
        t->look.now_usec += SECONDS(3);
        assert_false(decide(t, PSI_MEMORY));
        t->scopes[0].live = false; /* it hangs */
        assert_true(decide(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_KILL, 1);
}

static void test_only_workload(void **state)
{
        Case *t = *state;

        t->scopes[0].workload = t->scopes[1].workload = false;
        for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++) {
                        t->c->thresholds[a][r][PSI_SOME] = 1;
                        t->look.crossed[a][r][PSI_SOME] = true;
                        assert_false(decide(t, r));
                }
}

static void test_who_is_demoted(void **state)
{
        Case *t = *state;

        cross(t, PRESSURE_DEMOTE, PSI_CPU, PSI_SOME);
        t->scopes[0].cpu_weight = 10;
        assert_false(decide(t, PSI_CPU));
        t->scopes[0].cpu_weight = 0;
        assert_false(decide(t, PSI_CPU));
        t->scopes[0].cpu_weight = 11;
        t->scopes[0].frozen = true;
        assert_false(decide(t, PSI_CPU));
        t->scopes[0].frozen = false;
        assert_true(decide(t, PSI_CPU));
        assert_decision(t, PRESSURE_DEMOTE, 0);
}

static void test_grace(void **state)
{
        Case *t = *state;

        t->scopes[0].started_usec = t->look.now_usec - SECONDS(2) + 1;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY));
        t->look.now_usec++;
        assert_true(decide(t, PSI_MEMORY));
        t->scopes[0].started_usec = t->look.now_usec + 1;
        cross(t, PRESSURE_FREEZE, PSI_IO, PSI_FULL);
        assert_false(decide(t, PSI_IO));
}

static void test_delay_of_each_resource(void **state)
{
        Case *t = *state;

        t->scopes[1].priority = 10;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_true(decide(t, PSI_MEMORY));
        t->look.crossed[PRESSURE_FREEZE][PSI_IO][PSI_FULL] = true;
        assert_true(decide(t, PSI_IO));
        t->look.now_usec += SECONDS(2) - 1;
        assert_false(decide(t, PSI_MEMORY));
        t->look.now_usec++;
        assert_true(decide(t, PSI_MEMORY));
}

/* What pressure has done: froze 0 for memory, demoted 0 for cpu, froze 1 for memory. */
static void act_thrice(Case *t)
{
        t->scopes[0].frozen = t->scopes[0].frozen_by_pressure = true;
        t->scopes[0].frozen_for = PSI_MEMORY;
        t->scopes[0].frozen_order = 0;
        t->scopes[0].demoted = true;
        t->scopes[0].demoted_for = PSI_CPU;
        t->scopes[0].demoted_order = 1;
        t->scopes[1].frozen = t->scopes[1].frozen_by_pressure = true;
        t->scopes[1].frozen_for = PSI_MEMORY;
        t->scopes[1].frozen_order = 2;
}

static void test_undone_after_calm_the_last_first(void **state)
{
        Case *t = *state;

        act_thrice(t);
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10) - 1;
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec++;
        assert_true(undo(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_THAW, 1);
        assert_int_equal(t->decision.resource, PSI_MEMORY);
        assert_int_equal(t->decision.n_candidates, 2);
        assert_int_equal(t->candidates[1], 0);
        t->scopes[1].frozen = t->scopes[1].frozen_by_pressure = false;
        t->look.now_usec += SECONDS(10) - 1;
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec++;
        assert_true(undo(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_THAW, 0);
        t->scopes[0].frozen = t->scopes[0].frozen_by_pressure = false;
        t->look.now_usec += SECONDS(100);
        assert_false(undo(t, PSI_MEMORY));
}

/* What was thawed waits for memory once more. */
static void test_nothing_is_done_right_after_undoing(void **state)
{
        Case *t = *state;

        t->scopes[0].frozen = t->scopes[0].frozen_by_pressure = true;
        t->scopes[0].frozen_for = PSI_MEMORY;
        calm(t);
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10);
        assert_true(undo(t, PSI_MEMORY));
        t->scopes[0].frozen = t->scopes[0].frozen_by_pressure = false;
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        t->look.now_usec += SECONDS(2) - 1;
        assert_false(decide(t, PSI_MEMORY));
        t->look.now_usec++;
        assert_true(decide(t, PSI_MEMORY));
}

static void test_undone_for_its_resource_only(void **state)
{
        Case *t = *state;

        act_thrice(t);
        assert_false(undo(t, PSI_CPU));
        assert_false(undo(t, PSI_IO));
        t->look.now_usec += SECONDS(10);
        assert_false(undo(t, PSI_IO));
        assert_true(undo(t, PSI_CPU));
        assert_decision(t, PRESSURE_RESTORE, 0);
        assert_int_equal(t->decision.n_candidates, 1);
}

/* One that was frozen and demoted for the same resource, in either order. */
static void test_both_undone_in_reverse(void **state)
{
        Case *t = *state;

        act_thrice(t);
        t->c->enabled = 0;
        t->n = 1;
        t->scopes[0].frozen_for = PSI_CPU;
        assert_true(undo(t, PSI_CPU));
        assert_decision(t, PRESSURE_RESTORE, 0);
        t->scopes[0].frozen_order = 7;
        assert_true(undo(t, PSI_CPU));
        assert_decision(t, PRESSURE_THAW, 0);
}

static void test_freeze_of_a_client_stays(void **state)
{
        Case *t = *state;

        t->scopes[0].frozen = true;
        t->c->enabled = 0;
        assert_false(undo(t, PSI_MEMORY));
}

static void test_calm_is_below_half(void **state)
{
        Case *t = *state;

        act_thrice(t);
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10);
        t->look.shares[PSI_MEMORY][PSI_SOME] = 1000;
        assert_false(undo(t, PSI_MEMORY));
        t->look.shares[PSI_MEMORY][PSI_SOME] = 999;
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10);
        assert_true(undo(t, PSI_MEMORY));
}

/* Only "full" has a threshold for io: that some task always waits for a disk is no reason to keep one frozen. */
static void test_calm_by_kind(void **state)
{
        Case *t = *state;

        act_thrice(t);
        t->scopes[1].frozen_for = PSI_IO;
        t->look.shares[PSI_IO][PSI_SOME] = 9000;
        t->look.shares[PSI_IO][PSI_FULL] = 1499;
        assert_false(undo(t, PSI_IO));
        t->look.now_usec += SECONDS(10);
        assert_true(undo(t, PSI_IO));
        t->look.shares[PSI_IO][PSI_FULL] = 1500;
        t->look.now_usec += SECONDS(10);
        assert_false(undo(t, PSI_IO));
}

/* A peak that the share since the last look does not show. */
static void test_what_is_crossed_ends_calm(void **state)
{
        Case *t = *state;

        act_thrice(t);
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(5);
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(decide(t, PSI_MEMORY)); /* there is nobody left */
        calm(t);
        t->look.now_usec += SECONDS(5);
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10);
        cross(t, PRESSURE_FREEZE, PSI_MEMORY, PSI_SOME);
        assert_false(undo(t, PSI_MEMORY));
}

static void test_undone_at_once_when_disabled(void **state)
{
        Case *t = *state;

        act_thrice(t);
        t->c->enabled = 0;
        t->look.shares[PSI_MEMORY][PSI_SOME] = 9000;
        assert_true(undo(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_THAW, 1);
}

static void test_undone_at_once_without_thresholds(void **state)
{
        Case *t = *state;

        act_thrice(t);
        t->c->thresholds[PRESSURE_FREEZE][PSI_MEMORY][PSI_SOME] = PRESSURE_OFF;
        assert_false(undo(t, PSI_MEMORY));
        t->c->thresholds[PRESSURE_KILL][PSI_MEMORY][PSI_FULL] = PRESSURE_OFF;
        assert_true(undo(t, PSI_MEMORY));
}

/* Calm that nobody has looked for does not count. */
static void test_calm_begins_when_watched(void **state)
{
        Case *t = *state;

        act_thrice(t);
        t->c->thresholds[PRESSURE_FREEZE][PSI_MEMORY][PSI_SOME] = PRESSURE_OFF;
        t->c->thresholds[PRESSURE_KILL][PSI_MEMORY][PSI_FULL] = PRESSURE_OFF;
        assert_true(undo(t, PSI_MEMORY));
        t->scopes[1].frozen = t->scopes[1].frozen_by_pressure = false;
        t->c->thresholds[PRESSURE_KILL][PSI_MEMORY][PSI_FULL] = 6000;
        t->look.now_usec += SECONDS(10);
        assert_false(undo(t, PSI_MEMORY));
        t->look.now_usec += SECONDS(10);
        assert_true(undo(t, PSI_MEMORY));
}

/* A scope in which nothing runs any more may be started into. */
static void test_undone_also_where_nothing_runs(void **state)
{
        Case *t = *state;

        act_thrice(t);
        t->c->enabled = 0;
        t->scopes[1].live = false;
        assert_true(undo(t, PSI_MEMORY));
        assert_decision(t, PRESSURE_THAW, 1);
}

/* avg10 of a kind of a resource; of the others there is none. */
static bool admission(Case *t, PsiResource resource, PsiKind kind, unsigned avg10)
{
        Psi psi[_PSI_RESOURCE_MAX] = {};

        psi[resource].lines[kind] = (PsiLine){ .present = true, .avg10 = avg10 };
        t->decision = (PressureDecision){};
        return pressure_decide_admission(t->c, psi, &t->decision);
}

static void test_admission(void **state)
{
        Case *t = *state;

        assert_false(admission(t, PSI_MEMORY, PSI_SOME, 7999));
        assert_true(admission(t, PSI_MEMORY, PSI_SOME, 8000));
        assert_true(admission(t, PSI_IO, PSI_FULL, 9000));
        assert_int_equal(t->decision.act, PRESSURE_REJECT);
        assert_int_equal(t->decision.resource, PSI_IO);
        assert_int_equal(t->decision.kind, PSI_FULL);
        assert_int_equal(t->decision.threshold, 8000);
        assert_int_equal(t->decision.n_candidates, 0);
        assert_false(admission(t, PSI_IO, PSI_SOME, PSI_WHOLE));
}

static void test_admission_with_a_threshold_of_zero(void **state)
{
        Case *t = *state;

        t->c->thresholds[PRESSURE_REJECT][PSI_CPU][PSI_SOME] = 0;
        assert_true(admission(t, PSI_CPU, PSI_SOME, 0));
        assert_int_equal(t->decision.threshold, 0);
        /* A figure that the kernel does not have is not 0. */
        assert_false(admission(t, PSI_CPU, PSI_FULL, 0));
}

static void test_admission_disabled(void **state)
{
        Case *t = *state;

        t->c->enabled = 0;
        assert_false(admission(t, PSI_MEMORY, PSI_SOME, PSI_WHOLE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_nothing_crossed),
                TEST(test_decision_names_what_was_crossed),
                TEST(test_threshold_that_is_off),
                TEST(test_disabled),
                TEST(test_dry_run_is_decided_alike),
                TEST(test_nothing_is_done_where_all_wait_at_limits_of_their_own),
                TEST(test_limits_of_their_own_do_not_matter_where_there_is_too_little),
                TEST(test_the_waits_of_some_do_not_matter),
                TEST(test_pressure_of_their_own_making_is_calm),
                TEST(test_where_a_slice_is_short_somebody_in_it_gives),
                TEST(test_nobody_outside_of_a_short_slice_gives_for_those_who_may_not),
                TEST(test_where_all_is_short_slices_do_not_matter),
                TEST(test_the_slice_of_one_that_does_not_count_does_not_either),
                TEST(test_nobody_suffers_for_one_that_has_just_begun),
                TEST(test_among_equal_ones_the_largest_is_waited_for),
                TEST(test_one_of_a_higher_priority_that_has_just_begun_is_not_waited_for),
                TEST(test_a_small_one_that_has_just_begun_is_not_waited_for),
                TEST(test_gentlest_first),
                TEST(test_higher_threshold_includes_lower),
                TEST(test_lower_threshold_includes_no_higher),
                TEST(test_some_includes_no_full),
                TEST(test_lowest_priority_first),
                TEST(test_one_that_uses_next_to_nothing_is_left_alone),
                TEST(test_largest_user_of_that_resource),
                TEST(test_equal_ones_by_index),
                TEST(test_one_that_uses_nothing_is_left_alone),
                TEST(test_who_is_killed),
                TEST(test_one_kill_at_a_time),
                TEST(test_only_workload),
                TEST(test_who_is_demoted),
                TEST(test_grace),
                TEST(test_delay_of_each_resource),
                TEST(test_undone_after_calm_the_last_first),
                TEST(test_nothing_is_done_right_after_undoing),
                TEST(test_undone_for_its_resource_only),
                TEST(test_both_undone_in_reverse),
                TEST(test_freeze_of_a_client_stays),
                TEST(test_calm_is_below_half),
                TEST(test_calm_by_kind),
                TEST(test_what_is_crossed_ends_calm),
                TEST(test_undone_at_once_when_disabled),
                TEST(test_undone_at_once_without_thresholds),
                TEST(test_calm_begins_when_watched),
                TEST(test_undone_also_where_nothing_runs),
                TEST(test_admission),
                TEST(test_admission_with_a_threshold_of_zero),
                TEST(test_admission_disabled),
        };

        return cmocka_run_group_tests_name("pressure-decide", tests, NULL, NULL);
}
