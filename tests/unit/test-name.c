/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of name.h. */
#include "basic/name.h"

#include "test.h"

#include <limits.h>

static char *repeat(char c, size_t n)
{
        char *s = malloc(n + 1);

        assert_non_null(s);
        memset(s, c, n);
        s[n] = '\0';
        return s;
}

static char *concat(const char *a, const char *b, const char *c)
{
        char *s = malloc(strlen(a) + strlen(b) + strlen(c) + 1);

        assert_non_null(s);
        (void) stpcpy(stpcpy(stpcpy(s, a), b), c);
        return s;
}

static void assert_slice(const char *text, const char *expected)
{
        _cleanup_(freep) char *unit = NULL, *reason = NULL;

        if (slice_parse(text, &unit, &reason) != 0)
                fail_msg("\"%s\" is refused: %s", text, reason);
        assert_string_equal(unit, expected);
        assert_null(reason);
}

/* Refused, with a sentence of one printable line. */
static void assert_sentence(int r, char **reason, const char *text)
{
        if (r != -EINVAL)
                fail_msg("\"%s\" is taken (%d)", text, r);
        assert_non_null(*reason);
        assert_true(strlen(*reason) > 10);
        for (const char *p = *reason; *p; p++)
                assert_true(*p >= ' ' && *p <= '~');
}

static void assert_no_slice(const char *text)
{
        _cleanup_(freep) char *reason = NULL;
        char *unit = NULL;

        assert_sentence(slice_parse(text, &unit, &reason), &reason, text);
        assert_null(unit);
}

static void slices_are_known_by_unit(void **state)
{
        for (const char *const *s = hierarchy_slices; *s; s++)
                assert_slice(*s, *s);
        assert_slice("workload-a-b.slice", "workload-a-b.slice");
        assert_slice("workload-alloc\\x2d42.slice", "workload-alloc\\x2d42.slice");
}

static void slices_are_known_by_the_shared_path_form(void **state)
{
        assert_slice("pact.slice/gpu.slice", "pact-gpu.slice");
        assert_slice("pact.slice/gpu", "pact-gpu.slice");
        assert_slice("workload.slice/alloc-42", "workload-alloc\\x2d42.slice");
        assert_slice("workload.slice/alloc-42.slice", "workload-alloc\\x2d42.slice");
        assert_slice("workload.slice/a/b", "workload-a-b.slice");
        assert_slice("workload.slice/a_1/b.c", "workload-a_1-b.c.slice");
        assert_slice("workload.slice/workload", "workload-workload.slice");
        assert_slice("workload.slice/workload-x", "workload-workload\\x2dx.slice");
}

static void slices_are_known_by_cgroup_path(void **state)
{
        assert_slice("pact.slice/pact-gpu.slice", "pact-gpu.slice");
        assert_slice("workload.slice/workload-a.slice", "workload-a.slice");
        assert_slice("workload.slice/workload-a.slice/workload-a-b.slice", "workload-a-b.slice");
        assert_slice("workload.slice/workload-alloc\\x2d42.slice", "workload-alloc\\x2d42.slice");
        assert_slice("workload.slice/workload-a.slice/b", "workload-a-b.slice");
}

static void slices_are_known_with_slashes_and_mount_point(void **state)
{
        assert_slice("/pact.slice", "pact.slice");
        assert_slice("pact.slice/", "pact.slice");
        assert_slice("/sys/fs/cgroup/pact.slice/gpu.slice/", "pact-gpu.slice");
        assert_slice("/workload.slice/alloc-42", "workload-alloc\\x2d42.slice");
        assert_slice("/sys/fs/cgroup/workload-a.slice", "workload-a.slice");
}

