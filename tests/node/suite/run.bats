#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl run and what belongs to it: where a job starts, as whom, and how its end comes back.

load lib

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# script NAME LINE...: an executable in the current directory.
script() {
    local name=$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$name"
    chmod 755 "$name"
}

@test "run prints id, unit, pid and cgroup, and the process is there" {
    run -0 hpcnode-ctl run --id shown -- sleep infinity
    has "id: shown" "unit: workload-shown.scope" "cgroup: /workload.slice/workload-shown.scope"
    pid=$(field pid "$output")
    [ "$(cat "$(dir shown)/payload/main/cgroup.procs")" = "$pid" ]
    [ "$(cat "/proc/$pid/comm")" = sleep ]
    run -0 hpcnode-ctl inspect shown
    has "state: running" "pid: $pid" "pids: $pid" "pid_count: 1" "priority: 50" "log: journal"
    [ "$(systemctl show --value -p ActiveState workload-shown.scope)" = active ]
}

@test "run -- ./a.out works from the caller's directory" {
    script a.out 'pwd' 'exit 11'
    run -11 hpcnode-ctl run --pipe -- ./a.out
    [ "$output" = "$BATS_TEST_TMPDIR" ]
}

# bats test_tags=trixie
@test "a bare program name is found in the job's PATH" {
    script only-here 'exit 12'
    run -12 hpcnode-ctl run --id path --wait --env PATH="$PWD:/usr/bin:/bin" -- only-here
    run -1 hpcnode-ctl run --wait -- only-here
    hpcnode-ctl run --wait -- true
}

# bats test_tags=trixie
@test "run --wait passes the exit status through, and 128 + the signal" {
    for status in 0 1 3 255; do
        run -$status hpcnode-ctl run --wait -- sh -c "exit $status"
    done
    # shellcheck disable=SC2016 # of the job's shell
    run -143 hpcnode-ctl run --id term --wait -- sh -c 'kill -TERM $$'
    run -0 hpcnode-ctl inspect term
    has "state: failed" "signal: 15"
    # shellcheck disable=SC2016
    run -137 hpcnode-ctl run --id kill --wait -- sh -c 'kill -KILL $$'
    run -0 hpcnode-ctl inspect kill
    has "state: killed" "signal: 9" "oom_killed: 0"
}

# bats test_tags=trixie
@test "run --pipe carries standard input, output and error byte for byte" {
    head -c 300000 /dev/urandom >in
    hpcnode-ctl run --pipe -- cat <in >out
    cmp in out
    hpcnode-ctl run --pipe -- sh -c 'cat >&2' <in 2>err >out
    cmp in err
    [ ! -s out ]
    run -5 hpcnode-ctl run --pipe -- sh -c 'exit 5' </dev/null
}

@test "a signal to a waiting run goes to the job" {
    script job 'trap "exit 7" TERM' 'echo up >up' 'while :; do sleep 1000 & wait; done'
    command hpcnode-ctl run --id signalled --wait -- ./job &
    client=$!
    await file up up
    kill -TERM $client
    wait $client || status=$?
    [ "$status" -eq 7 ]
}

# bats test_tags=trixie
@test "a job of another user has that user's identity, groups, home and nothing more" {
    run -0 hpcnode-ctl run --pipe --user alice --cwd / -- "$HELPERS/task-look"
    has uid=1000 gid=1000 cwd=/ env.USER=alice env.LOGNAME=alice env.HOME=/home/alice env.SHELL=/bin/bash
    [ "$(sed -n 's/^Groups=//p' <<<"$output" | xargs -n 1 | sort)" = "$(id -G alice | xargs -n 1 | sort)" ]
    run -0 hpcnode-ctl run --pipe --user 1000 --group nogroup --cwd / -- "$HELPERS/task-look"
    has uid=1000 gid=65534
}

