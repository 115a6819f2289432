/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks that their caller starts itself: a leaf each, which waits for its first process as long as whoever has
 * asked for it is on the bus. */
#include "daemon/caller.h"
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "daemon/log.h"

/* "BUS NAME": a name is unique in the life of one bus only. */
static int client_of(const Manager *m, const char *name, char **ret)
{
        char id[SD_ID128_STRING_MAX];
        sd_id128_t bus;
        int r;

        r = sd_bus_get_bus_id(m->bus, &bus);
        if (r < 0)
                return r;
        return asprintf(ret, "%s %s", sd_id128_to_string(bus, id), name) < 0 ? -ENOMEM : 0;
}

int task_client(const Task *t, char **ret)
{
        return t->opener ? client_of(t->scope->manager, t->opener->name, ret) : -ENXIO;
}

static void set_opener(Task *t, Caller *caller)
{
        t->opener = caller;
        TAILQ_INSERT_TAIL(&caller->opened, t, of_opener);
}

void task_disown(Task *t)
{
        if (t->opener)
                TAILQ_REMOVE(&t->opener->opened, t, of_opener);
        t->opener = NULL;
}

void task_hand_over(Task *t, Caller *caller)
{
        _cleanup_(freep) char *client = NULL;
        Scope *s = t->scope;

        set_opener(t, caller);
        /* Should that fail, it is nobody's for the next daemon, which takes it back. */
        if (s->link && task_client(t, &client) >= 0)
                (void) supervisor_opened(s->link, t->name, client);
}

/* What is being stopped is left to PID 1, which must not find a cgroup gone while it goes through them. */
bool task_take_back(Task *t)
{
        Scope *s = t->scope;

        if (s->payload_fd >= 0 &&
            cgroup_remove_unused(s->payload_fd, t->name, !s->stopping) == -EBUSY)
                return false;
        /* If that could not be looked at, the supervisor does, and tells of it anew when somebody is in it. */
        if (s->link)
                (void) supervisor_forget(s->link, t->name);
        task_start_failed(t);
        return true;
}

bool task_withdraw(Task *t)
{
        Scope *s = t->scope;

        task_disown(t);
        if (!task_take_back(t))
                return false;
        scope_on_cgroup_event(s); /* it may have been all that was waited for */
        return true;
}

void scope_withdraw_tasks(Scope *s)
{
        Task *t, *next;

        HASH_ITER (hh, s->tasks, t, next)
                if (t->open)
                        (void) task_take_back(t);
}

void tasks_opener_left(Caller *caller)
{
        Task *t;

        while ((t = TAILQ_FIRST(&caller->opened)))
                (void) task_withdraw(t);
}

/* Of an earlier daemon: whose it is, if that one is still on the bus. */
static int find_opener(Manager *m, const char *client, Caller **ret)
{
        _cleanup_(freep) char *own = NULL;
        const char *name = client ? strchr(client, ' ') : NULL;
        int r;

        if (!name || name[1] != ':')
                return -ENXIO;
        name++;
        r = client_of(m, name, &own);
        if (r >= 0 && !streq(own, client))
                r = -ENXIO;
        if (r >= 0)
                r = caller_find(m, name, ret);
        return r < 0 ? r : (*ret)->gone ? -ENXIO : 0;
}

/* Whoever asked for it may have been told that it failed: then it is nobody's. */
static void adopt(Scope *s, const TaskReport *report)
{
        Caller *caller;
        Task *t;

        if (task_new(s, report->task, &t) < 0) {
                log_error("%s: out of memory for task %s", s->unit, report->task);
                return;
        }
        task_update(t, report);
        if (find_opener(s->manager, report->client, &caller) < 0) {
                (void) task_withdraw(t);
                return;
        }
        set_opener(t, caller);
        task_emit_added(t);
}

void scope_on_open_task(Scope *s, const TaskReport *report)
{
        Task *t = task_find(s, report->task);

        if (!t)
                adopt(s, report);
        else if (t->starting)
                task_update(t, report);
}
