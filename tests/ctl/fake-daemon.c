/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stand-in for hpcnode-cgroupd on a bus of its own: hpcnode-ctl is tested without systemd or root.
 *
 * It writes every call to the file in $FAKE_LOG, runs the programs of Run and Spawn as plain children,
 * and knows some scopes by name: "missing" is NotFound, "empty" is empty, "alien" is PermissionDenied,
 * "seven" is a job that has ended with status 7. It lists two scopes, or as many as the file $FAKE_MANY says.
 *
 * Its scope "one" is one that pressure has frozen and demoted.
 *
 * While the file $FAKE_BUSY is there, its task rank-b uses a cpu all the time.
 *
 * The file in $FAKE_FAULTS has a line for each fault that is still to come: "crash MEMBER" ends it when
 * MEMBER is called, "mute MEMBER" leaves the call without an answer. */
#include "basic/macro.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>

#define OBJECT       "/org/hpcnode/Cgroup1"
#define SCOPE_PREFIX OBJECT "/scope"

/* One job at a time is enough. */
typedef struct Fake {
        sd_bus *bus;
        char *name;  /* of the job, owned */
        char *slice; /* its parent, owned */
        pid_t pid;
        int status; /* of waitpid(); -1: it runs */
        sd_bus_message *waiting;
} Fake;

static void log_call(sd_bus_message *m)
{
        FILE *f = fopen(getenv("FAKE_LOG") ?: "/dev/null", "ae");

        if (!f)
                return;
        (void) sd_bus_message_dump(m, f, SD_BUS_MESSAGE_DUMP_WITH_HEADER);
        (void) sd_bus_message_rewind(m, true);
        (void) fclose(f);
}

/* --- faults --- */

/* Takes the first line of the file, when it is this one. */
static bool take_fault(const char *line)
{
        const char *path = getenv("FAKE_FAULTS") ?: "/dev/null";
        char text[256] = "";
        const char *rest;
        FILE *f;

        f = fopen(path, "re");
        if (!f)
                return false;
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        (void) fclose(f);
        rest = startswith(text, line);
        if (!rest || *rest != '\n')
                return false;

        f = fopen(path, "we");
        if (!f || fputs(rest + 1, f) < 0 || fclose(f) < 0)
                abort();
        return true;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(m);
        char line[128];

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        (void) snprintf(line, sizeof(line), "crash %s", member);
        if (take_fault(line)) {
                log_call(m);
                _exit(1);
        }
        (void) snprintf(line, sizeof(line), "mute %s", member);
        if (!take_fault(line))
                return 0;
        log_call(m);
        return 1;
}

/* --- slices and scopes --- */

static int method_hierarchy(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        log_call(m);
        return sd_bus_reply_method_return(m, "as", 2, "pact.slice", "workload.slice");
}

/* The daemon's answer to a scope by its name, where that means something; else 0. */
static int refuse_scope(sd_bus_message *m, const char **ret_scope, sd_bus_error *error)
{
        const char *scope;
        int r;

        log_call(m);
        r = sd_bus_message_read_basic(m, 's', &scope);
        if (r < 0)
                return r;
        if (streq(scope, "missing"))
                return sd_bus_error_setf(error, "org.hpcnode.Cgroup1.Error.NotFound",
                                         "There is no scope \"%s\"", scope);
        if (streq(scope, "alien"))
                return sd_bus_error_setf(error, "org.hpcnode.Cgroup1.Error.PermissionDenied",
                                         "The scope \"%s\" is pact's", scope);
        *ret_scope = scope;
        return 0;
}

