/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/stat: a process calls itself what it likes. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>

static int file = -EBADF;

static int open_file(void)
{
        check(lseek(file, 0, SEEK_SET) == 0);
        return dup(file);
}

#define open(path, flags) open_file()
#include "basic/process.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int code, status, r;

        if (file < 0)
                file = memfd_create("stat", MFD_CLOEXEC);
        check(ftruncate(file, 0) >= 0 && pwrite(file, data, size, 0) == (ssize_t) size);
        (void) process_state(getpid());
        r = process_exit_info(getpid(), &code, &status);
        if (r > 0)
                check(code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED);
        return 0;
}
