/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A task of a scope: one leaf, one process that the supervisor started, and its exit. */
#include "daemon/task.h"

#include "daemon/scope.h"

int task_new(Scope *s, const char *name, Task **ret)
{
        Task *t;

        t = calloc(1, sizeof *t);
        if (!t)
                return -ENOMEM;
        *t = (Task){ .scope = s, .name = strdup(name), .exit_status = -1 };
        if (!t->name) {
                free(t);
                return -ENOMEM;
        }
        TAILQ_INIT(&t->waiters);
        HASH_ADD_KEYPTR(hh, s->tasks, t->name, strlen(t->name), t);
        *ret = t;
        return 0;
}

Task *task_free(Task *t)
{
        if (!t)
                return NULL;
        HASH_DEL(t->scope->tasks, t);
        if (t->ended)
                t->scope->n_ended_tasks--;
        calls_drop(&t->waiters);
        free(t->name);
        free(t);
        return NULL;
}

Task *task_find(Scope *s, const char *name)
{
        Task *t;

        HASH_FIND_STR(s->tasks, name, t);
        return t;
}

int task_object_path(const Task *t, char **ret)
{
        _cleanup_(freep) char *scope = NULL, *prefix = NULL;
        int r;

        r = scope_object_path(t->scope, &scope);
        if (r < 0)
                return r;
        if (asprintf(&prefix, "%s/task", scope) < 0)
                return -ENOMEM;
        return sd_bus_path_encode(prefix, t->name, ret);
}

const char *task_state(const Task *t)
{
        if (t->starting)
                return "starting";
        if (!t->ended)
                return t->scope->frozen_by || t->scope->frozen_by_systemd ? "frozen" : "running";
        return scope_state_to_string(outcome_state(t->exit_status, t->exit_signal));
}

void task_answer_wait(const Task *t, Call *call)
{
        call_reply(call, "siib", task_state(t), t->exit_status, t->exit_signal, (int) t->oom);
}

static void task_set_ended(Task *t)
{
        Call *call;

        t->ended = true;
        t->scope->n_ended_tasks++;
        while ((call = TAILQ_FIRST(&t->waiters))) {
                TAILQ_REMOVE(&t->waiters, call, waiters);
                task_answer_wait(t, call);
        }
}

void task_set_lost(Task *t)
{
        t->starting = false;
        if (!t->ended)
                task_set_ended(t);
}

void task_update(Task *t, const TaskReport *report)
{
        t->pid = report->pid;
        t->start_usec = report->start_usec;
        t->starting = false;
        if (!report->ended || t->ended)
                return;
        t->exit_usec = report->exit_usec;
        t->exit_status = report->signal ? -1 : report->exit;
        t->exit_signal = report->signal;
        t->oom = report->oom;
        task_set_ended(t);
}
