/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which scope or task of the fake's a caller means, and whether it may act on it. */
#include "fake.h"

#include "basic/protocol.h"
#include "basic/reason.h"

FakeScope *fake_scope_by_unit(FakeNode *node, const char *unit)
{
        FakeScope *s;

        TAILQ_FOREACH (s, &node->scopes, scopes)
                if (streq(s->unit, unit))
                        return s;
        return NULL;
}

static FakeScope *find_by_path(FakeNode *node, const char *path)
{
        FakeScope *s;

        TAILQ_FOREACH (s, &node->scopes, scopes)
                if (streq(s->path, path))
                        return s;
        return NULL;
}

FakeTask *fake_task_find(const FakeScope *s, const char *name)
{
        FakeTask *t;

        TAILQ_FOREACH (t, &s->tasks, tasks)
                if (streq(t->name, name))
                        return t;
        return NULL;
}

FakeProcess *fake_process_find(const FakeNode *node, uint32_t pid)
{
        FakeProcess *p;

        TAILQ_FOREACH (p, &node->processes, processes)
                if (p->pid == pid)
                        return p;
        return NULL;
}

/* A name, when it fits in one slice only. Of several that have it there the live one is meant, or if there is
 * none the newest. */
static int find_by_name(FakeNode *node, const char *name, FakeScope **ret, hpcnode_cgroup_error *e)
{
        FakeScope *live = NULL, *ended = NULL, *s;

        TAILQ_FOREACH (s, &node->scopes, scopes) {
                bool over = fake_scope_has_ended(s) || s->state == SCOPE_ZOMBIE;
                FakeScope **found = over ? &ended : &live;

                if (!streq(s->name, name))
                        continue;
                if (*found && !streq((*found)->slice, s->slice))
                        return client_error(
                                e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                "\"%s\" is in more than one slice: %s and %s; name the unit", name,
                                (*found)->unit, s->unit);
                *found = s;
        }
        *ret = live ?: ended;
        return 0;
}

static int find_scope(FakeNode *node, const char *text, FakeScope **ret, hpcnode_cgroup_error *e)
{
        const char *suffix = endswith(text, ".scope");
        _cleanup_(freep) char *name = NULL;

        *ret = *text == '/' ? find_by_path(node, text) : fake_scope_by_unit(node, text);
        if (*ret || *text == '/')
                return 0;
        name = suffix ? strndup(text, (size_t) (suffix - text)) : strdup(text);
        return name ? find_by_name(node, name, ret, e) : client_oom(e);
}

/* Of an ended scope that had a main task, which ended as it did. */
static bool is_main_of_record(const FakeScope *s, const char *task)
{
        return fake_scope_has_ended(s) && s->main_pid > 0 && streq(task, TASK_MAIN);
}

static int find(FakeNode *node, const char *text, bool outcome, FakeScope **ret_scope,
                FakeTask **ret_task, hpcnode_cgroup_error *e)
{
        _cleanup_(client_target_done) ClientTarget target = { NULL };
        char quoted[REASON_QUOTE_SIZE];
        FakeScope *s;
        FakeTask *t = NULL;
        int r;

        r = client_target_parse(text, &target, e);
        if (r >= 0)
                r = find_scope(node, target.scope, &s, e);
        if (r < 0)
                return r;
        if (s && target.task)
                t = fake_task_find(s, target.task);
        if (!s || (target.task && !t && !(outcome && is_main_of_record(s, target.task))))
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "there is no scope or task %s", reason_quote(text, quoted));
        *ret_scope = s;
        *ret_task = t;
        return 0;
}

int fake_find(FakeNode *node, const char *text, FakeScope **ret_scope, FakeTask **ret_task,
              hpcnode_cgroup_error *e)
{
        return find(node, text, false, ret_scope, ret_task, e);
}

