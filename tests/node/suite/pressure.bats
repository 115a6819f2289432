#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pressure: what the daemon does about it, to whom, and that it is undone.

load lib

export BATS_TEST_TIMEOUT=300
[ -z "${PRESSURE_LOAD-}" ] || BATS_TEST_TIMEOUT=1500
conf=/run/hpcnode/cgroupd.conf.d/90-pressure.conf

setup() {
    needs_controllers
    [ -e /proc/pressure/memory ] || skip "the kernel has no PSI"
    SINCE=@$(date +%s) # for records
    export SINCE
}

teardown() {
    idle
    unhang
    rm -f $conf
    usual_state
    [ ! -e "$TRIAL" ] || usual_daemon
    systemctl is-active -q hpcnode-cgroupd || systemctl start hpcnode-cgroupd
    systemctl set-property --runtime workload.slice MemoryHigh=infinity
    systemctl set-property --runtime pact.slice MemoryHigh=infinity
    remove_all
    systemctl restart hpcnode-cgroupd
}

# other_state: the daemon's state is on a file system of its own. usual_state, which belongs into teardown: it is not.
other_state() {
    systemctl stop hpcnode-cgroupd
    mkdir -p "$STATE_DIR"
    mount -t tmpfs -o mode=700 tmpfs "$STATE_DIR"
    systemctl start hpcnode-cgroupd
}

usual_state() {
    mountpoint -q "$STATE_DIR" || return 0
    mount -o remount,rw "$STATE_DIR"
    remove_all
    systemctl stop hpcnode-cgroupd
    umount "$STATE_DIR"
}

# policy KEY=VALUE...: in force from now on, in place of an earlier one. SCOPES: sections before it.
policy() {
    local cursor
    cursor=$(log_cursor)
    mkdir -p "${conf%/*}"
    { echo "${SCOPES-}[Pressure]"; printf '%s\n' Admit{Memory,CPU,IO}{Some,Full}=off DemoteCPUSome=off ThawSec=2 GraceSec=0 "$@"; } >$conf
    systemctl reload hpcnode-cgroupd
    await_log "pressure policy: " "$cursor"
}

# acts ACT: how many were announced since the test began.
acts() {
    records | grep " type=pressure " | grep -c " act=$1 " || :
}

# memory_short: two jobs of 80 MiB each in 96 MiB, until something is done for it.
memory_short() {
    systemctl set-property --runtime workload.slice MemoryHigh=96M
    run -0 bus-wait PressureAction:"$1" -- sh -c "
        hpcnode-ctl run --id high --priority 90 -- $HELPERS/memory-hog 80
        hpcnode-ctl run --id low --priority 10 -- $HELPERS/memory-hog 80"
}

@test "the job of low priority is frozen for want of memory, announced before, and thawed when there is enough" {
    policy FreezeMemorySome=10 KillMemoryFull=off
    memory_short freeze
    await file "$(dir low)/payload/cgroup.events" "frozen 1"
    record pressure
    says act=freeze resource=memory kind=some threshold=1000 scope=low priority=10 dry_run=0 some_avg10= some_total_usec= reason=
    # The one that was chosen, and the one that could not be: with what they use.
    [[ $(value candidates) =~ ^workload-low.scope:10:[1-9][0-9]{6,},workload-high.scope:90:[1-9][0-9]{6,}$ ]]
    says eligible_count=1 candidate_count=2
    run -0 hpcnode-ctl inspect low
    has "state: frozen" "frozen_by: pressure"
    run -0 hpcnode-ctl inspect high
    has "state: running"
    # First said, then done.
    run -0 hpcnode-ctl pressure low
    [[ $output == "policy: on"$'\n'"frozen: low"$'\n'"demoted: none"$'\n'* ]]
    has "freeze_from: memory_some=10.00 io_full=30.00" "kill_from: off"
    [[ ${lines[-3]} =~ ^low\ +memory(\ +[0-9]+\.[0-9]{2}){2}\ .*s$ ]]
    [ "$(types low | grep -o 'pressure\|job.freeze' | paste -sd ' ')" = "pressure job.freeze" ]
    run -1 hpcnode-ctl run --scope low --id late -- true
    [[ $output == *"low is frozen for pressure, a task could not start in it; try again when that has gone"* ]]
    run -0 bus-wait PressureAction:thaw -- hpcnode-ctl kill high
    run -0 hpcnode-ctl wait high
    await file "$(dir low)/payload/cgroup.events" "frozen 0"
    run -0 hpcnode-ctl inspect low
    has "state: running"
    [ "$(acts kill)" -eq 0 ]
}

