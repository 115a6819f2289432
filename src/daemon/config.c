/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of the daemon: cgroupd.conf(5). */
#include "daemon/config.h"

#include "basic/fields.h"
#include "daemon/log.h"

#include <dirent.h>
#include <ini.h>
#include <limits.h>

/* A value in µs that PID 1 and sd-event still take. */
#define USEC_MAX_ALLOWED (UINT64_C(365) * 24 * 3600 * USEC_PER_SEC)

typedef enum ConfigType { CONFIG_USEC, CONFIG_NUMBER, CONFIG_WORD } ConfigType;

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
        const char *const *words; /* of a CONFIG_WORD, whose value is an index */
} config_items[] = {
#define ITEM(section, key, type, member, min, max, fallback)                     \
        {                                                                        \
                section, key, type, offsetof(Config, member), min, max, fallback \
        }
#define WORD(section, key, member, words, fallback)                                        \
        {                                                                                  \
                section, key, CONFIG_WORD, offsetof(Config, member), 0, 0, fallback, words \
        }
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
#undef ITEM
#undef WORD
};

static uint64_t *config_member(Config *c, const struct ConfigItem *item)
{
        return (void *) ((char *) c + item->offset);
}

void config_defaults(Config *c)
{
        for (size_t i = 0; i < ELEMENTSOF(config_items); i++)
                *config_member(c, &config_items[i]) = config_items[i].fallback;
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
        char digits[32];
        size_t n = strspn(text, "0123456789");
        const char *suffix = text + n + strspn(text + n, " ");
        uint64_t value;

        if (n == 0 || n >= sizeof digits)
                return -EINVAL;
        memcpy(digits, text, n);
        digits[n] = '\0';
        if (parse_u64(digits, &value) < 0)
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(suffix, units[i].suffix)) {
                        if (__builtin_mul_overflow(value, units[i].usec, ret))
                                return -ERANGE;
                        return 0;
                }
        return -EINVAL;
}

typedef struct Reader {
        Config *config;
        const char *path;
        FILE *file;
        int line;
        int r;
} Reader;

/* Debian's inih does not tell its handler the line, so it is counted where it is read. */
static char *read_line(char *buffer, int size, void *userdata)
{
        Reader *reader = userdata;

        reader->line++;
        return fgets(buffer, size, reader->file);
}

static void read_word(Reader *reader, const struct ConfigItem *item, const char *text)
{
        for (size_t i = 0; item->words[i]; i++)
                if (streq(item->words[i], text)) {
                        *config_member(reader->config, item) = i;
                        return;
                }
        log_error("%s:%d: %s=%s is neither \"%s\" nor \"%s\"", reader->path, reader->line,
                  item->key, text, item->words[0], item->words[1]);
        reader->r = -EINVAL;
}

static void read_value(Reader *reader, const struct ConfigItem *item, const char *text)
{
        bool usec = item->type == CONFIG_USEC;
        uint64_t value;
        int r;

        if (item->type == CONFIG_WORD) {
                read_word(reader, item, text);
                return;
        }
        r = usec ? parse_usec(text, &value) : parse_u64(text, &value);
        if (r >= 0 && value >= item->min && value <= item->max) {
                *config_member(reader->config, item) = value;
                return;
        }
        if (usec)
                log_error("%s:%d: %s=%s is not a time from %ju s to %ju s", reader->path,
                          reader->line, item->key, text, (uintmax_t) (item->min / USEC_PER_SEC),
                          (uintmax_t) (item->max / USEC_PER_SEC));
        else
                log_error("%s:%d: %s=%s is not a number from %ju to %ju", reader->path,
                          reader->line, item->key, text, (uintmax_t) item->min,
                          (uintmax_t) item->max);
        reader->r = -EINVAL;
}

static int on_item(void *userdata, const char *section, const char *key, const char *value)
{
        Reader *reader = userdata;

        for (size_t i = 0; i < ELEMENTSOF(config_items); i++)
                if (streq(section, config_items[i].section) && streq(key, config_items[i].key)) {
                        read_value(reader, &config_items[i], value);
                        return 1;
                }
        log_warning("%s:%d: unknown key %s in section [%s], ignored", reader->path, reader->line,
                    key, section);
        return 1;
}

static int read_config_file(Config *c, const char *path)
{
        Reader reader = { .config = c, .path = path };
        int line;

        reader.file = fopen(path, "re");
        if (!reader.file)
                return errno == ENOENT ? 0 : -errno;
        line = ini_parse_stream(read_line, &reader, on_item, &reader);
        (void) fclose(reader.file);
        if (line > 0) {
                log_error("%s:%d: not a line of the form KEY=VALUE", path, line);
                return -EINVAL;
        }
        return line < 0 ? -ENOMEM : reader.r;
}

/* Where systemd's own daemons look, strongest first. */
static const char *const system_directories[] = {
        SYSCONFDIR "/hpcnode",
        "/run/hpcnode",
        "/usr/lib/hpcnode",
        NULL,
};

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Collects the names of the drop-ins of all directories, each once, sorted. */
static int collect_drop_ins(const char *const *directories, char ***ret, size_t *ret_n)
{
        char **names = NULL;
        size_t n = 0, unique = 0;

        for (size_t i = 0; directories[i]; i++) {
                char path[PATH_MAX];
                struct dirent *entry;
                DIR *d;

                (void) snprintf(path, sizeof path, "%s/cgroupd.conf.d", directories[i]);
                d = opendir(path);
                if (!d)
                        continue;
                while ((entry = readdir(d))) {
                        char **grown;

                        if (*entry->d_name == '.' || !endswith(entry->d_name, ".conf"))
                                continue;
                        grown = reallocarray(names, n + 1, sizeof *names);
                        if (grown)
                                names = grown;
                        if (grown && (names[n] = strdup(entry->d_name)))
                                n++;
                }
                (void) closedir(d);
        }
        if (n > 0)
                qsort(names, n, sizeof *names, compare_names);
        for (size_t i = 0; i < n; i++) {
                if (unique > 0 && streq(names[unique - 1], names[i]))
                        free(names[i]);
                else
                        names[unique++] = names[i];
        }
        *ret = names;
        *ret_n = unique;
        return 0;
}

/* Reads the file of that name from the strongest directory that has it. */
static int read_strongest(Config *c, const char *const *directories, const char *name)
{
        for (size_t i = 0; directories[i]; i++) {
                char path[PATH_MAX];

                (void) snprintf(path, sizeof path, "%s/%s", directories[i], name);
                if (access(path, F_OK) == 0)
                        return read_config_file(c, path);
        }
        return 0;
}

static int load_from(Config *c, const char *const *directories)
{
        Config fresh;
        char **names;
        size_t n;
        int r, first;

        config_defaults(&fresh);
        first = read_strongest(&fresh, directories, "cgroupd.conf");
        r = collect_drop_ins(directories, &names, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                char path[PATH_MAX];

                (void) snprintf(path, sizeof path, "cgroupd.conf.d/%s", names[i]);
                r = read_strongest(&fresh, directories, path);
                if (r < 0 && first >= 0)
                        first = r;
                free(names[i]);
        }
        free(names);
        if (first < 0)
                return first;
        *c = fresh;
        return 0;
}

int config_load(Config *c, bool user)
{
        _cleanup_(freep) char *directory = NULL;
        const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");

        if (!user)
                return load_from(c, system_directories);
        if (asprintf(&directory, "%s%s/hpcnode", config ?: home ?: "", config ? "" : "/.config") < 0)
                return -ENOMEM;
        return load_from(c, (const char *const[]){ directory, NULL });
}
