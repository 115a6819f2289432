/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the daemon: requests in, answers and events out, never waiting for it.
 *
 * Nothing is queued here. What there is to say follows from the state of tasks and payload, so a
 * daemon that does not read, or is away for a week, costs no memory and misses nothing. */

#include "supervisor.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void handle_peer(Supervisor *s, Source *source, uint32_t events);
static void handle_left(Supervisor *s);

/* --- saying --- */

/* -EAGAIN when the daemon has to read first. */
static int link_send(Supervisor *s, const Fields *f)
{
        if (f->error < 0)
                return f->error == -EAGAIN ? -ENOMEM : f->error;
        if (send(s->link.peer.fd, f->data, f->length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return -errno;
        return 0;
}

static void build_hello(Supervisor *s, Fields *f)
{
        char features[FEATURES_SIZE];

        fields_append(f, "type", "hello");
        fields_append_u64(f, "version", PROTOCOL_VERSION);
        fields_append_i64(f, "pid", getpid());
        fields_append(f, "state", supervisor_state_to_string(s->state));
        fields_append(f, "features", features_format(FEATURES_ALL, features));
}

static void build_failed(Fields *f, uint64_t serial, int error, const char *step,
                         const char *reason)
{
        fields_append(f, "type", "failed");
        if (serial != UINT64_MAX)
                fields_append_u64(f, "serial", serial);
        fields_append_i64(f, "errno", -error);
        fields_append(f, "step", step);
        fields_append(f, "reason", reason);
}

static void build_done(Fields *f, uint64_t serial)
{
        fields_append(f, "type", "done");
        fields_append_u64(f, "serial", serial);
}

static void build_setup(Supervisor *s, Fields *f)
{
        if (s->setup.error < 0) {
                build_failed(f, s->setup.serial, s->setup.error, s->setup.step, s->setup.reason);
                return;
        }
        build_done(f, s->setup.serial);
        fields_append_i64(f, "pid", getpid());
}

static void build_synced(Supervisor *s, Fields *f)
{
        fields_append(f, "type", "synced");
        fields_append_u64(f, "populated", payload_populated(s));
}

static void build_empty(Supervisor *s, Fields *f)
{
        fields_append(f, "type", "empty");
}

static void build_stopping(Supervisor *s, Fields *f)
{
        fields_append(f, "type", "stopping");
}

static int say(Supervisor *s, unsigned what, void (*build)(Supervisor *s, Fields *f))
{
        _cleanup_(fields_done) Fields f = {};
        int r;

        if (!(s->link.say & what))
                return 0;
        build(s, &f);
        r = link_send(s, &f);
        if (r < 0)
                return r;
        s->link.say &= ~what;
        return 0;
}

static void build_task(Task *t, Fields *f)
{
        fields_append(f, "type", "task");
        fields_append(f, "task", t->name);
        fields_append(f, "log", t->log);
        fields_append_i64(f, "pid", t->pid);
        fields_append_u64(f, "start_usec", t->start_usec);
        if (t->due != USEC_NEVER)
                fields_append_u64(f, "due_usec", t->due);
        if (t->state == TASK_OPEN) {
                fields_append_u64(f, "open", 1);
                fields_append(f, "client", t->client);
        }
}

static void build_task_reply(Task *t, Fields *f)
{
        if (t->state == TASK_FAILED) {
                build_failed(f, t->serial, -t->error, spawn_step_to_string(t->step), t->reason);
                return;
        }
        build_done(f, t->serial);
        fields_append_i64(f, "pid", t->pid);
}

static void build_task_exited(Task *t, Fields *f)
{
        fields_append(f, "type", "exited");
        task_append_exit(t, f);
}

static int say_task(Supervisor *s, Task *t)
{
        static const struct {
                unsigned what;
                void (*build)(Task *t, Fields *f);
        } table[] = {
                { SAY_TASK, build_task },
                { SAY_REPLY, build_task_reply },
                { SAY_EXITED, build_task_exited },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fields_done) Fields f = {};
                int r;

                if (!(t->say & table[i].what))
                        continue;
                table[i].build(t, &f);
                r = link_send(s, &f);
                if (r < 0)
                        return r;
                t->say &= (uint8_t) ~table[i].what;
                if (table[i].what == SAY_REPLY)
                        t->reply_due = false;
        }
        return 0;
}

static int say_tasks(Supervisor *s)
{
        Task *t;

        while ((t = TAILQ_FIRST(&s->unsaid))) {
                int r = say_task(s, t);

                if (r < 0)
                        return r;
                TAILQ_REMOVE(&s->unsaid, t, unsaid);
                task_collect(s, t);
        }
        return 0;
}

static int say_reply(Supervisor *s)
{
        int r;

        if (s->link.reply.length == 0 && s->link.reply.error == 0)
                return 0;
        r = link_send(s, &s->link.reply);
        if (r < 0)
                return r;
        fields_done(&s->link.reply);
        s->link.reply = (Fields){};
        return 0;
}

static int say_everything(Supervisor *s)
{
        int r;

        if ((r = say(s, SAY_HELLO, build_hello)) < 0 || (r = say_reply(s)) < 0 ||
            (r = say(s, SAY_SETUP, build_setup)) < 0 || (r = say_tasks(s)) < 0 ||
            (r = say(s, SAY_SYNCED, build_synced)) < 0 ||
            (r = say(s, SAY_STOPPING, build_stopping)) < 0)
                return r;
        return say(s, SAY_EMPTY, build_empty);
}

/* --- the connection --- */

static void link_set_events(Supervisor *s)
{
        Link *l = &s->link;
        uint32_t events = (l->reply.length > 0 ? 0 : EPOLLIN) | (l->blocked ? EPOLLOUT : 0);
        struct epoll_event e = { .events = events, .data.ptr = &l->peer };

        if (events == l->peer_events)
                return;
        if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, l->peer.fd, &e) >= 0)
                l->peer_events = events;
}

