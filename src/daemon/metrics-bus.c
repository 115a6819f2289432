/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics as a D-Bus dictionary. */
#include "daemon/metrics-bus.h"

int metrics_append(sd_bus_message *message, const Metrics *metrics)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        for (MetricType t = 0; r >= 0 && t < _METRIC_MAX; t++) {
                const MetricInfo *info = &metric_table[t];

                if (!metrics->present[t])
                        continue;
                if (info->signature == 'u')
                        r = sd_bus_message_append(message, "{sv}", info->property, "u",
                                                  (uint32_t) metrics->values[t]);
                else
                        r = sd_bus_message_append(message, "{sv}", info->property, "t",
                                                  metrics->values[t]);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}
