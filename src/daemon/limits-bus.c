/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits in D-Bus dictionaries, from callers and to PID 1, driven by the table of limits. */
#include "daemon/limits-bus.h"

#include "basic/device.h"
#include "basic/io-disk.h"
#include "basic/reason.h"
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
                if (r == 0) {
                        /* Devices are taken away by an empty list; limits of disks end one by one. */
                        l->values[t].is_set |= !devices;
                        return sd_bus_message_exit_container(message);
                }
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
        int flag, r;

        r = sd_bus_message_enter_container(message, 'v', info->signature);
        if (r < 0)
                return r;
        switch (info->kind) {
        case LIMIT_KIND_NUMBER:
                r = sd_bus_message_read(message, "t", &number);
                if (r >= 0)
                        r = limits_set_number(l, t, number, ret_reason);
                break;
        case LIMIT_KIND_FLAG:
                r = sd_bus_message_read(message, "b", &flag);
                if (r >= 0)
                        r = limits_set_number(l, t, (uint64_t) flag, ret_reason);
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
        char quoted[REASON_QUOTE_SIZE], *reason = NULL;
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
                        "unknown key %s in the limits; known are systemd's resource control "
                        "properties as in org.hpcnode.Cgroup1(5), MemoryOOMGroup and IOMax%s%s",
                        reason_quote(key, quoted), other_keys ? ", " : "", other_keys ?: "");
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
        if (r >= 0)
                r = limits_check_there(&l, &reason);
        if (r < 0)
                return error_set_reason(error, ERROR_INVALID_ARGS, r, reason);
        *ret = l;
        l = (Limits){};
        return 0;
}

int limits_read_task(sd_bus_message *message, bool is_new, Limits *ret, sd_bus_error *error)
{
        _cleanup_(limits_done) Limits l = {};
        char *reason = NULL;
        int r;

        r = limits_read(message, &l, NULL, NULL, NULL, error);
        if (r < 0)
                return r;
        r = limits_check_leaf(&l, &reason);
        if (r >= 0 && is_new)
                r = limits_check_new(&l, &reason);
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
        case LIMIT_KIND_FLAG:
                r = sd_bus_message_append(message, "b", (int) v->number);
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

/* One device by two names may be used in the ways of both. */
static int add_device(Limits *l, const char *name, const char *access)
{
        const Limit *v = &l->values[LIMIT_DEVICE_ALLOW];
        char all[4] = "", *end = all;

        for (const char *letter = "rwm"; *letter; letter++) {
                bool given = strchr(access, *letter);

                for (size_t i = 0; !given && i < v->n_pairs; i++)
                        given = streq(v->pairs[i].name, name) && strchr(v->pairs[i].word, *letter);
                if (given)
                        *end++ = *letter;
        }
        return limits_add_pair(l, LIMIT_DEVICE_ALLOW, name, all, NULL);
}

/* A program that shuts devices stays for the unit's life; where none shall be shut any more, it has to be
 * replaced by one that opens all. */
static int add_all_devices(Limits *l)
{
        int r;

        r = limits_add_pair(l, LIMIT_DEVICE_ALLOW, "char-*", "rwm", NULL);
        return r < 0 ? r : limits_add_pair(l, LIMIT_DEVICE_ALLOW, "block-*", "rwm", NULL);
}

/* By its number a device is the one that was looked at here: systemd would look at its path once more.
 * It adds to the list that the unit has, so this begins with an empty one. */
static int append_device_allow(sd_bus_message *message, const Limits *limits)
{
        const Limit *allow = &limits->values[LIMIT_DEVICE_ALLOW];
        const char *policy = limits->values[LIMIT_DEVICE_POLICY].word;
        _cleanup_(limits_done) Limits named = {};
        Limit *v = &named.values[LIMIT_DEVICE_ALLOW];
        int r;

        r = append_element(message, 'r', LIMIT_DEVICE_ALLOW, v);
        for (size_t i = 0; r >= 0 && i < allow->n_pairs; i++) {
                _cleanup_(freep) char *name = NULL;

                r = device_systemd_name(allow->pairs[i].name, &name);
                if (r >= 0)
                        r = add_device(&named, name, allow->pairs[i].word);
        }
        if (r >= 0 && allow->n_pairs == 0 && streq_ptr(policy, "auto"))
                r = add_all_devices(&named);
        return r < 0 || v->n_pairs == 0 ? r : append_element(message, 'r', LIMIT_DEVICE_ALLOW, v);
}

int limits_append_properties(sd_bus_message *message, const Limits *limits)
{
        int r = 0;

        for (LimitType t = 0; r >= 0 && t < _LIMIT_MAX; t++) {
                Limit v = limits->values[t]; /* borrowed, not owned */

                if (!v.is_set || limit_table[t].place == LIMIT_OF_PAYLOAD)
                        continue;
                if (t == LIMIT_IO_MAX) {
                        r = append_io_max(message, v.number);
                        continue;
                }
                if (t == LIMIT_DEVICE_ALLOW) {
                        r = append_device_allow(message, limits);
                        continue;
                }
                if (t == LIMIT_TASKS_MAX && v.number != UINT64_MAX)
                        v.number++; /* the supervisor */
                r = append_element(message, 'r', t, &v);
        }
        return r;
}
