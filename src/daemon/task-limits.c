/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limits of a task: the files of its leaf, which alone know them. They are changed in a process of its own, since
 * the kernel may first have to take memory from the task, and that lasts. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "basic/process.h"
#include "daemon/child.h"
#include "daemon/record.h"
#include "daemon/usage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>

/* Short enough that the call is answered before a bus client gives up at 25 s. */
#define CHANGE_TIMEOUT_USEC (20 * USEC_PER_SEC)

/* What the process says at its end, in one write. */
typedef struct ChangeAnswer {
        int32_t r;
        char reason[512];
} ChangeAnswer;

typedef struct TaskChange {
        Manager *manager;
        char *unit, *task;
        uint64_t start_usec; /* of that run of the task; 0: it was open */
        Limits changes;
        Call *call;
        Usage *usage; /* whose change it is */
        pid_t pid;
        int fd;
        sd_event_source *io, *deadline;
} TaskChange;

static TaskChange *task_change_free(TaskChange *c)
{
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->deadline);
        safe_close(c->fd);
        limits_done(&c->changes);
        usage_end_change(c->usage);
        call_free(c->call);
        free(c->unit);
        free(c->task);
        free(c);
        return NULL;
}

DEFINE_CLEANUP(TaskChange *, task_change_free);

static int leaf_of(const Task *t)
{
        return t->scope->payload_fd < 0 ? -ENOENT : cgroup_open(t->scope->payload_fd, t->name);
}

int task_limits(const Task *t, Limits *ret)
{
        _cleanup_(closep) int leaf = task_is_over(t) ? -EBADF : leaf_of(t);

        if (leaf >= 0)
                return limits_of_leaf(leaf, ret);
        *ret = (Limits){};
        return 0;
}

static void finish(TaskChange *change, int r, const char *reason)
{
        _cleanup_(task_change_freep) TaskChange *c = change;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Scope *s = scope_by_unit(c->manager, c->unit);
        Task *t = s && scope_is_live(s) ? task_find(s, c->task) : NULL;

        if (!t || task_is_over(t) || (c->start_usec > 0 && t->start_usec != c->start_usec)) {
                error_set(&error, ERROR_NOT_FOUND, "%s/%s has ended meanwhile", c->unit, c->task);
                call_fail(TAKE_PTR(c->call), 0, &error);
                return;
        }
        if (r < 0) {
                error_set(&error, ERROR_IO, "%s/%s: %s", s->name, t->name, reason);
                call_fail(TAKE_PTR(c->call), 0, &error);
                return;
        }
        record_limits(s, t->name, &c->changes, c->call);
        task_emit_limits(t);
        call_reply(TAKE_PTR(c->call), "");
}

static int on_answer(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        ChangeAnswer answer;
        ssize_t n = read(fd, &answer, sizeof answer);

        if (n == (ssize_t) sizeof answer)
                finish(userdata, answer.r, answer.reason);
        else
                finish(userdata, -EIO,
                       "the process that sets the limits was ended; what of them is in force is "
                       "seen by `hpcnode-ctl inspect`");
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        TaskChange *c = userdata;

        (void) kill(c->pid, SIGKILL);
        finish(c, -ETIMEDOUT,
               "the kernel has not set the limits in 20 s; what of them is in force is seen by "
               "`hpcnode-ctl inspect`");
        return 0;
}

/* It is reaped whenever it goes, also if that is long after the answer. */
static int on_reaped(sd_event_source *source, const siginfo_t *si, void *userdata)
{
        (void) sd_event_source_set_floating(source, false); /* the last reference */
        return 0;
}

static int let_reap(Manager *m, pid_t pid)
{
        sd_event_source *source;
        int r;

        r = sd_event_add_child(m->event, &source, pid, WEXITED, on_reaped, NULL);
        if (r < 0)
                return r;
        (void) sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
        return 0;
}

/* --- the process --- */

/* One after the other. The lock is on a file that nobody else can open, where the kernel has it (5.14): a directory can
 * be locked by whoever reads it, and then no limit could be set. */
static int lock(int leaf)
{
        int fd = openat(leaf, "cgroup.kill", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) flock(fd, LOCK_EX);
        return fd;
}

_Noreturn static void write_limits(const Limits *changes, int leaf, int fd)
{
        _cleanup_(freep) char *reason = NULL;
        ChangeAnswer answer = {};
        int keep[] = { leaf, fd };

        close_all_but(keep, ELEMENTSOF(keep));
        (void) lock(leaf); /* until the end of this process */
        answer.r = limits_write(changes, leaf, &reason);
        if (answer.r < 0)
                (void) snprintf(answer.reason, sizeof answer.reason, "%s; the limits are as before",
                                reason ?: strerror(-answer.r));
        (void) !write(fd, &answer, sizeof answer);
        _exit(EXIT_SUCCESS);
}

static int start(TaskChange *c, int leaf)
{
        _cleanup_(closep) int answer = -EBADF;
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        c->fd = fds[0];
        answer = fds[1];
        c->pid = child_fork();
        if (c->pid < 0)
                return c->pid;
        if (c->pid == 0)
                write_limits(&c->changes, leaf, answer);
        r = let_reap(c->manager, c->pid);
        if (r >= 0)
                r = sd_event_add_io(c->manager->event, &c->io, c->fd, EPOLLIN, on_answer, c);
        if (r >= 0)
                r = sd_event_add_time_relative(c->manager->event, &c->deadline, CLOCK_MONOTONIC,
                                               CHANGE_TIMEOUT_USEC, 0, on_deadline, c);
        if (r < 0)
                (void) kill(c->pid, SIGKILL);
        return r;
}

int task_set_limits(Task *t, Limits *changes, Call *call, sd_bus_error *error)
{
        _cleanup_(task_change_freep) TaskChange *c = NULL;
        _cleanup_(closep) int leaf = -EBADF;
        Scope *s = t->scope;
        int r;

        if (!limits_any(changes))
                return error_set(error, ERROR_INVALID_ARGS, "no limit is given");
        leaf = t->ended || t->starting || !scope_is_live(s) ? -ENOENT : leaf_of(t);
        if (leaf < 0)
                return error_set(error, ERROR_NOT_FOUND, "%s/%s is %s: it has no limits to change",
                                 s->name, t->name, task_state(t));
        c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        *c = (TaskChange){ .manager = s->manager,
                           .unit = strdup(s->unit),
                           .task = strdup(t->name),
                           .start_usec = t->start_usec,
                           .fd = -EBADF };
        if (!c->unit || !c->task)
                return -ENOMEM;
        r = usage_begin_change(call, &c->usage, error);
        if (r < 0)
                return r;
        c->changes = *changes;
        *changes = (Limits){};
        r = start(c, leaf);
        if (r < 0)
                return r;
        c->call = call;
        TAKE_PTR(c);
        return 0;
}
