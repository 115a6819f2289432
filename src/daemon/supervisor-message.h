/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor says, from a packet to its fields, and what it is told in the same words. */
#pragma once

#include "daemon/supervisor-link.h"

/* One packet from the supervisor, its fields sorted out. */
typedef struct SupervisorMessage {
        const char *type, *state;
        unsigned features; /* see features_parse() */
        uint64_t serial, version, populated;
        SupervisorAnswer answer;
        TaskReport report;
} SupervisorMessage;

/* The fields of a task as `task` and `exited` have them, for a supervisor that is to know it. */
void task_report_append(const TaskReport *task, Fields *f);

/* Where a task's output goes: nothing for the journal, or when it is too long to be told. */
void task_log_append(const char *log, Fields *f);

/* Texts stay in data, which is changed. -EBADMSG when it is no list of fields with a type. */
int supervisor_message_read(char *data, size_t length, SupervisorMessage *ret);
