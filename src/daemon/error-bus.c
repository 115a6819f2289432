/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documented errors as sd_bus_error. */
#include "daemon/error-bus.h"

#include <stdarg.h>

/* sd-bus maps these names to errno and back; -EIO stands for every one that has no entry there. */
int error_set(sd_bus_error *e, ErrorKind kind, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void) sd_bus_error_setfv(e, error_kind_to_dbus(kind), format, ap);
        va_end(ap);
        return -EBADR;
}

int error_set_reason(sd_bus_error *e, ErrorKind kind, int r, char *reason)
{
        _cleanup_(freep) char *owned = reason;

        if (r != -EINVAL && r != -ERANGE && r != -ESTALE)
                return r;
        return error_set(e, kind, "%s", owned ? owned : strerror(-r));
}
