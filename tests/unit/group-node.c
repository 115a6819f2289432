/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See group-node.h. */
#include "group-node.h"

#include <stdio.h>
#include <time.h>

Node node;

/* The library's clocks are these. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ts)
{
        uint64_t usec = 1000 * USEC_PER_SEC + node.clock_ahead_usec;

        *ts = (struct timespec){ .tv_sec = (time_t) (usec / USEC_PER_SEC),
                                 .tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC) };
        return 0;
}

static void note(const char *format, ...) _printf_(1, 2);
static void note(const char *format, ...)
{
        size_t length = strlen(node.calls);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(node.calls + length, sizeof(node.calls) - length, format, ap);
        va_end(ap);
}

NodeScope *node_find(const char *name)
{
        for (size_t i = 0; i < node.n_scopes; i++)
                if (streq(node.scopes[i].name, name) || streq(node.scopes[i].unit, name))
                        return &node.scopes[i];
        return NULL;
}

NodeScope *node_make(const char *slice, const char *name)
{
        NodeScope *s = &node.scopes[node.n_scopes++];

        assert_true(node.n_scopes <= ELEMENTSOF(node.scopes));
        *s = (NodeScope){ .created_usec = 1000 * USEC_PER_SEC + node.clock_ahead_usec };
        (void) snprintf(s->name, sizeof(s->name), "%s", name);
        (void) snprintf(s->unit, sizeof(s->unit), "%.*s-%s.scope", (int) strcspn(slice, "."), slice,
                        name);
        return s;
}

void node_let_fail(Failure failure)
{
        assert_true(node.n_failures < ELEMENTSOF(node.failures));
        node.failures[node.n_failures++] = failure;
}

static int set_error(hpcnode_cgroup_error *e, hpcnode_cgroup_error_code code, const char *message,
                     int error)
{
        if (e) {
                hpcnode_cgroup_error_done(e);
                e->code = code;
                e->message = message ? strdup(message) : NULL;
        }
        return -error;
}

/* The failure that was asked for, in *e. 0: none. */
static int failure_of(Operation operation, const char *scope, bool *ret_done,
                      hpcnode_cgroup_error *e)
{
        for (size_t i = 0; i < node.n_failures; i++) {
                Failure *f = &node.failures[i], found = *f;

                if (f->operation != operation || !f->error || (f->scope && !streq(f->scope, scope)))
                        continue;
                if (f->once)
                        f->error = 0;
                node.clock_ahead_usec += found.takes_usec;
                *ret_done = found.done;
                return set_error(e, found.code, found.message, found.error);
        }
        *ret_done = true;
        return 0;
}

static int not_found(hpcnode_cgroup_error *e)
{
        return set_error(e, HPCNODE_CGROUP_ERROR_NOT_FOUND, "no such scope", ENOENT);
}

static int node_create(void *userdata, const char *slice, const char *name,
                       const hpcnode_cgroup_limits *limits, const hpcnode_cgroup_options *options,
                       hpcnode_cgroup_info **ret, hpcnode_cgroup_error *e)
{
        hpcnode_cgroup_info *info;
        bool done;
        int r;

        note("create %s %s\n", slice, name);
        r = failure_of(CREATE, name, &done, e);
        if (done && node_find(name))
                return set_error(e, HPCNODE_CGROUP_ERROR_ALREADY_EXISTS, "it is there", EEXIST);
        if (done)
                (void) node_make(slice, name);
        if (r < 0)
                return r;

        info = calloc(1, sizeof(*info));
        assert_non_null(info);
        if (!node.no_units)
                info->unit = strdup(node_find(name)->unit);
        *ret = info;
        return 0;
}

static int node_destroy(void *userdata, const char *scope, hpcnode_cgroup_error *e)
{
        bool done;
        int r;

        note("destroy %s\n", scope);
        errno = EBADF; /* as any call may leave it */
        r = failure_of(DESTROY, scope, &done, e);
        if (r < 0)
                return r;
        if (!node_find(scope))
                return not_found(e);
        node_unmake(node_find(scope));
        return 0;
}

static int node_set_limits(void *userdata, const char *scope, const hpcnode_cgroup_limits *limits,
                           hpcnode_cgroup_error *e)
{
        bool done;

        note("set %s\n", scope);
        return failure_of(SET_LIMITS, scope, &done, e);
}

static int node_inspect(void *userdata, const char *scope, hpcnode_cgroup_info **ret,
                        hpcnode_cgroup_error *e)
{
        hpcnode_cgroup_info *info;
        bool done;
        int r;

        r = failure_of(INSPECT, scope, &done, e);
        if (r < 0)
                return r;
        if (!node_find(scope))
                return not_found(e);
        info = calloc(1, sizeof(*info));
        assert_non_null(info);
        info->created_usec = node_find(scope)->created_usec;
        info->is_job = node_find(scope)->is_job;
        *ret = info;
        return 0;
}

static int node_is_empty(void *userdata, const char *scope, hpcnode_cgroup_error *e)
{
        return node_find(scope) ? !node_find(scope)->runs : not_found(e);
}

static const hpcnode_cgroup_ops node_ops = {
        .size = sizeof(node_ops),
        .create_scope = node_create,
        .destroy_scope = node_destroy,
        .set_limits = node_set_limits,
        .inspect = node_inspect,
        .is_scope_empty = node_is_empty,
};

static void on_line(const char *line, void *userdata)
{
        assert_ptr_equal(userdata, &node);
        assert_true(strlen(node.log) + strlen(line) + 2 < sizeof(node.log));
        strcat(node.log, line);
        strcat(node.log, "\n");
}

int node_set_up(void **state)
{
        memset(&node, 0, sizeof(node));
        hpcnode_group_set_logger(on_line, &node);
        return hpcnode_cgroup_new(&node_ops, NULL, &node.handle, NULL);
}

int node_tear_down(void **state)
{
        node.handle = hpcnode_cgroup_free(node.handle);
        return 0;
}

hpcnode_group *group_of(const char *const names[])
{
        hpcnode_group *group = hpcnode_group_new(node.handle);

        assert_non_null(group);
        for (size_t i = 0; names[i]; i++)
                assert_int_equal(hpcnode_group_add_without_cpuset(group, names[i]), 0);
        node.calls[0] = '\0';
        return group;
}

void node_unmake(NodeScope *s)
{
        *s = (NodeScope){};
}

size_t node_count(void)
{
        size_t n = 0;

        for (size_t i = 0; i < node.n_scopes; i++)
                n += node.scopes[i].name[0] != '\0';
        return n;
}

size_t count_text(const char *text, const char *line)
{
        size_t n = 0;

        for (const char *p = text; (p = strstr(p, line)); p += strlen(line))
                n++;
        return n;
}
