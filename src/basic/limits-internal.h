/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of limits.h share among themselves. */
#pragma once

#include "limits.h"

#define LIMIT_TEXT_SIZE 160

/* True for amounts of bytes: people write them with suffixes. */
static inline bool limit_is_size(const LimitInfo *info)
{
        return startswith(info->unit, "bytes") != NULL;
}

/* The part of the allowed range that `value` violates, for a sentence: "at least 1048576 bytes
 * (1 MiB), or infinity", "1 to 10000". */
void limit_format_range(const LimitInfo *info, uint64_t value, char buffer[static LIMIT_TEXT_SIZE]);
