/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limits that a cgroup has, whoever has set them: what was asked for as long as that is in force, else
 * what the cgroup's files say. */
#include "basic/cgroup-file.h"
#include "basic/io-disk.h"
#include "basic/limits-internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

/* Whether this one, as it stands in l, is what the cgroup has. Also true when that is not to be known. */
static bool holds(const Limits *l, LimitType t, int dir)
{
        _cleanup_(freep) char *reason = NULL;
        Limits one = { 0 }; /* borrowed */

        one.values[t] = l->values[t];
        if (t == LIMIT_CPU_QUOTA_PERIOD)
                one.values[LIMIT_CPU_QUOTA] = l->values[LIMIT_CPU_QUOTA];
        return limits_verify(&one, dir, &reason) != -ESTALE;
}

/* No range is checked: an operator may set what we would refuse. */
static void set_number(Limits *l, LimitType t, uint64_t found, uint64_t by_default)
{
        Limit *v = &l->values[t];

        if (!v->is_set && found == by_default)
                return;
        v->is_set = true;
        v->number = found;
}

static void take_number(Limits *l, LimitType t, int dir, uint64_t by_default)
{
        uint64_t found;

        if (l->values[t].is_set && holds(l, t, dir))
                return;
        if (t == LIMIT_IO_WEIGHT ? cgroup_read_key(dir, limit_table[t].file, "default", &found) >= 0
                                 : cgroup_read_u64(dir, limit_table[t].file, &found) >= 0)
                set_number(l, t, found, by_default);
}

/* The unit's has room for the supervisor. Payload has one of its own, which stays when another raises the
 * unit's: the lower one counts. */
static void take_tasks(Limits *l, int dir)
{
        _cleanup_(freep) char *path = NULL;
        uint64_t found, payload;

        if (l->values[LIMIT_TASKS_MAX].is_set && holds(l, LIMIT_TASKS_MAX, dir))
                return;
        if (cgroup_path_of(dir, &path) < 0 || cgroup_read_u64(dir, "pids.max", &found) < 0)
                return;
        if (limits_path_is_scope(path)) {
                if (found != UINT64_MAX && found > 0)
                        found--;
                if (cgroup_read_u64(dir, "payload/pids.max", &payload) >= 0 && payload < found)
                        found = payload;
        }
        set_number(l, LIMIT_TASKS_MAX, found, UINT64_MAX);
}

/* Of a scope payload's, which nobody but us sets as a rule. */
static void take_oom_group(Limits *l, int dir)
{
        _cleanup_(freep) char *path = NULL;
        uint64_t found;

        if (cgroup_path_of(dir, &path) >= 0 &&
            cgroup_read_u64(dir,
                            limits_path_is_scope(path) ? "payload/memory.oom.group"
                                                       : "memory.oom.group",
                            &found) >= 0)
                set_number(l, LIMIT_MEMORY_OOM_GROUP, found, 0);
}

static void take_quota(Limits *l, int dir)
{
        uint64_t quota, period, per_second = UINT64_MAX;

        if (limits_read_cpu_max(dir, &quota, &period) < 0)
                return;
        if (quota != UINT64_MAX)
                per_second = quota / period * USEC_PER_SEC + quota % period * USEC_PER_SEC / period;
        if (!l->values[LIMIT_CPU_QUOTA].is_set || !holds(l, LIMIT_CPU_QUOTA, dir))
                set_number(l, LIMIT_CPU_QUOTA, per_second, UINT64_MAX);
        if (!l->values[LIMIT_CPU_QUOTA_PERIOD].is_set || !holds(l, LIMIT_CPU_QUOTA_PERIOD, dir))
                set_number(l, LIMIT_CPU_QUOTA_PERIOD, period, PERIOD_DEFAULT_USEC);
}

/* What binds to all that there can be binds to nothing: so a limit is taken away, see limits_whole_sets(). */
static bool is_whole(LimitType t, const NumberSet *set)
{
        _cleanup_(number_set_done) NumberSet all = { 0 }, rest = { 0 };

        return limits_possible(t, &all) >= 0 && number_set_without(&all, set, &rest) >= 0 &&
               !number_set_any(&rest);
}

static int take_set(Limits *l, LimitType t, int dir)
{
        _cleanup_(freep) char *text = NULL;
        Limit *v = &l->values[t];
        NumberSet found = { 0 };
        int r;

        if (v->is_set && holds(l, t, dir))
                return 0;
        if (cgroup_read(dir, limit_table[t].file, &text) < 0)
                return 0;
        r = *text ? number_set_parse(text, &found) : 0;
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        number_set_done(&v->set);
        v->set = found;
        v->is_set = *text && !is_whole(t, &found);
        return 0;
}

/* --- io.max: one line a disk --- */

