/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listens to the daemon's signals, then runs a command, and waits until every signal that was asked
 * for has come. Prints all that came, one a line: the member, then its arguments, those of a dictionary as
 * KEY=VALUE. */
#include "helper.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#define USAGE "[--timeout SEC] MEMBER:WORD... -- COMMAND [ARGUMENT...]"

#define MATCH                                         \
        "type='signal',sender='org.hpcnode.Cgroup1'," \
        "interface='org.hpcnode.Cgroup1'"

/* Only where one is asked for: "PropertiesChanged:INTERFACE", "InterfacesRemoved:OBJECT". */
#define MATCH_CHANGES                                 \
        "type='signal',sender='org.hpcnode.Cgroup1'," \
        "interface='org.freedesktop.DBus.Properties'"
#define MATCH_REMOVALS                                \
        "type='signal',sender='org.hpcnode.Cgroup1'," \
        "interface='org.freedesktop.DBus.ObjectManager',member='InterfacesRemoved'"

typedef struct Expected {
        const char *member, *word; /* word: any one of the signal's arguments */
        bool seen;
} Expected;

static Expected expected[32];
static size_t n_expected;

#define BASIC_TYPES "sotuib"

/* Takes one value as text. */
static int next_argument(sd_bus_message *m, char type, char buffer[static 512])
{
        union {
                const char *s;
                uint64_t t;
                uint32_t u;
                int32_t i;
        } value = { 0 };
        int r = sd_bus_message_read_basic(m, type, &value);

        if (r < 0)
                return r;
        if (type == 's' || type == 'o')
                (void) snprintf(buffer, 512, "%s", value.s);
        else if (type == 't')
                (void) snprintf(buffer, 512, "%ju", (uintmax_t) value.t);
        else if (type == 'u')
                (void) snprintf(buffer, 512, "%u", value.u);
        else
                (void) snprintf(buffer, 512, "%d", value.i);
        return r;
}

/* Prints those of an a{sv} whose values are no containers. */
static void print_dictionary(sd_bus_message *m)
{
        if (sd_bus_message_enter_container(m, 'a', "{sv}") <= 0)
                return;
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                char key[512], value[512];
                const char *type;

                if (next_argument(m, 's', key) < 0 || sd_bus_message_peek_type(m, NULL, &type) < 0)
                        return;
                if (type[1] || !strchr(BASIC_TYPES, *type))
                        (void) sd_bus_message_skip(m, "v");
                else if (sd_bus_message_enter_container(m, 'v', type) > 0 &&
                         next_argument(m, *type, value) >= 0 &&
                         sd_bus_message_exit_container(m) >= 0)
                        (void) printf(" %s=%s", key, value);
                (void) sd_bus_message_exit_container(m);
        }
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(m), *type;
        char argument[512], kind;

        (void) printf("%s", member);
        while (sd_bus_message_peek_type(m, &kind, &type) > 0 && strchr(BASIC_TYPES, kind)) {
                if (next_argument(m, kind, argument) < 0)
                        break;
                (void) printf(" %s", argument);
                for (size_t i = 0; i < n_expected; i++)
                        if (streq(expected[i].member, member) && streq(expected[i].word, argument))
                                expected[i].seen = true;
        }
        print_dictionary(m);
        (void) putchar('\n');
        (void) fflush(stdout);
        return 0;
}

static bool all_seen(void)
{
        for (size_t i = 0; i < n_expected; i++)
                if (!expected[i].seen)
                        return false;
        return true;
}

static pid_t start(char **argv)
{
        pid_t pid = fork();

        if (pid < 0)
                die("fork");
        if (pid == 0) {
                (void) dup2(STDERR_FILENO, STDOUT_FILENO);
                execvp(argv[0], argv);
                die(argv[0]);
        }
        return pid;
}

static void expect(char *text)
{
        char *colon = strchr(text, ':');

        if (!colon || n_expected == ELEMENTSOF(expected))
                usage(USAGE);
        *colon = '\0';
        expected[n_expected++] = (Expected){ .member = text, .word = colon + 1 };
}

static bool wants(const char *member)
{
        for (size_t i = 0; i < n_expected; i++)
                if (streq(expected[i].member, member))
                        return true;
        return false;
}

static bool listen_until(sd_bus *bus, int64_t deadline)
{
        while (!all_seen()) {
                int r = sd_bus_process(bus, NULL);
                int64_t left = deadline - now_msec();

                if (r < 0)
                        return false;
                if (r > 0)
                        continue;
                if (left <= 0 || sd_bus_wait(bus, (uint64_t) left * 1000) < 0)
                        return false;
        }
        return true;
}

int main(int argc, char **argv)
{
        sd_bus *bus = NULL;
        int seconds = DEADLINE_SEC, status, i = 1;
        bool complete;
        pid_t pid;

        if (argc > 2 && streq(argv[1], "--timeout")) {
                seconds = atoi(argv[2]);
                i = 3;
        }
        for (; i < argc && !streq(argv[i], "--"); i++)
                expect(argv[i]);
        if (i + 1 >= argc)
                usage(USAGE);

        if (sd_bus_open_system(&bus) < 0 || sd_bus_add_match(bus, NULL, MATCH, on_signal, NULL) < 0)
                die("bus");
        if (wants("PropertiesChanged") &&
            sd_bus_add_match(bus, NULL, MATCH_CHANGES, on_signal, NULL) < 0)
                die("bus");
        if (wants("InterfacesRemoved") &&
            sd_bus_add_match(bus, NULL, MATCH_REMOVALS, on_signal, NULL) < 0)
                die("bus");
        pid = start(argv + i + 1);
        complete = listen_until(bus, now_msec() + seconds * 1000);
        for (size_t k = 0; k < n_expected; k++)
                if (!expected[k].seen)
                        fprintf(stderr, "no %s of %s\n", expected[k].member, expected[k].word);
        if (waitpid(pid, &status, 0) < 0)
                die("waitpid");
        sd_bus_flush_close_unref(bus);
        if (status != 0)
                fprintf(stderr, "the command ended with wait status 0x%x\n", (unsigned) status);
        return complete && status == 0 ? 0 : 1;
}