static int method_scope(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *scope;
        int r;

        r = refuse_scope(m, &scope, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

static int method_empty(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *scope;
        int r;

        r = refuse_scope(m, &scope, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, "b", streq(scope, "empty"));
}

static int method_metrics(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct timespec busy = { .tv_nsec = 1500 * 1000 };
        const char *path;
        uint64_t usage;
        int r;

        r = refuse_scope(m, &path, error);
        if (r < 0)
                return r;
        /* One that keeps a cpu busy all the time. */
        if (access(getenv("FAKE_BUSY") ?: "/nonexistent", F_OK) == 0 && strstr(path, "/rank_2db"))
                (void) clock_gettime(CLOCK_MONOTONIC, &busy);
        usage = (uint64_t) busy.tv_sec * USEC_PER_SEC + (uint64_t) busy.tv_nsec / NSEC_PER_USEC;
        if (streq(path, "workload.slice"))
                return sd_bus_reply_method_return(
                        m, "a{sv}", 4, "MemoryCurrent", "t", UINT64_C(4096),
                        "CPUSomeAvg10Permyriad", "t", UINT64_C(700), "CPUSomeAvg60Permyriad", "t",
                        UINT64_C(1250), "CPUSomeTotalUSec", "t", 61 * USEC_PER_SEC);
        return sd_bus_reply_method_return(m, "a{sv}", 4, "NrProcesses", "u", 3, "MemoryCurrent",
                                          "t", UINT64_C(4096), "CPUUsageUSec", "t", usage,
                                          "OfALaterVersion", "s", "?");
}

static int method_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *path;
        int r;

        r = refuse_scope(m, &path, error);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "s", startswith(path, "pact.slice") ? "pact" : "");
}

static int method_who_am_i(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        log_call(m);
        return sd_bus_reply_method_return(m, "sus", "pact", (uint32_t) 4711, "pact-agent.service");
}

/* --- objects --- */

static char *scope_object(const char *name)
{
        _cleanup_(freep) char *unit = NULL;
        char *object = NULL;

        if (asprintf(&unit, "workload-%s.scope", name) < 0)
                abort();
        if (sd_bus_path_encode(SCOPE_PREFIX, unit, &object) < 0)
                abort();
        return object;
}

static int method_get_scope(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *object = NULL, *name = NULL;
        const char *scope, *rest;
        int r;

        r = refuse_scope(m, &scope, error);
        if (r < 0)
                return r;
        rest = startswith(scope, "workload-") ?: scope;
        name = strndup(rest, strcspn(rest, "./"));
        object = scope_object(name);
        return sd_bus_reply_method_return(m, "o", object);
}

/* The two numbers in the file $FAKE_MANY: scopes, and further tasks of the first. False: there is none. */
static bool read_many(int *ret_scopes, int *ret_tasks)
{
        FILE *f = fopen(getenv("FAKE_MANY") ?: "/nonexistent", "re");
        bool known = f && fscanf(f, "%d %d", ret_scopes, ret_tasks) == 2;

        if (f)
                (void) fclose(f);
        return known;
}

static int reply_many(sd_bus_message *m, int n)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        if (sd_bus_message_new_method_return(m, &reply) < 0 ||
            sd_bus_message_open_container(reply, 'a', "(osss)") < 0)
                abort();
        for (int i = 0; i < n; i++) {
                _cleanup_(freep) char *object = NULL;
                char name[32], unit[64], path[96];

                (void) snprintf(name, sizeof(name), "job-%d", i);
                (void) snprintf(unit, sizeof(unit), "workload-%s.scope", name);
                (void) snprintf(path, sizeof(path), "/workload.slice/%s", unit);
                object = scope_object(name);
                if (sd_bus_message_append(reply, "(osss)", object, unit, path, "running") < 0)
                        abort();
        }
        if (sd_bus_message_close_container(reply) < 0)
                abort();
        return sd_bus_message_send(reply);
}

