#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# SIGKILL at every step of create, spawn, end and destroy, one after the other: each time it is as if it
# had not begun, or as if it had been completed.

# bats file_tags=native

load lib

export BATS_TEST_TIMEOUT=600
fault_file=/run/hpcnode-fault
drop_in=/run/systemd/system/hpcnode-cgroupd.service.d

setup_file() {
    mkdir -p $drop_in
    printf '[Service]\nExecStart=\nExecStart=%s/hpcnode-cgroupd-trial\n' "$HELPERS" >$drop_in/trial.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
}

teardown_file() {
    rm -f $drop_in/trial.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
}

arm() {
    echo "at $1"
    daemon_pid
    echo "$1" >$fault_file
}

# The point was met, and whoever died of it is no more: the daemon, unless it was the supervisor.
met() {
    [ ! -e $fault_file ] || {
        echo "never met"
        return 1
    }
    [ "${1-daemon}" = supervisor ] || await exit "$DAEMON"
    systemctl start hpcnode-cgroupd
}

# What is undone is undone by PID 1, and a supervisor that nobody needs ends by itself.
all_gone() {
    local pid
    await gone "$(dir victim)"
    systemctl stop workload-victim.scope 2>/dev/null || :
    for pid in $(pgrep hpcnode-superv); do
        grep -q "^$pid " "$BATS_TEST_TMPDIR/before" || await exit "$pid"
    done
    # Another daemon has other descriptors; they are counted elsewhere.
    what_is_there | grep -v ^descriptors | diff <(grep -v ^descriptors "$BATS_TEST_TMPDIR/before") -
}

drop() {
    hpcnode-ctl destroy victim
    hpcnode-ctl remove victim
}

@test "the daemon is killed at each step of a creation" {
    points=0
    SINCE=$(date +%s)
    for point in $(fault-points create. | grep -v undo); do
        remember
        arm "$point"
        answer=0
        hpcnode-ctl run --id victim -- sleep infinity || answer=$?
        met
        if hpcnode-ctl inspect victim >"$BATS_TEST_TMPDIR/victim" 2>/dev/null; then
            grep -qx "state: running" "$BATS_TEST_TMPDIR/victim"
            kill -0 "$(sed -n 's/^pid: //p' "$BATS_TEST_TMPDIR/victim")"
            drop
        else
            [ $answer -ne 0 ]
        fi
        all_gone
        # What was undone has not ended, for it has not been.
        journalctl --sync
        hpcnode-ctl events victim --since "@$SINCE" >"$BATS_TEST_TMPDIR/records"
        [ "$(grep -c " type=job.start " "$BATS_TEST_TMPDIR/records")" -eq \
            "$(grep -c " type=job.cleanup " "$BATS_TEST_TMPDIR/records")" ]
        points=$((points + 1))
    done
    [ $points -ge 13 ]
}

@test "the daemon is killed while a failed creation is undone" {
    for point in $(fault-points create.undo); do
        remember
        arm "$point"
        run ! hpcnode-ctl run --id victim -- /no/such/program
        met
        run ! hpcnode-ctl inspect victim
        all_gone
    done
}

@test "the daemon is killed at each step of a task's start" {
    points=0
    for point in $(fault-points spawn.); do
        remember
        hpcnode-ctl create victim
        hpcnode-ctl run --scope victim --id other -- sleep infinity
        arm "$point"
        answer=0
        hpcnode-ctl run --scope victim --id task -- sleep infinity || answer=$?
        met
        run -0 hpcnode-ctl inspect victim
        has "state: active"
        run -0 hpcnode-ctl inspect victim/other
        has "state: running"
        # A start that goes on without us is completed: then it can be waited for.
        if hpcnode-ctl inspect victim/task 2>/dev/null; then
            hpcnode-ctl kill victim/task
            run -0 hpcnode-ctl wait victim/task
            has "state: killed"
        else
            [ $answer -ne 0 ]
            [ ! -e "$(dir victim)/payload/task" ]
        fi
        run -0 hpcnode-ctl run --scope victim --id next --wait -- true
        drop
        all_gone
        points=$((points + 1))
    done
    [ $points -ge 4 ]
}

@test "the daemon is killed at each step of a destruction" {
    points=0
    for point in $(fault-points release.); do
        remember
        hpcnode-ctl create victim
        hpcnode-ctl run --scope victim --id a -- "$HELPERS/ignore-signals" 2
        hpcnode-ctl run --scope victim --id b -- sleep infinity
        arm "$point"
        answer=0
        hpcnode-ctl destroy victim || answer=$?
        met
        # Nobody asks again.
        await gone "$(dir victim)"
        run -0 hpcnode-ctl wait victim
        has "state: exited"
        drop
        all_gone
        points=$((points + 1))
    done
    [ $points -ge 10 ]
}

@test "the daemon is killed at each step of a job's end: its exit status is known" {
    for point in $(fault-points release.); do
        remember
        arm "$point"
        run -7 hpcnode-ctl run --id victim --wait -- sh -c 'exit 7'
        met
        run -0 hpcnode-ctl wait victim
        has "state: failed" "exit: 7"
        hpcnode-ctl remove victim
        all_gone
    done
}

