#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the bus, and its clients, do behind the daemon's back.

# bats file_tags=native
load lib

# 200 MB of answers through a busy bus.
export BATS_TEST_TIMEOUT=400

generator=/run/systemd/system-generators/hpcnode-slow

teardown() {
    rm -f $generator
    [ -z "${DEAF-}" ] || kill "$DEAF"
    systemctl start dbus.socket dbus.service
    systemctl start hpcnode-cgroupd
    remove_all
}

# ---- a bus that goes and comes ---------------------------------------------------------------

# begun: jobs, and clients that wait for them. Sets PID1 to 3 and CLIENT1 to 3.
begun() {
    run -0 hpcnode-ctl run --id stays -- sleep infinity
    STAYS=$(field pid "$output")
    run -0 hpcnode-ctl run --id awaited -- sleep infinity
    AWAITED=$(field pid "$output")
    busctl monitor --match "type='method_call',member='WaitScope'" >"$BATS_TEST_TMPDIR/calls" 2>&1 &
    monitor=$!
    await file "$BATS_TEST_TMPDIR/calls" Monitoring
    hpcnode-ctl wait awaited >"$BATS_TEST_TMPDIR/wait" &
    WAIT=$!
    await file "$BATS_TEST_TMPDIR/calls" Member=WaitScope
    kill $monitor
    hpcnode-ctl run --id ran --wait -- sh -c "echo up >$BATS_TEST_TMPDIR/up; read x <$BATS_TEST_TMPDIR/go; exit 7" &
    RUN=$!
    await file "$BATS_TEST_TMPDIR/up" up
}

# ended: whoever waited is answered, and what ran on runs.
ended() {
    wait $WAIT
    grep -qx "signal: 15" "$BATS_TEST_TMPDIR/wait"
    status=0
    wait $RUN || status=$?
    [ $status -eq 7 ]
    run -0 hpcnode-ctl inspect stays
    has "state: running" "pid: $STAYS"
    hpcnode-ctl run --id next --wait -- true
}

@test "a restart of the bus is no end of jobs, of the daemon or of who waits" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    begun
    systemctl restart dbus.service
    kill "$AWAITED"
    echo >"$BATS_TEST_TMPDIR/go"
    ended
}

@test "a bus stopped for 5 s and started again: the daemon is back, and knows what ended meanwhile" {
    mkfifo "$BATS_TEST_TMPDIR/go"
    begun
    systemctl stop dbus.socket dbus.service
    SECONDS=0
    kill "$AWAITED"
    echo >"$BATS_TEST_TMPDIR/go"
    await exit "$AWAITED"
    # It waits for the bus, in one process that says so once.
    journalctl --sync
    run -1 --separate-stderr hpcnode-ctl ping
    # shellcheck disable=SC2154 # set by run
    [[ $stderr == *"cannot reach hpcnode-cgroupd"*dbus.socket* ]]
    sleep $((SECONDS < 5 ? 5 - SECONDS : 0)) # what is tested is 5 s
    [[ $(systemctl is-active hpcnode-cgroupd) == activating ]]
    run ! systemctl is-active -q dbus.socket
    id=$(systemctl show --value -p InvocationID hpcnode-cgroupd)
    [ "$(journalctl -q -o cat _SYSTEMD_INVOCATION_ID="$id" | grep -c 'waiting for it')" -eq 1 ]
    systemctl start dbus.socket dbus.service
    ended
    [ "$(systemctl show --value -p InvocationID hpcnode-cgroupd)" = "$id" ]
}

@test "without a bus the daemon can be stopped, and it starts when there is one" {
    systemctl stop dbus.socket dbus.service
    systemctl restart --no-block hpcnode-cgroupd
    SECONDS=0
    systemctl stop hpcnode-cgroupd
    [ $SECONDS -lt 45 ]
    systemctl start --no-block hpcnode-cgroupd
    systemctl start dbus.socket
    # Returns when the start is done.
    systemctl start hpcnode-cgroupd
    hpcnode-ctl ping
}

# ---- clients that go -------------------------------------------------------------------------

