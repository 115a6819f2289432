/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of texts that end in NULL; NULL is an empty one. */
#pragma once

#include "basic/macro.h"
#include <systemd/sd-bus.h>

static inline size_t strv_length(char *const *list)
{
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

static inline size_t strv_bytes(char *const *list)
{
        size_t n = 0;

        for (; list && *list; list++)
                n += strlen(*list) + 1;
        return n;
}

static inline char **strv_free(char **list)
{
        for (char **p = list; p && *p; p++)
                free(*p);
        free(list);
        return NULL;
}

DEFINE_CLEANUP(char **, strv_free);

/* NULL when there is no memory. */
static inline char **strv_copy(char *const *list)
{
        char **copy = calloc(strv_length(list) + 1, sizeof *copy);

        for (size_t i = 0; copy && list && list[i]; i++)
                if (!(copy[i] = strdup(list[i])))
                        return strv_free(copy);
        return copy;
}

/* Of an array of texts (as). That of sd-bus goes through the list for each of them: with as many as one call can have,
 * nobody else would be served for half a minute. */
int strv_read(sd_bus_message *message, char ***ret);
