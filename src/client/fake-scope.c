/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scopes, tasks and processes of the fake, and what becomes of them when one of them ends. */
#include "fake.h"

#include "basic/option.h"
#include "basic/protocol.h"
#include <signal.h>

#define FIRST_PID 1001

const char *fake_scope_state(const FakeScope *s)
{
        return s->is_job && s->state == SCOPE_ACTIVE ? "running" : scope_state_to_string(s->state);
}

const char *fake_task_state(const FakeTask *t)
{
        if (t->opener)
                return "starting";
        if (t->ended)
                return scope_state_to_string(outcome_state(t->exit_status, t->exit_signal));
        return fake_task_is_frozen(t) ? "frozen" : "running";
}

/* --- making and freeing --- */

static FakeTask *task_free(FakeTask *t)
{
        TAILQ_REMOVE(&t->scope->tasks, t, tasks);
        limits_done(&t->limits);
        free(t->name);
        free(t);
        return NULL;
}

static void free_tasks(FakeScope *s)
{
        while (!TAILQ_EMPTY(&s->tasks))
                task_free(TAILQ_FIRST(&s->tasks));
}

FakeScope *fake_scope_free(FakeScope *s)
{
        TAILQ_REMOVE(&s->node->scopes, s, scopes);
        free_tasks(s);
        limits_done(&s->limits);
        free(s->name);
        free(s->slice);
        free(s->unit);
        free(s->path);
        free(s->description);
        free(s->log);
        free(s);
        return NULL;
}

FakeScope *fake_scope_new(FakeNode *node, const char *slice, const char *unit, const char *name)
{
        _cleanup_(freep) char *slice_path = NULL;
        FakeScope *s;

        s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        *s = (FakeScope){
                .node = node,
                .state = SCOPE_ACTIVE,
                .name = strdup(name),
                .slice = strdup(slice),
                .unit = strdup(unit),
                .description = strdup(name),
                .log = strdup("journal"),
                .priority = PRIORITY_DEFAULT,
                .exit_status = -1,
                .created_usec = client_realtime_usec(),
        };
        TAILQ_INIT(&s->tasks);
        TAILQ_INSERT_TAIL(&node->scopes, s, scopes);
        if (slice_cgroup_path(slice, &slice_path) < 0 ||
            asprintf(&s->path, "/%s/%s", slice_path, unit) < 0)
                s->path = NULL;
        if (!s->name || !s->slice || !s->unit || !s->path || !s->description || !s->log)
                return fake_scope_free(s);
        return s;
}

static void begin_main(FakeScope *s, uint32_t pid)
{
        s->main_pid = pid;
        s->main_ended = false;
        s->exit_status = -1;
        s->exit_signal = 0;
        s->start_usec = client_realtime_usec();
        s->exit_usec = 0;
}

/* The entry of that name. */
static FakeTask *task_get(FakeScope *s, const char *name)
{
        FakeTask *t = fake_task_find(s, name);

        if (t)
                return t;
        t = calloc(1, sizeof(*t));
        if (!t)
                return NULL;
        t->scope = s;
        t->name = strdup(name);
        if (!t->name) {
                free(t);
                return NULL;
        }
        TAILQ_INSERT_TAIL(&s->tasks, t, tasks);
        return t;
}

FakeTask *fake_task_new(FakeScope *s, const char *name, uint32_t pid)
{
        FakeTask *t = task_get(s, name);

        if (!t)
                return NULL;
        t->pid = pid;
        t->opener = NULL;
        t->ended = t->frozen = false;
        t->exit_status = -1;
        t->exit_signal = 0;
        t->start_usec = client_realtime_usec();
        t->exit_usec = 0;
        limits_done(&t->limits);
        if (streq(name, TASK_MAIN))
                begin_main(s, pid);
        return t;
}

FakeProcess *fake_process_new(FakeNode *node, uint32_t pid, uid_t uid)
{
        FakeProcess *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        if (pid == 0) {
                if (node->last_pid < FIRST_PID)
                        node->last_pid = FIRST_PID - 1;
                do
                        pid = ++node->last_pid;
                while (fake_process_find(node, pid));
        }
        p->pid = pid;
        p->uid = uid;
        TAILQ_INSERT_TAIL(&node->processes, p, processes);
        return p;
}

FakeProcess *fake_process_free(FakeNode *node, FakeProcess *p)
{
        TAILQ_REMOVE(&node->processes, p, processes);
        free(p->cgroup);
        free(p);
        return NULL;
}

/* --- going through processes --- */

