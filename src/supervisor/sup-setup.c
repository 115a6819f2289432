/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the process that PID 1 attached to the scope to the one that lives in supervisor/.
 *
 * The attached one makes the directories, clones itself into supervisor/ (moving there would wait
 * for an RCU grace period) and ends. Its copy goes on here: once the scope's own directory has no
 * process left, controllers can be enabled below it. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/clone.h"
#include "basic/fault.h"
#include "basic/process.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A process that has ended may be counted in its cgroup for a moment longer. */
#define CONTROLLERS_FIRST_WAIT_USEC (1 * USEC_PER_MSEC)
#define CONTROLLERS_GIVE_UP_USEC    (3 * USEC_PER_SEC)

/* What systemd gives a unit that does not say. */
#define STOP_TIMEOUT_DEFAULT_USEC (90 * USEC_PER_SEC)

static int fail(Request *r, const char *reason, int error)
{
        r->reason = reason;
        return error;
}

static int make_directory(int parent, const char *name, bool *ret_made)
{
        *ret_made = mkdirat(parent, name, 0755) >= 0;
        if (!*ret_made && errno != EEXIST)
                return -errno;
        return cgroup_open(parent, name);
}

static bool line_valid(const char *s)
{
        return s && *s && !strchr(s, '\n');
}

static int take_parameters(Supervisor *s, Request *r)
{
        if (r->n_fds < 2)
                return fail(r, "setup needs the scope's and the runtime directory", -EINVAL);
        if (!line_valid(r->unit) || !line_valid(r->identifier))
                return fail(r, "setup needs unit and identifier", -EINVAL);
        free(s->journal.unit);
        free(s->journal.identifier);
        s->journal.unit = strdup(r->unit);
        s->journal.identifier = strdup(r->identifier);
        if (!s->journal.unit || !s->journal.identifier)
                return -ENOMEM;
        s->stop_timeout_usec = STOP_TIMEOUT_DEFAULT_USEC;
        if (r->stop_timeout_usec != UINT64_MAX)
                s->stop_timeout_usec = r->stop_timeout_usec;
        s->setup.serial = r->serial;
        s->scope_fd = TAKE_FD(r->fds[0]);
        s->runtime_fd = TAKE_FD(r->fds[1]);
        return 0;
}

/* --- the lasting process --- */

static void setup_end(Supervisor *s, int error, const char *step, const char *reason)
{
        s->setup.error = error;
        s->setup.step = step;
        s->setup.reason = reason;
        free(s->setup.controllers);
        s->setup.controllers = NULL;
        if (error == 0)
                s->state = SUPERVISOR_READY;
        fault_point(FAULT_SUPERVISOR_READY);
        link_say(s, SAY_SETUP);
        if (error == 0)
                return;
        (void) cgroup_remove(s->scope_fd, "payload");
        s->quit = true;
}

/* For the scope and for payload, each controller by itself: one that is refused (cpu with real-time
 * processes) must not cost the others. -EBUSY while the scope has a process of its own. */
static int enable_controllers(Supervisor *s)
{
        _cleanup_(freep) char *names = strdup(s->setup.controllers);
        char *state = NULL;

        if (!names)
                return -ENOMEM;
        for (char *name = strtok_r(names, " ", &state); name; name = strtok_r(NULL, " ", &state)) {
                char text[64] = "+";

                if (strlen(name) >= sizeof(text) - 1)
                        continue;
                strcpy(text + 1, name);
                if (cgroup_write(s->scope_fd, "cgroup.subtree_control", text) == -EBUSY)
                        return -EBUSY;
                (void) cgroup_write(s->payload_fd, "cgroup.subtree_control", text);
        }
        return 0;
}

void setup_enable_controllers(Supervisor *s)
{
        int r = enable_controllers(s);

        if (r == -EBUSY && now_usec() < s->setup.give_up) {
                s->deadlines[DEADLINE_CONTROLLERS] = usec_add(now_usec(), s->setup.wait);
                s->setup.wait *= 2;
                return;
        }
        if (r < 0) {
                setup_end(s, r, "controllers", "the scope's own cgroup has a process");
                return;
        }
        r = payload_watch(s);
        setup_end(s, r, "payload", r < 0 ? "cannot watch payload/cgroup.events" : NULL);
}

