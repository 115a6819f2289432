/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of memory-short.h. */
#include "basic/memory-short.h"

#include "scratch.h"
#include "test.h"

static void a_cgroup_is_short_in_the_last_twentieth_of_its_lower_limit(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("workload.slice");

        assert_false(memory_is_short(s.fd));
        scratch_write(&s, "memory.current", "949\n");
        assert_false(memory_is_short(s.fd));
        scratch_write(&s, "memory.high", "1000\n");
        scratch_write(&s, "memory.max", "max\n");
        assert_false(memory_is_short(s.fd));
        scratch_write(&s, "memory.current", "950\n");
        assert_true(memory_is_short(s.fd));
        scratch_write(&s, "memory.current", "5000\n");
        assert_true(memory_is_short(s.fd));
        scratch_write(&s, "memory.high", "max\n");
        assert_false(memory_is_short(s.fd));
        scratch_write(&s, "memory.max", "5100\n");
        assert_true(memory_is_short(s.fd));
}

static void what_it_has_read_of_files_is_available(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("workload.slice");

        scratch_write(&s, "memory.current", "1000\n");
        scratch_write(&s, "memory.high", "1000\n");
        scratch_write(&s, "memory.stat", "anon 950\nfile 50\nactive_file 20\ninactive_file 30\n");
        assert_true(memory_is_short(s.fd));
        scratch_write(&s, "memory.stat", "anon 949\nfile 51\nactive_file 20\ninactive_file 31\n");
        assert_false(memory_is_short(s.fd));
        scratch_write(&s, "memory.stat", "active_file 900\ninactive_file 900\n");
        assert_false(memory_is_short(s.fd));
}

static void a_machine_is_short_by_what_is_available(void **state)
{
        assert_true(memory_text_is_short("MemTotal:        2000 kB\nMemFree:          10 kB\n"
                                         "MemAvailable:     100 kB\n"));
        assert_false(memory_text_is_short("MemTotal:        2000 kB\nMemFree:          10 kB\n"
                                          "MemAvailable:     101 kB\n"));
        assert_false(memory_text_is_short("MemTotal:        2000 kB\nMemFree:          10 kB\n"));
        assert_false(memory_text_is_short(""));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_cgroup_is_short_in_the_last_twentieth_of_its_lower_limit),
                cmocka_unit_test(what_it_has_read_of_files_is_available),
                cmocka_unit_test(a_machine_is_short_by_what_is_available),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