/* The tasks of one scope: main, one that runs, one that is frozen, one that has ended, and `n` more. */
static int method_list_tasks(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *object = NULL;
        int scopes, n = 0;
        const char *name = read_many(&scopes, &n) ? "job-0" : "one";

        log_call(m);
        object = scope_object(name);
        if (sd_bus_message_new_method_return(m, &reply) < 0 ||
            sd_bus_message_open_container(reply, 'a', "(ossa(ssuiibtt))") < 0 ||
            sd_bus_message_open_container(reply, 'r', "ossa(ssuiibtt)") < 0 ||
            sd_bus_message_append(reply, "oss", object, name, "/workload.slice/some.scope") < 0 ||
            sd_bus_message_open_container(reply, 'a', "(ssuiibtt)") < 0)
                abort();
        for (int i = -4; i < n; i++) {
                static const char *const names[] = { "main", "rank-a", "rank-b", "past" };
                static const char *const states[] = { "running", "running", "frozen", "failed" };
                char number[32];

                (void) snprintf(number, sizeof(number), "rank-%d", i);
                if (sd_bus_message_append(reply, "(ssuiibtt)", i < 0 ? names[i + 4] : number,
                                          i < 0 ? states[i + 4] : "running", 4250 + i,
                                          i == -1 ? 7 : -1, 0, false, UINT64_C(1700000000000000),
                                          i == -1 ? UINT64_C(1700000001000000) : 0) < 0)
                        abort();
        }
        if (sd_bus_message_close_container(reply) < 0 ||
            sd_bus_message_close_container(reply) < 0 || sd_bus_message_close_container(reply) < 0)
                abort();
        return sd_bus_message_send(reply);
}

static int method_list(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *one = scope_object("one"), *gone = scope_object("gone");
        int scopes, tasks;

        log_call(m);
        if (read_many(&scopes, &tasks))
                return reply_many(m, scopes);
        return sd_bus_reply_method_return(m, "a(osss)", 2, one, "workload-one.scope",
                                          "/workload.slice/workload-one.scope", "running", gone,
                                          "workload-gone.scope",
                                          "/workload.slice/workload-gone.scope", "failed");
}

static int get_name(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *unit = NULL;

        if (sd_bus_path_decode(path, SCOPE_PREFIX, &unit) <= 0)
                return -EINVAL;
        unit[strcspn(unit, ".")] = '\0';
        return sd_bus_message_append(reply, "s", startswith(unit, "workload-"));
}

static int get_path(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", "/workload.slice/some.scope");
}

static int get_pid(sd_bus *bus, const char *path, const char *interface, const char *property,
                   sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "u", 4242);
}

static int get_limits(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        /* The limit of /dev/sdb is none any more. */
        return sd_bus_message_append(
                reply, "a{sv}", 6, "MemoryMax", "t", UINT64_C(64) << 20, "CPUQuotaPerSecUSec", "t",
                UINT64_C(1500000), "CPUQuotaPeriodUSec", "t", UINT64_C(50000), "IOMax", "t",
                UINT64_C(1) << 20, "IOReadBandwidthMax", "a(st)", 1, "/dev/sda", UINT64_C(1) << 20,
                "IOWriteIOPSMax", "a(st)", 1, "/dev/sdb", UINT64_MAX);
}

static int get_metrics(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "a{sv}", 6, "MemoryCurrent", "t", UINT64_C(3) << 29,
                                     "CPUUsageUSec", "t", UINT64_C(200 * 1000 * 1000),
                                     "NrProcesses", "u", 5, "MemorySomeAvg10Permyriad", "t",
                                     UINT64_C(1234), "MemorySomeAvg60Permyriad", "t", UINT64_C(5),
                                     "MemorySomeTotalUSec", "t", UINT64_C(77));
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", "running");
}

static bool is_one(const char *path)
{
        return strstr(path, "workload_2done_2escope") != NULL;
}

static int get_frozen_by(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return is_one(path) ? sd_bus_message_append(reply, "as", 2, "client", "pressure")
                            : sd_bus_message_append(reply, "as", 1, "client");
}

static int get_demoted(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", is_one(path));
}

/* Of the job "pressed". */
static int get_pressure_killed(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", strstr(path, "pressed") != NULL);
}

static int get_pids(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "au", 2, 4242, 4243);
}

#define APART SD_BUS_VTABLE_PROPERTY_EXPLICIT

