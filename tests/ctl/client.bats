#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl and the client library against a stand-in daemon: what is sent, what is printed, and how
# it ends.

bats_require_minimum_version 1.5.0
load common

setup_file() {
    export FAKE_LOG=$BATS_FILE_TMPDIR/calls FAKE_FAULTS=$BATS_FILE_TMPDIR/faults
    start_bus "$BATS_FILE_TMPDIR" "$FAKE_DAEMON"
}

teardown_file() {
    stop_bus "$BATS_FILE_TMPDIR"
}

setup() {
    : >"$FAKE_LOG"
    : >"$FAKE_FAULTS"
}

# sent MEMBER TEXT...: the one call of MEMBER carried each TEXT.
sent() {
    local call
    call=$(tr -d '\n' <"$FAKE_LOG" | sed 's/ \+/ /g')
    [[ $call == *"Member=$1"* ]] || { cat "$FAKE_LOG"; false; }
    for text in "${@:2}"; do
        [[ $call == *"$text"* ]] || { echo "not sent: $text"; cat "$FAKE_LOG"; false; }
    done
}

@test "run prints id, unit, pid and cgroup" {
    run -0 --separate-stderr ctl run --id hello true
    [ "${lines[0]}" = "id: hello" ]
    [ "${lines[1]}" = "unit: workload-hello.scope" ]
    [[ ${lines[2]} =~ ^pid:\ [1-9][0-9]*$ ]]
    [ "${lines[3]}" = "cgroup: /workload.slice/workload-hello.scope" ]
    [ "${#lines[@]}" -eq 4 ]
    [ -z "$stderr" ]
}

@test "run without --id makes up a name" {
    run -0 ctl run true
    [[ ${lines[0]} =~ ^id:\ run-[0-9a-f]{8}$ ]]
}

@test "run sends limits and options by their D-Bus names and types" {
    cd /usr
    run -0 ctl run --id x --slice workload.slice/a --memory-max 64M --cpu-max 150000/100000 \
        --oom-group --cpuset-cpus 0 --io-max 2M --pids-max 10 --device /dev/null:rw --device-policy strict \
        --priority 7 --env A=1 --env B=2 --user nobody --log file:/tmp/l --nice -3 --no-new-privs \
        --require-path /mnt --require-path lib --service 'one 1' --service two --timeout 1h30min --force \
        -- printf %s --wait
    sent Run 'STRING "workload.slice/a"' 'STRING "MemoryMax"; VARIANT "t" { UINT64 67108864; }' \
        'STRING "CPUQuotaPerSecUSec"; VARIANT "t" { UINT64 1500000; }' \
        'STRING "CPUQuotaPeriodUSec"; VARIANT "t" { UINT64 100000; }' \
        'STRING "MemoryOOMGroup"; VARIANT "b" { BOOLEAN true; }' 'STRING "IOMax"; VARIANT "t" { UINT64 2097152; }' \
        'STRING "TasksMax"; VARIANT "t" { UINT64 10; }' 'STRING "AllowedCPUs"; VARIANT "ay"' \
        'STRING "DevicePolicy"; VARIANT "s" { STRING "strict"; }' \
        'STRING "DeviceAllow"; VARIANT "a(ss)" { ARRAY "(ss)" { STRUCT "ss" { STRING "/dev/null"; STRING "rw"; }; }; }' \
        'STRING "printf"; STRING "%s"; STRING "--wait";' \
        'STRING "WorkingDirectory"; VARIANT "s" { STRING "/usr"; }' \
        'STRING "Environment"; VARIANT "as" { ARRAY "s" { STRING "A=1"; STRING "B=2"; }; }' \
        'STRING "User"; VARIANT "s" { STRING "nobody"; }' 'STRING "Log"; VARIANT "s" { STRING "file:/tmp/l"; }' \
        'STRING "Nice"; VARIANT "i" { INT32 -3; }' 'STRING "NoNewPrivileges"; VARIANT "b" { BOOLEAN true; }' \
        'STRING "RequirePaths"; VARIANT "as" { ARRAY "s" { STRING "/mnt"; STRING "/usr/lib"; }; }' \
        'STRING "TimeoutUSec"; VARIANT "t" { UINT64 5400000000; }' \
        'STRING "Services"; VARIANT "aas" { ARRAY "as" { ARRAY "s" { STRING "/bin/sh"; STRING "-c"; STRING "one 1"; }; ARRAY "s" { STRING "/bin/sh"; STRING "-c"; STRING "two"; }; }; }' \
        'STRING "Priority"; VARIANT "u" { UINT32 7; }' 'STRING "Force"; VARIANT "b" { BOOLEAN true; }'
}

