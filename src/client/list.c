/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lists of all scopes and tasks: one call for what ListScopes or ListTasks says, and pipelined ones for the rest. */
#include "daemon.h"

#include "basic/state.h"
#include <sys/queue.h>

typedef struct Question Question;

typedef struct Listing {
        sd_bus *bus; /* owned */
        TAILQ_HEAD(, Question) pending;
        size_t n_pending;
        int error; /* the first that is not about a scope that has just gone */
} Listing;

/* One under way. */
struct Question {
        TAILQ_ENTRY(Question) questions;
        Listing *listing;
        sd_bus_slot *slot;
        hpcnode_cgroup_info *info;
        const char *property; /* constant; NULL: not of one */
        int (*read)(sd_bus_message *m, const char *property, hpcnode_cgroup_info *info);
};

static void question_free(Question *q)
{
        TAILQ_REMOVE(&q->listing->pending, q, questions);
        q->listing->n_pending--;
        sd_bus_slot_unref(q->slot);
        free(q);
}

/* Answers that still come are nobody's. */
static void listing_done(Listing *l)
{
        while (!TAILQ_EMPTY(&l->pending))
                question_free(TAILQ_FIRST(&l->pending));
        sd_bus_unref(l->bus);
}

static int read_name(sd_bus_message *m, const char *property, hpcnode_cgroup_info *info)
{
        int r = client_info_read(m, property, info);

        return r < 0 ? r : client_info_set_id(info, NULL);
}

static int read_metrics(sd_bus_message *m, const char *property, hpcnode_cgroup_info *info)
{
        hpcnode_cgroup_metrics_free(TAKE_PTR(info->metrics));
        return client_metrics_read(m, &info->metrics);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Question *question = userdata;
        Listing *l = question->listing;
        int r = 0;

        if (!sd_bus_message_is_method_error(m, NULL))
                r = question->read(m, question->property, question->info);
        else if (client_error_is_transport(sd_bus_message_get_error(m),
                                           -sd_bus_message_get_errno(m)))
                r = -ECONNRESET;
        if (r < 0 && l->error == 0)
                l->error = r;
        question_free(question);
        return 0;
}

/* Processes answers until at most `pending` are outstanding, or one was an error. */
static int drain(Daemon *d, Listing *l, size_t pending)
{
        int r;

        while (l->n_pending > pending && l->error == 0) {
                /* What else was answered on this handle may have made a new connection. */
                if (d->bus != l->bus)
                        return -ECONNRESET;
                r = sd_bus_process(l->bus, NULL);
                if (r < 0)
                        return r;
                if (r == 0) {
                        r = sd_bus_wait(l->bus, UINT64_MAX);
                        if (r < 0 && r != -EINTR)
                                return r;
                }
        }
        return l->error;
}

/* The first argument, and the property as the second, if it is about one. */
static int ask(Daemon *d, Listing *l, const Question *question, const char *object,
               const char *interface, const char *member, const char *first)
{
        Question *q;
        int r;

        q = malloc(sizeof(*q));
        if (!q)
                return -ENOMEM;
        *q = *question;
        q->listing = l;
        TAILQ_INSERT_TAIL(&l->pending, q, questions);
        l->n_pending++;

        r = sd_bus_call_method_async(l->bus, &q->slot, BUS_NAME, object, interface, member,
                                     on_answer, q, q->property ? "ss" : "s", first, q->property);
        return r < 0 ? r : drain(d, l, PENDING_MAX);
}

static int ask_property(Daemon *d, Listing *l, hpcnode_cgroup_info *info, const char *object,
                        const char *property,
                        int (*read)(sd_bus_message *, const char *, hpcnode_cgroup_info *))
{
        return ask(d, l, &(Question){ .info = info, .property = property, .read = read }, object,
                   PROPERTIES_IFACE, "Get", SCOPE_IFACE);
}

/* Completes what ListScopes has said. */
static int complete(Daemon *d, Listing *l, hpcnode_cgroup_info *const *entries)
{
        for (hpcnode_cgroup_info *const *i = entries; *i; i++) {
                _cleanup_(freep) char *object = NULL;
                int r;

                r = sd_bus_path_encode(SCOPE_PREFIX, (*i)->unit, &object);
                if (r < 0)
                        return r;
                r = ask_property(d, l, *i, object, "Name", read_name);
                if (r >= 0 && scope_state_from_string((*i)->state) < SCOPE_EXITED)
                        r = ask_property(d, l, *i, object, "MainPID", client_info_read);
                if (r < 0)
                        return r;
        }
        return drain(d, l, 0);
}

int daemon_list(void *userdata, hpcnode_cgroup_info ***ret, hpcnode_cgroup_error *ret_error)
{
        uint64_t begun = client_now_usec();
        Daemon *d = userdata;

        for (bool again = false;; again = true) {
                _cleanup_(result_done) Result result = { 0 };
                _cleanup_(listing_done)
                        Listing l = { .pending = TAILQ_HEAD_INITIALIZER(l.pending) };
                int r;

                r = request_put(d, &(Request){ .operation = OPERATION_LIST }, &result, ret_error);
                if (r < 0)
                        return r;
                l.bus = sd_bus_ref(d->bus);
                r = complete(d, &l, result.list);
                if (r >= 0) {
                        *ret = TAKE_PTR(result.list);
                        return 0;
                }

                if (again || !daemon_may_query_again(d, begun, NULL, r))
                        return client_error_bus(d, ret_error, NULL, r);
        }
}

