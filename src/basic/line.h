/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text of a caller's that is kept, shown and recorded: one line of UTF-8, and nothing that steers a
 * terminal. */
#pragma once

#include "macro.h"
#include <stdio.h>

#define LINE_BYTES_MAX 255

/* Whether it is UTF-8, as everything that goes over D-Bus has to be. */
bool text_is_utf8(const char *text);

/* 0, or -EINVAL with a sentence that begins with the text, in quotes. Spaces alone are no text. */
int line_check(const char *text, char **ret_reason);

/* Writes n bytes, which a zero follows, for a terminal: what is not UTF-8, or steers it, as \xNN. A tab stays. */
void text_put_escaped(FILE *f, const char *text, size_t n);
