/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsing and formatting behind size.h, without the C library's locale-dependent functions. */
#include "basic/size.h"

#include "basic/fields.h"

#include <stdio.h>

/* What the kernel takes in cpu.max: a period of 1 ms to 1 s, a quota of at least 1 ms and at most
 * MAX_BW (kernel/sched/sched.h). */
#define PERIOD_MIN_USEC UINT64_C(1000)
#define PERIOD_MAX_USEC UINT64_C(1000000)
#define QUOTA_MIN_USEC  UINT64_C(1000)
#define QUOTA_MAX_USEC  ((UINT64_C(1) << 44) - 1)

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static size_t count_digits(const char *s)
{
        size_t n = 0;

        while (is_digit(s[n]))
                n++;

        return n;
}

static bool is_unlimited(const char *s)
{
        return streq(s, "max") || streq(s, "infinity");
}

static int suffix_factor(const char *suffix, uint64_t *ret)
{
        static const char letters[] = "KMGT";
        const char *p;

        if (!*suffix) {
                *ret = 1;
                return 0;
        }

        p = strchr(letters, suffix[0]);
        if (!p || suffix[1])
                return -EINVAL;

        *ret = UINT64_C(1) << (10 * (p - letters + 1));
        return 0;
}

static int digits_parse(const char *s, size_t n, uint64_t *ret)
{
        uint64_t value = 0;

        for (size_t i = 0; i < n; i++)
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                    __builtin_add_overflow(value, (uint64_t) (s[i] - '0'), &value))
                        return -ERANGE;

        *ret = value;
        return 0;
}

/* The digits after the point, times factor, rounded down: worked from the last digit on, so that no
 * number of digits overflows and no floating point is needed. */
static uint64_t fraction_of(const char *digits, size_t n, uint64_t factor)
{
        uint64_t value = 0;

        while (n-- > 0)
                value = (value + (uint64_t) (digits[n] - '0') * factor) / 10;

        return value;
}

int size_parse(const char *s, uint64_t *ret)
{
        size_t n_whole, n_fraction = 0;
        const char *fraction = "", *suffix;
        uint64_t whole, factor, value;
        int r;

        if (is_unlimited(s)) {
                *ret = UINT64_MAX;
                return 0;
        }

        n_whole = count_digits(s);
        suffix = s + n_whole;
        if (*suffix == '.') {
                fraction = suffix + 1;
                n_fraction = count_digits(fraction);
                suffix = fraction + n_fraction;
        }

        r = suffix_factor(suffix, &factor);
        if (r < 0)
                return r;
        /* There is no half a byte: a point needs digits on both sides and a suffix. */
        if (n_whole == 0 || (suffix != s + n_whole && (n_fraction == 0 || factor == 1)))
                return -EINVAL;

        r = digits_parse(s, n_whole, &whole);
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(whole, factor, &value) ||
            __builtin_add_overflow(value, fraction_of(fraction, n_fraction, factor), &value))
                return -ERANGE;

        *ret = value;
        return 0;
}

static int quota_parse(const char *s, size_t n, uint64_t *ret)
{
        uint64_t value;
        int r;

        if (n == strlen("max") && memcmp(s, "max", n) == 0) {
                *ret = UINT64_MAX;
                return 0;
        }
        if (n == 0 || count_digits(s) != n)
                return -EINVAL;

        r = digits_parse(s, n, &value);
        if (r < 0)
                return r;
        if (value < QUOTA_MIN_USEC || value > QUOTA_MAX_USEC)
                return -ERANGE;

        *ret = value;
        return 0;
}

static int period_parse(const char *s, uint64_t *ret)
{
        uint64_t value;
        int r;

        r = parse_u64(s, &value);
        if (r < 0)
                return r;
        if (value < PERIOD_MIN_USEC || value > PERIOD_MAX_USEC)
                return -ERANGE;

        *ret = value;
        return 0;
}

