/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The group guard: owns scopes from the moment they may exist, and takes them away in reverse. */
#include "client.h"

#include "basic/name.h"
#include "hpcnode/cgroup-group.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* What may be spent in a teardown on calls that nobody answers: a daemon that hangs has cost the 25 s of the
 * first one by then, and shall not do so for each of a hundred scopes. */
#define PATIENCE_USEC (5 * USEC_PER_SEC)

/* A line is written at once, so that those of several programs do not mix in a pipe: PIPE_BUF. */
#define LOG_LINE_MAX 4096

typedef struct Member {
        char *name;  /* as it was given to _add */
        char *scope; /* its unit, which no scope of another slice shares */

        /* When it is not known whether it was created: why, and when that was asked for, in microseconds since
         * 1970. Else NONE. */
        hpcnode_cgroup_error_code doubt;
        uint64_t asked_usec;
} Member;

struct hpcnode_group {
        hpcnode_cgroup *ops;
        pid_t pid; /* who made it */
        Member *members;
        const char **names; /* has room for those of all members and a NULL */
        size_t n_members, n_allocated;
        hpcnode_cgroup_error error;
};

static hpcnode_group_logger group_logger;
static void *group_logger_userdata;

static const hpcnode_cgroup_error no_group = {
        .code = HPCNODE_CGROUP_ERROR_INVALID_ARGS,
        .message =
                (char *) "there is no group (hpcnode_group_new() returns NULL when out of memory)",
};

/* --- what the group owns --- */

static void member_done(Member *m)
{
        free(m->name);
        free(m->scope);
        *m = (Member){};
}

