/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the texts among the options of a scope or a task may be: checked by whoever asks, and by whoever is asked. */
#pragma once

#include "macro.h"

/* Of a scope that was given none. */
#define PRIORITY_DEFAULT 50

/* How many Services a job may have: they are started one after the other, within the time that it has to begin. */
#define SERVICES_MAX 100

/* WorkingDirectory, Environment (one variable), User, Group, Log, RequirePaths (one path), Description; any text for
 * others. 0, or -EINVAL with a sentence that names the option. */
int option_check(const char *option, const char *text, char **ret_reason);
