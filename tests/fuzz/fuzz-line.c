/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of callers that are to stay one line. */
#include "fuzz.h"

#include "basic/line.h"

#include <iconv.h>

/* As the C library sees it. */
static bool is_utf8(const char *text)
{
        iconv_t cd = iconv_open("UCS-4LE", "UTF-8");
        char *in = (char *) text, out[4 * LINE_BYTES_MAX], *to = out;
        size_t n = strlen(text), left = sizeof out;
        bool valid;

        check(cd != (iconv_t) -1);
        valid = iconv(cd, &in, &n, &to, &left) != (size_t) -1;
        (void) iconv_close(cd);
        return valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(freep) char *text = fuzz_text(data, size), *reason = NULL;
        int r = line_check(text, &reason);

        fuzz_check_refusal(r, reason);
        if (r < 0)
                return 0;
        check(*text && strlen(text) <= LINE_BYTES_MAX && is_utf8(text));
        for (const char *p = text; *p; p++)
                check((unsigned char) *p >= ' ' && *p != 0x7f);
        return 0;
}
