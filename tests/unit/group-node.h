/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the tests of groups: a node of scopes that are nothing but names, whose operations do what each test needs. */
#pragma once

#include "hpcnode/cgroup-group.h"
#include "test.h"

typedef enum Operation {
        CREATE,
        DESTROY,
        SET_LIMITS,
        INSPECT,
        _OPERATION_MAX,
} Operation;

typedef struct NodeScope {
        char name[64], unit[80];
        uint64_t created_usec;
        bool is_job, runs;
} NodeScope;

/* How an operation on a scope fails; `done` all the same. */
typedef struct Failure {
        Operation operation;
        const char *scope;
        int error;
        hpcnode_cgroup_error_code code;
        const char *message;
        bool done, once;
        uint64_t takes_usec;
} Failure;

typedef struct Node {
        hpcnode_cgroup *handle;
        NodeScope scopes[128];
        size_t n_scopes;
        Failure failures[16];
        size_t n_failures;
        char calls[16384];         /* a line each */
        char log[65536];           /* what groups have logged */
        bool no_units;             /* creations do not tell them */
        uint64_t clock_ahead_usec; /* the library's clocks are the node's */
} Node;

extern Node node;

int node_set_up(void **state);
int node_tear_down(void **state);

void node_let_fail(Failure failure);

/* By name or unit; NULL: there is none. */
NodeScope *node_find(const char *name);
NodeScope *node_make(const char *slice, const char *name);
void node_unmake(NodeScope *s);
size_t node_count(void);

/* A group that owns new scopes of these names, and no calls so far. */
hpcnode_group *group_of(const char *const names[]);
#define GROUP_OF(...) group_of((const char *const[]){ __VA_ARGS__, NULL })

/* How often there is such a text in another. */
size_t count_text(const char *text, const char *wanted);

#define TEST(f) cmocka_unit_test_setup_teardown(f, node_set_up, node_tear_down)
