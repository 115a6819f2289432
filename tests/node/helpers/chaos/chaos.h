/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What clients and saboteur of the chaos test share. */
#pragma once

#include "../helper.h"

#include "hpcnode/cgroup.h"

#include <stdatomic.h>
#include <stdbool.h>

#define JOBS_MAX    100000
#define WORKERS_MAX 64

/* What is refused for a while, after a crash say, is to be accepted within this time. */
#define PATIENCE_MSEC (120 * 1000)

typedef struct Shared {
        atomic_uint next_job, accepted, known, lost, refused, asked_again, stops, wrong;
        atomic_uint kills, supervisors_killed, reloads, reexecs, bus_restarts;
        atomic_bool finished;
        atomic_uint current[WORKERS_MAX];        /* the job that each worker is at */
        atomic_bool supervisor_killed[JOBS_MAX]; /* then its outcome may be lost */
} Shared;

extern Shared *shared;

static inline unsigned below(unsigned n)
{
        return (unsigned) random() % n;
}

/* calls.c: on this process's connection. */
extern hpcnode_cgroup *client;

typedef int (*call_t)(const char *scope, hpcnode_cgroup_error *e);

int call_inspect(const char *scope, hpcnode_cgroup_error *e);
int call_destroy(const char *scope, hpcnode_cgroup_error *e);
int call_remove(const char *scope, hpcnode_cgroup_error *e);
int call_freeze(const char *scope, hpcnode_cgroup_error *e);
int call_thaw(const char *scope, hpcnode_cgroup_error *e);
int call_term(const char *scope, hpcnode_cgroup_error *e);

/* The call may have been carried out, or not. */
bool unanswered(const hpcnode_cgroup_error *e);

/* For calls that do no harm when they are made twice. The error's code, or 0. */
hpcnode_cgroup_error_code insist(call_t call, const char *scope);

/* Whether the state of the scope is one of these, with a space before and after each. */
bool is_in_state(const char *scope, const char *states);

/* Returns as soon as a daemon serves. */
void wait_until_served(void);

/* sabotage.c: one act after the other, with pauses of up to so many microseconds, until the clients have
 * finished. */
void sabotage(unsigned n_workers, unsigned pause_usec, bool spare_bus);

/* How often PID 1 has started a daemon that had ended by itself, or was killed. */
unsigned daemon_restarts(void);