@test "a NUMA node is sent as its cpus and its memory" {
    [ -d /sys/devices/system/node/node0 ] || skip "no NUMA nodes here"
    run -0 ctl create one --cpuset-cpus "$(cat /sys/devices/system/node/node0/cpulist)" --cpuset-mems 0
    by_lists=$(grep -e Allowed -e BYTE "$FAKE_LOG")
    [ -n "$by_lists" ]
    : >"$FAKE_LOG"
    run -0 ctl create one --numa-node 0
    diff <(echo "$by_lists") <(grep -e Allowed -e BYTE "$FAKE_LOG")
}

@test "an io rule is sent as the disk's path with each of its numbers" {
    read -r number path <<<"$(some_disk)"
    [ -n "$path" ] || skip "no disk here"
    run -0 ctl run --id x --io-max "$number rbps=1M wiops=5" true
    sent Run "STRING \"IOReadBandwidthMax\"; VARIANT \"a(st)\" { ARRAY \"(st)\" { STRUCT \"st\" { STRING \"$path\"; UINT64 1048576; }; }; }" \
        "STRING \"IOWriteIOPSMax\"; VARIANT \"a(st)\" { ARRAY \"(st)\" { STRUCT \"st\" { STRING \"$path\"; UINT64 5; }; }; }"
}

@test "paths are relative to the caller, not to the job" {
    cd /usr
    run -0 ctl run --id x --cwd bin --log file:out.log true
    sent Run 'STRING "WorkingDirectory"; VARIANT "s" { STRING "/usr/bin"; }' \
        'STRING "Log"; VARIANT "s" { STRING "file:/usr/out.log"; }'
}

@test "--env with a name alone takes the caller's value" {
    FROM_HERE="a b" run -0 ctl run --id x --env FROM_HERE true
    sent Run 'STRING "FROM_HERE=a b"'
}

@test "run --wait ends with the job's exit status" {
    run -0 ctl run --id x --wait true
    run -42 ctl run --id x --wait -- sh -c 'exit 42'
    [ "${lines[0]}" = "id: x" ]
    run -143 ctl run --id x --wait -- sh -c 'kill -TERM $$'
    run -137 ctl run --id x --wait -- sh -c 'kill -KILL $$'
}

@test "a job that ran out of memory is said to have" {
    run -138 --separate-stderr ctl run --id x --wait -- sh -c 'kill -USR1 $$'
    [ "$stderr" = "job x was killed: out of memory (limit 64M)" ]
}

@test "a job that was killed for pressure is said to have been, and no other one" {
    run -137 --separate-stderr ctl run --id pressed --wait -- sh -c 'kill -KILL $$'
    [ "$stderr" = "job pressed was killed for pressure on the node; see hpcnode-ctl events pressed" ]
    run -143 --separate-stderr ctl run --id pressed --wait -- sh -c 'kill -TERM $$'
    [ -z "$stderr" ]
    run -137 --separate-stderr ctl run --id x --wait -- sh -c 'kill -KILL $$'
    [ -z "$stderr" ]
}

@test "run --pipe connects the job, and prints nothing of its own" {
    run -0 --separate-stderr ctl run --id x --pipe -- sh -c 'cat; echo err >&2' <<<"through"
    [ "$output" = "through" ]
    [ "$stderr" = "err" ]
}

@test "run --pipe lets go of its end of the pipe" {
    # The job closes its input and stays until the writer has noticed.
    run -0 timeout 20 bash -c "{ yes; touch '$BATS_TEST_TMPDIR/noticed'; } |
        '$CTL' run --id x --pipe -- sh -c 'exec <&-; until [ -e \"\$0\" ]; do sleep 0.05; done' \
        '$BATS_TEST_TMPDIR/noticed'"
}

