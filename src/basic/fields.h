/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KEY=VALUE lines: the one format of state files, supervisor messages and spawn specifications.
 *
 * A key is [a-z0-9_.-]+ and may stand more than once (a list). A value is any bytes but NUL; newline
 * and backslash are written as \n and \\. A reader skips keys it does not know, so that a newer
 * writer is understood. */
#pragma once

#include "macro.h"

typedef struct Fields {
        char *data; /* NUL-terminated once anything was appended, else NULL; owned */
        size_t length;
        size_t allocated;
        int error; /* the first failure (-ENOMEM); later appends do nothing */
} Fields;

void fields_done(Fields *f);

/* Appending never reports by itself: check f->error once, when all has been appended. A NULL value
 * appends nothing. */
void fields_append(Fields *f, const char *key, const char *value);
void fields_append_u64(Fields *f, const char *key, uint64_t value);
void fields_append_i64(Fields *f, const char *key, int64_t value);

typedef struct FieldsReader {
        char *next;
        char *end;
} FieldsReader;

/* Reads data[0..length) in place: values are unescaped where they stand and stay valid as long as
 * data does. data need not be NUL-terminated, but every line must end in a newline. */
FieldsReader fields_reader(char *data, size_t length);

/* 1 and one pair, 0 at the end, -EBADMSG for a malformed line. */
int fields_next(FieldsReader *r, char **ret_key, char **ret_value);

/* Strict decimal numbers: no sign for u64, no spaces, no overflow. 0 or -EINVAL/-ERANGE. */
int parse_u64(const char *s, uint64_t *ret);
int parse_i64(const char *s, int64_t *ret);
