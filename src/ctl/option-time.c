/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A point in time as people write it. */
#include "ctl.h"

#include "basic/clock.h"

#include <time.h>

static const struct Unit {
        const char *name;
        uint64_t usec;
} units[] = {
        { "s", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "m", 60 * USEC_PER_SEC },
        { "min", 60 * USEC_PER_SEC },
        { "h", 3600 * USEC_PER_SEC },
        { "d", 24 * 3600 * USEC_PER_SEC },
        { "w", 7 * 24 * 3600 * USEC_PER_SEC },
};

static bool unit_find(const char *name, size_t n, uint64_t *ret)
{
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == n && memcmp(units[i].name, name, n) == 0) {
                        *ret = units[i].usec;
                        return true;
                }
        return false;
}

int span_parse(const char *s, uint64_t *ret)
{
        uint64_t total = 0;

        do {
                size_t digits = strspn(s, "0123456789"), letters;
                uint64_t number, unit;

                letters = strspn(s + digits, "abcdefghijklmnopqrstuvwxyz");
                if (digits == 0 || digits > 9 || !unit_find(s + digits, letters, &unit))
                        return -EINVAL;
                number = strtoul(s, NULL, 10);
                if (__builtin_mul_overflow(number, unit, &unit) ||
                    __builtin_add_overflow(total, unit, &total))
                        return -ERANGE;
                s += digits + letters;
        } while (*s);
        *ret = total;
        return 0;
}

/* "@1795329812" or "@1795329812.126" */
static int parse_seconds(const char *s, uint64_t *ret)
{
        size_t digits = strspn(s, "0123456789"), fraction = 0;
        uint64_t usec;

        if (digits == 0 || digits > 11)
                return -EINVAL;
        usec = strtoul(s, NULL, 10) * USEC_PER_SEC;
        if (s[digits] == '.') {
                fraction = 1 + strspn(s + digits + 1, "0123456789");
                for (size_t i = 1, part = USEC_PER_SEC / 10; i < fraction; i++, part /= 10)
                        usec += (uint64_t) (s[digits + i] - '0') * part;
        }
        if (s[digits + fraction])
                return -EINVAL;
        *ret = usec;
        return 0;
}

int delay_parse(const char *s, uint64_t *ret)
{
        uint64_t usec;

        if (parse_seconds(s, &usec) < 0 || usec < DELAY_USEC_MIN || usec > DELAY_USEC_MAX)
                return -EINVAL;
        *ret = usec;
        return 0;
}

static int local_usec(struct tm *tm, uint64_t *ret)
{
        time_t t;

        tm->tm_isdst = -1;
        t = mktime(tm);
        if (t < 0)
                return -ERANGE;
        *ret = (uint64_t) t * USEC_PER_SEC;
        return 0;
}

/* Midnight of today, or of some days before. */
static int parse_day(int days_ago, uint64_t *ret)
{
        time_t now = time(NULL);
        struct tm tm;

        if (!localtime_r(&now, &tm))
                return -ERANGE;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday -= days_ago;
        return local_usec(&tm, ret);
}

/* A date, a time of today, or both. */
static int parse_local(const char *s, uint64_t *ret)
{
        static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };
        static const char *const times[] = { "%H:%M", "%H:%M:%S" };
        time_t now = time(NULL);
        const char *end;
        struct tm tm;

        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                tm = (struct tm){};
                end = strptime(s, formats[i], &tm);
                if (end && !*end)
                        return local_usec(&tm, ret);
        }
        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                if (!localtime_r(&now, &tm))
                        return -ERANGE;
                tm.tm_sec = 0;
                end = strptime(s, times[i], &tm);
                if (end && !*end)
                        return local_usec(&tm, ret);
        }
        return -EINVAL;
}

int time_parse(const char *s, uint64_t *ret)
{
        uint64_t now, span;
        int r;

        if (*s == '@')
                return parse_seconds(s + 1, ret);
        if (streq(s, "today") || streq(s, "yesterday"))
                return parse_day(*s == 'y', ret);
        if (*s != '-')
                return parse_local(s, ret);
        r = span_parse(s + 1, &span);
        now = clock_usec(CLOCK_REALTIME);
        if (r >= 0)
                *ret = now > span ? now - span : 0;
        return r;
}
