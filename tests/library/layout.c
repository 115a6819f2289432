/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints where the members of the public structures lie, and what the constants are, for comparison with the list. */
#include <hpcnode/cgroup-async.h>
#include <stdio.h>

#define MEMBER(type, member)                                              \
        printf("%s.%s %zu+%zu\n", #type, #member, offsetof(type, member), \
               sizeof(((type *) 0)->member))
#define SIZE(type)      printf("%s %zu\n", #type, sizeof(type))
#define CONSTANT(value) printf("%s %d\n", #value, value)

static void print_error(void)
{
        SIZE(hpcnode_cgroup_error);
        MEMBER(hpcnode_cgroup_error, code);
        MEMBER(hpcnode_cgroup_error, message);
}

static void print_info(void)
{
        SIZE(hpcnode_cgroup_info);
        MEMBER(hpcnode_cgroup_info, id);
        MEMBER(hpcnode_cgroup_info, name);
        MEMBER(hpcnode_cgroup_info, unit);
        MEMBER(hpcnode_cgroup_info, slice);
        MEMBER(hpcnode_cgroup_info, cgroup);
        MEMBER(hpcnode_cgroup_info, state);
        MEMBER(hpcnode_cgroup_info, owner);
        MEMBER(hpcnode_cgroup_info, description);
        MEMBER(hpcnode_cgroup_info, log);
        MEMBER(hpcnode_cgroup_info, frozen_by);
        MEMBER(hpcnode_cgroup_info, pids);
        MEMBER(hpcnode_cgroup_info, n_pids);
        MEMBER(hpcnode_cgroup_info, pid);
        MEMBER(hpcnode_cgroup_info, uid);
        MEMBER(hpcnode_cgroup_info, is_job);
        MEMBER(hpcnode_cgroup_info, is_task);
        MEMBER(hpcnode_cgroup_info, release_on_empty);
        MEMBER(hpcnode_cgroup_info, oom_killed);
        MEMBER(hpcnode_cgroup_info, priority);
        MEMBER(hpcnode_cgroup_info, exit_status);
        MEMBER(hpcnode_cgroup_info, exit_signal);
        MEMBER(hpcnode_cgroup_info, oom_kills);
        MEMBER(hpcnode_cgroup_info, created_usec);
        MEMBER(hpcnode_cgroup_info, start_usec);
        MEMBER(hpcnode_cgroup_info, exit_usec);
        MEMBER(hpcnode_cgroup_info, limits);
        MEMBER(hpcnode_cgroup_info, metrics);
        MEMBER(hpcnode_cgroup_info, n_require_paths);
        MEMBER(hpcnode_cgroup_info, n_services);
        MEMBER(hpcnode_cgroup_info, timed_out);
        MEMBER(hpcnode_cgroup_info, demoted);
        MEMBER(hpcnode_cgroup_info, pressure_killed);
}

static void print_threshold(void)
{
        SIZE(hpcnode_cgroup_threshold);
        MEMBER(hpcnode_cgroup_threshold, act);
        MEMBER(hpcnode_cgroup_threshold, resource);
        MEMBER(hpcnode_cgroup_threshold, kind);
        MEMBER(hpcnode_cgroup_threshold, share);
}

static void print_ops(void)
{
        SIZE(hpcnode_cgroup_ops);
        MEMBER(hpcnode_cgroup_ops, size);
        MEMBER(hpcnode_cgroup_ops, create_hierarchy);
        MEMBER(hpcnode_cgroup_ops, create_scope);
        MEMBER(hpcnode_cgroup_ops, destroy_scope);
        MEMBER(hpcnode_cgroup_ops, read_metrics);
        MEMBER(hpcnode_cgroup_ops, is_scope_empty);
        MEMBER(hpcnode_cgroup_ops, slice_owner);
        MEMBER(hpcnode_cgroup_ops, run);
        MEMBER(hpcnode_cgroup_ops, spawn);
        MEMBER(hpcnode_cgroup_ops, attach);
        MEMBER(hpcnode_cgroup_ops, move_tasks);
        MEMBER(hpcnode_cgroup_ops, open_scope);
        MEMBER(hpcnode_cgroup_ops, set_limits);
        MEMBER(hpcnode_cgroup_ops, freeze);
        MEMBER(hpcnode_cgroup_ops, thaw);
        MEMBER(hpcnode_cgroup_ops, kill);
        MEMBER(hpcnode_cgroup_ops, wait);
        MEMBER(hpcnode_cgroup_ops, remove);
        MEMBER(hpcnode_cgroup_ops, list);
        MEMBER(hpcnode_cgroup_ops, inspect);
        MEMBER(hpcnode_cgroup_ops, list_tasks);
        MEMBER(hpcnode_cgroup_ops, inspect_list);
        MEMBER(hpcnode_cgroup_ops, who_am_i);
        MEMBER(hpcnode_cgroup_ops, free);
        MEMBER(hpcnode_cgroup_ops, kill_all);
        MEMBER(hpcnode_cgroup_ops, drain);
        MEMBER(hpcnode_cgroup_ops, wait_drained);
        MEMBER(hpcnode_cgroup_ops, cancel_drain);
        MEMBER(hpcnode_cgroup_ops, draining);
}

