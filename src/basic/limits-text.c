/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits as text: in state files and on the command line. */
#include "basic/fields.h"
#include "basic/limits-internal.h"
#include "basic/reason.h"

#include <inttypes.h>
#include <stdio.h>

static int number_parse(const LimitInfo *info, const char *text, uint64_t *ret)
{
        if (limit_is_size(info))
                return size_parse(text, ret);
        if (info->unlimited && (streq(text, "max") || streq(text, "infinity"))) {
                *ret = UINT64_MAX;
                return 0;
        }
        return parse_u64(text, ret);
}

/* `error` is what number_parse() said: -ERANGE for more than 64 bits. */
static int number_fault(const LimitInfo *info, const char *text, int error, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE], range[LIMIT_TEXT_SIZE];
        const char *what = "a number";

        if (error == -ENOMEM)
                return error;
        if (limit_is_size(info))
                what = "a size (a number, then K, M, G, T or nothing: 64M, 1.5G)";

        limit_format_range(info, error == -ERANGE ? UINT64_MAX : 0, range);
        if (error == -ERANGE)
                return reason_set(-ERANGE, ret_reason, "%s=%s is out of range: %s", info->property,
                                  reason_quote(text, quoted), range);

        return reason_set(-EINVAL, ret_reason, "%s=%s is not %s: %s", info->property,
                          reason_quote(text, quoted), what, range);
}

static int parse_number(Limits *l, LimitType t, const char *text, char **ret_reason)
{
        uint64_t value;
        int r;

        r = number_parse(&limit_table[t], text, &value);
        if (r < 0)
                return number_fault(&limit_table[t], text, r, ret_reason);

        return limits_set_number(l, t, value, ret_reason);
}

static int parse_flag(Limits *l, LimitType t, const char *text, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];
        uint64_t value;

        if (flag_parse(text, &value) < 0)
                return reason_set(-EINVAL, ret_reason, "%s=%s is neither yes nor no",
                                  limit_table[t].property, reason_quote(text, quoted));
        return limits_set_number(l, t, value, ret_reason);
}

static int parse_set(Limits *l, LimitType t, const char *text, char **ret_reason)
{
        _cleanup_(number_set_done) NumberSet set = { 0 };
        char quoted[REASON_QUOTE_SIZE];
        int r;

        r = *text ? number_set_parse(text, &set) : 0;
        if (r == -ERANGE)
                return reason_set(r, ret_reason, "%s=%s is out of range: 0 to %d",
                                  limit_table[t].property, reason_quote(text, quoted),
                                  NUMBER_SET_MAX - 1);
        if (r == -EINVAL)
                return reason_set(
                        r, ret_reason,
                        "%s=%s is not a list: numbers and rising ranges, such as 0-3,8, are "
                        "needed",
                        limit_table[t].property, reason_quote(text, quoted));
        if (r < 0)
                return r;

        return limits_set_set(l, t, set.bits, set.n_bytes, ret_reason);
}

/* "PATH NUMBER"; a path may hold spaces, a number does not. */
static int parse_device(Limits *l, LimitType t, const char *text, char **ret_reason)
{
        const char *space = strrchr(text, ' ');
        _cleanup_(freep) char *path = NULL;
        char quoted[REASON_QUOTE_SIZE];
        uint64_t value;
        int r;

        if (!space)
                return reason_set(-EINVAL, ret_reason, "%s=%s has no number: %s is needed",
                                  limit_table[t].property, reason_quote(text, quoted),
                                  limit_table[t].argument);

        path = strndup(text, (size_t) (space - text));
        if (!path)
                return -ENOMEM;

        r = number_parse(&limit_table[t], space + 1, &value);
        if (r < 0)
                return number_fault(&limit_table[t], text, r, ret_reason);

        return limits_add_device(l, t, path, value, ret_reason);
}

/* Where the letters begin that say what may be done with a device: behind the last space, as in systemd's
 * DeviceAllow=, or behind the last colon when nothing but letters follows. Names of /dev have colons, too
 * ("/dev/char/195:0"): one that ends in letters behind a colon is written with ":rwm". */
