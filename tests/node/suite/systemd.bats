#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What PID 1, and an operator through it, does behind the daemon's back.

load lib

export BATS_TEST_TIMEOUT=300

conf=/etc/hpcnode/cgroupd.conf.d/systemd.conf
units=/run/systemd/system
created=(
    "$units"/workload-.scope.d/hpcnode-test.conf
    "$units"/workload-dep.slice.d/hpcnode-test.conf
    "$units"/hpcnode-dependency.service
)

teardown() {
    local scope

    idle
    if ls "${created[@]}" >/dev/null 2>&1 || [ -e "${created[0]}" ]; then
        systemctl stop hpcnode-dependency.service || :
        rm -f "${created[@]}"
        systemctl daemon-reload
    fi
    if [ -e $conf ]; then
        rm $conf
        systemctl restart hpcnode-cgroupd
    fi
    systemctl thaw workload.slice 2>/dev/null || :
    systemctl start hpcnode-cgroupd
    hpcnode-ctl list --no-tasks --no-legend >"$BATS_TEST_TMPDIR/left"
    while read -r scope unit _; do
        systemctl thaw "$unit" 2>/dev/null || :
        ! hpcnode-ctl destroy "$scope" || hpcnode-ctl remove "$scope"
    done <"$BATS_TEST_TMPDIR/left"
}

setting() {
    mkdir -p "${conf%/*}"
    printf '[Scopes]\n%s\n' "$1" >$conf
    systemctl restart hpcnode-cgroupd
}

# ---- PID 1 reads its units, or executes itself, anew -----------------------------------------

# What does not change by that.
all() {
    local scope
    hpcnode-ctl list
    for scope in job ice limited alloc alloc/task ended; do
        hpcnode-ctl inspect $scope | grep -vE '^(memory|cpu|io_(read|write))_'
    done
    property limited Limits
    systemctl show -p Id -p InvocationID -p ActiveState workload-{job,ice,limited,alloc}.scope
}

# bats test_tags=bookworm
@test "running, frozen and limited jobs are the same after daemon-reload and daemon-reexec" {
    hpcnode-ctl run --id job --priority 7 -- sleep infinity
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl freeze ice
    limit=()
    ! grep -qw memory "$CGROUPS"/cgroup.controllers || limit=(--memory-max 64M --cpu-weight 55 --pids-max 7)
    hpcnode-ctl run --id limited "${limit[@]}" -- sleep infinity
    hpcnode-ctl create alloc
    hpcnode-ctl run --scope alloc --id task -- sleep infinity
    run -3 hpcnode-ctl run --id ended --wait -- sh -c 'exit 3'
    all >"$BATS_TEST_TMPDIR/before"
    for again in daemon-reload daemon-reexec daemon-reload; do
        # The daemon has heard of it when it has heard of what comes after it.
        run -0 bus-wait ScopeCreated:after ScopeReleased:after -- \
            sh -c "systemctl $again; hpcnode-ctl run --id after --wait -- true && hpcnode-ctl remove after"
        [ "$(grep -v ' after' <<<"$output" | grep -c Released)" -eq 0 ]
        all | diff "$BATS_TEST_TMPDIR/before" -
    done
    # And they end as they would have.
    hpcnode-ctl kill job --signal TERM
    run -0 hpcnode-ctl wait job
    has "state: failed" "signal: 15"
    hpcnode-ctl thaw ice
    systemctl stop workload-ice.scope
    run -0 hpcnode-ctl wait ice
    has "state: failed" "signal: 15"
}

