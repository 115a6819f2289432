/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fields.h. */
#include "basic/fields.h"

#include "test.h"

#include <stdio.h>

static void an_empty_list_reads_as_nothing(void **state)
{
        FieldsReader r = fields_reader(NULL, 0);
        char *key, *value;

        assert_int_equal(fields_next(&r, &key, &value), 0);
}

static void pairs_are_written_a_line_each(void **state)
{
        _cleanup_(fields_done) Fields f = { 0 };

        fields_append(&f, "type", "spawn");
        fields_append(&f, "empty", "");
        fields_append_u64(&f, "serial", 0);
        assert_int_equal(f.error, 0);
        assert_string_equal(f.data, "type=spawn\nempty=\nserial=0\n");
        assert_int_equal(f.length, strlen(f.data));
}

static void null_values_append_nothing(void **state)
{
        _cleanup_(fields_done) Fields f = { 0 };

        fields_append(&f, "key", NULL);
        assert_int_equal(f.error, 0);
        assert_int_equal(f.length, 0);
        assert_null(f.data);
}

static void every_byte_comes_back(void **state)
{
        _cleanup_(fields_done) Fields f = { 0 };
        char all[256], *key, *value;
        FieldsReader r;

        for (size_t i = 0; i < 255; i++)
                all[i] = (char) (i + 1);
        all[255] = '\0';

        fields_append(&f, "all", all);
        fields_append(&f, "after", "x");
        assert_int_equal(f.error, 0);

        r = fields_reader(f.data, f.length);
        assert_int_equal(fields_next(&r, &key, &value), 1);
        assert_string_equal(key, "all");
        assert_string_equal(value, all);
        assert_int_equal(fields_next(&r, &key, &value), 1);
        assert_string_equal(key, "after");
        assert_string_equal(value, "x");
        assert_int_equal(fields_next(&r, &key, &value), 0);
}

static void newline_and_backslash_do_not_break_a_line(void **state)
{
        _cleanup_(fields_done) Fields f = { 0 };

        fields_append(&f, "k", "a\nb\\n\\");
        assert_string_equal(f.data, "k=a\\nb\\\\n\\\\\n");
}

static void a_key_may_stand_more_than_once(void **state)
{
        _cleanup_(fields_done) Fields f = { 0 };
        char *key, *value, number[16];
        FieldsReader r;

        for (uint64_t i = 0; i < 1000; i++)
                fields_append_u64(&f, "argv", i);

        r = fields_reader(f.data, f.length);
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(number, sizeof(number), "%u", i);
                assert_int_equal(fields_next(&r, &key, &value), 1);
                assert_string_equal(value, number);
        }
        assert_int_equal(fields_next(&r, &key, &value), 0);
}

static void values_far_beyond_a_packet_are_kept_whole(void **state)
{
        enum { SIZE = 1 << 20 };
        _cleanup_(fields_done) Fields f = { 0 };
        _cleanup_(freep) char *big = malloc(SIZE + 1);
        char *key, *value;
        FieldsReader r;

        assert_non_null(big);
        memset(big, '\n', SIZE);
        big[SIZE] = '\0';
        fields_append(&f, "big", big);
        assert_int_equal(f.error, 0);
        assert_int_equal(f.length, strlen("big=\n") + 2 * SIZE);

        r = fields_reader(f.data, f.length);
        assert_int_equal(fields_next(&r, &key, &value), 1);
        assert_string_equal(value, big);
}

static void the_extremes_of_numbers_come_back(void **state)
{
        _cleanup_(fields_done) Fields f = { 0 };

        fields_append_u64(&f, "a", UINT64_MAX);
        fields_append_i64(&f, "b", INT64_MIN);
        fields_append_i64(&f, "c", INT64_MAX);
        fields_append_i64(&f, "d", -1);
        assert_string_equal(f.data, "a=18446744073709551615\nb=-9223372036854775808\n"
                                    "c=9223372036854775807\nd=-1\n");
}

static void a_bad_key_is_remembered_as_an_error(void **state)
{
        static const char *const bad[] = { "", "A", "a b", "a=b", "a\n", "\xc3\xa4" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(fields_done) Fields f = { 0 };

                fields_append(&f, bad[i], "x");
                assert_int_equal(f.error, -EINVAL);
                fields_append(&f, "good", "x");
                assert_int_equal(f.error, -EINVAL);
                assert_int_equal(f.length, 0);
        }
}

static void a_value_may_hold_equals_signs(void **state)
{
        char data[] = "env=A=B=C\n", *key, *value;
        FieldsReader r = fields_reader(data, strlen(data));

        assert_int_equal(fields_next(&r, &key, &value), 1);
        assert_string_equal(key, "env");
        assert_string_equal(value, "A=B=C");
}

