/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What callers may put into a call, and supervisors into a file: nothing is lost by it, and no sentence
 * about it breaks a line or is one that the bus does not carry. */
#include "daemon/limits-bus.h"
#include "daemon/scope.h"

#include "scratch.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

static sd_bus *bus;

/* One that has begun to greet the other end: enough to make messages. */
static int open_bus(void **state)
{
        int fds[2];

        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), errno);
        assert_return_code(sd_bus_new(&bus), 0);
        assert_return_code(sd_bus_set_fd(bus, fds[0], fds[0]), 0);
        assert_return_code(sd_bus_start(bus), 0);
        *state = (void *) (intptr_t) fds[1];
        return 0;
}

static int close_bus(void **state)
{
        bus = sd_bus_close_unref(bus);
        safe_close((int) (intptr_t) *state);
        return 0;
}

static sd_bus_message *new_message(void)
{
        sd_bus_message *m = NULL;

        assert_return_code(sd_bus_message_new_method_call(bus, &m, NULL, "/x", "x.y", "X"), 0);
        return m;
}

static void seal(sd_bus_message *m)
{
        assert_return_code(sd_bus_message_seal(m, 1, 0), 0);
        assert_return_code(sd_bus_message_rewind(m, true), 0);
}

static void assert_sentence(const sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = new_message();

        assert_true(sd_bus_error_has_name(error, HPCNODE_ERROR_INVALID_ARGS));
        assert_null(strpbrk(error->message, "\r\n"));
        assert_return_code(sd_bus_message_append(m, "s", error->message), 0);
}

static void assert_options_refused(sd_bus_message *m, const char *what)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Spec *spec = NULL;

        seal(m);
        assert_true(spec_read(m, true, &spec, &error) < 0);
        assert_null(spec);
        assert_sentence(&error);
        if (!strstr(error.message, what))
                fail_msg("no \"%s\" in: %s", what, error.message);
        sd_bus_message_unref(m);
}

static void each_option_is_given_once(void **state)
{
        static const char *const texts[] = { "WorkingDirectory", "User", "Group", "Log",
                                             "Description" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                const char *value = streq(texts[i], "Log") ? "null" : "/";
                sd_bus_message *m = new_message();

                assert_return_code(sd_bus_message_append(m, "asa{sv}", 1, "true", 2, texts[i], "s",
                                                         value, texts[i], "s", value),
                                   0);
                assert_options_refused(m, "is given twice");
        }
        for (unsigned n = 1; n < 100; n += 98) { /* beside one other, and many */
                sd_bus_message *m = new_message();

                assert_return_code(sd_bus_message_append(m, "as", 1, "true"), 0);
                assert_return_code(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
                assert_return_code(sd_bus_message_append(m, "{sv}", "Nice", "i", 1), 0);
                for (unsigned i = 0; i <= n; i++)
                        assert_return_code(
                                sd_bus_message_append(m, "{sv}", "Environment", "as", 1, "A=1"), 0);
                assert_return_code(sd_bus_message_close_container(m), 0);
                assert_options_refused(m, "Environment is given twice");
        }
}

#define FORGED "x\nEVENT schema=hpcnode.v1 type=emergency.end"

static void a_callers_text_breaks_no_sentence(void **state)
{
        char wide[512] = "a";
        const char *const texts[] = { FORGED, wide };

        /* Characters of two bytes, of which a cut at an even place leaves a half. */
        while (strlen(wide) + 3 < sizeof wide)
                strcat(wide, "é");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                static const char *const keys[] = { "WorkingDirectory", "Log" };
                sd_bus_message *m;

                for (size_t k = 0; k < ELEMENTSOF(keys); k++) {
                        m = new_message();
                        assert_return_code(sd_bus_message_append(m, "asa{sv}", 1, "true", 1,
                                                                 keys[k], "s", texts[i]),
                                           0);
                        assert_options_refused(m, keys[k]);
                }
                m = new_message();
                assert_return_code(sd_bus_message_append(m, "asa{sv}", 1, "true", 1, "Environment",
                                                         "as", 1, texts[i]),
                                   0);
                assert_options_refused(m, "Environment");
                m = new_message();
                assert_return_code(
                        sd_bus_message_append(m, "asa{sv}", 1, "true", 1, texts[i], "s", ""), 0);
                assert_options_refused(m, "unknown option");
        }
}

static void a_secret_is_not_repeated(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = new_message();
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Spec *spec = NULL;

        assert_return_code(sd_bus_message_append(m, "asa{sv}", 1, "true", 1, "Environment", "as", 1,
                                                 "A-B=secret"),
                           0);
        seal(m);
        assert_true(spec_read(m, true, &spec, &error) < 0);
        assert_non_null(strstr(error.message, "\"A-B\""));
        assert_null(strstr(error.message, "secret"));
}

