/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor says to the daemon. */
#include "fuzz.h"

#include "daemon/supervisor-message.h"

static void check_text(const char *text, const char *data, size_t size)
{
        check(!text || (text > data && text + strlen(text) < data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *copy = fuzz_copy(data, size);
        SupervisorMessage m, before;
        int r;

        memset(&m, 0x5a, sizeof m);
        before = m;
        r = supervisor_message_read(copy, size, &m);
        check(r <= 0);
        if (r < 0) {
                check(memcmp(&m, &before, sizeof m) == 0);
                return 0;
        }
        check(m.type);
        check_text(m.type, copy, size);
        check_text(m.state, copy, size);
        check_text(m.report.task, copy, size);
        check_text(m.answer.reason, copy, size);
        check(m.report.pid >= 0 && m.report.exit >= -1 && m.report.signal >= 0);
        check(m.answer.error >= 0 && m.answer.step < _SPAWN_STEP_MAX);
        return 0;
}
