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

@test "one task is frozen alone, is told so, and its scope goes on" {
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id cold -- sleep infinity
    hpcnode-ctl run --scope alloc --id warm -- sleep infinity
    hpcnode-ctl freeze alloc/cold
    run -0 hpcnode-ctl inspect alloc/cold
    has "state: frozen"
    run -0 hpcnode-ctl inspect alloc/warm
    has "state: running"
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect alloc/cold
    has "state: frozen"
    hpcnode-ctl thaw alloc/cold
    run -0 hpcnode-ctl inspect alloc/cold
    has "state: running"
}
