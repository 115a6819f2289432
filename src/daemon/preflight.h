/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paths that a task requires, looked at as its user in a short-lived process: a file system may hang. */
#pragma once

#include "daemon/user.h"

/* The daemon executes itself with this option, with what is to be looked at as standard input. */
#define PREFLIGHT_OPTION "check-paths"
int preflight_main(void);

/* r: 0 when all of them are there and the user reaches them, else negative with the sentence in error. The handler
 * is called once, later, from the loop; both the user and the paths (a strv) must live until then. */
typedef void (*preflight_handler_t)(int r, const sd_bus_error *error, void *userdata);

/* begun_usec (CLOCK_MONOTONIC) is when the call came that waits for it. */
int preflight_begin(Manager *m, const UserIdentity *user, char *const *paths, uint64_t begun_usec,
                    preflight_handler_t handler, void *userdata);
