/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A job's pseudo-terminal, and the terminal here that it is shown on.
 *
 * A process of its own moves the bytes, and blocks all signals that can be blocked: so whatever ends the client, there
 * is one left that gives the terminal back, and that of the two which is killed is outlived by the other. */
#include "pty.h"

#include "basic/fields.h"
#include "basic/process.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

struct Pty {
        int master, slave;
        int control; /* a socket, which is closed to tell that the job has ended */
        pid_t forwarder;
        bool left;
        bool raw; /* and so to be set back */
        bool has_modes;
        struct termios modes; /* of the terminal at standard input */
};

void pty_take_size(int slave)
{
        static const int from[] = { STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO };
        struct winsize size;

        for (size_t i = 0; i < ELEMENTSOF(from); i++)
                if (ioctl(from[i], TIOCGWINSZ, &size) >= 0 && size.ws_row > 0 && size.ws_col > 0) {
                        (void) ioctl(slave, TIOCSWINSZ, &size);
                        return;
                }
        /* Once it is known it stays: a terminal that has gone away is none to ask. */
        if (ioctl(slave, TIOCGWINSZ, &size) >= 0 && size.ws_row == 0) {
                size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
                (void) ioctl(slave, TIOCSWINSZ, &size);
        }
}

bool terminal_is_ours(int fd)
{
        pid_t group = tcgetpgrp(fd);

        return group < 0 ? errno == ENOTTY : group == getpgrp();
}

/* What goes to other places than the terminal is not to be seen on it with stairs. */
int terminal_set_raw(const struct termios *saved)
{
        struct termios raw = *saved;

        cfmakeraw(&raw);
        if (!isatty(STDOUT_FILENO))
                raw.c_oflag = saved->c_oflag;
        return tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0 ? -errno : 0;
}

/* As the terminal here is set. What comes from elsewhere than a terminal would be seen in the output. */
static void set_modes(const Pty *p)
{
        struct termios modes;

        if (p->has_modes)
                modes = p->modes;
        else if (tcgetattr(p->slave, &modes) < 0)
                return;
        else
                modes.c_lflag &= ~(tcflag_t) ECHO;
        (void) tcsetattr(p->slave, TCSANOW, &modes);
}

/* So that the job may open it by its name. A user that is not known is for the daemon to tell. */
static void give_to(int slave, const char *owner)
{
        const struct passwd *user;
        uint64_t number;
        uid_t uid;

        if (parse_u64(owner, &number) >= 0)
                uid = (uid_t) number;
        else {
                user = getpwnam(owner);
                if (!user)
                        return;
                uid = user->pw_uid;
        }
        (void) fchown(slave, uid, (gid_t) -1);
}

int pty_open(const char *owner, Pty **ret)
{
        _cleanup_(pty_freep) Pty *p = malloc(sizeof(*p));

        if (!p)
                return -ENOMEM;
        *p = (Pty){ .slave = -EBADF, .control = -EBADF };
        p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (p->master < 0 || fcntl(p->master, F_SETFL, O_NONBLOCK) < 0 || unlockpt(p->master) < 0)
                return -errno;
        /* Not by name: /dev/pts may be another one's. */
        p->slave = ioctl(p->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (p->slave < 0)
                return -errno;

        p->has_modes = tcgetattr(STDIN_FILENO, &p->modes) >= 0;
        set_modes(p);
        pty_take_size(p->slave);
        if (owner && geteuid() == 0)
                give_to(p->slave, owner);
        *ret = TAKE_PTR(p);
        return 0;
}

int pty_slave(const Pty *p)
{
        return p->slave;
}

static void close_pty(Pty *p)
{
        p->master = safe_close(p->master);
        p->slave = safe_close(p->slave);
}

static _Noreturn void run_forwarder(const Pty *p, int control)
{
        int keep[] = { p->master, p->slave, control };
        /* Of a terminal in whose background we have to stay, nothing can be read. */
        bool input = !p->has_modes || p->raw;

        close_all_but(keep, ELEMENTSOF(keep));
        forward(p->master, p->slave, control, input, p->raw ? &p->modes : NULL);
}

int pty_forward(Pty *p)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        /* In the background this stops us, as it does every program that wants the terminal. */
        p->raw = p->has_modes && terminal_set_raw(&p->modes) >= 0;
        (void) signal(SIGCHLD, SIG_DFL);
        p->forwarder = fork();
        if (p->forwarder == 0)
                run_forwarder(p, fds[0]);
        (void) close(fds[0]);
        p->control = fds[1];
        close_pty(p);
        if (p->forwarder < 0) {
                int r = -errno;

                p->forwarder = 0;
                pty_end(p, true);
                return r;
        }
        return 0;
}

static void reap(Pty *p, int options)
{
        int status;
        pid_t pid;

        if (p->forwarder == 0)
                return;
        do
                pid = waitpid(p->forwarder, &status, options);
        while (pid < 0 && errno == EINTR);
        if (pid == 0)
                return;
        p->forwarder = 0;
        p->left = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == FORWARD_LEFT;
}

bool pty_is_left(Pty *p)
{
        reap(p, WNOHANG);
        return p->left;
}

void pty_end(Pty *p, bool job_has_ended)
{
        sigset_t none;

        if (!p)
                return;
        if (!job_has_ended && p->control >= 0) {
                /* There is nobody to be told of a signal any more: it ends us. */
                (void) sigemptyset(&none);
                (void) sigprocmask(SIG_SETMASK, &none, NULL);
                (void) send(p->control, &(char){ CONTROL_UNTIL_CLOSED }, 1, MSG_NOSIGNAL);
        }
        p->control = safe_close(p->control);
        reap(p, 0);
        /* It did so itself, if nobody has killed it. */
        if (p->raw && terminal_is_ours(STDIN_FILENO))
                (void) tcsetattr(STDIN_FILENO, TCSANOW, &p->modes);
        p->raw = false;
}

Pty *pty_free(Pty *p)
{
        if (!p)
                return NULL;
        close_pty(p);
        pty_end(p, true);
        free(p);
        return NULL;
}
