/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of metrics and its reader. */
#include "basic/metrics.h"

#include "basic/cgroup-file.h"
#include "basic/psi.h"

#include <fcntl.h>
#include <stdio.h>

/* The averages of one line of a file with pressure. */
#define AVERAGE(metric, property, name, file, line, who, sec)                          \
        [metric##sec] = { property #sec "Permyriad",                                   \
                          name #sec "_permyriad",                                      \
                          file,                                                        \
                          line,                                                        \
                          't',                                                         \
                          false,                                                       \
                          "Share of the last " #sec " s in which " who ", in 1/10000", \
                          "avg" #sec }
#define AVERAGES(metric, property, name, file, line, who)             \
        AVERAGE(metric, property, name, file, line, who, 10),         \
                AVERAGE(metric, property, name, file, line, who, 60), \
                AVERAGE(metric, property, name, file, line, who, 300)

const MetricInfo metric_table[_METRIC_MAX] = {
        [METRIC_MEMORY_CURRENT] = { "MemoryCurrent", "memory_current", "memory.current", NULL, 't',
                                    false, "Bytes of memory in use, page cache included" },
        [METRIC_MEMORY_MAX] = { "MemoryMax", "memory_max", "memory.max", NULL, 't', true,
                                "Limit of memory in bytes; absent when unlimited" },
        [METRIC_MEMORY_PEAK] = { "MemoryPeak", "memory_peak", "memory.peak", NULL, 't', false,
                                 "Most bytes of memory ever in use (kernel 5.19)" },
        [METRIC_MEMORY_SWAP_CURRENT] = { "MemorySwapCurrent", "memory_swap_current",
                                         "memory.swap.current", NULL, 't', false,
                                         "Bytes of swap space in use" },
        [METRIC_MEMORY_SWAP_PEAK] = { "MemorySwapPeak", "memory_swap_peak", "memory.swap.peak",
                                      NULL, 't', false,
                                      "Most bytes of swap ever in use (kernel 6.5)" },
        [METRIC_MEMORY_EVENTS_HIGH] = { "MemoryEventsHigh", "memory_events_high", "memory.events",
                                        "high", 't', true, "Times slowed down at MemoryHigh" },
        [METRIC_MEMORY_EVENTS_MAX] = { "MemoryEventsMax", "memory_events_max", "memory.events",
                                       "max", 't', true, "Times about to exceed MemoryMax" },
        [METRIC_MEMORY_EVENTS_OOM] = { "MemoryEventsOOM", "memory_events_oom", "memory.events",
                                       "oom", 't', true, "Times an allocation was about to fail" },
        [METRIC_MEMORY_EVENTS_OOM_KILL] = { "MemoryEventsOOMKill", "memory_events_oom_kill",
                                            "memory.events", "oom_kill", 't', false,
                                            "Processes killed by the OOM killer" },
        [METRIC_MEMORY_SWAP_EVENTS_MAX] = { "MemorySwapEventsMax", "memory_swap_events_max",
                                            "memory.swap.events", "max", 't', true,
                                            "Times about to exceed MemorySwapMax" },
        [METRIC_MEMORY_SWAP_EVENTS_FAIL] = { "MemorySwapEventsFail", "memory_swap_events_fail",
                                             "memory.swap.events", "fail", 't', true,
                                             "Times that swap space could not be had, for "
                                             "MemorySwapMax or since the node has none left" },
        [METRIC_CPU_USAGE_USEC] = { "CPUUsageUSec", "cpu_usage_usec", "cpu.stat", "usage_usec", 't',
                                    false, "Cpu time used, in µs" },
        [METRIC_CPU_USER_USEC] = { "CPUUserUSec", "cpu_user_usec", "cpu.stat", "user_usec", 't',
                                   false, "Cpu time used in user space, in µs" },
        [METRIC_CPU_SYSTEM_USEC] = { "CPUSystemUSec", "cpu_system_usec", "cpu.stat", "system_usec",
                                     't', false, "Cpu time used in the kernel, in µs" },
        [METRIC_CPU_NR_PERIODS] = { "CPUNrPeriods", "cpu_nr_periods", "cpu.stat", "nr_periods", 't',
                                    true, "Quota periods in which it ran" },
        [METRIC_CPU_NR_THROTTLED] = { "CPUNrThrottled", "cpu_nr_throttled", "cpu.stat",
                                      "nr_throttled", 't', true,
                                      "Quota periods in which it was throttled" },
        [METRIC_CPU_THROTTLED_USEC] = { "CPUThrottledUSec", "cpu_throttled_usec", "cpu.stat",
                                        "throttled_usec", 't', true, "Time throttled, in µs" },
        [METRIC_IO_READ_BYTES] = { "IOReadBytes", "io_read_bytes", "io.stat", "rbytes", 't', false,
                                   "Bytes read from disks" },
        [METRIC_IO_WRITE_BYTES] = { "IOWriteBytes", "io_write_bytes", "io.stat", "wbytes", 't',
                                    false, "Bytes written to disks" },
        [METRIC_IO_READ_OPS] = { "IOReadOps", "io_read_ops", "io.stat", "rios", 't', false,
                                 "Read requests to disks" },
        [METRIC_IO_WRITE_OPS] = { "IOWriteOps", "io_write_ops", "io.stat", "wios", 't', false,
                                  "Write requests to disks" },
        [METRIC_NR_PROCESSES] = { "NrProcesses", "nr_processes", "cgroup.procs", NULL, 'u', false,
                                  "Processes in the subtree, supervisors not counted" },
        [METRIC_PIDS_CURRENT] = { "PidsCurrent", "pids_current", "pids.current", NULL, 't', false,
                                  "Processes and threads" },
        [METRIC_PIDS_PEAK] = { "PidsPeak", "pids_peak", "pids.peak", NULL, 't', false,
                               "Most processes and threads at any time (kernel 6.1)" },
        [METRIC_PIDS_MAX] = { "PidsMax", "pids_max", "pids.max", NULL, 't', false,
                              "Limit of processes and threads; absent when unlimited" },
        [METRIC_CPU_SOME_TOTAL_USEC] = { "CPUSomeTotalUSec", "cpu_some_total_usec", "cpu.pressure",
                                         "some", 't', false,
                                         "Time some tasks waited for a cpu, in µs" },
        [METRIC_CPU_FULL_TOTAL_USEC] = { "CPUFullTotalUSec", "cpu_full_total_usec", "cpu.pressure",
                                         "full", 't', false,
                                         "Time all tasks waited for a cpu, in µs" },
        [METRIC_MEMORY_SOME_TOTAL_USEC] = { "MemorySomeTotalUSec", "memory_some_total_usec",
                                            "memory.pressure", "some", 't', false,
                                            "Time some tasks waited for memory, in µs" },
        [METRIC_MEMORY_FULL_TOTAL_USEC] = { "MemoryFullTotalUSec", "memory_full_total_usec",
                                            "memory.pressure", "full", 't', false,
                                            "Time all tasks waited for memory, in µs" },
        [METRIC_IO_SOME_TOTAL_USEC] = { "IOSomeTotalUSec", "io_some_total_usec", "io.pressure",
                                        "some", 't', false,
                                        "Time some tasks waited for a disk, in µs" },
        [METRIC_IO_FULL_TOTAL_USEC] = { "IOFullTotalUSec", "io_full_total_usec", "io.pressure",
                                        "full", 't', false,
                                        "Time all tasks waited for a disk, in µs" },
        AVERAGES(METRIC_CPU_SOME_AVG, "CPUSomeAvg", "cpu_some_avg", "cpu.pressure", "some",
                 "some tasks waited for a cpu"),
        AVERAGES(METRIC_CPU_FULL_AVG, "CPUFullAvg", "cpu_full_avg", "cpu.pressure", "full",
                 "all tasks waited for a cpu"),
        AVERAGES(METRIC_MEMORY_SOME_AVG, "MemorySomeAvg", "memory_some_avg", "memory.pressure",
                 "some", "some tasks waited for memory"),
        AVERAGES(METRIC_MEMORY_FULL_AVG, "MemoryFullAvg", "memory_full_avg", "memory.pressure",
                 "full", "all tasks waited for memory"),
        AVERAGES(METRIC_IO_SOME_AVG, "IOSomeAvg", "io_some_avg", "io.pressure", "some",
                 "some tasks waited for a disk"),
        AVERAGES(METRIC_IO_FULL_AVG, "IOFullAvg", "io_full_avg", "io.pressure", "full",
                 "all tasks waited for a disk"),
};

MetricType metric_from_name(const char *name)
{
        if (!name)
                return _METRIC_INVALID;

        for (MetricType t = 0; t < _METRIC_MAX; t++)
                if (streq(metric_table[t].name, name))
                        return t;

        return _METRIC_INVALID;
}

static int metric_parse(const MetricInfo *info, const char *text, uint64_t *ret)
{
        if (!info->key)
                return cgroup_text_u64(text, ret);
        if (streq(info->file, "io.stat"))
                return cgroup_text_nested_sum(text, info->key, ret);

        return cgroup_text_key(text, info->key, ret);
}

static int count_processes(int dir, uint64_t *ret)
{
        _cleanup_(freep) pid_t *pids = NULL;
        size_t n = 0;
        int r;

        r = cgroup_pids(dir, /* with_supervisors= */ false, &pids, &n);
        if (r < 0)
                return r;

        *ret = n;
        return 0;
}

/* The text of one file, kept while the table goes through its keys. */
typedef struct FileText {
        const char *file;
        char *text;
        int error;
} FileText;

static void file_text_done(FileText *f)
{
        free(f->text);
}

static int file_text_read(FileText *f, int dir, const char *file)
{
        if (!f->file || !streq(f->file, file)) {
                free(f->text);
                *f = (FileText){ .file = file };
                f->error = cgroup_read(dir, file, &f->text);
        }

        return f->error;
}

/* The files with pressure, each read once: their figures do not stand one behind the other in the table. */
typedef struct PressureFiles {
        bool read[_PSI_RESOURCE_MAX];
        int error[_PSI_RESOURCE_MAX];
        Psi psi[_PSI_RESOURCE_MAX];
} PressureFiles;

/* The resource whose pressure the figure is of; negative for any other figure. */
static PsiResource pressure_of(const MetricInfo *info)
{
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++) {
                const char *rest = startswith(info->file, psi_resource_to_string(r));

                if (rest && streq(rest, ".pressure"))
                        return r;
        }
        return _PSI_RESOURCE_INVALID;
}

