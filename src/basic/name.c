/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grammar of names, its translation to systemd's, and ownership by it. */
#include "basic/name.h"

#include "basic/cgroup-file.h"
#include "basic/reason.h"
#include "basic/words.h"

#include <limits.h>
#include <stdio.h>

#define SLICE_SUFFIX ".slice"
#define SCOPE_SUFFIX ".scope"

/* How systemd writes a dash inside one level of a slice, since a bare dash separates levels. No
 * other character of a name needs an escape. */
#define ESCAPED_DASH "\\x2d"

static const char *const owner_table[_OWNER_MAX] = {
        [OWNER_NONE] = "",
        [OWNER_PACT] = "pact",
        [OWNER_WORKLOAD] = "workload",
};

const char *const hierarchy_slices[] = {
        SLICE_PACT,
        "pact-infra.slice",
        "pact-network.slice",
        "pact-gpu.slice",
        "pact-audit.slice",
        SLICE_WORKLOAD,
        NULL,
};

const char *owner_to_string(Owner owner)
{
        return owner >= 0 && owner < _OWNER_MAX ? owner_table[owner] : NULL;
}

Owner owner_from_string(const char *s)
{
        return words_find(owner_table, ELEMENTSOF(owner_table), s);
}

static bool name_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-';
}

/* What is wrong with a name, or NULL. */
static const char *name_fault(const char *name, size_t length)
{
        if (length == 0)
                return "it is empty";
        if (length > NAME_MAX_LENGTH)
                return "it is longer than 128 characters";
        if (name[0] == '.' || name[0] == '-')
                return "it must not start with '.' or '-'";

        for (size_t i = 0; i < length; i++)
                if (!name_char(name[i]))
                        return "only A-Z, a-z, 0-9, '_', '.' and '-' are allowed";

        return NULL;
}

/* Copies one level of a slice's unit name in plain form. False when it holds a backslash that is
 * not the escaped dash, or gets longer than a name may be. */
static bool level_unescape(const char *level, size_t length, char plain[static NAME_MAX_LENGTH + 1])
{
        size_t n = 0;

        for (size_t i = 0; i < length; n++) {
                if (n == NAME_MAX_LENGTH || level[i] == '-')
                        return false;
                if (level[i] != '\\')
                        plain[n] = level[i++];
                else if (startswith(level + i, ESCAPED_DASH) &&
                         i + strlen(ESCAPED_DASH) <= length) {
                        plain[n] = '-';
                        i += strlen(ESCAPED_DASH);
                } else
                        return false;
        }

        plain[n] = '\0';
        return true;
}

/* True for one level as it stands between the dashes of a slice's unit name. */
static bool level_valid(const char *level, size_t length)
{
        char plain[NAME_MAX_LENGTH + 1];

        return level_unescape(level, length, plain) && !name_fault(plain, strlen(plain));
}

/* True for the well-formed unit name of a slice, whoever owns it. */
static bool slice_unit_valid(const char *unit)
{
        const char *end = endswith(unit, SLICE_SUFFIX), *level = unit;

        if (!end || strlen(unit) > UNIT_NAME_MAX_LENGTH)
                return false;

        for (;;) {
                const char *dash = memchr(level, '-', (size_t) (end - level)) ?: end;

                if (!level_valid(level, (size_t) (dash - level)))
                        return false;
                if (dash == end)
                        return true;
                level = dash + 1;
        }
}

/* By the first level of the unit's name: the whole of it, so that "pactfoo.slice" is nobody's. */
static Owner slice_unit_owner(const char *unit)
{
        if (!slice_unit_valid(unit))
                return OWNER_NONE;

        for (Owner o = OWNER_PACT; o < _OWNER_MAX; o++) {
                const char *rest = startswith(unit, owner_table[o]);

                if (rest && (*rest == '-' || streq(rest, SLICE_SUFFIX)))
                        return o;
        }

        return OWNER_NONE;
}

static Owner scope_unit_owner(const char *unit)
{
        const char *end = endswith(unit, SCOPE_SUFFIX);

        if (!end || strlen(unit) > UNIT_NAME_MAX_LENGTH)
                return OWNER_NONE;

        for (Owner o = OWNER_PACT; o < _OWNER_MAX; o++) {
                const char *rest = startswith(unit, owner_table[o]);

                if (rest && *rest == '-' && rest + 1 < end)
                        return o;
        }

        return OWNER_NONE;
}

