/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scope's one stream to journald, shared by all its tasks. */

#include "supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define JOURNAL_SOCKET "/run/systemd/journal/stdout"

/* As systemd sets it for its services: a burst must not wait for journald. */
#define JOURNAL_SNDBUF (8 * 1024 * 1024)

/* After identifier and unit: priority info, "<N>" prefixes of lines are understood as from a
 * service, and nothing is forwarded. */
#define JOURNAL_HEADER_REST "\n6\n1\n0\n0\n0\n"

/* A stream survives a restart of journald, but not a crash of it that lost its descriptors. */
static bool broken(int fd)
{
        struct pollfd p = { .fd = fd };

        return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static int send_header(int fd, const Journal *j)
{
        struct iovec iov[] = {
                { .iov_base = j->identifier, .iov_len = strlen(j->identifier) },
                { .iov_base = (char *) "\n", .iov_len = 1 },
                { .iov_base = j->unit, .iov_len = strlen(j->unit) },
                { .iov_base = (char *) JOURNAL_HEADER_REST,
                  .iov_len = strlen(JOURNAL_HEADER_REST) },
        };
        struct msghdr m = { .msg_iov = iov, .msg_iovlen = ELEMENTSOF(iov) };

        return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int journal_connect(const Journal *j)
{
        static const struct sockaddr_un address = { AF_UNIX, JOURNAL_SOCKET };
        static const int size = JOURNAL_SNDBUF;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        if (shutdown(fd, SHUT_RD) < 0)
                return -errno;
        r = send_header(fd, j);
        if (r < 0)
                return r;
        if (fcntl(fd, F_SETFL, 0) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int journal_open(Journal *j)
{
        if (j->fd >= 0 && broken(j->fd))
                j->fd = safe_close(j->fd);
        if (j->fd < 0)
                j->fd = journal_connect(j);
        return j->fd;
}

void journal_done(Journal *j)
{
        j->fd = safe_close(j->fd);
        free(j->unit);
        free(j->identifier);
        *j = (Journal){ .fd = -EBADF };
}
