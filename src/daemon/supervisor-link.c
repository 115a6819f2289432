/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to one scope's supervisor: starting it, requests with a deadline, its events. */
#include "daemon/supervisor-link.h"

#include "daemon/child.h"
#include "daemon/log.h"
#include "daemon/scope.h"
#include "daemon/supervisor-message.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uthash.h>

/* A supervisor answers at once, except to `spawn`, which has a deadline of its own there. */
#ifndef REQUEST_TIMEOUT_USEC /* a test has less time */
#define REQUEST_TIMEOUT_USEC (5 * USEC_PER_SEC)
#endif

/* How many daemons may start one after the other while the supervisor is frozen and accepts none. */
#define LISTEN_BACKLOG 128

typedef struct Request {
        SupervisorLink *link;
        uint64_t serial;
        supervisor_handler_t handler;
        void *userdata;
        sd_event_source *deadline;
        UT_hash_handle hh;
} Request;

/* A packet that did not fit into the socket yet. */
typedef struct Packet {
        char *data;
        size_t length;
        int fds[PROTOCOL_FDS_MAX];
        size_t n_fds;
        TAILQ_ENTRY(Packet) queue;
} Packet;

struct SupervisorLink {
        Scope *scope;
        int fd;
        sd_event_source *io;
        sd_event_source *child; /* the starter, until it has been reaped */
        pid_t starter;
        uint64_t last_serial;
        Request *requests;
        TAILQ_HEAD(, Packet) packets;
        bool synced;
        unsigned features; /* as it has said */
        bool *gone;        /* set when it is freed, for whoever is draining it */
};

static Request *request_free(Request *q)
{
        HASH_DEL(q->link->requests, q);
        sd_event_source_disable_unref(q->deadline);
        free(q);
        return NULL;
}

static void request_finish(Request *q, const SupervisorAnswer *answer)
{
        supervisor_handler_t handler = q->handler;
        void *userdata = q->userdata;

        request_free(q);
        if (handler)
                handler(answer, userdata);
}

static void packet_free(Packet *p)
{
        for (size_t i = 0; i < p->n_fds; i++)
                safe_close(p->fds[i]);
        free(p->data);
        free(p);
}

SupervisorLink *supervisor_link_free(SupervisorLink *l)
{
        Request *q, *next;
        Packet *p;

        if (!l)
                return NULL;
        if (l->gone)
                *l->gone = true;
        HASH_ITER (hh, l->requests, q, next)
                request_finish(q, &(SupervisorAnswer){ .r = -ECONNRESET });
        while ((p = TAILQ_FIRST(&l->packets))) {
                TAILQ_REMOVE(&l->packets, p, queue);
                packet_free(p);
        }
        sd_event_source_disable_unref(l->io);
        safe_close(l->fd);
        if (l->child) {
                /* Still our child: reaped by the loop, also after the link has gone. */
                (void) sd_event_source_set_floating(l->child, true);
                (void) sd_event_source_set_userdata(l->child, NULL);
                sd_event_source_unref(l->child);
        }
        free(l);
        return NULL;
}

pid_t supervisor_starter_pid(const SupervisorLink *l)
{
        return l->starter;
}

void supervisor_kill_starter(SupervisorLink *l)
{
        /* It is our unreaped child, so the pid is still its own. */
        if (l->child && l->starter > 0)
                (void) kill(l->starter, SIGKILL);
}

bool supervisor_is_synced(const SupervisorLink *l)
{
        return l->synced;
}

bool supervisor_has_features(const SupervisorLink *l, unsigned features)
{
        return (l->features & features) == features;
}

