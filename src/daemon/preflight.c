/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The paths that a task requires, looked at as its user in a short-lived process: a file system may hang. */
#include "daemon/preflight.h"

#include "basic/fields.h"
#include "basic/reason.h"
#include "daemon/child.h"
#include "daemon/error-bus.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* A file system that does not answer in this time fails the one request that needs it. */
#define PREFLIGHT_USEC (5 * USEC_PER_SEC)

/* Since the call: before it the user may have been looked up, and a start comes after it, all in 24 s. */
#define PREFLIGHT_LATEST_USEC (10 * USEC_PER_SEC)

/* For one user at once. Those that hang count as long as they do: nothing ends a process that waits for a dead
 * file system, and nobody is to fill the node with them. */
#define PREFLIGHTS_MAX 32

/* What both sides share is the start of a memfd; behind it stand the fields of the request. */
typedef struct Progress {
        uint32_t index; /* of the path that is looked at */
        int32_t error;  /* why it was the last one; 0: none yet */
} Progress;

/* --- the short-lived process --- */

typedef struct Wanted {
        uint64_t uid, gid;
        gid_t *groups;
        size_t n_groups;
        char **paths;
        size_t n_paths;
} Wanted;

static int append(void *list_pointer, size_t *n, const void *element, size_t size)
{
        char *list;

        memcpy(&list, list_pointer, sizeof list);
        list = reallocarray(list, *n + 1, size);
        if (!list)
                return -ENOMEM;
        memcpy(list + (*n)++ * size, element, size);
        memcpy(list_pointer, &list, sizeof list);
        return 0;
}

static int wanted_set(Wanted *w, const char *key, char *value)
{
        uint64_t n;
        gid_t gid;

        if (streq(key, "path"))
                return append(&w->paths, &w->n_paths, &value, sizeof value);
        if (parse_u64(value, &n) < 0 || n >= UINT32_MAX)
                return -EBADMSG;
        gid = (gid_t) n;
        if (streq(key, "group"))
                return append(&w->groups, &w->n_groups, &gid, sizeof gid);
        *(streq(key, "uid") ? &w->uid : &w->gid) = n;
        return 0;
}

/* Never freed: this process ends. */
static int wanted_read(int fd, Wanted *ret)
{
        Wanted w = { .uid = UINT64_MAX, .gid = UINT64_MAX };
        FieldsReader reader;
        char *data, *key, *value;
        struct stat st;
        size_t size;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= (off_t) sizeof(Progress))
                return -EBADMSG;
        size = (size_t) st.st_size;
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        reader = fields_reader(data + sizeof(Progress), size - sizeof(Progress));
        while ((r = fields_next(&reader, &key, &value)) > 0) {
                r = wanted_set(&w, key, value);
                if (r < 0)
                        return r;
        }
        if (r < 0 || w.uid == UINT64_MAX || w.gid == UINT64_MAX)
                return -EBADMSG;
        *ret = w;
        return 0;
}

/* As the task itself will be; without privilege it is who we are. */
static int become(const Wanted *w)
{
        uid_t uid = (uid_t) w->uid;
        gid_t gid = (gid_t) w->gid;

        if (geteuid() != 0)
                return uid == getuid() ? 0 : -EPERM;
        /* By these, root's capabilities may outlast the change of the user. */
        (void) prctl(PR_SET_SECUREBITS, SECUREBITS_DEFAULT, 0, 0, 0);
        if (setgroups(w->n_groups, w->groups) < 0 || setresgid(gid, gid, gid) < 0 ||
            setresuid(uid, uid, uid) < 0)
                return -errno;
        return 0;
}

/* What hangs is known by what was written last. */
static int say(uint32_t index, int error)
{
        Progress p = { .index = index, .error = error };

        return pwrite(STDIN_FILENO, &p, sizeof p, 0) == sizeof p ? 0 : -EIO;
}

