/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AttachProcesses: processes that there are already become a task of a scope. They are not asked for admission: they
 * make the pressure wherever they are, and in a scope there is something to be done about it. */
#include "basic/fault.h"
#include "daemon/manager-bus.h"
#include "daemon/record.h"
#include "daemon/scope.h"
#include "daemon/usage.h"

/* What is to be recorded when it is done. The call owns itself until then. */
typedef struct Attaching {
        Call *call;
        const Attach *attach; /* the start's */
} Attaching;

static void on_attached(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        _cleanup_(freep) Attaching *q = userdata;
        Call *call = q->call;

        if (r < 0) {
                call_fail(call, r, error);
                return;
        }
        record_attached(t->scope, t->name, q->attach, call);
        fault_point(FAULT_ATTACH_RECORDED);
        if (streq(t->name, TASK_MAIN) && record_main(t->scope, call))
                (void) scope_save(t->scope);
        call_reply(call, "");
}

static int attach_processes_of(Call *call, sd_bus_error *error)
{
        _cleanup_(freep) Attaching *q = calloc(1, sizeof *q);
        _cleanup_(attach_freep) Attach *a = NULL;
        _cleanup_(freep) char *name = NULL;
        Scope *s;
        int r;

        if (!q)
                return -ENOMEM;
        r = task_read_target(call, ACT_ATTACH, &s, &name, error);
        if (r != 0)
                return r;
        r = attach_read(call->message, &a, error);
        if (r >= 0)
                r = task_check_startable(s, name, error);
        if (r >= 0)
                r = usage_check_task(call, s, error);
        if (r >= 0)
                r = attach_check(a, s, call, error);
        if (r < 0)
                return r;
        fault_point(FAULT_ATTACH_CHECKED);
        *q = (Attaching){ .call = call, .attach = a };
        r = task_attach(s, name, a, on_attached, q, error);
        if (r < 0)
                return r;
        TAKE_PTR(a);
        TAKE_PTR(q);
        return 1;
}

METHOD(method_attach_processes)
{
        return call_begin(userdata, message, attach_processes_of, error);
}
