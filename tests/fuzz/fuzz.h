/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzz targets share: the input in the forms that parsers take, and what holds for all of them. */
#pragma once

#include "basic/limits.h"
#include "basic/macro.h"

#include <systemd/sd-bus.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, so that the input is kept as one that breaks the target. */
#define check(condition) ((condition) ? (void) 0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* The input up to its first NUL, in memory of just that size: a parser that reads on is seen. */
char *fuzz_text(const uint8_t *data, size_t size);

/* All of the input, in memory of just that size; not NULL. */
char *fuzz_copy(const uint8_t *data, size_t size);

/* What an output is set to beforehand, and on failure still is. */
#define FUZZ_UNTOUCHED 0x5a5a5a5a5a5a5a5a
extern char *const fuzz_untouched;

/* A sentence for a caller: one line, valid UTF-8, and not longer than somebody wants to read. */
void fuzz_check_sentence(const char *sentence);

/* What a parser with a reason has returned: a refusal has a sentence, and everything else has none. */
void fuzz_check_refusal(int r, const char *reason);

/* The same set of limits, by their text. */
void fuzz_check_equal_limits(const Limits *a, const Limits *b);

/* A directory of this process, gone when it ends. */
int fuzz_directory(void);
void fuzz_write(int dir, const char *file, const void *data, size_t size);
char *fuzz_read(int dir, const char *file); /* owned by the caller */

/* From _begin_ to _end_, what is written to stderr is checked to be lines with a priority in front, or
 * records: what is logged breaks no line, and so forges none. */
void fuzz_log_begin(void);
void fuzz_log_end(void);

/* message.c: messages of a bus that nobody listens to. */
sd_bus_message *fuzz_message(void);

/* Appends an a{sv}: "KEY TYPE VALUE" a line, lists separated by commas. False when the bus takes no such
 * thing; then the message is to be dropped. */
bool fuzz_append_dict(sd_bus_message *m, char *text);

/* From now on m is read from its beginning. */
void fuzz_seal(sd_bus_message *m);
