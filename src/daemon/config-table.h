/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of cgroupd.conf(5), and what may stand behind them. */
#pragma once

#include "daemon/config.h"

/* Sets what the key is for. -ENOENT: there is no such key. -EINVAL: a wrong value, and *ret_why is the sentence
 * about it, to be freed; *c then has what it had. */
int config_set(Config *c, const char *section, const char *key, const char *text, char **ret_why);

/* The key that sets the number there in a Config, and no other one; NULL if there is none. */
const char *config_key(size_t offset);
