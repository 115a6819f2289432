/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of limits. */
#include "basic/limits-internal.h"

/* A smaller one leaves nothing for the supervisor, which the OOM killer spares: it would spin in
 * the page allocator for ever (128 KiB did so, 64 KiB made clone3 fail). */
#define MEMORY_MIN (UINT64_C(1) << 20)

/* The kernel counts pages in a long and shows what lies at the top of it as "max"; this is well
 * below on every page size. */
#define MEMORY_MAX (UINT64_C(1) << 62)

/* CPUQuotaPerSecUSec: a quota is at least 1 ms in its period, which is at most 1 s; at most MAX_BW
 * of kernel/sched/sched.h. */
#define QUOTA_MIN UINT64_C(1000)
#define QUOTA_MAX ((UINT64_C(1) << 44) - 1)

/* blk-throttle refuses 0 and 1 (tg_set_limit() wants val > 1) and keeps IOPS in 32 bits, where the
 * largest value is "max". */
#define IO_MIN   2
#define IO_MAX   (UINT64_MAX - 1)
#define IOPS_MAX (UINT64_C(0xffffffff) - 1)

/* pids.max of the unit is one more, and the kernel takes no more than PID_MAX_LIMIT (4194304). */
#define TASKS_MAX UINT64_C(4194303)

#define BANDWIDTH_LIMIT(p, h)                                                                      \
        {                                                                                          \
                .property = p, .signature = "a(st)", .argument = "PATH BYTES", .controller = "io", \
                .file = "io.max", .kind = LIMIT_KIND_DEVICES, .min = IO_MIN, .max = IO_MAX,        \
                .unlimited = true, .unit = "bytes/s", .help = h                                    \
        }
#define IOPS_LIMIT(p, h)                                                                         \
        {                                                                                        \
                .property = p, .signature = "a(st)", .argument = "PATH OPERATIONS",              \
                .controller = "io", .file = "io.max", .kind = LIMIT_KIND_DEVICES, .min = IO_MIN, \
                .max = IOPS_MAX, .unlimited = true, .unit = "operations/s", .help = h            \
        }
#define MEMORY_LIMIT(p, o, f, m, h)                                                     \
        {                                                                               \
                .property = p, .signature = "t", .option = o, .argument = "SIZE",       \
                .controller = "memory", .file = f, .kind = LIMIT_KIND_NUMBER, .min = m, \
                .max = MEMORY_MAX, .unlimited = true, .unit = "bytes", .help = h        \
        }
#define WEIGHT_LIMIT(p, o, c, f, h)                                                            \
        {                                                                                      \
                .property = p, .signature = "t", .option = o, .argument = "WEIGHT",            \
                .controller = c, .file = f, .kind = LIMIT_KIND_NUMBER, .min = 1, .max = 10000, \
                .unit = "", .help = h                                                          \
        }
#define SET_LIMIT(p, o, f, h)                                                                    \
        {                                                                                        \
                .property = p, .signature = "ay", .option = o, .argument = "LIST",               \
                .controller = "cpuset", .file = f, .kind = LIMIT_KIND_SET, .unit = "", .help = h \
        }

const char *const limit_io_keys[_LIMIT_MAX] = {
        [LIMIT_IO_READ_BANDWIDTH_MAX] = "rbps",
        [LIMIT_IO_WRITE_BANDWIDTH_MAX] = "wbps",
        [LIMIT_IO_READ_IOPS_MAX] = "riops",
        [LIMIT_IO_WRITE_IOPS_MAX] = "wiops",
};

