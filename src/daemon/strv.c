/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of texts from a message. */
#include "daemon/strv.h"

/* One more of a list with room for n_room of them beside the NULL. */
static int append(char ***list, size_t *n, size_t *n_room, const char *text)
{
        if (*n == *n_room) {
                size_t room = *n_room ? 2 * *n_room : 16;
                char **longer = reallocarray(*list, room + 1, sizeof *longer);

                if (!longer)
                        return -ENOMEM;
                *list = longer;
                *n_room = room;
        }
        (*list)[*n] = strdup(text);
        if (!(*list)[*n])
                return -ENOMEM;
        (*list)[++*n] = NULL;
        return 0;
}

int strv_read(sd_bus_message *message, char ***ret)
{
        _cleanup_(strv_freep) char **list = NULL;
        size_t n = 0, n_room = 0;
        const char *text;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(message, 's', &text)) > 0)
                r = append(&list, &n, &n_room, text);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r >= 0)
                *ret = TAKE_PTR(list);
        return r;
}
