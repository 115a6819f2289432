/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is decided on figures that were recorded on a node, in tests/unit/pressure. A file has lines
 *
 *     scope NAME PRIORITY
 *     TIME RESOURCE SOME FULL USED...   seconds; stalled so far in µs; what each scope uses: bytes of memory, or µs
 *                                       of cpu time, or bytes of io, so far; one that uses nothing is not there
 *
 * Nothing was decided when it was recorded: the figures after an act are as if nobody had acted. */
#include "daemon/config-table.h"

#include "test.h"

#include <inttypes.h>
#include <stdio.h>

#define SCOPES_MAX  4
#define SAMPLES_MAX 1024

typedef struct Sample {
        uint64_t usec, total_usec[_PSI_KIND_MAX], used[SCOPES_MAX];
} Sample;

typedef struct Series {
        const char *name;
        unsigned line;
        Config config;
        PressurePast past;
        PressureLook look;
        PsiResource resource;
        PressureScope scopes[SCOPES_MAX];
        char names[SCOPES_MAX][16];
        char decided[256]; /* "TIME ACT NAME, " for each */
        size_t n;
        uint64_t order;
        Sample samples[SAMPLES_MAX];
        size_t n_samples;
} Series;

/* What had been stalled at a time; between two samples in proportion. */
static uint64_t stalled_until(const Series *s, PsiKind kind, uint64_t usec)
{
        const Sample *after = &s->samples[s->n_samples - 1], *before;
        uint64_t stalled;

        while (after > s->samples && after[-1].usec >= usec)
                after--;
        if (after == s->samples)
                return after->total_usec[kind];
        before = after - 1;
        stalled = after->total_usec[kind] - before->total_usec[kind];
        return before->total_usec[kind] +
               stalled * (usec - before->usec) / (after->usec - before->usec);
}

/* Whether stalls added up to the share within the window that ends now, as the kernel's trigger looks at it. */
static bool is_crossed(const Series *s, PsiKind kind, uint64_t share)
{
        const Sample *now = &s->samples[s->n_samples - 1];
        uint64_t window = s->config.pressure.window_usec[s->resource];

        return share != PRESSURE_OFF &&
               now->total_usec[kind] - stalled_until(s, kind, now->usec - window) >=
                       window / PSI_WHOLE * share;
}

static void look(Series *s)
{
        const Sample *now = &s->samples[s->n_samples - 1], *before = now - 1;

        s->look.now_usec = now->usec;
        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++) {
                uint64_t stalled = now->total_usec[k] - before->total_usec[k];

                s->look.shares[s->resource][k] =
                        (unsigned) (stalled * PSI_WHOLE / (now->usec - before->usec));
                for (PressureAct a = PRESSURE_DEMOTE; a <= PRESSURE_KILL; a++)
                        s->look.crossed[a][s->resource][k] =
                                is_crossed(s, k, s->config.pressure.thresholds[a][s->resource][k]);
        }
        for (size_t i = 0; i < s->n; i++) {
                PressureScope *scope = &s->scopes[i];

                if (now->used[i] == 0)
                        scope->live = scope->frozen = scope->frozen_by_pressure = scope->demoted =
                                false;
                else if (before->used[i] == 0) {
                        scope->live = true;
                        scope->started_usec = now->usec;
                }
                scope->used[s->resource] =
                        s->resource == PSI_MEMORY ? now->used[i] : now->used[i] - before->used[i];
        }
}

static void carry_out(Series *s, const PressureDecision *d)
{
        PressureScope *scope = &s->scopes[d->target];

        size_t n = strlen(s->decided);

        (void) snprintf(s->decided + n, sizeof s->decided - n, "%.1f %s %s, ",
                        (double) s->look.now_usec / (double) USEC_PER_SEC,
                        pressure_act_to_string(d->act), s->names[d->target]);
        switch (d->act) {
        case PRESSURE_DEMOTE:
        case PRESSURE_RESTORE:
                scope->demoted = d->act == PRESSURE_DEMOTE;
                scope->demoted_for = d->resource;
                scope->demoted_order = s->order++;
                break;
        case PRESSURE_FREEZE:
        case PRESSURE_THAW:
                scope->frozen = scope->frozen_by_pressure = d->act == PRESSURE_FREEZE;
                scope->frozen_for = d->resource;
                scope->frozen_order = s->order++;
                break;
        default:
                scope->live = scope->frozen = scope->frozen_by_pressure = false;
        }
}

