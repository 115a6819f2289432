#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The emergency: who may declare it, what it allows and what not, that each act is recorded before it is
# done, and that nothing but its end and its time ends it.

# shellcheck disable=SC2030,SC2031,SC2034 # tests are not subshells of each other, and lib uses RECORD

load lib

setup() {
    SINCE=@$(date +%s.%6N)
    hpcnode-ctl run --id job -- sleep infinity
}

teardown() {
    [ ! -e /run/systemd/journal/socket.away ] || mend_journal
    systemctl start hpcnode-cgroupd
    hpcnode-ctl emergency end
    remove_all
}

declare_emergency() {
    as pact hpcnode-ctl emergency declare --reason "${1-fabric is down}" "${@:2}"
}

# Seconds in which a node can do a few things, and that a test can wait for.
short() {
    [ "$NODE_KIND" = vm ] && echo 30 || echo 6
}

# The time itself is what is waited for; nothing else tells that it is over while the daemon is away.
let_pass() {
    sleep "$1"
}

frozen() {
    [[ $(content "$(dir job)/payload/cgroup.events") == *"frozen $1"* ]]
}

# What pact may do during an emergency only.
emergency_required() {
    CALLER=pact refused EmergencyRequired FreezeScope s job
    mentions /workload.slice/workload-job.scope workload emergency
    CALLER=pact refused EmergencyRequired ThawScope s job
    CALLER=pact refused EmergencyRequired KillScope si job 9
    CALLER=pact refused EmergencyRequired KillScope si job/main 15
    CALLER=pact refused EmergencyRequired FreezeScope s job/main
}

# What pact may never do in workload.slice.
all_else_is_denied() {
    while read -r method; do
        # shellcheck disable=SC2086 # words of a call
        CALLER=pact refused PermissionDenied $method
        mentions workload
    done <<'END'
CreateScope ssa{sv} workload.slice mine 0
Run ssa{sv}asa{sv} workload.slice mine 0 1 true 0
Spawn ssasa{sv} job mine 1 true 0
SetScopeLimits sa{sv} job 1 CPUWeight t 1
OpenScope ss job mine
AttachProcesses ssau job mine 1 1
DestroyScope s job
RemoveScope s job
END
}

# bats test_tags=trixie
@test "without an emergency pact may not freeze, thaw or kill, and is told what it takes" {
    emergency_required
    all_else_is_denied
    frozen 0
    run -3 hpcnode-ctl emergency status
    [ "$output" = "active: 0" ]
    run ! grep emergency <(records)
}

# bats test_tags=bookworm
@test "while one lasts pact may freeze, thaw and kill, and nothing else" {
    declare_emergency
    as pact hpcnode-ctl freeze job
    frozen 1
    run -0 hpcnode-ctl inspect job
    has "state: frozen" "frozen_by: emergency"
    all_else_is_denied
    as pact hpcnode-ctl thaw job
    frozen 0
    as pact hpcnode-ctl freeze job/main
    run -0 hpcnode-ctl inspect job/main
    has "state: frozen"
    as pact hpcnode-ctl thaw job/main
    as pact hpcnode-ctl kill job --signal CONT
    as pact hpcnode-ctl kill job
    run -0 hpcnode-ctl wait job
    has "state: killed" "signal: 9"
}

# bats test_tags=bookworm
@test "pact's agent, which is root, is pact" {
    systemd-run -q --wait --pipe --collect --unit pact-agent.service hpcnode-ctl emergency declare --reason "fabric is down"
    record emergency.declare
    says caller_uid=0 caller_unit=pact-agent.service
    systemd-run -q --wait --pipe --collect --unit pact-agent.service hpcnode-ctl freeze job
    run -0 hpcnode-ctl inspect job
    has "frozen_by: emergency"
    record emergency.freeze job
    says caller_uid=0 caller_unit=pact-agent.service
}

