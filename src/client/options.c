/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of CreateScope, Run and Spawn: one table of names, types and the calls that take
 * them. */
#include "client.h"

#include <stdio.h>

typedef enum OptionKind {
        OPTION_KIND_TEXT,
        OPTION_KIND_LIST,
        OPTION_KIND_INT,
        OPTION_KIND_UNSIGNED,
        OPTION_KIND_FLAG,
        OPTION_KIND_FD,
        _OPTION_KIND_MAX,
} OptionKind;

static const char *const option_signatures[_OPTION_KIND_MAX] = {
        [OPTION_KIND_TEXT] = "s",     [OPTION_KIND_LIST] = "as", [OPTION_KIND_INT] = "i",
        [OPTION_KIND_UNSIGNED] = "u", [OPTION_KIND_FLAG] = "b",  [OPTION_KIND_FD] = "h",
};

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
        { "Priority", OPTION_KIND_UNSIGNED, OPTION_CREATE | OPTION_RUN, 0, 100 },
        { "ReleaseOnEmpty", OPTION_KIND_FLAG, OPTION_CREATE | OPTION_RUN, 0, 1 },
        { "Description", OPTION_KIND_TEXT, OPTION_CREATE | OPTION_RUN },
};

typedef struct Option {
        bool is_set;
        char *text;  /* owned */
        char **list; /* owned, NULL-terminated */
        int64_t number;
        int fd; /* the caller's */
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
                        1U << OPTION_KIND_INT | 1U << OPTION_KIND_UNSIGNED | 1U << OPTION_KIND_FLAG,
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

int client_options_check(const hpcnode_cgroup_options *options, OptionCalls call,
                         hpcnode_cgroup_error *e)
{
        for (size_t i = 0; i < ELEMENTSOF(option_table); i++)
                if (options->values[i].is_set && !(option_table[i].calls & call))
                        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                            "option %s is not taken by %s", option_table[i].name,
                                            call == OPTION_CREATE ? "CreateScope"
                                            : call == OPTION_RUN  ? "Run"
                                                                  : "Spawn");
        return 0;
}

static int append_value(sd_bus_message *m, OptionKind kind, const Option *v)
{
        int32_t i32 = (int32_t) v->number;
        uint32_t u32 = (uint32_t) v->number;
        int flag = v->number != 0;

        switch (kind) {
        case OPTION_KIND_TEXT:
                return sd_bus_message_append_basic(m, 's', v->text);
        case OPTION_KIND_LIST:
                return sd_bus_message_append_strv(m, v->list);
        case OPTION_KIND_INT:
                return sd_bus_message_append_basic(m, 'i', &i32);
        case OPTION_KIND_UNSIGNED:
                return sd_bus_message_append_basic(m, 'u', &u32);
        case OPTION_KIND_FLAG:
                return sd_bus_message_append_basic(m, 'b', &flag);
        case OPTION_KIND_FD:
                return sd_bus_message_append_basic(m, 'h', &v->fd);
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
