/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Manager owns everything the daemon knows: the bus, the scopes, the calls to PID 1. */
#pragma once

#include "basic/macro.h"
#include "daemon/config.h"

#include <stdio.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define BUS_NAME        "org.hpcnode.Cgroup1"
#define BUS_PATH        "/org/hpcnode/Cgroup1"
#define BUS_INTERFACE   "org.hpcnode.Cgroup1"
#define SCOPE_PREFIX    BUS_PATH "/scope"
#define SCOPE_INTERFACE BUS_INTERFACE ".Scope"
#define TASK_INTERFACE  BUS_INTERFACE ".Task"

/* Below /run, or with --user below $XDG_RUNTIME_DIR. */
#define RUNTIME_DIRECTORY_NAME "hpcnode-cgroupd"

typedef struct Journal Journal;
typedef struct Scope Scope;
typedef struct SystemdCall SystemdCall;
typedef struct BusConnection BusConnection;

/* Without memory for a hash table the daemon ends; PID 1 starts it again, and everything is adopted. */
#define uthash_fatal(msg) abort()

typedef struct Manager {
        sd_event *event;
        sd_bus *bus; /* NULL while there is none */
        BusConnection *connection;
        sd_event_source *name_deadline; /* while another process has our name */
        bool adopted;                   /* what earlier daemons have left */
        Config config;
        struct rlimit nofile;   /* as the daemon was started with: what tasks get */
        bool user;              /* serves a user's own service manager, without privilege */
        char *runtime_path;     /* the runtime directory */
        char *cgroup_prefix;    /* of the user's service manager, with a '/' at its end; else "" */
        int cgroup_fd;          /* CGROUP_ROOT */
        int runtime_fd;         /* of the runtime directory */
        const char *supervisor; /* path of hpcnode-supervisor */
        Journal *journal;       /* where records of acts go */

        Scope *scopes;      /* by unit: live ones and records of ended ones */
        uint64_t n_records; /* the ended ones among them */
        uint64_t n_zombies;
        unsigned instances_max; /* units of one name there have been at once */
        bool adopting;          /* scopes are being gone through: none but the one at hand may go */

        unsigned adoptions; /* scopes of which not everything is known yet */
        bool bus_paused;    /* nothing is read from the bus until it is, or adoption_deadline */
        sd_event_source *pause_defer, *adoption_deadline;

        TAILQ_HEAD(, ScopeCreate) creations_waiting;
        unsigned creations_under_way;
        sd_event_source *creations_defer; /* begins the next ones from the loop */

        TAILQ_HEAD(, Call) waiting_calls; /* of clients that may leave meanwhile */
        sd_bus_slot *waiting_match;

        SystemdCall *jobs; /* by job path: calls whose job PID 1 works on */
        TAILQ_HEAD(, SystemdCall) systemd_queue, systemd_sent;
        unsigned systemd_in_flight;
        bool systemd_away; /* PID 1 is not on the bus: what it is to be told waits in the queue */
        sd_event_source *systemd_defer; /* sends the queue from the loop */
} Manager;

int manager_new(bool user, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free);

/* Where a slice stands below CGROUP_ROOT: in the tree of the service manager that is asked for it. */
int manager_slice_path(const Manager *m, const char *slice, char **ret);

/* Connects, adopts what an earlier daemon left, starts the hierarchy and takes the name. */
int manager_start(Manager *m);

/* manager-adopt.c: while the supervisors of adopted scopes have not told of their tasks yet, nobody is
 * answered, since a task might seem never to have been. */
void manager_begin_adoption(Manager *m);
void manager_end_adoption(Manager *m);
int manager_await_adoptions(Manager *m);

int manager_add_bus(Manager *m);

/* Properties of the manager object have changed. */
void manager_changed(Manager *m, const char *property);

uint64_t now_realtime_usec(void);
uint64_t now_monotonic_usec(void);
