/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Creates COUNT scopes from one connection, or destroys them and removes their records, or all of
 * this for one after the other; at most N calls in flight (all at once without --in-flight). Counts
 * the answers by kind. */
#include "helper.h"

#include <systemd/sd-bus.h>

#define USAGE       "create|destroy|cycle [--in-flight N] SLICE PREFIX COUNT"
#define CALL_SEC    120
#define KINDS_MAX   64
#define DESTINATION "org.hpcnode.Cgroup1", "/org/hpcnode/Cgroup1", "org.hpcnode.Cgroup1"

typedef struct Kind {
        char text[300];
        unsigned n;
} Kind;

typedef enum Step {
        STEP_CREATE,
        STEP_DESTROY,
        STEP_REMOVE,
} Step;

static const char *const methods[] = {
        [STEP_CREATE] = "CreateScope",
        [STEP_DESTROY] = "DestroyScope",
        [STEP_REMOVE] = "RemoveScope",
};

typedef struct Flood {
        sd_bus *bus;
        const char *slice, *prefix;
        Step first, last;
        unsigned count, next, in_flight, in_flight_max, answered;
        int64_t slowest_msec;
        Kind kinds[KINDS_MAX];
        size_t n_kinds;
} Flood;

typedef struct Request {
        Flood *flood;
        unsigned number;
        Step step;
        int64_t sent_msec;
} Request;

static void send_request(Flood *f, unsigned number, Step step);

static void count_kind(Flood *f, const char *method, const char *outcome)
{
        char text[300];
        size_t i;

        (void) snprintf(text, sizeof(text), "%s %s", method, outcome);
        for (i = 0; i < f->n_kinds; i++)
                if (streq(f->kinds[i].text, text))
                        break;
        if (i == KINDS_MAX)
                return;
        if (i == f->n_kinds) {
                memcpy(f->kinds[i].text, text, sizeof(text));
                f->n_kinds++;
        }
        f->kinds[i].n++;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Request *q = userdata;
        Flood *f = q->flood;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        int64_t took = now_msec() - q->sent_msec;

        count_kind(f, methods[q->step], error ? error->name : "ok");
        if (error)
                fprintf(stderr, "%s-%u: %s: %s\n", f->prefix, q->number, error->name,
                        error->message);
        if (took > f->slowest_msec)
                f->slowest_msec = took;
        f->answered++;
        f->in_flight--;
        if (!error && q->step < f->last)
                send_request(f, q->number, q->step + 1);
        free(q);
        return 0;
}

static void send_request(Flood *f, unsigned number, Step step)
{
        sd_bus_message *m = NULL;
        Request *q = calloc(1, sizeof(*q));
        char name[256];
        int r;

        if (!q)
                die("calloc");
        *q = (Request){ f, number, step, now_msec() };
        (void) snprintf(name, sizeof(name), "%s-%u", f->prefix, number);
        r = sd_bus_message_new_method_call(f->bus, &m, DESTINATION, methods[step]);
        if (r >= 0 && step == STEP_CREATE)
                r = sd_bus_message_append(m, "ssa{sv}", f->slice, name, 0);
        else if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0)
                r = sd_bus_call_async(f->bus, NULL, m, on_answer, q, CALL_SEC * 1000000ULL);
        if (r < 0) {
                errno = -r;
                die("call");
        }
        sd_bus_message_unref(m);
        f->in_flight++;
}

static void flood(Flood *f)
{
        while (f->next < f->count || f->in_flight > 0) {
                int r;

                while (f->next < f->count && f->in_flight < f->in_flight_max)
                        send_request(f, f->next++, f->first);
                r = sd_bus_process(f->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(f->bus, UINT64_MAX);
                if (r < 0) {
                        errno = -r;
                        die("bus");
                }
        }
}

int main(int argc, char **argv)
{
        Flood f = { .in_flight_max = UINT32_MAX };

        if (argc < 5)
                usage(USAGE);
        f.first = streq(argv[1], "destroy") ? STEP_DESTROY : STEP_CREATE;
        f.last = streq(argv[1], "create") ? STEP_CREATE : STEP_REMOVE;
        argv += 2;
        if (streq(argv[0], "--in-flight") && argc == 7) {
                f.in_flight_max = (unsigned) atoi(argv[1]);
                argv += 2;
        } else if (argc != 5)
                usage(USAGE);
        f.slice = argv[0];
        f.prefix = argv[1];
        f.count = (unsigned) atoi(argv[2]);

        if (sd_bus_open_system(&f.bus) < 0)
                die("bus");
        flood(&f);
        for (size_t i = 0; i < f.n_kinds; i++)
                printf("%s %u\n", f.kinds[i].text, f.kinds[i].n);
        printf("answered %u\nslowest_ms %jd\n", f.answered, (intmax_t) f.slowest_msec);
        sd_bus_flush_close_unref(f.bus);
        return 0;
}
