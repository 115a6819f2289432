/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of line.h. */
#include "basic/line.h"

#include "test.h"

static void assert_allowed(const char *text)
{
        char *reason = NULL;

        assert_int_equal(line_check(text, &reason), 0);
        assert_null(reason);
}

static void assert_refused(const char *text)
{
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(line_check(text, &reason), -EINVAL);
        assert_non_null(startswith(reason, "\""));
        assert_non_null(strstr(reason, "one line of 1 to 255 bytes"));
        for (const char *p = reason; *p; p++)
                assert_true(*p >= ' ' && *p <= '~');
}

static void a_line_may_have_any_character_of_unicode(void **state)
{
        assert_allowed("x");
        assert_allowed("fabric is down, see ticket #42");
        assert_allowed("\"quoted\" type=job.exit \\n $(reboot) `'");
        assert_allowed("Schalter 7 glüht – 火事 🔥");
        assert_allowed("\xc2\xa0\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

static void a_line_is_not_empty(void **state)
{
        assert_refused("");
        assert_refused("   ");
}

static void a_line_is_bounded_in_bytes(void **state)
{
        char text[LINE_BYTES_MAX + 2];

        memset(text, 'a', sizeof text);
        text[LINE_BYTES_MAX] = '\0';
        assert_allowed(text);
        text[LINE_BYTES_MAX] = 'a';
        text[LINE_BYTES_MAX + 1] = '\0';
        assert_refused(text);
}

static void a_line_has_no_control_character(void **state)
{
        for (int c = 1; c < 0xa0; c++) {
                char text[] = { 'a', (char) c, 'b', '\0' },
                     wide[] = { 'a', '\xc2', (char) c, '\0' };

                if (c < ' ' || c == 0x7f)
                        assert_refused(text);
                if (c >= 0x80)
                        assert_refused(wide);
        }
        assert_refused("a\xe2\x80\xa8type=job.exit"); /* line separator */
        assert_refused("a\xe2\x80\xa9");
        assert_refused("a\xe2\x80\xae"); /* from right to left */
        assert_refused("a\xe2\x81\xa6");
}

static void a_line_is_utf8(void **state)
{
        static const char *const wrong[] = {
                "\x80",             /* no beginning */
                "a\xff",            /* never */
                "\xc3",             /* cut off */
                "\xe2\x82",         /* cut off */
                "\xf0\x9f\x94",     /* cut off */
                "\xc3(",            /* not continued */
                "\xc0\x8a",         /* newline, overlong */
                "\xe0\x80\x8a",     /* the same */
                "\xed\xa0\x80",     /* a surrogate */
                "\xf4\x90\x80\x80", /* beyond the last character */
                "\xf8\x88\x80\x80\x80",
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_refused(wrong[i]);
}

static void assert_escaped(const char *bytes, size_t n, const char *wanted)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        text_put_escaped(f, bytes, n);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, wanted);
}

static void what_steers_a_terminal_is_escaped(void **state)
{
        assert_escaped("plain\ttext \xc3\xa9", 13, "plain\ttext \xc3\xa9");
        assert_escaped("\033[2J", 4, "\\x1b[2J");
        assert_escaped("a\0b\r", 4, "a\\x00b\\x0d");
        assert_escaped("\xc2\x9b", 2, "\\xc2\\x9b");
        assert_escaped("\xff\xc3", 2, "\\xff\\xc3");
        assert_escaped("", 0, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_may_have_any_character_of_unicode),
                cmocka_unit_test(a_line_is_not_empty),
                cmocka_unit_test(a_line_is_bounded_in_bytes),
                cmocka_unit_test(a_line_has_no_control_character),
                cmocka_unit_test(a_line_is_utf8),
                cmocka_unit_test(what_steers_a_terminal_is_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
