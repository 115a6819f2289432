#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# SIGKILL at every step of create, spawn, end and destroy, one after the other: each time it is as if it
# had not begun, or as if it had been completed.

# bats file_tags=native
# shellcheck disable=SC2030,SC2031 # tests are not subshells of each other

load lib

export BATS_TEST_TIMEOUT=600

setup_file() {
    trial_daemon
    systemctl restart hpcnode-cgroupd
}

teardown_file() {
    usual_daemon
    systemctl restart hpcnode-cgroupd
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
        hpcnode-ctl run --id victim --service 'exec sleep infinity' -- sleep infinity || answer=$?
        met
        if hpcnode-ctl inspect victim >"$BATS_TEST_TMPDIR/victim" 2>/dev/null; then
            grep -qx "state: running" "$BATS_TEST_TMPDIR/victim"
            kill -0 "$(sed -n 's/^pid: //p' "$BATS_TEST_TMPDIR/victim")"
            grep -qx "pid_count: 2" "$BATS_TEST_TMPDIR/victim"
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
    [ $points -ge 14 ]
}

@test "the daemon is killed at each step of the start of a job's first service" {
    points=0
    for point in $(fault-points spawn.); do
        remember
        arm "$point"
        run -1 hpcnode-ctl run --id victim --service 'exec sleep infinity' -- sleep infinity
        met
        run ! hpcnode-ctl inspect victim
        all_gone
        points=$((points + 1))
    done
    [ $points -ge 4 ]
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

@test "the daemon is killed at each step of an attachment: all processes are in the scope, or none" {
    points=0
    for point in attach.{checked,recorded} $(fault-points spawn.); do
        remember
        hpcnode-ctl create victim
        sleep infinity 3>&- &
        a=$!
        sleep infinity 3>&- &
        b=$!
        from=$(cat "/proc/$a/cgroup")
        arm "$point"
        answer=0
        hpcnode-ctl attach victim/task $a $b || answer=$?
        met
        if run hpcnode-ctl inspect victim/task && [ "$status" -eq 0 ]; then
            has "state: running" "pid: $a"
            [ "$(sort -n "$(dir victim)/payload/task/cgroup.procs" | xargs)" = "$a $b" ]
            hpcnode-ctl kill victim/task
            run -0 hpcnode-ctl wait victim/task
            has "state: killed"
        else
            [ $answer -ne 0 ]
            [ "$(cat "/proc/$a/cgroup")$(cat "/proc/$b/cgroup")" = "$from$from" ]
            [ ! -e "$(dir victim)/payload/task" ]
            kill $a $b
        fi
        drop
        wait $a $b || :
        all_gone
        points=$((points + 1))
    done
    [ $points -ge 6 ]
}

@test "the daemon is killed at each step of an opening: who asked has the leaf, or it is gone" {
    points=0
    for point in $(fault-points open.) $(fault-points spawn.); do
        remember
        hpcnode-ctl create victim
        hpcnode-ctl run --scope victim --id other -- sleep infinity
        arm "$point"
        # It stays on the bus.
        coproc self-start victim task sleep infinity 3>&-
        agent=$COPROC_PID to=${COPROC[1]} from=${COPROC[0]}
        read -r said <&"$from"
        echo "$said"
        met
        case $point in
        open.confirmed | spawn.answered)
            [ "$said" = open ]
            run -0 hpcnode-ctl inspect victim/task
            has "state: starting"
            echo start >&"$to"
            read -r said <&"$from"
            [[ $said == pid\ * ]]
            ;;
        *)
            [[ $said == "error "* || $point == open.answered ]]
            await gone "$(dir victim)/payload/task"
            echo start >&"$to"
            read -r said <&"$from"
            [[ $said == "error "* ]]
            run -0 hpcnode-ctl run --scope victim --id task --wait -- true
            ;;
        esac
        kill -KILL "$agent"
        wait "$agent" || :
        drop
        all_gone
        points=$((points + 1))
    done
    [ $points -ge 7 ]
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
    local records cursor
    for point in $(fault-points spawn.); do
        remember
        hpcnode-ctl create victim
        run -3 hpcnode-ctl run --scope victim --id main --wait -- sh -c 'exit 3'
        journalctl --sync
        records=$(hpcnode-ctl events victim | wc -l)
        cursor=$(log_cursor)
        arm "$point"
        hpcnode-ctl run --scope victim --id main -- sleep infinity || :
        met
        # A start that goes on without us is of neither while it does.
        hpcnode-ctl inspect victim/main || await_log "workload-victim.scope: main task started" "$cursor"
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
        run ! compgen -G "$STATE_DIR/*.scope"
    done
}

