/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's end of the connection to a supervisor, against a socket that plays one. */
#include "daemon/scope.h"

#include "scratch.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct Node {
        Scratch runtime;
        Manager manager;
        Scope *scope;
        int listen_fd, peer_fd;
} Node;

static Node node_new(void)
{
        Node n = { .runtime = scratch_new("run"), .peer_fd = -EBADF };

        n.manager = (Manager){ .runtime_fd = n.runtime.fd, .runtime_path = n.runtime.path };
        assert_int_equal(sd_event_new(&n.manager.event), 0);
        return n;
}

static void node_connect(Node *n)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        TAILQ_INIT(&n->manager.waiting_calls);
        assert_int_equal(
                scope_new(&n->manager, "workload.slice", "x", "workload-x.scope", &n->scope), 0);
        scope_set_state(n->scope, SCOPE_ACTIVE);
        n->scope->unit_started = true; /* and that PID 1 drops it is waited for */
        (void) snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", n->runtime.path,
                        n->scope->id);
        n->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_true(n->listen_fd >= 0);
        assert_int_equal(bind(n->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(n->listen_fd, 1), 0);
        assert_int_equal(supervisor_connect(n->scope, &n->scope->link), 0);
        n->peer_fd = accept4(n->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        assert_true(n->peer_fd >= 0);
}

static void node_done(Node *n)
{
        scope_free(n->scope);
        sd_event_unref(n->manager.event);
        safe_close(n->listen_fd);
        safe_close(n->peer_fd);
        scratch_done(&n->runtime);
}

static void say(Node *n, const char *packet)
{
        assert_int_equal(send(n->peer_fd, packet, strlen(packet), 0), strlen(packet));
}

static void run_until_gone(Node *n)
{
        while (n->scope->link)
                assert_true(sd_event_run(n->manager.event, 10 * USEC_PER_SEC) > 0);
}

static void what_it_said_last_is_heard(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        Task *t;

        node_connect(&n);
        say(&n, "type=exited\ntask=a\npid=7\nstart_usec=1\nexit_usec=2\nexit=3\n");
        safe_close(TAKE_FD(n.peer_fd));
        run_until_gone(&n);
        t = task_find(n.scope, "a");
        assert_non_null(t);
        assert_true(t->ended);
        assert_int_equal(t->exit_status, 3);
}

/* The kernel says ECONNRESET then, before it hands out what had been said. */
static void also_when_it_left_a_request_unread(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        Task *t;

        node_connect(&n);
        assert_int_equal(supervisor_signal(n.scope->link, "a", SIGTERM, NULL, NULL), 0);
        say(&n, "type=exited\ntask=a\npid=7\nstart_usec=1\nexit_usec=2\nexit=3\n");
        safe_close(TAKE_FD(n.peer_fd));
        run_until_gone(&n);
        t = task_find(n.scope, "a");
        assert_non_null(t);
        assert_int_equal(t->exit_status, 3);
}

static void on_signalled(const SupervisorAnswer *answer, void *userdata)
{
        *(SupervisorAnswer *) userdata = *answer;
}

/* The loop hears one packet, and then of the deadline. */
static void an_answer_in_time_counts_though_nobody_listened(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        SupervisorAnswer answer = { .r = 1 };

        node_connect(&n);
        assert_int_equal(supervisor_signal(n.scope->link, "a", SIGTERM, on_signalled, &answer), 0);
        say(&n, "type=task\ntask=a\npid=7\nstart_usec=1\n");
        say(&n, "type=task\ntask=b\npid=8\nstart_usec=1\n");
        say(&n, "type=done\nserial=1\n");
        (void) usleep(2 * REQUEST_TIMEOUT_USEC);
        while (answer.r > 0)
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(answer.r, 0);
}

static void one_that_does_not_come_is_not_waited_for(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        SupervisorAnswer answer = { .r = 1 };

        node_connect(&n);
        assert_int_equal(supervisor_signal(n.scope->link, "a", SIGTERM, on_signalled, &answer), 0);
        while (answer.r > 0)
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(answer.r, -ETIMEDOUT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_it_said_last_is_heard),
                cmocka_unit_test(also_when_it_left_a_request_unread),
                cmocka_unit_test(an_answer_in_time_counts_though_nobody_listened),
                cmocka_unit_test(one_that_does_not_come_is_not_waited_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
