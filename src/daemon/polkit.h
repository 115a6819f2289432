/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to polkit: whether somebody may who is neither root nor an agent of the node. */
#pragma once

#include "daemon/manager.h"

/* dbus/org.hpcnode.cgroup1.policy describes them. */
#define POLKIT_RUN        "org.hpcnode.cgroup1.run"
#define POLKIT_MANAGE_OWN "org.hpcnode.cgroup1.manage-own"
#define POLKIT_EMERGENCY  "org.hpcnode.cgroup1.emergency"
#define POLKIT_DRAIN      "org.hpcnode.cgroup1.drain"

typedef struct PolkitQuestion PolkitQuestion;

/* r is 1: admitted; 0: denied; negative: nobody could be asked, or answered in time. reason, empty if
 * admitted, is the end of a sentence for the caller ("…, which needs it: REASON"). Always called later,
 * from the loop, and not if the question was freed before. */
typedef void (*polkit_handler_t)(int r, const char *reason, void *userdata);

/* Asks whether the sender of the message, whose uid is given, is admitted to the action; details (pairs
 * of key and value, then NULL) are what rules and agents get to see. A person is asked only if the
 * message allows that. *ret is owned by the caller until the handler has run. */
int polkit_ask(Manager *m, sd_bus_message *message, uid_t uid, const char *action,
               const char *const details[], polkit_handler_t handler, void *userdata,
               PolkitQuestion **ret);

/* The question is withdrawn if it has no answer yet. */
PolkitQuestion *polkit_question_free(PolkitQuestion *q);
DEFINE_CLEANUP(PolkitQuestion *, polkit_question_free);

/* What is still asked when the event loop ends is withdrawn, and the calls that wait are dropped. */
int polkit_init(Manager *m);
void polkit_done(Manager *m);
