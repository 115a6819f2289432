/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much memory a message takes while its call is pending. */
#include "daemon/call.h"

/* Of a message itself: its header, and what sd-bus keeps of it. */
#define MESSAGE_BYTES 1024

/* Deeper than any message the bus lets through (64 containers). */
#define DEPTH_MAX 70

static int contents_size(sd_bus_message *message, unsigned depth, size_t *size);

static int container_size(sd_bus_message *message, char type, const char *contents, unsigned depth,
                          size_t *size)
{
        int r;

        if (depth >= DEPTH_MAX)
                return -EMSGSIZE;
        r = sd_bus_message_enter_container(message, type, contents);
        if (r >= 0)
                r = contents_size(message, depth + 1, size);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int basic_size(sd_bus_message *message, char type, size_t *size)
{
        union {
                const char *text;
                uint64_t number; /* of any width */
        } value;
        int r;

        r = sd_bus_message_read_basic(message, type, &value);
        if (r < 0)
                return r;
        *size += 8;
        if (type == 's' || type == 'o' || type == 'g')
                *size += strlen(value.text);
        return 0;
}

static int contents_size(sd_bus_message *message, unsigned depth, size_t *size)
{
        const char *contents;
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(message, &type, &contents)) > 0) {
                const void *bytes;
                size_t n;

                if (*size > CALL_BYTES_MAX)
                        return -EMSGSIZE; /* and not gone through any further */
                if (type == 'a' && contents && strlen(contents) == 1 &&
                    strchr("ynqiuxt", *contents)) {
                        r = sd_bus_message_read_array(message, *contents, &bytes, &n);
                        *size += n;
                } else if (strchr("avre", type)) {
                        r = container_size(message, type, contents, depth, size);
                } else {
                        r = basic_size(message, type, size);
                }
                if (r < 0)
                        return r;
        }
        return r;
}

int message_size(sd_bus_message *message, size_t *ret)
{
        size_t size = MESSAGE_BYTES;
        int r;

        r = contents_size(message, 0, &size);
        if (r >= 0)
                r = sd_bus_message_rewind(message, true);
        if (r < 0)
                return r;
        *ret = size;
        return 0;
}
