/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scope: one transient delegated unit with its supervisor, its tasks, and in the end its record. */
#include "daemon/scope.h"

#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "basic/option.h"
#include "basic/process.h"
#include "daemon/drain.h"
#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/inotify.h>
#include <sys/random.h>

const char *scope_state_name(const Scope *s)
{
        return s->is_job && s->state == SCOPE_ACTIVE ? "running" : scope_state_to_string(s->state);
}

static int make_id(char **ret)
{
        uint64_t random;

        if (getrandom(&random, sizeof random, 0) != sizeof random)
                return -errno;
        return asprintf(ret, "%016" PRIx64, random) < 0 ? -ENOMEM : 0;
}

int scope_new(Manager *m, const char *slice, const char *name, const char *unit, Scope **ret)
{
        _cleanup_(freep) char *id = NULL;
        Scope *s;
        int r;

        r = make_id(&id);
        if (r < 0)
                return r;
        s = calloc(1, sizeof *s);
        if (!s)
                return -ENOMEM;
        *s = (Scope){
                .manager = m,
                .state = SCOPE_CREATING,
                .id = TAKE_PTR(id),
                .name = strdup(name),
                .slice = strdup(slice),
                .unit = strdup(unit),
                .priority = PRIORITY_DEFAULT,
                .exit_status = -1,
                .destroyer_uid = UID_INVALID,
                .created_usec = now_realtime_usec(),
                .stop_timeout_usec = m->config.stop_timeout_usec,
                .cgroup_fd = -EBADF,
                .payload_fd = -EBADF,
        };
        TAILQ_INIT(&s->tasks_over);
        TAILQ_INIT(&s->spawns_held);
        TAILQ_INIT(&s->held);
        TAILQ_INIT(&s->unheard);
        TAILQ_INIT(&s->waiters);
        TAILQ_INIT(&s->freezers);
        if (!s->name || !s->slice || !s->unit) {
                free(s->id);
                free(s->name);
                free(s->slice);
                free(s->unit);
                free(s);
                return -ENOMEM;
        }
        HASH_ADD_KEYPTR(hh, m->scopes, s->unit, strlen(s->unit), s);
        *ret = s;
        return 0;
}

Scope *scope_free(Scope *s)
{
        Task *t, *next;

        if (!s)
                return NULL;
        scope_create_abandon(s);
        supervisor_link_free(TAKE_PTR(s->link)); /* its requests still refer to the operations */
        scope_end_adoption(s);
        tasks_spawn_held(s);
        scope_create_free(s->create);
        scope_release_free(s->release);
        systemd_call_free(s->unit_query);
        HASH_DEL(s->manager->scopes, s);
        drain_check(s->manager);
        if (scope_has_ended(s))
                s->manager->n_records--;
        if (s->state == SCOPE_ZOMBIE)
                s->manager->n_zombies--;
        usage_subtract(s);
        s->usage = usage_put(s->usage);
        HASH_ITER (hh, s->tasks, t, next)
                task_free(t);
        calls_drop(&s->held);
        calls_drop(&s->unheard);
        calls_drop(&s->waiters);
        calls_drop(&s->freezers);
        sd_event_source_disable_unref(s->freeze_deadline);
        sd_event_source_disable_unref(s->silence);
        scope_close_cgroup(s);
        limits_done(&s->limits);
        free(s->id);
        free(s->name);
        free(s->slice);
        free(s->unit);
        free(s->path);
        free(s->description);
        free(s->log);
        free(s);
        return NULL;
}

Scope *scope_by_unit(Manager *m, const char *unit)
{
        Scope *s;

        HASH_FIND_STR(m->scopes, unit, s);
        return s;
}

void scope_changed(Scope *s, const char *property)
{
        _cleanup_(freep) char *path = NULL;

        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_properties_changed(s->manager->bus, path, SCOPE_INTERFACE,
                                                      property, NULL);
}

void scope_set_state(Scope *s, ScopeState state)
{
        Manager *m = s->manager;

        if (s->state == state)
                return;
        m->n_records += (state >= SCOPE_EXITED) - (s->state >= SCOPE_EXITED);
        if ((state == SCOPE_ZOMBIE) != (s->state == SCOPE_ZOMBIE)) {
                m->n_zombies += state == SCOPE_ZOMBIE ? 1 : -1;
                manager_changed(m, "NZombies");
        }
        usage_subtract(s);
        s->state = state;
        usage_add(s);
        drain_check(m);
        pressure_on_state(s);
        scope_changed(s, "State");
}

