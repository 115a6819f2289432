/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The start of a task as its own child sees it, in its leaf, up to execve.
 *
 * Everything that a caller named (program, directory, log file) is touched here only, as the user
 * the task runs as; whatever hangs, hangs this process alone. */

#include "supervisor.h"

#include "sup-spec.h"

#include "basic/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* More than any kernel is built for; a smaller mask may be refused. */
#define CPUS_MAX 65536

#define PATH_DEFAULT "/usr/local/bin:/usr/bin:/bin"

typedef struct Start {
        const Child *child;
        Spec spec;
        int log_fd;
        char *reason; /* why a step has failed, or NULL */
} Start;

static void report(const Start *st, SpawnStep step, int error)
{
        ChildStatus status = { .step = (int32_t) step, .error = abs(error) };

        if (st->reason)
                (void) memccpy(status.reason, st->reason, '\0', sizeof(status.reason) - 1);
        (void) !write(st->child->status_fd, &status, sizeof(status));
}

/* What a caller has named may lie on a file system that hangs: then it is known where. */
static void announce(const Start *st, SpawnStep step)
{
        report(st, step, 0);
}

static int step_spec(Start *st)
{
        return spec_read(st->child->spec_fd, &st->spec);
}

static bool needs_log(const Start *st)
{
        return st->child->stdio[1] < 0 || st->child->stdio[2] < 0;
}

static int step_journal(Start *st)
{
        if (!needs_log(st) || st->spec.log != SPEC_LOG_JOURNAL)
                return 0;
        st->log_fd = st->child->journal;
        return st->log_fd < 0 ? st->log_fd : 0;
}

/* While still privileged, so that the task cannot lower it again. Without privilege it cannot be
 * lowered, and stays what the user's manager gave. */
static int step_oom_score(Start *st)
{
        _cleanup_(closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        const char *value = st->spec.oom_score_adj;

        if (fd < 0)
                return -errno;
        if (write(fd, value, strlen(value)) < 0 && (errno != EACCES || geteuid() == 0))
                return -errno;
        return 0;
}

/* Keys of ours (and of root's) must not be readable by the task. Where keyctl does not exist, or is
 * refused as such by a filter that the task inherits, there is nothing that it could read. */
static int step_keyring(Start *st)
{
        int r;

        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
                return 0;
        r = -errno;
        if (r == -ENOSYS)
                return 0;
        if (r == -EPERM &&
            syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0 &&
            errno == EPERM)
                return 0;
        return r;
}

/* Behind oom_score: what takes more than its limit from the beginning has to be killed, not to spin. */
static int step_task_limits(Start *st)
{
        if (!limits_any(&st->spec.limits))
                return 0;
        announce(st, SPAWN_STEP_TASK_LIMITS);
        return limits_write(&st->spec.limits, st->child->leaf_fd, &st->reason);
}

/* Without privilege a limit cannot be raised beyond what the user's manager has: then it is that. */
static int set_rlimit(unsigned resource, struct rlimit limit)
{
        struct rlimit now;

        if (setrlimit((__rlimit_resource_t) resource, &limit) >= 0)
                return 0;
        if (errno != EPERM || getrlimit((__rlimit_resource_t) resource, &now) < 0)
                return -errno;
        if (limit.rlim_max > now.rlim_max)
                limit.rlim_max = now.rlim_max;
        if (limit.rlim_cur > limit.rlim_max)
                limit.rlim_cur = limit.rlim_max;
        return setrlimit((__rlimit_resource_t) resource, &limit) < 0 ? -errno : 0;
}

/* The cpus that PID 1 and its services run on; the cpuset of the leaf is kept to in any case. */
static void reset_affinity(void)
{
        unsigned long wanted[CPUS_MAX / (8 * sizeof(long))], own[ELEMENTSOF(wanted)];
        long n = syscall(SYS_sched_getaffinity, 1, sizeof(wanted), wanted);

        if (n > 0 && syscall(SYS_sched_getaffinity, 0, sizeof(own), own) == n &&
            memcmp(own, wanted, (size_t) n) != 0)
                (void) syscall(SYS_sched_setaffinity, 0, (size_t) n, wanted);
}

/* What an operator gives the daemon's service, or the shell it was started from has, is not for the tasks:
 * they have what PID 1's services have by default. A user's own daemon has it from the user's manager. */
static void reset_scheduling(void)
{
        const int who_process = 1, class_none = 0;

        (void) personality(PER_LINUX);
        if (geteuid() != 0)
                return;
        (void) sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){});
        (void) setpriority(PRIO_PROCESS, 0, 0);
        (void) syscall(SYS_ioprio_set, who_process, 0, class_none);
        reset_affinity();
}

static int step_limits(Start *st)
{
        reset_scheduling();
        for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
                int r = st->spec.has_rlimit[i] ? set_rlimit(i, st->spec.rlimits[i]) : 0;

                if (r < 0)
                        return r;
        }
        if (st->spec.has_nice && setpriority(PRIO_PROCESS, 0, st->spec.nice) < 0)
                return -errno;
        return 0;
}

/* Whoever is not root has none left: secure bits that cannot be taken off would keep them. */
static int check_capabilities(const Spec *spec)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(data); i++)
                if (spec->uid != 0 && (data[i].permitted | data[i].effective) != 0)
                        return -EPERM;
        return 0;
}

static int change_identity(const Spec *spec)
{
        uid_t real, effective, saved;

        if (geteuid() != 0)
                return spec->uid == getuid() && spec->gid == getgid() ? 0 : -EPERM;
        if (setgroups(spec->n_groups, spec->groups) < 0 ||
            setresgid(spec->gid, spec->gid, spec->gid) < 0 ||
            setresuid(spec->uid, spec->uid, spec->uid) < 0)
                return -errno;
        if (getresuid(&real, &effective, &saved) < 0)
                return -errno;
        if (real != spec->uid || effective != spec->uid || saved != spec->uid)
                return -EPERM;
        return check_capabilities(spec);
}

