/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A limit for all disks, and those of single ones. */
#include "basic/io-disk.h"
#include "basic/limits-internal.h"

static bool names_disks(const Limits *l)
{
        FOREACH_LIMIT_OF_DISKS (t)
                if (l->values[t].is_set)
                        return true;

        return false;
}

/* The name by which the limits speak of a disk, or NULL. */
static const char *name_of_disk(const Limits *l, dev_t dev)
{
        FOREACH_LIMIT_OF_DISKS (t)
                for (size_t i = 0; i < l->values[t].n_pairs; i++) {
                        const char *name = l->values[t].pairs[i].name;
                        _cleanup_(freep) char *fault = NULL;
                        dev_t d;

                        if (io_disk_of_path(name, &d, &fault) >= 0 && d == dev)
                                return name;
                }

        return NULL;
}

/* Names that are no disk stay as they are: limits_check() says so. */
static int use_names_of(Limits *changes, const Limits *l)
{
        FOREACH_LIMIT_OF_DISKS (t)
                for (size_t i = 0; i < changes->values[t].n_pairs; i++) {
                        LimitPair *p = &changes->values[t].pairs[i];
                        _cleanup_(freep) char *fault = NULL;
                        const char *known = NULL;
                        char *copy;
                        dev_t dev;

                        if (io_disk_of_path(p->name, &dev, &fault) >= 0)
                                known = name_of_disk(l, dev);
                        if (!known || streq(known, p->name))
                                continue;
                        copy = strdup(known);
                        if (!copy)
                                return -ENOMEM;
                        free(p->name);
                        p->name = copy;
                }

        return 0;
}

static int set_bandwidth(Limits *l, const char *disk, uint64_t number, char **ret_reason)
{
        int r;

        r = limits_add_device(l, LIMIT_IO_READ_BANDWIDTH_MAX, disk, number, ret_reason);
        return r < 0 ? r
                     : limits_add_device(l, LIMIT_IO_WRITE_BANDWIDTH_MAX, disk, number, ret_reason);
}

static int split(Limits *l, char **ret_reason)
{
        _cleanup_(io_disks_freep) char **disks = NULL;
        Limit *all = &l->values[LIMIT_IO_MAX];
        int r;

        if (!all->is_set)
                return 0;
        r = io_whole_disks(&disks);
        for (char **d = disks; r >= 0 && *d; d++)
                r = set_bandwidth(l, *d, all->number, ret_reason);
        *all = (Limit){ 0 };
        return r;
}

int limits_align_disks(Limits *l, Limits *changes, char **ret_reason)
{
        _cleanup_(limits_done) Limits had = { 0 }, wanted = { 0 };
        int r;

        if (!names_disks(changes) && !(names_disks(l) && changes->values[LIMIT_IO_MAX].is_set))
                return 0;
        r = limits_copy(l, &had);
        if (r >= 0)
                r = limits_copy(changes, &wanted);
        if (r >= 0)
                r = split(&had, ret_reason);
        if (r >= 0)
                r = split(&wanted, ret_reason);
        if (r >= 0)
                r = use_names_of(&wanted, &had);
        if (r < 0)
                return r;

        limits_done(l);
        *l = had;
        limits_done(changes);
        *changes = wanted;
        had = wanted = (Limits){ 0 };
        return 0;
}
