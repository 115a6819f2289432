#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# State on a disk that is full, and state files that are not what they should be: one request or one scope
# has the trouble, and says so.

load lib

# A file system of its own, that can be filled.
setup_file() {
    systemctl stop hpcnode-cgroupd
    mkdir -p "$STATE_DIR"
    mount -t tmpfs -o size=256k,mode=700 tmpfs "$STATE_DIR"
    systemctl start hpcnode-cgroupd
}

teardown_file() {
    systemctl stop hpcnode-cgroupd
    umount "$STATE_DIR"
    systemctl start hpcnode-cgroupd
}

setup() {
    SINCE=$(date +%s.%N)
}

teardown() {
    mount -o remount,rw "$STATE_DIR"
    rm -rf "$STATE_DIR"/fill "$STATE_DIR"/{0123456789abcde,bad}*
    systemctl start hpcnode-cgroupd
    systemctl stop 'workload-foreign*.scope'
    remove_all
}

# fill [PAGES]: leaves no more room than that.
fill() {
    ! dd if=/dev/zero of="$STATE_DIR/fill" bs=4096 2>/dev/null || false
    truncate -s "-$((${1-0} * 4096))" "$STATE_DIR/fill"
}

# state_file NAME: of a scope in workload.slice.
state_file() {
    grep -l "^unit=workload-$1.scope" "$STATE_DIR"/*.scope
}

# said WORD...: some line of the daemon's in this test has all of them.
said() {
    local word log
    journalctl --sync
    log=$(journalctl -q -u hpcnode-cgroupd -o cat --since "@${SINCE%???}")
    for word; do
        log=$(grep -F -- "$word" <<<"$log") || {
            echo "nothing was said of $word"
            return 1
        }
    done
}

# ---- a full disk -----------------------------------------------------------------------------

# bats test_tags=native
@test "a scope whose state cannot be saved is not created, and those that are there go on" {
    hpcnode-ctl run --id there -- sleep infinity
    fill
    remember
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice more 0
    mentions workload-more.scope "$STATE_DIR" "No space left"
    refused CreationFailed Run 'ssa{sv}asa{sv}' workload.slice more 0 1 true 0
    mentions "No space left"
    nothing_left
    hpcnode-ctl run --scope there --id task --wait -- true
    [ "$(property there State)" = 's "running"' ]
    rm "$STATE_DIR/fill"
    hpcnode-ctl run --id more --wait -- true
}

# bats test_tags=native
@test "a job whose last state cannot be saved is undone though its program runs" {
    local log=/tmp/x later size missing
    # A log by a path so long that the state of a job that has just begun to run needs one page more than that of one in
    # the making. These two numbers come to it later, each in place of a 0.
    hpcnode-ctl run --id more --log "file:$log" -- sleep infinity
    later=$(sed -En 's/^(pressure_started_usec|start_recorded)=//p' "$(state_file more)" | tr -d '\n')
    size=$(($(stat -c %s "$(state_file more)") - ${#later} + 2))
    hpcnode-ctl destroy more
    hpcnode-ctl remove more
    for ((missing = 4098 - size; missing > 1; missing -= 2)); do
        log=/.$log
    done
    fill 2
    remember
    run -1 hpcnode-ctl run --id more --log "file:$log" -- sleep infinity
    [[ $output == *workload-more.scope*"No space left"* ]]
    nothing_left
    rm "$STATE_DIR/fill"
    run -0 hpcnode-ctl run --id more --log "file:$log" -- sleep infinity
    [ "$(stat -c %s "$(state_file more)")" -gt 4096 ]
}

# bats test_tags=native
@test "a change that cannot be saved is not made, and can be made again" {
    hpcnode-ctl run --id ice -- sleep infinity
    mount -o remount,ro "$STATE_DIR"
    refused IO FreezeScope s ice
    mentions ice "not frozen" "$STATE_DIR" "Read-only"
    [ "$(<"$(dir ice)/payload/cgroup.freeze")" = 0 ]
    mount -o remount,rw "$STATE_DIR"
    hpcnode-ctl freeze ice
    systemctl restart hpcnode-cgroupd
    [ "$(property ice State)" = 's "frozen"' ]
    mount -o remount,ro "$STATE_DIR"
    refused IO ThawScope s ice
    mentions ice "not thawed" "Read-only"
    mount -o remount,rw "$STATE_DIR"
    hpcnode-ctl thaw ice
    systemctl restart hpcnode-cgroupd
    [ "$(property ice State)" = 's "running"' ]
}

# bats test_tags=native
@test "a record that cannot be removed from the disk is not removed" {
    hpcnode-ctl run --id past --wait -- true
    mount -o remount,ro "$STATE_DIR"
    refused IO RemoveScope s past
    mentions past "$STATE_DIR" "Read-only"
    mount -o remount,rw "$STATE_DIR"
    run -0 hpcnode-ctl inspect past
    hpcnode-ctl remove past
    systemctl restart hpcnode-cgroupd
    run ! hpcnode-ctl inspect past
}

@test "a limit is saved though the disk is full, and one that cannot be saved is an error" {
    needs_controllers
    hpcnode-ctl run --id job -- sleep infinity
    fill
    call SetScopeLimits 'sa{sv}' job 1 CPUWeight t 50
    grep -qx limit=CPUWeight=50 "$(state_file job)"
    rm "$STATE_DIR/fill"
    mount -o remount,ro "$STATE_DIR"
    refused IO SetScopeLimits 'sa{sv}' job 1 CPUWeight t 60
    mentions job "$STATE_DIR" "Read-only"
    mount -o remount,rw "$STATE_DIR"
}

# bats test_tags=native
@test "an emergency that cannot be saved is not declared, and one that lasts can be ended though the disk is full" {
    fill
    refused IO DeclareEmergency st "down" 0
    mentions "no emergency is declared" "$STATE_DIR" "No space left"
    run -3 hpcnode-ctl emergency status
    run ! grep emergency <(journalctl --sync && hpcnode-ctl events --since "@${SINCE%???}")
    rm "$STATE_DIR/fill"
    hpcnode-ctl emergency declare --reason "first"
    fill
    hpcnode-ctl emergency declare --reason "second, and a longer one"
    hpcnode-ctl emergency declare --reason "3rd"
    crash
    run -0 hpcnode-ctl emergency status
    has "reason: 3rd"
    hpcnode-ctl emergency end
    crash
    run -3 hpcnode-ctl emergency status
}

# bats test_tags=native
@test "an emergency whose end cannot be saved lasts on, but not beyond its time" {
    hpcnode-ctl emergency declare --reason "down" --duration 6s
    mount -o remount,ro "$STATE_DIR"
    refused IO EndEmergency
    mentions "lasts on" "$STATE_DIR" "Read-only"
    run -0 hpcnode-ctl emergency status
    refused IO DeclareEmergency st "other" 0
    run -0 hpcnode-ctl emergency status
    has "reason: down"
    run -0 bus-wait EmergencyEnded:expired -- true
    run -3 hpcnode-ctl emergency status
    said "cannot remove $STATE_DIR/emergency"
    crash
    run -3 hpcnode-ctl emergency status
    mount -o remount,rw "$STATE_DIR"
    systemctl restart hpcnode-cgroupd
    [ ! -e "$STATE_DIR/emergency" ]
}

# bats test_tags=native
@test "a full disk keeps nobody from ending what runs, and what it came to is known afterwards" {
    hpcnode-ctl run --id full -- sleep infinity
    hpcnode-ctl run --id ice -- sleep infinity
    hpcnode-ctl create alloc
    fill
    hpcnode-ctl destroy alloc
    hpcnode-ctl kill full --signal TERM
    run -0 hpcnode-ctl wait full
    has "signal: 15"
    hpcnode-ctl freeze ice
    [ ! -e "$(dir full)" ]
    [ ! -e "$(dir alloc)" ]
    # The daemon starts as well, and knows it all.
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl wait full
    has "state: failed" "signal: 15"
    run -0 hpcnode-ctl inspect alloc
    has "state: exited"
    run -0 hpcnode-ctl inspect ice
    has "state: frozen" "frozen_by: client"
    journalctl --sync
    [ "$(hpcnode-ctl events full | grep -c ' type=job.exit ')" -eq 1 ]
}

# bats test_tags=native
@test "a record that cannot be saved is said to be lost with the daemon" {
    hpcnode-ctl run --id job -- sleep infinity
    mount -o remount,ro "$STATE_DIR"
    hpcnode-ctl kill job
    run -0 hpcnode-ctl wait job
    has "state: killed"
    mount -o remount,rw "$STATE_DIR"
    said workload-job.scope "its record cannot be saved"
}

# ---- files that are not what they should be --------------------------------------------------

# bad FILE: the daemon starts, names the file, and serves the others.
bad() {
    SECONDS=0
    systemctl restart hpcnode-cgroupd
    [ $SECONDS -lt 30 ]
    said "$STATE_DIR/$1" "not served"
    [ "$(property job State)" = 's "running"' ]
    [ "$(hpcnode-ctl list --no-tasks --no-legend | wc -l)" -eq 1 ]
    rm -r "${STATE_DIR:?}/$1"
}

# bats test_tags=native
@test "garbage, half files, and what is no file are named, not followed, and stop nobody" {
    local bad=0123456789abcdef.scope n
    hpcnode-ctl run --id job -- sleep infinity
    # What would be a scope, were it not for what follows.
    sed 's/workload-job/workload-bad/; s/^name=job/name=bad/' "$(state_file job)" >"$BATS_TEST_TMPDIR/good"

    head -c 3000 /dev/urandom >"$STATE_DIR/$bad"
    bad $bad
    : >"$STATE_DIR/$bad"
    bad $bad
    for n in 3 10 20; do # whole lines
        head -n $n "$BATS_TEST_TMPDIR/good" >"$STATE_DIR/$bad"
        bad $bad
    done
    head -c -3 "$BATS_TEST_TMPDIR/good" >"$STATE_DIR/$bad"
    bad $bad
    { cat "$BATS_TEST_TMPDIR/good" && printf 'after=the end\n'; } >"$STATE_DIR/$bad"
    bad $bad
    ln -s "$BATS_TEST_TMPDIR/good" "$STATE_DIR/$bad"
    bad $bad
    mkfifo "$STATE_DIR/$bad"
    bad $bad
    mkdir "$STATE_DIR/$bad"
    bad $bad
    truncate -s 100G "$STATE_DIR/$bad"
    bad $bad
    cp "$BATS_TEST_TMPDIR/good" "$STATE_DIR/$bad"
    chown alice "$STATE_DIR/$bad"
    bad $bad
    cp "$BATS_TEST_TMPDIR/good" "$STATE_DIR/bad.scope"
    bad bad.scope
}

# bats test_tags=native
@test "a state file that points to what is not ours opens, stops and kills nothing" {
    local bad=0123456789abcdef.scope line
    hpcnode-ctl run --id job -- sleep infinity
    systemd-run --quiet --scope --slice=system.slice --unit=workload-foreign sleep infinity 3>&- &
    await file "$CGROUPS/system.slice/workload-foreign.scope/cgroup.events" "populated 1"
    sed 's/workload-job/workload-bad/; s/^name=job/name=bad/; s/^state=.*/state=creating/' "$(state_file job)" \
        >"$BATS_TEST_TMPDIR/good"
    for line in path=/system.slice/hpcnode-cgroupd.service path= path=x unit=workload-foreign.service \
        unit=dbus.service slice=system.slice slice= name= state=strange exit_status=99999999999 uid=4294967296 \
        main_pid=x ending=99 limit=MemoryMax=much frozen_by=8 pressure_frozen_for=3 pressure_demoted_for=3 \
        pressure_demoted=1 pressure_started_usec=18446744073709551615; do
        sed "s|^${line%%=*}=.*|$line|" "$BATS_TEST_TMPDIR/good" >"$STATE_DIR/$bad"
        grep -qxF "$line" "$STATE_DIR/$bad" || sed -i "\$i $line" "$STATE_DIR/$bad"
        bad $bad
    done
    systemctl is-active -q workload-foreign.scope dbus.service
}

