/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a task is to run and how: read from a call's argv and options, handed to the supervisor. */
#include "daemon/spec.h"

#include "basic/size.h"
#include "daemon/log.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>

/* The kernel's own limit for one argument or variable (MAX_ARG_STRLEN), and what execve() takes in
 * all with the default stack limit of 8 MiB. */
#define SPEC_BYTES_MAX (2 * 1024 * 1024)

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Spec *spec_free(Spec *s)
{
        if (!s)
                return NULL;
        for (char **p = s->argv; p && *p; p++)
                free(*p);
        for (char **p = s->environment; p && *p; p++)
                free(*p);
        free(s->argv);
        free(s->environment);
        free(s->cwd);
        free(s->user);
        free(s->group);
        free(s->log);
        free(s->description);
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                safe_close(s->stdio[i]);
        user_identity_done(&s->identity);
        free(s);
        return NULL;
}

static int read_path(sd_bus_message *message, const char *key, char **target, sd_bus_error *error)
{
        const char *value;
        int r;

        r = sd_bus_message_read(message, "v", "s", &value);
        if (r < 0)
                return r;
        if (*value != '/' || strlen(value) >= PATH_MAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "%s: \"%.256s\" is not an absolute path of at most %d bytes", key,
                                 value, PATH_MAX - 1);
        *target = strdup(value);
        return *target ? 0 : -ENOMEM;
}

static int read_word(sd_bus_message *message, const char *key, char **target, sd_bus_error *error)
{
        const char *value;
        int r;

        r = sd_bus_message_read(message, "v", "s", &value);
        if (r < 0)
                return r;
        if (!*value || strlen(value) > 255)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "%s has %zu bytes; 1 to 255 are allowed", key, strlen(value));
        for (const char *p = value; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "%s has a control character in it", key);
        *target = strdup(value);
        return *target ? 0 : -ENOMEM;
}

static int read_log(sd_bus_message *message, Spec *s, sd_bus_error *error)
{
        const char *value, *path;
        int r;

        r = sd_bus_message_read(message, "v", "s", &value);
        if (r < 0)
                return r;
        path = startswith(value, "file:");
        if (!streq(value, "journal") && !streq(value, "null") &&
            (!path || *path != '/' || strlen(path) >= PATH_MAX))
                return error_set(error, ERROR_INVALID_ARGS,
                                 "Log: \"%.256s\" is none of \"journal\", \"null\" and "
                                 "\"file:PATH\" with an absolute path",
                                 value);
        s->log = strdup(value);
        return s->log ? 0 : -ENOMEM;
}

static int read_environment(sd_bus_message *message, Spec *s, sd_bus_error *error)
{
        int r;

        r = sd_bus_message_enter_container(message, 'v', "as");
        if (r < 0)
                return r;
        r = sd_bus_message_read_strv(message, &s->environment);
        if (r < 0)
                return r;
        for (char **p = s->environment; p && *p; p++) {
                size_t n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789_");

                /* The value is not repeated: it may be a secret. */
                if (n == 0 || (*p)[n] != '=' || (**p >= '0' && **p <= '9'))
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "Environment: \"%.*s\" is not the name of a variable in "
                                         "NAME=VALUE; letters, digits and _ are allowed",
                                         (int) strcspn(*p, "="), *p);
        }
        return sd_bus_message_exit_container(message);
}

static int read_stdio(sd_bus_message *message, Spec *s, size_t index)
{
        int fd, r;

        r = sd_bus_message_read(message, "v", "h", &fd);
        if (r < 0)
                return r;
        s->stdio[index] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return s->stdio[index] < 0 ? -errno : 0;
}

static int read_priority(sd_bus_message *message, Spec *s, sd_bus_error *error)
{
        uint32_t value;
        int r;

        r = sd_bus_message_read(message, "v", "u", &value);
        if (r < 0)
                return r;
        if (value > 100)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "Priority=%u is out of range: 0 to 100 are allowed", value);
        s->priority = value;
        s->has_priority = true;
        return 0;
}