static const char *component_fault(const char *component, size_t length)
{
        if (length == 0)
                return "it has an empty component";
        if ((length == 1 && component[0] == '.') ||
            (length == 2 && component[0] == '.' && component[1] == '.'))
                return "\".\" and \"..\" are not allowed";

        for (size_t i = 0; i < length; i++)
                if ((unsigned char) component[i] < ' ' || component[i] == 0x7f)
                        return "control characters are not allowed";

        return NULL;
}

static const char *path_fault(const char *path)
{
        if (!*path)
                return NULL;

        for (const char *p = path;;) {
                size_t n = strcspn(p, "/");
                const char *fault = component_fault(p, n);

                if (fault)
                        return fault;
                if (!p[n])
                        return NULL;
                p += n + 1;
        }
}

/* Strips "/sys/fs/cgroup" and slashes around the path. *to has room for all of the text. */
static void path_trim(const char *text, char *to)
{
        const char *start = startswith(text, CGROUP_ROOT);
        size_t n;

        if (!start || (*start && *start != '/'))
                start = text;
        if (*start == '/')
                start++;

        n = strlen(start);
        (void) memcpy(to, start, n + 1);
        if (n > 0 && to[n - 1] == '/')
                to[n - 1] = '\0';
}

/* Without memory of its own: the lack of it must not make an owned path nobody's. */
Owner path_owner(const char *path)
{
        char copy[PATH_MAX];
        Owner owner;

        if (!path || strlen(path) >= sizeof(copy))
                return OWNER_NONE;
        path_trim(path, copy);
        if (path_fault(copy))
                return OWNER_NONE;

        copy[strcspn(copy, "/")] = '\0';
        owner = slice_unit_owner(copy);
        return owner != OWNER_NONE ? owner : scope_unit_owner(copy);
}

int path_unit(const char *path, char **ret_unit)
{
        for (const char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
                size_t n = strcspn(p, "/");
                _cleanup_(freep) char *component = strndup(p, n);

                if (!component)
                        return -ENOMEM;
                if (!endswith(component, ".slice")) {
                        *ret_unit = TAKE_PTR(component);
                        return 0;
                }
                p += n;
        }
        return -ENOENT;
}

int cgroup_path_parse(const char *text, char **ret_path, char **ret_reason)
{
        _cleanup_(freep) char *path = NULL;
        char quoted[REASON_QUOTE_SIZE];
        const char *fault;

        path = malloc(strlen(text) + 1);
        if (!path)
                return -ENOMEM;
        path_trim(text, path);

        fault = strlen(text) >= PATH_MAX ? "it is longer than a path can be" : path_fault(path);
        if (fault)
                return reason_set(-EINVAL, ret_reason, "%s is not the path of a cgroup: %s",
                                  reason_quote(text, quoted), fault);

        *ret_path = TAKE_PTR(path);
        return 0;
}

static int slice_fault(const char *text, const char *fault, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        return reason_set(-EINVAL, ret_reason, "%s is not a usable slice: %s",
                          reason_quote(text, quoted), fault);
}

static bool hierarchy_has(const char *unit)
{
        for (const char *const *s = hierarchy_slices; *s; s++)
                if (streq(*s, unit))
                        return true;

        return false;
}

/* Each level repeats the ones above it: 255 characters of a unit may be a path of many times that. What is
 * to come below, of a scope, its leaves and their files, has to fit in as well. */
#define SLICE_PATH_MAX (PATH_MAX - 512)

static size_t slice_path_length(const char *unit)
{
        size_t length = strlen(unit);

        for (const char *p = strchr(unit, '-'); p; p = strchr(p + 1, '-'))
                length += (size_t) (p - unit) + strlen(SLICE_SUFFIX "/");
        return length;
}

