/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A task of a scope: one leaf, one process that the supervisor started, and its exit. */
#include "daemon/task.h"

#include "daemon/scope.h"

#include "basic/cgroup-file.h"

#include <fcntl.h>

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

/* With its scope, or alone. */
static bool is_frozen(const Task *t)
{
        const Scope *s = t->scope;
        _cleanup_(closep) int leaf = -EBADF;

        if (s->frozen_by || s->frozen_by_systemd || s->payload_fd < 0)
                return s->payload_fd >= 0;
        leaf = cgroup_open(s->payload_fd, t->name);
        return leaf >= 0 && cgroup_frozen(leaf) > 0;
}

const char *task_state(const Task *t)
{
        if (t->starting)
                return "starting";
        if (!t->ended)
                return is_frozen(t) ? "frozen" : "running";
        return scope_state_to_string(outcome_state(t->exit_status, t->exit_signal));
}

void task_answer_wait(const Task *t, Call *call)
{
        call_reply(call, "siib", task_state(t), t->exit_status, t->exit_signal, (int) t->oom);
}

/* Whether the line of cgroup v2 in the text of /proc/PID/cgroup is that cgroup, or one below it. */
static bool is_in_cgroup(const char *text, const char *line)
{
        const char *found = strstr(text, line);

        return found && strchr("/ \n", found[strlen(line)]); /* " (deleted)" may follow */
}

bool task_owns_pid(const Scope *s, const char *task, pid_t pid)
{
        _cleanup_(freep) char *path = NULL, *text = NULL, *leaf = NULL;

        if (pid <= 0 || !s->path)
                return false;
        if (asprintf(&path, "/proc/%d/cgroup", (int) pid) < 0) {
                path = NULL;
                return false;
        }
        if (asprintf(&leaf, "0::%s/payload/%s", s->path, task) < 0) {
                leaf = NULL;
                return false;
        }
        return cgroup_read(AT_FDCWD, path, &text) >= 0 && is_in_cgroup(text, leaf);
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

/* Nothing of an earlier run of that name is true of it any more. */
static void task_begin(Task *t)
{
        t->starting = false;
        t->scope->n_ended_tasks -= t->ended;
        t->ended = t->oom = false;
        t->pid = 0;
        t->start_usec = t->exit_usec = 0;
        t->exit_status = -1;
        t->exit_signal = 0;
}

void task_set_lost(Task *t)
{
        if (t->ended)
                return;
        task_set_ended(t);
        task_emit_exited(t);
}

void task_start_failed(Task *t)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        t->starting = false;
        error_set(&error, ERROR_NOT_FOUND, "%s/%s could not be started", t->scope->name, t->name);
        calls_fail(&t->waiters, 0, &error);
        if (t->ended)
                task_emit_added(t);
        else
                task_free(t);
}

void task_update(Task *t, const TaskReport *report)
{
        if (t->starting)
                task_begin(t);
        t->pid = report->pid;
        t->start_usec = report->start_usec;
        if (!report->ended || t->ended)
                return;
        t->exit_usec = report->exit_usec;
        t->exit_status = report->signal ? -1 : report->exit;
        t->exit_signal = report->signal;
        t->oom = report->oom;
        task_set_ended(t);
}
