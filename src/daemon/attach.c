/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that a caller wants in a scope: found, held, and checked against the rules. */
#include "daemon/attach.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "basic/process-status.h"
#include "basic/process.h"
#include "basic/reason.h"
#include "daemon/scope.h"

#include <inttypes.h>

Attach *attach_free(Attach *a)
{
        if (!a)
                return NULL;
        attachees_done(a->list, a->n);
        for (size_t i = 0; i < a->n; i++)
                free(a->from[i]);
        free(a);
        return NULL;
}

static int add_pid(Attach *a, uint32_t pid, sd_bus_error *error)
{
        if (pid == 0 || pid > INT32_MAX)
                return error_set(error, ERROR_INVALID_ARGS, "%" PRIu32 " is not a pid", pid);
        if (a->n == ATTACH_PIDS_MAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "more than %d processes cannot be attached at once",
                                 ATTACH_PIDS_MAX);
        for (size_t i = 0; i < a->n; i++)
                if (a->list[i].pid == (pid_t) pid)
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "process %" PRIu32 " is named twice", pid);
        a->list[a->n++] = (Attachee){ .pid = (pid_t) pid, .pidfd = -EBADF, .origin = -EBADF };
        return 0;
}

int attach_read(sd_bus_message *message, Attach **ret, sd_bus_error *error)
{
        _cleanup_(attach_freep) Attach *a = calloc(1, sizeof *a);
        uint32_t pid;
        int r;

        if (!a)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, 'a', "u");
        while (r >= 0 && (r = sd_bus_message_read(message, "u", &pid)) > 0)
                r = add_pid(a, pid, error);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        if (a->n == 0)
                return error_set(error, ERROR_INVALID_ARGS, "no process is named");
        *ret = TAKE_PTR(a);
        return 0;
}

/* --- the rules --- */

typedef struct Candidate {
        const Scope *scope; /* where it is to go */
        const Call *call;
        pid_t pid;
        ProcessStatus status;
        const char *cgroup; /* where it is, as the kernel has it */
        const char *path;   /* the same in the tree of our service manager; NULL outside of it */
        const Scope *home;  /* a scope of ours that it is in, or NULL */
} Candidate;

static bool is_privileged(const Candidate *c)
{
        return c->call->uid == 0 && !c->call->manager->user;
}

static int refuse(const Candidate *c, sd_bus_error *error, const char *reason)
{
        char quoted[REASON_QUOTE_SIZE];

        return error_set(error, ERROR_PERMISSION_DENIED, "process %d (in %s) %s", (int) c->pid,
                         reason_quote(c->cgroup, quoted), reason);
}

static int check_alive(const Candidate *c, sd_bus_error *error)
{
        if (c->status.state == 'Z' || c->status.state == 'X')
                return error_set(error, ERROR_NOT_FOUND, "process %d has ended", (int) c->pid);
        return 0;
}

static int check_service_manager(const Candidate *c, sd_bus_error *error)
{
        if (c->pid == 1 || (c->path && streq(c->path, "/init.scope")))
                return refuse(c, error, "is the service manager, which stays where it is");
        return 0;
}

static int check_kernel(const Candidate *c, sd_bus_error *error)
{
        return process_is_kernel_thread(c->pid) ? refuse(c, error, "is a thread of the kernel") : 0;
}

/* The daemon, and what it has just started: supervisors that are to be moved by PID 1, look-ups of users. */
static int check_daemon(const Candidate *c, sd_bus_error *error)
{
        if (c->pid == getpid() || c->status.parent == getpid())
                return refuse(c, error, "is hpcnode-cgroupd's own");
        return 0;
}

/* Of any scope, also one of another daemon: of a user, or of a container. */
static int check_supervisor(const Candidate *c, sd_bus_error *error)
{
        bool directly = c->home && c->home->path && streq(c->home->path, c->cgroup);

        if (directly || endswith(c->cgroup, ".scope/supervisor"))
                return refuse(c, error, "is the supervisor of a scope");
        return 0;
}

static int check_tree(const Candidate *c, sd_bus_error *error)
{
        Owner from = path_owner(c->path ?: ""), to = path_owner(c->scope->slice);
        char quoted[REASON_QUOTE_SIZE];

        if (from == OWNER_NONE || from == to)
                return 0;
        return error_set(error, ERROR_PERMISSION_DENIED,
                         "process %d is in %s, which belongs to %s: it cannot go to %s, which "
                         "belongs to %s",
                         (int) c->pid, reason_quote(c->cgroup, quoted), owner_to_string(from),
                         c->scope->name, owner_to_string(to));
}