static void decide(Series *s)
{
        size_t candidates[SCOPES_MAX];
        PressureDecision d = { .candidates = candidates };
        const PressureConfig *c = &s->config.pressure;

        look(s);
        if (pressure_decide(c, s->resource, &s->look, &s->past, s->scopes, s->n, &d) ||
            pressure_decide_undo(c, s->resource, &s->look, &s->past, s->scopes, s->n, &d))
                carry_out(s, &d);
}

static void take_sample(Series *s, char *text)
{
        Sample *sample = &s->samples[s->n_samples++];
        char resource[8];
        double seconds;
        int n = 0;

        assert_in_range(s->n_samples, 1, SAMPLES_MAX);
        if (sscanf(text, "%lf %7s %" SCNu64 " %" SCNu64 "%n", &seconds, resource,
                   &sample->total_usec[PSI_SOME], &sample->total_usec[PSI_FULL], &n) != 4)
                fail_msg("%s:%u: not a line of a series", s->name, s->line);
        sample->usec = (uint64_t) (seconds * (double) USEC_PER_SEC);
        s->resource = psi_resource_from_string(resource);
        assert_true(s->resource >= 0);
        for (size_t i = 0; i < s->n; i++)
                sample->used[i] = strtoull(text + n, &text, 10), n = 0;
        if (s->n_samples > 1)
                decide(s);
}

static void take_line(Series *s, char *text)
{
        char priority[8];

        s->line++;
        if (sscanf(text, "scope %15s %7s", s->names[s->n], priority) == 2) {
                assert_in_range(s->n, 0, SCOPES_MAX - 1);
                s->scopes[s->n++] = (PressureScope){
                        .workload = true,
                        .cpu_weight = 100,
                        .priority = (unsigned) atoi(priority),
                };
        } else if (*text != '#') {
                take_sample(s, text);
        }
}

/* keys: "KEY VALUE" of [Pressure], in place of the defaults. */
static void replay(const char *name, const char *const *keys, const char *decided)
{
        Series *s = calloc(1, sizeof *s);
        char path[256], text[256];
        FILE *file;

        assert_non_null(s);
        s->name = name;
        assert_int_equal(config_defaults(&s->config), 0);
        for (; *keys; keys += 2) {
                char *why = NULL;

                assert_int_equal(config_set(&s->config, "Pressure", keys[0], keys[1], &why), 0);
        }
        (void) snprintf(path, sizeof path, SOURCE_ROOT "/tests/unit/pressure/%s", name);
        file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(text, sizeof text, file))
                take_line(s, text);
        (void) fclose(file);
        assert_string_equal(s->decided, decided);
        config_done(&s->config);
        free(s);
}

#define KEYS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* 10 s after the job that is in the way has gone, at the next look. */
static void test_memory(void **state _unused_)
{
        replay("memory", KEYS("KillMemoryFull", "off"), "112.6 freeze low, 144.0 thaw low, ");
}

/* Frozen, it still has its memory: after ActionDelaySec, and a window. The job that came last is out of reach. */
static void test_memory_kill(void **state _unused_)
{
        replay("memory", KEYS("KillPriorityMax", "50"), "112.6 freeze low, 116.2 kill low, ");
}

static void test_memory_off(void **state _unused_)
{
        replay("memory", KEYS("Enabled", "no"), "");
}

/* After the grace period of both. */
static void test_cpu(void **state _unused_)
{
        replay("cpu", KEYS("ThawSec", "5"), "104.3 demote low, 115.7 restore low, ");
}

/* Undone in reverse, and in the same steps. */
static void test_cpu_freeze(void **state _unused_)
{
        replay("cpu", KEYS("ThawSec", "5", "FreezeCPUFull", "20"),
               "104.3 demote low, 106.4 freeze low, 116.2 thaw low, 121.4 restore low, ");
}

/* The one that writes, and not the one with the memory; after its grace period. */
static void test_io(void **state _unused_)
{
        replay("io", KEYS(), "107.9 freeze low, ");
}

/* Where none may be frozen, none is killed either. */
static void test_io_off(void **state _unused_)
{
        replay("io", KEYS("GentlePriorityMax", "5"), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_memory),     cmocka_unit_test(test_memory_kill),
                cmocka_unit_test(test_memory_off), cmocka_unit_test(test_cpu),
                cmocka_unit_test(test_cpu_freeze), cmocka_unit_test(test_io),
                cmocka_unit_test(test_io_off),
        };

        return cmocka_run_group_tests_name("pressure-series", tests, NULL, NULL);
}