static void malformed_lines_are_refused(void **state)
{
        static const struct {
                const char *data;
                size_t length;
        } bad[] = {
                { "key=value", 9 },       /* no newline */
                { "key\n", 4 },           /* no '=' */
                { "=value\n", 7 },        /* no key */
                { "\n", 1 },              /* empty line */
                { "Key=value\n", 10 },    /* not a key */
                { "a b=value\n", 10 },    /* not a key */
                { "key=a\\\n", 7 },       /* backslash at the end */
                { "key=a\\tb\n", 9 },     /* unknown escape */
                { "key=a\0b\n", 8 },      /* NUL in the value */
                { "k\0y=a\n", 6 },        /* NUL in the key */
                { "key\nother=x\n", 12 }, /* '=' in another line */
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char data[32], *key = NULL, *value = NULL;
                FieldsReader r;

                memcpy(data, bad[i].data, bad[i].length);
                r = fields_reader(data, bad[i].length);
                assert_int_equal(fields_next(&r, &key, &value), -EBADMSG);
                assert_null(key);
                assert_null(value);
                /* ... and stay refused. */
                assert_int_equal(fields_next(&r, &key, &value), -EBADMSG);
        }
}

static void what_stands_before_a_malformed_line_is_read(void **state)
{
        char data[] = "a=1\nbroken", *key, *value;
        FieldsReader r = fields_reader(data, strlen(data));

        assert_int_equal(fields_next(&r, &key, &value), 1);
        assert_string_equal(value, "1");
        assert_int_equal(fields_next(&r, &key, &value), -EBADMSG);
}

static void parse_u64_takes_decimal_digits_only(void **state)
{
        static const char *const bad[] = { "",    " 1", "1 ", "+1", "-1",  "-0", "0x10", "1e3",
                                           "1.0", "a",  "1a", "\n", "1\n", "１", "1,0" };
        uint64_t v = 42;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_u64(bad[i], &v), -EINVAL);
        assert_int_equal(parse_u64(NULL, &v), -EINVAL);
        assert_int_equal(v, 42);

        assert_int_equal(parse_u64("0", &v), 0);
        assert_int_equal(v, 0);
        assert_int_equal(parse_u64("18446744073709551615", &v), 0);
        assert_true(v == UINT64_MAX);
}

static void parse_u64_refuses_more_than_64_bits(void **state)
{
        uint64_t v = 42;

        assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
        assert_int_equal(parse_u64("18446744073709551620", &v), -ERANGE);
        assert_int_equal(parse_u64("99999999999999999999999", &v), -ERANGE);
        assert_int_equal(parse_u64("99999999999999999999999x", &v), -EINVAL);
        assert_int_equal(v, 42);
}

static void parse_i64_knows_its_limits(void **state)
{
        int64_t v = 42;

        assert_int_equal(parse_i64("9223372036854775808", &v), -ERANGE);
        assert_int_equal(parse_i64("-9223372036854775809", &v), -ERANGE);
        assert_int_equal(parse_i64("-", &v), -EINVAL);
        assert_int_equal(parse_i64("--1", &v), -EINVAL);
        assert_int_equal(parse_i64("+1", &v), -EINVAL);
        assert_int_equal(parse_i64("- 1", &v), -EINVAL);
        assert_int_equal(parse_i64("", &v), -EINVAL);
        assert_int_equal(parse_i64(NULL, &v), -EINVAL);
        assert_int_equal(v, 42);

        assert_int_equal(parse_i64("-9223372036854775808", &v), 0);
        assert_true(v == INT64_MIN);
        assert_int_equal(parse_i64("9223372036854775807", &v), 0);
        assert_true(v == INT64_MAX);
        assert_int_equal(parse_i64("-17", &v), 0);
        assert_int_equal(v, -17);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_list_reads_as_nothing),
                cmocka_unit_test(pairs_are_written_a_line_each),
                cmocka_unit_test(null_values_append_nothing),
                cmocka_unit_test(every_byte_comes_back),
                cmocka_unit_test(newline_and_backslash_do_not_break_a_line),
                cmocka_unit_test(a_key_may_stand_more_than_once),
                cmocka_unit_test(values_far_beyond_a_packet_are_kept_whole),
                cmocka_unit_test(the_extremes_of_numbers_come_back),
                cmocka_unit_test(a_bad_key_is_remembered_as_an_error),
                cmocka_unit_test(a_value_may_hold_equals_signs),
                cmocka_unit_test(malformed_lines_are_refused),
                cmocka_unit_test(what_stands_before_a_malformed_line_is_read),
                cmocka_unit_test(parse_u64_takes_decimal_digits_only),
                cmocka_unit_test(parse_u64_refuses_more_than_64_bits),
                cmocka_unit_test(parse_i64_knows_its_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
