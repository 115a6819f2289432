/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table behind option.h. */
#include "basic/option.h"

#include "basic/line.h"
#include "basic/reason.h"

#include <limits.h>

#define WORD_MAX 255

static bool is_absolute(const char *path)
{
        return *path == '/' && strlen(path) < PATH_MAX;
}

static int check_path(const char *option, const char *text, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        if (is_absolute(text))
                return 0;
        return reason_set(-EINVAL, ret_reason, "%s: %s is not an absolute path of at most %d bytes",
                          option, reason_quote(text, quoted), PATH_MAX - 1);
}

static int check_word(const char *option, const char *text, char **ret_reason)
{
        if (!*text || strlen(text) > WORD_MAX)
                return reason_set(-EINVAL, ret_reason, "%s has %zu bytes; 1 to %d are allowed",
                                  option, strlen(text), WORD_MAX);
        for (const char *p = text; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return reason_set(-EINVAL, ret_reason, "%s has a control character in it",
                                          option);
        return 0;
}

static int check_log(const char *option, const char *text, char **ret_reason)
{
        const char *path = startswith(text, "file:");
        char quoted[REASON_QUOTE_SIZE];

        if (streq(text, "journal") || streq(text, "null") || (path && is_absolute(path)))
                return 0;
        return reason_set(-EINVAL, ret_reason,
                          "%s: %s is none of \"journal\", \"null\" and \"file:PATH\" with an "
                          "absolute path",
                          option, reason_quote(text, quoted));
}

static int check_variable(const char *option, const char *text, char **ret_reason)
{
        size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        _cleanup_(freep) char *name = NULL;
        char quoted[REASON_QUOTE_SIZE];

        if (n > 0 && text[n] == '=' && (*text < '0' || *text > '9'))
                return 0;
        name = strndup(text,
                       strcspn(text, "=")); /* the value is not repeated: it may be a secret */
        if (!name)
                return -ENOMEM;
        return reason_set(-EINVAL, ret_reason,
                          "%s: %s is not the name of a variable in NAME=VALUE; letters, digits and "
                          "_ are allowed",
                          option, reason_quote(name, quoted));
}

/* Shown to others as it is. */
static int check_line(const char *option, const char *text, char **ret_reason)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = *text ? line_check(text, &reason) : 0;
        return r == -EINVAL ? reason_set(r, ret_reason, "%s: %s", option, reason) : r;
}

static const struct {
        const char *option;
        int (*check)(const char *option, const char *text, char **ret_reason);
} checks[] = {
        { "WorkingDirectory", check_path },
        { "Environment", check_variable },
        { "User", check_word },
        { "Group", check_word },
        { "Log", check_log },
        { "RequirePaths", check_path },
        { "Description", check_line },
};

int option_check(const char *option, const char *text, char **ret_reason)
{
        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (streq(checks[i].option, option))
                        return checks[i].check(option, text, ret_reason);
        return 0;
}
