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

/* The names by which limits speak of disks, and which these are; each is looked up once. */
typedef struct KnownDisks {
        struct {
                const char *name; /* borrowed */
                dev_t dev;
        } * disks;
        size_t n;
} KnownDisks;

static void known_disks_done(KnownDisks *k)
{
        free(k->disks);
}

static bool is_known(const KnownDisks *k, const char *name)
{
        for (size_t i = 0; i < k->n; i++)
                if (streq(k->disks[i].name, name))
                        return true;

        return false;
}

static int know_disks(const Limits *l, KnownDisks *ret)
{
        size_t n = 0;

        FOREACH_LIMIT_OF_DISKS (t)
                n += l->values[t].n_pairs;
        ret->disks = calloc(n + 1, sizeof(*ret->disks));
        if (!ret->disks)
                return -ENOMEM;

        FOREACH_LIMIT_OF_DISKS (t)
                for (size_t i = 0; i < l->values[t].n_pairs; i++) {
                        const char *name = l->values[t].pairs[i].name;
                        _cleanup_(freep) char *fault = NULL;
                        dev_t dev;

                        if (is_known(ret, name) || io_disk_of_path(name, &dev, &fault) < 0)
                                continue;
                        ret->disks[ret->n].name = name;
                        ret->disks[ret->n++].dev = dev;
                }

        return 0;
}

/* The name that the disk has there; NULL when it has none, or this is it. A name that is no disk is left to limits_check(). */
static const char *other_name(const KnownDisks *k, const char *name)
{
        _cleanup_(freep) char *fault = NULL;
        dev_t dev;

        if (is_known(k, name) || io_disk_of_path(name, &dev, &fault) < 0)
                return NULL;
        for (size_t i = 0; i < k->n; i++)
                if (k->disks[i].dev == dev)
                        return k->disks[i].name;

        return NULL;
}

static int use_names_of(Limits *changes, const Limits *l)
{
        _cleanup_(known_disks_done) KnownDisks known = { 0 };
        int r;

        r = know_disks(l, &known);
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
