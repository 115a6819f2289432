/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading limits back from the cgroup. */
#include "basic/cgroup-file.h"
#include "basic/device.h"
#include "basic/io-disk.h"
#include "basic/limits-internal.h"
#include "basic/reason.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

typedef struct Verify {
        const Limits *limits;
        LimitType type;
        int dir;
        const char *path; /* of the cgroup, for messages */
        char **ret_reason;
} Verify;

static const LimitInfo *info_of(const Verify *v)
{
        return &limit_table[v->type];
}

static const Limit *wanted_of(const Verify *v)
{
        return &v->limits->values[v->type];
}

static int mismatch(const Verify *v, const char *wanted, const char *file, const char *found)
{
        char quoted[REASON_QUOTE_SIZE];

        return reason_set(-ESTALE, v->ret_reason,
                          "%s is not in force: %s was wanted, %s has %s in %s",
                          info_of(v)->property, wanted, v->path, reason_quote(found, quoted), file);
}

static int mismatch_u64(const Verify *v, uint64_t wanted, const char *file, uint64_t found)
{
        char a[24] = "max", b[24] = "max";

        if (wanted != UINT64_MAX)
                (void) snprintf(a, sizeof(a), "%" PRIu64, wanted);
        if (found != UINT64_MAX)
                (void) snprintf(b, sizeof(b), "%" PRIu64, found);

        return mismatch(v, a, file, b);
}

static bool controller_listed(const Verify *v, const char *controller)
{
        _cleanup_(freep) char *list = NULL;
        char *word, *rest;

        if (cgroup_read(v->dir, "cgroup.controllers", &list) < 0)
                return false;

        rest = list;
        while ((word = strsep(&rest, " ")))
                if (streq(word, controller))
                        return true;

        return false;
}

/* `error` is why a file could not be read. */
static int unreadable(const Verify *v, const char *file, int error)
{
        const LimitInfo *info = info_of(v);

        if (error == -ENOMEM)
                return error;
        if (error != -ENOENT)
                return reason_set(error, v->ret_reason,
                                  "%s cannot be verified: reading %s in %s: %s", info->property,
                                  file, v->path, strerror(-error));
        if (controller_listed(v, info->controller))
                return reason_set(-ESTALE, v->ret_reason,
                                  "%s is not in force: this kernel has no %s (in %s)",
                                  info->property, file, v->path);

        return reason_set(-ESTALE, v->ret_reason,
                          "%s is not in force: the %s controller is missing in %s", info->property,
                          info->controller, v->path);
}

static int verify_u64(const Verify *v, uint64_t wanted)
{
        uint64_t found;
        int r;

        r = cgroup_read_u64(v->dir, info_of(v)->file, &found);
        if (r < 0)
                return unreadable(v, info_of(v)->file, r);
        if (found != wanted)
                return mismatch_u64(v, wanted, info_of(v)->file, found);

        return 0;
}

/* The kernel counts whole pages, rounded down. */
static int verify_memory(const Verify *v)
{
        uint64_t wanted = wanted_of(v)->number, page = (uint64_t) sysconf(_SC_PAGESIZE);

        return verify_u64(v, wanted == UINT64_MAX ? wanted : wanted / page * page);
}

static int verify_number(const Verify *v)
{
        return verify_u64(v, wanted_of(v)->number);
}

/* A task may be called so, too. */
bool limits_path_is_scope(const char *path)
{
        return endswith(path, ".scope") && !strstr(path, ".scope/payload/");
}

/* That of a scope is payload's. */
static int verify_oom_group(const Verify *v)
{
        return limits_path_is_scope(v->path) ? 0 : verify_number(v);
}

/* A scope's own pids.max has room for the supervisor. */
static int verify_tasks(const Verify *v)
{
        uint64_t wanted = wanted_of(v)->number;

        return verify_u64(v,
                          wanted == UINT64_MAX ? wanted : wanted + limits_path_is_scope(v->path));
}

/* "default 55", and lines for single devices. */
static int verify_io_weight(const Verify *v)
{
        uint64_t found;
        int r;

        r = cgroup_read_key(v->dir, info_of(v)->file, "default", &found);
        if (r < 0)
                return unreadable(v, info_of(v)->file, r);
        if (found != wanted_of(v)->number)
                return mismatch_u64(v, wanted_of(v)->number, info_of(v)->file, found);

        return 0;
}

int limits_read_cpu_max(int dir, uint64_t *ret_quota, uint64_t *ret_period)
{
        _cleanup_(freep) char *text = NULL;
        char quota[24], end;
        int r;

        r = cgroup_read(dir, "cpu.max", &text);
        if (r < 0)
                return r;
        return sscanf(text, "%23s %" SCNu64 "%c", quota, ret_period, &end) == 2 &&
                               *ret_period != 0 && size_parse(quota, ret_quota) >= 0
                       ? 0
                       : -EBADMSG;
}

uint64_t limit_quota_in_period(uint64_t per_second, uint64_t period)
{
        uint64_t quota;

        if (per_second == UINT64_MAX)
                return UINT64_MAX;
        quota = per_second / USEC_PER_SEC * period +
                per_second % USEC_PER_SEC * period / USEC_PER_SEC;
        return quota < QUOTA_MIN_USEC ? QUOTA_MIN_USEC : quota;
}

