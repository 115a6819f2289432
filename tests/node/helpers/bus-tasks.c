/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many tasks in one scope, from one connection. They are called t-1 to t-COUNT, and run the helper `stay`. Prints
 * what it has measured as "name value" lines.
 *
 *   start    spawns them, so many calls in flight; one that the end of the daemon left unanswered is asked for again
 *   known    asks for all objects at once: each of them must be there, and run
 *   end      kills the whole scope with the signal: the end of each must be announced once, with its own status,
 *            and whoever waits for one (here for ten of them) is answered with that
 *   ping     asks the daemon for its version, 50 times at least, and every 20 ms until its standard input ends */
#include "helper.h"

#include <poll.h>
#include <signal.h>
#include <systemd/sd-bus.h>

#define USAGE                                                      \
        "start [--in-flight N] SCOPE COUNT | known SCOPE COUNT | " \
        "end SCOPE COUNT SIGNAL | ping"
#define CALL_SEC    120
#define STAY        "/usr/libexec/hpcnode-tests/bin/stay"
#define SERVICE     "org.hpcnode.Cgroup1"
#define PATH        "/org/hpcnode/Cgroup1"
#define DESTINATION SERVICE, PATH, SERVICE
#define WAITS       10
#define PINGS_MIN   50
#define PINGS_MAX   100000

/* A call that is not answered. */
typedef struct Spawn {
        struct Tasks *tasks;
        unsigned number;
        bool again;
} Spawn;

typedef struct Tasks {
        sd_bus *bus;
        const char *scope;
        unsigned count, next, in_flight, in_flight_max, failed, ended, waited;
        int signal;
        uint8_t *seen; /* how often, of each */
} Tasks;

static uint64_t now_usec(void)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static void check(int r, const char *what)
{
        if (r >= 0)
                return;
        errno = -r;
        die(what);
}

/* One round of the loop; false when the time is up. */
static bool turn(Tasks *t, int64_t deadline_msec)
{
        int r = sd_bus_process(t->bus, NULL);
        int64_t left = deadline_msec - now_msec();

        check(r, "sd_bus_process");
        if (r > 0)
                return true;
        if (left <= 0)
                return false;
        check(sd_bus_wait(t->bus, (uint64_t) left * 1000), "sd_bus_wait");
        return true;
}

/* --- start --- */

static void spawn(Tasks *t, unsigned number, bool again);

/* One that was asked for twice may have been there since the first. */
static int on_spawned(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Spawn *q = userdata;
        Tasks *t = q->tasks;

        t->in_flight--;
        if (error && startswith(error->name, "org.freedesktop.DBus.Error."))
                spawn(t, q->number, true);
        else if (error && !(q->again && endswith(error->name, ".AlreadyExists")) && t->failed++ < 3)
                fprintf(stderr, "%s: %s\n", error->name, error->message);
        free(q);
        return 0;
}

static void spawn(Tasks *t, unsigned number, bool again)
{
        Spawn *q = calloc(1, sizeof(*q));
        sd_bus_message *m = NULL;
        char name[32], variable[32];
        int r;

        if (!q)
                die("calloc");
        *q = (Spawn){ t, number, again };
        (void) snprintf(name, sizeof(name), "t-%u", number);
        (void) snprintf(variable, sizeof(variable), "NUMBER=%u", number);
        r = sd_bus_message_new_method_call(t->bus, &m, DESTINATION, "Spawn");
        if (r >= 0)
                r = sd_bus_message_append(m, "ssasa{sv}", t->scope, name, 1, STAY, 1, "Environment",
                                          "as", 1, variable);
        if (r >= 0)
                r = sd_bus_call_async(t->bus, NULL, m, on_spawned, q, CALL_SEC * 1000000ULL);
        check(r, "Spawn");
        sd_bus_message_unref(m);
        t->in_flight++;
}

