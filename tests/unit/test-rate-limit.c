/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of rate-limit.h. */
#include "client/rate-limit.h"

#include "test.h"

static void count(RateLimit *l, size_t n, int priority, uint64_t usec)
{
        while (n-- > 0)
                rate_limit_count(l, priority, usec);
}

static void as_many_lines_as_journald_takes_at_most_are_suspicious(void **state)
{
        RateLimit l = {};

        count(&l, 24999, 6, 1);
        assert_false(rate_limit_is_reached(&l));
        count(&l, 1, 5, 1 + 30 * USEC_PER_SEC); /* notice and info are counted together */
        assert_true(rate_limit_is_reached(&l));
        count(&l, 1, 6, 1);
        assert_false(rate_limit_is_reached(&l));
}

static void few_lines_are_not(void **state)
{
        RateLimit l = {};

        assert_false(rate_limit_is_reached(&l));
        count(&l, 10000, 6, 1);
        assert_false(rate_limit_is_reached(&l));
}

static void each_interval_and_each_kind_of_priority_is_counted_by_itself(void **state)
{
        RateLimit l = {};

        count(&l, 20000, 6, 1);
        count(&l, 1, 6, 2 + 30 * USEC_PER_SEC);
        assert_false(rate_limit_is_reached(&l));
        count(&l, 15000, 3, 5);
        assert_true(rate_limit_is_reached(&l));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_many_lines_as_journald_takes_at_most_are_suspicious),
                cmocka_unit_test(few_lines_are_not),
                cmocka_unit_test(each_interval_and_each_kind_of_priority_is_counted_by_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
