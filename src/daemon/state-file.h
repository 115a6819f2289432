/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State on disk: files of KEY=VALUE lines in the runtime directory, read after a restart. */
#pragma once

#include "basic/fields.h"

/* The last field, of every version: a file without it was cut off. */
#define STATE_END_KEY "end"

typedef enum FieldType { FIELD_STRING, FIELD_BOOL, FIELD_U64, FIELD_UNSIGNED, FIELD_INT } FieldType;

/* A member of a struct, and how it stands in its file: one table for writing and reading. */
typedef struct StateField {
        const char *key;
        FieldType type;
        size_t offset;
} StateField;

void state_append(Fields *f, const void *object, const StateField *fields, size_t n);

/* 1 when the key is one of them, 0 when it is not, negative for a value that cannot be. */
int state_read(void *object, const StateField *fields, size_t n, const char *key,
               const char *value);

/* Replaces the file, for root only. Nothing has changed when it fails. A full disk does not matter where
 * the file is there and a page holds it. */
int state_file_write(int dir, const char *name, Fields *f);

/* What the daemon is short of does not concern a scope, or a file, alone: it ends, and the next one finds all
 * files, and all supervisors, again. */
static inline bool is_shortage(int r)
{
        return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -ENOSPC;
}

/* A struct whose table says all of it: as a file, and from one. An object that could not be loaded is partly filled.
 * -EBADMSG, -EPERM as below, and for a file that is not whole. */
int state_file_save(int dir, const char *name, const void *object, const StateField *fields,
                    size_t n);
int state_file_load(int dir, const char *name, void *object, const StateField *fields, size_t n);

/* *ret is owned by the caller. -EBADMSG, -EPERM when it cannot be one of ours. */
int state_file_read(int dir, const char *name, char **ret, size_t *ret_length);
