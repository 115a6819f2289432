/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resource limits: one table between the bus, systemd's properties, the cgroup's files, the command
 * line and the documents. */
#pragma once

#include "fields.h"
#include "macro.h"
#include "size.h"

typedef enum LimitType {
        LIMIT_MEMORY_MAX,
        LIMIT_MEMORY_HIGH,
        LIMIT_MEMORY_LOW,
        LIMIT_MEMORY_MIN,
        LIMIT_MEMORY_SWAP_MAX,
        LIMIT_MEMORY_OOM_GROUP, /* ours: of payload, or of a leaf */
        LIMIT_CPU_WEIGHT,
        LIMIT_CPU_QUOTA,        /* CPUQuotaPerSecUSec: µs of cpu time a second */
        LIMIT_CPU_QUOTA_PERIOD, /* CPUQuotaPeriodUSec */
        LIMIT_ALLOWED_CPUS,
        LIMIT_ALLOWED_MEMORY_NODES,
        LIMIT_IO_WEIGHT,
        LIMIT_IO_READ_BANDWIDTH_MAX,
        LIMIT_IO_WRITE_BANDWIDTH_MAX,
        LIMIT_IO_READ_IOPS_MAX,
        LIMIT_IO_WRITE_IOPS_MAX,
        LIMIT_IO_MAX, /* ours: bytes/s, read and write, on every whole disk */
        LIMIT_TASKS_MAX,
        LIMIT_DEVICE_POLICY,
        LIMIT_DEVICE_ALLOW,
        _LIMIT_MAX,
        _LIMIT_INVALID = -EINVAL,
} LimitType;

/* The limits that are given for single disks: lists of them. */
#define FOREACH_LIMIT_OF_DISKS(t) \
        for (LimitType t = LIMIT_IO_READ_BANDWIDTH_MAX; t <= LIMIT_IO_WRITE_IOPS_MAX; t++)

/* systemd's period of cpu.max where none is given. */
#define PERIOD_DEFAULT_USEC UINT64_C(100000)

typedef enum LimitKind {
        LIMIT_KIND_NUMBER,  /* t */
        LIMIT_KIND_FLAG,    /* b: a number, 0 or 1 */
        LIMIT_KIND_SET,     /* ay */
        LIMIT_KIND_DEVICES, /* a(st): a device or any path, and a number */
        LIMIT_KIND_WORD,    /* s */
        LIMIT_KIND_PAIRS,   /* a(ss): DeviceAllow */
} LimitKind;

/* What has it, of a scope. A task's leaf has them all. */
typedef enum LimitPlace {
        LIMIT_OF_UNIT,
        LIMIT_OF_BOTH,    /* payload's file, beside the unit's */
        LIMIT_OF_PAYLOAD, /* that alone: systemd has no property for it */
} LimitPlace;

typedef struct LimitInfo {
        const char *property;   /* the key in D-Bus dictionaries, which is systemd's own */
        const char *signature;  /* D-Bus type of the value: t, b, ay, a(st), s, a(ss) */
        const char *option;     /* long option of hpcnode-ctl without "--"; NULL: none of its own */
        const char *argument;   /* its metavariable in the help text */
        const char *controller; /* cgroup controller that has to be there; NULL: none */
        const char *file;       /* the cgroup file, or its key's file for io.max; NULL: none */
        LimitKind kind;
        LimitPlace place;
        uint64_t min,
                max; /* of a number; UINT64_MAX (unlimited) is allowed beyond max if .unlimited */
        bool unlimited;
        const char *unit; /* "bytes", "µs", … for messages and documents */
        const char *help; /* one line for --help and the man page */
} LimitInfo;

extern const LimitInfo limit_table[_LIMIT_MAX];

LimitType limit_from_property(const char *property);

typedef struct LimitPair {
        char *name;      /* device or path; owned */
        uint64_t number; /* LIMIT_KIND_DEVICES */
        char *word;      /* LIMIT_KIND_PAIRS; owned */
} LimitPair;

typedef struct Limit {
        bool is_set;
        uint64_t number;
        NumberSet set;
        char *word;       /* owned */
        LimitPair *pairs; /* owned */
        size_t n_pairs;
} Limit;

typedef struct Limits {
        Limit values[_LIMIT_MAX];
} Limits;

void limits_done(Limits *l);

int limits_copy(const Limits *from, Limits *ret);
bool limits_any(const Limits *l);

/* True for an empty set of cpus or memory nodes, which takes away the one that there is. */
bool limit_takes_away(const Limits *l, LimitType t);

/* Takes over the values that are set in `changes`; what these take away is not set any more. A list of disks is for those
 * it names, or to lift the limits of all when it is empty; any other list is put in the place of the former one. */
int limits_merge(Limits *l, const Limits *changes);

/* Whether its value is in .number of Limit. */
static inline bool limit_is_number(LimitType t)
{
        return limit_table[t].kind == LIMIT_KIND_NUMBER || limit_table[t].kind == LIMIT_KIND_FLAG;
}

/* Each checks kind and range; -EINVAL or -ERANGE comes with a sentence in *ret_reason (owned by the
 * caller) that names the property, the value and what is allowed. Nothing is changed on failure. */
