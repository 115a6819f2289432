/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What those who wait in an event loop are told: the daemon's signals, and that daemon and bus go and come. */
#include "async-wait.h"

/* --- signals --- */

/* Anyone may send a signal to this connection alone, so what it says is believed only of the daemon. */
static bool is_of(sd_bus_message *m, const char *sender)
{
        return sender && streq_ptr(sd_bus_message_get_sender(m), sender);
}

static int on_released(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        int exit_status, exit_signal, oom_killed;
        const char *object, *state;
        Waits *w = userdata;
        WaitTarget *t;

        if (!is_of(m, w->owner) || sd_bus_message_read(m, "ossiib", &object, NULL, &state,
                                                       &exit_status, &exit_signal, &oom_killed) < 0)
                return 0;
        t = target_by_object(w, object);
        if (t)
                target_ended(t, state, exit_status, exit_signal, oom_killed);
        return 0;
}

static int on_zombie(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *object;
        Waits *w = userdata;
        WaitTarget *t;

        if (!is_of(m, w->owner) || sd_bus_message_read_basic(m, 'o', &object) < 0)
                return 0;
        t = target_by_object(w, object);
        if (t)
                target_changed(t);
        waits_ask(w);
        return 0;
}

static int on_task_exited(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(freep) char *prefix = NULL, *object = NULL;
        int exit_status, exit_signal, oom_killed;
        const char *scope, *task;
        Waits *w = userdata;
        WaitTarget *t;

        if (!is_of(m, w->owner) || sd_bus_message_read(m, "osuiib", &scope, &task, NULL,
                                                       &exit_status, &exit_signal, &oom_killed) < 0)
                return 0;
        if (asprintf(&prefix, "%s/task", scope) < 0 ||
            sd_bus_path_encode(prefix, task, &object) < 0)
                return -ENOMEM;
        t = target_by_object(w, object);
        if (t)
                target_ended(t, scope_state_to_string(outcome_state(exit_status, exit_signal)),
                             exit_status, exit_signal, oom_killed);
        return 0;
}

/* What was asked about is gone, or could not be made, and all that is below it. */
static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *object, *rest;
        Waits *w = userdata;

        if (!is_of(m, w->owner) || sd_bus_message_read_basic(m, 'o', &object) < 0)
                return 0;
        for (WaitState s = WAIT_ASKING; s <= WAIT_FOLLOWING; s++) {
                WaitTarget *next;

                for (WaitTarget *t = TAILQ_FIRST(&w->targets[s]); t; t = next) {
                        next = TAILQ_NEXT(t, targets);
                        rest = t->object ? startswith(t->object, object) : NULL;
                        if (rest && (*rest == '\0' || *rest == '/'))
                                target_changed(t);
                }
        }
        waits_ask(w);
        return 0;
}

/* --- daemon and bus go and come --- */

static void owner_lost(Waits *w, bool absent)
{
        const Daemon *d = w->async->daemon;
        WaitTarget *t;

        waits_set_owner(w, NULL);
        w->absent = absent;
        /* Who has waited for a supervisor waits for the daemon now; a connection that was given never comes back. */
        if (w->patience.deadline == 0 || (d->kind == BUS_GIVEN && !daemon_is_connected(d)))
                waits_set_all(w, WAIT_AWAY, WAIT_FOLLOWING);
        while ((t = TAILQ_FIRST(&w->targets[WAIT_FOLLOWING]))) {
                _cleanup_(failure_done) Failure f = { .r = -ECONNRESET };

                (void) sd_bus_error_set_const(&f.error, SD_BUS_ERROR_DISCONNECTED,
                                              absent ? "it has left the bus"
                                                     : "the connection to the bus has ended");
                target_failed(t, &f);
        }
        waits_arm(w);
}

static void owner_found(Waits *w, const char *owner)
{
        waits_set_owner(w, owner);
        w->absent = false;
        waits_set_all(w, WAIT_AWAY, WAIT_DUE);
        waits_ask(w);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *owner;
        Waits *w = userdata;

        if (!is_of(m, "org.freedesktop.DBus") ||
            sd_bus_message_read(m, "sss", NULL, NULL, &owner) < 0)
                return 0;
        if (streq_ptr(w->owner, owner))
                return 0; /* it was told by its answer */
        owner_lost(w, !*owner);
        if (*owner)
                owner_found(w, owner);
        return 0;
}

static int on_probed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *owner;
        Waits *w = userdata;

        w->probe = sd_bus_slot_unref(w->probe);
        if (w->owner)
                return 0;
        if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                w->absent = true;
        else if (!sd_bus_message_is_method_error(m, NULL) &&
                 sd_bus_message_read_basic(m, 's', &owner) >= 0)
                owner_found(w, owner);
        waits_arm(w);
        return 0;
}

/* Asks the bus whether there is a daemon. */
static int probe(Waits *w)
{
        w->probe = sd_bus_slot_unref(w->probe);
        return sd_bus_call_method_async(w->async->daemon->bus, &w->probe, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                        "GetNameOwner", on_probed, w, "s", BUS_NAME);
}

