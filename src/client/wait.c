/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the end of a job: a call without a time limit that outlives restarts of the daemon. */
#include "client.h"

#include <poll.h>
#include <time.h>

/* How long the daemon may be out of reach before a wait gives up: longer than a package upgrade or
 * a slow PID 1 keeps it away, short enough that a script on a broken node comes back. */
#define UNREACHABLE_MAX_USEC (90 * USEC_PER_SEC)

/* Between two attempts: systemd starts a daemon that has crashed at once, and the bus as well; whoever
 * has stopped one takes his time. */
#define RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (2 * USEC_PER_SEC)

/* A call that was pending for so long has reached a daemon. */
#define REACHED_USEC (5 * USEC_PER_SEC)

/* One WaitScope under way. */
typedef struct Question {
        hpcnode_cgroup_info *answer;  /* owned; NULL until it has come */
        hpcnode_cgroup_error failure; /* why it could not be put */
        sd_bus_error error;           /* the answer, when it is one */
        int result;                   /* 1: no answer yet, else 0 or negative errno */
} Question;

static void question_done(Question *q)
{
        sd_bus_error_free(&q->error);
        hpcnode_cgroup_error_done(&q->failure);
        q->answer = hpcnode_cgroup_info_free(q->answer);
}

static int read_answer(sd_bus_message *m, hpcnode_cgroup_info **ret)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        const char *state;
        int r;

        info = client_info_new();
        if (!info)
                return -ENOMEM;
        r = sd_bus_message_read(m, "siib", &state, &info->exit_status, &info->exit_signal,
                                &info->oom_killed);
        if (r < 0)
                return r;
        info->state = strdup(state);
        if (!info->state)
                return -ENOMEM;

        *ret = TAKE_PTR(info);
        return 0;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Question *q = userdata;

        if (sd_bus_message_is_method_error(m, NULL)) {
                (void) sd_bus_error_copy(&q->error, sd_bus_message_get_error(m));
                q->result = -sd_bus_message_get_errno(m);
        } else
                q->result = read_answer(m, &q->answer);
        return 0;
}

/* Sleeps until the bus (NULL: none) has something, cancel_fd is readable or the time is over.
 * -ECANCELED for cancel_fd. */
static int sleep_on(sd_bus *bus, int cancel_fd, uint64_t timeout_usec)
{
        struct pollfd fds[2] = { { .fd = -1 }, { .fd = cancel_fd, .events = POLLIN } };
        struct timespec ts;
        int r;

        if (bus) {
                uint64_t until;

                fds[0].fd = sd_bus_get_fd(bus);
                r = sd_bus_get_events(bus);
                if (fds[0].fd < 0 || r < 0)
                        return -ENOTCONN;
                fds[0].events = (short) r;
                if (sd_bus_get_timeout(bus, &until) > 0 && until != UINT64_MAX) {
                        uint64_t now = client_now_usec();

                        timeout_usec = until > now ? until - now : 0;
                }
        }

        ts.tv_sec = (time_t) (timeout_usec / USEC_PER_SEC);
        ts.tv_nsec = (long) (timeout_usec % USEC_PER_SEC * NSEC_PER_USEC);
        r = ppoll(fds, ELEMENTSOF(fds), timeout_usec == UINT64_MAX ? NULL : &ts, NULL);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        return fds[1].revents ? -ECANCELED : 0;
}

/* Asks once. 0 when the question was answered or failed (see q), -ECANCELED, or another negative
 * errno when the connection broke. */
static int ask(hpcnode_cgroup *c, const char *scope, bool again, int cancel_fd, Question *q)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        int r;

        r = client_method(c, "WaitScope", &m, &q->failure);
        if (r < 0)
                return r;
        r = client_append_string(m, scope, &q->failure);
        if (r < 0)
                return r;
        /* Whoever has stopped the daemon wants it to stay so. */
        r = sd_bus_message_set_auto_start(m, !again);
        if (r < 0)
                return r;
        r = sd_bus_call_async(c->bus, &slot, m, on_answer, q, UINT64_MAX);
        if (r < 0)
                return r;

        while (q->result > 0) {
                r = sd_bus_process(c->bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                r = sleep_on(c->bus, cancel_fd, UINT64_MAX);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* How often and how long a wait has been asking in vain. */
typedef struct Patience {
        uint64_t deadline; /* CLOCK_MONOTONIC, µs */
        uint64_t delay;    /* before the next attempt */
} Patience;

static Patience patience_new(void)
{
        return (Patience){ .deadline = client_now_usec() + UNREACHABLE_MAX_USEC,
                           .delay = RETRY_MIN_USEC };
}

/* Whether to ask again after `q` failed with r: not when the daemon answered, nor when it has been away
 * for too long, nor when it was never there. */
static bool may_ask_again(const hpcnode_cgroup *c, const Question *q, int r, const Patience *p)
{
        if (!client_error_is_transport(&q->error, r))
                return false;
        if (client_now_usec() + p->delay > p->deadline)
                return false;
        return c->reached || sd_bus_error_has_name(&q->error, SD_BUS_ERROR_NO_REPLY);
}

/* Says why `q` failed with r, for good. */
static int give_up(const hpcnode_cgroup *c, Question *q, int r, hpcnode_cgroup_error *ret_error)
{
        if (q->failure.code == HPCNODE_CGROUP_ERROR_NONE)
                return client_error_bus(c, ret_error, &q->error, r);
        if (ret_error) {
                hpcnode_cgroup_error_done(ret_error);
                *ret_error = q->failure;
                q->failure = (hpcnode_cgroup_error) HPCNODE_CGROUP_ERROR_INIT;
        }
        return r;
}

_public_ int hpcnode_cgroup_wait(hpcnode_cgroup *c, const char *scope, int cancel_fd,
                                 hpcnode_cgroup_info **ret, hpcnode_cgroup_error *ret_error)
{
        Patience patience = patience_new();

        for (bool again = false;; again = true) {
                _cleanup_(question_done) Question q = { .error = SD_BUS_ERROR_NULL, .result = 1 };
                uint64_t asked = client_now_usec();
                int r;

                r = ask(c, scope, again, cancel_fd, &q);
                if (r >= 0)
                        r = q.result;
                if (r >= 0) {
                        if (ret)
                                *ret = TAKE_PTR(q.answer);
                        return 0;
                }

                /* Whoever has left without an answer, daemon or bus, was there. */
                if (sd_bus_error_has_name(&q.error, SD_BUS_ERROR_NO_REPLY))
                        c->reached = true;
                if (client_now_usec() - asked >= REACHED_USEC) {
                        c->reached = true;
                        patience = patience_new();
                }
                if (r != -ECANCELED) {
                        if (!may_ask_again(c, &q, r, &patience))
                                return give_up(c, &q, r, ret_error);
                        r = sleep_on(NULL, cancel_fd, patience.delay);
                }
                if (r == -ECANCELED)
                        return client_error(ret_error, HPCNODE_CGROUP_ERROR_INTERRUPTED,
                                            "interrupted");
                patience.delay =
                        patience.delay * 2 < RETRY_MAX_USEC ? patience.delay * 2 : RETRY_MAX_USEC;
        }
}
