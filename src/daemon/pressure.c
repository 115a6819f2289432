/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The triggers of the kernel, the looks at what PSI says, and when something is decided. */
#include "daemon/pressure.h"

#include "basic/memory-short.h"
#include "basic/name.h"
#include "daemon/log.h"
#include "daemon/pressure-report.h"
#include "daemon/scope.h"

#include <inttypes.h>
#include <sys/epoll.h>

/* Without CAP_SYS_RESOURCE the kernel takes multiples of this only. */
#define UNPRIVILEGED_WINDOW_USEC (2 * USEC_PER_SEC)

/* While something waits to be undone, how often it is looked whether it is calm. */
#define LOOK_USEC USEC_PER_SEC

/* What was used between two samples is what was used lately if they are no further apart than a window, and this. */
#define SAMPLE_MAX_USEC (5 * USEC_PER_SEC)

typedef struct Trigger {
        Pressure *pressure;
        PressurePlace place;
        PressureAct act;
        PsiResource resource;
        PsiKind kind;
        sd_event_source *source; /* owns the descriptor */
        bool polled;             /* the kernel takes none from us: the totals are looked at */
} Trigger;

struct Pressure {
        Manager *manager;
        PsiPlace places[_PRESSURE_PLACE_MAX];
        Trigger triggers[_PRESSURE_PLACE_MAX][_PRESSURE_THRESHOLD_MAX][_PSI_RESOURCE_MAX]
                        [_PSI_KIND_MAX];
        bool available, polled; /* there is PSI; some trigger is polled */
        bool armed;

        PressurePast past;
        PressureLook look;
        PressurePlace crossed_place[_PSI_RESOURCE_MAX]; /* where look.crossed was seen last */
        uint64_t totals[_PRESSURE_PLACE_MAX][_PSI_RESOURCE_MAX][_PSI_KIND_MAX],
                looked_usec; /* 0: never */

        uint64_t sampled_usec[_PSI_RESOURCE_MAX]; /* 0: never */
        bool measured[_PSI_RESOURCE_MAX];         /* there is what was used between two samples */
        sd_event_source *look_timer; /* only while something is to be undone, or is polled */
};

const char *pressure_place_name(PressurePlace place)
{
        return place == PRESSURE_NODE ? "node" : SLICE_WORKLOAD;
}

int pressure_place_open(const Manager *m, PressurePlace place, PsiPlace *ret)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        if (place == PRESSURE_NODE)
                return psi_place_node(m->cgroup_fd, ret);
        r = manager_slice_path(m, SLICE_WORKLOAD, &path);
        return r < 0 ? r : psi_place_cgroup(m->cgroup_fd, path, ret);
}

static const PressureConfig *config(const Pressure *p)
{
        return &p->manager->config.pressure;
}

const char *pressure_policy(const Manager *m)
{
        if (!m->config.pressure.enabled)
                return "disabled";
        if (!m->pressure || !m->pressure->available)
                return "unavailable";
        return m->config.pressure.dry_run ? "dry-run" : "on";
}

uint64_t pressure_threshold(const Manager *m, PressureAct act, PsiResource resource, PsiKind kind)
{
        bool in_force = m->config.pressure.enabled && m->pressure && m->pressure->available;

        return in_force ? m->config.pressure.thresholds[act][resource][kind] : PRESSURE_OFF;
}

/* --- deciding --- */

static uint64_t next_order(const PressureScope *figures, size_t n)
{
        uint64_t order = 0;

        for (size_t i = 0; i < n; i++) {
                if (figures[i].frozen_order > order)
                        order = figures[i].frozen_order;
                if (figures[i].demoted_order > order)
                        order = figures[i].demoted_order;
        }
        return order + 1;
}

static bool is_memory_short(const Pressure *p)
{
        const PsiPlace *slice = &p->places[PRESSURE_WORKLOAD];

        return memory_is_short_on_node() || (!slice->proc && memory_is_short(slice->dir_fd));
}

/* Whoever waits for memory while the node has enough waits at a limit: outside of workload.slice, such as a service in
 * pact.slice at its own, nothing that is done to workloads is of use to them; and what workloads wait for is told by
 * workload.slice itself. */
