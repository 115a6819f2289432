/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A name service that does not answer, as libnss_slow.so.2: reads from a FIFO that nobody writes to. */
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <unistd.h>

#define FIFO "/run/slow-nss"

enum nss_status _nss_slow_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size,
                                     int *error);
enum nss_status _nss_slow_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t size,
                                     int *error);

static enum nss_status hang(void)
{
        char byte;
        int fd = open(FIFO, O_RDONLY | O_CLOEXEC);

        if (fd >= 0) {
                (void) !read(fd, &byte, 1);
                (void) close(fd);
        }
        return NSS_STATUS_NOTFOUND;
}

__attribute__((visibility("default"))) enum nss_status _nss_slow_getpwnam_r(const char *name,
                                                                            struct passwd *pw,
                                                                            char *buffer,
                                                                            size_t size, int *error)
{
        return hang();
}

__attribute__((visibility("default"))) enum nss_status _nss_slow_getpwuid_r(uid_t uid,
                                                                            struct passwd *pw,
                                                                            char *buffer,
                                                                            size_t size, int *error)
{
        return hang();
}
