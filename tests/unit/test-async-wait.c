/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits of the library in an event loop. */
#include "async-server.h"

#include "client/async-wait.h"

#include <stdio.h>
#include <sys/socket.h>

static void wait_for(Server *s, const char *name, Told *t)
{
        assert_int_equal(hpcnode_cgroup_wait_async(s->client, name, told, t, NULL, NULL), 0);
}

static void assert_ended(const Told *t, const char *state, int exit_status)
{
        assert_int_equal(t->n, 1);
        assert_int_equal(t->value, 0);
        assert_string_equal(t->state, state);
        assert_int_equal(t->exit_status, exit_status);
}

static void no_call_is_pending_while_2000_wait(void **state)
{
        static Told t[2000];
        Server *s = *state;
        char name[32];

        memset(t, 0, sizeof(t));
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                (void) snprintf(name, sizeof(name), i % 2 ? "j%zu" : "s/t%zu", i);
                wait_for(s, name, &t[i]);
        }
        server_settle(s);
        assert_int_equal(s->n_get_scope, 2000);
        assert_int_equal(s->n_wait_scope, 0);
        assert_int_equal(s->client->async->n_flying, 0);
        for (size_t i = 0; i < ELEMENTSOF(t); i++) {
                (void) snprintf(name, sizeof(name), i % 2 ? "j%zu" : "s/t%zu", i);
                server_emit_end(s, name, (int) (i % 5));
        }
        server_settle(s);
        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                assert_ended(&t[i], i % 5 ? "failed" : "exited", (int) (i % 5));
        assert_int_equal(s->n_wait_scope, 0);
}

static void what_has_ended_already_is_told(void **state)
{
        static const Thing things[] = { { "job", .state = "failed", .exit_status = 3 },
                                        { "stuck", .state = "zombie", .exit_status = -1 },
                                        { "missing",
                                          .error = "org.hpcnode.Cgroup1.Error.NotFound" } };
        Told job = { 0 }, stuck = { 0 }, missing = { 0 };
        Server *s = *state;

        s->things = things;
        wait_for(s, "job", &job);
        wait_for(s, "stuck", &stuck);
        wait_for(s, "missing", &missing);
        assert_int_equal(job.n, 0);
        server_settle(s);
        assert_ended(&job, "failed", 3);
        assert_ended(&stuck, "zombie", -1);
        assert_int_equal(missing.n, 1);
        assert_int_equal(missing.value, -ENOENT);
        assert_int_equal(missing.code, HPCNODE_CGROUP_ERROR_NOT_FOUND);
        /* Nobody waits, so nothing is followed. */
        assert_null(s->client->async->waits->matches[0]);
}

static void end_and_forget(Server *s, const char *object)
{
        static const Thing gone[] = { { "", .error = "org.hpcnode.Cgroup1.Error.NotFound" } };

        server_emit_end(s, "job", 4);
        server_emit_removed(s, "job");
        s->things = gone;
}

static void an_end_between_two_questions_is_not_lost(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        s->on_get_scope = end_and_forget;
        wait_for(s, "job", &t);
        server_settle(s);
        assert_ended(&t, "failed", 4);
        assert_int_equal(s->n_get_scope, 1);
}

static void fail_to_start(Server *s, const char *object)
{
        static const Thing gone[] = { { "", .error = "org.hpcnode.Cgroup1.Error.NotFound" } };

        server_emit_removed(s, "job");
        s->on_get_scope = NULL;
        s->things = gone;
}

static void a_failure_between_two_questions_is_not_lost(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        s->on_get_scope = fail_to_start;
        wait_for(s, "job", &t);
        server_settle(s);
        assert_int_equal(t.n, 1);
        assert_int_equal(t.code, HPCNODE_CGROUP_ERROR_NOT_FOUND);
}