/* What a service manager has made inheritable would be the task's through any program with file
 * capabilities. */
static int drop_inheritable(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(data); i++)
                data[i].inheritable = 0;
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int step_identity(Start *st)
{
        int k;

        /* By these, root's capabilities may outlast the change of the user, or root have none. */
        if (geteuid() == 0)
                (void) prctl(PR_SET_SECUREBITS, 0, 0, 0, 0);
        k = drop_inheritable();
        if (k < 0)
                return k;
        if (st->spec.has_uid) {
                int r = change_identity(&st->spec);

                if (r < 0)
                        return r;
        }
        if (st->spec.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

static int step_cwd(Start *st)
{
        if (!streq(st->spec.cwd, "/"))
                announce(st, SPAWN_STEP_CWD);
        return chdir(st->spec.cwd) < 0 ? -errno : 0;
}

/* Not through a link, and a regular file only: a pipe or a terminal would tie the task to others. One that has
 * another name as well may be somebody else's, put there to be written to by a user with more rights. */
static int open_log_file(const char *path)
{
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        fd = open(path,
                  O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC | O_NONBLOCK,
                  0640);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_nlink > 1)
                return -EMLINK;
        if (fcntl(fd, F_SETFL, O_APPEND) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int step_log(Start *st)
{
        if (!needs_log(st) || st->spec.log != SPEC_LOG_FILE)
                return 0;
        announce(st, SPAWN_STEP_LOG);
        st->log_fd = open_log_file(st->spec.log_path);
        return st->log_fd < 0 ? st->log_fd : 0;
}

/* What was not passed stays /dev/null, which our own three are. */
static int step_stdio(Start *st)
{
        for (int i = 0; i < 3; i++) {
                int fd = st->child->stdio[i];

                if (fd < 0 && i > 0)
                        fd = st->log_fd;
                if (fd >= 0 && dup2(fd, i) < 0)
                        return -errno;
        }
        /* A terminal that belongs to no session becomes the task's, so that shells have job
         * control; one that is somebody's is refused by the kernel, and that is fine. */
        if (st->child->stdio[0] >= 0)
                (void) ioctl(STDIN_FILENO, TIOCSCTTY, 0);
        return close_range_cloexec(3);
}

static const char *search_path(char *const env[])
{
        for (; *env; env++) {
                const char *value = startswith(*env, "PATH=");

                if (value)
                        return value;
        }
        return PATH_DEFAULT;
}

/* Errors that say no more than "not in this directory". */
static bool not_here(int error)
{
        static const int errors[] = { ENOENT, ENOTDIR, EACCES, ESTALE, ENODEV, ETIMEDOUT };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (error == errors[i])
                        return true;
        return false;
}

/* As execvpe() does it, except that what is no program is an error and not a shell script. */
static int exec_search(const char *file, char *const argv[], char *const env[])
{
        const char *path = search_path(env);
        bool refused = false;
        char *candidate;

        if (!*file)
                return -ENOENT;
        candidate = malloc(strlen(path) + 1 + strlen(file) + 1);
        if (!candidate)
                return -ENOMEM;
        for (;;) {
                size_t n = strcspn(path, ":");
                char *p = mempcpy(candidate, path, n);

                if (n > 0)
                        *p++ = '/';
                (void) strcpy(p, file);
                (void) execve(candidate, argv, env);
                if (!not_here(errno))
                        return -errno;
                refused = refused || errno == EACCES;
                if (!path[n])
                        return refused ? -EACCES : -ENOENT;
                path += n + 1;
        }
}

static int step_exec(Start *st)
{
        char **argv = st->spec.argv, **env = st->spec.env;

        announce(st, SPAWN_STEP_EXEC);
        if (!strchr(argv[0], '/'))
                return exec_search(argv[0], argv, env);
        (void) execve(argv[0], argv, env);
        return -errno;
}

/* In the order in which they have to run, which is that of SpawnStep. */
static const struct {
        SpawnStep step;
        int (*run)(Start *st);
} steps[] = {
        { SPAWN_STEP_SPEC, step_spec },
        { SPAWN_STEP_JOURNAL, step_journal },
        { SPAWN_STEP_OOM_SCORE, step_oom_score },
        { SPAWN_STEP_KEYRING, step_keyring },
        { SPAWN_STEP_TASK_LIMITS, step_task_limits },
        { SPAWN_STEP_LIMITS, step_limits },
        { SPAWN_STEP_IDENTITY, step_identity },
        { SPAWN_STEP_CWD, step_cwd },
        { SPAWN_STEP_LOG, step_log },
        { SPAWN_STEP_STDIO, step_stdio },
        { SPAWN_STEP_EXEC, step_exec },
};

/* A child that hangs must not hold what tells the daemon, or another task, that the supervisor has ended; and a
 * path that a caller has named must not lead through /proc/self/fd to what is ours. */
static void close_others(const Child *c)
{
        int keep[] = { c->status_fd, c->spec_fd,  c->leaf_fd, c->stdio[0],
                       c->stdio[1],  c->stdio[2], c->journal };

        close_all_but(keep, ELEMENTSOF(keep));
}

_Noreturn void child_run(const Child *c)
{
        Start st = { .child = c, .log_fd = -EBADF };
        sigset_t none;

        close_others(c);

        (void) setsid();
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                int r = steps[i].run(&st);

                if (r < 0) {
                        report(&st, steps[i].step, r);
                        break;
                }
        }
        _exit(1);
}
