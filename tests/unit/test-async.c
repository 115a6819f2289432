/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of the library in an event loop. */
#include "async-server.h"

#include <sys/wait.h>
#include <unistd.h>

static void freeze(Server *s, Told *t, hpcnode_cgroup_call **ret)
{
        assert_int_equal(hpcnode_cgroup_freeze_async(s->client, "job", told, t, ret, NULL), 0);
}

static void a_handler_is_called_once_and_from_the_loop(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        assert_int_equal(
                hpcnode_cgroup_slice_owner_async(s->client, "pact.slice", told, &t, NULL, NULL), 0);
        assert_int_equal(t.n, 0);
        server_await(s, &t);
        server_settle(s);
        assert_int_equal(t.n, 1);
        assert_int_equal(t.value, 0);
        assert_int_equal(t.code, HPCNODE_CGROUP_ERROR_NONE);
}

static void no_more_calls_are_unanswered_than_the_bus_allows(void **state)
{
        Server *s = *state;
        Told t[200] = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                freeze(s, &t[i], NULL);
        for (unsigned n_left = ELEMENTSOF(t); n_left > 0; n_left -= s->n_held) {
                server_answer_held(s);
                server_settle(s);
                assert_int_equal(s->n_held, n_left < PENDING_MAX ? n_left : PENDING_MAX);
        }
        server_answer_held(s);
        server_settle(s);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                assert_int_equal(t[i].n, 1);
                assert_int_equal(t[i].value, 0);
        }
}

static void wrong_arguments_are_told_at_once(void **state)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        Server *s = *state;
        Told t = { 0 };

        assert_int_equal(hpcnode_cgroup_create_scope_async(s->client, "workload.slice", "-x", NULL,
                                                           NULL, told, &t, NULL, &error),
                         -EINVAL);
        assert_int_equal(error.code, HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "\xff", told, &t, NULL, &error),
                         -EINVAL);
        assert_int_equal(error.code, HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        hpcnode_cgroup_error_done(&error);
        server_settle(s);
        assert_int_equal(t.n, 0);
        assert_int_equal(s->n_others + s->n_get_scope, 0);
}

static void what_was_cancelled_is_not_told(void **state)
{
        hpcnode_cgroup_call *calls[PENDING_MAX + 2];
        Told never = { 0 }, t = { 0 };
        Server *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                freeze(s, &never, &calls[i]);
        server_settle(s);
        /* One was sent, another waits to be sent: that is not done. */
        assert_null(hpcnode_cgroup_call_cancel(calls[0]));
        assert_null(hpcnode_cgroup_call_cancel(calls[PENDING_MAX]));
        freeze(s, &t, NULL);
        server_settle(s);
        assert_int_equal(s->n_held, PENDING_MAX); /* the bus still counts it */
        server_answer_held(s);
        server_settle(s);
        server_answer_held(s);
        server_settle(s);
        assert_int_equal(t.n, 1);
        assert_int_equal(never.n, PENDING_MAX);
        assert_int_equal(s->n_others, PENDING_MAX + 2);
}

static void calls_go_with_their_handle(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        for (size_t i = 0; i < PENDING_MAX + 5; i++)
                freeze(s, &t, NULL);
        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "job", told, &t, NULL, NULL), 0);
        s->client = hpcnode_cgroup_free(s->client);
        server_settle(s);
        server_answer_held(s);
        server_settle(s);
        assert_int_equal(t.n, 0);
}

/* --- the connection --- */

