/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Look-ups of users: one process for all who ask for the same one, and an answer of its own for each. */
#include "daemon/user.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define ASKERS 3

/* In the process that looks up: says that it is there, and hangs until it is let go. */
static int look_up_slowly(const char *user, const char *group)
{
        int told = open(getenv("TEST_TOLD"), O_WRONLY | O_APPEND | O_CREAT, 0600);
        char byte;
        int go;

        if (told < 0 || write(told, ".", 1) != 1)
                return EXIT_FAILURE;
        go = open(getenv("TEST_GO"), O_RDONLY);
        (void) !read(go, &byte, 1);
        return user_lookup_main(user, group);
}

typedef struct Asker {
        Manager *manager;
        unsigned *n_answered;
        UserIdentity identity;
        int r;
} Asker;

static void on_user(int r, UserIdentity *identity, const char *reason, void *userdata)
{
        Asker *a = userdata;

        a->r = r;
        a->identity = *identity;
        *identity = (UserIdentity){};
        if (--*a->n_answered == 0)
                (void) sd_event_exit(a->manager->event, 0);
}

static void ask(Manager *m, const char *const users[ASKERS], Asker askers[ASKERS], unsigned *n)
{
        *n = ASKERS;
        for (int i = 0; i < ASKERS; i++) {
                askers[i] = (Asker){ .manager = m, .n_answered = n };
                assert_int_equal(user_lookup(m, users[i], "", on_user, &askers[i]), 0);
        }
}

static off_t size_of(const char *path)
{
        struct stat st;

        return stat(path, &st) < 0 ? 0 : st.st_size;
}

/* Lets n processes go, each of which has opened the pipe by then. */
static void answer(Manager *m, const char *go, int n)
{
        int fd = open(go, O_WRONLY);

        for (int i = 0; i < n; i++)
                assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(sd_event_loop(m->event), 0);
        (void) close(fd);
}

/* Each of them gets r. */
static void look_up(const char *const users[ASKERS], int processes, int r)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("user");
        char told[256], go[256];
        Asker askers[ASKERS];
        Manager m = {};
        unsigned n;

        TAILQ_INIT(&m.lookups);
        (void) snprintf(told, sizeof told, "%s/told", s.path);
        (void) snprintf(go, sizeof go, "%s/go", s.path);
        assert_return_code(mkfifo(go, 0600), errno);
        (void) setenv("TEST_TOLD", told, 1);
        (void) setenv("TEST_GO", go, 1);
        assert_return_code(sd_event_new(&m.event), 0);

        ask(&m, users, askers, &n);
        answer(&m, go, processes);
        assert_int_equal(size_of(told), processes);
        for (int i = 0; i < ASKERS; i++) {
                assert_int_equal(askers[i].r, r);
                if (r >= 0)
                        assert_string_equal(askers[i].identity.name, "root");
                user_identity_done(&askers[i].identity); /* freed twice if it were shared */
        }
        assert_true(TAILQ_EMPTY(&m.lookups));
        sd_event_unref(m.event);
}

static void one_process_answers_all_who_ask_for_one_user(void **state)
{
        look_up((const char *const[]){ "root", "root", "root" }, 1, 0);
}

static void another_user_has_another_process(void **state)
{
        look_up((const char *const[]){ "root", "0", "root" }, 2, 0);
}

static void that_there_is_none_is_told_to_all(void **state)
{
        look_up((const char *const[]){ "no-such", "no-such", "no-such" }, 1, -ESRCH);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_process_answers_all_who_ask_for_one_user),
                cmocka_unit_test(another_user_has_another_process),
                cmocka_unit_test(that_there_is_none_is_told_to_all),
        };
        sigset_t set;

        /* As the daemon executes itself: --lookup-user -- USER GROUP. */
        if (argc == 5)
                return look_up_slowly(argv[3], argv[4]);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
