/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of limits and the checked ways to change it. */
#include "basic/limits.h"

#include "basic/limits-internal.h"
#include "basic/reason.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

/* Each name is compared with all others, and a caller without privilege may send them. */
#define PAIRS_MAX 256

#define DEVICE_PATH_SIZE 40

LimitType limit_from_property(const char *property)
{
        if (!property)
                return _LIMIT_INVALID;

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                if (streq(limit_table[t].property, property))
                        return t;

        return _LIMIT_INVALID;
}

static void limit_done(Limit *v)
{
        number_set_done(&v->set);
        free(v->word);
        for (size_t i = 0; i < v->n_pairs; i++) {
                free(v->pairs[i].name);
                free(v->pairs[i].word);
        }
        free(v->pairs);
        *v = (Limit){ 0 };
}

void limits_done(Limits *l)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                limit_done(&l->values[t]);
}

static int pairs_append(Limit *v, const char *name, uint64_t number, const char *word)
{
        _cleanup_(freep) char *name_copy = strdup(name), *word_copy = word ? strdup(word) : NULL;
        LimitPair *pairs;

        if (!name_copy || (word && !word_copy))
                return -ENOMEM;

        pairs = reallocarray(v->pairs, v->n_pairs + 1, sizeof(LimitPair));
        if (!pairs)
                return -ENOMEM;

        v->pairs = pairs;
        v->pairs[v->n_pairs++] = (LimitPair){
                .name = TAKE_PTR(name_copy),
                .number = number,
                .word = TAKE_PTR(word_copy),
        };
        v->is_set = true;
        return 0;
}

static int limit_copy(const Limit *from, Limit *ret)
{
        _cleanup_(limit_done) Limit v = { .is_set = from->is_set, .number = from->number };
        int r;

        if (from->word) {
                v.word = strdup(from->word);
                if (!v.word)
                        return -ENOMEM;
        }
        if (from->set.n_bytes > 0) {
                v.set.bits = malloc(from->set.n_bytes);
                if (!v.set.bits)
                        return -ENOMEM;
                memcpy(v.set.bits, from->set.bits, from->set.n_bytes);
                v.set.n_bytes = from->set.n_bytes;
        }
        for (size_t i = 0; i < from->n_pairs; i++) {
                const LimitPair *p = &from->pairs[i];

                r = pairs_append(&v, p->name, p->number, p->word);
                if (r < 0)
                        return r;
        }

        *ret = v;
        v = (Limit){ 0 };
        return 0;
}

int limits_copy(const Limits *from, Limits *ret)
{
        _cleanup_(limits_done) Limits l = { 0 };
        int r;

        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                r = limit_copy(&from->values[t], &l.values[t]);
                if (r < 0)
                        return r;
        }

        *ret = l;
        l = (Limits){ 0 };
        return 0;
}

bool limits_any(const Limits *l)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                if (l->values[t].is_set)
                        return true;

        return false;
}

bool limit_takes_away(const Limits *l, LimitType t)
{
        return limit_table[t].kind == LIMIT_KIND_SET && l->values[t].is_set &&
               l->values[t].set.n_bytes == 0;
}

static LimitPair *pair_find(Limit *v, const char *name)
{
        for (size_t i = 0; i < v->n_pairs; i++)
                if (streq(v->pairs[i].name, name))
                        return &v->pairs[i];

        return NULL;
}

/* Disks that a list does not name keep what they have, as with systemd and in io.max; an empty list is for all. */
static int keep_other_disks(Limit *v, const Limit *before)
{
        int r = 0;

        if (v->n_pairs == 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < before->n_pairs; i++)
                if (!pair_find(v, before->pairs[i].name))
                        r = pairs_append(v, before->pairs[i].name, before->pairs[i].number, NULL);
        return r;
}

int limits_merge(Limits *l, const Limits *changes)
{
        _cleanup_(limits_done) Limits copy = { 0 };
        int r;

        /* Copied as a whole first: either all of it is taken over or nothing. */
        r = limits_copy(changes, &copy);
        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++)
                if (copy.values[t].is_set && limit_table[t].kind == LIMIT_KIND_DEVICES)
                        r = keep_other_disks(&copy.values[t], &l->values[t]);
        if (r < 0)
                return r;

        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                if (!copy.values[t].is_set)
                        continue;

                limit_done(&l->values[t]);
                if (limit_takes_away(&copy, t))
                        continue;
                l->values[t] = copy.values[t];
                copy.values[t] = (Limit){ 0 };
        }

        return 0;
}