# bats test_tags=native
@test "what a newer daemon has added to a state file is passed over" {
    local file
    run -0 hpcnode-ctl run --id job --priority 7 -- sleep infinity
    systemctl stop hpcnode-cgroupd
    file=$(state_file job)
    sed -i '$i newer=1\nlimit=NewerMax=3\nnewer.list=a\nnewer.list=b' "$file"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl inspect job
    has "state: running" "priority: 7"
}

# bats test_tags=native
@test "a link where a socket should be leads nowhere" {
    local a b
    hpcnode-ctl run --id a -- sleep infinity
    hpcnode-ctl run --id b -- sleep infinity
    systemctl stop hpcnode-cgroupd
    a=$(state_file a)
    b=$(state_file b)
    mv "${a%.scope}.sock" "$BATS_TEST_TMPDIR/away"
    ln -s "${b%.scope}.sock" "${a%.scope}.sock"
    systemctl start hpcnode-cgroupd
    hpcnode-ctl kill b --signal TERM
    run -0 hpcnode-ctl wait b
    has "signal: 15"
    hpcnode-ctl destroy a
}

# bats test_tags=native
@test "a link or a pipe in the place of a new state file is not written to" {
    local file temporary
    hpcnode-ctl run --id job -- sleep infinity
    file=$(state_file job)
    temporary=$STATE_DIR/.#${file##*/}
    ln -s "$BATS_TEST_TMPDIR/target" "$temporary"
    hpcnode-ctl freeze job
    [ ! -e "$BATS_TEST_TMPDIR/target" ]
    mkfifo "$temporary"
    hpcnode-ctl thaw job
    [ -f "$file" ]
    [ ! -e "$temporary" ]
    systemctl restart hpcnode-cgroupd
    [ "$(property job State)" = 's "running"' ]
}

