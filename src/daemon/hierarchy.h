/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The six slices: pact.slice, its four children, workload.slice. */
#pragma once

#include "daemon/manager.h"

/* Starts them; starting an active one changes nothing. The handler is called once, with 0 or with
 * the first error, as soon as PID 1 has finished all. */
typedef void (*hierarchy_handler_t)(Manager *m, int r, const sd_bus_error *error, void *userdata);
int hierarchy_start(Manager *m, hierarchy_handler_t handler, void *userdata);
