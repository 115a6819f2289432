/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the single files of cgroup-file.h, on plain files. */
#include "basic/cgroup-file.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int setup(void **state)
{
        static Scratch s;

        s = scratch_new("group");
        *state = &s;
        return 0;
}

static int teardown(void **state)
{
        scratch_done(*state);
        return 0;
}

static void a_file_is_read_without_its_last_newline(void **state)
{
        Scratch *s = *state;
        _cleanup_(freep) char *a = NULL, *b = NULL, *c = NULL;

        scratch_write(s, "one", "abc\ndef\n");
        scratch_write(s, "bare", "abc");
        scratch_write(s, "empty", "");
        assert_int_equal(cgroup_read(s->fd, "one", &a), 0);
        assert_string_equal(a, "abc\ndef");
        assert_int_equal(cgroup_read(s->fd, "bare", &b), 0);
        assert_string_equal(b, "abc");
        assert_int_equal(cgroup_read(s->fd, "empty", &c), 0);
        assert_string_equal(c, "");
}

static void a_large_file_is_read_whole(void **state)
{
        enum { SIZE = 300000 };
        Scratch *s = *state;
        _cleanup_(freep) char *large = malloc(SIZE + 1), *read = NULL;

        for (size_t i = 0; i < SIZE; i++)
                large[i] = (char) ('a' + i % 26);
        large[SIZE] = '\0';
        scratch_write(s, "large", large);
        assert_int_equal(cgroup_read(s->fd, "large", &read), 0);
        assert_string_equal(read, large);
}

static void a_missing_file_is_enoent(void **state)
{
        Scratch *s = *state;
        char *text = NULL;
        uint64_t v = 42;

        assert_int_equal(cgroup_read(s->fd, "none", &text), -ENOENT);
        assert_int_equal(cgroup_read_u64(s->fd, "none", &v), -ENOENT);
        assert_int_equal(cgroup_read_key(s->fd, "none", "k", &v), -ENOENT);
        assert_int_equal(cgroup_read_nested_sum(s->fd, "none", "k", &v), -ENOENT);
        assert_int_equal(cgroup_write(s->fd, "none", "1"), -ENOENT);
        assert_null(text);
        assert_int_equal(v, 42);
}

static void symbolic_links_are_not_files_of_a_cgroup(void **state)
{
        Scratch *s = *state;
        char *text = NULL;

        scratch_write(s, "target", "x");
        assert_int_equal(symlinkat("target", s->fd, "link"), 0);
        assert_int_equal(cgroup_read(s->fd, "link", &text), -ELOOP);
        assert_int_equal(cgroup_write(s->fd, "link", "y"), -ELOOP);
}

static void a_number_may_be_max(void **state)
{
        Scratch *s = *state;
        uint64_t v;

        scratch_write(s, "number", "4096\n");
        scratch_write(s, "max", "max\n");
        assert_int_equal(cgroup_read_u64(s->fd, "number", &v), 0);
        assert_int_equal(v, 4096);
        assert_int_equal(cgroup_read_u64(s->fd, "max", &v), 0);
        assert_true(v == UINT64_MAX);
}

static void what_is_no_number_is_ebadmsg(void **state)
{
        static const char *const bad[] = { "",
                                           "\n",
                                           "-1\n",
                                           "12 13\n",
                                           "1\n2\n",
                                           "maxi\n",
                                           "0x10\n",
                                           "18446744073709551616\n",
                                           "99999999999999999999999999\n" };
        Scratch *s = *state;
        uint64_t v = 42;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                scratch_write(s, "bad", bad[i]);
                assert_int_equal(cgroup_read_u64(s->fd, "bad", &v), -EBADMSG);
        }
        assert_int_equal(v, 42);
}

