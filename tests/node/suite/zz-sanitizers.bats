#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs last: what the sanitizers of a build that has them have said meanwhile.

load lib

@test "no sanitizer has complained" {
    ldd /usr/libexec/hpcnode-cgroupd | grep -q libasan || skip "built without sanitizers"
    journalctl --sync
    run -1 grep -E 'Sanitizer|runtime error:' <(journalctl -b --no-pager -o cat)
}