static bool is_elsewhere(const Pressure *p, PressurePlace place, PsiResource resource)
{
        return resource == PSI_MEMORY && place == PRESSURE_NODE && !is_memory_short(p);
}

static void measure_waits(Pressure *p, PsiResource resource, PressureScope *figures,
                          Scope *const *scopes, size_t n)
{
        p->look.is_short =
                pressure_measure_waits(resource, figures, scopes, n) && is_memory_short(p);
}

typedef bool (*decide_t)(const PressureConfig *c, PsiResource resource, const PressureLook *look,
                         PressurePast *past, const PressureScope *scopes, size_t n,
                         PressureDecision *ret);

/* 1 when something was done, or announced; 0 when nothing was to be, or could not. What was done is undone by what is
 * remembered of it alone, so that what scopes use is looked for only to be announced. */
static int decide_by(Pressure *p, PsiResource resource, decide_t f)
{
        bool undoing = f == pressure_decide_undo;
        Manager *m = p->manager;
        _cleanup_(freep) PressureScope *figures = NULL;
        _cleanup_(freep) Scope **scopes = NULL;
        _cleanup_(freep) size_t *candidates = NULL;
        PressureDecision d = {};
        PressurePlace place = p->crossed_place[resource];
        Psi psi[_PRESSURE_PLACE_MAX] = {};
        size_t n;
        int r;

        r = pressure_collect(m, &figures, &scopes, &n);
        if (r < 0)
                return r;
        candidates = calloc(n + 1, sizeof *candidates);
        if (!candidates)
                return -ENOMEM;
        d.candidates = candidates;
        if (!undoing)
                pressure_measure(resource, figures, scopes, n);
        measure_waits(p, resource, figures, scopes, n);
        p->look.now_usec = now_monotonic_usec();
        if (!f(config(p), resource, &p->look, &p->past, figures, n, &d))
                return 0;
        if (undoing)
                pressure_measure(resource, figures, scopes, n);
        if (undoing && is_elsewhere(p, place, resource))
                place = PRESSURE_WORKLOAD;
        for (PressurePlace i = 0; i < _PRESSURE_PLACE_MAX; i++)
                (void) psi_read(&p->places[i], resource, &psi[i]);
        r = pressure_act(m, &d, scopes, figures, n, place, psi, next_order(figures, n));
        return r < 0 ? 0 : 1;
}

static void update_look_timer(Pressure *p);

static void forget_crossed(Pressure *p, PsiResource resource)
{
        for (PressureAct act = 0; act < _PRESSURE_THRESHOLD_MAX; act++)
                memset(p->look.crossed[act][resource], 0, sizeof p->look.crossed[act][resource]);
}

static void decide(Pressure *p, PsiResource resource)
{
        if (decide_by(p, resource, pressure_decide) < 0)
                log_error("out of memory: nothing is done against pressure of %s",
                          psi_resource_to_string(resource));
        forget_crossed(p, resource);
        update_look_timer(p);
}

/* Whether anything would be decided if all scopes used the resource, and none had just begun. On a node whose jobs are
 * all above GentlePriorityMax nothing would, however long a threshold is crossed: then none of them is looked at. */
static bool may_decide(Pressure *p, PsiResource resource)
{
        _cleanup_(freep) PressureScope *figures = NULL;
        _cleanup_(freep) Scope **scopes = NULL;
        _cleanup_(freep) size_t *candidates = NULL;
        PressurePast past = p->past;
        PressureDecision d = {};
        size_t n;

        if (pressure_collect(p->manager, &figures, &scopes, &n) < 0)
                return true;
        candidates = calloc(n + 1, sizeof *candidates);
        if (!candidates)
                return true;
        d.candidates = candidates;
        for (size_t i = 0; i < n; i++) {
                figures[i].live = !figures[i].dying; /* it may have ended by now */
                figures[i].started_usec = 0; /* one that is waited for may use next to nothing */
                figures[i].cpu_weight = UINT64_MAX;
                figures[i].used[resource] = 1;
        }
        p->look.now_usec = now_monotonic_usec();
        if (pressure_decide(config(p), resource, &p->look, &past, figures, n, &d))
                return true;
        /* Nothing is done; whether it is calm all the same, is still to be seen. */
        measure_waits(p, resource, figures, scopes, n);
        (void) pressure_decide(config(p), resource, &p->look, &p->past, figures, n, &d);
        return false;
}