static int read_nice(sd_bus_message *message, Spec *s, sd_bus_error *error)
{
        int32_t value;
        int r;

        r = sd_bus_message_read(message, "v", "i", &value);
        if (r < 0)
                return r;
        if (value < -20 || value > 19)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "Nice=%d is out of range: -20 to 19 are allowed", value);
        s->nice = value;
        s->has_nice = true;
        return 0;
}

static int read_bool(sd_bus_message *message, bool *ret)
{
        int value, r;

        r = sd_bus_message_read(message, "v", "b", &value);
        if (r >= 0)
                *ret = value;
        return r;
}

static const char *const stdio_options[] = { "StandardInput", "StandardOutput", "StandardError" };

static int read_option(sd_bus_message *message, const char *key, bool is_run, Spec *s,
                       sd_bus_error *error)
{
        for (size_t i = 0; i < ELEMENTSOF(stdio_options); i++)
                if (streq(key, stdio_options[i]))
                        return read_stdio(message, s, i);
        if (streq(key, "WorkingDirectory"))
                return read_path(message, key, &s->cwd, error);
        if (streq(key, "Environment"))
                return read_environment(message, s, error);
        if (streq(key, "User"))
                return read_word(message, key, &s->user, error);
        if (streq(key, "Group"))
                return read_word(message, key, &s->group, error);
        if (streq(key, "Log"))
                return read_log(message, s, error);
        if (streq(key, "Nice"))
                return read_nice(message, s, error);
        if (streq(key, "NoNewPrivileges"))
                return read_bool(message, &s->no_new_privs);
        if (is_run && streq(key, "Priority"))
                return read_priority(message, s, error);
        if (is_run && streq(key, "ReleaseOnEmpty"))
                return read_bool(message, &s->release_on_empty);
        if (is_run && streq(key, "Description"))
                return read_word(message, key, &s->description, error);
        return error_set(
                error, ERROR_INVALID_ARGS,
                "unknown option \"%.256s\"; known are WorkingDirectory, Environment, User, "
                "Group, StandardInput, StandardOutput, StandardError, Log, Nice, "
                "NoNewPrivileges%s",
                key, is_run ? ", Priority, ReleaseOnEmpty, Description" : "");
}