# in_flight VERB: scopes come and go while PID 1 is told VERB again and again (emulated, it would do nothing
# else: once). Told so sooner than it is on the bus again, it would never read a call from there.
in_flight() {
    local again count=100
    [ "$NODE_KIND" != vm ] || count=20
    remember
    : >"$BATS_TEST_TMPDIR/on"
    while
        systemctl "$1"
        busctl --timeout=60 call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping
        [ "$NODE_KIND" != vm ] && [ -e "$BATS_TEST_TMPDIR/on" ]
    do :; done &
    again=$!
    run -0 --separate-stderr bus-flood cycle --in-flight 20 workload.slice flight $count
    rm "$BATS_TEST_TMPDIR/on"
    wait $again || :
    # shellcheck disable=SC2154 # set by run
    echo "$stderr"
    has "CreateScope ok $count" "DestroyScope ok $count" "RemoveScope ok $count"
    nothing_left
}

# bats test_tags=bookworm
@test "creations and ends in flight survive daemon-reload" {
    in_flight daemon-reload
}

# bats test_tags=native
@test "creations and ends in flight survive daemon-reexec" {
    in_flight daemon-reexec
}

# ---- a PID 1 that takes its time -------------------------------------------------------------

# bats test_tags=native
@test "while PID 1 is busy for 8 s, only what needs it waits, and succeeds afterwards" {
    create alloc
    # Reading its units takes an emulated one some seconds more.
    busy "$([ "$NODE_KIND" = vm ] && echo 5 || echo 8)"
    hpcnode-ctl create later &
    creation=$!
    hpcnode-ctl run --id job -- sleep infinity &
    job=$!
    hpcnode-ctl run --scope alloc --id task -- sleep infinity
    hpcnode-ctl metrics alloc
    hpcnode-ctl freeze alloc
    hpcnode-ctl thaw alloc
    hpcnode-ctl kill alloc/task --signal TERM
    run -0 hpcnode-ctl wait alloc/task
    has "signal: 15"
    still_busy
    wait $creation
    wait $job
    [ "$(property job State)" = 's "running"' ]
    [ "$(property later State)" = 's "active"' ]
}

# bats test_tags=native
@test "while PID 1 is busy for 12 s, what ends has ended, and a destruction succeeds afterwards" {
    remember
    create stalled
    hpcnode-ctl run --id over -- sleep infinity
    hpcnode-ctl run --scope stalled --id task -- sleep infinity
    busy 12
    hpcnode-ctl destroy stalled &
    destroyer=$!
    hpcnode-ctl kill over
    run -0 hpcnode-ctl wait over
    has "state: killed"
    wait $destroyer
    wait "$RELOAD"
    journalctl --sync
    run ! grep cgroup.kill_failed <(hpcnode-ctl events stalled; hpcnode-ctl events over)
    hpcnode-ctl remove stalled
    hpcnode-ctl remove over
    nothing_left
}

# bats test_tags=native
@test "when PID 1 is busy for longer than UnitTimeoutSec, the creation fails, and nothing comes of it late" {
    setting UnitTimeoutSec=3
    remember
    busy 12
    hpcnode-ctl run --id late-job -- sleep infinity 2>"$BATS_TEST_TMPDIR/error" &
    job=$!
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice late 0
    mentions UnitTimeoutSec workload-late.scope "3 s"
    run ! wait $job
    grep -q "UnitTimeoutSec" "$BATS_TEST_TMPDIR/error"
    still_busy
    run -1 hpcnode-ctl inspect late
    wait "$RELOAD"
    # PID 1 has answered whatever it was asked before this.
    create late
    hpcnode-ctl destroy late
    hpcnode-ctl remove late
    nothing_left
}

# ---- jobs of PID 1 that fail -----------------------------------------------------------------

# needs UNIT COMMAND: what is below workload.slice needs a service that runs this.
needs() {
    mkdir -p "$units/$1.d"
    printf '[Unit]\nRequires=hpcnode-dependency.service\nAfter=hpcnode-dependency.service\n' \
        >"$units/$1.d"/hpcnode-test.conf
    printf '[Service]\nType=oneshot\nExecStart=%s\n' "$2" >$units/hpcnode-dependency.service
    systemctl daemon-reload
}

# setting_of_scopes LINE: in the unit of each.
setting_of_scopes() {
    mkdir -p $units/workload-.scope.d
    printf '[Unit]\n%s\n' "$1" >>$units/workload-.scope.d/hpcnode-test.conf
    systemctl daemon-reload
}

