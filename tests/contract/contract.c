/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the contract share, and their main(). */
#include "contract.h"

#include <getopt.h>
#include <stdio.h>

/* None takes long, but a wait that does not end would for ever. */
#define TIMEOUT_SEC 160

const char *const who_names[_WHO_MAX] = {
        [ADMIN] = "admin",
        [PACT] = "pact",
        [WORKLOAD] = "workload",
        [OTHER] = "other",
};

const char *const program[] = { "/bin/sh", "-c", "read -r status; exit $status", NULL };

/* The errno of each code, as the header promises one that fits best. */
static const struct {
        hpcnode_cgroup_error_code code;
        int error;
} errors[] = {
        { HPCNODE_CGROUP_ERROR_CREATION_FAILED, EREMOTEIO },
        { HPCNODE_CGROUP_ERROR_KILL_FAILED, EBUSY },
        { HPCNODE_CGROUP_ERROR_NOT_FOUND, ENOENT },
        { HPCNODE_CGROUP_ERROR_PERMISSION_DENIED, EACCES },
        { HPCNODE_CGROUP_ERROR_IO, EIO },
        { HPCNODE_CGROUP_ERROR_ALREADY_EXISTS, EEXIST },
        { HPCNODE_CGROUP_ERROR_EMERGENCY_REQUIRED, EPERM },
        { HPCNODE_CGROUP_ERROR_ADMISSION_REJECTED, EAGAIN },
        { HPCNODE_CGROUP_ERROR_EXEC_FAILED, ENOEXEC },
        { HPCNODE_CGROUP_ERROR_NOT_EMPTY, ENOTEMPTY },
        { HPCNODE_CGROUP_ERROR_INVALID_ARGS, EINVAL },
        { HPCNODE_CGROUP_ERROR_INTERRUPTED, EINTR },
};

static int errno_of(hpcnode_cgroup_error_code code)
{
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == code)
                        return errors[i].error;
        fail_msg("no errno is listed for code %d", code);
        return 0;
}

int check_ok(Node *n, int r, const char *call, const char *file, int line)
{
        if (r < 0) {
                print_error("%s\n  failed with %s: %s\n", call,
                            hpcnode_cgroup_error_name(n->e.code), n->e.message ?: "?");
                _fail(file, line);
        }
        return r;
}

void check_failure(Node *n, hpcnode_cgroup_error_code code, const char *name, int r,
                   const char *call, const char *file, int line)
{
        if (r == -errno_of(code) && n->e.code == code && n->e.message && *n->e.message)
                return;
        print_error("%s\n  was to be %s and gave %d, %s: %s\n", call, name, r,
                    hpcnode_cgroup_error_name(n->e.code), n->e.message ?: "?");
        _fail(file, line);
}

void check_words(Node *n, const char *const words[], const char *file, int line)
{
        for (const char *const *word = words; *word; word++) {
                if (n->e.message && strstr(n->e.message, *word))
                        continue;
                print_error("no \"%s\" in: %s\n", *word, n->e.message ?: "?");
                _fail(file, line);
        }
}

/* --- what most tests do --- */

void create(Node *n, Who who, const char *slice, const char *name)
{
        OK(n, hpcnode_cgroup_create_scope(n->as[who], slice, name, NULL, NULL, NULL, &n->e));
}

hpcnode_cgroup_options *prepared(const char *scope, const char *task)
{
        hpcnode_cgroup_options *options = hpcnode_cgroup_options_new();
        char *name;

        assert_non_null(options);
        assert_true(asprintf(&name, "%s/%s", scope, task) > 0);
        backend.prepare(name, options);
        free(name);
        return options;
}

int try_run(Node *n, Who who, const char *slice, const char *name, hpcnode_cgroup_info **ret)
{
        hpcnode_cgroup_options *options = prepared(name, "main");
        int r;

        r = hpcnode_cgroup_run(n->as[who], slice, name, NULL, options, program, ret, &n->e);
        hpcnode_cgroup_options_free(options);
        return r;
}

int try_spawn(Node *n, Who who, const char *scope, const char *task, hpcnode_cgroup_info **ret)
{
        hpcnode_cgroup_options *options = prepared(scope, task);
        int r;

        r = hpcnode_cgroup_spawn(n->as[who], scope, task, options, program, ret, &n->e);
        hpcnode_cgroup_options_free(options);
        return r;
}

