/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A task of a scope: one leaf, one process that the supervisor started, and its exit. */
#include "daemon/task.h"

#include "daemon/scope.h"
#include "daemon/usage.h"

#include "basic/cgroup-file.h"
#include "basic/process-status.h"
#include "daemon/log.h"

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
        usage_subtract(s);
        HASH_ADD_KEYPTR(hh, s->tasks, t->name, strlen(t->name), t);
        usage_add(s);
        *ret = t;
        return 0;
}

void task_set_stage(Task *t, bool starting, bool ended)
{
        Scope *s = t->scope;
        bool was_over = task_is_over(t);

        usage_subtract(s);
        s->n_starting_tasks = s->n_starting_tasks - t->starting + starting;
        s->n_ended_tasks = s->n_ended_tasks - t->ended + ended;
        t->starting = starting;
        t->ended = ended;
        usage_add(s);
        if (was_over == task_is_over(t))
                return;
        if (was_over)
                TAILQ_REMOVE(&s->tasks_over, t, over);
        else
                TAILQ_INSERT_TAIL(&s->tasks_over, t, over);
        s->n_tasks_over = s->n_tasks_over - was_over + !was_over;
}

static void set_open(Task *t, bool open)
{
        t->scope->n_open_tasks = t->scope->n_open_tasks - t->open + open;
        t->open = open;
}

Task *task_free(Task *t)
{
        if (!t)
                return NULL;
        task_set_stage(t, false, false);
        set_open(t, false);
        usage_subtract(t->scope);
        HASH_DEL(t->scope->tasks, t);
        usage_add(t->scope);
        calls_drop(&t->waiters);
        task_disown(t);
        free(t->name);
        free(t->log);
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

/* With its scope, or alone: then the kernel knows whether it is by now. Of thousands it is not asked. */
static bool is_frozen(const Task *t)
{
        const Scope *s = t->scope;
        _cleanup_(closep) int leaf = -EBADF;

        if (s->frozen_by || s->frozen_by_systemd || s->payload_fd < 0)
                return s->payload_fd >= 0;
        if (!t->may_be_frozen)
                return false;
        leaf = cgroup_open(s->payload_fd, t->name);
        return leaf >= 0 && cgroup_frozen(leaf) > 0;
}

/* Whether an earlier daemon may have had it frozen, alone. */
static bool was_frozen(const Task *t)
{
        _cleanup_(closep) int leaf = cgroup_open(t->scope->payload_fd, t->name);
        uint64_t frozen;

        return leaf < 0 || cgroup_read_u64(leaf, "cgroup.freeze", &frozen) < 0 || frozen != 0;
}

const char *task_state(const Task *t)
{
        if (t->starting || t->open)
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

        task_set_stage(t, t->starting, true);
        while ((call = TAILQ_FIRST(&t->waiters))) {
                TAILQ_REMOVE(&t->waiters, call, waiters);
                task_answer_wait(t, call);
        }
}

/* Nothing of an earlier run of that name is true of it any more. */
static void task_begin(Task *t)
{
        task_set_stage(t, false, false);
        set_open(t, false);
        task_disown(t);
        t->oom = t->timed_out = t->may_be_frozen = false;
        t->pid = 0;
        t->start_usec = t->exit_usec = t->due_usec = 0;
        t->exit_status = -1;
        t->exit_signal = 0;
        free(t->log);
        t->log = NULL;
}

void task_set_log(Task *t, const char *log)
{
        free(t->log);
        t->log = streq(log, "journal") ? NULL : strdup(log);
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

        task_set_stage(t, false, t->ended);
        error_set(&error, ERROR_NOT_FOUND, "%s/%s could not be started", t->scope->name, t->name);
        calls_fail(&t->waiters, 0, &error);
        /* It was not announced, but GetScope has named it to whoever follows the signals. */
        task_emit_removed(t);
        if (t->ended)
                task_emit_added(t);
        else
                task_free(t);
}

void task_update(Task *t, const TaskReport *report)
{
        bool is_ours = t->starting, was_open = t->open;

        if (t->starting || t->open)
                task_begin(t);
        if (was_open)
                t->may_be_frozen = true; /* whoever has opened it may do that */
        else if (!is_ours && !report->ended)
                t->may_be_frozen = was_frozen(t);
        set_open(t, report->open);
        t->pid = report->pid;
        t->start_usec = report->start_usec;
        t->due_usec = report->due_usec;
        if (report->log)
                task_set_log(t, report->log);
        if (!report->ended || t->ended)
                return;
        t->exit_usec = report->exit_usec;
        t->exit_status = report->signal ? -1 : report->exit;
        t->exit_signal = report->signal;
        t->oom = report->oom;
        t->timed_out = report->timed_out;
        task_set_ended(t);
}

void task_abort_start(Task *t)
{
        const Scope *s = t->scope;
        _cleanup_(closep) int leaf = -EBADF;

        if (s->payload_fd >= 0)
                leaf = cgroup_open(s->payload_fd, t->name);
        if (leaf < 0)
                return;
        if (!t->attach)
                (void) cgroup_kill(leaf);
        else if (attach_undo(leaf, t->attach->list, t->attach->n) < 0)
                log_warning("%s/%s: not all processes can be moved back to where they were",
                            s->name, t->name);
}
