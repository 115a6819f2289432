/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The contract of <hpcnode/cgroup.h> as tests, which know nothing of what fulfils it: that is the business of
 * the backend that they are linked with. */
#pragma once

#include "../unit/test.h"

#include "hpcnode/cgroup.h"

/* Whom the tests act as. */
typedef enum Who {
        ADMIN,
        PACT,
        WORKLOAD,
        OTHER, /* neither root nor an agent, whom polkit admits */
        _WHO_MAX,
} Who;

/* "admin", "pact", "workload", "other": what who_am_i says. */
extern const char *const who_names[_WHO_MAX];

typedef struct Backend {
        /* Around each test: a node without scopes. What was made by the functions below goes at the end. */
        void (*begin)(void);
        void (*end)(void);

        /* A handle of its own for each call. */
        int (*open)(Who who, hpcnode_cgroup **ret, hpcnode_cgroup_error *e);
        uint32_t (*uid)(Who who);

        /* Sets what a program has to be started with ("SCOPE/TASK" is what it will be) so that it ends with the
         * status that exit() tells it. The program is `program`. exit() may be called by any thread. */
        void (*prepare)(const char *task, hpcnode_cgroup_options *options);
        void (*exit)(const char *task, int status);

        /* A command that cannot be executed by the next call of that operation. */
        const char *const *(*unusable_program)(const char *operation);

        /* A process in a cgroup outside of both trees, a name below the root that is made if it is not there,
         * and another one of a cgroup without processes. Processes live until they are told to end, or killed. */
        uint32_t (*process)(Who who, const char *cgroup);
        void (*end_process)(uint32_t pid);
        void (*make_cgroup)(const char *cgroup);

        /* A process comes into the leaf of a task, of which this is the directory; else as process(). */
        uint32_t (*enter)(const char *task, int leaf);

        void (*set_emergency)(bool lasts);
} Backend;

extern const Backend backend;

/* What all tasks run. */
extern const char *const program[];

/* The state of a test. */
typedef struct Node {
        hpcnode_cgroup *as[_WHO_MAX];
        hpcnode_cgroup_error e; /* of the last call */
} Node;

/* The call succeeds; its value. */
#define OK(n, call) check_ok((n), (call), #call, __FILE__, __LINE__)

/* It fails with this code (without its prefix), the errno that belongs to it, and a sentence. */
#define FAILS(n, code, call) \
        check_failure((n), HPCNODE_CGROUP_ERROR_##code, #code, (call), #call, __FILE__, __LINE__)

/* The sentence of the last failure has each of these words (NULL-terminated). */
#define MENTIONS(n, ...) \
        check_words((n), (const char *const[]){ __VA_ARGS__, NULL }, __FILE__, __LINE__)

int check_ok(Node *n, int r, const char *call, const char *file, int line);
void check_failure(Node *n, hpcnode_cgroup_error_code code, const char *name, int r,
                   const char *call, const char *file, int line);
void check_words(Node *n, const char *const words[], const char *file, int line);

/* What most tests do first, and it succeeds. */
void create(Node *n, Who who, const char *slice, const char *name);
uint32_t run(Node *n, Who who, const char *slice, const char *name);
uint32_t spawn(Node *n, Who who, const char *scope, const char *task); /* scope: by name */

/* Options with what backend.prepare() sets for SCOPE/TASK. */
hpcnode_cgroup_options *prepared(const char *scope, const char *task);

/* Puts the calls, with these. */
int try_run(Node *n, Who who, const char *slice, const char *name, hpcnode_cgroup_info **ret);
int try_spawn(Node *n, Who who, const char *scope, const char *task, hpcnode_cgroup_info **ret);

/* It is in that state now. */
void assert_state(Node *n, const char *scope, const char *state);

/* It comes to that end. */
void assert_end(Node *n, const char *scope, const char *state, int exit_status, int exit_signal);

/* There is nothing of that name. */
void assert_unknown(Node *n, const char *scope);

void assert_empty(Node *n, const char *scope, bool empty);

/* Run by cmocka before and after each test. */
int node_begin(void **state);
int node_end(void **state);

#define TEST(f) cmocka_unit_test_setup_teardown(f, node_begin, node_end)

/* Each file's tests. */
int run_access_tests(void);
int run_attach_tests(void);
int run_drain_tests(void);
int run_find_tests(void);
int run_limits_tests(void);
int run_open_tests(void);
int run_scope_tests(void);
int run_signal_tests(void);
int run_task_tests(void);
int run_wait_tests(void);
