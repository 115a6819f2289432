/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting a task in a scope, or making one of processes: no unit and no PID 1, one request to the scope's
 * supervisor. */
#include "daemon/scope.h"

#include "basic/fault.h"

/* From request to executed program. Ten times what a start on a loaded node was seen to take, and
 * short enough that the whole call is answered before a bus client gives up at 25 s. */
#define SPAWN_TIMEOUT_USEC (8 * USEC_PER_SEC)

struct TaskSpawn {
        Scope *scope;
        char *task;
        Spec *spec;     /* of what is started; or */
        Attach *attach; /* of what is moved into it; neither: its leaf is made, and waits */
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
        attach_free(q->attach);
        free(q);
        return NULL;
}

DEFINE_CLEANUP(TaskSpawn *, task_spawn_free);

static int open_error(const char *what, const SupervisorAnswer *answer, sd_bus_error *error)
{
        if (answer->r == -ETIMEDOUT)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s: the scope's supervisor did not answer in time; one that an "
                                 "older hpcnode-cgroupd has started cannot do that",
                                 what);
        if (answer->r != -EREMOTEIO)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s: the scope, or its supervisor, has ended; nothing was made",
                                 what);
        return error_set(error,
                         answer->error == EEXIST ? ERROR_ALREADY_EXISTS : ERROR_CREATION_FAILED,
                         "%s: %s (errno %d)", what, answer->reason ?: strerror(answer->error),
                         answer->error);
}

static int start_error(const TaskSpawn *q, const char *what, const SupervisorAnswer *answer,
                       sd_bus_error *error)
{
        if (q->attach)
                return attach_error(q->attach, what, answer, error);
        if (q->spec)
                return spec_start_error(q->spec, what, answer, error);
        return open_error(what, answer, error);
}

/* As it is, or is to be when the kernel has come to it. */
static int refuse_frozen(const Scope *s, sd_bus_error *error)
{
        if (!scope_is_live(s))
                return 0;
        if (s->frozen_by == FROZEN_BY_PRESSURE)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s is frozen for pressure, a task could not start in it; try "
                                 "again when that has gone",
                                 s->name);
        if (s->frozen_by || s->state == SCOPE_FROZEN)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s is frozen, a task could not start in it; thaw it first",
                                 s->name);
        return 0;
}

static void on_spawn_failed(TaskSpawn *q, const SupervisorAnswer *answer)
{
        Scope *s = q->scope;
        Task *t = task_find(s, q->task); /* NULL: the scope has ended */
        bool creating = s->create;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *what = NULL;
        int r;

        if (t)
                t->attach = NULL;
        if (t && t->starting)
                task_start_failed(t);
        else if (t && t->open) /* it was made, and nobody has it */
                (void) task_take_back(t);
        if (asprintf(&what, "%s/%s", s->name, q->task) < 0)
                what = NULL;
        r = answer->r == -ETIMEDOUT ? scope_refuse_frozen(s, &error) : 0;
        if (r >= 0 && answer->error == ETIMEDOUT) /* it was frozen before it had started */
                r = refuse_frozen(s, &error);
        if (r >= 0)
                r = start_error(q, what ?: q->task, answer, &error);
        q->handler(NULL, r, &error, q->userdata);
        /* While it was starting, the end of the others did not make the scope empty. Without a supervisor
         * that is looked at elsewhere, or the scope is just being freed. */
        if (!creating && (answer->r == -EREMOTEIO || answer->r == -ETIMEDOUT))
                scope_on_cgroup_event(s);
}

/* Main's is that of the scope. */
static void set_log(Task *t, const char *log)
{
        task_set_log(t, log);
        if (streq(t->name, TASK_MAIN) && !streq(t->scope->log ?: "", log)) {
                char *copy = strdup(log);

                if (copy) {
                        free(t->scope->log);
                        t->scope->log = copy;
                        scope_changed(t->scope, "Log");
                }
        }
}

static void on_spawned(const SupervisorAnswer *answer, void *userdata)
{
        _cleanup_(task_spawn_freep) TaskSpawn *q = userdata;
        Scope *s = q->scope;
        Task *t = answer->r < 0 ? NULL : task_find(s, q->task);

        /* A leaf may have been taken back since it was told, with a scope that ends. */
        if (!t) {
                on_spawn_failed(q, answer);
                return;
        }

        fault_point(FAULT_SPAWN_STARTED);
        /* Its pid, and perhaps its end, were told before this. */
        t->attach = NULL;
        if (q->spec)
                set_log(t, spec_log(q->spec));
        s->armed = s->armed || !t->open;
        task_emit_added(t);
        q->handler(t, 0, NULL, q->userdata);
        fault_point(FAULT_SPAWN_ANSWERED);
        /* It may have been the only one and have gone already. */
        scope_on_cgroup_event(s);
}

