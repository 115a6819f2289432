/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relations between limits. */
#include "basic/io-disk.h"
#include "basic/limits-internal.h"
#include "basic/reason.h"

#include <inttypes.h>
#include <sys/sysmacros.h>

static int check_quota(const Limits *l, char **ret_reason)
{
        const Limit *quota = &l->values[LIMIT_CPU_QUOTA],
                    *period = &l->values[LIMIT_CPU_QUOTA_PERIOD];

        if (!period->is_set || period->number == UINT64_MAX)
                return 0;
        if (!quota->is_set)
                return reason_set(-EINVAL, ret_reason,
                                  "CPUQuotaPeriodUSec=%" PRIu64 " has no effect without "
                                  "CPUQuotaPerSecUSec: give both",
                                  period->number);

        /* Rounded down, as by whoever computed the quota a second from 1 ms in this period. Without
         * a period of the caller's, systemd chooses one that is long enough. */
        if (quota->number != UINT64_MAX &&
            quota->number < QUOTA_MIN_USEC * USEC_PER_SEC / period->number)
                return reason_set(-ERANGE, ret_reason,
                                  "CPUQuotaPerSecUSec=%" PRIu64 " is out of range with "
                                  "CPUQuotaPeriodUSec=%" PRIu64 ": at least %" PRIu64
                                  " µs (1 ms in each period), or infinity",
                                  quota->number, period->number,
                                  QUOTA_MIN_USEC * USEC_PER_SEC / period->number);

        return 0;
}

/* systemd writes all four limits of a device at once, for each name it is given by: of two names of
 * one disk the later would undo the earlier. */
static int check_disk(DiskNames *seen, LimitType t, const char *name, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE], quoted_other[REASON_QUOTE_SIZE];
        _cleanup_(freep) char *fault = NULL;
        const char *other;
        dev_t dev;
        int r;

        if (disk_names_has(seen, name))
                return 0;

        r = io_disk_of_path(name, &dev, &fault);
        if (r < 0)
                return fault ? reason_set(-EINVAL, ret_reason, "%s: %s", limit_table[t].property,
                                          fault)
                             : r;

        other = disk_names_of(seen, dev);
        if (other)
                return reason_set(-EINVAL, ret_reason,
                                  "%s: %s and %s are the same disk (%u:%u): use one name for it",
                                  limit_table[t].property, reason_quote(other, quoted_other),
                                  reason_quote(name, quoted), major(dev), minor(dev));

        disk_names_add(seen, name, dev);
        return 0;
}

static int check_disks(const Limits *l, char **ret_reason)
{
        _cleanup_(disk_names_done) DiskNames seen = { 0 };
        int r;

        r = disk_names_init(&seen, l);
        if (r < 0)
                return r;

        FOREACH_LIMIT_OF_DISKS (t) {
                const Limit *v = &l->values[t];

                if (v->is_set && l->values[LIMIT_IO_MAX].is_set)
                        return reason_set(-EINVAL, ret_reason,
                                          "%s and IOMax exclude each other in one call: limit all "
                                          "disks alike, or each by its name",
                                          limit_table[t].property);

                for (size_t k = 0; k < v->n_pairs; k++) {
                        r = check_disk(&seen, t, v->pairs[k].name, ret_reason);
                        if (r < 0)
                                return r;
                }
        }

        return 0;
}

/* Who gives an allocation none of the GPUs must not open all of them by that. */
static int check_devices(const Limits *l, char **ret_reason)
{
        const Limit *v = &l->values[LIMIT_DEVICE_ALLOW];

        if (v->is_set && v->n_pairs == 0 && !l->values[LIMIT_DEVICE_POLICY].is_set)
                return reason_set(-EINVAL, ret_reason,
                                  "DeviceAllow is empty, which alone would close nothing: give "
                                  "DevicePolicy with it, closed for no device or auto for all");

        return 0;
}

int limits_check(const Limits *l, char **ret_reason)
{
        int r;

        r = check_quota(l, ret_reason);
        if (r >= 0)
                r = check_disks(l, ret_reason);
        if (r >= 0)
                r = check_devices(l, ret_reason);

        return r;
}

int limits_check_merged(const Limits *l, const Limits *changes, Limits *ret, char **ret_reason)
{
        _cleanup_(limits_done) Limits merged = { 0 }, aligned = { 0 };
        int r;

        r = limits_copy(l, &merged);
        if (r >= 0)
                r = limits_copy(changes, &aligned);
        if (r >= 0)
                r = limits_align_disks(&merged, &aligned, ret_reason);
        if (r >= 0)
                r = limits_merge(&merged, &aligned);
        if (r >= 0)
                r = limits_check(&merged, ret_reason);
        if (r < 0)
                return r;

        *ret = merged;
        merged = (Limits){ 0 };
        return 0;
}

int limits_check_new(const Limits *l, char **ret_reason)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                if (limit_takes_away(l, t))
                        return reason_set(-EINVAL, ret_reason,
                                          "%s is empty: at least one number is needed, such as "
                                          "0-3,8",
                                          limit_table[t].property);

        return 0;
}

int limits_check_leaf(const Limits *l, char **ret_reason)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                if (l->values[t].is_set && !limit_table[t].file)
                        return reason_set(
                                -EINVAL, ret_reason,
                                "%s is for a scope as a whole, and then holds for each of "
                                "its tasks: set it for the scope",
                                limit_table[t].property);

        return 0;
}