int preflight_main(void)
{
        Wanted w = {};

        if (wanted_read(STDIN_FILENO, &w) < 0 || become(&w) < 0)
                return EXIT_FAILURE;
        for (size_t i = 0; i < w.n_paths; i++) {
                struct stat st;

                if (say((uint32_t) i, 0) < 0)
                        return EXIT_FAILURE;
                if (stat(w.paths[i], &st) < 0)
                        return say((uint32_t) i, errno) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        return EXIT_SUCCESS;
}

/* --- the daemon's side --- */

struct Preflight {
        Manager *manager;
        TAILQ_ENTRY(Preflight) preflights; /* of the manager, also when it is overdue */
        uid_t uid;
        const UserIdentity *user;
        char *const *paths;
        preflight_handler_t handler; /* NULL: it was called */
        void *userdata;
        int fd;
        pid_t pid; /* 0: in line */
        sd_event_source *child, *deadline;
};

static Preflight *preflight_free(Preflight *p)
{
        TAILQ_REMOVE(&p->manager->preflights, p, preflights);
        sd_event_source_disable_unref(p->child);
        sd_event_source_disable_unref(p->deadline);
        safe_close(p->fd);
        free(p);
        return NULL;
}

static int refuse(const Preflight *p, const Progress *progress, sd_bus_error *error)
{
        char path[REASON_QUOTE_SIZE], user[REASON_QUOTE_SIZE];
        int e = progress->error;

        return error_set(error, ERROR_IO,
                         "the required path %s cannot be reached as user %s (uid %u, gid %u): %s "
                         "(errno %d)%s; nothing was created",
                         reason_quote(p->paths[progress->index], path),
                         reason_quote(p->user->name ?: "", user), (unsigned) p->user->uid,
                         (unsigned) p->user->gid, strerror(e), e,
                         e == ETIMEDOUT ? ", does its file system hang?" : "");
}

static int read_progress(const Preflight *p, Progress *ret)
{
        size_t n = 0;

        if (p->fd < 0 || pread(p->fd, ret, sizeof *ret, 0) != sizeof *ret)
                return -EIO;
        while (p->paths[n])
                n++;
        return ret->index < n ? 0 : -EIO;
}

static void tell(Preflight *p, int r, const sd_bus_error *error)
{
        preflight_handler_t handler = p->handler;

        p->handler = NULL;
        p->deadline = sd_event_source_disable_unref(p->deadline);
        p->fd = safe_close(p->fd);
        handler(r, error, p->userdata);
}

static void start_next(Manager *m, uid_t uid);

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
        Preflight *p = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Manager *m = p->manager;
        uid_t uid = p->uid;
        Progress progress;
        int r;

        if (p->handler) {
                r = si->si_code == CLD_EXITED && si->si_status == 0 ? read_progress(p, &progress)
                                                                    : -EIO;
                if (r >= 0 && progress.error != 0)
                        r = refuse(p, &progress, &error);
                else if (r < 0)
                        error_set(&error, ERROR_CREATION_FAILED,
                                  "the required paths could not be checked as user %s; nothing "
                                  "was created",
                                  p->user->name);
                tell(p, r, &error);
        }
        preflight_free(p);
        start_next(m, uid);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Preflight *p = userdata;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Progress progress;

        if (p->pid > 0 && read_progress(p, &progress) >= 0) {
                progress.error = ETIMEDOUT;
                (void) refuse(p, &progress, &error);
        } else
                error_set(&error, ERROR_IO,
                          "the required paths were not checked in time as user %s: %s; nothing was "
                          "created",
                          p->user->name,
                          p->pid > 0 ? "the node is too busy"
                                     : "too many earlier checks hang on a file system");
        if (p->pid > 0)
                (void) kill(p->pid, SIGKILL); /* reaped whenever it goes, perhaps much later */
        tell(p, -ETIMEDOUT, &error);
        if (p->pid == 0)
                preflight_free(p);
        return 0;
}

static int make_request(const Preflight *p, int *ret)
{
        _cleanup_(fields_done) Fields f = {};
        _cleanup_(closep) int fd = memfd_create("hpcnode-preflight", MFD_CLOEXEC);

        if (fd < 0)
                return -errno;
        fields_append_u64(&f, "uid", p->user->uid);
        fields_append_u64(&f, "gid", p->user->gid);
        for (size_t i = 0; i < p->user->n_groups; i++)
                fields_append_u64(&f, "group", p->user->groups[i]);
        for (char *const *path = p->paths; *path; path++)
                fields_append(&f, "path", *path);
        if (f.error < 0)
                return f.error;
        if (pwrite(fd, f.data, f.length, sizeof(Progress)) != (ssize_t) f.length)
                return -EIO;
        *ret = TAKE_FD(fd);
        return 0;
}

static int start(Preflight *p)
{
        char *argv[] = { (char *) "hpcnode-cgroupd", (char *) "--" PREFLIGHT_OPTION, NULL };
        int r;

        r = make_request(p, &p->fd);
        if (r >= 0)
                r = child_start("/proc/self/exe", argv, environ, p->fd, STDIN_FILENO, &p->pid);
        if (r < 0)
                return r;
        r = sd_event_add_child(p->manager->event, &p->child, p->pid, WEXITED, on_child, p);
        if (r < 0)
                (void) kill(p->pid, SIGKILL);
        return r;
}

/* The first of the user's that is in line, unless there are enough. */
static Preflight *next_of(const Manager *m, uid_t uid)
{
        Preflight *next = NULL, *p;
        unsigned n = 0;

        TAILQ_FOREACH (p, &m->preflights, preflights) {
                if (p->uid != uid)
                        continue;
                n += p->pid > 0;
                if (!next && p->pid == 0)
                        next = p;
        }
        return n < PREFLIGHTS_MAX ? next : NULL;
}

static void start_next(Manager *m, uid_t uid)
{
        Preflight *p;

        while ((p = next_of(m, uid))) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int r = start(p);

                if (r >= 0)
                        continue;
                error_set(&error, ERROR_CREATION_FAILED, "the required paths cannot be checked: %s",
                          strerror(-r));
                tell(p, r, &error);
                preflight_free(p);
        }
}

static int prepare(Preflight *p, uint64_t begun_usec)
{
        uint64_t due = now_monotonic_usec() + PREFLIGHT_USEC;

        if (due > begun_usec + PREFLIGHT_LATEST_USEC)
                due = begun_usec + PREFLIGHT_LATEST_USEC;
        return sd_event_add_time(p->manager->event, &p->deadline, CLOCK_MONOTONIC, due, 0,
                                 on_deadline, p);
}

int preflight_begin(Manager *m, const UserIdentity *user, char *const *paths, uint64_t begun_usec,
                    preflight_handler_t handler, void *userdata)
{
        Preflight *p = calloc(1, sizeof *p);
        int r;

        if (!p)
                return -ENOMEM;
        *p = (Preflight){
                .manager = m,
                .uid = user->uid,
                .user = user,
                .paths = paths,
                .handler = handler,
                .userdata = userdata,
                .fd = -EBADF,
        };
        TAILQ_INSERT_TAIL(&m->preflights, p, preflights);
        r = prepare(p, begun_usec);
        if (r >= 0 && next_of(m, user->uid) == p)
                r = start(p);
        if (r < 0)
                preflight_free(p);
        return r;
}