static int group_reserve(hpcnode_group *group)
{
        size_t wanted = group->n_allocated ? 2 * group->n_allocated : 8;
        Member *members;
        const char **names;

        if (group->n_members < group->n_allocated)
                return 0;
        members = reallocarray(group->members, wanted, sizeof(*members));
        if (!members)
                return -ENOMEM;
        group->members = members;
        names = reallocarray(group->names, wanted + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        group->names = names;
        group->n_allocated = wanted;
        return 0;
}

static void group_drop(hpcnode_group *group, size_t index)
{
        member_done(&group->members[index]);
        group->n_members--;
        memmove(&group->members[index], &group->members[index + 1],
                (group->n_members - index) * sizeof(Member));
}

static Member *group_find(hpcnode_group *group, const char *scope)
{
        for (size_t i = 0; i < group->n_members; i++)
                if (streq(group->members[i].scope, scope))
                        return &group->members[i];
        return NULL;
}

/* There was room made for it before it was created. */
static void group_own(hpcnode_group *group, Member *m)
{
        group->members[group->n_members++] = *m;
        *m = (Member){};
}

_public_ hpcnode_group *hpcnode_group_new(hpcnode_cgroup *ops)
{
        hpcnode_group *group;

        if (!ops)
                return NULL;
        group = calloc(1, sizeof(*group));
        if (!group)
                return NULL;
        group->ops = ops;
        group->pid = getpid();
        if (group_reserve(group) < 0)
                return hpcnode_group_free(group);
        return group;
}

_public_ const hpcnode_cgroup_error *hpcnode_group_error(const hpcnode_group *group)
{
        return group ? &group->error : &no_group;
}

_public_ const char *const *hpcnode_group_names(const hpcnode_group *group)
{
        size_t n = 0;

        if (!group)
                return NULL;
        for (size_t i = 0; i < group->n_members; i++)
                if (group->members[i].doubt == HPCNODE_CGROUP_ERROR_NONE)
                        group->names[n++] = group->members[i].name;
        group->names[n] = NULL;
        return group->names;
}

_public_ int hpcnode_group_forget(hpcnode_group *group, const char *name)
{
        bool found = false;

        if (!group)
                return -ENOENT;
        for (size_t i = group->n_members; i-- > 0;) {
                const Member *m = &group->members[i];

                if (name && !streq(m->name, name) && !streq(m->scope, name))
                        continue;
                found |= m->doubt == HPCNODE_CGROUP_ERROR_NONE;
                group_drop(group, i);
        }
        return found || !name ? 0 : -ENOENT;
}

/* --- adding --- */

/* Why a creation that failed may have been done all the same: the answer did not come, or could not be read. What
 * the daemon says itself is certain, and it leaves nothing behind: NONE. */
static hpcnode_cgroup_error_code doubt_about(hpcnode_cgroup_error_code code, int r)
{
        switch (code) {
        case HPCNODE_CGROUP_ERROR_TIMED_OUT:
        case HPCNODE_CGROUP_ERROR_UNREACHABLE:
        case HPCNODE_CGROUP_ERROR_NO_MEMORY:
        case HPCNODE_CGROUP_ERROR_OTHER:
                return code;
        case HPCNODE_CGROUP_ERROR_NONE: /* an implementation that has no codes */
                return r == -ETIMEDOUT ? HPCNODE_CGROUP_ERROR_TIMED_OUT : code;
        default:
                return HPCNODE_CGROUP_ERROR_NONE;
        }
}

/* The unit that a scope is going to have; what is wrong with the names is said by the creation. */
static int predict_unit(const char *slice, const char *name, char **ret)
{
        _cleanup_(freep) char *slice_unit = NULL, *bare = NULL;
        int r;

        r = slice_parse(slice, &slice_unit, NULL);
        if (r >= 0)
                r = scope_name_parse(name, &bare, NULL);
        if (r >= 0)
                r = scope_unit_name(slice_unit, bare, 1, ret, NULL);
        if (r != -EINVAL)
                return r;
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

/* Splits SLICE/NAME, and makes what the group is to know of the scope. */
static int member_new(const char *text, char **ret_slice, const char **ret_name, Member *ret)
{
        const char *slash = strrchr(text, '/');
        const char *name = slash ? slash + 1 : text;
        _cleanup_(freep) char *slice = NULL;
        _cleanup_(member_done) Member m = {};
        int r;

        slice = slash ? strndup(text, (size_t) (slash - text))
                      : strdup(HPCNODE_CGROUP_SLICE_WORKLOAD);
        m.name = strdup(text);
        if (!slice || !m.name)
                return -ENOMEM;
        r = predict_unit(slice, name, &m.scope);
        if (r < 0)
                return r;

        *ret_slice = TAKE_PTR(slice);
        *ret_name = name;
        *ret = m;
        m = (Member){};
        return 0;
}

static int create_owned(hpcnode_group *group, const char *text)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(member_done) Member m = {};
        _cleanup_(freep) char *slice = NULL;
        const char *name;
        const Member *known;
        int r;

        r = member_new(text, &slice, &name, &m);
        if (r >= 0)
                r = group_reserve(group);
        if (r < 0)
                return client_oom(&group->error);

        m.asked_usec = client_realtime_usec();
        r = hpcnode_cgroup_create_scope(group->ops, slice, name, NULL, NULL, &info, &group->error);
        if (r < 0) {
                m.doubt = doubt_about(group->error.code, r);
                if (m.doubt != HPCNODE_CGROUP_ERROR_NONE && !group_find(group, m.scope))
                        group_own(group, &m);
                return r;
        }

        if (info && info->unit) {
                free(m.scope);
                m.scope = TAKE_PTR(info->unit);
        }
        /* One that could be created anew has gone, whoever took it away. */
        known = group_find(group, m.scope);
        if (known)
                group_drop(group, (size_t) (known - group->members));
        group_own(group, &m);
        return 0;
}

_public_ int hpcnode_group_add_without_cpuset(hpcnode_group *group, const char *name)
{
        if (!group)
                return -EINVAL;
        hpcnode_cgroup_error_done(&group->error);
        if (!name)
                return client_error(&group->error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "the scope has no name");
        return create_owned(group, name);
}

_public_ int hpcnode_group_add(hpcnode_group *group, const char *name, const char *cpuset)
{
        int r;

        if (group && (!cpuset || !*cpuset)) {
                hpcnode_cgroup_error_done(&group->error);
                return client_error(&group->error, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                                    "no cpus are named for %s, and nothing was created; without a "
                                    "cpuset: hpcnode_group_add_without_cpuset()",
                                    name ?: "the scope");
        }
        r = hpcnode_group_add_without_cpuset(group, name);
        if (r < 0)
                return r;
        return hpcnode_cgroup_set_cpuset(group->ops, group->members[group->n_members - 1].scope,
                                         cpuset, &group->error);
}

/* --- the log --- */

_public_ void hpcnode_group_set_logger(hpcnode_group_logger logger, void *userdata)
{
        group_logger = logger;
        group_logger_userdata = userdata;
}

/* A stderr that nobody reads any more must not end the program in the middle of a teardown. */
static void write_line(const char *line, size_t length)
{
        static const struct timespec at_once = {};
        sigset_t pipe, pending, saved;
        bool was_pending;

        (void) sigemptyset(&pipe);
        (void) sigaddset(&pipe, SIGPIPE);
        (void) sigpending(&pending);
        was_pending = sigismember(&pending, SIGPIPE) > 0;
        if (pthread_sigmask(SIG_BLOCK, &pipe, &saved) != 0)
                return;
        if (write(STDERR_FILENO, line, length) < 0 && errno == EPIPE && !was_pending)
                (void) sigtimedwait(&pipe, NULL, &at_once);
        (void) pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

static void log_warning(const char *format, ...) _printf_(1, 2);
static void log_warning(const char *format, ...)
{
        char line[LOG_LINE_MAX]; /* not allocated: there may be no memory */
        size_t length;
        va_list ap;

        va_start(ap, format);
        if (vsnprintf(line, sizeof(line) - 1, format, ap) < 0)
                line[0] = '\0';
        va_end(ap);

        /* One line, whatever a sentence contains. */
        length = strlen(line);
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) line[i] < ' ' || line[i] == 0x7f)
                        line[i] = ' ';
        if (group_logger) {
                group_logger(line, group_logger_userdata);
                return;
        }
        line[length] = '\n';
        write_line(line, length + 1);
}