# fails WORD...: the creation fails so, and nothing is left.
fails() {
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice fails 0
    mentions workload-fails.scope "$@"
    run -1 hpcnode-ctl inspect fails
    systemctl stop hpcnode-dependency.service 2>/dev/null || :
    nothing_left
}

# bats test_tags=native
@test "a dependency that fails is CreationFailed, and leaves nothing" {
    remember
    needs workload-.scope /bin/false
    fails dependency
}

# bats test_tags=native
@test "a nested slice that needs what fails is CreationFailed, and leaves nothing" {
    remember
    needs workload-dep.slice /bin/false
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice/dep fails 0
    mentions workload-dep-fails.scope dependency
    nothing_left
}

# bats test_tags=native
@test "a job of PID 1 that runs into its timeout is CreationFailed, and leaves nothing" {
    remember
    needs workload-.scope '/bin/sleep infinity'
    setting_of_scopes JobTimeoutSec=1
    fails timeout
}

# bats test_tags=native
@test "a job of PID 1 that is cancelled is CreationFailed, and leaves nothing" {
    remember
    # shellcheck disable=SC2016 # for the dependency
    needs workload-.scope '/bin/sh -c "systemctl cancel $$(systemctl list-jobs --no-legend workload-fails.scope | cut -d\\  -f1); sleep infinity"'
    fails canceled
}

# bats test_tags=native
@test "an assertion or a condition that fails is CreationFailed, and leaves nothing" {
    remember
    setting_of_scopes AssertPathExists=/no/such/path
    fails assert
    rm $units/workload-.scope.d/hpcnode-test.conf
    setting_of_scopes ConditionPathExists=/no/such/path
    fails condition
}

# bats test_tags=native
@test "a dependency that takes longer than UnitTimeoutSec is CreationFailed, and leaves nothing" {
    setting UnitTimeoutSec=3
    remember
    needs workload-.scope '/bin/sleep infinity'
    fails UnitTimeoutSec
}

# ---- systemctl freeze: the supervisor is frozen, too -----------------------------------------

# frozen_in_time SCOPE UNIT: nothing hangs, each answer says what to do.
frozen_in_time() {
    SECONDS=0
    for call in "ThawScope s $1" "KillScope si $1 15" "Spawn ssasa{sv} $1 late 1 true 0" \
        "OpenScope ss $1 late"; do
        # shellcheck disable=SC2086 # several arguments
        refused IO $call
        mentions "systemctl thaw $2"
    done
    [ $SECONDS -lt 24 ]
    run -0 hpcnode-ctl inspect "$1"
    has "state: frozen" "frozen_by: systemd" "pid_count: 1"
}

# bats test_tags=bookworm
@test "a unit frozen by systemctl is frozen, says so, and goes on when it is thawed" {
    hpcnode-ctl run --id ice -- sleep infinity
    systemctl freeze workload-ice.scope
    frozen_in_time ice workload-ice.scope
    # Also for a daemon that did not see it.
    systemctl restart hpcnode-cgroupd
    frozen_in_time ice workload-ice.scope
    systemctl thaw workload-ice.scope
    # What has failed meanwhile is not done now.
    hpcnode-ctl run --scope ice --id next --wait -- true
    run -0 hpcnode-ctl inspect ice
    has "state: running" "pid_count: 1"
    [ "$(property ice FrozenBy)" = 'as 0' ]
    run -1 hpcnode-ctl inspect ice/late
    # Each once.
    journalctl --sync
    [ "$(hpcnode-ctl events ice | grep -c ' type=job.freeze .*reason=systemd')" -eq 1 ]
    [ "$(hpcnode-ctl events ice | grep -c ' type=job.thaw .*reason=systemd')" -eq 1 ]
}

