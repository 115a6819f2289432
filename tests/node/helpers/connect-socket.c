/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connects to a socket of kind SOCK_SEQPACKET, and leaves. */
#include "helper.h"

#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char *argv[])
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
                usage("PATH");
        (void) strcpy(address.sun_path, argv[1]);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof address) < 0)
                die(argv[1]);
        return 0;
}