/* What is known of an error beyond its sentence. An implementation that has no code for it tells the errno. */
typedef enum Advice {
        ADVICE_NONE,
        ADVICE_GONE, /* not worth a word */
        ADVICE_BUSY,
        ADVICE_DENIED,
        _ADVICE_MAX,
} Advice;

static const char *const advice_table[_ADVICE_MAX] = {
        [ADVICE_NONE] = "",
        [ADVICE_GONE] = "",
        [ADVICE_BUSY] = "; hint: it has live tasks, which were not ended before the teardown",
        [ADVICE_DENIED] = ("; hint: its slice has another owner, or is not delegated to this "
                           "program, see: hpcnode-ctl whoami"),
};

static const struct {
        hpcnode_cgroup_error_code code;
        int error;
        Advice advice;
} cause_table[] = {
        { HPCNODE_CGROUP_ERROR_NOT_FOUND, ENOENT, ADVICE_GONE },
        { HPCNODE_CGROUP_ERROR_KILL_FAILED, EBUSY, ADVICE_BUSY },
        { HPCNODE_CGROUP_ERROR_NOT_EMPTY, ENOTEMPTY, ADVICE_BUSY },
        { HPCNODE_CGROUP_ERROR_SCOPE_ZOMBIE, EBUSY, ADVICE_BUSY },
        { HPCNODE_CGROUP_ERROR_PERMISSION_DENIED, EACCES, ADVICE_DENIED },
        { HPCNODE_CGROUP_ERROR_EMERGENCY_REQUIRED, EPERM, ADVICE_DENIED },
};

static Advice advice_for(const hpcnode_cgroup_error *error, int r)
{
        bool has_code = error->code != HPCNODE_CGROUP_ERROR_NONE &&
                        error->code != HPCNODE_CGROUP_ERROR_OTHER;

        for (size_t i = 0; i < ELEMENTSOF(cause_table); i++)
                if (has_code ? error->code == cause_table[i].code : -r == cause_table[i].error)
                        return cause_table[i].advice;
        return ADVICE_NONE;
}

/* --- the teardown --- */

