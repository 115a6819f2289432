/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault points: where a test build is killed on demand. */
#include "fault.h"

#ifdef FAULT_POINTS
#include <fcntl.h>
#include <signal.h>

static const char *const names[_FAULT_POINT_MAX] = {
#define FAULT_POINT_NAME(name, text) [FAULT_##name] = (text),
        FAULT_POINTS_TABLE(FAULT_POINT_NAME)
#undef FAULT_POINT_NAME
};

void fault_point(FaultPoint p)
{
        _cleanup_(closep) int fd = open(FAULT_FILE, O_RDONLY | O_CLOEXEC);
        char name[64];
        ssize_t n;

        if (fd < 0)
                return;
        n = read(fd, name, sizeof name - 1);
        if (n <= 0)
                return;
        name[n] = '\0';
        name[strcspn(name, "\n")] = '\0';
        /* Once: whoever removes it dies. */
        if (streq(name, names[p]) && unlink(FAULT_FILE) >= 0)
                (void) kill(getpid(), SIGKILL);
}
#endif
