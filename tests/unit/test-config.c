/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroupd.conf: what the daemon has after it was read. */
#include "daemon/config-table.h"

#include "scratch.h"
#include "test.h"

#include <stdio.h>

/* Sets a key of [Pressure] over the defaults; what is said against it goes to *ret_why. */
static int set(Config *c, const char *key, const char *text, char **ret_why)
{
        assert_int_equal(config_defaults(c), 0);
        *ret_why = NULL;
        return config_set(c, "Pressure", key, text, ret_why);
}

static void assert_set(Config *c, const char *key, const char *text)
{
        char *why;

        assert_int_equal(set(c, key, text, &why), 0);
        assert_null(why);
        config_done(c);
}

static void assert_refused(const char *key, const char *text, const char *expected)
{
        _cleanup_(freep) char *why = NULL, *whole = NULL;
        Config c, fresh;

        assert_int_equal(set(&c, key, text, &why), -EINVAL);
        assert_true(asprintf(&whole, "%s=%s is %s", key, text, expected) > 0);
        assert_string_equal(why, whole);
        assert_int_equal(config_defaults(&fresh), 0);
        assert_memory_equal(&c.pressure, &fresh.pressure, sizeof c.pressure);
        config_done(&c);
        config_done(&fresh);
}

static void test_defaults_of_the_thresholds(void **state _unused_)
{
        static const uint64_t
                expected[_PRESSURE_THRESHOLD_MAX][_PSI_RESOURCE_MAX][_PSI_KIND_MAX] = {
                        [PRESSURE_REJECT] = { [PSI_MEMORY] = { 8000, 1500 },
                                              [PSI_CPU] = { 9500, PRESSURE_OFF },
                                              [PSI_IO] = { PRESSURE_OFF, 8000 } },
                        [PRESSURE_DEMOTE] = { [PSI_MEMORY] = { PRESSURE_OFF, PRESSURE_OFF },
                                              [PSI_CPU] = { 5000, PRESSURE_OFF },
                                              [PSI_IO] = { PRESSURE_OFF, PRESSURE_OFF } },
                        [PRESSURE_FREEZE] = { [PSI_MEMORY] = { 2000, PRESSURE_OFF },
                                              [PSI_CPU] = { PRESSURE_OFF, PRESSURE_OFF },
                                              [PSI_IO] = { PRESSURE_OFF, 3000 } },
                        [PRESSURE_KILL] = { [PSI_MEMORY] = { PRESSURE_OFF, 6000 },
                                            [PSI_CPU] = { PRESSURE_OFF, PRESSURE_OFF },
                                            [PSI_IO] = { PRESSURE_OFF, PRESSURE_OFF } },
                };
        Config c;

        assert_int_equal(config_defaults(&c), 0);
        assert_memory_equal(c.pressure.thresholds, expected, sizeof expected);
        config_done(&c);
}

static void test_defaults_of_the_rest(void **state _unused_)
{
        Config c;

        assert_int_equal(config_defaults(&c), 0);
        assert_int_equal(c.pressure.enabled, 1);
        assert_int_equal(c.pressure.dry_run, 0);
        assert_int_equal(c.pressure.gentle_priority_max, 30);
        assert_int_equal(c.pressure.kill_priority_max, 100);
        assert_int_equal(c.pressure.demoted_cpu_weight, 10);
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++) {
                assert_int_equal(c.pressure.window_usec[r], USEC_PER_SEC);
                assert_int_equal(c.pressure.action_delay_usec[r], 2 * USEC_PER_SEC);
                assert_int_equal(c.pressure.grace_usec[r], 2 * USEC_PER_SEC);
                assert_int_equal(c.pressure.thaw_usec[r], 10 * USEC_PER_SEC);
        }
        config_done(&c);
}

static void test_share(void **state _unused_)
{
        uint64_t *threshold;
        Config c;

        threshold = &c.pressure.thresholds[PRESSURE_FREEZE][PSI_IO][PSI_FULL];
        assert_set(&c, "FreezeIOFull", "12");
        assert_int_equal(*threshold, 1200);
        assert_set(&c, "FreezeIOFull", "12.3");
        assert_int_equal(*threshold, 1230);
        assert_set(&c, "FreezeIOFull", "0.01%");
        assert_int_equal(*threshold, 1);
        assert_set(&c, "FreezeIOFull", "100");
        assert_int_equal(*threshold, PSI_WHOLE);
        assert_set(&c, "FreezeIOFull", "off");
        assert_true(*threshold == PRESSURE_OFF);
        assert_set(&c, "AdmitIOFull", "0");
        assert_int_equal(c.pressure.thresholds[PRESSURE_REJECT][PSI_IO][PSI_FULL], 0);
}

