/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scopes and tasks of the fake that are made: create_scope, run and spawn. */
#include "fake.h"

#include "basic/protocol.h"

/* --- names --- */

static int refuse_existing(const FakeScope *s, hpcnode_cgroup_error *e)
{
        if (fake_scope_has_ended(s))
                return client_error(e, HPCNODE_CGROUP_ERROR_ALREADY_EXISTS,
                                    "%s: a job of that name has ended (%s) and its record is kept",
                                    s->name, fake_scope_state(s));
        return client_error(e, HPCNODE_CGROUP_ERROR_ALREADY_EXISTS, "%s is in use: %s at %s (%s)",
                            s->name, s->unit, s->path, fake_scope_state(s));
}

/* The record of a scope that its owner has destroyed makes room, that of a job does not, nor one of somebody
 * else's for whom only polkit admits. */
static bool may_replace(const Fake *f, const FakeScope *s)
{
        return !s->is_job && (s->uid == f->uid || f->principal != PRINCIPAL_OTHER);
}

static FakeScope *next_of_name(FakeNode *node, FakeScope *after, const char *slice,
                               const char *name)
{
        FakeScope *s = after ? TAILQ_NEXT(after, scopes) : TAILQ_FIRST(&node->scopes);

        while (s && (s->state == SCOPE_ZOMBIE || !streq(s->slice, slice) || !streq(s->name, name)))
                s = TAILQ_NEXT(s, scopes);
        return s;
}

static int make_room(const Fake *f, const char *slice, const char *name, hpcnode_cgroup_error *e)
{
        FakeScope *s = NULL, *kept = NULL;

        while ((s = next_of_name(f->node, s, slice, name))) {
                if (!fake_scope_has_ended(s))
                        return refuse_existing(s, e);
                if (!may_replace(f, s))
                        kept = s;
        }
        if (kept)
                return refuse_existing(kept, e);
        while ((s = next_of_name(f->node, NULL, slice, name)))
                fake_scope_free(s);
        return 0;
}

/* A zombie keeps its unit, and the new scope is the next instance. */
static int choose_unit(FakeNode *node, const char *slice, const char *name, char **ret,
                       hpcnode_cgroup_error *e)
{
        for (unsigned instance = 1;; instance++) {
                _cleanup_(freep) char *unit = NULL, *reason = NULL;
                int r;

                r = scope_unit_name(slice, name, instance, &unit, &reason);
                if (r < 0)
                        return client_error_refused(e, r, reason, strerror(-r));
                if (!fake_scope_by_unit(node, unit)) {
                        *ret = TAKE_PTR(unit);
                        return 0;
                }
        }
}

/* --- settings --- */

static int take_text(const hpcnode_cgroup_options *options, const char *name, char **target)
{
        const char *text = client_options_get_text(options, name);
        char *copy;

        if (!text)
                return 0;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*target);
        *target = copy;
        return 0;
}

static int take_settings(FakeScope *s, const hpcnode_cgroup_limits *limits,
                         const hpcnode_cgroup_options *options)
{
        int64_t number;
        int r = 0;

        if (limits)
                r = limits_copy(&limits->limits, &s->limits);
        if (r < 0 || !options)
                return r;
        if (client_options_get_number(options, "Priority", &number))
                s->priority = (unsigned) number;
        if (client_options_get_number(options, "ReleaseOnEmpty", &number))
                s->release_on_empty = number != 0;
        s->n_services = (unsigned) client_options_count(options, "Services");
        s->n_require_paths = (unsigned) client_options_count(options, "RequirePaths");
        r = take_text(options, "Description", &s->description);
        return r < 0 ? r : take_text(options, "Log", &s->log);
}

/* What a task is not given by whoever has it not himself. */
static int check_privileges(const Fake *f, const hpcnode_cgroup_options *options,
                            hpcnode_cgroup_error *e)
{
        int64_t nice, force;

        if (options && f->principal == PRINCIPAL_OTHER &&
            client_options_get_number(options, "Force", &force) && force)
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "uid %u (%s) may not use --force (Force): only root and the "
                                    "owner of " SLICE_WORKLOAD " may",
                                    (unsigned) f->uid, principal_to_string(f->principal));
        if (!options || f->uid == 0)
                return 0;
        if (client_options_get_text(options, "User") || client_options_get_text(options, "Group"))
                return client_error(
                        e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                        "only root may name a user or group; uid %u runs tasks as itself",
                        (unsigned) f->uid);
        if (client_options_get_number(options, "Nice", &nice) && nice < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "Nice=%d: only root may go below 0; uid %u may name 0 to 19",
                                    (int) nice, (unsigned) f->uid);
        return 0;
}

/* --- scopes --- */

typedef struct Making {
        const char *slice, *name;
        const hpcnode_cgroup_limits *limits;
        const hpcnode_cgroup_options *options;
        bool is_job;
} Making;

