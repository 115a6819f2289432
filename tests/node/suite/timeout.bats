#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# --timeout: what has run for so long is asked to end, and then killed, whoever is there to see it.

# bats file_tags=native

load lib

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    SINCE=@$(date +%s)
    export SINCE
}

teardown() {
    systemctl start hpcnode-cgroupd
    remove_all
}

# brief NAME USEC COMMAND...: a job that may run so long. Sets PID.
brief() {
    call Run 'ssa{sv}asa{sv}' workload.slice "$1" 0 $(($# - 2)) "${@:3}" 2 TimeoutUSec t "$2" WorkingDirectory s "$PWD"
    PID=${ANSWER##* }
}

# brief_task SCOPE TASK USEC COMMAND...: likewise, a task.
brief_task() {
    call Spawn 'ssasa{sv}' "$1" "$2" $(($# - 3)) "${@:4}" 2 TimeoutUSec t "$3" WorkingDirectory s "$PWD"
    PID=${ANSWER##* }
}

@test "a job whose time is over gets SIGTERM, and it is known why it ended" {
    run -143 hpcnode-ctl run --id job --timeout 1s --wait -- sleep infinity
    has "job job was ended: its time (--timeout) was over"
    run -0 hpcnode-ctl inspect job
    has "state: failed" "signal: 15" "timed_out: 1"
    run -0 hpcnode-ctl wait job
    has "timed_out: 1"
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect job
    has "state: failed" "signal: 15" "timed_out: 1"
    record job.exit job
    says signal=15 timed_out=1
}

@test "what ends in time has not timed out" {
    run -3 hpcnode-ctl run --id intime --timeout 1h --wait -- sh -c 'exit 3'
    [[ $output != *"its time"* ]]
    run -0 hpcnode-ctl inspect intime
    [[ $output != *timed_out* ]]
    record job.exit intime
    says exit=3 '!timed_out'
    # Nor has who was asked to end by somebody else.
    hpcnode-ctl run --id killed --timeout 1h -- sleep infinity
    hpcnode-ctl kill --signal TERM killed
    run -0 hpcnode-ctl wait killed
    [[ $output == *"signal: 15"* && $output != *timed_out* ]]
}

@test "all processes of the task get the signal: a shell's trap runs" {
    run -7 hpcnode-ctl run --id job --timeout 1s --wait -- sh -c 'trap "exit 7" TERM; sleep 1000; :'
    run -0 hpcnode-ctl inspect job
    has "state: failed" "exit: 7" "timed_out: 1"
}

@test "a task's time is its own" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id stays -- sleep infinity
    run -143 hpcnode-ctl run --scope host --id goes --timeout 1s --wait -- sleep infinity
    has "job host/goes was ended: its time (--timeout) was over"
    run -0 hpcnode-ctl inspect host/goes
    has "state: failed" "signal: 15" "timed_out: 1"
    run -0 hpcnode-ctl inspect host/stays
    has "state: running"
    # The next of its name has another.
    hpcnode-ctl run --scope host --id goes --wait -- true
    run -0 hpcnode-ctl inspect host/goes
    [[ $output == *"exit: 0"* && $output != *timed_out* ]]
}

@test "what does not heed it is killed 10 s later: main, what a task has left behind, and what is frozen" {
    hpcnode-ctl create host
    hpcnode-ctl run --id frozen --timeout 1s -- sh -c 'trap "exit 7" TERM; sleep 1000; :'
    hpcnode-ctl freeze frozen
    before=$(date +%s%3N)
    brief deaf 200000 sh -c 'trap "" TERM; echo up >up; while :; do sleep 1000; done'
    brief_task host leaves 200000 sh -c '(trap "" TERM; echo $$ >left; exec sleep 1000) & sleep 1000'
    run -0 hpcnode-ctl wait host/leaves
    has "signal: 15" "timed_out: 1"
    [ "$(content "$(dir host)/payload/leaves/cgroup.events")" = "populated 1 frozen 0" ]
    run -0 hpcnode-ctl wait deaf
    has "state: killed" "signal: 9" "timed_out: 1"
    after=$(date +%s%3N)
    [ $((after - before)) -ge 10000 ]
    run -0 hpcnode-ctl wait frozen
    has "state: killed" "signal: 9" "timed_out: 1"
    await gone "$(dir host)/payload/leaves"
}

@test "the time goes on while the daemon is away" {
    brief asked 500000 sleep infinity
    asked=$PID
    brief deaf 500000 sh -c 'trap "" TERM; while :; do sleep 1000; done'
    crash
    systemctl stop hpcnode-cgroupd
    await exit "$asked" "$PID"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait asked
    has "state: failed" "signal: 15" "timed_out: 1"
    run -0 hpcnode-ctl wait deaf
    has "state: killed" "signal: 9" "timed_out: 1"
    record job.exit asked
    says timed_out=1
}

@test "a supervisor that takes another's place keeps the time" {
    hpcnode-ctl create host
    brief main 2000000 sleep infinity
    main=$PID
    brief_task host task 2000000 sleep infinity
    cursor=$(log_cursor)
    kill_supervisor main
    kill_supervisor host
    await_log "workload-main.scope has a new supervisor" "$cursor"
    await_log "workload-host.scope has a new supervisor" "$cursor"
    await exit "$main" "$PID"
    run -0 hpcnode-ctl wait main
    has "timed_out: 1"
    run -0 hpcnode-ctl wait host/task
    has "timed_out: 1"
    # An outcome that has been told outlives the next one, too.
    kill_supervisor host || :
    run -0 hpcnode-ctl wait host/task
    has "timed_out: 1"
}

@test "main's time is known when daemon and supervisor were killed together" {
    brief main 2000000 sleep infinity
    systemctl stop hpcnode-cgroupd
    kill_supervisor main
    systemctl start hpcnode-cgroupd
    await exit "$PID"
    run -0 hpcnode-ctl wait main
    has "timed_out: 1"
}

@test "a time that cannot be is refused, naming the range" {
    for value in 0 9223372036854775808 18446744073709551615; do
        refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice victim 0 1 true 1 TimeoutUSec t $value
        mentions TimeoutUSec=$value "1 to 9223372036854775807"
    done
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice victim 0 1 true 1 TimeoutUSec u 1
    mentions TimeoutUSec type
    call Run 'ssa{sv}asa{sv}' workload.slice endless 0 2 sleep infinity 1 TimeoutUSec t 9223372036854775807
    run -0 hpcnode-ctl inspect endless
    has "state: running"
}
