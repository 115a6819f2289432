/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CreateScope, Run and Spawn: their arguments read and checked, then handed to the scope. */
#include "daemon/limits-bus.h"
#include "daemon/manager-bus.h"
#include "daemon/record.h"
#include "daemon/scope.h"

/* A call whose user is being looked up; nothing has been begun for it yet. */
typedef struct Start {
        ScopeRequest request; /* of Run; of Spawn only .spec */
        char *scope, *task;   /* of Spawn */
        Call *call;
} Start;

static Start *start_free(Start *q)
{
        if (!q)
                return NULL;
        scope_request_done(&q->request);
        call_free(q->call);
        free(q->scope);
        free(q->task);
        free(q);
        return NULL;
}

DEFINE_CLEANUP(Start *, start_free);

/* --- arguments --- */

static int read_parent_and_name(const Manager *m, sd_bus_message *message, ScopeRequest *q,
                                sd_bus_error *error)
{
        const char *parent, *name;
        char *reason = NULL;
        int r;

        r = sd_bus_message_read(message, "ss", &parent, &name);
        if (r < 0)
                return r;
        r = slice_parse(parent, &q->slice, &reason);
        if (r >= 0)
                r = scope_name_parse(name, &q->name, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        if (m->user && path_owner(q->slice) != OWNER_WORKLOAD)
                return error_set(
                        error, ERROR_PERMISSION_DENIED,
                        "%s belongs to pact; a user's own daemon serves workload.slice only",
                        q->slice);
        return 0;
}

/* The keys of CreateScope's dictionary that are not limits. */
static int read_other_key(sd_bus_message *message, const char *key, void *userdata,
                          sd_bus_error *error)
{
        ScopeRequest *q = userdata;
        const char *text;
        uint32_t number;
        int flag, r;

        if (streq(key, "Priority")) {
                r = sd_bus_message_read(message, "v", "u", &number);
                if (r >= 0 && number > 100)
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "Priority=%u is out of range: 0 to 100 are allowed",
                                         number);
                if (r >= 0)
                        q->priority = number;
                return r;
        }
        if (streq(key, "ReleaseOnEmpty")) {
                r = sd_bus_message_read(message, "v", "b", &flag);
                if (r >= 0)
                        q->release_on_empty = flag;
                return r;
        }
        if (!streq(key, "Description"))
                return -ENOENT;
        r = sd_bus_message_read(message, "v", "s", &text);
        if (r < 0)
                return r;
        if (strlen(text) > 255 || strpbrk(text, "\n\r"))
                return error_set(error, ERROR_INVALID_ARGS,
                                 "Description is one line of at most 255 bytes");
        free(q->description);
        q->description = strdup(text);
        return q->description ? 0 : -ENOMEM;
}

/* --- CreateScope --- */

static int create_scope(Call *call, sd_bus_error *error)
{
        _cleanup_(scope_request_done) ScopeRequest q = { .priority = 50 };
        int r;

        r = read_parent_and_name(call->manager, call->message, &q, error);
        if (r >= 0)
                r = limits_read(call->message, &q.limits, read_other_key, &q,
                                "Priority, ReleaseOnEmpty, Description", error);
        if (r >= 0)
                r = scope_create(call->manager, &q, call, error);
        return r < 0 ? r : 1;
}

METHOD(method_create_scope)
{
        return call_begin(userdata, message, create_scope, error);
}

/* --- Run --- */

static void run_resolved(int r, const sd_bus_error *error, void *userdata)
{
        _cleanup_(start_freep) Start *q = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;

        (void) sd_bus_error_copy(&ours, error);
        if (r >= 0)
                r = scope_create(q->call->manager, &q->request, q->call, &ours);
        if (r < 0)
                call_fail(TAKE_PTR(q->call), r, &ours);
        else
                TAKE_PTR(q->call);
}

