/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table of all keys of cgroupd.conf(5): defaults, ranges, and how a value is read. */
#include "daemon/config-table.h"

#include "basic/fields.h"
#include "basic/name.h"
#include "basic/size.h"

#include <stdio.h>

/* A value in µs that PID 1 and sd-event still take. */
#define USEC_MAX_ALLOWED (UINT64_C(365) * 24 * 3600 * USEC_PER_SEC)

/* Of the times of [Pressure]; below the least one, the timers would be polling. */
#define PRESSURE_USEC_MIN (100 * USEC_PER_MSEC)
#define PRESSURE_USEC_MAX (3600 * USEC_PER_SEC)

/* What the kernel takes for a trigger. */
#define WINDOW_USEC_MIN (500 * USEC_PER_MSEC)
#define WINDOW_USEC_MAX (10 * USEC_PER_SEC)

typedef enum ConfigType {
        CONFIG_USEC,
        CONFIG_NUMBER,
        CONFIG_BOOL,
        CONFIG_SHARE, /* 1/10000; PRESSURE_OFF is in no range */
        CONFIG_WORD,
        CONFIG_UNITS,
        CONFIG_USERS
} ConfigType;

static const char *const unknown_scopes_words[] = {
        [UNKNOWN_SCOPES_REPORT] = "report",
        [UNKNOWN_SCOPES_TERMINATE] = "terminate",
        NULL,
};