/* What keeps a unit from being a slice that scopes may be put into, or NULL. */
static const char *slice_unit_fault(const char *unit)
{
        if (!endswith(unit, SLICE_SUFFIX))
                return "the name of a slice ends in .slice";
        if (strlen(unit) > UNIT_NAME_MAX_LENGTH)
                return "its unit name is longer than 255 characters";
        if (!slice_unit_valid(unit))
                return "each level between dashes is 1 to 128 of A-Z, a-z, 0-9, '_', '.' and \\x2d "
                       "(an escaped dash), not starting with '.' or a dash";
        if (slice_path_length(unit) > SLICE_PATH_MAX)
                return "it has so many levels that its path would be too long";

        switch (slice_unit_owner(unit)) {
        case OWNER_PACT:
                return hierarchy_has(unit) ? NULL
                                           : "below pact.slice there are only pact-infra, "
                                             "pact-network, pact-gpu and pact-audit";
        case OWNER_WORKLOAD:
                return NULL;
        default:
                return "it has no owner; slices are pact.slice with its children, and "
                       "workload.slice "
                       "with whatever is named below it";
        }
}

static char *dash_escape(const char *name, size_t length)
{
        char *escaped = malloc(length * strlen(ESCAPED_DASH) + 1), *to = escaped;

        if (!escaped)
                return NULL;

        for (size_t i = 0; i < length; i++)
                if (name[i] == '-')
                        to = stpcpy(to, ESCAPED_DASH);
                else
                        *to++ = name[i];

        *to = '\0';
        return escaped;
}

/* What keeps a path component from being a level below the slice `prefix`; NULL and the level in
 * *ret_level (escaped, owned by the caller; NULL without memory) if nothing does. */
static const char *component_level(const char *prefix, const char *component, char **ret_level)
{
        const char *end = endswith(component, SLICE_SUFFIX) ?: component + strlen(component);
        const char *level = startswith(component, prefix), *fault;

        if (endswith(component, SCOPE_SUFFIX) || endswith(component, ".service"))
                return "it leads to a scope or a service";

        /* "pact-gpu.slice" below "pact.slice" is the unit as the cgroup tree has it. */
        if (level && *level == '-' && *end) {
                level++;
                if (level >= end || !level_valid(level, (size_t) (end - level)))
                        return "in a cgroup path each slice has exactly one level more than the "
                               "one "
                               "above it";

                *ret_level = strndup(level, (size_t) (end - level));
                return NULL;
        }

        fault = name_fault(component, (size_t) (end - component));
        if (!fault)
                *ret_level = dash_escape(component, (size_t) (end - component));
        return fault;
}

/* Replaces *unit by its child that a path names `component`. */
static int slice_descend(char **unit, const char *component, const char *text, char **ret_reason)
{
        _cleanup_(freep) char *prefix = NULL, *level = NULL;
        const char *fault;
        char *child;

        prefix = strndup(*unit, strlen(*unit) - strlen(SLICE_SUFFIX));
        if (!prefix)
                return -ENOMEM;

        fault = component_level(prefix, component, &level);
        if (fault)
                return slice_fault(text, fault, ret_reason);
        if (!level || asprintf(&child, "%s-%s" SLICE_SUFFIX, prefix, level) < 0)
                return -ENOMEM;

        free(*unit);
        *unit = child;
        return 0;
}

int slice_parse(const char *text, char **ret_unit, char **ret_reason)
{
        _cleanup_(freep) char *path = NULL, *unit = NULL;
        const char *fault;
        char *rest;
        int r;

        r = cgroup_path_parse(text, &path, ret_reason);
        if (r < 0)
                return r;
        if (!*path)
                return slice_fault(text, "it names no slice", ret_reason);

        rest = path;
        unit = strdup(strsep(&rest, "/"));
        if (!unit)
                return -ENOMEM;
        if (rest && !streq(unit, SLICE_PACT) && !streq(unit, SLICE_WORKLOAD))
                return slice_fault(text, "a path starts at pact.slice or workload.slice",
                                   ret_reason);

        while (rest) {
                r = slice_descend(&unit, strsep(&rest, "/"), text, ret_reason);
                if (r < 0)
                        return r;
        }

        fault = slice_unit_fault(unit);
        if (fault)
                return slice_fault(text, fault, ret_reason);

        *ret_unit = TAKE_PTR(unit);
        return 0;
}

