/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the helper programs of the node suite share. */
#pragma once

#include "basic/macro.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Emulated, the node is some twenty times slower than the machine it runs on. */
#define DEADLINE_SEC 90

static inline _Noreturn void die(const char *what)
{
        fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
        exit(125);
}

static inline _Noreturn void usage(const char *text)
{
        fprintf(stderr, "usage: %s %s\n", program_invocation_short_name, text);
        exit(2);
}

static inline int64_t now_msec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
