/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and groups by name or number, looked up in a short-lived process: a name service may hang. */
#pragma once

#include "daemon/manager.h"

typedef struct UserIdentity {
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* supplementary ones; owned */
        size_t n_groups;
        char *name, *home, *shell;
} UserIdentity;

void user_identity_done(UserIdentity *u);
int user_identity_copy(const UserIdentity *u, UserIdentity *ret);

/* The daemon executes itself with this option: `--lookup-user USER GROUP` ("" for none). */
#define USER_LOOKUP_OPTION "lookup-user"
int user_lookup_main(const char *user, const char *group);

/* r: 0 with the identity (to be taken over by the handler), -ESRCH (no such user or group, said in
 * reason), -ETIMEDOUT, or another errno. The handler is always called later, from the loop. */
typedef void (*user_handler_t)(int r, UserIdentity *identity, const char *reason, void *userdata);
int user_lookup(Manager *m, const char *user, const char *group, user_handler_t handler,
                void *userdata);
