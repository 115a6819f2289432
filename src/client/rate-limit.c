/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journald's rate limit, from outside: see journald.conf(5). */
#include "rate-limit.h"

/* RateLimitIntervalSec= and RateLimitBurst=, as they are by default. The burst grows with the space that journald may
 * use, in steps of a quarter with each doubling: it is the bare one only with less than 2 MiB. */
#define INTERVAL_USEC (30 * USEC_PER_SEC)
#define BURST_STEP    2500
#define BURST_MIN     (5 * BURST_STEP)

static size_t pool_of(int priority)
{
        static const size_t pools[] = { 0, 0, 0, 1, 2, 3, 3, 4 };

        return pools[priority & 7];
}

void rate_limit_count(RateLimit *l, int priority, uint64_t usec)
{
        size_t i = pool_of(priority);

        if (l->pools[i].n == 0 || l->pools[i].begin_usec + INTERVAL_USEC < usec) {
                l->pools[i].begin_usec = usec;
                l->pools[i].n = 0;
        }
        l->pools[i].n++;
}

bool rate_limit_is_reached(const RateLimit *l)
{
        for (size_t i = 0; i < RATE_POOLS; i++)
                if (l->pools[i].n >= BURST_MIN && l->pools[i].n % BURST_STEP == 0)
                        return true;
        return false;
}