@test "an interrupt ends the job gently, a second one for sure, and the result is reported" {
    # shellcheck disable=SC2016 # expanded by the job
    "$CTL" run --id x --wait -- sh -c 'trap "" TERM; echo ready >"$0"; while :; do sleep 0.1; done' \
        "$BATS_TEST_TMPDIR/ready" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    eventually test -s "$BATS_TEST_TMPDIR/ready"
    kill -TERM "$pid"
    eventually grep -q Member=KillScope "$FAKE_LOG"
    sent KillScope 'STRING "workload-x.scope"; INT32 15;'
    kill -TERM "$pid"
    # Only SIGKILL ends this job.
    eventually pid_gone "$pid" || kill -KILL "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 137 ]
    sent KillScope 'STRING "workload-x.scope"; INT32 9;'
}

@test "an error of the daemon is shown as it is, with exit status 1" {
    run -1 --separate-stderr ctl destroy missing
    [ -z "$output" ]
    [ "$stderr" = 'error: There is no scope "missing"' ]
    run -1 ctl freeze alien
    [ "$output" = "error: The scope \"alien\" is pact's" ]
    run -1 ctl run --id x --wait /nonexistent
    [ "$output" = "error: Cannot execute /nonexistent: No such file or directory" ]
}

@test "what cannot be sent is named" {
    for verb in inspect wait kill destroy empty "set --memory-max 64M" freeze; do
        # shellcheck disable=SC2086 # a verb with an option
        run -1 ctl $verb $'\xff'x
        [ "$output" = "error: \"\\xffx\" cannot be sent over D-Bus: it is not UTF-8 text" ] || { echo "$output"; false; }
    done
}

# fault LINE...: what the daemon does next, see fake-daemon.c.
fault() {
    printf '%s\n' "$@" >"$FAKE_FAULTS"
}

# came: that is done.
came() {
    [ ! -s "$FAKE_FAULTS" ]
}

called() {
    grep -c "Member=$1 *$" "$FAKE_LOG"
}

@test "a wait outlives a crash of the daemon" {
    fault "crash WaitScope"
    "$CTL" wait seven >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    eventually came
    # It is for others to start the daemon again.
    ctl ping
    wait "$pid"
    [ "$(called WaitScope)" -eq 2 ]
    grep -qx "id: seven" "$BATS_TEST_TMPDIR/out"
}

@test "a wait prints the outcome also when nothing else can be asked any more" {
    for member in GetScope GetAll Get; do
        fault "crash $member" "crash $member"
        run -0 --separate-stderr ctl wait seven
        came
        [ "$output" = $'id: seven\nstate: failed\nexit: 7\noom_killed: 0' ]
        [ -z "$stderr" ]
    done
}

@test "what only reads is asked once more when the daemon goes away" {
    while read -r member verb; do
        fault "crash $member"
        # shellcheck disable=SC2086 # a verb with its operand
        run -0 ctl $verb
        came || { echo "$verb does not call $member"; false; }
        # Of several that are under way at once the next daemon may get one, too: then it is not the repetition.
        [ "$member $verb" != "Get list" ] || continue
        fault "crash $member" "crash $member"
        # shellcheck disable=SC2086 # a verb with its operand
        run -1 ctl $verb
        came || { echo "$verb is not repeated after a lost $member"; false; }
        [[ $output == "error: no answer from hpcnode-cgroupd "* || $output == "error: cannot reach "* ]]
    done <<'END'
Get ping
ListScopes list
Get list
GetScope inspect one
GetAll inspect one
Get inspect one
IsScopeEmpty empty empty
ReadMetrics metrics /system.slice
SliceOwner owner system.slice
WhoAmI whoami
END
    # None lasts with the next daemon.
    fault "crash GetAll"
    run -3 ctl emergency status
    came
}

@test "what changes something is asked once, whatever happens" {
    while read -r member verb; do
        : >"$FAKE_LOG"
        fault "crash $member"
        # shellcheck disable=SC2086 # a verb with its operands
        run -1 --separate-stderr ctl $verb
        # shellcheck disable=SC2154 # set by run --separate-stderr
        [[ $stderr == "error: no answer from hpcnode-cgroupd "*"it may yet have done what it was asked"* ]]
        came
        [ "$(called "$member")" -eq 1 ]
    done <<'END'
CreateHierarchy hierarchy
CreateScope create x
DestroyScope destroy x
Run run --id x true
Spawn run --scope x --id t true
AttachProcesses attach x/t 1
FreezeScope freeze x
ThawScope thaw x
KillScope kill x
SetScopeLimits set x --memory-max 64M
RemoveScope remove x
DeclareEmergency emergency declare --reason x
EndEmergency emergency end
Drain drain
CancelDrain drain --cancel
KillAll kill --all x
END
}

