/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the end of a job: a call without a time limit that outlives restarts of the daemon. */
#include "daemon.h"

#include <poll.h>
#include <time.h>

/* How long the daemon may be out of reach before a wait gives up: longer than a package upgrade or
 * a slow PID 1 keeps it away, short enough that a script on a broken node comes back. */
#ifndef UNREACHABLE_MAX_USEC
#define UNREACHABLE_MAX_USEC (90 * USEC_PER_SEC)
#endif

/* Between two attempts: systemd starts a daemon that has crashed at once, and the bus as well; whoever
 * has stopped one takes his time. */
#define RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (2 * USEC_PER_SEC)

/* A call that was pending for so long has reached a daemon. */
#define REACHED_USEC (5 * USEC_PER_SEC)

/* One WaitScope, or WaitDrained, under way. */
typedef struct Question {
        Request request;
        Result answer;   /* when there is one */
        Failure failure; /* when there is none */
        int result;      /* 1: no answer yet, else 0 or negative errno */
        bool asked;      /* on a connection that there was */
} Question;

static void question_done(Question *q)
{
        failure_done(&q->failure);
        result_done(&q->answer);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Question *q = userdata;

        if (sd_bus_message_is_method_error(m, NULL)) {
                (void) sd_bus_error_copy(&q->failure.error, sd_bus_message_get_error(m));
                q->result = -sd_bus_message_get_errno(m);
        } else
                q->result = request_read(&q->request, m, &q->answer, &q->failure.own);
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
static int ask(Daemon *d, bool again, int cancel_fd, Question *q)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        r = request_message(d, &q->request, &m, &q->failure.own);
        if (r < 0)
                return r;
        /* Whoever has stopped the daemon wants it to stay so. */
        r = sd_bus_message_set_auto_start(m, !again);
        if (r < 0)
                return r;
        bus = sd_bus_ref(d->bus);
        r = sd_bus_call_async(bus, &slot, m, on_answer, q, UINT64_MAX);
        if (r < 0)
                return r;
        q->asked = true;

        while (q->result > 0) {
                /* What else was answered on this handle may have made a new connection. */
                if (d->bus != bus)
                        return -ECONNRESET;
                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                r = sleep_on(bus, cancel_fd, UINT64_MAX);
                if (r < 0)
                        return r;
        }
        return 0;
}

Patience patience_new(void)
{
        return (Patience){ .deadline = client_now_usec() + UNREACHABLE_MAX_USEC,
                           .delay = RETRY_MIN_USEC };
}

void patience_tried(Patience *p)
{
        p->delay = p->delay * 2 < RETRY_MAX_USEC ? p->delay * 2 : RETRY_MAX_USEC;
}

bool daemon_may_await(const Daemon *d, const Failure *f, const Patience *p)
{
        if (!client_error_is_transport(&f->error, f->r))
                return false;
        if (d->kind == BUS_GIVEN && !daemon_is_connected(d))
                return false;
        if (client_now_usec() + p->delay > p->deadline)
                return false;
        return d->reached || sd_bus_error_has_name(&f->error, SD_BUS_ERROR_NO_REPLY);
}

int daemon_await(Daemon *d, const Request *request, int cancel_fd, Result *ret,
                 hpcnode_cgroup_error *ret_error)
{
        Patience patience = patience_new();

        for (bool again = false;; again = true) {
                _cleanup_(question_done) Question q = { .request = *request, .result = 1 };
                uint64_t asked = client_now_usec();
                int r;

                r = ask(d, again, cancel_fd, &q);
                if (r >= 0)
                        r = q.result;
                if (r >= 0) {
                        *ret = q.answer;
                        q.answer = (Result){ 0 };
                        return 0;
                }

                /* Whoever has left without an answer, daemon or bus, was there. */
                if (sd_bus_error_has_name(&q.failure.error, SD_BUS_ERROR_NO_REPLY) ||
                    (q.asked && (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE)))
                        d->reached = true;
                if (client_now_usec() - asked >= REACHED_USEC) {
                        d->reached = true;
                        patience = patience_new();
                }
                if (r != -ECANCELED) {
                        q.failure.r = r;
                        if (!daemon_may_await(d, &q.failure, &patience))
                                return failure_tell(d, &q.failure, ret_error);
                        r = sleep_on(NULL, cancel_fd, patience.delay);
                }
                if (r == -ECANCELED)
                        return client_error(ret_error, HPCNODE_CGROUP_ERROR_INTERRUPTED,
                                            "interrupted");
                patience_tried(&patience);
        }
}

int daemon_wait(void *userdata, const char *scope, int cancel_fd, hpcnode_cgroup_info **ret,
                hpcnode_cgroup_error *ret_error)
{
        const Request q = { .operation = OPERATION_WAIT, .first = scope };
        Result result;
        int r;

        r = daemon_await(userdata, &q, cancel_fd, &result, ret_error);
        if (r >= 0)
                *ret = result.info;
        return r;
}