int fake_find_outcome(FakeNode *node, const char *text, FakeScope **ret_scope, FakeTask **ret_task,
                      hpcnode_cgroup_error *e)
{
        return find(node, text, true, ret_scope, ret_task, e);
}

int fake_authorize(const Fake *f, Act act, const char *slice, const FakeScope *s,
                   bool *ret_by_emergency, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *path = NULL, *where = NULL, *reason = NULL;
        Owner owner = path_owner(s ? s->slice : slice);
        Verdict verdict;
        ErrorKind kind;

        verdict = access_decide(f->principal, f->uid, act, owner, s ? s->uid : UID_INVALID,
                                f->node->emergency);
        if (ret_by_emergency)
                *ret_by_emergency = verdict == VERDICT_BY_EMERGENCY;
        if (act_begins(act) && (verdict == VERDICT_ALLOWED || verdict == VERDICT_ASK))
                return fake_refuse_drained(f->node, s ? s->slice : slice, e);
        if (verdict == VERDICT_ALLOWED || verdict == VERDICT_BY_EMERGENCY || verdict == VERDICT_ASK)
                return 0;
        if (!s && (slice_cgroup_path(slice, &path) < 0 || asprintf(&where, "/%s", path) < 0)) {
                where = NULL;
                return client_oom(e);
        }
        if (access_refuse(verdict, f->principal, f->uid, act, s ? s->path : where, owner, &kind,
                          &reason) < 0)
                return client_oom(e);
        return client_error(e, CODE_OF_KIND(kind), "%s", reason);
}

int fake_find_for(const Fake *f, Act act, const char *text, FakeScope **ret_scope,
                  FakeTask **ret_task, bool *ret_by_emergency, hpcnode_cgroup_error *e)
{
        int r;

        r = fake_find(f->node, text, ret_scope, ret_task, e);
        return r < 0 ? r : fake_authorize(f, act, NULL, *ret_scope, ret_by_emergency, e);
}

int fake_find_scope_for(const Fake *f, Act act, const char *text, FakeScope **ret,
                        hpcnode_cgroup_error *e)
{
        FakeTask *t;
        int r;

        r = fake_find_for(f, act, text, ret, &t, NULL, e);
        if (r >= 0 && t)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s/%s is a task; name its scope", (*ret)->name, t->name);
        return r;
}

int fake_find_for_task(const Fake *f, Act act, const char *scope, FakeScope **ret,
                       hpcnode_cgroup_error *e)
{
        FakeScope *s;
        FakeTask *t;
        int r;

        r = fake_find(f->node, scope, &s, &t, e);
        if (r < 0)
                return r;
        if (t)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "%s/%s is a task; name its scope", s->name, t->name);
        r = fake_authorize(f, act, NULL, s, NULL, e);
        if (r >= 0)
                *ret = s;
        return r;
}

int fake_refuse_zombie(const FakeScope *s, hpcnode_cgroup_error *e)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_SCOPE_ZOMBIE,
                            "%s is a zombie: its processes were killed and have not ended yet; the "
                            "name %s may be used anew",
                            s->unit, s->name);
}

int fake_check_startable(const FakeScope *s, const char *task, hpcnode_cgroup_error *e)
{
        const FakeTask *t = fake_task_find(s, task);

        if (s->state == SCOPE_FROZEN)
                return client_error(e, HPCNODE_CGROUP_ERROR_CREATION_FAILED,
                                    "%s is frozen, a task could not start in it; thaw it first",
                                    s->name);
        if (s->state == SCOPE_ZOMBIE)
                return fake_refuse_zombie(s, e);
        if (fake_scope_has_ended(s))
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "%s (%s) is %s: no task can be started in it", s->name, s->unit,
                                    fake_scope_state(s));
        if (t && fake_task_has_cgroup(t))
                return client_error(e, HPCNODE_CGROUP_ERROR_ALREADY_EXISTS, "%s/%s is in use (%s)",
                                    s->name, task, fake_task_state(t));
        return 0;
}
