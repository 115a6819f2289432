/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs an allocation: a scope below workload.slice with limits, and N ranks of a program in it.
 *
 *     allocation [--memory-max SIZE] [--tasks-max N] [--cpus LIST] NAME RANKS PROGRAM [ARGUMENT...]
 *     allocation --memory-max 8G --cpus 0-7 alloc-42 8 ./a.out input.dat
 *
 * Each rank is a task of its own, rank-0 and so on, and finds RANK and RANKS in its environment. That it has ended
 * comes as an event, and is printed; the exit status is the worst of all. When the last one has ended, or on SIGINT and
 * SIGTERM, the scope goes with all that is left in it. If this program is killed, scope and ranks stay. */
#include <getopt.h>
#include <hpcnode/cgroup-async.h>
#include <hpcnode/cgroup-group.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

typedef struct Allocation {
        hpcnode_cgroup *cgroup;
        sd_event *event;
        hpcnode_cgroup_error error; /* of the last call that blocks */
        const char *name, *cpus;
        const char *const *argv;
        hpcnode_cgroup_limits *limits;
        int n_limits;
        int n_ranks, n_left; /* those that have not ended */
        int worst;
} Allocation;

typedef struct Rank {
        Allocation *allocation;
        int number;
} Rank;

static int complain(const char *what, const hpcnode_cgroup_error *error)
{
        fprintf(stderr, "allocation: %s: %s (%s)\n", what,
                error->message ? error->message : "no memory",
                hpcnode_cgroup_error_name(error->code));
        return -1;
}

/* --- the ranks --- */

/* One rank more has ended, or has never begun. */
static void rank_done(Allocation *a, int status)
{
        if (status > a->worst)
                a->worst = status;
        if (--a->n_left == 0)
                sd_event_exit(a->event, a->worst);
}

/* Whatever runs or is still to be started; what that means for each rank is told as ever. */
static void end_all(Allocation *a)
{
        if (hpcnode_cgroup_destroy_scope_async(a->cgroup, a->name, NULL, NULL, NULL, &a->error) < 0)
                complain("cannot end it", &a->error);
}

static void on_end(const hpcnode_cgroup_result *result, void *userdata)
{
        const hpcnode_cgroup_info *info = result->info;
        Rank *rank = userdata;

        if (result->value < 0) {
                complain("nobody knows how a rank has ended", result->error);
                rank_done(rank->allocation, 255);
        } else if (info->exit_signal > 0) {
                printf("rank %d: ended by signal %d%s\n", rank->number, info->exit_signal,
                       info->oom_killed > 0 ? " (out of memory)" : "");
                rank_done(rank->allocation, 128 + info->exit_signal);
        } else {
                printf("rank %d: %s with status %d\n", rank->number, info->state,
                       info->exit_status);
                rank_done(rank->allocation, info->exit_status < 0 ? 255 : info->exit_status);
        }
}

/* Without one of its ranks a program is of no use. */
static void on_start(const hpcnode_cgroup_result *result, void *userdata)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        Rank *rank = userdata;
        Allocation *a = rank->allocation;

        if (result->value < 0) {
                complain("cannot start a rank", result->error);
                end_all(a);
                rank_done(a, 255);
        } else if (hpcnode_cgroup_wait_async(a->cgroup, result->info->id, on_end, rank, NULL,
                                             &error) < 0) {
                complain("cannot wait for a rank", &error);
                rank_done(a, 255);
        }
        hpcnode_cgroup_error_done(&error);
}

static int set_environment(hpcnode_cgroup_options *options, const Rank *rank,
                           hpcnode_cgroup_error *error)
{
        char text[64];
        int r;

        snprintf(text, sizeof(text), "RANK=%d", rank->number);
        r = hpcnode_cgroup_options_set(options, "Environment", text, error);
        if (r < 0)
                return r;
        snprintf(text, sizeof(text), "RANKS=%d", rank->allocation->n_ranks);
        return hpcnode_cgroup_options_set(options, "Environment", text, error);
}

