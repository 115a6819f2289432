/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Methods on what exists: destroy, freeze, thaw, kill, limits, wait, remove. */
#include "daemon/limits-bus.h"
#include "daemon/manager-bus.h"
#include "daemon/record.h"
#include "daemon/scope.h"

#include "basic/cgroup-file.h"

#include <signal.h>

/* Reads the scope argument, which may name one task of it. */
static int read_scope(Call *call, Scope **ret_scope, Task **ret_task, sd_bus_error *error)
{
        const char *text;
        int r;

        r = sd_bus_message_read(call->message, "s", &text);
        return r < 0 ? r : scope_find(call->manager, text, ret_scope, ret_task, error);
}

/* The same where a task cannot be meant. */
static int read_whole_scope(Call *call, Scope **ret, sd_bus_error *error)
{
        Task *t;
        int r;

        r = read_scope(call, ret, &t, error);
        if (r >= 0 && t)
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

        r = read_whole_scope(call, &s, error);
        if (r < 0)
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

        r = read_scope(call, &s, &t, error);
        if (r < 0)
                return r;
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (t && (t->ended || t->starting))
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

/* --- KillScope --- */

/* Tasks besides main have no records. */
static void record_signal(const Scope *s, const char *task, int signal, const Call *call)
{
        if (!task || streq(task, TASK_MAIN))
                record_kill(s, task, signal, call);
}

/* A signal that the supervisor was asked to send. The scope outlives its link, and so the request. */
typedef struct Signalling {
        Scope *scope;
        Call *call;
        char *task; /* NULL: all of them */
        int signal;
} Signalling;

static Signalling *signalling_free(Signalling *q)
{
        if (!q)
                return NULL;
        call_free(q->call);
        free(q->task);
        free(q);
        return NULL;
}

DEFINE_CLEANUP(Signalling *, signalling_free);

static void on_signalled(const SupervisorAnswer *answer, void *userdata)
{
        _cleanup_(signalling_freep) Signalling *q = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (answer->r >= 0) {
                record_signal(q->scope, q->task, q->signal, q->call);
                call_reply(TAKE_PTR(q->call), "");
                return;
        }
        if (answer->error == ESRCH)
                error_set(&error, ERROR_NOT_FOUND, "the task has ended already");
        else
                error_set(&error, ERROR_KILL_FAILED, "the supervisor could not send the signal: %s",
                          strerror(answer->error ?: -answer->r));
        call_fail(TAKE_PTR(q->call), 0, &error);
}

static int send_signal(Scope *s, const char *task, int signal, Call *call)
{
        _cleanup_(signalling_freep) Signalling *q = calloc(1, sizeof *q);
        int r;

        if (!q)
                return -ENOMEM;
        *q = (Signalling){ .scope = s, .signal = signal };
        if (task) {
                q->task = strdup(task);
                if (!q->task)
                        return -ENOMEM;
        }
        r = supervisor_signal(s->link, task, signal, on_signalled, q);
        if (r < 0)
                return r;
        q->call = call;
        TAKE_PTR(q);
        return 0;
}

/* SIGKILL goes to everything in the cgroup at once, so that nothing forked meanwhile escapes. */
static int kill_at_once(Scope *s, const Task *t, sd_bus_error *error)
{
        _cleanup_(closep) int leaf = -EBADF;
        int r, fd = s->payload_fd;

        if (t) {
                leaf = cgroup_open(s->payload_fd, t->name);
                fd = leaf;
        }
        r = fd < 0 ? fd : cgroup_kill(fd);
        if (r == -ENOENT && t)
                return 0; /* its leaf went with its last process */
        if (r < 0)
                return error_set(error, ERROR_KILL_FAILED, "%s/payload%s%s: %s (errno %d)", s->path,
                                 t ? "/" : "", t ? t->name : "", strerror(-r), -r);
        return 0;
}

static int kill_scope(Call *call, sd_bus_error *error)
{
        const char *task = NULL;
        Scope *s;
        Task *t;
        int32_t sig;
        int r;

        r = read_scope(call, &s, &t, error);
        if (r >= 0)
                r = sd_bus_message_read(call->message, "i", &sig);
        if (r < 0)
                return r;
        if (sig < 1 || sig > SIGRTMAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "signal %d is out of range: 1 to %d are "
                                 "allowed",
                                 sig, SIGRTMAX);
        if (scope_has_ended(s))
                return refuse_ended(s, error);
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (s->payload_fd < 0 || s->create)
                return error_set(error, ERROR_NOT_FOUND, "%s is %s", s->name, scope_state_name(s));

        if (sig == SIGKILL) {
                r = kill_at_once(s, t, error);
                if (r < 0)
                        return r;
                record_signal(s, t ? t->name : NULL, sig, call);
                call_reply(call, "");
                return 1;
        }
        if (s->recovering) {
                call_wait(call, &s->held); /* a supervisor without tasks has nobody to signal */
                return 1;
        }
        if (!s->link)
                return error_set(error, ERROR_KILL_FAILED,
                                 "%s has lost its supervisor: only SIGKILL (9) can be sent",
                                 s->name);
        r = scope_refuse_frozen(s, error);
        if (r < 0)
                return r;
        /* Without a task named, main gets it, as the one that answers for the job. */
        if (!t)
                t = task_find(s, TASK_MAIN);
        if (t && !task_is_over(t))
                task = t->name;
        r = send_signal(s, task, sig, call);
        return r < 0 ? r : 1;
}

METHOD(method_kill_scope)
{
        return call_begin(userdata, message, kill_scope, error);
}

/* --- SetScopeLimits --- */

static int set_scope_limits(Call *call, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits changes = {};
        Scope *s;
        int r;

        r = read_whole_scope(call, &s, error);
        if (r >= 0)
                r = limits_read(call->message, &changes, NULL, NULL, NULL, error);
        if (r >= 0 && scope_has_ended(s))
                r = refuse_ended(s, error);
        if (r >= 0 && s->state == SCOPE_ZOMBIE)
                r = scope_refuse_zombie(s, error);
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
        Scope *s = NULL;
        Task *t;
        int r;

        r = read_scope(call, &s, &t, error);
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
        return call_begin_reading(userdata, message, wait_scope, error);
}

/* --- RemoveScope --- */

static int remove_scope(Call *call, sd_bus_error *error)
{
        Scope *s;
        int r;

        r = read_whole_scope(call, &s, error);
        if (r < 0)
                return r;
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (!scope_has_ended(s))
                return error_set(
                        error, ERROR_NOT_EMPTY,
                        "%s is still running (%s); `hpcnode-ctl kill %s` or `destroy` ends it",
                        s->name, scope_state_name(s), s->name);
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
