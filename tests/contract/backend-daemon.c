/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract is tested on the daemon of the node that this runs on, as root. */
#include "contract.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Of the node: see tests/node/lib/make-root and units/hpcnode-cgroupd.sysusers. A polkit rule admits alice. */
static const char *const users[_WHO_MAX] = {
        [ADMIN] = "root",
        [PACT] = "pact",
        [WORKLOAD] = "lattice",
        [OTHER] = "alice",
};

/* What a task reads its status from. */
typedef struct Input {
        char *task;
        int read_fd, write_fd;
} Input;

#define MANY 64

static hpcnode_cgroup *root; /* that nobody else uses */
static Input inputs[MANY];
static pid_t processes[MANY];
static char *cgroups[MANY]; /* that were made here */
static size_t n_inputs, n_processes, n_cgroups;

static const struct passwd *passwd_of(Who who)
{
        const struct passwd *pw = getpwnam(users[who]);

        assert_non_null(pw);
        return pw;
}

static uint32_t uid(Who who)
{
        return passwd_of(who)->pw_uid;
}

/* The bus asks the kernel who was there when the connection was made. */
static int open_as(Who who, hpcnode_cgroup **ret, hpcnode_cgroup_error *e)
{
        const struct passwd *pw = passwd_of(who);
        int r;

        assert_int_equal(initgroups(pw->pw_name, pw->pw_gid), 0);
        assert_int_equal(setegid(pw->pw_gid), 0);
        assert_int_equal(seteuid(pw->pw_uid), 0);
        r = hpcnode_cgroup_open(ret, e);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
        assert_int_equal(setgroups(0, NULL), 0);
        return r;
}

static void begin(void)
{
        (void) signal(SIGPIPE, SIG_IGN); /* of a task that has been killed */
        assert_int_equal(open_as(ADMIN, &root, NULL), 0);
}

/* --- tasks --- */

static void prepare(const char *task, hpcnode_cgroup_options *options)
{
        Input *input = &inputs[n_inputs++];
        int fds[2];

        assert_true(n_inputs < MANY);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        *input = (Input){ .task = strdup(task), .read_fd = fds[0], .write_fd = fds[1] };
        assert_non_null(input->task);
        assert_int_equal(
                hpcnode_cgroup_options_set_fd(options, "StandardInput", input->read_fd, NULL), 0);
}

/* Of the one that was started last. No assertion: those are the main thread's. */
static void exit_task(const char *task, int status)
{
        for (size_t i = n_inputs; i > 0; i--)
                if (streq(inputs[i - 1].task, task)) {
                        if (dprintf(inputs[i - 1].write_fd, "%d\n", status) < 0)
                                abort();
                        return;
                }
        abort();
}

static const char *const *unusable_program(const char *operation)
{
        static const char *const nothing[] = { "/nonexistent/program", NULL };

        return nothing;
}

/* --- processes elsewhere --- */

static void make_cgroup(const char *cgroup)
{
        char path[512] = "/sys/fs/cgroup/";
        size_t n = strlen(path);

        for (const char *p = cgroup;; p++) {
                if (*p == '/' || !*p) {
                        path[n] = '\0';
                        if (mkdir(path, 0755) == 0)
                                cgroups[n_cgroups++] = strdup(path);
                        else
                                assert_int_equal(errno, EEXIST);
                        assert_true(n_cgroups < MANY);
                }
                if (!*p)
                        return;
                path[n++] = *p;
                assert_true(n < sizeof(path));
        }
}

/* In the child, until it is what it is to be. */
static void become(const struct passwd *pw, const char *cgroup)
{
        char path[512];
        int fd;

        (void) snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.procs", cgroup);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "0", 1) == 1 && initgroups(pw->pw_name, pw->pw_gid) == 0 &&
            setgid(pw->pw_gid) == 0 && setuid(pw->pw_uid) == 0)
                (void) execlp("sleep", "sleep", "infinity", NULL);
}

static uint32_t process(Who who, const char *cgroup)
{
        const struct passwd *pw = passwd_of(who);
        char byte = 0;
        int fds[2];
        pid_t pid;

        make_cgroup(cgroup);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                become(pw, cgroup);
                (void) !write(fds[1], &byte, 1);
                _exit(1);
        }
        (void) close(fds[1]);
        assert_int_equal(read(fds[0], &byte, 1), 0); /* it executes another program */
        (void) close(fds[0]);
        processes[n_processes++] = pid;
        assert_true(n_processes < MANY);
        return (uint32_t) pid;
}

static uint32_t enter(const char *task, int leaf)
{
        pid_t pid = hpcnode_cgroup_fork_into(leaf, NULL, NULL);

        if (pid == 0) {
                (void) execlp("sleep", "sleep", "infinity", NULL);
                _exit(1);
        }
        assert_true(pid > 0);
        processes[n_processes++] = pid;
        assert_true(n_processes < MANY);
        return (uint32_t) pid;
}

static void end_process(uint32_t pid)
{
        for (size_t i = 0; i < n_processes; i++)
                if (processes[i] == (pid_t) pid) {
                        (void) kill(processes[i], SIGKILL);
                        assert_int_equal(waitpid(processes[i], NULL, 0), processes[i]);
                        processes[i] = processes[--n_processes];
                        return;
                }
        fail_msg("%u is no process of ours", pid);
}

static void set_emergency(bool lasts)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int r;

        r = lasts ? hpcnode_cgroup_declare_emergency(root, "contract", 0, &e)
                  : hpcnode_cgroup_end_emergency(root, &e);
        if (r < 0)
                fail_msg("%s", e.message);
}

static void end(void)
{
        while (n_processes > 0)
                end_process((uint32_t) processes[0]);
        for (; n_cgroups > 0; free(cgroups[n_cgroups]))
                (void) rmdir(cgroups[--n_cgroups]);
        for (; n_inputs > 0; free(inputs[n_inputs].task)) {
                n_inputs--;
                (void) close(inputs[n_inputs].read_fd);
                (void) close(inputs[n_inputs].write_fd);
        }
        root = hpcnode_cgroup_free(root);
}

const Backend backend = {
        .begin = begin,
        .end = end,
        .open = open_as,
        .uid = uid,
        .prepare = prepare,
        .exit = exit_task,
        .unusable_program = unusable_program,
        .process = process,
        .end_process = end_process,
        .make_cgroup = make_cgroup,
        .enter = enter,
        .set_emergency = set_emergency,
};