# bats test_tags=bookworm
@test "a slice frozen by systemctl freezes its scopes, and they go on when it is thawed" {
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl run --id deep --slice workload.slice/deep -- sleep infinity
    systemctl freeze workload.slice
    frozen_in_time ice workload.slice
    frozen_in_time deep workload.slice
    systemctl thaw workload.slice
    hpcnode-ctl run --scope ice --id next --wait -- true
    run -0 hpcnode-ctl inspect ice
    has "state: running"
}

# bats test_tags=native
@test "frozen by a client and by systemctl, it is frozen until both have thawed it" {
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl freeze ice
    systemctl freeze workload-ice.scope
    run -0 hpcnode-ctl inspect ice
    has "state: frozen" "frozen_by: client systemd"
    systemctl thaw workload-ice.scope
    run -0 hpcnode-ctl inspect ice
    has "state: frozen" "frozen_by: client"
    systemctl freeze workload-ice.scope
    refused IO ThawScope s ice
    [ "$(property ice FrozenBy)" = 'as 1 "systemd"' ]
    systemctl thaw workload-ice.scope
    hpcnode-ctl run --scope ice --id next --wait -- true
    [ "$(property ice State)" = 's "running"' ]
}

# bats test_tags=native
@test "a job frozen by systemctl is destroyed at once, and it is known how it ended" {
    remember
    hpcnode-ctl run --id ice -- sleep infinity
    systemctl freeze workload-ice.scope
    SECONDS=0
    hpcnode-ctl destroy ice
    [ $SECONDS -lt 24 ]
    run -0 hpcnode-ctl inspect ice
    has "state: killed" "signal: 9"
    hpcnode-ctl remove ice
    nothing_left
}

# bats test_tags=native
@test "a job in a frozen slice is destroyed, and the slice stays frozen" {
    remember
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl run --id other -- sleep infinity
    systemctl freeze workload.slice
    SECONDS=0
    hpcnode-ctl destroy ice
    [ $SECONDS -lt 24 ]
    # Its supervisor may not have come to say so.
    [[ $(property ice State) == *lost* || $(property ice State) == *killed* ]]
    [[ $(content "$(dir other)/cgroup.events") == *"frozen 1"* ]]
    systemctl thaw workload.slice
    hpcnode-ctl destroy other
    hpcnode-ctl remove other
    hpcnode-ctl remove ice
    nothing_left
}

# bats test_tags=native
@test "a job frozen by systemctl that is killed by the daemon has ended when it is thawed" {
    hpcnode-ctl run --id ice -- sleep infinity
    systemctl freeze workload-ice.scope
    hpcnode-ctl kill ice
    systemctl thaw workload-ice.scope
    run -0 hpcnode-ctl wait ice
    has "state: killed" "signal: 9"
}

# bats test_tags=native
@test "systemctl stop of a unit that systemctl has frozen ends it by SIGTERM" {
    hpcnode-ctl run --id ice -- sleep infinity
    systemctl freeze workload-ice.scope
    systemctl stop workload-ice.scope || {
        # Newer ones refuse it.
        systemctl thaw workload-ice.scope
        systemctl stop workload-ice.scope
    }
    run -0 hpcnode-ctl wait ice
    has "state: failed" "signal: 15"
}

# ---- an operator's systemctl on a unit -------------------------------------------------------

# bats test_tags=bookworm
@test "systemctl kill -s KILL takes supervisor and tasks: the job has ended, and is announced" {
    remember
    hpcnode-ctl run --id job -- sleep infinity
    hpcnode-ctl create alloc
    run -0 bus-wait ScopeReleased:job ScopeReleased:alloc -- \
        systemctl kill -s KILL workload-job.scope workload-alloc.scope
    [[ $(property job State) == *killed* || $(property job State) == *lost* ]]
    hpcnode-ctl wait job
    hpcnode-ctl remove job
    hpcnode-ctl remove alloc
    nothing_left
}

