/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of <hpcnode/cgroup.h> for programs with an sd-event loop of their own: they return at once, and
 * a handler is called from the loop when the answer is there.
 *
 * hpcnode_cgroup_attach_event() comes first. Each hpcnode_cgroup_..._async() takes the arguments of the
 * function it is named after, which are not needed any more when it has returned (descriptors in options
 * neither), and a handler, which may be NULL. A function that fails, because of its arguments or since there is no
 * bus, has begun nothing, and its handler is not called. In all other cases it is called exactly once, never before
 * the function has returned, unless the call is cancelled or the handle freed.
 *
 * Any number may be under way: those that are more than the bus allows to be unanswered are sent when others
 * have been answered, and the time limit of a call begins when it is sent. When the connection is lost, what was sent
 * and does more than read ends with HPCNODE_CGROUP_ERROR_TIMED_OUT and may yet have been done. Waits have no part in
 * all that: they follow the daemon's signals, so thousands of them cost the bus nothing.
 *
 * Handlers are called from the loop and from nowhere else. Within one, all functions may be used on the same handle:
 * those that block, those here, and hpcnode_cgroup_free().
 *
 * A table of hpcnode_cgroup_new() has functions that block: they are called at once, and the handler is told their
 * result. hpcnode_cgroup_wait_async() is HPCNODE_CGROUP_ERROR_NOT_SUPPORTED there, but not with the fake. */
#ifndef HPCNODE_CGROUP_ASYNC_H
#define HPCNODE_CGROUP_ASYNC_H

#include <hpcnode/cgroup.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A call under way. It goes when its handler returns, when it is cancelled, and with its handle. */
typedef struct hpcnode_cgroup_call hpcnode_cgroup_call;

/* What a call has come to. All of it belongs to the library, and is valid until the handler returns. */
typedef struct hpcnode_cgroup_result {
        int value; /* what the function of that name would have returned */
        const hpcnode_cgroup_error
                *error; /* never NULL; its code is NONE when value is not negative */
        const hpcnode_cgroup_info *info; /* of create_scope, run, spawn and wait, else NULL */
        const hpcnode_cgroup_info *const *list; /* of list, else NULL */
        const hpcnode_cgroup_metrics *metrics;  /* of read_metrics, else NULL */
        const char *const *slices;              /* of create_hierarchy, else NULL */
        const char *owner;                      /* of slice_owner, else NULL */
} hpcnode_cgroup_result;

typedef void (*hpcnode_cgroup_handler)(const hpcnode_cgroup_result *result, void *userdata);

/* Attaches the handle to a loop, of which a reference is taken, with this priority (0 is usual, see
 * sd_event_source_set_priority(3)). Once in the handle's life. A connection given to hpcnode_cgroup_open_bus() may be
 * attached to that loop already, and stays so; if not, it is attached, and detached with the handle's end. */
int hpcnode_cgroup_attach_event(hpcnode_cgroup *c, struct sd_event *event, int64_t priority,
                                hpcnode_cgroup_error *ret_error);

/* Forgets a call: its handler is not called any more. What was asked for may be done all the same. Takes NULL
 * and returns NULL. Not for a call whose handler has returned; within its handler this does nothing. */
hpcnode_cgroup_call *hpcnode_cgroup_call_cancel(hpcnode_cgroup_call *call);

/* *ret_call may be NULL where nothing is to be cancelled. */
int hpcnode_cgroup_create_hierarchy_async(hpcnode_cgroup *c, hpcnode_cgroup_handler handler,
                                          void *userdata, hpcnode_cgroup_call **ret_call,
                                          hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_create_scope_async(hpcnode_cgroup *c, const char *slice, const char *name,
                                      const hpcnode_cgroup_limits *limits,
                                      const hpcnode_cgroup_options *options,
                                      hpcnode_cgroup_handler handler, void *userdata,
                                      hpcnode_cgroup_call **ret_call,
                                      hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_destroy_scope_async(hpcnode_cgroup *c, const char *scope,
                                       hpcnode_cgroup_handler handler, void *userdata,
                                       hpcnode_cgroup_call **ret_call,
                                       hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_read_metrics_async(hpcnode_cgroup *c, const char *path,
                                      hpcnode_cgroup_handler handler, void *userdata,
                                      hpcnode_cgroup_call **ret_call,
                                      hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_is_scope_empty_async(hpcnode_cgroup *c, const char *scope,
                                        hpcnode_cgroup_handler handler, void *userdata,
                                        hpcnode_cgroup_call **ret_call,
                                        hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_slice_owner_async(hpcnode_cgroup *c, const char *path,
                                     hpcnode_cgroup_handler handler, void *userdata,
                                     hpcnode_cgroup_call **ret_call,
                                     hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_run_async(hpcnode_cgroup *c, const char *slice, const char *name,
                             const hpcnode_cgroup_limits *limits,
                             const hpcnode_cgroup_options *options, const char *const argv[],
                             hpcnode_cgroup_handler handler, void *userdata,
                             hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);

/* The info has no cgroup, and an id that is made from the unit. */
int hpcnode_cgroup_spawn_async(hpcnode_cgroup *c, const char *scope, const char *task,
                               const hpcnode_cgroup_options *options, const char *const argv[],
                               hpcnode_cgroup_handler handler, void *userdata,
                               hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_attach_async(hpcnode_cgroup *c, const char *scope, const char *task,
                                const uint32_t *pids, size_t n_pids, hpcnode_cgroup_handler handler,
                                void *userdata, hpcnode_cgroup_call **ret_call,
                                hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_move_tasks_async(hpcnode_cgroup *c, const char *from, const char *scope,
                                    const char *task, hpcnode_cgroup_handler handler,
                                    void *userdata, hpcnode_cgroup_call **ret_call,
                                    hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_set_limits_async(hpcnode_cgroup *c, const char *scope,
                                    const hpcnode_cgroup_limits *limits,
                                    hpcnode_cgroup_handler handler, void *userdata,
                                    hpcnode_cgroup_call **ret_call,
                                    hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_freeze_async(hpcnode_cgroup *c, const char *scope,
                                hpcnode_cgroup_handler handler, void *userdata,
                                hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_thaw_async(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_handler handler,
                              void *userdata, hpcnode_cgroup_call **ret_call,
                              hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_kill_async(hpcnode_cgroup *c, const char *scope, int signal,
                              hpcnode_cgroup_handler handler, void *userdata,
                              hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_kill_all_async(hpcnode_cgroup *c, const char *scope, int signal,
                                  hpcnode_cgroup_handler handler, void *userdata,
                                  hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);

/* Over restarts of daemon and bus, as hpcnode_cgroup_wait() does it. */
int hpcnode_cgroup_wait_async(hpcnode_cgroup *c, const char *scope, hpcnode_cgroup_handler handler,
                              void *userdata, hpcnode_cgroup_call **ret_call,
                              hpcnode_cgroup_error *ret_error);
int hpcnode_cgroup_remove_async(hpcnode_cgroup *c, const char *scope,
                                hpcnode_cgroup_handler handler, void *userdata,
                                hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);

/* The entries have unit, cgroup and state, and an id that is the unit. */
int hpcnode_cgroup_list_async(hpcnode_cgroup *c, hpcnode_cgroup_handler handler, void *userdata,
                              hpcnode_cgroup_call **ret_call, hpcnode_cgroup_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