# bats test_tags=trixie
@test "one that is frozen and still in the way is killed, and the job of high priority never touched" {
    policy FreezeMemorySome=5 KillMemoryFull=10 ActionDelaySec=3
    systemctl set-property --runtime workload.slice MemoryHigh=96M
    hpcnode-ctl run --id high --priority 90 -- "$HELPERS/memory-hog" 80
    run -137 hpcnode-ctl run --id low --priority 10 --wait -- "$HELPERS/memory-hog" 80
    has "job low was killed for pressure on the node; see hpcnode-ctl events low"
    run -0 hpcnode-ctl inspect low
    has "state: killed" "oom_killed: 0" "pressure_killed: 1"
    record job.exit
    says scope=low oom_killed=0 pressure_killed=1
    [ "$(records | grep " type=pressure " | grep -vc " scope=low " || :)" -eq 0 ]
    [ "$(acts freeze)" -eq 1 ]
    [ "$(acts kill)" -eq 1 ]
    run -0 hpcnode-ctl inspect high
    has "state: running"
}

@test "one that has just begun is waited for, and nobody else suffers for it" {
    policy GraceSec=6 ActionDelaySec=60
    memory_short freeze
    [ "$(acts freeze) $(acts kill)" = "1 0" ]
    record pressure
    says act=freeze resource=memory scope=low
    run -0 hpcnode-ctl inspect high
    has "state: running"
}

# bats test_tags=bookworm
@test "one that has just begun and uses next to nothing is not waited for" {
    policy GraceSec=10
    hpcnode-ctl run --id low --priority 20 -- "$HELPERS/memory-hog" 80
    timeout 11 tail -f /dev/null || :
    hpcnode-ctl run --id tiny --priority 0 -- sleep infinity
    run -0 bus-wait PressureAction:freeze -- systemctl set-property --runtime workload.slice MemoryHigh=40M
    record pressure
    says act=freeze scope=low
    run -0 hpcnode-ctl inspect tiny
    [ $(($(value ts_unix_ms) - $(field start_unix_ms "$output"))) -lt 10000 ]
}

@test "a job that waits at a limit of its own is left alone, until others wait as well" {
    policy
    # It would be killed for memory full within 2 s.
    hpcnode-ctl run --id held --priority 10 --memory-high 32M -- "$HELPERS/memory-hog" 80
    timeout 12 tail -f /dev/null || :
    [ "$(sed -n 's/^full avg10=\([0-9]*\).*/\1/p' "$CGROUPS/workload.slice/memory.pressure")" -ge 20 ]
    [ "$(acts freeze) $(acts kill)" = "0 0" ]
    run -0 hpcnode-ctl inspect held
    has "state: running"
    # Now it is what stands in the way of others.
    hpcnode-ctl run --id other --priority 90 -- "$HELPERS/memory-hog" 80
    run -0 bus-wait PressureAction:freeze -- systemctl set-property --runtime workload.slice MemoryHigh=80M
    run -0 hpcnode-ctl inspect held
    has "frozen_by: pressure"
}

# some_avg10 SCOPE: in whole percent.
some_avg10() {
    sed -n 's/^some avg10=\([0-9]*\).*/\1/p' "$(dir "$1")/memory.pressure"
}

# bats test_tags=trixie
@test "one that was at its limit a moment ago does not count for one that waits" {
    policy
    hpcnode-ctl create was --priority 10 --memory-high 32M
    hpcnode-ctl run --scope was --id hog -- "$HELPERS/memory-hog" 80
    timeout 8 tail -f /dev/null || :
    hpcnode-ctl kill was/hog
    hpcnode-ctl run --id held --priority 10 --memory-high 32M -- "$HELPERS/memory-hog" 80
    timeout 10 tail -f /dev/null || :
    [ "$(some_avg10 was)" -ge 2 ]
    [ "$(some_avg10 held)" -ge 20 ]
    [ "$(acts freeze) $(acts kill)" = "0 0" ]
}

