/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be executed, and as whom: the specification that the daemon passes in a memfd. */
#pragma once

#include "basic/limits.h"
#include "basic/macro.h"
#include <sys/resource.h>
#include <sys/types.h>

typedef enum SpecLog {
        SPEC_LOG_JOURNAL,
        SPEC_LOG_NULL,
        SPEC_LOG_FILE,
} SpecLog;

typedef struct Spec {
        char **argv, **env; /* end in NULL */
        size_t n_argv, n_env;
        const char *cwd;
        const char *oom_score_adj;
        bool has_uid, has_gid, has_nice, no_new_privs;
        uid_t uid;
        gid_t gid;
        gid_t *groups;
        size_t n_groups;
        int nice;
        struct rlimit rlimits[RLIM_NLIMITS];
        bool has_rlimit[RLIM_NLIMITS];
        Limits limits; /* of the leaf */
        SpecLog log;
        const char *log_path;
} Spec;

/* For a process that executes the program or ends: what is read is never freed. -EINVAL when
 * something is missing or out of range, -EBADMSG for a malformed line. */
int spec_read(int fd, Spec *ret);
