#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Freezing and thawing.

load lib

@test "freeze answers when the kernel says frozen, and thaw when it does not" {
    hpcnode-ctl run --id ice -- sleep infinity
    call FreezeScope s ice
    [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 1"* ]]
    [ "$(property ice State)" = 's "frozen"' ]
    [ "$(property ice FrozenBy)" = 'as 1 "client"' ]
    call ThawScope s ice
    [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 0"* ]]
    [ "$(property ice State)" = 's "running"' ]
}