# bats test_tags=bookworm
@test "limits of their own do not matter where there is hardly anything left" {
    policy
    hpcnode-ctl run --id low --priority 10 --memory-high 32M -- "$HELPERS/memory-hog" 80
    hpcnode-ctl run --id high --priority 90 --memory-high 40M -- "$HELPERS/memory-hog" 80
    timeout 6 tail -f /dev/null || :
    [ "$(acts freeze) $(acts kill)" = "0 0" ]
    # Both have what they may have, which is nearly all that there is.
    run -0 bus-wait PressureAction:freeze -- systemctl set-property --runtime workload.slice MemoryHigh=74M
    run -0 hpcnode-ctl inspect low
    has "frozen_by: pressure"
    # With enough for both, high goes on waiting at its own limit.
    run -0 bus-wait PressureAction:thaw -- systemctl set-property --runtime workload.slice MemoryHigh=infinity
    [[ $(records | grep " act=thaw ") == *' reason="who still waits is held at limits of its own: avg10 of memory some of '* ]]
}

# bats test_tags=bookworm
@test "a service in pact.slice that waits at a limit of its own has nothing done to workloads" {
    policy FreezeMemorySome=10 KillMemoryFull=off
    memory_short freeze
    await file "$(dir low)/payload/cgroup.events" "frozen 1"
    systemctl set-property --runtime pact.slice MemoryHigh=24M
    hpcnode-ctl run --slice pact.slice --id service -- "$HELPERS/memory-hog" 80
    run -0 bus-wait PressureAction:thaw -- hpcnode-ctl kill high
    records | grep -q " type=pressure .* act=thaw .* place=workload.slice "
    policy FreezeMemorySome=10 KillMemoryFull=10
    psi-watch "$CGROUPS" memory full 200000 1000000 >"$BATS_TEST_TMPDIR/watch" 3>&- &
    await file "$BATS_TEST_TMPDIR/watch" trigger_usec
    psi-watch "$CGROUPS/pact.slice" memory full 200000 1000000 >"$BATS_TEST_TMPDIR/watch" 3>&- &
    await file "$BATS_TEST_TMPDIR/watch" trigger_usec
    hpcnode-ctl ping
    run -0 hpcnode-ctl inspect low
    has "state: running"
    [ "$(acts freeze) $(acts kill)" = "1 0" ]
}

# bats test_tags=bookworm
@test "what is short in a slice within is given back by somebody in there" {
    policy
    hpcnode-ctl run --id outside --priority 0 -- "$HELPERS/memory-hog" --hold 40
    hpcnode-ctl run --slice workload.slice/alloc --id top --priority 90 -- "$HELPERS/memory-hog" 48
    # Alone in there, but for a scope in which nothing runs, it is held at a limit of its own, also when it has just given all
    # back.
    hpcnode-ctl create idle --slice workload.slice/alloc
    systemctl set-property --runtime workload-alloc.slice MemoryHigh=40M
    timeout 15 tail -f /dev/null || :
    [ "$(acts freeze) $(acts kill)" = "0 0" ]
    systemctl set-property --runtime workload-alloc.slice MemoryHigh=infinity
    hpcnode-ctl run --slice workload.slice/alloc --id beside --priority 20 -- "$HELPERS/memory-hog" 48
    run -0 bus-wait PressureAction:freeze -- systemctl set-property --runtime workload-alloc.slice MemoryHigh=64M
    record pressure
    says act=freeze resource=memory scope=beside eligible_count=1
    [[ $RECORD == *"; it is short in a slice that the scope is in"* ]]
    run -0 hpcnode-ctl inspect outside
    has "state: running"
}

# bats test_tags=trixie
@test "with DryRun=yes it is announced, and nothing done" {
    policy FreezeMemorySome=10 DryRun=yes
    hpcnode-ctl pressure --follow --since "$SINCE" >"$BATS_TEST_TMPDIR/follow" 3>&- &
    follower=$!
    memory_short freeze
    await file "$BATS_TEST_TMPDIR/follow" " freeze  memory workload-low.scope: memory some of "
    kill $follower
    # shellcheck disable=SC2034 # of the library
    RECORD=$(records | grep -m1 " type=pressure ")
    says act=freeze scope=low dry_run=1
    # Both places, whichever of them was the first to tell.
    local place='(the node|workload\.slice)' share='[0-9.]+ %'
    [[ $RECORD =~ \ some\ of\ $place\ has\ reached\ 10.00\ %.*\ avg10\ is\ $share\ \($share\ of\ $place\)\;\ DryRun=yes ]]
    run -0 hpcnode-ctl inspect low
    has "state: running"
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" DryRun)" = "b true" ]
    [ "$(busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Pressure)" = 's "dry-run"' ]
}

