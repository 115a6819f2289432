/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Migration by pid, which is all that the kernel offers: so each is verified by pidfd afterwards. */
#include "basic/attach.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/process-status.h"
#include "basic/process.h"

/* Frozen processes do not fork: the first round may miss some that were about to. */
#define UNDO_ROUNDS 3

/* A process of ours was started by one of those that were moved, or they by one another. */
#define ANCESTORS_MAX 64

void attachees_done(Attachee *a, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                safe_close(a[i].pidfd);
                safe_close(a[i].origin);
        }
}

/* Whether the pid is its own: not when it was reaped. */
static bool is_itself(const Attachee *a)
{
        return pidfd_signal(a->pidfd, 0) != -ESRCH;
}

/* The answer, if the process is still the one that is meant. */
static int if_itself(const Attachee *a, int in)
{
        return in < 0 || !is_itself(a) ? -ESRCH : in > 0 ? 0 : -ESTALE;
}

static int attach_one(int leaf, const Attachee *a)
{
        int r;

        r = if_itself(a, process_is_in_cgroup(a->pid, a->origin));
        if (r >= 0)
                r = cgroup_write_u64(leaf, "cgroup.procs", (uint64_t) a->pid);
        if (r < 0)
                return r;
        /* A zombie is not moved, and that is no error to the kernel. */
        r = if_itself(a, process_is_in_cgroup(a->pid, leaf));
        return r == -ESTALE && process_state(a->pid) == 'Z' ? -ESRCH : r;
}

int attach_processes(int leaf, const Attachee *a, size_t n, size_t *ret_failed)
{
        for (size_t i = 0; i < n; i++) {
                int r = attach_one(leaf, a + i);

                if (r < 0) {
                        *ret_failed = i;
                        (void) attach_undo(leaf, a, i + 1);
                        return r;
                }
                fault_point(FAULT_SUPERVISOR_ATTACHING);
        }
        return 0;
}

static const Attachee *find(pid_t pid, const Attachee *a, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (a[i].pid == pid)
                        return a + i;
        return NULL;
}

/* The origin of a process in the leaf, or of the one of those that has started it. Who was moved because it
 * got the pid of another just then is a stranger, and belongs where its parent is. */
static int open_origin(pid_t pid, const Attachee *a, size_t n)
{
        for (unsigned i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
                const Attachee *found = find(pid, a, n);
                ProcessStatus status;

                if (found && is_itself(found))
                        return dup(found->origin);
                if (process_status(pid, &status) < 0)
                        break;
                if (found)
                        return process_open_cgroup(status.parent);
                pid = status.parent;
        }
        return dup(a[0].origin);
}

static int undo_round(int leaf, const Attachee *a, size_t n)
{
        _cleanup_(freep) pid_t *pids = NULL;
        size_t n_pids;
        int r;

        r = cgroup_pids(leaf, true, &pids, &n_pids);
        /* Those that were moved last go first. */
        for (size_t i = n; r >= 0 && i > 0; i--)
                if (is_itself(a + i - 1) && process_is_in_cgroup(a[i - 1].pid, leaf) > 0)
                        (void) cgroup_write_u64(a[i - 1].origin, "cgroup.procs",
                                                (uint64_t) a[i - 1].pid);
        for (size_t i = 0; r >= 0 && i < n_pids; i++) {
                _cleanup_(closep) int origin = -EBADF;

                if (process_is_in_cgroup(pids[i], leaf) <= 0)
                        continue;
                origin = open_origin(pids[i], a, n);
                if (origin >= 0)
                        (void) cgroup_write_u64(origin, "cgroup.procs", (uint64_t) pids[i]);
        }
        return r;
}

int attach_undo(int leaf, const Attachee *a, size_t n)
{
        (void) cgroup_write(leaf, "cgroup.freeze", "1");
        for (unsigned i = 0; i < UNDO_ROUNDS && cgroup_populated(leaf) > 0; i++)
                (void) undo_round(leaf, a, n);
        (void) cgroup_write(leaf, "cgroup.freeze", "0");
        return cgroup_populated(leaf) > 0 ? -EBUSY : 0;
}
