/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables and text forms behind event.h. */
#include "basic/event.h"

#include <ctype.h>
#include <endian.h>
#include <syslog.h>

const EventTypeInfo event_type_table[_EVENT_TYPE_MAX] = {
        [EVENT_CGROUP_CREATE] = { "cgroup.create", "1ed3c21eadfc4b4aa532a05e1419e148", LOG_INFO,
                                  "created" },
        [EVENT_CGROUP_DESTROY] = { "cgroup.destroy", "b009e72545254134afa1d1af8b1161c4", LOG_INFO,
                                   "gone" },
        [EVENT_CGROUP_ATTACH] = { "cgroup.attach", "7505bd8008e14dd6b46c2602c3d30631", LOG_NOTICE,
                                  "processes attached" },
        [EVENT_CGROUP_LIMITS] = { "cgroup.limits", "0d1492e848ad4d4581c9b56dbdf1656e", LOG_INFO,
                                  "limits changed" },
        [EVENT_CGROUP_KILL_FAILED] = { "cgroup.kill_failed", "20928d1b431d49c09b8f23dd98eb2a13",
                                       LOG_ERR, "killed, but not gone" },
        [EVENT_CGROUP_ZOMBIE_CLEANED] = { "cgroup.zombie_cleaned",
                                          "3e9e3e38ef2544ec9e9a1cc5a86fe201", LOG_NOTICE,
                                          "the processes that could not be killed have ended" },
        [EVENT_EMERGENCY_DECLARE] = { "emergency.declare", "acb1bb45b2e6440889741caf43d56ae7",
                                      LOG_WARNING, "emergency declared" },
        [EVENT_EMERGENCY_END] = { "emergency.end", "488a971f5ce542a2b0c039b1cef6ee1d", LOG_NOTICE,
                                  "emergency ended" },
        [EVENT_EMERGENCY_FREEZE] = { "emergency.freeze", "617e80815dd949e0b0a0023ecb42794d",
                                     LOG_WARNING, "to be frozen by emergency" },
        [EVENT_EMERGENCY_THAW] = { "emergency.thaw", "4b26a0826fbd46c2861a0c1cad7f04dd",
                                   LOG_WARNING, "to be thawed by emergency" },
        [EVENT_EMERGENCY_KILL] = { "emergency.kill", "5e8c9180d2774d589c09c86420ba3343",
                                   LOG_WARNING, "to be sent a signal by emergency" },
        [EVENT_JOB_START] = { "job.start", "0058646493ee496f872e7c3edc54de4f", LOG_INFO,
                              "main task started" },
        [EVENT_JOB_EXIT] = { "job.exit", "e1a1d7666f4f494ba125db4c5ff03248", LOG_INFO,
                             "main task ended" },
        [EVENT_JOB_OOM] = { "job.oom", "e79a16f28e1247d6be6fffb948e59304", LOG_WARNING,
                            "out of memory" },
        [EVENT_JOB_THROTTLE] = { "job.throttle", "5ae261fe37294f5f9a19627ecc78f5f8", LOG_NOTICE,
                                 "short of memory" },
        [EVENT_JOB_FREEZE] = { "job.freeze", "3e047f0221294f0c9eec4bc286619905", LOG_NOTICE,
                               "frozen" },
        [EVENT_JOB_THAW] = { "job.thaw", "cdd27c304bf344b69c58a698842c6432", LOG_NOTICE, "thawed" },
        [EVENT_JOB_KILL] = { "job.kill", "ce317ae623f54e9a8f146c5c28761c94", LOG_NOTICE,
                             "signal sent" },
        [EVENT_JOB_CLEANUP] = { "job.cleanup", "747b23ad3449426d99d2d55a376fc3d1", LOG_INFO,
                                "cleaned up" },
        [EVENT_LOST_WORKLOAD] = { "lost_workload", "2e8fda7d7780485093d8be0a79f842dc", LOG_WARNING,
                                  "lost workload" },
        [EVENT_NODE_DRAIN] = { "node.drain", "fcda9f7aea714c278e9573f8f1681a9f", LOG_NOTICE,
                               "the node is drained" },
        [EVENT_NODE_UNDRAIN] = { "node.undrain", "e310efaf1dba4affad21263d5ac74071", LOG_NOTICE,
                                 "the node is not drained any more" },
        [EVENT_PRESSURE] = { "pressure", "ec873fb769204401bbc0d17a6d45b3b6", LOG_WARNING,
                             "pressure" },
};