static void test_wrong_share(void **state _unused_)
{
        static const char *const wrong[] = {
                "",   "0",    "0.001", "100.01", "12.345", "12.", ".5",
                "-1", "12 %", "1e1",   "12%%",   "none",   "Off", "18446744073709551615",
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_refused("KillMemoryFull", wrong[i],
                               "neither a percentage from 0.01 to 100 with at most two decimals "
                               "nor \"off\"");
        assert_refused("AdmitMemoryFull", "100.01",
                       "neither a percentage from 0 to 100 with at most two decimals nor \"off\"");
}

static void test_time_with_decimals(void **state _unused_)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } right[] = {
                { "0.5", 500 * USEC_PER_MSEC },
                { "500ms", 500 * USEC_PER_MSEC },
                { "1.25 s", 1250 * USEC_PER_MSEC },
                { "0.05min", 3 * USEC_PER_SEC },
                { "999999us", 999999 },
                { "10", 10 * USEC_PER_SEC },
        };
        Config c;

        for (size_t i = 0; i < ELEMENTSOF(right); i++) {
                assert_set(&c, "WindowSec", right[i].text);
                assert_int_equal(c.pressure.window_usec[PSI_IO], right[i].usec);
        }
}

static void test_wrong_time(void **state _unused_)
{
        static const char *const wrong[] = {
                "",
                "0.49",
                "10.1",
                "11s",
                "1.",
                "1..5",
                "1.5.2",
                ".5",
                "1.0000001",
                "1000000.5us",
                "1 h",
                "1y",
                "-1",
                "18446744073709551616",
                "99999999999999999999999999",
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_refused("WindowSec", wrong[i], "not a time from 500 ms to 10 s");
        assert_refused("ThawSec", "0", "not a time from 100 ms to 3600 s");
        assert_refused("GraceSec", "2h", "not a time from 0 s to 3600 s");
}

static void test_time_of_all_and_of_one_resource(void **state _unused_)
{
        Config c;
        char *why;

        assert_int_equal(set(&c, "GraceSec", "5", &why), 0);
        for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                assert_int_equal(c.pressure.grace_usec[r], 5 * USEC_PER_SEC);
        assert_int_equal(config_set(&c, "Pressure", "CPUGraceSec", "7", &why), 0);
        assert_int_equal(c.pressure.grace_usec[PSI_MEMORY], 5 * USEC_PER_SEC);
        assert_int_equal(c.pressure.grace_usec[PSI_CPU], 7 * USEC_PER_SEC);
        assert_int_equal(c.pressure.grace_usec[PSI_IO], 5 * USEC_PER_SEC);
        assert_int_equal(c.pressure.thaw_usec[PSI_MEMORY], 10 * USEC_PER_SEC);
        assert_int_equal(c.pressure.window_usec[PSI_CPU], USEC_PER_SEC);
        config_done(&c);
}

/* Each key sets what its name says. */
static void test_keys_of_thresholds(void **state _unused_)
{
        static const char *const acts[] = { "Admit", "Demote", "Freeze", "Kill" };
        static const char *const resources[] = { "Memory", "CPU", "IO" };
        static const char *const kinds[] = { "Some", "Full" };
        char key[32], *why = NULL;

        for (PressureAct a = 0; a < _PRESSURE_THRESHOLD_MAX; a++)
                for (PsiResource r = 0; r < _PSI_RESOURCE_MAX; r++)
                        for (PsiKind k = 0; k < _PSI_KIND_MAX; k++) {
                                bool known = a != PRESSURE_DEMOTE || r == PSI_CPU;
                                const uint64_t *threshold;
                                const char *found;
                                Config c;

                                (void) snprintf(key, sizeof key, "%s%s%s", acts[a], resources[r],
                                                kinds[k]);
                                assert_int_equal(set(&c, key, "42.42", &why), known ? 0 : -ENOENT);
                                threshold = &c.pressure.thresholds[a][r][k];
                                found = config_key(
                                        (size_t) ((const char *) threshold - (const char *) &c));
                                if (known) {
                                        assert_int_equal(*threshold, 4242);
                                        assert_string_equal(found, key);
                                } else {
                                        assert_null(found);
                                }
                                config_done(&c);
                        }
}

/* A key of all resources is none of one. */
static void test_keys_of_times(void **state _unused_)
{
        assert_string_equal(config_key(offsetof(Config, pressure.window_usec)), "MemoryWindowSec");
        assert_string_equal(config_key(offsetof(Config, scopes_max)), "ScopesMax");
}

static void test_switches(void **state _unused_)
{
        Config c;

        assert_set(&c, "Enabled", "no");
        assert_int_equal(c.pressure.enabled, 0);
        assert_set(&c, "DryRun", "true");
        assert_int_equal(c.pressure.dry_run, 1);
        assert_refused("DryRun", "2", "neither \"yes\" nor \"no\"");
        assert_refused("Enabled", "", "neither \"yes\" nor \"no\"");
        assert_refused("GentlePriorityMax", "101", "not a number from 0 to 100");
        assert_refused("KillPriorityMax", "1.5", "not a number from 0 to 100");
        assert_refused("DemotedCPUWeight", "0", "not a number from 1 to 10000");
}

/* A list is replaced as a whole, or not at all. */
static void test_wrong_list(void **state _unused_)
{
        _cleanup_(freep) char *why = NULL;
        Config c;

        assert_int_equal(config_defaults(&c), 0);
        assert_int_equal(config_set(&c, "Ownership", "PactUnits", "a.service b", &why), -EINVAL);
        assert_string_equal(why, "\"b\" in PactUnits= is not a service or scope unit");
        assert_int_equal(c.pact_units.n, 1);
        assert_string_equal(c.pact_units.items[0], "pact-agent.service");
        config_done(&c);
}

/* The file that is shipped, with the comments taken away from what stands in it. */
static void test_shipped_file_shows_the_defaults(void **state _unused_)
{
        FILE *file = fopen(SOURCE_ROOT "/units/cgroupd.conf", "re");
        char section[32] = "", key[64], text[128], *why = NULL;
        size_t n = 0;
        Config c, fresh;

        assert_non_null(file);
        assert_int_equal(config_defaults(&c), 0);
        assert_int_equal(config_defaults(&fresh), 0);
        /* Other values than the defaults, so that a key that does not set its own is seen. */
        memset(&c.pressure, 0xff, sizeof c.pressure);
        for (char line[256]; fgets(line, sizeof line, file);) {
                (void) sscanf(line, "[%31[^]]]", section);
                if (sscanf(line, "#%63[A-Za-z]=%127[^\n]", key, text) != 2)
                        continue;
                assert_int_equal(config_set(&c, section, key, text, &why), 0);
                n++;
        }
        (void) fclose(file);
        assert_int_equal(n, 12 + 29);
        for (PsiResource r = PSI_MEMORY; r < _PSI_RESOURCE_MAX; r++) /* has no key but for cpu */
                if (r != PSI_CPU)
                        memset(c.pressure.thresholds[PRESSURE_DEMOTE][r], 0xff,
                               sizeof c.pressure.thresholds[PRESSURE_DEMOTE][r]);
        assert_memory_equal(&c.pressure, &fresh.pressure, sizeof c.pressure);
        assert_memory_equal(&c.unit_timeout_usec, &fresh.unit_timeout_usec,
                            offsetof(Config, pressure) - offsetof(Config, unit_timeout_usec));
        config_done(&c);
        config_done(&fresh);
}

/* Reads what is below the directory; what is wrong goes to *ret_why. */
static int load(const Scratch *s, Config *c, char **ret_why)
{
        *ret_why = NULL;
        assert_int_equal(setenv("XDG_CONFIG_HOME", s->path, 1), 0);
        return config_load(c, true, ret_why);
}

/* Nothing of what is below the directory is taken, for this reason, which follows its path. */
static void assert_not_loaded(const Scratch *s, int error, const char *reason)
{
        _cleanup_(freep) char *why = NULL, *whole = NULL;
        Config c;

        assert_int_equal(config_defaults(&c), 0);
        c.records_max = 17;
        assert_int_equal(load(s, &c, &why), error);
        assert_true(asprintf(&whole, "%s/hpcnode/%s", s->path, reason) > 0);
        assert_string_equal(why, whole);
        assert_int_equal(c.records_max, 17);
        config_done(&c);
}

/* Later files and lines replace earlier ones. */
static void test_files(void **state _unused_)
{
        Scratch s = scratch_new("config");
        Config c;
        char *why;

        assert_int_equal(config_defaults(&c), 0);
        c.records_max = 17; /* which is what it was before, not the default */
        scratch_write(&s, "hpcnode/cgroupd.conf", "[Pressure]\nThawSec=3\nMemoryThawSec=4\n");
        scratch_write(&s, "hpcnode/cgroupd.conf.d/60.conf", "[Pressure]\nCPUThawSec=5\n");
        scratch_write(&s, "hpcnode/cgroupd.conf.d/50.conf", "[Pressure]\nCPUThawSec=6\n");
        scratch_write(&s, "hpcnode/cgroupd.conf.d/70.conf~", "[Pressure]\nCPUThawSec=7\n");
        assert_int_equal(load(&s, &c, &why), 0);
        assert_null(why);
        assert_int_equal(c.pressure.thaw_usec[PSI_MEMORY], 4 * USEC_PER_SEC);
        assert_int_equal(c.pressure.thaw_usec[PSI_CPU], 5 * USEC_PER_SEC);
        assert_int_equal(c.pressure.thaw_usec[PSI_IO], 3 * USEC_PER_SEC);
        assert_int_equal(c.records_max, 10000);
        config_done(&c);
        scratch_done(&s);
}

static void test_first_wrong_value_is_named(void **state _unused_)
{
        Scratch s = scratch_new("config");

        scratch_write(&s, "hpcnode/cgroupd.conf", "[Scopes]\nRecordsMax=7\n");
        scratch_write(&s, "hpcnode/cgroupd.conf.d/50.conf",
                      "[Scopes]\n# so\n\nRecordsMax=-1\nRecordsMaxAge=never\n");
        scratch_write(&s, "hpcnode/cgroupd.conf.d/60.conf", "[Limits]\nTasksMax=many\n");
        assert_not_loaded(&s, -EINVAL,
                          "cgroupd.conf.d/50.conf:4: RecordsMax=-1 is not a number from 0 to "
                          "1000000");
        scratch_done(&s);
}

static void test_line_without_value(void **state _unused_)
{
        Scratch s = scratch_new("config");

        scratch_write(&s, "hpcnode/cgroupd.conf", "[Scopes]\nRecordsMax\n");
        assert_not_loaded(&s, -EINVAL, "cgroupd.conf:2: not a line of the form KEY=VALUE");
        scratch_done(&s);
}

/* inih would take its end for a line of its own: here, one that allows 5 records. */
static void test_line_that_is_too_long(void **state _unused_)
{
        Scratch s = scratch_new("config");
        char text[512], *end = text;

        end = stpcpy(end, "[Ownership]\nPactUsers=");
        while (end < text + 12 + 199)
                *end++ = 'x';
        (void) stpcpy(end, "RecordsMax=5\n[Scopes]\n");
        scratch_write(&s, "hpcnode/cgroupd.conf", text);
        assert_not_loaded(&s, -EINVAL, "cgroupd.conf:2: longer than 198 bytes");
        scratch_done(&s);
}

static void test_longest_line(void **state _unused_)
{
        Scratch s = scratch_new("config");
        char text[512], *end = text, *why;
        Config c;

        end = stpcpy(end, "[Scopes]\nRecordsMax=5 ;");
        while (end < text + 9 + 198)
                *end++ = 'x';
        (void) stpcpy(end, "\nRecordsMaxAge=6\n");
        assert_int_equal(config_defaults(&c), 0);
        scratch_write(&s, "hpcnode/cgroupd.conf", text);
        assert_int_equal(load(&s, &c, &why), 0);
        assert_int_equal(c.records_max, 5);
        assert_int_equal(c.records_max_age_usec, 6 * USEC_PER_SEC);
        config_done(&c);
        scratch_done(&s);
}

/* It is not taken for an empty one. */
static void test_file_that_cannot_be_read(void **state _unused_)
{
        Scratch s = scratch_new("config");

        scratch_mkdir(&s, "hpcnode/cgroupd.conf.d/50.conf");
        assert_not_loaded(&s, -EISDIR, "cgroupd.conf.d/50.conf: Is a directory");
        scratch_done(&s);
        s = scratch_new("config");
        scratch_write(&s, "hpcnode/cgroupd.conf.d", "");
        assert_not_loaded(&s, -ENOTDIR, "cgroupd.conf.d: Not a directory");
        scratch_done(&s);
}

/* What stands in the file goes to the journal and to `systemctl status`. */
static void test_sentence_is_printable(void **state _unused_)
{
        Scratch s = scratch_new("config");

        scratch_write(&s, "hpcnode/cgroupd.conf", "[Scopes]\nRecordsMax=\x1b[2J\xff\n");
        assert_not_loaded(&s, -EINVAL,
                          "cgroupd.conf:2: RecordsMax=\\x1b[2J\\xff is not a number from 0 to "
                          "1000000");
        scratch_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults_of_the_thresholds),
                cmocka_unit_test(test_defaults_of_the_rest),
                cmocka_unit_test(test_share),
                cmocka_unit_test(test_wrong_share),
                cmocka_unit_test(test_time_with_decimals),
                cmocka_unit_test(test_wrong_time),
                cmocka_unit_test(test_time_of_all_and_of_one_resource),
                cmocka_unit_test(test_keys_of_thresholds),
                cmocka_unit_test(test_keys_of_times),
                cmocka_unit_test(test_switches),
                cmocka_unit_test(test_wrong_list),
                cmocka_unit_test(test_shipped_file_shows_the_defaults),
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_first_wrong_value_is_named),
                cmocka_unit_test(test_line_without_value),
                cmocka_unit_test(test_line_that_is_too_long),
                cmocka_unit_test(test_longest_line),
                cmocka_unit_test(test_file_that_cannot_be_read),
                cmocka_unit_test(test_sentence_is_printable),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
