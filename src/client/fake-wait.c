/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for an end in the fake: told by whoever brings it about. */
#include "fake.h"

#include <poll.h>
#include <sys/eventfd.h>

struct FakeWatch {
        TAILQ_ENTRY(FakeWatch) watches;
        Fake *owner;
        FakeScope *scope; /* NULL: the node is to be drained */
        FakeTask *task;   /* NULL: the whole scope */
        int fd;           /* told by it, eventfd(2) */
        bool blocking;    /* somebody sleeps until then, and cannot be disturbed */
        bool told;
        bool has_outcome; /* else there will never be one */
        FakeOutcome outcome;
        fake_watch_handler handler;
        void *userdata;
};

static void tell(FakeWatch *w, const FakeOutcome *outcome)
{
        TAILQ_REMOVE(&w->owner->node->watches, w, watches);
        TAILQ_INSERT_TAIL(&w->owner->told, w, watches);
        w->told = true;
        w->has_outcome = outcome;
        if (outcome)
                w->outcome = *outcome;
        (void) eventfd_write(w->fd, 1);
}

static FakeOutcome outcome_of(const FakeScope *s, const FakeTask *t)
{
        if (t && t->opener)
                return (FakeOutcome){ NULL, -1, 0 };
        if (t)
                return (FakeOutcome){ fake_task_state(t), t->exit_status, t->exit_signal };
        return (FakeOutcome){ fake_scope_state(s), s->exit_status, s->exit_signal };
}

static bool is_over(const FakeScope *s, const FakeTask *t)
{
        return t ? fake_task_is_over(t) : fake_scope_has_ended(s) || s->state == SCOPE_ZOMBIE;
}

/* Those of the scope as a whole, or of a task of it. */
static void tell_of(FakeScope *s, const FakeTask *t)
{
        FakeOutcome outcome = outcome_of(s, t);
        FakeWatch *w, *next;

        for (w = TAILQ_FIRST(&s->node->watches); w; w = next) {
                next = TAILQ_NEXT(w, watches);
                if (w->scope == s && w->task == t)
                        tell(w, &outcome);
        }
}

void fake_notify_scope(FakeScope *s)
{
        tell_of(s, NULL);
}

void fake_notify_task(FakeTask *t)
{
        tell_of(t->scope, t);
}

void fake_notify_alone(FakeNode *node)
{
        FakeWatch *w, *next;

        for (w = TAILQ_FIRST(&node->watches); w; w = next) {
                next = TAILQ_NEXT(w, watches);
                if (w->blocking)
                        tell(w, NULL);
        }
}

void fake_notify_drain(FakeNode *node, bool cancelled)
{
        FakeOutcome outcome = { .state = cancelled ? NULL : "drained" };
        FakeWatch *w, *next;

        for (w = TAILQ_FIRST(&node->watches); w; w = next) {
                next = TAILQ_NEXT(w, watches);
                if (!w->scope)
                        tell(w, &outcome);
        }
}

/* --- watches --- */

static FakeWatch *watch_take(FakeWatch *w)
{
        TAILQ_REMOVE(w->told ? &w->owner->told : &w->owner->node->watches, w, watches);
        return w;
}

static FakeWatch *watch_new(Fake *f, FakeScope *s, FakeTask *t, int fd)
{
        FakeWatch *w = calloc(1, sizeof(*w));

        if (!w)
                return NULL;
        *w = (FakeWatch){ .owner = f, .scope = s, .task = t, .fd = fd };
        TAILQ_INSERT_TAIL(&f->node->watches, w, watches);
        return w;
}

/* What wait() and fake_watch() begin with, the node being locked. */
static int begin(Fake *f, const char *scope, int fd, FakeWatch **ret, hpcnode_cgroup_error *e)
{
        FakeScope *s;
        FakeTask *t;
        FakeWatch *w;
        int r;

        r = fake_begin(f->node, "wait", e, "%s", scope);
        if (r >= 0)
                r = fake_find_outcome(f->node, scope, &s, &t, e);
        if (r < 0)
                return r;
        w = watch_new(f, s, t, fd);
        if (!w)
                return client_oom(e);
        if (is_over(s, t)) {
                FakeOutcome outcome = outcome_of(s, t);

                tell(w, &outcome);
        }
        *ret = w;
        return 0;
}

static int no_eventfd(int error, hpcnode_cgroup_error *e)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_IO, "cannot wait: %s", strerror(error));
}

int fake_watch(Fake *f, const char *scope, fake_watch_handler handler, void *userdata,
               FakeWatch **ret, hpcnode_cgroup_error *e)
{
        _cleanup_(fake_unlockp) _unused_ FakeNode *node = fake_lock(f);
        FakeWatch *w;
        int r;

        if (f->watch_fd < 0)
                f->watch_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (f->watch_fd < 0)
                return no_eventfd(errno, e);
        r = begin(f, scope, f->watch_fd, &w, e);
        if (r < 0)
                return r;
        w->handler = handler;
        w->userdata = userdata;
        *ret = w;
        return 0;
}

