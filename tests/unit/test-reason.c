/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of reason.h. */
#include "basic/reason.h"

#include "test.h"

static void a_reason_is_formatted_and_the_error_handed_on(void **state)
{
        _cleanup_(freep) char *text = NULL;

        assert_int_equal(reason_set(-ERANGE, &text, "%s=%d", "a", 7), -ERANGE);
        assert_string_equal(text, "a=7");
}

static void a_reason_nobody_wants_is_no_error(void **state)
{
        assert_int_equal(reason_set(-EINVAL, NULL, "%s", "x"), -EINVAL);
}

static void quoting_leaves_printable_text(void **state)
{
        char buffer[REASON_QUOTE_SIZE];

        assert_string_equal(reason_quote("a b/c", buffer), "\"a b/c\"");
        assert_string_equal(reason_quote("", buffer), "\"\"");
}

static void quoting_escapes_what_could_break_a_line_or_a_string(void **state)
{
        char buffer[REASON_QUOTE_SIZE];

        assert_string_equal(reason_quote("a\nb\x7f\xc3", buffer), "\"a\\x0ab\\x7f\\xc3\"");
}

static void quoting_cuts_long_text_and_stays_in_its_buffer(void **state)
{
        struct {
                char buffer[REASON_QUOTE_SIZE];
                char guard;
        } s = { .guard = 'G' };
        char plain[1000], odd[1000];

        memset(plain, 'x', sizeof(plain) - 1);
        memset(odd, '\n', sizeof(odd) - 1);
        plain[sizeof(plain) - 1] = odd[sizeof(odd) - 1] = '\0';

        for (size_t skip = 0; skip < 4; skip++) {
                assert_non_null(endswith(reason_quote(plain + skip, s.buffer), "...\""));
                assert_non_null(endswith(reason_quote(odd + skip, s.buffer), "...\""));
                assert_true(strlen(s.buffer) < sizeof(s.buffer));
                assert_int_equal(s.guard, 'G');
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reason_is_formatted_and_the_error_handed_on),
                cmocka_unit_test(a_reason_nobody_wants_is_no_error),
                cmocka_unit_test(quoting_leaves_printable_text),
                cmocka_unit_test(quoting_escapes_what_could_break_a_line_or_a_string),
                cmocka_unit_test(quoting_cuts_long_text_and_stays_in_its_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