# bats test_tags=native
@test "the tree's owner and root need none, and do nothing by it" {
    declare_emergency
    as lattice hpcnode-ctl freeze job
    hpcnode-ctl thaw job
    hpcnode-ctl freeze job
    run -0 hpcnode-ctl inspect job
    has "frozen_by: client"
    [ "$(types job)" = "cgroup.create job.start job.freeze job.thaw job.freeze" ]
    # In its own tree pact is not by emergency either.
    as pact hpcnode-ctl run --slice pact.slice --id own --cwd / -- sleep infinity
    as pact hpcnode-ctl kill own
    as pact hpcnode-ctl wait own
    run ! grep emergency <(records own)
}

# bats test_tags=trixie
@test "pact and root may declare and end one, nobody else may" {
    for user in lattice nobody; do
        CALLER=$user refused PermissionDenied DeclareEmergency st "mine" 0
    done
    run -3 as nobody hpcnode-ctl emergency status
    hpcnode-ctl emergency declare --reason "by root"
    for user in lattice nobody; do
        CALLER=$user refused PermissionDenied EndEmergency
    done
    run -0 as nobody hpcnode-ctl emergency status
    has "reason: by root"
    as pact hpcnode-ctl emergency end
    record emergency.declare
    says caller_uid=0
    record emergency.end
    says reason=ended "caller_uid=$(id -u pact)"
}

# bats test_tags=bookworm
@test "each act is recorded before it is done, with who, why and what" {
    local pact
    pact=$(id -u pact)
    declare_emergency "fabric is down"
    hpcnode-ctl run --scope job --id rank-0 -- sleep infinity
    as pact hpcnode-ctl freeze job
    as pact hpcnode-ctl freeze job # it is already
    as pact hpcnode-ctl thaw job
    as pact hpcnode-ctl freeze job/rank-0
    as pact hpcnode-ctl thaw job/rank-0
    as pact hpcnode-ctl kill job/rank-0 --signal USR1
    as pact hpcnode-ctl kill job --signal TERM
    hpcnode-ctl wait job
    [ "$(types job)" = "cgroup.create job.start emergency.freeze job.freeze emergency.freeze emergency.thaw job.thaw \
emergency.freeze emergency.thaw emergency.kill emergency.kill job.kill job.exit job.cleanup cgroup.destroy" ]
    RECORD=$(records job | grep -m1 " type=emergency.freeze ")
    says scope=job unit=workload-job.scope cgroup=/workload.slice/workload-job.scope 'reason="fabric is down"' \
        "caller_uid=$pact" caller_pid= !task !signal
    RECORD=$(records job | grep " type=emergency.thaw " | tail -n 1)
    says 'reason="fabric is down"' task=rank-0 "caller_uid=$pact"
    RECORD=$(records job | grep -m1 " type=emergency.kill ")
    says 'reason="fabric is down"' task=rank-0 signal=10 "caller_uid=$pact"
    RECORD=$(records job | grep " type=emergency.kill " | tail -n 1)
    says task=main signal=15 "caller_uid=$pact"
    # Among what the job itself has written, and explained.
    run -0 journalctl -q -x -u workload-job.scope HPCNODE_TYPE=emergency.kill HPCNODE_TASK=main
    [[ $output == *"workload-job.scope: to be sent a signal by emergency, only its task main: fabric is down"* ]]
    [[ $output == *"Signal 15 is to be sent to workload-job.scope by emergency: fabric is down"* ]]
}

# bats test_tags=native
@test "it shows until when it lasts, and is announced" {
    local now until
    now=$(date +%s)
    run -0 bus-wait EmergencyDeclared:down -- hpcnode-ctl emergency declare --reason down --duration 30min
    until=${output##* }
    [ "$((until / 1000000))" -ge $((now + 1800)) ]
    [ "$((until / 1000000))" -le $(($(date +%s) + 1801)) ]
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Emergency)" = "b true" ]
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" EmergencyReason)" = 's "down"' ]
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" EmergencyUntil)" = "t $until" ]
    run -0 hpcnode-ctl emergency status
    has "active: 1" "reason: down" "until_unix_ms: $((until / 1000))"
    [ "$(field remaining_sec "$output")" -gt 1000 ]
    record emergency.declare
    says reason=down "until_unix_ms=$((until / 1000))"
    run -0 systemctl show -P StatusText hpcnode-cgroupd
    [ "$output" = "Emergency until $(date -u -d "@$((until / 1000000))" +%FT%TZ): down" ]
    run -0 bus-wait EmergencyEnded:ended -- hpcnode-ctl emergency end
    run -3 hpcnode-ctl emergency status
    [ "$output" = "active: 0" ]
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" EmergencyUntil)" = "t 0" ]
    run -0 systemctl show -P StatusText hpcnode-cgroupd
    [[ $output == "Serving "* ]]
}

