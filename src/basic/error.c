/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table behind error.h. */
#include "basic/error.h"

static const char *const error_table[_ERROR_KIND_MAX] = {
        [ERROR_CREATION_FAILED] = HPCNODE_ERROR_PREFIX "CreationFailed",
        [ERROR_KILL_FAILED] = HPCNODE_ERROR_PREFIX "KillFailed",
        [ERROR_NOT_FOUND] = HPCNODE_ERROR_PREFIX "NotFound",
        [ERROR_PERMISSION_DENIED] = HPCNODE_ERROR_PREFIX "PermissionDenied",
        [ERROR_IO] = HPCNODE_ERROR_PREFIX "IO",
        [ERROR_ALREADY_EXISTS] = HPCNODE_ERROR_PREFIX "AlreadyExists",
        [ERROR_EMERGENCY_REQUIRED] = HPCNODE_ERROR_PREFIX "EmergencyRequired",
        [ERROR_ADMISSION_REJECTED] = HPCNODE_ERROR_PREFIX "AdmissionRejected",
        [ERROR_LIMITS_EXCEEDED] = HPCNODE_ERROR_PREFIX "LimitsExceeded",
        [ERROR_EXEC_FAILED] = HPCNODE_ERROR_PREFIX "ExecFailed",
        [ERROR_NOT_EMPTY] = HPCNODE_ERROR_PREFIX "NotEmpty",
        [ERROR_SCOPE_ZOMBIE] = HPCNODE_ERROR_PREFIX "ScopeZombie",
        [ERROR_SHUTTING_DOWN] = HPCNODE_ERROR_PREFIX "ShuttingDown",
        [ERROR_INVALID_ARGS] = HPCNODE_ERROR_INVALID_ARGS,
};

const char *error_kind_to_dbus(ErrorKind kind)
{
        if (kind < 0 || kind >= _ERROR_KIND_MAX)
                return NULL;

        return error_table[kind];
}

ErrorKind error_kind_from_dbus(const char *name)
{
        if (!name)
                return _ERROR_KIND_INVALID;

        for (size_t i = 0; i < ELEMENTSOF(error_table); i++)
                if (streq(error_table[i], name))
                        return (ErrorKind) i;

        return _ERROR_KIND_INVALID;
}
