/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's set of limits: the table of basic/limits.h behind an opaque object. */
#include "daemon.h"

_public_ hpcnode_cgroup_limits *hpcnode_cgroup_limits_new(void)
{
        return calloc(1, sizeof(hpcnode_cgroup_limits));
}

_public_ hpcnode_cgroup_limits *hpcnode_cgroup_limits_free(hpcnode_cgroup_limits *limits)
{
        if (!limits)
                return NULL;
        limits_done(&limits->limits);
        free(limits);
        return NULL;
}

static LimitType limit_find(const char *property, hpcnode_cgroup_error *e)
{
        LimitType t = limit_from_property(property);

        if (t < 0)
                (void) client_error(
                        e, HPCNODE_CGROUP_ERROR_INVALID_ARGS,
                        "%s is not a limit; see org.hpcnode.Cgroup1(5) for those there are",
                        property);
        return t;
}

_public_ int hpcnode_cgroup_limits_set(hpcnode_cgroup_limits *limits, const char *property,
                                       const char *text, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(freep) char *reason = NULL;
        LimitType t;
        int r;

        t = limit_find(property, ret_error);
        if (t < 0)
                return -EINVAL;
        r = limits_parse(&limits->limits, t, text, &reason);
        if (r < 0)
                return client_error_refused(ret_error, r, reason, "the value is not allowed");
        return 0;
}

_public_ int hpcnode_cgroup_limits_set_number(hpcnode_cgroup_limits *limits, const char *property,
                                              uint64_t value, hpcnode_cgroup_error *ret_error)
{
        _cleanup_(freep) char *reason = NULL;
        LimitType t;
        int r;

        t = limit_find(property, ret_error);
        if (t < 0)
                return -EINVAL;
        r = limits_set_number(&limits->limits, t, value, &reason);
        if (r < 0)
                return client_error_refused(ret_error, r, reason, "the value is not allowed");
        return 0;
}

_public_ int hpcnode_cgroup_limits_check(const hpcnode_cgroup_limits *limits,
                                         hpcnode_cgroup_error *ret_error)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = limits_check(&limits->limits, &reason);
        if (r >= 0)
                r = limits_check_there(&limits->limits, &reason);
        return r < 0 ? client_error_refused(ret_error, r, reason, "the value is not allowed") : 0;
}

_public_ int hpcnode_cgroup_limits_get_number(const hpcnode_cgroup_limits *limits,
                                              const char *property, uint64_t *ret)
{
        LimitType t = limit_from_property(property);

        if (t < 0 || !limit_is_number(t))
                return -EINVAL;
        if (!limits->limits.values[t].is_set)
                return 0;
        *ret = limits->limits.values[t].number;
        return 1;
}

_public_ int hpcnode_cgroup_limits_get_text(const hpcnode_cgroup_limits *limits,
                                            const char *property, size_t index, char **ret)
{
        LimitType t = limit_from_property(property);

        return t < 0 ? -EINVAL : limits_format(&limits->limits, t, index, ret);
}

/* True when a pair of an earlier limit, or an earlier pair of this one, limits the same device. */
static bool device_limited_before(const Limits *l, LimitType t, size_t index)
{
        const char *name = l->values[t].pairs[index].name;

        for (LimitType before = LIMIT_IO_READ_BANDWIDTH_MAX; before <= t; before++) {
                size_t n = before == t ? index : l->values[before].n_pairs;

                for (size_t i = 0; i < n; i++)
                        if (l->values[before].pairs[i].number != UINT64_MAX &&
                            streq(l->values[before].pairs[i].name, name))
                                return true;
        }
        return false;
}

_public_ size_t hpcnode_cgroup_limits_count_io_rules(const hpcnode_cgroup_limits *limits)
{
        const Limits *l = &limits->limits;
        const Limit *all = &l->values[LIMIT_IO_MAX];
        size_t n = all->is_set && all->number != UINT64_MAX;

        FOREACH_LIMIT_OF_DISKS (t)
                for (size_t i = 0; i < l->values[t].n_pairs; i++)
                        if (l->values[t].pairs[i].number != UINT64_MAX &&
                            !device_limited_before(l, t, i))
                                n++;
        return n;
}

int client_limits_write(const Limits *l, FILE *f)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                if (!l->values[t].is_set)
                        continue;
                for (size_t i = 0;; i++) {
                        _cleanup_(freep) char *text = NULL;
                        int r = limits_format(l, t, i, &text);

                        if (r < 0)
                                return r;
                        if (r == 0 && i > 0)
                                break;
                        (void) fprintf(f, " %s=%s", limit_table[t].property, text ?: "");
                        if (r == 0) /* a list that is empty */
                                break;
                }
        }
        return 0;
}

/* --- on the bus --- */