typedef struct Teardown {
        hpcnode_cgroup *ops;
        uint64_t lost_usec; /* in calls that nobody answered */
} Teardown;

static bool is_away(hpcnode_cgroup_error_code code)
{
        return code == HPCNODE_CGROUP_ERROR_UNREACHABLE || code == HPCNODE_CGROUP_ERROR_TIMED_OUT;
}

/* Whether a scope that may have been created is there, and is this program's: then it is younger than the request,
 * and nobody uses it, since the program was told that it has none. 1, 0 (there is none), or a negative errno. */
static int is_ours(const Teardown *t, const Member *m, hpcnode_cgroup_error *error)
{
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        int r;

        r = hpcnode_cgroup_inspect(t->ops, m->scope, &info, error);
        if (r >= 0) {
                if (info->created_usec < m->asked_usec || info->is_job > 0)
                        return client_error(error, HPCNODE_CGROUP_ERROR_ALREADY_EXISTS,
                                            "it is another's: it was not made by this group");
                r = hpcnode_cgroup_is_scope_empty(t->ops, m->scope, error);
        }
        if (r == 0)
                return client_error(error, HPCNODE_CGROUP_ERROR_NOT_EMPTY,
                                    "it may be another's: something runs in it, and this group was "
                                    "not told whether its creation was done (%s)",
                                    hpcnode_cgroup_error_name(m->doubt));
        return advice_for(error, r) == ADVICE_GONE ? 0 : r;
}

static int destroy_once(const Teardown *t, const Member *m, hpcnode_cgroup_error *error)
{
        int r;

        hpcnode_cgroup_error_done(error);
        if (m->doubt != HPCNODE_CGROUP_ERROR_NONE) {
                r = is_ours(t, m, error);
                if (r <= 0)
                        return r;
        }
        return hpcnode_cgroup_destroy_scope(t->ops, m->scope, error);
}

/* A daemon that is restarted meanwhile leaves its callers without an answer. Destroying may be asked for again,
 * unlike most that changes something. */
static int destroy(Teardown *t, const Member *m, hpcnode_cgroup_error *error)
{
        int r = 0;

        if (t->lost_usec >= PATIENCE_USEC)
                return client_error(error, HPCNODE_CGROUP_ERROR_UNREACHABLE,
                                    "not tried any more, since there was no answer for others");
        for (unsigned attempt = 0; attempt < 2 && t->lost_usec < PATIENCE_USEC; attempt++) {
                uint64_t begun = client_now_usec();

                r = destroy_once(t, m, error);
                if (r >= 0 || !is_away(error->code))
                        break;
                t->lost_usec += client_now_usec() - begun;
        }
        return r;
}

static void teardown(Teardown *t, const Member *m)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        Advice advice;
        int r;

        r = destroy(t, m, &error);
        if (r >= 0)
                return;
        advice = advice_for(&error, r);
        if (advice == ADVICE_GONE)
                return;
        /* There was nobody then, and there is nobody now. */
        if (error.code == HPCNODE_CGROUP_ERROR_UNREACHABLE && m->doubt == error.code)
                return;

        log_warning("warning: cannot destroy %s: %s: %s%s", m->name,
                    error.code ? hpcnode_cgroup_error_name(error.code) : strerrorname_np(-r) ?: "Other",
                    error.message ?: strerror(-r), advice_table[advice]);
}

_public_ hpcnode_group *hpcnode_group_free(hpcnode_group *group)
{
        int saved = errno;

        if (!group)
                return NULL;
        /* What is in a block of the parent is not the child's to end. */
        if (group->pid == getpid()) {
                Teardown t = { .ops = group->ops };

                for (size_t i = group->n_members; i-- > 0;)
                        teardown(&t, &group->members[i]);
        }
        for (size_t i = 0; i < group->n_members; i++)
                member_done(&group->members[i]);
        free(group->members);
        free(group->names);
        hpcnode_cgroup_error_done(&group->error);
        free(group);
        errno = saved;
        return NULL;
}

_public_ void hpcnode_group_freep(hpcnode_group **group)
{
        if (group)
                *group = hpcnode_group_free(*group);
}
