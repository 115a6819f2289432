/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The terminal as it is written to: whether there is one, with colours, and through which pager. */
#include "ctl.h"

#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>

/* As systemd's tools have it: quit if it fits on one screen, keep colours and the screen, and let ^C end it. */
#define LESS_OPTIONS "FRSXMK"

static pid_t pager_pid;
static int saved_stdout = -EBADF, saved_stderr = -EBADF;

/* "1", "yes", "true", "on" and their opposites, as in all variables of systemd; -EINVAL for others. */
static int parse_boolean(const char *s)
{
        static const char *const words[][2] = {
                { "0", "1" }, { "no", "yes" },     { "n", "y" },
                { "f", "t" }, { "false", "true" }, { "off", "on" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (int b = 0; b <= 1; b++)
                        if (strcasecmp(s, words[i][b]) == 0)
                                return b;
        return -EINVAL;
}

static bool terminal_is_dumb(void)
{
        const char *term = getenv("TERM");

        return !term || streq(term, "dumb");
}

bool output_is_terminal(void)
{
        return pager_pid > 0 || isatty(STDOUT_FILENO) > 0;
}

bool output_has_colors(void)
{
        const char *wanted = getenv("SYSTEMD_COLORS"), *no_color = getenv("NO_COLOR");

        /* "16", "256", "24bit" and "auto-…" mean colours as well, where there can be any. */
        if (wanted && parse_boolean(wanted) >= 0)
                return parse_boolean(wanted) > 0;
        if (no_color && *no_color)
                return false;
        return output_is_terminal() && !terminal_is_dumb();
}

/* Whether somebody works here with the rights of another, as by sudo: a pager that starts a shell or writes a
 * file would do it with them. What is not known is taken for that, as by systemd. */
static bool is_elevated(void)
{
        uid_t owner;

        return sd_pid_get_owner_uid(0, &owner) < 0 || owner != geteuid();
}

static _Noreturn void execute_pager(const char *wanted, pid_t parent)
{
        static const char *const programs[] = { "pager", "less", "more", "cat" };
        const char *secure_text = secure_getenv("SYSTEMD_PAGERSECURE");
        bool secure = secure_text ? parse_boolean(secure_text) != 0 : is_elevated();
        const char *charset = getenv("SYSTEMD_LESSCHARSET");

        (void) signal(SIGPIPE, SIG_DFL);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(EXIT_SUCCESS);

        (void) setenv("LESS", getenv("SYSTEMD_LESS") ?: LESS_OPTIONS, true);
        if (!charset && streq(nl_langinfo(CODESET), "UTF-8"))
                charset = "utf-8";
        if (charset)
                (void) setenv("LESSCHARSET", charset, true);
        if (secure)
                (void) setenv("LESSSECURE", "1", true);
        else
                (void) unsetenv("LESSSECURE");

        /* A pager of the user's choice need not know of LESSSECURE: only who says so takes it for safe. */
        if (wanted && (!secure || secure_text))
                (void) execlp("/bin/sh", "sh", "-c", wanted, NULL);
        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (!secure || streq(programs[i], "less") || streq(programs[i], "cat"))
                        (void) execlp(programs[i], programs[i], NULL);
        _exit(EXIT_FAILURE);
}

/* Keeps where descriptor fd leads, and lets it lead to the pager. */
static int divert(int fd, int to)
{
        int saved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (saved < 0 || dup2(to, fd) < 0)
                return safe_close(saved);
        return saved;
}

void pager_open(bool no_pager)
{
        const char *wanted = getenv("SYSTEMD_PAGER") ?: getenv("PAGER");
        pid_t parent = getpid(), pid;
        int fds[2];

        if (no_pager || pager_pid > 0 || !isatty(STDOUT_FILENO) || terminal_is_dumb())
                return;
        if (wanted && (!*wanted || streq(wanted, "cat")))
                return;
        if (fflush(stdout) < 0 || pipe2(fds, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0) {
                (void) dup2(fds[0], STDIN_FILENO);
                execute_pager(wanted, parent);
        }
        if (pid > 0) {
                pager_pid = pid;
                /* Who leaves the pager has seen enough, which is no error of this program. */
                (void) signal(SIGPIPE, SIG_IGN);
                saved_stdout = divert(STDOUT_FILENO, fds[1]);
                /* Or a complaint would be lost on the screen of the pager. */
                if (isatty(STDERR_FILENO))
                        saved_stderr = divert(STDERR_FILENO, fds[1]);
        }
        (void) close(fds[0]);
        (void) close(fds[1]);
}

bool pager_was_left(void)
{
        return pager_pid > 0 && errno == EPIPE;
}

/* Lets fd lead to where it did before. */
static void restore(int fd, int *saved)
{
        if (*saved >= 0)
                (void) dup2(*saved, fd);
        *saved = safe_close(*saved);
}

void pager_close(void)
{
        pid_t pid = pager_pid;

        if (pid == 0)
                return;
        (void) fflush(stdout);
        (void) fflush(stderr);
        restore(STDOUT_FILENO, &saved_stdout);
        restore(STDERR_FILENO, &saved_stderr);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        pager_pid = 0;
}
