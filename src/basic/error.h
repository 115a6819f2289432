/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The documented errors of org.hpcnode.Cgroup1: one table between the enum and the D-Bus names. */
#pragma once

#include "macro.h"

#define HPCNODE_ERROR_PREFIX       "org.hpcnode.Cgroup1.Error."
#define HPCNODE_ERROR_INVALID_ARGS "org.freedesktop.DBus.Error.InvalidArgs"

typedef enum ErrorKind {
        ERROR_CREATION_FAILED,
        ERROR_KILL_FAILED,
        ERROR_NOT_FOUND,
        ERROR_PERMISSION_DENIED,
        ERROR_IO,
        ERROR_ALREADY_EXISTS,
        ERROR_EMERGENCY_REQUIRED,
        ERROR_ADMISSION_REJECTED,
        ERROR_LIMITS_EXCEEDED,
        ERROR_EXEC_FAILED,
        ERROR_NOT_EMPTY,
        ERROR_SCOPE_ZOMBIE,
        ERROR_SHUTTING_DOWN,
        ERROR_INVALID_ARGS,
        _ERROR_KIND_MAX,
        _ERROR_KIND_INVALID = -EINVAL,
} ErrorKind;

/* The full D-Bus error name, e.g. "org.hpcnode.Cgroup1.Error.NotFound". */
const char *error_kind_to_dbus(ErrorKind kind);

/* The other way; _ERROR_KIND_INVALID for a name that is not ours. */
ErrorKind error_kind_from_dbus(const char *name);
