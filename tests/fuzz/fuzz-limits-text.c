/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits as text: "Property=value" a line, as state files and the command line have them. */
#include "fuzz.h"

static void parse_line(Limits *l, char *line)
{
        _cleanup_(freep) char *reason = NULL, *text = NULL, *before = NULL;
        char *value = strchr(line, '=');
        LimitType t;
        int r;

        if (!value)
                return;
        *value++ = '\0';
        t = limit_from_property(line);
        if (t < 0)
                return;
        (void) limits_format(l, t, 0, &before);
        r = limits_parse(l, t, value, &reason);
        fuzz_check_refusal(r, reason);
        (void) limits_format(l, t, 0, &text);
        check(r == 0 ? text != NULL : streq_ptr(before, text));
}

static void read_back(const Limits *l, Limits *again)
{
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                for (size_t i = 0;; i++) {
                        _cleanup_(freep) char *text = NULL;

                        if (limits_format(l, t, i, &text) == 0)
                                break;
                        check(text && !strchr(text, '\n'));
                        check(limits_parse(again, t, text, NULL) == 0);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(limits_done) Limits l = {}, again = {}, merged = {};
        _cleanup_(freep) char *text = fuzz_text(data, size), *reason = NULL;
        char *rest = text, *line;

        while ((line = strsep(&rest, "\n")))
                parse_line(&l, line);
        read_back(&l, &again);
        fuzz_check_equal_limits(&l, &again);
        /* What takes a limit away is not there when it has been taken over. */
        check(limits_merge(&merged, &l) == 0);
        for (LimitType t = 0; t < _LIMIT_MAX; t++)
                if (limit_takes_away(&l, t))
                        l.values[t].is_set = false;
        fuzz_check_equal_limits(&l, &merged);
        check(limits_any(&l) == limits_any(&merged));
        fuzz_check_refusal(limits_check(&l, &reason), reason);
        return 0;
}
