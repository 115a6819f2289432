/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of acts in the journal: one table of their types and one of their fields, between the daemon
 * that writes them, the library that reads them back, the catalog and the documents; and the text
 * forms of both. */
#pragma once

#include "macro.h"

#include <stdio.h>

/* The version of names and meanings below. A reader takes types and fields that it does not know as
 * they are. */
#define EVENT_SCHEMA "hpcnode.v1"

typedef enum EventType {
        EVENT_CGROUP_CREATE,
        EVENT_CGROUP_DESTROY,
        EVENT_CGROUP_ATTACH,
        EVENT_CGROUP_LIMITS,
        EVENT_CGROUP_KILL_FAILED,
        EVENT_CGROUP_ZOMBIE_CLEANED,
        EVENT_EMERGENCY_DECLARE,
        EVENT_EMERGENCY_END,
        EVENT_EMERGENCY_FREEZE,
        EVENT_EMERGENCY_THAW,
        EVENT_EMERGENCY_KILL,
        EVENT_JOB_START,
        EVENT_JOB_EXIT,
        EVENT_JOB_OOM,
        EVENT_JOB_THROTTLE,
        EVENT_JOB_FREEZE,
        EVENT_JOB_THAW,
        EVENT_JOB_KILL,
        EVENT_JOB_CLEANUP,
        EVENT_LOST_WORKLOAD,
        EVENT_NODE_DRAIN,
        EVENT_NODE_UNDRAIN,
        EVENT_PRESSURE,
        _EVENT_TYPE_MAX,
        _EVENT_TYPE_INVALID = -EINVAL,
} EventType;

typedef struct EventTypeInfo {
        const char *name;
        const char *message_id; /* 32 hexadecimal digits; never changed, and never used again */
        int priority;           /* of syslog */
        const char *subject;    /* what has happened, for the message */
} EventTypeInfo;

extern const EventTypeInfo event_type_table[_EVENT_TYPE_MAX];

typedef enum EventField {
        EVENT_FIELD_SCHEMA,
        EVENT_FIELD_TS_UNIX_MS,
        EVENT_FIELD_TYPE,
        EVENT_FIELD_MANAGER,
        EVENT_FIELD_SCOPE,
        EVENT_FIELD_UNIT,
        EVENT_FIELD_CGROUP,
        EVENT_FIELD_TASK,
        EVENT_FIELD_UID,
        EVENT_FIELD_PRIORITY,
        EVENT_FIELD_STATE,
        EVENT_FIELD_REASON,
        EVENT_FIELD_PID,
        EVENT_FIELD_EXIT,
        EVENT_FIELD_SIGNAL,
        EVENT_FIELD_OOM_KILLED,
        EVENT_FIELD_OOM_KILL_COUNT,
        EVENT_FIELD_TIMED_OUT,
        EVENT_FIELD_PRESSURE_KILLED,
        EVENT_FIELD_START_UNIX_MS,
        EVENT_FIELD_EXIT_UNIX_MS,
        EVENT_FIELD_UNTIL_UNIX_MS,
        EVENT_FIELD_MEMORY_PEAK,
        EVENT_FIELD_MEMORY_SWAP_PEAK,
        EVENT_FIELD_MEMORY_HIGH_COUNT,
        EVENT_FIELD_MEMORY_MAX_COUNT,
        EVENT_FIELD_MEMORY_OOM_COUNT,
        EVENT_FIELD_MEMORY_HIGH_SINCE_LAST,
        EVENT_FIELD_MEMORY_MAX_SINCE_LAST,
        EVENT_FIELD_MEMORY_OOM_SINCE_LAST,
        EVENT_FIELD_CPU_USAGE_USEC,
        EVENT_FIELD_CPU_USER_USEC,
        EVENT_FIELD_CPU_SYSTEM_USEC,
        EVENT_FIELD_IO_READ_BYTES,
        EVENT_FIELD_IO_WRITE_BYTES,
        EVENT_FIELD_PIDS_PEAK,
        EVENT_FIELD_PID_COUNT,
        EVENT_FIELD_PIDS,
        EVENT_FIELD_STATES,
        EVENT_FIELD_FROM,
        EVENT_FIELD_LIMIT,
        EVENT_FIELD_ACT,
        EVENT_FIELD_RESOURCE,
        EVENT_FIELD_KIND,
        EVENT_FIELD_PLACE,
        EVENT_FIELD_SOME_AVG10,
        EVENT_FIELD_SOME_AVG60,
        EVENT_FIELD_SOME_TOTAL_USEC,
        EVENT_FIELD_FULL_AVG10,
        EVENT_FIELD_FULL_AVG60,
        EVENT_FIELD_FULL_TOTAL_USEC,
        EVENT_FIELD_THRESHOLD,
        EVENT_FIELD_DRY_RUN,
        EVENT_FIELD_ELIGIBLE_COUNT,
        EVENT_FIELD_CANDIDATE_COUNT,
        EVENT_FIELD_CANDIDATES,
        EVENT_FIELD_CALLER_UID,
        EVENT_FIELD_CALLER_PID,
        EVENT_FIELD_CALLER_UNIT,
        EVENT_FIELD_TRUNCATED,
        EVENT_FIELD_DROPPED,
        _EVENT_FIELD_MAX,
        _EVENT_FIELD_INVALID = -EINVAL,
} EventField;

typedef enum EventFieldKind {
        EVENT_KIND_TEXT,
        EVENT_KIND_NUMBER,
        EVENT_KIND_LIST,   /* text; stands once for each element */
        EVENT_KIND_HIDDEN, /* to find records by; in no line */
} EventFieldKind;

typedef struct EventFieldInfo {
        const char *key; /* in a line; in the journal HPCNODE_ and the same in capitals */
        EventFieldKind kind;
} EventFieldInfo;

/* In the order in which a line has them. */
extern const EventFieldInfo event_field_table[_EVENT_FIELD_MAX];

#define EVENT_PREFIX   "HPCNODE_"
#define EVENT_NAME_MAX 64 /* of a field in the journal, as journald has it */

/* "oom_killed" to "HPCNODE_OOM_KILLED". Returns buffer. */
const char *event_field_name(const char *key, char buffer[static EVENT_NAME_MAX + 1]);

/* The other way, from the first n bytes of data. -EINVAL when it is not one of ours. */
int event_field_key(const char *name, size_t n, char buffer[static EVENT_NAME_MAX + 1]);

/* _EVENT_FIELD_INVALID for what only a newer version knows. */
EventField event_field_from_key(const char *key);

/* " key=value" of a line. What is not [A-Za-z0-9_./:@%+,-] alone is put in double quotes; inside them
 * ", \ and everything that is not printable ASCII is escaped: \" \\ \n \r \t, else \xNN a byte. So a
 * line is one line and its fields end at spaces, whatever the value. */
void event_line_put(FILE *f, const char *key, const char *value);

/* One field in journald's native protocol: NAME=VALUE and a newline, or with a newline in the value its
 * length in 64 bits, little-endian, before it. */
void event_native_put(FILE *f, const char *name, const char *value);