@test "a job has its own environment: a base, and what it was given" {
    export NOT_PASSED=1 PASSED='with spaces, "quotes" and = signs'
    run -0 hpcnode-ctl run --pipe --env PASSED --env OTHER=two -- "$HELPERS/task-look"
    has 'env.PASSED=with spaces, "quotes" and = signs' env.OTHER=two env.USER=root env.HOME=/root
    run -0 env -- hpcnode-ctl run --pipe -- env
    run -0 bash -c "sed 's/=.*//' <<<'$output' | sort | paste -sd' '"
    [ "$output" = "HOME LANG LOGNAME PATH SHELL USER" ]
}

# bats test_tags=trixie
@test "run --log writes a file as the job's user, or nothing" {
    # The directories of bats are root's alone.
    logs=$(mktemp -d)
    chown alice "$logs"
    hpcnode-ctl run --wait --user alice --cwd / --log "file:$logs/job" -- sh -c 'echo to the file; echo and error >&2'
    [ "$(cat "$logs/job")" = $'to the file\nand error' ]
    [ "$(stat -c %U "$logs/job")" = alice ]
    rm -r "$logs"
    hpcnode-ctl run --id silent --wait --log null -- echo unheard
    [ -z "$(job_log silent)" ]
}

# bats test_tags=trixie
@test "a task started in a live scope is in a leaf of its own, and has its own exit status" {
    hpcnode-ctl create many
    run -0 hpcnode-ctl run --scope many --id one -- sleep infinity
    has "id: many/one" "cgroup: /workload.slice/workload-many.scope/payload/one"
    [ "$(cat "$(dir many)/payload/one/cgroup.procs")" = "$(field pid "$output")" ]
    run -9 hpcnode-ctl run --scope many --id two --wait -- sh -c 'exit 9'
    [ -d "$(dir many)/payload/one" ]
    await gone "$(dir many)/payload/two"
    run -0 hpcnode-ctl wait many/two
    has "exit: 9"
    [ "$(property many State)" = 's "active"' ]
}

@test "kill sends signals to main, and without a signal ends all of it" {
    script job 'trap "echo got it >got" USR1' 'echo up >up' 'while :; do sleep 1000 & wait; done'
    hpcnode-ctl run --id target -- ./job
    await file up up
    hpcnode-ctl kill target --signal USR1
    await file got "got it"
    hpcnode-ctl kill target
    run -0 hpcnode-ctl wait target
    has "state: killed" "signal: 9"
    run -1 hpcnode-ctl kill target
}

# bats test_tags=trixie
@test "kill --all reaches every process of a scope, or of a task" {
    mkfifo "$BATS_TEST_TMPDIR/up"
    script pair 'sleep infinity &' "echo up >'$BATS_TEST_TMPDIR/up'" 'exec sleep infinity'
    script deaf "trap '' USR1" "echo up >'$BATS_TEST_TMPDIR/up'" 'exec sleep infinity'
    hpcnode-ctl create whole
    hpcnode-ctl run --scope whole --id pair -- ./pair
    read -r _ <"$BATS_TEST_TMPDIR/up"
    # The task's own process ends, and not what it has started.
    run -0 bus-wait TaskExited:pair -- hpcnode-ctl kill --signal term whole/pair
    run -3 hpcnode-ctl empty --quiet whole
    run -0 bus-wait ScopeEmpty:whole -- hpcnode-ctl kill --signal sigterm --all whole/pair
    run -1 hpcnode-ctl kill --signal TERM --all whole/pair
    [[ $output == "error: "*"ended"* ]]

    hpcnode-ctl run --scope whole --id main -- ./deaf
    read -r _ <"$BATS_TEST_TMPDIR/up"
    hpcnode-ctl run --scope whole --id rank -- sleep infinity
    hpcnode-ctl kill --signal USR1 whole
    run -0 hpcnode-ctl inspect whole/rank
    has "state: running"
    run -0 bus-wait TaskExited:rank -- hpcnode-ctl kill --signal 10 --all whole
    run -0 hpcnode-ctl inspect whole/main
    has "state: running"
}

@test "kill of one task leaves the others" {
    hpcnode-ctl create both
    hpcnode-ctl run --scope both --id a -- sleep infinity
    hpcnode-ctl run --scope both --id b -- sleep infinity
    hpcnode-ctl kill both/a
    run -0 hpcnode-ctl wait both/a
    has "signal: 9"
    run -0 hpcnode-ctl inspect both/b
    has "state: running"
}

