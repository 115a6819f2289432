/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers: a record of keys and values, printed as "key: value" lines or as JSON. */
#pragma once

#include "basic/macro.h"
#include <hpcnode/cgroup.h>
#include <json-c/json.h>

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT,
        JSON_PRETTY,
        _JSON_MODE_MAX,
        _JSON_MODE_INVALID = -EINVAL,
} JsonMode;

JsonMode json_mode_from_string(const char *s);

/* Keys are printed in the order in which they are added. What is not known is not added: a NULL
 * string or list adds nothing. */
typedef struct json_object Record;

Record *record_new(void);
void record_add_text(Record *r, const char *key, const char *value);
/* Bytes that a zero follows: a text, or a list of numbers when they are not UTF-8. */
void record_add_bytes(Record *r, const char *key, const char *data, size_t n);
void record_add_number(Record *r, const char *key, uint64_t value);
void record_add_flag(Record *r, const char *key, bool value); /* yes or no; true or false */
void record_add_unknown(Record *r, const char *key);          /* "not available"; null */
void record_add_texts(Record *r, const char *key, char *const *values);
void record_add_numbers(Record *r, const char *key, const uint32_t *values, size_t n);

/* 1234 as 12.34, in JSON as well. */
void record_add_percent(Record *r, const char *key, uint64_t permyriad);

/* Adds a record, which is owned there then, under the key: "key: A=1 B=2". */
void record_add_member(Record *r, const char *key, Record *member);

/* Adds it, which is owned there then, to the list of records under the key. */
void record_add_record(Record *r, const char *key, Record *member);

/* PSI of cpu, memory and io, some and full, each an object with avg10, avg60, avg300 (percent) and total_usec, or of
 * these what is known. The keys begin with `prefix`. Returns how many there are. */
size_t record_add_pressure(Record *r, const char *prefix, const hpcnode_cgroup_metrics *metrics);

/* The keys of `inspect`, or of them those that `info` knows. */
void record_add_info(Record *r, const hpcnode_cgroup_info *info);

/* What `run` and `create` print: id, unit, pid, cgroup. */
void record_add_started(Record *r, const hpcnode_cgroup_info *info);

/* Prints the record on stdout. 0, or 1 (the exit status) when nothing can be written there. */
int record_print(Record *r, JsonMode mode);

/* The same for a JSON text made elsewhere. */
int json_print(const char *text, JsonMode mode);

/* Flushes stdout; 0, or 1 with an error on stderr. */
int output_flush(void);

static inline void record_freep(Record **r)
{
        json_object_put(*r);
}
