/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits in D-Bus dictionaries, from callers and to PID 1, driven by the table of limits. */
#pragma once

#include "basic/limits.h"

#include <systemd/sd-bus.h>

/* Called for keys that are not limits, with the message at their variant. 0 when it was read,
 * -ENOENT when the key is not known. */
typedef int (*limits_other_key_t)(sd_bus_message *message, const char *key, void *userdata,
                                  sd_bus_error *error);

/* Reads an a{sv}. Unknown keys, wrong types and values out of range are InvalidArgs. other may be
 * NULL. */
int limits_read(sd_bus_message *message, Limits *ret, limits_other_key_t other, void *userdata,
                const char *other_keys, sd_bus_error *error);

/* The same of a task's own, which is still to be made or is there. */
int limits_read_task(sd_bus_message *message, bool is_new, Limits *ret, sd_bus_error *error);

/* Appends them as the a{sv} that limits_read() takes. */
int limits_append(sd_bus_message *message, const Limits *limits);

/* Appends them as (sv) elements of an open a(sv), the way systemd's unit properties want them:
 * TasksMax with room for the supervisor, IOMax spelled out for every whole disk, DeviceAllow as the whole
 * list, nodes by number. */
int limits_append_properties(sd_bus_message *message, const Limits *limits);