static void many_waits_for_one_object_are_told_of_one_end(void **state)
{
        Server *s = *state;
        Told t[100] = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                wait_for(s, i < 50 ? "job" : SCOPE_PREFIX "/job", &t[i]);
        server_settle(s);
        assert_int_equal(s->n_get, 1);
        server_emit_end(s, "job", 0);
        server_settle(s);
        for (size_t i = 0; i < ELEMENTSOF(t); i++)
                assert_ended(&t[i], "exited", 0);
}

/* What a call that blocks has made known comes after the signal, which is still to be read. */
static void the_end_of_an_earlier_run_is_not_that_of_the_next(void **state)
{
        Told earlier = { 0 }, next = { 0 };
        Server *s = *state;

        wait_for(s, "scope/main", &earlier);
        server_settle(s);
        server_emit_end(s, "scope/main", 1);
        wait_for(s, "scope/main", &next);
        server_settle(s);
        assert_ended(&earlier, "failed", 1);
        assert_int_equal(next.n, 0);
        server_emit_end(s, "scope/main", 2);
        server_settle(s);
        assert_ended(&next, "failed", 2);
}

static void a_zombie_ends_a_wait(void **state)
{
        static const Thing zombie[] = { { "", .state = "zombie", .exit_status = -1 } };
        Server *s = *state;
        Told t = { 0 };

        wait_for(s, "job", &t);
        server_settle(s);
        s->things = zombie;
        assert_true(sd_bus_emit_signal(s->bus, MANAGER_PATH, MANAGER_IFACE, "ScopeZombie", "osau",
                                       SCOPE_PREFIX "/job", "job", 1, 42) >= 0);
        server_settle(s);
        assert_ended(&t, "zombie", -1);
}

static void what_is_being_made_is_waited_for(void **state)
{
        static const Thing starting[] = { { "" } };
        static const Thing gone[] = { { "", .error = "org.hpcnode.Cgroup1.Error.NotFound" } };
        Told job = { 0 }, task = { 0 }, failed = { 0 }, below = { 0 };
        Server *s = *state;

        s->things = starting;
        wait_for(s, "job", &job);
        wait_for(s, "scope/task", &task);
        wait_for(s, "no", &failed);
        wait_for(s, "no/task", &below);
        server_settle(s);
        server_emit_end(s, "job", 1);
        server_emit_end(s, "scope/task", 2);
        s->things = gone;
        server_emit_removed(s, "no");
        server_settle(s);
        assert_ended(&job, "failed", 1);
        assert_ended(&task, "failed", 2);
        assert_int_equal(failed.n, 1);
        assert_int_equal(failed.code, HPCNODE_CGROUP_ERROR_NOT_FOUND);
        assert_int_equal(below.n, 1);
        assert_int_equal(below.code, HPCNODE_CGROUP_ERROR_NOT_FOUND);
}

static void nobody_else_can_tell_of_an_end(void **state)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *liar = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *client;
        Server *s = *state;
        Told t = { 0 };

        wait_for(s, "job", &t);
        server_settle(s);
        assert_true(sd_bus_get_unique_name(server_client(s)->bus, &client) >= 0);
        assert_true(sd_bus_open_system(&liar) >= 0);
        assert_true(sd_bus_message_new_signal(liar, &m, MANAGER_PATH, MANAGER_IFACE,
                                              "ScopeReleased") >= 0);
        assert_true(sd_bus_message_append(m, "ossiib", SCOPE_PREFIX "/job", "job", "exited", 0, 0,
                                          0) >= 0);
        assert_true(sd_bus_message_set_destination(m, client) >= 0);
        assert_true(sd_bus_send(liar, m, NULL) >= 0);
        assert_true(sd_bus_flush(liar) >= 0);
        server_settle(s);
        assert_int_equal(t.n, 0);
        server_emit_end(s, "job", 1);
        server_settle(s);
        assert_ended(&t, "failed", 1);
}

static const Thing silent[] = { { "", .error = "org.hpcnode.Cgroup1.Error.IO" } };

