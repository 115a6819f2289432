/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The errors a caller of the library sees: one table of codes, and how the bus's errors map to
 * them. */
#include "daemon.h"

#include "basic/error.h"
#include <stdarg.h>
#include <stdio.h>

_Static_assert((int) CODE_OF_KIND(ERROR_CREATION_FAILED) == HPCNODE_CGROUP_ERROR_CREATION_FAILED &&
                       (int) CODE_OF_KIND(ERROR_IO) == HPCNODE_CGROUP_ERROR_IO &&
                       (int) CODE_OF_KIND(ERROR_EXEC_FAILED) == HPCNODE_CGROUP_ERROR_EXEC_FAILED &&
                       (int) CODE_OF_KIND(ERROR_INVALID_ARGS) ==
                               HPCNODE_CGROUP_ERROR_INVALID_ARGS &&
                       ERROR_INVALID_ARGS == _ERROR_KIND_MAX - 1,
               "the enums of basic/error.h and of the library are one to one");

static const struct ErrorInfo {
        hpcnode_cgroup_error_code code;
        int error; /* the errno that fits best */
        const char *name;
} error_table[] = {
        { HPCNODE_CGROUP_ERROR_CREATION_FAILED, EREMOTEIO, "CreationFailed" },
        { HPCNODE_CGROUP_ERROR_KILL_FAILED, EBUSY, "KillFailed" },
        { HPCNODE_CGROUP_ERROR_NOT_FOUND, ENOENT, "NotFound" },
        { HPCNODE_CGROUP_ERROR_PERMISSION_DENIED, EACCES, "PermissionDenied" },
        { HPCNODE_CGROUP_ERROR_IO, EIO, "IO" },
        { HPCNODE_CGROUP_ERROR_ALREADY_EXISTS, EEXIST, "AlreadyExists" },
        { HPCNODE_CGROUP_ERROR_EMERGENCY_REQUIRED, EPERM, "EmergencyRequired" },
        { HPCNODE_CGROUP_ERROR_ADMISSION_REJECTED, EAGAIN, "AdmissionRejected" },
        { HPCNODE_CGROUP_ERROR_LIMITS_EXCEEDED, EDQUOT, "LimitsExceeded" },
        { HPCNODE_CGROUP_ERROR_EXEC_FAILED, ENOEXEC, "ExecFailed" },
        { HPCNODE_CGROUP_ERROR_NOT_EMPTY, ENOTEMPTY, "NotEmpty" },
        { HPCNODE_CGROUP_ERROR_SCOPE_ZOMBIE, EUCLEAN, "ScopeZombie" },
        { HPCNODE_CGROUP_ERROR_SHUTTING_DOWN, ESHUTDOWN, "ShuttingDown" },
        { HPCNODE_CGROUP_ERROR_INVALID_ARGS, EINVAL, "InvalidArgs" },
        { HPCNODE_CGROUP_ERROR_UNREACHABLE, ECONNREFUSED, "Unreachable" },
        { HPCNODE_CGROUP_ERROR_TIMED_OUT, ETIMEDOUT, "TimedOut" },
        { HPCNODE_CGROUP_ERROR_INTERRUPTED, EINTR, "Interrupted" },
        { HPCNODE_CGROUP_ERROR_NO_MEMORY, ENOMEM, "NoMemory" },
        { HPCNODE_CGROUP_ERROR_OTHER, EPROTO, "Other" },
        { HPCNODE_CGROUP_ERROR_NOT_SUPPORTED, EOPNOTSUPP, "NotSupported" },
};

/* Errors of the bus itself. A name that ends in '.' stands for all that start so; those of systemd
 * come when it was asked to start the daemon and could not. */