static void slices_without_an_owner_are_refused(void **state)
{
        static const char *const bad[] = {
                "workload.slice-extra",
                "not-pact.slice/foo",
                "system.slice",
                "pactfoo.slice",
                "-.slice",
                "user.slice",
                "xworkload.slice",
                "Pact.slice",
                "pact",
                "workload",
                "system.slice/pact",
                "pact.slice-x/gpu",
                "workload.slicex",
                "workloads.slice",
                "work.slice",
                "/sys/fs/cgroupx/pact.slice",
                "sys/fs/cgroup/pact.slice",
                "pact.scope",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_no_slice(bad[i]);
}

/* Unit names of 17 + 2 n characters and paths of about n * n: one systemd would begin to make. */
static void slices_have_no_more_levels_than_a_path_has_room_for(void **state)
{
        char text[512] = "workload.slice", unit[512] = "workload";
        _cleanup_(freep) char *path = NULL;
        size_t n = 0;

        for (char *slice = NULL;; n++) {
                _cleanup_(freep) char *reason = NULL;

                (void) strcat(text, "/a");
                (void) strcat(unit, "-a");
                if (slice_parse(text, &slice, &reason) < 0) {
                        assert_non_null(strstr(reason, "levels"));
                        break;
                }
                free(path);
                assert_int_equal(slice_cgroup_path(slice, &path), 0);
                free(slice);
                assert_true(n < 100);
        }
        assert_true(strlen(path) > 3000 && strlen(path) < 4096 - 255 - 128);
        assert_no_slice(strcat(unit, ".slice"));
}

static void only_four_slices_exist_below_pact(void **state)
{
        static const char *const bad[] = { "pact.slice/foo",
                                           "pact-foo.slice",
                                           "pact.slice/gpu/x",
                                           "pact-gpu-x.slice",
                                           "pact.slice/pact-foo.slice",
                                           "pact.slice/pact",
                                           "pact.slice/gpu.slice.slice" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_no_slice(bad[i]);
}

static void paths_that_lead_elsewhere_are_refused(void **state)
{
        static const char *const bad[] = {
                "",
                "/",
                "..",
                ".",
                "/sys/fs/cgroup",
                "/sys/fs/cgroup/",
                "/sys/fs/cgroup/../x",
                "workload.slice/../pact.slice",
                "workload.slice/..",
                "workload.slice/./a",
                "workload.slice//x",
                "workload.slice//",
                "//workload.slice",
                "workload.slice/a//b",
                "../workload.slice",
                "workload.slice/a/../../pact.slice",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_no_slice(bad[i]);
}

static void levels_that_are_no_names_are_refused(void **state)
{
        static const char *const bad[] = {
                "workload.slice/.slice",
                "workload.slice/-a",
                "workload.slice/.a",
                "workload.slice/a b",
                "workload.slice/a\nb",
                "workload.slice/\xc3\xa4",
                "workload.slice/a\\x2db",
                "workload.slice/a%b",
                "workload.slice/a:b",
                "workload--a.slice",
                "workload-.slice",
                "workload-a-.slice",
                "workload-a\\x2f.slice",
                "workload-a\\x2.slice",
                "workload-a\\.slice",
                "workload-a\\x2D.slice",
                "workload-\\x2da.slice",
                "workload-.a.slice",
                "workload-a\\x2d",
                "workload-a\xff.slice",
                "workload-a .slice",
                "workload.slice/x.scope",
                "workload.slice/x.service",
                "workload.slice/a\x7f",
                "workload.slice/workload-.slice",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_no_slice(bad[i]);
}

static void a_cgroup_path_may_not_skip_a_level(void **state)
{
        assert_no_slice("workload.slice/workload-a-b.slice");
        assert_no_slice("workload.slice/workload-a.slice/workload-a-b-c.slice");
        assert_no_slice("workload-a.slice/b");
}

static void slice_names_have_an_end(void **state)
{
        _cleanup_(freep) char *level = repeat('a', 128), *longer = repeat('a', 129);
        _cleanup_(freep) char *dashes = repeat('a', 128);
        _cleanup_(freep) char *ok = concat("workload.slice/", level, "");
        _cleanup_(freep) char *bad = concat("workload.slice/", longer, "");
        _cleanup_(freep) char *unit = concat("workload-", longer, ".slice");
        _cleanup_(freep) char *two = concat(ok, "/", level), *escaped = NULL, *expected = NULL;
        _cleanup_(freep) char *reason = NULL;
        char *none = NULL;

        expected = concat("workload-", level, ".slice");
        assert_slice(ok, expected);
        assert_no_slice(bad);
        assert_no_slice(unit);
        /* 9 + 128 + 1 + 128 + 6 > 255 */
        assert_int_equal(slice_parse(two, &none, &reason), -EINVAL);
        assert_non_null(strstr(reason, "longer than 255 characters"));
        assert_null(none);

        memset(dashes + 1, '-', 127);
        escaped = concat("workload.slice/", dashes, "");
        assert_no_slice(escaped);
}

static void a_path_longer_than_any_path_is_refused(void **state)
{
        _cleanup_(freep) char *text = repeat('a', PATH_MAX), *reason = NULL;
        char *path = NULL;

        assert_sentence(cgroup_path_parse(text, &path, &reason), &reason, "a...");
        assert_null(path);
}

static void reasons_may_be_left_out(void **state)
{
        char *out = NULL;

        assert_int_equal(slice_parse("system.slice", &out, NULL), -EINVAL);
        assert_int_equal(scope_name_parse("", &out, NULL), -EINVAL);
        assert_null(out);
}

static void assert_cgroup_path(const char *unit, const char *expected)
{
        _cleanup_(freep) char *path = NULL;

        assert_int_equal(slice_cgroup_path(unit, &path), 0);
        assert_string_equal(path, expected);
}

static void the_cgroup_path_repeats_each_level(void **state)
{
        char *path = NULL;

        assert_cgroup_path("workload.slice", "workload.slice");
        assert_cgroup_path("pact-gpu.slice", "pact.slice/pact-gpu.slice");
        assert_cgroup_path("workload-a-b.slice",
                           "workload.slice/workload-a.slice/workload-a-b.slice");
        assert_cgroup_path("workload-alloc\\x2d42.slice",
                           "workload.slice/workload-alloc\\x2d42.slice");
        assert_cgroup_path("-.slice", "");
        assert_int_equal(slice_cgroup_path("workload-a.scope", &path), -EINVAL);
        assert_int_equal(slice_cgroup_path("workload--a.slice", &path), -EINVAL);
        assert_null(path);
}

static void paths_come_back_as_the_slices_they_name(void **state)
{
        static const char *const units[] = { "workload-a-b-c.slice", "pact-audit.slice",
                                             "workload-x\\x2dy-z.slice" };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                _cleanup_(freep) char *path = NULL;

                assert_int_equal(slice_cgroup_path(units[i], &path), 0);
                assert_slice(path, units[i]);
        }
}

static void owners_are_decided_by_whole_components(void **state)
{
        static const struct {
                const char *path;
                Owner owner;
        } cases[] = {
                { "pact.slice", OWNER_PACT },
                { "/sys/fs/cgroup/pact.slice/", OWNER_PACT },
                { "pact.slice/gpu.slice", OWNER_PACT },
                { "pact-gpu.slice", OWNER_PACT },
                { "pact.slice/pact-gpu.slice/pact-gpu-nv.scope/payload", OWNER_PACT },
                { "pact-gpu-nv.scope", OWNER_PACT },
                { "workload.slice", OWNER_WORKLOAD },
                { "workload.slice/alloc-42", OWNER_WORKLOAD },
                { "workload-alloc\\x2d42.slice", OWNER_WORKLOAD },
                { "workload.slice/workload-x.scope/payload/main", OWNER_WORKLOAD },
                { "/workload.slice/workload-x.scope", OWNER_WORKLOAD },
                { "workload-x.scope", OWNER_WORKLOAD },
                { "workload.slice/pact.slice", OWNER_WORKLOAD },
                { "pact.slice/workload.slice", OWNER_PACT },

                { "", OWNER_NONE },
                { "/", OWNER_NONE },
                { "/sys/fs/cgroup", OWNER_NONE },
                { "system.slice", OWNER_NONE },
                { "system.slice/pact.slice", OWNER_NONE },
                { "system.slice/workload-x.scope", OWNER_NONE },
                { "workload.slice-extra", OWNER_NONE },
                { "workload.slice-extra/x", OWNER_NONE },
                { "not-pact.slice/x", OWNER_NONE },
                { "pactfoo.slice", OWNER_NONE },
                { "pact", OWNER_NONE },
                { "pact.slice/../system.slice", OWNER_NONE },
                { "system.slice/../pact.slice", OWNER_NONE },
                { "pact.slice//x", OWNER_NONE },
                { "pact-.slice", OWNER_NONE },
                { "pact--x.slice", OWNER_NONE },
                { "pact.scope", OWNER_NONE },
                { "pact-.scope", OWNER_NONE },
                { "pactx-a.scope", OWNER_NONE },
                { "pact-agent.service", OWNER_NONE },
                { "workload.slice\n", OWNER_NONE },
                { "Workload.slice", OWNER_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (path_owner(cases[i].path) != cases[i].owner)
                        fail_msg("\"%s\" belongs to \"%s\"", cases[i].path,
                                 owner_to_string(path_owner(cases[i].path)));
        assert_int_equal(path_owner(NULL), OWNER_NONE);
}

static void owners_have_names(void **state)
{
        assert_string_equal(owner_to_string(OWNER_NONE), "");
        assert_string_equal(owner_to_string(OWNER_PACT), "pact");
        assert_string_equal(owner_to_string(OWNER_WORKLOAD), "workload");
        assert_null(owner_to_string(_OWNER_MAX));
        assert_null(owner_to_string(_OWNER_INVALID));
        assert_int_equal(owner_from_string("pact"), OWNER_PACT);
        assert_int_equal(owner_from_string(""), OWNER_NONE);
        assert_int_equal(owner_from_string("lattice"), _OWNER_INVALID);
        assert_int_equal(owner_from_string(NULL), _OWNER_INVALID);
}

static void the_hierarchy_has_parents_before_children(void **state)
{
        size_t n = 0;

        for (; hierarchy_slices[n]; n++)
                assert_int_not_equal(path_owner(hierarchy_slices[n]), OWNER_NONE);
        assert_int_equal(n, 6);
        assert_string_equal(hierarchy_slices[0], SLICE_PACT);
}

static void assert_path(const char *text, const char *expected)
{
        _cleanup_(freep) char *path = NULL, *reason = NULL;

        if (cgroup_path_parse(text, &path, &reason) != 0)
                fail_msg("\"%s\" is refused: %s", text, reason);
        assert_string_equal(path, expected);
}

static void cgroup_paths_are_stripped(void **state)
{
        assert_path("", "");
        assert_path("/", "");
        assert_path("/sys/fs/cgroup", "");
        assert_path("/sys/fs/cgroup/", "");
        assert_path("/sys/fs/cgroup/system.slice/a.service/", "system.slice/a.service");
        assert_path("/user.slice", "user.slice");
        assert_path("a/b\\x2dc", "a/b\\x2dc");
        assert_path("a/...", "a/...");
        assert_path("/sys/fs/cgroups", "sys/fs/cgroups");
        assert_path("a b", "a b");
}

static void cgroup_paths_that_lead_elsewhere_are_refused(void **state)
{
        static const char *const bad[] = { "..",
                                           ".",
                                           "a/..",
                                           "a/../b",
                                           "a//b",
                                           "a//",
                                           "//a",
                                           "a/./b",
                                           "/sys/fs/cgroup/../x",
                                           "/sys/fs/cgroup//x",
                                           "a\nb",
                                           "a\x7f",
                                           "a\tb",
                                           "\x01" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(freep) char *reason = NULL;
                char *path = NULL;

                assert_sentence(cgroup_path_parse(bad[i], &path, &reason), &reason, bad[i]);
                assert_null(path);
        }
}

static void assert_scope(const char *text, const char *expected)
{
        _cleanup_(freep) char *name = NULL, *reason = NULL;

        if (scope_name_parse(text, &name, &reason) != 0)
                fail_msg("\"%s\" is refused: %s", text, reason);
        assert_string_equal(name, expected);
}

static void scope_names_lose_their_suffix(void **state)
{
        _cleanup_(freep) char *longest = repeat('a', 128);
        _cleanup_(freep) char *with_suffix = concat(longest, ".scope", "");

        assert_scope("alloc-42", "alloc-42");
        assert_scope("alloc-42.scope", "alloc-42");
        assert_scope("A_b.c-9", "A_b.c-9");
        assert_scope("0", "0");
        assert_scope(longest, longest);
        assert_scope(with_suffix, longest);
}

static const char *const bad_names[] = { "",     ".",   "..",       ".a",  "-a",    "a/b",
                                         "a\nb", "a b", "\xc3\xa4", "a:b", "a@b",   "a\\x2db",
                                         "/",    "a\t", "*",        "a%",  "a\x7f", "a=b" };

static void other_scope_names_are_refused(void **state)
{
        _cleanup_(freep) char *longer = repeat('a', 129);
        _cleanup_(freep) char *reason = NULL;
        char *name = NULL;

        for (size_t i = 0; i < ELEMENTSOF(bad_names); i++) {
                _cleanup_(freep) char *why = NULL;

                assert_sentence(scope_name_parse(bad_names[i], &name, &why), &why, bad_names[i]);
        }
        assert_int_equal(scope_name_parse(".scope", &name, NULL), -EINVAL);
        /* Asked for by the name that it got, it would be "x". */
        assert_int_equal(scope_name_parse("x.scope.scope", &name, NULL), -EINVAL);
        assert_sentence(scope_name_parse(longer, &name, &reason), &reason, longer);
        assert_null(name);
}

static void task_names_follow_the_rule_of_names(void **state)
{
        _cleanup_(freep) char *longer = repeat('a', 129), *name = NULL;
        char *none = NULL;

        assert_int_equal(task_name_parse("rank-0017", &name, NULL), 0);
        assert_string_equal(name, "rank-0017");
        for (size_t i = 0; i < ELEMENTSOF(bad_names); i++) {
                _cleanup_(freep) char *why = NULL;

                assert_sentence(task_name_parse(bad_names[i], &none, &why), &why, bad_names[i]);
        }
        assert_int_equal(task_name_parse(longer, &none, NULL), -EINVAL);
        assert_null(none);
}

static void task_names_keep_clear_of_the_kernels_files(void **state)
{
        static const char *const bad[] = { "cgroup.procs",    "memory.max",   "cpu.max",
                                           "cpuset.cpus",     "io.max",       "pids.max",
                                           "hugetlb.2MB.max", "rdma.max",     "misc.max",
                                           "dmem.max",        "irq.pressure", "cgroup.x" };
        static const char *const good[] = { "cgroup", "memory", "memory-max", "cpux.max",
                                            "iox.y",  "main",   "mycpu.max" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(freep) char *why = NULL;
                char *name = NULL;

                assert_sentence(task_name_parse(bad[i], &name, &why), &why, bad[i]);
                assert_null(name);
        }
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(freep) char *name = NULL;

                assert_int_equal(task_name_parse(good[i], &name, NULL), 0);
        }
}

static void assert_unit(const char *slice, const char *name, unsigned instance,
                        const char *expected)
{
        _cleanup_(freep) char *unit = NULL, *reason = NULL;

        assert_int_equal(scope_unit_name(slice, name, instance, &unit, &reason), 0);
        assert_string_equal(unit, expected);
}

static void a_scopes_unit_starts_with_its_slice(void **state)
{
        assert_unit("workload.slice", "alloc-42", 0, "workload-alloc-42.scope");
        assert_unit("workload.slice", "alloc-42", 1, "workload-alloc-42.scope");
        assert_unit("workload.slice", "alloc-42", 2, "workload-alloc-42-2.scope");
        assert_unit("workload.slice", "a", UINT32_MAX, "workload-a-4294967295.scope");
        assert_unit("pact-gpu.slice", "nvidia-persistenced", 1,
                    "pact-gpu-nvidia-persistenced.scope");
        assert_unit("workload-alloc\\x2d42.slice", "a", 1, "workload-alloc\\x2d42-a.scope");
}

static void a_unit_name_of_256_characters_is_refused(void **state)
{
        _cleanup_(freep) char *level = repeat('a', 128),
                              *slice = concat("workload-", level, ".slice");
        _cleanup_(freep) char *fits = repeat('b', 255 - 9 - 128 - 1 - 6);
        _cleanup_(freep) char *longer = concat(fits, "b", ""), *unit = NULL, *reason = NULL;
        char *none = NULL;

        assert_int_equal(scope_unit_name(slice, fits, 1, &unit, NULL), 0);
        assert_int_equal(strlen(unit), UNIT_NAME_MAX_LENGTH);
        assert_sentence(scope_unit_name(slice, longer, 1, &none, &reason), &reason, longer);
        assert_int_equal(scope_unit_name(slice, fits, 2, &none, NULL), -EINVAL);
        assert_int_equal(scope_unit_name("workload", "a", 1, &none, NULL), -EINVAL);
        assert_null(none);
}

static void a_scopes_unit_has_the_owner_of_its_slice(void **state)
{
        for (const char *const *s = hierarchy_slices; *s; s++) {
                _cleanup_(freep) char *unit = NULL;

                assert_int_equal(scope_unit_name(*s, "x.y-z", 3, &unit, NULL), 0);
                assert_int_equal(path_owner(unit), path_owner(*s));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(slices_are_known_by_unit),
                cmocka_unit_test(slices_are_known_by_the_shared_path_form),
                cmocka_unit_test(slices_are_known_by_cgroup_path),
                cmocka_unit_test(slices_are_known_with_slashes_and_mount_point),
                cmocka_unit_test(slices_without_an_owner_are_refused),
                cmocka_unit_test(slices_have_no_more_levels_than_a_path_has_room_for),
                cmocka_unit_test(only_four_slices_exist_below_pact),
                cmocka_unit_test(paths_that_lead_elsewhere_are_refused),
                cmocka_unit_test(levels_that_are_no_names_are_refused),
                cmocka_unit_test(a_cgroup_path_may_not_skip_a_level),
                cmocka_unit_test(slice_names_have_an_end),
                cmocka_unit_test(a_path_longer_than_any_path_is_refused),
                cmocka_unit_test(reasons_may_be_left_out),
                cmocka_unit_test(the_cgroup_path_repeats_each_level),
                cmocka_unit_test(paths_come_back_as_the_slices_they_name),
                cmocka_unit_test(owners_are_decided_by_whole_components),
                cmocka_unit_test(owners_have_names),
                cmocka_unit_test(the_hierarchy_has_parents_before_children),
                cmocka_unit_test(cgroup_paths_are_stripped),
                cmocka_unit_test(cgroup_paths_that_lead_elsewhere_are_refused),
                cmocka_unit_test(scope_names_lose_their_suffix),
                cmocka_unit_test(other_scope_names_are_refused),
                cmocka_unit_test(task_names_follow_the_rule_of_names),
                cmocka_unit_test(task_names_keep_clear_of_the_kernels_files),
                cmocka_unit_test(a_scopes_unit_starts_with_its_slice),
                cmocka_unit_test(a_unit_name_of_256_characters_is_refused),
                cmocka_unit_test(a_scopes_unit_has_the_owner_of_its_slice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
