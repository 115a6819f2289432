/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The start of a task: what can fail on the way, and what the task is given. */

#include "driver.h"

#include "basic/cgroup-file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define LONG_TASK SHELL("exec sleep 1000")

#define ALICE "uid=1000\ngid=1000\n"

/* Runs a shell command to its end and compares what it printed. */
static void check_output(Driver *d, const char *command, const char *spec, const char *wanted)
{
        char output[4096];
        Message *m = driver_run(d, "probe", &(Program){ .argv = SHELL(command), .spec = spec },
                                output, sizeof(output));

        assert_string_equal(output, wanted);
        free(m);
}

/* --- starts that fail --- */

typedef struct Failure {
        const char *spec;
        const char *const *argv;
        const char *step;
        int error;
} Failure;

static void prepare_obstacles(void)
{
        (void) mkdir("/tmp/hpcnode-obstacles", 0777);
        (void) mkfifo("/tmp/hpcnode-obstacles/fifo", 0666);
        (void) symlink("/tmp/hpcnode-obstacles/target", "/tmp/hpcnode-obstacles/link");
        (void) close(open("/tmp/hpcnode-obstacles/not-executable", O_CREAT | O_WRONLY, 0644));
        (void) mkdir("/tmp/hpcnode-obstacles/secret", 0700);
        int fd = open("/tmp/hpcnode-obstacles/no-format", O_CREAT | O_WRONLY, 0755);

        (void) !write(fd, "echo hello\n", 11);
        (void) close(fd);
        (void) link("/tmp/hpcnode-obstacles/not-executable", "/tmp/hpcnode-obstacles/hard-link");
}

static void a_start_that_fails_says_where_and_leaves_nothing(void **state)
{
        static const char *const none[] = { NULL };
        const Failure failures[] = {
                { NULL, none, "spec", EINVAL },
                { "uid=1000\n", ARGV("true"), "spec", EINVAL },
                { "groups=5\n", ARGV("true"), "spec", EINVAL },
                { "uid=4294967295\ngid=0\n", ARGV("true"), "spec", EINVAL },
                { "cwd=relative\n", ARGV("true"), "spec", EINVAL },
                { "nice=20\n", ARGV("true"), "spec", EINVAL },
                { "rlimit=7 2 1\n", ARGV("true"), "spec", EINVAL },
                { "rlimit=7 1\n", ARGV("true"), "spec", EINVAL },
                { "rlimit=7 1 2 3\n", ARGV("true"), "spec", EINVAL },
                { "rlimit=NOFILE 1 2\n", ARGV("true"), "spec", EINVAL },
                { "oom_score_adj=-2000\n", ARGV("true"), "spec", EINVAL },
                { "log=everywhere\n", ARGV("true"), "spec", EINVAL },
                { "limit=MemoryMost=1\n", ARGV("true"), "spec", EINVAL },
                { "limit=MemoryMax=much\n", ARGV("true"), "spec", EINVAL },
                { "limit=AllowedCPUs=8191\n", ARGV("true"), "task_limits", ESTALE },
                { "limit=DevicePolicy=closed\n", ARGV("true"), "task_limits", EOPNOTSUPP },
                { "rubbish\n", ARGV("true"), "spec", EBADMSG },
                { "cwd=/nowhere\n", ARGV("true"), "cwd", ENOENT },
                { ALICE "cwd=/tmp/hpcnode-obstacles/secret\n", ARGV("true"), "cwd", EACCES },
                { "log=file:/nowhere/log\n", ARGV("true"), "log", ENOENT },
                { "log=file:/tmp\n", ARGV("true"), "log", EISDIR },
                { "log=file:/tmp/hpcnode-obstacles/fifo\n", ARGV("true"), "log", ENXIO },
                { "log=file:/tmp/hpcnode-obstacles/link\n", ARGV("true"), "log", ELOOP },
                { "log=file:/tmp/hpcnode-obstacles/hard-link\n", ARGV("true"), "log", EMLINK },
                { "log=file:/dev/stdout\n", ARGV("true"), "log", ELOOP },
                { "log=file:/proc/self/fd/0\n", ARGV("true"), "log", ELOOP },
                { "log=file:/dev/null\n", ARGV("true"), "log", EINVAL },
                { ALICE "log=file:/tmp/hpcnode-obstacles/secret/log\n", ARGV("true"), "log",
                  EACCES },
                { NULL, ARGV("/nowhere"), "exec", ENOENT },
                { NULL, ARGV("not-in-any-path"), "exec", ENOENT },
                { NULL, ARGV(""), "exec", ENOENT },
                { NULL, ARGV("/tmp"), "exec", EACCES },
                { NULL, ARGV("/tmp/hpcnode-obstacles/not-executable"), "exec", EACCES },
                { NULL, ARGV("/tmp/hpcnode-obstacles/no-format"), "exec", ENOEXEC },
        };
        Driver *d = driver_new(NULL);

        prepare_obstacles();
        for (size_t i = 0; i < ELEMENTSOF(failures); i++) {
                const Failure *f = failures + i;

                driver_spawn_fails(d, "t", &(Program){ .argv = f->argv, .spec = f->spec }, f->step,
                                   f->error);
                assert_false(driver_exists(d, "payload/t"));
        }
        assert_false(driver_has(d, "task"));
        assert_false(driver_has(d, "exited"));
        driver_free(d);
}

