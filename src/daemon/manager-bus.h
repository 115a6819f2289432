/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of org.hpcnode.Cgroup1, in files by what they are about. */
#pragma once

#include "daemon/manager.h"

#define METHOD(function) int function(sd_bus_message *message, void *userdata, sd_bus_error *error)

/* hierarchy.c */
METHOD(method_create_hierarchy);

/* method-start.c */
METHOD(method_create_scope);
METHOD(method_run);
METHOD(method_spawn);

/* method-scope.c */
METHOD(method_destroy_scope);
METHOD(method_freeze_scope);
METHOD(method_thaw_scope);
METHOD(method_kill_scope);
METHOD(method_set_scope_limits);
METHOD(method_wait_scope);
METHOD(method_remove_scope);
