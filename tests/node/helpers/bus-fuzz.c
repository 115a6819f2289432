/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls everything that the daemon offers, with arguments that are right, wrong, hostile or too large, some
 * dozens at once. Each call is to have one answer, from the daemon or from the bus, and the connection is to
 * stay. Counts the answers by kind.
 *
 * A call depends on the seed and its number alone: --first N --calls 1 makes one again. */
#include "bus-fuzz/fuzz.h"

#include <inttypes.h>

#define USAGE                                                                                      \
        "[--seed N] [--calls N] [--first N] [--in-flight N] [--owner SLICE] [--except MEMBER]... " \
        "[--verbose]"

/* Longer than every call but one that waits for a scope's end may take, on an emulated node. */
#define ANSWER_USEC (120 * USEC_PER_SEC)

/* Calls that wait for the end of a scope: no more than these wait at once. */
#define WAITS_MAX 32

#define KINDS_MAX 64
#define RING      65536 /* more than are in flight */

typedef struct Kind {
        char *name;
        unsigned n;
} Kind;

static sd_bus *bus;
static char daemon_name[256];
static Kind kinds[KINDS_MAX];
static size_t n_kinds;
static unsigned in_flight, answered, unanswered, twice, by_daemon;
static int64_t slowest_msec;
static bool verbose;
static sd_bus_slot *waits[WAITS_MAX];
static unsigned n_waits;

/* By cookie: what was answered already. */
static struct {
        uint64_t cookie;
        bool answered;
} seen[RING];

typedef struct Call {
        unsigned number;
        bool waits;
        int64_t sent_msec;
        char member[64];
} Call;

static void check(int r, const char *what)
{
        if (r >= 0)
                return;
        errno = -r;
        die(what);
}

static void count_kind(const char *name)
{
        size_t i;

        for (i = 0; i < n_kinds; i++)
                if (streq(kinds[i].name, name))
                        break;
        if (i == KINDS_MAX)
                return;
        if (i == n_kinds)
                kinds[n_kinds++].name = strdup(name);
        kinds[i].n++;
}

/* Sees every message that comes, also an answer that nobody waits for any more. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        uint64_t cookie;

        if (sd_bus_message_get_reply_cookie(m, &cookie) < 0 || seen[cookie % RING].cookie != cookie)
                return 0;
        if (seen[cookie % RING].answered) {
                fprintf(stderr, "answered twice: the call with cookie %" PRIu64 "\n", cookie);
                twice++;
        }
        seen[cookie % RING].answered = true;
        return 0;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);
        Call *c = userdata;
        int64_t took = now_msec() - c->sent_msec;
        bool late = error && streq(error->name, SD_BUS_ERROR_NO_REPLY);

        if (late && !c->waits) {
                fprintf(stderr, "call %u was not answered: %s\n", c->number, c->member);
                unanswered++;
        }
        answered += !late;
        by_daemon += streq_ptr(sd_bus_message_get_sender(m), daemon_name);
        if (!c->waits) {
                in_flight--;
                if (took > slowest_msec)
                        slowest_msec = took;
        }
        count_kind(error ? error->name : "ok");
        if (verbose)
                fprintf(stderr, "%u %jd ms: %s: %.*s\n", c->number, (intmax_t) took,
                        error ? error->name : "ok", error ? (int) strcspn(error->message, "\n") : 0,
                        error ? error->message : "");
        return 0;
}

/* --- one call --- */

static const char *any_path(const Object *o)
{
        static const char *const odd[] = { "/",
                                           "/org",
                                           BUS_PATH "/scope",
                                           BUS_PATH "/scope/_",
                                           BUS_PATH "/scope/workload_2dnot_2escope",
                                           BUS_PATH "/scope/x/task/main/y",
                                           BUS_PATH "/scope/workload_2dx_2escope/task/_2e_2e" };
        static char path[8192];

        if (!one_in(12))
                return o->path;
        if (one_in(3))
                return odd[below(ELEMENTSOF(odd))];
        /* As long as a message may have it, nearly. */
        (void) snprintf(path, sizeof path, "%s/%0*u", o->path, (int) below(8000) + 1, below(1000));
        path[strlen(o->path) + 1 + below(100)] = '_';
        return path;
}

/* One of our own rather than one of sd-bus; NULL when the object has none at all. */
static const Method *any_method(const Object *o)
{
        const Method *m = NULL;

        for (unsigned tries = 4; tries > 0 && o->n_methods > 0; tries--) {
                m = &o->methods[below((uint32_t) o->n_methods)];
                if (startswith(m->interface, BUS_NAME))
                        break;
        }
        return m;
}

static sd_bus_message *make_call(Call *c)
{
        const Object *o = &objects[one_in(2) ? 0 : below((uint32_t) n_objects)];
        Method any = { .interface = (char *) BUS_NAME,
                       .member = (char *) "NoSuchMethod",
                       .signature = (char *) "s",
                       .names = (char *) "" };
        const Method *method = any_method(o) ?: &any;
        const char *signature = method->signature, *names = method->names;
        sd_bus_message *m = NULL;
        int r;

        /* A method of another object's, or of no interface. */
        r = sd_bus_message_new_method_call(bus, &m, BUS_NAME, any_path(o),
                                           one_in(30) ? NULL : method->interface,
                                           one_in(60) ? any.member : method->member);
        if (r < 0)
                return NULL;
        if (one_in(12)) {
                signature = any_signature();
                names = "";
        }
        (void) snprintf(c->member, sizeof c->member, "%s(%s)", sd_bus_message_get_member(m),
                        signature);
        c->waits = streq(sd_bus_message_get_member(m), "WaitScope");
        if (!append_values(m, signature, names) ||
            sd_bus_message_set_allow_interactive_authorization(m, one_in(4)) < 0)
                return sd_bus_message_unref(m);
        return m;
}