static int read_options(sd_bus_message *message, bool is_run, Spec *s, sd_bus_error *error)
{
        unsigned seen_stdio = 0;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *key, *contents;
                char type;

                r = sd_bus_message_read(message, "s", &key);
                if (r < 0)
                        return r;
                for (unsigned i = 0; i < ELEMENTSOF(stdio_options); i++)
                        if (streq(key, stdio_options[i])) {
                                if (seen_stdio & (1u << i))
                                        return error_set(error, ERROR_INVALID_ARGS,
                                                         "%s is given twice", key);
                                seen_stdio |= 1u << i;
                        }
                r = sd_bus_message_peek_type(message, &type, &contents);
                if (r < 0)
                        return r;
                r = read_option(message, key, is_run, s, error);
                if (r == -ENXIO)
                        return error_set(error, ERROR_INVALID_ARGS,
                                         "option \"%s\" has the wrong type \"%s\"", key, contents);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int spec_read(sd_bus_message *message, bool is_run, Spec **ret, sd_bus_error *error)
{
        _cleanup_(spec_freep) Spec *s = NULL;
        size_t bytes = 0;
        int r;

        s = calloc(1, sizeof *s);
        if (!s)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                s->stdio[i] = -EBADF;

        r = sd_bus_message_read_strv(message, &s->argv);
        if (r < 0)
                return r;
        if (!s->argv || !s->argv[0] || !*s->argv[0])
                return error_set(error, ERROR_INVALID_ARGS,
                                 "argv is empty: it needs at least the program");
        r = read_options(message, is_run, s, error);
        if (r < 0)
                return r;

        for (char **p = s->argv; *p; p++)
                bytes += strlen(*p) + 1;
        for (char **p = s->environment; p && *p; p++)
                bytes += strlen(*p) + 1;
        if (bytes > SPEC_BYTES_MAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "argv and Environment have %zu bytes; at most %d are allowed",
                                 bytes, SPEC_BYTES_MAX);
        *ret = TAKE_PTR(s);
        return 0;
}

typedef struct Resolve {
        Spec *spec;
        spec_handler_t handler;
        void *userdata;
} Resolve;

static void on_user(int r, UserIdentity *identity, const char *reason, void *userdata)
{
        _cleanup_(freep) Resolve *q = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (r >= 0) {
                q->spec->identity = *identity;
                *identity = (UserIdentity){};
        } else {
                r = error_set(&error, r == -ESRCH ? ERROR_INVALID_ARGS : ERROR_CREATION_FAILED,
                              "%s", reason);
        }
        q->handler(r, &error, q->userdata);
}

int spec_resolve(Manager *m, Spec *s, uid_t caller, spec_handler_t handler, void *userdata,
                 sd_bus_error *error)
{
        char number[32];
        Resolve *q;
        int r;

        if ((caller != 0 || m->user) && (s->user || s->group))
                return error_set(error, ERROR_PERMISSION_DENIED,
                                 "only root may name a user or group; uid %u runs tasks as itself",
                                 (unsigned) caller);

        /* root is known without asking anybody, as PID 1 does it for its own services. */
        if (caller == 0 && !s->user && !s->group) {
                s->identity = (UserIdentity){
                        .name = strdup("root"),
                        .home = strdup("/root"),
                        .shell = strdup("/bin/sh"),
                };
                return s->identity.name && s->identity.home && s->identity.shell ? 1 : -ENOMEM;
        }

        q = calloc(1, sizeof *q);
        if (!q)
                return -ENOMEM;
        *q = (Resolve){ .spec = s, .handler = handler, .userdata = userdata };
        (void) snprintf(number, sizeof number, "%u", (unsigned) caller);
        r = user_lookup(m, s->user ?: number, s->group ?: "", on_user, q);
        if (r < 0)
                free(q);
        return r;
}

static bool has_variable(char **environment, const char *name)
{
        size_t n = strlen(name);

        for (char **p = environment; p && *p; p++)
                if (strncmp(*p, name, n) == 0 && (*p)[n] == '=')
                        return true;
        return false;
}

static void append_environment(Fields *f, const Spec *s)
{
        const struct {
                const char *name, *value;
        } base[] = {
                { "PATH", DEFAULT_PATH },       { "HOME", s->identity.home },
                { "USER", s->identity.name },   { "LOGNAME", s->identity.name },
                { "SHELL", s->identity.shell }, { "LANG", getenv("LANG") ?: "C.UTF-8" },
        };

        for (size_t i = 0; i < ELEMENTSOF(base); i++) {
                _cleanup_(freep) char *pair = NULL;

                if (!base[i].value || has_variable(s->environment, base[i].name))
                        continue;
                if (asprintf(&pair, "%s=%s", base[i].name, base[i].value) < 0) {
                        f->error = -ENOMEM;
                        return;
                }
                fields_append(f, SPEC_ENV, pair);
        }
        for (char **p = s->environment; p && *p; p++)
                fields_append(f, SPEC_ENV, *p);
}

int spec_to_memfd(const Spec *s, int *ret_fd)
{
        _cleanup_(fields_done) Fields f = {};
        _cleanup_(closep) int fd = -EBADF;

        for (char **p = s->argv; *p; p++)
                fields_append(&f, SPEC_ARGV, *p);
        append_environment(&f, s);
        fields_append(&f, SPEC_CWD, s->cwd ?: "/");
        fields_append_u64(&f, SPEC_UID, s->identity.uid);
        fields_append_u64(&f, SPEC_GID, s->identity.gid);
        for (size_t i = 0; i < s->identity.n_groups; i++)
                fields_append_u64(&f, SPEC_GROUPS, s->identity.groups[i]);
        if (s->has_nice)
                fields_append_i64(&f, SPEC_NICE, s->nice);
        if (s->no_new_privs)
                fields_append_u64(&f, SPEC_NO_NEW_PRIVS, 1);
        fields_append(&f, SPEC_LOG, s->log ?: "journal");
        if (f.error < 0)
                return f.error;

        fd = memfd_create("hpcnode-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        if (write(fd, f.data, f.length) != (ssize_t) f.length)
                return -EIO;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

size_t spec_stdio(const Spec *s, char ret_which[static 32], int ret_fds[static 3])
{
        static const char *const names[] = { "stdin", "stdout", "stderr" };
        size_t n = 0;

        *ret_which = '\0';
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if (s->stdio[i] < 0)
                        continue;
                if (n > 0)
                        strcat(ret_which, " ");
                strcat(ret_which, names[i]);
                ret_fds[n++] = s->stdio[i];
        }
        return n;
}

bool spec_needs_journal(const Spec *s)
{
        return (!s->log || streq(s->log, "journal")) && (s->stdio[1] < 0 || s->stdio[2] < 0);
}

int spec_start_error(const Spec *s, const char *what, const SupervisorAnswer *a,
                     sd_bus_error *error)
{
        const char *cause = a->error == ETIMEDOUT
                                    ? "it does not come to an end; does its file system hang?"
                                    : strerror(a->error);

        if (a->r == -ETIMEDOUT)
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s: its supervisor does not answer (is the scope frozen by "
                                 "`systemctl freeze`?)",
                                 what);
        if (a->r != -EREMOTEIO)
                return error_set(error, ERROR_CREATION_FAILED, "%s: its supervisor has gone: %s",
                                 what, strerror(-a->r));

        switch (a->step) {
        case SPAWN_STEP_EXEC:
                return error_set(error, ERROR_EXEC_FAILED,
                                 "%s: cannot execute \"%.256s\": %s (errno %d)", what, s->argv[0],
                                 cause, a->error);
        case SPAWN_STEP_CWD:
                return error_set(
                        error, ERROR_IO,
                        "%s: cannot change to the working directory \"%.256s\": %s (errno %d)%s",
                        what, s->cwd ?: "/", cause, a->error,
                        s->user ? "; the task's user has to reach it: choose another with "
                                  "WorkingDirectory (--cwd)"
                                : "");
        case SPAWN_STEP_LOG:
                return error_set(error, ERROR_IO,
                                 "%s: cannot open the log \"%.256s\": %s (errno %d)", what,
                                 s->log ?: "journal", cause, a->error);
        case SPAWN_STEP_JOURNAL:
                return error_set(error, ERROR_IO,
                                 "%s: cannot connect to the journal: %s (errno %d); Log=null or "
                                 "Log=file:PATH does without",
                                 what, cause, a->error);
        case SPAWN_STEP_TIMEOUT:
                return error_set(
                        error, ERROR_CREATION_FAILED,
                        "%s: its start did not finish in time and was ended; is its working "
                        "directory, log or program on a file system that hangs?",
                        what);
        case SPAWN_STEP_LEAF:
                if (a->error == EEXIST)
                        return error_set(error, ERROR_ALREADY_EXISTS,
                                         "%s is in use; wait for it to end or choose another name",
                                         what);
                __attribute__((fallthrough));
        default:
                return error_set(error, ERROR_CREATION_FAILED,
                                 "%s: its start failed at step \"%s\": %s "
                                 "(errno %d)%s%s",
                                 what, a->step >= 0 ? spawn_step_to_string(a->step) : "unknown",
                                 cause, a->error, a->reason ? ": " : "", a->reason ?: "");
        }
}
