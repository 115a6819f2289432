/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which scope, or which task of it, a caller means. */
#include "daemon/scope.h"

#include "basic/reason.h"

/* An object path: /org/hpcnode/Cgroup1/scope/<escaped unit>[/task/<escaped task>]. 1 when it is one. */
static int find_by_object_path(Manager *m, const char *text, Scope **ret_scope, char **ret_task)
{
        _cleanup_(freep) char *unit = NULL, *task = NULL;
        Scope *s;
        int r;

        r = sd_bus_path_decode_many(text, SCOPE_PREFIX "/%/task/%", &unit, &task);
        if (r <= 0)
                r = sd_bus_path_decode(text, SCOPE_PREFIX, &unit);
        if (r <= 0)
                return r;
        s = scope_by_unit(m, unit);
        if (!s)
                return 0;
        *ret_scope = s;
        *ret_task = TAKE_PTR(task);
        return 1;
}

/* A cgroup path: of the scope itself, or of a task's leaf (*ret_task then, pointing into path). */
static Scope *find_by_path(Manager *m, const char *path, const char **ret_task)
{
        for (Scope *s = m->scopes; s; s = s->hh.next) {
                const char *rest = s->path ? startswith(path, s->path + 1) : NULL;

                if (!rest)
                        continue;
                if (*rest == '\0' || streq(rest, "/payload"))
                        return s;
                rest = startswith(rest, "/payload/");
                if (rest) {
                        *ret_task = rest;
                        return s;
                }
        }
        return NULL;
}

/* A name, when it fits in one slice only. Of several that have it there (zombies, records of cleaned
 * zombies, and one that was made since) the live one is meant, or if there is none the newest. */
static int find_by_name(Manager *m, const char *name, Scope **ret, sd_bus_error *error)
{
        Scope *live = NULL, *ended = NULL;

        for (Scope *s = m->scopes; s; s = s->hh.next) {
                Scope **found = scope_has_ended(s) || s->state == SCOPE_ZOMBIE ? &ended : &live;

                if (!streq(s->name, name))
                        continue;
                if (*found && !streq((*found)->slice, s->slice))
                        return error_set(
                                error, ERROR_INVALID_ARGS,
                                "\"%s\" is in more than one slice: %s and %s; name the unit", name,
                                (*found)->unit, s->unit);
                if (!*found || (*found)->created_usec <= s->created_usec)
                        *found = s;
        }
        *ret = live ?: ended;
        return 0;
}

static int find_scope(Manager *m, const char *text, Scope **ret, sd_bus_error *error)
{
        size_t n = strlen(text);
        const char *suffix = endswith(text, ".scope");
        _cleanup_(freep) char *name = NULL;

        *ret = scope_by_unit(m, text);
        if (*ret)
                return 0;
        name = strndup(text, suffix ? n - strlen(".scope") : n);
        return name ? find_by_name(m, name, ret, error) : -ENOMEM;
}

static int not_found(const char *text, sd_bus_error *error)
{
        char quoted[REASON_QUOTE_SIZE];

        return error_set(error, ERROR_NOT_FOUND,
                         "there is no scope or task %s; `hpcnode-ctl list` shows what there is",
                         reason_quote(text, quoted));
}

/* A cgroup path, or "scope/task". */
static int find_in_tree(Manager *m, const char *text, Scope **ret_scope, char **ret_task,
                        sd_bus_error *error)
{
        _cleanup_(freep) char *path = NULL, *task = NULL;
        char *reason = NULL;
        const char *rest = NULL;
        Scope *s;
        int r;

        r = cgroup_path_parse(text, &path, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        s = find_by_path(m, path, &rest);
        if (!s) {
                char *slash = strchr(path, '/');

                if (!slash || strchr(slash + 1, '/'))
                        return 0;
                *slash = '\0';
                rest = slash + 1;
                r = find_scope(m, path, &s, error);
                if (r < 0)
                        return r;
        }
        if (rest && !(task = strdup(rest)))
                return -ENOMEM;
        *ret_scope = s;
        *ret_task = TAKE_PTR(task);
        return 0;
}

/* Of an ended scope that had a main task, which ended as it did. */
static bool is_main_of_record(const Scope *s, const char *task)
{
        return scope_has_ended(s) && s->main_pid > 0 && streq(task, TASK_MAIN);
}

static int find(Manager *m, const char *text, bool outcome, Scope **ret_scope, Task **ret_task,
                sd_bus_error *error)
{
        _cleanup_(freep) char *task_name = NULL;
        Scope *s = NULL;
        Task *t = NULL;
        int r;

        if (startswith(text, SCOPE_PREFIX "/"))
                r = find_by_object_path(m, text, &s, &task_name);
        else if (strchr(text, '/'))
                r = find_in_tree(m, text, &s, &task_name, error);
        else
                r = find_scope(m, text, &s, error);
        if (r < 0)
                return r;
        if (s && task_name)
                t = task_find(s, task_name);
        if (s && task_name && !t && scope_is_unheard(s)) {
                *ret_scope = s;
                return error_set(error, ERROR_IO,
                                 "%s: its supervisor stands still, and has not said yet which "
                                 "tasks it has; `systemctl status %s` may say why",
                                 s->name, s->unit);
        }
        if (!s || (s->undone && !scope_is_public(s)) ||
            (task_name && !t && !(outcome && is_main_of_record(s, task_name))))
                return not_found(text, error);
        *ret_scope = s;
        *ret_task = t;
        return 0;
}

int scope_find(Manager *m, const char *text, Scope **ret_scope, Task **ret_task,
               sd_bus_error *error)
{
        return find(m, text, false, ret_scope, ret_task, error);
}

int scope_find_outcome(Manager *m, const char *text, Scope **ret_scope, Task **ret_task,
                       sd_bus_error *error)
{
        return find(m, text, true, ret_scope, ret_task, error);
}

int scope_find_for_task(Manager *m, const char *text, Scope **ret, sd_bus_error *error)
{
        char quoted[REASON_QUOTE_SIZE];
        Scope *s;
        Task *t;
        int r;

        r = scope_find(m, text, &s, &t, error);
        if (r < 0)
                return r;
        if (s->create)
                return error_set(error, ERROR_NOT_FOUND, "%s is %s: no task can be started in it",
                                 s->name, scope_state_name(s));
        if (t)
                return error_set(error, ERROR_INVALID_ARGS, "%s is a task; name its scope",
                                 reason_quote(text, quoted));
        *ret = s;
        return 0;
}
