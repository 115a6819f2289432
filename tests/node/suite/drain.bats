#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Draining the node: nothing more is admitted to workload.slice, and what runs there ends, or is killed.
# bats file_tags=native

load lib

setup() {
    # shellcheck disable=SC2034 # of records
    SINCE=@$(date +%s.%6N)
}

teardown() {
    hpcnode-ctl drain --cancel
    remove_all
}

# draining: the properties on the bus, in one line.
draining() {
    busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Draining DrainReason | paste -sd ' '
}

@test "a drained node refuses all that would begin, and says since when, by whom and why" {
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id rank -- sleep infinity
    hpcnode-ctl drain --no-wait --reason "kernel update"
    [ "$(draining)" = 'b true s "kernel update"' ]
    sleep infinity &
    pid=$!
    for args in "CreateScope ssa{sv} workload.slice late 0" \
        "CreateScope ssa{sv} workload.slice/sub late 0" \
        "Run ssa{sv}asa{sv} workload.slice late 0 1 true 0" \
        "Spawn ssasa{sv} alloc late 1 true 0" \
        "OpenScope ss alloc late" \
        "AttachProcesses ssau alloc late 1 $pid"; do
        # shellcheck disable=SC2086 # the words of the call
        refused AdmissionRejected $args
        mentions "the node is being drained since 20" "Z by uid 0 (admin): kernel update; " "drain --cancel"
    done
    kill $pid
    [ ! -e "$(dir late)" ]
    # What is there can still be used and ended, and pact's services are not drained.
    hpcnode-ctl freeze alloc
    hpcnode-ctl thaw alloc
    hpcnode-ctl run --slice pact.slice/gpu.slice --id service -- sleep infinity
    hpcnode-ctl drain --cancel
    [ "$(draining)" = 'b false s ""' ]
    hpcnode-ctl run --scope alloc --id late --wait -- true
    record node.drain
    says 'reason="kernel update"' caller_uid=0 caller_pid=
    record node.undrain
    says 'reason="kernel update"' caller_uid=0
}

@test "drain waits until all jobs are gone, and no longer for a scope that is empty" {
    export FILE=$BATS_TEST_TMPDIR/out
    : >"$FILE"
    hpcnode-ctl run --id job -- sleep infinity
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id rank -- sleep infinity
    hpcnode-ctl create empty
    hpcnode-ctl drain --reason "who waits" 2>"$FILE" >/dev/null 3>&- &
    client=$!
    await file "$FILE" "waiting for 2: "
    grep -q alloc "$FILE"
    grep -q job "$FILE"
    run -0 hpcnode-ctl drain --status
    has "draining: 1" "reason: who waits" "waiting_for: 2"
    run -0 bus-wait ScopeReleased:job -- hpcnode-ctl kill job
    kill -0 $client
    hpcnode-ctl kill alloc/rank
    wait $client
    run -0 hpcnode-ctl drain --status
    has "waiting_for: 0"
    run -0 hpcnode-ctl stats
    has "draining: 1" "drain_reason: who waits"
    # Another one has nothing to wait for.
    hpcnode-ctl drain
    run -0 hpcnode-ctl inspect empty
    has "state: active"
}

@test "drain --kill kills what runs, and leaves the scopes of others to them" {
    hpcnode-ctl run --id job -- sh -c 'trap "" TERM; sleep infinity & wait'
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl freeze ice
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id rank -- sleep infinity
    hpcnode-ctl run --slice pact.slice/gpu.slice --id service -- sleep infinity
    hpcnode-ctl drain --kill --reason "power cut"
    for name in job ice; do
        run -0 hpcnode-ctl inspect $name
        has "state: killed" "signal: 9"
    done
    run -0 hpcnode-ctl inspect alloc
    has "state: active" "pid_count: 0"
    run -0 hpcnode-ctl inspect service
    has "state: running"
    run -0 hpcnode-ctl drain --status
    has "reason: power cut" "waiting_for: 0"
}

