/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every allocation fails once: what parses, formats, reads and writes says -ENOMEM then, leaves its outputs
 * alone and leaks nothing.
 *
 * Linked with --wrap for each function that allocates. A case runs again and again: in run n its n-th
 * allocation fails, until one run has none left to fail. */
#include "basic/cgroup-file.h"
#include "basic/fields.h"
#include "basic/io-disk.h"
#include "basic/limits.h"
#include "basic/metrics.h"
#include "basic/name.h"
#include "daemon/emergency.h"
#include "daemon/scope.h"
#include "daemon/usage.h"

#include "scratch.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

/* --- allocations that fail --- */

static unsigned countdown; /* 1: the next one fails; 0: none does */
static bool failed;
static long balance; /* allocated less freed, in a case */

static bool fails(void)
{
        if (countdown == 0 || --countdown > 0)
                return false;
        failed = true;
        errno = ENOMEM;
        return true;
}

#define ALLOCATOR(name, parameters, arguments)                      \
        void *__real_##name parameters;                             \
        void *__wrap_##name parameters;                             \
        void *__wrap_##name parameters                              \
        {                                                           \
                void *p = fails() ? NULL : __real_##name arguments; \
                                                                    \
                balance += p != NULL;                               \
                return p;                                           \
        }

#define REALLOCATOR(name, parameters, arguments)                    \
        void *__real_##name parameters;                             \
        void *__wrap_##name parameters;                             \
        void *__wrap_##name parameters                              \
        {                                                           \
                bool is_new = !old;                                 \
                void *p = fails() ? NULL : __real_##name arguments; \
                                                                    \
                balance += is_new && p;                             \
                return p;                                           \
        }

ALLOCATOR(malloc, (size_t size), (size))
ALLOCATOR(calloc, (size_t n, size_t size), (n, size))
ALLOCATOR(strdup, (const char *s), (s))
ALLOCATOR(strndup, (const char *s, size_t n), (s, n))
REALLOCATOR(realloc, (void *old, size_t size), (old, size))
REALLOCATOR(reallocarray, (void *old, size_t n, size_t size), (old, n, size))

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
        balance -= p != NULL;
        __real_free(p);
}

int __real_vasprintf(char **ret, const char *format, va_list ap);
int __wrap_vasprintf(char **ret, const char *format, va_list ap);
int __wrap_vasprintf(char **ret, const char *format, va_list ap)
{
        int n = fails() ? -1 : __real_vasprintf(ret, format, ap);

        balance += n >= 0;
        return n;
}

_printf_(2, 3) int __wrap_asprintf(char **ret, const char *format, ...);
int __wrap_asprintf(char **ret, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = __wrap_vasprintf(ret, format, ap);
        va_end(ap);
        return n;
}

FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size)
{
        FILE *f = fails() ? NULL : __real_open_memstream(text, size);

        balance += f != NULL; /* the text, which the caller frees */
        return f;
}

/* What closedir() frees again does not pass here. */
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
        return fails() ? NULL : __real_opendir(path);
}

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd)
{
        return fails() ? NULL : __real_fdopendir(fd);
}

/* A case returns what was returned to it, 0 or negative, having freed all, and having seen that outputs
 * are untouched on failure. wanted: what it returns when there is memory. */
static void every_allocation_fails(int (*run)(const void *argument), const void *argument,
                                   int wanted, const char *what)
{
        for (unsigned n = 1;; n++) {
                int r;

                balance = 0;
                failed = false;
                countdown = n;
                r = run(argument);
                countdown = 0;
                if (balance != 0)
                        fail_msg("%s: %ld left when allocation %u fails", what, balance, n);
                if (!failed) {
                        if (r != wanted)
                                fail_msg("%s: %s", what, strerror(-r));
                        if (n == 1)
                                fail_msg("%s allocates nothing", what);
                        return;
                }
                if (r != -ENOMEM)
                        fail_msg("%s: %s, and not ENOMEM, when allocation %u fails", what,
                                 r == 0 ? "success" : strerror(-r), n);
        }
}