FakeWatch *fake_watch_free(FakeWatch *w)
{
        _cleanup_(fake_unlockp) FakeNode *node = NULL;

        if (!w)
                return NULL;
        node = fake_lock(w->owner);
        free(watch_take(w));
        return NULL;
}

int fake_watch_fd(const Fake *f)
{
        return f->watch_fd < 0 ? -ENOTCONN : f->watch_fd;
}

static FakeWatch *take_told(Fake *f)
{
        _cleanup_(fake_unlockp) _unused_ FakeNode *node = fake_lock(f);
        FakeWatch *w = TAILQ_FIRST(&f->told);

        return w ? watch_take(w) : NULL;
}

void fake_watch_dispatch(Fake *f)
{
        eventfd_t n;
        FakeWatch *w;

        (void) eventfd_read(f->watch_fd, &n);
        while ((w = take_told(f))) {
                w->handler(&w->outcome, w->userdata);
                free(w);
        }
}

int fake_outcome_info(const char *scope, const FakeOutcome *outcome, hpcnode_cgroup_info **ret,
                      hpcnode_cgroup_error *e)
{
        hpcnode_cgroup_info *info;

        if (!outcome->state)
                return client_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND, "%s could not be started",
                                    scope);
        info = client_info_new_outcome(outcome->state, outcome->exit_status, outcome->exit_signal,
                                       0);
        if (!info)
                return client_oom(e);
        *ret = info;
        return 0;
}

/* --- wait --- */

static int sleep_on(int fd, int cancel_fd)
{
        struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
                                 { .fd = cancel_fd, .events = POLLIN } };

        while (poll(fds, ELEMENTSOF(fds), -1) < 0)
                if (errno != EINTR)
                        return -errno;
        return fds[0].revents ? 0 : -ECANCELED;
}

/* Unlocks the node while it sleeps. */
static int sleep_unlocked(FakeWatch *w, int cancel_fd)
{
        FakeNode *node = w->owner->node;
        int r;

        (void) pthread_mutex_unlock(&node->lock);
        r = sleep_on(w->fd, cancel_fd);
        (void) pthread_mutex_lock(&node->lock);
        return w->told ? 0 : r;
}

static int refuse_alone(const char *scope, hpcnode_cgroup_error *e)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED,
                            "%s has not ended, and nothing could end this wait: the node of the "
                            "fake has no other handle, and no descriptor cancels it; end the task "
                            "first, by hpcnode_cgroup_fake_exit()",
                            scope);
}

/* Until it is told; takes it out of the list. With the node locked. */
static int sleep_until_told(FakeWatch *w, const char *what, int cancel_fd, FakeOutcome *ret,
                            hpcnode_cgroup_error *e)
{
        int r;

        w->blocking = cancel_fd < 0;
        if (w->blocking && !w->told && w->owner->node->n_handles == 1)
                tell(w, NULL);
        r = sleep_unlocked(w, cancel_fd);
        watch_take(w);
        if (r == -ECANCELED)
                return client_error(e, HPCNODE_CGROUP_ERROR_INTERRUPTED, "interrupted");
        if (r < 0)
                return client_error(e, HPCNODE_CGROUP_ERROR_IO, "cannot wait: %s", strerror(-r));
        if (!w->has_outcome)
                return refuse_alone(what, e);
        *ret = w->outcome;
        return 0;
}

/* With the node locked. */
static int wait_for(Fake *f, const char *scope, int fd, int cancel_fd, FakeOutcome *ret,
                    hpcnode_cgroup_error *e)
{
        _cleanup_(freep) FakeWatch *w = NULL;
        int r;

        r = begin(f, scope, fd, &w, e);
        return r < 0 ? r : sleep_until_told(w, scope, cancel_fd, ret, e);
}

int fake_wait(void *userdata, const char *scope, int cancel_fd, hpcnode_cgroup_info **ret,
              hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) _unused_ FakeNode *node = fake_lock(f);
        _cleanup_(closep) int fd = -EBADF;
        FakeOutcome outcome = { 0 };
        int r;

        fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0)
                return no_eventfd(errno, ret_error);
        r = wait_for(f, scope, fd, cancel_fd, &outcome, ret_error);
        return r < 0 ? r : fake_outcome_info(scope, &outcome, ret, ret_error);
}

int fake_sleep_drain(Fake *f, int cancel_fd, hpcnode_cgroup_error *e)
{
        _cleanup_(freep) FakeWatch *w = NULL;
        _cleanup_(closep) int fd = -EBADF;
        FakeOutcome outcome = { 0 };
        int r;

        fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0)
                return no_eventfd(errno, e);
        w = watch_new(f, NULL, NULL, fd);
        if (!w)
                return client_oom(e);
        r = sleep_until_told(w, "what runs in " SLICE_WORKLOAD, cancel_fd, &outcome, e);
        return r < 0 ? r : outcome.state != NULL;
}
