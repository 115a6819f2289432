/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of size.h. */
#include "basic/size.h"

#include "test.h"

static void assert_size(const char *text, uint64_t expected)
{
        uint64_t value = 42;

        if (size_parse(text, &value) != 0 || value != expected)
                fail_msg("%s is read as %llu", text, (unsigned long long) value);
}

static void assert_not_size(const char *text, int error)
{
        uint64_t value = 42;

        if (size_parse(text, &value) != error)
                fail_msg("\"%s\" is taken as %llu, or refused otherwise", text,
                         (unsigned long long) value);
        assert_int_equal(value, 42);
}

static void sizes_with_suffixes_are_powers_of_1024(void **state)
{
        assert_size("0", 0);
        assert_size("123", 123);
        assert_size("1K", 1024);
        assert_size("64M", UINT64_C(64) << 20);
        assert_size("2G", UINT64_C(2) << 30);
        assert_size("1T", UINT64_C(1) << 40);
}

static void fractions_are_exact_or_rounded_down(void **state)
{
        assert_size("1.5G", UINT64_C(3) << 29);
        assert_size("0.5K", 512);
        assert_size("0.375K", 384);
        assert_size("1.0K", 1024);
        assert_size("0.1K", 102);
        assert_size("0.999999999999999999999999999K", 1023);
        assert_size("0.30T", 329853488332);
}

static void no_limit_has_two_spellings(void **state)
{
        assert_size("max", UINT64_MAX);
        assert_size("infinity", UINT64_MAX);
        assert_size("18446744073709551615", UINT64_MAX);
}