static int run(Call *call, sd_bus_error *error)
{
        _cleanup_(start_freep) Start *q = calloc(1, sizeof *q);
        int r;

        if (!q)
                return -ENOMEM;
        r = read_parent_and_name(call->manager, call->message, &q->request, error);
        if (r >= 0)
                r = limits_read(call->message, &q->request.limits, NULL, NULL, NULL, error);
        if (r >= 0)
                r = spec_read(call->message, true, &q->request.spec, error);
        if (r < 0)
                return r;
        q->request.priority = q->request.spec->has_priority ? q->request.spec->priority : 50;
        q->request.release_on_empty = q->request.spec->release_on_empty;
        q->request.description = TAKE_PTR(q->request.spec->description);

        r = spec_resolve(call->manager, q->request.spec, call->uid, run_resolved, q, error);
        if (r < 0)
                return r;
        q->call = call;
        if (r > 0)
                run_resolved(0, NULL, TAKE_PTR(q));
        else
                TAKE_PTR(q);
        return 1;
}

METHOD(method_run)
{
        return call_begin(userdata, message, run, error);
}

/* --- Spawn --- */

static void on_task(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        Call *call = userdata;
        _cleanup_(freep) char *path = NULL;

        /* Saved with main's pid: what a daemon that finds neither us nor the supervisor has to go by. */
        if (r >= 0 && streq(t->name, TASK_MAIN) && record_main(t->scope, call))
                (void) scope_save(t->scope);
        if (r >= 0)
                r = task_object_path(t, &path);
        if (r < 0)
                call_fail(call, r, error);
        else
                call_reply(call, "ou", path, (uint32_t) t->pid);
}

static int find_whole_scope(Call *call, const char *text, Scope **ret, sd_bus_error *error)
{
        Task *t;
        int r;

        r = scope_find(call->manager, text, ret, &t, error);
        if (r >= 0 && (*ret)->create)
                return error_set(error, ERROR_NOT_FOUND, "%s is %s: no task can be started in it",
                                 (*ret)->name, scope_state_name(*ret));
        if (r >= 0 && t)
                return error_set(error, ERROR_INVALID_ARGS, "\"%.256s\" is a task; name its scope",
                                 text);
        return r;
}

static void spawn_resolved(int r, const sd_bus_error *error, void *userdata)
{
        _cleanup_(start_freep) Start *q = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
        Scope *s;

        (void) sd_bus_error_copy(&ours, error);
        if (r >= 0)
                r = find_whole_scope(q->call, q->scope, &s, &ours);
        if (r >= 0)
                r = task_spawn(s, q->task, q->request.spec, on_task, q->call, &ours);
        if (r < 0) {
                call_fail(TAKE_PTR(q->call), r, &ours);
                return;
        }
        TAKE_PTR(q->request.spec);
        TAKE_PTR(q->call);
}

static int spawn(Call *call, sd_bus_error *error)
{
        _cleanup_(start_freep) Start *q = calloc(1, sizeof *q);
        const char *scope, *task;
        char *reason = NULL;
        Scope *s;
        int r;

        if (!q)
                return -ENOMEM;
        r = sd_bus_message_read(call->message, "ss", &scope, &task);
        if (r >= 0)
                r = find_whole_scope(call, scope, &s, error);
        if (r < 0)
                return r;
        r = task_name_parse(task, &q->task, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        q->scope = strdup(s->unit);
        if (!q->scope)
                return -ENOMEM;
        r = spec_read(call->message, false, &q->request.spec, error);
        if (r < 0)
                return r;

        r = spec_resolve(call->manager, q->request.spec, call->uid, spawn_resolved, q, error);
        if (r < 0)
                return r;
        q->call = call;
        if (r > 0)
                spawn_resolved(0, NULL, TAKE_PTR(q));
        else
                TAKE_PTR(q);
        return 1;
}

METHOD(method_spawn)
{
        return call_begin(userdata, message, spawn, error);
}
