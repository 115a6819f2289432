/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CreateScope, Run and Spawn: their arguments read and checked, then handed to the scope. */
#include "basic/option.h"
#include "daemon/drain.h"
#include "daemon/limits-bus.h"
#include "daemon/manager-bus.h"
#include "daemon/pressure-admit.h"
#include "daemon/record.h"
#include "daemon/scope.h"
#include "daemon/usage.h"

/* A call whose user is being looked up; nothing has been begun for it yet. */
typedef struct Start {
        ScopeRequest request;    /* of Run; of Spawn only .spec */
        char *scope, *id, *task; /* of Spawn: the scope's unit and id */
        Call *call;
} Start;

static Start *start_free(Start *q)
{
        if (!q)
                return NULL;
        scope_request_done(&q->request);
        call_free(q->call);
        free(q->scope);
        free(q->id);
        free(q->task);
        free(q);
        return NULL;
}

DEFINE_CLEANUP(Start *, start_free);

/* --- arguments --- */

/* Returns as call_authorize() does. */
static int read_parent_and_name(Call *call, ScopeRequest *q, sd_bus_error *error)
{
        const char *parent, *name;
        char *reason = NULL;
        int r;

        r = sd_bus_message_read(call->message, "ss", &parent, &name);
        if (r < 0)
                return r;
        r = slice_parse(parent, &q->slice, &reason);
        if (r >= 0)
                r = scope_name_parse(name, &q->name, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        if (call->manager->user && path_owner(q->slice) != OWNER_WORKLOAD)
                return error_set(
                        error, ERROR_PERMISSION_DENIED,
                        "%s belongs to pact; a user's own daemon serves workload.slice only",
                        q->slice);
        return call_authorize(call, ACT_CREATE, q->slice, NULL, error);
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
        if (streq(key, "Force")) {
                r = sd_bus_message_read(message, "v", "b", &flag);
                if (r >= 0)
                        q->force = flag;
                return r;
        }
        if (!streq(key, "Description"))
                return -ENOENT;
        r = sd_bus_message_read(message, "v", "s", &text);
        if (r < 0)
                return r;
        return spec_take_text(text, key, &q->description, error);
}

/* --- CreateScope --- */

/* Those of a scope that is still to be made. */
static int read_limits(Call *call, Limits *ret, limits_other_key_t other, void *userdata,
                       const char *other_keys, sd_bus_error *error)
{
        char *reason = NULL;
        int r;

        r = limits_read(call->message, ret, other, userdata, other_keys, error);
        if (r < 0)
                return r;
        r = limits_check_new(ret, &reason);
        return r < 0 ? error_set_reason(error, ERROR_INVALID_ARGS, r, reason) : 0;
}

static int create_scope(Call *call, sd_bus_error *error)
{
        _cleanup_(scope_request_done) ScopeRequest q = { .priority = PRIORITY_DEFAULT };
        int r;

        r = read_parent_and_name(call, &q, error);
        if (r != 0)
                return r;
        r = read_limits(call, &q.limits, read_other_key, &q,
                        "Priority, ReleaseOnEmpty, Description, Force", error);
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
        if (r >= 0) /* it may have begun while the user was looked up */
                r = drain_refuse(q->call->manager, q->request.slice, &ours);
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
        r = read_parent_and_name(call, &q->request, error);
        if (r != 0)
                return r;
        r = read_limits(call, &q->request.limits, NULL, NULL, NULL, error);
        if (r >= 0)
                r = spec_read(call->message, true, &q->request.spec, error);
        if (r < 0)
                return r;
        q->request.priority = q->request.spec->has_priority ? q->request.spec->priority : 50;
        q->request.release_on_empty = q->request.spec->release_on_empty;
        q->request.force = q->request.spec->force;
        q->request.description = TAKE_PTR(q->request.spec->description);

        r = spec_resolve(call, q->request.spec, run_resolved, q, error);
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

static void spawn_resolved(int r, const sd_bus_error *error, void *userdata)
{
        _cleanup_(start_freep) Start *q = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error ours = SD_BUS_ERROR_NULL;
        Scope *s;

        (void) sd_bus_error_copy(&ours, error);
        if (r >= 0)
                r = scope_find_for_task(q->call->manager, q->scope, &s, &ours);
        /* The caller was allowed to act on that one, and not on another that has its name by now. */
        if (r >= 0 && !streq(s->id, q->id))
                r = error_set(&ours, ERROR_NOT_FOUND, "%s has ended meanwhile", q->scope);
        if (r >= 0)
                r = drain_refuse(q->call->manager, s->slice, &ours);
        if (r >= 0)
                r = usage_check_task(q->call, s, &ours);
        if (r >= 0) /* what cannot start anyway is not rejected for pressure */
                r = task_check_startable(s, q->task, &ours);
        if (r >= 0)
                r = pressure_admit(q->call, s->slice, s->unit, q->request.spec->force, &ours);
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
        Scope *s;
        int r;

        if (!q)
                return -ENOMEM;
        r = task_read_target(call, ACT_SPAWN, &s, &q->task, error);
        if (r != 0)
                return r;
        q->scope = strdup(s->unit);
        q->id = strdup(s->id);
        if (!q->scope || !q->id)
                return -ENOMEM;
        r = spec_read(call->message, false, &q->request.spec, error);
        if (r < 0)
                return r;

        r = spec_resolve(call, q->request.spec, spawn_resolved, q, error);
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
