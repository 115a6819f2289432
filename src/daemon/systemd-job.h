/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to PID 1: asynchronous, with a deadline, a bounded number in flight, jobs followed to their
 * result. */
#pragma once

#include "daemon/manager.h"

/* dbus-daemon allows 128 pending replies a connection; the rest is for our own calls to the bus. */
#define SYSTEMD_IN_FLIGHT_MAX 100

#define SYSTEMD_DESTINATION "org.freedesktop.systemd1"
#define SYSTEMD_PATH        "/org/freedesktop/systemd1"
#define SYSTEMD_INTERFACE   "org.freedesktop.systemd1.Manager"

/* Called exactly once, and not if the call was freed before. r is 0 with the reply, or negative
 * with the error: PID 1's own, -ETIMEDOUT after the deadline, or "job failed" with its result when
 * the call was to wait for its job and that did not end in `done`. */
typedef void (*systemd_handler_t)(int r, sd_bus_message *reply, const sd_bus_error *error,
                                  void *userdata);

/* Subscribes to PID 1's signals: one match rule each for all scopes. */
int systemd_init(Manager *m);
void systemd_done(Manager *m);

int systemd_message(Manager *m, const char *member, sd_bus_message **ret);

/* Queues the message. wait_job: the reply is a job, and the handler is called when it was removed.
 * The call is owned by the queue; *ret (optional) allows to cancel and is invalid once the handler
 * has run. */
int systemd_call(Manager *m, sd_bus_message *message, bool wait_job, uint64_t timeout_usec,
                 systemd_handler_t handler, void *userdata, SystemdCall **ret);
SystemdCall *systemd_call_free(SystemdCall *c);

/* PID 1 has answered the call with a job, and works on it. */
bool systemd_call_has_job(const SystemdCall *c);

/* Asks whether PID 1 knows the unit: the handler gets r = 0 or, for a unit that is gone, -ENOENT. */
int systemd_ask_for_unit(Manager *m, const char *unit, uint64_t timeout_usec,
                         systemd_handler_t handler, void *userdata, SystemdCall **ret);

/* Sends a call nobody waits for: the best-effort part of undoing. */
void systemd_call_forget(Manager *m, const char *member, const char *unit, const char *mode);
