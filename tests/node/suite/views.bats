#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What hpcnode-ctl shows of a node with a lot on it: list, tree, stats, inspect.
# bats file_tags=native

load lib

@test "500 jobs are 500 lines, 500 objects and 500 branches" {
    seq 500 | xargs -P 4 -I{} hpcnode-ctl run -q --id job-{} -- sleep infinity >"$BATS_TEST_TMPDIR/ids"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/ids")" -eq 500 ]
    diff <(sort "$BATS_TEST_TMPDIR/ids") <(hpcnode-ctl list -q | sort)
    [ "$(hpcnode-ctl list --no-legend | grep -c ' running ')" -eq 500 ]
    [ "$(hpcnode-ctl list -q 'job-4*' | wc -l)" -eq 111 ]
    hpcnode-ctl list --json=short -o +procs,started,priority >"$BATS_TEST_TMPDIR/json"
    [ "$(grep -o '"state":"running",.*"nr_processes":1,"start_unix_ms":[0-9]*,"priority":50}' "$BATS_TEST_TMPDIR/json" |
        grep -o '"nr_processes":1,' | wc -l)" -eq 500 ]
    run -0 hpcnode-ctl stats
    has "scopes: 500" "scopes_running: 500" "tasks: 500" "emergency: 0"
    hpcnode-ctl tree --no-legend workload.slice >"$BATS_TEST_TMPDIR/tree"
    [ "$(grep -c 'sleep infinity' "$BATS_TEST_TMPDIR/tree")" -eq 500 ]
}

@test "tasks are listed under their scope, with what they use" {
    hpcnode-ctl create held
    for i in 1 2 3; do
        hpcnode-ctl run --scope held --id "rank-$i" -- sleep "10$i"
    done
    hpcnode-ctl freeze held/rank-2
    hpcnode-ctl kill held/rank-3
    hpcnode-ctl wait held/rank-3
    run -0 hpcnode-ctl list --no-legend -o name,state,procs,exit,signal held
    [[ ${lines[0]} =~ ^held\ +active\ +2\ +-\ +-$ ]]
    [[ ${lines[1]} =~ ^held/rank-1\ +running\ +1\ +-\ +-$ ]]
    [[ ${lines[2]} =~ ^held/rank-2\ +frozen\ +1\ +-\ +-$ ]]
    [ "${#lines[@]}" -eq 3 ]
    run -0 hpcnode-ctl list --all --no-legend -o name,state,signal held/rank-3
    [[ $output =~ ^held/rank-3\ +killed\ +KILL$ ]]
    run -0 hpcnode-ctl inspect held
    has "task_count: 3" "tasks: rank-1 rank-2 rank-3"
    run -0 hpcnode-ctl inspect held/rank-1
    [[ $output == *$'\n'cpu_usage_usec:* ]]
    run -0 hpcnode-ctl tree --no-legend held
    [[ ${lines[0]} == workload.slice* ]]
    [[ ${lines[1]} == "└─workload-held.scope "*active* ]]
    [[ ${lines[3]} == "  │ └─sleep 101 "* ]]
    [[ ${lines[5]} == "    └─sleep 102 "* ]]
    [[ $(hpcnode-ctl tree --json=short held) == *'"name":"sleep 101",'*'"kind":"process"}'* ]]
}

@test "top has what keeps a cpu busy first, a job or a task" {
    hpcnode-ctl run --id idle -- sleep infinity
    # shellcheck disable=SC2016 # expanded by the job
    hpcnode-ctl run --id busy -- sh -c 'while :; do :; done'
    run -0 hpcnode-ctl top --delay 1 --no-legend
    [[ ${lines[0]} =~ ^busy\ +running\ +1\ +1\ +([0-9]+)\.[0-9][0-9]\  ]]
    # Whatever else the node does.
    [ "${BASH_REMATCH[1]}" -ge 20 ]
    [[ ${lines[1]} == "idle "* && ${#lines[@]} -eq 2 ]]
    hpcnode-ctl destroy busy
    hpcnode-ctl run --scope idle --id spin -- sh -c 'while :; do :; done'
    run -0 hpcnode-ctl top --delay 1 --no-legend 'idle/*'
    [[ ${lines[0]} == "idle/spin "* ]]
    run -0 hpcnode-ctl top --delay 1 --json=short
    [[ $output =~ \{\"name\":\"idle/spin\",\"state\":\"running\",\"task_count\":null,\"nr_processes\":1,\"cpu_permyriad\":[0-9]{4,5}, ]]
}

@test "stats tells how long the daemon has been running" {
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl stats
    [ "$(field uptime_sec "$output")" -lt 60 ]
}

@test "stats tells the pressure of the node as the kernel does, or that there is none" {
    run -0 hpcnode-ctl stats
    if [ -e "$CGROUPS/cpu.pressure" ] && cat "$CGROUPS/cpu.pressure" >/dev/null; then
        [[ $output =~ node_cpu_pressure_some:\ avg10=[0-9.]+\ avg60=[0-9.]+\ avg300=[0-9.]+\ total_usec=[0-9]+ ]]
    else
        has "node_pressure: not available"
    fi
}