static const struct BusErrorInfo {
        const char *name;
        hpcnode_cgroup_error_code code;
} bus_error_table[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, HPCNODE_CGROUP_ERROR_UNREACHABLE },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, HPCNODE_CGROUP_ERROR_UNREACHABLE },
        { SD_BUS_ERROR_NO_SERVER, HPCNODE_CGROUP_ERROR_UNREACHABLE },
        { SD_BUS_ERROR_DISCONNECTED, HPCNODE_CGROUP_ERROR_UNREACHABLE },
        { "org.freedesktop.DBus.Error.Spawn.", HPCNODE_CGROUP_ERROR_UNREACHABLE },
        { "org.freedesktop.systemd1.", HPCNODE_CGROUP_ERROR_UNREACHABLE },
        { SD_BUS_ERROR_NO_REPLY, HPCNODE_CGROUP_ERROR_TIMED_OUT },
        { SD_BUS_ERROR_TIMEOUT, HPCNODE_CGROUP_ERROR_TIMED_OUT },
        { "org.freedesktop.DBus.Error.TimedOut", HPCNODE_CGROUP_ERROR_TIMED_OUT },
        { SD_BUS_ERROR_ACCESS_DENIED, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, HPCNODE_CGROUP_ERROR_PERMISSION_DENIED },
        { SD_BUS_ERROR_UNKNOWN_OBJECT, HPCNODE_CGROUP_ERROR_NOT_FOUND },
        { SD_BUS_ERROR_LIMITS_EXCEEDED, HPCNODE_CGROUP_ERROR_LIMITS_EXCEEDED },
        { SD_BUS_ERROR_NO_MEMORY, HPCNODE_CGROUP_ERROR_NO_MEMORY },
};

static const struct ErrorInfo *error_info(hpcnode_cgroup_error_code code)
{
        for (size_t i = 0; i < ELEMENTSOF(error_table); i++)
                if (error_table[i].code == code)
                        return &error_table[i];
        return NULL;
}

_public_ const char *hpcnode_cgroup_error_name(hpcnode_cgroup_error_code code)
{
        const struct ErrorInfo *info = error_info(code);

        return info ? info->name : "None";
}

/* EPERM is of a system call what only EmergencyRequired is of ours. */
hpcnode_cgroup_error_code client_error_code(int error)
{
        if (error == EPERM)
                return HPCNODE_CGROUP_ERROR_PERMISSION_DENIED;
        for (size_t i = 0; i < ELEMENTSOF(error_table); i++)
                if (error_table[i].error == error)
                        return error_table[i].code;
        return HPCNODE_CGROUP_ERROR_IO;
}

_public_ void hpcnode_cgroup_error_done(hpcnode_cgroup_error *error)
{
        if (!error)
                return;
        free(error->message);
        *error = (hpcnode_cgroup_error) HPCNODE_CGROUP_ERROR_INIT;
}

int client_error(hpcnode_cgroup_error *e, hpcnode_cgroup_error_code code, const char *format, ...)
{
        const struct ErrorInfo *info = error_info(code);

        if (e) {
                va_list ap;

                hpcnode_cgroup_error_done(e);
                e->code = code;
                va_start(ap, format);
                if (vasprintf(&e->message, format, ap) < 0)
                        e->message = NULL;
                va_end(ap);
        }
        return info ? -info->error : -EPROTO;
}

int client_oom(hpcnode_cgroup_error *e)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_NO_MEMORY, "out of memory");
}

int client_error_refused(hpcnode_cgroup_error *e, int r, const char *reason, const char *otherwise)
{
        if (r == -ENOMEM)
                return client_oom(e);
        return client_error(e, HPCNODE_CGROUP_ERROR_INVALID_ARGS, "%s", reason ?: otherwise);
}

int client_error_not_supported(hpcnode_cgroup_error *e, const char *operation)
{
        return client_error(e, HPCNODE_CGROUP_ERROR_NOT_SUPPORTED,
                            "this handle's operations do not include %s", operation);
}

int client_error_reply(hpcnode_cgroup_error *e, int r)
{
        if (r == -ENOMEM)
                return client_oom(e);
        return client_error(
                e, HPCNODE_CGROUP_ERROR_OTHER,
                "cannot read the answer of hpcnode-cgroupd: %s (does it have the version of "
                "this client, " VERSION "?)",
                strerror(-r));
}

static hpcnode_cgroup_error_code code_from_bus(const char *name)
{
        ErrorKind kind = error_kind_from_dbus(name);

        if (kind >= 0)
                return CODE_OF_KIND(kind);

        for (size_t i = 0; i < ELEMENTSOF(bus_error_table); i++) {
                const char *known = bus_error_table[i].name;

                if (endswith(known, ".") ? !!startswith(name, known) : streq(name, known))
                        return bus_error_table[i].code;
        }
        return HPCNODE_CGROUP_ERROR_OTHER;
}

