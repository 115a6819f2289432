/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What scopes use of the resource that is short. */
#include "daemon/pressure.h"

#include "basic/cgroup-file.h"
#include "basic/name.h"
#include "daemon/scope.h"

static bool is_candidate(const Scope *s)
{
        return scope_is_live(s) && !s->release && s->payload_fd >= 0 &&
               path_owner(s->slice) == OWNER_WORKLOAD;
}

/* Not longer ago than that; 0 is never. */
static bool is_within(uint64_t usec, uint64_t since)
{
        return since > 0 && now_monotonic_usec() - since < usec;
}

/* It was killed, and until then it may end of it; one that has not by then hangs in the kernel, and whatever is done to
 * it gives nothing back. */
static bool may_die(const Scope *s)
{
        return is_within(s->manager->config.kill_timeout_usec, s->pressure.killed_usec);
}

/* Also one whose main has ended, and which is released: others in it may still give back what they hold. */
static bool is_looked_at(const Scope *s)
{
        return is_candidate(s) || (s->payload_fd >= 0 && may_die(s));
}

/* --- of late: between two samples --- */

static uint64_t lately(uint64_t before, uint64_t now, uint64_t usec)
{
        uint64_t more = now > before ? now - before : 0;

        return (uint64_t) ((double) more * (double) USEC_PER_SEC / (double) usec);
}

static uint64_t io_bytes(int payload_fd)
{
        static const char *const keys[] = { "rbytes", "wbytes" };
        _cleanup_(freep) char *text = NULL;
        uint64_t sum = 0, bytes;

        if (cgroup_read(payload_fd, "io.stat", &text) < 0)
                return 0; /* no such controller */
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (cgroup_text_nested_sum(text, keys[i], &bytes) >= 0)
                        sum += bytes;
        return sum;
}

/* µs of cpu, or bytes, since it began. */
static uint64_t total(const Scope *s, PsiResource resource)
{
        uint64_t usec = 0;

        if (resource == PSI_IO)
                return io_bytes(s->payload_fd);
        (void) cgroup_read_key(s->payload_fd, "cpu.stat", "usage_usec", &usec);
        return usec;
}

static void sample(Scope *s, PsiResource resource, uint64_t now)
{
        ScopePressure *p = &s->pressure;
        /* One that was never looked at has used all of it since it began. */
        uint64_t since = p->sampled_usec[resource] ?: p->started_usec;
        uint64_t used = total(s, resource);

        if (since > 0 && since < now)
                p->used_lately[resource] = lately(p->sampled[resource], used, now - since);
        p->sampled_usec[resource] = now;
        p->sampled[resource] = used;
}

void pressure_sample(Manager *m, PsiResource resource)
{
        uint64_t now = now_monotonic_usec();

        for (Scope *s = m->scopes; s; s = s->hh.next)
                if (is_candidate(s))
                        sample(s, resource, now);
}

/* --- all of it --- */

/* Who takes less than a hundredth of one processor does not keep others from it. */
#define CPU_USED_MIN (USEC_PER_SEC / 100)

static uint64_t used(const Scope *s, PsiResource resource)
{
        uint64_t bytes;

        if (resource == PSI_CPU && s->pressure.used_lately[PSI_CPU] < CPU_USED_MIN)
                return 0;

        if (resource != PSI_MEMORY)
                return s->pressure.used_lately[resource];
        return cgroup_read_u64(s->payload_fd, "memory.current", &bytes) >= 0 ? bytes : 0;
}

/* What could not be done just now cannot be done again, and the next step is taken instead. */
#define FAILED_USEC (30 * USEC_PER_SEC)

static bool has_failed(const ScopePressure *p, PressureAct act)
{
        return is_within(FAILED_USEC, p->failed_usec[act]);
}

/* A weight that somebody is changing is left alone until that is over. */
static bool has_steady_weight(const ScopePressure *p)
{
        return p->n_weights_wanted == 0 && !p->restoring && (!p->demoting || p->late);
}

