/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent that keeps a service of the node running, in a scope below pact.slice:
 *
 *     service-agent SLICE NAME PROGRAM [ARGUMENT...]
 *     service-agent pact-infra.slice chronyd /usr/sbin/chronyd -d
 *
 * The scope is there before the service is, and goes when it cannot be started. A service that ends is started
 * again, with all that it has left behind killed by then: its program is the task "main", whose end is the end of
 * everything in the scope. SIGTERM and SIGINT end the service, and take the scope away.
 *
 * An agent that is killed leaves scope and service as they are, and the next one goes on with them. */
#include <errno.h>
#include <hpcnode/cgroup.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DELAY_MIN_MSEC \
        100 /* before the first start anew; twice that before the next one, and so on */
#define DELAY_MAX_MSEC 30000
#define STABLE_SEC     10 /* who has lived for so long begins with the shortest delay again */
#define FAILURES_MAX   5  /* so many short lives in a row, and the agent gives up */
#define STOP_SEC       5  /* from SIGTERM to SIGKILL */

typedef struct Agent {
        hpcnode_cgroup *cgroup;
        hpcnode_cgroup_error error; /* of the last call */
        const char *slice, *name, *const *argv;
        char main_task[160]; /* NAME/main */
        int signals;         /* becomes readable by SIGTERM and SIGINT */
} Agent;

static int complain(const Agent *a, const char *what)
{
        fprintf(stderr, "service-agent: %s: cannot %s: %s (%s)\n", a->name, what,
                a->error.message ? a->error.message : "no memory",
                hpcnode_cgroup_error_name(a->error.code));
        return -1;
}

/* Nothing of the service is left when this returns, and no scope. */
static int destroy(Agent *a)
{
        if (hpcnode_cgroup_destroy_scope(a->cgroup, a->name, &a->error) < 0)
                return complain(a, "destroy the scope");
        return 0;
}

/* The scope first, then the service. Either may be there already, from an agent that was killed. */
static int start(Agent *a)
{
        int r;

        r = hpcnode_cgroup_create_scope(a->cgroup, a->slice, a->name, NULL, NULL, NULL, &a->error);
        if (r < 0 && r != -EEXIST)
                return complain(a, "create the scope");

        r = hpcnode_cgroup_spawn(a->cgroup, a->name, "main", NULL, a->argv, NULL, &a->error);
        if (r < 0 && r != -EEXIST) {
                (void) complain(a, "start it");
                (void) destroy(a);
                return -1;
        }
        printf("%s: %s\n", a->name, r < 0 ? "runs already" : "started");
        return 0;
}

/* Asks the service to end, and has it killed when it has not done so in time. */
static int stop(Agent *a)
{
        struct itimerspec limit = { .it_value = { .tv_sec = STOP_SEC } };
        int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

        if (timer >= 0 && timerfd_settime(timer, 0, &limit, NULL) >= 0 &&
            hpcnode_cgroup_kill(a->cgroup, a->main_task, SIGTERM, &a->error) >= 0)
                (void) hpcnode_cgroup_wait(a->cgroup, a->main_task, timer, NULL, &a->error);
        if (timer >= 0)
                close(timer);
        printf("%s: stopped\n", a->name);
        return destroy(a);
}

/* 1 when the service has ended, 0 when a signal came first. The daemon may be restarted meanwhile. */
static int wait_for_end(Agent *a)
{
        hpcnode_cgroup_info *info = NULL;
        int r;

        r = hpcnode_cgroup_wait(a->cgroup, a->main_task, a->signals, &info, &a->error);
        if (r == -EINTR)
                return 0;
        if (r < 0)
                return complain(a, "wait for its end");

        if (info->exit_signal > 0)
                printf("%s: ended by signal %d%s\n", a->name, info->exit_signal,
                       info->oom_killed > 0 ? " (out of memory)" : "");
        else
                printf("%s: exited with status %d\n", a->name, info->exit_status);
        hpcnode_cgroup_info_free(info);
        return 1;
}

/* Whether the delay has passed without a signal. */
static bool pause_for(const Agent *a, int msec)
{
        struct pollfd p = { .fd = a->signals, .events = POLLIN };

        return poll(&p, 1, msec) == 0;
}

static time_t now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec;
}

static int supervise(Agent *a)
{
        int failures = 0, delay = DELAY_MIN_MSEC, r;

        for (;;) {
                time_t started = now();

                if (start(a) < 0)
                        return -1;
                r = wait_for_end(a);
                if (r < 0) /* nobody can say how the service is: it is left alone */
                        return r;
                if (r == 0)
                        return stop(a);

                if (now() - started >= STABLE_SEC) {
                        failures = 0;
                        delay = DELAY_MIN_MSEC;
                } else if (++failures == FAILURES_MAX) {
                        fprintf(stderr, "service-agent: %s: ended %d times in a row, giving up\n",
                                a->name, failures);
                        (void) destroy(a);
                        return -1;
                }
                if (!pause_for(a, delay))
                        return stop(a);
                delay = delay < DELAY_MAX_MSEC / 2 ? 2 * delay : DELAY_MAX_MSEC;
        }
}

static int catch_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -1;
        return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char *argv[])
{
        Agent a = { .error = HPCNODE_CGROUP_ERROR_INIT };
        int r;

        if (argc < 4) {
                fprintf(stderr, "usage: service-agent SLICE NAME PROGRAM [ARGUMENT...]\n");
                return 2;
        }
        a.slice = argv[1];
        a.name = argv[2];
        a.argv = (const char *const *) argv + 3;
        snprintf(a.main_task, sizeof(a.main_task), "%s/main", a.name);
        setvbuf(stdout, NULL, _IOLBF, 0);

        a.signals = catch_signals();
        if (a.signals < 0) {
                perror("service-agent: cannot catch signals");
                return 1;
        }
        r = hpcnode_cgroup_open(&a.cgroup, &a.error);
        r = r < 0 ? complain(&a, "reach the daemon") : supervise(&a);

        hpcnode_cgroup_free(a.cgroup);
        hpcnode_cgroup_error_done(&a.error);
        close(a.signals);
        return r < 0 ? 1 : 0;
}