static void a_key_is_found_by_its_whole_name(void **state)
{
        Scratch *s = *state;
        uint64_t v;

        scratch_write(s, "memory.events", "low 1\noom_kill 7\noom 3\nmax 9\n");
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "oom", &v), 0);
        assert_int_equal(v, 3);
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "oom_kill", &v), 0);
        assert_int_equal(v, 7);
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "low", &v), 0);
        assert_int_equal(v, 1);
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "max", &v), 0);
        assert_int_equal(v, 9);

        v = 42;
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "high", &v), -ENXIO);
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "om", &v), -ENXIO);
        assert_int_equal(cgroup_read_key(s->fd, "memory.events", "oom_", &v), -ENXIO);
        scratch_write(s, "broken", "oom x\n");
        assert_int_equal(cgroup_read_key(s->fd, "broken", "oom", &v), -EBADMSG);
        assert_int_equal(v, 42);
}

static void nested_keys_are_summed_over_all_devices(void **state)
{
        Scratch *s = *state;
        uint64_t v;

        scratch_write(s, "io.stat",
                      "8:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=0 dios=0\n"
                      "8:16 rbytes_x=7 wios-y=8\n"
                      "254:0 rbytes=1000 wbytes=200 rios=30 wios=40 xrbytes=5\n");
        assert_int_equal(cgroup_read_nested_sum(s->fd, "io.stat", "rbytes", &v), 0);
        assert_int_equal(v, 1100);
        assert_int_equal(cgroup_read_nested_sum(s->fd, "io.stat", "wios", &v), 0);
        assert_int_equal(v, 44);

        scratch_write(s, "io.stat", "");
        assert_int_equal(cgroup_read_nested_sum(s->fd, "io.stat", "rbytes", &v), 0);
        assert_int_equal(v, 0);
}

static void a_broken_or_overflowing_sum_is_an_error(void **state)
{
        Scratch *s = *state;
        uint64_t v = 42;

        scratch_write(s, "io.stat", "8:0 rbytes=x\n");
        assert_int_equal(cgroup_read_nested_sum(s->fd, "io.stat", "rbytes", &v), -EBADMSG);
        scratch_write(s, "io.stat", "8:0 rbytes=18446744073709551615\n8:16 rbytes=1\n");
        assert_int_equal(cgroup_read_nested_sum(s->fd, "io.stat", "rbytes", &v), -ERANGE);
        assert_int_equal(v, 42);
}

static void assert_written(Scratch *s, uint64_t value, const char *expected)
{
        _cleanup_(freep) char *text = NULL;

        scratch_write(s, "limit", "");
        assert_int_equal(cgroup_write_u64(s->fd, "limit", value), 0);
        text = scratch_read(s, "limit");
        assert_string_equal(text, expected);
}

static void numbers_are_written_as_the_kernel_reads_them(void **state)
{
        assert_written(*state, 0, "0");
        assert_written(*state, 1048576, "1048576");
        assert_written(*state, UINT64_MAX - 1, "18446744073709551614");
        assert_written(*state, UINT64_MAX, "max");
}

