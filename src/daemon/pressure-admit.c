/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admission: PSI of the node and of workload.slice, read when something is to begin. */
#include "daemon/pressure-admit.h"

#include "basic/name.h"
#include "daemon/pressure-report.h"

/* What cannot be read, as where PSI is off, is no pressure. */
static void read_place(const Manager *m, PressurePlace where, Psi ret[static _PSI_RESOURCE_MAX])
{
        PsiPlace place;

        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                ret[r] = (Psi){};
        if (pressure_place_open(m, where, &place) < 0)
                return;
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                (void) psi_read(&place, r, &ret[r]);
        psi_place_close(&place);
}

static int reject(const Call *call, const PressureReport *report, sd_bus_error *error)
{
        const Manager *m = call->manager;
        _cleanup_(freep) char *reason = pressure_reason(m, report);

        if (!reason)
                return -ENOMEM;
        return error_set(error, ERROR_ADMISSION_REJECTED,
                         "%s: not admitted, since %s; try again when it is lower%s", report->unit,
                         reason,
                         call->principal == PRINCIPAL_OTHER ? "" : ", or with --force (Force)");
}

int pressure_admit(const Call *call, const char *slice, const char *unit, bool force,
                   sd_bus_error *error)
{
        Manager *m = call->manager;
        const PressureConfig *c = &m->config.pressure;

        if (path_owner(slice) != OWNER_WORKLOAD)
                return 0;
        if (force && call->principal == PRINCIPAL_OTHER)
                return error_set(error, ERROR_PERMISSION_DENIED,
                                 "%s: uid %u (%s) may not use --force (Force): only root and the "
                                 "owner of " SLICE_WORKLOAD " may",
                                 unit, (unsigned) call->uid, principal_to_string(call->principal));
        if (force || !c->enabled)
                return 0;
        for (PressurePlace place = 0; place < _PRESSURE_PLACE_MAX; place++) {
                Psi psi[_PSI_RESOURCE_MAX];
                PressureDecision d;
                PressureReport report;

                read_place(m, place, psi);
                if (!pressure_decide_admission(c, psi, &d))
                        continue;
                report = (PressureReport){
                        .act = d.act,
                        .resource = d.resource,
                        .kind = d.kind,
                        .threshold = d.threshold,
                        .place = place,
                        .unit = unit,
                        .dry_run = c->dry_run,
                        .call = call,
                };
                report.psi[place] = psi[d.resource];
                pressure_report(m, &report);
                return c->dry_run ? 0 : reject(call, &report, error);
        }
        return 0;
}