# again POINT: how often something is recorded if the daemon is killed there. Once it is, that is noted.
again() {
    [[ $1 == *.recorded ]] && echo 2 || echo 1
}

# emergency STATUS TYPE TIMES: what `status` ends with, and how often there is the record.
emergency() {
    run "$1" hpcnode-ctl emergency status
    journalctl --sync
    hpcnode-ctl events --since "$SINCE" | grep " type=emergency.$2 " >"$BATS_TEST_TMPDIR/records"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/records")" -eq "$3" ]
}

@test "the daemon is killed at each step of the declaration of an emergency: it is in force, and recorded" {
    for point in $(fault-points emergency.); do
        SINCE=@$(date +%s.%6N)
        arm "$point"
        run ! hpcnode-ctl emergency declare --reason "down"
        met
        emergency -0 declare "$(again "$point")"
        has "reason: down"
        hpcnode-ctl emergency end
    done
}

@test "the daemon is killed at each step of the end of an emergency: it has ended, and that is recorded" {
    for point in $(fault-points emergency-end.); do
        SINCE=@$(date +%s.%6N)
        hpcnode-ctl emergency declare --reason "down"
        arm "$point"
        run ! hpcnode-ctl emergency end
        met
        emergency -3 end "$(again "$point")"
        run ! grep -v " reason=ended caller_uid=0 " "$BATS_TEST_TMPDIR/records"
        [ ! -e "$STATE_DIR/emergency" ]

        [ "$point" != emergency-end.saved ] || continue # time needs no file
        SINCE=@$(date +%s.%6N)
        arm "$point"
        hpcnode-ctl emergency declare --reason "down" --duration 1s
        await exit "$DAEMON"
        met
        emergency -3 end "$(again "$point")"
        run ! grep -v " reason=expired$" "$BATS_TEST_TMPDIR/records"
    done
}

@test "the daemon is killed between the record of an act by emergency and the act: it is not done" {
    hpcnode-ctl run --id victim -- sleep infinity
    hpcnode-ctl emergency declare --reason "down"
    for verb in freeze kill; do
        SINCE=@$(date +%s.%6N)
        for point in $(fault-points by-emergency.); do
            arm "$point"
            run ! runuser -u pact -- hpcnode-ctl $verb victim
            met
        done
        emergency -0 $verb 1
        run -0 hpcnode-ctl inspect victim
        has "state: running"
    done
    hpcnode-ctl emergency end
    drop
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
        run ! compgen -G "$STATE_DIR/*"
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

@test "the supervisor is killed while it attaches: the processes are back where they were" {
    hpcnode-ctl create victim
    hpcnode-ctl run --scope victim --id other -- sleep infinity
    sleep infinity 3>&- &
    a=$!
    sleep infinity 3>&- &
    b=$!
    from=$(cat /proc/$a/cgroup)
    for point in supervisor.{attaching,attached}; do
        arm "$point"
        run -1 hpcnode-ctl attach victim/task $a $b
        echo "$output"
        met supervisor
        [ "$(cat /proc/$a/cgroup)$(cat /proc/$b/cgroup)" = "$from$from" ]
        run ! hpcnode-ctl inspect victim/task
        run -0 hpcnode-ctl run --scope victim --id next --wait -- true
        run -0 hpcnode-ctl inspect victim/other
        has "state: running"
    done
    hpcnode-ctl attach victim/task $a $b
    drop
    wait $a $b || :
}

@test "the supervisor is killed while it makes a leaf, or has its first process" {
    remember
    hpcnode-ctl create victim
    hpcnode-ctl run --scope victim --id other -- sleep infinity
    arm supervisor.opened
    run -0 self-start victim task sleep infinity </dev/null
    [[ $output == "error CreationFailed: "* ]]
    met supervisor
    run -0 hpcnode-ctl run --scope victim --id next --wait -- true
    await gone "$(dir victim)/payload/task"
    coproc self-start victim task sleep infinity 3>&-
    agent=$COPROC_PID to=${COPROC[1]} from=${COPROC[0]}
    read -r said <&"$from"
    [ "$said" = open ]
    arm supervisor.begun
    run -0 bus-wait PropertiesChanged:org.hpcnode.Cgroup1.Task -- bash -c "echo start >/proc/$BASHPID/fd/$to"
    read -r said <&"$from"
    met supervisor
    run -0 hpcnode-ctl inspect victim/task
    has "state: running" "pid: ${said#pid }"
    run -0 hpcnode-ctl inspect victim/other
    has "state: running"
    kill -KILL "$agent"
    wait "$agent" || :
    drop
    all_gone
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
