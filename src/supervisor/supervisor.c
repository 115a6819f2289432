/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpcnode-supervisor: parent of every task of one scope, keeper of their exit statuses. Its loop. */

#include "supervisor.h"

#include "basic/clock.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* A daemon that started a supervisor connects at once; one that died in between never does. */
#define CONNECT_USEC (60 * USEC_PER_SEC)

/* Giving the program's pages back costs some 10 us when they are needed again. */
#define IDLE_AFTER_MSEC 50

uint64_t now_usec(void)
{
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t now_realtime_usec(void)
{
        return clock_usec(CLOCK_REALTIME);
}

uint64_t usec_add(uint64_t a, uint64_t b)
{
        return a > USEC_NEVER - b ? USEC_NEVER : a + b;
}

int source_add(Supervisor *s, Source *source, int fd, uint32_t events)
{
        struct epoll_event e = { .events = events, .data.ptr = source };

        source->fd = fd;
        if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
                int r = -errno;

                source_close(s, source);
                return r;
        }
        return 0;
}

/* Closing is not enough: a child that has not executed its program yet has a copy of the descriptor, and as long
 * events of it would go on. */
void source_close(Supervisor *s, Source *source)
{
        if (source->fd >= 0)
                (void) epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
        source->fd = safe_close(source->fd);
}

static void handle_signals(Supervisor *s, Source *source, uint32_t events)
{
        struct signalfd_siginfo si;

        while (read(source->fd, &si, sizeof(si)) == (ssize_t) sizeof(si)) {
                if (si.ssi_signo == SIGCHLD)
                        s->more_to_reap = true;
                else
                        stop_signal(s, &si);
        }
}

static void quit(Supervisor *s)
{
        s->quit = true;
}

static void empty_timeout(Supervisor *s)
{
        payload_check_empty(s, false);
}

static void (*const deadline_handlers[_DEADLINE_MAX])(Supervisor *s) = {
        [DEADLINE_CONNECT] = quit,
        [DEADLINE_CONTROLLERS] = setup_enable_controllers,
        [DEADLINE_LEAVES] = tasks_remove_leaves,
        [DEADLINE_EMPTY] = empty_timeout,
        [DEADLINE_TASKS] = tasks_time_out,
        [DEADLINE_STOP_KILL] = stop_kill,
        [DEADLINE_STOP_LAST] = stop_last,
        [DEADLINE_STOP_RELEASE] = quit,
};

static void handle_timer(Supervisor *s, Source *source, uint32_t events)
{
        uint64_t now = now_usec(), expirations;

        (void) !read(source->fd, &expirations, sizeof(expirations));
        s->armed = USEC_NEVER;
        for (size_t i = 0; i < _DEADLINE_MAX; i++) {
                if (s->deadlines[i] > now)
                        continue;
                s->deadlines[i] = USEC_NEVER;
                deadline_handlers[i](s);
        }
        spawn_timeouts(s, now);
}

/* One timer for everything: set to what is due first, off when nothing is. */
static void arm_timer(Supervisor *s)
{
        uint64_t next = USEC_NEVER;
        struct itimerspec its = {};
        Task *t = TAILQ_FIRST(&s->starting);

        for (size_t i = 0; i < _DEADLINE_MAX; i++)
                if (s->deadlines[i] < next)
                        next = s->deadlines[i];
        if (t && t->deadline < next)
                next = t->deadline;
        if (next == s->armed)
                return;
        s->armed = next;
        if (next != USEC_NEVER) {
                its.it_value.tv_sec = (time_t) (next / USEC_PER_SEC);
                its.it_value.tv_nsec = (long) (next % USEC_PER_SEC * NSEC_PER_USEC);
                if (next == 0)
                        its.it_value.tv_nsec = 1;
        }
        (void) timerfd_settime(s->timer.fd, TFD_TIMER_ABSTIME, &its, NULL);
}

int supervisor_watch(Supervisor *s)
{
        struct Source *always[] = { &s->signals, &s->timer, &s->link.listen };
        int r;

        safe_close(s->epoll_fd);
        s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (s->epoll_fd < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(always); i++) {
                r = source_add(s, always[i], always[i]->fd, EPOLLIN);
                if (r < 0)
                        return r;
        }
        return link_watch(s);
}

static int wait_event(Supervisor *s, struct epoll_event *ret)
{
        int n = epoll_wait(s->epoll_fd, ret, 1, s->more_to_reap ? 0 : IDLE_AFTER_MSEC);

        return n != 0 || s->more_to_reap ? n : idle_wait(s->epoll_fd, ret);
}