@test "what only reads is asked once more when the bus goes away" {
    first=$BATS_TEST_TMPDIR/first next=$BATS_TEST_TMPDIR/next
    start_bus "$next" "$FAKE_DAEMON"
    start_bus "$first" "$FAKE_DAEMON"
    fault "mute SliceOwner"
    "$CTL" owner pact.slice >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    eventually came
    # The next bus listens where the first did, which must not tidy up.
    ln -f "$next/bus" "$first/bus"
    kill -KILL "$(cat "$first/bus.pid")"
    status=0
    wait "$pid" || status=$?
    stop_bus "$next"
    [ "$status" -eq 0 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = pact ]
}

@test "a connection that was lost between two calls is made anew" {
    first=$BATS_TEST_TMPDIR/first next=$BATS_TEST_TMPDIR/next
    start_bus "$next" "$FAKE_DAEMON"
    start_bus "$first" "$FAKE_DAEMON"
    coproc HANDLE { "$FREEZE_EACH" 3>&-; }
    echo one >&"${HANDLE[1]}"
    read -r answer <&"${HANDLE[0]}"
    [ "$answer" = "one is frozen" ]
    # The next bus listens where the first did, which must not tidy up.
    ln -f "$next/bus" "$first/bus"
    pid=$(cat "$first/bus.pid")
    kill -KILL "$pid"
    eventually pid_gone "$pid"
    echo two >&"${HANDLE[1]}"
    read -r answer <&"${HANDLE[0]}"
    stop_bus "$next"
    [ "$answer" = "two is frozen" ] || { echo "$answer"; false; }
}

@test "a daemon that cannot be started, or is not there, is said so at once" {
    for daemon in /bin/false ""; do
        bus=$(mktemp -d -p "$BATS_TEST_TMPDIR")
        start_bus "$bus" "$daemon"
        for verb in ping list "wait x" "destroy x"; do
            # shellcheck disable=SC2086 # a verb with its operand
            run timeout 20 "$CTL" $verb
            [[ $status -eq 1 && $output == "error: cannot reach hpcnode-cgroupd: "*"systemctl status hpcnode-cgroupd" ]] ||
                { echo "$output"; stop_bus "$bus"; false; }
            # shellcheck disable=SC2086 # a verb with its operand
            DBUS_SESSION_BUS_ADDRESS=$DBUS_SYSTEM_BUS_ADDRESS run timeout 20 "$CTL" --user $verb
            [[ $status -eq 1 && $output == "error: cannot reach "*"systemctl --user status hpcnode-cgroupd" ]] ||
                { echo "$output"; stop_bus "$bus"; false; }
        done
        stop_bus "$bus"
    done
}

@test "a cpu quota comes out of the kernel as it was given" {
    # 370353.7 µs a second, which systemd turns into 12344 of 33333 when it is rounded down.
    run -0 ctl run --id x --cpu-max 12345/33333 true
    sent Run 'STRING "CPUQuotaPerSecUSec"; VARIANT "t" { UINT64 370354; }'
}

@test "run --scope starts a task, named by scope and task" {
    run -0 ctl run --scope one --id rank-0 true
    [ "${lines[0]}" = "id: one/rank-0" ]
    [ "${lines[1]}" = "unit: workload-one.scope" ]
    [[ ${lines[2]} == "pid: "* ]]
    [ "${lines[3]}" = "cgroup: /workload.slice/some.scope/payload/rank-0" ]
    sent Spawn 'STRING "one"; STRING "rank-0";'
}

@test "run --scope sends limits as the task's own" {
    run -0 ctl run --scope one --id rank-0 --memory-max 64M --cpu-weight 7 --force true
    sent Spawn 'STRING "Limits"; VARIANT "a{sv}" { ARRAY "{sv}" { DICT_ENTRY "sv" { STRING "MemoryMax"; VARIANT "t" { UINT64 67108864; }; };'
    sent Spawn 'STRING "CPUWeight"; VARIANT "t" { UINT64 7; };'
    sent Spawn 'STRING "Force"; VARIANT "b" { BOOLEAN true; }'
}

