/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for an end, that has come or that somebody else brings about. */
#include "contract.h"

#include <pthread.h>

/* Somebody else: with a handle of its own, in a thread of its own. */
typedef struct Somebody {
        pthread_t thread;
        hpcnode_cgroup *c;
        const char *scope;
        const char *task; /* that is to end */
        int status;
        int result;
} Somebody;

static void begin(Somebody *s, void *(*what)(void *) )
{
        assert_int_equal(backend.open(ADMIN, &s->c, NULL), 0);
        assert_int_equal(pthread_create(&s->thread, NULL, what, s), 0);
}

static int finish(Somebody *s)
{
        assert_int_equal(pthread_join(s->thread, NULL), 0);
        hpcnode_cgroup_free(s->c);
        return s->result;
}

static void *end_task(void *userdata)
{
        Somebody *s = userdata;

        backend.exit(s->task, s->status);
        return NULL;
}

static void *destroy_scope(void *userdata)
{
        Somebody *s = userdata;

        s->result = hpcnode_cgroup_destroy_scope(s->c, s->scope, NULL);
        return NULL;
}

static void *wait_for_end(void *userdata)
{
        hpcnode_cgroup_info *info = NULL;
        Somebody *s = userdata;

        s->result = hpcnode_cgroup_wait(s->c, s->scope, -1, &info, NULL);
        if (s->result >= 0)
                s->result = info->exit_status;
        hpcnode_cgroup_info_free(info);
        return NULL;
}

static void an_end_that_has_come_is_told_at_once(void **state)
{
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        backend.exit("job/main", 8);
        for (int i = 0; i < 3; i++)
                assert_end(n, "job", "failed", 8, 0);
        OK(n, hpcnode_cgroup_wait(n->as[OTHER], "job", -1, NULL, &n->e));
}

static void an_end_that_another_brings_about_is_waited_for(void **state)
{
        Somebody s = { .task = "job/main", .status = 12 };
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        begin(&s, end_task);
        assert_end(n, "job", "failed", 12, 0);
        (void) finish(&s);
}

static void the_end_of_a_task_is_waited_for(void **state)
{
        Somebody s = { .task = "a/t", .status = 0 };
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        spawn(n, ADMIN, "a", "t");
        begin(&s, end_task);
        assert_end(n, "a/t", "exited", 0, 0);
        (void) finish(&s);
        assert_state(n, "a", "active");
}

static void the_destruction_of_a_scope_is_waited_for(void **state)
{
        Somebody s = { .scope = "a" };
        Node *n = *state;

        create(n, ADMIN, "workload.slice", "a");
        begin(&s, destroy_scope);
        assert_end(n, "a", "exited", -1, 0);
        assert_int_equal(finish(&s), 0);
}

static void several_wait_for_one_end(void **state)
{
        Somebody s[4] = { 0 };
        Node *n = *state;

        run(n, ADMIN, "workload.slice", "job");
        for (size_t i = 0; i < ELEMENTSOF(s); i++) {
                s[i].scope = "job";
                begin(&s[i], wait_for_end);
        }
        backend.exit("job/main", 33);
        assert_end(n, "job", "failed", 33, 0);
        for (size_t i = 0; i < ELEMENTSOF(s); i++)
                assert_int_equal(finish(&s[i]), 33);
}

static void a_wait_can_be_cancelled(void **state)
{
        hpcnode_cgroup_info *info = NULL;
        Node *n = *state;
        char byte;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        run(n, ADMIN, "workload.slice", "job");
        assert_int_equal(write(fds[1], "x", 1), 1);
        FAILS(n, INTERRUPTED, hpcnode_cgroup_wait(n->as[ADMIN], "job", fds[0], &info, &n->e));
        assert_null(info);
        assert_int_equal(read(fds[0], &byte, 1), 1); /* it was left there */
        assert_state(n, "job", "running");
        backend.exit("job/main", 0);
        OK(n, hpcnode_cgroup_wait(n->as[ADMIN], "job", fds[0], &info, &n->e));
        assert_string_equal(info->state, "exited");
        hpcnode_cgroup_info_free(info);
        (void) close(fds[0]);
        (void) close(fds[1]);
}

int run_wait_tests(void)
{
        const struct CMUnitTest tests[] = {
                TEST(an_end_that_has_come_is_told_at_once),
                TEST(an_end_that_another_brings_about_is_waited_for),
                TEST(the_end_of_a_task_is_waited_for),
                TEST(the_destruction_of_a_scope_is_waited_for),
                TEST(several_wait_for_one_end),
                TEST(a_wait_can_be_cancelled),
        };

        return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
