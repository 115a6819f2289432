#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs of examples/ do what they say.

load lib

setup() {
    OUT=$BATS_TEST_TMPDIR/out
    : >"$OUT"
}

teardown() {
    [ -z "${PROGRAM-}" ] || kill -KILL "$PROGRAM" 2>/dev/null || :
    cat "$OUT"
    systemctl start hpcnode-cgroupd
    remove_all
}

# start USER PROGRAM ARGUMENT...: in the background. What it prints is in $OUT.
start() {
    setpriv --reuid="$1" --regid="$1" --clear-groups "$HELPERS/$2" "${@:3}" >>"$OUT" 2>&1 3>&- &
    PROGRAM=$!
}

agent() {
    start pact service-agent pact-infra.slice svc "$@"
}

allocation() {
    start lattice allocation "$@"
}

# says TEXT: until it has printed it.
says() {
    await file "$OUT" "$1"$'\n'
}

# ends STATUS: it does so by itself, and leaves nothing but the outcome of the scope.
ends() {
    local status=0
    wait "$PROGRAM" || status=$?
    [ "$status" -eq "$1" ]
    PROGRAM=
    [ -z "${2-}" ] || hpcnode-ctl remove "$2"
    nothing_left
}

# ---- the service agent -----------------------------------------------------------------------

