/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client without manners.
 *
 * vanish: CONNECTIONS, one after the other, send WaitScope for SCOPE so many times and are closed.
 * leave:  a call that changes something is sent, and the connection is closed when the daemon works on it.
 * deaf:   one connection asks for all objects so many times, never reads an answer, says `sent` (at the
 *         latest when the bus has had enough), and stays until it is killed. */
#include "helper.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define USAGE                                                                              \
        "vanish CONNECTIONS CALLS SCOPE | leave CreateScope SLICE NAME | leave Run SLICE " \
        "NAME COMMAND | leave Spawn SCOPE TASK COMMAND | leave DestroyScope SCOPE | deaf CALLS"
#define OBJECT      "org.hpcnode.Cgroup1", "/org/hpcnode/Cgroup1"
#define DESTINATION OBJECT, "org.hpcnode.Cgroup1"

/* So long a call to a daemon that serves others is not on its way. */
#define ANSWER_USEC (5 * UINT64_C(1000000))

static int check(int r, const char *what)
{
        if (r >= 0)
                return r;
        errno = -r;
        die(what);
}

static sd_bus *connect_to_bus(void)
{
        sd_bus *bus = NULL;

        check(sd_bus_open_system(&bus), "bus");
        check(sd_bus_set_method_call_timeout(bus, ANSWER_USEC), "timeout");
        return bus;
}

static sd_bus_message *new_call(sd_bus *bus, const char *interface, const char *member)
{
        sd_bus_message *m = NULL;

        check(sd_bus_message_new_method_call(bus, &m, OBJECT, interface, member), member);
        return m;
}

static void send_call(sd_bus *bus, sd_bus_message *m)
{
        uint64_t cookie; /* without asking for it there would be no answer */

        check(sd_bus_send(bus, m, &cookie), "send");
        check(sd_bus_flush(bus), "flush");
        sd_bus_message_unref(m);
}

/* Answered after all that was sent on the connection before has been read. */
static bool is_served(sd_bus *bus)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bus, DESTINATION, "SliceOwner", &error, NULL, "s", "workload.slice");
        sd_bus_error_free(&error);
        return r >= 0;
}

static void vanish(int connections, int calls, const char *scope)
{
        for (int i = 0; i < connections; i++) {
                sd_bus *bus = connect_to_bus();

                for (int k = 0; k < calls; k++) {
                        sd_bus_message *m = new_call(bus, "org.hpcnode.Cgroup1", "WaitScope");

                        check(sd_bus_message_append(m, "s", scope), scope);
                        send_call(bus, m);
                }
                if (!is_served(bus))
                        die("not served");
                sd_bus_close_unref(bus);
        }
}

static void leave(int argc, char **argv)
{
        sd_bus *bus = connect_to_bus();
        sd_bus_message *m = new_call(bus, "org.hpcnode.Cgroup1", argv[0]);
        int r = -EINVAL;

        if (streq(argv[0], "CreateScope") && argc == 3)
                r = sd_bus_message_append(m, "ssa{sv}", argv[1], argv[2], 0);
        else if (streq(argv[0], "Run") && argc == 4)
                r = sd_bus_message_append(m, "ssa{sv}asa{sv}", argv[1], argv[2], 0, 1, argv[3], 0);
        else if (streq(argv[0], "Spawn") && argc == 4)
                r = sd_bus_message_append(m, "ssasa{sv}", argv[1], argv[2], 1, argv[3], 0);
        else if (streq(argv[0], "DestroyScope") && argc == 2)
                r = sd_bus_message_append(m, "s", argv[1]);
        else
                usage(USAGE);
        check(r, argv[0]);
        send_call(bus, m);
        /* The first is answered after the bus was asked who we are, the second after its answer. */
        if (!is_served(bus) || !is_served(bus))
                die("not served");
        sd_bus_close_unref(bus);
}

_Noreturn static void deaf(int calls)
{
        sd_bus *bus = connect_to_bus(), *other = connect_to_bus();
        const char *interface = "org.freedesktop.DBus.ObjectManager";

        for (int k = 0; k < calls; k++) {
                send_call(bus, new_call(bus, interface, "GetManagedObjects"));
                /* A bus allows so many unanswered calls, and not more. */
                if (k % 10 == 9 && !is_served(other))
                        break;
        }
        (void) puts("sent");
        (void) fflush(stdout);
        for (;;)
                (void) pause();
}

int main(int argc, char **argv)
{
        if (argc == 5 && streq(argv[1], "vanish"))
                vanish(atoi(argv[2]), atoi(argv[3]), argv[4]);
        else if (argc > 2 && streq(argv[1], "leave"))
                leave(argc - 2, argv + 2);
        else if (argc == 3 && streq(argv[1], "deaf"))
                deaf(atoi(argv[2]));
        else
                usage(USAGE);
        return 0;
}