int task_read_target(Call *call, Act act, Scope **ret_scope, char **ret_task, sd_bus_error *error)
{
        const char *scope, *task;
        char *reason = NULL;
        Scope *s;
        int r;

        r = sd_bus_message_read(call->message, "ss", &scope, &task);
        if (r >= 0)
                r = scope_find_for_task(call->manager, scope, &s, error);
        if (r >= 0)
                r = call_authorize(call, act, NULL, s, error);
        if (r != 0)
                return r;
        r = task_name_parse(task, ret_task, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        *ret_scope = s;
        return 0;
}

int task_check_startable(Scope *s, const char *name, sd_bus_error *error)
{
        Task *t = task_find(s, name);
        int r = s->frozen_by_systemd ? scope_refuse_frozen(s, error) : 0;

        if (r >= 0)
                r = refuse_frozen(s, error);
        if (r < 0)
                return r;
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
        if (t && t->open)
                return error_set(error, ERROR_ALREADY_EXISTS,
                                 "%s/%s is in use: its leaf waits for whoever has opened it",
                                 s->name, name);
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
        task_set_stage(t, true, t->ended);
        *ret = t;
        return 0;
}

/* Who gives a task a limit, or a time, must not get one without. */
static bool refuse_limits(TaskSpawn *q)
{
        const SupervisorLink *link = q->scope->link;
        unsigned wanted = 0;

        if (limits_any(&q->spec->limits))
                wanted |= 1U << FEATURE_TASK_LIMITS;
        if (q->spec->timeout_usec > 0)
                wanted |= 1U << FEATURE_TIMEOUT;
        if (supervisor_has_features(link, wanted))
                return false;
        on_spawned(&(SupervisorAnswer){ .r = -EREMOTEIO,
                                        .error = EOPNOTSUPP,
                                        .step = SPAWN_STEP_TASK_LIMITS,
                                        .reason = supervisor_is_synced(link)
                                                          ? "its supervisor, which an older "
                                                            "hpcnode-cgroupd has started, cannot "
                                                            "do that (limits or a timeout of a "
                                                            "task); make a new scope"
                                                          : "its supervisor has not answered yet; "
                                                            "try again" },
                   q);
        return true;
}

/* Sends the request. Takes q over unless it returns negative. */
static int send_request(TaskSpawn *q)
{
        _cleanup_(closep) int memfd = -EBADF;
        int fds[1 + 3], r;
        char which[32];
        size_t n;

        if (q->attach)
                return supervisor_attach(q->scope->link, q->task, q->attach->list, q->attach->n,
                                         on_spawned, q);
        if (!q->spec)
                return supervisor_open(q->scope->link, q->task, on_spawned, q);
        if (refuse_limits(q))
                return 0;
        r = spec_to_memfd(q->spec, q->scope->priority, &memfd);
        if (r < 0)
                return r;
        fds[0] = memfd;
        n = 1 + spec_stdio(q->spec, which, fds + 1);
        return supervisor_spawn(q->scope->link, q->task, SPAWN_TIMEOUT_USEC, q->spec->timeout_usec,
                                spec_log(q->spec), which, fds, n, on_spawned, q);
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

/* Takes q over unless it returns negative. */
static int begin(TaskSpawn *q)
{
        Scope *s = q->scope;
        Task *t;
        int r;

        r = reserve_task(s, q->task, &t);
        if (r < 0)
                return r;
        t->attach = q->attach;
        fault_point(FAULT_SPAWN_RESERVED);
        if (s->recovering) {
                TAILQ_INSERT_TAIL(&s->spawns_held, q, held);
                return 0;
        }
        r = send_request(q);
        fault_point(FAULT_SPAWN_REQUESTED);
        if (r < 0) {
                t->attach = NULL;
                task_start_failed(t);
        }
        return r;
}

static int task_begin_spawn(const TaskSpawn *request, sd_bus_error *error)
{
        TaskSpawn *q;
        int r;

        r = task_check_startable(request->scope, request->task, error);
        if (r < 0)
                return r;
        q = calloc(1, sizeof *q);
        if (!q)
                return -ENOMEM;
        *q = *request;
        q->task = strdup(request->task);
        r = q->task ? begin(q) : -ENOMEM;
        if (r < 0) {
                free(q->task);
                free(q);
        }
        return r;
}

int task_spawn(Scope *s, const char *name, Spec *spec, task_handler_t handler, void *userdata,
               sd_bus_error *error)
{
        return task_begin_spawn(&(TaskSpawn){ .scope = s,
                                              .task = (char *) name,
                                              .spec = spec,
                                              .handler = handler,
                                              .userdata = userdata },
                                error);
}

int task_attach(Scope *s, const char *name, Attach *attach, task_handler_t handler, void *userdata,
                sd_bus_error *error)
{
        return task_begin_spawn(&(TaskSpawn){ .scope = s,
                                              .task = (char *) name,
                                              .attach = attach,
                                              .handler = handler,
                                              .userdata = userdata },
                                error);
}

int task_open(Scope *s, const char *name, task_handler_t handler, void *userdata,
              sd_bus_error *error)
{
        return task_begin_spawn(&(TaskSpawn){ .scope = s,
                                              .task = (char *) name,
                                              .handler = handler,
                                              .userdata = userdata },
                                error);
}
