/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dictionaries as a caller may send them, made from text. */
#include "fuzz.h"

#include "basic/fields.h"

#include <fcntl.h>
#include <sys/socket.h>

#define DEPTH_MAX 8

static int append_value(sd_bus_message *m, const char *type, char *value, unsigned depth);

/* A bus that has begun to greet the other end, which never answers: enough to make messages. */
static sd_bus *silent_bus(void)
{
        static sd_bus *bus;
        int fds[2];

        if (bus)
                return bus;
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) >= 0);
        check(sd_bus_new(&bus) >= 0);
        check(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        check(sd_bus_negotiate_fds(bus, true) >= 0);
        check(sd_bus_start(bus) >= 0);
        return bus;
}

sd_bus_message *fuzz_message(void)
{
        sd_bus_message *m = NULL;

        check(sd_bus_message_new_method_call(silent_bus(), &m, NULL, "/x", "x.y", "X") >= 0);
        return m;
}

void fuzz_seal(sd_bus_message *m)
{
        check(sd_bus_message_seal(m, 1, 0) >= 0);
        check(sd_bus_message_rewind(m, true) >= 0);
}

static int append_number(sd_bus_message *m, char type, const char *value)
{
        uint64_t n = strtoull(value, NULL, 0);
        double d = (double) n;

        switch (type) {
        case 'y':
                return sd_bus_message_append(m, "y", (uint8_t) n);
        case 'n':
        case 'q':
                return sd_bus_message_append(m, (char[]){ type, '\0' }, (uint16_t) n);
        case 'b':
                return sd_bus_message_append(m, "b", (int) (n & 1));
        case 'i':
        case 'u':
                return sd_bus_message_append(m, (char[]){ type, '\0' }, (uint32_t) n);
        case 'd':
                return sd_bus_message_append(m, "d", d);
        default:
                return sd_bus_message_append(m, (char[]){ type, '\0' }, n);
        }
}

static int append_fd(sd_bus_message *m)
{
        static int fd = -EBADF;

        if (fd < 0)
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        return sd_bus_message_append(m, "h", fd);
}

/* "NAME SECOND" of a struct of two. */
static int append_struct(sd_bus_message *m, const char *contents, char *value, unsigned depth)
{
        char *space = strrchr(value, ' ');
        int r;

        if (space)
                *space = '\0';
        r = sd_bus_message_open_container(m, 'r', contents);
        if (r >= 0)
                r = append_value(m, "s", value, depth);
        if (r >= 0)
                r = append_value(m, contents + 1, space ? space + 1 : (char *) "", depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_array(sd_bus_message *m, const char *contents, char *value, unsigned depth)
{
        char *element;
        int r;

        r = sd_bus_message_open_container(m, 'a', contents);
        while (r >= 0 && value && *value && (element = strsep(&value, ",")))
                r = append_value(m, contents, element, depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* "TYPE VALUE"; one without a type is a string. */
static int append_variant(sd_bus_message *m, char *value, unsigned depth)
{
        static const char *const types[] = {
                "b", "y", "n",  "q",  "i",  "u",     "x",     "t",   "d",  "s",  "o",  "g",
                "h", "v", "ay", "as", "au", "a(st)", "a(ss)", "aas", "ao", "ab", "av", "(st)",
        };
        char *rest = strchr(value, ' ');
        const char *type = "s";
        int r;

        if (rest) {
                *rest++ = '\0';
                for (size_t i = 0; i < ELEMENTSOF(types); i++)
                        if (streq(types[i], value))
                                type = types[i];
        }
        r = sd_bus_message_open_container(m, 'v', type);
        if (r >= 0)
                r = append_value(m, type, rest ?: value, depth);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const char *type, char *value, unsigned depth)
{
        char contents[16] = "";

        if (depth == 0)
                return -E2BIG;
        if (*type == '(') {
                (void) strncat(contents, type + 1, strcspn(type + 1, ")"));
                return append_struct(m, contents, value, depth - 1);
        }
        switch (*type) {
        case 'a':
                return append_array(m, type + 1, value, depth - 1);
        case 'v':
                return append_variant(m, value, depth - 1);
        case 'h':
                return append_fd(m);
        case 's':
        case 'o':
        case 'g':
                return sd_bus_message_append(m, (char[]){ *type, '\0' }, value);
        default:
                return append_number(m, *type, value);
        }
}

static int append_entry(sd_bus_message *m, char *line)
{
        char *value = strchr(line, ' ');
        int r;

        if (value)
                *value++ = '\0';
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", line);
        if (r >= 0)
                r = append_variant(m, value ?: (char[]){ "" }, DEPTH_MAX);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

bool fuzz_append_dict(sd_bus_message *m, char *text)
{
        char *line;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        while (r >= 0 && text && *text && (line = strsep(&text, "\n")))
                r = append_entry(m, line);
        return r >= 0 && sd_bus_message_close_container(m) >= 0;
}
