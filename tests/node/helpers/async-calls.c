/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Very many asynchronous calls of the client library at once, over one connection. The objects are the scopes
 * "s-0" and so on, the tasks "s-0/t-0" and so on in each, and the jobs "j-0" and so on; each task and job lasts until
 * it has read a line of the FIFO, and ends with its number modulo 7.
 *
 * start    makes them all
 * wait     waits for them all; prints "waiting" when it does, "scopes left" when tasks and jobs have ended
 * destroy  destroys the scopes
 * manners  tries what handlers may do, on "s-0" with one task, and the job "j-0", which lasts */
#include "helper.h"

#include <hpcnode/cgroup-async.h>
#include <stdarg.h>
#include <systemd/sd-event.h>

#define USAGE "start|wait|destroy|manners SCOPES TASKS JOBS [FIFO]"

static hpcnode_cgroup *handle;
static sd_event *event;
static unsigned n_scopes, n_tasks, n_jobs, n_pending, n_wrong;
static const char *fifo;

static void check(int r, const hpcnode_cgroup_error *error, const char *what)
{
        if (r >= 0)
                return;
        (void) printf("%s: %s: %s\n", what, hpcnode_cgroup_error_name(error->code), error->message);
        n_wrong++;
}

static void must(int r, const hpcnode_cgroup_error *error, const char *what)
{
        check(r, error, what);
        if (r < 0)
                exit(1);
}

static void loop_until_done(void)
{
        while (n_pending > 0)
                if (sd_event_run(event, UINT64_MAX) < 0)
                        die("loop");
}

/* --- the objects --- */

typedef struct Object {
        char name[64];
        unsigned number;
        bool is_scope; /* that is destroyed */
        unsigned n_told;
} Object;

static Object *objects;
static size_t n_objects;

_printf_(2, 3) static void add_object(bool is_scope, const char *format, ...)
{
        Object *o = &objects[n_objects];
        va_list ap;

        *o = (Object){ .number = (unsigned) n_objects++, .is_scope = is_scope };
        va_start(ap, format);
        (void) vsnprintf(o->name, sizeof o->name, format, ap);
        va_end(ap);
}

static void name_objects(void)
{
        objects = calloc((size_t) n_scopes * (1 + n_tasks) + n_jobs + 1, sizeof *objects);
        if (!objects)
                die("calloc");
        for (unsigned i = 0; i < n_scopes; i++)
                add_object(true, "s-%u", i);
        for (unsigned i = 0; i < n_scopes; i++)
                for (unsigned k = 0; k < n_tasks; k++)
                        add_object(false, "s-%u/t-%u", i, k);
        for (unsigned i = 0; i < n_jobs; i++)
                add_object(false, "j-%u", i);
}

/* --- start, destroy --- */

static void on_done(const hpcnode_cgroup_result *result, void *userdata)
{
        Object *o = userdata;

        n_pending--;
        o->n_told++;
        check(result->value, result->error, o->name);
}

static int start_task(Object *o, hpcnode_cgroup_error *error)
{
        char script[256], *slash = strchr(o->name, '/');
        const char *argv[] = { "sh", "-c", script, NULL };
        int r;

        (void) snprintf(script, sizeof script, "read x <%s; exit %u", fifo, o->number % 7);
        if (!slash)
                return hpcnode_cgroup_run_async(handle, "workload.slice", o->name, NULL, NULL, argv,
                                                on_done, o, NULL, error);
        *slash = '\0';
        r = hpcnode_cgroup_spawn_async(handle, o->name, slash + 1, NULL, argv, on_done, o, NULL,
                                       error);
        *slash = '/';
        return r;
}

static void start(void)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;

        for (Object *o = objects; o < objects + n_objects; o++) {
                if (o == objects + n_scopes)
                        loop_until_done();
                must(o->is_scope ? hpcnode_cgroup_create_scope_async(handle, "workload.slice",
                                                                     o->name, NULL, NULL, on_done,
                                                                     o, NULL, &error)
                                 : start_task(o, &error),
                     &error, o->name);
                n_pending++;
                if (o->n_told > 0)
                        die("a handler was called too early");
        }
        loop_until_done();
}

static void destroy(void)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;

        for (Object *o = objects; o < objects + n_scopes; o++) {
                must(hpcnode_cgroup_destroy_scope_async(handle, o->name, on_done, o, NULL, &error),
                     &error, o->name);
                n_pending++;
        }
        loop_until_done();
}

/* --- wait --- */

static void on_end(const hpcnode_cgroup_result *result, void *userdata)
{
        static size_t n_ended;
        const hpcnode_cgroup_info *info = result->info;
        Object *o = userdata;
        int status = o->is_scope ? -1 : (int) (o->number % 7);

        on_done(result, o);
        if (!o->is_scope && ++n_ended == n_objects - n_scopes) {
                (void) puts("scopes left");
                (void) fflush(stdout);
        }
        if (result->value < 0)
                return;
        if (info->exit_status == status && info->exit_signal == 0 &&
            streq(info->state, status > 0 ? "failed" : "exited"))
                return;
        n_wrong++;
        (void) printf("%s: %s, exit %d, signal %d\n", o->name, info->state, info->exit_status,
                      info->exit_signal);
}