# bats test_tags=native
@test "a change of it is a change of the properties" {
    local signals seen
    exec {signals}< <(exec timeout 120 busctl monitor \
        --match "type='signal',member='PropertiesChanged',path='$BUS_PATH'" 2>&1)
    monitor=$!
    grep -qm1 "^Monitoring" <&"$signals"
    hpcnode-ctl emergency declare --reason "down" --duration 1s
    seen=$(sed '/BOOLEAN false/q' <&"$signals" | tr -s ' \n' ' ')
    kill $monitor
    exec {signals}<&-
    [[ $seen == *'STRING "Emergency"; VARIANT "b" { BOOLEAN true; };'*'STRING "EmergencyReason"; VARIANT "s" { STRING "down"; };'*'STRING "EmergencyUntil"; VARIANT "t" { UINT64 '[1-9]*'STRING "Emergency"; VARIANT "b" { BOOLEAN false;'* ]] ||
        { echo "$seen"; false; }
}

# bats test_tags=native
@test "when its time is over, an emergency is required again, and what was frozen stays frozen" {
    declare_emergency "fabric is down" --duration "$(short)s"
    as pact hpcnode-ctl freeze job
    run -0 bus-wait EmergencyEnded:expired -- true
    emergency_required
    frozen 1
    run -0 hpcnode-ctl inspect job
    has "state: frozen" "frozen_by: emergency"
    record emergency.end
    says reason=expired !caller_uid
    [ ! -e "$STATE_DIR/emergency" ]
    systemctl restart hpcnode-cgroupd
    frozen 1
    # Until its owner thaws it.
    as lattice hpcnode-ctl thaw job
    frozen 0
    run -0 hpcnode-ctl inspect job
    has "state: running"
    [[ $output != *frozen_by* ]]
}

# bats test_tags=bookworm
@test "when it is ended, an emergency is required again, and what was frozen stays frozen" {
    declare_emergency
    as pact hpcnode-ctl freeze job
    as pact hpcnode-ctl emergency end
    as pact hpcnode-ctl emergency end # no error
    emergency_required
    frozen 1
    [ "$(property job FrozenBy)" = 'as 1 "emergency"' ]
    record emergency.end
    hpcnode-ctl thaw job
    frozen 0
}

# bats test_tags=bookworm
@test "who froze it is a set, and a thaw by the owner or by emergency clears all of it" {
    declare_emergency
    hpcnode-ctl freeze job
    as pact hpcnode-ctl freeze job
    [ "$(property job FrozenBy)" = 'as 2 "client" "emergency"' ]
    systemctl restart hpcnode-cgroupd
    [ "$(property job FrozenBy)" = 'as 2 "client" "emergency"' ]
    as lattice hpcnode-ctl thaw job
    [ "$(property job FrozenBy)" = 'as 0' ]
    frozen 0
    hpcnode-ctl freeze job
    as pact hpcnode-ctl thaw job
    [ "$(property job FrozenBy)" = 'as 0' ]
    frozen 0
}

# bats test_tags=native
@test "a restart of the daemon and a kill -9 in between change nothing" {
    declare_emergency
    as pact hpcnode-ctl freeze job
    hpcnode-ctl emergency status >"$BATS_TEST_TMPDIR/before"
    for restart in "systemctl restart hpcnode-cgroupd" crash; do
        $restart
        systemctl start hpcnode-cgroupd # ready when that returns, and so its status is there
        diff <(grep -v remaining "$BATS_TEST_TMPDIR/before") <(hpcnode-ctl emergency status | grep -v remaining)
        run -0 systemctl show -P StatusText hpcnode-cgroupd
        [[ $output == "Emergency until "*": fabric is down" ]]
        frozen 1
        [ "$(property job FrozenBy)" = 'as 1 "emergency"' ]
        as pact hpcnode-ctl thaw job
        as pact hpcnode-ctl freeze job
        all_else_is_denied
    done
    record emergency.declare
    run ! record emergency.end
    as pact hpcnode-ctl kill job
    hpcnode-ctl wait job
}

