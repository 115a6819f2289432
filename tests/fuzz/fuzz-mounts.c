/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/self/mountinfo: names of mount points are chosen by users. */
#include "fuzz.h"

#include "basic/cgroup-file.h"

static const char *mounts;

#define cgroup_read(dir, file, ret) ((*(ret) = strdup(mounts)) ? 0 : -ENOMEM)
#include "basic/io-disk.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size), *source = fuzz_untouched;
        dev_t dev;

        mounts = text;
        if (mount_of_path("/home/user/file", &dev, &source) < 0) {
                check(source == fuzz_untouched);
                source = NULL;
        }
        return 0;
}