/* One event at a time, so that what a handler frees has no event left in a batch. */
static int run(Supervisor *s)
{
        while (!s->quit) {
                struct epoll_event e;
                int n;

                link_flush(s);
                if (s->quit)
                        break; /* the daemon had gone */
                arm_timer(s);
                n = wait_event(s, &e);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        Source *source = e.data.ptr;

                        source->handle(s, source, e.events);
                }
                if (s->more_to_reap)
                        tasks_reap(s);
        }
        link_flush(s);
        return 0;
}

/* By the system call itself: glibc keeps 32 and 33 to itself, and posix_spawn() leaves them ignored. */
static void set_default(int sig)
{
        const uint64_t kernel_sigaction[4] = {}; /* handler, flags, restorer, mask */

        (void) syscall(SYS_rt_sigaction, sig, kernel_sigaction, NULL, sizeof(uint64_t));
}

/* Every signal is blocked and default, so that tasks inherit neither a handler nor an ignored one;
 * those that tell of a defect of ours stay deliverable. */
static int open_signals(Supervisor *s)
{
        static const int defects[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
        sigset_t mask;

        for (int i = 1; i < _NSIG; i++)
                set_default(i);
        (void) sigfillset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(defects); i++)
                (void) sigdelset(&mask, defects[i]);
        if (sigprocmask(SIG_SETMASK, &mask, NULL) < 0)
                return -errno;
        s->signals.fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        return s->signals.fd < 0 ? -errno : 0;
}

static int open_listen(Supervisor *s)
{
        int type = 0, listening = 0;
        socklen_t size = sizeof(int);

        if (getsockopt(PROTOCOL_LISTEN_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
            getsockopt(PROTOCOL_LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
                return -errno;
        if (type != SOCK_SEQPACKET || !listening)
                return -EINVAL;
        if (fcntl(PROTOCOL_LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0 ||
            fcntl(PROTOCOL_LISTEN_FD, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
                return -errno;
        s->link.listen.fd = PROTOCOL_LISTEN_FD;
        return 0;
}

static int supervisor_init(Supervisor *s)
{
        int r;

        TAILQ_INIT(&s->starting);
        TAILQ_INIT(&s->unsaid);
        TAILQ_INIT(&s->leaving);
        for (size_t i = 0; i < _DEADLINE_MAX; i++)
                s->deadlines[i] = USEC_NEVER;
        s->armed = USEC_NEVER;
        s->signals.handle = handle_signals;
        s->timer.handle = handle_timer;
        r = open_listen(s);
        if (r < 0)
                return r;
#ifdef SYS_close_range
        (void) syscall(SYS_close_range, PROTOCOL_LISTEN_FD + 1, ~0U, 0);
#endif
        r = open_signals(s);
        if (r < 0)
                return r;
        s->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (s->timer.fd < 0)
                return -errno;
        s->deadlines[DEADLINE_CONNECT] = usec_add(now_usec(), CONNECT_USEC);
        return supervisor_watch(s);
}

static bool id_valid(const char *id)
{
        return *id && strlen(id) <= 64 &&
               strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
                       strlen(id);
}

static int complain(const char *what, int status)
{
        struct iovec iov[] = {
                { .iov_base = (char *) "hpcnode-supervisor: ", .iov_len = 20 },
                { .iov_base = (char *) what, .iov_len = strlen(what) },
                { .iov_base = (char *) "\n", .iov_len = 1 },
        };

        (void) !writev(STDERR_FILENO, iov, ELEMENTSOF(iov));
        return status;
}

int main(int argc, char *argv[])
{
        static Supervisor s = {
                .epoll_fd = -EBADF,
                .scope_fd = -EBADF,
                .supervisor_fd = -EBADF,
                .payload_fd = -EBADF,
                .runtime_fd = -EBADF,
                .signals = { .fd = -EBADF },
                .timer = { .fd = -EBADF },
                .events = { .fd = -EBADF },
                .link = { .listen = { .fd = -EBADF }, .peer = { .fd = -EBADF } },
                .setup = { .attached = { .fd = -EBADF } },
                .journal = { .fd = -EBADF },
        };

        if (argc != 2 || !id_valid(argv[1]))
                return complain("usage: hpcnode-supervisor ID "
                                "(started by hpcnode-cgroupd, with a listening socket as "
                                "descriptor 3)",
                                2);
        s.id = argv[1];
        /* What one task's start has used is given back: there are thousands of us. */
        (void) mallopt(M_TRIM_THRESHOLD, 16 * 1024);
        (void) mallopt(M_TOP_PAD, 4 * 1024);
        idle_init();
        switch (supervisor_init(&s)) {
        case 0:
                break;
        case -ENOTSOCK:
        case -EBADF:
        case -EINVAL:
                return complain("descriptor 3 is not a listening SOCK_SEQPACKET socket", 1);
        default:
                return complain("cannot set up the event loop", 1);
        }
        return run(&s) < 0 ? 1 : 0;
}