/* Its end is told by the supervisor that it has. */
static int check_task(const Candidate *c, sd_bus_error *error)
{
        for (const Task *t = c->home ? c->home->tasks : NULL; t; t = t->hh.next)
                if (!task_is_over(t) && t->pid == c->pid)
                        return error_set(error, ERROR_ALREADY_EXISTS,
                                         "process %d is the task %s/%s already", (int) c->pid,
                                         c->home->name, t->name);
        return 0;
}

/* In another user namespace capabilities are worth nothing outside of it. */
static bool has_more_capabilities(const Candidate *c)
{
        ProcessStatus caller;

        if (c->status.permitted == 0 || process_same_namespace(0, c->pid, "user") == 0)
                return false;
        return c->call->pid <= 0 || process_status(c->call->pid, &caller) < 0 ||
               (c->status.permitted & ~caller.permitted) != 0;
}

/* All of its ids are the same, and the caller's: not those of a set-user-ID or set-group-ID program. */
static int check_identity(const Candidate *c, sd_bus_error *error)
{
        const ProcessStatus *p = &c->status;

        if (is_privileged(c))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(p->uids); i++)
                if (p->uids[i] != c->call->uid)
                        return error_set(error, ERROR_PERMISSION_DENIED,
                                         "process %d is uid %u's: uid %u may attach only its own",
                                         (int) c->pid, (unsigned) p->uids[i],
                                         (unsigned) c->call->uid);
        for (size_t i = 1; i < ELEMENTSOF(p->gids); i++)
                if (p->gids[i] != p->gids[0])
                        return refuse(c, error, "runs a set-group-ID program");
        if (has_more_capabilities(c))
                return refuse(c, error, "has capabilities that the caller has not");
        return 0;
}

static bool is_in_own_session(const Candidate *c)
{
        char slice[64];

        (void) snprintf(slice, sizeof slice, "/user.slice/user-%u.slice/", (unsigned) c->call->uid);
        return c->path && startswith(c->path, slice);
}

/* Not from under somebody else's limits: whom only polkit admits takes what is in its own scopes or sessions,
 * and a system what is in its tree or in neither. */
static int check_home(const Candidate *c, sd_bus_error *error)
{
        Owner owner = path_owner(c->path ?: "");
        Verdict verdict;

        if (owner == OWNER_NONE) {
                if (c->call->principal != PRINCIPAL_OTHER || is_in_own_session(c))
                        return 0;
                return refuse(c, error, "is in no session of the caller's");
        }
        verdict = access_decide(c->call->principal, c->call->uid, ACT_ATTACH, owner,
                                c->home ? c->home->uid : UID_INVALID, false);
        if (verdict == VERDICT_ALLOWED || (verdict == VERDICT_ASK && c->home))
                return 0;
        return refuse(c, error, "is in a scope of somebody else's");
}

/* In this order: what is said first is what cannot be changed. */
static int (*const rules[])(const Candidate *c, sd_bus_error *error) = {
        check_service_manager,
        check_kernel,
        check_daemon,
        check_supervisor,
        check_alive,
        check_tree,
        check_task,
        check_identity,
        check_home,
};

/* --- finding --- */

static const Scope *find_home(const Manager *m, const char *cgroup)
{
        for (const Scope *s = m->scopes; s; s = s->hh.next) {
                const char *rest =
                        s->path && !scope_has_ended(s) ? startswith(cgroup, s->path) : NULL;

                if (rest && (*rest == '\0' || *rest == '/'))
                        return s;
        }
        return NULL;
}

static int refuse_gone(pid_t pid, sd_bus_error *error)
{
        return error_set(error, ERROR_NOT_FOUND, "there is no process %d", (int) pid);
}

/* First the pidfd, then everything else: whoever is still itself afterwards was it all along. */
static int open_candidate(Attachee *a, char **ret_cgroup, ProcessStatus *ret_status,
                          sd_bus_error *error)
{
        int r;

        a->pidfd = pidfd_open_process(a->pid);
        if (a->pidfd == -ESRCH)
                return refuse_gone(a->pid, error);
        if (a->pidfd == -EINVAL || a->pidfd == -ENOENT) /* it leads no process */
                return error_set(error, ERROR_INVALID_ARGS,
                                 "%d is a thread of a process; name the process", (int) a->pid);
        if (a->pidfd < 0)
                return a->pidfd;
        r = process_status(a->pid, ret_status);
        if (r >= 0)
                r = process_cgroup(a->pid, ret_cgroup);
        if (r == -ESRCH || pidfd_signal(a->pidfd, 0) == -ESRCH)
                return refuse_gone(a->pid, error);
        return r;
}