/* Runs the loop for longer than the daemon may be away. */
static void out_of_patience(Server *s)
{
        uint64_t until = client_now_usec() + UNREACHABLE_MAX_USEC + USEC_PER_SEC / 2;

        while (client_now_usec() < until)
                assert_true(sd_event_run(s->event, USEC_PER_SEC / 2) >= 0);
}

static void a_supervisor_that_stands_still_is_waited_for(void **state)
{
        Server *s = *state;
        const Thing *alive = s->things;
        Told t = { 0 };

        s->things = silent;
        wait_for(s, "scope/task", &t);
        out_of_patience(s);
        assert_true(s->n_get_scope > 1);
        assert_int_equal(t.n, 0);
        s->things = alive;
        while (s->n_get == 0)
                assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
        server_settle(s);
        server_emit_end(s, "scope/task", 0);
        server_settle(s);
        assert_ended(&t, "exited", 0);
}

/* --- daemon and bus go and come --- */

static void a_daemon_that_is_back_is_asked_again_and_not_started(void **state)
{
        static const Thing things[] = { { "ended", .state = "failed", .exit_status = 5 },
                                        { "", .state = "running" } };
        Told ended = { 0 }, lives = { 0 };
        Server *s = *state;

        wait_for(s, "ended", &ended);
        wait_for(s, "lives", &lives);
        server_settle(s);
        assert_int_equal(s->n_started, 2);
        server_disconnect(s);
        server_settle(s);
        s->things = things;
        server_connect(s);
        server_settle(s);
        assert_ended(&ended, "failed", 5);
        assert_int_equal(lives.n, 0);
        assert_int_equal(s->n_get_scope, 4);
        assert_int_equal(s->n_started, 2);
        server_emit_end(s, "lives", 0);
        server_settle(s);
        assert_ended(&lives, "exited", 0);
}

static void a_daemon_that_stays_away_is_not_waited_for_for_ever(void **state)
{
        Told waits[2] = { 0 };
        Server *s = *state;

        wait_for(s, "a", &waits[0]);
        wait_for(s, "b", &waits[1]);
        server_settle(s);
        server_disconnect(s);
        server_settle(s);
        assert_int_equal(waits[0].n, 0);
        for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
                server_await(s, &waits[i]);
                assert_int_equal(waits[i].code, HPCNODE_CGROUP_ERROR_UNREACHABLE);
        }
        server_connect(s);
}

static void a_daemon_that_leaves_with_its_supervisor_is_not_waited_for_for_ever(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        s->things = silent;
        wait_for(s, "scope/task", &t);
        server_settle(s);
        server_disconnect(s);
        out_of_patience(s);
        assert_int_equal(t.n, 1);
        assert_int_equal(t.code, HPCNODE_CGROUP_ERROR_UNREACHABLE);
        server_connect(s);
}

static void the_patience_of_one_wait_is_not_that_of_a_later_one(void **state)
{
        hpcnode_cgroup_call *early;
        Told never = { 0 }, t = { 0 };
        Server *s = *state;

        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "a", told, &never, &early, NULL), 0);
        server_settle(s);
        server_disconnect(s);
        server_settle(s);
        hpcnode_cgroup_call_cancel(early);
        out_of_patience(s);
        wait_for(s, "b", &t);
        server_settle(s);
        assert_int_equal(t.n, 0);
        server_connect(s);
        server_settle(s);
        server_emit_end(s, "b", 0);
        server_settle(s);
        assert_ended(&t, "exited", 0);
        assert_int_equal(never.n, 0);
}

static void a_connection_that_was_cut_is_made_anew(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        wait_for(s, "job", &t);
        server_settle(s);
        server_cut(s);
        while (s->n_get_scope < 2)
                assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
        server_settle(s);
        server_emit_end(s, "job", 1);
        server_settle(s);
        assert_ended(&t, "failed", 1);
}

