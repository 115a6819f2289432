/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's clocks in microseconds. */
#pragma once

#include "macro.h"
#include <time.h>

static inline uint64_t clock_usec(clockid_t clock)
{
        struct timespec ts;

        (void) clock_gettime(clock, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

static inline struct timespec timespec_of_usec(uint64_t usec)
{
        return (struct timespec){ .tv_sec = (time_t) (usec / USEC_PER_SEC),
                                  .tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC) };
}
