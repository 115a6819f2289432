/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which daemon is asked: the system's or the user's own, here, on another host or in a container. */
#include "ctl.h"

#include "basic/reason.h"

/* What ssh and systemd-run would take for an option of theirs is no name. */
static int parse_place(const char *value, const char *allowed, const char **ret, char **ret_reason)
{
        char quoted[REASON_QUOTE_SIZE];

        if (!*value || *value == '-') {
                (void) reason_set(-EINVAL, ret_reason, "%s is not allowed: needed is %s",
                                  reason_quote(value, quoted), allowed);
                return CTL_USAGE;
        }
        *ret = value;
        return CTL_OK;
}

int parse_host(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        return parse_place(value, "[USER@]HOST[:PORT][/CONTAINER]", &a->place.host, ret_reason);
}

int parse_machine(Arguments *a, const Option *o, const char *value, char **ret_reason)
{
        return parse_place(value, "[USER@]CONTAINER", &a->place.machine, ret_reason);
}

bool place_is_elsewhere(const Place *p)
{
        return p->host || p->machine;
}

/* What cannot be done from here, with the command that does it there. `what` is the verb or option. */
static int not_from_here(const Verb *verb, const Arguments *a, const char *what, const char *why)
{
        const Place *p = &a->place;
        const char *user = p->user ? " --user" : "";
        const char *option = a->pty                       ? " --pty"
                             : a->pipe                    ? " --pipe"
                             : verb->follows && a->follow ? " --follow"
                                                          : "";

        /* A port or a container is not ssh's to understand. */
        if (p->host)
                return usage_error(
                        "%s does not go with --host: %s; see: ssh %s%.255s hpcnode-ctl%s %s%s",
                        what, why, a->pty ? "-t " : "", strpbrk(p->host, ":/") ? "HOST" : p->host,
                        user, verb->name, option);
        return usage_error("%s does not go with --machine: %s; see: systemd-run%s -M %.255s -q%s "
                           "hpcnode-ctl%s %s%s",
                           what, why, user, p->machine, a->pty ? "t" : "P", user, verb->name,
                           option);
}

int place_check(const Verb *verb, const Arguments *a)
{
        const Place *p = &a->place;

        if (p->host && p->machine)
                return usage_error("option --host does not go with --machine; a container of a "
                                   "host is HOST/CONTAINER");
        if (p->host && p->user)
                return not_from_here(verb, a, "option --user",
                                     "a user's own daemon is asked on its own machine");
        if (!place_is_elsewhere(p))
                return CTL_MAY_RUN;
        if (verb->journal)
                return not_from_here(verb, a, verb->name, "it reads the journal of this machine");
        if (verb->follows && a->follow)
                return not_from_here(verb, a, "option --follow",
                                     "it reads the journal of this machine");
        if (a->pipe || a->pty)
                return not_from_here(verb, a, a->pipe ? "option --pipe" : "option --pty",
                                     "the job would need descriptors of this machine");
        return CTL_MAY_RUN;
}

int place_open(const Place *p, hpcnode_cgroup **ret, hpcnode_cgroup_error *e)
{
        if (p->host)
                return hpcnode_cgroup_open_remote(p->host, ret, e);
        if (p->machine)
                return p->user ? hpcnode_cgroup_open_user_machine(p->machine, ret, e)
                               : hpcnode_cgroup_open_machine(p->machine, ret, e);
        return p->user ? hpcnode_cgroup_open_user(ret, e) : hpcnode_cgroup_open(ret, e);
}