/* The pid of what was started. */
static uint32_t pid_of(hpcnode_cgroup_info *info)
{
        uint32_t pid = info->pid;

        hpcnode_cgroup_info_free(info);
        assert_true(pid > 1);
        return pid;
}

uint32_t run(Node *n, Who who, const char *slice, const char *name)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, try_run(n, who, slice, name, &info));
        return pid_of(info);
}

uint32_t spawn(Node *n, Who who, const char *scope, const char *task)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, try_spawn(n, who, scope, task, &info));
        return pid_of(info);
}

void assert_state(Node *n, const char *scope, const char *state)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, hpcnode_cgroup_inspect(n->as[ADMIN], scope, &info, &n->e));
        assert_string_equal(info->state, state);
        hpcnode_cgroup_info_free(info);
}

void assert_end(Node *n, const char *scope, const char *state, int exit_status, int exit_signal)
{
        hpcnode_cgroup_info *info = NULL;

        OK(n, hpcnode_cgroup_wait(n->as[ADMIN], scope, -1, &info, &n->e));
        assert_string_equal(info->state, state);
        assert_int_equal(info->exit_status, exit_status);
        assert_int_equal(info->exit_signal, exit_signal);
        assert_int_equal(info->oom_killed, 0);
        hpcnode_cgroup_info_free(info);
}

void assert_unknown(Node *n, const char *scope)
{
        hpcnode_cgroup_info *info = NULL;

        FAILS(n, NOT_FOUND, hpcnode_cgroup_inspect(n->as[ADMIN], scope, &info, &n->e));
        assert_null(info);
}

void assert_empty(Node *n, const char *scope, bool empty)
{
        assert_int_equal(OK(n, hpcnode_cgroup_is_scope_empty(n->as[ADMIN], scope, &n->e)), empty);
}

/* --- each test --- */

int node_begin(void **state)
{
        Node *n = calloc(1, sizeof(*n));

        assert_non_null(n);
        *state = n;
        backend.begin();
        for (Who who = 0; who < _WHO_MAX; who++)
                OK(n, backend.open(who, &n->as[who], &n->e));
        return 0;
}

/* Whatever the test has left. */
static void remove_all(Node *n)
{
        hpcnode_cgroup_info **list = NULL;

        OK(n, hpcnode_cgroup_list(n->as[ADMIN], &list, &n->e));
        for (hpcnode_cgroup_info **i = list; *i; i++) {
                OK(n, hpcnode_cgroup_destroy_scope(n->as[ADMIN], (*i)->unit, &n->e));
                (void) hpcnode_cgroup_remove(n->as[ADMIN], (*i)->unit, &n->e);
        }
        hpcnode_cgroup_list_free(list);
}

int node_end(void **state)
{
        Node *n = *state;

        backend.set_emergency(false);
        OK(n, hpcnode_cgroup_cancel_drain(n->as[ADMIN], &n->e));
        remove_all(n);
        hpcnode_cgroup_error_done(&n->e);
        for (Who who = 0; who < _WHO_MAX; who++)
                hpcnode_cgroup_free(n->as[who]);
        backend.end();
        free(n);
        return 0;
}

/* Each prints its results. */
static const struct {
        const char *name;
        int (*run)(void);
} groups[] = {
        { "scopes", run_scope_tests },  { "finding", run_find_tests },
        { "tasks", run_task_tests },    { "signals", run_signal_tests },
        { "waiting", run_wait_tests },  { "access", run_access_tests },
        { "limits", run_limits_tests }, { "attaching", run_attach_tests },
        { "opening", run_open_tests },  { "draining", run_drain_tests },
};

static bool is_wanted(const char *group, char *const names[])
{
        for (char *const *name = names; *name; name++)
                if (streq(*name, group))
                        return true;
        return !*names;
}

int main(int argc, char *argv[])
{
        int c, failed = 0;

        while ((c = getopt(argc, argv, "o:s:")) >= 0)
                if (c == 'o')
                        cmocka_set_test_filter(optarg);
                else if (c == 's')
                        cmocka_set_skip_filter(optarg);
                else
                        return fprintf(stderr, "usage: %s [-o ONLY] [-s SKIP] [GROUP...]\n",
                                       argv[0]),
                               2;
        (void) alarm(TIMEOUT_SEC);
        cmocka_set_message_output(CM_OUTPUT_TAP);
        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (is_wanted(groups[i].name, argv + optind))
                        failed += groups[i].run();
        return failed > 0;
}
