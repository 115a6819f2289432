/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of acts: one entry in the journal for each thing that was changed, see hpcnode-events(7).
 *
 * Each is called where the act is done, before the state that follows from it is saved: a daemon that
 * is killed between the two leaves it to the next one, which does the act again and says so again.
 * The other way round a record could be missing. */
#pragma once

#include "basic/event.h"
#include "daemon/manager.h"
#include "daemon/scope.h"

/* cgroup.create. call may be NULL here and everywhere: nobody has asked for it. */
void record_created(const Scope *s, const Call *call);

/* job.start and job.exit of the main task, as far as they are due and were not said. True when the scope
 * is to be saved. */
bool record_main(Scope *s, const Call *call);

/* cgroup.attach: the processes are in the scope as a task of it. */
void record_attached(const Scope *s, const char *task, const Attach *attach, const Call *call);

/* cgroup.limits */
void record_limits(const Scope *s, const char *task, const Limits *changes, const Call *call);

/* job.oom, with the number of processes killed so far in s->oom_kills */
void record_oom(const Scope *s);

/* job.throttle: s->memory_seen, and how much that is beyond s->memory_told */
void record_throttle(const Scope *s);

/* job.freeze, job.thaw. task: "main" when only that was frozen, NULL for the whole scope. */
void record_freeze(const Scope *s, const char *task, bool freeze, const Call *call);

/* The same, by systemd: s->frozen_by_systemd says which. */
void record_systemd_freeze(const Scope *s);

/* emergency.declare. Negative when it is not recorded, and never will be. */
int record_emergency(Manager *m, const Emergency *emergency);

/* emergency.end, by whoever or by time */
void record_emergency_end(Manager *m, const Emergency *emergency);

/* emergency.freeze, _thaw, _kill: before the act, which is not to be done when this is negative. task may
 * be any, NULL for the whole scope; signal is 0 but for _kill. */
int record_emergency_act(EventType type, const Scope *s, const char *task, int signal,
                         const Call *call);

/* node.drain, node.undrain */
void record_drain(Manager *m, const Drain *drain);
void record_undrain(Manager *m, const Drain *drain, const Call *call);

/* job.kill */
void record_kill(const Scope *s, const char *task, int signal, const Call *call);

/* cgroup.kill_failed, with the processes that are left */
void record_kill_failed(Scope *s, const pid_t *pids, size_t n_pids, const char *reason);

/* The scope is gone: job.exit if it was not said, cgroup.zombie_cleaned if it was one, job.cleanup, and
 * cgroup.destroy. */
void record_released(Scope *s, ReleaseReason reason);

/* cgroup.destroy of a scope that an earlier daemon was making. */
void record_undone(const Scope *s);

/* lost_workload: a unit or cgroup of the trees that no scope of ours stands for. unit and path may be
 * NULL. */
void record_lost_workload(Manager *m, const char *unit, const char *path, const char *reason);
