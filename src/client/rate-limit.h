/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journald's rate limit, from outside: it says what it has dropped only before the next line that it takes, which
 * never comes when a job has ended. */
#pragma once

#include "basic/macro.h"

/* What journald counts together: a line's priority decides. */
#define RATE_POOLS 5

typedef struct RateLimit {
        struct {
                uint64_t begin_usec, n;
        } pools[RATE_POOLS];
} RateLimit;

/* A line of this priority that journald has taken at that time (CLOCK_MONOTONIC). */
void rate_limit_count(RateLimit *l, int priority, uint64_t usec);

/* Whether as many lines were taken last as journald takes at most, so that others may have been dropped. */
bool rate_limit_is_reached(const RateLimit *l);
