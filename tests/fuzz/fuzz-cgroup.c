/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a cgroup, PSI among them: "@FILE" in a line, then what stands in it. */
#include "fuzz.h"

#include "basic/cgroup-file.h"
#include "basic/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char *const files[] = {
        "cgroup.procs",
        "cgroup.events",
        "cgroup.controllers",
        "memory.current",
        "memory.max",
        "memory.high",
        "memory.events",
        "memory.peak",
        "memory.pressure",
        "cpu.pressure",
        "io.pressure",
        "cpu.stat",
        "cpu.max",
        "cpu.weight",
        "cpuset.cpus",
        "cpuset.cpus.effective",
        "cpuset.mems",
        "io.stat",
        "io.max",
        "io.weight",
        "pids.max",
        "pids.current",
        "memory.swap.max",
        "cpuset.mems.effective",
};

static void write_files(int dir, char *text)
{
        for (char *next, *at = text; at; at = next) {
                char *content = strchr(at, '\n');

                next = strstr(at, "\n@");
                if (next) {
                        *next++ = '\0';
                        /* The last newline is the file's. */
                        content = content < next ? content : NULL;
                }
                if (*at != '@' || !content || (next && content == next - 1))
                        continue;
                *content++ = '\0';
                for (size_t i = 0; i < ELEMENTSOF(files); i++)
                        if (streq(at + 1, files[i]))
                                fuzz_write(dir, files[i], content, strlen(content));
        }
}

static void check_metrics(int dir)
{
        Metrics m, before;

        memset(&m, 0x5a, sizeof m);
        before = m;
        if (metrics_read(dir, &m) < 0)
                check(memcmp(&m, &before, sizeof m) == 0);
        (void) metrics_read_scope(dir, dir, &m);
}

static void check_limits(int dir)
{
        _cleanup_(limits_done) Limits l = {};
        _cleanup_(freep) char *reason = NULL, *reason_after = NULL;
        int r;

        check(limits_set_number(&l, LIMIT_MEMORY_MAX, UINT64_C(64) << 20, NULL) == 0);
        check(limits_parse(&l, LIMIT_ALLOWED_CPUS, "0-3", NULL) == 0);
        check(limits_parse(&l, LIMIT_CPU_QUOTA, "500000", NULL) == 0);
        check(limits_parse(&l, LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/block/8:0 4096", NULL) == 0);
        r = limits_verify(&l, dir, &reason);
        check((r < 0) == (reason != NULL));
        if (reason)
                fuzz_check_sentence(reason);
        check(limits_take_in_force(&l, dir) == 0);
        r = limits_verify(&l, dir, &reason_after);
        check((r < 0) == (reason_after != NULL));
        if (reason_after)
                fuzz_check_sentence(reason_after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size);
        _cleanup_(freep) pid_t *pids = NULL;
        int dir = fuzz_directory();
        uint64_t number = FUZZ_UNTOUCHED;
        size_t n;

        write_files(dir, text);
        check_metrics(dir);
        check_limits(dir);
        check(cgroup_populated(dir) <= 1);
        check(cgroup_frozen(dir) <= 1);
        (void) cgroup_pids(dir, false, &pids, &n);
        if (cgroup_read_u64(dir, "memory.max", &number) < 0)
                check(number == FUZZ_UNTOUCHED);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void) unlinkat(dir, files[i], 0);
        return 0;
}