# bats test_tags=bookworm
@test "what a client has frozen stays frozen when pressure thaws it" {
    policy FreezeMemorySome=10 KillMemoryFull=off
    memory_short freeze
    await file "$(dir low)/payload/cgroup.events" "frozen 1"
    hpcnode-ctl freeze low
    [ "$(property low FrozenBy)" = 'as 2 "client" "pressure"' ]
    run -0 bus-wait PressureAction:thaw -- hpcnode-ctl kill high
    run -0 hpcnode-ctl inspect low
    has "state: frozen" "frozen_by: client"
    grep -qx "frozen 1" "$(dir low)/payload/cgroup.events"
    hpcnode-ctl thaw low
    run -0 hpcnode-ctl inspect low
    has "state: running"
}

# bats test_tags=trixie
@test "an emergency may freeze what pressure froze, and thaw it for good" {
    policy FreezeMemorySome=10 KillMemoryFull=off ActionDelaySec=5min
    memory_short freeze
    await file "$(dir low)/payload/cgroup.events" "frozen 1"
    as pact hpcnode-ctl emergency declare --reason "fabric is down"
    as pact hpcnode-ctl freeze low
    [ "$(property low FrozenBy)" = 'as 2 "emergency" "pressure"' ]
    systemctl restart hpcnode-cgroupd
    [ "$(property low FrozenBy)" = 'as 2 "emergency" "pressure"' ]
    as pact hpcnode-ctl thaw low
    hpcnode-ctl emergency end
    run -0 hpcnode-ctl inspect low
    has "state: running"
    grep -qx "frozen 0" "$(dir low)/payload/cgroup.events"
    [ "$(acts freeze) $(acts thaw)" = "1 0" ]
}

# bats test_tags=bookworm
@test "what was frozen before DryRun=yes stays so, and is thawed" {
    policy FreezeMemorySome=10 KillMemoryFull=off
    memory_short freeze
    await file "$(dir low)/payload/cgroup.events" "frozen 1"
    policy FreezeMemorySome=10 KillMemoryFull=off DryRun=yes
    [ "$(property low FrozenBy)" = 'as 1 "pressure"' ]
    run -0 bus-wait PressureAction:thaw -- hpcnode-ctl kill high
    # shellcheck disable=SC2034 # of the library
    RECORD=$(records | grep " type=pressure .* act=thaw ")
    says scope=low dry_run=0
    await file "$(dir low)/payload/cgroup.events" "frozen 0"
}

# slice_watched: how many of the daemon's triggers are on the memory of workload.slice as it is now.
slice_watched() {
    find "/proc/$DAEMON/fd" -lname "$CGROUPS/workload.slice/memory.pressure" | wc -l
}

# bats test_tags=bookworm
@test "workload.slice is watched again after it was stopped" {
    policy FreezeMemorySome=10 KillMemoryFull=off
    hpcnode-ctl run --id first -- sleep infinity
    daemon_pid
    [ "$(slice_watched)" -eq 1 ]
    systemctl stop workload.slice
    run -0 hpcnode-ctl wait first
    [ "$(slice_watched)" -eq 0 ]
    memory_short freeze
    [[ $output == *"PressureAction freeze memory some workload-low.scope"* ]]
    [ "$(slice_watched)" -eq 1 ]
}

# cpu_short NAME OPTION...: a job with more to do than there are processors.
cpu_short() {
    run -0 bus-wait PressureAction:demote -- hpcnode-ctl run --id "$1" "${@:2}" -- \
        sh -c 'for i in 1 2 3 4; do sh -c "while :; do :; done" & done; exec sleep infinity'
}

