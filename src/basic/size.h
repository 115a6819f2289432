/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers as people write them: sizes, weights, quotas, processor lists, durations. */
#pragma once

#include "macro.h"

/* "64M", "1.5G", "123": bytes, suffix K, M, G, T (powers of 1024), "max" or "infinity" → UINT64_MAX.
 * 0, -EINVAL for anything else (a sign, spaces, an unknown suffix, an empty string), -ERANGE. */
int size_parse(const char *s, uint64_t *ret);

/* "yes", "true", "on", "1" and their opposites, as systemd takes them → 1 or 0. -EINVAL for anything else. */
int flag_parse(const char *s, uint64_t *ret);

/* "QUOTA/PERIOD", "QUOTA PERIOD" (µs, both given), "max", "max PERIOD", "max/PERIOD" as cpu.max has
 * it. Quota 1000 µs..; period 1000..1000000 µs. quota UINT64_MAX means none; so does a period of
 * UINT64_MAX, after "max" alone (systemd's default of 100 ms). */
int cpu_quota_parse(const char *s, uint64_t *ret_quota_usec, uint64_t *ret_period_usec);

/* A set of small numbers (cpus, memory nodes), as systemd marshals it: bit i is bits[i/8] & 1<<(i%8). */
typedef struct NumberSet {
        uint8_t *bits; /* owned */
        size_t n_bytes;
} NumberSet;

#define NUMBER_SET_MAX 8192 /* CPU_SETSIZE of the largest kernels (NR_CPUS) */

void number_set_done(NumberSet *s);

/* "0-3,8". -EINVAL for an empty list, a reversed range, a trailing comma; -ERANGE from NUMBER_SET_MAX. */
int number_set_parse(const char *s, NumberSet *ret);
int number_set_format(const NumberSet *s, char **ret);
bool number_set_equal(const NumberSet *a, const NumberSet *b);
bool number_set_has(const NumberSet *s, size_t i);
bool number_set_any(const NumberSet *s);

/* Adds the numbers of `other`. */
int number_set_add(NumberSet *s, const NumberSet *other);

/* The numbers of `s` that are not in `other`. */
int number_set_without(const NumberSet *s, const NumberSet *other, NumberSet *ret);

/* 1 when some of the numbers are not there: which, and what is there, as lists that the caller owns. Else 0. */
int number_set_find_missing(const NumberSet *wanted, const NumberSet *there, char **ret_missing,
                            char **ret_there);