static void print_result(void)
{
        SIZE(hpcnode_cgroup_result);
        MEMBER(hpcnode_cgroup_result, value);
        MEMBER(hpcnode_cgroup_result, error);
        MEMBER(hpcnode_cgroup_result, info);
        MEMBER(hpcnode_cgroup_result, list);
        MEMBER(hpcnode_cgroup_result, metrics);
        MEMBER(hpcnode_cgroup_result, slices);
        MEMBER(hpcnode_cgroup_result, owner);
}

static void print_log_line(void)
{
        SIZE(hpcnode_cgroup_log_line);
        MEMBER(hpcnode_cgroup_log_line, message);
        MEMBER(hpcnode_cgroup_log_line, length);
        MEMBER(hpcnode_cgroup_log_line, task);
        MEMBER(hpcnode_cgroup_log_line, time_usec);
        MEMBER(hpcnode_cgroup_log_line, pid);
        MEMBER(hpcnode_cgroup_log_line, priority);
        MEMBER(hpcnode_cgroup_log_line, n_dropped);
}

static void print_constants(void)
{
        CONSTANT(HPCNODE_CGROUP_ERROR_NONE);
        CONSTANT(HPCNODE_CGROUP_ERROR_CREATION_FAILED);
        CONSTANT(HPCNODE_CGROUP_ERROR_KILL_FAILED);
        CONSTANT(HPCNODE_CGROUP_ERROR_NOT_FOUND);
        CONSTANT(HPCNODE_CGROUP_ERROR_PERMISSION_DENIED);
        CONSTANT(HPCNODE_CGROUP_ERROR_IO);
        CONSTANT(HPCNODE_CGROUP_ERROR_ALREADY_EXISTS);
        CONSTANT(HPCNODE_CGROUP_ERROR_EMERGENCY_REQUIRED);
        CONSTANT(HPCNODE_CGROUP_ERROR_ADMISSION_REJECTED);
        CONSTANT(HPCNODE_CGROUP_ERROR_LIMITS_EXCEEDED);
        CONSTANT(HPCNODE_CGROUP_ERROR_EXEC_FAILED);
        CONSTANT(HPCNODE_CGROUP_ERROR_NOT_EMPTY);
        CONSTANT(HPCNODE_CGROUP_ERROR_SCOPE_ZOMBIE);
        CONSTANT(HPCNODE_CGROUP_ERROR_SHUTTING_DOWN);
        CONSTANT(HPCNODE_CGROUP_ERROR_INVALID_ARGS);
        CONSTANT(HPCNODE_CGROUP_ERROR_UNREACHABLE);
        CONSTANT(HPCNODE_CGROUP_ERROR_TIMED_OUT);
        CONSTANT(HPCNODE_CGROUP_ERROR_INTERRUPTED);
        CONSTANT(HPCNODE_CGROUP_ERROR_NO_MEMORY);
        CONSTANT(HPCNODE_CGROUP_ERROR_OTHER);
        CONSTANT(HPCNODE_CGROUP_ERROR_NOT_SUPPORTED);
        CONSTANT(HPCNODE_CGROUP_FIELD_NONE);
        CONSTANT(HPCNODE_CGROUP_FIELD_TEXT);
        CONSTANT(HPCNODE_CGROUP_FIELD_NUMBER);
        CONSTANT(HPCNODE_CGROUP_FIELD_LIST);
}

int main(void)
{
        print_error();
        print_info();
        print_threshold();
        print_ops();
        print_result();
        print_log_line();
        print_constants();
        return 0;
}
