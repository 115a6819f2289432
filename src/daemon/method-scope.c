/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods on what exists: destroy, freeze, thaw, kill, limits, wait, remove. */
#include "daemon/limits-bus.h"
#include "daemon/manager-bus.h"
#include "daemon/scope.h"

#include <signal.h>

/* Reads the scope argument, which may name one task of it. */
static int read_scope(Call *call, Scope **ret_scope, Task **ret_task, sd_bus_error *error)
{
        const char *text;
        int r;

        r = sd_bus_message_read(call->message, "s", &text);
        return r < 0 ? r : scope_find(call->manager, text, ret_scope, ret_task, error);
}

/* The same for an act on it: as call_authorize() returns. */
static int read_scope_for(Call *call, Act act, Scope **ret_scope, Task **ret_task,
                          sd_bus_error *error)
{
        int r = read_scope(call, ret_scope, ret_task, error);

        return r < 0 ? r : call_authorize(call, act, NULL, *ret_scope, error);
}

/* The same where a task cannot be meant. */
static int read_whole_scope(Call *call, Act act, Scope **ret, sd_bus_error *error)
{
        Task *t;
        int r;

        r = read_scope_for(call, act, ret, &t, error);
        if (r == 0 && t)
                return error_set(error, ERROR_INVALID_ARGS, "%s/%s is a task; name its scope",
                                 (*ret)->name, t->name);
        return r;
}

static int refuse_ended(const Scope *s, sd_bus_error *error)
{
        return error_set(error, ERROR_NOT_FOUND, "%s has ended (%s); only its record is left",
                         s->name, scope_state_name(s));
}

/* --- DestroyScope --- */

static int destroy_scope(Call *call, sd_bus_error *error)
{
        Scope *s;
        int r;

        r = read_whole_scope(call, ACT_DESTROY, &s, error);
        if (r != 0)
                return r;
        if (scope_has_ended(s)) {
                call_reply(call, "");
                return 1;
        }
        if (s->create)
                scope_create_then_destroy(s, call);
        else
                scope_release(s, RELEASE_DESTROY, call);
        return 1;
}

METHOD(method_destroy_scope)
{
        return call_begin(userdata, message, destroy_scope, error);
}

/* --- FreezeScope, ThawScope --- */

static int freeze_or_thaw(Call *call, bool freeze, sd_bus_error *error)
{
        Scope *s;
        Task *t;
        int r;

        r = read_scope_for(call, freeze ? ACT_FREEZE : ACT_THAW, &s, &t, error);
        if (r != 0)
                return r;
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (t && (t->ended || t->starting || t->open))
                return error_set(error, ERROR_NOT_FOUND, "%s/%s is %s: it cannot be %s", s->name,
                                 t->name, task_state(t), freeze ? "frozen" : "thawed");
        if (t)
                task_freeze(t, freeze, call);
        else
                scope_freeze(s, freeze, call);
        return 1;
}

static int freeze_scope(Call *call, sd_bus_error *error)
{
        return freeze_or_thaw(call, true, error);
}

static int thaw_scope(Call *call, sd_bus_error *error)
{
        return freeze_or_thaw(call, false, error);
}

METHOD(method_freeze_scope)
{
        return call_begin(userdata, message, freeze_scope, error);
}

METHOD(method_thaw_scope)
{
        return call_begin(userdata, message, thaw_scope, error);
}

/* --- KillScope, KillAll --- */

static int refuse_kill(const Scope *s, const Task *t, int signal, sd_bus_error *error)
{
        if (signal < 1 || signal > SIGRTMAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "signal %d is out of range: 1 to %d are allowed", signal,
                                 SIGRTMAX);
        if (scope_has_ended(s))
                return refuse_ended(s, error);
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (s->payload_fd < 0 || s->create)
                return error_set(error, ERROR_NOT_FOUND, "%s is %s", s->name, scope_state_name(s));
        if (t && t->open && signal != SIGKILL)
                return error_set(error, ERROR_NOT_FOUND,
                                 "%s/%s is %s: no process is in it yet; only SIGKILL (9) can be "
                                 "sent, which takes it back",
                                 s->name, t->name, task_state(t));
        return 0;
}

