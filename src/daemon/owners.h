/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which uids stand for pact and for workload: the users that the configuration names, looked up without
 * blocking. */
#pragma once

#include "basic/access.h"
#include "daemon/call.h"

typedef struct Owners Owners;

/* Begins the look-ups of the configured names. What was known before is forgotten. */
int owners_load(Manager *m);
Owners *owners_free(Owners *o);

/* What the caller is: by its unit, its user, or as root. 1: *ret is set; 0: some name is being looked up, and
 * the call waits until that has come to its end; it is run again then. */
int owners_principal(Call *c, Principal *ret);
