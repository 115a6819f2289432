/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a task is to run and how: read from a call's argv and options, handed to the supervisor. */
#include "daemon/spec.h"

#include "basic/option.h"
#include "basic/reason.h"
#include "basic/size.h"
#include "daemon/caller.h"
#include "daemon/limits-bus.h"
#include "daemon/log.h"
#include "daemon/preflight.h"
#include "daemon/service.h"
#include "daemon/strv.h"

#include <fcntl.h>
#include <sys/mman.h>

/* The kernel's own limit for one argument or variable (MAX_ARG_STRLEN), and what execve() takes in
 * all with the default stack limit of 8 MiB. */
#define SPEC_BYTES_MAX (2 * 1024 * 1024)

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Spec *spec_new(void)
{
        Spec *s = calloc(1, sizeof *s);

        for (size_t i = 0; s && i < ELEMENTSOF(s->stdio); i++)
                s->stdio[i] = -EBADF;
        return s;
}

Spec *spec_free(Spec *s)
{
        if (!s)
                return NULL;
        strv_free(s->argv);
        strv_free(s->environment);
        strv_free(s->require_paths);
        services_free(s->services);
        free(s->cwd);
        free(s->user);
        free(s->group);
        free(s->log);
        free(s->description);
        for (size_t i = 0; i < ELEMENTSOF(s->stdio); i++)
                safe_close(s->stdio[i]);
        limits_done(&s->limits);
        user_identity_done(&s->identity);
        free(s);
        return NULL;
}

