/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every record is made with: begun, given its fields in the order of event_field_table, and sent. */
#pragma once

#include "basic/event.h"
#include "daemon/manager.h"
#include "daemon/scope.h"

#include <stdio.h>

/* One record being written: its datagram, and its line where stderr is not the journal. */
typedef struct Entry {
        Manager *manager;
        EventType type;
        const char *unit;
        FILE *native, *line; /* either may be NULL */
        char *native_data, *line_data;
        size_t native_length, line_length;
        size_t length; /* of the values */
        bool truncated;
        int sent; /* negative: journald will never have it */
} Entry;

/* unit: the one that it is of, or NULL. */
void entry_begin(Entry *e, Manager *m, EventType type, const char *unit);

/* The same with the fields that every record of a scope has. */
void entry_begin_scope(Entry *e, const Scope *s, EventType type);

/* A value that is NULL is left out. */
void entry_put(Entry *e, EventField field, const char *value);
void entry_put_number(Entry *e, EventField field, uint64_t value);

/* call may be NULL, uid UID_INVALID and pid 0: they are left out. */
void entry_put_caller(Entry *e, const Call *call);
void entry_put_caller_ids(Entry *e, uid_t uid, pid_t pid);

/* Ends the entry with its message: "UNIT: SUBJECT", or without a unit "SUBJECT", and what the arguments
 * say. */
void entry_send(Entry *e, const char *format, ...) _printf_(2, 3);
