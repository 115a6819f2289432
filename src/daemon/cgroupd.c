/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpcnode-cgroupd: the command line, and the loop. */
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/preflight.h"
#include "daemon/user.h"

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>

/* What takes more goes back to the kernel when it is freed, and is not kept between what is small. */
#define LARGE_BLOCK (128 * 1024)

static int usage_error(void)
{
        (void) fputs("Try 'hpcnode-cgroupd --help'.\n", stderr);
        return 2;
}

static void help(void)
{
        (void) puts(
                "hpcnode-cgroupd [OPTION...]\n"
                "\n"
                "Keeps the cgroups of an HPC compute node: slices and delegated scopes of "
                "systemd,\n"
                "on the bus as org.hpcnode.Cgroup1. Started by systemd; see hpcnode-cgroupd(8).\n"
                "\n"
                "  -h --help     Show this help\n"
                "     --version  Show the version\n"
                "     --user     Serve the user's own service manager, on the session bus");
}

/* What is started has it, too: a supervisor, as soon as it runs, may be in a scope where no device can be
 * opened. systemd's own stdin can only be read. */
static int open_stdin(void)
{
        int null = open("/dev/null", O_RDWR | O_NOCTTY);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0)
                return -errno;
        if (null > STDERR_FILENO)
                safe_close(null);
        return 0;
}

static int run(bool user)
{
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        if (!user && geteuid() != 0) {
                log_error("hpcnode-cgroupd must run as root, or with --user");
                return -EPERM;
        }
        r = open_stdin();
        if (r < 0)
                return r;
        r = manager_new(user, &m);
        if (r < 0)
                return r;
        r = manager_start(m);
        if (r < 0)
                return r;
        return sd_event_loop(m->event);
}

int main(int argc, char *argv[])
{
        enum { OPT_VERSION = 0x100, OPT_USER, OPT_LOOKUP, OPT_PREFLIGHT };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPT_VERSION },
                { "user", no_argument, NULL, OPT_USER },
                { USER_LOOKUP_OPTION, no_argument, NULL, OPT_LOOKUP },  /* the daemon's own use */
                { PREFLIGHT_OPTION, no_argument, NULL, OPT_PREFLIGHT }, /* likewise */
                {},
        };
        bool lookup = false, user = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (c) {
                case 'h':
                        help();
                        return EXIT_SUCCESS;
                case OPT_VERSION:
                        (void) puts("hpcnode-cgroupd " VERSION);
                        return EXIT_SUCCESS;
                case OPT_USER:
                        user = true;
                        break;
                case OPT_LOOKUP:
                        lookup = true;
                        break;
                case OPT_PREFLIGHT:
                        return preflight_main();
                default:
                        return usage_error();
                }
        }
        if (lookup && argc - optind == 2)
                return user_lookup_main(argv[optind], argv[optind + 1]);
        if (optind < argc) {
                (void) fprintf(stderr, "hpcnode-cgroupd: unexpected argument \"%s\"\n",
                               argv[optind]);
                return usage_error();
        }

        /* Where glibc begins, too; but it raises that to the size of the first answer about thousands of tasks. */
        (void) mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);

        /* Positive is the exit code that sd-bus gives the loop when the bus has gone; PID 1 starts us
         * again then. */
        r = run(user);
        if (r != 0)
                log_error("hpcnode-cgroupd ends: %s", r < 0 ? strerror(-r) : "the bus has gone");
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