/* Questions are put in their order: behind two more rounds of them, all waits know that they have to wait. */
static void on_round(const hpcnode_cgroup_result *result, void *userdata)
{
        static unsigned rounds;

        n_pending--;
        if (++rounds == 3) {
                (void) puts("waiting");
                (void) fflush(stdout);
                return;
        }
        must(hpcnode_cgroup_is_scope_empty_async(handle, "none", on_round, NULL, NULL, NULL), NULL,
             "round");
        n_pending++;
}

static void wait_for_all(void)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;

        for (Object *o = objects; o < objects + n_objects; o++) {
                must(hpcnode_cgroup_wait_async(handle, o->name, on_end, o, NULL, &error), &error,
                     o->name);
                n_pending++;
        }
        n_pending++;
        must(hpcnode_cgroup_is_scope_empty_async(handle, "none", on_round, NULL, NULL, NULL), NULL,
             "round");
        loop_until_done();
        /* Whatever else were told would be told now. */
        while (sd_event_run(event, 100000) > 0)
                ;
        for (Object *o = objects; o < objects + n_objects; o++)
                if (o->n_told != 1) {
                        n_wrong++;
                        (void) printf("%s: told %u times\n", o->name, o->n_told);
                }
        (void) printf("%zu ended\n", n_objects);
}

/* --- manners --- */

static void on_never(const hpcnode_cgroup_result *result, void *userdata)
{
        n_wrong++;
        (void) printf("a handler was called that must not be: %s\n", (const char *) userdata);
}

/* Blocks, begins, cancels, and is called again for what it has begun. */
static void on_first(const hpcnode_cgroup_result *result, void *userdata)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        static Object again = { .name = "again" };
        hpcnode_cgroup_call **other = userdata;
        hpcnode_cgroup_info **list = NULL;

        n_pending--;
        check(result->value, result->error, "first");
        *other = hpcnode_cgroup_call_cancel(*other);
        must(hpcnode_cgroup_list(handle, &list, &error), &error, "list");
        hpcnode_cgroup_list_free(list);
        must(hpcnode_cgroup_wait(handle, "s-0/t-0", -1, NULL, &error), &error, "wait");
        must(hpcnode_cgroup_list_async(handle, on_done, &again, NULL, &error), &error, "again");
        n_pending++;
}

static void on_last(const hpcnode_cgroup_result *result, void *userdata)
{
        n_pending = 0;
        check(result->value, result->error, "last");
        handle = hpcnode_cgroup_free(handle);
}

static void try_manners(void)
{
        static Object ended = { .name = "s-0/t-0" };
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;
        hpcnode_cgroup_call *call, *other, *waits;

        must(hpcnode_cgroup_freeze_async(handle, "j-0", on_never, (void *) "cancelled", &call,
                                         &error),
             &error, "cancel");
        hpcnode_cgroup_call_cancel(call);
        must(hpcnode_cgroup_thaw_async(handle, "j-0", NULL, NULL, NULL, &error), &error, "thaw");
        must(hpcnode_cgroup_wait_async(handle, "j-0", on_never, (void *) "wait", &waits, &error),
             &error, "wait");
        must(hpcnode_cgroup_wait_async(handle, "s-0/t-0", on_done, &ended, NULL, &error), &error,
             "wait");
        must(hpcnode_cgroup_slice_owner_async(handle, "pact.slice", on_first, &other, NULL, &error),
             &error, "first");
        must(hpcnode_cgroup_wait_async(handle, "s-0", on_never, (void *) "other", &other, &error),
             &error, "other");
        n_pending = 2;
        loop_until_done();
        hpcnode_cgroup_call_cancel(waits);

        /* The handle goes in a handler, with calls that are answered, sent, queued, and waits. */
        for (unsigned i = 0; i < 200; i++)
                must(hpcnode_cgroup_read_metrics_async(handle, "/", i == 10 ? on_last : NULL, NULL,
                                                       NULL, &error),
                     &error, "metrics");
        must(hpcnode_cgroup_wait_async(handle, "j-0", on_never, (void *) "freed", NULL, &error),
             &error, "wait");
        n_pending = 1;
        loop_until_done();
        hpcnode_cgroup_error_done(&error);
}

static void open_handle(void)
{
        hpcnode_cgroup_error error = HPCNODE_CGROUP_ERROR_INIT;

        if (sd_event_new(&event) < 0)
                die("event");
        must(hpcnode_cgroup_open(&handle, &error), &error, "open");
        must(hpcnode_cgroup_attach_event(handle, event, 0, &error), &error, "attach");
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(void);
        } verbs[] = {
                { "start", start },
                { "wait", wait_for_all },
                { "destroy", destroy },
                { "manners", try_manners },
        };
        size_t i = 0;

        if (argc < 5)
                usage(USAGE);
        n_scopes = (unsigned) atoi(argv[2]);
        n_tasks = (unsigned) atoi(argv[3]);
        n_jobs = (unsigned) atoi(argv[4]);
        fifo = argv[5];
        while (i < ELEMENTSOF(verbs) && !streq(verbs[i].name, argv[1]))
                i++;
        if (i == ELEMENTSOF(verbs))
                usage(USAGE);
        name_objects();
        open_handle();
        verbs[i].run();

        hpcnode_cgroup_free(handle);
        sd_event_unref(event);
        free(objects);
        (void) printf("%u wrong\n", n_wrong);
        return n_wrong > 0;
}
