#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Calls of everything on the bus with whatever somebody may send who means no good.

# bats file_tags=native

load lib

export BATS_TEST_TIMEOUT=600

# An emulated node takes a minute for as many as another one in a second.
calls() {
    [ "$NODE_KIND" = vm ] && echo 1000 || echo 20000
}

# fuzz USER CALLS [OPTION...]
fuzz() {
    local user=$1 calls=$2
    shift 2
    # shellcheck disable=SC2086 # options and their values
    run runuser -u "$user" -- bus-fuzz --calls "$calls" $FUZZ_OPTIONS "$@"
    echo "$output"
    # shellcheck disable=SC2154 # set by run
    [ "$status" -eq 0 ]
    [[ $output == *", by the daemon "[1-9]*"; unanswered 0, twice 0, "* ]]
}

# resident: of the daemon, in KiB.
resident() {
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$DAEMON/status"
}

# What may change by itself is left out.
look_at() {
    hpcnode-ctl inspect "$1" | grep -vE '^(memory|cpu|io|pids)_'
    cat "$CGROUPS/$2/cgroup.freeze" "$CGROUPS/$2"/payload/cgroup.freeze
    grep -H . "$CGROUPS/$2"/{memory,pids,cpu,io}.{max,weight} 2>/dev/null || true
}

# bystanders OWNER...: scopes of these systems, which the calls know of. look OWNER...: all that nobody else may
# change of them.
bystanders() {
    local owner
    for owner; do
        if [ "$owner" = pact ]; then
            hpcnode-ctl run --slice pact-gpu.slice --id server -- sleep infinity
            continue
        fi
        hpcnode-ctl run --id bystander -- sleep infinity
        hpcnode-ctl run --scope bystander --id rank -- sleep infinity
        hpcnode-ctl run --id held -- sleep infinity
        hpcnode-ctl freeze held
        hpcnode-ctl run --id ended --wait -- true
    done
}

look() {
    local owner
    for owner; do
        if [ "$owner" = pact ]; then
            look_at server pact.slice/pact-gpu.slice/pact-gpu-server.scope
            continue
        fi
        look_at bystander workload.slice/workload-bystander.scope
        look_at held workload.slice/workload-held.scope
        hpcnode-ctl inspect ended
    done
}

# nothing_forged CURSOR: no record since then that the daemon has not made, no line in another's name.
nothing_forged() {
    journalctl --sync
    run -1 grep . <(journalctl -q --after-cursor="$1" HPCNODE_FORGED=1 + HPCNODE_TYPE=FORGED)
    run -1 grep -E '^(EVENT|HPCNODE_|MESSAGE|<0>|FORGED)' <(journalctl -q -o cat --after-cursor="$1" _PID="$DAEMON")
    run -1 grep -vE '^EVENT schema=hpcnode\.v1 ts_unix_ms=[0-9]+ type=[a-z]+([._][a-z_]+)?( |$)' <(hpcnode-ctl events)
}

@test "hostile calls of somebody without rights are answered, each once, and change nothing" {
    bystanders pact workload
    daemon_pid
    pid=$DAEMON
    # What is opened once, and kept.
    fuzz nobody 500
    look pact workload >"$BATS_TEST_TMPDIR/look"
    remember
    cursor=$(log_cursor)
    fuzz nobody "$(calls)"
    look pact workload | diff "$BATS_TEST_TMPDIR/look" -
    nothing_left
    [ "$DAEMON" -eq "$pid" ]
    nothing_forged "$cursor"
    # Not one record, so not one act.
    run -1 grep . <(journalctl -q --after-cursor="$cursor" HPCNODE_SCHEMA=hpcnode.v1)
    # What the allocator keeps of messages of up to 8 MiB; what is lost is looked for in soak.bats.
    echo "# resident after $(calls) calls: $(resident) KiB" >&3
    ldd /usr/libexec/hpcnode-cgroupd | grep -q libasan || [ "$(resident)" -le 32768 ]
}

# act USER SLICE OTHER CALLS: as the owner of SLICE; then it takes all of its own away again. Without the call
# that would give it some rights in the other tree, and the one after which nothing is made any more.
act() {
    local user=$1 slice=$2 other=$3 unit
    fuzz "$user" "$4" --owner "$slice" --except DeclareEmergency --except Drain
    hpcnode-ctl list --no-tasks --no-legend | grep -v " $other" >"$BATS_TEST_TMPDIR/made" || true
    while read -r _ unit _; do
        runuser -u "$user" -- hpcnode-ctl destroy "$unit"
        runuser -u "$user" -- hpcnode-ctl remove "$unit"
    done <"$BATS_TEST_TMPDIR/made"
    # Those that are not needed any more are being stopped.
    systemctl stop "${slice%.slice}-fuzz*.slice"
}

# as_owner USER SLICE OTHER: it may have what it makes, reaches nothing of the other system, and leaves nothing.
as_owner() {
    local cursor
    bystanders "$3"
    daemon_pid
    pid=$DAEMON
    look "$3" >"$BATS_TEST_TMPDIR/look"
    cursor=$(log_cursor)
    act "$@" 500
    remember
    act "$@" "$(($(calls) / 4))"
    look "$3" | diff "$BATS_TEST_TMPDIR/look" -
    nothing_left
    [ "$DAEMON" -eq "$pid" ]
    nothing_forged "$cursor"
    [ "$(journalctl -q -o cat --after-cursor="$cursor" HPCNODE_TYPE=cgroup.create | wc -l)" -gt 0 ]
}

# bats test_tags=native
@test "hostile calls of workload reach nothing of pact, and leave nothing that cannot be removed" {
    as_owner lattice workload.slice pact
}

# bats test_tags=native
@test "hostile calls of pact reach nothing of workload, and leave nothing that cannot be removed" {
    as_owner pact pact-gpu.slice workload
}
