/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of CreateScope, Run and Spawn: one table of names, types and the calls that take
 * them. */
#include "daemon.h"

#include "basic/line.h"
#include "basic/option.h"
#include "basic/reason.h"
#include <inttypes.h>
#include <stdio.h>

typedef enum OptionKind {
        OPTION_KIND_TEXT,
        OPTION_KIND_LIST,
        OPTION_KIND_COMMANDS,
        OPTION_KIND_INT,
        OPTION_KIND_UNSIGNED,
        OPTION_KIND_USEC,
        OPTION_KIND_FLAG,
        OPTION_KIND_FD,
        OPTION_KIND_LIMITS,
        _OPTION_KIND_MAX,
} OptionKind;

static const char *const option_signatures[_OPTION_KIND_MAX] = {
        [OPTION_KIND_TEXT] = "s", [OPTION_KIND_LIST] = "as",    [OPTION_KIND_COMMANDS] = "aas",
        [OPTION_KIND_INT] = "i",  [OPTION_KIND_UNSIGNED] = "u", [OPTION_KIND_USEC] = "t",
        [OPTION_KIND_FLAG] = "b", [OPTION_KIND_FD] = "h",       [OPTION_KIND_LIMITS] = "a{sv}",
};

#define LIMITS_OPTION "Limits"

static const struct OptionInfo {
        const char *name;
        OptionKind kind;
        unsigned calls;
        int64_t min, max; /* of a number */
} option_table[] = {
        { "WorkingDirectory", OPTION_KIND_TEXT, OPTION_RUN | OPTION_SPAWN },
        { "Environment", OPTION_KIND_LIST, OPTION_RUN | OPTION_SPAWN },
        { "User", OPTION_KIND_TEXT, OPTION_RUN | OPTION_SPAWN },
        { "Group", OPTION_KIND_TEXT, OPTION_RUN | OPTION_SPAWN },
        { "StandardInput", OPTION_KIND_FD, OPTION_RUN | OPTION_SPAWN },
        { "StandardOutput", OPTION_KIND_FD, OPTION_RUN | OPTION_SPAWN },
        { "StandardError", OPTION_KIND_FD, OPTION_RUN | OPTION_SPAWN },
        { "Log", OPTION_KIND_TEXT, OPTION_RUN | OPTION_SPAWN },
        { "Nice", OPTION_KIND_INT, OPTION_RUN | OPTION_SPAWN, -20, 19 },
        { "NoNewPrivileges", OPTION_KIND_FLAG, OPTION_RUN | OPTION_SPAWN, 0, 1 },
        { "TimeoutUSec", OPTION_KIND_USEC, OPTION_RUN | OPTION_SPAWN, 1, INT64_MAX },
        { "RequirePaths", OPTION_KIND_LIST, OPTION_RUN | OPTION_SPAWN },
        { "Services", OPTION_KIND_COMMANDS, OPTION_RUN },
        { LIMITS_OPTION, OPTION_KIND_LIMITS, OPTION_SPAWN },
        { "Priority", OPTION_KIND_UNSIGNED, OPTION_CREATE | OPTION_RUN, 0, 100 },
        { "ReleaseOnEmpty", OPTION_KIND_FLAG, OPTION_CREATE | OPTION_RUN, 0, 1 },
        { "Description", OPTION_KIND_TEXT, OPTION_CREATE | OPTION_RUN },
        { "Force", OPTION_KIND_FLAG, OPTION_CREATE | OPTION_RUN | OPTION_SPAWN, 0, 1 },
};

typedef struct Option {
        bool is_set;
        char *text;       /* owned */
        char **list;      /* owned, NULL-terminated */
        char ***commands; /* likewise, and each of them */
        int64_t number;
        int fd;         /* the caller's */
        Limits *limits; /* owned */
} Option;

struct hpcnode_cgroup_options {
        Option values[ELEMENTSOF(option_table)];
};

_public_ hpcnode_cgroup_options *hpcnode_cgroup_options_new(void)
{
        return calloc(1, sizeof(hpcnode_cgroup_options));
}

_public_ hpcnode_cgroup_options *hpcnode_cgroup_options_free(hpcnode_cgroup_options *options)
{
        if (!options)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                free(options->values[i].text);
                hpcnode_cgroup_strings_free(options->values[i].list);
                for (char ***c = options->values[i].commands; c && *c; c++)
                        hpcnode_cgroup_strings_free(*c);
                free(options->values[i].commands);
                if (options->values[i].limits)
                        limits_done(options->values[i].limits);
                free(options->values[i].limits);
        }
        free(options);
        return NULL;
}

/* The index of the option, checked to be of one of the kinds in the set (1 << kind). */
static int option_find(const char *name, unsigned kinds, const char *what, hpcnode_cgroup_error *e)
{
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                if (!streq(option_table[i].name, name))
                        continue;
                if (kinds & (1U << option_table[i].kind))
                        return (int) i;
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "option %s is not set with %s", name, what);
        }
        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                            "there is no option %s; see hpcnode/cgroup.h for those there are",
                            name);
}

