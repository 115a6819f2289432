/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics as a D-Bus dictionary. */
#pragma once

#include "basic/metrics.h"

#include <systemd/sd-bus.h>

/* Appends what is present as a{sv}, with the table's names and types. */
int metrics_append(sd_bus_message *message, const Metrics *metrics);
