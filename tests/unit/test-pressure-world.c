/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What holds of every decision against pressure, whatever happens on the node. */
#include "pressure-world.h"

#include "test.h"

#include <inttypes.h>

#define STEPS 200000UL

/* SplitMix64: the same world for the same seed, everywhere. */
static uint64_t draw(void *userdata)
{
        uint64_t *seed = userdata, z;

        z = *seed += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* PRESSURE_SEED=N in the environment tries another world. */
static void test_world(void **state _unused_)
{
        const char *text = getenv("PRESSURE_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 0) : 7, start = seed;
        World w;

        world_init(&w, draw, &seed);
        for (unsigned long i = 0; i < STEPS; i++) {
                const char *wrong = world_step(&w);

                if (wrong)
                        fail_msg("PRESSURE_SEED=%" PRIu64 ", step %lu: broken: %s", start, i,
                                 wrong);
        }
        /* Else nothing was tried. */
        for (PressureAct a = PRESSURE_DEMOTE; a < _PRESSURE_ACT_MAX; a++)
                assert_true(w.acts[a] > STEPS / 1000);
        world_done(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_world),
        };

        return cmocka_run_group_tests_name("pressure-world", tests, NULL, NULL);
}
