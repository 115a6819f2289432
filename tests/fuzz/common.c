/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helpers of fuzz.h but those for messages. */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

/* Some of the table's ranges and a quoted value of at most 200 bytes. */
#define SENTENCE_MAX 1024

char *const fuzz_untouched = (char *) (uintptr_t) FUZZ_UNTOUCHED;

static FILE *real_stderr;

_Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
        if (real_stderr)
                stderr = real_stderr;
        (void) fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
        abort();
}

char *fuzz_text(const uint8_t *data, size_t size)
{
        char *text = strndup((const char *) data, size);

        check(text);
        return text;
}

char *fuzz_copy(const uint8_t *data, size_t size)
{
        char *copy = malloc(size > 0 ? size : 1);

        check(copy);
        if (size > 0)
                memcpy(copy, data, size);
        return copy;
}

/* The bytes of one character as RFC 3629 has it, 0 when it is none. */
static size_t utf8_character(const unsigned char *p)
{
        size_t n = *p < 0x80                 ? 1
                   : *p >= 0xc2 && *p < 0xe0 ? 2
                   : *p >= 0xe0 && *p < 0xf0 ? 3
                   : *p >= 0xf0 && *p < 0xf5 ? 4
                                             : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

void fuzz_check_sentence(const char *sentence)
{
        check(sentence && *sentence);
        check(strlen(sentence) <= SENTENCE_MAX);
        for (const unsigned char *p = (const unsigned char *) sentence; *p;) {
                size_t n = utf8_character(p);

                check(n > 0);
                check(*p >= ' ' && *p != 0x7f);
                p += n;
        }
}

void fuzz_check_refusal(int r, const char *reason)
{
        check(r <= 0);
        if (r == -EINVAL || r == -ERANGE)
                fuzz_check_sentence(reason);
        else
                check(!reason);
}

void fuzz_check_equal_limits(const Limits *a, const Limits *b)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                for (size_t i = 0;; i++) {
                        _cleanup_(freep) char *x = NULL, *y = NULL;
                        int r = limits_format(a, t, i, &x);

                        check(limits_format(b, t, i, &y) == r);
                        check(r >= 0);
                        if (r == 0)
                                break;
                        check(streq(x, y));
                }
}

/* --- files --- */

static char directory[64];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static void remove_directory(void)
{
        (void) nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int fuzz_directory(void)
{
        static int fd = -EBADF;

        if (fd >= 0)
                return fd;
        /* A directory on a disk would be most of what a run takes. */
        (void) snprintf(directory, sizeof directory, "%s/hpcnode-fuzz-XXXXXX",
                        access("/dev/shm", W_OK) >= 0 ? "/dev/shm" : "/tmp");
        check(mkdtemp(directory));
        check(atexit(remove_directory) == 0);
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        check(fd >= 0);
        return fd;
}

void fuzz_write(int dir, const char *file, const void *data, size_t size)
{
        int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        check(fd >= 0);
        check(write(fd, data, size) == (ssize_t) size);
        (void) close(fd);
}

char *fuzz_read(int dir, const char *file)
{
        int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
        struct stat st;
        char *text;

        check(fd >= 0 && fstat(fd, &st) >= 0);
        text = calloc(1, (size_t) st.st_size + 1);
        check(text);
        check(read(fd, text, (size_t) st.st_size) == st.st_size);
        (void) close(fd);
        return text;
}

/* --- what is logged --- */

static char *logged;
static size_t logged_length;

void fuzz_log_begin(void)
{
        real_stderr = stderr;
        stderr = open_memstream(&logged, &logged_length);
        check(stderr);
}

void fuzz_log_end(void)
{
        (void) fclose(stderr);
        stderr = TAKE_PTR(real_stderr);
        for (const char *line = logged; *line; line = strchr(line, '\n') + 1) {
                check(startswith(line, "EVENT ") ||
                      (line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>'));
                check(strchr(line, '\n'));
        }
        free(TAKE_PTR(logged));
}
