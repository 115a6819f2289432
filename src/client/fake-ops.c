/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of the fake on what there is, and the table of all of them. */
#include "fake.h"

#include "basic/protocol.h"
#include <signal.h>

static int fake_create_hierarchy(void *userdata, char ***ret_slices,
                                 hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        _cleanup_(hpcnode_cgroup_strings_freep) char **slices = NULL;
        size_t n = 0;
        int r;

        r = fake_begin(node, "create_hierarchy", ret_error, "%s", "");
        if (r < 0)
                return r;
        while (hierarchy_slices[n])
                n++;
        slices = calloc(n + 1, sizeof(char *));
        if (!slices)
                return client_oom(ret_error);
        for (size_t i = 0; i < n; i++) {
                slices[i] = strdup(hierarchy_slices[i]);
                if (!slices[i])
                        return client_oom(ret_error);
        }
        *ret_slices = TAKE_PTR(slices);
        return 0;
}

static int fake_destroy_scope(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        FakeScope *s;
        int r;

        r = fake_begin(node, "destroy_scope", ret_error, "%s", scope);
        if (r >= 0)
                r = fake_find_scope_for(f, ACT_DESTROY, scope, &s, ret_error);
        if (r < 0 || fake_scope_has_ended(s))
                return r;
        fake_scope_release(s);
        if (s->state != SCOPE_ZOMBIE)
                return 0;
        return client_error(ret_error, HPCNODE_CGROUP_ERROR_KILL_FAILED,
                            "%s: killed, and still there: %u processes; %s is a zombie until they "
                            "end",
                            s->path, fake_count(s, NULL), s->unit);
}

static int fake_is_scope_empty(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_begin(node, "is_scope_empty", ret_error, "%s", scope);
        if (r >= 0)
                r = fake_find_outcome(node, scope, &s, &t, ret_error);
        if (r < 0)
                return r;
        return t ? fake_task_is_over(t) : fake_count(s, NULL) == 0;
}

static int fake_slice_owner(void *userdata, const char *path, char **ret_owner,
                            hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(userdata);
        _cleanup_(freep) char *parsed = NULL, *reason = NULL;
        char *owner;
        int r;

        r = fake_begin(node, "slice_owner", ret_error, "%s", path);
        if (r < 0)
                return r;
        if (!*path)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "the path is empty");
        r = cgroup_path_parse(path, &parsed, &reason);
        if (r == -EINVAL)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "%s",
                                    reason ?: "the path is not allowed");
        owner = r < 0 ? NULL : strdup(owner_to_string(path_owner(path)));
        if (!owner)
                return client_oom(ret_error);
        *ret_owner = owner;
        return 0;
}

/* --- limits --- */

static int change_limits(FakeScope *s, const Limits *changes, hpcnode_cgroup_error *e)
{
        _cleanup_(limits_done) Limits merged = { 0 };
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = limits_check_merged(&s->limits, changes, &merged, &reason);
        if (r < 0)
                return client_error_refused(e, r, reason, "the limits do not go together");
        limits_done(&s->limits);
        s->limits = merged;
        merged = (Limits){ 0 };
        return 0;
}

/* Of the limits of disks the later one counts. */
static int change_task_limits(FakeTask *t, const Limits *changes, hpcnode_cgroup_error *e)
{
        int r;

        if (t->ended)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "%s/%s is %s: it has no limits to change", t->scope->name,
                                    t->name, fake_task_state(t));
        r = client_check_task_limits(changes, false, true, e);
        if (r < 0)
                return r;
        return limits_merge(&t->limits, changes) < 0 ? client_oom(e) : 0;
}

static int refuse_ended(const FakeScope *s, hpcnode_cgroup_error *e)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                            "%s has ended (%s); only its record is left", s->name,
                            fake_scope_state(s));
}

static int fake_set_limits(void *userdata, const char *scope, const hpcnode_cgroup_limits *limits,
                           hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_begin_with(node, "set_limits",
                            &(FakeArguments){ .first = scope, .limits = limits }, ret_error);
        if (r >= 0)
                r = client_check_settings(limits, NULL, 0, true, ret_error);
        if (r >= 0)
                r = fake_find_for(f, ACT_LIMITS, scope, &s, &t, NULL, ret_error);
        if (r < 0)
                return r;
        if (fake_scope_has_ended(s))
                return refuse_ended(s, ret_error);
        if (s->state == SCOPE_ZOMBIE)
                return fake_refuse_zombie(s, ret_error);
        if (!limits || !limits_any(&limits->limits))
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "no limit is given");
        if (t)
                return change_task_limits(t, &limits->limits, ret_error);
        return change_limits(s, &limits->limits, ret_error);
}

/* --- freeze, thaw, kill --- */

static int freeze_or_thaw(Fake *f, const char *scope, bool freeze, hpcnode_cgroup_error *e)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        const char *done = freeze ? "frozen" : "thawed";
        bool by_emergency;
        FakeScope *s;
        FakeTask *t;
        unsigned by;
        int r;

        r = fake_begin(node, freeze ? "freeze" : "thaw", e, "%s", scope);
        if (r >= 0)
                r = fake_find_for(f, freeze ? ACT_FREEZE : ACT_THAW, scope, &s, &t, &by_emergency,
                                  e);
        if (r < 0)
                return r;
        if (s->state == SCOPE_ZOMBIE)
                return fake_refuse_zombie(s, e);
        if (t && (t->ended || t->opener))
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "%s/%s is %s: it cannot be %s", s->name, t->name,
                                    fake_task_state(t), done);
        if (fake_scope_has_ended(s))
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND, "%s is %s: it cannot be %s",
                                    s->name, fake_scope_state(s), done);
        if (t && !freeze && s->frozen_by)
                return client_error(e, HPCNODE_CGROUP_ERROR_IO,
                                    "%s/%s: the whole scope is frozen; thaw %s first, and then the "
                                    "task if it still is",
                                    s->name, t->name, s->name);
        by = by_emergency ? FAKE_FROZEN_BY_EMERGENCY : FAKE_FROZEN_BY_CLIENT;
        if (t)
                fake_task_freeze(t, freeze);
        else
                fake_scope_freeze(s, freeze ? s->frozen_by | by : 0);
        return 0;
}