static int pressure_figure(PressureFiles *f, int dir, PsiResource resource, const MetricInfo *info,
                           uint64_t *ret)
{
        const PsiLine *line = &f->psi[resource].lines[psi_kind_from_string(info->key)];

        if (!f->read[resource])
                f->error[resource] =
                        psi_read(&(PsiPlace){ .dir_fd = dir }, resource, &f->psi[resource]);
        f->read[resource] = true;
        if (f->error[resource] < 0)
                return f->error[resource];
        if (!line->present)
                return -ENXIO;
        *ret = !info->average                  ? line->total_usec
               : streq(info->average, "avg10") ? line->avg10
               : streq(info->average, "avg60") ? line->avg60
                                               : line->avg300;
        return 0;
}

/* A file or a key that this kernel, this level or this set of controllers does not have. PSI that
 * is switched off (psi=0) answers EOPNOTSUPP. */
static bool means_absent(int error)
{
        return error == -ENOENT || error == -ENXIO || error == -EOPNOTSUPP;
}

/* Reads the metrics that belong to limits, or those that do not, or (all) both. */
static int read_table(int dir, bool all, bool of_limit, Metrics *m)
{
        _cleanup_(file_text_done) FileText f = { 0 };
        PressureFiles pressure = { 0 };
        int r;

        for (MetricType t = 0; t < _METRIC_MAX; t++) {
                const MetricInfo *info = &metric_table[t];
                PsiResource resource = pressure_of(info);
                uint64_t value;

                if (!all && info->of_limit != of_limit)
                        continue;

                if (t == METRIC_NR_PROCESSES)
                        r = count_processes(dir, &value);
                else if (resource >= 0)
                        r = pressure_figure(&pressure, dir, resource, info, &value);
                else {
                        r = file_text_read(&f, dir, info->file);
                        if (r >= 0)
                                r = metric_parse(info, f.text, &value);
                }
                if (means_absent(r))
                        continue;
                if (r < 0)
                        return r;
                /* "max": there is no such limit. */
                if (!info->key && value == UINT64_MAX)
                        continue;

                m->values[t] = value;
                m->present[t] = true;
        }

        return 0;
}

