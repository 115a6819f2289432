/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an earlier daemon, or somebody else, has left in the two trees: looked at once, at the start. */
#pragma once

#include "daemon/manager.h"

/* Asks PID 1 for its scopes; with its answer the trees are gone through. Scopes below workload.slice that
 * nobody here knows are reported, or by configuration ended; what is ours and empty is removed. To be
 * called when all that is known has been loaded. */
int manager_sweep(Manager *m);
