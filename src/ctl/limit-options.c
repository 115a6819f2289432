/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that set limits: made from the limit table, so that each limit is described once. One more
 * sets two of them. */
#include "ctl.h"

#include "basic/limits.h"
#include "basic/reason.h"
#include "basic/size.h"
#include "basic/topology.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

static int set_limit(Arguments *a, const char *property, const char *text, char **ret_reason)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        int r;

        if (!a->limits)
                a->limits = hpcnode_cgroup_limits_new();
        if (!a->limits)
                return CTL_FAILED;

        r = hpcnode_cgroup_limits_set(a->limits, property, text, &e);
        if (r < 0)
                *ret_reason = TAKE_PTR(e.message);
        hpcnode_cgroup_error_done(&e);
        return r == -EINVAL ? CTL_USAGE : r < 0 ? CTL_FAILED : CTL_OK;
}

/* Whether what it names is on this machine: asked here, too, since here the option is known. */
static int check_there(const Arguments *a, LimitType t, const char *value, char **ret_reason)
{
        _cleanup_(limits_done) Limits one = { 0 };
        int r;

        if (place_is_elsewhere(&a->place))
                return CTL_OK;
        r = limits_parse(&one, t, value, NULL);
        if (r >= 0)
                r = limits_check_there(&one, ret_reason);
        return r == -ENOMEM ? CTL_FAILED : r < 0 ? CTL_USAGE : CTL_OK;
}

static int parse_limit(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        LimitType t = limit_from_property(o->property);
        int r;

        if (!limit_table[t].file)
                a->not_with_scope = o->name;
        if (limit_table[t].kind == LIMIT_KIND_SET) {
                a->not_with_numa = o->name;
                if (!*value)
                        a->empty = o->name;
        }
        if (!value)
                value = "yes";
        r = set_limit(a, o->property, value, ret_reason);
        return r == CTL_OK ? check_there(a, t, value, ret_reason) : r;
}

/* --- --numa-node: cpus and memory nodes at once --- */

/* The daemon knows cpus and memory nodes only: systemd and the kernel have no limit for both. */
static int parse_numa_node(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        _cleanup_(number_set_done) NumberSet nodes = { 0 }, cpus = { 0 };
        _cleanup_(freep) char *node_list = NULL, *cpu_list = NULL;
        char quoted[REASON_QUOTE_SIZE];
        int r;

        a->numa = true;
        if (place_is_elsewhere(&a->place)) {
                (void) reason_set(-EINVAL, ret_reason,
                                  "it stands for cpus of this machine, and does not go with --host "
                                  "or --machine: name them with --cpuset-cpus and --cpuset-mems");
                return CTL_USAGE;
        }
        r = number_set_parse(value, &nodes);
        if (r >= 0)
                r = topology_cpus_of_nodes(SYS_DEVICES, &nodes, &cpus, ret_reason);
        else if (r != -ENOMEM)
                (void) reason_set(r, ret_reason,
                                  "%s is not allowed: needed are the numbers of NUMA nodes, such "
                                  "as 1 or 0,1",
                                  reason_quote(value, quoted));
        if (r == -EINVAL || r == -ERANGE)
                return CTL_USAGE;
        if (r >= 0)
                r = number_set_format(&cpus, &cpu_list);
        if (r >= 0)
                r = number_set_format(&nodes, &node_list);
        if (r < 0) {
                (void) reason_set(r, ret_reason, "reading %s/node: %s", SYS_DEVICES, strerror(-r));
                return CTL_FAILED;
        }

        r = set_limit(a, limit_table[LIMIT_ALLOWED_CPUS].property, cpu_list, ret_reason);
        return r == CTL_OK ? set_limit(a, limit_table[LIMIT_ALLOWED_MEMORY_NODES].property,
                                       node_list, ret_reason)
                           : r;
}

/* --- --io-max: SIZE, or DEVICE KEY=SIZE ... --- */

static const struct IoKey {
        const char *key; /* as io.max has it */
        const char *property;
} io_keys[] = {
        { "rbps=", "IOReadBandwidthMax" },
        { "wbps=", "IOWriteBandwidthMax" },
        { "riops=", "IOReadIOPSMax" },
        { "wiops=", "IOWriteIOPSMax" },
};

static int refuse_rule(const char *value, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        (void) reason_set(
                -EINVAL, ret_reason,
                "%s is not a rule: needed is a SIZE (bytes/s, on every whole disk), or "
                "\"DEVICE KEY=NUMBER...\" with a path or MAJOR:MINOR, and rbps, wbps, riops or "
                "wiops for KEY",
                reason_quote(value, quoted));
        return CTL_USAGE;
}

static bool is_device_number(const char *s)
{
        const char *p = s;

        while (isdigit((unsigned char) *p))
                p++;
        if (p == s || *p != ':' || !isdigit((unsigned char) p[1]))
                return false;
        for (p++; isdigit((unsigned char) *p);)
                p++;
        return !*p;
}

/* "8:0" → "/dev/sda", by the device's name in sysfs, where '/' is written '!'. */
static int device_of_number(const char *number, char **ret, char **ret_reason)
{
        _cleanup_(freep) char *link = NULL, *directory = NULL;
        char *device;

        if (asprintf(&link, "/sys/dev/block/%s", number) < 0) {
                link = NULL;
                return CTL_FAILED;
        }
        directory = realpath(link, NULL);
        if (!directory) {
                (void) reason_set(-EINVAL, ret_reason, "there is no block device %s on this node",
                                  number);
                return CTL_USAGE;
        }
        if (asprintf(&device, "/dev/%s", strrchr(directory, '/') + 1) < 0)
                return CTL_FAILED;
        for (char *p = device; (p = strchr(p, '!'));)
                *p = '/';
        *ret = device;
        return CTL_OK;
}