static PressureScope describe(const Scope *s)
{
        const ScopePressure *p = &s->pressure;

        if (!is_candidate(s)) /* nothing is to be undone of it */
                return (PressureScope){ .workload = true, .dying = true, .priority = s->priority };
        return (PressureScope){
                .workload = true,
                .frozen = s->frozen_by || s->frozen_by_systemd || has_failed(p, PRESSURE_FREEZE),
                .dying = may_die(s),
                .priority = s->priority,
                .started_usec = p->started_usec,
                .frozen_by_pressure = s->frozen_by & FROZEN_BY_PRESSURE,
                .demoted = p->demoted && has_steady_weight(p),
                .frozen_for = p->frozen_for,
                .demoted_for = p->demoted_for,
                .frozen_order = p->frozen_order,
                .demoted_order = p->demoted_order,
        };
}

static bool may_be_demoted(const ScopePressure *p)
{
        return !p->weight_theirs && !p->demoted && has_steady_weight(p) &&
               !has_failed(p, PRESSURE_DEMOTE);
}

void pressure_measure(PsiResource resource, PressureScope *figures, Scope *const *scopes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const Scope *s = scopes[i];

                figures[i].live = (s->pressure.killed_usec == 0 || may_die(s)) &&
                                  !has_failed(&s->pressure, PRESSURE_KILL) &&
                                  scope_populated(s) > 0;
                /* Only of cpu there are thresholds from which on a weight is lowered. */
                if (resource == PSI_CPU && may_be_demoted(&s->pressure))
                        (void) cgroup_read_u64(s->cgroup_fd, "cpu.weight", &figures[i].cpu_weight);
                figures[i].used[resource] = used(s, resource);
        }
}

/* One that is far beyond memory.high sleeps for up to 2 s before it is counted again, and is looked at once a
 * second. */
#define HELD_USEC (4 * USEC_PER_SEC)

/* And until then the average is of that: of 100 % there are 2 % left. */
#define HELD_AVERAGE_USEC (40 * USEC_PER_SEC)

/* One that is frozen does not wait, though the average says for a while that it did. */
static unsigned waits(const Scope *s, PsiResource resource)
{
        const PsiPlace place = { .dir_fd = s->cgroup_fd };
        Psi psi;

        if (s->frozen_by || s->frozen_by_systemd ||
            is_within(HELD_AVERAGE_USEC, s->pressure.held_usec) ||
            psi_read(&place, resource, &psi) < 0)
                return 0;
        return psi.lines[PSI_SOME].avg10;
}

bool pressure_measure_waits(PsiResource resource, PressureScope *figures, Scope *const *scopes,
                            size_t n)
{
        bool any_held = false, any_short = false;

        if (resource != PSI_MEMORY)
                return false;
        pressure_look_at_slices(scopes, n);
        for (size_t i = 0; i < n; i++) {
                const ScopePressure *p = &scopes[i]->pressure;

                any_held |= figures[i].held = is_within(HELD_USEC, p->held_usec);
                any_short |= figures[i].in_short_slice = is_within(HELD_USEC, p->slice_short_usec);
        }
        for (size_t i = 0; any_held && i < n; i++)
                figures[i].waits = waits(scopes[i], resource);
        return any_held || any_short;
}

int pressure_collect(Manager *m, PressureScope **ret, Scope ***ret_scopes, size_t *ret_n)
{
        _cleanup_(freep) PressureScope *figures = NULL;
        _cleanup_(freep) Scope **scopes = NULL;
        size_t n = 0;

        for (Scope *s = m->scopes; s; s = s->hh.next)
                n += is_looked_at(s);
        figures = calloc(n + 1, sizeof *figures);
        scopes = calloc(n + 1, sizeof *scopes);
        if (!figures || !scopes)
                return -ENOMEM;
        n = 0;
        for (Scope *s = m->scopes; s; s = s->hh.next) {
                if (!is_looked_at(s))
                        continue;
                figures[n] = describe(s);
                scopes[n++] = s;
        }
        *ret = TAKE_PTR(figures);
        *ret_scopes = TAKE_PTR(scopes);
        *ret_n = n;
        return 0;
}
