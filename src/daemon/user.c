/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and groups by name or number, looked up in a short-lived process: a name service may hang. */
#include "daemon/user.h"

#include "basic/fields.h"
#include "daemon/child.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>

/* A directory server that does not answer in this time fails the one request that needs it. */
#define LOOKUP_TIMEOUT_USEC (8 * USEC_PER_SEC)

/* A user in 65,536 groups, the kernel's limit (NGROUPS_MAX), with room for names. */
#define LOOKUP_ANSWER_MAX (1024 * 1024)

void user_identity_done(UserIdentity *u)
{
        free(u->groups);
        free(u->name);
        free(u->home);
        free(u->shell);
        *u = (UserIdentity){};
}

int user_identity_copy(const UserIdentity *u, UserIdentity *ret)
{
        _cleanup_(user_identity_done) UserIdentity copy = { .uid = u->uid, .gid = u->gid };
        const char *const from[] = { u->name, u->home, u->shell };
        char **const to[] = { &copy.name, &copy.home, &copy.shell };

        for (size_t i = 0; i < ELEMENTSOF(from); i++)
                if (from[i] && !(*to[i] = strdup(from[i])))
                        return -ENOMEM;
        copy.groups = calloc(u->n_groups + 1, sizeof *copy.groups);
        if (!copy.groups)
                return -ENOMEM;
        if (u->n_groups > 0)
                memcpy(copy.groups, u->groups, u->n_groups * sizeof *copy.groups);
        copy.n_groups = u->n_groups;
        *ret = copy;
        copy = (UserIdentity){};
        return 0;
}

/* --- the short-lived process --- */

static struct passwd *find_user(const char *user)
{
        uint64_t n;

        if (parse_u64(user, &n) < 0)
                return getpwnam(user);
        return n < UINT32_MAX ? getpwuid((uid_t) n) : NULL;
}

static struct group *find_group(const char *group)
{
        uint64_t n;

        if (parse_u64(group, &n) < 0)
                return getgrnam(group);
        return n < UINT32_MAX ? getgrgid((gid_t) n) : NULL;
}

static int append_groups(Fields *f, const char *name, gid_t gid)
{
        _cleanup_(freep) gid_t *groups = NULL;
        int n = 0;

        /* The first call only tells the number. */
        (void) getgrouplist(name, gid, NULL, &n);
        groups = calloc((size_t) n + 1, sizeof *groups);
        if (!groups)
                return -ENOMEM;
        if (getgrouplist(name, gid, groups, &n) < 0)
                return -EAGAIN;
        for (int i = 0; i < n; i++)
                fields_append_u64(f, "group", groups[i]);
        return 0;
}

static int lookup(const char *user, const char *group, Fields *f)
{
        struct passwd *pw;
        struct group *gr = NULL;
        int r;

        pw = find_user(user);
        if (!pw) {
                fields_append(f, "unknown_user", user);
                return 0;
        }
        fields_append_u64(f, "uid", pw->pw_uid);
        fields_append(f, "name", pw->pw_name);
        fields_append(f, "home", pw->pw_dir);
        fields_append(f, "shell", pw->pw_shell);
        r = append_groups(f, pw->pw_name, pw->pw_gid);
        if (r < 0)
                return r;

        if (*group) {
                gr = find_group(group);
                if (!gr) {
                        fields_append(f, "unknown_group", group);
                        return 0;
                }
        }
        fields_append_u64(f, "gid", gr ? gr->gr_gid : pw->pw_gid);
        return 0;
}

int user_lookup_main(const char *user, const char *group)
{
        _cleanup_(fields_done) Fields f = {};
        int r;

        r = lookup(user, group, &f);
        if (r < 0 || f.error < 0)
                return EXIT_FAILURE;
        for (size_t done = 0; done < f.length;) {
                ssize_t n = write(STDOUT_FILENO, f.data + done, f.length - done);

                if (n < 0)
                        return EXIT_FAILURE;
                done += (size_t) n;
        }
        return EXIT_SUCCESS;
}

/* --- the daemon's side --- */

/* Somebody who waits for the answer. */
typedef struct LookupWaiter {
        user_handler_t handler;
        void *userdata;
        TAILQ_ENTRY(LookupWaiter) waiters;
} LookupWaiter;

