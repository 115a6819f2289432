/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints what a task finds itself with, one key=value a line. */
#include "helper.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static void print_file(const char *key, const char *path)
{
        char text[4096] = "";
        FILE *f = fopen(path, "re");

        /* The last line: of cgroups it is v2's, after those of the v1 hierarchies of a container's host. */
        while (f && fgets(text, sizeof(text), f))
                ;
        if (f)
                printf("%s=%.*s\n", key, (int) strcspn(text, "\n"), text);
        if (f)
                (void) fclose(f);
}

static void print_status_line(const char *key)
{
        char line[512];
        FILE *f = fopen("/proc/self/status", "re");

        while (f && fgets(line, sizeof(line), f))
                if (startswith(line, key) && line[strlen(key)] == ':')
                        printf("%s=%.*s\n", key, (int) strcspn(line + strlen(key) + 2, "\n"),
                               line + strlen(key) + 2);
        if (f)
                (void) fclose(f);
}

static void print_fds(void)
{
        DIR *d = opendir("/proc/self/fd");
        struct dirent *e;

        printf("fds=");
        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
                        printf("%s ", e->d_name);
        printf("\n");
        if (d)
                (void) closedir(d);
}

static void try_to_lower_oom_score(void)
{
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), error = 0;

        if (fd < 0 || write(fd, "-1000", 5) < 0)
                error = errno;
        if (fd >= 0)
                (void) close(fd);
        printf("lower_oom_score_adj=%s\n", error ? strerrorname_np(error) : "done");
}

static void print_limits(void)
{
        struct rlimit r;

        (void) getrlimit(RLIMIT_NOFILE, &r);
        printf("nofile=%ju:%ju\n", (uintmax_t) r.rlim_cur, (uintmax_t) r.rlim_max);
        for (unsigned i = 0; i < RLIM_NLIMITS; i++)
                if (getrlimit((__rlimit_resource_t) i, &r) >= 0)
                        printf("rlimit.%u=%jx:%jx\n", i, (uintmax_t) r.rlim_cur,
                               (uintmax_t) r.rlim_max);
}

static void print_death_signal(void)
{
        int sig = -1;

        (void) prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0);
        printf("death_signal=%d\n", sig);
}

static void print_scheduling(void)
{
        mode_t mask = umask(0);
        struct sched_param p = {};

        (void) umask(mask);
        printf("umask=%04o\nnice=%d\n", (unsigned) mask, getpriority(PRIO_PROCESS, 0));
        printf("policy=%d\n", sched_getscheduler(0));
        printf("priority=%d\n", sched_getparam(0, &p) < 0 ? -1 : p.sched_priority);
        printf("ioprio=%ld\n", syscall(SYS_ioprio_get, 1, 0));
        printf("personality=%x\n", (unsigned) personality(0xffffffff));
        printf("securebits=%x\n", (unsigned) prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
        print_death_signal();
}

int main(void)
{
        char cwd[4096];

        printf("uid=%d\ngid=%d\n", (int) getuid(), (int) getgid());
        print_status_line("Groups");
        printf("cwd=%s\n", getcwd(cwd, sizeof(cwd)));
        print_file("oom_score_adj", "/proc/self/oom_score_adj");
        try_to_lower_oom_score();
        print_file("cgroup", "/proc/self/cgroup");
        print_status_line("SigBlk");
        print_status_line("SigIgn");
        print_status_line("NoNewPrivs");
        print_status_line("Seccomp");
        print_status_line("CapBnd");
        print_limits();
        print_scheduling();
        print_status_line("Cpus_allowed_list");
        print_status_line("SigPnd");
        print_status_line("CapInh");
        print_status_line("CapPrm");
        print_status_line("CapEff");
        print_status_line("CapAmb");
        print_fds();
        printf("session=%ld\n",
               syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
        printf("clone3=%s\n", syscall(SYS_clone3, NULL, 0) < 0 ? strerrorname_np(errno) : "done");
        for (char **e = environ; *e; e++)
                printf("env.%s\n", *e);
        return 0;
}
