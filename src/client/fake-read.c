/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is seen of the fake's node from outside: inspect, list and metrics. */
#include "fake.h"

#include "basic/reason.h"
#include <stdio.h>

/* --- what is known of a scope or a task --- */

static int copy_text(const char *text, char **ret)
{
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

/* What whoever lists scopes is told, too. */
static int fill_names(const FakeScope *s, const FakeTask *t, hpcnode_cgroup_info *info)
{
        int r;

        info->is_task = t != NULL;
        r = copy_text(t ? t->name : s->name, &info->name);
        if (r >= 0)
                r = copy_text(s->unit, &info->unit);
        if (r >= 0)
                r = t ? client_info_set_task_cgroup(info, s->path)
                      : copy_text(s->path, &info->cgroup);
        if (r >= 0)
                r = client_info_set_id(info, s->name);
        if (t)
                info->pid = t->opener ? 0 : t->pid;
        else
                info->pid = s->main_ended ? 0 : s->main_pid;
        return r;
}

int fake_info_started(FakeScope *s, FakeTask *t, hpcnode_cgroup_info **ret)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = client_info_new();

        if (!info || fill_names(s, t, info) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(info);
        return 0;
}

static int fill_frozen_by(const FakeScope *s, hpcnode_cgroup_info *info)
{
        size_t n = 0;

        info->frozen_by = calloc(3, sizeof(char *));
        if (!info->frozen_by)
                return -ENOMEM;
        if (s->frozen_by & FAKE_FROZEN_BY_CLIENT && copy_text("client", &info->frozen_by[n++]) < 0)
                return -ENOMEM;
        if (s->frozen_by & FAKE_FROZEN_BY_EMERGENCY &&
            copy_text("emergency", &info->frozen_by[n++]) < 0)
                return -ENOMEM;
        return 0;
}

static int fill_pids(const FakeScope *s, hpcnode_cgroup_info *info)
{
        unsigned n = fake_count(s, NULL);
        const FakeProcess *p;

        info->pids = calloc(n + 1, sizeof(*info->pids));
        if (!info->pids)
                return -ENOMEM;
        info->n_pids = 0;
        TAILQ_FOREACH (p, &s->node->processes, processes)
                if (p->task && p->task->scope == s)
                        info->pids[info->n_pids++] = p->pid;
        return 0;
}

/* What is counted, and the limits that stand beside it; what was set for it comes first. */
static void fill_metrics(const FakeScope *s, const FakeTask *t, Metrics *m)
{
        static const struct {
                LimitType limit;
                MetricType metric;
        } shown[] = {
                { LIMIT_MEMORY_MAX, METRIC_MEMORY_MAX },
                { LIMIT_TASKS_MAX, METRIC_PIDS_MAX },
        };

        *m = t ? t->metrics : s->metrics;
        if (!m->present[METRIC_NR_PROCESSES]) {
                m->present[METRIC_NR_PROCESSES] = true;
                m->values[METRIC_NR_PROCESSES] = fake_count(s, t);
        }
        for (size_t i = 0; i < ELEMENTSOF(shown); i++) {
                const Limit *limit = &(t ? &t->limits : &s->limits)->values[shown[i].limit];

                if (!limit->is_set || limit->number == UINT64_MAX || m->present[shown[i].metric])
                        continue;
                m->present[shown[i].metric] = true;
                m->values[shown[i].metric] = limit->number;
        }
}

static int fill_scope(FakeScope *s, hpcnode_cgroup_info *info)
{
        int r;

        r = copy_text(s->slice, &info->slice);
        if (r >= 0)
                r = copy_text(owner_to_string(path_owner(s->slice)), &info->owner);
        if (r >= 0)
                r = copy_text(s->description, &info->description);
        if (r >= 0)
                r = copy_text(s->log, &info->log);
        if (r >= 0)
                r = fill_frozen_by(s, info);
        if (r >= 0)
                r = fill_pids(s, info);
        info->limits = hpcnode_cgroup_limits_new();
        info->metrics = calloc(1, sizeof(*info->metrics));
        if (r < 0 || !info->limits || !info->metrics)
                return -ENOMEM;
        fill_metrics(s, NULL, &info->metrics->metrics);
        info->uid = s->uid;
        info->is_job = s->is_job;
        info->release_on_empty = s->release_on_empty;
        info->demoted = info->pressure_killed = 0;
        info->oom_killed = info->timed_out = 0;
        info->oom_kills = 0;
        info->priority = (int) s->priority;
        info->n_services = (int) s->n_services;
        info->n_require_paths = (int) s->n_require_paths;
        info->exit_status = s->exit_status;
        info->exit_signal = s->exit_signal;
        info->created_usec = s->created_usec;
        info->start_usec = s->start_usec;
        info->exit_usec = s->exit_usec;
        return limits_copy(&s->limits, &info->limits->limits);
}

static int fill_task(const FakeTask *t, hpcnode_cgroup_info *info)
{
        info->oom_killed = info->timed_out = 0;
        info->limits = hpcnode_cgroup_limits_new();
        if (!info->limits)
                return -ENOMEM;
        if (!fake_task_is_over(t) && limits_copy(&t->limits, &info->limits->limits) < 0)
                return -ENOMEM;
        if (t->opener)
                return 0;
        info->exit_status = t->exit_status;
        info->exit_signal = t->exit_signal;
        info->start_usec = t->start_usec;
        info->exit_usec = t->exit_usec;
        return 0;
}

/* All that is known of a scope, or of a task of it (else NULL). */
static int fake_info(FakeScope *s, FakeTask *t, hpcnode_cgroup_info **ret)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = client_info_new();

        if (!info || fill_names(s, t, info) < 0 ||
            copy_text(t ? fake_task_state(t) : fake_scope_state(s), &info->state) < 0)
                return -ENOMEM;
        if ((t ? fill_task(t, info) : fill_scope(s, info)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(info);
        return 0;
}

int fake_inspect(void *userdata, const char *scope, hpcnode_cgroup_info **ret,
                 hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_begin(node, "inspect", ret_error, "%s", scope);
        if (r >= 0)
                r = fake_find_outcome(node, scope, &s, &t, ret_error);
        if (r < 0)
                return r;
        return fake_info(s, t, ret) < 0 ? client_oom(ret_error) : 0;
}

int fake_list(void *userdata, hpcnode_cgroup_info ***ret, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **list = NULL;
        size_t n = 0;
        FakeScope *s;
        int r;

        r = fake_begin(node, "list", ret_error, "%s", "");
        if (r < 0)
                return r;
        TAILQ_FOREACH (s, &node->scopes, scopes)
                n++;
        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return client_oom(ret_error);
        n = 0;
        TAILQ_FOREACH (s, &node->scopes, scopes) {
                if (fake_info_started(s, NULL, &list[n]) < 0 ||
                    copy_text(fake_scope_state(s), &list[n]->state) < 0)
                        return client_oom(ret_error);
                n++;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

int fake_list_tasks(void *userdata, const char *scope, hpcnode_cgroup_info ***ret,
                    hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **list = NULL;
        FakeScope *s, *one = NULL;
        FakeTask *t, *only = NULL;
        size_t n = 0;
        int r;

        r = fake_begin(node, "list_tasks", ret_error, "%s", scope ?: "");
        if (r >= 0 && scope && *scope)
                r = fake_find(node, scope, &one, &only, ret_error);
        if (r < 0)
                return r;
        list = calloc(1, sizeof(*list));
        if (!list)
                return client_oom(ret_error);
        TAILQ_FOREACH (s, &node->scopes, scopes)
                TAILQ_FOREACH (t, &s->tasks, tasks) {
                        hpcnode_cgroup_info *info = NULL, *listed;

                        if ((one && s != one) || (only && t != only))
                                continue;
                        listed = client_list_add(&list, n);
                        if (!listed || fake_info(s, t, &info) < 0)
                                return client_oom(ret_error);
                        hpcnode_cgroup_info_free(listed);
                        list[n++] = info;
                }
        *ret = TAKE_PTR(list);
        return 0;
}

/* *info becomes all that is known but for the processes, as of the daemon; what it was is freed. */
static int complete_info(FakeScope *s, FakeTask *t, hpcnode_cgroup_info *info)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *complete = NULL;
        hpcnode_cgroup_info old = *info;

        if (fake_info(s, t, &complete) < 0)
                return -ENOMEM;
        free(TAKE_PTR(complete->pids));
        complete->n_pids = -1;
        if (t && fake_task_has_cgroup(t)) {
                complete->metrics = calloc(1, sizeof(*complete->metrics));
                if (!complete->metrics)
                        return -ENOMEM;
                fill_metrics(s, t, &complete->metrics->metrics);
        }
        *info = *complete;
        *complete = old;
        return 0;
}

int fake_inspect_list(void *userdata, hpcnode_cgroup_info *const list[],
                      hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        int r;

        r = fake_begin(node, "inspect_list", ret_error, "%s", "");
        for (hpcnode_cgroup_info *const *i = list; r >= 0 && *i; i++) {
                _cleanup_(freep) char *target = NULL;
                bool is_task = (*i)->is_task > 0;
                FakeScope *s;
                FakeTask *t;

                if (asprintf(&target, is_task ? "%s/%s" : "%s", (*i)->unit, (*i)->name) < 0) {
                        target = NULL;
                        return client_oom(ret_error);
                }
                if (fake_find(node, target, &s, &t, NULL) >= 0 && complete_info(s, t, *i) < 0)
                        return client_oom(ret_error);
        }
        return r;
}

/* --- which cgroups there are --- */

/* Both without slashes around them. */
static bool is_below(const char *path, const char *above)
{
        const char *rest = startswith(path, above);

        return rest && (!*above || !*rest || *rest == '/');
}

int fake_process_is_below(const FakeProcess *p, const char *path)
{
        _cleanup_(freep) char *leaf = NULL;

        if (!p->task)
                return is_below(p->cgroup + 1, path);
        if (asprintf(&leaf, "%s/payload/%s", p->task->scope->path, p->task->name) < 0) {
                leaf = NULL;
                return -ENOMEM;
        }
        return is_below(leaf + 1, path);
}

static int slices_have(const char *path)
{
        for (const char *const *slice = hierarchy_slices; *slice; slice++) {
                _cleanup_(freep) char *slice_path = NULL;

                if (slice_cgroup_path(*slice, &slice_path) < 0)
                        return -ENOMEM;
                if (is_below(slice_path, path))
                        return 1;
        }
        return 0;
}

/* Those that a scope has whether there are processes in them or not. */
static bool scope_has(const FakeScope *s, const char *path)
{
        const char *rest = startswith(path, s->path + 1);

        if (fake_scope_has_ended(s))
                return false;
        return is_below(s->path + 1, path) ||
               (rest && (streq(rest, "/payload") || streq(rest, "/supervisor")));
}

int fake_cgroup_exists(FakeNode *node, const char *path)
{
        const FakeProcess *p;
        const FakeCgroup *c;
        const FakeScope *s;
        int r;

        TAILQ_FOREACH (c, &node->cgroups, cgroups)
                if (is_below(c->path, path))
                        return 1;
        TAILQ_FOREACH (s, &node->scopes, scopes)
                if (scope_has(s, path))
                        return 1;
        TAILQ_FOREACH (p, &node->processes, processes) {
                r = fake_process_is_below(p, path);
                if (r != 0)
                        return r;
        }
        return slices_have(path);
}

/* --- metrics --- */

/* A slice in any of its spellings, or a cgroup as the kernel has it; without slashes around it. */
static int parse_path(const char *text, char **ret, char **ret_reason)
{
        _cleanup_(freep) char *unit = NULL, *reason = NULL;
        int r;

        r = slice_parse(text, &unit, &reason);
        if (r == -EINVAL)
                return cgroup_path_parse(text, ret, ret_reason);
        return r < 0 ? r : slice_cgroup_path(unit, ret);
}

static FakeCgroup *find_cgroup(FakeNode *node, const char *path)
{
        FakeCgroup *c;

        TAILQ_FOREACH (c, &node->cgroups, cgroups)
                if (streq(c->path, path))
                        return c;
        return NULL;
}

int fake_metrics_of(FakeNode *node, const char *path, Metrics **ret)
{
        _cleanup_(freep) char *parsed = NULL, *reason = NULL;
        FakeCgroup *c;
        FakeScope *s;
        FakeTask *t;
        int r;

        if (fake_find(node, path, &s, &t, NULL) >= 0) {
                *ret = t ? &t->metrics : &s->metrics;
                return 0;
        }
        r = parse_path(path, &parsed, &reason);
        if (r < 0)
                return r;
        c = find_cgroup(node, parsed);
        if (!c) {
                c = calloc(1, sizeof(*c));
                if (!c)
                        return -ENOMEM;
                c->path = TAKE_PTR(parsed);
                TAILQ_INSERT_TAIL(&node->cgroups, c, cgroups);
        }
        *ret = &c->metrics;
        return 0;
}

static int read_cgroup(FakeNode *node, const char *text, Metrics *m, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *path = NULL, *reason = NULL;
        char quoted[REASON_QUOTE_SIZE];
        const FakeProcess *p;
        const FakeCgroup *c;
        uint64_t n = 0;
        int r;

        r = parse_path(text, &path, &reason);
        if (r == -EINVAL)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "%s",
                                    reason ?: "the cgroup's path is not allowed");
        if (r >= 0)
                r = fake_cgroup_exists(node, path);
        if (r < 0)
                return client_oom(e);
        if (r == 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "there is no cgroup %s on this node",
                                    reason_quote(text, quoted));
        TAILQ_FOREACH (p, &node->processes, processes) {
                r = fake_process_is_below(p, path);
                if (r < 0)
                        return client_oom(e);
                n += (unsigned) r;
        }
        c = find_cgroup(node, path);
        if (c)
                *m = c->metrics;
        if (!m->present[METRIC_NR_PROCESSES]) {
                m->present[METRIC_NR_PROCESSES] = true;
                m->values[METRIC_NR_PROCESSES] = n;
        }
        return 0;
}

int fake_read_metrics(void *userdata, const char *path, hpcnode_cgroup_metrics **ret,
                      hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *metrics = NULL;
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_begin(node, "read_metrics", ret_error, "%s", path);
        if (r < 0)
                return r;
        metrics = calloc(1, sizeof(*metrics));
        if (!metrics)
                return client_oom(ret_error);
        if (fake_find(node, path, &s, &t, NULL) < 0)
                r = read_cgroup(node, path, &metrics->metrics, ret_error);
        else if (t && !fake_task_has_cgroup(t))
                r = client_error(ret_error, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                 "%s/%s has ended (%s): its cgroup is gone", s->name, t->name,
                                 fake_task_state(t));
        else
                fill_metrics(s, t, &metrics->metrics);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(metrics);
        return 0;
}