static void a_path_of_forbidden_programs_gives_eacces(void **state)
{
        Driver *d = driver_new(NULL);

        prepare_obstacles();
        driver_spawn_fails(d, "t",
                           &(Program){ .argv = ARGV("not-executable"),
                                       .env = ARGV("PATH=/tmp/hpcnode-obstacles:/nowhere") },
                           "exec", EACCES);
        driver_free(d);
}

static void names_that_are_no_names_are_refused(void **state)
{
        static const char *const names[] = { "",           ".",  "..", "a/b", "-x", "cgroup.procs",
                                             "memory.max", "a b" };
        Driver *d = driver_new(NULL);

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                driver_spawn_fails(d, names[i], &(Program){ .argv = ARGV("true") }, "leaf", EINVAL);
        driver_free(d);
}

/* A child born into a frozen leaf hangs before its first instruction, like one on a dead file system. */
static void hang_next(Driver *d, const char *name)
{
        char path[64];

        (void) snprintf(path, sizeof(path), "payload/%s", name);
        assert_return_code(mkdirat(d->scope_fd, path, 0755), errno);
        (void) snprintf(path, sizeof(path), "payload/%s/cgroup.freeze", name);
        driver_write(d, path, "1");
}

static void a_start_that_hangs_times_out_and_delays_nobody(void **state)
{
        Driver *d = driver_new(NULL);
        char output[8];
        uint64_t serial, begin = clock_now();
        Message *m;

        hang_next(d, "hangs");
        serial = driver_spawn_send(
                d, "hangs", &(Program){ .argv = ARGV("true"), .timeout_usec = USEC_PER_SEC });
        for (int i = 0; i < 5; i++)
                free(driver_run(d, "other", &(Program){ .argv = ARGV("true") }, output,
                                sizeof(output)));
        m = driver_answer(d, serial);
        assert_string_equal(message_get(m, "type"), "failed");
        assert_string_equal(message_get(m, "step"), "timeout");
        assert_int_equal(message_number(m, "errno"), ETIMEDOUT);
        assert_in_range(clock_now() - begin, USEC_PER_SEC, 20 * USEC_PER_SEC);
        free(m);
        driver_wait_gone(d, "payload/hangs");
        driver_spawn_ok(d, "hangs", &(Program){ .argv = ARGV("true") });
        driver_free(d);
}

static void a_child_killed_before_exec_is_told_from_a_program(void **state)
{
        Driver *d = driver_new(NULL);
        uint64_t serial;
        Message *m;

        hang_next(d, "hangs");
        serial = driver_spawn_send(d, "hangs", &(Program){ .argv = ARGV("true") });
        free(driver_answer(d, driver_signal(d, "hangs", SIGKILL)));
        m = driver_answer(d, serial);
        assert_string_equal(message_get(m, "type"), "failed");
        assert_string_equal(message_get(m, "step"), "died");
        free(m);
        assert_false(driver_exists(d, "payload/hangs"));
        driver_free(d);
}

