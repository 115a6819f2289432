/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys that `inspect`, `wait`, `run` and `create` print of a scope, a job or a task. */
#include "collect.h"
#include "output.h"

#include "basic/limits.h"
#include <inttypes.h>
#include <stdio.h>

#define LIMIT_KEY_SIZE 32

static void add_state(Record *r, const hpcnode_cgroup_info *info)
{
        record_add_text(r, "id", info->id);
        record_add_text(r, "state", info->state);
        record_add_text(r, "unit", info->unit);
        record_add_text(r, "cgroup", info->cgroup);
        if (info->pid > 0 && !has_ended(info))
                record_add_number(r, "pid", info->pid);
        if (info->n_pids >= 0)
                record_add_number(r, "pid_count", (uint64_t) info->n_pids);
        if (info->n_pids > 0)
                record_add_numbers(r, "pids", info->pids, (size_t) info->n_pids);
        if (info->priority >= 0)
                record_add_number(r, "priority", (uint64_t) info->priority);
}

static void add_end(Record *r, const hpcnode_cgroup_info *info)
{
        if (info->exit_status >= 0)
                record_add_number(r, "exit", (uint64_t) info->exit_status);
        if (info->exit_signal > 0)
                record_add_number(r, "signal", (uint64_t) info->exit_signal);
        if (info->oom_killed >= 0)
                record_add_flag(r, "oom_killed", info->oom_killed > 0);
        if (info->oom_kills != UINT64_MAX)
                record_add_number(r, "oom_kill_count", info->oom_kills);
        if (info->timed_out > 0)
                record_add_flag(r, "timed_out", true);
        if (info->pressure_killed > 0)
                record_add_flag(r, "pressure_killed", true);
}

static void add_figures(Record *r, const hpcnode_cgroup_info *info)
{
        static const char *const shown[] = {
                "memory_current", "memory_peak",   "memory_max",
                "cpu_usage_usec", "io_read_bytes", "io_write_bytes",
        };

        if (!info->metrics)
                return;
        for (size_t i = 0; i < ELEMENTSOF(shown); i++) {
                uint64_t value;

                if (hpcnode_cgroup_metrics_get(info->metrics, shown[i], &value) > 0)
                        record_add_number(r, shown[i], value);
        }
}

/* "memory_high" of "--memory-high". */
static void limit_key(const LimitInfo *limit, char key[static LIMIT_KEY_SIZE])
{
        (void) snprintf(key, LIMIT_KEY_SIZE, "%s", limit->option);
        for (char *p = key; *p; p++)
                if (*p == '-')
                        *p = '_';
}

/* "50000/100000" */
static void add_quota(Record *r, const hpcnode_cgroup_limits *limits, uint64_t per_second)
{
        uint64_t period;
        char text[48];

        if (hpcnode_cgroup_limits_get_number(limits, "CPUQuotaPeriodUSec", &period) <= 0 ||
            period == UINT64_MAX)
                period = PERIOD_DEFAULT_USEC;
        (void) snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64,
                        limit_quota_in_period(per_second, period), period);
        record_add_text(r, "cpu_max", text);
}

static void add_number(Record *r, LimitType t, const hpcnode_cgroup_limits *limits)
{
        char key[LIMIT_KEY_SIZE];
        uint64_t value;

        if (hpcnode_cgroup_limits_get_number(limits, limit_table[t].property, &value) <= 0 ||
            value == UINT64_MAX)
                return;
        limit_key(&limit_table[t], key);
        if (t == LIMIT_CPU_QUOTA)
                add_quota(r, limits, value);
        else if (limit_table[t].kind == LIMIT_KIND_FLAG)
                record_add_flag(r, key, value);
        else
                record_add_number(r, key, value);
}

static void add_text(Record *r, LimitType t, const hpcnode_cgroup_limits *limits)
{
        _cleanup_(freep) char *text = NULL;
        char key[LIMIT_KEY_SIZE];

        if (hpcnode_cgroup_limits_get_text(limits, limit_table[t].property, 0, &text) <= 0)
                return;
        limit_key(&limit_table[t], key);
        record_add_text(r, key, text);
}

/* By the names of their options; lists are counted only. A scope has memory_max among its figures, which a task has not. */
static void add_limits(Record *r, const hpcnode_cgroup_info *info)
{
        if (!info->limits)
                return;
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                if (!limit_table[t].option || (t == LIMIT_MEMORY_MAX && info->is_task <= 0))
                        continue;
                if (limit_is_number(t))
                        add_number(r, t, info->limits);
                else if (limit_table[t].kind != LIMIT_KIND_PAIRS)
                        add_text(r, t, info->limits);
        }
        record_add_number(r, "io_max_rule_count",
                          hpcnode_cgroup_limits_count_io_rules(info->limits));
}

static void add_times(Record *r, const hpcnode_cgroup_info *info)
{
        if (info->start_usec > 0)
                record_add_number(r, "start_unix_ms", info->start_usec / USEC_PER_MSEC);
        if (info->exit_usec > 0)
                record_add_number(r, "exit_unix_ms", info->exit_usec / USEC_PER_MSEC);
}

void record_add_info(Record *r, const hpcnode_cgroup_info *info)
{
        add_state(r, info);
        add_end(r, info);
        add_figures(r, info);
        if (info->metrics)
                (void) record_add_pressure(r, "", info->metrics);
        add_times(r, info);
        if (info->is_job > 0 && info->n_services >= 0)
                record_add_number(r, "service_count", (uint64_t) info->n_services);
        if (info->is_job > 0 && info->n_require_paths >= 0)
                record_add_number(r, "require_path_count", (uint64_t) info->n_require_paths);
        add_limits(r, info);
        if (info->frozen_by && info->frozen_by[0])
                record_add_texts(r, "frozen_by", info->frozen_by);
        if (info->demoted > 0)
                record_add_flag(r, "demoted", true);
        record_add_text(r, "log", info->log);
}

void record_add_started(Record *r, const hpcnode_cgroup_info *info)
{
        record_add_text(r, "id", info->id);
        record_add_text(r, "unit", info->unit);
        if (info->pid > 0)
                record_add_number(r, "pid", info->pid);
        record_add_text(r, "cgroup", info->cgroup);
}
