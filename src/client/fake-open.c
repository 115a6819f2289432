/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tasks of the fake whose process their caller starts itself: open_scope, and who comes into the leaf. */
#include "fake.h"

#include "hpcnode/cgroup-fake.h"
#include <fcntl.h>
#include <stdlib.h>

/* A directory that nobody else has, and that goes with its descriptor. */
static int open_directory(void)
{
        char path[] = "/tmp/hpcnode-fake-XXXXXX";
        int fd, r;

        if (!mkdtemp(path))
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        r = fd < 0 ? -errno : fd;
        (void) rmdir(path);
        return r;
}

int fake_open_scope(void *userdata, const char *scope, const char *task, int *ret_fd,
                    hpcnode_cgroup_error *ret_error)
{
        Fake *f = userdata;
        _cleanup_(fake_unlockp) FakeNode *node = fake_lock(f);
        _cleanup_(freep) char *name = NULL;
        _cleanup_(closep) int fd = -EBADF;
        FakeScope *s;
        int r;

        r = fake_begin(node, "open_scope", ret_error, "%s %s", scope, task);
        if (r >= 0)
                r = client_check_task_name(task, &name, ret_error);
        if (r >= 0)
                r = fake_find_for_task(f, ACT_SPAWN, scope, &s, ret_error);
        if (r >= 0 && f->uid != 0)
                r = client_error(ret_error, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED,
                                 "uid %u may not have the directory of a cgroup: only root can "
                                 "start a process in it",
                                 (unsigned) f->uid);
        if (r >= 0)
                r = fake_check_startable(s, name, ret_error);
        if (r < 0)
                return r;
        fd = open_directory();
        if (fd < 0)
                return client_error(ret_error, HPCNODE_CGROUP_ERROR_IO,
                                    "cannot make a directory in the place of a leaf: %s",
                                    strerror(-fd));
        if (fake_task_open(s, name, f) < 0)
                return client_oom(ret_error);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Of a task that has not ended. */
static int enter(FakeNode *node, FakeTask *t, uint32_t pid, uid_t uid)
{
        FakeProcess *p;

        if (fake_process_find(node, pid))
                return -EEXIST;
        p = fake_process_new(node, pid, uid);
        if (!p)
                return -ENOMEM;
        if (t->opener)
                t = fake_task_new(t->scope, t->name, pid); /* which is there already */
        p->task = t;
        return 0;
}

_public_ int hpcnode_cgroup_fake_enter(hpcnode_cgroup *fake, const char *task, uint32_t pid,
                                       uint32_t uid)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        FakeScope *s;
        FakeTask *t;
        int r;

        if (!f || pid == 0 || pid > INT32_MAX)
                return -EINVAL;
        node = fake_lock(f);
        r = fake_find(node, task, &s, &t, NULL);
        if (r < 0)
                return r;
        if (!t)
                return -EINVAL;
        return fake_task_is_over(t) ? -ESRCH : enter(node, t, pid, uid);
}
