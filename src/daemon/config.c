/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the configuration of the daemon: where they are, and how they are read. */
#include "daemon/config.h"

#include "basic/line.h"
#include "daemon/config-table.h"
#include "daemon/log.h"

#include <dirent.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>

/* One reading of all files. */
typedef struct Load {
        Config config; /* as far as it was read */
        int r;         /* the first thing that was wrong, and the sentence about it */
        char *why;
} Load;

/* NULL without memory. */
_printf_(1, 0) static char *format_sentence(const char *format, va_list ap)
{
        _cleanup_(freep) char *text = NULL;
        char *sentence = NULL;
        size_t n;
        FILE *f;

        if (vasprintf(&text, format, ap) < 0) {
                text = NULL;
                return NULL;
        }
        f = open_memstream(&sentence, &n);
        if (!f)
                return NULL;
        for (char *tab = text; (tab = strchr(tab, '\t'));)
                *tab = ' ';
        text_put_escaped(f, text, strlen(text)); /* it has what stands in the file */
        if (fclose(f) == 0)
                return sentence;
        free(sentence);
        return NULL;
}

/* Everything that is wrong is logged. */
_printf_(3, 4) static void load_fails(Load *l, int r, const char *format, ...)
{
        _cleanup_(freep) char *why = NULL;
        va_list ap;

        va_start(ap, format);
        why = format_sentence(format, ap);
        va_end(ap);
        log_error("%s", why ?: strerror(ENOMEM));
        if (l->r < 0)
                return;
        l->r = r;
        l->why = TAKE_PTR(why);
}

typedef struct Reader {
        Load *load;
        const char *path;
        FILE *file;
        int line;
        int error; /* of reading */
} Reader;

/* Debian's inih does not tell its handler the line, so it is counted where it is read. Of a line that is too long
 * it would take each piece for one. */
static char *read_line(char *buffer, int size, void *userdata)
{
        Reader *reader = userdata;
        int next;

        reader->line++;
        if (!fgets(buffer, size, reader->file)) {
                reader->error = ferror(reader->file) ? errno : 0;
                return NULL;
        }
        if (strlen(buffer) + 1 < (size_t) size || endswith(buffer, "\n"))
                return buffer;
        load_fails(reader->load, -EINVAL, "%s:%d: longer than %d bytes", reader->path, reader->line,
                   size - 2);
        do
                next = getc(reader->file);
        while (next != EOF && next != '\n');
        *buffer = '\0';
        return buffer;
}

static int on_item(void *userdata, const char *section, const char *key, const char *value)
{
        _cleanup_(freep) char *why = NULL;
        Reader *reader = userdata;
        int r;

        r = config_set(&reader->load->config, section, key, value, &why);
        if (r == -ENOENT)
                log_warning("%s:%d: unknown key %s in section [%s], ignored", reader->path,
                            reader->line, key, section);
        else if (r < 0)
                load_fails(reader->load, r, "%s:%d: %s", reader->path, reader->line,
                           why ?: strerror(-r));
        return 1;
}

static void read_config_file(Load *l, const char *path)
{
        Reader reader = { .load = l, .path = path };
        int line;

        reader.file = fopen(path, "re");
        if (!reader.file) {
                if (errno != ENOENT)
                        load_fails(l, -errno, "%s: %s", path, strerror(errno));
                return;
        }
        line = ini_parse_stream(read_line, &reader, on_item, &reader);
        (void) fclose(reader.file);
        if (reader.error > 0)
                load_fails(l, -reader.error, "%s: %s", path, strerror(reader.error));
        else if (line > 0)
                load_fails(l, -EINVAL, "%s:%d: not a line of the form KEY=VALUE", path, line);
        else if (line < 0)
                load_fails(l, -ENOMEM, "%s: %s", path, strerror(ENOMEM));
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

typedef struct Names {
        char **items;
        size_t n;
} Names;

static void names_done(Names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->items[i]);
        free(names->items);
}

static int names_add(Names *names, const char *name)
{
        char **grown = reallocarray(names->items, names->n + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        names->items = grown;
        grown[names->n] = strdup(name);
        if (!grown[names->n])
                return -ENOMEM;
        names->n++;
        return 0;
}

/* Adds the names of the drop-ins in a directory. */
static void collect_drop_ins(Load *l, const char *directory, Names *names)
{
        _cleanup_(closedirp) DIR *d = NULL;
        char path[PATH_MAX];
        struct dirent *entry;
        int r = 0;

        (void) snprintf(path, sizeof path, "%s/cgroupd.conf.d", directory);
        d = opendir(path);
        if (!d) {
                if (errno != ENOENT)
                        load_fails(l, -errno, "%s: %s", path, strerror(errno));
                return;
        }
        while (r >= 0 && (errno = 0, entry = readdir(d)))
                if (*entry->d_name != '.' && endswith(entry->d_name, ".conf"))
                        r = names_add(names, entry->d_name);
        if (r >= 0)
                r = -errno;
        if (r < 0)
                load_fails(l, r, "%s: %s", path, strerror(-r));
}

/* Reads the file of that name from the strongest directory that has it. */
static void read_strongest(Load *l, const char *const *directories, const char *name)
{
        for (size_t i = 0; directories[i]; i++) {
                char path[PATH_MAX];

                (void) snprintf(path, sizeof path, "%s/%s", directories[i], name);
                if (access(path, F_OK) == 0) {
                        read_config_file(l, path);
                        return;
                }
        }
}

/* A drop-in that several directories have is read once. */
static void read_all(Load *l, const char *const *directories)
{
        _cleanup_(names_done) Names names = {};

        read_strongest(l, directories, "cgroupd.conf");
        for (size_t i = 0; directories[i]; i++)
                collect_drop_ins(l, directories[i], &names);
        if (names.n > 0)
                qsort(names.items, names.n, sizeof *names.items, compare_names);
        for (size_t i = 0; i < names.n; i++) {
                char path[PATH_MAX];

                if (i > 0 && streq(names.items[i - 1], names.items[i]))
                        continue;
                (void) snprintf(path, sizeof path, "cgroupd.conf.d/%s", names.items[i]);
                read_strongest(l, directories, path);
        }
}

static int load_from(Config *c, const char *const *directories, char **ret_why)
{
        Load l = {};

        if (config_defaults(&l.config) < 0)
                load_fails(&l, -ENOMEM, "%s", strerror(ENOMEM));
        else
                read_all(&l, directories);
        if (l.r < 0) {
                config_done(&l.config);
                *ret_why = l.why;
                return l.r;
        }
        config_done(c);
        *c = l.config;
        return 0;
}

int config_load(Config *c, bool user, char **ret_why)
{
        _cleanup_(freep) char *directory = NULL;
        const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");

        if (!user)
                return load_from(c, system_directories, ret_why);
        if (asprintf(&directory, "%s%s/hpcnode", config ?: home ?: "", config ? "" : "/.config") < 0)
                return -ENOMEM;
        return load_from(c, (const char *const[]){ directory, NULL }, ret_why);
}