/* Ends the connection. Answers that were due to it are due no longer. */
static void link_drop(Supervisor *s)
{
        Task *t, *next;

        source_close(s, &s->link.peer);
        fields_done(&s->link.reply);
        s->link.reply = (Fields){};
        s->link.say = 0;
        s->link.blocked = false;
        TAILQ_INIT(&s->unsaid);
        HASH_ITER (by_name, s->tasks, t, next) {
                t->say = 0;
                t->reply_due = false;
                task_collect(s, t);
        }
}

static void link_lost(Supervisor *s)
{
        link_drop(s);
        if (!s->lasting)
                s->quit = true;
}

void link_flush(Supervisor *s)
{
        int r;

        if (s->link.peer.fd < 0 || s->link.blocked)
                return;
        r = say_everything(s);
        if (r < 0 && r != -EAGAIN) {
                handle_left(s);
                link_lost(s);
                return;
        }
        s->link.blocked = r == -EAGAIN;
        link_set_events(s);
}

void link_say(Supervisor *s, unsigned what)
{
        if (s->link.peer.fd >= 0)
                s->link.say |= what;
}

void link_say_task(Supervisor *s, Task *t, unsigned what)
{
        if (s->link.peer.fd < 0)
                return;
        if (!t->reply_due)
                what &= ~SAY_REPLY;
        if (t->say == 0 && what != 0)
                TAILQ_INSERT_TAIL(&s->unsaid, t, unsaid);
        t->say |= (uint8_t) what;
}

/* More than fit into the socket. */
#define LEFT_MAX 1024

/* What the daemon before has asked for, and did not live to see, is done all the same: whoever asked was not
 * told that it is not. Its end is not read here. */
static void handle_left(Supervisor *s)
{
        int n;

        for (unsigned i = 0; i < LEFT_MAX && s->link.peer.fd >= 0; i++) {
                if (ioctl(s->link.peer.fd, FIONREAD, &n) < 0 || n <= 0)
                        return;
                handle_peer(s, &s->link.peer, EPOLLIN);
        }
}

static void handle_listen(Supervisor *s, Source *source, uint32_t events)
{
        _cleanup_(closep) int fd = -EBADF;
        struct ucred peer;
        socklen_t size = sizeof(peer);
        Task *t, *next;

        fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE) && s->link.peer.fd >= 0) {
                link_drop(s); /* it would be replaced anyway */
                return;
        }
        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
            peer.uid != geteuid())
                return;
        handle_left(s);
        link_drop(s);
        s->deadlines[DEADLINE_CONNECT] = USEC_NEVER;
        s->link.peer.handle = handle_peer;
        s->link.peer_events = EPOLLIN;
        if (source_add(s, &s->link.peer, TAKE_FD(fd), EPOLLIN) < 0) {
                link_lost(s);
                return;
        }
        link_say(s, SAY_HELLO | SAY_SYNCED);
        HASH_ITER (by_name, s->tasks, t, next) {
                if (t->state == TASK_RUNNING || t->state == TASK_OPEN)
                        link_say_task(s, t, SAY_TASK);
                else if (t->state == TASK_EXITED && !t->forgotten)
                        link_say_task(s, t, SAY_EXITED);
        }
}

int link_watch(Supervisor *s)
{
        s->link.listen.handle = handle_listen;
        if (s->link.peer.fd < 0)
                return 0;
        s->link.peer_events = EPOLLIN;
        return source_add(s, &s->link.peer, s->link.peer.fd, EPOLLIN);
}

/* --- requests --- */

static const struct {
        const char *type;
        int (*handle)(Supervisor *s, Request *r);
        bool answered;
} requests[] = {
        { "setup", request_setup, true },    { "spawn", request_spawn, true },
        { "signal", request_signal, true },  { "release", request_release, true },
        { "adopt", request_adopt, true },    { "attach", request_attach, true },
        { "open", request_open, true },      { "opened", request_opened, false },
        { "forget", request_forget, false },
};

#define TEXT(name)                                    \
        {                                             \
#name, offsetof(Request, name), false \
        }
