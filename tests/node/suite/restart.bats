#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Nothing is lost when the daemon is stopped, killed or restarted.

load lib

teardown() {
    systemctl start hpcnode-cgroupd
    remove_all
}

# bats test_tags=bookworm
@test "jobs, scopes and their figures are the same after a restart" {
    hpcnode-ctl run --id job --priority 7 -- sleep infinity
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id task -- sleep infinity
    run -3 hpcnode-ctl run --id ended --wait -- sh -c 'exit 3'
    all() {
        hpcnode-ctl list
        for scope in job alloc alloc/task ended; do
            hpcnode-ctl inspect $scope | grep -vE '^(memory|cpu|io_(read|write))_'
        done
        systemctl show -p Id -p InvocationID workload-job.scope workload-alloc.scope
    }
    all >"$BATS_TEST_TMPDIR/before"
    systemctl restart hpcnode-cgroupd
    all | diff "$BATS_TEST_TMPDIR/before" -
    crash
    all | diff "$BATS_TEST_TMPDIR/before" -
    # And they can be used as before.
    hpcnode-ctl run --scope alloc --id next --wait -- true
    hpcnode-ctl kill job --signal TERM
    run -0 hpcnode-ctl wait job
    has "signal: 15"
}

# bats test_tags=native
@test "an upgrade to a daemon with a newer protocol serves what the older one has started, and back" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go
    hpcnode-ctl run --id job --priority 7 -- sleep infinity
    hpcnode-ctl run --id frosty -- sleep infinity
    hpcnode-ctl freeze frosty
    hpcnode-ctl run --id meanwhile -- sh -c 'read x <go; exit 5'
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id task -- sleep infinity
    run -3 hpcnode-ctl run --id ended --wait -- sh -c 'exit 3'
    all() {
        hpcnode-ctl list --no-tasks --no-legend | tr -s ' '
        for scope in job frosty alloc alloc/task ended; do
            hpcnode-ctl inspect $scope | grep -vE '^(memory|cpu|io_(read|write))_'
        done
    }
    all >before
    systemctl stop hpcnode-cgroupd
    echo >go
    trial_daemon
    cursor=$(log_cursor)
    systemctl start hpcnode-cgroupd
    await_log "its supervisor speaks version 1 of the protocol, this daemon 2" "$cursor"
    run -0 hpcnode-ctl wait meanwhile
    has "exit: 5"
    hpcnode-ctl remove meanwhile
    all | diff <(grep -v meanwhile before) -
    hpcnode-ctl run --scope alloc --id next --wait -- true
    hpcnode-ctl thaw frosty
    hpcnode-ctl run --id newer -- sleep infinity
    readlink "/proc/$(cat "$(dir newer)/supervisor/cgroup.procs")/exe" | grep trial

    usual_daemon
    systemctl restart hpcnode-cgroupd
    for scope in newer frosty job; do
        hpcnode-ctl kill --signal TERM $scope
        run -0 hpcnode-ctl wait $scope
        has "signal: 15"
    done
    run -0 hpcnode-ctl inspect alloc/task
    has "state: running"
}

@test "a record is the same after a restart" {
    needs_controllers
    run hpcnode-ctl run --id hungry --memory-max 8M --wait -- dd if=/dev/zero of=/dev/null bs=32M count=1
    hpcnode-ctl inspect hungry >"$BATS_TEST_TMPDIR/before"
    systemctl restart hpcnode-cgroupd
    hpcnode-ctl inspect hungry | diff "$BATS_TEST_TMPDIR/before" -
}

# bats test_tags=native
@test "what a job prints while the daemon is away is in the journal" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go on
    hpcnode-ctl run --id talks -- sh -c 'echo before; echo up >up; read x <go; echo while-away; read x <on; echo after'
    await file up up
    systemctl stop hpcnode-cgroupd
    echo >go
    systemctl start hpcnode-cgroupd
    echo >on
    hpcnode-ctl wait talks
    [ "$(job_log talks)" = $'before\nwhile-away\nafter' ]
}