/* Of cpu and io: what scopes use is not known before somebody looks twice. For a moment those who use most may look as if
 * they used nothing: a large request takes a while on a disk that is overcharged. So that it is known of a good part of a
 * window, nothing is done before the kernel reports again, which it does after a window, if the pressure lasts. */
static void decide_by_samples(Pressure *p, PsiResource resource)
{
        uint64_t *sampled = &p->sampled_usec[resource], window = config(p)->window_usec[resource];
        uint64_t now = now_monotonic_usec();
        bool *measured = &p->measured[resource];
        bool lately = *sampled > 0 && now - *sampled <= window + SAMPLE_MAX_USEC;

        if (!lately || now - *sampled >= window / 2) {
                pressure_sample(p->manager, resource);
                *sampled = now;
                *measured = lately;
        }
        if (*measured) {
                decide(p, resource);
                return;
        }
        p->past.calm_usec[resource] = 0;
        forget_crossed(p, resource);
}

static void on_crossed(Pressure *p, const Trigger *t)
{
        const uint64_t acted = p->past.acted_usec[t->resource];

        if (is_elsewhere(p, t->place, t->resource))
                return;
        /* PSI lags: what it says now may be of before the last act. */
        if (acted > 0 && now_monotonic_usec() - acted < config(p)->action_delay_usec[t->resource])
                return;
        p->look.crossed[t->act][t->resource][t->kind] = true;
        p->crossed_place[t->resource] = t->place;
        if (!may_decide(p, t->resource))
                forget_crossed(p, t->resource);
        else if (t->resource == PSI_MEMORY)
                decide(p, t->resource);
        else
                decide_by_samples(p, t->resource);
}

/* --- triggers --- */

static void close_place(Pressure *p, PressurePlace place)
{
        Trigger *t = &p->triggers[place][0][0][0];

        for (size_t i = 0; i < sizeof p->triggers[place] / sizeof *t; i++) {
                t[i].source = sd_event_source_disable_unref(t[i].source);
                t[i].polled = false;
        }
        psi_place_close(&p->places[place]);
}

static int on_trigger(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Trigger *t = userdata;

        if (revents & (EPOLLERR | EPOLLHUP)) /* the slice is gone, and comes back with a scope */
                close_place(t->pressure, t->place);
        else
                on_crossed(t->pressure, t);
        return 0;
}

static bool lacks_privilege(int error)
{
        return error == -EPERM || error == -EACCES || error == -EINVAL;
}

/* A descriptor, or negative: -EPERM and the like when the kernel takes none from us. */
static int open_trigger(const Trigger *t)
{
        const PressureConfig *c = config(t->pressure);
        const PsiPlace *place = &t->pressure->places[t->place];
        uint64_t share = c->thresholds[t->act][t->resource][t->kind];
        uint64_t windows[] = { c->window_usec[t->resource], UNPRIVILEGED_WINDOW_USEC };
        int fd = -EBADF;

        for (size_t i = 0; i < ELEMENTSOF(windows); i++) {
                fd = psi_trigger(place, t->resource, t->kind, windows[i] * share / PSI_WHOLE,
                                 windows[i]);
                if (fd >= 0 || !lacks_privilege(fd))
                        return fd;
        }
        return fd;
}

static int arm_trigger(Trigger *t)
{
        Pressure *p = t->pressure;
        _cleanup_(closep) int fd = open_trigger(t);
        int r;

        if (fd < 0) {
                t->polled = lacks_privilege(fd);
                p->polled |= t->polled;
                return t->polled ? 0 : fd;
        }
        r = sd_event_add_io(p->manager->event, &t->source, fd, EPOLLPRI, on_trigger, t);
        if (r >= 0)
                r = sd_event_source_set_io_fd_own(t->source, true);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        return 0;
}