const EventFieldInfo event_field_table[_EVENT_FIELD_MAX] = {
        [EVENT_FIELD_SCHEMA] = { "schema", EVENT_KIND_TEXT },
        [EVENT_FIELD_TS_UNIX_MS] = { "ts_unix_ms", EVENT_KIND_NUMBER },
        [EVENT_FIELD_TYPE] = { "type", EVENT_KIND_TEXT },
        [EVENT_FIELD_MANAGER] = { "manager", EVENT_KIND_HIDDEN },
        [EVENT_FIELD_SCOPE] = { "scope", EVENT_KIND_TEXT },
        [EVENT_FIELD_UNIT] = { "unit", EVENT_KIND_TEXT },
        [EVENT_FIELD_CGROUP] = { "cgroup", EVENT_KIND_TEXT },
        [EVENT_FIELD_TASK] = { "task", EVENT_KIND_TEXT },
        [EVENT_FIELD_UID] = { "uid", EVENT_KIND_NUMBER },
        [EVENT_FIELD_PRIORITY] = { "priority", EVENT_KIND_NUMBER },
        [EVENT_FIELD_STATE] = { "state", EVENT_KIND_TEXT },
        [EVENT_FIELD_REASON] = { "reason", EVENT_KIND_TEXT },
        [EVENT_FIELD_PID] = { "pid", EVENT_KIND_NUMBER },
        [EVENT_FIELD_EXIT] = { "exit", EVENT_KIND_NUMBER },
        [EVENT_FIELD_SIGNAL] = { "signal", EVENT_KIND_NUMBER },
        [EVENT_FIELD_OOM_KILLED] = { "oom_killed", EVENT_KIND_NUMBER },
        [EVENT_FIELD_OOM_KILL_COUNT] = { "oom_kill_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_TIMED_OUT] = { "timed_out", EVENT_KIND_NUMBER },
        [EVENT_FIELD_PRESSURE_KILLED] = { "pressure_killed", EVENT_KIND_NUMBER },
        [EVENT_FIELD_START_UNIX_MS] = { "start_unix_ms", EVENT_KIND_NUMBER },
        [EVENT_FIELD_EXIT_UNIX_MS] = { "exit_unix_ms", EVENT_KIND_NUMBER },
        [EVENT_FIELD_UNTIL_UNIX_MS] = { "until_unix_ms", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_PEAK] = { "memory_peak", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_SWAP_PEAK] = { "memory_swap_peak", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_HIGH_COUNT] = { "memory_high_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_MAX_COUNT] = { "memory_max_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_OOM_COUNT] = { "memory_oom_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_HIGH_SINCE_LAST] = { "memory_high_since_last", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_MAX_SINCE_LAST] = { "memory_max_since_last", EVENT_KIND_NUMBER },
        [EVENT_FIELD_MEMORY_OOM_SINCE_LAST] = { "memory_oom_since_last", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CPU_USAGE_USEC] = { "cpu_usage_usec", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CPU_USER_USEC] = { "cpu_user_usec", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CPU_SYSTEM_USEC] = { "cpu_system_usec", EVENT_KIND_NUMBER },
        [EVENT_FIELD_IO_READ_BYTES] = { "io_read_bytes", EVENT_KIND_NUMBER },
        [EVENT_FIELD_IO_WRITE_BYTES] = { "io_write_bytes", EVENT_KIND_NUMBER },
        [EVENT_FIELD_PIDS_PEAK] = { "pids_peak", EVENT_KIND_NUMBER },
        [EVENT_FIELD_PID_COUNT] = { "pid_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_PIDS] = { "pids", EVENT_KIND_TEXT },
        [EVENT_FIELD_STATES] = { "states", EVENT_KIND_TEXT },
        [EVENT_FIELD_FROM] = { "from", EVENT_KIND_LIST },
        [EVENT_FIELD_LIMIT] = { "limit", EVENT_KIND_LIST },
        [EVENT_FIELD_ACT] = { "act", EVENT_KIND_TEXT },
        [EVENT_FIELD_RESOURCE] = { "resource", EVENT_KIND_TEXT },
        [EVENT_FIELD_KIND] = { "kind", EVENT_KIND_TEXT },
        [EVENT_FIELD_PLACE] = { "place", EVENT_KIND_TEXT },
        [EVENT_FIELD_SOME_AVG10] = { "some_avg10", EVENT_KIND_NUMBER },
        [EVENT_FIELD_SOME_AVG60] = { "some_avg60", EVENT_KIND_NUMBER },
        [EVENT_FIELD_SOME_TOTAL_USEC] = { "some_total_usec", EVENT_KIND_NUMBER },
        [EVENT_FIELD_FULL_AVG10] = { "full_avg10", EVENT_KIND_NUMBER },
        [EVENT_FIELD_FULL_AVG60] = { "full_avg60", EVENT_KIND_NUMBER },
        [EVENT_FIELD_FULL_TOTAL_USEC] = { "full_total_usec", EVENT_KIND_NUMBER },
        [EVENT_FIELD_THRESHOLD] = { "threshold", EVENT_KIND_NUMBER },
        [EVENT_FIELD_DRY_RUN] = { "dry_run", EVENT_KIND_NUMBER },
        [EVENT_FIELD_ELIGIBLE_COUNT] = { "eligible_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CANDIDATE_COUNT] = { "candidate_count", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CANDIDATES] = { "candidates", EVENT_KIND_TEXT },
        [EVENT_FIELD_CALLER_UID] = { "caller_uid", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CALLER_PID] = { "caller_pid", EVENT_KIND_NUMBER },
        [EVENT_FIELD_CALLER_UNIT] = { "caller_unit", EVENT_KIND_TEXT },
        [EVENT_FIELD_TRUNCATED] = { "truncated", EVENT_KIND_NUMBER },
        [EVENT_FIELD_DROPPED] = { "dropped", EVENT_KIND_NUMBER },
};

const char *event_field_name(const char *key, char buffer[static EVENT_NAME_MAX + 1])
{
        size_t n = strlen(EVENT_PREFIX);

        memcpy(buffer, EVENT_PREFIX, n);
        for (const char *p = key; *p && n < EVENT_NAME_MAX; p++)
                buffer[n++] = (char) toupper((unsigned char) *p);
        buffer[n] = '\0';
        return buffer;
}

int event_field_key(const char *name, size_t n, char buffer[static EVENT_NAME_MAX + 1])
{
        size_t prefix = strlen(EVENT_PREFIX);

        if (n <= prefix || n > EVENT_NAME_MAX || memcmp(name, EVENT_PREFIX, prefix) != 0)
                return -EINVAL;
        /* journald takes no others; here a line depends on it. */
        for (size_t i = prefix; i < n; i++)
                if (!isupper((unsigned char) name[i]) && !isdigit((unsigned char) name[i]) &&
                    name[i] != '_')
                        return -EINVAL;
        for (size_t i = prefix; i < n; i++)
                buffer[i - prefix] = (char) tolower((unsigned char) name[i]);
        buffer[n - prefix] = '\0';
        return 0;
}

EventField event_field_from_key(const char *key)
{
        for (EventField f = 0; f < _EVENT_FIELD_MAX; f++)
                if (streq(event_field_table[f].key, key))
                        return f;
        return _EVENT_FIELD_INVALID;
}

static bool is_plain(const char *value)
{
        static const char plain[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,-";

        return *value && value[strspn(value, plain)] == '\0';
}

void event_line_put(FILE *f, const char *key, const char *value)
{
        (void) fprintf(f, " %s=", key);
        if (is_plain(value)) {
                (void) fputs(value, f);
                return;
        }
        (void) fputc('"', f);
        for (const char *p = value; *p; p++) {
                unsigned char c = (unsigned char) *p;

                if (c == '"' || c == '\\')
                        (void) fprintf(f, "\\%c", c);
                else if (c >= ' ' && c <= '~')
                        (void) fputc(c, f);
                else if (c == '\n' || c == '\r' || c == '\t')
                        (void) fprintf(f, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
                else
                        (void) fprintf(f, "\\x%02x", (unsigned) c);
        }
        (void) fputc('"', f);
}

void event_native_put(FILE *f, const char *name, const char *value)
{
        size_t n = strlen(value);

        (void) fputs(name, f);
        if (strchr(value, '\n')) {
                uint64_t length = htole64(n);

                (void) fputc('\n', f);
                (void) fwrite(&length, sizeof length, 1, f);
        } else {
                (void) fputc('=', f);
        }
        (void) fwrite(value, 1, n, f);
        (void) fputc('\n', f);
}
