/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metrics as the library hands them out, and how they are read from the bus. */
#include "daemon.h"

_public_ hpcnode_cgroup_metrics *hpcnode_cgroup_metrics_free(hpcnode_cgroup_metrics *metrics)
{
        free(metrics);
        return NULL;
}

_public_ const char *hpcnode_cgroup_metric_name(size_t index)
{
        return index < _METRIC_MAX ? metric_table[index].name : NULL;
}

_public_ int hpcnode_cgroup_metrics_get(const hpcnode_cgroup_metrics *metrics, const char *name,
                                        uint64_t *ret)
{
        MetricType t = metric_from_name(name);

        if (t < 0)
                return -EINVAL;
        if (!metrics->metrics.present[t])
                return 0;
        *ret = metrics->metrics.values[t];
        return 1;
}

static MetricType metric_from_property(const char *property)
{
        for (MetricType t = 0; t < _METRIC_MAX; t++)
                if (streq(metric_table[t].property, property))
                        return t;
        return _METRIC_INVALID;
}

static int read_metric(sd_bus_message *m, const char *key, void *userdata)
{
        Metrics *metrics = userdata;
        MetricType t = metric_from_property(key);
        char signature[2] = { 0 };
        uint32_t u32 = 0;
        uint64_t u64 = 0;
        int r;

        if (t < 0)
                return 0;

        signature[0] = metric_table[t].signature;
        r = client_variant_enter(m, signature);
        if (r <= 0)
                return r;
        r = sd_bus_message_read_basic(m, signature[0],
                                      signature[0] == 'u' ? (void *) &u32 : (void *) &u64);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        metrics->values[t] = signature[0] == 'u' ? u32 : u64;
        metrics->present[t] = true;
        return 1;
}

int client_metrics_read(sd_bus_message *m, hpcnode_cgroup_metrics **ret)
{
        _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *metrics = NULL;
        int r;

        metrics = calloc(1, sizeof(*metrics));
        if (!metrics)
                return -ENOMEM;
        r = client_dict_read(m, read_metric, &metrics->metrics);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(metrics);
        return 0;
}
