/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures as people read them in a table. */
#pragma once

#include "basic/macro.h"

#define FORMAT_SIZE 64

/* Each returns buffer. "1.5G", as systemd and the options of limits have sizes. */
const char *format_bytes(uint64_t bytes, char buffer[static FORMAT_SIZE]);

/* "1.250s", "3min 20s", "2d 3h". */
const char *format_span(uint64_t usec, char buffer[static FORMAT_SIZE]);

/* 1234 of 10000 as "12.34". */
const char *format_percent(uint64_t permyriad, char buffer[static FORMAT_SIZE]);

/* Microseconds since 1970 as local time: "2026-11-22 06:27:45". */
const char *format_time(uint64_t usec, char buffer[static FORMAT_SIZE]);

/* The text with control characters as \xNN: they would make two lines of one, or steer the terminal. Owned by the
 * caller; NULL: no memory. */
char *format_text(const char *text);
