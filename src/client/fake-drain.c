/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drain of the fake's node: what it refuses, kills and waits for. */
#include "fake.h"

#include "basic/line.h"
#include <signal.h>

FakeDrain *fake_drain_free(FakeDrain *d)
{
        if (!d)
                return NULL;
        free(d->reason);
        free(d);
        return NULL;
}

int fake_refuse_drained(const FakeNode *node, const char *slice, hpcnode_cgroup_error *e)
{
        const FakeDrain *d = node->drain;

        if (!d || path_owner(slice) != OWNER_WORKLOAD)
                return 0;
        return client_error(e, HPCNODE_CGROUP_ERROR_ADMISSION_REJECTED,
                            "the node is being drained by uid %u (%s)%s%s; see "
                            "hpcnode_cgroup_cancel_drain()",
                            (unsigned) d->uid, principal_to_string(d->principal),
                            *d->reason ? ": " : "", d->reason);
}

/* --- what is still there --- */

static bool has_open_tasks(const FakeScope *s)
{
        const FakeTask *t;

        TAILQ_FOREACH (t, &s->tasks, tasks)
                if (t->opener)
                        return true;
        return false;
}

/* Scopes that are empty wait for nobody; a job is never, but goes with its main task. */
static bool is_waited_for(const FakeScope *s)
{
        if (path_owner(s->slice) != OWNER_WORKLOAD || s->state == SCOPE_ZOMBIE)
                return false;
        return has_open_tasks(s) || fake_count(s, NULL) > 0;
}

static bool any_waited_for(const FakeNode *node)
{
        const FakeScope *s;

        TAILQ_FOREACH (s, &node->scopes, scopes)
                if (is_waited_for(s))
                        return true;
        return false;
}

void fake_check_drain(FakeNode *node)
{
        if (node->drain && !any_waited_for(node))
                fake_notify_drain(node, /* cancelled= */ false);
}

/* --- drain, cancel_drain, draining --- */

static int begin(const Fake *f, const char *reason)
{
        FakeNode *node = f->node;
        FakeDrain *d;

        if (node->drain && !*reason)
                return 0;
        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (FakeDrain){ .principal = f->principal, .uid = f->uid };
        d->since_usec = node->drain ? node->drain->since_usec : client_realtime_usec();
        d->reason = strdup(reason);
        if (!d->reason) {
                fake_drain_free(d);
                return -ENOMEM;
        }
        fake_drain_free(node->drain);
        node->drain = d;
        return 0;
}

/* Whom polkit admits may end what is its own, so not what is everybody's. */
static int authorize_kill(const Fake *f, hpcnode_cgroup_error *e)
{
        if (f->principal == PRINCIPAL_OTHER)
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "uid %u (other) may not kill what others run; drain the node "
                                    "without that",
                                    (unsigned) f->uid);
        return fake_authorize(f, ACT_KILL, SLICE_WORKLOAD, NULL, NULL, e);
}

static void kill_rest(FakeNode *node)
{
        FakeScope *s;

        TAILQ_FOREACH (s, &node->scopes, scopes)
                if (is_waited_for(s)) {
                        fake_withdraw_tasks_of(s);
                        fake_signal_all(s, NULL, SIGKILL);
                }
}

int fake_drain(void *userdata, const char *reason, int kill, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        _cleanup_(freep) char *why = NULL;
        int r;

        r = fake_begin(node, "drain", ret_error, "%s%s%s", kill ? "kill" : "",
                       kill && *reason ? " " : "", reason);
        if (r >= 0)
                r = fake_authorize(f, ACT_DRAIN, SLICE_WORKLOAD, NULL, NULL, ret_error);
        if (r >= 0 && kill)
                r = authorize_kill(f, ret_error);
        if (r < 0)
                return r;
        r = *reason ? line_check(reason, &why) : 0;
        if (r == -EINVAL)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "the reason %s",
                                    why);
        if (r < 0 || begin(f, reason) < 0)
                return client_oom(ret_error);
        if (kill)
                kill_rest(node);
        return 0;
}

int fake_cancel_drain(void *userdata, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        int r;

        r = fake_begin(node, "cancel_drain", ret_error, "%s", "");
        if (r >= 0)
                r = fake_authorize(f, ACT_DRAIN, SLICE_WORKLOAD, NULL, NULL, ret_error);
        if (r < 0)
                return r;
        node->drain = fake_drain_free(node->drain);
        fake_notify_drain(node, /* cancelled= */ true);
        return 0;
}

int fake_draining(void *userdata, char **ret_reason, uint64_t *ret_since_usec,
                  hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        int r;

        r = fake_begin(node, "draining", ret_error, "%s", "");
        if (r < 0 || !node->drain)
                return r;
        *ret_reason = strdup(node->drain->reason);
        if (!*ret_reason)
                return client_oom(ret_error);
        *ret_since_usec = node->drain->since_usec;
        return 1;
}

/* --- wait_drained --- */

static int refuse_zombies(const FakeNode *node, hpcnode_cgroup_error *e)
{
        const FakeScope *s;

        TAILQ_FOREACH (s, &node->scopes, scopes)
                if (path_owner(s->slice) == OWNER_WORKLOAD && s->state == SCOPE_ZOMBIE)
                        return client_error(e, HPCNODE_CGROUP_ERROR_KILL_FAILED,
                                            "all have ended but %s, a zombie, and maybe others: "
                                            "their processes were killed and are still there",
                                            s->unit);
        return 0;
}

int fake_wait_drained(void *userdata, int cancel_fd, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        int r;

        r = fake_begin(node, "wait_drained", ret_error, "%s", "");
        if (r < 0)
                return r;
        if (!node->drain)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "the node is not being drained; see hpcnode_cgroup_drain()");
        /* What was empty may have been used again before the sleeper was awake. */
        while (any_waited_for(node)) {
                r = fake_sleep_drain(f, cancel_fd, ret_error);
                if (r < 0)
                        return r;
                if (r == 0 || !node->drain)
                        return client_error(ret_error, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                            "the drain was cancelled meanwhile");
        }
        return refuse_zombies(node, ret_error);
}