uint64_t limit_period_of_quota(uint64_t per_second, uint64_t period)
{
        if (per_second != UINT64_MAX && per_second > 0 &&
            QUOTA_MIN_USEC * USEC_PER_SEC / per_second > period)
                period = QUOTA_MIN_USEC * USEC_PER_SEC / per_second;
        return period > PERIOD_MAX_USEC ? PERIOD_MAX_USEC : period;
}

/* The quota in the period found: systemd raises it to the 1 ms that the kernel asks for. */
static int verify_quota(const Verify *v)
{
        uint64_t found, period, wanted;
        int r;

        r = limits_read_cpu_max(v->dir, &found, &period);
        if (r < 0)
                return unreadable(v, "cpu.max", r);

        wanted = limit_quota_in_period(wanted_of(v)->number, period);
        /* One µs for the rounding of whoever converted the quota. */
        if (found == wanted || (found != UINT64_MAX && wanted != UINT64_MAX &&
                                (found > wanted ? found - wanted : wanted - found) <= 1))
                return 0;

        return mismatch_u64(v, wanted, "cpu.max", found);
}

/* systemd lengthens a period in which the quota would be under 1 ms. */
static int verify_period(const Verify *v)
{
        const Limit *quota = &v->limits->values[LIMIT_CPU_QUOTA];
        uint64_t found_quota, found, wanted = wanted_of(v)->number, raised;
        int r;

        r = limits_read_cpu_max(v->dir, &found_quota, &found);
        if (r < 0)
                return unreadable(v, "cpu.max", r);

        /* A period of no quota says nothing, and systemd writes the usual one. */
        if (found_quota == UINT64_MAX && quota->is_set && quota->number == UINT64_MAX)
                return 0;
        if (wanted == UINT64_MAX)
                wanted = PERIOD_DEFAULT_USEC;
        raised = limit_period_of_quota(quota->is_set ? quota->number : UINT64_MAX, wanted);
        return found == wanted || found == raised ? 0 : mismatch_u64(v, raised, "cpu.max", found);
}

/* That the cgroup has all cpus, or memory nodes, of the one above; without a controller it always has. */
static int verify_whole(const Verify *v, const char *file)
{
        _cleanup_(freep) char *own = NULL, *above = NULL;
        char parent[72];
        int r;

        (void) snprintf(parent, sizeof(parent), "../%s", file);
        r = cgroup_read(v->dir, file, &own);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = cgroup_read(v->dir, parent, &above);
        if (r < 0)
                return unreadable(v, file, r);
        return streq(own, above) ? 0 : mismatch(v, above, file, own);
}

/* cpuset.cpus holds what was asked for, its .effective what is there and was granted. */
static int verify_set(const Verify *v)
{
        _cleanup_(number_set_done) NumberSet found = { 0 };
        _cleanup_(freep) char *text = NULL, *wanted = NULL;
        char file[64];
        int r;

        (void) snprintf(file, sizeof(file), "%s.effective", info_of(v)->file);
        if (limit_takes_away(v->limits, v->type))
                return verify_whole(v, file);
        r = cgroup_read(v->dir, file, &text);
        if (r < 0)
                return unreadable(v, file, r);

        r = *text ? number_set_parse(text, &found) : 0;
        if (r < 0)
                return unreadable(v, file, r == -ENOMEM ? r : -EBADMSG);
        if (number_set_equal(&found, &wanted_of(v)->set))
                return 0;

        r = number_set_format(&wanted_of(v)->set, &wanted);
        return r < 0 ? r : mismatch(v, wanted, file, text);
}

/* The value after "key=" in the device's line of io.max; no line means no limit. */
static int io_max_value(const char *text, dev_t dev, const char *key, uint64_t *ret)
{
        char line[64];
        const char *p = text;
        size_t n;

        n = (size_t) snprintf(line, sizeof(line), "%u:%u ", major(dev), minor(dev));
        while (p && strncmp(p, line, n) != 0) {
                p = strchr(p, '\n');
                p = p ? p + 1 : NULL;
        }
        if (!p) {
                *ret = UINT64_MAX;
                return 0;
        }

        for (p += n; *p && *p != '\n'; p += strcspn(p, " \n"), p += *p == ' ') {
                const char *value = startswith(p, key);

                if (!value || *value != '=')
                        continue;

                n = strcspn(++value, " \n");
                if (n >= sizeof(line))
                        return -EBADMSG;
                memcpy(line, value, n);
                line[n] = '\0';
                return size_parse(line, ret) < 0 ? -EBADMSG : 0;
        }

        return -EBADMSG;
}