struct Lookup {
        Manager *manager;
        TAILQ_ENTRY(Lookup) lookups; /* of the manager */
        char *user, *group;
        TAILQ_HEAD(, LookupWaiter) waiters;
        pid_t pid;
        int fd;
        sd_event_source *io, *child, *deadline;
        char *answer;
        size_t length;
        int status; /* of the process: -1 while it runs */
        bool eof;
        bool linked; /* in the manager's list, for others to join */
};

static void lookup_free(Lookup *l)
{
        LookupWaiter *w;

        if (l->linked)
                TAILQ_REMOVE(&l->manager->lookups, l, lookups);
        while ((w = TAILQ_FIRST(&l->waiters))) {
                TAILQ_REMOVE(&l->waiters, w, waiters);
                free(w);
        }
        free(l->user);
        free(l->group);
        sd_event_source_disable_unref(l->io);
        sd_event_source_disable_unref(l->child);
        sd_event_source_disable_unref(l->deadline);
        safe_close(l->fd);
        free(l->answer);
        free(l);
}

static int set_text(char **target, const char *value)
{
        free(*target);
        *target = strdup(value);
        return *target ? 0 : -ENOMEM;
}

static int read_identity_field(UserIdentity *u, const char *key, const char *value, bool *have_gid)
{
        uint64_t n;
        int r = 0;

        if (streq(key, "name"))
                r = set_text(&u->name, value);
        else if (streq(key, "home"))
                r = set_text(&u->home, value);
        else if (streq(key, "shell"))
                r = set_text(&u->shell, value);
        else if ((r = parse_u64(value, &n)) < 0)
                return r;
        else if (streq(key, "uid"))
                u->uid = (uid_t) n;
        else if (streq(key, "gid")) {
                u->gid = (gid_t) n;
                *have_gid = true;
        } else if (streq(key, "group")) {
                gid_t *groups = reallocarray(u->groups, u->n_groups + 1, sizeof *groups);

                if (!groups)
                        return -ENOMEM;
                u->groups = groups;
                u->groups[u->n_groups++] = (gid_t) n;
        }
        return r;
}

static int lookup_parse(Lookup *l, UserIdentity *u, char *reason, size_t size)
{
        FieldsReader reader = fields_reader(l->answer, l->length);
        bool have_gid = false;
        char *key, *value;
        int r;

        while ((r = fields_next(&reader, &key, &value)) > 0) {
                if (streq(key, "unknown_user") || streq(key, "unknown_group")) {
                        (void) snprintf(reason, size, "there is no %s \"%s\" on this node",
                                        key + strlen("unknown_"), value);
                        return -ESRCH;
                }
                r = read_identity_field(u, key, value, &have_gid);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        return have_gid ? 0 : -EPROTO;
}

static void lookup_finish(Lookup *l, int r)
{
        _cleanup_(user_identity_done) UserIdentity u = {};
        LookupWaiter *w;
        char reason[512] = "the look-up of the user failed";

        if (r == -ETIMEDOUT)
                (void) snprintf(reason, sizeof reason, "the name service did not answer in %u s",
                                (unsigned) (LOOKUP_TIMEOUT_USEC / USEC_PER_SEC));
        if (r >= 0 && l->status != 0)
                r = -EIO;
        if (r >= 0)
                r = lookup_parse(l, &u, reason, sizeof reason);
        /* Whoever asks from now on, asks anew. */
        TAILQ_REMOVE(&l->manager->lookups, l, lookups);
        l->linked = false;
        while ((w = TAILQ_FIRST(&l->waiters))) {
                _cleanup_(user_identity_done) UserIdentity copy = {};
                int k = r < 0 ? r : user_identity_copy(&u, &copy);

                TAILQ_REMOVE(&l->waiters, w, waiters);
                w->handler(k, &copy, reason, w->userdata);
                free(w);
        }
        lookup_free(l);
}

static void lookup_try_finish(Lookup *l)
{
        if (l->eof && l->status >= 0)
                lookup_finish(l, 0);
}

static int on_lookup_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Lookup *l = userdata;
        char buffer[4096], *answer;
        ssize_t n;

        n = read(fd, buffer, sizeof buffer);
        if (n < 0)
                return 0;
        if (n == 0 || l->length + (size_t) n > LOOKUP_ANSWER_MAX) {
                l->eof = true;
                l->io = sd_event_source_disable_unref(l->io);
                lookup_try_finish(l);
                return 0;
        }
        answer = realloc(l->answer, l->length + (size_t) n);
        if (!answer) {
                lookup_finish(l, -ENOMEM);
                return 0;
        }
        memcpy(answer + l->length, buffer, (size_t) n);
        l->answer = answer;
        l->length += (size_t) n;
        return 0;
}

