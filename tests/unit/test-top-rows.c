/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of top.h: rates from two samples, and the order of rows. */
#include "ctl/top.h"

#include "test.h"

/* All figures unknown but those that a test sets. */
static TopRow row(const char *name)
{
        TopRow r = { .key = strdup(name), .name = strdup(name), .state = strdup("running") };

        r.n_tasks = r.n_processes = r.memory = TOP_UNKNOWN;
        r.cpu_usec = r.read_bytes = r.write_bytes = TOP_UNKNOWN;
        r.cpu_permyriad = r.read_rate = r.write_rate = TOP_UNKNOWN;
        for (size_t i = 0; i < _TOP_RES_MAX; i++)
                r.pressure_permyriad[i] = TOP_UNKNOWN;
        return r;
}

static TopSample sample(uint64_t usec, size_t n, const char *const names[])
{
        TopSample s = { .rows = calloc(n, sizeof(TopRow)), .n = n, .usec = usec };

        assert_non_null(s.rows);
        for (size_t i = 0; i < n; i++)
                s.rows[i] = row(names[i]);
        return s;
}

static void assert_order(TopSample *s, TopSort by, bool reverse, const char *expected)
{
        char names[64] = "";

        top_sort(s, by, reverse);
        for (size_t i = 0; i < s->n; i++)
                (void) strcat(strcat(names, i > 0 ? " " : ""), s->rows[i].name);
        assert_string_equal(names, expected);
}

static void rates_are_what_was_used_a_second(void **state)
{
        TopSample before = sample(1000, 2, (const char *const[]){ "b", "a" });
        TopSample now = sample(1000 + 2 * USEC_PER_SEC, 2, (const char *const[]){ "a", "b" });

        before.rows[1].cpu_usec = 500;
        now.rows[0].cpu_usec = 500 + 3 * USEC_PER_SEC;
        before.rows[0].read_bytes = 100;
        before.rows[0].write_bytes = 0;
        now.rows[1].read_bytes = 4100;
        now.rows[1].write_bytes = 1;
        top_rates(&now, &before);
        assert_int_equal(now.rows[0].cpu_permyriad, 15000); /* one cpu and a half */
        assert_int_equal(now.rows[0].read_rate, TOP_UNKNOWN);
        assert_int_equal(now.rows[1].cpu_permyriad, TOP_UNKNOWN);
        assert_int_equal(now.rows[1].read_rate, 2000);
        assert_int_equal(now.rows[1].write_rate, 1);
        top_sample_done(&before);
        top_sample_done(&now);
}

static void what_is_not_the_same_has_no_rate(void **state)
{
        static const char *const names[] = { "other", "less", "idle" };
        TopSample before = sample(0, 3, names), now = sample(USEC_PER_SEC, 3, names);

        for (size_t i = 0; i < 3; i++)
                before.rows[i].cpu_usec = now.rows[i].cpu_usec = 7;
        now.rows[0].since_usec = 1; /* another of that name */
        now.rows[1].cpu_usec = 6;
        top_rates(&now, &before);
        assert_int_equal(now.rows[0].cpu_permyriad, TOP_UNKNOWN);
        assert_int_equal(now.rows[1].cpu_permyriad, TOP_UNKNOWN);
        assert_int_equal(now.rows[2].cpu_permyriad, 0);
        /* Nor has what is new, or what was seen at the same time. */
        top_sample_done(&before);
        top_rates(&now, &before);
        assert_int_equal(now.rows[2].cpu_permyriad, TOP_UNKNOWN);
        top_rates(&now, &now);
        assert_int_equal(now.rows[2].cpu_permyriad, TOP_UNKNOWN);
        top_sample_done(&now);
}