@test "for want of processors the weight of a job is lowered, and restored afterwards" {
    hpcnode-ctl run --id other --priority 10 -- sleep infinity
    policy DemoteCPUSome=20
    cpu_short busy --priority 20 --cpu-weight 200
    [[ $output == *"PressureAction demote cpu some workload-busy.scope"* ]]
    await file "$(dir busy)/cpu.weight" 10
    run -0 hpcnode-ctl inspect busy
    has "demoted: 1" "cpu_weight: 10"
    record pressure busy
    says act=demote resource=cpu threshold=2000
    run -0 bus-wait PressureAction:restore PropertiesChanged:"$BUS_NAME".Scope -- pkill -f '^sh -c while'
    [ "$(cat "$(dir busy)/cpu.weight")" -eq 200 ]
    # What has come of it is told as well.
    records busy | sed -n 's/.* type=pressure .* act=\([a-z]*\) .*/\1/p; s/.* type=cgroup.limits .* limit="\([^"]*\)".*/\1/p' >"$BATS_TEST_TMPDIR/told"
    [ "$(paste -sd ' ' "$BATS_TEST_TMPDIR/told")" = "demote CPUWeight=10 restore CPUWeight=200" ]
}

@test "a weight that somebody has set meanwhile stays" {
    policy DemoteCPUSome=20
    cpu_short busy --priority 20
    await file "$(dir busy)/cpu.weight" 10
    run -0 bus-wait PropertiesChanged:"$BUS_NAME".Scope -- \
        systemctl set-property --runtime workload-busy.scope CPUWeight=333
    [ "$(cat "$(dir busy)/cpu.weight")" -eq 333 ]
    [ "$(property busy Demoted)" = "b false" ]
}

# work: a task in busy with more to do than there are processors. PID 1 has no part in it.
work() {
    hpcnode-ctl run --scope busy --id work -- \
        sh -c 'for i in 1 2 3 4; do sh -c "while :; do :; done" & done; wait'
}

# demoted yes|no: the daemon says so, as it does when it comes to it.
demoted() {
    local -A is=([yes]=true [no]=false)
    [ "$(property busy Demoted)" = "b ${is[$1]}" ]
}

# bats test_tags=trixie
@test "where nobody may be acted on, nobody is looked at" {
    needs_plain_build
    policy DemoteCPUSome=20
    hpcnode-ctl run --id busy -- sleep infinity
    daemon_pid
    strace -f -qq -e trace=openat,epoll_wait,epoll_pwait2 -p "$DAEMON" -o "$BATS_TEST_TMPDIR/trace" 3>&- &
    tracer=$!
    work
    await file "$BATS_TEST_TMPDIR/trace" EPOLLPRI
    # When the daemon answers this, what followed from that is done.
    hpcnode-ctl ping
    kill $tracer
    wait $tracer || :
    run ! grep -F cpu.stat "$BATS_TEST_TMPDIR/trace"
    [ "$(acts demote)" -eq 0 ]
}

# bats test_tags=trixie
@test "a weight that PID 1 changes too late is changed, and restored all the same" {
    # Before the policy: its start, on a node that is busy with the test before, is not to be what it is demoted for. The
    # threshold is high, since it is calm below half of it only, which an emulated node may not be for long.
    hpcnode-ctl run --id busy --priority 20 --cpu-weight 200 -- sleep infinity
    SCOPES=$'[Scopes]\nUnitTimeoutSec=1\n' policy DemoteCPUSome=60
    cursor=$(log_cursor)
    busy
    work
    await_log "workload-busy.scope: systemd did not change its CPUWeight: PID 1 did not answer in time" "$cursor"
    still_busy
    demoted yes
    proceed
    wait "$RELOAD"
    await file "$(dir busy)/cpu.weight" 10
    demoted yes
    cursor=$(log_cursor)
    busy
    hpcnode-ctl kill busy/work
    await_log "workload-busy.scope: systemd did not change its CPUWeight: PID 1 did not answer in time" "$cursor"
    still_busy
    demoted yes
    run -0 bus-wait PropertiesChanged:"$BUS_NAME".Scope -- sh -c ": >$GATE"
    await file "$(dir busy)/cpu.weight" 200
    wait "$RELOAD"
    demoted no
    # It is nobody's own, and lowered again when there is need.
    run -0 bus-wait PressureAction:demote -- hpcnode-ctl run --scope busy --id more -- \
        sh -c 'for i in 1 2 3 4; do sh -c "while :; do :; done" & done; wait'
    await file "$(dir busy)/cpu.weight" 10
    hpcnode-ctl kill busy
    run -0 hpcnode-ctl wait busy
    demoted no
}

