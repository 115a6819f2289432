/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection that has called us: who is behind it, as the bus says, known as long as it is there. */
#include "daemon/caller.h"

#include "basic/process-status.h"
#include "basic/process.h"
#include "daemon/log.h"
#include "daemon/task.h"
#include "daemon/usage.h"

/* The bus daemon answers in well under a millisecond; a client must not wait longer than its own 25 s. */
#define CREDENTIALS_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* One rule for all clients: that one of them has left, and none of those that come. */
#define MATCH                                                            \
        "type='signal',sender='org.freedesktop.DBus',"                   \
        "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus'," \
        "member='NameOwnerChanged',arg2=''"

static Caller *caller_free(Caller *caller)
{
        Manager *m = caller->manager;

        HASH_DEL(m->callers, caller);
        sd_bus_slot_unref(caller->query);
        usage_put(caller->usage);
        free(caller->name);
        free(caller->groups);
        free(caller->unit);
        free(caller);
        /* Only while there is one that we know: else nobody's leaving wakes us. */
        if (!m->callers)
                m->callers_match = sd_bus_slot_unref(m->callers_match);
        return NULL;
}

static void free_if_done(Caller *caller)
{
        if (caller->gone && !caller->leaving && TAILQ_EMPTY(&caller->calls))
                caller_free(caller);
}

/* What it has begun is gone on with; what merely waits is dropped. */
static void caller_left(Caller *caller)
{
        Call *c, *next;

        caller->gone = caller->leaving = true;
        for (c = TAILQ_FIRST(&caller->calls); c; c = next) {
                next = TAILQ_NEXT(c, of_caller);
                if (!c->list)
                        continue;
                TAILQ_REMOVE(c->list, c, waiters);
                call_free(c);
        }
        tasks_opener_left(caller);
        caller->leaving = false;
        free_if_done(caller);
}

void caller_drop(Call *c)
{
        Caller *caller = c->caller;

        if (!caller)
                return;
        c->caller = NULL;
        TAILQ_REMOVE(&caller->calls, c, of_caller);
        usage_remove_call(caller->usage, c);
        free_if_done(caller);
}

static int on_left(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        Caller *caller;
        const char *name;

        if (sd_bus_message_read(message, "s", &name) < 0 || *name != ':')
                return 0;
        HASH_FIND_STR(m->callers, name, caller);
        if (caller)
                caller_left(caller);
        return 0;
}

static int on_matched(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        if (sd_bus_message_is_method_error(reply, NULL))
                log_warning("cannot see clients leave: %s",
                            sd_bus_message_get_error(reply)->message);
        return 0;
}

/* --- who it is --- */

static int read_groups(Caller *caller, sd_bus_message *reply)
{
        const void *groups;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(reply, 'v', "au");
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'u', &groups, &size);
        if (r < 0)
                return r;
        _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "a gid is what the bus says");
        caller->groups = malloc(size > 0 ? size : 1);
        if (!caller->groups)
                return -ENOMEM;
        if (size > 0)
                memcpy(caller->groups, groups, size);
        caller->n_groups = size / sizeof(gid_t);
        return sd_bus_message_exit_container(reply);
}

static int read_credential(Caller *caller, sd_bus_message *reply, int *pidfd)
{
        const char *key, *contents;
        uint32_t value;
        char type;
        int r;

        r = sd_bus_message_read(reply, "s", &key);
        if (r >= 0)
                r = sd_bus_message_peek_type(reply, &type, &contents);
        if (r < 0)
                return r;
        if (streq(key, "UnixUserID") && streq(contents, "u"))
                return sd_bus_message_read(reply, "v", "u", &caller->uid);
        if (streq(key, "UnixGroupIDs") && streq(contents, "au") && !caller->groups)
                return read_groups(caller, reply);
        if (streq(key, "ProcessID") && streq(contents, "u")) {
                r = sd_bus_message_read(reply, "v", "u", &value);
                caller->pid = (pid_t) value;
                return r;
        }
        if (streq(key, "ProcessFD") && streq(contents, "h"))
                return sd_bus_message_read(reply, "v", "h", pidfd);
        return sd_bus_message_skip(reply, "v");
}

/* The unit that the process belongs to. The pid may be another's by now, where the bus has no pidfd: that
 * other one would have to be root's, too. */
static int find_unit(Caller *caller, int pidfd)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        if (caller->uid != 0 || caller->pid <= 0)
                return 0;
        r = process_cgroup(caller->pid, &path);
        if (r == -ESRCH || r == -ENODATA || r == -ENOENT)
                return 0; /* it has ended, or is in no cgroup that there is */
        if (r < 0)
                return r;
        if (pidfd >= 0 && pidfd_signal(pidfd, 0) < 0)
                return 0;
        r = path_unit(path, &caller->unit);
        return r == -ENOENT ? 0 : r;
}