static const sd_bus_vtable scope_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, 0),
        SD_BUS_PROPERTY("Path", "s", get_path, 0, 0),
        SD_BUS_PROPERTY("State", "s", get_state, 0, 0),
        SD_BUS_PROPERTY("FrozenBy", "as", get_frozen_by, 0, 0),
        SD_BUS_PROPERTY("Demoted", "b", get_demoted, 0, 0),
        SD_BUS_PROPERTY("PressureKilled", "b", get_pressure_killed, 0, 0),
        SD_BUS_PROPERTY("MainPID", "u", get_pid, 0, 0),
        SD_BUS_PROPERTY("PIDs", "au", get_pids, 0, APART),
        SD_BUS_PROPERTY("Limits", "a{sv}", get_limits, 0, APART),
        SD_BUS_PROPERTY("Metrics", "a{sv}", get_metrics, 0, APART),
        SD_BUS_VTABLE_END,
};

/* --- jobs --- */

/* Reads argv and the options that a child needs, and starts it. */
static int start_child(Fake *f, sd_bus_message *m, sd_bus_error *error)
{
        int fds[3] = { -1, -1, -1 }, r;
        static const char *const streams[] = { "StandardInput", "StandardOutput", "StandardError" };
        const char *cwd = "/", *key;
        char **argv;

        r = sd_bus_message_read_strv(m, &argv);
        if (r < 0)
                return r;
        if (streq(argv[0], "/nonexistent"))
                return sd_bus_error_setf(error, "org.hpcnode.Cgroup1.Error.ExecFailed",
                                         "Cannot execute %s: No such file or directory", argv[0]);

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                bool known = false;

                r = sd_bus_message_read_basic(m, 's', &key);
                for (size_t i = 0; i < ELEMENTSOF(streams); i++)
                        if (streq(key, streams[i])) {
                                r = sd_bus_message_read(m, "v", "h", &fds[i]);
                                known = true;
                        }
                if (streq(key, "WorkingDirectory"))
                        r = sd_bus_message_read(m, "v", "s", &cwd);
                else if (!known)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;

        f->status = -1;
        f->pid = fork();
        if (f->pid == 0) {
                sigset_t none;

                (void) sigemptyset(&none);
                (void) sigprocmask(SIG_SETMASK, &none, NULL);
                for (int i = 0; i < 3; i++)
                        if (fds[i] >= 0)
                                (void) dup2(fds[i], i);
                if (chdir(cwd) < 0)
                        _exit(200);
                (void) execvp(argv[0], argv);
                _exit(203);
        }
        return 0;
}

static int method_run(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *object = NULL, *path = NULL;
        const char *slice, *name;
        Fake *f = userdata;
        int r;

        log_call(m);
        r = sd_bus_message_read(m, "ss", &slice, &name);
        if (r < 0)
                return r;
        r = sd_bus_message_skip(m, "a{sv}");
        if (r < 0)
                return r;
        r = start_child(f, m, error);
        if (r < 0)
                return r;
        object = scope_object(name);
        if (asprintf(&path, "/workload.slice/workload-%s.scope", name) < 0)
                return -ENOMEM;
        return sd_bus_reply_method_return(m, "osu", object, path, (uint32_t) f->pid);
}

static int method_spawn(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *object = NULL, *prefix = NULL, *path = NULL;
        const char *scope, *task;
        Fake *f = userdata;
        int r;

        r = refuse_scope(m, &scope, error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, 's', &task);
        if (r < 0)
                return r;
        r = start_child(f, m, error);
        if (r < 0)
                return r;
        object = scope_object(scope);
        if (asprintf(&prefix, "%s/task", object) < 0)
                return -ENOMEM;
        r = sd_bus_path_encode(prefix, task, &path);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "ou", path, (uint32_t) f->pid);
}

static int method_create(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *object = NULL;
        const char *slice, *name;
        int r;

        log_call(m);
        r = sd_bus_message_read(m, "ss", &slice, &name);
        if (r < 0)
                return r;
        object = scope_object(name);
        return sd_bus_reply_method_return(m, "os", object, "/workload.slice/some.scope");
}

