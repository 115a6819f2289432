/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The six slices: pact.slice, its four children, workload.slice. */
#include "daemon/hierarchy.h"

#include "basic/name.h"
#include "daemon/call.h"
#include "daemon/manager-bus.h"
#include "daemon/systemd-job.h"

typedef struct Hierarchy {
        Manager *manager;
        unsigned n_pending;
        bool starting; /* calls are still being added */
        int r;
        sd_bus_error error;
        hierarchy_handler_t handler;
        void *userdata;
} Hierarchy;

static void finish_if_done(Hierarchy *h)
{
        if (h->starting || h->n_pending > 0)
                return;
        h->handler(h->manager, h->r, &h->error, h->userdata);
        sd_bus_error_free(&h->error);
        free(h);
}

static void on_started(int r, sd_bus_message *reply, const sd_bus_error *error, void *userdata)
{
        Hierarchy *h = userdata;

        h->n_pending--;
        if (r < 0 && h->r >= 0) {
                h->r = r;
                error_set(&h->error, ERROR_CREATION_FAILED, "cannot start the slices: %s",
                          error && error->message ? error->message : strerror(-r));
        }
        finish_if_done(h);
}

static int start_slice(Hierarchy *h, const char *slice)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        r = systemd_message(h->manager, "StartUnit", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", slice, "replace");
        if (r >= 0)
                r = systemd_call(h->manager, message, true, h->manager->config.unit_timeout_usec,
                                 on_started, h, NULL);
        if (r >= 0)
                h->n_pending++;
        return r;
}

/* A user has workloads, and no services of the node. */
static const char *const *hierarchy_of(const Manager *m)
{
        static const char *const of_user[] = { SLICE_WORKLOAD, NULL };

        return m->user ? of_user : hierarchy_slices;
}

int hierarchy_start(Manager *m, hierarchy_handler_t handler, void *userdata)
{
        Hierarchy *h;

        h = calloc(1, sizeof *h);
        if (!h)
                return -ENOMEM;
        *h = (Hierarchy){
                .manager = m, .starting = true, .handler = handler, .userdata = userdata
        };
        for (const char *const *slice = hierarchy_of(m); *slice; slice++) {
                int r = start_slice(h, *slice);

                if (r < 0 && h->r >= 0)
                        h->r = r;
        }
        h->starting = false;
        if (h->n_pending == 0) {
                int r = h->r;

                free(h);
                return r;
        }
        return 0;
}

static void reply_slices(Call *call)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call->message, &reply);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, (char **) hierarchy_of(call->manager));
        if (r >= 0)
                r = sd_bus_message_send(reply);
        if (r < 0)
                call_fail(call, r, NULL);
        else
                call_free(call);
}

static int serve_calls(Manager *m);

static void on_hierarchy(Manager *m, int r, const sd_bus_error *error, void *userdata)
{
        Call *c;

        if (r < 0)
                calls_fail(&m->hierarchy_served, r, error);
        while ((c = TAILQ_FIRST(&m->hierarchy_served))) {
                TAILQ_REMOVE(&m->hierarchy_served, c, waiters);
                reply_slices(c);
        }
        if (TAILQ_EMPTY(&m->hierarchy_waiting))
                return;
        r = serve_calls(m);
        if (r < 0)
                calls_fail(&m->hierarchy_served, r, NULL);
}

/* Anybody may call this, and as often as they like: PID 1 is asked once for all who have come meanwhile. */
static int serve_calls(Manager *m)
{
        Call *c;

        while ((c = TAILQ_FIRST(&m->hierarchy_waiting))) {
                TAILQ_REMOVE(&m->hierarchy_waiting, c, waiters);
                c->list = NULL;
                TAILQ_INSERT_TAIL(&m->hierarchy_served, c, waiters);
        }
        return hierarchy_start(m, on_hierarchy, NULL);
}

static int create_hierarchy(Call *call, sd_bus_error *error)
{
        Manager *m = call->manager;
        int r;

        call_wait(call, &m->hierarchy_waiting);
        if (!TAILQ_EMPTY(&m->hierarchy_served))
                return 1;
        r = serve_calls(m);
        if (r < 0)
                calls_fail(&m->hierarchy_served, r, NULL);
        return 1;
}

METHOD(method_create_hierarchy)
{
        return call_begin(userdata, message, create_hierarchy, error);
}
