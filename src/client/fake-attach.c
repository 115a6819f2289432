/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that there are in the fake become a task of a scope: attach and move_tasks. */
#include "fake.h"

#include "basic/attach.h"
#include <stdio.h>

static const char *where(const FakeProcess *p)
{
        return p->task ? p->task->scope->path : p->cgroup;
}

static int check_tree(const FakeProcess *p, const FakeScope *to, hpcnode_cgroup_error *e)
{
        Owner from = path_owner(where(p)), owner = path_owner(to->slice);

        if (from == OWNER_NONE || from == owner)
                return 0;
        return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                            "process %u is in %s, which belongs to %s: it cannot go to %s, which "
                            "belongs to %s",
                            p->pid, where(p), owner_to_string(from), to->name,
                            owner_to_string(owner));
}

/* Whom only polkit admits takes what is in his own scopes or sessions, and a system what is in its tree or in
 * neither. */
static int check_home(const Fake *f, const FakeProcess *p, hpcnode_cgroup_error *e)
{
        char session[64];
        Verdict verdict;

        (void) snprintf(session, sizeof session, "/user.slice/user-%u.slice/", (unsigned) f->uid);
        if (path_owner(where(p)) == OWNER_NONE) {
                if (f->principal != PRINCIPAL_OTHER || startswith(where(p), session))
                        return 0;
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "process %u (in %s) is in no session of the caller's", p->pid,
                                    where(p));
        }
        verdict = access_decide(f->principal, f->uid, ACT_ATTACH, path_owner(where(p)),
                                p->task ? p->task->scope->uid : UID_INVALID, false);
        if (verdict == VERDICT_ALLOWED || (verdict == VERDICT_ASK && p->task))
                return 0;
        return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                            "process %u (in %s) is in a scope of somebody else's", p->pid,
                            where(p));
}

static int check_process(const Fake *f, uint32_t pid, const FakeScope *to, hpcnode_cgroup_error *e)
{
        FakeProcess *p = fake_process_find(f->node, pid);
        int r;

        if (pid == 1)
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "process 1 is the service manager, which stays where it is");
        if (!p)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND, "there is no process %u",
                                    pid);
        r = check_tree(p, to, e);
        if (r < 0)
                return r;
        if (p->task && p->task->pid == pid)
                return client_error(e, HPCNODE_CGROUP_ERROR_ALREADY_EXISTS,
                                    "process %u is the task %s/%s already", pid,
                                    p->task->scope->name, p->task->name);
        if (f->uid != 0 && p->uid != f->uid)
                return client_error(e, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                    "process %u is uid %u's: uid %u may attach only its own", pid,
                                    (unsigned) p->uid, (unsigned) f->uid);
        return check_home(f, p, e);
}

static int check_pids(const uint32_t *pids, size_t n, hpcnode_cgroup_error *e)
{
        if (n == 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "no process is named");
        if (n > ATTACH_PIDS_MAX)
                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "more than %d processes cannot be attached at once",
                                    ATTACH_PIDS_MAX);
        for (size_t i = 0; i < n; i++) {
                if (pids[i] == 0 || pids[i] > INT32_MAX)
                        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "%u is not a pid",
                                            pids[i]);
                for (size_t k = 0; k < i; k++)
                        if (pids[k] == pids[i])
                                return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                                    "process %u is named twice", pids[i]);
        }
        return 0;
}

/* Of a caller who may, to a task that can be started there. */
static int attach(const Fake *f, const char *scope, const char *task, const uint32_t *pids,
                  size_t n_pids, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *name = NULL;
        FakeScope *s;
        FakeTask *t;
        int r;

        r = client_check_task_name(task, &name, e);
        if (r >= 0)
                r = fake_find_for_task(f, ACT_ATTACH, scope, &s, e);
        if (r >= 0)
                r = check_pids(pids, n_pids, e);
        if (r >= 0)
                r = fake_check_startable(s, name, e);
        for (size_t i = 0; r >= 0 && i < n_pids; i++)
                r = check_process(f, pids[i], s, e);
        if (r < 0)
                return r;
        t = fake_task_new(s, name, pids[0]);
        if (!t)
                return client_oom(e);
        for (size_t i = 0; i < n_pids; i++)
                fake_process_move(fake_process_find(f->node, pids[i]), t);
        return 0;
}

int fake_attach(void *userdata, const char *scope, const char *task, const uint32_t *pids,
                size_t n_pids, hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        FakeArguments a = { .first = scope, .second = task, .pids = pids, .n_pids = n_pids };
        int r;

        r = fake_begin_with(node, "attach", &a, ret_error);
        return r < 0 ? r : attach(f, scope, task, pids, n_pids, ret_error);
}

/* --- move_tasks --- */

/* Those in a cgroup, and in what is below it. */
static int find_pids(FakeNode *node, const char *path, uint32_t **ret, size_t *ret_n)
{
        _cleanup_(freep) uint32_t *pids = NULL;
        const FakeProcess *p;
        size_t n = 0;

        TAILQ_FOREACH (p, &node->processes, processes)
                n++;
        pids = calloc(n + 1, sizeof(*pids));
        if (!pids)
                return -ENOMEM;
        n = 0;
        TAILQ_FOREACH (p, &node->processes, processes) {
                int r = fake_process_is_below(p, path);

                if (r < 0)
                        return r;
                if (r > 0)
                        pids[n++] = p->pid;
        }
        *ret = TAKE_PTR(pids);
        *ret_n = n;
        return 0;
}

int fake_move_tasks(void *userdata, const char *from, const char *scope, const char *task,
                    hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        _cleanup_(freep) char *path = NULL, *reason = NULL;
        _cleanup_(freep) uint32_t *pids = NULL;
        size_t n_pids;
        int r;

        r = fake_begin(node, "move_tasks", ret_error, "%s %s %s", from, scope, task);
        if (r < 0)
                return r;
        r = cgroup_path_parse(from, &path, &reason);
        if (r < 0)
                return client_error_refused(ret_error, r, reason, strerror(-r));
        r = fake_cgroup_exists(node, path);
        if (r == 0)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_NOT_FOUND,
                                    "there is no cgroup /%s", path);
        if (r > 0)
                r = find_pids(node, path, &pids, &n_pids);
        return r < 0 ? client_oom(ret_error) : attach(f, scope, task, pids, n_pids, ret_error);
}