static int reply_outcome(Fake *f, sd_bus_message *m)
{
        int status = f->status, signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        /* Here SIGUSR1 stands for the OOM killer. */
        bool oom = signal == SIGUSR1;

        return sd_bus_reply_method_return(m, "siib",
                                          signal == SIGKILL               ? "killed"
                                          : signal || WEXITSTATUS(status) ? "failed"
                                                                          : "exited",
                                          signal ? -1 : WEXITSTATUS(status), signal, oom);
}

static int method_wait(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Fake *f = userdata;
        const char *scope;
        int r;

        r = refuse_scope(m, &scope, error);
        if (r < 0)
                return r;
        if (streq(scope, "seven"))
                return sd_bus_reply_method_return(m, "siib", "failed", 7, 0, false);
        if (f->status >= 0 || f->pid == 0)
                return reply_outcome(f, m);
        f->waiting = sd_bus_message_ref(m);
        return 1;
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Fake *f = userdata;
        const char *scope;
        int signal, r;

        r = refuse_scope(m, &scope, error);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, 'i', &signal);
        if (r < 0)
                return r;
        if (f->pid > 0 && f->status < 0)
                (void) kill(f->pid, signal);
        return sd_bus_reply_method_return(m, "");
}

static int on_child(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
        Fake *f = userdata;

        if (f->pid > 0 && waitpid(f->pid, &f->status, WNOHANG) == f->pid && f->waiting) {
                (void) reply_outcome(f, f->waiting);
                f->waiting = sd_bus_message_unref(f->waiting);
        }
        return 0;
}

static int get_policy(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", "dry-run");
}

/* The second one is of a version to come. */
static int get_thresholds(sd_bus *bus, const char *path, const char *interface,
                          const char *property, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error)
{
        return sd_bus_message_append(reply, "a(ssst)", 4, "reject", "memory", "some",
                                     (uint64_t) 8000, "reject", "quicksilver-memory", "some",
                                     (uint64_t) 1, "freeze", "memory", "some", (uint64_t) 2050,
                                     "freeze", "io", "full", (uint64_t) 3000);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", "0.0-fake");
}

/* An hour, a minute and a second ago. */
static int get_start(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t",
                                     ((uint64_t) time(NULL) - 3661) * UINT64_C(1000000));
}

/* As it was declared last; the time has not begun to run. */
static char *emergency;
static uint64_t emergency_until;

static int method_declare_emergency(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *reason;
        uint64_t duration;
        int r;

        log_call(m);
        r = sd_bus_message_read(m, "st", &reason, &duration);
        if (r < 0)
                return r;
        free(emergency);
        emergency = strdup(reason);
        emergency_until = UINT64_C(4102444800000000) + duration;
        return sd_bus_reply_method_return(m, "");
}

static int method_end_emergency(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        log_call(m);
        free(TAKE_PTR(emergency));
        return sd_bus_reply_method_return(m, "");
}

/* Of the drain, which has no state here. */
static int method_nothing(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        log_call(m);
        return sd_bus_reply_method_return(m, "");
}

static int get_emergency(sd_bus *bus, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", emergency != NULL);
}

static int get_emergency_reason(sd_bus *bus, const char *path, const char *interface,
                                const char *property, sd_bus_message *reply, void *userdata,
                                sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", emergency ?: "");
}

static int get_emergency_until(sd_bus *bus, const char *path, const char *interface,
                               const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", emergency ? emergency_until : 0);
}

