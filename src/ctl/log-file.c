/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A job's log file, read with the rights of whoever asks: its last lines, and what is appended. */
#include "ctl.h"

#include "basic/line.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define CHUNK_SIZE (64 * 1024)

/* A longer one is printed in parts. */
#define LINE_MAX_SIZE (1024 * 1024)

typedef struct LogFile {
        const char *path;
        const Arguments *arguments;
        int fd;
        off_t offset;
        char *line; /* the beginning of a line, and room for a zero behind it */
        size_t n_line;
        bool by_line; /* else bytes are passed on as they come */
} LogFile;

static void log_file_done(LogFile *f)
{
        f->fd = safe_close(f->fd);
        free(f->line);
}

static int cannot(const LogFile *f, const char *what)
{
        (void) fflush(stdout);
        fprintf(stderr, "error: cannot %s the log %s: %s\n", what, f->path, strerror(errno));
        return CTL_FAILED;
}

/* As it was opened for the job: what is no regular file now was put there since. */
static int log_file_open(LogFile *f)
{
        struct stat st;

        f->fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (f->fd < 0 && errno != ELOOP)
                return cannot(f, "open");
        if (f->fd >= 0 && fstat(f->fd, &st) < 0)
                return cannot(f, "read");
        if (f->fd < 0 || !S_ISREG(st.st_mode)) {
                fprintf(stderr, "error: the log %s is not a regular file any more\n", f->path);
                return CTL_FAILED;
        }
        f->line = malloc(LINE_MAX_SIZE + 1);
        if (!f->line)
                return cannot(f, "read");
        return CTL_OK;
}

/* --- printing --- */

static int print_line(LogFile *f, bool newline)
{
        f->line[f->n_line] = '\0';
        if (f->arguments->json != JSON_OFF) {
                _cleanup_(record_freep) Record *r = record_new();

                record_add_bytes(r, "message", f->line, f->n_line);
                f->n_line = 0;
                return record_print(r, f->arguments->json);
        }
        text_put_escaped(stdout, f->line, f->n_line);
        f->n_line = 0;
        if (newline)
                (void) putchar('\n');
        return ferror(stdout) ? output_flush() : CTL_OK;
}

static int print_bytes(LogFile *f, const char *data, size_t n)
{
        int r = CTL_OK;

        if (!f->by_line)
                return fwrite(data, 1, n, stdout) < n ? output_flush() : CTL_OK;
        while (n > 0 && r == CTL_OK) {
                const char *end = memchr(data, '\n', n);
                size_t part = end ? (size_t) (end - data) : n, room = LINE_MAX_SIZE - f->n_line;

                if (part > room) {
                        part = room;
                        end = NULL;
                }
                memcpy(f->line + f->n_line, data, part);
                f->n_line += part;
                data += part + (end != NULL);
                n -= part + (end != NULL);
                if (end || f->n_line == LINE_MAX_SIZE)
                        r = print_line(f, end != NULL);
        }
        return r;
}

/* Someone has made it shorter: what is in it now was not printed. */
static int check_truncated(LogFile *f)
{
        struct stat st;

        if (fstat(f->fd, &st) < 0)
                return cannot(f, "read");
        if (st.st_size >= f->offset)
                return CTL_OK;
        (void) fflush(stdout);
        fprintf(stderr, "warning: the log %s was truncated\n", f->path);
        f->offset = 0;
        return CTL_OK;
}

/* Prints what there is. */
static int print_all(LogFile *f)
{
        char chunk[CHUNK_SIZE];
        int r = check_truncated(f);
        ssize_t n;

        while (r == CTL_OK && (n = pread(f->fd, chunk, sizeof(chunk), f->offset)) != 0) {
                if (n < 0)
                        return cannot(f, "read");
                f->offset += n;
                r = print_bytes(f, chunk, (size_t) n);
        }
        return r == CTL_OK ? output_flush() : r;
}

/* --- where to begin --- */

/* The last lines are behind the newline that comes before as many. One at the very end ends the last. */
static int seek_last(LogFile *f, size_t n_lines)
{
        char chunk[CHUNK_SIZE];
        off_t end;

        f->offset = end = lseek(f->fd, 0, SEEK_END);
        if (end < 0)
                return cannot(f, "read");
        while (n_lines > 0 && f->offset > 0) {
                size_t want = f->offset < CHUNK_SIZE ? (size_t) f->offset : CHUNK_SIZE;
                ssize_t n = pread(f->fd, chunk, want, f->offset - (off_t) want);

                if (n < 0)
                        return cannot(f, "read");
                if (n < (ssize_t) want) /* made shorter meanwhile */
                        return CTL_OK;
                while (n > 0) {
                        bool last = f->offset == end;

                        if (chunk[n - 1] == '\n' && !last && --n_lines == 0)
                                return CTL_OK;
                        n--;
                        f->offset--;
                }
        }
        return CTL_OK;
}

/* --- following --- */

/* Of the file itself, whatever its name: a job goes on writing to it when that is changed. */
static int watch(const LogFile *f)
{
        _cleanup_(closep) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
        if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int follow(LogFile *f, Awaiting *w)
{
        _cleanup_(closep) int changes = watch(f);
        struct pollfd fds[2] = { { .fd = changes, .events = POLLIN },
                                 { .fd = w->fd, .events = POLLIN } };
        char events[4096];
        int r;

        if (changes < 0)
                return cannot(f, "follow");
        for (;;) {
                r = print_all(f);
                if (r != CTL_OK)
                        return r;
                if (poll(fds, ELEMENTSOF(fds), -1) < 0 && errno != EINTR)
                        return cannot(f, "follow");
                if (fds[1].revents)
                        return awaiting_result(w);
                (void) !read(changes, events, sizeof(events));
        }
}

int log_file_print(const char *path, const Arguments *a, Awaiting *w)
{
        bool escape = !a->raw && output_is_terminal();
        _cleanup_(log_file_done) LogFile f = {
                .path = path, .arguments = a, .fd = -EBADF, .by_line = escape || a->json != JSON_OFF
        };
        int result = CTL_OK, r;

        r = log_file_open(&f);
        if (r == CTL_OK && a->lines >= 0)
                r = seek_last(&f, (size_t) a->lines);
        if (r != CTL_OK)
                return r;
        if (w->fd >= 0)
                result = follow(&f, w);
        else
                pager_open(a->no_pager);
        r = print_all(&f);
        if (r == CTL_OK && f.n_line > 0)
                r = print_line(&f, false);
        if (r == CTL_OK)
                r = output_flush();
        return result == CTL_OK ? r : result;
}
