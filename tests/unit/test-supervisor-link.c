/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's end of the connection to a supervisor, against a socket that plays one. */
#include "daemon/scope.h"

#include "scratch.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
        assert_int_equal(supervisor_signal(n.scope->link, "a", false, SIGTERM, NULL, NULL), 0);
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
        assert_int_equal(
                supervisor_signal(n.scope->link, "a", false, SIGTERM, on_signalled, &answer), 0);
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
        assert_int_equal(
                supervisor_signal(n.scope->link, "a", false, SIGTERM, on_signalled, &answer), 0);
        while (answer.r > 0)
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(answer.r, -ETIMEDOUT);
}

static void on_opened(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        *(int *) userdata = t ? 0 : -1;
}

static Spec *limited_spec(uint64_t timeout_usec)
{
        Spec *spec = calloc(1, sizeof *spec);

        assert_non_null(spec);
        for (size_t i = 0; i < ELEMENTSOF(spec->stdio); i++)
                spec->stdio[i] = -EBADF;
        spec->argv = calloc(2, sizeof *spec->argv);
        spec->argv[0] = strdup("true");
        spec->timeout_usec = timeout_usec;
        if (timeout_usec == 0)
                assert_int_equal(limits_set_number(&spec->limits, LIMIT_MEMORY_MAX, 1 << 26, NULL),
                                 0);
        return spec;
}

static void on_limited(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        char **message = userdata;

        assert_null(t);
        assert_true(sd_bus_error_has_name(error, "org.hpcnode.Cgroup1.Error.CreationFailed"));
        *message = strdup(error->message);
}

/* It would start the task without them. */
static void an_older_one_is_asked_for_no_limits_of_a_task(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        _cleanup_(freep) char *message = NULL;
        char packet[256];
        int opened = 1;

        node_connect(&n);
        say(&n, "type=hello\nversion=1\npid=5\nstate=ready\nfeatures=task_limits_of_old other\n");
        say(&n, "type=synced\npopulated=0\n");
        while (!supervisor_is_synced(n.scope->link))
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(task_spawn(n.scope, "a", limited_spec(0), on_limited, &message, NULL), 0);
        assert_non_null(strstr(message, "x/a: its supervisor, which an older"));
        assert_null(n.scope->tasks);
        assert_int_equal(recv(n.peer_fd, packet, sizeof packet, MSG_DONTWAIT), -1);

        say(&n, "type=hello\nversion=1\npid=5\nstate=ready\nfeatures=other task_limits\n");
        while (!supervisor_has_features(n.scope->link, 1U << FEATURE_TASK_LIMITS))
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        free(message);
        message = NULL;
        assert_int_equal(task_spawn(n.scope, "a", limited_spec(5), on_limited, &message, NULL), 0);
        assert_non_null(strstr(message, "x/a: its supervisor, which an older"));
        assert_int_equal(recv(n.peer_fd, packet, sizeof packet, MSG_DONTWAIT), -1);
        assert_int_equal(task_spawn(n.scope, "a", limited_spec(0), on_opened, &opened, NULL), 0);
        assert_true(recv(n.peer_fd, packet, sizeof packet, MSG_DONTWAIT) > 0);
}

/* It would signal one process of it alone. */
static void an_older_one_is_asked_for_no_signal_to_all_of_a_task(void **state)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(node_done) Node n = node_new();
        char packet[256] = "";
        Call call = {};
        Task *t;

        node_connect(&n);
        say(&n, "type=hello\nversion=1\npid=5\nstate=ready\nfeatures=task_limits timeout\n");
        say(&n, "type=task\ntask=a\npid=7\nstart_usec=1\n");
        say(&n, "type=synced\npopulated=1\n");
        while (!supervisor_is_synced(n.scope->link))
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        t = task_find(n.scope, "a");
        assert_non_null(t);
        assert_true(scope_signal(n.scope, t, true, SIGTERM, &call, &error) < 0);
        assert_true(sd_bus_error_has_name(&error, "org.hpcnode.Cgroup1.Error.KillFailed"));
        assert_non_null(strstr(error.message, "x: its supervisor, which an older"));
        assert_int_equal(recv(n.peer_fd, packet, sizeof packet, MSG_DONTWAIT), -1);

        say(&n, "type=hello\nversion=1\npid=5\nstate=ready\nfeatures=whole\n");
        while (!supervisor_has_features(n.scope->link, 1U << FEATURE_WHOLE))
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(supervisor_signal(n.scope->link, "a", true, SIGTERM, NULL, NULL), 0);
        assert_true(recv(n.peer_fd, packet, sizeof packet - 1, MSG_DONTWAIT) > 0);
        assert_non_null(strstr(packet, "whole=1"));
}