# bats test_tags=trixie
@test "a weight that a client is just setting is not lowered before it is set" {
    hpcnode-ctl run --id busy --priority 20 -- sleep infinity
    # PID 1 is busy for longer than it is told to be where the machine is, too.
    SCOPES=$'[Scopes]\nUnitTimeoutSec=18\n' policy DemoteCPUSome=60
    busy 8
    hpcnode-ctl set busy --cpu-weight 300 3>&- &
    setting=$!
    work
    wait $setting
    wait "$RELOAD"
    await file "$(dir busy)/cpu.weight" 10
    [[ $(types busy | grep -o 'pressure\|cgroup.limits' | paste -sd ' ') == "cgroup.limits pressure"* ]]
    hpcnode-ctl kill busy/work
    await file "$(dir busy)/cpu.weight" 300
}

# bats test_tags=bookworm
@test "one that cannot be frozen is killed when it comes to that" {
    policy FreezeMemorySome=5 KillMemoryFull=10
    other_state
    systemctl set-property --runtime workload.slice MemoryHigh=96M
    hpcnode-ctl run --id high --priority 90 -- "$HELPERS/memory-hog" 10
    hpcnode-ctl run --id low --priority 10 -- "$HELPERS/memory-hog" 80
    # A freeze that could be forgotten is not begun.
    mount -o remount,ro "$STATE_DIR"
    run -0 bus-wait PressureAction:kill -- hpcnode-ctl run --scope high --id more -- "$HELPERS/memory-hog" 80
    run -0 hpcnode-ctl wait low
    has "state: killed"
    [ "$(acts freeze)" -eq 1 ]
    await_journal "workload-low.scope: cannot freeze it: " -u hpcnode-cgroupd
}

# kill_only: low is to be killed for want of memory, and then high, if need be.
kill_only() {
    SCOPES=$'[Scopes]\nKillTimeoutSec=5\n' policy FreezeMemorySome=off KillMemoryFull=10 KillPriorityMax=30
    systemctl set-property --runtime workload.slice MemoryHigh=96M
    hpcnode-ctl run --id high --priority 20 -- "$HELPERS/memory-hog" 10
}

# bats test_tags=bookworm
@test "nobody is killed while one whose main has ended still dies" {
    modprobe fuse
    hang "$BATS_TEST_TMPDIR/hung"
    kill_only
    # The child hangs, so that of all that is killed it alone stays, until KillTimeoutSec.
    hpcnode-ctl run --id low --priority 10 -- sh -c "cat $HUNG/file & exec $HELPERS/memory-hog 80"
    await file "$BATS_TEST_TMPDIR/hangs" "hangs "
    run -0 bus-wait ScopeZombie:low -- hpcnode-ctl run --scope high --id more -- "$HELPERS/memory-hog" 120
    run -0 hpcnode-ctl wait high
    has "state: killed"
    run -0 records
    [ "$(grep -oE 'act=kill|type=cgroup.kill_failed' <<<"$output" | paste -sd ' ')" = \
        "act=kill type=cgroup.kill_failed act=kill" ]
    # ActionDelaySec=2 and a window later, less what lies between the kill being given up and its record.
    grep -E ' (act=kill|type=cgroup.kill_failed) ' <<<"$output" | sed 's/.* ts_unix_ms=\([0-9]*\) .*/\1/' |
        awk '{ at[NR] = $1 } END { exit at[3] - at[2] < 2500 }'
}

# bats test_tags=bookworm
@test "what runs in a scope after it was killed is not what was killed" {
    kill_only
    hpcnode-ctl create box --priority 10
    hpcnode-ctl run --scope box --id old -- "$HELPERS/memory-hog" 80
    run -0 bus-wait ScopeEmpty:box -- hpcnode-ctl run --scope high --id more -- "$HELPERS/memory-hog" 60
    [ "$(acts kill)" -eq 1 ]
    hpcnode-ctl kill high
    hpcnode-ctl run --scope box --id new -- sleep infinity
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect box/new
    has "state: running"
}