static int verify_io_device(const Verify *v, const char *text, const char *name, const char *key,
                            uint64_t wanted)
{
        char where[REASON_QUOTE_SIZE + 64], quoted[REASON_QUOTE_SIZE];
        uint64_t found;
        dev_t dev;
        int r;

        r = io_disk_of_path(name, &dev, v->ret_reason);
        if (r < 0)
                return r == -ENOMEM ? r : -ESTALE;

        r = io_max_value(text, dev, key, &found);
        if (r < 0)
                return unreadable(v, "io.max", r);
        if (found == wanted)
                return 0;

        (void) snprintf(where, sizeof(where), "io.max (%s of %s, %u:%u)", key,
                        reason_quote(name, quoted), major(dev), minor(dev));
        return mismatch_u64(v, wanted, where, found);
}

static int verify_devices(const Verify *v)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        r = cgroup_read(v->dir, "io.max", &text);
        if (r < 0)
                return unreadable(v, "io.max", r);

        for (size_t i = 0; i < wanted_of(v)->n_pairs; i++) {
                const LimitPair *p = &wanted_of(v)->pairs[i];

                r = verify_io_device(v, text, p->name, limit_io_keys[v->type], p->number);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int verify_io_max(const Verify *v)
{
        _cleanup_(io_disks_freep) char **disks = NULL;
        _cleanup_(freep) char *text = NULL;
        int r;

        r = io_whole_disks(&disks);
        if (r < 0)
                return r;
        r = cgroup_read(v->dir, "io.max", &text);
        if (r < 0)
                return unreadable(v, "io.max", r);

        for (char **d = disks; *d; d++) {
                r = verify_io_device(v, text, *d, "rbps", wanted_of(v)->number);
                if (r >= 0)
                        r = verify_io_device(v, text, *d, "wbps", wanted_of(v)->number);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* A BPF program of the cgroup's own, which systemd does without when it cannot load it: then every
 * device is open. */
static int verify_device_program(const Verify *v)
{
        uint32_t id;
        int r;

        r = device_program_find(v->dir, &id);
        if (r == -ENOENT)
                return reason_set(-ESTALE, v->ret_reason,
                                  "%s is not in force: no device program is attached to %s; the "
                                  "journal may say why systemd could not",
                                  info_of(v)->property, v->path);
        if (r < 0)
                return reason_set(-ESTALE, v->ret_reason,
                                  "%s cannot be seen to be in force: asking for the device "
                                  "programs of %s: %s",
                                  info_of(v)->property, v->path, strerror(-r));

        return 0;
}

static int verify_device_policy(const Verify *v)
{
        return streq(wanted_of(v)->word, "auto") ? 0 : verify_device_program(v);
}

static int verify_device_allow(const Verify *v)
{
        return wanted_of(v)->n_pairs == 0 ? 0 : verify_device_program(v);
}

static int (*const verify_table[_LIMIT_MAX])(const Verify *v) = {
        [LIMIT_MEMORY_MAX] = verify_memory,
        [LIMIT_MEMORY_HIGH] = verify_memory,
        [LIMIT_MEMORY_LOW] = verify_memory,
        [LIMIT_MEMORY_MIN] = verify_memory,
        [LIMIT_MEMORY_SWAP_MAX] = verify_memory,
        [LIMIT_MEMORY_OOM_GROUP] = verify_oom_group,
        [LIMIT_CPU_WEIGHT] = verify_number,
        [LIMIT_CPU_QUOTA] = verify_quota,
        [LIMIT_CPU_QUOTA_PERIOD] = verify_period,
        [LIMIT_ALLOWED_CPUS] = verify_set,
        [LIMIT_ALLOWED_MEMORY_NODES] = verify_set,
        [LIMIT_IO_WEIGHT] = verify_io_weight,
        [LIMIT_IO_READ_BANDWIDTH_MAX] = verify_devices,
        [LIMIT_IO_WRITE_BANDWIDTH_MAX] = verify_devices,
        [LIMIT_IO_READ_IOPS_MAX] = verify_devices,
        [LIMIT_IO_WRITE_IOPS_MAX] = verify_devices,
        [LIMIT_IO_MAX] = verify_io_max,
        [LIMIT_TASKS_MAX] = verify_tasks,
        [LIMIT_DEVICE_POLICY] = verify_device_policy,
        [LIMIT_DEVICE_ALLOW] = verify_device_allow,
};

/* "No limit" is in force wherever there is nothing that could limit. */
static bool needs_no_file(const Verify *v)
{
        bool is_none = info_of(v)->kind == LIMIT_KIND_FLAG ? wanted_of(v)->number == 0
                                                           : wanted_of(v)->number == UINT64_MAX;

        return limit_is_number(v->type) && is_none &&
               faccessat(v->dir, info_of(v)->file, F_OK, 0) < 0 && errno == ENOENT;
}

int limits_verify(const Limits *l, int dir, char **ret_reason)
{
        _cleanup_(freep) char *path = NULL;
        Verify v = { .limits = l, .dir = dir, .ret_reason = ret_reason };
        int r;

        r = cgroup_path_of(dir, &path);
        if (r < 0)
                return r;
        v.path = path;

        for (v.type = 0; v.type < _LIMIT_MAX; v.type++) {
                if (!l->values[v.type].is_set || needs_no_file(&v))
                        continue;

                r = verify_table[v.type](&v);
                if (r < 0)
                        return r;
        }

        return 0;
}
