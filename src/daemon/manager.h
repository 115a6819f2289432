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
typedef struct Call Call;
typedef TAILQ_HEAD(CallList, Call) CallList;
typedef struct Caller Caller;
typedef struct Lookup Lookup;
typedef struct Preflight Preflight;
typedef struct Owners Owners;
typedef struct Usage Usage;
typedef struct Emergency Emergency;
typedef struct Drain Drain;
typedef struct Pressure Pressure;

/* Without memory for a hash table the daemon ends; PID 1 starts it again, and everything is adopted. */
#define uthash_fatal(msg) abort()

typedef struct Manager {
        sd_event *event;
        sd_bus *bus; /* NULL while there is none */
        BusConnection *connection;
        sd_event_source *name_deadline; /* while another process has our name */
        bool adopted;                   /* what earlier daemons have left */
        Config config;
        char *config_wrong; /* what was wrong with the one that was to be loaded instead; NULL: nothing */
        bool ready;         /* the start is over */
        struct rlimit rlimits[RLIM_NLIMITS]; /* that tasks start with */
        bool user;              /* serves a user's own service manager, without privilege */
        char *runtime_path;     /* the runtime directory */
        char *cgroup_prefix;    /* of the user's service manager, with a '/' at its end; else "" */
        int cgroup_fd;          /* CGROUP_ROOT */
        int runtime_fd;         /* of the runtime directory */
        const char *supervisor; /* path of hpcnode-supervisor */
        Journal *journal;       /* where records of acts go */
        Emergency *emergency;   /* NULL: none was declared; see emergency_lasts() */
        Drain *drain;           /* NULL: everything is admitted */
        Pressure *pressure;

        Scope *scopes;                  /* by unit: live ones and records of ended ones */
        uint64_t n_records;             /* the ended ones among them */
        sd_event_source *records_timer; /* when the oldest is too old */
        uint64_t n_zombies;
        uint64_t start_usec;    /* of the daemon, CLOCK_REALTIME */
        unsigned instances_max; /* units of one name there have been at once */
        bool adopting;          /* scopes are being gone through: none but the one at hand may go */

        unsigned adoptions; /* scopes of which not everything is known yet */
        bool bus_paused;    /* nothing is read from the bus until it is, or adoption_deadline */
        sd_event_source *pause_defer, *adoption_deadline;

        TAILQ_HEAD(, ScopeCreate) creations_waiting;
        unsigned creations_under_way;
        sd_event_source *creations_defer; /* begins the next ones from the loop */

        Caller *callers; /* by bus name: the connections that have called and are still there */
        Usage *usages;   /* by uid: of whoever is behind them, or has made scopes */
        sd_bus_slot *callers_match;
        Owners *owners; /* the users that the configuration names */

        TAILQ_HEAD(, Lookup) lookups;       /* of users, under way */
        TAILQ_HEAD(, Preflight) preflights; /* also those that hang, and were given up */

        CallList hierarchy_waiting, hierarchy_served; /* CreateHierarchy */

        CallList drain_kills, drain_waiters; /* Drain and WaitDrained */
        sd_event_source *drain_defer;        /* looks from the loop whether they can be answered */

        CallList polkit_calls; /* that wait for an answer */
        TAILQ_HEAD(, PolkitQuestion) polkit_waiting, polkit_asked;
        uint64_t polkit_last_id;
        sd_event_source *polkit_defer, *polkit_exit; /* the former asks from the loop */

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
uint64_t now_boottime_usec(void);

/* "2026-11-22T10:27:45Z", UTC. Returns buffer. */
#define TIME_SIZE 32
const char *format_time(uint64_t realtime_usec, char buffer[static TIME_SIZE]);

/* What `systemctl status` shows of the daemon. */
void manager_notify_status(const Manager *m);