@test "attach sends scope, task and pids; a task that is not named gets a name" {
    run -0 ctl attach one/rank-0 12 7
    [[ ${lines[0]} == "id: "* ]]
    sent AttachProcesses 'STRING "one"; STRING "rank-0"; ARRAY "u" { UINT32 12; UINT32 7; };'
    run -0 ctl attach /workload.slice/one.scope 12
    sent AttachProcesses 'STRING "/workload.slice/one.scope"; STRING "attach-'
}

@test "create sends limits and the rest in one dictionary" {
    run -0 ctl create x --memory-high 1G --priority 3 --release-on-empty --force --description "a b"
    [ "${lines[0]}" = "id: x" ]
    [ "${lines[1]}" = "unit: workload-x.scope" ]
    [ "${lines[2]}" = "cgroup: /workload.slice/some.scope" ]
    sent CreateScope 'STRING "workload.slice"; STRING "x"' \
        'STRING "MemoryHigh"; VARIANT "t" { UINT64 1073741824; }' 'STRING "Priority"; VARIANT "u" { UINT32 3; }' \
        'STRING "ReleaseOnEmpty"; VARIANT "b" { BOOLEAN true; }' 'STRING "Description"; VARIANT "s" { STRING "a b"; }' \
        'STRING "Force"; VARIANT "b" { BOOLEAN true; }'
}

@test "kill sends SIGKILL, or what it is told" {
    run -0 ctl kill x
    sent KillScope 'STRING "x"; INT32 9;'
    run -0 ctl kill x/main --signal usr1
    sent KillScope 'STRING "x/main"; INT32 10;'
}

@test "destroy, freeze, thaw, set and remove print nothing" {
    for verb in "destroy x" "freeze x" "thaw x" "set x --memory-max 64M" "remove x"; do
        # shellcheck disable=SC2086 # a verb with its operand
        run -0 ctl $verb
        [ -z "$output" ]
    done
    sent SetScopeLimits 'STRING "MemoryMax"; VARIANT "t" { UINT64 67108864; }'
}

@test "metrics are spelled as the kernel does; what is absent is left out" {
    run -0 ctl metrics /system.slice
    [ "$output" = "$(printf '%s\n' "memory_current: 4096" "cpu_usage_usec: 1500" "nr_processes: 3")" ]
    run -0 ctl --json short metrics /system.slice
    [ "$output" = '{"memory_current":4096,"cpu_usage_usec":1500,"nr_processes":3}' ]
}

@test "empty says yes or no; with --quiet the exit status does" {
    run -0 ctl empty empty
    [ "$output" = yes ]
    run -0 ctl empty full
    [ "$output" = no ]
    run -0 ctl empty --quiet empty
    [ -z "$output" ]
    run -3 ctl empty -q full
    [ -z "$output" ]
    run -1 ctl empty --quiet missing
    run -0 ctl empty full --json=short
    [ "$output" = '{"empty":false}' ]
}

@test "owner says pact or none" {
    run -0 ctl owner pact.slice/gpu.slice
    [ "$output" = pact ]
    run -0 ctl owner system.slice
    [ "$output" = none ]
}

@test "hierarchy prints the slices" {
    run -0 ctl hierarchy
    [ "$output" = $'pact.slice\nworkload.slice' ]
    run -0 ctl hierarchy --json short
    [ "$output" = '{"slices":["pact.slice","workload.slice"]}' ]
}

@test "inspect leaves out what is not known" {
    run -0 ctl inspect one
    [ "$output" = "$(printf '%s\n' "id: one" "state: running" "unit: workload-one.scope" \
        "cgroup: /workload.slice/some.scope" "pid: 4242" "pid_count: 2" "pids: 4242 4243" \
        "memory_current: 1610612736" "cpu_usage_usec: 200000000" \
        "memory_pressure_some: avg10=12.34 avg60=0.05 total_usec=77" "cpu_max: 75000/50000" "io_max: 1048576" \
        "io_max_rule_count: 2" \
        "frozen_by: client pressure" "demoted: 1" \
        "task_count: 4" "tasks: main rank-a rank-b past")" ] || { diff <(echo "$output") /dev/null; false; }
    run -0 ctl inspect one --json=short
    [[ $output == '{"id":"one","state":"running","unit":"workload-one.scope",'*'"pids":[4242,4243]'* ]]
}

