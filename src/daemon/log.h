/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's own messages, on stderr with sd-daemon's priority prefix: PID 1 connects that to the
 * journal, and a write to it does not wait for journald. */
#pragma once

#include "basic/macro.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>

#define log_full(prefix, fmt, ...) ((void) fprintf(stderr, prefix fmt "\n", ##__VA_ARGS__))
#define log_error(fmt, ...)        log_full(SD_ERR, fmt, ##__VA_ARGS__)
#define log_warning(fmt, ...)      log_full(SD_WARNING, fmt, ##__VA_ARGS__)
#define log_info(fmt, ...)         log_full(SD_INFO, fmt, ##__VA_ARGS__)
#define log_debug(fmt, ...)        log_full(SD_DEBUG, fmt, ##__VA_ARGS__)
