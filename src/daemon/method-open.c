/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OpenScope: the directory of a new leaf, for a caller that starts the process itself. */
#include "basic/cgroup-file.h"
#include "basic/fault.h"
#include "daemon/caller.h"
#include "daemon/manager-bus.h"
#include "daemon/pressure-admit.h"
#include "daemon/scope.h"
#include "daemon/usage.h"

/* What runs is the caller's own then, with whatever it has: no user, no session, no limits of a task are seen
 * to. And only root, or a user below its own manager, can put a process there at all. */
static int check_opener(const Call *call, sd_bus_error *error)
{
        if (call->uid == 0 || (call->manager->user && call->uid == getuid()))
                return 0;
        return error_set(error, ERROR_PERMISSION_DENIED,
                         "uid %u may not have the directory of a cgroup: only root can start a "
                         "process in it; use Run or Spawn (`hpcnode-ctl run`), which start it as "
                         "the caller",
                         (unsigned) call->uid);
}

static int send_directory(const Task *t, Call *call)
{
        _cleanup_(closep) int leaf = cgroup_open(t->scope->payload_fd, t->name);

        return leaf < 0 ? leaf : sd_bus_reply_method_return(call->message, "h", leaf);
}

static void on_opened(Task *t, int r, const sd_bus_error *error, void *userdata)
{
        _cleanup_(call_freep) Call *call = userdata;

        if (r < 0) {
                call_fail(TAKE_PTR(call), r, error);
                return;
        }
        r = call->caller->gone ? -ENOTCONN : send_directory(t, call);
        fault_point(FAULT_OPEN_ANSWERED);
        if (r < 0) {
                (void) task_withdraw(t);
                call_fail(TAKE_PTR(call), r, NULL);
                return;
        }
        task_hand_over(t, call->caller);
        fault_point(FAULT_OPEN_CONFIRMED);
}

static int open_scope(Call *call, sd_bus_error *error)
{
        _cleanup_(freep) char *name = NULL;
        Scope *s;
        int r;

        r = task_read_target(call, ACT_SPAWN, &s, &name, error);
        if (r != 0)
                return r;
        r = check_opener(call, error);
        if (r >= 0)
                r = task_check_startable(s, name, error);
        if (r >= 0)
                r = usage_check_task(call, s, error);
        if (r >= 0)
                r = pressure_admit(call, s->slice, s->unit, false, error);
        if (r < 0)
                return r;
        fault_point(FAULT_OPEN_CHECKED);
        r = task_open(s, name, on_opened, call, error);
        return r < 0 ? r : 1;
}

METHOD(method_open_scope)
{
        return call_begin(userdata, message, open_scope, error);
}