static void handle_attached_gone(Supervisor *s, Source *source, uint32_t events)
{
        source_close(s, source);
        s->setup.wait = CONTROLLERS_FIRST_WAIT_USEC;
        s->setup.give_up = usec_add(now_usec(), CONTROLLERS_GIVE_UP_USEC);
        setup_enable_controllers(s);
}

/* The daemon gives us /dev/null as stdin: the scope's device policy may not let us open it. */
static int open_null(void)
{
        struct stat st;

        if (fstat(STDIN_FILENO, &st) >= 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) &&
            (fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_RDWR)
                return STDIN_FILENO;
        return open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

static int detach(void)
{
        int null = open_null();

        if (null < 0)
                return -errno;
        for (int fd = 0; fd <= 2; fd++)
                if (dup2(null, fd) < 0)
                        return -errno;
        if (null > 2)
                safe_close(null);
        (void) setsid();
        (void) umask(0022);
        return chdir("/") < 0 ? -errno : 0;
}

static int become_lasting(Supervisor *s)
{
        int r;

        s->lasting = true;
        (void) prctl(PR_SET_NAME, "hpcnode-superv");
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        r = detach();
        if (r < 0)
                return r;
        r = supervisor_watch(s);
        if (r < 0)
                return r;
        fault_point(FAULT_SUPERVISOR_PLACED);
        s->supervisor_fd = safe_close(s->supervisor_fd);
        r = cgroup_read(s->scope_fd, "cgroup.controllers", &s->setup.controllers);
        if (r < 0)
                return r;
        s->setup.attached.handle = handle_attached_gone;
        if (s->setup.attached.fd >= 0)
                return source_add(s, &s->setup.attached, s->setup.attached.fd, EPOLLIN);
        handle_attached_gone(s, &s->setup.attached, 0);
        return 0;
}

/* --- the attached process --- */

/* Goes on in the child; the parent ends here when there is one. */
static int clone_lasting(Supervisor *s)
{
        pid_t pid;
        int r;

        s->setup.attached.fd = pidfd_open_process(getpid());
        pid = clone_into_cgroup(s->supervisor_fd, NULL);
        if (pid < 0)
                return (int) pid;
        if (pid > 0)
                _exit(0);
        r = become_lasting(s);
        if (r < 0)
                setup_end(s, r, "place", "the lasting process could not go on");
        return 0;
}

static int setup_begin(Supervisor *s, Request *r)
{
        bool supervisor_made = false, payload_made = false;
        int k;

        k = take_parameters(s, r);
        if (k < 0)
                return k;
        s->supervisor_fd = make_directory(s->scope_fd, "supervisor", &supervisor_made);
        if (s->supervisor_fd < 0) {
                k = fail(r, "cannot make supervisor/", s->supervisor_fd);
                goto undo;
        }
        s->payload_fd = make_directory(s->scope_fd, "payload", &payload_made);
        if (s->payload_fd < 0) {
                k = fail(r, "cannot make payload/", s->payload_fd);
                goto undo;
        }
        fault_point(FAULT_SUPERVISOR_DIRECTORIES);
        k = clone_lasting(s);
        if (k >= 0)
                return 1;
        fail(r, "cannot start a process in supervisor/", k);
undo:
        if (payload_made)
                (void) cgroup_remove(s->scope_fd, "payload");
        if (supervisor_made)
                (void) cgroup_remove(s->scope_fd, "supervisor");
        return k;
}

int request_setup(Supervisor *s, Request *r)
{
        int k;

        if (s->lasting) {
                /* Of a daemon that came after the one that began it. */
                s->setup.serial = r->serial;
                if (s->state != SUPERVISOR_WAITING)
                        link_say(s, SAY_SETUP);
                return 1;
        }
        k = setup_begin(s, r);
        if (k < 0)
                s->quit = true;
        return k;
}