static int on_lookup_exit(sd_event_source *source, const siginfo_t *si, void *userdata)
{
        Lookup *l = userdata;

        if (!l) {
                (void) sd_event_source_set_floating(source, false); /* the last reference */
                return 0;
        }
        l->status = si->si_code == CLD_EXITED ? si->si_status : EXIT_FAILURE;
        lookup_try_finish(l);
        return 0;
}

static int on_lookup_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Lookup *l = userdata;

        if (l->status < 0) {
                (void) kill(l->pid, SIGKILL);
                /* It is reaped whenever it goes, also if that is long after this request. */
                (void) sd_event_source_set_floating(l->child, true);
                (void) sd_event_source_set_userdata(l->child, NULL);
                l->child = sd_event_source_unref(l->child);
        }
        lookup_finish(l, -ETIMEDOUT);
        return 0;
}

static int lookup_start(Lookup *l, const char *user, const char *group)
{
        char *argv[] = { (char *) "hpcnode-cgroupd",
                         (char *) "--" USER_LOOKUP_OPTION,
                         (char *) "--",
                         (char *) user,
                         (char *) group,
                         NULL };
        _cleanup_(closep) int answer = -EBADF;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        l->fd = fds[0];
        answer = fds[1];
        /* The look-up itself may block: that is what it is a process of its own for. */
        (void) fcntl(answer, F_SETFL, 0);
        return child_start("/proc/self/exe", argv, environ, answer, STDOUT_FILENO, &l->pid);
}

static int lookup_new(Manager *m, const char *user, const char *group, Lookup **ret)
{
        Lookup *l;
        int r;

        l = calloc(1, sizeof *l);
        if (!l)
                return -ENOMEM;
        *l = (Lookup){
                .manager = m,
                .user = strdup(user),
                .group = strdup(group),
                .fd = -EBADF,
                .status = -1,
        };
        TAILQ_INIT(&l->waiters);
        r = l->user && l->group ? lookup_start(l, user, group) : -ENOMEM;
        if (r >= 0)
                r = sd_event_add_child(m->event, &l->child, l->pid, WEXITED, on_lookup_exit, l);
        if (r >= 0)
                r = sd_event_add_io(m->event, &l->io, l->fd, EPOLLIN, on_lookup_io, l);
        if (r >= 0)
                r = sd_event_add_time_relative(m->event, &l->deadline, CLOCK_MONOTONIC,
                                               LOOKUP_TIMEOUT_USEC, 0, on_lookup_deadline, l);
        if (r < 0) {
                lookup_free(l);
                return r;
        }
        TAILQ_INSERT_TAIL(&m->lookups, l, lookups);
        l->linked = true;
        *ret = l;
        return 0;
}

/* One process at a time for each user: whoever is not root asks for itself alone, and so takes one. */
static Lookup *lookup_under_way(Manager *m, const char *user, const char *group)
{
        Lookup *l;

        TAILQ_FOREACH (l, &m->lookups, lookups)
                if (streq(l->user, user) && streq(l->group, group))
                        return l;
        return NULL;
}

int user_lookup(Manager *m, const char *user, const char *group, user_handler_t handler,
                void *userdata)
{
        Lookup *l = lookup_under_way(m, user, group);
        LookupWaiter *w;
        int r;

        w = calloc(1, sizeof *w);
        if (!w)
                return -ENOMEM;
        *w = (LookupWaiter){ .handler = handler, .userdata = userdata };
        r = l ? 0 : lookup_new(m, user, group, &l);
        if (r < 0) {
                free(w);
                return r;
        }
        TAILQ_INSERT_TAIL(&l->waiters, w, waiters);
        return 0;
}
