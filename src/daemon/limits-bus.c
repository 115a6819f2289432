/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits in D-Bus dictionaries, from callers and to PID 1, driven by the table of limits. */
#include "daemon/limits-bus.h"

#include "basic/io-disk.h"
#include "daemon/error-bus.h"

static int read_pairs(sd_bus_message *message, LimitType t, Limits *l, char **ret_reason)
{
        bool devices = limit_table[t].kind == LIMIT_KIND_DEVICES;
        const char *contents = devices ? "(st)" : "(ss)", *name, *word;
        uint64_t number;
        int r;

        r = sd_bus_message_enter_container(message, 'a', contents);
        while (r >= 0) {
                if (devices) {
                        r = sd_bus_message_read(message, "(st)", &name, &number);
                        if (r > 0)
                                r = limits_add_device(l, t, name, number, ret_reason) ?: 1;
                } else {
                        r = sd_bus_message_read(message, "(ss)", &name, &word);
                        if (r > 0)
                                r = limits_add_pair(l, t, name, word, ret_reason) ?: 1;
                }
                if (r == 0)
                        return sd_bus_message_exit_container(message);
        }
        return r;
}

static int read_value(sd_bus_message *message, LimitType t, Limits *l, char **ret_reason)
{
        const LimitInfo *info = &limit_table[t];
        const void *bytes;
        const char *word;
        uint64_t number;
        size_t n;
        int r;

        r = sd_bus_message_enter_container(message, 'v', info->signature);
        if (r < 0)
                return r;
        switch (info->kind) {
        case LIMIT_KIND_NUMBER:
                r = sd_bus_message_read(message, "t", &number);
                if (r >= 0)
                        r = limits_set_number(l, t, number, ret_reason);
                break;
        case LIMIT_KIND_SET:
                r = sd_bus_message_read_array(message, 'y', &bytes, &n);
                if (r >= 0)
                        r = limits_set_set(l, t, bytes, n, ret_reason);
                break;
        case LIMIT_KIND_WORD:
                r = sd_bus_message_read(message, "s", &word);
                if (r >= 0)
                        r = limits_set_word(l, t, word, ret_reason);
                break;
        default:
                r = read_pairs(message, t, l, ret_reason);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_entry(sd_bus_message *message, Limits *l, limits_other_key_t other, void *userdata,
                      const char *other_keys, sd_bus_error *error)
{
        const char *key, *contents;
        char *reason = NULL;
        LimitType t;
        char type;
        int r;

        r = sd_bus_message_read(message, "s", &key);
        if (r >= 0)
                r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;

        t = limit_from_property(key);
        if (t >= 0 && l->values[t].is_set)
                return error_set(error, ERROR_INVALID_ARGS, "%s is given twice", key);
        if (t >= 0)
                r = read_value(message, t, l, &reason);
        else
                r = other ? other(message, key, userdata, error) : -ENOENT;
        if (r == -ENOENT)
                return error_set(
                        error, ERROR_INVALID_ARGS,
                        "unknown key \"%.256s\" in the limits; known are systemd's resource "
                        "control properties as in org.hpcnode.Cgroup1(5), and IOMax%s%s",
                        key, other_keys ? ", " : "", other_keys ?: "");
        if (r == -ENXIO) {
                free(reason);
                return error_set(error, ERROR_INVALID_ARGS,
                                 "%s has the type \"%s\"; %s%s%s is allowed", key, contents,
                                 t >= 0 ? "\"" : "another", t >= 0 ? limit_table[t].signature : "",
                                 t >= 0 ? "\"" : "");
        }
        return r < 0 ? error_set_reason(error, ERROR_INVALID_ARGS, r, reason) : 0;
}

int limits_read(sd_bus_message *message, Limits *ret, limits_other_key_t other, void *userdata,
                const char *other_keys, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits l = {};
        char *reason = NULL;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_entry(message, &l, other, userdata, other_keys, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        r = limits_check(&l, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        *ret = l;
        l = (Limits){};
        return 0;
}

static int append_value(sd_bus_message *message, LimitType t, const Limit *v)
{
        const LimitInfo *info = &limit_table[t];
        int r;

        r = sd_bus_message_open_container(message, 'v', info->signature);
        if (r < 0)
                return r;
        switch (info->kind) {
        case LIMIT_KIND_NUMBER:
                r = sd_bus_message_append(message, "t", v->number);
                break;
        case LIMIT_KIND_SET:
                r = sd_bus_message_append_array(message, 'y', v->set.bits, v->set.n_bytes);
                break;
        case LIMIT_KIND_WORD:
                r = sd_bus_message_append(message, "s", v->word);
                break;
        default:
                r = sd_bus_message_open_container(message, 'a', info->signature + 1);
                for (size_t i = 0; r >= 0 && i < v->n_pairs; i++)
                        r = info->kind == LIMIT_KIND_DEVICES
                                    ? sd_bus_message_append(message, "(st)", v->pairs[i].name,
                                                            v->pairs[i].number)
                                    : sd_bus_message_append(message, "(ss)", v->pairs[i].name,
                                                            v->pairs[i].word);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* One element of a dictionary ('e') or of a list of properties ('r'). */
static int append_element(sd_bus_message *message, char container, LimitType t, const Limit *v)
{
        int r;

        r = sd_bus_message_open_container(message, container, "sv");
        if (r >= 0)
                r = sd_bus_message_append(message, "s", limit_table[t].property);
        if (r >= 0)
                r = append_value(message, t, v);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int limits_append(sd_bus_message *message, const Limits *limits)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++)
                if (limits->values[t].is_set)
                        r = append_element(message, 'e', t, &limits->values[t]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_io_max(sd_bus_message *message, uint64_t bandwidth)
{
        _cleanup_(io_disks_freep) char **disks = NULL;
        _cleanup_(freep) LimitPair *pairs = NULL; /* borrows the names */
        Limit v = { .is_set = true };
        int r;

        r = io_whole_disks(&disks);
        if (r < 0)
                return r;
        for (char **d = disks; *d; d++)
                v.n_pairs++;
        pairs = calloc(v.n_pairs + 1, sizeof *pairs);
        if (!pairs)
                return -ENOMEM;
        for (size_t i = 0; i < v.n_pairs; i++)
                pairs[i] = (LimitPair){ .name = disks[i], .number = bandwidth };
        v.pairs = pairs;
        r = append_element(message, 'r', LIMIT_IO_READ_BANDWIDTH_MAX, &v);
        return r < 0 ? r : append_element(message, 'r', LIMIT_IO_WRITE_BANDWIDTH_MAX, &v);
}

int limits_append_properties(sd_bus_message *message, const Limits *limits)
{
        int r = 0;

        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++) {
                Limit v = limits->values[t]; /* borrowed, not owned */

                if (!v.is_set)
                        continue;
                if (t == LIMIT_IO_MAX) {
                        r = append_io_max(message, v.number);
                        continue;
                }
                if (t == LIMIT_TASKS_MAX && v.number != UINT64_MAX)
                        v.number++; /* the supervisor */
                r = append_element(message, 'r', t, &v);
        }
        return r;
}
