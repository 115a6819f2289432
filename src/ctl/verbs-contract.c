/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs that offer the contract to shells: hierarchy, create, destroy, metrics, empty, owner, whoami. */
#include "ctl.h"

#include "basic/name.h"
#include <stdio.h>

int verb_hierarchy(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_strings_freep) char **slices = NULL;
        _cleanup_(record_freep) Record *record = NULL;

        if (hpcnode_cgroup_create_hierarchy(c, &slices, &e) < 0)
                return fail(&e);

        if (a->json == JSON_OFF) {
                for (char **s = slices; s && *s; s++)
                        puts(*s);
                return output_flush();
        }
        record = record_new();
        record_add_texts(record, "slices", slices);
        return record_print(record, a->json);
}

/* A failed check of a name or path, whose sentence is freed here. */
static int operand_refused(const char *operand, char *reason)
{
        (void) usage_error("%s: %s", operand, reason ?: "out of memory");
        free(reason);
        return CTL_USAGE;
}

int check_create(const Arguments *a)
{
        _cleanup_(freep) char *name = NULL;
        char *reason = NULL;

        return scope_name_parse(a->operands[0], &name, &reason) < 0
                       ? operand_refused("NAME", reason)
                       : CTL_MAY_RUN;
}

int check_path(const Arguments *a)
{
        _cleanup_(freep) char *path = NULL;
        char *reason = NULL;

        return cgroup_path_parse(a->operands[0], &path, &reason) < 0
                       ? operand_refused("PATH", reason)
                       : CTL_MAY_RUN;
}

int verb_create(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;

        if (hpcnode_cgroup_create_scope(c, a->slice, a->operands[0], a->limits, a->options, &info,
                                        &e) < 0)
                return fail(&e);
        return print_started(a, info);
}

int verb_destroy(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;

        return hpcnode_cgroup_destroy_scope(c, a->operands[0], &e) < 0 ? fail(&e) : CTL_OK;
}

int verb_metrics(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_metrics_freep) hpcnode_cgroup_metrics *metrics = NULL;
        _cleanup_(record_freep) Record *record = NULL;
        const char *name;

        if (hpcnode_cgroup_read_metrics(c, a->operands[0], &metrics, &e) < 0)
                return fail(&e);

        record = record_new();
        for (size_t i = 0; (name = hpcnode_cgroup_metric_name(i)); i++) {
                uint64_t value;

                if (hpcnode_cgroup_metrics_get(metrics, name, &value) > 0)
                        record_add_number(record, name, value);
        }
        return record_print(record, a->json);
}

int verb_empty(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(record_freep) Record *record = NULL;
        int empty;

        empty = hpcnode_cgroup_is_scope_empty(c, a->operands[0], &e);
        if (empty < 0)
                return fail(&e);
        if (a->quiet)
                return empty > 0 ? CTL_OK : CTL_NOT_EMPTY;

        if (a->json == JSON_OFF) {
                puts(empty > 0 ? "yes" : "no");
                return output_flush();
        }
        record = record_new();
        record_add_flag(record, "empty", empty > 0);
        return record_print(record, a->json);
}

int verb_owner(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(hpcnode_cgroup_info_freep) hpcnode_cgroup_info *info = NULL;
        _cleanup_(record_freep) Record *record = NULL;
        _cleanup_(freep) char *owner = NULL;
        const char *shown;

        if (hpcnode_cgroup_slice_owner(c, a->operands[0], &owner, &e) < 0)
                return fail(&e);
        shown = *owner ? owner : "none";
        /* The name or unit of a scope is no path, which nobody would own. */
        if (!*owner && !strchr(a->operands[0], '/') &&
            hpcnode_cgroup_inspect(c, a->operands[0], &info, NULL) >= 0 && info->owner)
                shown = info->owner;

        if (a->json == JSON_OFF) {
                puts(shown);
                return output_flush();
        }
        record = record_new();
        record_add_text(record, "owner", shown);
        return record_print(record, a->json);
}

/* What hpcnode-cgroupd(8) says of each: where it may change things, where an emergency lets it freeze, thaw and
 * kill, and where polkit is asked first. */
static const struct {
        const char *principal, *change, *in_emergency, *ask_polkit;
} may[] = {
        { "admin", "pact.slice workload.slice", NULL, NULL },
        { "pact", SLICE_PACT, SLICE_WORKLOAD, NULL },
        { "workload", SLICE_WORKLOAD, NULL, NULL },
        { "other", NULL, NULL, SLICE_WORKLOAD },
};

int verb_whoami(hpcnode_cgroup *c, Arguments *a)
{
        _cleanup_(hpcnode_cgroup_error_done) hpcnode_cgroup_error e = HPCNODE_CGROUP_ERROR_INIT;
        _cleanup_(freep) char *principal = NULL, *unit = NULL;
        _cleanup_(record_freep) Record *record = NULL;
        uint32_t uid;

        if (hpcnode_cgroup_who_am_i(c, &principal, &uid, &unit, &e) < 0)
                return fail(&e);

        record = record_new();
        record_add_text(record, "principal", principal);
        record_add_number(record, "uid", uid);
        record_add_text(record, "unit", *unit ? unit : NULL);
        for (size_t i = 0; i < ELEMENTSOF(may); i++) {
                if (!streq(may[i].principal, principal))
                        continue;
                record_add_text(record, "may_change", may[i].change);
                record_add_text(record, "may_in_emergency", may[i].in_emergency);
                record_add_text(record, "may_ask_polkit", may[i].ask_polkit);
        }
        return record_print(record, a->json);
}