/* --- tasks --- */

/* What the tasks of a scope have of it; borrowed from the message but for the unit. */
typedef struct ScopeOfTasks {
        char *unit; /* owned */
        const char *name, *path;
} ScopeOfTasks;

static void scope_of_tasks_done(ScopeOfTasks *s)
{
        free(s->unit);
}

/* 1, or 0 when there is no further one. */
static int read_task(sd_bus_message *m, const ScopeOfTasks *s, hpcnode_cgroup_info ***list,
                     size_t *n)
{
        hpcnode_cgroup_info *info, read = { 0 };
        const char *name, *state;
        int r;

        r = sd_bus_message_read(m, "(ssuiibtt)", &name, &state, &read.pid, &read.exit_status,
                                &read.exit_signal, &read.oom_killed, &read.start_usec,
                                &read.exit_usec);
        if (r <= 0)
                return r;
        info = client_list_add(list, *n);
        if (!info)
                return -ENOMEM;
        (*n)++;
        info->is_task = 1;
        info->pid = read.pid;
        info->exit_status = read.exit_status;
        info->exit_signal = read.exit_signal;
        info->oom_killed = read.oom_killed;
        info->start_usec = read.start_usec;
        info->exit_usec = read.exit_usec;
        info->name = strdup(name);
        info->state = strdup(state);
        info->unit = strdup(s->unit);
        if (!info->name || !info->state || !info->unit || client_info_set_id(info, s->name) < 0)
                return -ENOMEM;
        r = *s->path ? client_info_set_task_cgroup(info, s->path) : 0;
        return r < 0 ? r : 1;
}

static int read_tasks_of_scope(sd_bus_message *m, hpcnode_cgroup_info ***list, size_t *n)
{
        _cleanup_(scope_of_tasks_done) ScopeOfTasks s = { 0 };
        const char *object;
        int r;

        r = sd_bus_message_read(m, "oss", &object, &s.name, &s.path);
        if (r < 0)
                return r;
        r = sd_bus_path_decode(object, SCOPE_PREFIX, &s.unit);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        r = sd_bus_message_enter_container(m, 'a', "(ssuiibtt)");
        if (r < 0)
                return r;
        while ((r = read_task(m, &s, list, n)) > 0)
                ;
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int client_tasks_read(sd_bus_message *reply, hpcnode_cgroup_info ***ret)
{
        size_t n = 0;
        int r;

        *ret = calloc(1, sizeof(hpcnode_cgroup_info *));
        if (!*ret)
                return -ENOMEM;
        r = sd_bus_message_enter_container(reply, 'a', "(ossa(ssuiibtt))");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(reply, 'r', "ossa(ssuiibtt)")) > 0) {
                r = read_tasks_of_scope(reply, ret, &n);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        return r;
        }
        return r;
}

/* --- everything about many --- */

static int ask_about_scope(Daemon *d, Listing *l, hpcnode_cgroup_info *info, const char *object)
{
        const char *apart;
        int r;

        r = ask(d, l, &(Question){ .info = info, .read = client_info_read }, object,
                PROPERTIES_IFACE, "GetAll", SCOPE_IFACE);
        /* Nobody wants the processes of all scopes, which would all have to be looked for. */
        for (size_t i = 0; r >= 0 && (apart = client_info_apart(info, i)); i++)
                if (!streq(apart, "PIDs"))
                        r = ask_property(d, l, info, object, apart, client_info_read);
        return r;
}

static int ask_about(Daemon *d, Listing *l, hpcnode_cgroup_info *info)
{
        _cleanup_(freep) char *object = NULL;
        int r;

        if (info->is_task > 0)
                r = sd_bus_path_encode_many(&object, TASK_TEMPLATE, info->unit, info->name);
        else
                r = sd_bus_path_encode(SCOPE_PREFIX, info->unit, &object);
        if (r < 0)
                return r;
        if (info->is_task <= 0)
                return ask_about_scope(d, l, info, object);
        return ask(d, l, &(Question){ .info = info, .read = read_metrics }, MANAGER_PATH,
                   MANAGER_IFACE, "ReadMetrics", object);
}

int daemon_inspect_list(void *userdata, hpcnode_cgroup_info *const list[],
                        hpcnode_cgroup_error *ret_error)
{
        uint64_t begun = client_now_usec();
        Daemon *d = userdata;

        for (bool again = false;; again = true) {
                _cleanup_(listing_done)
                        Listing l = { .pending = TAILQ_HEAD_INITIALIZER(l.pending) };
                int r;

                r = daemon_connect(d, ret_error);
                if (r < 0)
                        return r;
                l.bus = sd_bus_ref(d->bus);
                for (hpcnode_cgroup_info *const *i = list; r >= 0 && *i; i++)
                        r = ask_about(d, &l, *i);
                if (r >= 0)
                        r = drain(d, &l, 0);
                if (r >= 0)
                        return 0;
                if (again || !daemon_may_query_again(d, begun, NULL, r))
                        return client_error_bus(d, ret_error, NULL, r);
        }
}