static const struct ConfigItem {
        const char *section, *key;
        ConfigType type;
        size_t offset;
        uint64_t min, max, fallback;
        size_t n;                 /* how many numbers, one after the other, the key sets */
        const char *const *words; /* of a CONFIG_WORD, whose value is an index */
        const char *list;         /* the default of a list */
} config_items[] = {
#define ITEMS(section, key, type, member, min, max, fallback, n)                    \
        {                                                                           \
                section, key, type, offsetof(Config, member), min, max, fallback, n \
        }
#define ITEM(section, key, type, member, min, max, fallback) \
        ITEMS(section, key, type, member, min, max, fallback, 1)
#define WORD(section, key, member, words, fallback)                                           \
        {                                                                                     \
                section, key, CONFIG_WORD, offsetof(Config, member), 0, 0, fallback, 1, words \
        }
#define LIST(section, key, type, member, fallback)                                       \
        {                                                                                \
                section, key, type, offsetof(Config, member), 0, 0, 0, 0, NULL, fallback \
        }
        LIST("Ownership", "PactUnits", CONFIG_UNITS, pact_units, "pact-agent.service"),
        LIST("Ownership", "PactUsers", CONFIG_USERS, pact_users, "pact"),
        LIST("Ownership", "WorkloadUnits", CONFIG_UNITS, workload_units,
             "lattice-node-agent.service"),
        LIST("Ownership", "WorkloadUsers", CONFIG_USERS, workload_users, "lattice"),
        /* With the undoing it must fit into the 24 s in which a call is answered. */
        ITEM("Scopes", "UnitTimeoutSec", CONFIG_USEC, unit_timeout_usec, USEC_PER_SEC,
             18 * USEC_PER_SEC, 12 * USEC_PER_SEC),
        ITEM("Scopes", "KillTimeoutSec", CONFIG_USEC, kill_timeout_usec, USEC_PER_SEC,
             10 * USEC_PER_SEC, 10 * USEC_PER_SEC),
        ITEM("Scopes", "StopTimeoutSec", CONFIG_USEC, stop_timeout_usec, USEC_PER_SEC,
             USEC_MAX_ALLOWED, 90 * USEC_PER_SEC),
        WORD("Scopes", "UnknownScopes", unknown_scopes, unknown_scopes_words,
             UNKNOWN_SCOPES_REPORT),
        ITEM("Scopes", "RecordsMax", CONFIG_NUMBER, records_max, 0, 1000000, 10000),
        ITEM("Scopes", "RecordsMaxAge", CONFIG_USEC, records_max_age_usec, USEC_PER_SEC,
             USEC_MAX_ALLOWED, UINT64_C(7) * 24 * 3600 * USEC_PER_SEC),
        ITEM("Limits", "ScopesMax", CONFIG_NUMBER, scopes_max, 0, 1000000, 1024),
        ITEM("Limits", "TasksMax", CONFIG_NUMBER, tasks_max, 0, 1000000, 16384),

        ITEM("Pressure", "Enabled", CONFIG_BOOL, pressure.enabled, 0, 1, true),
        ITEM("Pressure", "DryRun", CONFIG_BOOL, pressure.dry_run, 0, 1, false),
/* A share that is rejected from 0 on is rejected always; a trigger needs some. */
#define THRESHOLD(key, act, resource, kind, fallback)                         \
        ITEM("Pressure", key, CONFIG_SHARE,                                   \
             pressure.thresholds[PRESSURE_##act][PSI_##resource][PSI_##kind], \
             PRESSURE_##act != PRESSURE_REJECT, PSI_WHOLE, fallback)
#define PERCENT(n) ((n) * (PSI_WHOLE / 100))
        THRESHOLD("AdmitMemorySome", REJECT, MEMORY, SOME, PERCENT(80)),
        THRESHOLD("AdmitMemoryFull", REJECT, MEMORY, FULL, PERCENT(15)),
        THRESHOLD("AdmitCPUSome", REJECT, CPU, SOME, PERCENT(95)),
        THRESHOLD("AdmitCPUFull", REJECT, CPU, FULL, PRESSURE_OFF),
        THRESHOLD("AdmitIOSome", REJECT, IO, SOME, PRESSURE_OFF),
        THRESHOLD("AdmitIOFull", REJECT, IO, FULL, PERCENT(80)),
        /* A lower cpu weight helps against no other pressure. */
        THRESHOLD("DemoteCPUSome", DEMOTE, CPU, SOME, PERCENT(50)),
        THRESHOLD("DemoteCPUFull", DEMOTE, CPU, FULL, PRESSURE_OFF),
        THRESHOLD("FreezeMemorySome", FREEZE, MEMORY, SOME, PERCENT(20)),
        THRESHOLD("FreezeMemoryFull", FREEZE, MEMORY, FULL, PRESSURE_OFF),
        THRESHOLD("FreezeCPUSome", FREEZE, CPU, SOME, PRESSURE_OFF),
        THRESHOLD("FreezeCPUFull", FREEZE, CPU, FULL, PRESSURE_OFF),
        THRESHOLD("FreezeIOSome", FREEZE, IO, SOME, PRESSURE_OFF),
        THRESHOLD("FreezeIOFull", FREEZE, IO, FULL, PERCENT(30)),
        THRESHOLD("KillMemorySome", KILL, MEMORY, SOME, PRESSURE_OFF),
        THRESHOLD("KillMemoryFull", KILL, MEMORY, FULL, PERCENT(60)),
        THRESHOLD("KillCPUSome", KILL, CPU, SOME, PRESSURE_OFF),
        THRESHOLD("KillCPUFull", KILL, CPU, FULL, PRESSURE_OFF),
        THRESHOLD("KillIOSome", KILL, IO, SOME, PRESSURE_OFF),
        THRESHOLD("KillIOFull", KILL, IO, FULL, PRESSURE_OFF),
/* Of all resources, and of each. */
#define TIME(key, member, min, max, fallback)                                                      \
        ITEMS("Pressure", key, CONFIG_USEC, pressure.member, min, max, fallback,                   \
              _PSI_RESOURCE_MAX),                                                                  \
                ITEM("Pressure", "Memory" key, CONFIG_USEC, pressure.member[PSI_MEMORY], min, max, \
                     fallback),                                                                    \
                ITEM("Pressure", "CPU" key, CONFIG_USEC, pressure.member[PSI_CPU], min, max,       \
                     fallback),                                                                    \
                ITEM("Pressure", "IO" key, CONFIG_USEC, pressure.member[PSI_IO], min, max,         \
                     fallback)
        TIME("WindowSec", window_usec, WINDOW_USEC_MIN, WINDOW_USEC_MAX, USEC_PER_SEC),
        TIME("ActionDelaySec", action_delay_usec, PRESSURE_USEC_MIN, PRESSURE_USEC_MAX,
             2 * USEC_PER_SEC),
        TIME("GraceSec", grace_usec, 0, PRESSURE_USEC_MAX, 2 * USEC_PER_SEC),
        TIME("ThawSec", thaw_usec, PRESSURE_USEC_MIN, PRESSURE_USEC_MAX, 10 * USEC_PER_SEC),
        ITEM("Pressure", "GentlePriorityMax", CONFIG_NUMBER, pressure.gentle_priority_max, 0, 100,
             30),
        ITEM("Pressure", "KillPriorityMax", CONFIG_NUMBER, pressure.kill_priority_max, 0, 100, 100),
        ITEM("Pressure", "DemotedCPUWeight", CONFIG_NUMBER, pressure.demoted_cpu_weight, 1, 10000,
             10),
#undef THRESHOLD
#undef PERCENT
#undef TIME
#undef ITEM
#undef ITEMS
#undef WORD
#undef LIST
};

static uint64_t *config_member(Config *c, const struct ConfigItem *item)
{
        return (void *) ((char *) c + item->offset);
}

static ConfigList *config_list(Config *c, const struct ConfigItem *item)
{
        return (void *) ((char *) c + item->offset);
}

static void config_write(Config *c, const struct ConfigItem *item, uint64_t value)
{
        for (size_t i = 0; i < item->n; i++)
                config_member(c, item)[i] = value;
}

static int list_add(ConfigList *list, const char *word)
{
        char **grown = reallocarray(list->items, list->n + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        list->items = grown;
        grown[list->n] = strdup(word);
        return grown[list->n] ? (int) ++list->n : -ENOMEM;
}

static void list_clear(ConfigList *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->items[i]);
        free(list->items);
        *list = (ConfigList){};
}

int config_defaults(Config *c)
{
        *c = (Config){};
        /* Those without a key as well. */
        for (size_t i = 0; i < sizeof c->pressure.thresholds / sizeof(uint64_t); i++)
                ((uint64_t *) c->pressure.thresholds)[i] = PRESSURE_OFF;
        for (size_t i = 0; i < ELEMENTSOF(config_items); i++) {
                const struct ConfigItem *item = &config_items[i];

                if (!item->list)
                        config_write(c, item, item->fallback);
                else if (list_add(config_list(c, item), item->list) < 0) {
                        config_done(c);
                        return -ENOMEM;
                }
        }
        return 0;
}

void config_done(Config *c)
{
        for (size_t i = 0; i < ELEMENTSOF(config_items); i++)
                if (config_items[i].list)
                        list_clear(config_list(c, &config_items[i]));
}

/* The decimal number that text starts with, times scale, which has to come out whole. */
static int parse_decimal(const char *text, uint64_t scale, const char **ret_rest, uint64_t *ret)
{
        size_t n = strspn(text, "0123456789");
        char digits[24];
        uint64_t value;

        if (n == 0 || n >= sizeof digits)
                return -EINVAL;
        memcpy(digits, text, n);
        digits[n] = '\0';
        if (parse_u64(digits, &value) < 0 || __builtin_mul_overflow(value, scale, &value))
                return -ERANGE;
        text += n;
        if (*text == '.') {
                n = strspn(++text, "0123456789");
                if (n == 0)
                        return -EINVAL;
                for (; n > 0; n--, text++) {
                        if (scale % 10 != 0)
                                return -EINVAL;
                        scale /= 10;
                        if (__builtin_add_overflow(value, (uint64_t) (*text - '0') * scale, &value))
                                return -ERANGE;
                }
        }
        *ret_rest = text;
        *ret = value;
        return 0;
}

/* A number with one unit of systemd.time(7), seconds without. */
static int parse_usec(const char *text, uint64_t *ret)
{
        static const struct {
                const char *suffix;
                uint64_t usec;
        } units[] = {
                { "us", 1 },
                { "ms", USEC_PER_MSEC },
                { "s", USEC_PER_SEC },
                { "sec", USEC_PER_SEC },
                { "min", 60 * USEC_PER_SEC },
                { "h", 3600 * USEC_PER_SEC },
                { "d", 24 * 3600 * USEC_PER_SEC },
                { "w", 7 * 24 * 3600 * USEC_PER_SEC },
                { "", USEC_PER_SEC },
        };
        const char *end = text + strspn(text, "0123456789."), *rest;
        const char *suffix = end + strspn(end, " ");
        uint64_t value;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(suffix, units[i].suffix)) {
                        r = parse_decimal(text, units[i].usec, &rest, &value);
                        if (r < 0 || rest != end)
                                return -EINVAL;
                        *ret = value;
                        return 0;
                }
        return -EINVAL;
}

/* "12.5", "12.5%" or "off" */
static int parse_share(const char *text, uint64_t *ret)
{
        const char *rest;
        uint64_t value;
        int r;

        if (streq(text, "off")) {
                *ret = PRESSURE_OFF;
                return 0;
        }
        r = parse_decimal(text, PSI_WHOLE / 100, &rest, &value);
        if (r < 0 || !(streq(rest, "") || streq(rest, "%")))
                return -EINVAL;
        *ret = value;
        return 0;
}

static int parse_word(const char *text, const char *const *words, uint64_t *ret)
{
        for (size_t i = 0; words[i]; i++)
                if (streq(words[i], text)) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

/* A unit that a process can be in. */
static bool is_unit(const char *word)
{
        size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                ":-_.\\@");

        return n > 0 && !word[n] && n <= UNIT_NAME_MAX_LENGTH &&
               (endswith(word, ".service") || endswith(word, ".scope"));
}

/* What useradd and directory servers take, or a number: UINT32_MAX is none. */
static bool is_user(const char *word)
{
        uint64_t number;

        if (parse_u64(word, &number) >= 0)
                return number < UINT32_MAX;
        return *word != '-' && strlen(word) <= 255 && !strpbrk(word, ":/,=\"'");
}

/* Hands the sentence over that follows; -EINVAL, or -ENOMEM when there is no room for it. */
#define refuse(ret_why, ...) (asprintf(ret_why, __VA_ARGS__) < 0 ? -ENOMEM : -EINVAL)

static int set_list(Config *c, const struct ConfigItem *item, const char *text, char **ret_why)
{
        _cleanup_(freep) char *copy = strdup(text);
        _cleanup_(list_clear) ConfigList list = {};
        bool units = item->type == CONFIG_UNITS;
        char *position = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, " \t", &position); word;
             word = strtok_r(NULL, " \t", &position)) {
                if (!(units ? is_unit(word) : is_user(word)))
                        return refuse(ret_why, "\"%s\" in %s= is not %s", word, item->key,
                                      units ? "a service or scope unit"
                                            : "a user's name or number");
                if (list_add(&list, word) < 0)
                        return -ENOMEM;
        }
        list_clear(config_list(c, item));
        *config_list(c, item) = list;
        list = (ConfigList){};
        return 0;
}

