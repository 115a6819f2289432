/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sentences that tell a caller what was wrong: made where the mistake is found, shown unchanged. */
#pragma once

#include "macro.h"

/* Formats a sentence into *ret_reason (owned by the caller; NULL when nobody wants it) and returns
 * `error`, so that a check ends in `return reason_set(-EINVAL, ret_reason, "…")`. Without memory
 * for the sentence: -ENOMEM, and *ret_reason is untouched. */
int reason_set(int error, char **ret_reason, const char *format, ...) _printf_(3, 4);

#define REASON_QUOTE_SIZE 200

/* A caller's text as it may stand in a sentence: printable ASCII in double quotes, everything else
 * as \xNN, cut off after some 150 characters. Returns buffer. */
const char *reason_quote(const char *text, char buffer[static REASON_QUOTE_SIZE]);