# bats test_tags=trixie
@test "what was done is undone at once when its thresholds are switched off, and that is said to be why" {
    policy FreezeMemorySome=10 KillMemoryFull=off
    memory_short freeze
    await file "$(dir low)/payload/cgroup.events" "frozen 1"
    policy FreezeMemorySome=off KillMemoryFull=off
    await file "$(dir low)/payload/cgroup.events" "frozen 0"
    # shellcheck disable=SC2034 # of the library
    RECORD=$(records | grep " type=pressure .* act=thaw ")
    says act=thaw scope=low
    [[ $RECORD == *' reason="all thresholds of memory pressure were switched off" '* ]]
}

@test "for want of io the job that writes is frozen, and not the one with the most memory" {
    policy FreezeIOSome=20 FreezeIOFull=off
    hpcnode-ctl run --id holder --priority 10 -- "$HELPERS/memory-hog" --hold 80
    # A little, but all the time, where the other one waits for each of its requests.
    hpcnode-ctl run --id little --priority 20 -- \
        sh -c "while :; do dd if=/dev/zero of=$NODE_DISK seek=8192 bs=4k count=1 oflag=direct status=none; done"
    run -0 bus-wait PressureAction:freeze -- hpcnode-ctl run --id writer --priority 20 --io-max "$NODE_DISK wbps=1M" -- \
        sh -c "while dd if=/dev/zero of=$NODE_DISK bs=1M count=8 oflag=direct status=none; do :; done"
    record pressure
    says act=freeze resource=io kind=some scope=writer
    await file "$(dir writer)/payload/cgroup.events" "frozen 1"
    run -0 bus-wait PressureAction:thaw -- true
    await file "$(dir writer)/payload/cgroup.events" "frozen 0"
}

@test "it is done within a moment of the kernel's word" {
    policy FreezeMemorySome=20 KillMemoryFull=off
    psi-watch "$CGROUPS/workload.slice" memory some 200000 1000000 "$(dir low)/payload/cgroup.freeze" >"$BATS_TEST_TMPDIR/watch" 3>&- &
    await file "$BATS_TEST_TMPDIR/watch" watching
    memory_short freeze
    await file "$BATS_TEST_TMPDIR/watch" trigger_usec
    await file "$BATS_TEST_TMPDIR/watch" write_usec
    await_journal "workload-low.scope: frozen" -u hpcnode-cgroupd
    acted=$(journalctl -q -o short-unix -u hpcnode-cgroupd | sed -n 's/^\([0-9.]*\) .*workload-low.scope: pressure, to be frozen.*/\1/p' | tail -n 1)
    done=$(journalctl -q -o short-unix -u hpcnode-cgroupd | sed -n 's/^\([0-9.]*\) .*workload-low.scope: frozen$/\1/p' | tail -n 1)
    written=$(sed -n 's/^write_usec //p' "$BATS_TEST_TMPDIR/watch")
    for what in stall trigger; do
        at=$(sed -n "s/^${what}_usec //p" "$BATS_TEST_TMPDIR/watch")
        echo "# from the $what to the announcement $(((${acted/./} - at) / 1000)) ms, to the act $(((written - at) / 1000)) ms," \
            "until it is frozen $(((${done/./} - at) / 1000)) ms" >&3
    done
    # What is left of it when the node is emulated, and starts other things meanwhile.
    [ $(((written - at) / 1000)) -lt 1000 ]
}

