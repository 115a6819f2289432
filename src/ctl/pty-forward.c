/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process between a job's pseudo-terminal and the terminal here: one loop, until the job has ended and all it
 * said is shown. */
#include "pty.h"

#include "basic/clock.h"
#include "basic/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

/* ^], pressed so often within so long, leaves the job. */
#define LEAVE_KEY   0x1d
#define LEAVE_COUNT 3
#define LEAVE_USEC  USEC_PER_SEC

/* More than a pseudo-terminal holds. What a process that stays behind prints later is not the job's. */
#define REST_MAX (256 * 1024)

/* What poll() has promised room for is written without blocking others of the same pipe: at most PIPE_BUF. */
#define BUFFER_SIZE 4096

typedef struct Buffer {
        char data[BUFFER_SIZE];
        size_t n;
} Buffer;

typedef struct Forwarding {
        int master, slave, control, signals;
        bool input;                  /* standard input has not ended */
        const struct termios *saved; /* NULL: it is no terminal */
        Buffer to_job, to_us;
        char last; /* byte to the job */
        unsigned n_leave;
        uint64_t leave_since;
        bool ended;  /* the job; what is left is shown */
        size_t rest; /* how much of that there may still be */
} Forwarding;

enum { POLL_INPUT, POLL_OUTPUT, POLL_MASTER, POLL_CONTROL, POLL_SIGNALS, _POLL_MAX };

static _Noreturn void finish(const Forwarding *f, int status)
{
        if (f->saved && terminal_is_ours(STDIN_FILENO))
                (void) tcsetattr(STDIN_FILENO, TCSANOW, f->saved);
        _exit(status);
}

/* Some of it; false when it can never be written. */
static bool flush_buffer(Buffer *b, int fd)
{
        ssize_t n = write(fd, b->data, b->n);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        b->n -= (size_t) n;
        memmove(b->data, b->data + n, b->n);
        return true;
}

/* --- the user leaves --- */

static bool is_left(Forwarding *f, const char *data, size_t n)
{
        for (const char *p = data; p < data + n; p++) {
                uint64_t now;

                if (*p != LEAVE_KEY) {
                        f->n_leave = 0;
                        continue;
                }
                now = clock_usec(CLOCK_MONOTONIC);
                if (f->n_leave == 0 || now - f->leave_since > LEAVE_USEC) {
                        f->leave_since = now;
                        f->n_leave = 0;
                }
                if (++f->n_leave == LEAVE_COUNT)
                        return true;
        }
        return false;
}

/* Without anybody who has the other end open, a pseudo-terminal hangs up; and without a reader, whoever prints to it
 * is stopped some day. */
static _Noreturn void keep_open(const Forwarding *f)
{
        int keep[] = { f->master };
        struct pollfd p = { .fd = f->master, .events = POLLIN };
        char dropped[BUFFER_SIZE];
        sigset_t none;
        ssize_t n;

        (void) setsid();
        (void) !chdir("/");
        close_all_but(keep, ELEMENTSOF(keep));
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                (void) close(fd);
        /* The one for the terminal that we had may be on its way. */
        (void) signal(SIGHUP, SIG_IGN);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        do {
                (void) poll(&p, 1, -1);
                n = read(f->master, dropped, sizeof(dropped));
        } while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
        _exit(EXIT_SUCCESS);
}

static _Noreturn void leave(Forwarding *f)
{
        pid_t pid = fork();

        if (pid == 0)
                keep_open(f);
        finish(f, pid < 0 ? FORWARD_DONE : FORWARD_LEFT);
}

/* --- to the job --- */

/* A terminal cannot end, as a pipe does: whoever reads it is told by a character, at the beginning of a line. */
static void end_input(Forwarding *f)
{
        struct termios modes;
        char end = 'D' & 0x1f;

        f->input = false;
        if (tcgetattr(f->slave, &modes) >= 0 && modes.c_cc[VEOF] != _POSIX_VDISABLE)
                end = (char) modes.c_cc[VEOF];
        if (f->last != '\0' && f->last != '\n')
                f->to_job.data[f->to_job.n++] = end;
        f->to_job.data[f->to_job.n++] = end;
}

static void read_input(Forwarding *f)
{
        Buffer *b = &f->to_job;
        /* With room for what end_input() adds. */
        ssize_t n = read(STDIN_FILENO, b->data + b->n, sizeof(b->data) - 2 - b->n);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n > 0) {
                if (f->saved && is_left(f, b->data + b->n, (size_t) n))
                        leave(f);
                b->n += (size_t) n;
                f->last = b->data[b->n - 1];
        } else if (!f->saved)
                end_input(f);
        else if (terminal_is_ours(STDIN_FILENO))
                finish(f, FORWARD_DONE); /* it has hung up, so the job's does */
        else
                f->input = false;
}

