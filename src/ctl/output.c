/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers: a record of keys and values, printed as "key: value" lines or as JSON. */
#include "output.h"

#include <stdio.h>

static const char *const json_mode_table[_JSON_MODE_MAX] = {
        [JSON_OFF] = "off",
        [JSON_SHORT] = "short",
        [JSON_PRETTY] = "pretty",
};

JsonMode json_mode_from_string(const char *s)
{
        for (JsonMode m = 0; m < _JSON_MODE_MAX; m++)
                if (streq(json_mode_table[m], s))
                        return m;
        return _JSON_MODE_INVALID;
}

/* json-c reports lack of memory by NULL; a client that prints an answer ends then. */
static struct json_object *checked(struct json_object *o)
{
        if (!o) {
                fputs("error: out of memory\n", stderr);
                exit(1);
        }
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

void record_add_number(Record *r, const char *key, uint64_t value)
{
        add(r, key, json_object_new_uint64(value));
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

/* A control character would make two lines of one, or steer the terminal. */
static void put_text(const char *s)
{
        for (; *s; s++)
                if ((unsigned char) *s < ' ' || *s == 0x7f)
                        printf("\\x%02x", (unsigned) (unsigned char) *s);
                else
                        putchar(*s);
}

static void put_value(struct json_object *value)
{
        switch (json_object_get_type(value)) {
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
        fprintf(stderr, "error: cannot write to standard output: %s\n", strerror(errno));
        return 1;
}