#define NUMBER(name)                                 \
        {                                            \
#name, offsetof(Request, name), true \
        }

static const struct {
        const char *key;
        size_t offset;
        bool number;
} request_keys[] = {
        TEXT(type),           NUMBER(serial),       TEXT(task),
        NUMBER(timeout_usec), NUMBER(expires_usec), { "fds", offsetof(Request, fds_names), false },
        TEXT(unit),           TEXT(identifier),     NUMBER(stop_timeout_usec),
        NUMBER(signal),       NUMBER(journal),      NUMBER(pid),
        NUMBER(start_usec),   NUMBER(exit_usec),    NUMBER(exit),
        NUMBER(oom),          TEXT(pids),           NUMBER(open),
        TEXT(client),         NUMBER(whole),        NUMBER(runtime_max_usec),
        NUMBER(due_usec),     NUMBER(timed_out),    TEXT(log),
};

static int request_set(Request *r, const char *key, char *value)
{
        for (size_t i = 0; i < ELEMENTSOF(request_keys); i++) {
                void *member = (char *) r + request_keys[i].offset;

                if (!streq(key, request_keys[i].key))
                        continue;
                if (request_keys[i].number)
                        return parse_u64(value, member);
                memcpy(member, &value, sizeof(value));
                return 0;
        }
        return 0;
}

static int request_parse(Request *r, char *data, size_t length)
{
        FieldsReader reader = fields_reader(data, length);
        char *key, *value;
        int k;

        while ((k = fields_next(&reader, &key, &value)) > 0) {
                k = request_set(r, key, value);
                if (k < 0)
                        return k;
        }
        if (k < 0)
                return k;
        return r->type ? 0 : -EBADMSG;
}

static void request_done(Request *r)
{
        for (size_t i = 0; i < r->n_fds; i++)
                safe_close(r->fds[i]);
}

static void answer(Supervisor *s, const Request *r, int result)
{
        Fields *f = &s->link.reply;

        if (s->link.peer.fd < 0)
                return;
        if (result == 0)
                build_done(f, r->serial);
        else
                build_failed(f, r->serial, result,
                             r->step < 0 ? NULL : spawn_step_to_string(r->step), r->reason);
        if (r->failed > 0)
                fields_append_i64(f, "pid", r->failed);
}

static void request_handle(Supervisor *s, Request *r, char *data, size_t length, int flags)
{
        size_t i;
        int k;

        if (flags & MSG_TRUNC)
                for (; length > 0 && data[length - 1] != '\n';)
                        length--;
        k = request_parse(r, data, length);
        if (flags & MSG_TRUNC) {
                r->reason = "the packet is too long";
                k = -EMSGSIZE;
        } else if (flags & MSG_CTRUNC) {
                r->reason = "the packet's descriptors could not be received";
                k = -EMFILE;
        } else if (k < 0) {
                r->reason = "the packet is malformed";
        }
        if (k < 0) {
                answer(s, r, k);
                return;
        }
        for (i = 0; i < ELEMENTSOF(requests) && !streq(r->type, requests[i].type); i++)
                ;
        if (i == ELEMENTSOF(requests))
                return;
        if (requests[i].answered && r->serial == UINT64_MAX) {
                r->reason = "serial is missing";
                answer(s, r, -EINVAL);
                return;
        }
        /* We stood still meanwhile, and the daemon has given it up. */
        k = r->expires_usec < now_usec() ? -ETIMEDOUT : requests[i].handle(s, r);
        if (k <= 0 && requests[i].answered)
                answer(s, r, k);
}

static void request_take_fds(Request *r, struct msghdr *m)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                size_t n;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(r->fds, CMSG_DATA(c), n * sizeof(int));
                r->n_fds = n;
        }
}

static void handle_peer(Supervisor *s, Source *source, uint32_t events)
{
        _cleanup_(request_done) Request r = {
                .serial = UINT64_MAX,
                .timeout_usec = UINT64_MAX,
                .expires_usec = UINT64_MAX,
                .stop_timeout_usec = UINT64_MAX,
                .signal = UINT64_MAX,
                .journal = UINT64_MAX,
                .exit_usec = UINT64_MAX,
                .exit = UINT64_MAX,
                .runtime_max_usec = UINT64_MAX,
                .due_usec = UINT64_MAX,
                .step = _SPAWN_STEP_INVALID,
        };
        char data[PROTOCOL_PACKET_MAX];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(PROTOCOL_FDS_MAX * sizeof(int))];
        } control;
        struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        if (events & EPOLLOUT)
                s->link.blocked = false;
        if (!(events & EPOLLIN)) {
                if (events & (EPOLLHUP | EPOLLERR))
                        link_lost(s);
                return;
        }
        n = recvmsg(source->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        /* Once, when it has ended with something of ours unread, and before what it had asked for last. */
        if (n < 0 && errno == ECONNRESET)
                n = recvmsg(source->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                link_lost(s);
                return;
        }
        request_take_fds(&r, &m);
        request_handle(s, &r, data, (size_t) n, m.msg_flags);
}