static int packet_send(SupervisorLink *l, const char *data, size_t length, const int *fds,
                       size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int) * PROTOCOL_FDS_MAX)];
        } control = {};
        struct iovec iov = { .iov_base = (char *) data, .iov_len = length };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
        }
        return sendmsg(l->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int packet_queue(SupervisorLink *l, const char *data, size_t length, const int *fds,
                        size_t n_fds)
{
        Packet *p;

        p = calloc(1, sizeof *p);
        if (!p)
                return -ENOMEM;
        p->data = malloc(length);
        if (!p->data) {
                packet_free(p);
                return -ENOMEM;
        }
        memcpy(p->data, data, length);
        p->length = length;
        for (; p->n_fds < n_fds; p->n_fds++) {
                p->fds[p->n_fds] = fcntl(fds[p->n_fds], F_DUPFD_CLOEXEC, 3);
                if (p->fds[p->n_fds] < 0) {
                        int r = -errno;

                        packet_free(p);
                        return r;
                }
        }
        TAILQ_INSERT_TAIL(&l->packets, p, queue);
        return sd_event_source_set_io_events(l->io, EPOLLIN | EPOLLOUT);
}

static int link_send(SupervisorLink *l, const Fields *f, const int *fds, size_t n_fds)
{
        int r;

        if (f->error < 0)
                return f->error;
        if (f->length > PROTOCOL_PACKET_MAX)
                return -E2BIG;
        if (TAILQ_EMPTY(&l->packets)) {
                r = packet_send(l, f->data, f->length, fds, n_fds);
                if (r != -EAGAIN)
                        return r;
        }
        return packet_queue(l, f->data, f->length, fds, n_fds);
}

static int link_flush(SupervisorLink *l)
{
        Packet *p;
        int r;

        while ((p = TAILQ_FIRST(&l->packets))) {
                r = packet_send(l, p->data, p->length, p->fds, p->n_fds);
                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        return r;
                TAILQ_REMOVE(&l->packets, p, queue);
                packet_free(p);
        }
        return sd_event_source_set_io_events(l->io, EPOLLIN);
}

static int on_request_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Request *q = userdata;
        SupervisorLink *l = q->link;
        uint64_t serial = q->serial;

        /* It may have answered long ago, and it was us who stood still. */
        if (!supervisor_drain(l->scope))
                return 0;
        HASH_FIND(hh, l->requests, &serial, sizeof serial, q);
        if (q)
                request_finish(q, &(SupervisorAnswer){ .r = -ETIMEDOUT, .error = ETIMEDOUT });
        return 0;
}

/* For a request that must not be obeyed once the caller was told that it failed. */
static void append_expiry(Fields *f, uint64_t timeout_usec)
{
        fields_append_u64(f, "expires_usec", now_monotonic_usec() + timeout_usec);
}

/* Sends a request whose fields start with type; the serial is added here. */
static int link_request(SupervisorLink *l, Fields *f, const int *fds, size_t n_fds,
                        uint64_t timeout_usec, supervisor_handler_t handler, void *userdata)
{
        Request *q;
        int r;

        q = calloc(1, sizeof *q);
        if (!q)
                return -ENOMEM;
        *q = (Request){
                .link = l,
                .serial = ++l->last_serial,
                .handler = handler,
                .userdata = userdata,
        };
        HASH_ADD(hh, l->requests, serial, sizeof q->serial, q);

        fields_append_u64(f, "serial", q->serial);
        r = sd_event_add_time_relative(l->scope->manager->event, &q->deadline, CLOCK_MONOTONIC,
                                       timeout_usec, 0, on_request_deadline, q);
        if (r >= 0)
                r = link_send(l, f, fds, n_fds);
        if (r < 0)
                request_free(q);
        return r;
}

static void link_answer(SupervisorLink *l, SupervisorMessage *m)
{
        Request *q;

        m->answer.r = streq(m->type, "done") ? 0 : -EREMOTEIO;
        HASH_FIND(hh, l->requests, &m->serial, sizeof m->serial, q);
        if (q)
                request_finish(q, &m->answer);
}

static void link_dispatch(SupervisorLink *l, SupervisorMessage *m)
{
        Scope *s = l->scope;

        if (streq(m->type, "done") || streq(m->type, "failed")) {
                link_answer(l, m);
        } else if (streq(m->type, "task") || streq(m->type, "exited")) {
                m->report.ended = streq(m->type, "exited");
                if (m->report.task)
                        scope_on_task(s, &m->report);
        } else if (streq(m->type, "synced")) {
                l->synced = true;
                scope_on_synced(s);
        } else if (streq(m->type, "empty")) {
                scope_on_cgroup_event(s);
        } else if (streq(m->type, "stopping")) {
                scope_on_stopping(s);
        } else if (streq(m->type, "hello")) {
                if (m->version != PROTOCOL_VERSION)
                        log_info("%s: its supervisor speaks version %" PRIu64
                                 " of the protocol, this daemon %d",
                                 s->unit, m->version, PROTOCOL_VERSION);
                l->features = m->features;
                if (m->state && supervisor_state_from_string(m->state) == SUPERVISOR_STOPPING)
                        scope_on_stopping(s);
                else if (m->state && supervisor_state_from_string(m->state) == SUPERVISOR_WAITING)
                        scope_on_supervisor_waiting(s);
        }
}

