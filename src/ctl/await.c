/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the end of a scope or task while this process does something else: in another one, with a connection
 * of its own. */
#include "ctl.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

char *target_of(const hpcnode_cgroup_info *info)
{
        char *target;

        if (info->is_task <= 0)
                return strdup(info->unit);
        return asprintf(&target, "%s/%s", info->unit, info->name) < 0 ? NULL : target;
}

static _Noreturn void await_end(const char *target, const Place *place)
{
        hpcnode_cgroup_info *info = NULL;
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *c = NULL;
        int r;

        r = place_open(place, &c, &e);
        if (r >= 0)
                r = hpcnode_cgroup_wait(c, target, -1, &info, &e);
        /* Without a record there is nothing left of it. */
        if (r >= 0 || e.code == HPCNODE_CGROUP_ERROR_NOT_FOUND)
                _exit(CTL_OK);
        _exit(fail(&e));
}

int awaiting_start(const char *target, const Place *place, Awaiting *ret)
{
        _cleanup_(closep) int end = -EBADF, other = -EBADF;
        pid_t parent = getpid(), pid;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        end = fds[0];
        other = fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                /* Whoever ends the parent means both. */
                if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                        _exit(CTL_FAILED);
                await_end(target, place);
        }
        *ret = (Awaiting){ .fd = TAKE_FD(end), .pid = pid };
        return 0;
}

int awaiting_result(Awaiting *w)
{
        int status, r;

        do
                r = waitpid(w->pid, &status, 0);
        while (r < 0 && errno == EINTR);
        w->pid = 0;
        return r > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
}

void awaiting_done(Awaiting *w)
{
        if (w->pid > 0) {
                (void) kill(w->pid, SIGTERM);
                (void) awaiting_result(w);
        }
        w->fd = safe_close(w->fd);
}