static int start_task(const Fake *f, FakeScope *s, const char *name, const Limits *limits,
                      FakeTask **ret)
{
        _cleanup_(limits_done) Limits own = { 0 };
        FakeProcess *p;
        FakeTask *t;

        if (limits && limits_copy(limits, &own) < 0)
                return -ENOMEM;
        p = fake_process_new(f->node, 0, f->uid);
        if (!p)
                return -ENOMEM;
        t = fake_task_new(s, name, p->pid);
        if (!t) {
                fake_process_free(f->node, p);
                return -ENOMEM;
        }
        p->task = t;
        t->limits = own;
        own = (Limits){ 0 };
        *ret = t;
        return 0;
}

/* The services of a job, then its main task. */
static int start_tasks(const Fake *f, FakeScope *s)
{
        FakeTask *t;
        int r = 0;

        for (unsigned i = 1; r >= 0 && i <= s->n_services; i++) {
                char name[sizeof("service-4294967295")];

                (void) snprintf(name, sizeof(name), "service-%u", i);
                r = start_task(f, s, name, NULL, &t);
        }
        return r < 0 ? r : start_task(f, s, TASK_MAIN, NULL, &t);
}

static void drop_processes(const FakeScope *s)
{
        FakeTask *t;

        TAILQ_FOREACH (t, &s->tasks, tasks)
                fake_process_free(s->node, fake_process_find(s->node, t->pid));
}

static int make_scope(const Fake *f, const Making *m, const char *slice, const char *name,
                      hpcnode_cgroup_info **ret, hpcnode_cgroup_error *e)
{
        _cleanup_(fake_scope_freep) FakeScope *s = NULL;
        _cleanup_(freep) char *unit = NULL;
        int r;

        r = choose_unit(f->node, slice, name, &unit, e);
        if (r < 0)
                return r;
        s = fake_scope_new(f->node, slice, unit, name);
        if (!s)
                return client_oom(e);
        s->uid = f->uid;
        s->is_job = m->is_job;
        r = take_settings(s, m->limits, m->options);
        if (r >= 0 && m->is_job)
                r = start_tasks(f, s);
        if (r >= 0)
                r = fake_info_started(s, NULL, ret);
        if (r < 0) {
                drop_processes(s);
                return client_oom(e);
        }
        TAKE_PTR(s);
        return 0;
}

static int create(const Fake *f, const Making *m, hpcnode_cgroup_info **ret,
                  hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *slice = NULL, *name = NULL, *reason = NULL;
        int r;

        r = client_check_name(m->name, &name, e);
        if (r >= 0)
                r = client_check_settings(m->limits, m->options,
                                          m->is_job ? OPTION_RUN : OPTION_CREATE, true, e);
        if (r < 0)
                return r;
        r = slice_parse(m->slice, &slice, &reason);
        if (r < 0)
                return client_error_refused(e, r, reason, strerror(-r));
        r = fake_authorize(f, ACT_CREATE, slice, NULL, NULL, e);
        if (r >= 0)
                r = check_privileges(f, m->options, e);
        if (r >= 0)
                r = make_room(f, slice, name, e);
        return r < 0 ? r : make_scope(f, m, slice, name, ret, e);
}

int fake_create_scope(void *userdata, const char *slice, const char *name,
                      const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
                      hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        Making m = { .slice = slice, .name = name, .limits = limits, .options = options };
        int r;

        r = fake_begin_with(
                node, "create_scope",
                &(FakeArguments){
                        .first = slice, .second = name, .limits = limits, .options = options },
                ret_error);
        return r < 0 ? r : create(f, &m, ret, ret_error);
}

int fake_run(void *userdata, const char *slice, const char *name,
             const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
             const char *const argv[], hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        Making m = {
                .slice = slice, .name = name, .limits = limits, .options = options, .is_job = true
        };
        int r;

        r = fake_begin_with(node, "run",
                            &(FakeArguments){ .first = slice,
                                              .second = name,
                                              .limits = limits,
                                              .options = options,
                                              .argv = argv },
                            ret_error);
        if (r >= 0)
                r = client_check_argv(argv, ret_error);
        return r < 0 ? r : create(f, &m, ret, ret_error);
}

/* --- tasks --- */

int fake_spawn(void *userdata, const char *scope, const char *task,
               const hpcnode_cgroup_options *options, const char *const argv[],
               hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        _cleanup_(freep) char *name = NULL;
        FakeArguments a = { .first = scope, .second = task, .options = options, .argv = argv };
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_begin_with(node, "spawn", &a, ret_error);
        if (r >= 0)
                r = client_check_argv(argv, ret_error);
        if (r >= 0)
                r = client_check_task_name(task, &name, ret_error);
        if (r >= 0)
                r = client_check_settings(NULL, options, OPTION_SPAWN, true, ret_error);
        if (r >= 0)
                r = fake_find_for_task(f, ACT_SPAWN, scope, &s, ret_error);
        if (r >= 0)
                r = check_privileges(f, options, ret_error);
        if (r >= 0)
                r = fake_check_startable(s, name, ret_error);
        if (r < 0)
                return r;
        if (start_task(f, s, name, options ? client_options_get_limits(options) : NULL, &t) < 0 ||
            fake_info_started(s, t, ret) < 0)
                return client_oom(ret_error);
        return 0;
}