static void arm_resource(Pressure *p, PressurePlace place, PsiResource resource)
{
        Psi psi;
        int r;

        r = psi_read(&p->places[place], resource, &psi);
        if (r < 0) {
                if (p->available) /* else say_policy() has one sentence for all of it */
                        log_warning("no pressure of %s is known of %s: %s",
                                    psi_resource_to_string(resource), pressure_place_name(place),
                                    strerror(-r));
                return;
        }
        p->available = true;
        for (PressureAct act = PRESSURE_DEMOTE; act < _PRESSURE_THRESHOLD_MAX; act++)
                for (PsiKind k = 0; k < _PSI_KIND_MAX; k++) {
                        Trigger *t = &p->triggers[place][act][resource][k];

                        if (config(p)->thresholds[act][resource][k] == PRESSURE_OFF ||
                            !psi.lines[k].present)
                                continue;
                        *t = (Trigger){ p, place, act, resource, k, NULL, false };
                        r = arm_trigger(t);
                        if (r < 0)
                                log_warning("the kernel does not watch %s pressure (%s) of %s: %s",
                                            psi_resource_to_string(resource), psi_kind_to_string(k),
                                            pressure_place_name(place), strerror(-r));
                }
}

/* A slice that was stopped and started has new files. */
static bool is_open(const Pressure *p, PressurePlace place)
{
        const PsiPlace *at = &p->places[place];

        return at->dir_fd >= 0 && (at->proc || faccessat(at->dir_fd, "cgroup.procs", F_OK, 0) >= 0);
}

static void arm_places(Pressure *p)
{
        for (PressurePlace place = 0; place < _PRESSURE_PLACE_MAX; place++) {
                if (is_open(p, place))
                        continue;
                close_place(p, place);
                if (pressure_place_open(p->manager, place, &p->places[place]) < 0)
                        continue;
                for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                        arm_resource(p, place, r);
        }
}

/* --- looks --- */

static void look_at(Pressure *p, PressurePlace place, PsiResource resource, uint64_t usec)
{
        bool elsewhere = is_elsewhere(p, place, resource);
        Psi psi;

        if (psi_read(&p->places[place], resource, &psi) < 0)
                return;
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++) {
                uint64_t *total = &p->totals[place][resource][k];
                uint64_t stalled = psi.lines[k].total_usec - *total;
                unsigned *share = &p->look.shares[resource][k];
                uint64_t now =
                        usec == 0 || stalled >= usec ? PSI_WHOLE : stalled * PSI_WHOLE / usec;

                *total = psi.lines[k].total_usec;
                if (psi.lines[k].present && !elsewhere && now > *share)
                        *share = (unsigned) now;
        }
}

/* The first one says nothing: as if there were no end of pressure. */
static void look(Pressure *p)
{
        uint64_t now = now_monotonic_usec();
        uint64_t usec = p->looked_usec > 0 ? now - p->looked_usec : 0;

        memset(p->look.shares, 0, sizeof p->look.shares);
        for (PressurePlace place = 0; place < _PRESSURE_PLACE_MAX; place++)
                for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                        look_at(p, place, r, usec);
        p->looked_usec = now;
        p->look.now_usec = now;
}

static bool is_crossed(const Pressure *p, const Trigger *t)
{
        return t->polled && p->look.shares[t->resource][t->kind] >=
                                    config(p)->thresholds[t->act][t->resource][t->kind];
}

static void check_polled(Pressure *p)
{
        const Trigger *t = &p->triggers[0][0][0][0];

        for (size_t i = 0; i < sizeof p->triggers / sizeof *t; i++)
                if (is_crossed(p, &t[i]))
                        on_crossed(p, &t[i]);
}

static bool is_polling(const Pressure *p)
{
        if (!p->polled)
                return false;
        for (const Scope *s = p->manager->scopes; s; s = s->hh.next)
                if (scope_is_live(s))
                        return true;
        return false;
}

static bool is_to_be_undone(const Scope *s)
{
        return s->pressure.demoted || (s->frozen_by & FROZEN_BY_PRESSURE);
}

