/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Formatting and quoting behind reason.h. */
#include "basic/reason.h"

#include <stdarg.h>
#include <stdio.h>

/* Room for one escaped character (\xNN), the dots, the quote and the NUL. */
#define QUOTE_TAIL 9

int reason_set(int error, char **ret_reason, const char *format, ...)
{
        char *text;
        va_list ap;
        int n;

        if (!ret_reason)
                return error;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;

        *ret_reason = text;
        return error;
}

const char *reason_quote(const char *text, char buffer[static REASON_QUOTE_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        char *to = buffer, *end = buffer + REASON_QUOTE_SIZE - QUOTE_TAIL;

        *to++ = '"';
        for (const char *p = text; *p; p++) {
                unsigned char c = (unsigned char) *p;

                if (to >= end) {
                        to = stpcpy(to, "...");
                        break;
                }
                if (c >= ' ' && c <= '~')
                        *to++ = *p;
                else {
                        *to++ = '\\';
                        *to++ = 'x';
                        *to++ = digits[c >> 4];
                        *to++ = digits[c & 15];
                }
        }
        *to++ = '"';
        *to = '\0';
        return buffer;
}