@test "list has a line a scope, also for one that is just gone" {
    run -0 ctl list
    [[ ${lines[0]} =~ ^NAME\ +UNIT\ +STATE\ +PID\ +CGROUP$ ]]
    [[ ${lines[1]} =~ ^one\ +workload-one.scope\ +running\ +4242\ +/workload.slice/workload-one.scope$ ]]
    [[ ${lines[4]} =~ ^workload-gone.scope\ +workload-gone.scope\ +failed\ +-\ +/workload ]]
    [ "${#lines[@]}" -eq 5 ]
    run -0 ctl list --no-legend
    [[ ${lines[0]} == "one "* ]]
    run -0 ctl list --json=short
    [[ $output == '{"scopes":[{"name":"one","unit":"workload-one.scope","state":"running","pid":4242,'* ]]
    run -0 ctl list --json=pretty
    [ "${#lines[@]}" -gt 10 ]
}

@test "emergency declares, ends, and says whether one lasts and until when" {
    run -0 ctl emergency declare --reason 'fabric is "down"' --duration 1h30min
    [ -z "$output" ]
    sent DeclareEmergency 'STRING "fabric is "down"";' 'UINT64 5400000000;'
    run -0 ctl emergency status
    [ "${lines[0]}" = "active: 1" ]
    [ "${lines[1]}" = 'reason: fabric is "down"' ]
    [ "${lines[2]}" = "until_unix_ms: 4102450200000" ]
    [[ ${lines[3]} =~ ^remaining_sec:\ [0-9]+$ ]]
    [ "${#lines[@]}" -eq 4 ]
    run -0 ctl emergency status --json=short
    [[ $output == '{"active":true,"reason":"fabric is \"down\"","until_unix_ms":4102450200000,"remaining_sec":'* ]]
    : >"$FAKE_LOG"
    run -0 ctl emergency end
    [ -z "$output" ]
    sent EndEmergency
    run -3 ctl emergency status
    [ "$output" = "active: 0" ]
    run -3 ctl emergency status --json=short
    [ "$output" = '{"active":false}' ]
}

@test "an emergency lasts as long as the daemon lets it when nothing is said" {
    run -0 ctl emergency declare --reason x
    sent DeclareEmergency 'UINT64 0;'
    ctl emergency end
}

@test "ping prints version and round trip" {
    run -0 ctl ping
    [ "${lines[0]}" = "version: 0.0-fake" ]
    [[ ${lines[1]} =~ ^round_trip_usec:\ [0-9]+$ ]]
}

@test "whoami prints what the daemon takes the caller for, and what that may do" {
    run -0 ctl whoami
    [ "$output" = "principal: pact
uid: 4711
unit: pact-agent.service
may_change: pact.slice
may_in_emergency: workload.slice" ]
    run -0 ctl --json short whoami
    [[ $output == '{"principal":"pact","uid":4711,"unit":"pact-agent.service","may_change":"pact.slice"'* ]]
}

@test "what cannot be printed is an error" {
    run -1 --separate-stderr bash -c "'$CTL' list >/dev/full"
    [[ $stderr == "error: cannot write to standard output"* ]]
    # Of a job that was waited for, and whose end is no error.
    run -1 --separate-stderr bash -c "'$CTL' run -q --wait -- true >/dev/full"
    [[ $stderr == "error: cannot write to standard output"* ]]
}

@test "drain begins, waits and cancels by a call each" {
    run -0 ctl drain --kill --reason 'fabric is "down"'
    sent Drain 'BOOLEAN true;' 'STRING "fabric is "down"";'
    sent WaitDrained
    : >"$FAKE_LOG"
    run -0 ctl drain --no-wait
    [ -z "$output" ]
    sent Drain 'BOOLEAN false;' 'STRING "";'
    [ "$(called WaitDrained)" -eq 0 ]
    run -0 ctl drain --cancel
    sent CancelDrain
}
