/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams to journald's native socket that are never waited for: sd_journal_send() waits as long as
 * journald does not read. */
#include "daemon/journal.h"

#include "daemon/log.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* As libsystemd sets it. How many datagrams the kernel keeps is net.unix.max_dgram_qlen. */
#define JOURNAL_SNDBUF (8 * 1024 * 1024)

/* The queue on disk: this, then each datagram with its length before it. */
#define QUEUE_FILE "journal-queue"

typedef struct QueueHeader {
        uint64_t begin;   /* offset of the first that is not sent yet */
        uint64_t dropped; /* that no record has told of, if this daemon ends now */
} QueueHeader;

typedef struct Datagram {
        TAILQ_ENTRY(Datagram) queue;
        size_t length;
        bool on_disk;
        char data[];
} Datagram;

TAILQ_HEAD(DatagramList, Datagram);

struct Journal {
        sd_event *event;
        struct sockaddr_un address;
        char *directory; /* that the socket is in */
        int dir_fd;      /* not ours */
        int fd;          /* connected, or -EBADF */
        sd_event_source *io;
        sd_event_source *watch; /* for a socket that is not there */
        struct DatagramList queue;
        size_t n_bytes; /* in the queue */
        uint64_t dropped;
        bool loaded;         /* the file is ours */
        uint64_t n_volatile; /* in the queue, and not on disk */
        int file_fd;
        uint64_t file_begin, file_end;
};

static void journal_flush(Journal *j);

/* --- the queue on disk --- */

static void file_remove(Journal *j)
{
        if (j->file_fd < 0)
                return;
        (void) unlinkat(j->dir_fd, QUEUE_FILE, 0);
        j->file_fd = safe_close(j->file_fd);
}

static int file_write(Journal *j, uint64_t offset, const void *data, size_t length)
{
        ssize_t n = pwrite(j->file_fd, data, length, (off_t) offset);

        if (n < 0)
                return -errno;
        return (size_t) n == length ? 0 : -ENOSPC;
}

static int file_write_header(Journal *j)
{
        const QueueHeader header = { .begin = j->file_begin,
                                     .dropped = j->dropped + j->n_volatile };

        return file_write(j, 0, &header, sizeof header);
}

