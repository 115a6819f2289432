/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks for a scope whose name has a NUL in its middle, which no D-Bus library can send: the message
 * is written by hand. Prints what comes of it. With --underscore the name has '_' there. */
#include "helper.h"

#include <sys/socket.h>
#include <sys/un.h>

static void put(uint8_t **to, const void *data, size_t n)
{
        memcpy(*to, data, n);
        *to += n;
}

static int connect_to_bus(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX,
                                  .sun_path = "/run/dbus/system_bus_socket" };
        static const char hello[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
        char answer[256];
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                die("bus");
        if (write(fd, hello, sizeof(hello) - 1) < 0 || read(fd, answer, sizeof(answer)) <= 0)
                die("authentication");
        return fd;
}

static void send_bytes(int fd, const uint8_t *data, size_t n)
{
        if (write(fd, data, n) != (ssize_t) n)
                die("write");
}

static size_t header_field(uint8_t *to, uint8_t code, const char *signature, const char *value)
{
        uint8_t *p = to;
        uint32_t n = (uint32_t) strlen(value);
        uint8_t short_n = (uint8_t) n;

        put(&p, &code, 1);
        put(&p, (uint8_t[]){ 1 }, 1);
        put(&p, signature, 2);
        if (streq(signature, "g"))
                put(&p, &short_n, 1);
        else
                put(&p, &n, 4);
        put(&p, value, n + 1);
        return (size_t) (p - to);
}

/* Each field starts at a multiple of 8, and so does the body. */
static uint8_t *align(uint8_t *start, uint8_t *p)
{
        return p + (8 - (p - start) % 8) % 8;
}

static size_t call(uint8_t *to, uint32_t serial, const char *destination, const char *path,
                   const char *member, const char *signature, const void *body, uint32_t n_body)
{
        uint8_t *p = to + 16;
        uint32_t n_fields;

        memset(to, 0, 1024);
        p += header_field(p, 1, "o", path);
        p = align(to, p);
        p += header_field(p, 2, "s", destination);
        p = align(to, p);
        p += header_field(p, 3, "s", member);
        p = align(to, p);
        p += header_field(p, 6, "s", destination);
        if (n_body > 0) {
                p = align(to, p);
                p += header_field(p, 8, "g", signature);
        }
        n_fields = (uint32_t) (p - to - 16);
        p = align(to, p);
        to[0] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B';
        to[1] = 1;
        to[3] = 1;
        memcpy(to + 4, &n_body, 4);
        memcpy(to + 8, &serial, 4);
        memcpy(to + 12, &n_fields, 4);
        put(&p, body, n_body);
        return (size_t) (p - to);
}

int main(int argc, char **argv)
{
        /* "workload.slice", "nul\0name", an empty dictionary */
        char body[] = "\16\0\0\0workload.slice\0\0"
                      "\10\0\0\0nul\0name\0\0\0\0"
                      "\0\0\0";
        uint8_t message[2048];
        char answer[4096];
        ssize_t n;
        int fd = connect_to_bus();

        if (argc > 1)
                body[27] = '_';
        send_bytes(fd, message,
                   call(message, 1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "Hello", "",
                        NULL, 0));
        if (read(fd, answer, sizeof(answer)) <= 0)
                die("Hello");
        send_bytes(fd, message,
                   call(message, 2, "org.hpcnode.Cgroup1", "/org/hpcnode/Cgroup1", "CreateScope",
                        "ssa{sv}", body, sizeof(body)));
        while ((n = read(fd, answer, sizeof(answer))) > 0) {
                if (memmem(answer, (size_t) n, "InvalidArgs", 11))
                        return puts("InvalidArgs") == EOF;
                if (memmem(answer, (size_t) n, "/Cgroup1/scope/", 15))
                        return puts("created") == EOF;
        }
        return puts("disconnected") == EOF;
}
