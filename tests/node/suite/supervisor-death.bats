#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A supervisor dies: its tasks go on, under a new one.

load lib

# The exit of a process that is not one's child is known on kernels from 6.15 on.
keeps_exits() {
    [ "$(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1)" = 6.15 ]
}

# lost_or_killed: what the last `run` has told of something that was killed while nobody looked: PID 1 may not have
# taken its status yet, which some kernels then tell. Sets STATE.
lost_or_killed() {
    STATE=$(field state "$output")
    [ "$STATE" = lost ] || { keeps_exits && [ "$STATE" = killed ]; }
}

# bats test_tags=bookworm
@test "a job whose supervisor is killed goes on under a new one, in supervisor/" {
    remember
    hpcnode-ctl run --id orphaned -- "$HELPERS/ignore-signals" 2
    hpcnode-ctl inspect orphaned | grep -E '^(pid|start_unix_ms|unit|state):' >"$BATS_TEST_TMPDIR/was"
    read -r old <"$(dir orphaned)/supervisor/cgroup.procs"
    replace_supervisor orphaned
    mapfile -t new <"$(dir orphaned)/supervisor/cgroup.procs"
    [ ${#new[@]} -eq 1 ]
    [ "${new[0]}" != "$old" ]
    [ "$(readlink "/proc/${new[0]}/exe")" = /usr/libexec/hpcnode-supervisor ]
    [ -z "$(cat "$(dir orphaned)/cgroup.procs")" ]
    run -0 hpcnode-ctl inspect orphaned
    has "state: running" "pid_count: 3"
    grep -E '^(pid|start_unix_ms|unit|state):' <<<"$output" | diff "$BATS_TEST_TMPDIR/was" -
    hpcnode-ctl destroy orphaned
    hpcnode-ctl remove orphaned
    nothing_left
}

# bats test_tags=bookworm
@test "how it ends is known where the kernel keeps it, and lost elsewhere" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go
    for code in 0 7; do
        hpcnode-ctl run --id heir -- sh -c "read x <go; exit $code"
        replace_supervisor heir
        echo >go
        run -0 hpcnode-ctl wait heir
        if keeps_exits; then
            has "exit: $code"
        else
            has "state: lost"
            [[ $output != *exit:\ [0-9]* ]]
        fi
        hpcnode-ctl remove heir
    done
    hpcnode-ctl run --id heir -- sleep infinity
    replace_supervisor heir
    # To main, by the new supervisor.
    hpcnode-ctl kill --signal TERM heir
    run -0 hpcnode-ctl wait heir
    if keeps_exits; then
        has "state: failed" "signal: 15"
    else
        has "state: lost"
    fi
}

# bats test_tags=native
@test "when main ends under the new supervisor, what is left of the job is killed" {
    hpcnode-ctl run --id left -- sh -c "$HELPERS/ignore-signals 2 >$BATS_TEST_TMPDIR/out & exec sleep infinity"
    pid=$(hpcnode-ctl inspect left | sed -n 's/^pid: //p')
    replace_supervisor left
    kill -KILL "$pid"
    run -0 hpcnode-ctl wait left
    has "pid_count: 0"
    [ ! -e "$(dir left)" ]
}

# bats test_tags=native
@test "a main that ends in the moment without a supervisor is noticed, and the rest is killed" {
    hpcnode-ctl run --id both -- sh -c "$HELPERS/ignore-signals 2 >$BATS_TEST_TMPDIR/out & exec sleep infinity"
    pid=$(hpcnode-ctl inspect both | sed -n 's/^pid: //p')
    # The daemon stands still, so that no new supervisor looks before main has gone.
    daemon_pid
    kill -STOP "$DAEMON"
    kill_supervisor both
    kill -KILL "$pid"
    await exit "$pid"
    kill -CONT "$DAEMON"
    run -0 hpcnode-ctl wait both
    has "pid_count: 0"
    lost_or_killed
    # Nor does its record make anything up.
    journalctl --sync
    [[ $(hpcnode-ctl events both | grep " type=job.exit ") == *" state=$STATE "* ]]
    [ ! -e "$(dir both)" ]
}

# bats test_tags=bookworm
@test "tasks of an allocation go on, end one by one, and new ones start under the new supervisor" {
    remember
    hpcnode-ctl create alloc
    for task in a b c; do
        hpcnode-ctl run --scope alloc --id $task -- sleep infinity
    done
    run -4 hpcnode-ctl run --scope alloc --id past --wait -- sh -c 'exit 4'
    replace_supervisor alloc
    run -5 hpcnode-ctl run --scope alloc --id new --wait -- sh -c 'exit 5'
    hpcnode-ctl kill alloc/a
    run -0 hpcnode-ctl wait alloc/a
    if keeps_exits; then has "state: killed"; else has "state: lost"; fi
    # What was known before stays known, also to the next daemon.
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl wait alloc/past
    has "exit: 4"
    run -0 hpcnode-ctl wait alloc/new
    has "exit: 5"
    run -0 hpcnode-ctl inspect alloc/b
    has "state: running"
    hpcnode-ctl destroy alloc
    hpcnode-ctl remove alloc
    nothing_left
}

# bats test_tags=native
@test "a supervisor that dies while the daemon is away is replaced by the next one" {
    remember
    hpcnode-ctl run --id away -- "$HELPERS/ignore-signals" 2
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id a -- sleep infinity
    cursor=$(log_cursor)
    systemctl stop hpcnode-cgroupd
    kill_supervisor away
    kill_supervisor alloc
    systemctl start hpcnode-cgroupd
    await_log "workload-away.scope has a new supervisor" "$cursor"
    await_log "workload-alloc.scope has a new supervisor" "$cursor"
    run -0 hpcnode-ctl inspect away
    has "state: running" "pid_count: 3"
    run -0 hpcnode-ctl inspect alloc/a
    has "state: running"
    # Nobody knows the process of a, but when its leaf is empty it has ended.
    run -0 bus-wait TaskExited:a -- hpcnode-ctl kill alloc/a
    run -0 hpcnode-ctl wait alloc/a
    has "state: lost"
    hpcnode-ctl kill away
    run -0 hpcnode-ctl wait away
    for scope in away alloc; do
        hpcnode-ctl destroy $scope
        hpcnode-ctl remove $scope
    done
    nothing_left
}

# bats test_tags=native
@test "a daemon that dies while it puts in a new supervisor is followed by one that goes on" {
    remember
    hpcnode-ctl run --id twice -- sleep infinity
    read -r supervisor <"$(dir twice)/supervisor/cgroup.procs"
    daemon_pid
    kill -STOP "$DAEMON"
    kill -KILL "$supervisor" "$DAEMON"
    await exit "$DAEMON"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl kill --signal TERM twice
    run -0 hpcnode-ctl wait twice
    if keeps_exits; then has "signal: 15"; else has "state: lost"; fi
    hpcnode-ctl remove twice
    nothing_left
}

# freeze_successor SCOPE: its supervisor dies, and the new one is frozen as soon as it is there, until
# thaw_successor.
freeze_successor() {
    local supervisor cursor
    read -r supervisor <"$(dir "$1")/supervisor/cgroup.procs"
    cursor=$(log_cursor)
    echo 1 >"$(dir "$1")/supervisor/cgroup.freeze"
    kill -KILL "$supervisor"
    await_log "workload-$1.scope: its supervisor has ended" "$cursor"
}

thaw_successor() {
    echo 0 >"$(dir "$1")/supervisor/cgroup.freeze"
}

# A daemon is started that hears nothing from the scope's supervisor, which then dies.
lose_unheard() {
    local cursor supervisor
    read -r supervisor <"$(dir "$1")/supervisor/cgroup.procs"
    kill -STOP "$supervisor"
    crash
    cursor=$(log_cursor)
    systemctl start --no-block hpcnode-cgroupd
    await_log "workload-$1.scope is adopted" "$cursor"
    cursor=$(log_cursor)
    "${@:2}"
    kill -KILL "$supervisor"
    await_log "workload-$1.scope has a new supervisor" "$cursor"
}

# bats test_tags=native
@test "a supervisor that dies before the next daemon has heard of its tasks: they are known, and their end" {
    remember
    hpcnode-ctl run --id unheard -- sleep infinity
    lose_unheard unheard
    run -0 hpcnode-ctl list --no-tasks --no-legend
    [[ $output == *unheard*running* ]]
    hpcnode-ctl kill --signal TERM unheard
    run -0 hpcnode-ctl wait unheard
    if keeps_exits; then has "signal: 15"; else has "state: lost"; fi
    hpcnode-ctl remove unheard
    nothing_left
}

# bats test_tags=native
@test "a main that ended in the time of which nobody has told is lost, and the job ends" {
    remember
    hpcnode-ctl run --id unseen -- sh -c "$HELPERS/ignore-signals 2 >$BATS_TEST_TMPDIR/out & exec sleep infinity"
    pid=$(hpcnode-ctl inspect unseen | sed -n 's/^pid: //p')
    lose_unheard unseen kill -KILL "$pid"
    run -0 hpcnode-ctl wait unseen
    has "pid_count: 0"
    lost_or_killed
    hpcnode-ctl remove unseen
    nothing_left
}

# bats test_tags=native
@test "a task that ended in the time of which nobody has told is lost, and the others can be signalled" {
    remember
    hpcnode-ctl create ranks
    hpcnode-ctl run --scope ranks --id 0 -- sleep infinity
    hpcnode-ctl run --scope ranks --id 1 -- sleep infinity
    pid=$(hpcnode-ctl inspect ranks/0 | sed -n 's/^pid: //p')
    lose_unheard ranks kill -KILL "$pid"
    run -0 hpcnode-ctl wait ranks/0
    lost_or_killed
    run -0 hpcnode-ctl inspect ranks/1
    has "state: running"
    # Which process of it was the first is not known: all of them get it.
    hpcnode-ctl kill --signal TERM ranks/1
    run -0 hpcnode-ctl wait ranks/1
    has "state: lost"
    hpcnode-ctl destroy ranks
    hpcnode-ctl remove ranks
    nothing_left
}

# bats test_tags=native
@test "a signal that comes while a new supervisor is put in waits for it" {
    remember
    hpcnode-ctl run --id held -- sleep infinity
    freeze_successor held
    hpcnode-ctl kill --signal TERM held &
    killer=$!
    hpcnode-ctl ping
    thaw_successor held
    wait $killer
    run -0 hpcnode-ctl wait held
    if keeps_exits; then has "signal: 15"; else has "state: lost"; fi
    hpcnode-ctl remove held
    nothing_left
}

# bats test_tags=native
@test "a task lives on under a new supervisor though main has ended before" {
    hpcnode-ctl create alloc
    run -0 hpcnode-ctl run --scope alloc --id main --wait -- true
    hpcnode-ctl run --scope alloc --id rank -- sleep infinity
    replace_supervisor alloc
    run -0 hpcnode-ctl inspect alloc/rank
    has "state: running"
    run -0 hpcnode-ctl wait alloc/main
    has "exit: 0"
}

# bats test_tags=native
@test "a new supervisor that takes its time learns of all tasks in the end" {
    remember
    run -0 hpcnode-ctl run --id slow -- sh -c "$HELPERS/ignore-signals 2 >$BATS_TEST_TMPDIR/out & exec sleep infinity"
    pid=$(field pid "$output")
    cursor=$(log_cursor)
    freeze_successor slow
    # For longer than the daemon waits for it at a time.
    await_log "workload-slow.scope: its new supervisor does not answer yet" "$cursor"
    kill -KILL "$pid"
    await exit "$pid"
    thaw_successor slow
    run -0 hpcnode-ctl wait slow
    has "state: lost" "pid_count: 0"
    hpcnode-ctl remove slow
    nothing_left
}

# bats test_tags=native
@test "what waits for a supervisor that takes its time is answered" {
    hpcnode-ctl run --id slow -- sleep infinity
    freeze_successor slow
    SECONDS=0
    refused IO KillScope si slow 15
    mentions slow
    [ $SECONDS -lt 24 ]
    SECONDS=0
    refused IO Spawn 'ssasa{sv}' slow more 1 true 0
    [ $SECONDS -lt 24 ]
    run ! hpcnode-ctl inspect slow/more
    thaw_successor slow
    hpcnode-ctl run --scope slow --id more --wait -- true
    hpcnode-ctl kill --signal TERM slow
    run -0 hpcnode-ctl wait slow
    if keeps_exits; then has "signal: 15"; else has "state: lost"; fi
}

# bats test_tags=native
@test "a start that waits for a new supervisor does not come into a scope that is destroyed" {
    remember
    hpcnode-ctl create going
    hpcnode-ctl run --scope going --id a -- sleep infinity
    freeze_successor going
    call Spawn 'ssasa{sv}' going more 2 touch "$BATS_TEST_TMPDIR/started" 0 &
    client=$!
    hpcnode-ctl ping
    hpcnode-ctl destroy going &
    destroyer=$!
    wait $destroyer
    ! wait $client || false
    [ ! -e "$BATS_TEST_TMPDIR/started" ]
    run ! hpcnode-ctl inspect going/more
    run -0 hpcnode-ctl inspect going/a
    hpcnode-ctl remove going
    nothing_left
}

# bats test_tags=native
@test "a supervisor that dies in a unit frozen by systemctl is replaced when that is thawed" {
    remember
    hpcnode-ctl run --id cold -- sleep infinity
    read -r supervisor <"$(dir cold)/supervisor/cgroup.procs"
    cursor=$(log_cursor)
    systemctl freeze workload-cold.scope
    kill -KILL "$supervisor"
    await_log "workload-cold.scope: its new supervisor does not answer yet" "$cursor"
    systemctl thaw workload-cold.scope
    await_log "workload-cold.scope has a new supervisor" "$cursor"
    hpcnode-ctl kill --signal TERM cold
    run -0 hpcnode-ctl wait cold
    if keeps_exits; then has "signal: 15"; else has "state: lost"; fi
    hpcnode-ctl remove cold
    nothing_left
}

# bats test_tags=native
@test "a supervisor whose connection ends is not taken for dead" {
    hpcnode-ctl run --id cut -- sh -c 'trap "exit 7" TERM; sleep infinity & wait'
    hpcnode-ctl create idle
    read -r supervisor <"$(dir cut)/supervisor/cgroup.procs"
    cursor=$(log_cursor)
    for socket in "$STATE_DIR"/*.sock; do
        connect-socket "$socket"
    done
    await_log "workload-cut.scope: connecting to its supervisor once more" "$cursor"
    await_log "workload-idle.scope: connecting to its supervisor once more" "$cursor"
    [ "$(content "$(dir cut)/supervisor/cgroup.procs")" = "$supervisor" ]
    hpcnode-ctl kill --signal TERM cut
    run -0 hpcnode-ctl wait cut
    has "exit: 7"
    run -0 hpcnode-ctl run --scope idle --id task --wait -- true
}

@test "a frozen job stays frozen under a new supervisor, and can be thawed" {
    hpcnode-ctl run --id frosty -- sleep infinity
    hpcnode-ctl freeze frosty
    replace_supervisor frosty
    run -0 hpcnode-ctl inspect frosty
    has "state: frozen" "frozen_by: client"
    hpcnode-ctl thaw frosty
    [[ $(<"$(dir frosty)/payload/cgroup.events") == *"frozen 0"* ]]
}

# bats test_tags=native
@test "systemctl stop of a job with a new supervisor waits for its SIGTERM, and its end is known as ever" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go
    hpcnode-ctl run --id polite -- sh -c 'trap "echo stopping >said; read x <go; exit 9" TERM; echo up >up; while :; do sleep 1000 & wait; done'
    await file up up
    replace_supervisor polite
    systemctl stop --no-block workload-polite.scope
    await file said stopping
    [ "$(systemctl show --value -p ActiveState workload-polite.scope)" = deactivating ]
    echo >go
    run -0 hpcnode-ctl wait polite
    if keeps_exits; then has "exit: 9"; else has "state: lost"; fi
}

# bats test_tags=native
@test "a scope without tasks vanishes with its supervisor, and that is announced" {
    remember
    hpcnode-ctl create idle
    read -r supervisor <"$(dir idle)/supervisor/cgroup.procs"
    run -0 bus-wait ScopeReleased:idle -- kill -KILL "$supervisor"
    [[ $output == *lost* ]]
    run -0 hpcnode-ctl wait idle
    has "state: lost"
    hpcnode-ctl remove idle
    nothing_left
}

# bats test_tags=native
@test "a start that waits when its supervisor dies fails, and its program does not run" {
    cursor=$(log_cursor)
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id stays -- sleep infinity
    read -r supervisor <"$(dir alloc)/supervisor/cgroup.procs"
    kill -STOP "$supervisor"
    hpcnode-ctl run --scope alloc --id never -- touch "$BATS_TEST_TMPDIR/ran" 2>"$BATS_TEST_TMPDIR/error" &
    client=$!
    # Nothing tells of a start that was handed on and hangs.
    while [[ $(hpcnode-ctl empty alloc/never 2>&1) == *error* ]]; do :; done
    kill -KILL "$supervisor"
    status=0
    wait $client || status=$?
    [ $status -eq 1 ]
    await_log "workload-alloc.scope has a new supervisor" "$cursor"
    run -0 hpcnode-ctl run --scope alloc --id next --wait -- true
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

# bats test_tags=native
@test "a supervisor that dies again and again is not replaced for ever" {
    hpcnode-ctl run --id doomed -- sleep infinity
    for _ in 1 2 3 4 5; do
        replace_supervisor doomed
    done
    kill_supervisor doomed
    await_log "workload-doomed.scope: its supervisor has died 6 times in 60 s"
    run -0 hpcnode-ctl inspect doomed
    has "state: running"
    hpcnode-ctl kill doomed
    run -0 hpcnode-ctl wait doomed
    has "state: lost"
}