int slice_cgroup_path(const char *unit, char **ret_path)
{
        _cleanup_(freep) char *path = NULL;
        const char *end = endswith(unit, SLICE_SUFFIX);
        size_t n_levels = 1;
        char *to;

        if (streq(unit, "-.slice")) {
                path = strdup("");
                if (!path)
                        return -ENOMEM;

                *ret_path = TAKE_PTR(path);
                return 0;
        }
        if (!slice_unit_valid(unit))
                return -EINVAL;

        for (const char *p = unit; p < end; p++)
                n_levels += *p == '-';

        /* Every level repeats the unit's name up to its own dash, so none is longer than the unit. */
        path = malloc(n_levels * (strlen(unit) + 1));
        if (!path)
                return -ENOMEM;

        to = path;
        for (const char *p = unit; p < end; p++)
                if (*p == '-') {
                        to = mempcpy(to, unit, (size_t) (p - unit));
                        to = stpcpy(to, SLICE_SUFFIX "/");
                }
        (void) stpcpy(to, unit);

        *ret_path = TAKE_PTR(path);
        return 0;
}

static int name_parse(const char *what, const char *text, size_t length, char **ret_name,
                      char **ret_reason)
{
        const char *fault = name_fault(text, length);
        char quoted[REASON_QUOTE_SIZE];
        char *name;

        if (fault)
                return reason_set(-EINVAL, ret_reason, "%s is not a valid name of a %s: %s",
                                  reason_quote(text, quoted), what, fault);

        name = strndup(text, length);
        if (!name)
                return -ENOMEM;

        *ret_name = name;
        return 0;
}

int scope_name_parse(const char *text, char **ret_name, char **ret_reason)
{
        const char *end = endswith(text, SCOPE_SUFFIX);
        char quoted[REASON_QUOTE_SIZE], *name;
        int r;

        r = name_parse("scope", text, end ? (size_t) (end - text) : strlen(text), &name,
                       ret_reason);
        if (r < 0)
                return r;
        /* Named by its name it would be taken for another. */
        if (endswith(name, SCOPE_SUFFIX)) {
                free(name);
                return reason_set(-EINVAL, ret_reason,
                                  "%s is not a valid name of a scope: it ends in \".scope\" twice",
                                  reason_quote(text, quoted));
        }

        *ret_name = name;
        return 0;
}

/* The kernel's files in a cgroup start so. A controller that a later kernel brings can only make
 * mkdir of the leaf fail with EEXIST, which is reported. */
static const char *const kernel_prefixes[] = {
        "cgroup.",  "cpu.",  "cpuset.", "io.",   "memory.", "pids.",
        "hugetlb.", "rdma.", "misc.",   "dmem.", "irq.",
};

int task_name_parse(const char *text, char **ret_name, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(kernel_prefixes); i++)
                if (startswith(text, kernel_prefixes[i]))
                        return reason_set(
                                -EINVAL, ret_reason,
                                "%s is not a valid name of a task: the kernel's own files "
                                "start with \"%s\"",
                                reason_quote(text, quoted), kernel_prefixes[i]);

        return name_parse("task", text, strlen(text), ret_name, ret_reason);
}

int scope_unit_name(const char *slice_unit, const char *name, unsigned instance, char **ret_unit,
                    char **ret_reason)
{
        const char *end = endswith(slice_unit, SLICE_SUFFIX);
        _cleanup_(freep) char *unit = NULL;
        char number[16] = "";

        if (!end)
                return reason_set(-EINVAL, ret_reason, "\"%s\" is not a slice", slice_unit);
        if (instance >= 2)
                (void) snprintf(number, sizeof(number), "-%u", instance);
        if (asprintf(&unit, "%.*s-%s%s" SCOPE_SUFFIX, (int) (end - slice_unit), slice_unit, name,
                     number) < 0)
                return -ENOMEM;
        if (strlen(unit) > UNIT_NAME_MAX_LENGTH)
                return reason_set(
                        -EINVAL, ret_reason,
                        "The unit name of \"%s\" in %s would have %zu characters; systemd "
                        "allows %u: choose a shorter name or slice",
                        name, slice_unit, strlen(unit), UNIT_NAME_MAX_LENGTH);

        *ret_unit = TAKE_PTR(unit);
        return 0;
}