int scope_populated(const Scope *s)
{
        return s->payload_fd < 0 ? 0 : cgroup_populated(s->payload_fd);
}

int scope_read_metrics(const Scope *s, Metrics *ret)
{
        if (scope_has_ended(s)) {
                *ret = s->metrics;
                return 0;
        }
        if (s->cgroup_fd < 0 || s->payload_fd < 0)
                return -ENOENT;
        return metrics_read_scope(s->cgroup_fd, s->payload_fd, ret);
}

static int on_events(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        scope_on_cgroup_event(userdata);
        return 0;
}

static int watch_file(Scope *s, const char *file, sd_event_inotify_handler_t handler,
                      sd_event_source **ret)
{
        _cleanup_(closep) int fd = -EBADF;

        fd = openat(s->payload_fd, file, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        return sd_event_add_inotify_fd(s->manager->event, ret, fd, IN_MODIFY, handler, s);
}

int scope_open_cgroup(Scope *s)
{
        s->cgroup_fd = safe_close(s->cgroup_fd);
        s->cgroup_fd = cgroup_open(s->manager->cgroup_fd, s->path + 1);
        return s->cgroup_fd < 0 ? s->cgroup_fd : 0;
}

int scope_open_payload(Scope *s)
{
        int r;

        s->payload_fd = cgroup_open(s->cgroup_fd, "payload");
        if (s->payload_fd < 0)
                return s->payload_fd;
        r = watch_file(s, "cgroup.events", on_events, &s->events_watch);
        if (r >= 0)
                r = scope_watch_freezes(s);
        return r < 0 ? r : scope_watch_memory(s);
}

void scope_close_cgroup(Scope *s)
{
        s->events_watch = sd_event_source_disable_unref(s->events_watch);
        scope_unwatch_memory(s);
        s->freeze_watch = sd_event_source_disable_unref(s->freeze_watch);
        s->payload_fd = safe_close(s->payload_fd);
        s->cgroup_fd = safe_close(s->cgroup_fd);
}

void scope_reset_main(Scope *s)
{
        s->start_recorded = s->exit_recorded = 0;
        s->main_ended = s->main_oom = s->main_timed_out = false;
        s->main_due_usec = 0;
        s->main_pid = 0;
        s->exit_status = -1;
        s->exit_signal = 0;
        s->start_usec = s->exit_usec = 0;
}

void scope_take_main(Scope *s, const TaskReport *report)
{
        bool is_other = report->pid > 0 && report->pid != s->main_pid;

        /* Not the one that the daemon before us had noted. */
        if (is_other && s->main_pid > 0)
                scope_reset_main(s);
        s->main_pid = report->pid;
        s->start_usec = report->start_usec;
        s->main_due_usec = report->due_usec;
        if (is_other)
                scope_changed(s, "MainPID");
        if (!report->ended)
                return;
        if (s->main_ended && report->exit < 0 && report->signal == 0)
                return; /* it was known already */
        s->main_ended = true;
        s->main_oom = report->oom;
        s->main_timed_out = report->timed_out;
        s->exit_usec = report->exit_usec;
        s->exit_status = report->signal ? -1 : report->exit;
        s->exit_signal = report->signal;
}

static void trim_tasks(Scope *s)
{
        Task *t = TAILQ_FIRST(&s->tasks_over);

        /* Some in any case: whoever waits for a task asks for it a moment after its end. */
        if (s->n_ended_tasks <= ENDED_TASKS_MIN ||
            (s->n_ended_tasks <= ENDED_TASKS_MAX && !usage_remembers_too_much(s)))
                return;
        if (t && streq(t->name, TASK_MAIN))
                t = TAILQ_NEXT(t, over);
        if (!t)
                return;
        if (s->link)
                (void) supervisor_forget(s->link, t->name);
        task_emit_removed(t);
        task_free(t);
}

void scope_on_task(Scope *s, const TaskReport *report)
{
        Task *t = task_find(s, report->task);
        bool is_new = !t, had_ended = t && task_is_over(t), was_starting = t && t->starting;
        bool was_open = t && t->open;

        if (report->open) {
                scope_on_open_task(s, report);
                return;
        }
        if (!t && task_new(s, report->task, &t) < 0) {
                log_error("%s: out of memory for task %s", s->unit, report->task);
                return;
        }
        if (streq(t->name, TASK_MAIN)) {
                if (was_starting || was_open)
                        scope_reset_main(s);
                scope_take_main(s, report);
        }
        scope_check_oom(s);
        s->newborn = s->newborn || !report->ended;
        task_update(t, report);
        if (is_new || was_open)
                s->armed = true;
        if (is_new)
                task_emit_added(t);
        else if (was_open)
                task_emit_begun(t);
        if (report->ended && !had_ended) {
                task_emit_exited(t);
                trim_tasks(s);
        }
        /* Whoever waits for its start says both. */
        if (!was_starting && s->state != SCOPE_CREATING && record_main(s, NULL))
                (void) scope_save(s);
        if (s->is_job && s->main_ended && scope_is_live(s))
                scope_release(s, RELEASE_ENDED, NULL);
        else
                scope_on_cgroup_event(s);
}

bool scope_is_unheard(const Scope *s)
{
        return s->link && !s->create && !s->tasks_heard;
}

bool scope_tasks_pending(const Scope *s)
{
        if (!s->link)
                return false;
        return !supervisor_is_synced(s->link) || HASH_COUNT(s->tasks) > s->n_tasks_over;
}

static void on_empty(Scope *s)
{
        _cleanup_(freep) char *path = NULL;

        /* Once per emptying: the next task arms it again. */
        s->armed = false;
        pressure_forget_kill(s);
        if (scope_object_path(s, &path) >= 0)
                (void) sd_bus_emit_signal(s->manager->bus, BUS_PATH, BUS_INTERFACE, "ScopeEmpty",
                                          "os", path, s->name);
        if (s->release) {
                scope_release_continue(s);
        } else if (!s->link) {
                scope_release(s, RELEASE_LOST, NULL);
        } else if (s->release_on_empty || s->state == SCOPE_ZOMBIE) {
                scope_release(s, RELEASE_ENDED, NULL);
        }
}

void scope_on_cgroup_event(Scope *s)
{
        drain_check(s->manager);
        if (s->state == SCOPE_CREATING || s->recovering || scope_has_ended(s))
                return;
        scope_check_freezers(s);
        if (s->armed && !scope_tasks_pending(s) && scope_populated(s) == 0)
                on_empty(s);
        else if (s->release)
                scope_release_continue(s);
        else if (s->state == SCOPE_ZOMBIE && scope_populated(s) == 0)
                scope_release(s, s->link ? RELEASE_ENDED : RELEASE_LOST, NULL);
        else
                scope_check_silence(s);
}

void scope_end_adoption(Scope *s)
{
        if (!s->adopting)
                return;
        s->adopting = false;
        manager_end_adoption(s->manager);
}

void scope_on_synced(Scope *s)
{
        if (s->recovering)
                return; /* it knows of nothing yet */
        s->tasks_heard = true;
        scope_end_adoption(s);
        if (scope_is_live(s)) /* and not stopping, which the supervisor would have said first */
                scope_restore_freeze(s);
        scope_resume_held(s);
        /* A supervisor that was put in just when the last daemon ended may not know all tasks. */
        if (s->payload_fd >= 0 && scope_is_live(s) && scope_adopt_leaves(s) < 0)
                log_warning("%s: cannot tell its supervisor of the tasks in it", s->unit);
        scope_on_cgroup_event(s);
}

void scope_on_stopping(Scope *s)
{
        if (scope_has_ended(s) || s->state == SCOPE_CREATING)
                return;
        s->stopping = true;
        /* The supervisor has thawed it, but perhaps before it was frozen for pressure: it could not end. */
        if (s->frozen_by != 0) {
                if (s->payload_fd >= 0)
                        (void) cgroup_write(s->payload_fd, "cgroup.freeze", "0");
                s->frozen_by = 0;
                scope_changed(s, "FrozenBy");
        }
        scope_release(s, RELEASE_STOPPED, NULL);
}

/* Children that had not executed their program when their supervisor died would do so yet, and whoever
 * wanted them is told that they failed. What it may have moved, and still lives to tell, stays. */
static void abort_starts(Scope *s, bool lives)
{
        for (Task *t = s->tasks; t; t = t->hh.next)
                if (t->starting && !(t->attach && lives))
                        task_abort_start(t);
}

/* One that is just being killed may have lost its connection and still have the socket to connect to. */
static bool supervisor_lives(const Scope *s)
{
        _cleanup_(closep) int fd = -EBADF;
        _cleanup_(freep) pid_t *pids = NULL;
        bool lives = false;
        size_t n = 0;

        if (s->cgroup_fd >= 0)
                fd = cgroup_open(s->cgroup_fd, "supervisor");
        if (fd < 0 || cgroup_pids(fd, true, &pids, &n) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                lives = lives || !process_is_ending(pids[i]);
        return lives;
}

void scope_on_supervisor_gone(Scope *s)
{
        bool heard = supervisor_is_synced(s->link);
        _cleanup_(supervisor_link_freep) SupervisorLink *again = NULL;

        s->recovering = false;
        /* Only the connection may have ended, as when somebody else has connected. */
        if (heard && !s->create && !s->release && !scope_has_ended(s) && supervisor_lives(s))
                (void) supervisor_connect(s, &again);
        abort_starts(s, again);
        supervisor_link_free(TAKE_PTR(s->link));
        if (s->create) {
                scope_create_on_supervisor_gone(s);
                return;
        }
        if (scope_has_ended(s))
                return;
        if (!s->release) {
                if (again) {
                        log_info("%s: connecting to its supervisor once more", s->unit);
                        s->link = TAKE_PTR(again);
                        return;
                }
                log_warning("%s: its supervisor has ended unexpectedly", s->unit);
                if (scope_populated(s) > 0) {
                        (void) scope_recover(s);
                        return;
                }
        }
        scope_end_adoption(s); /* it tells nothing any more */
        scope_resume_held(s);
        if (s->release)
                scope_release_continue(s);
        else
                scope_release(s, RELEASE_LOST, NULL);
}

void scope_on_unit_removed(Scope *s)
{
        if (scope_has_ended(s) || !s->unit_started)
                return;
        if (s->create) {
                scope_create_on_unit_removed(s);
                return;
        }
        /* What the supervisor said last may still be unread; nothing is finished before unit_started is
         * cleared. */
        (void) supervisor_drain(s);
        s->unit_started = false;
        scope_release(s, RELEASE_LOST, NULL);
}

Scope *scope_retire(Scope *s)
{
        fault_point(FAULT_REMOVE_FORGOTTEN);
        for (Task *t = s->tasks; t; t = t->hh.next)
                task_emit_removed(t);
        scope_emit_removed(s);
        return scope_free(s);
}

Scope *scope_drop(Scope *s)
{
        (void) scope_forget_files(s, true);
        return scope_retire(s);
}

/* Records may go that much later than they have to, for the sake of fewer wakeups. */
#define RECORDS_ACCURACY_USEC USEC_PER_SEC

/* Of one user, or of all (UID_INVALID). */
static Scope *oldest_record(Manager *m, uid_t uid)
{
        Scope *oldest = NULL;

        for (Scope *s = m->scopes; s; s = s->hh.next)
                if (scope_has_ended(s) && (uid == UID_INVALID || s->uid == uid) &&
                    (!oldest || s->ended_boot_usec < oldest->ended_boot_usec))
                        oldest = s;
        return oldest;
}

static int on_too_old(sd_event_source *source, uint64_t usec, void *userdata)
{
        manager_trim_records(userdata);
        return 0;
}

/* Nothing is waited for without a record. */
static void set_records_timer(Manager *m, uint64_t usec)
{
        int r;

        if (!m->records_timer) {
                r = sd_event_add_time(m->event, &m->records_timer, CLOCK_BOOTTIME, usec,
                                      RECORDS_ACCURACY_USEC, on_too_old, m);
        } else {
                r = sd_event_source_set_time(m->records_timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(m->records_timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_error("cannot wait until records are too old: %s", strerror(-r));
}

void manager_trim_records(Manager *m)
{
        uint64_t now = now_boottime_usec();

        while (m->n_records > 0 && !m->adopting) {
                bool too_many = m->n_records > m->config.records_max;
                Scope *s = oldest_record(m, too_many ? usage_most_records(m) : UID_INVALID);
                uint64_t until;

                /* Of an older daemon, which has not told. */
                if (s->ended_boot_usec == 0 || s->ended_boot_usec > now)
                        s->ended_boot_usec = now;
                if (__builtin_add_overflow(s->ended_boot_usec, m->config.records_max_age_usec,
                                           &until))
                        until = UINT64_MAX;
                if (!too_many && until > now) {
                        set_records_timer(m, until);
                        return;
                }
                scope_drop(s);
        }
}
