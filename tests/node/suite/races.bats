#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Starts, signals and ends that meet: each is answered, and nothing is left over.

# bats file_tags=native

load lib

teardown() {
    systemctl start hpcnode-cgroupd
    remove_all
}

# supervisor_of SCOPE: sets SUPERVISOR.
supervisor_of() {
    read -r SUPERVISOR <"$(dir "$1")/supervisor/cgroup.procs"
}

# starting SCOPE/TASK: the daemon knows of its start, which nothing announces.
starting() {
    until [[ $(busctl call "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" IsScopeEmpty s "$1" 2>/dev/null) == b* ]]; do
        :
    done
}

@test "a task that is born while its job ends is killed with the rest" {
    remember
    run -0 hpcnode-ctl run --id job -- sleep infinity
    pid=$(field pid "$output")
    supervisor_of job
    kill -STOP "$SUPERVISOR"
    kill -KILL "$pid"
    hpcnode-ctl run --scope job --id late -- sleep infinity &
    client=$!
    starting job/late
    kill -CONT "$SUPERVISOR"
    wait $client || :
    SECONDS=0
    run -0 hpcnode-ctl wait job
    has "state: killed" "signal: 9" "pid_count: 0"
    [ $SECONDS -lt 8 ] # no zombie
    hpcnode-ctl remove job
    nothing_left
}

@test "a scope becomes empty although a start in it fails at that moment" {
    remember
    hpcnode-ctl create brief --release-on-empty
    run -0 hpcnode-ctl run --scope brief --id a -- sleep infinity
    pid=$(field pid "$output")
    supervisor_of brief
    kill -STOP "$SUPERVISOR"
    # No room for another leaf.
    echo 1 >"$(dir brief)/payload/cgroup.max.descendants"
    kill -KILL "$pid"
    await file "$(dir brief)/payload/cgroup.events" "populated 0"
    hpcnode-ctl run --scope brief --id b -- true &
    client=$!
    starting brief/b
    run -0 bus-wait ScopeReleased:brief -- kill -CONT "$SUPERVISOR"
    ! wait $client || false
    hpcnode-ctl remove brief
    nothing_left
}

@test "a start that is under way when the daemon is restarted has not failed" {
    hpcnode-ctl create alloc
    supervisor_of alloc
    kill -STOP "$SUPERVISOR"
    call Spawn 'ssasa{sv}' alloc task 2 sleep infinity 0 &
    client=$!
    starting alloc/task
    systemctl restart --no-block hpcnode-cgroupd
    ! wait $client || false
    kill -CONT "$SUPERVISOR"
    # Nobody was told that it had not been started: that nobody knows is what the bus says.
    [[ $(<"$BATS_TEST_TMPDIR/call") == *NoReply* ]]
    hpcnode-ctl kill --signal TERM alloc/task
    run -0 hpcnode-ctl wait alloc/task
    has "signal: 15"
}

@test "a start that fails leaves what an earlier run of that name has come to" {
    hpcnode-ctl create alloc
    run -3 hpcnode-ctl run --scope alloc --id task --wait -- sh -c 'exit 3'
    run -4 hpcnode-ctl run --scope alloc --id main --wait -- sh -c 'exit 4'
    run ! hpcnode-ctl run --scope alloc --id task -- /no/such/program
    run ! hpcnode-ctl run --scope alloc --id main -- /no/such/program
    run -0 hpcnode-ctl wait alloc/task
    has "exit: 3"
    run -0 hpcnode-ctl wait alloc/main
    has "exit: 4"
    run -0 hpcnode-ctl run --scope alloc --id task --wait -- true
    run -0 hpcnode-ctl wait alloc/task
    has "exit: 0"
    hpcnode-ctl destroy alloc
    run -0 hpcnode-ctl wait alloc
    has "state: failed" "exit: 4"
}

@test "whoever waits for a task that cannot be started is told" {
    hpcnode-ctl create alloc
    supervisor_of alloc
    kill -STOP "$SUPERVISOR"
    hpcnode-ctl run --scope alloc --id task -- /no/such/program &
    client=$!
    starting alloc/task
    hpcnode-ctl wait alloc/task 2>"$BATS_TEST_TMPDIR/error" &
    waiter=$!
    hpcnode-ctl ping
    kill -CONT "$SUPERVISOR"
    ! wait $client || false
    ! wait $waiter || false
    grep -q "alloc/task" "$BATS_TEST_TMPDIR/error"
}

@test "a task that is waited for while nothing is heard of its supervisor is told of when it is" {
    hpcnode-ctl create alloc
    run -5 hpcnode-ctl run --scope alloc --id task --wait -- sh -c 'exit 5'
    systemctl freeze workload-alloc.scope
    crash
    hpcnode-ctl wait alloc/task >"$BATS_TEST_TMPDIR/answer" &
    client=$!
    hpcnode-ctl ping
    refused IO KillScope si alloc/task 15
    mentions alloc "stands still"
    systemctl thaw workload-alloc.scope
    wait $client
    grep -qx "exit: 5" "$BATS_TEST_TMPDIR/answer"
}

@test "a supervisor that is stopped by a signal says nothing, and yet it is known how its job ended" {
    remember
    run -0 hpcnode-ctl run --id stopped -- sleep infinity
    systemctl kill --signal=STOP workload-stopped.scope
    hpcnode-ctl kill stopped
    run -0 hpcnode-ctl wait stopped
    has "state: killed" "signal: 9"
    hpcnode-ctl remove stopped
    nothing_left
}

@test "the same when the daemon is restarted meanwhile" {
    remember
    mkfifo "$BATS_TEST_TMPDIR/go"
    run -0 hpcnode-ctl run --id stopped -- sh -c "read x <$BATS_TEST_TMPDIR/go; exit 3"
    supervisor_of stopped
    kill -STOP "$SUPERVISOR"
    crash
    echo >"$BATS_TEST_TMPDIR/go"
    await file "$(dir stopped)/payload/cgroup.events" "populated 0"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait stopped
    has "state: failed" "exit: 3"
    hpcnode-ctl remove stopped
    nothing_left
}

@test "what was stopped by a signal is destroyed at once, and it is known how it ended" {
    hpcnode-ctl run --id stopped -- sleep infinity
    systemctl kill --signal=STOP workload-stopped.scope
    SECONDS=0
    hpcnode-ctl destroy stopped
    [ "$NODE_KIND" != container ] || [ $SECONDS -lt 3 ]
    run -0 hpcnode-ctl wait stopped
    has "state: killed" "signal: 9"
}