# bats test_tags=bookworm
@test "the exit status of a job that ended while the daemon was away is known afterwards" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go on
    run -0 hpcnode-ctl run --id away -- sh -c 'read x <go; exit 7'
    pid=$(field pid "$output")
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id task -- sh -c 'read x <on; exit 8'
    systemctl stop hpcnode-cgroupd
    echo >go
    echo >on
    await exit "$pid"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait away
    has "state: failed" "exit: 7"
    run -0 hpcnode-ctl wait alloc/task
    has "exit: 8"
}

# bats test_tags=native
@test "children that ignore signals are gone when main ends while the daemon is away" {
    run -0 hpcnode-ctl run --id away -- sh -c "$HELPERS/ignore-signals 2 >$BATS_TEST_TMPDIR/pids & exec sleep infinity"
    pid=$(field pid "$output")
    await file "$BATS_TEST_TMPDIR/pids" $'\n'
    systemctl stop hpcnode-cgroupd
    mapfile -t pids <"$BATS_TEST_TMPDIR/pids"
    [ ${#pids[@]} -eq 2 ]
    kill "$pid"
    await exit "${pids[@]}"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait away
    has "state: failed" "signal: 15"
}

# bats test_tags=native
@test "whoever waits for a job is answered though the daemon restarts in between" {
    hpcnode-ctl run --id awaited -- sleep infinity
    hpcnode-ctl wait awaited >"$BATS_TEST_TMPDIR/answer" &
    client=$!
    systemctl restart hpcnode-cgroupd
    crash
    hpcnode-ctl kill awaited --signal TERM
    wait $client
    grep -qx "signal: 15" "$BATS_TEST_TMPDIR/answer"
}

# bats test_tags=native
@test "a daemon that was stopped stays so though somebody waits, who is answered when it is started" {
    run -0 hpcnode-ctl run --id awaited -- sleep infinity
    pid=$(field pid "$output")
    exec {calls}< <(exec timeout 120 busctl monitor --match "type='method_call',member='WaitScope'" 2>&1)
    monitor=$!
    grep -qm1 "^Monitoring" <&"$calls"
    hpcnode-ctl wait awaited >"$BATS_TEST_TMPDIR/answer" &
    client=$!
    grep -qm1 Member=WaitScope <&"$calls"
    systemctl stop hpcnode-cgroupd
    # The first time that it asks again would start it.
    [ "$(grep -cm2 Member=WaitScope <&"$calls")" -eq 2 ]
    kill $monitor
    exec {calls}<&-
    [ "$(systemctl is-active hpcnode-cgroupd)" = inactive ]
    kill "$pid"
    await exit "$pid"
    systemctl start hpcnode-cgroupd
    wait $client
    grep -qx "signal: 15" "$BATS_TEST_TMPDIR/answer"
}

# bats test_tags=native
@test "who asks before all is known again after a restart is answered when it is" {
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id lives -- sleep infinity
    run -4 hpcnode-ctl run --scope alloc --id past --wait -- sh -c 'exit 4'
    read -r supervisor <"$(dir alloc)/supervisor/cgroup.procs"
    kill -STOP "$supervisor"
    cursor=$(log_cursor)
    crash
    hpcnode-ctl wait alloc/past >"$BATS_TEST_TMPDIR/answer" 2>&1 &
    client=$!
    await_log "workload-alloc.scope is adopted" "$cursor"
    kill -CONT "$supervisor"
    wait $client
    grep -qx "exit: 4" "$BATS_TEST_TMPDIR/answer"
}

# bats test_tags=native
@test "a supervisor that says nothing after a restart keeps nobody else from being served" {
    hpcnode-ctl create alloc
    run -0 hpcnode-ctl run --scope alloc --id lives -- sleep infinity
    pid=$(field pid "$output")
    read -r supervisor <"$(dir alloc)/supervisor/cgroup.procs"
    kill -STOP "$supervisor"
    crash
    hpcnode-ctl run --id other --wait -- true
    kill -CONT "$supervisor"
    # Who waits is told when it has spoken, however late that is.
    kill "$pid"
    run hpcnode-ctl wait alloc/lives
    has "state: failed" "signal: 15"
}

# bats test_tags=bookworm
@test "a frozen job stays frozen over a restart, and is known to be" {
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl freeze ice
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect ice
    has "state: frozen" "frozen_by: client"
    [[ $(content "$(dir ice)/payload/cgroup.events") == *"frozen 1"* ]]
    hpcnode-ctl thaw ice
    [ "$(property ice State)" = 's "running"' ]
}

# bats test_tags=native
@test "a scope that became empty while the daemon was away is released afterwards" {
    hpcnode-ctl create brief --release-on-empty
    run -0 hpcnode-ctl run --scope brief --id task -- sleep infinity
    pid=$(field pid "$output")
    systemctl stop hpcnode-cgroupd
    kill "$pid"
    await exit "$pid"
    run -0 bus-wait ScopeReleased:brief -- systemctl start hpcnode-cgroupd
    [ ! -e "$(dir brief)" ]
}

# bats test_tags=native
@test "a scope that waits for its first task to be released does so over restarts" {
    hpcnode-ctl create fresh --release-on-empty
    systemctl restart hpcnode-cgroupd
    crash
    run -0 hpcnode-ctl inspect fresh
    has "state: active"
    bus-wait ScopeReleased:fresh -- hpcnode-ctl run --scope fresh --id task -- true
    run -0 hpcnode-ctl wait fresh
    has "state: exited"
}

# bats test_tags=native
@test "a daemon that is short of descriptors takes nothing for lost" {
    drop_in=/run/systemd/system/hpcnode-cgroupd.service.d
    for n in {1..12}; do
        hpcnode-ctl run --id "many-$n" -- sleep infinity
    done
    mkdir -p $drop_in
    printf '[Service]\nLimitNOFILE=32\n' >$drop_in/few.conf
    systemctl daemon-reload
    cursor=$(log_cursor)
    systemctl restart --no-block hpcnode-cgroupd
    await_log "Too many open files" "$cursor"
    rm $drop_in/few.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
    for n in {1..12}; do
        run -0 hpcnode-ctl inspect "many-$n"
        has "state: running"
    done
}

# bats test_tags=native
@test "an empty scope that was stopped while the daemon was away has ended afterwards" {
    hpcnode-ctl create stopped
    systemctl stop hpcnode-cgroupd
    systemctl stop workload-stopped.scope
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait stopped
    has "state: exited"
}


# bats test_tags=native
@test "rubbish among the state files stops nobody" {
    hpcnode-ctl run --id job -- sleep infinity
    systemctl stop hpcnode-cgroupd
    head -c 3000 /dev/urandom >"$STATE_DIR"/0123456789abcdef.scope
    : >"$STATE_DIR"/fedcba9876543210.scope
    echo 'half a file' >"$STATE_DIR/0123456789abcdef.scope~"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl inspect job
    has "state: running"
    rm -f "$STATE_DIR"/0123456789abcdef.scope* "$STATE_DIR"/fedcba9876543210.scope*
}

# bats test_tags=bookworm
@test "a daemon killed amid creations leaves no half-made scope" {
    needs_plain_build # LeakSanitizer holds up supervisors that have nothing to do
    remember
    bus-flood create workload.slice amid 40 >/dev/null 2>&1 &
    client=$!
    await file "$(dir amid-3)/cgroup.events" populated
    crash
    wait $client || :
    # What the dead daemon had asked PID 1 for is undone by the next one.
    hpcnode-ctl ping
    for n in {0..39}; do
        hpcnode-ctl inspect "amid-$n" >/dev/null 2>&1 || await gone "$(dir "amid-$n")"
    done
    hpcnode-ctl list --no-tasks --no-legend >"$BATS_TEST_TMPDIR/known"
    while read -r scope _; do
        hpcnode-ctl destroy "$scope"
        hpcnode-ctl remove "$scope"
    done <"$BATS_TEST_TMPDIR/known"
    nothing_left
}
