/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which scope or task a caller means, where the daemon is not asked. */
#include "daemon.h"

#include "basic/line.h"
#include "basic/name.h"
#include "basic/reason.h"

void client_target_done(ClientTarget *t)
{
        free(t->scope);
        free(t->task);
}

/* Cuts the scope off at `at`; the task begins `skip` characters on. */
static int split(ClientTarget *t, char *at, size_t skip)
{
        t->task = strdup(at + skip);
        if (!t->task)
                return -ENOMEM;
        *at = '\0';
        return 0;
}

/* "alloc-42/main", which unlike "workload.slice/workload-alloc-42.scope" begins at no slice. */
static bool is_scope_and_task(const char *path)
{
        static const char suffix[] = ".slice/";
        const char *slash = strchr(path, '/'), *slice = strstr(path, suffix);

        return slash && !strchr(slash + 1, '/') && (!slice || slice + strlen(suffix) - 1 != slash);
}

static int from_object(const char *text, ClientTarget *t, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];
        int r;

        r = sd_bus_path_decode_many(text, TASK_TEMPLATE, &t->scope, &t->task);
        if (r == 0)
                r = sd_bus_path_decode(text, SCOPE_PREFIX, &t->scope);
        if (r == 0 || r == -EINVAL)
                return reason_set(-EINVAL, ret_reason,
                                  "%s is not the object path of a scope or a task",
                                  reason_quote(text, quoted));
        return r < 0 ? r : 0;
}

/* What is below payload/ is a task's, as it is for the daemon. */
static int from_cgroup(const char *path, ClientTarget *t)
{
        static const char scope[] = ".scope", payload[] = ".scope/payload";
        char *end;

        if (asprintf(&t->scope, "/%s", path) < 0) {
                t->scope = NULL;
                return -ENOMEM;
        }
        end = strstr(t->scope, payload);
        if (end && end[strlen(payload)] == '/')
                return split(t, end + strlen(scope), strlen(payload) - strlen(scope) + 1);
        if (end && !end[strlen(payload)])
                end[strlen(scope)] = '\0';
        return 0;
}

static int parse(const char *text, ClientTarget *t, char **ret_reason)
{
        _cleanup_(freep) char *path = NULL;
        char quoted[REASON_QUOTE_SIZE];
        int r;

        if (!text_is_utf8(text))
                return reason_set(-EINVAL, ret_reason, "%s is not UTF-8 text",
                                  reason_quote(text, quoted));
        if (startswith(text, SCOPE_PREFIX "/"))
                return from_object(text, t, ret_reason);
        if (strchr(text, '/')) {
                r = cgroup_path_parse(text, &path, ret_reason);
                if (r < 0)
                        return r;
                if (*text == '/' || (strchr(path, '/') && !is_scope_and_task(path)))
                        return from_cgroup(path, t);
        }

        t->scope = strdup(path ?: text);
        if (!t->scope)
                return -ENOMEM;
        return strchr(t->scope, '/') ? split(t, strchr(t->scope, '/'), 1) : 0;
}

int client_target_parse(const char *text, ClientTarget *ret, hpcnode_cgroup_error *e)
{
        _cleanup_(client_target_done) ClientTarget t = { NULL };
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = parse(text, &t, &reason);
        if (r < 0)
                return client_error_refused(e, r, reason, "the scope's name is not allowed");

        *ret = t;
        t = (ClientTarget){ NULL };
        return 0;
}
