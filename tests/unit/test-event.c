/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of event.h, and that catalog and manual page know the same types, fields and MESSAGE_IDs. */
#include "basic/event.h"

#include "test.h"

#include <ctype.h>

/* --- text forms --- */

static char *line_of(const char *key, const char *value)
{
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert_non_null(f);
        event_line_put(f, key, value);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void assert_line(const char *value, const char *expected)
{
        _cleanup_(freep) char *text = line_of("key", value);

        assert_string_equal(text, expected);
}

static void a_plain_value_stands_as_it_is(void **state)
{
        assert_line("workload-a_1.scope", " key=workload-a_1.scope");
        assert_line("/workload.slice/a", " key=/workload.slice/a");
        assert_line("0", " key=0");
}

static void what_could_end_a_value_is_quoted(void **state)
{
        assert_line("", " key=\"\"");
        assert_line("two words", " key=\"two words\"");
        assert_line("MemoryMax=1", " key=\"MemoryMax=1\"");
        assert_line("say \"hi\" \\", " key=\"say \\\"hi\\\" \\\\\"");
        assert_line("$(reboot)`;", " key=\"$(reboot)`;\"");
}

static void no_byte_of_a_value_breaks_the_line(void **state)
{
        assert_line("a\nEVENT b\r\t", " key=\"a\\nEVENT b\\r\\t\"");
        assert_line("\x1b[2J\x7f", " key=\"\\x1b[2J\\x7f\"");
        assert_line("\xc2\x85\xe2\x80\xa8", " key=\"\\xc2\\x85\\xe2\\x80\\xa8\"");

        for (int c = 1; c < 256; c++) {
                char value[] = { 'x', (char) c, 'y', '\0' };
                _cleanup_(freep) char *text = line_of("key", value);

                for (const char *p = text; *p; p++)
                        assert_true(*p >= ' ' && *p <= '~');
        }
}

static void assert_native(const char *value, const char *expected, size_t length)
{
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert_non_null(f);
        event_native_put(f, "HPCNODE_X", value);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(n, length);
        assert_memory_equal(text, expected, length);
        free(text);
}

static void a_field_of_a_datagram_is_text(void **state)
{
        static const char expected[] = "HPCNODE_X=a=b\n";

        assert_native("a=b", expected, sizeof expected - 1);
}

static void a_value_with_a_newline_has_its_length_before_it(void **state)
{
        static const char expected[] = "HPCNODE_X\n\x07\0\0\0\0\0\0\0A\nB=C\nD\n";

        assert_native("A\nB=C\nD", expected, sizeof expected - 1);
}

/* --- names --- */

static void names_in_the_journal_and_keys_are_one_to_one(void **state)
{
        for (EventField f = 0; f < _EVENT_FIELD_MAX; f++) {
                const char *key = event_field_table[f].key;
                char name[EVENT_NAME_MAX + 1], back[EVENT_NAME_MAX + 1];

                event_field_name(key, name);
                assert_non_null(startswith(name, "HPCNODE_"));
                for (const char *p = name; *p; p++)
                        assert_true(isupper((unsigned char) *p) || isdigit((unsigned char) *p) ||
                                    *p == '_');
                assert_int_equal(event_field_key(name, strlen(name), back), 0);
                assert_string_equal(back, key);
                assert_int_equal(event_field_from_key(key), f);
        }
}

static void other_fields_are_not_ours(void **state)
{
        char key[EVENT_NAME_MAX + 1], longest[EVENT_NAME_MAX + 8];

        assert_int_equal(event_field_key("MESSAGE", 7, key), -EINVAL);
        assert_int_equal(event_field_key("HPCNODE_", 8, key), -EINVAL);
        memset(longest, 'X', sizeof longest);
        memcpy(longest, "HPCNODE_", 8);
        assert_int_equal(event_field_key(longest, sizeof longest, key), -EINVAL);
        /* In lower case, and so the same as another, or with what would end it in a line. */
        assert_int_equal(event_field_key("HPCNODE_type", 12, key), -EINVAL);
        assert_int_equal(event_field_key("HPCNODE_A B", 11, key), -EINVAL);
        assert_int_equal(event_field_key("HPCNODE_A\n", 10, key), -EINVAL);
        assert_int_equal(event_field_from_key("no_such_field"), _EVENT_FIELD_INVALID);
}

/* --- the table, and what is made after it --- */

static void every_message_id_is_one_and_used_once(void **state)
{
        for (EventType t = 0; t < _EVENT_TYPE_MAX; t++) {
                const char *id = event_type_table[t].message_id;

                assert_int_equal(strlen(id), 32);
                assert_int_equal(strspn(id, "0123456789abcdef"), 32);
                for (EventType u = 0; u < t; u++) {
                        assert_string_not_equal(id, event_type_table[u].message_id);
                        assert_string_not_equal(event_type_table[t].name, event_type_table[u].name);
                }
        }
}

static char *read_source(const char *path)
{
        _cleanup_(freep) char *full = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *f;

        assert_true(asprintf(&full, "%s/%s", SOURCE_ROOT, path) > 0);
        f = fopen(full, "re");
        assert_non_null(f);
        assert_true(getdelim(&text, &size, '\0', f) > 0);
        assert_int_equal(fclose(f), 0);
        return text;
}

static size_t count(const char *text, const char *what)
{
        size_t n = 0;

        for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
                n++;
        return n;
}

static void the_catalog_has_every_message_id_once_and_no_other(void **state)
{
        _cleanup_(freep) char *catalog = read_source("units/hpcnode-cgroupd.catalog");

        for (EventType t = 0; t < _EVENT_TYPE_MAX; t++) {
                char entry[64];

                (void) snprintf(entry, sizeof entry,
                                "\n-- %s\nSubject: ", event_type_table[t].message_id);
                assert_int_equal(count(catalog, entry), 1);
        }
        assert_int_equal(count(catalog, "\n-- "), _EVENT_TYPE_MAX);
}

static void the_catalog_names_no_field_that_there_is_not(void **state)
{
        _cleanup_(freep) char *catalog = read_source("units/hpcnode-cgroupd.catalog");

        for (char *p = strstr(catalog, "@" EVENT_PREFIX); p; p = strstr(p, "@" EVENT_PREFIX)) {
                char key[EVENT_NAME_MAX + 1], *end = strchr(++p, '@');

                assert_non_null(end);
                assert_int_equal(event_field_key(p, (size_t) (end - p), key), 0);
                assert_true(event_field_from_key(key) >= 0);
                p = end;
        }
}

static void the_manual_page_has_every_type_and_every_field(void **state)
{
        _cleanup_(freep) char *page = read_source("man/hpcnode-events.7.scd");

        for (EventType t = 0; t < _EVENT_TYPE_MAX; t++) {
                static const char *const priorities[] = {
                        [3] = "err", "warning", "notice", "info"
                };
                const EventTypeInfo *info = &event_type_table[t];
                char heading[96], id[96];

                (void) snprintf(heading, sizeof heading, "\n## %s\n", info->name);
                assert_int_equal(count(page, heading), 1);
                (void) snprintf(id, sizeof id, "\nMESSAGE_ID=%s, priority %s.", info->message_id,
                                priorities[info->priority]);
                assert_int_equal(count(page, id), 1);
        }
        for (EventField f = 0; f < _EVENT_FIELD_MAX; f++) {
                char entry[96];

                (void) snprintf(entry, sizeof entry, "*%s*", event_field_table[f].key);
                assert_true(count(page, entry) > 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_value_stands_as_it_is),
                cmocka_unit_test(what_could_end_a_value_is_quoted),
                cmocka_unit_test(no_byte_of_a_value_breaks_the_line),
                cmocka_unit_test(a_field_of_a_datagram_is_text),
                cmocka_unit_test(a_value_with_a_newline_has_its_length_before_it),
                cmocka_unit_test(names_in_the_journal_and_keys_are_one_to_one),
                cmocka_unit_test(other_fields_are_not_ours),
                cmocka_unit_test(every_message_id_is_one_and_used_once),
                cmocka_unit_test(the_catalog_has_every_message_id_once_and_no_other),
                cmocka_unit_test(the_catalog_names_no_field_that_there_is_not),
                cmocka_unit_test(the_manual_page_has_every_type_and_every_field),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