/* Nobody drains it. */
static int get_draining(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", false);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CreateHierarchy", "", "as", method_hierarchy, 0),
        SD_BUS_METHOD("CreateScope", "ssa{sv}", "os", method_create, 0),
        SD_BUS_METHOD("DestroyScope", "s", "", method_scope, 0),
        SD_BUS_METHOD("ReadMetrics", "s", "a{sv}", method_metrics, 0),
        SD_BUS_METHOD("IsScopeEmpty", "s", "b", method_empty, 0),
        SD_BUS_METHOD("SliceOwner", "s", "s", method_owner, 0),
        SD_BUS_METHOD("WhoAmI", "", "sus", method_who_am_i, 0),
        SD_BUS_METHOD("Run", "ssa{sv}asa{sv}", "osu", method_run, 0),
        SD_BUS_METHOD("Spawn", "ssasa{sv}", "ou", method_spawn, 0),
        SD_BUS_METHOD("AttachProcesses", "ssau", "", method_scope, 0),
        SD_BUS_METHOD("FreezeScope", "s", "", method_scope, 0),
        SD_BUS_METHOD("ThawScope", "s", "", method_scope, 0),
        SD_BUS_METHOD("KillScope", "si", "", method_kill, 0),
        SD_BUS_METHOD("KillAll", "si", "", method_kill, 0),
        SD_BUS_METHOD("SetScopeLimits", "sa{sv}", "", method_scope, 0),
        SD_BUS_METHOD("WaitScope", "s", "siib", method_wait, 0),
        SD_BUS_METHOD("RemoveScope", "s", "", method_scope, 0),
        SD_BUS_METHOD("ListScopes", "", "a(osss)", method_list, 0),
        SD_BUS_METHOD("ListTasks", "s", "a(ossa(ssuiibtt))", method_list_tasks, 0),
        SD_BUS_METHOD("GetScope", "s", "o", method_get_scope, 0),
        SD_BUS_METHOD("DeclareEmergency", "st", "", method_declare_emergency, 0),
        SD_BUS_METHOD("EndEmergency", "", "", method_end_emergency, 0),
        SD_BUS_METHOD("Drain", "bs", "", method_nothing, 0),
        SD_BUS_METHOD("WaitDrained", "", "", method_nothing, 0),
        SD_BUS_METHOD("CancelDrain", "", "", method_nothing, 0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, 0),
        SD_BUS_PROPERTY("StartUSec", "t", get_start, 0, 0),
        SD_BUS_PROPERTY("Pressure", "s", get_policy, 0, 0),
        SD_BUS_PROPERTY("PressureThresholds", "a(ssst)", get_thresholds, 0, 0),
        SD_BUS_PROPERTY("Emergency", "b", get_emergency, 0, 0),
        SD_BUS_PROPERTY("EmergencyReason", "s", get_emergency_reason, 0, 0),
        SD_BUS_PROPERTY("EmergencyUntil", "t", get_emergency_until, 0, 0),
        SD_BUS_PROPERTY("Draining", "b", get_draining, 0, 0),
        SD_BUS_VTABLE_END,
};

static int find_scope(sd_bus *bus, const char *path, const char *interface, void *userdata,
                      void **ret_found, sd_bus_error *error)
{
        if (strstr(path, "gone"))
                return 0;
        *ret_found = userdata;
        return 1;
}

int main(void)
{
        Fake f = { .status = -1 };
        sd_event *event;
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);

        if (sd_event_default(&event) < 0 ||
            sd_event_add_signal(event, NULL, SIGCHLD, on_child, &f) < 0 ||
            sd_bus_open_system(&f.bus) < 0 || sd_bus_attach_event(f.bus, event, 0) < 0 ||
            sd_bus_set_exit_on_disconnect(f.bus, true) < 0 ||
            sd_bus_add_filter(f.bus, NULL, on_message, &f) < 0 ||
            sd_bus_add_object_vtable(f.bus, NULL, OBJECT, "org.hpcnode.Cgroup1", manager_vtable,
                                     &f) < 0 ||
            sd_bus_add_fallback_vtable(f.bus, NULL, SCOPE_PREFIX, "org.hpcnode.Cgroup1.Scope",
                                       scope_vtable, find_scope, &f) < 0 ||
            sd_bus_request_name(f.bus, "org.hpcnode.Cgroup1", 0) < 0)
                return EXIT_FAILURE;
        return sd_event_loop(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
