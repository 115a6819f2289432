/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures as people read them in a table. */
#include "format.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *format_bytes(uint64_t bytes, char buffer[static FORMAT_SIZE])
{
        static const char suffixes[] = "BKMGTPE";
        size_t i = 0;
        uint64_t unit = 1;

        for (; bytes / unit >= 1024; unit *= 1024)
                i++;
        if (unit > 1)
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 "%c", bytes / unit,
                                bytes % unit / (unit / 1024) * 10 / 1024, suffixes[i]);
        else
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "B", bytes);
        return buffer;
}

const char *format_span(uint64_t usec, char buffer[static FORMAT_SIZE])
{
        uint64_t sec = usec / USEC_PER_SEC;

        if (sec < 60)
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 ".%03" PRIu64 "s", sec,
                                usec % USEC_PER_SEC / USEC_PER_MSEC);
        else if (sec < 3600)
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "min %" PRIu64 "s", sec / 60,
                                sec % 60);
        else if (sec < UINT64_C(86400))
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "h %" PRIu64 "min", sec / 3600,
                                sec % 3600 / 60);
        else
                (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "d %" PRIu64 "h", sec / 86400,
                                sec % 86400 / 3600);
        return buffer;
}

const char *format_percent(uint64_t permyriad, char buffer[static FORMAT_SIZE])
{
        (void) snprintf(buffer, FORMAT_SIZE, "%" PRIu64 ".%02" PRIu64, permyriad / 100,
                        permyriad % 100);
        return buffer;
}

const char *format_time(uint64_t usec, char buffer[static FORMAT_SIZE])
{
        time_t sec = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&sec, &tm) || strftime(buffer, FORMAT_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void) snprintf(buffer, FORMAT_SIZE, "@%" PRIu64, usec / USEC_PER_SEC);
        return buffer;
}

char *format_text(const char *text)
{
        char *escaped = malloc(4 * strlen(text) + 1), *p = escaped;

        if (!escaped)
                return NULL;
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 0x7f)
                        p += sprintf(p, "\\x%02x", (unsigned) (unsigned char) *text);
                else
                        *p++ = *text;
        *p = '\0';
        return escaped;
}
