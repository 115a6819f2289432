/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a task is to run and how: read from a call's argv and options, handed to the supervisor. */
#pragma once

#include "daemon/call.h"
#include "daemon/supervisor-link.h"
#include "daemon/user.h"

typedef struct Spec {
        char **argv;        /* NULL-terminated, owned, as the rest */
        char **environment; /* K=V as the caller gave it */
        char *cwd, *user, *group, *log;
        int stdio[3]; /* -EBADF: null for stdin, the log for the others */
        int nice;
        bool has_nice, no_new_privs;
        UserIdentity identity;

        /* options of Run that belong to the scope */
        unsigned priority;
        bool has_priority, release_on_empty;
        char *description;
} Spec;

Spec *spec_free(Spec *s);
DEFINE_CLEANUP(Spec *, spec_free);

/* Reads "as argv, a{sv} options" at the message's position. Refuses unknown options and wrong
 * values with InvalidArgs; what only Run understands is refused when !is_run. */
int spec_read(sd_bus_message *message, bool is_run, Spec **ret, sd_bus_error *error);

/* Finds out as whom the task is to run: the caller, or whom root names. 1: known at once, and the
 * handler is not called; 0: the handler is called later, with 0 or with an error set. s must live
 * until then. */
typedef void (*spec_handler_t)(int r, const sd_bus_error *error, void *userdata);
int spec_resolve(Manager *m, Spec *s, uid_t caller, spec_handler_t handler, void *userdata,
                 sd_bus_error *error);

/* The specification as a sealed memfd (protocol.h). */
int spec_to_memfd(const Spec *s, int *ret_fd);

/* Which descriptors go with it ("stdin stdout"), and their numbers (at most 3). */
size_t spec_stdio(const Spec *s, char ret_which[static 32], int ret_fds[static 3]);

/* Whether some of its output goes to the scope's journal stream: journald takes 4,096 on a node. */
bool spec_needs_journal(const Spec *s);

/* A sentence for a start that failed at a step, as the documented error. `what` is the task's full
 * name. */
int spec_start_error(const Spec *s, const char *what, const SupervisorAnswer *answer,
                     sd_bus_error *error);