static int kind_fault(LimitType t, char **ret_reason)
{
        return reason_set(-EINVAL, ret_reason, "%s takes a value of D-Bus type %s",
                          limit_table[t].property, limit_table[t].signature);
}

/* A number with its unit, bytes also as people say them: "1048576 bytes (1 MiB)". */
static void amount_format(const LimitInfo *info, uint64_t value, char *buffer, size_t size)
{
        static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        uint64_t rest = value;
        size_t i = 0;

        while (limit_is_size(info) && rest > 0 && rest % 1024 == 0 && i + 1 < ELEMENTSOF(units)) {
                rest /= 1024;
                i++;
        }

        if (i > 0)
                (void) snprintf(buffer, size, "%" PRIu64 " %s (%" PRIu64 " %s)", value, info->unit,
                                rest, units[i]);
        else
                (void) snprintf(buffer, size, "%" PRIu64 "%s%s", value, *info->unit ? " " : "",
                                info->unit);
}

void limit_format_range(const LimitInfo *info, uint64_t value, char buffer[static LIMIT_TEXT_SIZE])
{
        const char *infinity = info->unlimited ? ", or infinity" : "";
        char amount[80];

        if (!limit_is_size(info)) {
                amount_format(info, info->max, amount, sizeof(amount));
                (void) snprintf(buffer, LIMIT_TEXT_SIZE, "%" PRIu64 " to %s%s", info->min, amount,
                                infinity);
                return;
        }

        amount_format(info, value < info->min ? info->min : info->max, amount, sizeof(amount));
        (void) snprintf(buffer, LIMIT_TEXT_SIZE, "at %s %s%s", value < info->min ? "least" : "most",
                        amount, infinity);
}

static int range_check(LimitType t, const char *name, uint64_t value, char **ret_reason)
{
        const LimitInfo *info = &limit_table[t];
        char number[24] = "infinity", range[LIMIT_TEXT_SIZE], quoted[REASON_QUOTE_SIZE];

        if (value == UINT64_MAX ? info->unlimited : value >= info->min && value <= info->max)
                return 0;

        if (value != UINT64_MAX)
                (void) snprintf(number, sizeof(number), "%" PRIu64, value);
        limit_format_range(info, value, range);
        return reason_set(-ERANGE, ret_reason, "%s=%s%s%s is out of range: %s", info->property,
                          *name ? reason_quote(name, quoted) : "", *name ? " " : "", number, range);
}

int limits_set_number(Limits *l, LimitType t, uint64_t value, char **ret_reason)
{
        int r;

        if (!limit_is_number(t))
                return kind_fault(t, ret_reason);

        r = range_check(t, "", value, ret_reason);
        if (r < 0)
                return r;

        l->values[t].number = value;
        l->values[t].is_set = true;
        return 0;
}

int limits_set_set(Limits *l, LimitType t, const void *bits, size_t n_bytes, char **ret_reason)
{
        const uint8_t *bytes = bits;
        uint8_t *copy;

        if (limit_table[t].kind != LIMIT_KIND_SET)
                return kind_fault(t, ret_reason);

        while (n_bytes > 0 && bytes[n_bytes - 1] == 0)
                n_bytes--;
        if (n_bytes > NUMBER_SET_MAX / 8)
                return reason_set(-ERANGE, ret_reason, "%s is out of range: 0 to %d",
                                  limit_table[t].property, NUMBER_SET_MAX - 1);

        copy = malloc(n_bytes ?: 1);
        if (!copy)
                return -ENOMEM;

        if (n_bytes > 0)
                memcpy(copy, bits, n_bytes);
        number_set_done(&l->values[t].set);
        l->values[t].set = (NumberSet){ .bits = copy, .n_bytes = n_bytes };
        l->values[t].is_set = true;
        return 0;
}

int limits_set_word(Limits *l, LimitType t, const char *word, char **ret_reason)
{
        static const char *const policies[] = { "auto", "closed", "strict" };
        char quoted[REASON_QUOTE_SIZE];

        if (limit_table[t].kind != LIMIT_KIND_WORD)
                return kind_fault(t, ret_reason);

        for (size_t i = 0; i < ELEMENTSOF(policies); i++)
                if (streq(policies[i], word)) {
                        char *copy = strdup(word);

                        if (!copy)
                                return -ENOMEM;

                        free(l->values[t].word);
                        l->values[t].word = copy;
                        l->values[t].is_set = true;
                        return 0;
                }

        return reason_set(-EINVAL, ret_reason, "%s=%s is not known: auto, closed or strict",
                          limit_table[t].property, reason_quote(word, quoted));
}