/* With so many there, one more costs so much: told of each tenth. */
static void start(Tasks *t)
{
        unsigned tenth = t->count / 10 ?: 1;
        uint64_t begun = now_usec(), last = begun;

        while (t->next < t->count || t->in_flight > 0) {
                while (t->next < t->count && t->in_flight < t->in_flight_max) {
                        spawn(t, ++t->next, false);
                        if (t->next % tenth == 0) {
                                uint64_t now = now_usec();

                                printf("start_usec_up_to_%u %ju\n", t->next,
                                       (uintmax_t) ((now - last) / tenth));
                                (void) fflush(stdout);
                                last = now;
                        }
                }
                if (!turn(t, now_msec() + CALL_SEC * 1000))
                        break;
        }
        printf("started %u\nstart_usec %ju\n", t->next - t->failed,
               (uintmax_t) ((now_usec() - begun) / t->count));
}

/* --- known --- */

/* The number in ".../task/t_2dNUMBER", or 0. */
static unsigned task_number(const Tasks *t, const char *name)
{
        const char *digits = startswith(name, "t-");
        unsigned long n = digits ? strtoul(digits, NULL, 10) : 0;

        return n <= t->count ? (unsigned) n : 0;
}

static void see(Tasks *t, const char *name)
{
        unsigned n = task_number(t, name);

        if (n > 0 && t->seen[n] < UINT8_MAX)
                t->seen[n]++;
}

/* Each once? */
static unsigned count_seen(const Tasks *t)
{
        unsigned once = 0;

        for (unsigned i = 1; i <= t->count; i++) {
                if (t->seen[i] == 1)
                        once++;
                else
                        fprintf(stderr, "t-%u: %u times\n", i, t->seen[i]);
        }
        return once;
}

static int read_property(sd_bus_message *m, const char **name, bool *running)
{
        const char *key, *text;
        int r = sd_bus_message_read(m, "s", &key);

        if (r < 0)
                return r;
        if (!streq(key, "Name") && !streq(key, "State"))
                return sd_bus_message_skip(m, "v");
        r = sd_bus_message_read(m, "v", "s", &text);
        if (streq(key, "Name"))
                *name = text;
        else
                *running = r >= 0 && streq(text, "running");
        return r;
}