int flag_parse(const char *s, uint64_t *ret)
{
        static const char *const words[][2] = {
                { "no", "yes" },
                { "false", "true" },
                { "off", "on" },
                { "0", "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (size_t value = 0; value < 2; value++)
                        if (streq(s, words[i][value])) {
                                *ret = value;
                                return 0;
                        }
        return -EINVAL;
}

int cpu_quota_parse(const char *s, uint64_t *ret_quota_usec, uint64_t *ret_period_usec)
{
        size_t n = strcspn(s, "/ ");
        uint64_t quota, period = UINT64_MAX;
        int r;

        r = quota_parse(s, n, &quota);
        if (r < 0)
                return r;

        /* A quota alone could mean µs or per cent: only "max" needs no period. */
        if (s[n])
                r = period_parse(s + n + 1, &period);
        else if (quota != UINT64_MAX)
                r = -EINVAL;
        if (r < 0)
                return r;

        *ret_quota_usec = quota;
        *ret_period_usec = period;
        return 0;
}

void number_set_done(NumberSet *s)
{
        free(s->bits);
        *s = (NumberSet){ 0 };
}

bool number_set_has(const NumberSet *s, size_t i)
{
        return i / 8 < s->n_bytes && (s->bits[i / 8] & (1U << (i % 8)));
}

/* Reads "N" or "N-M" at *s and moves *s behind it. */
static int range_parse(const char **s, uint64_t *ret_first, uint64_t *ret_last)
{
        size_t n = count_digits(*s);
        uint64_t first, last;
        int r;

        if (n == 0)
                return -EINVAL;
        r = digits_parse(*s, n, &first);
        if (r < 0)
                return r;
        *s += n;

        last = first;
        if (**s == '-') {
                n = count_digits(++*s);
                if (n == 0)
                        return -EINVAL;
                r = digits_parse(*s, n, &last);
                if (r < 0)
                        return r;
                *s += n;
        }

        if (last < first)
                return -EINVAL;
        if (last >= NUMBER_SET_MAX)
                return -ERANGE;

        *ret_first = first;
        *ret_last = last;
        return 0;
}

int number_set_parse(const char *s, NumberSet *ret)
{
        uint8_t bits[NUMBER_SET_MAX / 8] = { 0 };
        size_t n_bytes = 0;
        uint8_t *copy;

        for (;; s++) {
                uint64_t first, last;
                int r;

                r = range_parse(&s, &first, &last);
                if (r < 0)
                        return r;

                for (uint64_t i = first; i <= last; i++)
                        bits[i / 8] |= (uint8_t) (1U << (i % 8));
                if (last / 8 + 1 > n_bytes)
                        n_bytes = last / 8 + 1;

                if (!*s)
                        break;
                if (*s != ',')
                        return -EINVAL;
        }

        copy = malloc(n_bytes);
        if (!copy)
                return -ENOMEM;

        *ret = (NumberSet){ .bits = memcpy(copy, bits, n_bytes), .n_bytes = n_bytes };
        return 0;
}

int number_set_format(const NumberSet *s, char **ret)
{
        _cleanup_(freep) char *text = NULL;
        size_t n_bits = s->n_bytes * 8, length = 0;
        FILE *f;

        f = open_memstream(&text, &length);
        if (!f)
                return -ENOMEM;

        for (size_t i = 0; i < n_bits; i++) {
                size_t first = i;

                if (!number_set_has(s, i))
                        continue;
                while (number_set_has(s, i + 1))
                        i++;

                (void) fprintf(f, first == i ? "%s%zu" : "%s%zu-%zu", ftell(f) > 0 ? "," : "",
                               first, i);
        }

        if (fclose(f) != 0)
                return -ENOMEM;

        *ret = TAKE_PTR(text);
        return 0;
}

bool number_set_equal(const NumberSet *a, const NumberSet *b)
{
        size_t n = a->n_bytes > b->n_bytes ? a->n_bytes : b->n_bytes;

        for (size_t i = 0; i < n; i++) {
                uint8_t x = i < a->n_bytes ? a->bits[i] : 0, y = i < b->n_bytes ? b->bits[i] : 0;

                if (x != y)
                        return false;
        }

        return true;
}

bool number_set_any(const NumberSet *s)
{
        for (size_t i = 0; i < s->n_bytes; i++)
                if (s->bits[i] != 0)
                        return true;

        return false;
}

int number_set_add(NumberSet *s, const NumberSet *other)
{
        if (other->n_bytes > s->n_bytes) {
                uint8_t *bits = realloc(s->bits, other->n_bytes);

                if (!bits)
                        return -ENOMEM;
                memset(bits + s->n_bytes, 0, other->n_bytes - s->n_bytes);
                s->bits = bits;
                s->n_bytes = other->n_bytes;
        }
        for (size_t i = 0; i < other->n_bytes; i++)
                s->bits[i] |= other->bits[i];

        return 0;
}

int number_set_without(const NumberSet *s, const NumberSet *other, NumberSet *ret)
{
        NumberSet rest = { 0 };
        int r;

        r = number_set_add(&rest, s);
        if (r < 0)
                return r;
        for (size_t i = 0; i < rest.n_bytes && i < other->n_bytes; i++)
                rest.bits[i] &= (uint8_t) ~other->bits[i];

        *ret = rest;
        return 0;
}

int number_set_find_missing(const NumberSet *wanted, const NumberSet *there, char **ret_missing,
                            char **ret_there)
{
        _cleanup_(number_set_done) NumberSet missing = { 0 };
        _cleanup_(freep) char *text = NULL;
        int r;

        r = number_set_without(wanted, there, &missing);
        if (r < 0 || !number_set_any(&missing))
                return r;
        r = number_set_format(&missing, &text);
        if (r >= 0)
                r = number_set_format(there, ret_there);
        if (r < 0)
                return r;
        *ret_missing = TAKE_PTR(text);
        return 1;
}
