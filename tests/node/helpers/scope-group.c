/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes a group of scopes, runs a command, and frees the group. Prints what each scope's adding came to. */
#include "helper.h"

#include <hpcnode/cgroup-group.h>
#include <sys/wait.h>

#define USAGE "NAME[=CPUS]... [--forget NAME]... -- COMMAND [ARGUMENT...]"

/* The result of an addition, as it is to be compared. */
static bool say(const hpcnode_group *group, const char *name, int r)
{
        const hpcnode_cgroup_error *error = hpcnode_group_error(group);

        if (r < 0)
                (void) printf("%s: %s: %s\n", name, hpcnode_cgroup_error_name(error->code),
                              error->message);
        return r >= 0;
}

static bool add(hpcnode_group *group, char *argument)
{
        char *cpus = strchr(argument, '=');

        if (!cpus)
                return say(group, argument, hpcnode_group_add_without_cpuset(group, argument));
        *cpus = '\0';
        return say(group, argument, hpcnode_group_add(group, argument, cpus + 1));
}

static bool run(char *argv[])
{
        int status;
        pid_t pid;

        (void) fflush(stdout);
        pid = fork();
        if (pid < 0)
                die("fork");
        if (pid == 0) {
                (void) execvp(argv[0], argv);
                die(argv[0]);
        }
        return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char *argv[])
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *c = NULL;
        bool ok = true;
        int i;

        if (hpcnode_cgroup_open(&c, &error) < 0) {
                (void) printf("%s\n", error.message);
                return 1;
        }

        {
                _hpcnode_group_cleanup_ hpcnode_group *group = hpcnode_group_new(c);

                if (!group)
                        die("hpcnode_group_new");
                for (i = 1; i < argc && !streq(argv[i], "--"); i++)
                        if (!streq(argv[i], "--forget"))
                                ok &= add(group, argv[i]);
                        else if (!argv[++i] || hpcnode_group_forget(group, argv[i]) < 0)
                                die("hpcnode_group_forget");
                if (i + 1 >= argc)
                        usage(USAGE);
                (void) printf("owned:");
                for (const char *const *n = hpcnode_group_names(group); *n; n++)
                        (void) printf(" %s", *n);
                (void) printf("\n");
                ok &= run(argv + i + 1);
        }
        hpcnode_cgroup_free(c);
        return ok ? 0 : 1;
}
