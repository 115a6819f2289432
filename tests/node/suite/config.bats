#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The configuration, read at the start and by `systemctl reload`: cgroupd.conf(5).

# bats file_tags=native

load lib

conf=/etc/hpcnode/cgroupd.conf.d/zz-config.conf

setup() {
    cd /
    mkdir -p ${conf%/*}
}

teardown() {
    rm -rf $conf
    systemctl reload hpcnode-cgroupd
    hpcnode-ctl emergency end 2>/dev/null || :
    remove_all
}

# configure LINE...: the drop-in has these lines, and is read.
configure() {
    printf '%s\n' "$@" >$conf
    systemctl reload hpcnode-cgroupd
}

status() {
    systemctl show -P StatusText hpcnode-cgroupd
}

n_records() {
    hpcnode-ctl list --no-tasks --no-legend | grep -c '' || :
}

# What of two jobs and an emergency does not change by itself.
what_stays() {
    {
        hpcnode-ctl inspect lives
        hpcnode-ctl inspect frozen
        hpcnode-ctl emergency status
    } | grep -v '^cpu_\|^memory_\|^io_\|pressure\|^remaining_sec'
}

@test "a reload takes effect at once, and is logged" {
    local cursor
    for i in 1 2 3; do
        hpcnode-ctl run --id ended-$i --wait -- true
    done
    [ "$(n_records)" -eq 3 ]
    cursor=$(log_cursor)
    configure '[Scopes]' RecordsMax=1
    [ "$(n_records)" -eq 1 ]
    hpcnode-ctl inspect ended-3 >/dev/null
    await_log "the configuration was reloaded" "$cursor"
}

@test "a wrong value keeps the configuration, and says where, until it is right" {
    local cursor first="$conf:5: RecordsMax=1000001 is not a number from 0 to 1000000"
    configure '[Scopes]' RecordsMax=2
    daemon_pid
    cursor=$(log_cursor)
    configure '[Limits]' ScopesMax=0 '' '[Scopes]' RecordsMax=1000001 '[Pressure]' WindowSec=0.4
    await_log "$first" "$cursor"
    await_log "$conf:7: WindowSec=0.4 is not a time from 500 ms to 10 s" "$cursor"
    await_log "the configuration stays as it was" "$cursor"
    [[ $(status) == "Configuration not reloaded: $first. Serving "* ]]
    # Neither what is wrong, nor the default instead, nor what is right in the same file.
    for i in 1 2 3; do
        as lattice hpcnode-ctl run --id ended-$i --wait -- true
    done
    [ "$(n_records)" -eq 2 ]
    hpcnode-ctl emergency declare --reason "is told beside it"
    [[ $(status) == "Configuration not reloaded: $first. Emergency until "* ]]
    hpcnode-ctl emergency end
    configure '[Scopes]' RecordsMax=1
    [[ $(status) == "Serving 1 "* ]]
    [ "$(systemctl show -P MainPID hpcnode-cgroupd)" -eq "$DAEMON" ]
}

@test "a file that cannot be read keeps the configuration" {
    configure '[Scopes]' RecordsMax=2
    rm $conf
    mkdir $conf
    systemctl reload hpcnode-cgroupd
    [[ $(status) == "Configuration not reloaded: $conf: Is a directory. "* ]]
    for i in 1 2 3; do
        hpcnode-ctl run --id ended-$i --wait -- true
    done
    [ "$(n_records)" -eq 2 ]
}

@test "systemctl reload returns when the configuration was read" {
    for i in {1..20}; do
        configure '[Scopes]' "RecordsMax=no-$i"
        rm $conf
        [[ $(status) == *"RecordsMax=no-$i "* ]]
    done
    # Nor before, when the daemon is slow.
    daemon_pid
    kill -STOP "$DAEMON"
    run -124 timeout 1 systemctl reload hpcnode-cgroupd
    kill -CONT "$DAEMON"
    systemctl reload hpcnode-cgroupd
    [[ $(status) == "Serving "* ]]
}

@test "the daemon does not start with a wrong configuration, and says why" {
    local cursor
    printf '[Pressure]\nFreezeMemorySome=0\n' >$conf
    cursor=$(log_cursor)
    systemctl stop hpcnode-cgroupd
    run ! systemctl start hpcnode-cgroupd
    await_log "$conf:2: FreezeMemorySome=0 is neither a percentage from 0.01 to 100 with at most two decimals nor \"off\"" "$cursor"
    rm $conf
    systemctl reset-failed hpcnode-cgroupd
    systemctl start hpcnode-cgroupd
}

@test "jobs, who waits for them, freezes and an emergency are the same after a reload" {
    local waiter
    mkfifo "$BATS_TEST_TMPDIR/go"
    hpcnode-ctl run --id lives -- sh -c "read -r code <$BATS_TEST_TMPDIR/go; exit \$code"
    hpcnode-ctl run --id frozen -- sleep infinity
    hpcnode-ctl freeze frozen
    hpcnode-ctl emergency declare --reason "goes on"
    hpcnode-ctl wait lives >"$BATS_TEST_TMPDIR/wait" 3>&- &
    waiter=$!
    what_stays >"$BATS_TEST_TMPDIR/before"
    configure '[Scopes]' StopTimeoutSec=20 RecordsMax=5 UnknownScopes=terminate
    configure '[Scopes]' nonsense
    what_stays | diff "$BATS_TEST_TMPDIR/before" -
    echo 7 >"$BATS_TEST_TMPDIR/go"
    wait $waiter || [ $? -eq 7 ]
    grep -qx 'exit: 7' "$BATS_TEST_TMPDIR/wait"
}

# PID 1 goes by the unit, so its supervisor has to as well, also one that comes later.
@test "a scope keeps the stop timeout that its unit was made with, a later one has the new" {
    hpcnode-ctl run --id early -- sh -c "trap 'sleep 2; touch $BATS_TEST_TMPDIR/ended; exit' TERM; while :; do sleep 0.1; done"
    configure '[Scopes]' StopTimeoutSec=1
    hpcnode-ctl run --id late -- sleep infinity
    [ "$(systemctl show -P TimeoutStopUSec workload-early.scope)" = "1min 30s" ]
    [ "$(systemctl show -P TimeoutStopUSec workload-late.scope)" = 1s ]
    replace_supervisor early
    systemctl stop workload-early.scope
    [ -e "$BATS_TEST_TMPDIR/ended" ]
}

# The cpu is short everywhere when each has two that want it.
@test "pressure is watched from a reload on, and what it has done is undone at once by another" {
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Pressure)" != 's "unavailable"' ] ||
        skip "this $NODE_KIND node has no PSI"
    # shellcheck disable=SC2016 # for the job
    hpcnode-ctl run --id busy --priority 10 -- sh -c 'for i in $(seq $(($(nproc) * 2))); do while :; do :; done & done; wait'
    printf '%s\n' '[Pressure]' DemoteCPUSome=off FreezeCPUSome=0.01 GraceSec=0 >$conf
    bus-wait PressureAction:freeze -- systemctl reload hpcnode-cgroupd
    await file "$(dir busy)/payload/cgroup.events" "frozen 1"
    run -0 hpcnode-ctl inspect busy
    has "frozen_by: pressure"
    printf '%s\n' '[Pressure]' Enabled=no >$conf
    bus-wait PressureAction:thaw -- systemctl reload hpcnode-cgroupd
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Pressure)" = 's "disabled"' ]
    await file "$(dir busy)/payload/cgroup.events" "frozen 0"
}

@test "reloads amid creations change none of them" {
    local i pids=()
    remember
    for i in {1..24}; do
        hpcnode-ctl create "amid-$i" 3>&- &
        pids+=($!)
    done
    for i in {1..6}; do
        configure '[Scopes]' "UnitTimeoutSec=1$i" "RecordsMax=$i"
        configure '[Scopes]' UnitTimeoutSec=never
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    [ "$(n_records)" -eq 24 ]
    remove_all
    nothing_left
}