static void there_is_a_largest_number_of_services(void **state)
{
        static const unsigned numbers[] = { 100, 101, 300000 };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                sd_bus_message *m = new_message();

                assert_return_code(sd_bus_message_append(m, "as", 1, "true"), 0);
                assert_return_code(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
                assert_return_code(sd_bus_message_open_container(m, 'e', "sv"), 0);
                assert_return_code(sd_bus_message_append(m, "s", "Services"), 0);
                assert_return_code(sd_bus_message_open_container(m, 'v', "aas"), 0);
                assert_return_code(sd_bus_message_open_container(m, 'a', "as"), 0);
                for (unsigned n = 0; n < numbers[i]; n++)
                        assert_return_code(sd_bus_message_append(m, "as", 1, "a"), 0);
                for (unsigned n = 0; n < 4; n++)
                        assert_return_code(sd_bus_message_close_container(m), 0);
                if (numbers[i] == 100) {
                        _cleanup_(sd_bus_message_unrefp) sd_bus_message *good = m;
                        _cleanup_(spec_freep) Spec *spec = NULL;

                        seal(good);
                        assert_return_code(spec_read(good, true, &spec, NULL), 0);
                } else {
                        assert_options_refused(m, "Services: at most 100 are allowed");
                }
        }
}

/* As many as a call can have: by the processor's time, which does not depend on what else runs. */
static void many_texts_are_soon_read(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = new_message();
        _cleanup_(spec_freep) Spec *spec = NULL;
        clock_t begun;

        assert_return_code(sd_bus_message_open_container(m, 'a', "s"), 0);
        for (unsigned n = 0; n < 400000; n++)
                assert_return_code(sd_bus_message_append(m, "s", "a"), 0);
        assert_return_code(sd_bus_message_close_container(m), 0);
        assert_return_code(sd_bus_message_append(m, "a{sv}", 0), 0);
        seal(m);
        begun = clock();
        assert_return_code(spec_read(m, true, &spec, NULL), 0);
        assert_true(clock() - begun < 5 * CLOCKS_PER_SEC);
        assert_string_equal(spec->argv[399999], "a");
        assert_null(spec->argv[400000]);
}

static void what_cannot_be_executed_is_told_in_one_line(void **state)
{
        static const SpawnStep steps[] = { SPAWN_STEP_EXEC, SPAWN_STEP_CWD, SPAWN_STEP_LOG };
        char *argv[] = { (char *) "/" FORGED, NULL };
        const Spec spec = { .argv = argv, .cwd = argv[0], .log = argv[0] };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                SupervisorAnswer answer = { .r = -EREMOTEIO, .error = ENOENT, .step = steps[i] };

                assert_true(spec_start_error(&spec, "x/main", &answer, &error) < 0);
                assert_null(strchr(error.message, '\n'));
                assert_non_null(strstr(error.message, "\\x0aEVENT"));
        }
}

static void an_unknown_limit_breaks_no_sentence(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = new_message();
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Limits l = {};

        assert_return_code(sd_bus_message_append(m, "a{sv}", 1, FORGED, "t", UINT64_C(1)), 0);
        seal(m);
        assert_true(limits_read(m, &l, NULL, NULL, NULL, &error) < 0);
        assert_sentence(&error);
}

static void an_outcome_has_numbers_of_the_kernel(void **state)
{
        static const char *const bad[] = { "pid=77\nexit_usec=2\nexit=4294967295\n",
                                           "pid=77\nexit_usec=2\nsignal=4294967287\n",
                                           "pid=4294967373\nexit_usec=2\nexit=0\n" };
        _cleanup_(scratch_done) Scratch run = scratch_new("run");
        Manager m = { .runtime_fd = run.fd, .runtime_path = run.path, .cgroup_fd = -EBADF };
        _cleanup_(freep) char *file = NULL;
        Scope *s;

        assert_int_equal(scope_new(&m, "workload.slice", "x", "workload-x.scope", &s), 0);
        assert_return_code(asprintf(&file, "%s.outcome", s->id), errno);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                scratch_write(&run, file, bad[i]);
                assert_int_equal(scope_load_outcome(s), -EBADMSG);
                assert_false(s->main_ended);
        }
        scratch_write(&run, file, "pid=77\nexit_usec=1795329813126000\nexit=7\n");
        assert_int_equal(scope_load_outcome(s), 0);
        assert_true(s->main_ended);
        assert_int_equal(s->exit_status, 7);
        scope_free(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_option_is_given_once),
                cmocka_unit_test(a_callers_text_breaks_no_sentence),
                cmocka_unit_test(a_secret_is_not_repeated),
                cmocka_unit_test(there_is_a_largest_number_of_services),
                cmocka_unit_test(many_texts_are_soon_read),
                cmocka_unit_test(what_cannot_be_executed_is_told_in_one_line),
                cmocka_unit_test(an_unknown_limit_breaks_no_sentence),
                cmocka_unit_test(an_outcome_has_numbers_of_the_kernel),
        };

        return cmocka_run_group_tests(tests, open_bus, close_bus);
}
