/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read from the journal without the daemon: the ways in which that fails, and waiting for more. */
#include "journal-reader.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <systemd/sd-id128.h>

#define SYNC_SOCKET "/run/systemd/journal/io.systemd.journal"

/* A varlink call, which ends with its zero byte. */
#define SYNC_CALL "{\"method\":\"io.systemd.Journal.Synchronize\",\"parameters\":{}}"

/* journald writes all out to disk before it answers; on a slow one what is missed is the last lines. */
#define SYNC_TIMEOUT_SEC 10

/* journald takes lines in within milliseconds, and tells of them within 250. */
#define QUIET_USEC     (300 * USEC_PER_MSEC)
#define QUIET_MAX_USEC (2 * USEC_PER_SEC)

bool client_journal_is_closed(bool own)
{
        static const char *const directories[] = { "/var/log/journal", "/run/log/journal" };
        char machine[SD_ID128_STRING_MAX], path[128];
        bool closed = false;
        sd_id128_t id;

        if (sd_id128_get_machine(&id) < 0)
                return false;
        (void) sd_id128_to_string(id, machine);
        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                (void) snprintf(path, sizeof path, "%s/%s/user-%u.journal", directories[i], machine,
                                (unsigned) getuid());
                if (own && access(path, R_OK) >= 0)
                        return false;
                (void) snprintf(path, sizeof path, "%s/%s/system.journal", directories[i], machine);
                if (access(path, R_OK) >= 0)
                        return false;
                closed |= errno == EACCES;
        }
        return closed;
}

int client_journal_error(hpcnode_cgroup_error *e, int r)
{
        if (r == -ENOMEM)
                return client_oom(e);
        return client_error(e, HPCNODE_CGROUP_ERROR_IO, "cannot read the journal: %s (errno %d)",
                            strerror(-r), -r);
}

/* --- entries --- */

bool client_journal_is_lost(int r)
{
        return r == -EBADMSG || r == -EADDRNOTAVAIL;
}

int client_journal_match(sd_journal *j, const char *field, const char *value)
{
        _cleanup_(freep) char *text = NULL;

        if (asprintf(&text, "%s=%s", field, value) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return sd_journal_add_match(j, text, 0);
}

int client_journal_next(sd_journal *j, bool *at_entry, hpcnode_cgroup_error *e)
{
        int r = *at_entry ? 1 : sd_journal_next(j);

        *at_entry = false;
        return r < 0 ? client_journal_error(e, r) : r > 0;
}

int client_journal_read_fields(sd_journal *j, JournalFieldReader reader, void *userdata)
{
        const void *data;
        size_t length;
        int r;

        sd_journal_restart_data(j);
        while ((r = sd_journal_enumerate_available_data(j, &data, &length)) > 0) {
                r = reader(data, length, userdata);
                if (r < 0)
                        return r;
        }
        return r;
}

/* --- waiting --- */

/* Until when to sleep at most: -1 for ever, else milliseconds. Only a journal on a file system that
 * does not tell of changes has a time. */
static int poll_timeout(sd_journal *j)
{
        uint64_t until, now;

        if (sd_journal_get_timeout(j, &until) < 0 || until == UINT64_MAX)
                return -1;
        now = client_now_usec();
        return until > now ? (int) ((until - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC) : 0;
}

int client_journal_wait(sd_journal *j, bool *watched, int cancel_fd, hpcnode_cgroup_error *e)
{
        struct pollfd fds[2] = { { .fd = sd_journal_get_fd(j) },
                                 { .fd = cancel_fd, .events = POLLIN } };
        int r;

        if (fds[0].fd < 0)
                return client_journal_error(e, fds[0].fd);
        /* What came before the first look at the descriptor was not told. */
        if (!*watched) {
                *watched = true;
                return 0;
        }
        r = sd_journal_get_events(j);
        if (r < 0)
                return client_journal_error(e, r);
        fds[0].events = (short) r;
        r = poll(fds, ELEMENTSOF(fds), poll_timeout(j));
        if (r < 0 && errno != EINTR)
                return client_journal_error(e, -errno);
        if (r > 0 && fds[1].revents)
                return client_error(e, HPCNODE_CGROUP_ERROR_INTERRUPTED, "interrupted");
        r = sd_journal_process(j);
        return r < 0 ? client_journal_error(e, r) : 0;
}

/* --- having it all --- */

static int ask_for_sync(void)
{
        static const struct sockaddr_un address = { AF_UNIX, SYNC_SOCKET };
        static const struct timeval timeout = { .tv_sec = SYNC_TIMEOUT_SEC };
        _cleanup_(closep) int fd = -EBADF;
        char answer[256];
        ssize_t n;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        if (send(fd, SYNC_CALL, sizeof(SYNC_CALL), MSG_NOSIGNAL) != (ssize_t) sizeof(SYNC_CALL))
                return -EIO;
        do
                n = recv(fd, answer, sizeof(answer), 0);
        while (n > 0 && !memchr(answer, '\0', (size_t) n));
        return n > 0 ? 0 : -EIO;
}

/* Until nothing comes for a while. */
static void wait_for_quiet(sd_journal *j)
{
        uint64_t until = client_now_usec() + QUIET_MAX_USEC;

        do
                if (sd_journal_wait(j, QUIET_USEC) == SD_JOURNAL_NOP)
                        return;
        while (client_now_usec() < until);
}

void client_journal_sync(sd_journal *j)
{
        /* From here on changes are told. */
        if (sd_journal_get_fd(j) < 0)
                return;
        if (ask_for_sync() < 0)
                wait_for_quiet(j);
        /* The new files after a rotation. */
        (void) sd_journal_process(j);
}
