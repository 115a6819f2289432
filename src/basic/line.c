/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The check behind line.h. */
#include "basic/line.h"

#include "basic/reason.h"

/* The character that s begins with, and its bytes in *ret_n. -EILSEQ for what is no UTF-8: overlong forms,
 * surrogates and what is beyond Unicode are none. */
static int32_t decode(const unsigned char *s, size_t *ret_n)
{
        static const struct {
                unsigned char mask, lead;
                int32_t min;
        } forms[] = {
                { 0x80, 0x00, 0 },
                { 0xe0, 0xc0, 0x80 },
                { 0xf0, 0xe0, 0x800 },
                { 0xf8, 0xf0, 0x10000 },
        };

        for (size_t n = 0; n < ELEMENTSOF(forms); n++) {
                int32_t c = s[0] & ~forms[n].mask;

                if ((s[0] & forms[n].mask) != forms[n].lead)
                        continue;
                for (size_t i = 1; i <= n; i++) {
                        if ((s[i] & 0xc0) != 0x80)
                                return -EILSEQ;
                        c = c << 6 | (s[i] & 0x3f);
                }
                if (c < forms[n].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                        return -EILSEQ;
                *ret_n = n + 1;
                return c;
        }
        return -EILSEQ;
}

bool text_is_utf8(const char *text)
{
        const unsigned char *s = (const unsigned char *) text;

        for (size_t n = 0; *s; s += n)
                if (decode(s, &n) < 0)
                        return false;
        return true;
}

/* Control characters of both sets, what ends a line, and what turns the direction of what follows. */
static bool steers(int32_t c)
{
        return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
               (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool is_line(const char *text)
{
        const unsigned char *s = (const unsigned char *) text;
        bool empty = true;

        for (size_t n = 0; *s; s += n) {
                int32_t c = decode(s, &n);

                if (c < 0 || steers(c))
                        return false;
                empty &= c == ' ';
        }
        return !empty && strlen(text) <= LINE_BYTES_MAX;
}

void text_put_escaped(FILE *f, const char *text, size_t n)
{
        const unsigned char *s = (const unsigned char *) text, *end = s + n;

        while (s < end) {
                size_t length = 1;
                int32_t c = decode(s, &length);

                if (c == '\t' || (c >= 0 && !steers(c)))
                        (void) fwrite(s, 1, length, f);
                else
                        for (size_t i = 0; i < length; i++)
                                (void) fprintf(f, "\\x%02x", s[i]);
                s += length;
        }
}

int line_check(const char *text, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        if (is_line(text))
                return 0;
        return reason_set(-EINVAL, ret_reason,
                          "%s is not allowed: needed is one line of 1 to %d bytes, UTF-8 "
                          "without control characters",
                          reason_quote(text, quoted), LINE_BYTES_MAX);
}