const LimitInfo limit_table[_LIMIT_MAX] = {
        [LIMIT_MEMORY_MAX] = MEMORY_LIMIT("MemoryMax", "memory-max", "memory.max", MEMORY_MIN,
                                          "Most memory it may use, enforced by the OOM killer"),
        [LIMIT_MEMORY_HIGH] = MEMORY_LIMIT("MemoryHigh", "memory-high", "memory.high", MEMORY_MIN,
                                           "Memory use from which on it is slowed down"),
        [LIMIT_MEMORY_LOW] = MEMORY_LIMIT("MemoryLow", "memory-low", "memory.low", 0,
                                          "Memory that is left to it as long as others have any"),
        [LIMIT_MEMORY_MIN] = MEMORY_LIMIT("MemoryMin", "memory-min", "memory.min", 0,
                                          "Memory that is never taken from it"),
        [LIMIT_MEMORY_SWAP_MAX] =
                MEMORY_LIMIT("MemorySwapMax", "memory-swap-max", "memory.swap.max", 0,
                             "Most swap space it may use"),
        [LIMIT_MEMORY_OOM_GROUP] = {
                .property = "MemoryOOMGroup",
                .signature = "b",
                .option = "oom-group",
                .argument = "BOOL",
                .controller = "memory",
                .file = "memory.oom.group",
                .kind = LIMIT_KIND_FLAG,
                .place = LIMIT_OF_PAYLOAD,
                .min = 0,
                .max = 1,
                .unit = "",
                .help = "The OOM killer ends all of it at once, not one process",
        },
        [LIMIT_CPU_WEIGHT] = WEIGHT_LIMIT("CPUWeight", "cpu-weight", "cpu", "cpu.weight",
                                          "Share of cpu time among its siblings, 1 to 10000 (100)"),
        [LIMIT_CPU_QUOTA] = {
                .property = "CPUQuotaPerSecUSec",
                .signature = "t",
                .option = "cpu-max",
                .argument = "QUOTA/PERIOD",
                .controller = "cpu",
                .file = "cpu.max",
                .kind = LIMIT_KIND_NUMBER,
                .min = QUOTA_MIN,
                .max = QUOTA_MAX,
                .unlimited = true,
                .unit = "µs",
                .help = "Most cpu time (µs) in each period (µs), on all cpus together",
        },
        [LIMIT_CPU_QUOTA_PERIOD] = {
                .property = "CPUQuotaPeriodUSec",
                .signature = "t",
                .argument = "USEC",
                .controller = "cpu",
                .file = "cpu.max",
                .kind = LIMIT_KIND_NUMBER,
                .min = 1000,
                .max = 1000000,
                .unlimited = true, /* systemd's default of 100 ms */
                .unit = "µs",
                .help = "Period in which the quota is counted",
        },
        [LIMIT_ALLOWED_CPUS] = SET_LIMIT("AllowedCPUs", "cpuset-cpus", "cpuset.cpus",
                                         "The cpus it may run on, such as 0-3,8"),
        [LIMIT_ALLOWED_MEMORY_NODES] = SET_LIMIT("AllowedMemoryNodes", "cpuset-mems", "cpuset.mems",
                                                 "The memory nodes it may allocate on, such as 0,1"),
        [LIMIT_IO_WEIGHT] = WEIGHT_LIMIT("IOWeight", "io-weight", "io", "io.weight",
                                         "Share of disk time among its siblings, 1 to 10000 (100)"),
        [LIMIT_IO_READ_BANDWIDTH_MAX] = BANDWIDTH_LIMIT("IOReadBandwidthMax",
                                                        "Most bytes a second read from a disk"),
        [LIMIT_IO_WRITE_BANDWIDTH_MAX] = BANDWIDTH_LIMIT("IOWriteBandwidthMax",
                                                         "Most bytes a second written to a disk"),
        [LIMIT_IO_READ_IOPS_MAX] = IOPS_LIMIT("IOReadIOPSMax", "Most reads a second from a disk"),
        [LIMIT_IO_WRITE_IOPS_MAX] = IOPS_LIMIT("IOWriteIOPSMax", "Most writes a second to a disk"),
        [LIMIT_IO_MAX] = {
                .property = "IOMax",
                .signature = "t",
                .option = "io-max",
                .argument = "RULE",
                .controller = "io",
                .file = "io.max",
                .kind = LIMIT_KIND_NUMBER,
                .min = IO_MIN,
                .max = IO_MAX,
                .unlimited = true,
                .unit = "bytes/s",
                .help = "Most bytes a second, read and write, on every whole disk",
        },
        [LIMIT_TASKS_MAX] = {
                .property = "TasksMax",
                .signature = "t",
                .option = "pids-max",
                .argument = "NUMBER",
                .controller = "pids",
                .file = "pids.max",
                .kind = LIMIT_KIND_NUMBER,
                .place = LIMIT_OF_BOTH,
                .min = 1,
                .max = TASKS_MAX,
                .unlimited = true,
                .unit = "tasks",
                .help = "Most processes and threads it may have",
        },
        [LIMIT_DEVICE_POLICY] = {
                .property = "DevicePolicy",
                .signature = "s",
                .option = "device-policy",
                .argument = "POLICY",
                .kind = LIMIT_KIND_WORD,
                .unit = "",
                .help = "Devices it may use besides --device: auto, closed or strict",
        },
        [LIMIT_DEVICE_ALLOW] = {
                .property = "DeviceAllow",
                .signature = "a(ss)",
                .option = "device",
                .argument = "NODE[:rwm]",
                .kind = LIMIT_KIND_PAIRS,
                .unit = "",
                .help = "A device it may read (r), write (w) and make (m); shuts the others",
        },
};
