/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of slices, scopes and tasks, and paths: what comes out is accepted again, and is the same. */
#include "fuzz.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "basic/reason.h"

typedef int (*parser_t)(const char *text, char **ret, char **ret_reason);

/* What it makes of text; NULL when it refuses that. */
static char *parse(parser_t parser, const char *text)
{
        _cleanup_(freep) char *reason = NULL, *again = NULL;
        char *result = fuzz_untouched;
        int r = parser(text, &result, &reason);

        fuzz_check_refusal(r, reason);
        if (r < 0) {
                check(result == fuzz_untouched);
                return NULL;
        }
        check(parser(result, &again, NULL) == 0);
        check(streq(result, again));
        return result;
}

static void check_unit(const char *slice, const char *name)
{
        _cleanup_(freep) char *unit = NULL, *reason = NULL;
        int r = scope_unit_name(slice, name, 2, &unit, &reason);

        fuzz_check_refusal(r, reason);
        if (r < 0)
                return;
        check(strlen(unit) <= UNIT_NAME_MAX_LENGTH && !strchr(unit, '/'));
        check(path_owner(unit) == path_owner(slice));
}

static void check_slice(const char *text, const char *name)
{
        _cleanup_(freep) char *unit = parse(slice_parse, text), *path = NULL, *again = NULL;

        if (!unit)
                return;
        check(strlen(unit) <= UNIT_NAME_MAX_LENGTH);
        check(path_owner(unit) != OWNER_NONE);
        check(slice_cgroup_path(unit, &path) == 0);
        check(path_owner(path) == path_owner(unit));
        check(slice_parse(path, &again, NULL) == 0);
        check(streq(unit, again));
        check_unit(unit, name);
}

static void check_path(const char *text)
{
        _cleanup_(freep) char *path = parse(cgroup_path_parse, text);

        if (!path) {
                check(path_owner(text) == OWNER_NONE);
                return;
        }
        check(*path != '/' && !strstr(path, "//"));
        check(!streq(path, "..") && !startswith(path, "../") && !endswith(path, "/..") &&
              !strstr(path, "/../"));
        check(path_owner(path) == path_owner(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size), *scope = NULL, *task = NULL;
        char quoted[REASON_QUOTE_SIZE];

        scope = parse(scope_name_parse, text);
        task = parse(task_name_parse, text);
        check(!task || (strlen(task) <= NAME_MAX_LENGTH && !strchr(task, '/') && *task != '.'));
        check(!scope || (strlen(scope) <= NAME_MAX_LENGTH && !strchr(scope, '/') && *scope != '.'));
        check_slice(text, scope ?: "x");
        check_path(text);
        if (scope)
                check_unit("workload.slice", scope);
        check(reason_quote(text, quoted) == quoted && strlen(quoted) < sizeof quoted);
        fuzz_check_sentence(quoted);
        return 0;
}