static void remember(sd_bus_message *m)
{
        uint64_t cookie;

        if (sd_bus_message_get_cookie(m, &cookie) < 0)
                return;
        seen[cookie % RING].cookie = cookie;
        seen[cookie % RING].answered = false;
}

/* Calls that wait for ever are given up one after the other. */
static void send_wait(sd_bus_message *m, Call *c)
{
        sd_bus_slot **slot = &waits[n_waits++ % WAITS_MAX];

        sd_bus_slot_unref(*slot);
        *slot = NULL;
        check(sd_bus_call_async(bus, slot, m, on_answer, c, UINT64_MAX), "send");
        check(sd_bus_slot_set_destroy_callback(*slot, free), "slot");
}

static void send_call(uint64_t seed, unsigned number)
{
        sd_bus_slot *slot = NULL;
        sd_bus_message *m;
        Call *c = calloc(1, sizeof *c);

        if (!c)
                die("calloc");
        random_seed(seed, number);
        c->number = number;
        do
                m = make_call(c);
        while (!m);
        c->sent_msec = now_msec();
        if (verbose)
                fprintf(stderr, "%u %s %s.%s\n", number, sd_bus_message_get_path(m),
                        sd_bus_message_get_interface(m) ?: "", c->member);
        if (one_in(50)) { /* wants no answer, and gets none */
                check(sd_bus_message_set_expect_reply(m, false), "no reply");
                check(sd_bus_send(bus, m, NULL), "send");
                free(c);
        } else if (c->waits) {
                send_wait(m, c);
                remember(m);
        } else {
                check(sd_bus_call_async(bus, &slot, m, on_answer, c, ANSWER_USEC), "send");
                check(sd_bus_slot_set_destroy_callback(slot, free), "slot");
                check(sd_bus_slot_set_floating(slot, true), "slot");
                sd_bus_slot_unref(slot);
                remember(m);
                in_flight++;
        }
        sd_bus_message_unref(m);
}

static void flood(uint64_t seed, unsigned first, unsigned calls, unsigned in_flight_max)
{
        unsigned next = first;

        while ((next < first + calls || in_flight > 0) && unanswered == 0) {
                int r;

                while (next < first + calls && in_flight < in_flight_max)
                        send_call(seed, next++);
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0) {
                        fprintf(stderr, "the bus has closed the connection after call %u\n",
                                next - 1);
                        check(r, "bus");
                }
        }
}

/* --- the program --- */

static void find_daemon(void)
{
        sd_bus_creds *creds = NULL;
        const char *name;

        check(sd_bus_get_name_creds(bus, BUS_NAME, SD_BUS_CREDS_UNIQUE_NAME, &creds), "daemon");
        check(sd_bus_creds_get_unique_name(creds, &name), "daemon");
        (void) snprintf(daemon_name, sizeof daemon_name, "%s", name);
        sd_bus_creds_unref(creds);
}

static uint64_t parse(const char *text)
{
        char *end;
        unsigned long long n = text ? strtoull(text, &end, 10) : 0;

        if (!text || *end || end == text)
                usage(USAGE);
        return n;
}

int main(int argc, char **argv)
{
        uint64_t seed = (uint64_t) time(NULL);
        unsigned calls = 1000, first = 0, in_flight_max = 64;
        size_t n_excepted = 0;

        for (int i = 1; i < argc; i++) {
                const char *value = argv[i + 1];

                if (streq(argv[i], "--verbose"))
                        verbose = true;
                else if (streq(argv[i], "--seed"))
                        seed = parse(value), i++;
                else if (streq(argv[i], "--calls"))
                        calls = (unsigned) parse(value), i++;
                else if (streq(argv[i], "--first"))
                        first = (unsigned) parse(value), i++;
                else if (streq(argv[i], "--in-flight"))
                        in_flight_max = (unsigned) parse(value), i++;
                else if (streq(argv[i], "--owner") && value)
                        owned_slice = value, i++;
                else if (streq(argv[i], "--except") && value && n_excepted < EXCEPTED_MAX)
                        excepted_members[n_excepted++] = value, i++;
                else
                        usage(USAGE);
        }
        printf("seed %" PRIu64 "\n", seed);
        (void) fflush(stdout);

        check(sd_bus_open_system(&bus), "bus");
        find_daemon();
        learn_objects(bus);
        check(sd_bus_add_filter(bus, NULL, on_message, NULL), "filter");
        flood(seed, first, calls, in_flight_max);
        for (size_t i = 0; i < n_kinds; i++)
                printf("%s %u\n", kinds[i].name, kinds[i].n);
        printf("answered %u, by the daemon %u; unanswered %u, twice %u, slowest %jd ms\n", answered,
               by_daemon, unanswered, twice, (intmax_t) slowest_msec);
        for (size_t i = 0; i < WAITS_MAX; i++)
                sd_bus_slot_unref(waits[i]);
        sd_bus_flush_close_unref(bus);
        return unanswered > 0 || twice > 0;
}
