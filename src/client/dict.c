/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading of a{sv}, the form of everything on this bus that may grow. */
#include "daemon.h"

static int read_entry(sd_bus_message *m, DictReader reader, void *userdata)
{
        const char *key;
        int r;

        r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        r = reader(m, key, userdata);
        if (r < 0)
                return r;
        if (r == 0) {
                r = sd_bus_message_skip(m, "v");
                if (r < 0)
                        return r;
        }
        return sd_bus_message_exit_container(m);
}

int client_dict_read(sd_bus_message *m, DictReader reader, void *userdata)
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_entry(m, reader, userdata);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(m);
}

int client_variant_enter(sd_bus_message *m, const char *signature)
{
        const char *contents;
        int r;

        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!streq_ptr(contents, signature))
                return 0;
        r = sd_bus_message_enter_container(m, 'v', signature);
        return r < 0 ? r : 1;
}
