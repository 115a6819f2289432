/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which texts options take. */
#include "basic/option.h"
#include "test.h"

#include <limits.h>

static void assert_taken(const char *option, const char *text)
{
        assert_int_equal(option_check(option, text, NULL), 0);
}

/* The sentence names the option, and has the word. */
static void assert_refused(const char *option, const char *text, const char *word)
{
        _cleanup_(freep) char *reason = NULL;

        assert_int_equal(option_check(option, text, &reason), -EINVAL);
        assert_non_null(startswith(reason, option));
        assert_non_null(strstr(reason, word));
}

static char *of_length(size_t length, const char *prefix)
{
        char *text = malloc(length + 1);

        assert_non_null(text);
        memset(text, 'x', length);
        memcpy(text, prefix, strlen(prefix));
        text[length] = '\0';
        return text;
}

static void test_paths_are_absolute(void **state)
{
        _cleanup_(freep) char *longest = of_length(PATH_MAX - 1, "/");
        _cleanup_(freep) char *longer = of_length(PATH_MAX, "/");

        assert_taken("WorkingDirectory", "/");
        assert_taken("WorkingDirectory", longest);
        assert_refused("WorkingDirectory", longer, "4095");
        assert_refused("WorkingDirectory", "", "absolute");
        assert_refused("WorkingDirectory", "a/b", "\"a/b\"");
        assert_taken("RequirePaths", "/mnt/data");
        assert_refused("RequirePaths", "data", "\"data\"");
}

static void test_users_and_groups_are_words(void **state)
{
        _cleanup_(freep) char *longest = of_length(255, ""), *longer = of_length(256, "");

        assert_taken("User", "alice");
        assert_taken("Group", "1000");
        assert_taken("User", longest);
        assert_refused("User", longer, "256");
        assert_refused("Group", "", "1 to 255");
        assert_refused("Group", "a\nb", "control");
        assert_refused("User", "a\x7f", "control");
}

static void test_a_log_is_one_of_three(void **state)
{
        assert_taken("Log", "journal");
        assert_taken("Log", "null");
        assert_taken("Log", "file:/var/log/x");
        assert_refused("Log", "file:x", "absolute");
        assert_refused("Log", "file:", "absolute");
        assert_refused("Log", "syslog", "\"syslog\"");
        assert_refused("Log", "", "journal");
}

static void test_a_variable_has_a_name(void **state)
{
        _cleanup_(freep) char *reason = NULL;

        assert_taken("Environment", "A=");
        assert_taken("Environment", "_a1=b=c\n");
        assert_refused("Environment", "1A=b", "\"1A\"");
        assert_refused("Environment", "=b", "NAME=VALUE");
        assert_refused("Environment", "A", "\"A\"");
        assert_refused("Environment", "", "NAME=VALUE");
        assert_int_equal(option_check("Environment", "A-B=secret", &reason), -EINVAL);
        assert_null(strstr(reason, "secret"));
}

static void test_a_description_is_a_line(void **state)
{
        assert_taken("Description", "An allocation");
        assert_taken("Description", "");
        assert_refused("Description", "a\nb", "one line");
        assert_refused("Description", "\xff", "UTF-8");
}

static void test_other_options_take_any_text(void **state)
{
        assert_taken("Nonsense", "\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths_are_absolute),
                cmocka_unit_test(test_users_and_groups_are_words),
                cmocka_unit_test(test_a_log_is_one_of_three),
                cmocka_unit_test(test_a_variable_has_a_name),
                cmocka_unit_test(test_a_description_is_a_line),
                cmocka_unit_test(test_other_options_take_any_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
