/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers: a record of keys and values, printed as "key: value" lines or as JSON. */
#include "ctl.h"
#include "format.h"

#include "basic/line.h"
#include "basic/words.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const json_mode_table[_JSON_MODE_MAX] = {
        [JSON_OFF] = "off",
        [JSON_SHORT] = "short",
        [JSON_PRETTY] = "pretty",
};

JsonMode json_mode_from_string(const char *s)
{
        return words_find(json_mode_table, _JSON_MODE_MAX, s);
}

/* json-c reports lack of memory by NULL; a client that prints an answer ends then. */
static struct json_object *checked(struct json_object *o)
{
        if (!o)
                exit(out_of_memory());
        return o;
}

static void add(Record *r, const char *key, struct json_object *value)
{
        if (json_object_object_add(r, key, checked(value)) < 0)
                checked(NULL);
}

Record *record_new(void)
{
        return checked(json_object_new_object());
}

void record_add_text(Record *r, const char *key, const char *value)
{
        if (value)
                add(r, key, json_object_new_string(value));
}

void record_add_bytes(Record *r, const char *key, const char *data, size_t n)
{
        struct json_object *list;

        if (strlen(data) == n && text_is_utf8(data)) {
                record_add_text(r, key, data);
                return;
        }
        list = checked(json_object_new_array());
        for (size_t i = 0; i < n; i++)
                if (json_object_array_add(
                            list, checked(json_object_new_int((unsigned char) data[i]))) < 0)
                        checked(NULL);
        add(r, key, list);
}

void record_add_number(Record *r, const char *key, uint64_t value)
{
        add(r, key, json_object_new_uint64(value));
}

void record_add_unknown(Record *r, const char *key)
{
        if (json_object_object_add(r, key, NULL) < 0)
                checked(NULL);
}

void record_add_flag(Record *r, const char *key, bool value)
{
        add(r, key, json_object_new_boolean(value));
}

void record_add_texts(Record *r, const char *key, char *const *values)
{
        struct json_object *list;

        if (!values)
                return;
        list = checked(json_object_new_array());
        for (char *const *v = values; *v; v++)
                if (json_object_array_add(list, checked(json_object_new_string(*v))) < 0)
                        checked(NULL);
        add(r, key, list);
}

void record_add_numbers(Record *r, const char *key, const uint32_t *values, size_t n)
{
        struct json_object *list = checked(json_object_new_array());

        for (size_t i = 0; i < n; i++)
                if (json_object_array_add(list, checked(json_object_new_uint64(values[i]))) < 0)
                        checked(NULL);
        add(r, key, list);
}

void record_add_member(Record *r, const char *key, Record *member)
{
        add(r, key, member);
}

void record_add_record(Record *r, const char *key, Record *member)
{
        struct json_object *list;

        if (!json_object_object_get_ex(r, key, &list)) {
                list = json_object_new_array();
                add(r, key, list);
        }
        if (json_object_array_add(list, member) < 0)
                checked(NULL);
}

void record_add_percent(Record *r, const char *key, uint64_t permyriad)
{
        char text[FORMAT_SIZE];

        add(r, key,
            json_object_new_double_s((double) permyriad / 100, format_percent(permyriad, text)));
}

/* One line of a file with pressure. False: nothing is known. */
static bool add_pressure_line(Record *r, const char *prefix, const char *resource,
                              const char *level, const hpcnode_cgroup_metrics *metrics)
{
        static const char *const averages[] = { "avg10", "avg60", "avg300" };
        Record *line = record_new();
        char name[64], key[128];
        uint64_t value;
        bool known;

        for (size_t i = 0; i < ELEMENTSOF(averages); i++) {
                (void) snprintf(name, sizeof(name), "%s_%s_%s_permyriad", resource, level,
                                averages[i]);
                if (hpcnode_cgroup_metrics_get(metrics, name, &value) > 0)
                        record_add_percent(line, averages[i], value);
        }
        (void) snprintf(name, sizeof(name), "%s_%s_total_usec", resource, level);
        if (hpcnode_cgroup_metrics_get(metrics, name, &value) > 0)
                record_add_number(line, "total_usec", value);

        known = json_object_object_length(line) > 0;
        (void) snprintf(key, sizeof(key), "%s%s_pressure_%s", prefix, resource, level);
        if (known)
                add(r, key, line);
        else
                json_object_put(line);
        return known;
}

size_t record_add_pressure(Record *r, const char *prefix, const hpcnode_cgroup_metrics *metrics)
{
        static const char *const resources[] = { "cpu", "memory", "io" };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(resources); i++) {
                n += add_pressure_line(r, prefix, resources[i], "some", metrics);
                n += add_pressure_line(r, prefix, resources[i], "full", metrics);
        }
        return n;
}

static void put_text(const char *s)
{
        _cleanup_(freep) char *escaped = format_text(s);

        if (!escaped)
                checked(NULL);
        fputs(escaped, stdout);
}

static void put_value(struct json_object *value)
{
        switch (json_object_get_type(value)) {
        case json_type_null:
                fputs("not available", stdout);
                break;
        case json_type_boolean:
                putchar(json_object_get_boolean(value) ? '1' : '0');
                break;
        case json_type_array:
                for (size_t i = 0; i < json_object_array_length(value); i++) {
                        if (i > 0)
                                putchar(' ');
                        put_value(json_object_array_get_idx(value, i));
                }
                break;
        case json_type_object: {
                const char *separator = "";

                json_object_object_foreach(value, key, member)
                {
                        printf("%s%s=", separator, key);
                        put_value(member);
                        separator = " ";
                }
                break;
        }
        default:
                put_text(json_object_get_string(value));
        }
}

static void put_json(struct json_object *o, JsonMode mode)
{
        int flags = mode == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                        : JSON_C_TO_STRING_PLAIN;

        puts(json_object_to_json_string_ext(o, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
}

int record_print(Record *r, JsonMode mode)
{
        if (mode != JSON_OFF) {
                put_json(r, mode);
                return output_flush();
        }

        json_object_object_foreach(r, key, value)
        {
                printf("%s: ", key);
                put_value(value);
                putchar('\n');
        }
        return output_flush();
}

int json_print(const char *text, JsonMode mode)
{
        struct json_object *o = checked(json_tokener_parse(text));

        put_json(o, mode);
        json_object_put(o);
        return output_flush();
}

int output_flush(void)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        if (pager_was_left()) {
                pager_close();
                exit(CTL_OK);
        }
        fprintf(stderr, "error: cannot write to standard output: %s\n", strerror(errno));
        return 1;
}