/* What the event loop of a process looks at. */
static size_t count_watched(pid_t pid)
{
        char path[64], target[64], line[256];
        size_t n = 0;

        for (int fd = 0; fd < 32; fd++) {
                ssize_t length;
                FILE *f;

                (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
                length = readlink(path, target, sizeof(target) - 1);
                target[length < 0 ? 0 : length] = '\0';
                if (!streq(target, "anon_inode:[eventpoll]"))
                        continue;
                (void) snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
                f = fopen(path, "re");
                assert_non_null(f);
                while (fgets(line, sizeof(line), f))
                        n += startswith(line, "tfd:") != NULL;
                (void) fclose(f);
        }
        return n;
}

/* Its pipe is closed, of which one that hangs has a copy: that must not bring events of what is not there any more. */
static void a_start_that_failed_is_not_looked_at_though_another_hangs(void **state)
{
        Driver *d = driver_new(NULL);
        size_t before = count_watched(d->lasting);
        uint64_t failed, hanging;
        Message *m;

        assert_true(before > 0);
        hang_next(d, "fails");
        hang_next(d, "hangs");
        failed = driver_spawn_send(d, "fails", &(Program){ .argv = ARGV("true") });
        hanging = driver_spawn_send(d, "hangs", &(Program){ .argv = ARGV("true") });
        free(driver_answer(d, driver_signal(d, "fails", SIGKILL)));
        m = driver_answer(d, failed);
        assert_string_equal(message_get(m, "step"), "died");
        free(m);
        assert_int_equal(count_watched(d->lasting), before + 1);
        free(driver_answer(d, driver_signal(d, "hangs", SIGKILL)));
        free(driver_answer(d, hanging));
        assert_int_equal(count_watched(d->lasting), before);
        driver_free(d);
}

/* Uninterruptible sleep, made by freezing a file system: HPCNODE_TEST_MOUNT names one to freeze. */
static void a_start_that_cannot_be_killed_is_answered_in_time(void **state)
{
        const char *mount = getenv("HPCNODE_TEST_MOUNT");
        char spec[256], output[8];
        Driver *d;
        int fd;

        if (!mount) {
                skip();
                return;
        }
        d = driver_new(NULL);
        (void) snprintf(spec, sizeof(spec), "log=file:%s/log\n", mount);
        fd = open(mount, O_DIRECTORY | O_CLOEXEC);
        assert_return_code(ioctl(fd, FIFREEZE, 0), errno);
        driver_spawn_fails(
                d, "dead",
                &(Program){ .argv = ARGV("true"), .spec = spec, .timeout_usec = USEC_PER_SEC },
                "log", ETIMEDOUT);
        assert_true(driver_exists(d, "payload/dead"));
        driver_spawn_fails(d, "dead", &(Program){ .argv = ARGV("true") }, "leaf", EEXIST);
        free(driver_run(d, "other", &(Program){ .argv = ARGV("true") }, output, sizeof(output)));
        assert_return_code(ioctl(fd, FITHAW, 0), errno);
        (void) close(fd);
        driver_wait_gone(d, "payload/dead");
        driver_free(d);
}

/* --- what a task is given --- */

static void descriptors_that_are_passed_are_stdio(void **state)
{
        Driver *d = driver_new(NULL);
        int in[2], out[2], err[2];
        char text[64];
        ssize_t n;

        assert_return_code(pipe(in) | pipe(out) | pipe(err), errno);
        driver_spawn_ok(d, "t",
                        &(Program){ .argv = SHELL("cat; echo problem >&2"),
                                    .fds = "stdin stdout stderr",
                                    .passed = { in[0], out[1], err[1] } });
        (void) close(in[0]), (void) close(out[1]), (void) close(err[1]);
        assert_int_equal(write(in[1], "through", 7), 7);
        (void) close(in[1]);
        n = read(out[0], text, sizeof(text));
        assert_int_equal(n, 7);
        assert_memory_equal(text, "through", 7);
        n = read(err[0], text, sizeof(text));
        assert_int_equal(n, 8);
        assert_memory_equal(text, "problem\n", 8);
        /* Nobody else holds the writing ends. */
        assert_int_equal(read(out[0], text, 1), 0);
        assert_int_equal(read(err[0], text, 1), 0);
        driver_free(d);
}

static void fds_that_do_not_match_are_refused(void **state)
{
        Driver *d = driver_new(NULL);
        Fields f = {};
        Message *m;

        fields_append(&f, "type", "spawn");
        fields_append(&f, "task", "t");
        fields_append_u64(&f, "timeout_usec", USEC_PER_SEC);
        fields_append(&f, "fds", "stdin stdout");
        m = driver_answer(d, driver_send(d, &f, (int[]){ STDIN_FILENO, STDIN_FILENO }, 2));
        assert_string_equal(message_get(m, "step"), "stdio");
        free(m);
        assert_false(driver_exists(d, "payload/t"));
        driver_free(d);
}

static void arguments_and_environment_arrive_byte_by_byte(void **state)
{
        Driver *d = driver_new(NULL);
        char output[256];

        free(driver_run(
                d, "t",
                &(Program){ .argv = ARGV("/bin/sh", "-c", "printf '<%s>' \"$@\" \"$K\"", "sh",
                                         "two\nlines", "\\n", "", " ", "=", "\xff\x01\t\\", "ü"),
                            .env = ARGV("PATH=/bin", "K=a\nb\\c=d") },
                output, sizeof(output)));
        assert_string_equal(output, "<two\nlines><\\n><><\x20><=><\xff\x01\t\\><ü><a\nb\\c=d>");
        free(driver_run(d, "t",
                        &(Program){ .argv = ARGV("/usr/bin/env"), .env = ARGV("ONLY=this") },
                        output, sizeof(output)));
        assert_string_equal(output, "ONLY=this\n");
        driver_free(d);
}

static void thousands_of_arguments_arrive(void **state)
{
        enum { N = 20000 };
        Driver *d = driver_new(NULL);
        const char **argv = calloc(N + 1, sizeof(char *));
        char output[64];

        assert_non_null(argv);
        for (int i = 0; i < N; i++)
                argv[i] = "argument";
        memcpy(argv, (const char *[]){ "/bin/sh", "-c", "echo $#", "sh" }, 4 * sizeof(char *));
        free(driver_run(d, "t", &(Program){ .argv = argv }, output, sizeof(output)));
        assert_string_equal(output, "19996\n");
        free(argv);
        driver_free(d);
}

static void the_program_is_looked_up_in_the_tasks_own_path(void **state)
{
        Driver *d = driver_new(NULL);
        char output[64];

        free(driver_run(
                d, "t",
                &(Program){ .argv = ARGV("echo", "found"), .env = ARGV("PATH=/nowhere:/tmp:/bin") },
                output, sizeof(output)));
        assert_string_equal(output, "found\n");
        driver_spawn_fails(d, "t", &(Program){ .argv = ARGV("echo"), .env = ARGV("PATH=/nowhere") },
                           "exec", ENOENT);
        driver_free(d);
}

static void identity_directory_and_mask(void **state)
{
        Driver *d = driver_new(NULL);

        check_output(d, "id -u; id -g; id -G; pwd; umask",
                     ALICE "groups=2000\ngroups=2001\ncwd=/tmp\n",
                     "1000\n1000\n1000 2000 2001\n/tmp\n0022\n");
        check_output(d, "grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status", ALICE,
                     "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                     "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
        check_output(d, "nice; grep NoNewPrivs /proc/self/status", "nice=7\nno_new_privs=1\n",
                     "7\nNoNewPrivs:\t1\n");
        check_output(d, "pwd", NULL, "/\n");
        driver_free(d);
}

static void signals_are_neither_blocked_nor_ignored(void **state)
{
        Driver *d = driver_new(NULL);

        check_output(d, "exec grep -E 'Sig(Pnd|Blk|Ign)' /proc/self/status", NULL,
                     "SigPnd:\t0000000000000000\nSigBlk:\t0000000000000000\n"
                     "SigIgn:\t0000000000000000\n");
        driver_free(d);
}

static void a_task_is_a_session_and_holds_three_descriptors(void **state)
{
        Driver *d = driver_new(NULL);
        Message *m = driver_spawn(d, "t", &(Program){ .argv = LONG_TASK });
        pid_t pid = (pid_t) message_number(m, "pid");
        char path[64], target[64] = "", procs[64];
        int in;

        assert_int_equal(getsid(pid), pid);
        for (int i = 0; i < 3; i++) {
                (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, i);
                assert_int_equal(readlink(path, target, sizeof(target)), 9);
                assert_memory_equal(target, "/dev/null", 9);
        }
        /* Counted when it has loaded what it needs. */
        driver_spawn_ready(d, "ready", "echo; read x", &in);
        driver_read(d, "payload/ready/cgroup.procs", procs, sizeof(procs));
        assert_int_equal(count_fds(atoi(procs)), 3);
        (void) close(in);
        free(m);
        driver_free(d);
}

static void oom_score_adj_is_reset_for_good(void **state)
{
        int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
        Driver *d;

        if (write(fd, "-1000", 5) < 0)
                skip();
        d = driver_new(NULL);
        check_output(
                d,
                "cat /proc/self/oom_score_adj; echo -1000 2>/dev/null >/proc/self/oom_score_adj "
                "&& echo lowered; cat /proc/self/oom_score_adj",
                ALICE, "0\n0\n");
        check_output(d, "cat /proc/self/oom_score_adj", "oom_score_adj=300\n", "300\n");
        driver_free(d);
        assert_int_equal(pwrite(fd, "0", 1, 0), 1);
        (void) close(fd);
}

static void a_task_has_a_session_keyring_of_its_own(void **state)
{
        char self[256] = "", output[64], ours[64];
        Driver *d;

        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
                skip();
        assert_true(syscall(SYS_add_key, "user", "secret", "x", 1, KEY_SPEC_SESSION_KEYRING) > 0);
        assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
        (void) snprintf(ours, sizeof(ours), "session %ld\n",
                        syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
        d = driver_new(NULL);
        for (int i = 0; i < 2; i++) {
                Program p = { .argv = ARGV(self, "--session-keyring"), .spec = i ? ALICE : NULL };

                free(driver_run(d, "t", &p, output, sizeof(output)));
                assert_non_null(startswith(output, "session "));
                assert_string_not_equal(output, ours);
                assert_null(strstr(output, "secret"));
        }
        driver_free(d);
}

/* Whatever the supervisor has. */
static void a_task_has_the_resource_limits_that_it_is_given(void **state)
{
        Driver *d = driver_new(NULL);
        char spec[256];

        check_output(d, "ulimit -Sn; ulimit -Hn", "rlimit=7 333 444\n", "333\n444\n");
        (void) snprintf(spec, sizeof(spec),
                        "rlimit=%d 0 18446744073709551615\nrlimit=%d 65536 65536\nrlimit=99 1 2\n",
                        RLIMIT_CORE, RLIMIT_STACK);
        check_output(d, "ulimit -Sc; ulimit -Hc; ulimit -s", spec, "0\nunlimited\n64\n");
        driver_free(d);
}

static void a_log_file_is_appended_to_as_the_user(void **state)
{
        Driver *d = driver_new(NULL);
        char spec[128], text[64];
        struct stat st;
        Message *m;
        int fd;

        (void) snprintf(spec, sizeof(spec), ALICE "log=file:%s/log\n", d->runtime);
        assert_return_code(chmod(d->runtime, 0777), errno);
        for (int i = 0; i < 2; i++) {
                driver_spawn_ok(
                        d, "t",
                        &(Program){ .argv = SHELL("echo out; echo err >&2"), .spec = spec });
                m = driver_expect(d, "type", "exited", NULL);
                assert_string_equal(message_get(m, "exit"), "0");
                free(m);
        }
        fd = openat(d->runtime_fd, "log", O_RDONLY | O_CLOEXEC);
        assert_return_code(fstat(fd, &st), errno);
        assert_int_equal(st.st_uid, 1000);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(read(fd, text, sizeof(text)), 16);
        assert_memory_equal(text, "out\nerr\nout\nerr\n", 16);
        (void) close(fd);
        driver_free(d);
}

static void tasks_share_one_stream_to_the_journal(void **state)
{
        Driver *d;
        size_t before;

        if (access("/run/systemd/journal/stdout", W_OK) < 0)
                skip();
        d = driver_new(NULL);
        driver_spawn_ok(d, "warm-up", &(Program){ .argv = ARGV("true") });
        before = count_fds(d->lasting);
        for (int i = 0; i < 3; i++) {
                char name[8], path[64], target[64] = "";
                Message *m;

                (void) snprintf(name, sizeof(name), "t%d", i);
                m = driver_spawn(d, name, &(Program){ .argv = LONG_TASK, .no_log = true });
                (void) snprintf(path, sizeof(path), "/proc/%ju/fd/1",
                                (uintmax_t) message_number(m, "pid"));
                assert_true(readlink(path, target, sizeof(target) - 1) > 0);
                assert_non_null(strstr(target, "socket:"));
                free(m);
        }
        assert_in_range(count_fds(d->lasting), before, before + 1);
        driver_free(d);
}

/* Only where journald may be taken down: on a node made for tests. */
static void a_stream_that_broke_is_opened_anew(void **state)
{
        static const char *const restart =
                "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket "
                "systemd-journald-audit.socket systemd-journald.service 2>/dev/null; "
                "systemctl start systemd-journald.socket systemd-journald-dev-log.socket "
                "systemd-journald.service && "
                "systemd-run --quiet --wait /bin/true";
        char after[64], search[256], output[64];
        Driver *d;

        if (!getenv("NODE_KIND")) {
                skip();
                return;
        }
        (void) snprintf(after, sizeof(after), "echo after-%d && echo twice-%d", getpid(), getpid());
        (void) snprintf(search, sizeof(search),
                        "for i in 1 2 3 4 5; do journalctl --sync; "
                        "journalctl -b -t test -o cat | grep -x twice-%d && exit; sleep 1; done",
                        getpid());
        d = driver_new(NULL);
        driver_spawn_ok(d, "t", &(Program){ .argv = SHELL("echo before"), .no_log = true });
        driver_expect_drop(d, "type", "exited", "exit", "0", NULL);
        assert_int_equal(system(restart), 0);
        driver_spawn_ok(d, "t", &(Program){ .argv = SHELL(after), .no_log = true });
        driver_expect_drop(d, "type", "exited", "exit", "0", NULL);
        free(driver_run(d, "t", &(Program){ .argv = SHELL(search) }, output, sizeof(output)));
        assert_non_null(startswith(output, "twice-"));
        driver_free(d);
}

static void a_leaf_prepared_by_the_daemon_is_used(void **state)
{
        Driver *d = driver_new(NULL);

        assert_return_code(mkdirat(d->scope_fd, "payload/t", 0755), errno);
        driver_spawn_ok(d, "t", &(Program){ .argv = ARGV("true") });
        driver_expect_drop(d, "type", "exited", NULL);
        driver_wait_gone(d, "payload/t");
        driver_free(d);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_that_fails_says_where_and_leaves_nothing),
        cmocka_unit_test(a_path_of_forbidden_programs_gives_eacces),
        cmocka_unit_test(names_that_are_no_names_are_refused),
        cmocka_unit_test(a_start_that_hangs_times_out_and_delays_nobody),
        cmocka_unit_test(a_child_killed_before_exec_is_told_from_a_program),
        cmocka_unit_test(a_start_that_failed_is_not_looked_at_though_another_hangs),
        cmocka_unit_test(a_start_that_cannot_be_killed_is_answered_in_time),
        cmocka_unit_test(descriptors_that_are_passed_are_stdio),
        cmocka_unit_test(fds_that_do_not_match_are_refused),
        cmocka_unit_test(arguments_and_environment_arrive_byte_by_byte),
        cmocka_unit_test(thousands_of_arguments_arrive),
        cmocka_unit_test(the_program_is_looked_up_in_the_tasks_own_path),
        cmocka_unit_test(identity_directory_and_mask),
        cmocka_unit_test(signals_are_neither_blocked_nor_ignored),
        cmocka_unit_test(a_task_is_a_session_and_holds_three_descriptors),
        cmocka_unit_test(oom_score_adj_is_reset_for_good),
        cmocka_unit_test(a_task_has_a_session_keyring_of_its_own),
        cmocka_unit_test(a_task_has_the_resource_limits_that_it_is_given),
        cmocka_unit_test(a_log_file_is_appended_to_as_the_user),
        cmocka_unit_test(tasks_share_one_stream_to_the_journal),
        cmocka_unit_test(a_stream_that_broke_is_opened_anew),
        cmocka_unit_test(a_leaf_prepared_by_the_daemon_is_used),
};

const struct CMUnitTest *const spawn_tests = tests;
const size_t n_spawn_tests = ELEMENTSOF(tests);
