/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of who may do what: each principal in each tree, with and without an emergency. */
#include "basic/access.h"
#include "test.h"

#define CALLER  1000
#define ANOTHER 1001

static void assert_verdicts(Principal p, Owner owner, uid_t creator, bool emergency, Verdict narrow,
                            Verdict others)
{
        for (Act act = 0; act < _ACT_MAX; act++) {
                bool is_narrow = act == ACT_FREEZE || act == ACT_THAW || act == ACT_KILL;

                if (act == ACT_EMERGENCY || act == ACT_DRAIN)
                        continue;
                assert_int_equal(access_decide(p, CALLER, act, owner, creator, emergency),
                                 is_narrow ? narrow : others);
        }
}

static void test_owners(void **state)
{
        for (int emergency = 0; emergency < 2; emergency++) {
                assert_verdicts(PRINCIPAL_PACT, OWNER_PACT, ANOTHER, emergency, VERDICT_ALLOWED,
                                VERDICT_ALLOWED);
                assert_verdicts(PRINCIPAL_WORKLOAD, OWNER_WORKLOAD, ANOTHER, emergency,
                                VERDICT_ALLOWED, VERDICT_ALLOWED);
                assert_verdicts(PRINCIPAL_ADMIN, OWNER_PACT, ANOTHER, emergency, VERDICT_ALLOWED,
                                VERDICT_ALLOWED);
                assert_verdicts(PRINCIPAL_ADMIN, OWNER_WORKLOAD, ANOTHER, emergency,
                                VERDICT_ALLOWED, VERDICT_ALLOWED);
        }
}

static void test_other_tree(void **state)
{
        assert_verdicts(PRINCIPAL_PACT, OWNER_WORKLOAD, CALLER, false, VERDICT_EMERGENCY_REQUIRED,
                        VERDICT_DENIED);
        assert_verdicts(PRINCIPAL_PACT, OWNER_WORKLOAD, ANOTHER, true, VERDICT_BY_EMERGENCY,
                        VERDICT_DENIED);
        for (int emergency = 0; emergency < 2; emergency++)
                assert_verdicts(PRINCIPAL_WORKLOAD, OWNER_PACT, CALLER, emergency, VERDICT_DENIED,
                                VERDICT_DENIED);
}

static void test_others(void **state)
{
        for (int emergency = 0; emergency < 2; emergency++) {
                assert_verdicts(PRINCIPAL_OTHER, OWNER_PACT, CALLER, emergency, VERDICT_DENIED,
                                VERDICT_DENIED);
                assert_verdicts(PRINCIPAL_OTHER, OWNER_WORKLOAD, CALLER, emergency, VERDICT_ASK,
                                VERDICT_ASK);
                assert_verdicts(PRINCIPAL_OTHER, OWNER_WORKLOAD, UID_INVALID, emergency,
                                VERDICT_ASK, VERDICT_ASK);
                assert_verdicts(PRINCIPAL_OTHER, OWNER_WORKLOAD, ANOTHER, emergency,
                                VERDICT_NOT_OWN, VERDICT_NOT_OWN);
        }
}

static void test_nobodys(void **state)
{
        for (Principal p = 0; p < _PRINCIPAL_MAX; p++)
                for (int emergency = 0; emergency < 2; emergency++)
                        assert_verdicts(p, OWNER_NONE, CALLER, emergency, VERDICT_DENIED,
                                        VERDICT_DENIED);
}

static void test_emergency(void **state)
{
        static const Verdict verdicts[_PRINCIPAL_MAX] = {
                [PRINCIPAL_OTHER] = VERDICT_ASK,
                [PRINCIPAL_PACT] = VERDICT_ALLOWED,
                [PRINCIPAL_WORKLOAD] = VERDICT_ASK,
                [PRINCIPAL_ADMIN] = VERDICT_ALLOWED,
        };

        for (Principal p = 0; p < _PRINCIPAL_MAX; p++)
                assert_int_equal(
                        access_decide(p, CALLER, ACT_EMERGENCY, OWNER_NONE, UID_INVALID, false),
                        verdicts[p]);
        assert_int_equal(
                access_decide(PRINCIPAL_WORKLOAD, 0, ACT_EMERGENCY, OWNER_NONE, UID_INVALID, true),
                VERDICT_DENIED);
}

static void test_drain(void **state)
{
        for (Principal p = 0; p < _PRINCIPAL_MAX; p++)
                for (int emergency = 0; emergency < 2; emergency++)
                        assert_int_equal(access_decide(p, CALLER, ACT_DRAIN, OWNER_NONE,
                                                       UID_INVALID, emergency),
                                         p == PRINCIPAL_OTHER ? VERDICT_ASK : VERDICT_ALLOWED);
}

static void test_nonsense(void **state)
{
        assert_int_equal(access_decide(_PRINCIPAL_INVALID, 0, ACT_KILL, OWNER_PACT, 0, true),
                         VERDICT_DENIED);
        assert_int_equal(access_decide(PRINCIPAL_ADMIN, 0, _ACT_INVALID, OWNER_PACT, 0, true),
                         VERDICT_DENIED);
        assert_int_equal(access_decide(PRINCIPAL_ADMIN, 0, ACT_KILL, _OWNER_INVALID, 0, true),
                         VERDICT_DENIED);
        assert_null(principal_to_string(_PRINCIPAL_MAX));
        assert_null(act_to_string(_ACT_INVALID));
}

static void test_names(void **state)
{
        for (Principal p = 0; p < _PRINCIPAL_MAX; p++)
                assert_non_null(principal_to_string(p));
        for (Act act = 0; act < _ACT_MAX; act++)
                assert_non_null(act_to_string(act));
}

static void assert_refusal(Verdict verdict, Owner owner, ErrorKind kind, const char *sentence)
{
        _cleanup_(freep) char *reason = NULL;
        ErrorKind found;

        assert_int_equal(
                access_refuse(verdict, PRINCIPAL_PACT, 7, ACT_KILL, "/a/b", owner, &found, &reason),
                0);
        assert_int_equal(found, kind);
        assert_string_equal(reason, sentence);
}

static void test_refusals(void **state)
{
        assert_refusal(VERDICT_DENIED, OWNER_WORKLOAD, ERROR_PERMISSION_DENIED,
                       "/a/b is owned by workload: uid 7 (pact) may not kill there");
        assert_refusal(VERDICT_DENIED, OWNER_NONE, ERROR_PERMISSION_DENIED,
                       "/a/b is owned by nobody: uid 7 (pact) may not kill there");
        assert_refusal(VERDICT_NOT_OWN, OWNER_WORKLOAD, ERROR_PERMISSION_DENIED,
                       "/a/b is owned by workload and was not made by uid 7, which may kill only "
                       "in scopes of its own");
        assert_refusal(VERDICT_EMERGENCY_REQUIRED, OWNER_WORKLOAD, ERROR_EMERGENCY_REQUIRED,
                       "/a/b is owned by workload: uid 7 (pact) may kill there only while an "
                       "emergency lasts (`hpcnode-ctl emergency declare`)");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_owners),    cmocka_unit_test(test_other_tree),
                cmocka_unit_test(test_others),    cmocka_unit_test(test_nobodys),
                cmocka_unit_test(test_emergency), cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_names),     cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_drain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
