/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of process-status.h. */
#include "basic/process-status.h"

#include "basic/process.h"

#include "test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const char complete[] = "Name:\todd\\nUid:\t5\t5\t5\t5\n"
                               "Umask:\t0022\n"
                               "State:\tZ (zombie)\n"
                               "Tgid:\t42\n"
                               "PPid:\t7\n"
                               "Uid:\t1000\t0\t4294967294\t3\n"
                               "Gid:\t100\t5\t6\t7\n"
                               "Threads:\t12\n"
                               "CapInh:\t0000000000000001\n"
                               "CapPrm:\t000001ffffffffff\n";

static void what_the_kernel_says_is_read(void **state)
{
        ProcessStatus s;

        assert_int_equal(process_status_parse(complete, &s), 0);
        assert_int_equal(s.state, 'Z');
        assert_int_equal(s.parent, 7);
        assert_int_equal(s.threads, 12);
        assert_true(s.permitted == UINT64_C(0x1ffffffffff));
        assert_memory_equal(s.uids, ((uid_t[]){ 1000, 0, 4294967294, 3 }), sizeof(s.uids));
        assert_memory_equal(s.gids, ((gid_t[]){ 100, 5, 6, 7 }), sizeof(s.gids));
}

/* Nobody is taken for root because a line is missing. */
static void what_is_missing_is_not_made_up(void **state)
{
        static const char *const keys[] = { "State", "PPid", "Uid", "Gid", "Threads", "CapPrm" };
        ProcessStatus s;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                _cleanup_(freep) char *text = strdup(complete);
                char line[16], *found;

                (void) snprintf(line, sizeof(line), "\n%s:", keys[i]);
                found = strstr(text, line);
                assert_non_null(found);
                found[1] = 'x';
                assert_int_equal(process_status_parse(text, &s), -EBADMSG);
        }
        assert_int_equal(process_status_parse("", &s), -EBADMSG);
        assert_int_equal(process_status_parse("Uid:\t1\t2\t3\n", &s), -EBADMSG);
}

static pid_t start_child(bool new_namespace)
{
        pid_t parent = getpid(), pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || (new_namespace && unshare(CLONE_NEWUSER) < 0))
                _exit(1);
        (void) raise(SIGSTOP);
        _exit(0);
}

static void a_live_process_is_found_as_it_is(void **state)
{
        pid_t pid = start_child(false);
        _cleanup_(freep) char *path = NULL, *own = NULL;
        ProcessStatus s;
        int status;

        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_int_equal(process_status(pid, &s), 0);
        assert_int_equal(s.state, 'T');
        assert_int_equal(s.parent, getpid());
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(s.uids[i], geteuid());
                assert_int_equal(s.gids[i], getegid());
        }
        assert_false(process_is_kernel_thread(pid));
        assert_int_equal(process_same_namespace(0, pid, "user"), 1);
        assert_int_equal(process_cgroup(getpid(), &own), 0);
        assert_int_equal(process_cgroup(pid, &path), 0);
        assert_string_equal(path, own);

        assert_return_code(kill(pid, SIGKILL), errno);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(process_status(pid, &s), -ESRCH);
        assert_int_equal(process_same_namespace(0, pid, "user"), -ENOENT);
        assert_int_equal(process_open_cgroup(pid), -ESRCH);
        assert_false(process_is_kernel_thread(pid));
}

static void another_namespace_is_noticed(void **state)
{
        pid_t pid = start_child(true);
        int status;

        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        if (WIFEXITED(status)) /* this kernel lets nobody have one */
                skip();
        assert_int_equal(process_same_namespace(0, pid, "user"), 0);
        assert_int_equal(process_same_namespace(pid, pid, "user"), 1);
        assert_int_equal(process_same_namespace(0, pid, "pid"), 1);
        assert_return_code(kill(pid, SIGKILL), errno);
        assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void threads_of_the_kernel_are_told(void **state)
{
        FILE *f = fopen("/proc/2/comm", "re");
        char line[32] = "";

        if (!f || !fgets(line, sizeof(line), f) || !streq(line, "kthreadd\n")) {
                if (f)
                        (void) fclose(f);
                skip();
        }
        (void) fclose(f);
        assert_true(process_is_kernel_thread(2));
        assert_false(process_is_kernel_thread(1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_the_kernel_says_is_read),
                cmocka_unit_test(what_is_missing_is_not_made_up),
                cmocka_unit_test(a_live_process_is_found_as_it_is),
                cmocka_unit_test(another_namespace_is_noticed),
                cmocka_unit_test(threads_of_the_kernel_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