/* An absolute path as it should be: no "." or "..", nothing empty, nothing that breaks a line. */
static bool path_is_plain(const char *path)
{
        if (path[0] != '/' || strlen(path) >= PATH_MAX)
                return false;

        for (const char *p = path; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return false;

        for (const char *p = path + 1;;) {
                size_t n = strcspn(p, "/");

                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return n == 0 && streq(path, "/");
                if (!p[n])
                        return true;
                p += n + 1;
        }
}

static int pairs_full(LimitType t, char **ret_reason)
{
        return reason_set(-ERANGE, ret_reason, "%s has too many entries: at most %d",
                          limit_table[t].property, PAIRS_MAX);
}

/* "254:0" is written as the link that udev makes for it, which systemd reads without following it. */
static const char *device_path(const char *path, char buffer[static DEVICE_PATH_SIZE])
{
        size_t n = strspn(path, "0123456789"), m;

        if (n == 0 || path[n] != ':')
                return path;
        m = strspn(path + n + 1, "0123456789");
        if (m == 0 || path[n + 1 + m] || n + m > 20)
                return path;

        (void) snprintf(buffer, DEVICE_PATH_SIZE, "/dev/block/%s", path);
        return buffer;
}

int limits_add_device(Limits *l, LimitType t, const char *path, uint64_t value, char **ret_reason)
{
        Limit *v = &l->values[t];
        char quoted[REASON_QUOTE_SIZE], by_number[DEVICE_PATH_SIZE];
        LimitPair *pair;
        int r;

        if (limit_table[t].kind != LIMIT_KIND_DEVICES)
                return kind_fault(t, ret_reason);

        path = device_path(path, by_number);
        if (!path_is_plain(path))
                return reason_set(-EINVAL, ret_reason,
                                  "%s=%s is not a disk: an absolute path without \"..\", or "
                                  "MAJOR:MINOR, is needed",
                                  limit_table[t].property, reason_quote(path, quoted));

        r = range_check(t, path, value, ret_reason);
        if (r < 0)
                return r;

        pair = pair_find(v, path);
        if (pair) {
                pair->number = value;
                return 0;
        }
        return v->n_pairs < PAIRS_MAX ? pairs_append(v, path, value, NULL)
                                      : pairs_full(t, ret_reason);
}

/* What systemd takes: a node below /dev, or a class of /proc/devices such as "char-pts". */
static bool device_name_valid(const char *name)
{
        const char *class = startswith(name, "char-") ?: startswith(name, "block-");

        if (!class)
                return startswith(name, "/dev/") && path_is_plain(name);

        for (const char *p = class; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;

        return *class && strlen(class) < NAME_MAX;
}

int limits_add_pair(Limits *l, LimitType t, const char *name, const char *word, char **ret_reason)
{
        Limit *v = &l->values[t];
        char quoted[REASON_QUOTE_SIZE], quoted_word[REASON_QUOTE_SIZE];
        LimitPair *pair;

        if (limit_table[t].kind != LIMIT_KIND_PAIRS)
                return kind_fault(t, ret_reason);
        if (!device_name_valid(name))
                return reason_set(-EINVAL, ret_reason,
                                  "%s=%s is not a device: a path below /dev/, \"char-CLASS\" or "
                                  "\"block-CLASS\" is needed",
                                  limit_table[t].property, reason_quote(name, quoted));
        if (!*word || strlen(word) > 3 || word[strspn(word, "rwm")])
                return reason_set(
                        -EINVAL, ret_reason,
                        "%s=%s has the permissions %s: one or more of r, w and m are needed",
                        limit_table[t].property, reason_quote(name, quoted),
                        reason_quote(word, quoted_word));

        pair = pair_find(v, name);
        if (pair) {
                char *copy = strdup(word);

                if (!copy)
                        return -ENOMEM;

                free(pair->word);
                pair->word = copy;
                return 0;
        }
        return v->n_pairs < PAIRS_MAX ? pairs_append(v, name, 0, word) : pairs_full(t, ret_reason);
}
