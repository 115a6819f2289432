#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# How scopes and jobs end: out of memory, main process gone, empty, destroyed.

load lib

@test "a job over its memory limit is killed, announced by ScopeOOM, and its figures stay" {
    needs_controllers
    run -0 bus-wait ScopeOOM:hungry ScopeReleased:hungry -- \
        hpcnode-ctl run --id hungry --memory-max 32M -- dd if=/dev/zero of=/dev/null bs=64M count=1
    [[ $output == *ScopeOOM*" hungry 1"* ]]
    [[ $output == *ScopeReleased*" hungry killed -1 9 1"* ]]
    [ ! -e "$(dir hungry)" ]
    run -0 hpcnode-ctl inspect hungry
    has "state: killed" "signal: 9" "oom_killed: 1" "oom_kill_count: 1" "memory_max: 33554432"
    [ "$(field memory_peak "$output")" -ge 33000000 ]
    [ "$(field memory_peak "$output")" -le 34000000 ]
}

state_files() {
    find "$STATE_DIR" -mindepth 1 -printf '%f\n' | sort
}

# bats test_tags=trixie
@test "of an ended job its record is all that is left on disk, and of a removed one nothing" {
    state_files >"$BATS_TEST_TMPDIR/before"
    hpcnode-ctl run --id past --wait -- true
    # Stopped by systemd, its supervisor leaves a file with the outcome as well.
    hpcnode-ctl run --id stopped -- sleep infinity
    systemctl stop workload-stopped.scope
    hpcnode-ctl wait stopped
    run -1 diff "$BATS_TEST_TMPDIR/before" <(state_files)
    [ "$(grep -c '^>' <<<"$output")" -eq 2 ]
    [ "$(grep -c '^> .*\.scope$' <<<"$output")" -eq 2 ]
    hpcnode-ctl remove past
    hpcnode-ctl remove stopped
    state_files | diff "$BATS_TEST_TMPDIR/before" -
}

# bats test_tags=trixie
@test "children that ignore signals are gone when main has ended" {
    remember
    run -0 hpcnode-ctl run --id dying --wait -- "$HELPERS/ignore-signals" --leave 2
    run -0 hpcnode-ctl inspect dying
    has "state: exited" "exit: 0" "pid_count: 0"
    mapfile -t children < <(job_log dying)
    [ ${#children[@]} -eq 2 ]
    [ ! -e "/proc/${children[0]}" ]
    [ ! -e "/proc/${children[1]}" ]
    hpcnode-ctl remove dying
    nothing_left
}

# bats test_tags=trixie
@test "an allocation is announced empty, and released, when its last task has ended" {
    hpcnode-ctl create alloc --release-on-empty
    for task in a b c; do
        hpcnode-ctl run --scope alloc --id $task -- sleep infinity
    done
    hpcnode-ctl kill alloc/a
    hpcnode-ctl kill alloc/b
    hpcnode-ctl wait alloc/b
    [ -d "$(dir alloc)" ]
    run -0 bus-wait ScopeEmpty:alloc ScopeReleased:alloc -- hpcnode-ctl kill alloc/c
    [[ $output == *ScopeEmpty*ScopeReleased* ]]
    [ ! -e "$(dir alloc)" ]
    run -0 hpcnode-ctl inspect alloc
    [ "$(field cpu_usage_usec "$output")" -gt 0 ]
}

# bats test_tags=trixie
@test "the exit status of the last task is known though its allocation has been released" {
    hpcnode-ctl create brief --release-on-empty
    bus-wait ScopeReleased:brief -- hpcnode-ctl run --scope brief --id last -- sh -c 'exit 3'
    run -0 hpcnode-ctl wait brief/last
    has "exit: 3"
    run -0 hpcnode-ctl inspect brief/last
    has "state: failed" "exit: 3"
    hpcnode-ctl remove brief
    for _ in {1..5}; do
        hpcnode-ctl create brief --release-on-empty
        run -4 hpcnode-ctl run --scope brief --wait -- sh -c 'exit 4'
        until hpcnode-ctl remove brief 2>/dev/null; do
            hpcnode-ctl wait brief
        done
    done
}

# bats test_tags=trixie
@test "a fork bomb of 500 processes that ignores all signals is destroyed whole" {
    needs_controllers
    remember
    create bomb TasksMax t 500
    hpcnode-ctl run --scope bomb --id bomb -- "$HELPERS/forkbomb" "$BATS_TEST_TMPDIR/full"
    await file "$BATS_TEST_TMPDIR/full" full
    run -0 hpcnode-ctl metrics bomb
    has "nr_processes: 500"
    hpcnode-ctl destroy bomb
    [ ! -e "$(dir bomb)" ]
    run -1 pgrep forkbomb
    hpcnode-ctl remove bomb
    nothing_left
}
