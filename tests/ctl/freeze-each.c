/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Freezes the scope that each line of its input names, all over one handle of the library. */
#include <hpcnode/cgroup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup *c;
        char scope[128];

        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        if (hpcnode_cgroup_open(&c, &e) < 0)
                return EXIT_FAILURE;
        while (fgets(scope, sizeof(scope), stdin)) {
                scope[strcspn(scope, "\n")] = '\0';
                if (hpcnode_cgroup_freeze(c, scope, &e) < 0)
                        (void) printf("%s\n", e.message ?: hpcnode_cgroup_error_name(e.code));
                else
                        (void) printf("%s is frozen\n", scope);
        }
        hpcnode_cgroup_error_done(&e);
        hpcnode_cgroup_free(c);
        return EXIT_SUCCESS;
}
