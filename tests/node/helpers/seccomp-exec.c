/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a command under a filter that refuses clone3 with the given errno: an older kernel (ENOSYS,
 * E2BIG) or a container's seccomp profile (EPERM). */
#include "helper.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int errno_of(const char *name)
{
        if (streq(name, "ENOSYS"))
                return ENOSYS;
        if (streq(name, "EPERM"))
                return EPERM;
        if (streq(name, "E2BIG"))
                return E2BIG;
        usage("ENOSYS|EPERM|E2BIG COMMAND [ARGUMENT...]");
}

int main(int argc, char **argv)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = ELEMENTSOF(code), .filter = code };

        if (argc < 3)
                usage("ENOSYS|EPERM|E2BIG COMMAND [ARGUMENT...]");
        code[2].k |= (uint32_t) errno_of(argv[1]);
        /* As root, without NoNewPrivileges, which the jobs would inherit. */
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                die("seccomp");
        execvp(argv[2], argv + 2);
        die(argv[2]);
}