static int parse_value(const struct ConfigItem *item, const char *text, uint64_t *ret)
{
        switch (item->type) {
        case CONFIG_USEC:
                return parse_usec(text, ret);
        case CONFIG_BOOL:
                return flag_parse(text, ret);
        case CONFIG_SHARE:
                return parse_share(text, ret);
        case CONFIG_WORD:
                return parse_word(text, item->words, ret);
        default:
                return parse_u64(text, ret);
        }
}

static bool is_allowed(const struct ConfigItem *item, uint64_t value)
{
        return item->type == CONFIG_WORD || (item->type == CONFIG_SHARE && value == PRESSURE_OFF) ||
               (value >= item->min && value <= item->max);
}

/* What the value should have been. */
static int refuse_value(const struct ConfigItem *item, const char *text, char **ret_why)
{
        /* In ms where the least is no whole number of seconds. */
        bool ms = item->min % USEC_PER_SEC != 0;

        switch (item->type) {
        case CONFIG_USEC:
                return refuse(ret_why, "%s=%s is not a time from %ju %s to %ju s", item->key, text,
                              (uintmax_t) (item->min / (ms ? USEC_PER_MSEC : USEC_PER_SEC)),
                              ms ? "ms" : "s", (uintmax_t) (item->max / USEC_PER_SEC));
        case CONFIG_BOOL:
                return refuse(ret_why, "%s=%s is neither \"yes\" nor \"no\"", item->key, text);
        case CONFIG_SHARE:
                return refuse(ret_why,
                              "%s=%s is neither a percentage from %s to 100 with at most two "
                              "decimals nor \"off\"",
                              item->key, text, item->min > 0 ? "0.01" : "0");
        case CONFIG_WORD:
                return refuse(ret_why, "%s=%s is neither \"%s\" nor \"%s\"", item->key, text,
                              item->words[0], item->words[1]);
        default:
                return refuse(ret_why, "%s=%s is not a number from %ju to %ju", item->key, text,
                              (uintmax_t) item->min, (uintmax_t) item->max);
        }
}

static int set_value(Config *c, const struct ConfigItem *item, const char *text, char **ret_why)
{
        uint64_t value;

        if (item->list)
                return set_list(c, item, text, ret_why);
        if (parse_value(item, text, &value) < 0 || !is_allowed(item, value))
                return refuse_value(item, text, ret_why);
        config_write(c, item, value);
        return 0;
}

int config_set(Config *c, const char *section, const char *key, const char *text, char **ret_why)
{
        for (size_t i = 0; i < ELEMENTSOF(config_items); i++)
                if (streq(section, config_items[i].section) && streq(key, config_items[i].key))
                        return set_value(c, &config_items[i], text, ret_why);
        return -ENOENT;
}

const char *config_key(size_t offset)
{
        for (size_t i = 0; i < ELEMENTSOF(config_items); i++)
                if (config_items[i].offset == offset && config_items[i].n == 1)
                        return config_items[i].key;
        return NULL;
}
