/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `drain`: nothing more is admitted, and what runs is waited for, or killed. */
#include "ctl.h"

#include "basic/clock.h"
#include <stdio.h>
#include <sys/timerfd.h>

/* Of those that are waited for, how many are named. */
#define NAMES_MAX 10

/* --- what is waited for --- */

/* By the names that the list has: jobs until they are gone, other scopes while they have processes. */
static bool is_waited_for(hpcnode_cgroup *c, const hpcnode_cgroup_info *info)
{
        static const char *const maybe[] = { "active", "frozen" };
        static const char *const certainly[] = { "running", "releasing" };

        if (!startswith(info->unit, "workload-"))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(certainly); i++)
                if (streq(info->state, certainly[i]))
                        return true;
        for (size_t i = 0; i < ELEMENTSOF(maybe); i++)
                if (streq(info->state, maybe[i]))
                        return hpcnode_cgroup_is_scope_empty(c, info->unit, NULL) == 0;
        return false;
}

/* The list of those that are waited for. Their number, or negative after saying what is wrong. */
static int find_waited_for(hpcnode_cgroup *c, hpcnode_cgroup_info ***ret)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_info **list;
        int n = 0;

        if (hpcnode_cgroup_list(c, &list, &e) < 0) {
                (void) fail(&e);
                return -EIO;
        }
        for (size_t i = 0; list[i]; i++)
                if (is_waited_for(c, list[i]))
                        list[n++] = list[i];
                else
                        hpcnode_cgroup_info_free(list[i]);
        list[n] = NULL;
        *ret = list;
        return n;
}

static void print_names(hpcnode_cgroup_info *const *list, int n)
{
        for (int i = 0; i < n && i < NAMES_MAX; i++)
                fprintf(stderr, "%s%s", i > 0 ? ", " : "", list[i]->id);
        if (n > NAMES_MAX)
                fprintf(stderr, " and %d more", n - NAMES_MAX);
}

/* --- the wait --- */

/* Becomes readable when the time is over; -1 without one. */
static int open_timer(uint64_t usec)
{
        struct itimerspec spec = { .it_value = timespec_of_usec(usec) };
        int fd;

        if (usec == 0)
                return -1;
        fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        if (fd >= 0)
                (void) timerfd_settime(fd, 0, &spec, NULL);
        return fd;
}

static int say_overdue(hpcnode_cgroup *c)
{
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **list = NULL;
        int n = find_waited_for(c, &list);

        if (n < 0)
                return CTL_FAILED;
        fprintf(stderr, "error: the time is over, and %d still there: ", n);
        print_names(list, n);
        fputs("; the node stays drained, see drain --kill and --cancel\n", stderr);
        return CTL_NOT_DRAINED;
}

static int await(hpcnode_cgroup *c, const Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **list = NULL;
        _cleanup_(closep) int timer = open_timer(a->wait_usec);
        int n = find_waited_for(c, &list);

        if (n < 0)
                return CTL_FAILED;
        if (n > 0) {
                fprintf(stderr, "waiting for %d: ", n);
                print_names(list, n);
                fputs(isatty(STDERR_FILENO) ? " (^C ends the waiting, and not the drain)\n" : "\n",
                      stderr);
        }
        if (hpcnode_cgroup_wait_drained(c, timer, &e) >= 0)
                return CTL_OK;
        return e.code == HPCNODE_CGROUP_ERROR_INTERRUPTED ? say_overdue(c) : fail(&e);
}

/* --- the verb --- */

static int print_status(hpcnode_cgroup *c, const Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **list = NULL;
        _cleanup_(record_freep) Record *record = NULL;
        _cleanup_(freep) char *reason = NULL;
        uint64_t since_usec;
        int draining, n, r;

        draining = hpcnode_cgroup_draining(c, &reason, &since_usec, &e);
        if (draining < 0)
                return fail(&e);
        record = record_new();
        record_add_flag(record, "draining", draining > 0);
        if (draining > 0) {
                n = find_waited_for(c, &list);
                if (n < 0)
                        return CTL_FAILED;
                if (*reason)
                        record_add_text(record, "reason", reason);
                record_add_number(record, "since_unix_ms", since_usec / USEC_PER_MSEC);
                record_add_number(record, "waiting_for", (uint64_t) n);
        }
        r = record_print(record, a->json);
        return r != CTL_OK || draining > 0 ? r : CTL_NOT_DRAINED;
}

int check_drain(const Arguments *a)
{
        bool begins = a->kill || a->reason || a->wait_usec > 0 || a->no_wait;

        if (a->cancel && a->status)
                return usage_error("option --cancel does not go with --status");
        if ((a->cancel || a->status) && begins)
                return usage_error("option --%s does not go with others",
                                   a->cancel ? "cancel" : "status");
        if (a->no_wait && a->wait_usec > 0)
                return usage_error("option --timeout does not go with --no-wait");
        return CTL_MAY_RUN;
}

int verb_drain(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        if (a->status)
                return print_status(c, a);
        if (a->cancel)
                return hpcnode_cgroup_cancel_drain(c, &e) < 0 ? fail(&e) : CTL_OK;
        if (hpcnode_cgroup_drain(c, a->reason, a->kill, &e) < 0)
                return fail(&e);
        return a->no_wait ? CTL_OK : await(c, a);
}