@test "a reload before there is a bus is none that the daemon is ready by" {
    local cursor
    systemctl stop dbus.socket dbus.service
    systemctl stop hpcnode-cgroupd
    cursor=$(log_cursor)
    systemctl start --no-block hpcnode-cgroupd
    await_log "waiting for it" "$cursor"
    daemon_pid
    kill -HUP "$DAEMON"
    await_log "the configuration was reloaded" "$cursor"
    [ "$(systemctl show -P ActiveState hpcnode-cgroupd)" = activating ]
    systemctl start dbus.socket
    systemctl start hpcnode-cgroupd
    hpcnode-ctl ping >/dev/null
    [ "$(systemctl show -P MainPID hpcnode-cgroupd)" -eq "$DAEMON" ]
}

@test "a call that changes something is completed though its client has left" {
    create alloc
    run -0 bus-wait TaskExited:task -- bus-rude leave Spawn alloc task true
    # While PID 1 is busy, the client is gone for sure when the scope is there.
    mkdir -p "${generator%/*}"
    # shellcheck disable=SC2016 # for the generator
    printf '#!/bin/sh\necho busy >$1/hpcnode-busy\nexec sleep 4\n' >$generator
    chmod +x $generator
    systemctl daemon-reload &
    reload=$!
    await file /run/systemd/generator/hpcnode-busy busy
    run -0 bus-wait ScopeCreated:made ScopeCreated:ran ScopeReleased:ran ScopeReleased:alloc -- sh -c \
        'bus-rude leave CreateScope workload.slice made; bus-rude leave Run workload.slice ran true; bus-rude leave DestroyScope alloc'
    wait $reload
    [ "$(property made State)" = 's "active"' ]
    [ "$(property ran State)" = 's "exited"' ]
    [ "$(property alloc State)" = 's "exited"' ]
}

# rss: of the daemon, in KiB.
rss() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$DAEMON/status"
}

@test "who waits and goes is forgotten" {
    needs_plain_build
    create awaited
    daemon_pid
    bus-rude vanish 10 100 awaited
    before=$(rss)
    bus-rude vanish 100 100 awaited
    echo "# resident KiB before and after 10000 calls of clients that left: $before, $(rss)" >&3
    # A call takes 1 KiB.
    [ "$(rss)" -lt $((before + 2000)) ]
    # Who has stayed is answered.
    hpcnode-ctl wait awaited >"$BATS_TEST_TMPDIR/wait" &
    client=$!
    bus-rude vanish 1 100 awaited
    hpcnode-ctl destroy awaited
    wait $client
    grep -qx "state: exited" "$BATS_TEST_TMPDIR/wait"
}

@test "a client that never reads its answers keeps the daemon from nobody for long" {
    needs_plain_build
    [ "$NODE_KIND" != vm ] || skip "emulated, 200 MB of answers take minutes"
    bus-flood create workload.slice many 60
    run -0 hpcnode-ctl run --id stays -- sleep infinity
    pid=$(field pid "$output")
    daemon_pid
    bus-rude deaf 3000 >"$BATS_TEST_TMPDIR/deaf" &
    DEAF=$!
    await --timeout 300 file "$BATS_TEST_TMPDIR/deaf" sent
    # dbus-daemon stops to read from us: at the latest the second call finds the daemon at another connection.
    timeout 30 hpcnode-ctl ping || timeout 30 hpcnode-ctl ping
    echo "# resident KiB: $(rss)"
    for _ in 1 2 3; do
        hpcnode-ctl ping
    done
    daemon_pid
    [ "$(rss)" -lt 100000 ]
    run -0 hpcnode-ctl inspect stays
    has "state: running" "pid: $pid"
    hpcnode-ctl run --id next --wait -- true
    kill -0 $DEAF
    bus-flood destroy --in-flight 20 workload.slice many 60
}

@test "a second daemon leaves the name, and the bus, to the first" {
    run -0 hpcnode-ctl run --id job -- sleep infinity
    daemon_pid
    before=$DAEMON
    run -1 timeout 60 "$(systemctl show --value -p ExecStart hpcnode-cgroupd | sed 's/.*path=\([^ ]*\) .*/\1/')"
    [[ $output == *"another process has the bus name"* ]]
    daemon_pid
    [ "$DAEMON" = "$before" ]
    hpcnode-ctl kill job --signal TERM
    run -0 hpcnode-ctl wait job
    has "state: failed" "signal: 15"
}
