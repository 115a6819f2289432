/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller wants to run, and with which options: the program in the first line, options in the others. */
#include "fuzz.h"

#include "daemon/spec.h"

static bool append_argv(sd_bus_message *m, char *line)
{
        char *word;
        int r = sd_bus_message_open_container(m, 'a', "s");

        while (r >= 0 && (word = strsep(&line, ",")))
                r = sd_bus_message_append(m, "s", word);
        return r >= 0 && sd_bus_message_close_container(m) >= 0;
}

static void check_spec(const Spec *s)
{
        _cleanup_(closep) int fd = -EBADF;
        char which[32];
        int fds[3];

        check(s->argv && *s->argv[0]);
        check(!s->cwd || *s->cwd == '/');
        check(s->nice >= -20 && s->nice <= 19 && s->priority <= 100);
        check(spec_stdio(s, which, fds) <= ELEMENTSOF(fds));
        check(spec_to_memfd(s, 10, &fd) == 0);
}

static void read_options_as(const char *text, bool is_run)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = fuzz_message();
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *copy = strdup(text);
        _cleanup_(spec_freep) Spec *s = NULL;
        char *rest = copy, *line = strsep(&rest, "\n");
        int r;

        if (!append_argv(m, line) || !fuzz_append_dict(m, rest))
                return;
        fuzz_seal(m);
        r = spec_read(m, is_run, &s, &error);
        if (r < 0) {
                check(!s);
                check(sd_bus_error_has_name(&error, HPCNODE_ERROR_INVALID_ARGS));
                fuzz_check_sentence(error.message);
        } else {
                check(sd_bus_message_at_end(m, true) > 0);
                check_spec(s);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size);

        read_options_as(text, true);
        read_options_as(text, false);
        return 0;
}
