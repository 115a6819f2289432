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

static void sample(Scope *s, uint64_t now)
{
        ScopePressure *p = &s->pressure;
        /* One that was never looked at has used all of it since it began. */
        uint64_t since = p->sampled_usec ?: p->started_usec;
        uint64_t cpu = 0, io = io_bytes(s->payload_fd);

        (void) cgroup_read_key(s->payload_fd, "cpu.stat", "usage_usec", &cpu);
        if (since > 0 && since < now) {
                p->used_lately[PSI_CPU] = lately(p->cpu_usec, cpu, now - since);
                p->used_lately[PSI_IO] = lately(p->io_bytes, io, now - since);
        }
        p->sampled_usec = now;
        p->cpu_usec = cpu;
        p->io_bytes = io;
}

void pressure_sample(Manager *m)
{
        uint64_t now = now_monotonic_usec();

        for (Scope *s = m->scopes; s; s = s->hh.next)
                if (is_candidate(s))
                        sample(s, now);
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

static PressureScope describe(const Scope *s)
{
        const ScopePressure *p = &s->pressure;

        return (PressureScope){
                .workload = true,
                .frozen = s->frozen_by || s->frozen_by_systemd,
                .priority = s->priority,
                .started_usec = p->started_usec,
                .frozen_by_pressure = s->frozen_by & FROZEN_BY_PRESSURE,
                .demoted = p->demoted && !p->restoring,
                .frozen_for = p->frozen_for,
                .demoted_for = p->demoted_for,
                .frozen_order = p->frozen_order,
                .demoted_order = p->demoted_order,
        };
}

void pressure_measure(PsiResource resource, PressureScope *figures, Scope *const *scopes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const Scope *s = scopes[i];
                uint64_t weight;

                figures[i].live = scope_populated(s) > 0;
                if (!s->pressure.weight_theirs &&
                    cgroup_read_u64(s->cgroup_fd, "cpu.weight", &weight) >= 0)
                        figures[i].cpu_weight = weight;
                figures[i].used[resource] = used(s, resource);
        }
}

int pressure_collect(Manager *m, PressureScope **ret, Scope ***ret_scopes, size_t *ret_n)
{
        _cleanup_(freep) PressureScope *figures = NULL;
        _cleanup_(freep) Scope **scopes = NULL;
        size_t n = 0;

        for (Scope *s = m->scopes; s; s = s->hh.next)
                n += is_candidate(s);
        figures = calloc(n + 1, sizeof *figures);
        scopes = calloc(n + 1, sizeof *scopes);
        if (!figures || !scopes)
                return -ENOMEM;
        n = 0;
        for (Scope *s = m->scopes; s; s = s->hh.next) {
                if (!is_candidate(s))
                        continue;
                figures[n] = describe(s);
                scopes[n++] = s;
        }
        *ret = TAKE_PTR(figures);
        *ret_scopes = TAKE_PTR(scopes);
        *ret_n = n;
        return 0;
}