void metrics_end(Metrics *m)
{
        for (MetricType t = 0; t < _METRIC_MAX; t++)
                if (metric_table[t].average)
                        m->present[t] = false;
}

/* Every cgroup has this file, and one that was removed has none. */
static int check_exists(int dir)
{
        if (faccessat(dir, "cgroup.procs", F_OK, 0) >= 0)
                return 0;

        return errno == ENODEV ? -ENOENT : -errno;
}

int metrics_read(int dir, Metrics *ret)
{
        Metrics m = { 0 };
        int r;

        r = check_exists(dir);
        if (r >= 0)
                r = read_table(dir, /* all= */ true, false, &m);
        /* It may have gone while it was read, and half of it is not all of it. */
        if (r >= 0)
                r = check_exists(dir);
        if (r < 0)
                return r;

        *ret = m;
        return 0;
}

int metrics_read_scope(int scope_dir, int payload_dir, Metrics *ret)
{
        Metrics m = { 0 };
        uint64_t scope_peak;
        int r;

        r = check_exists(payload_dir);
        if (r >= 0)
                r = read_table(payload_dir, /* all= */ false, /* of_limit= */ false, &m);
        if (r >= 0)
                r = read_table(scope_dir, /* all= */ false, /* of_limit= */ true, &m);
        if (r >= 0)
                r = check_exists(payload_dir);
        if (r < 0)
                return r;

        /* The kernel counts a charge at payload before the limit of the scope refuses it. */
        if (m.present[METRIC_MEMORY_PEAK] &&
            cgroup_read_u64(scope_dir, "memory.peak", &scope_peak) >= 0 &&
            scope_peak < m.values[METRIC_MEMORY_PEAK])
                m.values[METRIC_MEMORY_PEAK] = scope_peak;
        *ret = m;
        return 0;
}
