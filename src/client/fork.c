/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process that the caller starts itself, and that is born in the cgroup it is for. */
#include "client.h"

#include "basic/clone.h"

/* What the kernel says of a child that is not to be in that cgroup. */
static const struct {
        int error;
        hpcnode_cgroup_error_code code;
        const char *sentence;
} clone_errors[] = {
        { ENODEV, HPCNODE_CGROUP_ERROR_NOT_FOUND,
          "the cgroup has been removed: its scope or its task has ended" },
        { ENOENT, HPCNODE_CGROUP_ERROR_NOT_FOUND,
          "the cgroup has been removed: its scope or its task has ended" },
        { EBADF, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
          "the descriptor is not the directory of a cgroup" },
        { ENOTDIR, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
          "the descriptor is not the directory of a cgroup" },
        { EACCES, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
          "the cgroup may not be entered by this process: only root may, or a user below its own "
          "manager" },
        { EPERM, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
          "the cgroup may not be entered by this process: only root may, or a user below its own "
          "manager" },
        { EAGAIN, HPCNODE_CGROUP_ERROR_LIMITS_EXCEEDED,
          "the cgroup may have no further process (TasksMax of the scope, or the caller's own "
          "limit)" },
        { EBUSY, HPCNODE_CGROUP_ERROR_CREATION_FAILED,
          "the cgroup is no leaf: controllers are enabled below it" },
        { EOPNOTSUPP, HPCNODE_CGROUP_ERROR_CREATION_FAILED, "the cgroup is one for threads" },
};

static int fork_error(int error, hpcnode_cgroup_error *e)
{
        if (error == ENOMEM)
                return client_oom(e);
        for (size_t i = 0; i < ELEMENTSOF(clone_errors); i++) {
                if (clone_errors[i].error != error)
                        continue;
                (void) client_error(e, clone_errors[i].code, "no process was started: %s (%s)",
                                    clone_errors[i].sentence, strerror(error));
                return -error;
        }
        (void) client_error(e, HPCNODE_CGROUP_ERROR_CREATION_FAILED, "no process was started: %s",
                            strerror(error));
        return -error;
}

_public_ pid_t hpcnode_cgroup_fork_into(int cgroup_fd, int *ret_pidfd,
                                        hpcnode_cgroup_error *ret_error)
{
        pid_t pid = clone_into_cgroup(cgroup_fd, ret_pidfd);

        return pid < 0 ? fork_error(-pid, ret_error) : pid;
}