static void the_flags_of_cgroup_events_are_read(void **state)
{
        Scratch *s = *state;

        scratch_write(s, "cgroup.events", "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_populated(s->fd), 1);
        assert_int_equal(cgroup_frozen(s->fd), 0);
        scratch_write(s, "cgroup.events", "populated 0\nfrozen 1\n");
        assert_int_equal(cgroup_populated(s->fd), 0);
        assert_int_equal(cgroup_frozen(s->fd), 1);
}

static void a_cgroup_that_is_gone_is_not_populated(void **state)
{
        Scratch *s = *state;

        assert_int_equal(cgroup_populated(s->fd), 0);
        assert_int_equal(cgroup_frozen(s->fd), 0);
}

static void the_path_of_a_directory_is_told(void **state)
{
        Scratch *s = *state;
        _cleanup_(freep) char *path = NULL, *real = realpath(s->path, NULL);
        char *none = NULL;

        assert_int_equal(cgroup_path_of(s->fd, &path), 0);
        assert_string_equal(path, real);
        assert_int_equal(cgroup_path_of(-EBADF, &none), -EBADF);
        assert_null(none);
}

/* --- cgroup_open() --- */

static int open_and_close(int fd, const char *path)
{
        int r = cgroup_open(fd, path);

        return r < 0 ? r : (safe_close(r), 0);
}

/* What holds of openat2() and of the walk by components alike; 0, or the line that failed. */
static int check_open(Scratch *s)
{
        struct stat a, b;
        int fd;

        fd = cgroup_open(s->fd, "");
        if (fd < 0 || fstat(fd, &a) < 0 || fstat(s->fd, &b) < 0 || a.st_ino != b.st_ino)
                return __LINE__;
        if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
                return __LINE__;
        (void) close(fd);

        fd = cgroup_open(s->fd, "a/b");
        if (fd < 0 || faccessat(fd, "file", F_OK, 0) < 0)
                return __LINE__;
        (void) close(fd);

        if (open_and_close(s->fd, "a/b/") != 0)
                return __LINE__;
        if (open_and_close(s->fd, "a/none") != -ENOENT)
                return __LINE__;
        if (open_and_close(s->fd, "a/b/file") != -ENOTDIR)
                return __LINE__;
        if (open_and_close(s->fd, "..") != -EXDEV || open_and_close(s->fd, "a/../..") != -EXDEV)
                return __LINE__;
        if (open_and_close(s->fd, "/") != -EXDEV || open_and_close(s->fd, "/a") != -EXDEV)
                return __LINE__;
        if (open_and_close(s->fd, "link") >= 0 || open_and_close(s->fd, "link/b") >= 0)
                return __LINE__;
        if (open_and_close(s->fd, "a/out") >= 0 || open_and_close(s->fd, "a/out/tmp") >= 0)
                return __LINE__;

        return 0;
}

static void fill_tree(Scratch *s)
{
        scratch_write(s, "a/b/file", "");
        assert_int_equal(symlinkat("a", s->fd, "link"), 0);
        assert_int_equal(symlinkat("/", s->fd, "a/out"), 0);
}

static void opening_stays_in_the_tree(void **state)
{
        fill_tree(*state);
        assert_int_equal(check_open(*state), 0);
}

/* From here on openat2() does not exist for this process. */
static int forbid_openat2(void)
{
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = ELEMENTSOF(filter), .filter = filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

static void opening_without_openat2_stays_in_the_tree_too(void **state)
{
        enum { NO_SECCOMP = 255, FIRST_LINE = 200 };
        pid_t pid;
        int status;

        fill_tree(*state);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int line;

                if (forbid_openat2() < 0)
                        _exit(NO_SECCOMP);
                line = check_open(*state);
                _exit(line ? line - FIRST_LINE : 0);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == NO_SECCOMP)
                skip();
        if (WEXITSTATUS(status) != 0)
                fail_msg("line %d of check_open()", WEXITSTATUS(status) + FIRST_LINE);
}

static void a_removed_directory_has_nothing_to_open(void **state)
{
        Scratch *s = *state;

        assert_int_equal(rmdir(s->path), 0);
        assert_int_equal(open_and_close(s->fd, "a"), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_file_is_read_without_its_last_newline),
                TEST(a_large_file_is_read_whole),
                TEST(a_missing_file_is_enoent),
                TEST(symbolic_links_are_not_files_of_a_cgroup),
                TEST(a_number_may_be_max),
                TEST(what_is_no_number_is_ebadmsg),
                TEST(a_key_is_found_by_its_whole_name),
                TEST(nested_keys_are_summed_over_all_devices),
                TEST(a_broken_or_overflowing_sum_is_an_error),
                TEST(numbers_are_written_as_the_kernel_reads_them),
                TEST(the_flags_of_cgroup_events_are_read),
                TEST(a_cgroup_that_is_gone_is_not_populated),
                TEST(the_path_of_a_directory_is_told),
                TEST(opening_stays_in_the_tree),
                TEST(opening_without_openat2_stays_in_the_tree_too),
                TEST(a_removed_directory_has_nothing_to_open),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
