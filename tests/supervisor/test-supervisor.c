/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of hpcnode-supervisor, which are skipped where there is no cgroup to run them in. */

#include "driver.h"

#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

static int run(const char *name, const struct CMUnitTest *tests, size_t n)
{
        return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

/* What a task of the keyring test prints: its session keyring, and whether it finds the key. */
static int print_session_keyring(void)
{
        (void) printf("session %ld\n",
                      syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
        if (syscall(SYS_request_key, "user", "secret", NULL, 0) >= 0)
                (void) printf("secret\n");
        return 0;
}

int main(int argc, char *argv[])
{
        int failed;

        if (argc > 1 && streq(argv[1], "--session-keyring"))
                return print_session_keyring();
        if (!driver_possible()) {
                (void) fprintf(stderr, "HPCNODE_TEST_CGROUP must name a writable cgroup (v2), and "
                                       "HPCNODE_SUPERVISOR the program: skipped\n");
                return 77;
        }
        (void) signal(SIGPIPE, SIG_IGN);
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        failed = run("life", life_tests, n_life_tests);
        failed += run("tasks", task_tests, n_task_tests);
        failed += run("open", open_tests, n_open_tests);
        failed += run("spawn", spawn_tests, n_spawn_tests);
        return failed ? 1 : 0;
}
