/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fake's node and its handles, and what only a test can do to them. */
#include "fake.h"

#include "basic/protocol.h"
#include "hpcnode/cgroup-fake.h"

/* --- node and handles --- */

static FakeNode *node_new(void)
{
        FakeNode *node = calloc(1, sizeof(*node));

        if (!node)
                return NULL;
        (void) pthread_mutex_init(&node->lock, NULL);
        TAILQ_INIT(&node->scopes);
        TAILQ_INIT(&node->processes);
        TAILQ_INIT(&node->cgroups);
        TAILQ_INIT(&node->failures);
        TAILQ_INIT(&node->watches);
        return node;
}

static void cgroup_free(FakeNode *node, FakeCgroup *c)
{
        TAILQ_REMOVE(&node->cgroups, c, cgroups);
        free(c->path);
        free(c);
}

static void node_free(FakeNode *node)
{
        while (!TAILQ_EMPTY(&node->processes))
                fake_process_free(node, TAILQ_FIRST(&node->processes));
        while (!TAILQ_EMPTY(&node->scopes))
                fake_scope_free(TAILQ_FIRST(&node->scopes));
        while (!TAILQ_EMPTY(&node->cgroups))
                cgroup_free(node, TAILQ_FIRST(&node->cgroups));
        while (!TAILQ_EMPTY(&node->failures))
                fake_failure_free(node, TAILQ_FIRST(&node->failures));
        fake_drain_free(node->drain);
        fake_forget_calls(node);
        (void) pthread_mutex_destroy(&node->lock);
        free(node);
}

FakeNode *fake_lock(const Fake *f)
{
        (void) pthread_mutex_lock(&f->node->lock);
        return f->node;
}

Fake *fake_of(const hpcnode_cgroup *c)
{
        return c && c->ops == &fake_ops ? c->userdata : NULL;
}

Fake *fake_free(Fake *f)
{
        FakeNode *node;
        unsigned n;

        if (!f)
                return NULL;
        node = fake_lock(f);
        fake_withdraw_tasks(f);
        n = --node->n_handles;
        if (n == 1)
                fake_notify_alone(node);
        (void) pthread_mutex_unlock(&node->lock);
        if (n == 0)
                node_free(node);
        safe_close(f->watch_fd);
        free(f);
        return NULL;
}

/* A handle on the node, which is freed with it when it is its first. */
static int open_handle(FakeNode *node, Principal principal, uid_t uid, hpcnode_cgroup **ret,
                       hpcnode_cgroup_error *e)
{
        Fake *f = malloc(sizeof(*f));
        int r;

        if (!f)
                return client_oom(e);
        *f = (Fake){ .node = node, .principal = principal, .uid = uid, .watch_fd = -EBADF };
        TAILQ_INIT(&f->told);
        r = hpcnode_cgroup_new(&fake_ops, f, ret, e);
        if (r < 0) {
                free(f);
                return r;
        }
        fake_lock(f)->n_handles++;
        (void) pthread_mutex_unlock(&node->lock);
        return 0;
}

_public_ int hpcnode_cgroup_fake_open(hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        FakeNode *node = node_new();
        int r;

        if (!node)
                return client_oom(ret_error);
        r = open_handle(node, PRINCIPAL_ADMIN, 0, ret, ret_error);
        if (r < 0)
                node_free(node);
        return r;
}

_public_ int hpcnode_cgroup_fake_open_as(hpcnode_cgroup *fake, const char *principal, uint32_t uid,
                                         hpcnode_cgroup **ret, hpcnode_cgroup_error *ret_error)
{
        Fake *f = fake_of(fake);

        if (!f)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "this is no handle of the fake's");
        for (Principal p = 0; p < _PRINCIPAL_MAX; p++)
                if (streq(principal_to_string(p), principal))
                        return open_handle(f->node, p, uid, ret, ret_error);
        return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                            "there is no principal %s; they are pact, workload, admin and other",
                            principal);
}

/* --- what only a test can do --- */

static int end_process(FakeNode *node, FakeProcess *p, int exit_status, int exit_signal)
{
        if (exit_status < 0 || exit_status > 255 || exit_signal < 0)
                return -EINVAL;
        if (p->task && fake_task_is_frozen(p->task))
                return -EBUSY;
        fake_process_end(node, p, exit_signal ? -1 : exit_status, exit_signal);
        return 0;
}

_public_ int hpcnode_cgroup_fake_exit(hpcnode_cgroup *fake, const char *task, int exit_status,
                                      int exit_signal)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        FakeScope *s;
        FakeTask *t;
        int r;

        if (!f)
                return -EINVAL;
        node = fake_lock(f);
        r = fake_find(node, task, &s, &t, NULL);
        if (r < 0)
                return r;
        if (!t)
                t = fake_task_find(s, TASK_MAIN);
        if (!t || t->ended || t->opener)
                return -ESRCH;
        return end_process(node, fake_process_find(node, t->pid), exit_status, exit_signal);
}

_public_ int hpcnode_cgroup_fake_add_process(hpcnode_cgroup *fake, uint32_t pid, uint32_t uid,
                                             const char *cgroup)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        _cleanup_(freep) char *path = NULL;
        FakeProcess *p;
        int r;

        if (!f || pid == 0 || pid > INT32_MAX)
                return -EINVAL;
        r = cgroup_path_parse(cgroup, &path, NULL);
        if (r < 0)
                return r;
        node = fake_lock(f);
        if (fake_process_find(node, pid))
                return -EEXIST;
        p = fake_process_new(node, pid, uid);
        if (!p)
                return -ENOMEM;
        if (asprintf(&p->cgroup, "/%s", path) < 0) {
                p->cgroup = NULL;
                fake_process_free(node, p);
                return -ENOMEM;
        }
        return 0;
}

_public_ int hpcnode_cgroup_fake_exit_process(hpcnode_cgroup *fake, uint32_t pid, int exit_status,
                                              int exit_signal)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        FakeProcess *p;

        if (!f)
                return -EINVAL;
        node = fake_lock(f);
        p = fake_process_find(node, pid);
        return p ? end_process(node, p, exit_status, exit_signal) : -ESRCH;
}

_public_ int hpcnode_cgroup_fake_set_metric(hpcnode_cgroup *fake, const char *path,
                                            const char *name, uint64_t value)
{
        MetricType type = metric_from_name(name);
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        Metrics *m;
        int r;

        if (!f || type < 0)
                return -EINVAL;
        node = fake_lock(f);
        r = fake_metrics_of(node, path, &m);
        if (r < 0)
                return r;
        m->present[type] = true;
        m->values[type] = value;
        return 0;
}

_public_ int hpcnode_cgroup_fake_set_emergency(hpcnode_cgroup *fake, bool lasts)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;

        if (!f)
                return -EINVAL;
        node = fake_lock(f);
        node->emergency = lasts;
        return 0;
}

_public_ int hpcnode_cgroup_fake_set_unkillable(hpcnode_cgroup *fake, const char *scope,
                                                bool unkillable)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        FakeScope *s;
        FakeTask *t;
        int r;

        if (!f)
                return -EINVAL;
        node = fake_lock(f);
        r = fake_find(node, scope, &s, &t, NULL);
        if (r < 0)
                return r;
        if (t || fake_scope_has_ended(s))
                return -EINVAL;
        fake_scope_set_unkillable(s, unkillable);
        return 0;
}
