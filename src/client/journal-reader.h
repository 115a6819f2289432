/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read from the journal without the daemon: the ways in which that fails, and waiting for more. */
#pragma once

#include "client.h"

#include <systemd/sd-journal.h>

/* Whether what is wanted is there and may not be read: to libsystemd that is an empty journal. With `own`,
 * the journal of the caller's own user does as well, if journald keeps such ones. */
bool client_journal_is_closed(bool own);

/* What is to be said then of `own`. */
#define CLIENT_OWN_JOURNALS                                                                  \
        "; users have journals of their own where journald keeps them on disk (Storage= in " \
        "journald.conf(5))"

int client_journal_error(hpcnode_cgroup_error *e, int r);

/* Whether an entry could not be read that is passed over: a crash of the machine has cut it off, or it was removed to
 * save space. */
bool client_journal_is_lost(int r);

/* Adds the match "FIELD=VALUE". */
int client_journal_match(sd_journal *j, const char *field, const char *value);

/* Goes to the entry that is to be read next: to another one, unless *at_entry, which is cleared. 1, or 0: there is
 * none; or the error, which was told. */
int client_journal_next(sd_journal *j, bool *at_entry, hpcnode_cgroup_error *e);

/* Called with each field of an entry, "NAME=VALUE"; below 0 ends it. */
typedef int (*JournalFieldReader)(const char *data, size_t length, void *userdata);
int client_journal_read_fields(sd_journal *j, JournalFieldReader reader, void *userdata);

/* Sleeps until the journal may have something new, without polling; the first time it returns at once and
 * *watched is set. -EINTR with HPCNODE_CGROUP_ERROR_INTERRUPTED when cancel_fd (-1: none) is readable. */
int client_journal_wait(sd_journal *j, bool *watched, int cancel_fd, hpcnode_cgroup_error *e);

/* Has journald take in what was written to it so far. Of whoever is not root journald takes no such request:
 * then the journal is waited for to be quiet, for a short time. */
void client_journal_sync(sd_journal *j);
