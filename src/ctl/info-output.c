/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys that `inspect`, `wait`, `run` and `create` print of a scope, a job or a task. */
#include "collect.h"
#include "output.h"

#include "basic/fields.h"
#include "basic/limits.h"
#include <inttypes.h>
#include <stdio.h>

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

/* "--memory-high" is "memory_high" here, as in the kernel's files. */
static void add_limit(Record *r, const LimitInfo *limit, const char *text)
{
        char key[32];
        uint64_t number;

        (void) snprintf(key, sizeof(key), "%s", limit->option);
        for (char *p = key; *p; p++)
                if (*p == '-')
                        *p = '_';
        if (limit->kind == LIMIT_KIND_FLAG)
                record_add_flag(r, key, streq(text, "yes"));
        else if (limit->kind == LIMIT_KIND_NUMBER && parse_u64(text, &number) >= 0)
                record_add_number(r, key, number);
        else
                record_add_text(r, key, text);
}

/* "50000/100000" */
static void add_quota(Record *r, const hpcnode_cgroup_limits *limits)
{
        uint64_t quota, period;
        char text[48];

        if (hpcnode_cgroup_limits_get_number(limits, "CPUQuotaPerSecUSec", &quota) <= 0 ||
            quota == UINT64_MAX)
                return;
        if (hpcnode_cgroup_limits_get_number(limits, "CPUQuotaPeriodUSec", &period) <= 0 ||
            period == UINT64_MAX)
                period = 100 * USEC_PER_MSEC;
        (void) snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64,
                        quota / USEC_PER_SEC * period +
                                quota % USEC_PER_SEC * period / USEC_PER_SEC,
                        period);
        record_add_text(r, "cpu_max", text);
}

/* Those that stand for themselves: what is nothing but the kernel's default is left out. */
static void add_own_limits(Record *r, const hpcnode_cgroup_limits *limits)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                const LimitInfo *limit = &limit_table[t];
                _cleanup_(freep) char *text = NULL;

                if (t == LIMIT_CPU_QUOTA)
                        add_quota(r, limits);
                if (!limit->option || t == LIMIT_MEMORY_MAX || t == LIMIT_CPU_QUOTA ||
                    limit->kind == LIMIT_KIND_PAIRS)
                        continue;
                if (hpcnode_cgroup_limits_get_text(limits, limit->property, 0, &text) > 0 &&
                    !streq(text, "infinity"))
                        add_limit(r, limit, text);
        }
}

/* What else is known of them: a task has limits, but no figures here. */
static void add_limits(Record *r, const hpcnode_cgroup_info *info)
{
        uint64_t value;

        if (!info->limits)
                return;
        if (info->is_task > 0 &&
            hpcnode_cgroup_limits_get_number(info->limits, "MemoryMax", &value) > 0 &&
            value != UINT64_MAX)
                record_add_number(r, "memory_max", value);
        add_own_limits(r, info->limits);
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