static int open_origin(const Manager *m, Attachee *a, const char *cgroup, sd_bus_error *error)
{
        char quoted[REASON_QUOTE_SIZE];

        a->origin = cgroup_open(m->cgroup_fd, cgroup[1] ? cgroup + 1 : ".");
        if (a->origin >= 0)
                return 0;
        return error_set(error, ERROR_IO, "the cgroup %s of process %d: %s",
                         reason_quote(cgroup, quoted), (int) a->pid, strerror(-a->origin));
}

static int check_one(Attach *a, size_t i, const Scope *s, const Call *call, sd_bus_error *error)
{
        const Manager *m = s->manager;
        Candidate c = { .scope = s, .call = call, .pid = a->list[i].pid };
        int r;

        r = open_candidate(a->list + i, &a->from[i], &c.status, error);
        if (r < 0)
                return r;
        c.cgroup = a->from[i];
        c.home = find_home(m, c.cgroup);
        /* "/user.slice/…/user@1000.service/init.scope" is "/init.scope" there. */
        c.path = startswith(c.cgroup + 1, m->cgroup_prefix);
        if (c.path)
                c.path--;
        for (size_t k = 0; k < ELEMENTSOF(rules); k++) {
                r = rules[k](&c, error);
                if (r < 0)
                        return r;
        }
        return open_origin(m, a->list + i, c.cgroup, error);
}

/* Migrations are not kept from going beyond pids.max by the kernel. */
static int check_room(const Scope *s, uint64_t threads, sd_bus_error *error)
{
        uint64_t current, max;

        if (cgroup_read_u64(s->payload_fd, "pids.current", &current) < 0 ||
            cgroup_read_u64(s->payload_fd, "pids.max", &max) < 0 || max == UINT64_MAX ||
            current + threads <= max)
                return 0;
        return error_set(error, ERROR_LIMITS_EXCEEDED,
                         "%s has %" PRIu64 " of %" PRIu64 " tasks (TasksMax): %" PRIu64
                         " more do not go into it",
                         s->name, current, max, threads);
}

int attach_check(Attach *a, const Scope *s, const Call *call, sd_bus_error *error)
{
        uint64_t threads = 0;
        int r;

        if (call->pid > 0 && process_same_namespace(0, call->pid, "pid") == 0)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "the caller (pid %d here) is in another pid namespace: its pids "
                                 "are other processes here",
                                 (int) call->pid);
        for (size_t i = 0; i < a->n; i++) {
                ProcessStatus status;

                r = check_one(a, i, s, call, error);
                if (r < 0)
                        return r;
                if (process_status(a->list[i].pid, &status) >= 0)
                        threads += status.threads;
        }
        return check_room(s, threads, error);
}

/* --- what went wrong afterwards --- */

int attach_error(const Attach *a, const char *what, const SupervisorAnswer *answer,
                 sd_bus_error *error)
{
        const char *rest = answer->reason ?: "nothing was moved";
        int pid = answer->pid;

        if (answer->r == -ETIMEDOUT)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s: the scope's supervisor did not answer in time", what);
        if (answer->r != -EREMOTEIO)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s: the scope's supervisor has ended; %zu processes stay where "
                                 "they were",
                                 what, a->n);
        if (pid > 0 && answer->error == ESRCH)
                return error_set(error, ERROR_NOT_FOUND, "process %d has ended meanwhile; %s", pid,
                                 rest);
        if (pid > 0 && answer->error == ESTALE)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "process %d has been moved to another cgroup meanwhile; %s", pid,
                                 rest);
        if (pid > 0)
                return error_set(error,
                                 answer->error == EACCES ? ERROR_PERMISSION_DENIED
                                                         : ERROR_CREATION_FAILED,
                                 "process %d cannot be moved to %s: %s (errno %d); %s", pid, what,
                                 strerror(answer->error), answer->error, rest);
        if (answer->error == EEXIST)
                return error_set(error, ERROR_ALREADY_EXISTS, "%s is in use: %s", what, rest);
        return error_set(error, ERROR_CREATION_FAILED, "%s: %s (errno %d); %s", what,
                         strerror(answer->error), answer->error, rest);
}
