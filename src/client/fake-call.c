/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fake was asked for, and which calls it is to fail. */
#include "fake.h"

#include "hpcnode/cgroup-fake.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Takes over the text. */
static int append_call(FakeNode *node, char *text)
{
        char **longer;

        longer = reallocarray(node->calls, node->n_calls + 1, sizeof(char *));
        if (!longer) {
                free(text);
                return -ENOMEM;
        }
        node->calls = longer;
        node->calls[node->n_calls++] = text;
        return 0;
}

void fake_forget_calls(FakeNode *node)
{
        for (size_t i = 0; i < node->n_calls; i++)
                free(node->calls[i]);
        free(TAKE_PTR(node->calls));
        node->n_calls = 0;
}

FakeFailure *fake_failure_free(FakeNode *node, FakeFailure *failure)
{
        TAILQ_REMOVE(&node->failures, failure, failures);
        free(failure->operation);
        free(failure);
        return NULL;
}

/* The failure that this call meets. Each that it is not yet the turn of comes nearer by it; of two whose turn
 * it is the later waits for the next call. */
static FakeFailure *take_failure(FakeNode *node, const char *operation)
{
        FakeFailure *f, *met = NULL;

        TAILQ_FOREACH (f, &node->failures, failures) {
                if (f->operation && !streq(f->operation, operation))
                        continue;
                if (f->nth > 1)
                        f->nth--;
                else if (!met)
                        met = f;
        }
        return met;
}

static int fail_if_told(FakeNode *node, const char *operation, hpcnode_cgroup_error *e)
{
        FakeFailure *f = take_failure(node, operation);
        int r;

        if (!f)
                return 0;
        if (f->error > 0) {
                (void) client_error(e, f->code, "%s: %s (errno %d), as the fake was told to say",
                                    operation, strerror(f->error), f->error);
                r = -f->error;
        } else {
                r = client_error(e, f->code, "%s: %s, as the fake was told to say", operation,
                                 hpcnode_cgroup_error_name(f->code));
        }
        if (f->nth > 0)
                fake_failure_free(node, f);
        return r;
}

int fake_begin(FakeNode *node, const char *operation, hpcnode_cgroup_error *e, const char *format,
               ...)
{
        _cleanup_(freep) char *arguments = NULL;
        char *text;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&arguments, format, ap);
        va_end(ap);
        if (n < 0) {
                arguments = NULL;
                return client_oom(e);
        }
        if (asprintf(&text, "%s%s%s", operation, n > 0 ? " " : "", arguments) < 0 ||
            append_call(node, text) < 0)
                return client_oom(e);
        return fail_if_told(node, operation, e);
}

static int write_arguments(FILE *f, const FakeArguments *a)
{
        int r = 0;

        if (a->first)
                (void) fprintf(f, " %s", a->first);
        if (a->second)
                (void) fprintf(f, " %s", a->second);
        if (a->limits)
                r = client_limits_write(&a->limits->limits, f);
        if (a->options)
                client_options_write(a->options, f);
        for (size_t i = 0; i < a->n_pids; i++)
                (void) fprintf(f, " %" PRIu32, a->pids[i]);
        for (const char *const *s = a->argv; s && *s; s++)
                (void) fprintf(f, "%s %s", s == a->argv ? " --" : "", *s);
        return r;
}

int fake_begin_with(FakeNode *node, const char *operation, const FakeArguments *a,
                    hpcnode_cgroup_error *e)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return client_oom(e);
        (void) fputs(operation, f);
        r = write_arguments(f, a);
        if (fclose(f) != 0 || r < 0 || append_call(node, TAKE_PTR(text)) < 0)
                return client_oom(e);
        return fail_if_told(node, operation, e);
}

_public_ const char *hpcnode_cgroup_fake_call(const hpcnode_cgroup *fake, size_t index)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;

        if (!f)
                return NULL;
        node = fake_lock(f);
        return index < node->n_calls ? node->calls[index] : NULL;
}

_public_ void hpcnode_cgroup_fake_clear_calls(hpcnode_cgroup *fake)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;

        if (!f)
                return;
        node = fake_lock(f);
        fake_forget_calls(node);
}

/* --- failing on demand --- */

/* By the names of the members of the table. */
static const char *const operations[] = {
        "create_hierarchy", "create_scope", "destroy_scope", "read_metrics",
        "is_scope_empty",   "slice_owner",  "run",           "spawn",
        "attach",           "move_tasks",   "open_scope",    "set_limits",
        "freeze",           "thaw",         "kill",          "wait",
        "remove",           "list",         "inspect",       "who_am_i",
        "kill_all",         "drain",        "wait_drained",  "cancel_drain",
        "draining",
};

static bool is_operation(const char *operation)
{
        for (size_t i = 0; i < ELEMENTSOF(operations); i++)
                if (streq(operations[i], operation))
                        return true;
        return false;
}

/* Whether every call of the operation fails, and in which entry. */
static FakeFailure *find_lasting(FakeNode *node, const char *operation)
{
        FakeFailure *f;

        TAILQ_FOREACH (f, &node->failures, failures)
                if (f->nth == 0 && streq_ptr(f->operation, operation))
                        return f;
        return NULL;
}

static int fail(hpcnode_cgroup *fake, const char *operation, unsigned nth,
                hpcnode_cgroup_error_code code, int error)
{
        Fake *f = fake_of(fake);
        _cleanup_(fake_unlockp) FakeNode *node = NULL;
        FakeFailure *failure;

        if (!f || (operation && !is_operation(operation)) ||
            (code == HPCNODE_CGROUP_ERROR_NONE && nth > 0))
                return -EINVAL;
        node = fake_lock(f);
        failure = nth == 0 ? find_lasting(node, operation) : NULL;
        if (failure)
                fake_failure_free(node, failure);
        if (code == HPCNODE_CGROUP_ERROR_NONE)
                return 0;
        failure = calloc(1, sizeof(*failure));
        if (!failure)
                return -ENOMEM;
        *failure = (FakeFailure){ .nth = nth, .code = code, .error = error };
        if (operation) {
                failure->operation = strdup(operation);
                if (!failure->operation) {
                        free(failure);
                        return -ENOMEM;
                }
        }
        TAILQ_INSERT_TAIL(&node->failures, failure, failures);
        return 0;
}

_public_ int hpcnode_cgroup_fake_fail(hpcnode_cgroup *fake, const char *operation, unsigned nth,
                                      hpcnode_cgroup_error_code code)
{
        return fail(fake, operation, nth, code, 0);
}

_public_ int hpcnode_cgroup_fake_fail_errno(hpcnode_cgroup *fake, const char *operation,
                                            unsigned nth, int error)
{
        return error > 0 ? fail(fake, operation, nth, client_error_code(error), error) : -EINVAL;
}