static int fake_freeze(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return freeze_or_thaw(userdata, scope, true, ret_error);
}

static int fake_thaw(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        return freeze_or_thaw(userdata, scope, false, ret_error);
}

static int refuse_ended_task(hpcnode_cgroup_error *e)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND, "the task has ended already");
}

/* To all; or to the task's own process: without a task named main gets it, as the one that answers for the job,
 * and without main everything. */
static int send_signal(FakeScope *s, FakeTask *t, bool all, int signal, hpcnode_cgroup_error *e)
{
        if (t && !fake_task_has_cgroup(t))
                return refuse_ended_task(e);
        if (all || signal == SIGKILL) {
                fake_signal_all(s, t, signal);
                return 0;
        }
        if (!t) {
                t = fake_task_find(s, TASK_MAIN);
                if (!t || t->ended || t->opener) {
                        fake_signal_all(s, NULL, signal);
                        return 0;
                }
        }
        if (t->ended)
                return refuse_ended_task(e);
        fake_signal(s->node, fake_process_find(s->node, t->pid), signal);
        return 0;
}

static int signal_scope(Fake *f, const char *operation, const char *scope, bool all, int signal,
                        hpcnode_cgroup_error *ret_error)
{
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_begin(node, operation, ret_error, "%s %d", scope, signal);
        if (r >= 0)
                r = fake_find_for(f, ACT_KILL, scope, &s, &t, NULL, ret_error);
        if (r < 0)
                return r;
        if (signal < 1 || signal > SIGRTMAX)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "signal %d is out of range: 1 to %d are allowed", signal,
                                    SIGRTMAX);
        if (fake_scope_has_ended(s))
                return refuse_ended(s, ret_error);
        if (s->state == SCOPE_ZOMBIE)
                return fake_refuse_zombie(s, ret_error);
        if (t && t->opener && signal != SIGKILL)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "%s/%s is %s: no process is in it yet; only SIGKILL (9) can be "
                                    "sent, which takes it back",
                                    s->name, t->name, fake_task_state(t));
        if (t && t->opener) {
                fake_task_withdraw(t);
                return 0;
        }
        return send_signal(s, t, all, signal, ret_error);
}

static int fake_kill(void *userdata, const char *scope, int signal, hpcnode_cgroup_error *ret_error)
{
        return signal_scope(userdata, "kill", scope, false, signal, ret_error);
}

static int fake_kill_all(void *userdata, const char *scope, int signal,
                         hpcnode_cgroup_error *ret_error)
{
        return signal_scope(userdata, "kill_all", scope, true, signal, ret_error);
}

/* --- the rest --- */

static int fake_remove(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        FakeScope *s;
        int r;

        r = fake_begin(node, "remove", ret_error, "%s", scope);
        if (r >= 0)
                r = fake_find_scope_for(f, ACT_REMOVE, scope, &s, ret_error);
        if (r < 0)
                return r;
        if (s->state == SCOPE_ZOMBIE)
                return fake_refuse_zombie(s, ret_error);
        if (!fake_scope_has_ended(s))
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_NOT_EMPTY,
                                    "%s is still running (%s); kill or destroy it first", s->name,
                                    fake_scope_state(s));
        fake_scope_free(s);
        return 0;
}

static int fake_who_am_i(void *userdata, char **ret_principal, uint32_t *ret_uid, char **ret_unit,
                         hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        _cleanup_(freep) char *principal = NULL, *unit = NULL;
        int r;

        r = fake_begin(node, "who_am_i", ret_error, "%s", "");
        if (r < 0)
                return r;
        principal = strdup(principal_to_string(f->principal));
        unit = strdup("");
        if (!principal || !unit)
                return client_oom(ret_error);
        *ret_principal = TAKE_PTR(principal);
        *ret_uid = f->uid;
        *ret_unit = TAKE_PTR(unit);
        return 0;
}

static void fake_close(void *userdata)
{
        fake_free(userdata);
}

const hpcnode_cgroup_ops fake_ops = {
        .size = sizeof(hpcnode_cgroup_ops),
        .create_hierarchy = fake_create_hierarchy,
        .create_scope = fake_create_scope,
        .destroy_scope = fake_destroy_scope,
        .read_metrics = fake_read_metrics,
        .is_scope_empty = fake_is_scope_empty,
        .slice_owner = fake_slice_owner,
        .run = fake_run,
        .spawn = fake_spawn,
        .attach = fake_attach,
        .move_tasks = fake_move_tasks,
        .open_scope = fake_open_scope,
        .set_limits = fake_set_limits,
        .freeze = fake_freeze,
        .thaw = fake_thaw,
        .kill = fake_kill,
        .wait = fake_wait,
        .remove = fake_remove,
        .list = fake_list,
        .inspect = fake_inspect,
        .list_tasks = fake_list_tasks,
        .inspect_list = fake_inspect_list,
        .who_am_i = fake_who_am_i,
        .free = fake_close,
        .kill_all = fake_kill_all,
        .drain = fake_drain,
        .wait_drained = fake_wait_drained,
        .cancel_drain = fake_cancel_drain,
        .draining = fake_draining,
};