static const char *access_separator(const char *text)
{
        const char *space = strrchr(text, ' '), *colon = strrchr(text, ':');

        if (space)
                return space;
        for (const char *p = colon ? colon + 1 : ""; *p; p++)
                if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z'))
                        return NULL;
        return colon;
}

/* "NODE:LETTERS", "NODE LETTERS", or "NODE" for all that can be done with it. */
static int parse_pair(Limits *l, LimitType t, const char *text, char **ret_reason)
{
        const char *separator = access_separator(text);
        _cleanup_(freep) char *name = NULL;

        name = separator ? strndup(text, (size_t) (separator - text)) : strdup(text);
        if (!name)
                return -ENOMEM;

        return limits_add_pair(l, t, name, separator ? separator + 1 : "rwm", ret_reason);
}

static int (*const parse_table[])(Limits *l, LimitType t, const char *text, char **ret_reason) = {
        [LIMIT_KIND_NUMBER] = parse_number,  [LIMIT_KIND_FLAG] = parse_flag,
        [LIMIT_KIND_SET] = parse_set,        [LIMIT_KIND_DEVICES] = parse_device,
        [LIMIT_KIND_WORD] = limits_set_word, [LIMIT_KIND_PAIRS] = parse_pair,
};

int limits_parse(Limits *l, LimitType t, const char *text, char **ret_reason)
{
        return parse_table[limit_table[t].kind](l, t, text, ret_reason);
}

static int format_number(uint64_t value, const char *name, char **ret)
{
        char number[24] = "infinity";
        char *text;

        if (value != UINT64_MAX)
                (void) snprintf(number, sizeof(number), "%" PRIu64, value);
        if (asprintf(&text, "%s%s%s", name, *name ? " " : "", number) < 0)
                return -ENOMEM;

        *ret = text;
        return 1;
}

static int format_words(const char *first, const char *second, char **ret)
{
        char *text;

        if (asprintf(&text, "%s%s%s", first, second ? " " : "", second ?: "") < 0)
                return -ENOMEM;

        *ret = text;
        return 1;
}

int limits_format(const Limits *l, LimitType t, size_t index, char **ret)
{
        const Limit *v = &l->values[t];
        LimitKind kind = limit_table[t].kind;
        bool list = kind == LIMIT_KIND_DEVICES || kind == LIMIT_KIND_PAIRS;
        int r;

        if (!v->is_set || index >= (list ? v->n_pairs : 1))
                return 0;

        switch (kind) {
        case LIMIT_KIND_NUMBER:
                return format_number(v->number, "", ret);
        case LIMIT_KIND_FLAG:
                return format_words(v->number ? "yes" : "no", NULL, ret);
        case LIMIT_KIND_DEVICES:
                return format_number(v->pairs[index].number, v->pairs[index].name, ret);
        case LIMIT_KIND_WORD:
                return format_words(v->word, NULL, ret);
        case LIMIT_KIND_PAIRS:
                return format_words(v->pairs[index].name, v->pairs[index].word, ret);
        case LIMIT_KIND_SET:
                r = number_set_format(&v->set, ret);
                return r < 0 ? r : 1;
        }

        return -EINVAL;
}

void limits_to_fields(const Limits *l, const char *key, Fields *f)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                for (size_t i = 0;; i++) {
                        _cleanup_(freep) char *value = NULL, *text = NULL;
                        int r = limits_format(l, t, i, &value);

                        if (r == 0)
                                break;
                        if (r < 0 || asprintf(&text, "%s=%s", limit_table[t].property, value) < 0) {
                                f->error = -ENOMEM;
                                return;
                        }
                        fields_append(f, key, text);
                }
}

int limits_from_field(Limits *l, char *text)
{
        _cleanup_(freep) char *reason = NULL;
        char *value = strchr(text, '=');
        LimitType t;

        if (!value)
                return -EBADMSG;
        *value++ = '\0';
        t = limit_from_property(text);
        return t < 0 ? -ENOENT : limits_parse(l, t, value, &reason);
}