static void a_bus_that_is_back_is_used_again(void **state)
{
        Server *s = *state;
        Told t = { 0 };

        wait_for(s, "job", &t);
        server_settle(s);
        server_disconnect(s);
        server_stop_bus(s);
        server_settle(s);
        assert_int_equal(t.n, 0);
        server_start_bus(s);
        server_connect(s);
        while (s->n_get_scope < 2)
                assert_true(sd_event_run(s->event, UINT64_MAX) >= 0);
        server_settle(s);
        server_emit_end(s, "job", 1);
        server_settle(s);
        assert_ended(&t, "failed", 1);
}

static void a_given_connection_that_has_ended_ends_its_waits(void **state)
{
        Server *s = *state;
        hpcnode_cgroup *c;
        sd_bus *bus = NULL;
        uint64_t begun;
        Told t = { 0 }, away = { 0 };

        assert_true(sd_bus_open_system(&bus) >= 0);
        assert_int_equal(hpcnode_cgroup_open_bus(bus, &c, NULL), 0);
        assert_int_equal(hpcnode_cgroup_attach_event(c, s->event, 0, NULL), 0);
        assert_int_equal(hpcnode_cgroup_wait_async(c, "job", told, &t, NULL, NULL), 0);
        server_settle(s);
        s->things = silent;
        assert_int_equal(hpcnode_cgroup_wait_async(c, "scope/task", told, &away, NULL, NULL), 0);
        server_settle(s);
        assert_int_equal(shutdown(sd_bus_get_fd(bus), SHUT_RDWR), 0);
        begun = client_now_usec();
        server_await(s, &t);
        assert_true(client_now_usec() - begun < UNREACHABLE_MAX_USEC);
        assert_int_equal(t.code, HPCNODE_CGROUP_ERROR_UNREACHABLE);
        server_await(s, &away);
        assert_int_equal(away.code, HPCNODE_CGROUP_ERROR_UNREACHABLE);
        hpcnode_cgroup_free(c);
        sd_bus_flush_close_unref(bus);
}

static void a_wait_may_be_cancelled_at_any_time(void **state)
{
        hpcnode_cgroup_call *early, *late;
        Server *s = *state;
        Told t = { 0 };

        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "a", told, &t, &early, NULL), 0);
        assert_int_equal(hpcnode_cgroup_wait_async(s->client, "b", told, &t, &late, NULL), 0);
        hpcnode_cgroup_call_cancel(early);
        server_settle(s);
        hpcnode_cgroup_call_cancel(late);
        server_emit_end(s, "a", 0);
        server_emit_end(s, "b", 0);
        server_settle(s);
        assert_int_equal(t.n, 0);
        assert_null(s->client->async->waits->matches[0]);
        wait_for(s, "b", &t);
        server_settle(s);
        server_emit_end(s, "b", 0);
        server_settle(s);
        assert_ended(&t, "exited", 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                ON_SERVER(no_call_is_pending_while_2000_wait),
                ON_SERVER(what_has_ended_already_is_told),
                ON_SERVER(an_end_between_two_questions_is_not_lost),
                ON_SERVER(a_failure_between_two_questions_is_not_lost),
                ON_SERVER(many_waits_for_one_object_are_told_of_one_end),
                ON_SERVER(the_end_of_an_earlier_run_is_not_that_of_the_next),
                ON_SERVER(a_zombie_ends_a_wait),
                ON_SERVER(what_is_being_made_is_waited_for),
                ON_SERVER(nobody_else_can_tell_of_an_end),
                ON_SERVER(a_supervisor_that_stands_still_is_waited_for),
                ON_SERVER(a_daemon_that_is_back_is_asked_again_and_not_started),
                ON_SERVER(a_daemon_that_stays_away_is_not_waited_for_for_ever),
                ON_SERVER(a_daemon_that_leaves_with_its_supervisor_is_not_waited_for_for_ever),
                ON_SERVER(the_patience_of_one_wait_is_not_that_of_a_later_one),
                ON_SERVER(a_connection_that_was_cut_is_made_anew),
                ON_SERVER(a_bus_that_is_back_is_used_again),
                ON_SERVER(a_given_connection_that_has_ended_ends_its_waits),
                ON_SERVER(a_wait_may_be_cancelled_at_any_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