static bool is_of(const FakeProcess *p, const FakeScope *s, const FakeTask *t)
{
        return p->task && p->task->scope == s && (!t || p->task == t);
}

unsigned fake_count(const FakeScope *s, const FakeTask *t)
{
        const FakeProcess *p;
        unsigned n = 0;

        TAILQ_FOREACH (p, &s->node->processes, processes)
                n += is_of(p, s, t);
        return n;
}

static void unmark(FakeScope *s)
{
        FakeProcess *p;

        TAILQ_FOREACH (p, &s->node->processes, processes)
                p->marked = false;
}

/* The next one, marked; NULL after the last. What happens to one may end others. */
static FakeProcess *next_unmarked(const FakeScope *s, const FakeTask *t)
{
        FakeProcess *p;

        TAILQ_FOREACH (p, &s->node->processes, processes)
                if (is_of(p, s, t) && !p->marked) {
                        p->marked = true;
                        return p;
                }
        return NULL;
}

/* SIGKILL goes through those that are being gone through for another signal: what it meets has ended, or does
 * not heed that one either. */
void fake_signal_all(FakeScope *s, const FakeTask *t, int signal)
{
        FakeProcess *p;

        unmark(s);
        while ((p = next_unmarked(s, t)))
                fake_signal(s->node, p, signal);
}

/* --- signals and freezing --- */

bool fake_task_is_frozen(const FakeTask *t)
{
        return t->frozen || t->scope->frozen_by != 0;
}

/* What a signal does to a process that does not handle it: see signal(7). */
typedef enum SignalAction {
        ACTION_END,
        ACTION_DUMP,
        ACTION_NONE,
} SignalAction;

static const struct {
        int signal;
        SignalAction action;
} signal_actions[] = {
        { SIGQUIT, ACTION_DUMP }, { SIGILL, ACTION_DUMP },  { SIGTRAP, ACTION_DUMP },
        { SIGABRT, ACTION_DUMP }, { SIGBUS, ACTION_DUMP },  { SIGFPE, ACTION_DUMP },
        { SIGSEGV, ACTION_DUMP }, { SIGXCPU, ACTION_DUMP }, { SIGXFSZ, ACTION_DUMP },
        { SIGSYS, ACTION_DUMP },  { SIGCHLD, ACTION_NONE }, { SIGCONT, ACTION_NONE },
        { SIGSTOP, ACTION_NONE }, { SIGTSTP, ACTION_NONE }, { SIGTTIN, ACTION_NONE },
        { SIGTTOU, ACTION_NONE }, { SIGURG, ACTION_NONE },  { SIGWINCH, ACTION_NONE },
};

static SignalAction action_of(int signal)
{
        for (size_t i = 0; i < ELEMENTSOF(signal_actions); i++)
                if (signal_actions[i].signal == signal)
                        return signal_actions[i].action;
        return ACTION_END;
}

/* The kernel ends a frozen process at once, unless that is to dump its core before. */
void fake_signal(FakeNode *node, FakeProcess *p, int signal)
{
        SignalAction action = action_of(signal);

        if (signal == SIGKILL)
                p->killed = true;
        if (action == ACTION_NONE || (p->task && p->task->scope->unkillable))
                return;
        if (action == ACTION_DUMP && p->task && fake_task_is_frozen(p->task))
                p->pending = p->pending ?: signal;
        else
                fake_process_end(node, p, -1, signal);
}

/* What has been thawed gets the signals that came meanwhile. */
static void deliver(FakeScope *s, const FakeTask *t)
{
        FakeProcess *p;

        unmark(s);
        while ((p = next_unmarked(s, t))) {
                int signal = p->pending;

                if (signal == 0 || fake_task_is_frozen(p->task))
                        continue;
                p->pending = 0;
                fake_signal(s->node, p, signal);
        }
}

void fake_scope_freeze(FakeScope *s, unsigned frozen_by)
{
        s->frozen_by = frozen_by;
        s->state = frozen_by ? SCOPE_FROZEN : SCOPE_ACTIVE;
        deliver(s, NULL);
}

void fake_task_freeze(FakeTask *t, bool freeze)
{
        t->frozen = freeze;
        deliver(t->scope, t);
}

/* --- ends --- */

/* That somebody (NULL: anybody) is to start; NULL: none is left. */
static FakeTask *next_open(const FakeScope *s, const Fake *opener)
{
        FakeTask *t;

        TAILQ_FOREACH (t, &s->tasks, tasks)
                if (t->opener && (!opener || t->opener == opener))
                        return t;
        return NULL;
}

/* Nobody waits for it any more, and what an earlier one of that name has left stays. */
static void close_task(FakeTask *t)
{
        fake_notify_task(t);
        t->opener = NULL;
        if (!t->ended)
                task_free(t);
}

