/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits for SCOPE with COUNT calls at once, or sets its TasksMax, on several connections, since the bus limits each of
 * them. Prints "pending" when the daemon has the last one, and a line for the first answer of each kind; ends when all have
 * come. */
#include "helper.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define USAGE "COUNT SCOPE [TASKS_MAX]"

#define CALLS_PER_CONNECTION 1000

static unsigned n_pending, n_answered, n_refused;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_event *event = userdata;
        unsigned *n = sd_bus_message_is_method_error(m, NULL) ? &n_refused : &n_answered;

        if ((*n)++ == 0) {
                (void) printf("%s\n",
                              n == &n_refused ? sd_bus_message_get_error(m)->name : "answered");
                (void) fflush(stdout);
        }
        return --n_pending == 0 ? sd_event_exit(event, 0) : 0;
}

static int send_call(sd_bus *bus, sd_event *event, const char *scope, const char *tasks_max)
{
        const char *object = "/org/hpcnode/Cgroup1", *name = "org.hpcnode.Cgroup1";

        if (!tasks_max)
                return sd_bus_call_method_async(bus, NULL, name, object, name, "WaitScope",
                                                on_answer, event, "s", scope);
        return sd_bus_call_method_async(bus, NULL, name, object, name, "SetScopeLimits", on_answer,
                                        event, "sa{sv}", scope, 1, "TasksMax", "t",
                                        (uint64_t) strtoull(tasks_max, NULL, 10));
}

int main(int argc, char **argv)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int count;

        if (argc != 3 && argc != 4)
                usage(USAGE);
        count = atoi(argv[1]);
        if (sd_event_new(&event) < 0)
                die("event");
        for (int i = 0; i < count; i++) {
                if (i % CALLS_PER_CONNECTION == 0) {
                        bus = NULL;
                        if (sd_bus_open_system(&bus) < 0 ||
                            sd_bus_set_method_call_timeout(bus, UINT64_MAX) < 0 ||
                            sd_bus_attach_event(bus, event, 0) < 0)
                                die("bus");
                }
                if (send_call(bus, event, argv[2], argc == 4 ? argv[3] : NULL) < 0)
                        die("call");
                n_pending++;
        }
        /* Calls of one connection are seen to in their order. */
        if (sd_bus_call_method(bus, "org.hpcnode.Cgroup1", "/org/hpcnode/Cgroup1",
                               "org.hpcnode.Cgroup1", "WhoAmI", NULL, NULL, "") >= 0)
                (void) printf("pending\n");
        (void) fflush(stdout);
        if (sd_event_loop(event) < 0)
                die("loop");
        (void) printf("%u answered, %u refused\n", n_answered, n_refused);
        return 0;
}
