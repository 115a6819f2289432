/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault points: where a test build is killed on demand, one table for the code and for the test that walks
 * them. A build without the option `fault_points` has nothing of it. */
#pragma once

#include "macro.h"

/* Holds the name of the point at which the next process that comes by is to die by SIGKILL. */
#define FAULT_FILE "/run/hpcnode-fault"

/* In the order in which they are met. */
#define FAULT_POINTS_TABLE(X)                               \
        X(CREATE_BEGUN, "create.begun")                     \
        X(CREATE_SAVED, "create.saved")                     \
        X(CREATE_SUPERVISOR, "create.supervisor")           \
        X(CREATE_UNIT_REQUESTED, "create.unit-requested")   \
        X(CREATE_UNIT_MADE, "create.unit-made")             \
        X(CREATE_PATH, "create.path")                       \
        X(CREATE_PATH_SAVED, "create.path-saved")           \
        X(CREATE_SETUP_REQUESTED, "create.setup-requested") \
        X(CREATE_SET_UP, "create.set-up")                   \
        X(CREATE_LIMITED, "create.limited")                 \
        X(CREATE_SERVICE_STARTED, "create.service-started") \
        X(CREATE_MAIN_STARTED, "create.main-started")       \
        X(CREATE_RECORDED, "create.recorded")               \
        X(CREATE_ANSWERED, "create.answered")               \
        X(CREATE_UNDO, "create.undo")                       \
        X(CREATE_UNDONE, "create.undone")                   \
        X(SPAWN_RESERVED, "spawn.reserved")                 \
        X(SPAWN_REQUESTED, "spawn.requested")               \
        X(ATTACH_CHECKED, "attach.checked")                 \
        X(ATTACH_RECORDED, "attach.recorded")               \
        X(OPEN_CHECKED, "open.checked")                     \
        X(OPEN_ANSWERED, "open.answered")                   \
        X(OPEN_CONFIRMED, "open.confirmed")                 \
        X(SPAWN_STARTED, "spawn.started")                   \
        X(SPAWN_ANSWERED, "spawn.answered")                 \
        X(RELEASE_RECORDED, "release.recorded")             \
        X(RELEASE_KILLED, "release.killed")                 \
        X(RELEASE_EMPTY, "release.empty")                   \
        X(RELEASE_FIGURES, "release.figures")               \
        X(RELEASE_FIGURES_SAVED, "release.figures-saved")   \
        X(RELEASE_REQUESTED, "release.requested")           \
        X(RELEASE_UNIT_GONE, "release.unit-gone")           \
        X(RELEASE_SAVED, "release.saved")                   \
        X(RELEASE_FORGOTTEN, "release.forgotten")           \
        X(RELEASE_ANSWERED, "release.answered")             \
        X(REMOVE_FORGOTTEN, "remove.forgotten")             \
        X(RECOVER_BEGUN, "recover.begun")                   \
        X(RECOVER_SET_UP, "recover.set-up")                 \
        X(RECOVER_ADOPTED, "recover.adopted")               \
        X(EMERGENCY_SAVED, "emergency.saved")               \
        X(EMERGENCY_RECORDED, "emergency.recorded")         \
        X(EMERGENCY_DECLARED, "emergency.declared")         \
        X(EMERGENCY_ACT_RECORDED, "by-emergency.recorded")  \
        X(EMERGENCY_END_SAVED, "emergency-end.saved")       \
        X(EMERGENCY_END_RECORDED, "emergency-end.recorded") \
        X(EMERGENCY_END_FORGOTTEN, "emergency-end.gone")    \
        X(PRESSURE_ANNOUNCED, "pressure.announced")         \
        X(PRESSURE_SAVED, "pressure.saved")                 \
        X(PRESSURE_DONE, "pressure.done")                   \
        X(SUPERVISOR_DIRECTORIES, "supervisor.directories") \
        X(SUPERVISOR_PLACED, "supervisor.placed")           \
        X(SUPERVISOR_READY, "supervisor.ready")             \
        X(SUPERVISOR_LEAF, "supervisor.leaf")               \
        X(SUPERVISOR_CHILD, "supervisor.child")             \
        X(SUPERVISOR_EXECUTED, "supervisor.executed")       \
        X(SUPERVISOR_ATTACHING, "supervisor.attaching")     \
        X(SUPERVISOR_ATTACHED, "supervisor.attached")       \
        X(SUPERVISOR_OPENED, "supervisor.opened")           \
        X(SUPERVISOR_BEGUN, "supervisor.begun")             \
        X(SUPERVISOR_TASK_ENDED, "supervisor.task-ended")   \
        X(SUPERVISOR_RELEASED, "supervisor.released")

typedef enum FaultPoint {
#define FAULT_POINT_ENUM(name, text) FAULT_##name,
        FAULT_POINTS_TABLE(FAULT_POINT_ENUM)
#undef FAULT_POINT_ENUM
                _FAULT_POINT_MAX,
} FaultPoint;

#ifdef FAULT_POINTS
void fault_point(FaultPoint p);
#else
static inline void fault_point(FaultPoint p)
{
}
#endif
