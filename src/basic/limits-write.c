/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing limits to the files of a cgroup that is ours, as systemd does it for units. */
#include "basic/cgroup-file.h"
#include "basic/io-disk.h"
#include "basic/limits-internal.h"
#include "basic/reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

/* What a file had before. */
typedef struct Saved {
        char *texts[_LIMIT_MAX]; /* owned; NULL: that of another limit, or not there */
} Saved;

static void saved_done(Saved *s)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                free(s->texts[t]);
}

/* The first limit of the table that has this file. */
static LimitType first_of_file(LimitType t)
{
        for (LimitType other = 0; other < t; other++)
                if (streq_ptr(limit_table[other].file, limit_table[t].file))
                        return other;
        return t;
}

static int save(const Limits *l, int dir, Saved *s)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                LimitType first = first_of_file(t);
                int r;

                if (!l->values[t].is_set || !limit_table[t].file || s->texts[first])
                        continue;
                r = cgroup_read(dir, limit_table[t].file, &s->texts[first]);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

/* --- one limit, of what is set --- */

typedef struct Write {
        const Limits *limits;
        LimitType type;
        int dir;
} Write;

static const Limit *wanted_of(const Write *w)
{
        return &w->limits->values[w->type];
}

static int write_number(const Write *w)
{
        return cgroup_write_u64(w->dir, limit_table[w->type].file, wanted_of(w)->number);
}

/* Quota and period together, what is not set of them as it is. */
static int write_cpu_max(const Write *w)
{
        const Limit *quota = &w->limits->values[LIMIT_CPU_QUOTA],
                    *wanted_period = &w->limits->values[LIMIT_CPU_QUOTA_PERIOD];
        uint64_t found, period, per_second = quota->number;
        char text[64];
        int r;

        r = limits_read_cpu_max(w->dir, &found, &period);
        if (r < 0)
                return r;
        if (!quota->is_set) /* rounded up, so that it comes out as it was */
                per_second = found == UINT64_MAX
                                     ? found
                                     : (uint64_t) (((unsigned __int128) found * USEC_PER_SEC +
                                                    period - 1) /
                                                   period);
        if (wanted_period->is_set)
                period = wanted_period->number == UINT64_MAX ? PERIOD_DEFAULT_USEC
                                                             : wanted_period->number;
        period = limit_period_of_quota(per_second, period);
        found = limit_quota_in_period(per_second, period);
        if (found == UINT64_MAX)
                (void) snprintf(text, sizeof(text), "max %" PRIu64, period);
        else
                (void) snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, found, period);
        return cgroup_write(w->dir, "cpu.max", text);
}

/* The kernel refuses to empty a set that a process is bound to: then it is all that there can be. */
static int write_whole_set(int dir, LimitType t)
{
        _cleanup_(number_set_done) NumberSet all = { 0 };
        _cleanup_(freep) char *text = NULL;
        int r;

        r = cgroup_write(dir, limit_table[t].file, "\n");
        if (r >= 0 || r == -ENOENT)
                return r;
        r = limits_possible(t, &all);
        if (r >= 0)
                r = number_set_format(&all, &text);
        return r < 0 ? r : cgroup_write(dir, limit_table[t].file, text);
}

static int write_set(const Write *w)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        if (limit_takes_away(w->limits, w->type))
                return write_whole_set(w->dir, w->type);
        r = number_set_format(&wanted_of(w)->set, &text);
        return r < 0 ? r : cgroup_write(w->dir, limit_table[w->type].file, text);
}

static int write_io_key(int dir, dev_t dev, const char *key, uint64_t number)
{
        char line[96], value[24] = "max";

        if (number != UINT64_MAX)
                (void) snprintf(value, sizeof(value), "%" PRIu64, number);
        (void) snprintf(line, sizeof(line), "%u:%u %s=%s", major(dev), minor(dev), key, value);
        return cgroup_write(dir, "io.max", line);
}

static int write_disks(const Write *w)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < wanted_of(w)->n_pairs; i++) {
                const LimitPair *p = &wanted_of(w)->pairs[i];
                _cleanup_(freep) char *reason = NULL;
                dev_t dev;

                r = io_disk_of_path(p->name, &dev, &reason);
                if (r >= 0)
                        r = write_io_key(w->dir, dev, limit_io_keys[w->type], p->number);
        }
        return r;
}

static int write_io_max(const Write *w)
{
        _cleanup_(io_disks_freep) char **disks = NULL;
        int r;

        r = io_whole_disks(&disks);
        for (char **d = disks; r >= 0 && *d; d++) {
                _cleanup_(freep) char *reason = NULL;
                dev_t dev;

                r = io_disk_of_path(*d, &dev, &reason);
                if (r >= 0)
                        r = write_io_key(w->dir, dev, "rbps", wanted_of(w)->number);
                if (r >= 0)
                        r = write_io_key(w->dir, dev, "wbps", wanted_of(w)->number);
        }
        return r;
}

static int write_nothing(const Write *w)
{
        return -EOPNOTSUPP;
}

