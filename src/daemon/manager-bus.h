/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of org.hpcnode.Cgroup1, in files by what they are about. */
#pragma once

#include "daemon/manager.h"

#define METHOD(function) int function(sd_bus_message *message, void *userdata, sd_bus_error *error)

#define PROPERTY(function)                                                                       \
        int function(sd_bus *bus, const char *path, const char *interface, const char *property, \
                     sd_bus_message *reply, void *userdata, sd_bus_error *error)

/* hierarchy.c */
METHOD(method_create_hierarchy);

/* method-start.c */
METHOD(method_create_scope);
METHOD(method_run);
METHOD(method_spawn);

/* method-attach.c */
METHOD(method_attach_processes);

/* method-open.c */
METHOD(method_open_scope);

/* method-scope.c */
METHOD(method_destroy_scope);
METHOD(method_freeze_scope);
METHOD(method_thaw_scope);
METHOD(method_kill_scope);
METHOD(method_kill_all);
METHOD(method_set_scope_limits);
METHOD(method_wait_scope);
METHOD(method_remove_scope);

/* drain-bus.c */
METHOD(method_drain);
METHOD(method_wait_drained);
METHOD(method_cancel_drain);
PROPERTY(get_draining);
PROPERTY(get_drain_reason);
PROPERTY(get_drain_since);

/* emergency-bus.c */
METHOD(method_declare_emergency);
METHOD(method_end_emergency);
PROPERTY(get_emergency);
PROPERTY(get_emergency_reason);
PROPERTY(get_emergency_until);