static int start_rank(Rank *rank)
{
        Allocation *a = rank->allocation;
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        char task[32];
        int r = -1;

        snprintf(task, sizeof(task), "rank-%d", rank->number);
        if (options)
                r = set_environment(options, rank, &a->error);
        if (r >= 0)
                r = hpcnode_cgroup_spawn_async(a->cgroup, a->name, task, options, a->argv, on_start,
                                               rank, NULL, &a->error);
        hpcnode_cgroup_options_free(options);
        return r < 0 ? complain("cannot start a rank", &a->error) : 0;
}

/* --- the allocation --- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        end_all(userdata);
        return 0;
}

/* SIGINT and SIGTERM have to be blocked for that. */
static int begin_events(Allocation *a)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || sd_event_default(&a->event) < 0 ||
            sd_event_add_signal(a->event, NULL, SIGINT, on_signal, a) < 0 ||
            sd_event_add_signal(a->event, NULL, SIGTERM, on_signal, a) < 0) {
                fprintf(stderr, "allocation: cannot set up the event loop\n");
                return -1;
        }
        if (hpcnode_cgroup_open(&a->cgroup, &a->error) < 0 ||
            hpcnode_cgroup_attach_event(a->cgroup, a->event, 0, &a->error) < 0)
                return complain("cannot reach the daemon", &a->error);
        return 0;
}

/* The scope goes with the group, and that with this block, however it is left. */
static int run(Allocation *a, Rank *ranks)
{
        _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(a->cgroup);
        int r;

        if (!group)
                return -1;
        r = a->cpus ? hpcnode_group_add(group, a->name, a->cpus)
                    : hpcnode_group_add_without_cpuset(group, a->name);
        if (r < 0)
                return complain("cannot create it", hpcnode_group_error(group));
        if (a->n_limits > 0 &&
            hpcnode_cgroup_set_limits(a->cgroup, a->name, a->limits, &a->error) < 0)
                return complain("cannot limit it", &a->error);

        for (int i = 0; i < a->n_ranks; i++) {
                ranks[i] = (Rank){ .allocation = a, .number = i };
                if (start_rank(&ranks[i]) < 0)
                        return -1;
        }
        return sd_event_loop(a->event);
}

static int parse(Allocation *a, int argc, char *argv[])
{
        static const struct option options[] = {
                { "memory-max", required_argument, NULL, 'm' },
                { "tasks-max", required_argument, NULL, 't' },
                { "cpus", required_argument, NULL, 'c' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                if (c == 'c')
                        a->cpus = optarg;
                else if (c == '?')
                        return -1;
                else if (hpcnode_cgroup_limits_set(a->limits, c == 'm' ? "MemoryMax" : "TasksMax",
                                                   optarg, &a->error) < 0)
                        return complain("wrong limit", &a->error);
                else
                        a->n_limits++;
        }
        if (argc - optind < 3)
                return -1;
        a->name = argv[optind];
        a->n_ranks = a->n_left = atoi(argv[optind + 1]);
        a->argv = (const char *const *) argv + optind + 2;
        return a->n_ranks > 0 ? 0 : -1;
}

int main(int argc, char *argv[])
{
        Allocation a = { .error = HPCNODE_CGROUP_ERROR_INIT,
                         .limits = hpcnode_cgroup_limits_new() };
        Rank *ranks = NULL;
        int r = -1;

        if (!a.limits || parse(&a, argc, argv) < 0) {
                fprintf(stderr, "usage: allocation [--memory-max SIZE] [--tasks-max N] "
                                "[--cpus LIST] NAME RANKS PROGRAM [ARGUMENT...]\n");
                return 2;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        ranks = calloc((size_t) a.n_ranks, sizeof(*ranks));
        if (ranks && begin_events(&a) >= 0)
                r = run(&a, ranks);

        hpcnode_cgroup_free(a.cgroup);
        sd_event_unref(a.event);
        hpcnode_cgroup_limits_free(a.limits);
        hpcnode_cgroup_error_done(&a.error);
        free(ranks);
        return r < 0 ? 255 : r;
}
