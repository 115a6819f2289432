/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the names of the fault points that begin with the argument, in their order. */
#include "helper.h"

#include "basic/fault.h"

int main(int argc, char *argv[])
{
        static const char *const names[] = {
#define FAULT_POINT_NAME(name, text) text,
                FAULT_POINTS_TABLE(FAULT_POINT_NAME)
#undef FAULT_POINT_NAME
        };

        if (argc != 2)
                usage("PREFIX");
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (startswith(names[i], argv[1]))
                        (void) puts(names[i]);
        return 0;
}