/* Looks whether whoever is away is back. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(failure_done) Failure f = { 0 };
        Waits *w = userdata;
        WaitTarget *t;

        if (w->patience.deadline != 0 && client_now_usec() >= w->patience.deadline) {
                while ((t = TAILQ_FIRST(&w->targets[WAIT_AWAY])))
                        target_lost(t, &w->failure);
                return 0;
        }
        patience_tried(&w->patience);
        f.r = daemon_connect(w->async->daemon, &f.own);
        if (f.r >= 0 && w->owner)
                owner_found(w, w->owner);
        else if (f.r >= 0 && !w->absent && !w->probe)
                f.r = probe(w);
        if (f.r < 0) {
                failure_done(&w->failure);
                w->failure = f;
                f = (Failure){ 0 };
        }
        waits_arm(w);
        return 0;
}

void waits_arm(Waits *w)
{
        uint64_t next = client_now_usec() + w->patience.delay;
        const Daemon *d = w->async->daemon;

        w->timer = sd_event_source_disable_unref(w->timer);
        if (TAILQ_EMPTY(&w->targets[WAIT_AWAY]))
                return;
        /* The bus says when there is a daemon again. */
        if (w->absent && d->bus && sd_bus_is_open(d->bus) > 0)
                next = UINT64_MAX;
        if (w->patience.deadline != 0 && w->patience.deadline < next)
                next = w->patience.deadline;
        if (sd_event_add_time(w->async->event, &w->timer, CLOCK_MONOTONIC, next, 0, on_timer, w) >=
            0)
                (void) sd_event_source_set_priority(w->timer, w->async->priority);
}

/* --- the connection --- */

#define MANAGER_SIGNAL(interface, member)                                                        \
        "type='signal',sender='" BUS_NAME "',path='" MANAGER_PATH "',interface='" interface "'," \
        "member='" member "'"

static const struct {
        const char *rule;
        sd_bus_message_handler_t handler;
} match_table[_MATCH_MAX] = {
        [MATCH_RELEASED] = { MANAGER_SIGNAL(MANAGER_IFACE, "ScopeReleased"), on_released },
        [MATCH_ZOMBIE] = { MANAGER_SIGNAL(MANAGER_IFACE, "ScopeZombie"), on_zombie },
        [MATCH_TASK] = { MANAGER_SIGNAL(MANAGER_IFACE, "TaskExited"), on_task_exited },
        [MATCH_REMOVED] = { MANAGER_SIGNAL("org.freedesktop.DBus.ObjectManager",
                                           "InterfacesRemoved"),
                            on_removed },
        [MATCH_OWNER] = { "type='signal',sender='org.freedesktop.DBus',"
                          "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                          "arg0='" BUS_NAME "'",
                          on_owner_changed },
};

/* The bus does not want to pass the signals on. */
static int on_installed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Waits *w = userdata;

        if (!sd_bus_message_is_method_error(m, NULL) ||
            client_error_is_away(sd_bus_message_get_error(m), -sd_bus_message_get_errno(m)))
                return 0;
        for (WaitState s = 0; s < _WAIT_STATE_MAX; s++)
                while (!TAILQ_EMPTY(&w->targets[s])) {
                        _cleanup_(failure_done) Failure f = { .r = -sd_bus_message_get_errno(m) };

                        (void) sd_bus_error_copy(&f.error, sd_bus_message_get_error(m));
                        target_lost(TAILQ_FIRST(&w->targets[s]), &f);
                }
        return 0;
}

static void remove_matches(Waits *w)
{
        for (size_t i = 0; i < _MATCH_MAX; i++)
                w->matches[i] = sd_bus_slot_unref(w->matches[i]);
        w->probe = sd_bus_slot_unref(w->probe);
        w->timer = sd_event_source_disable_unref(w->timer);
        waits_set_owner(w, NULL);
        w->absent = false;
}

int waits_connected(Async *a)
{
        Waits *w = a->waits;

        if (!w || w->matches[0] || !waits_any(w))
                return 0;
        for (size_t i = 0; i < _MATCH_MAX; i++) {
                int r = sd_bus_add_match_async(a->daemon->bus, &w->matches[i], match_table[i].rule,
                                               match_table[i].handler, on_installed, w);

                if (r < 0)
                        return r;
        }
        return probe(w);
}

void waits_disconnected(Async *a)
{
        if (!a->waits)
                return;
        remove_matches(a->waits);
        owner_lost(a->waits, false);
}

void waits_work(Async *a)
{
        if (!a->waits || waits_any(a->waits))
                return;
        remove_matches(a->waits);
        a->waits->patience.deadline = 0;
}

Waits *waits_free(Waits *w)
{
        WaitTarget *t;

        if (!w)
                return NULL;
        /* The last call takes it with it. */
        for (WaitState s = 0; s < _WAIT_STATE_MAX; s++)
                while ((t = TAILQ_FIRST(&w->targets[s])))
                        call_free(TAILQ_FIRST(&t->calls));
        remove_matches(w);
        failure_done(&w->failure);
        free(w);
        return NULL;
}