static void the_most_come_first_and_the_unknown_last(void **state)
{
        TopSample s = sample(0, 4, (const char *const[]){ "none", "job-10", "job-9", "big" });

        for (size_t i = 1; i < 4; i++)
                s.rows[i].memory = i == 3 ? 100 : 5;
        assert_order(&s, TOP_BY_MEMORY, false, "big job-9 job-10 none");
        assert_order(&s, TOP_BY_MEMORY, true, "job-9 job-10 big none");
        assert_order(&s, TOP_BY_NAME, false, "big job-9 job-10 none");
        assert_order(&s, TOP_BY_NAME, true, "none job-10 job-9 big");
        top_sample_done(&s);
}

static void each_column_sorts_by_its_own_figure(void **state)
{
        TopSample s = sample(0, 5, (const char *const[]){ "cpu", "io", "memory", "psi", "tasks" });

        for (size_t i = 0; i < 5; i++) {
                s.rows[i].cpu_permyriad = i == 0 ? 2 : 1;
                s.rows[i].read_rate = 1;
                s.rows[i].write_rate = i == 1 ? 2 : TOP_UNKNOWN;
                s.rows[i].memory = i == 2 ? 2 : 1;
                s.rows[i].pressure_permyriad[TOP_RES_IO] = i == 3 ? 2 : 1;
                s.rows[i].n_tasks = i == 4 ? 2 : 1;
        }
        for (TopSort by = 0; by < _TOP_SORT_MAX; by++) {
                const char *name = by == TOP_BY_PRESSURE ? "psi"
                                   : by == TOP_BY_NAME   ? "cpu"
                                                         : top_sort_to_string(by);

                top_sort(&s, by, false);
                assert_string_equal(s.rows[0].name, name);
                assert_int_equal(top_sort_from_string(top_sort_to_string(by)), by);
        }
        assert_int_equal(top_sort_from_string("colour"), _TOP_SORT_INVALID);
        top_sample_done(&s);
}

static void pressure_is_that_of_the_resource_sorted_by(void **state)
{
        TopRow r = row("a");

        assert_int_equal(top_figure(&r, TOP_PRESSURE, TOP_BY_PRESSURE), TOP_UNKNOWN);
        r.pressure_permyriad[TOP_RES_CPU] = 3;
        r.pressure_permyriad[TOP_RES_MEMORY] = 1;
        assert_int_equal(top_figure(&r, TOP_PRESSURE, TOP_BY_CPU), 3);
        assert_int_equal(top_figure(&r, TOP_PRESSURE, TOP_BY_MEMORY), 1);
        assert_int_equal(top_figure(&r, TOP_PRESSURE, TOP_BY_IO), TOP_UNKNOWN);
        assert_int_equal(top_figure(&r, TOP_PRESSURE, TOP_BY_NAME), 3);
        top_sample_done(&(TopSample){ .rows = memcpy(malloc(sizeof(r)), &r, sizeof(r)), .n = 1 });
}

static void cells_read_as_people_write(void **state)
{
        char cell[FORMAT_SIZE];
        TopRow r = row("a");

        assert_string_equal(top_cell(&r, TOP_CPU, TOP_BY_CPU, cell), "-");
        r.cpu_permyriad = 10005;
        r.memory = UINT64_C(3) << 29;
        r.n_tasks = 0;
        assert_string_equal(top_cell(&r, TOP_NAME, TOP_BY_CPU, cell), "a");
        assert_string_equal(top_cell(&r, TOP_CPU, TOP_BY_CPU, cell), "100.05");
        assert_string_equal(top_cell(&r, TOP_MEMORY, TOP_BY_CPU, cell), "1.5G");
        assert_string_equal(top_cell(&r, TOP_TASKS, TOP_BY_CPU, cell), "0");
        top_sample_done(&(TopSample){ .rows = memcpy(malloc(sizeof(r)), &r, sizeof(r)), .n = 1 });
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rates_are_what_was_used_a_second),
                cmocka_unit_test(what_is_not_the_same_has_no_rate),
                cmocka_unit_test(the_most_come_first_and_the_unknown_last),
                cmocka_unit_test(each_column_sorts_by_its_own_figure),
                cmocka_unit_test(pressure_is_that_of_the_resource_sorted_by),
                cmocka_unit_test(cells_read_as_people_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