# bats test_tags=native
@test "it ends in time over a restart, and while the daemon is away" {
    declare_emergency "first" --duration "$(short)s"
    systemctl restart hpcnode-cgroupd
    run -0 bus-wait EmergencyEnded:expired -- true
    emergency_required
    record emergency.end
    SINCE=@$(date +%s.%6N)
    declare_emergency "second" --duration "$(short)s"
    systemctl stop hpcnode-cgroupd
    let_pass "$(short)"
    run -0 bus-wait EmergencyEnded:expired -- systemctl start hpcnode-cgroupd
    emergency_required
    record emergency.end
    says reason=expired !caller_uid
    crash
    run -3 hpcnode-ctl emergency status
    record emergency.end # and not again
}

# bats test_tags=native
@test "one that is declared while one lasts replaces it, for longer or shorter" {
    local until
    hpcnode-ctl emergency declare --reason "first" --duration "$(short)s"
    hpcnode-ctl emergency declare --reason "second"
    run -0 hpcnode-ctl emergency status
    has "reason: second"
    until=$(field until_unix_ms "$output")
    [ "$until" -gt $((($(date +%s) + 4 * 3600 - 160) * 1000)) ]
    let_pass "$(short)"
    run -0 hpcnode-ctl emergency status
    has "reason: second" "until_unix_ms: $until"
    run -0 bus-wait EmergencyEnded:expired -- hpcnode-ctl emergency declare --reason "third" --duration 1s
    [ "$(records | grep -c " type=emergency.declare ")" -eq 3 ]
    record emergency.end
}

# bats test_tags=native
@test "a reason is one line, a duration 1 s to 4 h, and all else is refused and changes nothing" {
    for reason in "" "  " $'two\nlines' $'\e[2J' $'cr\rlf' "$(printf 'a%.0s' {1..256})"; do
        refused InvalidArgs DeclareEmergency st "$reason" 0
        mentions "reason" "one line" "255"
    done
    for duration in 1 999999 14400000001 18446744073709551615; do
        refused InvalidArgs DeclareEmergency st "down" $duration
        mentions "$duration" 1000000 14400000000
    done
    run -3 hpcnode-ctl emergency status
    [ ! -e "$STATE_DIR/emergency" ]
    run ! grep emergency <(records)
    call DeclareEmergency st "down" 14400000000
    refused InvalidArgs DeclareEmergency st $'two\nlines' 0
    run -0 hpcnode-ctl emergency status
    has "reason: down"
}