static int read_credentials(Caller *caller, sd_bus_message *reply)
{
        int r, pidfd = -EBADF; /* the message's */

        caller->uid = UID_INVALID;
        r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                r = read_credential(caller, reply, &pidfd);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        if (r < 0)
                return r;
        if (caller->uid == UID_INVALID)
                return -ENODATA;
        r = find_unit(caller, pidfd);
        return r < 0 ? r : usage_get(caller->manager, caller->uid, &caller->usage);
}

/* Gives its calls up; the next one asks again. */
static void refuse_calls(Caller *caller, int r, const sd_bus_error *error)
{
        if (!error || !sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                calls_fail(&caller->asking, r, error);
        caller_left(caller);
}

static int begin_call(Call *c, sd_bus_error *error)
{
        c->uid = c->caller->uid;
        c->pid = c->caller->pid;
        return usage_add_call(c->caller->usage, c, error);
}

static void caller_known(Caller *caller)
{
        CallList ready;
        Call *c;

        caller->known = true;
        TAILQ_INIT(&ready);
        while ((c = TAILQ_FIRST(&caller->asking))) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int r = begin_call(c, &error);

                TAILQ_REMOVE(&caller->asking, c, waiters);
                if (r < 0)
                        call_fail(c, r, &error);
                else
                        TAILQ_INSERT_TAIL(&ready, c, waiters);
        }
        calls_resume(&ready);
}

static int on_credentials(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Caller *caller = userdata;
        int r;

        caller->query = sd_bus_slot_unref(caller->query);
        if (sd_bus_message_is_method_error(reply, NULL)) {
                refuse_calls(caller, -EACCES, sd_bus_message_get_error(reply));
                return 0;
        }
        r = read_credentials(caller, reply);
        if (r < 0)
                refuse_calls(caller, r, NULL);
        else
                caller_known(caller);
        return 0;
}

static int caller_ask(Caller *caller)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *query = NULL;
        Manager *m = caller->manager;
        int r = 0;

        /* Before the question, so that there is no time in which it could leave unseen. */
        if (!m->callers_match)
                r = sd_bus_add_match_async(m->bus, &m->callers_match, MATCH, on_left, on_matched,
                                           m);
        if (r >= 0)
                r = sd_bus_message_new_method_call(m->bus, &query, "org.freedesktop.DBus",
                                                   "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                   "GetConnectionCredentials");
        if (r >= 0)
                r = sd_bus_message_append(query, "s", caller->name);
        return r < 0 ? r
                     : sd_bus_call_async(m->bus, &caller->query, query, on_credentials, caller,
                                         CREDENTIALS_TIMEOUT_USEC);
}

static int caller_new(Manager *m, const char *name, Caller **ret)
{
        Caller *caller = calloc(1, sizeof *caller);
        int r;

        if (!caller)
                return -ENOMEM;
        *caller = (Caller){ .manager = m, .uid = UID_INVALID };
        TAILQ_INIT(&caller->asking);
        TAILQ_INIT(&caller->calls);
        TAILQ_INIT(&caller->opened);
        caller->name = strdup(name);
        if (!caller->name) {
                free(caller);
                return -ENOMEM;
        }
        HASH_ADD_KEYPTR(hh, m->callers, caller->name, strlen(caller->name), caller);
        r = caller_ask(caller);
        if (r < 0) {
                caller_free(caller);
                return r;
        }
        *ret = caller;
        return 0;
}

int caller_find(Manager *m, const char *name, Caller **ret)
{
        Caller *caller;

        HASH_FIND_STR(m->callers, name, caller);
        if (!caller)
                return caller_new(m, name, ret);
        *ret = caller;
        return 0;
}

int caller_take(Call *c, sd_bus_error *error)
{
        Caller *caller;
        int r;

        r = caller_find(c->manager, sd_bus_message_get_sender(c->message), &caller);
        if (r < 0)
                return r;
        c->caller = caller;
        TAILQ_INSERT_TAIL(&caller->calls, c, of_caller);
        if (!caller->known) {
                call_wait(c, &caller->asking);
                return 0;
        }
        r = begin_call(c, error);
        return r < 0 ? r : 1;
}

void callers_free(Manager *m)
{
        Caller *caller, *next;

        HASH_ITER (hh, m->callers, caller, next)
                caller_left(caller);
}
