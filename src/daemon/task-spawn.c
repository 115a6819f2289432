/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a task in a scope: no unit and no PID 1, one request to the scope's supervisor. */
#include "daemon/scope.h"

#include "basic/fault.h"

/* From request to executed program. Ten times what a start on a loaded node was seen to take, and
 * short enough that the whole call is answered before a bus client gives up at 25 s. */
#define SPAWN_TIMEOUT_USEC (8 * USEC_PER_SEC)

struct TaskSpawn {
        Scope *scope;
        char *task;
        Spec *spec;
        task_handler_t handler;
        void *userdata;
        TAILQ_ENTRY(TaskSpawn) held;
};

static TaskSpawn *task_spawn_free(TaskSpawn *q)
{
        if (!q)
                return NULL;
        free(q->task);
        spec_free(q->spec);
        free(q);
        return NULL;
}

DEFINE_CLEANUP(TaskSpawn *, task_spawn_free);

static void on_spawn_failed(TaskSpawn *q, const SupervisorAnswer *answer)
{
        Scope *s = q->scope;
        Task *t = task_find(s, q->task); /* NULL: the scope has ended */
        bool creating = s->create;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *what = NULL;
        int r;

        if (t && t->starting)
                task_start_failed(t);
        if (asprintf(&what, "%s/%s", s->name, q->task) < 0)
                what = NULL;
        r = answer->r == -ETIMEDOUT ? scope_refuse_frozen(s, &error) : 0;
        if (r >= 0)
                r = spec_start_error(q->spec, what ?: q->task, answer, &error);
        q->handler(NULL, r, &error, q->userdata);
        /* While it was starting, the end of the others did not make the scope empty. Without a supervisor
         * that is looked at elsewhere, or the scope is just being freed. */
        if (!creating && (answer->r == -EREMOTEIO || answer->r == -ETIMEDOUT))
                scope_on_cgroup_event(s);
}

static void on_spawned(const SupervisorAnswer *answer, void *userdata)
{
        _cleanup_(task_spawn_freep) TaskSpawn *q = userdata;
        Scope *s = q->scope;
        Task *t;

        if (answer->r < 0) {
                on_spawn_failed(q, answer);
                return;
        }

        fault_point(FAULT_SPAWN_STARTED);
        /* Its pid, and perhaps its end, were told before this. */
        t = task_find(s, q->task);
        s->armed = true;
        task_emit_added(t);
        q->handler(t, 0, NULL, q->userdata);
        fault_point(FAULT_SPAWN_ANSWERED);
        /* It may have been the only one and have gone already. */
        scope_on_cgroup_event(s);
}

static int check_spawnable(Scope *s, const char *name, sd_bus_error *error)
{
        Task *t = task_find(s, name);

        if (s->frozen_by_systemd) {
                int r = scope_refuse_frozen(s, error);

                if (r < 0)
                        return r;
        }
        if (s->state == SCOPE_FROZEN)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s is frozen, a task could not start in it; thaw it first",
                                 s->name);
        if (s->state == SCOPE_ZOMBIE)
                return scope_refuse_zombie(s, error);
        if (s->state != SCOPE_ACTIVE && !s->create)
                return error_set(error, ERROR_NOT_FOUND,
                                 "%s (%s) is %s: no task can be started in it", s->name, s->unit,
                                 scope_state_name(s));
        if (!s->link)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s has lost its supervisor: no task can be started in it",
                                 s->name);
        if (t && !task_is_over(t))
                return error_set(error, ERROR_ALREADY_EXISTS, "%s/%s is in use by pid %d", s->name,
                                 name, (int) t->pid);
        return 0;
}

/* Makes the entry that reserves the name, or takes that of an ended task, which stays known until the new
 * one has started. */
static int reserve_task(Scope *s, const char *name, Task **ret)
{
        Task *t = task_find(s, name);

        if (t) {
                task_emit_removed(t);
        } else {
                int r = task_new(s, name, &t);

                if (r < 0)
                        return r;
        }
        t->starting = true;
        *ret = t;
        return 0;
}

/* Sends the request. Takes q over unless it returns negative. */
static int send_request(TaskSpawn *q)
{
        _cleanup_(closep) int memfd = -EBADF;
        int fds[1 + 3], r;
        char which[32];
        size_t n;

        r = spec_to_memfd(q->spec, &memfd);
        if (r < 0)
                return r;
        fds[0] = memfd;
        n = 1 + spec_stdio(q->spec, which, fds + 1);
        return supervisor_spawn(q->scope->link, q->task, SPAWN_TIMEOUT_USEC,
                                spec_needs_journal(q->spec), which, fds, n, on_spawned, q);
}

static TaskSpawn *take_held(Scope *s)
{
        TaskSpawn *q = TAILQ_FIRST(&s->spawns_held);

        if (q)
                TAILQ_REMOVE(&s->spawns_held, q, held);
        return q;
}

void tasks_spawn_held(Scope *s)
{
        TaskSpawn *q;

        while ((q = take_held(s))) {
                int r = s->link && s->state == SCOPE_ACTIVE ? send_request(q) : -ECONNREFUSED;

                if (r < 0)
                        on_spawned(&(SupervisorAnswer){ .r = r, .error = -r }, q);
        }
}

void tasks_fail_held(Scope *s)
{
        TaskSpawn *q;

        while ((q = take_held(s)))
                on_spawned(&(SupervisorAnswer){ .r = -ETIMEDOUT, .error = ETIMEDOUT }, q);
}

int task_spawn(Scope *s, const char *name, Spec *spec, task_handler_t handler, void *userdata,
               sd_bus_error *error)
{
        _cleanup_(task_spawn_freep) TaskSpawn *q = NULL;
        Task *t;
        int r;

        r = check_spawnable(s, name, error);
        if (r < 0)
                return r;
        q = calloc(1, sizeof *q);
        if (!q)
                return -ENOMEM;
        *q = (TaskSpawn){
                .scope = s,
                .task = strdup(name),
                .spec = spec,
                .handler = handler,
                .userdata = userdata,
        };
        r = q->task ? reserve_task(s, name, &t) : -ENOMEM;
        if (r < 0) {
                q->spec = NULL;
                return r;
        }
        fault_point(FAULT_SPAWN_RESERVED);
        if (s->recovering) {
                TAILQ_INSERT_TAIL(&s->spawns_held, q, held); /* uses its argument more than once */
                TAKE_PTR(q);
                return 0;
        }
        r = send_request(q);
        fault_point(FAULT_SPAWN_REQUESTED);
        if (r < 0) {
                task_start_failed(t);
                q->spec = NULL;
                return r;
        }
        TAKE_PTR(q);
        return 0;
}