@test "the daemon is killed at each step of an allocation's end: it has ended, and is not lost" {
    for point in $(fault-points release.); do
        remember
        hpcnode-ctl create victim --release-on-empty
        arm "$point"
        hpcnode-ctl run --scope victim --id task -- true || :
        await exit "$DAEMON"
        met
        run -0 hpcnode-ctl wait victim
        has "state: exited"
        journalctl --sync
        [[ $(hpcnode-ctl events victim | grep " type=cgroup.destroy " | tail -n 1) == *" state=exited reason=empty"* ]]
        hpcnode-ctl remove victim
        all_gone
    done
}

@test "the daemon is killed at each step of a second main's start: the first one's end stays its own" {
    local records
    for point in $(fault-points spawn.); do
        remember
        hpcnode-ctl create victim
        run -3 hpcnode-ctl run --scope victim --id main --wait -- sh -c 'exit 3'
        journalctl --sync
        records=$(hpcnode-ctl events victim | wc -l)
        arm "$point"
        hpcnode-ctl run --scope victim --id main -- sleep infinity || :
        met
        if run -0 hpcnode-ctl inspect victim/main && [[ $output == *"state: running"* ]]; then
            journalctl --sync
            run ! grep " type=job.exit " <(hpcnode-ctl events victim | tail -n "+$((records + 1))")
            hpcnode-ctl kill victim/main
            run -0 hpcnode-ctl wait victim/main
            has "state: killed"
        else
            has "exit: 3"
        fi
        drop
        all_gone
    done
}

@test "the daemon is killed at each step of a stop by systemd: its job's end is known" {
    points=0
    for point in $(fault-points release.); do
        remember
        hpcnode-ctl run --id victim -- sleep infinity
        arm "$point"
        systemctl stop workload-victim.scope
        await exit "$DAEMON"
        met
        run -0 hpcnode-ctl wait victim
        has "state: failed" "signal: 15"
        hpcnode-ctl remove victim
        all_gone
        points=$((points + 1))
    done
    [ $points -ge 10 ]
}

@test "the daemon is killed while a record is removed" {
    for point in $(fault-points remove.); do
        hpcnode-ctl run --id victim --wait -- true
        arm "$point"
        hpcnode-ctl remove victim || :
        met
        run ! hpcnode-ctl inspect victim
        ! compgen -G "$STATE_DIR/*.scope"
    done
}

@test "the daemon is killed at each step of putting in a new supervisor" {
    for point in $(fault-points recover.); do
        remember
        hpcnode-ctl run --id victim -- sleep infinity
        read -r supervisor <"$(dir victim)/supervisor/cgroup.procs"
        daemon_pid
        arm "$point"
        kill -KILL "$supervisor"
        # shellcheck disable=SC2153 # set by daemon_pid
        await exit "$DAEMON"
        met
        run -0 hpcnode-ctl inspect victim
        has "state: running"
        hpcnode-ctl kill --signal TERM victim
        run -0 hpcnode-ctl wait victim
        [[ $output == *"signal: 15"* || $output == *"state: lost"* ]]
        hpcnode-ctl remove victim
        all_gone
    done
}

@test "the supervisor is killed at each step of a creation: nothing is left of it" {
    daemon_pid
    before=$DAEMON
    for point in supervisor.{directories,placed,ready,leaf,child,executed}; do
        remember
        arm "$point"
        run ! hpcnode-ctl run --id victim -- sleep infinity
        echo "$output"
        met supervisor
        run ! hpcnode-ctl inspect victim
        await gone "$(dir victim)"
        systemctl stop workload-victim.scope 2>/dev/null || :
        [ "$(pgrep -c hpcnode-superv)" -eq 0 ]
        ! compgen -G "$STATE_DIR/*"
    done
    daemon_pid
    [ "$DAEMON" = "$before" ]
}

@test "the supervisor is killed at each step of a task's start: the others go on under a new one" {
    for point in supervisor.{leaf,child,executed}; do
        remember
        hpcnode-ctl create victim
        hpcnode-ctl run --scope victim --id other -- sleep infinity
        arm "$point"
        run ! hpcnode-ctl run --scope victim --id task -- sleep infinity
        echo "$output"
        met supervisor
        run -0 hpcnode-ctl run --scope victim --id next --wait -- true
        run ! hpcnode-ctl inspect victim/task
        [ ! -s "$(dir victim)/payload/task/cgroup.procs" ]
        run -0 hpcnode-ctl inspect victim/other
        has "state: running"
        drop
        all_gone
    done
}

@test "the supervisor is killed when its job ends, before and after it has told how" {
    for point in supervisor.{task-ended,released}; do
        remember
        arm "$point"
        run hpcnode-ctl run --id victim --wait -- sh -c 'exit 7'
        met supervisor
        run -0 hpcnode-ctl wait victim
        if [ "$point" = supervisor.released ]; then
            has "state: failed" "exit: 7"
        else
            has "state: lost"
        fi
        hpcnode-ctl remove victim
        all_gone
    done
}
