/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `stats`: how the node is, in figures: counts, what the slices use, pressure. */
#include "collect.h"

#include "basic/name.h"
#include <stdio.h>
#include <time.h>

/* What is told of a slice; of the whole node the kernel counts but the first ones. */
static const char *const figures[] = {
        "cpu_usage_usec",      "nr_processes",  "memory_current",
        "memory_swap_current", "io_read_bytes", "io_write_bytes",
};

static const struct {
        const char *prefix, *path;
        size_t n_figures;
} measured[] = {
        { "node_", "/", 2 },
        { "workload_", SLICE_WORKLOAD, ELEMENTSOF(figures) },
        { "pact_", SLICE_PACT, ELEMENTSOF(figures) },
};

static void add_states(Record *r, const char *prefix, const char *const states[], size_t n,
                       const Collection *c)
{
        char key[64];

        for (size_t i = 0; i < n; i++) {
                (void) snprintf(key, sizeof(key), "%s_%s", prefix, states[i]);
                record_add_number(r, key, collection_count_state(c, states[i]));
        }
}

static void add_counts(Record *r, const Collection *c)
{
        static const char *const live[] = { "creating", "active",    "running",
                                            "frozen",   "releasing", "zombie" };
        static const char *const ended[] = { "exited", "failed", "killed", "lost" };
        uint64_t n_records = 0;

        for (size_t i = 0; i < c->n_entries; i++)
                n_records += has_ended(c->entries[i].scope);
        record_add_number(r, "scopes", c->n_entries - n_records);
        add_states(r, "scopes", live, ELEMENTSOF(live), c);
        record_add_number(r, "tasks", collection_count_tasks(c));
        record_add_number(r, "records", n_records);
        add_states(r, "records", ended, ELEMENTSOF(ended), c);
}

static void add_figures(Record *r, const char *prefix, size_t n,
                        const hpcnode_cgroup_metrics *metrics)
{
        char key[64];

        for (size_t i = 0; i < n; i++) {
                uint64_t value;

                (void) snprintf(key, sizeof(key), "%s%s", prefix, figures[i]);
                if (hpcnode_cgroup_metrics_get(metrics, figures[i], &value) > 0)
                        record_add_number(r, key, value);
                else
                        record_add_unknown(r, key);
        }
        if (record_add_pressure(r, prefix, metrics) == 0) {
                (void) snprintf(key, sizeof(key), "%spressure", prefix);
                record_add_unknown(r, key);
        }
}

/* CTL_OK, or the exit status after saying what is wrong. A slice that is not there is no error. */
static int add_measured(hpcnode_cgroup *c, Record *r)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        for (size_t i = 0; i < ELEMENTSOF(measured); i++) {
                _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *metrics = NULL;
                char key[64];

                if (hpcnode_cgroup_read_metrics(c, measured[i].path, &metrics, &e) >= 0) {
                        add_figures(r, measured[i].prefix, measured[i].n_figures, metrics);
                        continue;
                }
                if (e.code != HPCNODE_CGROUP_ERROR_NOT_FOUND)
                        return fail(&e);
                (void) snprintf(key, sizeof(key), "%sslice", measured[i].prefix);
                record_add_text(r, key, "inactive");
        }
        return CTL_OK;
}

/* What keeps the node from doing what it usually does. CTL_OK, or the exit status after saying what is wrong. */
static int add_modes(hpcnode_cgroup *c, Record *r)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(freep) char *emergency_reason = NULL, *drain_reason = NULL;
        int emergency, draining;

        emergency = hpcnode_cgroup_emergency(c, &emergency_reason, NULL, &e);
        if (emergency < 0)
                return fail(&e);
        draining = hpcnode_cgroup_draining(c, &drain_reason, NULL, &e);
        if (draining < 0)
                return fail(&e);
        record_add_flag(r, "emergency", emergency > 0);
        record_add_text(r, "emergency_reason", emergency_reason);
        record_add_flag(r, "draining", draining > 0);
        if (drain_reason && *drain_reason)
                record_add_text(r, "drain_reason", drain_reason);
        return CTL_OK;
}

int verb_stats(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(collection_done) Collection collection = { 0 };
        _cleanup_(freep) char *version = NULL, *policy = NULL;
        _cleanup_(record_freep) Record *r = NULL;
        uint64_t started_usec;
        time_t now;
        int status;

        if (hpcnode_cgroup_ping(c, &version, NULL, &e) < 0 ||
            hpcnode_cgroup_daemon_started(c, &started_usec, &e) < 0 ||
            hpcnode_cgroup_pressure_policy(c, &policy, &e) < 0)
                return fail(&e);
        if (collect(c, COLLECT_TASKS, NULL, &collection, &e) < 0)
                return fail(&e);

        r = record_new();
        record_add_text(r, "version", version);
        /* By the clock as it is set now, which may be behind. */
        now = time(NULL);
        record_add_number(r, "uptime_sec",
                          (uint64_t) now > started_usec / USEC_PER_SEC
                                  ? (uint64_t) now - started_usec / USEC_PER_SEC
                                  : 0);
        status = add_modes(c, r);
        if (status != CTL_OK)
                return status;
        record_add_text(r, "pressure_policy", policy);
        add_counts(r, &collection);
        status = add_measured(c, r);
        if (status != CTL_OK)
                return status;
        pager_open(a->no_pager);
        return record_print(r, a->json);
}
