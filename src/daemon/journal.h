/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams to journald's native socket that are never waited for. */
#pragma once

#include "basic/macro.h"

#include <systemd/sd-event.h>

typedef struct Journal Journal;

#define JOURNAL_DIRECTORY "/run/systemd/journal"

/* directory is where journald's socket is (JOURNAL_DIRECTORY). dir_fd is where the queue is kept while
 * there is one, so that it outlives the daemon; it stays the caller's. */
int journal_new(sd_event *event, const char *directory, int dir_fd, Journal **ret);

/* Takes over what an earlier daemon could not send any more, and has it sent first. Only once no other
 * daemon serves, since that has its queue in the same place; until then nothing is kept on disk. */
void journal_load(Journal *j);

/* Of a journald that is stuck: some ten thousand records, which is minutes of the busiest node. */
#define JOURNAL_QUEUE_MAX (8 * 1024 * 1024)

/* What is still queued is left to the next daemon. */
Journal *journal_free(Journal *j);
DEFINE_CLEANUP(Journal *, journal_free);

/* Sends a datagram, or queues it when journald does not take it now: then the loop sends it as soon as
 * it does. Negative when the queue is full, too, or the datagram is not one that can be sent: it was
 * dropped then, and counted. */
int journal_send(Journal *j, const void *data, size_t length);

/* How many have been dropped since the last journal_dropped_said(), also by an earlier daemon. */
uint64_t journal_dropped(const Journal *j);
void journal_dropped_said(Journal *j, uint64_t n);
