/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks for MIB of memory, gives it all back, and again, for ever. With --hold it keeps what it has, and does nothing
 * more. */
#include "helper.h"

#include <sys/mman.h>

#define MIB 1048576UL

int main(int argc, char **argv)
{
        bool hold = argc == 3 && streq(argv[1], "--hold");
        unsigned long n;

        if (argc != 2 + hold)
                usage("[--hold] MIB");
        n = strtoul(argv[1 + hold], NULL, 10);
        for (;;) {
                char *p = mmap(NULL, n * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                               -1, 0);

                if (p == MAP_FAILED)
                        die("mmap");
                for (unsigned long i = 0; i < n * MIB; i += 4096)
                        p[i] = 1;
                if (hold)
                        for (;;)
                                (void) pause();
                (void) munmap(p, n * MIB);
        }
}
