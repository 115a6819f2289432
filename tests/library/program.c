/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program of somebody else's: it has nothing of the project but what is installed. */
#include <hpcnode/cgroup-async.h>
#include <hpcnode/cgroup-fake.h>
#include <hpcnode/cgroup-group.h>
#include <stdio.h>

/* Names that the library uses inside are free for others. */
int client_oom(void);
int client_oom(void)
{
        return 1;
}
int slice_parse(void);
int slice_parse(void)
{
        return 2;
}

static int ask_daemon(hpcnode_cgroup_error *error)
{
        hpcnode_cgroup *c = NULL;
        char *version = NULL;

        if (hpcnode_cgroup_open(&c, error) >= 0 &&
            hpcnode_cgroup_ping(c, &version, NULL, error) >= 0)
                return 1;
        printf("daemon: %s: %s\n", hpcnode_cgroup_error_name(error->code), error->message);
        hpcnode_cgroup_free(c);
        return 0;
}

static int work(hpcnode_cgroup *c, hpcnode_cgroup_error *error)
{
        _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(c);

        if (!group || hpcnode_group_add_without_cpuset(group, "alloc-42") < 0)
                return 1;
        if (hpcnode_cgroup_spawn(c, "alloc-42", "rank-0", NULL,
                                 (const char *const[]){ "/bin/true", NULL }, NULL, error) < 0)
                return 1;
        printf("empty: %d\n", hpcnode_cgroup_is_scope_empty(c, "alloc-42", error));
        return 0;
}

int main(void)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *fake = NULL;
        int r;

        r = ask_daemon(&error);
        if (r == 0)
                r = hpcnode_cgroup_fake_open(&fake, &error) < 0 ? 1 : work(fake, &error);
        for (size_t i = 0; fake && hpcnode_cgroup_fake_call(fake, i); i++)
                printf("%s\n", hpcnode_cgroup_fake_call(fake, i));
        hpcnode_cgroup_free(fake);
        hpcnode_cgroup_error_done(&error);
        return r == 0 && client_oom() + slice_parse() == 3 ? 0 : 1;
}