/* --- all of them --- */

static int (*const write_table[_LIMIT_MAX])(const Write *w) = {
        [LIMIT_MEMORY_MAX] = write_number,
        [LIMIT_MEMORY_HIGH] = write_number,
        [LIMIT_MEMORY_LOW] = write_number,
        [LIMIT_MEMORY_MIN] = write_number,
        [LIMIT_MEMORY_SWAP_MAX] = write_number,
        [LIMIT_MEMORY_OOM_GROUP] = write_number,
        [LIMIT_CPU_WEIGHT] = write_number,
        [LIMIT_CPU_QUOTA] = write_cpu_max,
        [LIMIT_CPU_QUOTA_PERIOD] = write_cpu_max,
        [LIMIT_ALLOWED_CPUS] = write_set,
        [LIMIT_ALLOWED_MEMORY_NODES] = write_set,
        [LIMIT_IO_WEIGHT] = write_number,
        [LIMIT_IO_READ_BANDWIDTH_MAX] = write_disks,
        [LIMIT_IO_WRITE_BANDWIDTH_MAX] = write_disks,
        [LIMIT_IO_READ_IOPS_MAX] = write_disks,
        [LIMIT_IO_WRITE_IOPS_MAX] = write_disks,
        [LIMIT_IO_MAX] = write_io_max,
        [LIMIT_TASKS_MAX] = write_number,
        [LIMIT_DEVICE_POLICY] = write_nothing,
        [LIMIT_DEVICE_ALLOW] = write_nothing,
};

static int write_failed(const Limits *l, LimitType t, int dir, int error, char **ret_reason)
{
        _cleanup_(freep) char *path = NULL, *text = NULL;
        char quoted[REASON_QUOTE_SIZE];

        if (error == -ENOMEM || cgroup_path_of(dir, &path) < 0 || limits_format(l, t, 0, &text) < 0)
                return -ENOMEM;
        return reason_set(error, ret_reason, "%s=%s cannot be set in %s of %s: %s",
                          limit_table[t].property, reason_quote(text ?: "", quoted),
                          limit_table[t].file ?: "the files", path, strerror(-error));
}

/* What has no file is passed over here: it is seen, and said why, when it is read back. */
static int write_and_verify(const Limits *l, int dir, char **ret_reason)
{
        Write w = { .limits = l, .dir = dir };

        for (w.type = 0; w.type < _LIMIT_MAX; w.type++) {
                int r;

                if (!l->values[w.type].is_set)
                        continue;
                r = write_table[w.type](&w);
                if (r < 0 && r != -ENOENT)
                        return write_failed(l, w.type, dir, r, ret_reason);
        }
        return limits_verify(l, dir, ret_reason);
}

/* --- back --- */

static void restore_io_max(int dir, char *before)
{
        _cleanup_(freep) char *now = NULL;
        char *rest, *line;

        if (cgroup_read(dir, "io.max", &now) < 0)
                return;
        for (rest = now; (line = strsep(&rest, "\n"));) {
                char all[96];

                (void) snprintf(all, sizeof(all), "%.*s rbps=max wbps=max riops=max wiops=max",
                                (int) strcspn(line, " "), line);
                if (*line)
                        (void) cgroup_write(dir, "io.max", all);
        }
        while ((line = strsep(&before, "\n")))
                if (*line)
                        (void) cgroup_write(dir, "io.max", line);
}

static void restore(Saved *s, int dir)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                if (!s->texts[t])
                        continue;
                if (streq(limit_table[t].file, "io.max")) {
                        restore_io_max(dir, s->texts[t]);
                        continue;
                }
                if (limit_table[t].kind == LIMIT_KIND_SET && !*s->texts[t]) {
                        (void) write_whole_set(dir, t);
                        continue;
                }
                s->texts[t][strcspn(s->texts[t], "\n")] = '\0'; /* of io.weight the default */
                (void) cgroup_write(dir, limit_table[t].file, s->texts[t]);
        }
}

int limits_write(const Limits *l, int dir, char **ret_reason)
{
        _cleanup_(saved_done) Saved saved = { 0 };
        Limits others = *l, memory = { 0 }; /* borrowed */
        int r;

        for (LimitType t = LIMIT_MEMORY_MAX; t <= LIMIT_MEMORY_HIGH; t++) {
                memory.values[t] = l->values[t];
                others.values[t] = (Limit){ 0 };
        }
        r = save(l, dir, &saved);
        if (r >= 0)
                r = write_and_verify(&others, dir, ret_reason);
        if (r >= 0)
                r = write_and_verify(&memory, dir, ret_reason);
        if (r < 0)
                restore(&saved, dir);
        return r;
}

int limits_write_payload(const Limits *l, int payload, char **ret_reason)
{
        Limits part = { 0 }; /* borrowed */

        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                if (limit_table[t].place != LIMIT_OF_UNIT)
                        part.values[t] = l->values[t];
        return limits_write(&part, payload, ret_reason);
}