/* The path of a rule's device. */
static int parse_io_device(const Arguments *a, const char *device, const char *rule, char **ret,
                           char **ret_reason)
{
        if (is_device_number(device) && place_is_elsewhere(&a->place))
                return asprintf(ret, "/dev/block/%s", device) < 0 ? CTL_FAILED : CTL_OK;
        if (is_device_number(device))
                return device_of_number(device, ret, ret_reason);
        if (*device != '/')
                return refuse_rule(rule, ret_reason);
        *ret = strdup(device);
        return *ret ? CTL_OK : CTL_FAILED;
}

static int parse_io_key(Arguments *a, const char *device, const char *pair, const char *rule,
                        char **ret_reason)
{
        for (size_t i = 0; i < ELEMENTSOF(io_keys); i++) {
                const char *number = startswith(pair, io_keys[i].key);
                _cleanup_(freep) char *text = NULL;

                if (!number)
                        continue;
                if (asprintf(&text, "%s %s", device, number) < 0) {
                        text = NULL;
                        return CTL_FAILED;
                }
                return set_limit(a, io_keys[i].property, text, ret_reason);
        }
        return refuse_rule(rule, ret_reason);
}

static int parse_io_max(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        _cleanup_(freep) char *copy = NULL, *device = NULL;
        char *rest, *word;
        int n = 0, r;

        if (!strpbrk(value, " /:="))
                return set_limit(a, o->property, value, ret_reason);
        if (!strchr(value, ' '))
                return refuse_rule(value, ret_reason);

        copy = strdup(value);
        if (!copy)
                return CTL_FAILED;
        r = parse_io_device(a, strtok_r(copy, " ", &rest) ?: "", value, &device, ret_reason);
        if (r != CTL_OK)
                return r;
        while ((word = strtok_r(NULL, " ", &rest))) {
                r = parse_io_key(a, device, word, value, ret_reason);
                if (r != CTL_OK)
                        return r;
                n++;
        }
        return n > 0 ? CTL_OK : refuse_rule(value, ret_reason);
}

/* --- --cpu-max: QUOTA/PERIOD --- */

static int refuse_quota(const char *value, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        (void) reason_set(
                -EINVAL, ret_reason,
                "%s is not allowed: needed is QUOTA/PERIOD in µs (a quota from 1000, a period "
                "from 1000 to 1000000), such as 150000/100000 for one and a half cpus, or max",
                reason_quote(value, quoted));
        return CTL_USAGE;
}

static int set_number(Arguments *a, LimitType t, uint64_t value, char **ret_reason)
{
        char text[32];

        if (value == UINT64_MAX)
                return set_limit(a, limit_table[t].property, "infinity", ret_reason);
        (void) snprintf(text, sizeof(text), "%" PRIu64, value);
        return set_limit(a, limit_table[t].property, text, ret_reason);
}

/* systemd counts in µs a second. Rounded up, the kernel's µs a period come out as they were given. */
static uint64_t quota_per_second(uint64_t quota_usec, uint64_t period_usec)
{
        if (quota_usec == UINT64_MAX)
                return UINT64_MAX;
        return (uint64_t) (((unsigned __int128) quota_usec * USEC_PER_SEC + period_usec - 1) /
                           period_usec);
}

static int parse_cpu_max(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        uint64_t quota, period;
        int r;

        if (cpu_quota_parse(value, &quota, &period) < 0)
                return refuse_quota(value, ret_reason);

        r = set_number(a, LIMIT_CPU_QUOTA, quota_per_second(quota, period), ret_reason);
        if (r == CTL_OK && period != UINT64_MAX)
                r = set_number(a, LIMIT_CPU_QUOTA_PERIOD, period, ret_reason);
        return r;
}

/* --- the table --- */

static OptionParser limit_parser(LimitType t)
{
        return t == LIMIT_IO_MAX      ? parse_io_max
               : t == LIMIT_CPU_QUOTA ? parse_cpu_max
                                      : parse_limit;
}

int limits_given_check(const Verb *verb, const Arguments *a)
{
        hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        if (a->numa && a->not_with_numa)
                return usage_error("option --numa-node cannot be used with --%s: it stands for "
                                   "both, the cpus and the memory nodes",
                                   a->not_with_numa);
        if (a->empty && verb->run != verb_set)
                return usage_error("option --%s: the list is empty: at least one number is needed, "
                                   "such as 0-3,8",
                                   a->empty);
        /* The daemon of another machine knows its disks. */
        if (!a->limits || place_is_elsewhere(&a->place) ||
            hpcnode_cgroup_limits_check(a->limits, &e) >= 0)
                return CTL_OK;
        (void) usage_error("%s", e.message ?: "these limits do not go together");
        hpcnode_cgroup_error_done(&e);
        return CTL_USAGE;
}

const Option *limit_options(void)
{
        static Option options[_LIMIT_MAX + 2];
        size_t n = 0;

        for (LimitType t = 0; t < _LIMIT_MAX; t++) {
                const LimitInfo *info = &limit_table[t];

                if (!info->option)
                        continue;
                options[n++] = (Option){
                        .name = info->option,
                        .argument = info->argument,
                        .help = info->help,
                        .parse = limit_parser(t),
                        .property = info->property,
                        .bare = info->kind == LIMIT_KIND_FLAG,
                };
                if (t == LIMIT_ALLOWED_MEMORY_NODES)
                        options[n++] = (Option){
                                .name = "numa-node",
                                .argument = "LIST",
                                .help = "The cpus and the memory of a NUMA node, or of several",
                                .parse = parse_numa_node,
                        };
        }
        options[n] = (Option){ 0 };
        return options;
}