/* --- from the job --- */

static void job_ended(Forwarding *f)
{
        f->ended = true;
        f->rest = REST_MAX;
        f->input = false;
        f->to_job.n = 0;
}

static void read_master(Forwarding *f)
{
        size_t size = sizeof(f->to_us.data);
        ssize_t n;

        if (f->ended && f->rest < size)
                size = f->rest;
        n = size > 0 ? read(f->master, f->to_us.data, size) : 0;
        if (n < 0 && errno == EINTR)
                return;
        if (n < 0 && errno == EAGAIN && !f->ended)
                return;
        /* As long as the job may live, our own slave keeps this from being the end. */
        if (n <= 0)
                finish(f, FORWARD_DONE);
        f->to_us.n = (size_t) n;
        if (f->ended)
                f->rest -= (size_t) n;
}

/* --- the loop --- */

static void read_control(Forwarding *f)
{
        char told;

        if (read(f->control, &told, 1) > 0 && told == CONTROL_UNTIL_CLOSED) {
                f->slave = safe_close(f->slave);
                return;
        }
        f->control = safe_close(f->control);
        job_ended(f);
}

static void read_signal(Forwarding *f)
{
        struct signalfd_siginfo received;

        if (read(f->signals, &received, sizeof(received)) != (ssize_t) sizeof(received))
                return;
        /* Whoever was in the foreground meanwhile has set it to its own liking. */
        if (received.ssi_signo == SIGCONT && f->saved && terminal_is_ours(STDIN_FILENO))
                (void) terminal_set_raw(f->saved);
        pty_take_size(f->master);
}

static void step(Forwarding *f)
{
        struct pollfd p[_POLL_MAX] = {
                [POLL_INPUT] = { .fd = f->input && f->to_job.n < BUFFER_SIZE / 2 ? STDIN_FILENO
                                                                                 : -1,
                                 .events = POLLIN },
                [POLL_OUTPUT] = { .fd = f->to_us.n > 0 ? STDOUT_FILENO : -1, .events = POLLOUT },
                [POLL_MASTER] = { .events = (short) ((f->to_us.n == 0 ? POLLIN : 0) |
                                                     (f->to_job.n > 0 ? POLLOUT : 0)) },
                [POLL_CONTROL] = { .fd = f->control, .events = POLLIN },
                [POLL_SIGNALS] = { .fd = f->signals, .events = POLLIN },
        };

        /* That it has hung up is told in any case. */
        p[POLL_MASTER].fd = f->ended || p[POLL_MASTER].events == 0 ? -1 : f->master;
        if (poll(p, _POLL_MAX, -1) < 0)
                return;

        if (p[POLL_SIGNALS].revents)
                read_signal(f);
        if (p[POLL_OUTPUT].revents && !flush_buffer(&f->to_us, STDOUT_FILENO))
                finish(f, FORWARD_DONE); /* nobody looks any more */
        if (p[POLL_MASTER].revents && f->to_job.n > 0 && !flush_buffer(&f->to_job, f->master))
                f->to_job.n = 0;
        if (p[POLL_MASTER].revents && f->to_us.n == 0)
                read_master(f);
        if (p[POLL_INPUT].revents)
                read_input(f);
        if (p[POLL_CONTROL].revents)
                read_control(f);
}

_Noreturn void forward(int master, int slave, int control, bool input, const struct termios *saved)
{
        Forwarding f = {
                .master = master,
                .slave = slave,
                .control = control,
                .input = input,
                .saved = saved,
        };
        /* The terminal's own, by which a program in the background is stopped, stop us as well. */
        static const int left_alone[] = { SIGTSTP, SIGTTIN, SIGTTOU };
        sigset_t set;

        (void) sigfillset(&set);
        for (size_t i = 0; i < ELEMENTSOF(left_alone); i++)
                (void) sigdelset(&set, left_alone[i]);
        (void) sigprocmask(SIG_SETMASK, &set, NULL);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGWINCH);
        (void) sigaddset(&set, SIGCONT);
        f.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        /* It may have changed since it was taken. */
        pty_take_size(f.master);
        for (;;) {
                /* Whether anything is left, poll() does not tell of a terminal that others keep open. */
                if (f.ended && f.to_us.n == 0)
                        read_master(&f);
                else
                        step(&f);
        }
}
