/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of memory-events.h. */
#include "basic/memory-events.h"

#include "scratch.h"
#include "test.h"

static void they_are_read_from_the_cgroup(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("workload-x.scope");
        MemoryEvents e = { .high = 7 }, same = { 12, 34, 5 };

        assert_int_equal(memory_events_read(s.fd, &e), -ENOENT);
        assert_true(e.high == 7);
        scratch_write(&s, "memory.events",
                      "low 1\nhigh 12\nmax 34\noom 5\noom_kill 6\noom_group_kill 7\n");
        assert_int_equal(memory_events_read(s.fd, &e), 0);
        assert_true(memory_events_equal(&e, &same));
        same.oom++;
        assert_false(memory_events_equal(&e, &same));
}

static void each_that_grows_is_due_but_once_a_minute(void **state)
{
        static const MemoryEvents told = { 10, 20, 30 },
                                  more[] = { { 11, 20, 30 }, { 10, 21, 30 }, { 10, 20, 31 } };
        uint64_t last = 100 * USEC_PER_SEC;

        for (size_t i = 0; i < ELEMENTSOF(more); i++) {
                assert_true(memory_events_due(&more[i], &told, 1, 0));
                assert_false(memory_events_due(&more[i], &told, last, last));
                assert_false(
                        memory_events_due(&more[i], &told, last + 60 * USEC_PER_SEC - 1, last));
                assert_true(memory_events_due(&more[i], &told, last + 60 * USEC_PER_SEC, last));
        }
        assert_false(memory_events_due(&told, &told, last + 600 * USEC_PER_SEC, last));
        assert_false(memory_events_due(&told, &told, last, 0));
}

/* The file of a state that is not of this boot: better said twice than never. */
static void a_time_to_come_is_none(void **state)
{
        static const MemoryEvents now = { 1, 0, 0 }, told = { 0 };

        assert_true(memory_events_due(&now, &told, 5, 6));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(they_are_read_from_the_cgroup),
                cmocka_unit_test(each_that_grows_is_due_but_once_a_minute),
                cmocka_unit_test(a_time_to_come_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