# bats test_tags=native
@test "a stopped slice gives each of its jobs the time that it needs, and the outcomes are known" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go
    hpcnode-ctl run --id quick -- sleep infinity
    hpcnode-ctl run --id slow -- sh -c 'trap "echo stopping >said; read x <go; exit 6" TERM; echo up >up; while :; do sleep 1000 & wait; done'
    hpcnode-ctl create alloc
    hpcnode-ctl run --id nested --slice workload.slice/deep -- sleep infinity
    await file up up
    systemctl stop workload.slice &
    stop=$!
    await file said stopping
    run -0 hpcnode-ctl wait quick
    has "state: failed" "signal: 15"
    run -0 hpcnode-ctl wait nested
    has "signal: 15"
    run -0 hpcnode-ctl wait alloc
    has "state: exited"
    kill -0 $stop
    echo >go
    run -0 hpcnode-ctl wait slow
    has "state: failed" "exit: 6"
    wait $stop
    run -3 systemctl is-active workload.slice
    hpcnode-ctl run --id next --wait -- true
    systemctl is-active -q workload.slice
}

# bats test_tags=native
@test "systemctl reset-failed and revert change nothing of a running job" {
    run -0 hpcnode-ctl run --id job -- sleep infinity
    pid=$(field pid "$output")
    systemctl reset-failed workload-job.scope
    systemctl revert workload-job.scope || : # of a transient unit newer ones refuse it
    systemctl daemon-reload
    run -0 hpcnode-ctl inspect job
    has "state: running" "pid: $pid"
}

@test "limits that systemctl set-property changes are told as they are in force" {
    needs_controllers
    hpcnode-ctl run --id job --memory-max 64M --pids-max 7 --cpu-max 50000/100000 -- sleep infinity
    before=$(property job Limits)
    systemctl set-property --runtime workload-job.scope MemoryMax=80M CPUWeight=33 TasksMax=5 IOWeight=77 AllowedCPUs=0 CPUQuota=
    limits=$(property job Limits)
    for limit in '"MemoryMax" t 83886080' '"CPUWeight" t 33' '"TasksMax" t 4' '"IOWeight" t 77' '"AllowedCPUs" ay 1 1' \
        '"CPUQuotaPerSecUSec" t 18446744073709551615'; do
        [[ $limits == *"$limit"* ]] || {
            echo "no $limit in $limits"
            return 1
        }
    done
    run -0 hpcnode-ctl inspect job
    has "memory_max: 83886080"
    hpcnode-ctl set job --memory-max 64M --cpu-max 50000/100000 --pids-max 7
    systemctl set-property --runtime workload-job.scope CPUWeight= IOWeight=
    # PID 1 lets go of no cpuset.
    [ "$(property job Limits | sed 's/^a{sv} [0-9]* //; s/"AllowedCPUs" ay 1 1 //')" = "${before#a\{sv\} [0-9] }" ]
}

@test "a scope starved by systemctl set-property keeps nobody else waiting, and can be destroyed" {
    needs_controllers
    remember
    hpcnode-ctl run --id job -- sleep infinity
    hpcnode-ctl create alloc
    systemctl set-property --runtime workload-job.scope MemoryMax=64K
    systemctl set-property --runtime workload-alloc.scope MemoryMax=64K
    [[ $(property alloc Limits) == *'"MemoryMax" t 65536'* ]]
    run -0 hpcnode-ctl inspect alloc
    has "state: active" "memory_max: 65536"
    hpcnode-ctl run --id other --wait -- true
    # The kernel kills the job, since it has nobody else; its starved supervisor cannot say so.
    run -0 hpcnode-ctl wait job
    [[ $output == *"state: killed"*"oom_killed: 1"* || $output == *"state: lost"* ]]
    for scope in job alloc; do
        SECONDS=0
        hpcnode-ctl destroy $scope
        [ $SECONDS -lt 60 ]
        [ ! -e "$(dir $scope)" ]
    done
    # Its kernel may have chosen it before us.
    [[ $(property job State) == *killed* || $(property job State) == *lost* ]]
    for scope in job alloc other; do
        hpcnode-ctl remove $scope
    done
    nothing_left
}
