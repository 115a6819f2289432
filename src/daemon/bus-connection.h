/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the bus. */
#pragma once

#include "daemon/manager.h"

/* The connection is m->bus and is served by the loop; a negative return ends the daemon. */
typedef int (*bus_handler_t)(Manager *m);

/* Connects, and calls the handler: at once, or when there is a bus. The loop ends when that goes. */
int bus_connect(Manager *m, bus_handler_t connected);

/* Says what is still to be said, if the bus listens, and leaves it. */
void bus_leave(Manager *m);

BusConnection *bus_connection_free(BusConnection *c);