static int list_append(char ***list, const char *text)
{
        char **longer, *copy;
        size_t n = 0;

        while (*list && (*list)[n])
                n++;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        longer = reallocarray(*list, n + 2, sizeof(char *));
        if (!longer) {
                free(copy);
                return -ENOMEM;
        }
        longer[n] = copy;
        longer[n + 1] = NULL;
        *list = longer;
        return 0;
}

_public_ int hpcnode_cgroup_options_set(hpcnode_cgroup_options *options, const char *name,
                                        const char *text, hpcnode_cgroup_error *ret_error)
{
        Option *v;
        int i;

        i = option_find(name, 1U << OPTION_KIND_TEXT | 1U << OPTION_KIND_LIST, "text", ret_error);
        if (i < 0)
                return i;
        if (!text_is_utf8(text)) {
                char quoted[REASON_QUOTE_SIZE];

                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s: %s cannot be sent over D-Bus: it is not UTF-8 text", name,
                                    reason_quote(text, quoted));
        }
        v = &options->values[i];

        if (option_table[i].kind == OPTION_KIND_LIST) {
                if (list_append(&v->list, text) < 0)
                        return client_oom(ret_error);
        } else {
                char *copy = strdup(text);

                if (!copy)
                        return client_oom(ret_error);
                free(v->text);
                v->text = copy;
        }
        v->is_set = true;
        return 0;
}

_public_ int hpcnode_cgroup_options_set_number(hpcnode_cgroup_options *options, const char *name,
                                               int64_t value, hpcnode_cgroup_error *ret_error)
{
        const struct OptionInfo *info;
        int i;

        i = option_find(name,
                        1U << OPTION_KIND_INT | 1U << OPTION_KIND_UNSIGNED |
                                1U << OPTION_KIND_USEC | 1U << OPTION_KIND_FLAG,
                        "a number", ret_error);
        if (i < 0)
                return i;
        info = &option_table[i];
        if (value < info->min || value > info->max)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s=%lld is out of range: %lld to %lld are allowed", name,
                                    (long long) value, (long long) info->min,
                                    (long long) info->max);

        options->values[i].number = value;
        options->values[i].is_set = true;
        return 0;
}

_public_ int hpcnode_cgroup_options_set_fd(hpcnode_cgroup_options *options, const char *name,
                                           int fd, hpcnode_cgroup_error *ret_error)
{
        int i;

        i = option_find(name, 1U << OPTION_KIND_FD, "a descriptor", ret_error);
        if (i < 0)
                return i;
        if (fd < 0)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s=%d is not a descriptor", name, fd);

        options->values[i].fd = fd;
        options->values[i].is_set = true;
        return 0;
}

/* Takes argv. */
static int commands_append(char ****commands, char **argv)
{
        char ***longer;
        size_t n = 0;

        while (*commands && (*commands)[n])
                n++;
        longer = reallocarray(*commands, n + 2, sizeof(char **));
        if (!longer) {
                hpcnode_cgroup_strings_free(argv);
                return -ENOMEM;
        }
        longer[n] = argv;
        longer[n + 1] = NULL;
        *commands = longer;
        return 0;
}

_public_ int hpcnode_cgroup_options_add_service(hpcnode_cgroup_options *options,
                                                const char *const argv[],
                                                hpcnode_cgroup_error *ret_error)
{
        _cleanup_(hpcnode_cgroup_strings_freep) char **copy = NULL;
        Option *v;
        int i, r;

        i = option_find("Services", 1U << OPTION_KIND_COMMANDS, "a command", ret_error);
        if (i < 0)
                return i;
        r = client_check_argv(argv, ret_error);
        if (r < 0)
                return r;
        for (const char *const *s = argv; *s; s++)
                if (list_append(&copy, *s) < 0)
                        return client_oom(ret_error);
        v = &options->values[i];
        for (size_t n = 0; v->commands && v->commands[n]; n++)
                if (n + 1 >= SERVICES_MAX)
                        return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                            "Services: at most %d are allowed", SERVICES_MAX);
        if (commands_append(&v->commands, TAKE_PTR(copy)) < 0)
                return client_oom(ret_error);
        v->is_set = true;
        return 0;
}

_public_ int hpcnode_cgroup_options_set_limits(hpcnode_cgroup_options *options,
                                               const hpcnode_cgroup_limits *limits,
                                               hpcnode_cgroup_error *ret_error)
{
        int i = option_find(LIMITS_OPTION, 1U << OPTION_KIND_LIMITS, "limits", ret_error);
        Limits *copy;

        if (i < 0)
                return i;
        copy = calloc(1, sizeof(Limits));
        if (!copy || limits_copy(&limits->limits, copy) < 0) {
                free(copy);
                return client_oom(ret_error);
        }
        if (options->values[i].limits)
                limits_done(options->values[i].limits);
        free(options->values[i].limits);
        options->values[i].limits = copy;
        options->values[i].is_set = true;
        return 0;
}

static int check_text(const char *name, const char *text, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = option_check(name, text, &reason);
        return r < 0 ? client_error_refused(e, r, reason, "the value is not allowed") : 0;
}