static void after_a_lost_connection_only_what_reads_is_asked_again(void **state)
{
        Told changes = { 0 }, reads = { 0 }, queued = { 0 };
        Server *s = *state;

        assert_int_equal(
                hpcnode_cgroup_is_scope_empty_async(s->client, "job", told, &reads, NULL, NULL), 0);
        freeze(s, &changes, NULL);
        server_settle(s);
        assert_int_equal(s->n_held, 2);
        server_cut(s);
        freeze(s, &queued, NULL);
        server_settle(s);
        assert_int_equal(changes.n, 1);
        assert_int_equal(changes.code, HPCNODE_CGROUP_ERROR_TIMED_OUT);
        assert_int_equal(reads.n + queued.n, 0);
        assert_int_equal(s->n_held, 4);
        server_answer_held(s);
        server_settle(s);
        assert_int_equal(reads.n, 1);
        assert_int_equal(reads.value, 1);
        assert_int_equal(queued.n, 1);
        assert_int_equal(queued.value, 0);
        assert_int_equal(s->n_others, 4);
}

static void without_a_bus_calls_fail_and_with_it_they_work_again(void **state)
{
        Told pending = { 0 }, again = { 0 };
        Server *s = *state;

        freeze(s, &pending, NULL);
        server_settle(s);
        server_disconnect(s);
        server_stop_bus(s);
        server_await(s, &pending);
        assert_int_equal(pending.code, HPCNODE_CGROUP_ERROR_TIMED_OUT);
        assert_int_equal(hpcnode_cgroup_freeze_async(s->client, "job", told, &again, NULL, NULL),
                         -ECONNREFUSED);
        server_start_bus(s);
        server_connect(s);
        server_settle(s);
        freeze(s, &again, NULL);
        server_settle(s);
        server_answer_held(s);
        server_await(s, &again);
        assert_int_equal(again.value, 0);
}

static void a_given_connection_may_be_in_the_loop_already(void **state)
{
        _cleanup_(sd_event_unrefp) sd_event *other = NULL;
        hpcnode_cgroup *c = NULL;
        sd_bus *bus = NULL;
        Server *s = *state;
        Told t = { 0 };

        assert_int_equal(sd_event_new(&other), 0);
        assert_true(sd_bus_open_system(&bus) >= 0);
        assert_true(sd_bus_attach_event(bus, s->event, 0) >= 0);
        assert_int_equal(hpcnode_cgroup_open_bus(bus, &c, NULL), 0);
        assert_int_equal(hpcnode_cgroup_attach_event(c, other, 0, NULL), -EINVAL);
        assert_int_equal(hpcnode_cgroup_attach_event(c, s->event, 0, NULL), 0);
        assert_int_equal(hpcnode_cgroup_attach_event(c, s->event, 0, NULL), -EINVAL);
        assert_int_equal(hpcnode_cgroup_slice_owner_async(c, "pact.slice", told, &t, NULL, NULL),
                         0);
        server_await(s, &t);
        c = hpcnode_cgroup_free(c);
        assert_ptr_equal(sd_bus_get_event(bus), s->event);

        assert_true(sd_bus_detach_event(bus) >= 0);
        assert_int_equal(hpcnode_cgroup_open_bus(bus, &c, NULL), 0);
        assert_int_equal(hpcnode_cgroup_attach_event(c, s->event, 0, NULL), 0);
        assert_ptr_equal(sd_bus_get_event(bus), s->event);
        hpcnode_cgroup_free(c);
        assert_null(sd_bus_get_event(bus));
        sd_bus_flush_close_unref(bus);
}

static void what_a_child_of_fork_frees_is_still_its_parents(void **state)
{
        Told pending = { 0 }, waits = { 0 };
        Server *s = *state;
        int status;
        pid_t pid;

        freeze(s, &pending, NULL);
        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "job", told, &waits, NULL, NULL), 0);
        server_settle(s);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                hpcnode_cgroup_free(s->client);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        server_answer_held(s);
        server_emit_end(s, "job", 0);
        server_settle(s);
        assert_int_equal(pending.n, 1);
        assert_int_equal(pending.value, 0);
        assert_int_equal(waits.n, 1);
        assert_int_equal(waits.value, 0);
}

/* --- handlers --- */

static void free_the_handle(const hpcnode_cgroup_result *result, void *userdata)
{
        Server *s = userdata;

        s->client = hpcnode_cgroup_free(s->client);
}

