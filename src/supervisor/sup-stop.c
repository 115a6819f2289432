/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PID 1 stops the scope: the job gets the time it needs for SIGTERM, and its outcome stays known. */

#include "supervisor.h"

#include "basic/cgroup-file.h"
#include "basic/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

/* A stop is SIGTERM and SIGCONT by the service manager; `systemctl kill` is only the former. */
#define STOP_PAIR_USEC (5 * USEC_PER_SEC)

/* Adopted by the service manager when the process it attached ended, so it is our parent: PID 1,
 * the user's manager, or 0 where it is outside of our pid namespace. */
static bool from_service_manager(const struct signalfd_siginfo *si)
{
        pid_t sender = (pid_t) si->ssi_pid;

        return si->ssi_code == SI_USER && (sender <= 1 || sender == getppid());
}

/* What is frozen cannot see its SIGTERM, nor end. */
static void thaw(Supervisor *s)
{
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *entry;

        (void) cgroup_write(s->payload_fd, "cgroup.freeze", "0");
        if (cgroup_open_children(s->payload_fd, ".", &d) < 0 || !d)
                return;
        while ((entry = readdir(d))) {
                _cleanup_(closep) int leaf = -EBADF;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                leaf = cgroup_open(dirfd(d), entry->d_name);
                if (leaf >= 0)
                        (void) cgroup_write(leaf, "cgroup.freeze", "0");
        }
}

static uint64_t percent(uint64_t value, unsigned n)
{
        return value / 100 * n + value % 100 * n / 100;
}

static void stop_begin(Supervisor *s)
{
        uint64_t now = now_usec();
        Task *t;

        if (s->state == SUPERVISOR_WAITING) {
                s->quit = true;
                return;
        }
        s->state = SUPERVISOR_STOPPING;
        link_say(s, SAY_STOPPING);
        /* A child that was born while PID 1 went through the processes. */
        TAILQ_FOREACH (t, &s->starting, starting)
                if (t->alive)
                        (void) kill(t->pid, SIGTERM);
        thaw(s);
        if (s->stop_timeout_usec > 0 && s->stop_timeout_usec != USEC_NEVER) {
                s->deadlines[DEADLINE_STOP_KILL] =
                        usec_add(now, percent(s->stop_timeout_usec, 100 - STOP_MARGIN_PERCENT));
                s->deadlines[DEADLINE_STOP_LAST] =
                        usec_add(now, percent(s->stop_timeout_usec, 100 - STOP_MARGIN_PERCENT / 2));
        }
        if (!payload_populated(s))
                stop_payload_empty(s);
}

void stop_signal(Supervisor *s, const struct signalfd_siginfo *si)
{
        uint64_t now = now_usec();

        if (s->state == SUPERVISOR_STOPPING || !from_service_manager(si))
                return;
        if (si->ssi_signo == SIGTERM)
                s->term_usec = now;
        else if (si->ssi_signo == SIGCONT)
                s->cont_usec = now;
        else
                return;
        if (s->term_usec > 0 && s->cont_usec > 0 && now - s->term_usec <= STOP_PAIR_USEC &&
            now - s->cont_usec <= STOP_PAIR_USEC)
                stop_begin(s);
}

static void append_outcome(Supervisor *s, Fields *f)
{
        Task *t = task_find(s, TASK_MAIN);
        Metrics m = {};

        if (t && t->state == TASK_EXITED)
                task_append_exit(t, f);
        if (metrics_read_scope(s->scope_fd, s->payload_fd, &m) < 0)
                return;
        metrics_end(&m);
        for (size_t i = 0; i < _METRIC_MAX; i++)
                if (m.present[i])
                        fields_append_u64(f, metric_table[i].name, m.values[i]);
}

static int write_outcome(Supervisor *s)
{
        _cleanup_(fields_done) Fields f = {};
        _cleanup_(closep) int fd = -EBADF;
        char name[128], temporary[128];

        append_outcome(s, &f);
        if (f.error < 0)
                return f.error;
        (void) stpcpy(stpcpy(name, s->id), ".outcome");
        (void) stpcpy(stpcpy(temporary, name), "~");
        fd = openat(s->runtime_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return -errno;
        if (write(fd, f.data, f.length) != (ssize_t) f.length ||
            renameat(s->runtime_fd, temporary, s->runtime_fd, name) < 0) {
                int r = errno ? -errno : -EIO;

                (void) unlinkat(s->runtime_fd, temporary, 0);
                return r;
        }
        return 0;
}

/* A daemon that is connected may hang, and then be killed as we may be: the outcome does not wait for it. */
void stop_payload_empty(Supervisor *s)
{
        if (s->state != SUPERVISOR_STOPPING)
                return;
        s->deadlines[DEADLINE_STOP_KILL] = USEC_NEVER;
        s->deadlines[DEADLINE_STOP_LAST] = USEC_NEVER;
        (void) write_outcome(s);
        if (s->link.peer.fd < 0)
                s->quit = true;
        else
                s->deadlines[DEADLINE_STOP_RELEASE] = usec_add(now_usec(), STOP_RELEASE_USEC);
}

void stop_kill(Supervisor *s)
{
        (void) payload_kill(s);
}

/* Processes that cannot be killed (F30) take us with them when PID 1 loses its patience. */
void stop_last(Supervisor *s)
{
        (void) write_outcome(s);
}