int limits_set_number(Limits *l, LimitType t, uint64_t value, char **ret_reason);
int limits_set_set(Limits *l, LimitType t, const void *bits, size_t n_bytes, char **ret_reason);
int limits_set_word(Limits *l, LimitType t, const char *word, char **ret_reason);
/* An element of a list; one of the same name is replaced. "MAJ:MIN" stands for /dev/block/MAJ:MIN. */
int limits_add_device(Limits *l, LimitType t, const char *path, uint64_t value, char **ret_reason);
int limits_add_pair(Limits *l, LimitType t, const char *name, const char *word, char **ret_reason);

/* A quota a second as µs in such a period, rounded down, and at least what the kernel takes; UINT64_MAX: none. */
uint64_t limit_quota_in_period(uint64_t per_second, uint64_t period);

/* Puts all cpus, or memory nodes, that there can be in the place of a set that takes the limit away. The kernel refuses
 * to empty cpuset.cpus while a process is in the cgroup, and systemd says nothing of that. */
int limits_whole_sets(Limits *l);

/* The text form: what state files hold and what the options of hpcnode-ctl take (sizes with suffix,
 * "max", cpu lists, empty ones too; devices as "PATH NUMBER", pairs as "NAME WORD", one call each). CPUQuotaPerSecUSec
 * is a plain number here: the option's "QUOTA/PERIOD" is two limits, see cpu_quota_parse(). A flag is "yes" or "no", or
 * what else systemd takes. */
int limits_parse(Limits *l, LimitType t, const char *text, char **ret_reason);

/* The text that limits_parse() takes: the whole of a limit at index 0, of a list each element. 1 and
 * the text (owned by the caller), 0 when the limit is not set or has no such element. */
int limits_format(const Limits *l, LimitType t, size_t index, char **ret);

/* The same as fields of that key, "MemoryMax=67108864" each; and back, from a text that is changed: -ENOENT for a
 * limit that is not known, as of a newer version, -EBADMSG for what is none. */
void limits_to_fields(const Limits *l, const char *key, Fields *f);
int limits_from_field(Limits *l, char *text);

/* Relations that single values cannot show: a period without a quota, a quota too small for its period,
 * IOMax beside limits of single disks, one disk by two names or one that is not there, an empty list of
 * devices that leaves all open. -EINVAL or -ERANGE with *ret_reason. */
int limits_check(const Limits *l, char **ret_reason);

/* Makes IOMax and limits of single disks go together, of which the later one is to count: where a scope has the one and
 * the changes have the other, both become limits of single disks. These then have, in the changes, the names that they
 * have in *l already, since systemd writes what it knows of a disk once for each of its names. On failure neither is
 * changed, and *ret_reason may say why. */
int limits_align_disks(Limits *l, Limits *changes, char **ret_reason);

/* The same of limits as they will be with these changes, once aligned, since what is fine by itself may not go together with what is
 * there. *ret is to be freed with limits_done(). */
int limits_check_merged(const Limits *l, const Limits *changes, Limits *ret, char **ret_reason);

/* That nothing is taken away, for what is still to be made. -EINVAL with *ret_reason. */
int limits_check_new(const Limits *l, char **ret_reason);

/* That a single task can have them, since its leaf has a file for each. -EINVAL with *ret_reason. */
int limits_check_leaf(const Limits *l, char **ret_reason);

/* That the devices, cpus and memory nodes named are there, since systemd and the kernel pass over those
 * that are not. For what is asked for only: what once was granted may have gone since. */
int limits_check_there(const Limits *l, char **ret_reason);

/* Replaces what is not in force in the cgroup at dir by what is, since others may set limits there, too, and
 * adds what differs from the kernel's default. A value may be out of range for us. What cannot be read stays.
 * -ENOMEM only. */
int limits_take_in_force(Limits *l, int dir);

/* Reads the limits back from the cgroup at dir and compares them after the kernel's rounding. 0 when
 * all are in force; -ESTALE with a sentence in *ret_reason (limit, wanted, found) when one is not.
 * TasksMax=N is N+1 in a cgroup called *.scope (the supervisor) and N in any other. Of DevicePolicy and
 * DeviceAllow it is seen that the kernel asks a program of this cgroup's, but not what that answers. What is payload's
 * alone is passed over in a scope: limits_write_payload() has seen it. */
int limits_verify(const Limits *l, int dir, char **ret_reason);

/* What limits_take_in_force() says of a leaf, of which nothing else is known: where all whole disks have the same
 * bytes/s, and nothing else has a limit in io.max, that is IOMax. -ENOMEM only; a leaf that has gone has none. */
int limits_of_leaf(int dir, Limits *ret);

/* Writes them to the files of the cgroup at dir, which has to be one of ours and not a scope, and reads them back as
 * limits_verify() does. On failure everything is as it was before, and *ret_reason says what (limit, value, what was
 * found): -ESTALE when one is not in force, another errno when the kernel refuses one. What takes memory
 * from those in it comes last, when all else is in force; it may take its time. */
int limits_write(const Limits *l, int dir, char **ret_reason);

/* The same with those that payload has, of a scope's limits, to that one's files. */
int limits_write_payload(const Limits *l, int payload, char **ret_reason);
