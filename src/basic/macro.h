/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The few language helpers that every part uses: cleanup attributes and ownership hand-over. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f)         __attribute__((cleanup(f)))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _unused_             __attribute__((unused))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

#define USEC_PER_SEC  UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define NSEC_PER_USEC UINT64_C(1000)

/* Hands the resource on: the variable that owned it is left empty. */
#define TAKE_PTR(p)                     \
        ({                              \
                typeof(p) _taken = (p); \
                (p) = NULL;             \
                _taken;                 \
        })
#define TAKE_FD(fd)             \
        ({                      \
                int _fd = (fd); \
                (fd) = -EBADF;  \
                _fd;            \
        })

/* Makes f usable as _cleanup_(fp) on a pointer variable of the given type. */
#define DEFINE_CLEANUP(type, f)                   \
        static inline _unused_ void f##p(type *p) \
        {                                         \
                if (*p)                           \
                        f(*p);                    \
        }                                         \
        struct _semicolon_

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/* Like streq(), but NULL is equal to NULL and to nothing else. */
static inline bool streq_ptr(const char *a, const char *b)
{
        return a == b || (a && b && streq(a, b));
}

/* The rest of s after prefix, or NULL when s does not start so. */
static inline const char *startswith(const char *s, const char *prefix)
{
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* Where suffix begins in s, or NULL when s does not end so. */
static inline const char *endswith(const char *s, const char *suffix)
{
        size_t n = strlen(s), k = strlen(suffix);

        return n >= k && streq(s + n - k, suffix) ? s + n - k : NULL;
}

static inline void freep(void *p)
{
        free(*(void **) p);
}

/* Closes a descriptor if there is one. Returns -EBADF, so that `fd = safe_close(fd)` clears it. */
static inline int safe_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;

                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void closedirp(DIR **d)
{
        if (*d)
                (void) closedir(*d);
}

static inline void closep(int *fd)
{
        *fd = safe_close(*fd);
}