@test "what was admitted and is still being made is killed as well" {
    local name pids=()
    for n in {1..30}; do
        timeout 100 hpcnode-ctl run --id "job-$n" -- sleep infinity >/dev/null 2>&1 3>&- &
        pids+=($!)
    done
    hpcnode-ctl drain --kill
    wait "${pids[@]}" || :
    run -0 hpcnode-ctl list --no-legend
    run ! grep -Ev ' killed ' <<<"$output"
    for name in "$CGROUPS"/workload.slice/workload-job-*; do
        [ ! -e "$name" ]
    done
}

@test "the end of the waiting is not that of the drain" {
    hpcnode-ctl run --id job -- sleep infinity
    run -3 hpcnode-ctl drain --timeout 1s
    [[ $output == *"error: the time is over, and 1 still there: job; the node stays drained"* ]]
    [ "$(draining)" = 'b true s ""' ]
    refused AdmissionRejected CreateScope 'ssa{sv}' workload.slice late 0
    : >"$BATS_TEST_TMPDIR/out"
    (exec hpcnode-ctl drain 2>"$BATS_TEST_TMPDIR/out" >/dev/null 3>&-) &
    client=$!
    await file "$BATS_TEST_TMPDIR/out" "waiting for 1"
    kill -TERM $client
    await exit $client
    [ "$(draining)" = 'b true s ""' ]
}

@test "a drain outlives the daemon, and so does the wait for its end" {
    hpcnode-ctl run --id job -- sleep infinity
    : >"$BATS_TEST_TMPDIR/out"
    hpcnode-ctl drain --reason "long one" 2>"$BATS_TEST_TMPDIR/out" >/dev/null 3>&- &
    client=$!
    await file "$BATS_TEST_TMPDIR/out" "waiting for 1: job"
    crash
    hpcnode-ctl ping
    [ "$(draining)" = 'b true s "long one"' ]
    refused AdmissionRejected Run 'ssa{sv}asa{sv}' workload.slice late 0 1 true 0
    mentions "long one" "uid 0 (admin)"
    hpcnode-ctl kill job
    wait $client
    hpcnode-ctl drain --cancel
    systemctl restart hpcnode-cgroupd
    [ "$(draining)" = 'b false s ""' ]
    record node.drain # once
}

@test "a cancelled drain ends the waiting with an error" {
    hpcnode-ctl run --id job -- sleep infinity
    : >"$BATS_TEST_TMPDIR/out"
    hpcnode-ctl drain 2>"$BATS_TEST_TMPDIR/out" >/dev/null 3>&- &
    client=$!
    await file "$BATS_TEST_TMPDIR/out" "waiting for 1"
    hpcnode-ctl drain --cancel
    status=0
    wait $client || status=$?
    [ "$status" -eq 1 ]
    grep -q "error: the drain was cancelled" "$BATS_TEST_TMPDIR/out"
    run -3 hpcnode-ctl drain --status
    [ "$output" = "draining: 0" ]
    refused NotFound WaitDrained
    hpcnode-ctl drain --cancel
}

@test "pact and lattice may drain; pact kills only in an emergency, and others only wait" {
    hpcnode-ctl run --id job -- sleep infinity
    as lattice hpcnode-ctl drain --no-wait
    as pact hpcnode-ctl drain --cancel
    CALLER=alice refused PermissionDenied Drain bs false ""
    CALLER=alice refused PermissionDenied CancelDrain
    [ "$(draining)" = 'b false s ""' ]
    CALLER=pact refused EmergencyRequired Drain bs true ""
    [ "$(draining)" = 'b false s ""' ]
    hpcnode-ctl emergency declare --reason smoke
    as pact hpcnode-ctl drain --kill
    hpcnode-ctl emergency end
    run -0 hpcnode-ctl inspect job
    has "state: killed"
    record emergency.kill
    says scope=job reason=smoke
    # Anybody may ask, and wait.
    as alice busctl call "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" WaitDrained
    run -0 as alice hpcnode-ctl drain --status
    has "draining: 1"
}

@test "a reason is one line, and the latest holds" {
    refused InvalidArgs Drain bs false $'two\nlines'
    [ "$(draining)" = 'b false s ""' ]
    hpcnode-ctl drain --reason first
    hpcnode-ctl drain --reason second
    hpcnode-ctl drain
    [ "$(draining)" = 'b true s "second"' ]
}