static int file_create(Journal *j)
{
        int r;

        j->file_fd = openat(j->dir_fd, QUEUE_FILE,
                            O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (j->file_fd < 0)
                return -errno;
        j->file_begin = j->file_end = sizeof(QueueHeader);
        r = file_write_header(j);
        if (r < 0)
                file_remove(j);
        return r;
}

/* Something was sent, or dropped, or is not to be said any more. */
static void file_update(Journal *j)
{
        if (!j->loaded)
                return;
        if (TAILQ_EMPTY(&j->queue) && j->dropped == 0)
                file_remove(j);
        else if (j->file_fd >= 0)
                (void) file_write_header(j);
        else if (j->dropped > 0)
                (void) file_create(j);
}

static int file_append(Journal *j, const Datagram *d)
{
        uint32_t length = (uint32_t) d->length;
        int r = 0;

        if (j->file_fd < 0)
                r = file_create(j);
        if (r >= 0)
                r = file_write(j, j->file_end + sizeof length, d->data, d->length);
        if (r >= 0)
                r = file_write(j, j->file_end, &length, sizeof length);
        if (r >= 0)
                j->file_end += sizeof length + length;
        else if (j->file_fd >= 0)
                (void) ftruncate(j->file_fd, (off_t) j->file_end); /* what was begun of it */
        return r;
}

/* What is not on disk is as good as the daemon's life: for the next one it counts as dropped. */
static void file_keep(Journal *j, Datagram *d)
{
        int r = j->loaded ? file_append(j, d) : 0;

        d->on_disk = j->loaded && r >= 0;
        if (d->on_disk)
                return;
        if (r < 0 && j->n_volatile == 0)
                log_warning("cannot keep records on disk that journald does not take: %s",
                            strerror(-r));
        j->n_volatile++;
        file_update(j);
}

/* --- the queue in memory --- */

static int queue_append(Journal *j, const void *data, size_t length, Datagram **ret)
{
        Datagram *d;

        if (j->n_bytes + length > JOURNAL_QUEUE_MAX)
                return -ENOBUFS;
        d = malloc(sizeof *d + length);
        if (!d)
                return -ENOMEM;
        d->length = length;
        d->on_disk = false;
        memcpy(d->data, data, length);
        TAILQ_INSERT_TAIL(&j->queue, d, queue);
        j->n_bytes += length;
        *ret = d;
        return 0;
}

static void queue_drop_first(Journal *j)
{
        Datagram *d = TAILQ_FIRST(&j->queue);

        if (d->on_disk)
                j->file_begin += sizeof(uint32_t) + d->length;
        else
                j->n_volatile--;
        TAILQ_REMOVE(&j->queue, d, queue);
        j->n_bytes -= d->length;
        free(d);
}

static int file_open(Journal *j)
{
        QueueHeader header;
        struct stat st;

        j->file_fd = openat(j->dir_fd, QUEUE_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (j->file_fd < 0)
                return -errno;
        if (fstat(j->file_fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            pread(j->file_fd, &header, sizeof header, 0) != sizeof header ||
            header.begin < sizeof header || header.begin > (uint64_t) st.st_size) {
                file_remove(j);
                return -EBADMSG;
        }
        j->file_begin = header.begin;
        j->dropped += header.dropped;
        return 0;
}

/* A file that is cut off is read as far as it goes. */
static void queue_load(Journal *j)
{
        _cleanup_(freep) char *buffer = NULL;
        uint64_t at;

        if (file_open(j) < 0)
                return;
        at = j->file_begin;
        for (;;) {
                uint32_t length;
                Datagram *d;

                if (pread(j->file_fd, &length, sizeof length, (off_t) at) != sizeof length ||
                    length == 0 || length > JOURNAL_QUEUE_MAX)
                        break;
                free(buffer);
                buffer = malloc(length);
                if (!buffer ||
                    pread(j->file_fd, buffer, length, (off_t) (at + sizeof length)) != length ||
                    queue_append(j, buffer, length, &d) < 0)
                        break;
                d->on_disk = true;
                at += sizeof length + length;
        }
        j->file_end = at;
}

/* --- the socket --- */

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        journal_flush(userdata);
        return 0;
}

static int on_directory(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        journal_flush(userdata);
        return 0;
}

static void journal_disconnect(Journal *j)
{
        j->io = sd_event_source_disable_unref(j->io);
        j->fd = safe_close(j->fd);
}

/* Connected, since only then the kernel tells when the other side's queue has room again. */
static int journal_connect(Journal *j)
{
        static const int size = JOURNAL_SNDBUF;
        int r;

        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (j->fd < 0)
                return -errno;
        if (setsockopt(j->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
                (void) setsockopt(j->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        r = connect(j->fd, (const struct sockaddr *) &j->address, sizeof j->address) < 0 ? -errno
                                                                                         : 0;
        if (r >= 0)
                r = sd_event_add_io(j->event, &j->io, j->fd, EPOLLOUT, on_io, j);
        if (r >= 0)
                r = sd_event_source_set_enabled(j->io, SD_EVENT_OFF);
        if (r < 0)
                journal_disconnect(j);
        return r;
}

/* journald's socket is PID 1's and outlives it; here it was not there, or made anew. */
static bool is_gone(int r)
{
        return r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET || r == -ENOTCONN ||
               r == -EPIPE;
}

static int send_once(Journal *j, const void *data, size_t length)
{
        int r;

        if (j->fd < 0) {
                r = journal_connect(j);
                if (r < 0)
                        return r;
        }
        return send(j->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_now(Journal *j, const void *data, size_t length)
{
        int r = send_once(j, data, length);

        if (is_gone(r) && j->fd >= 0) {
                journal_disconnect(j);
                r = send_once(j, data, length);
        }
        if (is_gone(r))
                journal_disconnect(j);
        return r;
}

/* Has the loop come back when what r stands for has passed. False: it never will. */
static bool wait_to_send(Journal *j, int r)
{
        if (r == -EAGAIN)
                return sd_event_source_set_enabled(j->io, SD_EVENT_ON) >= 0;
        if (!is_gone(r))
                return false;
        if (!j->watch && sd_event_add_inotify(j->event, &j->watch, j->directory,
                                              IN_CREATE | IN_MOVED_TO, on_directory, j) < 0)
                log_warning("no journald, and no %s: records wait for the next one", j->directory);
        return true;
}

static void count_dropped(Journal *j, int r)
{
        if (j->dropped++ == 0)
                log_warning("records are dropped: journald does not take them: %s", strerror(-r));
}

static void journal_flush(Journal *j)
{
        Datagram *d;

        while ((d = TAILQ_FIRST(&j->queue))) {
                int r = send_now(j, d->data, d->length);

                if (r < 0 && wait_to_send(j, r))
                        return;
                if (r < 0)
                        count_dropped(j, r);
                queue_drop_first(j);
                file_update(j);
        }
        file_update(j);
        if (j->io)
                (void) sd_event_source_set_enabled(j->io, SD_EVENT_OFF);
        j->watch = sd_event_source_disable_unref(j->watch);
}

int journal_send(Journal *j, const void *data, size_t length)
{
        bool first = TAILQ_EMPTY(&j->queue);
        Datagram *d;
        int r = -EAGAIN;

        if (first) {
                r = send_now(j, data, length);
                if (r >= 0)
                        return r;
        }
        if (!first || wait_to_send(j, r))
                r = queue_append(j, data, length, &d);
        if (r < 0) {
                count_dropped(j, r);
                file_update(j);
                return r;
        }
        file_keep(j, d);
        /* The socket may have come between the attempt and the watch. */
        if (j->watch)
                journal_flush(j);
        return 0;
}

uint64_t journal_dropped(const Journal *j)
{
        return j->dropped;
}

void journal_dropped_said(Journal *j, uint64_t n)
{
        j->dropped -= n;
        if (n > 0)
                file_update(j);
}

int journal_new(sd_event *event, const char *directory, int dir_fd, Journal **ret)
{
        _cleanup_(journal_freep) Journal *j = calloc(1, sizeof *j);

        if (!j)
                return -ENOMEM;
        *j = (Journal){
                .event = event,
                .address.sun_family = AF_UNIX,
                .directory = strdup(directory),
                .dir_fd = dir_fd,
                .fd = -EBADF,
                .file_fd = -EBADF,
        };
        TAILQ_INIT(&j->queue);
        if (!j->directory)
                return -ENOMEM;
        if ((size_t) snprintf(j->address.sun_path, sizeof j->address.sun_path, "%s/socket",
                              directory) >= sizeof j->address.sun_path)
                return -ENAMETOOLONG;
        /* At once, so that the number of descriptors does not depend on what has happened. */
        (void) journal_connect(j);
        *ret = TAKE_PTR(j);
        return 0;
}

void journal_load(Journal *j)
{
        struct DatagramList since;
        Datagram *d;

        TAILQ_INIT(&since);
        TAILQ_CONCAT(&since, &j->queue, queue);
        j->loaded = true;
        queue_load(j);
        while ((d = TAILQ_FIRST(&since))) {
                TAILQ_REMOVE(&since, d, queue);
                TAILQ_INSERT_TAIL(&j->queue, d, queue);
                j->n_volatile--;
                file_keep(j, d);
        }
        journal_flush(j);
}

Journal *journal_free(Journal *j)
{
        if (!j)
                return NULL;
        while (!TAILQ_EMPTY(&j->queue))
                queue_drop_first(j);
        sd_event_source_disable_unref(j->watch);
        journal_disconnect(j);
        safe_close(j->file_fd);
        free(j->directory);
        free(j);
        return NULL;
}