# bats test_tags=native
@test "records that are too many go while scopes are adopted" {
    local n
    for n in 1 2 3 4 5 6; do
        hpcnode-ctl run --id "ended-$n" --wait -- true
        hpcnode-ctl create "stopped-$n"
    done
    mkdir -p /etc/hpcnode/cgroupd.conf.d
    printf '[Scopes]\nRecordsMax=3\n' >/etc/hpcnode/cgroupd.conf.d/state.conf
    systemctl stop hpcnode-cgroupd
    systemctl stop 'workload-stopped-*.scope'
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl list --no-tasks --no-legend
    rm /etc/hpcnode/cgroupd.conf.d/state.conf
    systemctl restart hpcnode-cgroupd
    [ ${#lines[@]} -eq 3 ]
    [[ $output != *ended-1* ]]
}

# bats test_tags=native
@test "a record goes when it is too old, by itself, and its age goes on over a restart of the daemon" {
    local object=$BUS_PATH/scope/workload_2d
    mkdir -p /etc/hpcnode/cgroupd.conf.d
    printf '[Scopes]\nRecordsMaxAge=5s\n' >/etc/hpcnode/cgroupd.conf.d/state.conf
    systemctl reload hpcnode-cgroupd
    hpcnode-ctl run --id alive -- sleep infinity
    hpcnode-ctl run --id first --wait -- true
    begun=$SECONDS
    run -0 bus-wait "InterfacesRemoved:${object}first_2escope" -- hpcnode-ctl run --id over --wait -- true
    [ $((SECONDS - begun)) -ge 4 ]
    run -1 hpcnode-ctl inspect first
    hpcnode-ctl run --id over2 --wait -- true
    begun=$SECONDS
    systemctl restart hpcnode-cgroupd
    run -0 bus-wait "InterfacesRemoved:${object}over2_2escope" -- hpcnode-ctl ping
    [ $((SECONDS - begun)) -ge 4 ]
    run -0 hpcnode-ctl inspect alive
    has "state: running"
    rm /etc/hpcnode/cgroupd.conf.d/state.conf
    systemctl reload hpcnode-cgroupd
}
