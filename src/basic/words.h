/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words that an enum has on the bus, in files and on the command line: tables by its values. */
#pragma once

#include "macro.h"

/* The value that has the word; -EINVAL, as of every enum's _INVALID, for one that none has, and for NULL. */
static inline int words_find(const char *const *table, size_t n, const char *word)
{
        for (size_t i = 0; word && i < n; i++)
                if (streq(table[i], word))
                        return (int) i;
        return -EINVAL;
}