static int read_and_kill(Call *call, bool all, sd_bus_error *error)
{
        int32_t signal;
        Scope *s;
        Task *t;
        int r;

        r = read_scope_for(call, ACT_KILL, &s, &t, error);
        if (r != 0)
                return r;
        r = sd_bus_message_read(call->message, "i", &signal);
        if (r >= 0)
                r = refuse_kill(s, t, signal, error);
        if (r < 0)
                return r;
        if (signal != SIGKILL) {
                r = scope_signal(s, t, all, signal, call, error);
                return r < 0 ? r : 1;
        }
        r = scope_kill(s, t, call, error);
        if (r < 0)
                return r;
        call_reply(call, "");
        return 1;
}

static int kill_scope(Call *call, sd_bus_error *error)
{
        return read_and_kill(call, false, error);
}

static int kill_all(Call *call, sd_bus_error *error)
{
        return read_and_kill(call, true, error);
}

METHOD(method_kill_scope)
{
        return call_begin(userdata, message, kill_scope, error);
}

METHOD(method_kill_all)
{
        return call_begin(userdata, message, kill_all, error);
}

/* --- SetScopeLimits --- */

static int set_scope_limits(Call *call, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits changes = {};
        Scope *s;
        Task *t;
        int r;

        r = read_scope_for(call, ACT_LIMITS, &s, &t, error);
        if (r != 0)
                return r;
        r = t ? limits_read_task(call->message, false, &changes, error)
              : limits_read(call->message, &changes, NULL, NULL, NULL, error);
        if (r >= 0 && scope_has_ended(s))
                r = refuse_ended(s, error);
        if (r >= 0 && s->state == SCOPE_ZOMBIE)
                r = scope_refuse_zombie(s, error);
        if (r >= 0 && t) {
                r = task_set_limits(t, &changes, call, error);
                return r < 0 ? r : 1;
        }
        if (r >= 0)
                r = scope_check_size(s, &changes, error);
        if (r >= 0)
                r = scope_set_limits(s, &changes, call, error);
        return r < 0 ? r : 1;
}

METHOD(method_set_scope_limits)
{
        return call_begin(userdata, message, set_scope_limits, error);
}

/* --- WaitScope: reading, so free for everyone --- */

static int wait_scope(Call *call, sd_bus_error *error)
{
        const char *text;
        Scope *s = NULL;
        Task *t;
        int r;

        r = sd_bus_message_read(call->message, "s", &text);
        if (r >= 0)
                r = scope_find_outcome(call->manager, text, &s, &t, error);
        if (r < 0 && s) { /* it may have the task */
                sd_bus_error_free(error);
                call_wait(call, &s->unheard);
                return 1;
        }
        if (r < 0)
                return r;
        if (t && task_is_over(t))
                task_answer_wait(t, call);
        else if (t)
                call_wait(call, &t->waiters);
        else if (scope_has_ended(s) || s->state == SCOPE_ZOMBIE)
                call_reply(call, "siib", scope_state_name(s), s->exit_status, s->exit_signal,
                           (int) (s->oom_kills > 0));
        else
                call_wait(call, &s->waiters);
        return 1;
}

METHOD(method_wait_scope)
{
        return call_begin(userdata, message, wait_scope, error);
}

/* --- RemoveScope --- */

static int remove_scope(Call *call, sd_bus_error *error)
{
        Scope *s;
        int r;

        r = read_whole_scope(call, ACT_REMOVE, &s, error);
        if (r != 0)
                return r;
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (!scope_has_ended(s))
                return error_set(error, ERROR_NOT_EMPTY,
                                 "%s is still running (%s); `hpcnode-ctl %s %s` ends it", s->name,
                                 scope_state_name(s), s->is_job ? "kill" : "destroy", s->name);
        /* Before it is gone here, or it would be back after a restart. */
        r = scope_forget_files(s, true);
        if (r < 0)
                return error_set(error, ERROR_IO, "the record of %s cannot be removed from %s: %s",
                                 s->name, s->manager->runtime_path, strerror(-r));
        scope_retire(s);
        call_reply(call, "");
        return 1;
}

METHOD(method_remove_scope)
{
        return call_begin(userdata, message, remove_scope, error);
}
