#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# systemctl stop: a job gets SIGTERM, the stop takes as long as the job needs, and the outcome is known.

load lib

drop_in=/etc/hpcnode/cgroupd.conf.d/stop.conf

teardown() {
    systemctl start hpcnode-cgroupd
    if [ -e $drop_in ]; then
        rm $drop_in
        systemctl restart hpcnode-cgroupd
    fi
    ! hpcnode-ctl destroy job || hpcnode-ctl remove job
}

# TimeoutStopUSec of the scopes is 90 s: whoever ran into it took longer than this.
stopped_at_once() {
    SECONDS=0
    systemctl stop workload-job.scope
    [ $SECONDS -lt 45 ]
    [ ! -e "$(dir job)" ]
}

ended_by_term() {
    run -0 hpcnode-ctl wait job
    has "state: failed" "signal: 15" "pid_count: 0"
}

@test "a running job that is stopped has failed by signal 15" {
    hpcnode-ctl run --id job -- sleep infinity
    stopped_at_once
    ended_by_term
}

@test "a frozen job that is stopped gets its SIGTERM at once" {
    hpcnode-ctl run --id job -- sleep infinity
    hpcnode-ctl freeze job
    stopped_at_once
    ended_by_term
}

# bats test_tags=native
@test "a running job that is stopped while the daemon is away: the outcome is known afterwards" {
    hpcnode-ctl run --id job -- sleep infinity
    systemctl stop hpcnode-cgroupd
    stopped_at_once
    systemctl start hpcnode-cgroupd
    ended_by_term
}

# bats test_tags=native
@test "a frozen job that is stopped while the daemon is away: the outcome is known afterwards" {
    hpcnode-ctl run --id job -- sleep infinity
    hpcnode-ctl freeze job
    systemctl stop hpcnode-cgroupd
    stopped_at_once
    systemctl start hpcnode-cgroupd
    ended_by_term
}

# bats test_tags=native
@test "a stop waits for what the job does on SIGTERM" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go
    hpcnode-ctl run --id job -- sh -c 'trap "echo stopping >said; read x <go; exit 6" TERM; echo up >up; while :; do sleep 1000 & wait; done'
    await file up up
    systemctl stop --no-block workload-job.scope
    await file said stopping
    [ "$(systemctl show --value -p ActiveState workload-job.scope)" = deactivating ]
    echo >go
    run -0 hpcnode-ctl wait job
    has "state: failed" "exit: 6"
}

# bats test_tags=bookworm
@test "a job that ignores SIGTERM is killed after StopTimeoutSec, and that is known" {
    mkdir -p /etc/hpcnode/cgroupd.conf.d
    printf '[Scopes]\nStopTimeoutSec=4\n' >$drop_in
    systemctl restart hpcnode-cgroupd
    remember
    hpcnode-ctl run --id job -- "$HELPERS/ignore-signals" 2
    stopped_at_once
    run -0 hpcnode-ctl wait job
    has "state: killed" "signal: 9"
    hpcnode-ctl remove job
    nothing_left
}

# bats test_tags=native
@test "a daemon that hangs during a stop, and is killed: the outcome is known to the next one" {
    # PID 1 ends the supervisor before that has waited long enough for the daemon.
    mkdir -p /etc/hpcnode/cgroupd.conf.d
    printf '[Scopes]\nStopTimeoutSec=3\n' >$drop_in
    systemctl restart hpcnode-cgroupd
    remember
    hpcnode-ctl run --id job -- sleep infinity
    daemon_pid
    kill -STOP "$DAEMON"
    systemctl stop --no-block workload-job.scope
    await gone "$(dir job)"
    crash
    systemctl start hpcnode-cgroupd
    ended_by_term
    hpcnode-ctl remove job
    nothing_left
}

# bats test_tags=native
@test "systemctl kill ends the job, but not a scope that waits for tasks" {
    hpcnode-ctl create job
    hpcnode-ctl run --scope job --id task -- sleep infinity
    systemctl kill workload-job.scope
    run -0 hpcnode-ctl wait job/task
    has "signal: 15"
    [ "$(property job State)" = 's "active"' ]
    hpcnode-ctl run --scope job --id next --wait -- true
}

# bats test_tags=native
@test "a stopped slice takes its jobs along, and is back with the next one" {
    hpcnode-ctl run --id job -- sleep infinity
    systemctl stop workload.slice
    ended_by_term
    hpcnode-ctl remove job
    hpcnode-ctl run --id job -- sleep infinity
    systemctl is-active -q workload.slice
}
