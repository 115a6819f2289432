/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor says, from a packet to its fields. */
#pragma once

#include "daemon/supervisor-link.h"

/* One packet from the supervisor, its fields sorted out. */
typedef struct SupervisorMessage {
        const char *type, *state;
        uint64_t serial, version, populated;
        SupervisorAnswer answer;
        TaskReport report;
} SupervisorMessage;

/* Texts stay in data, which is changed. -EBADMSG when it is no list of fields with a type. */
int supervisor_message_read(char *data, size_t length, SupervisorMessage *ret);
