/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts a file system whose root is there, and whose every file hangs: who looks one up sleeps, cannot
 * be killed any more, and goes on (with an error) when this program ends. Prints "mounted", then
 * "hangs PID" for each. */
#include "helper.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define USAGE "DIRECTORY"

/* At least what the kernel wants to be able to read at once. */
static char buffer[1 << 20] __attribute__((aligned(8)));

static void answer(int fd, const struct fuse_in_header *in, int error, const void *data,
                   size_t length)
{
        struct fuse_out_header out = {
                .len = (uint32_t) (sizeof(out) + length),
                .error = error,
                .unique = in->unique,
        };
        char packet[512];

        memcpy(packet, &out, sizeof(out));
        if (length > 0)
                memcpy(packet + sizeof(out), data, length);
        /* A caller that has gone meanwhile gets none. */
        if (write(fd, packet, out.len) < 0 && errno != ENOENT)
                die("answer");
}

static void answer_attributes(int fd, const struct fuse_in_header *in)
{
        struct fuse_attr_out out = {
                .attr_valid = 3600,
                .attr = { .ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0777, .nlink = 2 },
        };

        answer(fd, in, 0, &out, sizeof(out));
}

static void handle(int fd, const struct fuse_in_header *in)
{
        static const struct fuse_init_out init = {
                .major = FUSE_KERNEL_VERSION,
                .minor = 31,
                .flags = FUSE_PARALLEL_DIROPS, /* else the second lookup waits for the first */
                .max_write = 4096,
        };

        switch (in->opcode) {
        case FUSE_INIT:
                answer(fd, in, 0, &init, sizeof(init));
                break;
        case FUSE_GETATTR:
                answer_attributes(fd, in);
                break;
        case FUSE_LOOKUP:
                (void) printf("hangs %u\n", in->pid);
                break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
                break; /* want no answer */
        default:
                answer(fd, in, -ENOSYS, NULL, 0);
                break;
        }
        (void) fflush(stdout);
}

static int open_device(void)
{
        int fd;

        /* A container has none. */
        if (mknod("/dev/fuse", S_IFCHR | 0600, makedev(10, 229)) < 0 && errno != EEXIST)
                die("/dev/fuse");
        fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                die("/dev/fuse");
        return fd;
}

int main(int argc, char **argv)
{
        char options[128];
        int fd;

        if (argc != 2)
                usage(USAGE);
        fd = open_device();
        (void) snprintf(options, sizeof(options),
                        "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
        if (mount("hang-fs", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
                die("mount");
        puts("mounted");
        (void) fflush(stdout);
        for (;;) {
                ssize_t n = read(fd, buffer, sizeof(buffer));

                if (n >= (ssize_t) sizeof(struct fuse_in_header))
                        handle(fd, (const struct fuse_in_header *) (void *) buffer);
                else if (n < 0 && errno == ENODEV)
                        return 0; /* unmounted */
                else if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)
                        die("read");
        }
}
