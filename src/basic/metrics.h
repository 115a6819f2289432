/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cgroup has used: one table between the kernel's files, the bus and the command line. */
#pragma once

#include "macro.h"

typedef enum MetricType {
        METRIC_MEMORY_CURRENT,
        METRIC_MEMORY_MAX, /* absent when unlimited */
        METRIC_MEMORY_PEAK,
        METRIC_MEMORY_SWAP_CURRENT,
        METRIC_MEMORY_SWAP_PEAK,
        METRIC_MEMORY_EVENTS_HIGH,
        METRIC_MEMORY_EVENTS_MAX,
        METRIC_MEMORY_EVENTS_OOM,
        METRIC_MEMORY_EVENTS_OOM_KILL,
        METRIC_MEMORY_SWAP_EVENTS_MAX,
        METRIC_MEMORY_SWAP_EVENTS_FAIL,
        METRIC_CPU_USAGE_USEC,
        METRIC_CPU_USER_USEC,
        METRIC_CPU_SYSTEM_USEC,
        METRIC_CPU_NR_PERIODS,
        METRIC_CPU_NR_THROTTLED,
        METRIC_CPU_THROTTLED_USEC,
        METRIC_IO_READ_BYTES,
        METRIC_IO_WRITE_BYTES,
        METRIC_IO_READ_OPS,
        METRIC_IO_WRITE_OPS,
        METRIC_NR_PROCESSES, /* of the subtree, supervisors not counted; D-Bus type u, the others t */
        METRIC_PIDS_CURRENT,
        METRIC_PIDS_PEAK,
        METRIC_PIDS_MAX,            /* absent when unlimited */
        METRIC_CPU_SOME_TOTAL_USEC, /* PSI */
        METRIC_CPU_FULL_TOTAL_USEC,
        METRIC_CPU_SOME_AVG10, /* shares of time, in 1/10000 */
        METRIC_CPU_SOME_AVG60,
        METRIC_CPU_SOME_AVG300,
        METRIC_CPU_FULL_AVG10,
        METRIC_CPU_FULL_AVG60,
        METRIC_CPU_FULL_AVG300,
        METRIC_MEMORY_SOME_TOTAL_USEC,
        METRIC_MEMORY_FULL_TOTAL_USEC,
        METRIC_MEMORY_SOME_AVG10,
        METRIC_MEMORY_SOME_AVG60,
        METRIC_MEMORY_SOME_AVG300,
        METRIC_MEMORY_FULL_AVG10,
        METRIC_MEMORY_FULL_AVG60,
        METRIC_MEMORY_FULL_AVG300,
        METRIC_IO_SOME_TOTAL_USEC,
        METRIC_IO_FULL_TOTAL_USEC,
        METRIC_IO_SOME_AVG10,
        METRIC_IO_SOME_AVG60,
        METRIC_IO_SOME_AVG300,
        METRIC_IO_FULL_AVG10,
        METRIC_IO_FULL_AVG60,
        METRIC_IO_FULL_AVG300,
        _METRIC_MAX,
        _METRIC_INVALID = -EINVAL,
} MetricType;

typedef struct MetricInfo {
        const char *property; /* in D-Bus dictionaries: "MemoryCurrent" */
        const char *name;     /* in C, state files and on the command line: "memory_current" */
        const char *file;     /* relative to the cgroup: "memory.current" */
        const char *key;      /* in a flat-keyed or nested-keyed file, else NULL */
        char signature;       /* D-Bus type: 't' or 'u' */
        bool of_limit;        /* counted where the limit stands: of a scope, not of its payload */
        const char *help;     /* unit and meaning */
        const char *average;  /* of a file with pressure: which; else NULL */
} MetricInfo;

extern const MetricInfo metric_table[_METRIC_MAX];

MetricType metric_from_name(const char *name);

typedef struct Metrics {
        uint64_t values[_METRIC_MAX];
        bool present[_METRIC_MAX]; /* a value whose file is missing is absent, never 0 */
} Metrics;

/* Takes out what is only of the moment: the averages say nothing of what has ended. */
void metrics_end(Metrics *m);

/* Reads everything from the cgroup at dir. -ENOENT when the cgroup itself is gone. */
int metrics_read(int dir, Metrics *ret);

/* A scope is measured at its payload; its limits, and what counts how often they were met (throttling,
 * reclaim, OOM), stand at the scope itself. Except pids.max: payload's is the job's, without the
 * supervisor. -ENOENT when payload is gone. */
int metrics_read_scope(int scope_dir, int payload_dir, Metrics *ret);