static int run_until_opened(Node *n, const int *opened)
{
        while (*opened > 0)
                assert_true(sd_event_run(n->manager.event, 10 * USEC_PER_SEC) > 0);
        return *opened;
}

/* Between the two packets there is time for whatever else the daemon hears of. */
static void a_leaf_may_be_taken_back_before_who_asked_for_it_has_it(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        int opened = 1;

        node_connect(&n);
        assert_int_equal(task_open(n.scope, "own", on_opened, &opened, NULL), 0);
        say(&n, "type=task\ntask=own\npid=0\nstart_usec=0\nopen=1\n");
        while (!task_find(n.scope, "own")->open)
                assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        scope_withdraw_tasks(n.scope);
        assert_null(n.scope->tasks);
        say(&n, "type=done\nserial=1\n");
        assert_int_equal(run_until_opened(&n, &opened), -1);
}

static void a_leaf_that_is_made_while_its_scope_ends_does_not_keep_it(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        int opened = 1;

        node_connect(&n);
        say(&n, "type=synced\npopulated=0\n");
        assert_true(sd_event_run(n.manager.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(task_open(n.scope, "own", on_opened, &opened, NULL), 0);
        scope_release(n.scope, RELEASE_DESTROY, NULL);
        say(&n, "type=task\ntask=own\npid=0\nstart_usec=0\nopen=1\n");
        say(&n, "type=done\nserial=1\n");
        (void) run_until_opened(&n, &opened);
        assert_null(n.scope->tasks);
}

/* Then the supervisor takes it away, or tells of who is in it. */
static void a_leaf_is_taken_back_also_without_descriptors(void **state)
{
        _cleanup_(node_done) Node n = node_new();
        struct rlimit before, none;
        char packet[256] = "";
        int opened = 1;

        node_connect(&n);
        n.scope->payload_fd = open(n.runtime.path, O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(n.scope->payload_fd, "own", 0755), 0);
        assert_int_equal(task_open(n.scope, "own", on_opened, &opened, NULL), 0);
        say(&n, "type=task\ntask=own\npid=0\nstart_usec=0\nopen=1\n");
        say(&n, "type=done\nserial=1\n");
        assert_int_equal(run_until_opened(&n, &opened), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        task_withdraw(task_find(n.scope, "own"));
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_null(n.scope->tasks);
        while (!strstr(packet, "type=forget"))
                assert_true(recv(n.peer_fd, packet, sizeof packet - 1, MSG_DONTWAIT) > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_it_said_last_is_heard),
                cmocka_unit_test(also_when_it_left_a_request_unread),
                cmocka_unit_test(an_answer_in_time_counts_though_nobody_listened),
                cmocka_unit_test(one_that_does_not_come_is_not_waited_for),
                cmocka_unit_test(an_older_one_is_asked_for_no_limits_of_a_task),
                cmocka_unit_test(an_older_one_is_asked_for_no_signal_to_all_of_a_task),
                cmocka_unit_test(a_leaf_may_be_taken_back_before_who_asked_for_it_has_it),
                cmocka_unit_test(a_leaf_that_is_made_while_its_scope_ends_does_not_keep_it),
                cmocka_unit_test(a_leaf_is_taken_back_also_without_descriptors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
