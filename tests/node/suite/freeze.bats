#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Freezing and thawing.

load lib

# bats test_tags=trixie
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

# bats test_tags=trixie
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

# bats test_tags=native
@test "a task that was frozen before it had started fails for that" {
    hpcnode-ctl create alloc
    # By hand, so that nobody else knows of it yet.
    echo 1 >"$(dir alloc)/payload/cgroup.freeze"
    hpcnode-ctl run --scope alloc --id late -- true >"$BATS_TEST_TMPDIR/late" 2>&1 3>&- &
    late=$!
    await file "$(dir alloc)/payload/cgroup.events" "populated 1"
    hpcnode-ctl freeze alloc
    run -1 hpcnode-ctl run --scope alloc --id later -- true
    [[ $output == *"alloc is frozen, a task could not start in it; thaw it first"* ]]
    status=0
    wait $late || status=$?
    [ $status -eq 1 ]
    run -0 cat "$BATS_TEST_TMPDIR/late"
    [[ $output == *"alloc is frozen, a task could not start in it; thaw it first"* ]]
    hpcnode-ctl thaw alloc
    run -0 hpcnode-ctl run --scope alloc --id again --wait -- true
}

# Only its owner, or time that nobody counts, undoes a freeze: here is what happens to a node in a minute of calm.
# bats test_tags=native
@test "what a client froze stays frozen, whatever else goes on" {
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id cold -- sleep infinity
    hpcnode-ctl freeze ice
    hpcnode-ctl freeze alloc/cold
    still_frozen() {
        [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 1"* ]]
        [[ $(content "$(dir alloc)/payload/cold/cgroup.events") == *"frozen 1"* ]]
        [ "$(property ice FrozenBy)" = 'as 1 "client"' ]
        run -0 hpcnode-ctl inspect alloc/cold
        has "state: frozen"
    }
    still_frozen
    systemctl reload hpcnode-cgroupd
    still_frozen
    systemctl daemon-reload
    still_frozen
    hpcnode-ctl run --id other --wait -- true
    hpcnode-ctl set ice --memory-max max || : # without a memory controller
    hpcnode-ctl kill --signal CONT --all alloc/cold
    hpcnode-ctl emergency declare --reason smoke --duration 1s
    hpcnode-ctl emergency end
    still_frozen
    crash
    hpcnode-ctl ping
    still_frozen
    systemctl daemon-reexec
    systemctl restart hpcnode-cgroupd
    still_frozen
    hpcnode-ctl thaw ice
    hpcnode-ctl thaw alloc/cold
    [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 0"* ]]
    [[ $(content "$(dir alloc)/payload/cold/cgroup.events") == *"frozen 0"* ]]
}

# bats test_tags=native
@test "what a client froze stays frozen through a minute of calm, and thaws then" {
    # Calm is the same with sanitizers, and their suite is long.
    needs_plain_build
    hpcnode-ctl run --id ice -- sleep infinity
    # shellcheck disable=SC2034 # for records
    SINCE=@$(date +%s.%6N)
    hpcnode-ctl freeze ice
    # Nothing wakes it in that time but the end of it.
    run -1 await --timeout 60 file "$(dir ice)/payload/cgroup.events" "frozen 0"
    [[ $output == *'does not come to hold "frozen 0"'* ]]
    [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 1"* ]]
    [ "$(property ice State)" = 's "frozen"' ]
    [ "$(property ice FrozenBy)" = 'as 1 "client"' ]
    [ "$(types ice)" = "job.freeze" ]
    hpcnode-ctl thaw ice
    [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 0"* ]]
    [ "$(property ice State)" = 's "running"' ]
    [ "$(types ice)" = "job.freeze job.thaw" ]
}