static void a_handler_may_free_its_handle(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        for (size_t i = 0; i < 3; i++)
                assert_int_equal(hpcnode_cgroup_slice_owner_async(s->client, "pact.slice",
                                                                  free_the_handle, s, NULL, NULL),
                                 0);
        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "job", told, &t, NULL, NULL), 0);
        server_settle(s);
        assert_null(s->client);
        assert_int_equal(t.n, 0);
}

static hpcnode_cgroup_call *self, *other_call;

static void cancel_both(const hpcnode_cgroup_result *result, void *userdata)
{
        told(result, userdata);
        self = hpcnode_cgroup_call_cancel(self);
        other_call = hpcnode_cgroup_call_cancel(other_call);
}

static void a_handler_may_cancel_what_has_been_answered(void **state)
{
        Told t = { 0 }, never = { 0 };
        Server *s = *state;

        assert_int_equal(
                hpcnode_cgroup_slice_owner_async(s->client, "a", cancel_both, &t, &self, NULL), 0);
        assert_int_equal(
                hpcnode_cgroup_slice_owner_async(s->client, "b", told, &never, &other_call, NULL),
                0);
        server_settle(s);
        assert_int_equal(t.n, 1);
        assert_int_equal(never.n, 0);
}

/* --- tables --- */

static int table_freeze(void *userdata, const char *scope, hpcnode_cgroup_error *ret_error)
{
        if (!streq(scope, "busy"))
                return 0;
        return client_error(ret_error, HPCNODE_CGROUP_ERROR_KILL_FAILED, "busy");
}

static void operations_that_block_are_told_from_the_loop(void **state)
{
        static const hpcnode_cgroup_ops ops = { .size = sizeof(ops), .freeze = table_freeze };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        Told done = { 0 }, failed = { 0 }, none = { 0 };
        hpcnode_cgroup *c;

        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(hpcnode_cgroup_new(&ops, NULL, &c, NULL), 0);
        assert_int_equal(hpcnode_cgroup_freeze_async(c, "x", told, &done, NULL, &error), -EINVAL);
        assert_int_equal(hpcnode_cgroup_attach_event(c, event, 0, NULL), 0);
        assert_int_equal(hpcnode_cgroup_freeze_async(c, "x", told, &done, NULL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_freeze_async(c, "busy", told, &failed, NULL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_thaw_async(c, "x", told, &none, NULL, NULL), 0);
        assert_int_equal(hpcnode_cgroup_wait_async(c, "x", told, &none, NULL, &error), -EOPNOTSUPP);
        assert_int_equal(done.n + failed.n + none.n, 0);
        while (sd_event_run(event, 0) > 0)
                ;
        assert_int_equal(done.n, 1);
        assert_int_equal(done.value, 0);
        assert_int_equal(failed.n, 1);
        assert_int_equal(failed.code, HPCNODE_CGROUP_ERROR_KILL_FAILED);
        assert_int_equal(none.n, 1);
        assert_int_equal(none.code, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED);
        hpcnode_cgroup_error_done(&error);
        hpcnode_cgroup_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_SERVER(a_handler_is_called_once_and_from_the_loop),
                ON_SERVER(no_more_calls_are_unanswered_than_the_bus_allows),
                ON_SERVER(wrong_arguments_are_told_at_once),
                ON_SERVER(what_was_cancelled_is_not_told),
                ON_SERVER(calls_go_with_their_handle),
                ON_SERVER(after_a_lost_connection_only_what_reads_is_asked_again),
                ON_SERVER(without_a_bus_calls_fail_and_with_it_they_work_again),
                ON_SERVER(a_given_connection_may_be_in_the_loop_already),
                ON_SERVER(what_a_child_of_fork_frees_is_still_its_parents),
                ON_SERVER(a_handler_may_free_its_handle),
                ON_SERVER(a_handler_may_cancel_what_has_been_answered),
                cmocka_unit_test(operations_that_block_are_told_from_the_loop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