# bats test_tags=bookworm
@test "many jobs and too little memory: one act at a time, others are served, and the daemon does not grow" {
    local jobs seconds
    read -r jobs seconds <<<"${PRESSURE_LOAD:-24 10}"
    policy
    # shellcheck disable=SC2016 # expanded there
    seq "$jobs" | xargs -P 4 -I N sh -c 'hpcnode-ctl run -q --id many-N --priority $((N % 100)) -- '"$HELPERS"'/memory-hog --hold 1'
    daemon_pid
    before=$(awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status")
    mkfifo "$BATS_TEST_TMPDIR/end"
    bus-tasks ping <"$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/pings" 3>&- &
    exec {fd}>"$BATS_TEST_TMPDIR/end"
    for hog in 1 2 3 4 5 6; do
        hpcnode-ctl run -q --id hog-$hog --priority $((hog * 12)) -- "$HELPERS/memory-hog" 40
    done
    # Only now: what is short for the jobs is short for supervisors that begin.
    systemctl set-property --runtime workload.slice MemoryHigh=$(($(<"$CGROUPS/workload.slice/memory.current") * 55 / 100))
    timeout "$seconds" tail -f /dev/null || :
    exec {fd}>&-
    wait $!
    records | grep " type=pressure " >"$BATS_TEST_TMPDIR/acts" || :
    kills=$(grep -c " act=kill " "$BATS_TEST_TMPDIR/acts" || :)
    after=$(awk '/^VmRSS/ { print $2 }' "/proc/$DAEMON/status")
    echo "# $(grep -c " act=freeze " "$BATS_TEST_TMPDIR/acts" || :) frozen, $kills killed; resident $before KiB, then $after;" \
        "$(paste -sd ' ' "$BATS_TEST_TMPDIR/pings")" >&3
    [ "$(wc -l <"$BATS_TEST_TMPDIR/acts")" -gt 0 ]
    # ActionDelaySec=2 apart, as the records have their times in ms.
    sed -n '/ act=\(kill\|freeze\) /s/.* ts_unix_ms=\([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/acts" |
        awk 'NR > 1 && $1 - last < 1990 { exit 1 } { last = $1 }'
    [ "$(systemctl show -P NRestarts hpcnode-cgroupd)" -eq 0 ]
    [ $((after - before)) -lt 1024 ]
    [ "$(sed -n 's/^ping_usec_p99 //p' "$BATS_TEST_TMPDIR/pings")" -lt 1000000 ]
}

# ---- killed in the middle of it --------------------------------------------------------------

# bats test_tags=bookworm
@test "a daemon killed at any step of a freeze knows what it has frozen, and thaws it" {
    trial_daemon
    systemctl restart hpcnode-cgroupd
    policy FreezeMemorySome=10 KillMemoryFull=off
    systemctl set-property --runtime workload.slice MemoryHigh=96M
    for point in $(fault-points pressure.); do
        hpcnode-ctl run --id low --priority 10 -- "$HELPERS/memory-hog" 80
        arm "$point"
        hpcnode-ctl run --id high --priority 90 -- "$HELPERS/memory-hog" 80 || :
        met
        await file "$(dir low)/payload/cgroup.events" "frozen 1"
        [[ $(property low FrozenBy) == *'"pressure"'* ]]
        run -0 bus-wait PressureAction:thaw -- hpcnode-ctl destroy high
        await file "$(dir low)/payload/cgroup.events" "frozen 0"
        remove_all
    done
}

# bats test_tags=bookworm
@test "a daemon killed as it is about to kill a job does so when it is back" {
    trial_daemon
    systemctl restart hpcnode-cgroupd
    kill_only
    hpcnode-ctl run --id low --priority 10 -- "$HELPERS/memory-hog" 80
    arm pressure.saved
    hpcnode-ctl run --scope high --id more -- "$HELPERS/memory-hog" 60
    met
    run -0 hpcnode-ctl wait low
    has "state: killed" "pressure_killed: 1"
    [ "$(acts kill)" -eq 1 ]
    run -0 hpcnode-ctl inspect high
    has "state: running"
}

# bats test_tags=trixie
@test "a daemon killed at any step of a demotion or its undoing knows of it, and restores the weight" {
    trial_daemon
    systemctl restart hpcnode-cgroupd
    # While it only sleeps nothing is done with it.
    policy DemoteCPUSome=20 GraceSec=5
    for point in $(fault-points pressure.); do
        hpcnode-ctl run --id busy --priority 20 --cpu-weight 200 -- sleep infinity
        arm "$point"
        hpcnode-ctl run --scope busy --id work -- sh -c 'for i in 1 2 3 4; do sh -c "while :; do :; done" & done; wait'
        met
        await file "$(dir busy)/cpu.weight" 10
        [ "$(property busy Demoted)" = "b true" ]
        arm "$point"
        hpcnode-ctl kill busy/work
        met
        await file "$(dir busy)/cpu.weight" 200
        run -0 hpcnode-ctl inspect busy
        remove_all
    done
}