@test "run takes nice and no-new-privs" {
    run -0 hpcnode-ctl run --pipe --nice 7 --no-new-privs -- sh -c "ps -o ni= -p \$\$; exec $HELPERS/task-look"
    [ "${lines[0]// /}" = 7 ]
    has NoNewPrivs=1
}

# bats test_tags=trixie
@test "the record of a job stays until it is removed, and then its name is free" {
    run -4 hpcnode-ctl run --id again --wait -- sh -c 'exit 4'
    [ ! -e "$(dir again)" ]
    run -0 hpcnode-ctl wait again
    has "id: again" "state: failed" "exit: 4"
    start=$(field start_unix_ms "$output") end=$(field exit_unix_ms "$output")
    [ "$start" -gt 1500000000000 ] && [ "$start" -le "$end" ]
    run -0 hpcnode-ctl list
    [[ $output == *again*workload-again.scope*failed* ]]
    run -0 hpcnode-ctl inspect again
    has "state: failed"
    [[ $output != *$'\n'"pid: "* ]]
    hpcnode-ctl remove again
    run -1 hpcnode-ctl inspect again
    [[ $output == error:*again* ]]
    hpcnode-ctl run --id again --wait -- true
}

# bats test_tags=trixie
@test "what runs cannot be removed" {
    hpcnode-ctl run --id runs -- sleep infinity
    refused NotEmpty RemoveScope s runs
    mentions runs
    hpcnode-ctl run --id ended --wait -- true
    hpcnode-ctl run --id ended2 --wait -- true
    hpcnode-ctl freeze runs
    run -1 --separate-stderr hpcnode-ctl remove ended runs ended2
    # shellcheck disable=SC2154 # set by run --separate-stderr
    [[ $stderr == "error: runs is still running (frozen); \`hpcnode-ctl kill runs\` ends it" ]]
    run -1 hpcnode-ctl inspect ended
    run -1 hpcnode-ctl inspect ended2
}

@test "what is told to end a scope that cannot be removed does end it" {
    hpcnode-ctl create alloc
    run -1 --separate-stderr hpcnode-ctl remove alloc
    [[ $stderr == "error: alloc is still running (active); \`hpcnode-ctl destroy alloc\` ends it" ]]
    hpcnode-ctl destroy alloc
    hpcnode-ctl remove alloc
}

@test "list, inspect and metrics print JSON" {
    hpcnode-ctl create json
    run -0 hpcnode-ctl list --json=short
    [[ $output == '{"scopes":['*'"name":"json"'*'"unit":"workload-json.scope"'* ]]
    run -0 hpcnode-ctl inspect json --json=short
    [[ $output == *'"id":"json","state":"active","unit":"workload-json.scope"'*'"pid_count":0'* ]]
    run -0 hpcnode-ctl metrics json --json=short
    [[ $output == *'"cpu_usage_usec":0'*'"nr_processes":0'* ]]
}

@test "metrics reads any cgroup of the node, and a scope without its supervisor" {
    needs_controllers
    hpcnode-ctl run --id counted -- "$HELPERS/ignore-signals" 2
    for path in counted workload-counted.scope workload.slice/workload-counted.scope; do
        run -0 hpcnode-ctl metrics $path
        has "nr_processes: 3"
    done
    for path in workload.slice pact.slice/gpu.slice /sys/fs/cgroup/system.slice / init.scope; do
        run -0 hpcnode-ctl metrics $path
        [[ $output == *cpu_usage_usec:*nr_processes:* ]]
    done
    run -1 hpcnode-ctl metrics system.slice/no-such.service
    refused NotFound ReadMetrics s system.slice/no-such.service
    refused InvalidArgs ReadMetrics s workload.slice/../../../etc
}

@test "an empty scope is empty, and one with a process is not" {
    hpcnode-ctl create hollow
    run -0 hpcnode-ctl empty hollow
    [ "$output" = yes ]
    hpcnode-ctl run --scope hollow --id one -- sleep infinity
    run -0 hpcnode-ctl empty hollow
    [ "$output" = no ]
}