# bats test_tags=native
@test "a record cannot be forged by a reason" {
    local reason=$'down" type=job.exit state=killed \\" HPCNODE_TYPE=job.exit ü'
    declare_emergency "$reason"
    as pact hpcnode-ctl freeze job
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl emergency status
    has "reason: $reason"
    as pact hpcnode-ctl emergency end
    [ "$(records | grep -c " type=job.exit ")" -eq "$(records | grep -c "reason=\"down")" ]
    for type in declare freeze; do
        record emergency.$type
        says 'reason="down\" type=job.exit state=killed \\\" HPCNODE_TYPE=job.exit \xc3\xbc"'
    done
    journalctl --sync
    [ -z "$(journalctl -q --since "$SINCE" HPCNODE_TYPE=job.exit HPCNODE_SCOPE=job)" ]
    run -0 journalctl -q -o json HPCNODE_TYPE=emergency.freeze --since "$SINCE"
    [ "${#lines[@]}" -eq 1 ]
    [ "$(hpcnode-ctl events --json=short --since "$SINCE" | sed -n 's/.*"type":"emergency.freeze".*"reason":\(".*"\),"caller_uid.*/\1/p')" = \
        '"down\" type=job.exit state=killed \\\" HPCNODE_TYPE=job.exit ü"' ]
}

# The state as some file says it is.
restart_with() {
    local cursor
    systemctl stop hpcnode-cgroupd
    cat >"$STATE_DIR/emergency"
    cursor=$(log_cursor)
    systemctl start hpcnode-cgroupd
    await_log "cannot read $STATE_DIR/emergency" "$cursor"
    run -3 hpcnode-ctl emergency status
    emergency_required
    [ ! -e "$STATE_DIR/emergency" ]
}

# bats test_tags=native
@test "a state file that is not whole, or cannot be, makes no emergency, and is told" {
    local whole
    declare_emergency
    whole=$(<"$STATE_DIR/emergency")
    head -c $((${#whole} / 2)) <<<"$whole" | restart_with
    grep -v ^end= <<<"$whole" | restart_with
    grep -v ^reason= <<<"$whole" | restart_with
    restart_with <<<"${whole/reason=fabric/reason=two\\nlines}"
    restart_with <<<"${whole/until_boot_usec=/until_boot_usec=99}"
    restart_with <<<"${whole/until_boot_usec=/until_boot_usec=soon}"
    restart_with </dev/null
    head -c 4096 /dev/urandom | restart_with
    # As it was, it is one.
    systemctl stop hpcnode-cgroupd
    echo "$whole" >"$STATE_DIR/emergency"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl emergency status
}

# A socket that will never take a record; the daemon is new, since an old one has a connection.
break_journal() {
    systemctl stop hpcnode-cgroupd
    mv /run/systemd/journal/socket /run/systemd/journal/socket.away
    ln -s socket /run/systemd/journal/socket
    systemctl start hpcnode-cgroupd
}

mend_journal() {
    mv /run/systemd/journal/socket.away /run/systemd/journal/socket
    systemctl restart hpcnode-cgroupd
}

# bats test_tags=native
@test "what cannot be recorded is not done" {
    break_journal
    refused IO DeclareEmergency st "down" 0
    mentions "no emergency is declared" recorded
    [ ! -e "$STATE_DIR/emergency" ]
    mend_journal
    hpcnode-ctl emergency declare --reason "first"
    break_journal
    refused IO DeclareEmergency st "second" 0
    run -0 hpcnode-ctl emergency status
    has "reason: first"
    for call in "FreezeScope s job" "FreezeScope s job/main" "KillScope si job 9" "KillScope si job/main 15"; do
        # shellcheck disable=SC2086 # words of a call
        CALLER=pact refused IO $call
        mentions job recorded
        [ "$(content "$(dir job)/payload/cgroup.freeze")$(content "$(dir job)/payload/main/cgroup.freeze")" = 00 ]
        run -0 hpcnode-ctl inspect job/main
        has "state: running"
    done
    hpcnode-ctl freeze job # root does so by its own right
    CALLER=pact refused IO ThawScope s job
    frozen 1
    mend_journal
    run -0 hpcnode-ctl emergency status
    has "reason: first"
    as pact hpcnode-ctl kill job
}

# bats test_tags=trixie
@test "somebody who sets the clock neither ends nor prolongs it" {
    [ "$NODE_KIND" = vm ] || skip "a container has the clock of its host"
    declare_emergency "fabric is down" --duration 40s
    until=$(hpcnode-ctl emergency status | sed -n 's/^until_unix_ms: //p')
    date -s "@$(($(date +%s) + 36000))" >/dev/null
    run -0 hpcnode-ctl emergency status
    [ $(($(field until_unix_ms "$output") - until)) -gt 35000000 ]
    [ "$(field remaining_sec "$output")" -le 40 ]
    crash
    run -0 hpcnode-ctl emergency status
    [ "$(field remaining_sec "$output")" -le 40 ]
    date -s "@$(($(date +%s) - 36000))" >/dev/null
    run -0 bus-wait EmergencyEnded:expired -- true
    emergency_required
}

# bats test_tags=native
@test "with one lasting the daemon does not wake up" {
    needs_plain_build
    declare_emergency
    daemon_pid
    # The deadline of the measurement, not a wait for anything.
    timeout 5 strace -f -qq -p "$DAEMON" -o "$BATS_TEST_TMPDIR/trace" || :
    cat "$BATS_TEST_TMPDIR/trace"
    [ "$(grep -cE ' (epoll_wait|epoll_pwait2?|restart_syscall)\(' "$BATS_TEST_TMPDIR/trace")" -le 3 ]
}