static LimitPair *pair_of_disk(Limit *v, dev_t dev)
{
        for (size_t i = 0; i < v->n_pairs; i++) {
                _cleanup_(freep) char *reason = NULL;
                dev_t d;

                if (io_disk_of_path(v->pairs[i].name, &d, &reason) >= 0 && d == dev)
                        return &v->pairs[i];
        }
        return NULL;
}

static int take_disk(Limits *l, LimitType t, dev_t dev, uint64_t found)
{
        _cleanup_(freep) char *name = NULL, *reason = NULL;
        LimitPair *p = pair_of_disk(&l->values[t], dev);

        if (p) {
                p->number = found;
                return 0;
        }
        if (found == UINT64_MAX)
                return 0;
        if (asprintf(&name, "/dev/block/%u:%u", major(dev), minor(dev)) < 0)
                return -ENOMEM;
        return limits_add_device(l, t, name, found, &reason) == -ENOMEM ? -ENOMEM : 0;
}

static int take_io_line(Limits *l, char *line)
{
        unsigned ma, mi;
        char *word;
        int r = 0;

        word = strsep(&line, " ");
        if (sscanf(word, "%u:%u", &ma, &mi) != 2)
                return 0;
        while (r >= 0 && (word = strsep(&line, " ")))
                for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++) {
                        const char *value =
                                limit_io_keys[t] ? startswith(word, limit_io_keys[t]) : NULL;
                        uint64_t found;

                        if (value && *value == '=' && size_parse(value + 1, &found) >= 0)
                                r = take_disk(l, t, makedev(ma, mi), found);
                }
        return r;
}

static int take_io(Limits *l, int dir)
{
        _cleanup_(freep) char *text = NULL;
        char *rest, *line;
        int r = 0;

        if (l->values[LIMIT_IO_MAX].is_set) {
                if (holds(l, LIMIT_IO_MAX, dir))
                        return 0;
                l->values[LIMIT_IO_MAX].is_set = false; /* the disks are told one by one */
        }
        if (cgroup_read(dir, "io.max", &text) < 0)
                return 0;
        /* A disk without a line has no limit. */
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                Limit *v = &l->values[t];

                if (limit_io_keys[t] && v->is_set && !holds(l, t, dir))
                        for (size_t k = 0; k < v->n_pairs; k++)
                                v->pairs[k].number = UINT64_MAX;
        }
        rest = text;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                r = take_io_line(l, line);
        return r;
}

int limits_take_in_force(Limits *l, int dir)
{
        int r;

        take_number(l, LIMIT_MEMORY_MAX, dir, UINT64_MAX);
        take_number(l, LIMIT_MEMORY_HIGH, dir, UINT64_MAX);
        take_number(l, LIMIT_MEMORY_LOW, dir, 0);
        take_number(l, LIMIT_MEMORY_MIN, dir, 0);
        take_number(l, LIMIT_MEMORY_SWAP_MAX, dir, UINT64_MAX);
        take_number(l, LIMIT_CPU_WEIGHT, dir, 100);
        take_number(l, LIMIT_IO_WEIGHT, dir, 100);
        take_oom_group(l, dir);
        take_tasks(l, dir);
        take_quota(l, dir);
        r = take_set(l, LIMIT_ALLOWED_CPUS, dir);
        if (r >= 0)
                r = take_set(l, LIMIT_ALLOWED_MEMORY_NODES, dir);
        return r < 0 ? r : take_io(l, dir);
}

/* The bytes/s of the first disk in io.max; 0: none. */
static uint64_t first_bandwidth(const char *io_max)
{
        const char *p = strstr(io_max, "rbps=");
        char number[24];
        uint64_t found;

        if (!p || sscanf(p, "rbps=%23s", number) != 1 || size_parse(number, &found) < 0)
                return 0;
        return found == UINT64_MAX ? 0 : found;
}

/* Whether that is all that io.max says. */
static bool only_bandwidth(const char *io_max, uint64_t number)
{
        char wanted[96];

        (void) snprintf(wanted, sizeof(wanted),
                        " rbps=%" PRIu64 " wbps=%" PRIu64 " riops=max wiops=max", number, number);
        for (const char *p = io_max; *p; p += strcspn(p, "\n"), p += *p == '\n') {
                const char *rest = p + strcspn(p, " \n");

                if (strncmp(rest, wanted, strlen(wanted)) != 0 ||
                    !strchr("\n ", rest[strlen(wanted)]))
                        return false;
        }
        return true;
}

int limits_of_leaf(int dir, Limits *ret)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *io_max = NULL;
        uint64_t number;
        int r;

        if (cgroup_read(dir, "io.max", &io_max) >= 0 && (number = first_bandwidth(io_max)) > 0 &&
            only_bandwidth(io_max, number))
                l.values[LIMIT_IO_MAX] = (Limit){ .is_set = true, .number = number };
        r = limits_take_in_force(&l, dir);
        if (r < 0)
                return r;

        *ret = l;
        l = (Limits){ 0 };
        return 0;
}