int spec_take_text(const char *text, const char *key, char **target, sd_bus_error *error)
{
        char *reason = NULL;
        int r;

        r = option_check(key, text, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        free(*target);
        *target = strdup(text);
        return *target ? 0 : -ENOMEM;
}

static int read_text(sd_bus_message *message, const char *key, char **target, sd_bus_error *error)
{
        const char *text;
        int r;

        r = sd_bus_message_read(message, "v", "s", &text);
        return r < 0 ? r : spec_take_text(text, key, target, error);
}

static int read_texts(sd_bus_message *message, const char *key, char ***target, sd_bus_error *error)
{
        char *reason = NULL;
        int r;

        r = sd_bus_message_enter_container(message, 'v', "as");
        if (r < 0)
                return r;
        r = strv_read(message, target);
        if (r < 0)
                return r;
        for (char **p = *target; p && *p; p++) {
                r = option_check(key, *p, &reason);
                if (r < 0)
                        return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
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

static int read_timeout(sd_bus_message *message, Spec *s, sd_bus_error *error)
{
        uint64_t value;
        int r;

        r = sd_bus_message_read(message, "v", "t", &value);
        if (r < 0)
                return r;
        if (value < 1 || value > INT64_MAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "TimeoutUSec=%ju is out of range: 1 to %jd are allowed",
                                 (uintmax_t) value, (intmax_t) INT64_MAX);
        s->timeout_usec = value;
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

static int read_limits(sd_bus_message *message, Limits *ret, sd_bus_error *error)
{
        int r;

        r = sd_bus_message_enter_container(message, 'v', "a{sv}");
        if (r >= 0)
                r = limits_read_task(message, true, ret, error);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static const char *const stdio_options[] = { "StandardInput", "StandardOutput", "StandardError" };

static int read_option(sd_bus_message *message, const char *key, bool is_run, Spec *s,
                       sd_bus_error *error)
{
        char quoted[REASON_QUOTE_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(stdio_options); i++)
                if (streq(key, stdio_options[i]))
                        return read_stdio(message, s, i);
        if (streq(key, "WorkingDirectory"))
                return read_text(message, key, &s->cwd, error);
        if (streq(key, "Environment"))
                return read_texts(message, key, &s->environment, error);
        if (streq(key, "TimeoutUSec"))
                return read_timeout(message, s, error);
        if (streq(key, "RequirePaths"))
                return read_texts(message, key, &s->require_paths, error);
        if (streq(key, "User"))
                return read_text(message, key, &s->user, error);
        if (streq(key, "Group"))
                return read_text(message, key, &s->group, error);
        if (streq(key, "Log"))
                return read_text(message, key, &s->log, error);
        if (streq(key, "Nice"))
                return read_nice(message, s, error);
        if (streq(key, "NoNewPrivileges"))
                return read_bool(message, &s->no_new_privs);
        if (streq(key, "Force"))
                return read_bool(message, &s->force);
        if (is_run && streq(key, "Services"))
                return services_read(message, &s->services, error);
        if (!is_run && streq(key, "Limits"))
                return read_limits(message, &s->limits, error);
        if (is_run && streq(key, "Priority"))
                return read_priority(message, s, error);
        if (is_run && streq(key, "ReleaseOnEmpty"))
                return read_bool(message, &s->release_on_empty);
        if (is_run && streq(key, "Description"))
                return read_text(message, key, &s->description, error);
        return error_set(error, ERROR_INVALID_ARGS,
                         "unknown option %s; known are WorkingDirectory, Environment, User, "
                         "Group, StandardInput, StandardOutput, StandardError, Log, Nice, "
                         "NoNewPrivileges, TimeoutUSec, RequirePaths, Force%s",
                         reason_quote(key, quoted),
                         is_run ? ", Services, Priority, ReleaseOnEmpty, Description" : ", Limits");
}

/* More than there are: an unknown one ends the reading. */
#define OPTIONS_MAX 64

static int read_options(sd_bus_message *message, bool is_run, Spec *s, sd_bus_error *error)
{
        const char *seen[OPTIONS_MAX];
        size_t n_seen = 0;
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
                for (size_t i = 0; i < n_seen; i++)
                        if (streq(key, seen[i]) || n_seen == OPTIONS_MAX)
                                return error_set(error, ERROR_INVALID_ARGS, "%s is given twice",
                                                 seen[i]);
                seen[n_seen++] = key;
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
        _cleanup_(spec_freep) Spec *s = spec_new();
        size_t bytes;
        int r;

        if (!s)
                return -ENOMEM;
        r = strv_read(message, &s->argv);
        if (r < 0)
                return r;
        if (!s->argv || !s->argv[0] || !*s->argv[0])
                return error_set(error, ERROR_INVALID_ARGS,
                                 "argv is empty: it needs at least the program");
        r = read_options(message, is_run, s, error);
        if (r < 0)
                return r;

        bytes = strv_bytes(s->argv) + strv_bytes(s->environment) + services_bytes(s->services);
        if (bytes > SPEC_BYTES_MAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "argv, Environment and Services have %zu bytes; at most %d are "
                                 "allowed",
                                 bytes, SPEC_BYTES_MAX);
        bytes = strv_bytes(s->require_paths);
        if (bytes > SPEC_BYTES_MAX)
                return error_set(error, ERROR_INVALID_ARGS,
                                 "RequirePaths have %zu bytes; at most %d are allowed", bytes,
                                 SPEC_BYTES_MAX);
        *ret = TAKE_PTR(s);
        return 0;
}

typedef struct Resolve {
        const Call *call;
        Spec *spec;
        gid_t *groups; /* the caller's own; NULL: the database's */
        size_t n_groups;
        spec_handler_t handler;
        void *userdata;
} Resolve;

static Resolve *resolve_free(Resolve *q)
{
        if (!q)
                return NULL;
        free(q->groups);
        free(q);
        return NULL;
}

DEFINE_CLEANUP(Resolve *, resolve_free);

/* The caller may have fewer groups than the database says: a task has no more than that. Its own first one is
 * that of the database if the caller has it. */
static void take_groups(Resolve *q, UserIdentity *identity)
{
        bool has_gid = false;

        if (!q->groups)
                return;
        for (size_t i = 0; i < q->n_groups; i++)
                has_gid = has_gid || q->groups[i] == identity->gid;
        if (!has_gid && q->n_groups > 0)
                identity->gid = q->groups[0];
        free(identity->groups);
        identity->groups = TAKE_PTR(q->groups);
        identity->n_groups = q->n_groups;
}

static void on_paths(int r, const sd_bus_error *error, void *userdata)
{
        _cleanup_(resolve_freep) Resolve *q = userdata;

        q->handler(r, error, q->userdata);
}

/* Returns as spec_resolve() does; takes q over when the answer comes later. */
static int check_paths(Resolve *q)
{
        const Spec *s = q->spec;
        int r;

        if (!s->require_paths || !s->require_paths[0])
                return 1;
        r = preflight_begin(q->call->manager, &s->identity, s->require_paths, q->call->begun_usec,
                            on_paths, q);
        return r < 0 ? r : 0;
}

static void on_user(int r, UserIdentity *identity, const char *reason, void *userdata)
{
        _cleanup_(resolve_freep) Resolve *q = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (r >= 0) {
                take_groups(q, identity);
                q->spec->identity = *identity;
                *identity = (UserIdentity){};
                r = check_paths(q);
                if (r == 0) {
                        TAKE_PTR(q);
                        return;
                }
        } else {
                r = error_set(&error, r == -ESRCH ? ERROR_INVALID_ARGS : ERROR_CREATION_FAILED,
                              "%s", reason);
        }
        q->handler(r, &error, q->userdata);
}

/* root is known without asking anybody, as PID 1 does it for its own services. */
static int set_root(UserIdentity *ret)
{
        *ret = (UserIdentity){
                .name = strdup("root"),
                .home = strdup("/root"),
                .shell = strdup("/bin/sh"),
        };
        return ret->name && ret->home && ret->shell ? 0 : -ENOMEM;
}

int spec_resolve(const Call *call, Spec *s, spec_handler_t handler, void *userdata,
                 sd_bus_error *error)
{
        _cleanup_(resolve_freep) Resolve *q = NULL;
        const Caller *caller = call->caller;
        Manager *m = call->manager;
        char number[32];
        int r;

        s->manager = call->manager;
        if ((call->uid != 0 || m->user) && (s->user || s->group))
                return error_set(error, ERROR_PERMISSION_DENIED,
                                 "only root may name a user or group; uid %u runs tasks as itself",
                                 (unsigned) call->uid);

        /* The priority is set before the identity: what is above everybody else's is root's to give. */
        if (call->uid != 0 && s->has_nice && s->nice < 0)
                return error_set(error, ERROR_PERMISSION_DENIED,
                                 "Nice=%d: only root may go below 0; uid %u may name 0 to 19",
                                 s->nice, (unsigned) call->uid);

        q = calloc(1, sizeof *q);
        if (!q)
                return -ENOMEM;
        *q = (Resolve){ .call = call, .spec = s, .handler = handler, .userdata = userdata };
        if (call->uid == 0 && !s->user && !s->group) {
                r = set_root(&s->identity);
                if (r >= 0)
                        r = check_paths(q);
                if (r == 0)
                        TAKE_PTR(q);
                return r;
        }
        if (call->uid != 0 && caller->groups) {
                q->groups = calloc(caller->n_groups + 1, sizeof *q->groups);
                if (!q->groups)
                        return -ENOMEM;
                memcpy(q->groups, caller->groups, caller->n_groups * sizeof *q->groups);
                q->n_groups = caller->n_groups;
        }
        (void) snprintf(number, sizeof number, "%u", (unsigned) call->uid);
        r = user_lookup(m, s->user ?: number, s->group ?: "", on_user, q);
        if (r >= 0)
                TAKE_PTR(q);
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

static void append_rlimits(Fields *f, const struct rlimit limits[static RLIM_NLIMITS])
{
        for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
                char text[80];

                (void) snprintf(text, sizeof text, "%u %ju %ju", i, (uintmax_t) limits[i].rlim_cur,
                                (uintmax_t) limits[i].rlim_max);
                fields_append(f, SPEC_RLIMIT, text);
        }
}

/* So that the kernel's OOM killer, too, rather takes who matters less: 0 for most, up to 500, which weighs like half of
 * the machine's memory. Never below 0, which would be a privilege. */
static int64_t oom_score_adj(unsigned priority)
{
        return priority < PRIORITY_DEFAULT ? (PRIORITY_DEFAULT - (int64_t) priority) * 10 : 0;
}

int spec_to_memfd(const Spec *s, unsigned priority, int *ret_fd)
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
        if (s->manager)
                append_rlimits(&f, s->manager->rlimits);
        if (s->has_nice)
                fields_append_i64(&f, SPEC_NICE, s->nice);
        fields_append_i64(&f, SPEC_OOM_SCORE_ADJ, oom_score_adj(priority));
        limits_to_fields(&s->limits, SPEC_LIMIT, &f);
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

const char *spec_log(const Spec *s)
{
        if (s->stdio[1] >= 0 && s->stdio[2] >= 0)
                return "caller";
        return s->log ?: "journal";
}

/* As a supervisor refuses what is another kind of file. */
static bool is_no_plain_file(int error)
{
        return error == EINVAL || error == ELOOP || error == ENXIO || error == EMLINK;
}

int spec_start_error(const Spec *s, const char *what, const SupervisorAnswer *a,
                     sd_bus_error *error)
{
        char quoted[REASON_QUOTE_SIZE];
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
                return error_set(error, ERROR_EXEC_FAILED, "%s: cannot execute %s: %s (errno %d)",
                                 what, reason_quote(s->argv[0], quoted), cause, a->error);
        case SPAWN_STEP_CWD:
                return error_set(error, ERROR_IO,
                                 "%s: cannot change to the working directory %s: %s (errno %d)%s",
                                 what, reason_quote(s->cwd ?: "/", quoted), cause, a->error,
                                 s->user ? "; the task's user has to reach it: choose another with "
                                           "WorkingDirectory (--cwd)"
                                         : "");
        case SPAWN_STEP_LOG:
                return error_set(
                        error, ERROR_IO, "%s: cannot open the log %s: %s (errno %d)%s", what,
                        reason_quote(s->log ?: "journal", quoted), cause, a->error,
                        is_no_plain_file(a->error)
                                ? "; a log is a regular file, not a link, and has no other "
                                  "name; Log=null (--log null) drops the output"
                                : "");
        case SPAWN_STEP_JOURNAL:
                return error_set(error, ERROR_IO,
                                 "%s: cannot connect to the journal: %s (errno %d); Log=null or "
                                 "Log=file:PATH does without",
                                 what, cause, a->error);
        case SPAWN_STEP_TASK_LIMITS:
                return error_set(error, ERROR_CREATION_FAILED, "%s: %s", what,
                                 a->reason ?: "its limits could not be set");
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
                                 cause, a->error, a->reason ? ": " : "",
                                 a->reason            ? a->reason
                                 : a->error == EAGAIN ? "; the number of processes (TasksMax, "
                                                        "--pids-max) of the scope, or of a slice "
                                                        "above it, is reached"
                                                      : "");
        }
}
