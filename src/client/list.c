/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of all scopes: one call for what ListScopes says, and pipelined ones for name and pid. */
#include "client.h"

/* Calls under way at a time. The bus lets a connection have 128 without an answer. */
#define PENDING_MAX 64

typedef struct Listing {
        hpcnode_cgroup_info **entries; /* NULL-terminated */
        size_t n;
        size_t n_pending;
        int error; /* the first that is not about a scope that has just gone */
} Listing;

/* One property under way; goes with its answer, or with the connection. */
typedef struct Request {
        Listing *listing;
        hpcnode_cgroup_info *info;
        int (*read)(sd_bus_message *m, hpcnode_cgroup_info *info);
} Request;

static int read_name(sd_bus_message *m, hpcnode_cgroup_info *info)
{
        const char *name;
        int r;

        r = sd_bus_message_read(m, "v", "s", &name);
        if (r < 0)
                return r;
        info->name = strdup(name);
        return info->name ? 0 : -ENOMEM;
}

static int read_pid(sd_bus_message *m, hpcnode_cgroup_info *info)
{
        return sd_bus_message_read(m, "v", "u", &info->pid);
}

static int on_property(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Request *request = userdata;
        Listing *l = request->listing;
        int r = 0;

        l->n_pending--;
        if (!sd_bus_message_is_method_error(m, NULL))
                r = request->read(m, request->info);
        else if (client_error_is_transport(sd_bus_message_get_error(m),
                                           -sd_bus_message_get_errno(m)))
                r = -ECONNRESET;
        if (r < 0 && l->error == 0)
                l->error = r;
        return 0;
}

/* Processes answers until at most `pending` are outstanding. */
static int drain(hpcnode_cgroup *c, Listing *l, size_t pending)
{
        int r;

        while (l->n_pending > pending) {
                r = sd_bus_process(c->bus, NULL);
                if (r < 0)
                        return r;
                if (r == 0) {
                        r = sd_bus_wait(c->bus, UINT64_MAX);
                        if (r < 0 && r != -EINTR)
                                return r;
                }
        }
        return l->error;
}

static int request_property(hpcnode_cgroup *c, Listing *l, hpcnode_cgroup_info *info,
                            const char *object, const char *property,
                            int (*read)(sd_bus_message *, hpcnode_cgroup_info *))
{
        _cleanup_(freep) Request *request = NULL;
        sd_bus_slot *slot = NULL;
        int r;

        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        *request = (Request){ .listing = l, .info = info, .read = read };

        r = sd_bus_call_method_async(c->bus, &slot, BUS_NAME, object, PROPERTIES_IFACE, "Get",
                                     on_property, request, "ss", SCOPE_IFACE, property);
        if (r < 0)
                return r;
        (void) sd_bus_slot_set_destroy_callback(slot, free);
        (void) sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
        TAKE_PTR(request);
        l->n_pending++;
        return drain(c, l, PENDING_MAX);
}

static bool has_ended(const char *state)
{
        static const char *const ended[] = { "exited", "failed", "killed", "lost" };

        for (size_t i = 0; i < ELEMENTSOF(ended); i++)
                if (streq(state, ended[i]))
                        return true;
        return false;
}

static int add_entry(hpcnode_cgroup *c, Listing *l, const char *object, const char *path,
                     const char *state)
{
        hpcnode_cgroup_info **longer, *info;
        int r;

        longer = reallocarray(l->entries, l->n + 2, sizeof(hpcnode_cgroup_info *));
        if (!longer)
                return -ENOMEM;
        l->entries = longer;
        info = client_info_new();
        l->entries[l->n] = info;
        if (!info)
                return -ENOMEM;
        l->entries[++l->n] = NULL;

        r = client_info_set_object(info, object);
        if (r < 0)
                return r;
        info->cgroup = strdup(path);
        info->state = strdup(state);
        if (!info->cgroup || !info->state)
                return -ENOMEM;

        r = request_property(c, l, info, object, "Name", read_name);
        if (r >= 0 && !has_ended(state))
                r = request_property(c, l, info, object, "MainPID", read_pid);
        return r;
}

static int read_listing(hpcnode_cgroup *c, sd_bus_message *reply, Listing *l)
{
        const char *object, *path, *state;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(osss)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(reply, "(osss)", &object, NULL, &path, &state)) > 0) {
                r = add_entry(c, l, object, path, state);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = drain(c, l, 0);
        if (r < 0)
                return r;

        for (size_t i = 0; i < l->n; i++)
                if (client_info_set_id(l->entries[i], NULL) < 0)
                        return -ENOMEM;
        return 0;
}

_public_ int hpcnode_cgroup_list(hpcnode_cgroup *c, hpcnode_cgroup_info ***ret,
                                 hpcnode_cgroup_error *ret_error)
{
        uint64_t begun = client_now_usec();

        for (bool again = false;; again = true) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                _cleanup_(hpcnode_cgroup_list_freep) hpcnode_cgroup_info **entries = NULL;
                Listing l = { 0 };
                bool may_query_again;
                int r;

                r = client_query(c, MANAGER_PATH, MANAGER_IFACE, "ListScopes", NULL, &reply,
                                 ret_error);
                if (r < 0)
                        return r;
                l.entries = calloc(1, sizeof(hpcnode_cgroup_info *));
                if (!l.entries)
                        return client_oom(ret_error);
                r = read_listing(c, reply, &l);
                entries = l.entries;
                if (r >= 0) {
                        *ret = TAKE_PTR(entries);
                        return 0;
                }

                may_query_again = client_may_query_again(c, begun, NULL, r);
                client_disconnect(c); /* answers that still come would fill freed entries */
                if (again || !may_query_again)
                        return client_error_bus(c, ret_error, NULL, r);
        }
}
