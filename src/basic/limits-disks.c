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

void disk_names_done(DiskNames *d)
{
        free(d->names);
        free(d->devs);
}

int disk_names_init(DiskNames *d, const Limits *l)
{
        size_t n = 0;

        FOREACH_LIMIT_OF_DISKS (t)
                n += l->values[t].n_pairs;

        d->names = calloc(n + 1, sizeof(*d->names));
        d->devs = calloc(n + 1, sizeof(*d->devs));
        return d->names && d->devs ? 0 : -ENOMEM;
}

bool disk_names_has(const DiskNames *d, const char *name)
{
        for (size_t i = 0; i < d->n; i++)
                if (streq(d->names[i], name))
                        return true;

        return false;
}

const char *disk_names_of(const DiskNames *d, dev_t dev)
{
        for (size_t i = 0; i < d->n; i++)
                if (d->devs[i] == dev)
                        return d->names[i];

        return NULL;
}

void disk_names_add(DiskNames *d, const char *name, dev_t dev)
{
        d->names[d->n] = name;
        d->devs[d->n++] = dev;
}

/* Each name is looked up once. One that is no disk any more has none. */
static int collect_names(const Limits *l, DiskNames *ret)
{
        int r;

        r = disk_names_init(ret, l);
        if (r < 0)
                return r;
        FOREACH_LIMIT_OF_DISKS (t)
                for (size_t i = 0; i < l->values[t].n_pairs; i++) {
                        const char *name = l->values[t].pairs[i].name;
                        _cleanup_(freep) char *fault = NULL;
                        dev_t dev;

                        if (!disk_names_has(ret, name) && io_disk_of_path(name, &dev, &fault) >= 0)
                                disk_names_add(ret, name, dev);
                }

        return 0;
}

/* The name that the disk has there; NULL when it has none, or this is it. A name that is no disk is left to limits_check(). */
static const char *other_name(const DiskNames *known, const char *name)
{
        _cleanup_(freep) char *fault = NULL;
        dev_t dev;

        if (disk_names_has(known, name) || io_disk_of_path(name, &dev, &fault) < 0)
                return NULL;
        return disk_names_of(known, dev);
}

static int use_names_of(Limits *changes, const Limits *l)
{
        _cleanup_(disk_names_done) DiskNames known = { 0 };
        int r;

        r = collect_names(l, &known);
        if (r < 0)
                return r;
        FOREACH_LIMIT_OF_DISKS (t)
                for (size_t i = 0; i < changes->values[t].n_pairs; i++) {
                        LimitPair *p = &changes->values[t].pairs[i];
                        const char *name = other_name(&known, p->name);
                        char *copy = name ? strdup(name) : NULL;

                        if (!name)
                                continue;
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