/* What sd-bus says when there is no answer because the connection broke. */
static bool errno_is_disconnect(int r)
{
        return r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE || r == -ESHUTDOWN ||
               r == -ECONNREFUSED || r == -ENOENT || r == -EHOSTDOWN;
}

bool client_error_is_answer(const sd_bus_error *error)
{
        return sd_bus_error_is_set(error) && error_kind_from_dbus(error->name) >= 0;
}

bool client_error_is_away(const sd_bus_error *error, int r)
{
        if (!sd_bus_error_is_set(error) || startswith(error->name, "System.Error."))
                return errno_is_disconnect(r);
        return sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED);
}

bool client_error_is_transport(const sd_bus_error *error, int r)
{
        hpcnode_cgroup_error_code code;

        if (!sd_bus_error_is_set(error) || startswith(error->name, "System.Error."))
                return errno_is_disconnect(r) || r == -ETIMEDOUT;

        code = code_from_bus(error->name);
        return code == HPCNODE_CGROUP_ERROR_UNREACHABLE || code == HPCNODE_CGROUP_ERROR_TIMED_OUT ||
               code == HPCNODE_CGROUP_ERROR_SHUTTING_DOWN;
}

void failure_done(Failure *f)
{
        sd_bus_error_free(&f->error);
        hpcnode_cgroup_error_done(&f->own);
}

int failure_tell(const Daemon *d, const Failure *f, hpcnode_cgroup_error *e)
{
        if (f->own.code == HPCNODE_CGROUP_ERROR_NONE)
                return client_error_bus(d, e, &f->error, f->r);
        return client_error(e, f->own.code, "%s", f->own.message ?: strerror(-f->r));
}

int client_error_bus(const Daemon *d, hpcnode_cgroup_error *e, const sd_bus_error *error, int r)
{
        const char *sentence = error && error->message ? error->message : strerror(-r);
        char manager[MANAGER_OPTIONS_SIZE];
        const char *hint = "";
        int n = (int) strlen(sentence) - !!endswith(sentence, "."); /* where ours goes on */
        hpcnode_cgroup_error_code code;

        if (sd_bus_error_is_set(error) && !startswith(error->name, "System.Error."))
                code = code_from_bus(error->name);
        else if (errno_is_disconnect(r))
                code = HPCNODE_CGROUP_ERROR_UNREACHABLE;
        else if (r == -ETIMEDOUT)
                code = HPCNODE_CGROUP_ERROR_TIMED_OUT;
        else if (r == -ENOMEM)
                code = HPCNODE_CGROUP_ERROR_NO_MEMORY;
        else
                code = HPCNODE_CGROUP_ERROR_OTHER;

        /* Any other session bus, as of dbus-run-session, tries to start it by itself, in vain. */
        if (d && d->kind == BUS_USER && sd_bus_error_is_set(error) &&
            startswith(error->name, "org.freedesktop.DBus.Error.Spawn."))
                hint = "; it is started by the bus of a user's service manager, see "
                       "XDG_RUNTIME_DIR "
                       "and loginctl enable-linger";
        if (code == HPCNODE_CGROUP_ERROR_UNREACHABLE)
                return client_error(e, code,
                                    "cannot reach hpcnode-cgroupd: %.*s%s; see: systemctl%s status "
                                    "hpcnode-cgroupd",
                                    n, sentence, hint, daemon_manager_options(d, manager));
        if (code == HPCNODE_CGROUP_ERROR_TIMED_OUT)
                return client_error(
                        e, code,
                        "no answer from hpcnode-cgroupd (%.*s), it may yet have done what it was "
                        "asked; see: systemctl%s status hpcnode-cgroupd",
                        n, sentence, daemon_manager_options(d, manager));
        /* The bus itself refused to pass the call on, in words that are for its administrator. */
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
                return client_error(
                        e, code,
                        "permission denied: the policy of the system bus does not allow this "
                        "to uid %u; see ACCESS in hpcnode-cgroupd(8)",
                        (unsigned) geteuid());
        return client_error(e, code, "%s", sentence);
}
