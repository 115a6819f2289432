/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a task is to run and how: read from a call's argv and options, handed to the supervisor. */
#pragma once

#include "basic/limits.h"
#include "daemon/call.h"
#include "daemon/supervisor-link.h"
#include "daemon/user.h"

typedef struct Spec {
        char **argv;          /* NULL-terminated, owned, as the rest */
        char **environment;   /* K=V as the caller gave it */
        char **require_paths; /* likewise */
        char *cwd, *user, *group, *log;
        int stdio[3]; /* -EBADF: null for stdin, the log for the others */
        int nice;
        bool has_nice, no_new_privs;
        bool force;            /* admitted whatever the pressure */
        uint64_t timeout_usec; /* that it may run; 0: as long as it likes */
        Limits limits;         /* the task's own, of Spawn */
        UserIdentity identity;
        const Manager *manager; /* since spec_resolve() */

        /* options of Run that belong to the scope */
        char ***services; /* argv each, or NULL: see service.h */
        unsigned priority;
        bool has_priority, release_on_empty;
        char *description;
} Spec;

Spec *spec_new(void); /* an empty one, without descriptors */
Spec *spec_free(Spec *s);
DEFINE_CLEANUP(Spec *, spec_free);

/* Reads "as argv, a{sv} options" at the message's position. Refuses unknown options and wrong
 * values with InvalidArgs; what only Run understands is refused when !is_run. */
int spec_read(sd_bus_message *message, bool is_run, Spec **ret, sd_bus_error *error);

/* The text of an option, such as the description of a unit; what was in *target is freed. */
int spec_take_text(const char *text, const char *key, char **target, sd_bus_error *error);

/* Finds out as whom the task is to run: the caller, or whom root names; and whether that one reaches what the task
 * requires. 1: known at once, and the handler is not called; 0: the handler is called later, with 0 or with an error
 * set. call and s must live until then. */
typedef void (*spec_handler_t)(int r, const sd_bus_error *error, void *userdata);
int spec_resolve(const Call *call, Spec *s, spec_handler_t handler, void *userdata,
                 sd_bus_error *error);

/* The specification as a sealed memfd (protocol.h), of a task in a scope of that priority. */
int spec_to_memfd(const Spec *s, unsigned priority, int *ret_fd);

/* Which descriptors go with it ("stdin stdout"), and their numbers (at most 3). */
size_t spec_stdio(const Spec *s, char ret_which[static 32], int ret_fds[static 3]);

/* Where its output goes: "journal", "null", "file:PATH", or "caller" when its descriptors were passed. Part of
 * it is enough for "journal". */
const char *spec_log(const Spec *s);

/* A sentence for a start that failed at a step, as the documented error. `what` is the task's full
 * name. */
int spec_start_error(const Spec *s, const char *what, const SupervisorAnswer *answer,
                     sd_bus_error *error);
