/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of error.h. */
#include "basic/error.h"

#include "test.h"

static void every_kind_has_a_name_of_its_own(void **state)
{
        for (ErrorKind k = 0; k < _ERROR_KIND_MAX; k++) {
                const char *name = error_kind_to_dbus(k);

                assert_non_null(name);
                assert_int_equal(error_kind_from_dbus(name), k);
        }
}

static void names_are_the_documented_ones(void **state)
{
        assert_string_equal(error_kind_to_dbus(ERROR_NOT_FOUND),
                            "org.hpcnode.Cgroup1.Error.NotFound");
        assert_string_equal(error_kind_to_dbus(ERROR_IO), "org.hpcnode.Cgroup1.Error.IO");
        assert_string_equal(error_kind_to_dbus(ERROR_SCOPE_ZOMBIE),
                            "org.hpcnode.Cgroup1.Error.ScopeZombie");
        assert_string_equal(error_kind_to_dbus(ERROR_INVALID_ARGS),
                            "org.freedesktop.DBus.Error.InvalidArgs");
}

static void foreign_names_are_no_kind(void **state)
{
        assert_int_equal(error_kind_from_dbus("org.freedesktop.DBus.Error.NoReply"),
                         _ERROR_KIND_INVALID);
        assert_int_equal(error_kind_from_dbus("NotFound"), _ERROR_KIND_INVALID);
        assert_int_equal(error_kind_from_dbus(""), _ERROR_KIND_INVALID);
        assert_int_equal(error_kind_from_dbus(NULL), _ERROR_KIND_INVALID);
}

static void values_outside_the_enum_have_no_name(void **state)
{
        assert_null(error_kind_to_dbus(_ERROR_KIND_MAX));
        assert_null(error_kind_to_dbus(_ERROR_KIND_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_has_a_name_of_its_own),
                cmocka_unit_test(names_are_the_documented_ones),
                cmocka_unit_test(foreign_names_are_no_kind),
                cmocka_unit_test(values_outside_the_enum_have_no_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