static bool waits_to_be_undone(const Pressure *p)
{
        for (const Scope *s = p->manager->scopes; s; s = s->hh.next)
                if (scope_is_live(s) && is_to_be_undone(s))
                        return true;
        return false;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
        Pressure *p = userdata;

        p->look_timer = sd_event_source_disable_unref(p->look_timer);
        look(p);
        pressure_check_weights(p->manager);
        if (config(p)->enabled)
                check_polled(p);
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++) {
                int done;

                do
                        done = decide_by(p, r, pressure_decide_undo);
                while (done > 0);
        }
        update_look_timer(p);
        return 0;
}

static void update_look_timer(Pressure *p)
{
        bool undoing = waits_to_be_undone(p);
        uint64_t usec = undoing ? LOOK_USEC : UNPRIVILEGED_WINDOW_USEC;

        if (p->look_timer || (!undoing && !is_polling(p)))
                return;
        if (p->looked_usec == 0 || now_monotonic_usec() - p->looked_usec > 2 * usec) {
                p->looked_usec = 0;
                look(p);
        }
        if (sd_event_add_time_relative(p->manager->event, &p->look_timer, CLOCK_MONOTONIC, usec, 0,
                                       on_look, p) < 0)
                log_error("out of memory: nothing looks whether pressure has gone");
}

/* --- from outside --- */

int pressure_new(Manager *m)
{
        Pressure *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        *p = (Pressure){ .manager = m };
        for (PressurePlace place = 0; place < _PRESSURE_PLACE_MAX; place++)
                p->places[place] = (PsiPlace) PSI_PLACE_NONE;
        m->pressure = p;
        return 0;
}

Pressure *pressure_free(Pressure *p)
{
        if (!p)
                return NULL;
        for (PressurePlace place = 0; place < _PRESSURE_PLACE_MAX; place++)
                close_place(p, place);
        sd_event_source_disable_unref(p->look_timer);
        free(p);
        return NULL;
}

void pressure_put_off(Manager *m, PsiResource resource)
{
        if (m->pressure)
                m->pressure->past.acted_usec[resource] = now_monotonic_usec();
}

static void say_policy(Manager *m)
{
        const char *policy = pressure_policy(m);

        if (streq(policy, "unavailable"))
                log_warning("the kernel has no pressure stall information (psi=1 on its command "
                            "line switches it on): nothing is rejected for pressure, and nothing "
                            "is done against it");
        else
                log_info("pressure policy: %s", policy);
        manager_changed(m, "Pressure");
        manager_changed(m, "PressureThresholds");
        manager_changed(m, "DryRun");
}

static void arm(Pressure *p)
{
        if (config(p)->enabled)
                arm_places(p);
        update_look_timer(p);
}

/* What the last daemon did just before it ended may take as long to tell as what this one does. */
static void resume(Pressure *p)
{
        bool acted = false;

        for (const Scope *s = p->manager->scopes; s; s = s->hh.next)
                acted |= is_to_be_undone(s) || s->pressure.killed_usec > 0;
        for (PsiResource r = 0; acted && r < _PSI_RESOURCE_MAX; r++)
                p->past.acted_usec[r] = now_monotonic_usec();
        pressure_resume(p->manager);
}

void pressure_arm(Manager *m)
{
        Pressure *p = m->pressure;
        bool first = !p->armed;

        p->armed = true;
        if (first)
                resume(p);
        arm(p);
        if (first)
                say_policy(m);
}

void pressure_reconfigure(Manager *m)
{
        Pressure *p = m->pressure;

        if (!p->armed)
                return;
        for (PressurePlace place = 0; place < _PRESSURE_PLACE_MAX; place++)
                close_place(p, place);
        memset(p->look.crossed, 0, sizeof p->look.crossed);
        p->available = p->polled = false;
        arm(p);
        say_policy(m);
}

void pressure_on_state(Scope *s)
{
        Pressure *p = s->manager->pressure;

        if (!scope_is_live(s))
                return;
        if (s->pressure.started_usec == 0)
                s->pressure.started_usec = now_monotonic_usec();
        if (!p || !p->armed)
                return;
        if (config(p)->enabled)
                arm_places(p);
        if (p->polled)
                update_look_timer(p);
}
