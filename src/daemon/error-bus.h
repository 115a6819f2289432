/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documented errors as sd_bus_error. */
#pragma once

#include "basic/error.h"

#include <systemd/sd-bus.h>

/* Sets *e to the documented error with a sentence that says what, where and what to do. Always
 * returns a negative errno, so that `return error_set(…)` ends a function. */
int error_set(sd_bus_error *e, ErrorKind kind, const char *format, ...) _printf_(3, 4);

/* InvalidArgs with a sentence that a parser in basic made; frees the sentence. r is what the parser
 * returned: anything but a documented refusal (-EINVAL, -ERANGE, -ESTALE) is handed on unchanged. */
int error_set_reason(sd_bus_error *e, ErrorKind kind, int r, char *reason);
