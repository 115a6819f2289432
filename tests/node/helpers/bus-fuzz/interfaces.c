/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be called, from the daemon's introspection: a new method is called without a change here. */
#include "fuzz.h"

Object *objects;
size_t n_objects;
const char *excepted_members[EXCEPTED_MAX];

/* The attribute of the XML element that text begins with, or NULL. As sd-bus writes it. */
static char *attribute(const char *text, const char *name)
{
        size_t n = strcspn(text, ">");
        char key[32];
        const char *p;

        (void) snprintf(key, sizeof key, " %s=\"", name);
        p = memmem(text, n, key, strlen(key));
        if (!p)
                return NULL;
        p += strlen(key);
        return strndup(p, strcspn(p, "\""));
}

static bool is_excepted(const char *member)
{
        for (size_t i = 0; i < EXCEPTED_MAX; i++)
                if (streq_ptr(member, excepted_members[i]))
                        return true;
        return false;
}

static bool add_method(Object *o, const char *interface, char *member)
{
        if (is_excepted(member)) {
                free(member);
                return false;
        }
        o->methods = reallocarray(o->methods, o->n_methods + 1, sizeof *o->methods);
        if (!o->methods || !member)
                die("no memory");
        o->methods[o->n_methods++] = (Method){
                .interface = strdup(interface),
                .member = member,
                .signature = strdup(""),
                .names = strdup(""),
        };
        learn_word(interface);
        learn_word(member);
        return true;
}

static void append(char **text, const char *more, const char *end)
{
        char *longer;

        if (asprintf(&longer, "%s%s%s", *text, more, end) < 0)
                die("no memory");
        free(*text);
        *text = longer;
}

static void add_argument(Object *o, const char *xml)
{
        char *type = attribute(xml, "type"), *direction = attribute(xml, "direction"),
             *name = attribute(xml, "name");
        Method *m = &o->methods[o->n_methods - 1];

        if (type && (!direction || streq(direction, "in"))) {
                append(&m->signature, type, "");
                append(&m->names, name ?: "-", " ");
        }
        free(type);
        free(direction);
        free(name);
}

static void read_xml(Object *o, const char *xml)
{
        char *interface = NULL;
        bool in_method = false;

        for (const char *p = strchr(xml, '<'); p; p = strchr(p + 1, '<')) {
                if (startswith(p, "<interface ")) {
                        free(interface);
                        interface = attribute(p, "name");
                } else if (startswith(p, "<method ") && interface) {
                        in_method = add_method(o, interface, attribute(p, "name"));
                } else if (startswith(p, "<signal ") || startswith(p, "</method")) {
                        in_method = false;
                } else if (startswith(p, "<arg ") && in_method) {
                        add_argument(o, p);
                } else if (startswith(p, "<property ")) {
                        char *name = attribute(p, "name");

                        learn_word(name);
                        free(name);
                }
        }
        free(interface);
}

/* False when there is no such object. */
static bool learn_object(sd_bus *bus, const char *path)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *xml;
        Object *more;
        bool known;

        known = sd_bus_call_method(bus, BUS_NAME, path, "org.freedesktop.DBus.Introspectable",
                                   "Introspect", &error, &reply, "") >= 0 &&
                sd_bus_message_read(reply, "s", &xml) >= 0;
        if (known) {
                more = reallocarray(objects, n_objects + 1, sizeof *objects);
                if (!more)
                        die("no memory");
                objects = more;
                objects[n_objects] = (Object){ .path = strdup(path) };
                read_xml(&objects[n_objects++], xml);
                learn_word(path);
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        return known;
}

void learn_objects(sd_bus *bus)
{
        const char *object, *unit, *path, *state;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r;

        if (!learn_object(bus, BUS_PATH))
                die("no daemon");
        r = sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_NAME, "ListScopes", &error, &reply, "");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(osss)");
        while (r >= 0 &&
               (r = sd_bus_message_read(reply, "(osss)", &object, &unit, &path, &state)) > 0) {
                char task[512];

                (void) learn_object(bus, object);
                learn_word(unit);
                learn_word(path);
                (void) snprintf(task, sizeof task, "%s/task/main", object);
                (void) learn_object(bus, task);
        }
        if (r < 0)
                die("ListScopes");
        sd_bus_message_unref(reply);
        /* What is not there, in places where something might be. */
        (void) learn_object(bus, "/");
        (void) learn_object(bus, BUS_PATH "/scope");
}