/* What an output is set to beforehand, and on failure still is. */
static char untouched[1];
static char *volatile marker = untouched; /* volatile: else the compiler warns of freeing it */

/* Ends a case with one text as its output. */
static int text_done(int r, char *text)
{
        if (r < 0)
                assert_ptr_equal(text, marker);
        else
                free(text);
        return r < 0 ? r : 0;
}

/* --- fields --- */

static int run_fields(const void *argument)
{
        _cleanup_(fields_done) Fields f = { 0 };
        char large[1000];
        int r;

        memset(large, 'x', sizeof large - 1);
        large[sizeof large - 1] = '\0';
        fields_append(&f, "type", "first\n");
        fields_append_u64(&f, "number", UINT64_MAX);
        fields_append_i64(&f, "signed", INT64_MIN);
        for (int i = 0; i < 10; i++)
                fields_append(&f, "large", large);
        r = f.error;
        if (r < 0) { /* it stays */
                fields_append(&f, "after", "x");
                assert_int_equal(f.error, r);
        }
        return r;
}

static void fields(void **state)
{
        every_allocation_fails(run_fields, NULL, 0, "fields_append");
}

/* --- limits --- */

static const struct LimitSample {
        LimitType type;
        const char *text;
        int r;
} limit_samples[] = {
        { LIMIT_MEMORY_MAX, "64Q", -EINVAL },
        { LIMIT_CPU_WEIGHT, "10001", -ERANGE },
        { LIMIT_ALLOWED_CPUS, "0-3,8", 0 },
        { LIMIT_ALLOWED_CPUS, "3-0", -EINVAL },
        { LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/null 1M", 0 },
        { LIMIT_IO_READ_IOPS_MAX, "8:0 100", 0 },
        { LIMIT_IO_WRITE_BANDWIDTH_MAX, "/dev/null x", -EINVAL },
        { LIMIT_DEVICE_POLICY, "strict", 0 },
        { LIMIT_DEVICE_POLICY, "lax", -EINVAL },
        { LIMIT_DEVICE_ALLOW, "/dev/null rw", 0 },
        { LIMIT_DEVICE_ALLOW, "/dev/null q", -EINVAL },
};

static int run_limits_parse(const void *argument)
{
        const struct LimitSample *sample = argument;
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = limits_parse(&l, sample->type, sample->text, &reason);
        assert_true(limits_any(&l) == (r == 0));
        assert_true((reason != NULL) == (r == -EINVAL || r == -ERANGE));
        return r;
}

static void limits_from_text(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(limit_samples); i++)
                every_allocation_fails(run_limits_parse, &limit_samples[i], limit_samples[i].r,
                                       limit_samples[i].text);
}

