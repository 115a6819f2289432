/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The saboteur of the chaos test: kills the daemon and supervisors, reloads and re-executes PID 1, restarts
 * the bus. */
#include "chaos.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#define DAEMON "hpcnode-cgroupd"

static void command(const char *text)
{
        if (system(text) < 0)
                die(text);
}

/* A property of the daemon's unit; 0 while PID 1 does not say. */
static unsigned daemon_property(const char *name)
{
        char text[128];
        unsigned value = 0;
        FILE *f;

        (void) snprintf(text, sizeof text, "systemctl show -P %s " DAEMON ".service 2>/dev/null",
                        name);
        f = popen(text, "r");
        if (!f)
                die(text);
        if (fscanf(f, "%u", &value) != 1)
                value = 0;
        (void) pclose(f);
        return value;
}

unsigned daemon_restarts(void)
{
        return daemon_property("NRestarts");
}

/* Whether the process still is what the unit's was: its number may be another's by now. */
static bool is_daemon(unsigned pid)
{
        char path[64], name[32] = "";
        FILE *f;

        (void) snprintf(path, sizeof path, "/proc/%u/comm", pid);
        f = fopen(path, "re");
        if (!f)
                return false;
        (void) !fgets(name, sizeof name, f);
        (void) fclose(f);
        return streq(name, DAEMON "\n");
}

/* Counted when it lived until then, and has ended of it. */
static void kill_daemon(void)
{
        unsigned pid = daemon_property("MainPID");
        struct pollfd p = { .events = POLLIN };

        if (pid == 0)
                return;
        p.fd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (p.fd < 0)
                return;
        if (is_daemon(pid) && poll(&p, 1, 0) == 0 &&
            syscall(SYS_pidfd_send_signal, p.fd, SIGKILL, NULL, 0) >= 0) {
                if (poll(&p, 1, DEADLINE_SEC * 1000) != 1)
                        die("the daemon does not die");
                atomic_fetch_add(&shared->kills, 1);
        }
        (void) close(p.fd);
}

static void kill_supervisor(unsigned n_workers)
{
        unsigned job = shared->current[below(n_workers)];
        char path[256];
        FILE *f;
        int pid;

        if (job == 0)
                return;
        (void) snprintf(
                path, sizeof path,
                "/sys/fs/cgroup/workload.slice/workload-chaos-%u.scope/supervisor/cgroup.procs",
                job);
        f = fopen(path, "re");
        if (!f)
                return;
        if (fscanf(f, "%d", &pid) == 1) {
                atomic_store(&shared->supervisor_killed[job], true);
                if (kill(pid, SIGKILL) >= 0)
                        atomic_fetch_add(&shared->supervisors_killed, 1);
        }
        (void) fclose(f);
}

static void reload(void)
{
        command("systemctl daemon-reload");
        atomic_fetch_add(&shared->reloads, 1);
}

static void reexec(void)
{
        command("systemctl daemon-reexec");
        atomic_fetch_add(&shared->reexecs, 1);
}

static void restart_bus(void)
{
        /* Not to run into the limit of starts, which PID 1 has for it. */
        command("systemctl reset-failed dbus.service 2>/dev/null");
        command("systemctl restart dbus.service 2>/dev/null");
        atomic_fetch_add(&shared->bus_restarts, 1);
}

void sabotage(unsigned n_workers, unsigned pause_usec, bool spare_bus)
{
        while (!shared->finished) {
                unsigned n = below(100);

                /* As soon as a daemon serves, at a moment that nobody can foresee. */
                wait_until_served();
                (void) usleep(below(pause_usec));
                if (n < 70)
                        kill_daemon();
                else if (n < 88)
                        kill_supervisor(n_workers);
                else if (n < 94)
                        reload();
                else if (n < 97)
                        reexec();
                else if (!spare_bus)
                        restart_bus();
        }
        wait_until_served();
}