/* Returns 0 when there is nothing more to read, 1 after one packet, negative when it has ended. */
static int link_receive(SupervisorLink *l)
{
        char buffer[PROTOCOL_PACKET_MAX];
        SupervisorMessage m;
        ssize_t n;
        int r;

        n = recv(l->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        /* Once, when it has ended with requests unread, and before what it had said last. */
        if (n < 0 && errno == ECONNRESET)
                n = recv(l->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        r = supervisor_message_read(buffer, (size_t) n, &m);
        if (r < 0) {
                log_warning("%s: ignoring a malformed packet of the supervisor: %s", l->scope->unit,
                            strerror(-r));
                return 1;
        }
        link_dispatch(l, &m);
        return 1;
}

bool supervisor_drain(Scope *s)
{
        SupervisorLink *l = s->link;
        bool gone = false;

        if (!l)
                return true;
        l->gone = &gone;
        while (!gone && link_receive(l) > 0)
                ;
        if (!gone)
                l->gone = NULL;
        return !gone;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        SupervisorLink *l = userdata;
        Scope *s = l->scope;
        int r;

        /* One packet a time: handling it may end the scope and this link with it. The loop comes
         * back as long as there is more. */
        if (revents & EPOLLIN) {
                r = link_receive(l);
                if (r < 0)
                        scope_on_supervisor_gone(s);
                return 0;
        }
        if (revents & EPOLLOUT && link_flush(l) >= 0)
                return 0;
        if (supervisor_drain(s)) /* what it has said last */
                scope_on_supervisor_gone(s);
        return 0;
}

static int on_starter_exit(sd_event_source *source, const siginfo_t *si, void *userdata)
{
        SupervisorLink *l = userdata;

        if (l) {
                l->child = sd_event_source_unref(l->child);
                l->starter = 0;
        } else {
                (void) sd_event_source_set_floating(source, false); /* the last reference */
        }
        return 0;
}

/* Not through a link to somebody else's. */
static int check_socket(const Scope *s)
{
        char name[64];
        struct stat st;

        (void) snprintf(name, sizeof name, "%s.sock", s->id);
        if (fstatat(s->manager->runtime_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return S_ISSOCK(st.st_mode) ? 0 : -ENOTSOCK;
}

static int socket_address(const Scope *s, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if ((size_t) snprintf(ret->sun_path, sizeof ret->sun_path, "%s/%s.sock",
                              s->manager->runtime_path, s->id) >= sizeof ret->sun_path)
                return -ENAMETOOLONG;
        return 0;
}

int supervisor_connect(Scope *s, SupervisorLink **ret)
{
        _cleanup_(supervisor_link_freep) SupervisorLink *l = NULL;
        struct sockaddr_un address;
        int r;

        r = check_socket(s);
        if (r >= 0)
                r = socket_address(s, &address);
        if (r < 0)
                return r;
        l = calloc(1, sizeof *l);
        if (!l)
                return -ENOMEM;
        l->scope = s;
        TAILQ_INIT(&l->packets);
        l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0)
                return -errno;
        if (connect(l->fd, (struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        r = sd_event_add_io(s->manager->event, &l->io, l->fd, EPOLLIN, on_io, l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

/* Starts the program with the listening socket as its descriptor 3 and nothing else of ours. */
static int supervisor_exec(Scope *s, int listen_fd, pid_t *ret)
{
        Manager *m = s->manager;
        char *argv[] = { (char *) "hpcnode-supervisor", s->id, NULL };
        char *environment[] = { NULL };

        return child_start(m->supervisor, argv, environment, listen_fd, PROTOCOL_LISTEN_FD, ret);
}

int supervisor_start(Scope *s, SupervisorLink **ret)
{
        _cleanup_(supervisor_link_freep) SupervisorLink *l = NULL;
        _cleanup_(closep) int fd = -EBADF;
        struct sockaddr_un address;
        int r;

        r = socket_address(s, &address);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        /* dup2() onto itself would leave the descriptor close-on-exec. */
        if (fd == PROTOCOL_LISTEN_FD) {
                int other = fcntl(fd, F_DUPFD_CLOEXEC, PROTOCOL_LISTEN_FD + 1);

                if (other < 0)
                        return -errno;
                safe_close(fd);
                fd = other;
        }
        if (bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
            listen(fd, LISTEN_BACKLOG) < 0)
                return -errno;
        r = supervisor_connect(s, &l);
        if (r < 0)
                return r;
        r = supervisor_exec(s, fd, &l->starter);
        if (r < 0)
                return r;
        r = sd_event_add_child(s->manager->event, &l->child, l->starter, WEXITED, on_starter_exit,
                               l);
        if (r < 0) {
                (void) kill(l->starter, SIGKILL);
                return r;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

int supervisor_setup(SupervisorLink *l, supervisor_handler_t handler, void *userdata)
{
        Scope *s = l->scope;
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "setup");
        fields_append(&f, "unit", s->unit);
        fields_append(&f, "identifier", s->name);
        fields_append_u64(&f, "stop_timeout_usec", s->stop_timeout_usec);
        return link_request(l, &f, (int[]){ s->cgroup_fd, s->manager->runtime_fd }, 2,
                            REQUEST_TIMEOUT_USEC, handler, userdata);
}

int supervisor_spawn(SupervisorLink *l, const char *task, uint64_t timeout_usec,
                     uint64_t runtime_max_usec, const char *log, const char *which, const int *fds,
                     size_t n_fds, supervisor_handler_t handler, void *userdata)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "spawn");
        fields_append(&f, "task", task);
        fields_append_u64(&f, "timeout_usec", timeout_usec);
        fields_append_u64(&f, "journal", streq(log, "journal"));
        task_log_append(log, &f);
        fields_append(&f, "fds", which);
        if (runtime_max_usec > 0)
                fields_append_u64(&f, "runtime_max_usec", runtime_max_usec);
        append_expiry(&f, timeout_usec + REQUEST_TIMEOUT_USEC);
        return link_request(l, &f, fds, n_fds, timeout_usec + REQUEST_TIMEOUT_USEC, handler,
                            userdata);
}

int supervisor_adopt(SupervisorLink *l, const TaskReport *task, int pidfd,
                     supervisor_handler_t handler, void *userdata)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "adopt");
        if (task)
                task_report_append(task, &f);
        return link_request(l, &f, &pidfd, pidfd >= 0 ? 1 : 0, REQUEST_TIMEOUT_USEC, handler,
                            userdata);
}

int supervisor_attach(SupervisorLink *l, const char *task, const Attachee *a, size_t n,
                      supervisor_handler_t handler, void *userdata)
{
        _cleanup_(fields_done) Fields f = {};
        char pids[ATTACH_PIDS_MAX * sizeof("4194304 ")];
        int fds[2 * ATTACH_PIDS_MAX];
        size_t at = 0;

        for (size_t i = 0; i < n; i++) {
                at += (size_t) snprintf(pids + at, sizeof pids - at, "%s%d", i > 0 ? " " : "",
                                        (int) a[i].pid);
                fds[2 * i] = a[i].pidfd;
                fds[2 * i + 1] = a[i].origin;
        }
        fields_append(&f, "type", "attach");
        fields_append(&f, "task", task);
        fields_append(&f, "pids", pids);
        /* It is not to begin any more when there is not the time left for all of them. */
        append_expiry(&f, REQUEST_TIMEOUT_USEC);
        return link_request(l, &f, fds, 2 * n, 2 * REQUEST_TIMEOUT_USEC, handler, userdata);
}

int supervisor_open(SupervisorLink *l, const char *task, supervisor_handler_t handler,
                    void *userdata)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "open");
        fields_append(&f, "task", task);
        append_expiry(&f, REQUEST_TIMEOUT_USEC);
        return link_request(l, &f, NULL, 0, REQUEST_TIMEOUT_USEC, handler, userdata);
}

int supervisor_opened(SupervisorLink *l, const char *task, const char *client)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "opened");
        fields_append(&f, "task", task);
        fields_append(&f, "client", client);
        return link_send(l, &f, NULL, 0);
}

int supervisor_signal(SupervisorLink *l, const char *task, bool whole, int sig,
                      supervisor_handler_t handler, void *userdata)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "signal");
        fields_append(&f, "task", task);
        fields_append_i64(&f, "signal", sig);
        fields_append(&f, "whole", task && whole ? "1" : NULL);
        append_expiry(&f, REQUEST_TIMEOUT_USEC);
        return link_request(l, &f, NULL, 0, REQUEST_TIMEOUT_USEC, handler, userdata);
}

int supervisor_release(SupervisorLink *l)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "release");
        return link_request(l, &f, NULL, 0, REQUEST_TIMEOUT_USEC, NULL, NULL);
}

int supervisor_forget(SupervisorLink *l, const char *task)
{
        _cleanup_(fields_done) Fields f = {};

        fields_append(&f, "type", "forget");
        fields_append(&f, "task", task);
        return link_send(l, &f, NULL, 0);
}