static int append_list(sd_bus_message *m, const LimitInfo *info, const Limit *v)
{
        const char *list = info->kind == LIMIT_KIND_DEVICES ? "(st)" : "(ss)";
        int r;

        r = sd_bus_message_open_container(m, 'a', list);
        for (size_t i = 0; r >= 0 && i < v->n_pairs; i++)
                r = info->kind == LIMIT_KIND_DEVICES
                            ? sd_bus_message_append(m, list, v->pairs[i].name, v->pairs[i].number)
                            : sd_bus_message_append(m, list, v->pairs[i].name, v->pairs[i].word);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const LimitInfo *info, const Limit *v)
{
        int flag = v->number != 0;

        switch (info->kind) {
        case LIMIT_KIND_NUMBER:
                return sd_bus_message_append_basic(m, 't', &v->number);
        case LIMIT_KIND_FLAG:
                return sd_bus_message_append_basic(m, 'b', &flag);
        case LIMIT_KIND_SET:
                return sd_bus_message_append_array(m, 'y', v->set.bits, v->set.n_bytes);
        case LIMIT_KIND_WORD:
                return sd_bus_message_append_basic(m, 's', v->word);
        case LIMIT_KIND_DEVICES:
        case LIMIT_KIND_PAIRS:
                return append_list(m, info, v);
        }
        return -EINVAL;
}

static int append_limit(sd_bus_message *m, const LimitInfo *info, const Limit *v)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 's', info->property);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'v', info->signature);
        if (r < 0)
                return r;
        r = append_value(m, info, v);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

int client_limits_append(sd_bus_message *m, const Limits *limits)
{
        int r;

        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                if (!limits->values[t].is_set)
                        continue;
                r = append_limit(m, &limit_table[t], &limits->values[t]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_list(sd_bus_message *m, LimitType t, Limits *l)
{
        const LimitInfo *info = &limit_table[t];
        const char *list = info->kind == LIMIT_KIND_DEVICES ? "(st)" : "(ss)";
        const char *name, *word;
        uint64_t number;
        int r;

        r = sd_bus_message_enter_container(m, 'a', list);
        if (r < 0)
                return r;
        for (;;) {
                if (info->kind == LIMIT_KIND_DEVICES)
                        r = sd_bus_message_read(m, list, &name, &number);
                else
                        r = sd_bus_message_read(m, list, &name, &word);
                if (r <= 0)
                        break;
                if (info->kind == LIMIT_KIND_DEVICES)
                        r = limits_add_device(l, t, name, number, NULL);
                else
                        r = limits_add_pair(l, t, name, word, NULL);
                if (r < 0)
                        break;
        }
        if (r < 0)
                return r;
        if (info->kind == LIMIT_KIND_PAIRS)
                l->values[t].is_set = true; /* an empty one, too */
        return sd_bus_message_exit_container(m);
}

static int read_value(sd_bus_message *m, LimitType t, Limits *l)
{
        const void *bits;
        const char *word;
        uint64_t number;
        size_t n;
        int flag, r;

        switch (limit_table[t].kind) {
        case LIMIT_KIND_NUMBER:
                r = sd_bus_message_read_basic(m, 't', &number);
                if (r < 0)
                        return r;
                /* Whatever its range: an operator may have set it by systemctl. */
                l->values[t] = (Limit){ .is_set = true, .number = number };
                return 0;
        case LIMIT_KIND_FLAG:
                r = sd_bus_message_read_basic(m, 'b', &flag);
                return r < 0 ? r : limits_set_number(l, t, (uint64_t) flag, NULL);
        case LIMIT_KIND_SET:
                r = sd_bus_message_read_array(m, 'y', &bits, &n);
                return r < 0 ? r : limits_set_set(l, t, bits, n, NULL);
        case LIMIT_KIND_WORD:
                r = sd_bus_message_read_basic(m, 's', &word);
                return r < 0 ? r : limits_set_word(l, t, word, NULL);
        case LIMIT_KIND_DEVICES:
        case LIMIT_KIND_PAIRS:
                return read_list(m, t, l);
        }
        return -EINVAL;
}

static int read_limit(sd_bus_message *m, const char *key, void *userdata)
{
        Limits *limits = userdata;
        LimitType t = limit_from_property(key);
        int r;

        if (t < 0)
                return 0;
        r = client_variant_enter(m, limit_table[t].signature);
        if (r <= 0)
                return r;
        r = read_value(m, t, limits);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

int client_limits_read(sd_bus_message *m, hpcnode_cgroup_limits **ret)
{
        _cleanup_(hpcnode_cgroup_limits_freep) hpcnode_cgroup_limits *limits = NULL;
        int r;

        limits = hpcnode_cgroup_limits_new();
        if (!limits)
                return -ENOMEM;
        r = client_dict_read(m, read_limit, &limits->limits);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(limits);
        return 0;
}
