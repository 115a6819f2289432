/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing and reading of KEY=VALUE lines, without stdio: the supervisor is linked with this. */
#include "basic/fields.h"

#define FIELDS_SIZE_MIN 256

/* 20 digits of UINT64_MAX, or a sign and 19 digits, and the terminating NUL. */
#define DECIMAL_SIZE 21

static bool key_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static bool key_valid(const char *key, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (!key_char(key[i]))
                        return false;

        return length > 0;
}

void fields_done(Fields *f)
{
        free(f->data);
        *f = (Fields){ 0 };
}

/* Makes room for `more` bytes and the NUL behind them. */
static int fields_reserve(Fields *f, size_t more)
{
        size_t need, allocated;
        char *data;

        if (__builtin_add_overflow(f->length, more, &need) || need > SIZE_MAX / 2 - 1)
                return -ENOMEM;
        need++;
        if (need <= f->allocated)
                return 0;

        allocated = f->allocated > 0 ? f->allocated : FIELDS_SIZE_MIN;
        while (allocated < need)
                allocated *= 2;

        data = realloc(f->data, allocated);
        if (!data)
                return -ENOMEM;

        f->data = data;
        f->allocated = allocated;
        return 0;
}

static size_t escaped_length(const char *value)
{
        size_t n = 0;

        for (const char *p = value; *p; p++)
                n += *p == '\n' || *p == '\\' ? 2 : 1;

        return n;
}

static char *append_escaped(char *to, const char *value)
{
        for (const char *p = value; *p; p++)
                if (*p == '\n' || *p == '\\') {
                        *to++ = '\\';
                        *to++ = *p == '\n' ? 'n' : '\\';
                } else
                        *to++ = *p;

        return to;
}

void fields_append(Fields *f, const char *key, const char *value)
{
        size_t key_length;
        char *p;

        if (f->error < 0 || !value)
                return;

        key_length = strlen(key);
        if (!key_valid(key, key_length)) {
                f->error = -EINVAL;
                return;
        }

        f->error = fields_reserve(f, key_length + 1 + escaped_length(value) + 1);
        if (f->error < 0)
                return;

        p = f->data + f->length;
        memcpy(p, key, key_length);
        p += key_length;
        *p++ = '=';
        p = append_escaped(p, value);
        *p++ = '\n';
        *p = '\0';
        f->length = (size_t) (p - f->data);
}

/* Writes the digits from the end of the buffer on and returns where they start. */
static char *format_u64(char buffer[static DECIMAL_SIZE], uint64_t value)
{
        char *p = buffer + DECIMAL_SIZE;

        *--p = '\0';
        do
                *--p = (char) ('0' + value % 10);
        while (value /= 10);

        return p;
}

void fields_append_u64(Fields *f, const char *key, uint64_t value)
{
        char buffer[DECIMAL_SIZE];

        fields_append(f, key, format_u64(buffer, value));
}

void fields_append_i64(Fields *f, const char *key, int64_t value)
{
        char buffer[DECIMAL_SIZE];
        char *p;

        /* Negating as unsigned, since -INT64_MIN does not exist. */
        p = format_u64(buffer, value < 0 ? -(uint64_t) value : (uint64_t) value);
        if (value < 0)
                *--p = '-';

        fields_append(f, key, p);
}

FieldsReader fields_reader(char *data, size_t length)
{
        return (FieldsReader){
                .next = data,
                .end = data ? data + length : NULL,
        };
}

/* Only what fields_append() writes: no NUL, and no backslash before anything but 'n' and '\'. */
static bool value_valid(const char *value, const char *end)
{
        for (const char *p = value; p < end; p++) {
                if (*p == '\0')
                        return false;
                if (*p == '\\' && (++p == end || (*p != 'n' && *p != '\\')))
                        return false;
        }

        return true;
}

static void unescape(char *value, char *end)
{
        char *to = value;

        for (char *p = value; p < end; p++)
                if (*p == '\\')
                        *to++ = *++p == 'n' ? '\n' : '\\';
                else
                        *to++ = *p;

        *to = '\0';
}

int fields_next(FieldsReader *r, char **ret_key, char **ret_value)
{
        char *key, *equals, *newline;

        if (r->next == r->end)
                return 0;

        /* Checked in full before the first byte is changed, so that a malformed line stays one,
         * however often it is asked for. */
        key = r->next;
        newline = memchr(key, '\n', (size_t) (r->end - key));
        if (!newline)
                return -EBADMSG;

        equals = memchr(key, '=', (size_t) (newline - key));
        if (!equals || !key_valid(key, (size_t) (equals - key)) ||
            !value_valid(equals + 1, newline))
                return -EBADMSG;

        *equals = '\0';
        unescape(equals + 1, newline);
        r->next = newline + 1;

        *ret_key = key;
        *ret_value = equals + 1;
        return 1;
}

int parse_u64(const char *s, uint64_t *ret)
{
        uint64_t value = 0;

        if (!s || !*s)
                return -EINVAL;

        /* All of it is looked at before an overflow is reported: garbage is garbage at any length. */
        for (const char *p = s; *p; p++)
                if (*p < '0' || *p > '9')
                        return -EINVAL;

        for (const char *p = s; *p; p++)
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                    __builtin_add_overflow(value, (uint64_t) (*p - '0'), &value))
                        return -ERANGE;

        *ret = value;
        return 0;
}

int parse_i64(const char *s, int64_t *ret)
{
        uint64_t magnitude;
        bool negative;
        int r;

        if (!s)
                return -EINVAL;

        negative = *s == '-';
        r = parse_u64(negative ? s + 1 : s, &magnitude);
        if (r < 0)
                return r;
        if (magnitude > (uint64_t) INT64_MAX + negative)
                return -ERANGE;

        *ret = negative ? (int64_t) -magnitude : (int64_t) magnitude;
        return 0;
}
