/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals to the processes of a scope or a task. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/emergency.h"
#include "daemon/record.h"

#include <signal.h>

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

static int refuse_ended(sd_bus_error *error)
{
        return error_set(error, ERROR_NOT_FOUND, "the task has ended already");
}

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
                refuse_ended(&error);
        else
                error_set(&error, ERROR_KILL_FAILED, "the supervisor could not send the signal: %s",
                          strerror(answer->error ?: -answer->r));
        call_fail(TAKE_PTR(q->call), 0, &error);
}

/* whole: to all processes of the task, and not to its own alone. */
static int send_signal(Scope *s, const char *task, bool whole, int signal, Call *call,
                       sd_bus_error *error)
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
        r = emergency_record_act(call, EVENT_EMERGENCY_KILL, s, task, signal, error);
        if (r >= 0)
                r = supervisor_signal(s->link, task, whole, signal, on_signalled, q);
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

/* As a supervisor says of every other signal. What the task's own process has left behind is the task's, too. */
static int refuse_gone(const Task *t, sd_bus_error *error)
{
        _cleanup_(closep) int leaf = -EBADF;

        if (t->starting || t->open)
                return 0;
        leaf = cgroup_open(t->scope->payload_fd, t->name);
        if (leaf == -ENOENT || (leaf >= 0 && cgroup_populated(leaf) == 0))
                return refuse_ended(error);
        return 0;
}

int scope_kill(Scope *s, Task *t, const Call *call, sd_bus_error *error)
{
        const char *task = t ? t->name : NULL;
        int r;

        r = t ? refuse_gone(t, error) : 0;
        if (r >= 0 && call)
                r = emergency_record_act(call, EVENT_EMERGENCY_KILL, s, task, SIGKILL, error);
        if (r < 0)
                return r;
        if (t && t->open && task_withdraw(t))
                return 0; /* there was nobody to be killed */
        r = kill_at_once(s, t, error);
        if (r >= 0)
                record_signal(s, task, SIGKILL, call);
        return r;
}

/* Whoever wants to reach every process of a task must not be told so when one alone was. */
static int refuse_whole(const Scope *s, sd_bus_error *error)
{
        if (supervisor_has_features(s->link, 1U << FEATURE_WHOLE))
                return 0;
        if (!supervisor_is_synced(s->link))
                return error_set(error, ERROR_KILL_FAILED,
                                 "%s: its supervisor has not answered yet; try again", s->name);
        return error_set(error, ERROR_KILL_FAILED,
                         "%s: its supervisor, which an older hpcnode-cgroupd has started, signals "
                         "the own process of a task, or all of the scope; only SIGKILL (9) reaches "
                         "all of a task",
                         s->name);
}

int scope_signal(Scope *s, Task *t, bool all, int signal, Call *call, sd_bus_error *error)
{
        int r;

        if (s->recovering) {
                call_wait(call, &s->held); /* a supervisor without tasks has nobody to signal */
                return 0;
        }
        if (!s->link)
                return error_set(error, ERROR_KILL_FAILED,
                                 "%s has lost its supervisor: only SIGKILL (9) can be sent",
                                 s->name);
        r = scope_refuse_frozen(s, error);
        if (r >= 0 && t && all)
                r = refuse_whole(s, error);
        if (r < 0)
                return r;
        /* Without a task named, main gets it, as the one that answers for the job. One that is named gets it
         * alone: when it has ended, nobody does. */
        if (!t && !all) {
                t = task_find(s, TASK_MAIN);
                if (t && (task_is_over(t) || t->open))
                        t = NULL;
        }
        return send_signal(s, t ? t->name : NULL, all, signal, call, error);
}