static void finish(FakeScope *s)
{
        s->frozen_by = 0;
        if (s->exit_usec == 0)
                s->exit_usec = client_realtime_usec();
        s->state = s->main_ended ? outcome_state(s->exit_status, s->exit_signal) : SCOPE_EXITED;
        if (s->is_job)
                free_tasks(s); /* all that is to be known of them stands in the record */
        fake_notify_scope(s);
}

void fake_scope_release(FakeScope *s)
{
        bool was_zombie = s->state == SCOPE_ZOMBIE;

        FakeTask *t;

        s->state = SCOPE_RELEASING; /* so that the end of the last one is left to us */
        while ((t = next_open(s, NULL)))
                close_task(t);
        fake_signal_all(s, NULL, SIGKILL);
        if (fake_count(s, NULL) == 0) {
                finish(s);
        } else {
                s->state = SCOPE_ZOMBIE;
                s->frozen_by = 0;
                if (!was_zombie)
                        fake_notify_scope(s);
        }
        fake_check_drain(s->node);
}

void fake_scope_set_unkillable(FakeScope *s, bool unkillable)
{
        FakeProcess *p;

        s->unkillable = unkillable;
        if (unkillable)
                return;
        unmark(s);
        while ((p = next_unmarked(s, NULL)))
                if (p->killed)
                        fake_process_end(s->node, p, -1, SIGKILL);
}

/* ReleaseOnEmpty waits for the first one. */
static bool has_ended_tasks(const FakeScope *s)
{
        const FakeTask *t;

        TAILQ_FOREACH (t, &s->tasks, tasks)
                if (t->ended)
                        return true;
        return false;
}

/* What follows when a process, or the prospect of one, has gone. */
static void check_rest(FakeScope *s)
{
        bool is_empty = fake_count(s, NULL) == 0;

        if (fake_scope_has_ended(s) || s->state == SCOPE_RELEASING)
                return;
        if (s->is_job && s->main_ended && s->state != SCOPE_ZOMBIE)
                fake_scope_release(s);
        else if (is_empty && s->state == SCOPE_ZOMBIE)
                finish(s);
        else if (is_empty && s->release_on_empty && !next_open(s, NULL) && has_ended_tasks(s))
                fake_scope_release(s);
        fake_check_drain(s->node);
}

static void end_task(FakeTask *t, int exit_status, int exit_signal)
{
        FakeScope *s = t->scope;

        t->ended = true;
        t->exit_status = exit_signal ? -1 : exit_status;
        t->exit_signal = exit_signal;
        t->exit_usec = client_realtime_usec();
        if (streq(t->name, TASK_MAIN)) {
                s->main_ended = true;
                s->exit_status = t->exit_status;
                s->exit_signal = t->exit_signal;
                s->exit_usec = t->exit_usec;
        }
        fake_notify_task(t);
}

void fake_process_end(FakeNode *node, FakeProcess *p, int exit_status, int exit_signal)
{
        FakeTask *t = p->task;
        FakeScope *s = t ? t->scope : NULL;
        bool was_main = t && t->pid == p->pid && !t->ended && streq(t->name, TASK_MAIN);

        if (t && t->pid == p->pid && !t->ended)
                end_task(t, exit_status, exit_signal);
        fake_process_free(node, p);
        if (was_main)
                fake_signal_all(s, NULL, SIGKILL);
        if (s)
                check_rest(s);
}

void fake_process_move(FakeProcess *p, FakeTask *t)
{
        FakeScope *from = p->task ? p->task->scope : NULL;

        p->task = t;
        free(TAKE_PTR(p->cgroup));
        if (from && from != t->scope)
                check_rest(from);
}

/* --- tasks that others start --- */

int fake_task_open(FakeScope *s, const char *name, const Fake *opener)
{
        FakeTask *t = task_get(s, name);

        if (!t)
                return -ENOMEM;
        t->opener = opener;
        return 0;
}

void fake_task_withdraw(FakeTask *t)
{
        FakeScope *s = t->scope;

        close_task(t);
        check_rest(s);
}

void fake_withdraw_tasks_of(FakeScope *s)
{
        FakeTask *t;

        while ((t = next_open(s, NULL)))
                fake_task_withdraw(t);
}

void fake_withdraw_tasks(const Fake *opener)
{
        FakeScope *s;
        FakeTask *t;

        TAILQ_FOREACH (s, &opener->node->scopes, scopes)
                while ((t = next_open(s, opener)))
                        fake_task_withdraw(t);
}
