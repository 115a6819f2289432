/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The resource limits that tasks start with: those that PID 1 gives its services, whatever the daemon has. */
#pragma once

#include "daemon/manager.h"

/* Those that the daemon was started with, which are good until PID 1 has told. */
void rlimits_init(Manager *m);

/* Asks PID 1, without waiting for the answer. */
void rlimits_ask(Manager *m);
