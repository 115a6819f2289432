/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as lines: fields of the journal, one a line here, become a line that says the same, whatever is
 * in them. */
#include "fuzz.h"

#include "client/events.c"

#include <endian.h>

/* One value of a line, from *at on, as events(7) tells a reader of lines to take it. */
static char *read_value(const char **at)
{
        char *value = calloc(1, strlen(*at) + 1), *to = value;
        const char *p = *at;

        check(value);
        if (*p != '"') {
                while (*p && *p != ' ')
                        *to++ = *p++;
                *at = p;
                return value;
        }
        for (p++; *p != '"'; p++) {
                unsigned byte;

                check(*p);
                if (*p != '\\') {
                        *to++ = *p;
                        continue;
                }
                p++;
                if (*p == 'x') {
                        check(sscanf(p + 1, "%2x", &byte) == 1);
                        *to++ = (char) byte;
                        p += 2;
                } else {
                        *to++ = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p;
                }
        }
        *at = p + 1;
        return value;
}

static void check_line(const hpcnode_cgroup_events *ev)
{
        const char *at = startswith(ev->line, "EVENT");

        check(at);
        for (const char *p = ev->line; *p; p++)
                check(*p >= ' ' && *p <= '~');
        for (size_t i = 0; i < ev->n_fields; i++) {
                _cleanup_(freep) char *value = NULL;

                check(*at++ == ' ');
                check(startswith(at, ev->fields[i].key));
                at += strlen(ev->fields[i].key);
                check(*at++ == '=');
                value = read_value(&at);
                check(streq(value, ev->fields[i].value));
        }
        check(!*at);
}

/* What journald would read in its native protocol is one field. */
static void check_native(const char *name, const char *value)
{
        _cleanup_(freep) char *data = NULL;
        size_t length, n = strlen(name);
        uint64_t said;
        FILE *f = open_memstream(&data, &length);

        check(f);
        event_native_put(f, name, value);
        check(fclose(f) == 0);
        check(memcmp(data, name, n) == 0 && data[length - 1] == '\n');
        if (data[n] == '=') {
                check(memchr(data, '\n', length) == data + length - 1);
                return;
        }
        memcpy(&said, data + n + 1, sizeof said);
        check(data[n] == '\n' && le64toh(said) == strlen(value));
        check(length == n + 1 + sizeof said + strlen(value) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        hpcnode_cgroup_events ev = {};
        const char *p = (const char *) data, *end = p + size;

        while (p < end) {
                /* A value may hold a newline: fields are separated by NUL. */
                size_t n = strnlen(p, (size_t) (end - p));

                check(add_field(p, n, &ev) == 0);
                p += n + 1;
        }
        if (ev.n_fields > 0)
                qsort(ev.fields, ev.n_fields, sizeof *ev.fields, compare_fields);
        check(make_line(&ev) == 0);
        check_line(&ev);
        for (size_t i = 0; i < ev.n_fields; i++) {
                const char *key, *value;

                check(hpcnode_cgroup_events_field(&ev, i, &key, &value) !=
                      HPCNODE_CGROUP_FIELD_NONE);
                check_native("HPCNODE_X", value);
        }
        ev.since_usec = 1;
        (void) is_older(&ev);
        fields_clear(&ev);
        free(ev.fields);
        return 0;
}
