#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What PID 1, and an operator through it, does behind the daemon's back.

load lib

conf=/etc/hpcnode/cgroupd.conf.d/systemd.conf
generator=/run/systemd/system-generators/hpcnode-slow
units=/run/systemd/system
created=(
    "$units"/workload-.scope.d/hpcnode-test.conf
    "$units"/workload-dep.slice.d/hpcnode-test.conf
    "$units"/hpcnode-dependency.service
)

teardown() {
    local scope

    if [ -e $generator ]; then
        rm $generator
        ! kill -0 "$RELOAD" || wait "$RELOAD"
    fi
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
    hpcnode-ctl list --no-legend >"$BATS_TEST_TMPDIR/left"
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

# busy SEC: PID 1 reads its units anew, and answers nobody for so long. Sets RELOAD to who waits for that.
busy() {
    mkdir -p "${generator%/*}"
    # shellcheck disable=SC2016 # for the generator
    printf '#!/bin/sh\necho busy >$1/hpcnode-busy\nexec sleep %s\n' "$1" >$generator
    chmod +x $generator
    systemctl daemon-reload &
    RELOAD=$!
    await file /run/systemd/generator/hpcnode-busy busy
}

still_busy() {
    kill -0 "$RELOAD"
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

# in_flight VERB: scopes come and go while PID 1 is told VERB again and again.
in_flight() {
    local again
    remember
    : >"$BATS_TEST_TMPDIR/on"
    while [ -e "$BATS_TEST_TMPDIR/on" ]; do
        systemctl "$1"
    done &
    again=$!
    run -0 --separate-stderr bus-flood cycle --in-flight 20 workload.slice flight 100
    rm "$BATS_TEST_TMPDIR/on"
    wait $again
    # shellcheck disable=SC2154 # set by run
    echo "$stderr"
    has "CreateScope ok 100" "DestroyScope ok 100" "RemoveScope ok 100"
    nothing_left
}

@test "creations and ends in flight survive daemon-reload" {
    in_flight daemon-reload
}

@test "creations and ends in flight survive daemon-reexec" {
    in_flight daemon-reexec
}

# ---- a PID 1 that takes its time -------------------------------------------------------------

@test "while PID 1 is busy for 8 s, only what needs it waits, and succeeds afterwards" {
    create alloc
    busy 8
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

@test "a dependency that fails is CreationFailed, and leaves nothing" {
    remember
    needs workload-.scope /bin/false
    fails dependency
}

@test "a nested slice that needs what fails is CreationFailed, and leaves nothing" {
    remember
    needs workload-dep.slice /bin/false
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice/dep fails 0
    mentions workload-dep-fails.scope dependency
    nothing_left
}

@test "a job of PID 1 that runs into its timeout is CreationFailed, and leaves nothing" {
    remember
    needs workload-.scope '/bin/sleep infinity'
    setting_of_scopes JobTimeoutSec=1
    fails timeout
}

@test "a job of PID 1 that is cancelled is CreationFailed, and leaves nothing" {
    remember
    # shellcheck disable=SC2016 # for the dependency
    needs workload-.scope '/bin/sh -c "systemctl cancel $$(systemctl list-jobs --no-legend workload-fails.scope | cut -d\\  -f1); sleep infinity"'
    fails canceled
}

@test "an assertion or a condition that fails is CreationFailed, and leaves nothing" {
    remember
    setting_of_scopes AssertPathExists=/no/such/path
    fails assert
    rm $units/workload-.scope.d/hpcnode-test.conf
    setting_of_scopes ConditionPathExists=/no/such/path
    fails condition
}

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
    for call in "ThawScope s $1" "KillScope si $1 15" "Spawn ssasa{sv} $1 late 1 true 0"; do
        # shellcheck disable=SC2086 # several arguments
        refused IO $call
        mentions "systemctl thaw $2"
    done
    [ $SECONDS -lt 24 ]
    run -0 hpcnode-ctl inspect "$1"
    has "state: frozen" "frozen_by: systemd" "pid_count: 1"
}

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
}

@test "a slice frozen by systemctl freezes its scopes, and they go on when it is thawed" {
    hpcnode-ctl run --id ice -- sleep infinity
    systemctl freeze workload.slice
    frozen_in_time ice workload.slice
    systemctl thaw workload.slice
    hpcnode-ctl run --scope ice --id next --wait -- true
    run -0 hpcnode-ctl inspect ice
    has "state: running"
}

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

@test "a job in a frozen slice is destroyed, and the slice stays frozen" {
    remember
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl run --id other -- sleep infinity
    systemctl freeze workload.slice
    SECONDS=0
    hpcnode-ctl destroy ice
    [ $SECONDS -lt 24 ]
    run -0 hpcnode-ctl inspect ice
    has "state: lost"
    [[ $(content "$(dir other)/cgroup.events") == *"frozen 1"* ]]
    systemctl thaw workload.slice
    hpcnode-ctl destroy other
    hpcnode-ctl remove other
    hpcnode-ctl remove ice
    nothing_left
}

@test "a job frozen by systemctl that is killed by the daemon has ended when it is thawed" {
    hpcnode-ctl run --id ice -- sleep infinity
    systemctl freeze workload-ice.scope
    hpcnode-ctl kill ice
    systemctl thaw workload-ice.scope
    run -0 hpcnode-ctl wait ice
    has "state: killed" "signal: 9"
}

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