static int read_interface(Tasks *t, sd_bus_message *m)
{
        const char *interface, *name = NULL;
        bool running = false;
        int r;

        r = sd_bus_message_read(m, "s", &interface);
        if (r < 0)
                return r;
        if (!streq(interface, SERVICE ".Task"))
                return sd_bus_message_skip(m, "a{sv}");
        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_property(m, &name, &running);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0 && name && running)
                see(t, name);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_object(Tasks *t, sd_bus_message *m)
{
        int r;

        r = sd_bus_message_skip(m, "o");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
                r = read_interface(t, m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void known(Tasks *t)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = NULL;
        uint64_t begun = now_usec();
        int r;

        r = sd_bus_call_method(t->bus, SERVICE, PATH, "org.freedesktop.DBus.ObjectManager",
                               "GetManagedObjects", &error, &m, NULL);
        check(r, "GetManagedObjects");
        printf("managed_objects_msec %ju\n", (uintmax_t) ((now_usec() - begun) / 1000));
        r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
                r = read_object(t, m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        check(r, "the answer");
        sd_bus_message_unref(m);
        printf("running %u\n", count_seen(t));
}

/* --- end --- */

/* By SIGTERM each ends with its own status, by another by that. */
static bool is_right(const Tasks *t, unsigned number, int exit, int signal)
{
        return t->signal == SIGTERM ? exit == (int) (number % 200) && signal == 0
                                    : exit < 0 && signal == t->signal;
}

static int on_exited(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Tasks *t = userdata;
        const char *scope, *task;
        int exit, signal, oom;
        unsigned number;
        uint32_t pid;

        check(sd_bus_message_read(m, "osuiib", &scope, &task, &pid, &exit, &signal, &oom),
              "TaskExited");
        number = task_number(t, task);
        if (number == 0)
                return 0;
        see(t, task);
        t->ended++;
        if (!is_right(t, number, exit, signal) && t->failed++ < 3)
                fprintf(stderr, "%s ended with %d, signal %d\n", task, exit, signal);
        return 0;
}

static int on_waited(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Spawn *q = userdata;
        const char *state;
        int exit, signal, oom;

        if (error)
                fprintf(stderr, "WaitScope: %s: %s\n", error->name, error->message);
        else if (sd_bus_message_read(m, "siib", &state, &exit, &signal, &oom) >= 0 &&
                 is_right(q->tasks, q->number, exit, signal))
                q->tasks->waited++;
        free(q);
        return 0;
}

static void wait_for(Tasks *t, unsigned number)
{
        Spawn *q = calloc(1, sizeof(*q));
        char name[256];

        if (!q)
                die("calloc");
        *q = (Spawn){ .tasks = t, .number = number };
        (void) snprintf(name, sizeof(name), "%s/t-%u", t->scope, number);
        check(sd_bus_call_method_async(t->bus, NULL, DESTINATION, "WaitScope", on_waited, q, "s",
                                       name),
              "WaitScope");
}

static void end(Tasks *t)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int64_t deadline = now_msec() + DEADLINE_SEC * 1000;
        uint64_t begun;

        check(sd_bus_match_signal(t->bus, NULL, SERVICE, PATH, SERVICE, "TaskExited", on_exited, t),
              "the match");
        for (unsigned i = 1; i <= WAITS; i++)
                wait_for(t, t->count / WAITS * i);
        begun = now_usec();
        check(sd_bus_call_method(t->bus, DESTINATION, "KillScope", &error, NULL, "si", t->scope,
                                 t->signal),
              "KillScope");
        while (t->ended < t->count && turn(t, deadline))
                ;
        printf("end_usec %ju\n", (uintmax_t) ((now_usec() - begun) / t->count));
        /* What it says twice comes before an answer to this. */
        (void) sd_bus_call_method(t->bus, SERVICE, PATH, "org.freedesktop.DBus.Peer", "Ping",
                                  &error, NULL, NULL);
        while (turn(t, 0))
                ;
        printf("ended %u\nwrong %u\nwaited %u\n", count_seen(t), t->failed, t->waited);
}

/* --- ping --- */

static int compare(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void ping(Tasks *t)
{
        uint64_t *usec = calloc(PINGS_MAX, sizeof(*usec));
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
        size_t n = 0;

        if (!usec)
                die("calloc");
        do {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                uint64_t begun = now_usec();
                char *version = NULL;

                check(sd_bus_get_property_string(t->bus, DESTINATION, "Version", &error, &version),
                      "Version");
                free(version);
                usec[n++] = now_usec() - begun;
        } while (n < PINGS_MIN || (n < PINGS_MAX && poll(&input, 1, 20) == 0));
        qsort(usec, n, sizeof(*usec), compare);
        printf("pings %zu\nping_usec_p50 %ju\nping_usec_p99 %ju\nping_usec_max %ju\n", n,
               (uintmax_t) usec[n / 2], (uintmax_t) usec[n * 99 / 100], (uintmax_t) usec[n - 1]);
        free(usec);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int n_args;
                void (*run)(Tasks *t);
        } verbs[] = {
                { "start", 2, start }, { "known", 2, known }, { "end", 3, end }, { "ping", 0, ping }
        };
        Tasks t = { .in_flight_max = 64 };
        const char *verb = argc > 1 ? argv[1] : "";
        size_t i;

        argv += 2;
        argc -= 2;
        if (argc > 1 && streq(argv[0], "--in-flight")) {
                t.in_flight_max = (unsigned) atoi(argv[1]);
                argc -= 2;
                argv += 2;
        }
        for (i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verb, verbs[i].name) && argc == verbs[i].n_args)
                        break;
        if (i == ELEMENTSOF(verbs))
                usage(USAGE);
        if (argc > 0) {
                t.scope = argv[0];
                t.count = (unsigned) atoi(argv[1]);
        }
        t.signal = argc > 2 ? atoi(argv[2]) : 0;
        t.seen = calloc(t.count + 1, 1);
        if (!t.seen || sd_bus_open_system(&t.bus) < 0)
                die("bus");
        check(sd_bus_set_method_call_timeout(t.bus, CALL_SEC * 1000000ULL), "the timeout");
        verbs[i].run(&t);
        free(t.seen);
        sd_bus_flush_close_unref(t.bus);
        return 0;
}
