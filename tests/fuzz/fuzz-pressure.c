/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions against pressure, in a world that the input makes. */
#include "fuzz.h"

#include "pressure-world.h"

typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static uint64_t draw(void *userdata)
{
        Input *input = userdata;
        uint64_t value = 0;
        size_t n = input->size < 3 ? input->size : 3; /* a time needs as many */

        memcpy(&value, input->data, n);
        input->data += n;
        input->size -= n;
        return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input input = { data, size };
        World w;

        world_init(&w, draw, &input);
        while (input.size > 0) {
                const char *wrong = world_step(&w);

                if (wrong)
                        fuzz_fail(__FILE__, __LINE__, wrong);
        }
        world_done(&w);
        return 0;
}