static void garbage_is_no_size(void **state)
{
        static const char *const bad[] = { "",     "garbage", "-1",    "+1",     "64Q",      "64m",
                                           "64MB", "64 M",    " 64M",  "64M ",   "1.5",      "1.",
                                           ".5G",  "1.G",     "1..5G", "1.5.5G", "M",        "0x10",
                                           "1e3",  "64MM",    "MAX",   "max ",   "Infinity", "64\n",
                                           "1,5G", "١",       "64M\n", "--1" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_not_size(bad[i], -EINVAL);
}

static void more_than_64_bits_is_out_of_range(void **state)
{
        assert_not_size("18446744073709551616", -ERANGE);
        assert_not_size("99999999999999999999999999", -ERANGE);
        assert_not_size("16777216T", -ERANGE);
        assert_not_size("18014398509481984K", -ERANGE);
        assert_size("16777215T", UINT64_C(16777215) << 40);
}

static void assert_quota(const char *text, uint64_t quota, uint64_t period)
{
        uint64_t q = 42, p = 43;

        if (cpu_quota_parse(text, &q, &p) != 0 || q != quota || p != period)
                fail_msg("%s is read as %llu %llu", text, (unsigned long long) q,
                         (unsigned long long) p);
}

static void quotas_are_accepted_as_cpu_max_has_them(void **state)
{
        assert_quota("max", UINT64_MAX, UINT64_MAX);
        assert_quota("max 100000", UINT64_MAX, 100000);
        assert_quota("max/100000", UINT64_MAX, 100000);
        assert_quota("50000/100000", 50000, 100000);
        assert_quota("50000 100000", 50000, 100000);
        assert_quota("1000/1000", 1000, 1000);
        assert_quota("800000/100000", 800000, 100000);
        assert_quota("1000/1000000", 1000, 1000000);
}

static void other_quotas_are_refused(void **state)
{
        static const char *const bad[] = {
                "abc",
                "100000",
                "100/0",
                "0/100000",
                "100000/",
                "/100000",
                "1/2/3",
                "-1 100000",
                " ",
                "",
                "/",
                "max/",
                "max ",
                "max max",
                "50000/max",
                "50000  100000",
                "50000/ 100000",
                "infinity",
                "999/100000",
                "50000/999",
                "50000/1000001",
                "50000/100000 ",
                " 50000/100000",
                "18446744073709551616/100000",
                "17592186044416/100000",
                "5e4/100000",
                "maximum",
                "0x10/100000",
                "50000/100000/",
                "max/0",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                uint64_t q = 42, p = 43;
                int r = cpu_quota_parse(bad[i], &q, &p);

                if (r != -EINVAL && r != -ERANGE)
                        fail_msg("\"%s\" is taken", bad[i]);
                assert_int_equal(q, 42);
                assert_int_equal(p, 43);
        }
}

static void assert_list(const char *text, const char *expected)
{
        _cleanup_(number_set_done) NumberSet set = { 0 };
        _cleanup_(freep) char *formatted = NULL;

        if (number_set_parse(text, &set) != 0)
                fail_msg("\"%s\" is refused", text);
        assert_int_equal(number_set_format(&set, &formatted), 0);
        assert_string_equal(formatted, expected);
}

static void lists_are_read_and_written_in_their_shortest_form(void **state)
{
        assert_list("0", "0");
        assert_list("0-3,8", "0-3,8");
        assert_list("8,0-3", "0-3,8");
        assert_list("0,1,2", "0-2");
        assert_list("5,5,5-6", "5-6");
        assert_list("7-8", "7-8");
        assert_list("8191", "8191");
        assert_list("0-8191", "0-8191");
        assert_list("3-3", "3");
}

static void other_lists_are_refused(void **state)
{
        static const char *const bad[] = { "",      "a",    "3-1", "0-",    "-3",  ",",  "0,",
                                           ",0",    "0,,1", "0 1", "0-3-5", "0-a", " 0", "0 ",
                                           "0-3;8", "+1",   "0\n", "0x1",   "all" };
        static const char *const large[] = { "8192", "0-9999", "0-8192", "99999999999999999999" };
        NumberSet set = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (number_set_parse(bad[i], &set) != -EINVAL)
                        fail_msg("\"%s\" is taken", bad[i]);
        for (size_t i = 0; i < ELEMENTSOF(large); i++)
                if (number_set_parse(large[i], &set) != -ERANGE)
                        fail_msg("\"%s\" is taken", large[i]);
        assert_null(set.bits);
}

static void a_set_is_marshalled_lowest_bit_first(void **state)
{
        _cleanup_(number_set_done) NumberSet set = { 0 };

        assert_int_equal(number_set_parse("0,9", &set), 0);
        assert_int_equal(set.n_bytes, 2);
        assert_int_equal(set.bits[0], 0x01);
        assert_int_equal(set.bits[1], 0x02);
}

static void an_empty_set_is_written_as_nothing(void **state)
{
        _cleanup_(freep) char *text = NULL;
        NumberSet empty = { 0 };

        assert_int_equal(number_set_format(&empty, &text), 0);
        assert_string_equal(text, "");
}

static void sets_are_equal_whatever_room_they_take(void **state)
{
        uint8_t a[] = { 0x05 }, b[] = { 0x05, 0, 0 }, c[] = { 0x05, 0x01 };
        NumberSet sa = { a, sizeof(a) }, sb = { b, sizeof(b) }, sc = { c, sizeof(c) },
                  empty = { 0 };

        assert_true(number_set_equal(&sa, &sb));
        assert_true(number_set_equal(&sb, &sa));
        assert_false(number_set_equal(&sa, &sc));
        assert_false(number_set_equal(&sc, &sa));
        assert_false(number_set_equal(&empty, &sa));
        assert_true(number_set_equal(&empty, &empty));
}

static NumberSet set_of(const char *text)
{
        NumberSet set = { 0 };

        if (*text)
                assert_int_equal(number_set_parse(text, &set), 0);
        return set;
}

static void sets_are_added_and_taken_apart(void **state)
{
        static const struct {
                const char *a, *b, *both, *rest; /* rest: of a without b */
        } all[] = {
                { "0-3", "2,8", "0-3,8", "0-1,3" },
                { "100", "1", "1,100", "100" },
                { "1", "100", "1,100", "1" },
                { "5", "", "5", "5" },
                { "", "5", "5", "" },
                { "0-64", "0-8191", "0-8191", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                _cleanup_(number_set_done) NumberSet a = set_of(all[i].a), b = set_of(all[i].b),
                                                     both = set_of(all[i].both),
                                                     rest = set_of(all[i].rest), found = { 0 };

                assert_int_equal(number_set_without(&a, &b, &found), 0);
                assert_true(number_set_equal(&found, &rest));
                assert_int_equal(number_set_any(&found), *all[i].rest != '\0');
                assert_int_equal(number_set_add(&a, &b), 0);
                assert_true(number_set_equal(&a, &both));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_with_suffixes_are_powers_of_1024),
                cmocka_unit_test(fractions_are_exact_or_rounded_down),
                cmocka_unit_test(no_limit_has_two_spellings),
                cmocka_unit_test(garbage_is_no_size),
                cmocka_unit_test(more_than_64_bits_is_out_of_range),
                cmocka_unit_test(quotas_are_accepted_as_cpu_max_has_them),
                cmocka_unit_test(other_quotas_are_refused),
                cmocka_unit_test(lists_are_read_and_written_in_their_shortest_form),
                cmocka_unit_test(other_lists_are_refused),
                cmocka_unit_test(a_set_is_marshalled_lowest_bit_first),
                cmocka_unit_test(an_empty_set_is_written_as_nothing),
                cmocka_unit_test(sets_are_equal_whatever_room_they_take),
                cmocka_unit_test(sets_are_added_and_taken_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