# bats test_tags=native
@test "a service that dies is started again, and nothing of its last life is left" {
    remember
    agent sh -c 'sleep infinity & exec sleep infinity'
    says "svc: started"
    run -0 hpcnode-ctl inspect svc
    has "cgroup: /pact.slice/pact-infra.slice/pact-infra-svc.scope" "pid_count: 2"
    first=$(field pids "$output")
    kill -KILL "$(field pid "$output")"
    says "svc: ended by signal 9"$'\n'"svc: started"
    run -0 hpcnode-ctl inspect svc
    has "pid_count: 2"
    for pid in ${first//,/ }; do
        [[ ",$(field pids "$output")," != *",$pid,"* ]]
    done
    kill -TERM "$PROGRAM"
    ends 0 svc
}

# bats test_tags=native
@test "the agent gives up a service that does not live" {
    remember
    agent sh -c 'exit 3'
    says "service-agent: svc: ended 5 times in a row, giving up"
    [ "$(grep -cx 'svc: exited with status 3' "$OUT")" -eq 5 ]
    ends 1 svc
}

# bats test_tags=native
@test "a service that cannot be started leaves nothing" {
    remember
    agent /no/such/program
    wait "$PROGRAM" || :
    grep "^service-agent: svc: cannot start it: .*(ExecFailed)$" "$OUT"
    ends 1 svc
    [ "$(wc -l <"$OUT")" -eq 1 ]
}

# bats test_tags=native
@test "the agent of another system is refused" {
    remember
    start lattice service-agent pact-infra.slice svc true
    wait "$PROGRAM" || :
    grep "^service-agent: svc: cannot create the scope: .*(PermissionDenied)$" "$OUT"
    ends 1
    [ "$(wc -l <"$OUT")" -eq 1 ]
}

# bats test_tags=native
@test "a service may end by itself when the agent is told to" {
    remember
    # shellcheck disable=SC2016 # for the inner shell
    agent bash -c 'trap "echo good-bye; exit" TERM; echo ready; sleep infinity & wait'
    await_journal ready _SYSTEMD_UNIT=pact-infra-svc.scope
    kill -INT "$PROGRAM"
    says "svc: stopped"
    await_journal good-bye _SYSTEMD_UNIT=pact-infra-svc.scope
    ends 0 svc
}

# bats test_tags=native
@test "of an agent that is killed the service stays, and the next one goes on with it" {
    remember
    agent sleep infinity
    says "svc: started"
    pid=$(field pid "$(hpcnode-ctl inspect svc)")
    kill -KILL "$PROGRAM"
    wait "$PROGRAM" || :
    agent sleep infinity
    says "svc: runs already"
    [ "$(field pid "$(hpcnode-ctl inspect svc)")" = "$pid" ]
    kill -TERM "$pid"
    says "svc: ended by signal 15"$'\n'"svc: started"
    kill -TERM "$PROGRAM"
    ends 0 svc
}

# bats test_tags=native
@test "the agent and its service outlive the daemon" {
    agent sleep infinity
    says "svc: started"
    pid=$(field pid "$(hpcnode-ctl inspect svc)")
    crash
    hpcnode-ctl ping
    [ "$(field pid "$(hpcnode-ctl inspect svc)")" = "$pid" ]
    hpcnode-ctl kill svc
    says "svc: ended by signal 9"$'\n'"svc: started"
}

# ---- the allocation --------------------------------------------------------------------------

# bats test_tags=native
@test "an allocation of eight ranks tells the status of each, and ends with the worst" {
    remember
    # shellcheck disable=SC2016 # for the inner shell
    allocation alloc 8 sh -c '[ "$RANKS" = 8 ] && exit "$RANK"'
    wait "$PROGRAM" || :
    for rank in 0 1 2 3 4 5 6 7; do
        state=failed
        [ $rank != 0 ] || state=exited
        grep -qx "rank $rank: $state with status $rank" "$OUT"
    done
    [ "$(wc -l <"$OUT")" -eq 8 ]
    ends 7 alloc
}

# bats test_tags=native
@test "an allocation ends with its ranks, whatever they have left behind" {
    remember
    allocation alloc 3 sh -c 'setsid sleep infinity & exit 0'
    ends 0 alloc
}

# bats test_tags=native
@test "SIGINT ends all ranks, and what they have started" {
    remember
    # shellcheck disable=SC2016 # for the inner shell
    allocation alloc 4 sh -c 'sleep infinity & echo "ready: $RANK"; exec sleep infinity'
    for rank in 0 1 2 3; do
        await_journal "ready: $rank" _SYSTEMD_UNIT=workload-alloc.scope
    done
    kill -INT "$PROGRAM"
    wait "$PROGRAM" || :
    [ "$(grep -cx 'rank [0-3]: ended by signal 9' "$OUT")" -eq 4 ]
    ends 137 alloc
}

# bats test_tags=native
@test "a rank that cannot be started ends the allocation" {
    remember
    allocation alloc 3 /no/such/program
    wait "$PROGRAM" || :
    grep "^allocation: cannot start a rank: .*(ExecFailed)$" "$OUT"
    ends 255 alloc
}

# bats test_tags=native
@test "of an allocation whose program is killed the ranks go on" {
    # shellcheck disable=SC2016 # for the inner shell
    allocation orphans 2 sh -c 'echo "ready: $RANK"; exec sleep infinity'
    await_journal "ready: 0" _SYSTEMD_UNIT=workload-orphans.scope
    await_journal "ready: 1" _SYSTEMD_UNIT=workload-orphans.scope
    kill -KILL "$PROGRAM"
    wait "$PROGRAM" || :
    run -0 hpcnode-ctl inspect orphans
    has "pid_count: 2"
    hpcnode-ctl destroy orphans
}

# bats test_tags=native
@test "an allocation that cannot have its limits is none" {
    ! grep -qw memory "$CGROUPS/cgroup.controllers" || skip "this node has all controllers"
    remember
    allocation --memory-max 64M alloc 1 true
    wait "$PROGRAM" || :
    grep "^allocation: cannot limit it: .*MemoryMax is not in force" "$OUT"
    ends 255 alloc
}

@test "an allocation has the limits that were asked for" {
    needs_controllers
    remember
    allocation --memory-max 64M --tasks-max 20 --cpus 0 alloc 1 sh -c 'echo ready; exec sleep infinity'
    await_journal ready _SYSTEMD_UNIT=workload-alloc.scope
    [ "$(<"$(dir alloc)/memory.max")" -eq $((64 << 20)) ]
    [ "$(<"$(dir alloc)/payload/pids.max")" -eq 20 ]
    [ "$(<"$(dir alloc)/cpuset.cpus.effective")" = 0 ]
    kill -TERM "$PROGRAM"
    ends 137 alloc
}