/* One of each kind. */
static void make_limits(Limits *l)
{
        static const struct LimitSample samples[] = {
                { LIMIT_MEMORY_MAX, "64M", 0 },
                { LIMIT_ALLOWED_CPUS, "0-3,8", 0 },
                { LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/null 1M", 0 },
                { LIMIT_IO_READ_BANDWIDTH_MAX, "/dev/zero 2M", 0 },
                { LIMIT_DEVICE_POLICY, "strict", 0 },
                { LIMIT_DEVICE_ALLOW, "/dev/null rw", 0 },
                { LIMIT_TASKS_MAX, "10", 0 },
        };

        *l = (Limits){ 0 };
        for (size_t i = 0; i < ELEMENTSOF(samples); i++)
                assert_int_equal(limits_parse(l, samples[i].type, samples[i].text, NULL), 0);
}

static int run_limits_copy(const void *argument)
{
        _cleanup_(limits_done) Limits copy = { 0 };
        int r = limits_copy(argument, &copy);

        assert_true(limits_any(&copy) == (r == 0));
        return r;
}

/* With limits that it replaces, and that stay when it fails. */
static int run_limits_merge(const void *argument)
{
        _cleanup_(limits_done) Limits l = { 0 };
        int r;

        l.values[LIMIT_MEMORY_MAX] = (Limit){ .is_set = true, .number = 1 };
        r = limits_merge(&l, argument);
        assert_true(l.values[LIMIT_MEMORY_MAX].number == (r == 0 ? 64 * 1024 * 1024 : 1));
        assert_true(l.values[LIMIT_DEVICE_ALLOW].is_set == (r == 0));
        return r;
}

static int run_limits_format(const void *argument)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                for (size_t i = 0;; i++) {
                        char *text = marker;
                        int r = limits_format(argument, t, i, &text);

                        if (r == 0)
                                break;
                        r = text_done(r, text);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* The second of a list: the first stays as it is. */
static int run_limits_add(const void *argument)
{
        _cleanup_(limits_done) Limits l = { 0 };
        _cleanup_(freep) char *reason = NULL;
        unsigned saved = countdown;
        int r;

        countdown = 0;
        assert_int_equal(limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, "/dev/sda", 100, NULL), 0);
        assert_int_equal(limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/null", "r", NULL), 0);
        countdown = saved;
        r = limits_add_device(&l, LIMIT_IO_READ_IOPS_MAX, "/dev/sdb", 200, &reason);
        if (r >= 0)
                r = limits_add_pair(&l, LIMIT_DEVICE_ALLOW, "/dev/null", "rw", &reason);
        if (r < 0) {
                assert_string_equal(l.values[LIMIT_IO_READ_IOPS_MAX].pairs[0].name, "/dev/sda");
                assert_int_equal(l.values[LIMIT_DEVICE_ALLOW].n_pairs, 1);
                assert_string_equal(l.values[LIMIT_DEVICE_ALLOW].pairs[0].word, "r");
        }
        return r;
}

static void limits(void **state)
{
        _cleanup_(limits_done) Limits l;

        make_limits(&l);
        every_allocation_fails(run_limits_copy, &l, 0, "limits_copy");
        every_allocation_fails(run_limits_merge, &l, 0, "limits_merge");
        every_allocation_fails(run_limits_format, &l, 0, "limits_format");
        every_allocation_fails(run_limits_add, NULL, 0, "limits_add_device, limits_add_pair");
}

typedef struct Verify {
        const Scratch *cgroup;
        const Limits *limits;
} Verify;

static int run_limits_verify(const void *argument)
{
        const Verify *v = argument;
        _cleanup_(freep) char *reason = NULL;
        int r = limits_verify(v->limits, v->cgroup->fd, &reason);

        assert_true((reason != NULL) == (r == -ESTALE));
        return r;
}

static void limits_read_back(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("workload-x.scope");
        _cleanup_(limits_done) Limits l = { 0 };

        scratch_write(&s, "cgroup.controllers", "cpuset cpu io memory pids\n");
        scratch_write(&s, "memory.max", "67108864\n");
        scratch_write(&s, "cpuset.cpus", "0-3\n");
        scratch_write(&s, "cpuset.cpus.effective", "0-3\n");
        scratch_write(&s, "io.weight", "default 55\n");
        assert_int_equal(limits_parse(&l, LIMIT_MEMORY_MAX, "64M", NULL), 0);
        assert_int_equal(limits_parse(&l, LIMIT_ALLOWED_CPUS, "0-3", NULL), 0);
        assert_int_equal(limits_parse(&l, LIMIT_IO_WEIGHT, "55", NULL), 0);
        every_allocation_fails(run_limits_verify, &(Verify){ &s, &l }, 0, "limits_verify");
        scratch_write(&s, "memory.max", "max\n");
        every_allocation_fails(run_limits_verify, &(Verify){ &s, &l }, -ESTALE,
                               "limits_verify of one that is not in force");
}

static int run_limits_check(const void *argument)
{
        _cleanup_(freep) char *reason = NULL;

        return limits_check(argument, &reason);
}

static void limits_that_do_not_go_together(void **state)
{
        _cleanup_(limits_done) Limits l = { 0 };

        assert_int_equal(limits_set_number(&l, LIMIT_CPU_QUOTA_PERIOD, 1000, NULL), 0);
        every_allocation_fails(run_limits_check, &l, -EINVAL, "limits_check");
}

static int run_limits_check_there(const void *argument)
{
        _cleanup_(freep) char *reason = NULL;

        return limits_check_there(argument, &reason);
}

static void limits_that_name_what_is_not_there(void **state)
{
        _cleanup_(limits_done) Limits cpus = { 0 }, class = { 0 };

        assert_int_equal(limits_parse(&cpus, LIMIT_ALLOWED_CPUS, "8191", NULL), 0);
        every_allocation_fails(run_limits_check_there, &cpus, -EINVAL, "limits_check_there, cpus");
        assert_int_equal(limits_parse(&class, LIMIT_DEVICE_ALLOW, "char-no-such", NULL), 0);
        every_allocation_fails(run_limits_check_there, &class, -EINVAL,
                               "limits_check_there, class");
}

/* --- names, sizes --- */

typedef int (*parser_t)(const char *text, char **ret, char **ret_reason);

typedef struct Parse {
        parser_t parser;
        const char *text;
        int r;
} Parse;

static int run_parser(const void *argument)
{
        const Parse *p = argument;
        _cleanup_(freep) char *reason = NULL;
        char *text = marker;
        int r = p->parser(p->text, &text, &reason);

        assert_true((reason != NULL) == (r == -EINVAL));
        return text_done(r, text);
}

static int run_unit_name(const void *argument)
{
        _cleanup_(freep) char *reason = NULL;
        char *unit = marker;
        int r = scope_unit_name("workload-a.slice", "x", 2, &unit, &reason);

        return text_done(r, unit);
}

static int run_cgroup_path(const void *argument)
{
        char *path = marker;
        int r = slice_cgroup_path("workload-a-b.slice", &path);

        return text_done(r, path);
}

static void names(void **state)
{
        static const Parse cases[] = {
                { slice_parse, "workload.slice", 0 },
                { slice_parse, "/sys/fs/cgroup/workload.slice/alloc-42/more", 0 },
                { slice_parse, "pact.slice/gpu.slice", 0 },
                { slice_parse, "system.slice", -EINVAL },
                { slice_parse, "workload.slice//x", -EINVAL },
                { scope_name_parse, "alloc-42.scope", 0 },
                { scope_name_parse, "-x", -EINVAL },
                { task_name_parse, "rank-7", 0 },
                { task_name_parse, "cgroup.procs", -EINVAL },
                { cgroup_path_parse, "/sys/fs/cgroup/a/b/", 0 },
                { cgroup_path_parse, "a/../b", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                every_allocation_fails(run_parser, &cases[i], cases[i].r, cases[i].text);
        every_allocation_fails(run_unit_name, NULL, 0, "scope_unit_name");
        every_allocation_fails(run_cgroup_path, NULL, 0, "slice_cgroup_path");
}

static void who_owns_a_path_is_known_without_memory(void **state)
{
        countdown = 1;
        assert_int_equal(path_owner("/sys/fs/cgroup/workload.slice/x"), OWNER_WORKLOAD);
        assert_int_equal(path_owner("pact-gpu-x.scope"), OWNER_PACT);
        countdown = 0;
}

static int run_number_set(const void *argument)
{
        _cleanup_(number_set_done) NumberSet set = { 0 };
        char *text = marker;
        int r = number_set_parse("0-3,8,4000", &set);

        assert_true((set.bits != NULL) == (r == 0));
        if (r < 0)
                return r;
        r = number_set_format(&set, &text);
        return text_done(r, text);
}

static void number_sets(void **state)
{
        every_allocation_fails(run_number_set, NULL, 0, "number_set_parse, number_set_format");
}

/* --- the files of a cgroup --- */

static int run_metrics(const void *argument)
{
        const Scratch *s = argument;
        Metrics m;
        int r;

        memset(&m, 0x55, sizeof m);
        r = metrics_read(s->fd, &m);
        if (r < 0)
                for (size_t i = 0; i < sizeof m; i++)
                        assert_int_equal(((const char *) &m)[i], 0x55);
        return r;
}

static int run_read(const void *argument)
{
        const Scratch *s = argument;
        char *text = marker;
        int r = cgroup_read(s->fd, "memory.events", &text);

        return text_done(r, text);
}

static int run_read_number(const void *argument)
{
        const Scratch *s = argument;
        uint64_t n = 7;
        int r = cgroup_read_key(s->fd, "memory.events", "oom_kill", &n);

        assert_int_equal(n, r < 0 ? 7 : 3);
        return r;
}

static int run_pids(const void *argument)
{
        const Scratch *s = argument;
        pid_t *pids = (pid_t *) (void *) marker;
        size_t n = 7;
        int r = cgroup_pids(s->fd, false, &pids, &n);

        if (r < 0)
                assert_int_equal(n, 7);
        return text_done(r, (char *) pids);
}

static int run_path_of(const void *argument)
{
        const Scratch *s = argument;
        char *path = marker;
        int r = cgroup_path_of(s->fd, &path);

        return text_done(r, path);
}

static void cgroup_files(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("workload-x.scope");

        scratch_write(&s, "cgroup.procs", "1\n2\n");
        scratch_write(&s, "cgroup.events", "populated 1\nfrozen 0\n");
        scratch_write(&s, "child/cgroup.procs", "3\n");
        scratch_write(&s, "memory.current", "4096\n");
        scratch_write(&s, "memory.events", "low 0\noom 1\noom_kill 3\n");
        scratch_write(&s, "cpu.stat", "usage_usec 12\n");
        scratch_write(&s, "io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
        every_allocation_fails(run_read, &s, 0, "cgroup_read");
        every_allocation_fails(run_read_number, &s, 0, "cgroup_read_key");
        every_allocation_fails(run_pids, &s, 0, "cgroup_pids");
        every_allocation_fails(run_path_of, &s, 0, "cgroup_path_of");
        every_allocation_fails(run_metrics, &s, 0, "metrics_read");
}

static int run_disks(const void *argument)
{
        const Scratch *s = argument;
        char **disks = (char **) (void *) marker;
        int r = io_whole_disks_in(s->path, &disks);

        if (r < 0)
                assert_ptr_equal(disks, marker);
        else
                io_disks_free(disks);
        return r;
}

static void disks(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("block");

        scratch_mkdir(&s, "sda/device");
        scratch_mkdir(&s, "sdb/device");
        every_allocation_fails(run_disks, &s, 0, "io_whole_disks_in");
}

/* --- the state of a scope --- */

/* Without a bus: what is announced goes nowhere. */
static Manager *manager_of(const Scratch *s)
{
        static Manager m;
        Scope *first;

        m = (Manager){ .runtime_fd = s->fd,
                       .runtime_path = s->path,
                       .cgroup_prefix = (char *) "",
                       .cgroup_fd = -EBADF,
                       .instances_max = 1 };
        assert_int_equal(config_defaults(&m.config), 0);
        /* For the tables of scopes and of users the daemon rather ends than goes on without memory. */
        assert_int_equal(scope_new(&m, "workload.slice", "first", "workload-first.scope", &first),
                         0);
        assert_int_equal(scope_set_creator(first, 0), 0);
        first->exit_usec = now_realtime_usec();
        scope_set_state(first, SCOPE_EXITED);
        return &m;
}

static void manager_of_done(Manager *m)
{
        Scope *s, *next;

        HASH_ITER (hh, m->scopes, s, next)
                scope_free(s);
        config_done(&m->config);
}

static void make_record(Manager *m, Scope **ret)
{
        Scope *s;

        assert_int_equal(scope_new(m, "workload.slice", "x", "workload-x.scope", &s), 0);
        make_limits(&s->limits);
        s->path = strdup("/workload.slice/workload-x.scope");
        s->description = strdup("what\nit is");
        s->log = strdup("journal");
        s->metrics.present[METRIC_MEMORY_PEAK] = true;
        s->metrics.values[METRIC_MEMORY_PEAK] = 4096;
        s->exit_usec = now_realtime_usec();
        scope_set_state(s, SCOPE_FAILED);
        *ret = s;
}

static int run_save(const void *argument)
{
        return scope_save(argument);
}

static void saving_a_scope(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("run");
        _cleanup_(freep) char *file = NULL, *before = NULL, *after = NULL;
        Manager *m = manager_of(&s);
        Scope *scope;

        make_record(m, &scope);
        assert_return_code(asprintf(&file, "%s.scope", scope->id), errno);
        assert_int_equal(scope_save(scope), 0);
        before = scratch_read(&s, file);
        every_allocation_fails(run_save, scope, 0, "scope_save");
        after = scratch_read(&s, file);
        assert_string_equal(before, after);
        manager_of_done(m);
}

static int run_load(const void *argument)
{
        const Scratch *s = argument;
        unsigned saved = countdown;
        Manager *m;
        Scope *scope;
        int r;

        countdown = 0;
        m = manager_of(s);
        m->config.records_max_age_usec = UINT64_MAX / 2;
        countdown = saved;
        r = manager_load_scopes(m);
        countdown = 0;
        scope = scope_by_unit(m, "workload-x.scope");
        if (r >= 0)
                assert_non_null(scope);
        if (scope) {
                assert_string_equal(scope->description, "what\nit is");
                assert_int_equal(scope->limits.values[LIMIT_IO_READ_BANDWIDTH_MAX].n_pairs, 2);
                assert_int_equal(scope->state, SCOPE_FAILED);
        }
        manager_of_done(m);
        balance = 0; /* libsystemd's texts are freed here; what leaks is seen with sanitizers */
        return r;
}

static void loading_a_scope(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("run");
        Manager *m = manager_of(&s);
        Scope *scope;

        make_record(m, &scope);
        assert_int_equal(scope_save(scope), 0);
        manager_of_done(m);
        every_allocation_fails(run_load, &s, 0, "manager_load_scopes");
}

static int run_load_emergency(const void *argument)
{
        const Scratch *s = argument;
        Manager m = { .runtime_fd = s->fd, .runtime_path = s->path };
        unsigned saved = countdown;
        int r;

        countdown = 0;
        assert_return_code(sd_event_new(&m.event), errno);
        countdown = saved;
        r = emergency_load(&m);
        countdown = 0;
        assert_int_equal(emergency_lasts(&m), r >= 0);
        if (r >= 0)
                assert_string_equal(m.emergency->reason, "down");
        emergency_free(m.emergency);
        sd_event_unref(m.event);
        balance = 0; /* libsystemd's are freed here */
        return r;
}

static void loading_an_emergency(void **state)
{
        _cleanup_(scratch_done) Scratch s = scratch_new("run");
        _cleanup_(freep) char *text = NULL;

        assert_return_code(asprintf(&text,
                                    "reason=down\nuid=0\npid=1\nuntil_usec=%ju\n"
                                    "until_boot_usec=%ju\nrecorded=1\nended=0\nend=1\n",
                                    (uintmax_t) (now_realtime_usec() + EMERGENCY_USEC_MAX),
                                    (uintmax_t) (now_boottime_usec() + EMERGENCY_USEC_MAX)),
                           errno);
        scratch_write(&s, "emergency", text);
        every_allocation_fails(run_load_emergency, &s, 0, "emergency_load");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fields),
                cmocka_unit_test(limits_from_text),
                cmocka_unit_test(limits),
                cmocka_unit_test(limits_read_back),
                cmocka_unit_test(limits_that_do_not_go_together),
                cmocka_unit_test(limits_that_name_what_is_not_there),
                cmocka_unit_test(names),
                cmocka_unit_test(who_owns_a_path_is_known_without_memory),
                cmocka_unit_test(number_sets),
                cmocka_unit_test(cgroup_files),
                cmocka_unit_test(disks),
                cmocka_unit_test(saving_a_scope),
                cmocka_unit_test(loading_a_scope),
                cmocka_unit_test(loading_an_emergency),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
