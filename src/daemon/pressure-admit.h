/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether pressure lets something more begin in workload.slice. */
#pragma once

#include "daemon/call.h"

/* As PSI is at this moment: AdmissionRejected, which is recorded and announced, when nothing more may begin in the
 * slice. unit: that is to be made, or that a task is to begin in. force: whatever the pressure; PermissionDenied for
 * whom only polkit admits. To be asked last, when nothing else is against the request, and once for each. */
int pressure_admit(const Call *call, const char *slice, const char *unit, bool force,
                   sd_bus_error *error);
