/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resource limits: one table between the bus, systemd's properties, the cgroup's files, the command
 * line and the documents. */
#pragma once

#include "macro.h"
#include "size.h"

typedef enum LimitType {
        LIMIT_MEMORY_MAX,
        LIMIT_MEMORY_HIGH,
        LIMIT_MEMORY_LOW,
        LIMIT_MEMORY_MIN,
        LIMIT_MEMORY_SWAP_MAX,
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

typedef enum LimitKind {
        LIMIT_KIND_NUMBER,  /* t */
        LIMIT_KIND_SET,     /* ay */
        LIMIT_KIND_DEVICES, /* a(st): a device or any path, and a number */
        LIMIT_KIND_WORD,    /* s */
        LIMIT_KIND_PAIRS,   /* a(ss): DeviceAllow */
} LimitKind;

typedef struct LimitInfo {
        const char *property;   /* the key in D-Bus dictionaries, which is systemd's own */
        const char *signature;  /* D-Bus type of the value: t, ay, a(st), s, a(ss) */
        const char *option;     /* long option of hpcnode-ctl without "--"; NULL: none of its own */
        const char *argument;   /* its metavariable in the help text */
        const char *controller; /* cgroup controller that has to be there; NULL: none */
        const char *file;       /* the cgroup file, or its key's file for io.max; NULL: none */
        LimitKind kind;
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

/* Takes over the values that are set in `changes`. */
int limits_merge(Limits *l, const Limits *changes);

/* Each checks kind and range; -EINVAL or -ERANGE comes with a sentence in *ret_reason (owned by the
 * caller) that names the property, the value and what is allowed. Nothing is changed on failure. */
int limits_set_number(Limits *l, LimitType t, uint64_t value, char **ret_reason);
int limits_set_set(Limits *l, LimitType t, const void *bits, size_t n_bytes, char **ret_reason);
int limits_set_word(Limits *l, LimitType t, const char *word, char **ret_reason);
/* An element of a list; one of the same name is replaced. "MAJ:MIN" stands for /dev/block/MAJ:MIN. */
int limits_add_device(Limits *l, LimitType t, const char *path, uint64_t value, char **ret_reason);
int limits_add_pair(Limits *l, LimitType t, const char *name, const char *word, char **ret_reason);

/* The text form: what state files hold and what the options of hpcnode-ctl take (sizes with suffix,
 * "max", cpu lists; devices as "PATH NUMBER", pairs as "NAME WORD", one call each). CPUQuotaPerSecUSec
 * is a plain number here: the option's "QUOTA/PERIOD" is two limits, see cpu_quota_parse(). */
int limits_parse(Limits *l, LimitType t, const char *text, char **ret_reason);

/* The text that limits_parse() takes: the whole of a limit at index 0, of a list each element. 1 and
 * the text (owned by the caller), 0 when the limit is not set or has no such element. */
int limits_format(const Limits *l, LimitType t, size_t index, char **ret);

/* Relations that single values cannot show: a period without a quota, a quota too small for its period,
 * IOMax beside limits of single disks, one disk by two names; and that the device nodes and disks named
 * are there, since systemd passes over one that is not. -EINVAL or -ERANGE with *ret_reason. */
int limits_check(const Limits *l, char **ret_reason);

/* Replaces what is not in force in the cgroup at dir by what is, since others may set limits there, too, and
 * adds what differs from the kernel's default. A value may be out of range for us. What cannot be read stays.
 * -ENOMEM only. */
int limits_take_in_force(Limits *l, int dir);

/* Reads the limits back from the cgroup at dir and compares them after the kernel's rounding. 0 when
 * all are in force; -ESTALE with a sentence in *ret_reason (limit, wanted, found) when one is not.
 * TasksMax=N is N+1 in a cgroup called *.scope (the supervisor) and N in any other. DevicePolicy and
 * DeviceAllow cannot be read back. */
int limits_verify(const Limits *l, int dir, char **ret_reason);