static int check_texts(const char *name, const Option *v, hpcnode_cgroup_error *e)
{
        int r = 0;

        if (v->text)
                r = check_text(name, v->text, e);
        for (char **s = v->list; r >= 0 && s && *s; s++)
                r = check_text(name, *s, e);
        return r;
}

int client_options_check(const hpcnode_cgroup_options *options, OptionCalls call, bool here,
                         hpcnode_cgroup_error *e)
{
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                const char *name = option_table[i].name;
                int r;

                if (!options->values[i].is_set)
                        continue;
                if (!(option_table[i].calls & call))
                        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                            "option %s is not taken by %s", name,
                                            call == OPTION_CREATE ? "CreateScope"
                                            : call == OPTION_RUN  ? "Run"
                                                                  : "Spawn");
                if (!here && option_table[i].kind == OPTION_KIND_FD)
                        return client_error(e, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED,
                                            "option %s is a descriptor, which cannot be passed to "
                                            "another machine",
                                            name);
                r = check_texts(name, &options->values[i], e);
                if (r >= 0 && options->values[i].limits)
                        r = client_check_task_limits(options->values[i].limits, true, here, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const Option *find_set(const hpcnode_cgroup_options *options, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++)
                if (streq(option_table[i].name, name))
                        return options->values[i].is_set ? &options->values[i] : NULL;
        return NULL;
}

const char *client_options_get_text(const hpcnode_cgroup_options *options, const char *name)
{
        const Option *v = find_set(options, name);

        return v ? v->text : NULL;
}

size_t client_options_count(const hpcnode_cgroup_options *options, const char *name)
{
        const Option *v = find_set(options, name);
        size_t n = 0;

        while (v && ((v->list && v->list[n]) || (v->commands && v->commands[n])))
                n++;
        return n;
}

bool client_options_get_number(const hpcnode_cgroup_options *options, const char *name,
                               int64_t *ret)
{
        const Option *v = find_set(options, name);

        if (v)
                *ret = v->number;
        return v;
}

const Limits *client_options_get_limits(const hpcnode_cgroup_options *options)
{
        const Option *v = find_set(options, LIMITS_OPTION);

        return v ? v->limits : NULL;
}

void client_options_write(const hpcnode_cgroup_options *options, FILE *f)
{
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                const char *name = option_table[i].name;
                const Option *v = &options->values[i];

                if (!v->is_set)
                        continue;
                if (v->limits)
                        (void) client_limits_write(v->limits, f);
                else if (v->text)
                        (void) fprintf(f, " %s=%s", name, v->text);
                else if (option_table[i].kind == OPTION_KIND_FD)
                        (void) fprintf(f, " %s=%d", name, v->fd);
                else if (!v->list && !v->commands)
                        (void) fprintf(f, " %s=%" PRId64, name, v->number);
                for (char **s = v->list; s && *s; s++)
                        (void) fprintf(f, " %s=%s", name, *s);
                for (char ***c = v->commands; c && *c; c++) {
                        (void) fprintf(f, " %s=", name);
                        for (char **s = *c; *s; s++)
                                (void) fprintf(f, "%s%s", s == *c ? "" : " ", *s);
                }
        }
}

static int append_commands(sd_bus_message *m, char **const *commands)
{
        int r = sd_bus_message_open_container(m, 'a', "as");

        for (; r >= 0 && *commands; commands++)
                r = sd_bus_message_append_strv(m, *commands);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_limits(sd_bus_message *m, const Limits *limits)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = client_limits_append(m, limits);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, OptionKind kind, const Option *v)
{
        int32_t i32 = (int32_t) v->number;
        uint32_t u32 = (uint32_t) v->number;
        uint64_t u64 = (uint64_t) v->number;
        int flag = v->number != 0;

        switch (kind) {
        case OPTION_KIND_TEXT:
                return sd_bus_message_append_basic(m, 's', v->text);
        case OPTION_KIND_LIST:
                return sd_bus_message_append_strv(m, v->list);
        case OPTION_KIND_COMMANDS:
                return append_commands(m, v->commands);
        case OPTION_KIND_INT:
                return sd_bus_message_append_basic(m, 'i', &i32);
        case OPTION_KIND_UNSIGNED:
                return sd_bus_message_append_basic(m, 'u', &u32);
        case OPTION_KIND_USEC:
                return sd_bus_message_append_basic(m, 't', &u64);
        case OPTION_KIND_FLAG:
                return sd_bus_message_append_basic(m, 'b', &flag);
        case OPTION_KIND_FD:
                return sd_bus_message_append_basic(m, 'h', &v->fd);
        case OPTION_KIND_LIMITS:
                return append_limits(m, v->limits);
        case _OPTION_KIND_MAX:
                break;
        }
        return -EINVAL;
}

int client_options_append(sd_bus_message *m, const hpcnode_cgroup_options *options)
{
        int r;

        for (size_t i = 0; i < ELEMENTSOF(option_table); i++) {
                const struct OptionInfo *info = &option_table[i];

                if (!options->values[i].is_set)
                        continue;
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', info->name);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'v', option_signatures[info->kind]);
                if (r >= 0)
                        r = append_value(m, info->kind, &options->values[i]);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r < 0)
                        return r;
        }
        return 0;
}
