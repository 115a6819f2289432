#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Processes that hang in the kernel and cannot be killed: their scope becomes a zombie, and nobody else
# notices.

load lib

drop_in=/etc/hpcnode/cgroupd.conf.d/zombie.conf
HUNG=/run/hung # every file in it hangs, from hang to unhang

setup_file() {
    [ "$NODE_KIND" = container ] || modprobe fuse
    mkdir -p "${drop_in%/*}" $HUNG
    printf '[Scopes]\nKillTimeoutSec=3\nStopTimeoutSec=3\n' >$drop_in
    systemctl restart hpcnode-cgroupd
}

teardown_file() {
    rm $drop_in
    rmdir $HUNG
    systemctl restart hpcnode-cgroupd
}

teardown() {
    unhang
    systemctl start hpcnode-cgroupd
    rm -f ${drop_in%/*}/zz-zombie.conf
    systemctl reload hpcnode-cgroupd
    remove_all
}

# ---- a file system that hangs ----------------------------------------------------------------

# hung PID: it hangs.
hung() {
    await file "$BATS_TEST_TMPDIR/hangs" "hangs $1"$'\n'
}

# job NAME: its main task hangs, on a file of its own, since the kernel looks each up once. Sets PID.
job() {
    N_HUNG=$((${N_HUNG-0} + 1))
    run -0 hpcnode-ctl run --id "$1" -- cat "$HUNG/file-$N_HUNG"
    PID=$(field pid "$output")
    hung "$PID"
}

# zombie NAME: the same, and it was killed in vain. Sets PID.
zombie() {
    job "$1"
    refused KillFailed DestroyScope s "$1"
    mentions "workload-$1.scope" "pid $PID (state D)" zombie
}

zombies() {
    busctl get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" NZombies
}

# cleaned UNIT NAME: thawed, it goes by itself.
cleaned() {
    bus-wait "ScopeReleased:$2" -- bash -c "kill $HANG_FS"
    [ ! -e "$CGROUPS/workload.slice/$1" ]
    run ! systemctl is-active -q "$1"
    journalctl --sync
    journalctl -q -u hpcnode-cgroupd -o cat | grep -q "^$1: the processes that could not be killed have ended"
}

# ---- what a zombie is ------------------------------------------------------------------------

# bats test_tags=bookworm
@test "a kill in vain is answered after KillTimeoutSec=10, with pids and states" {
    printf '[Scopes]\nKillTimeoutSec=10\n' >${drop_in%/*}/zz-zombie.conf
    systemctl reload hpcnode-cgroupd
    hang $HUNG
    job stuck
    SECONDS=0
    refused KillFailed DestroyScope s stuck
    mentions /workload.slice/workload-stuck.scope "after 10 s" "pid $PID (state D)" zombie
    [ $SECONDS -ge 9 ]
    [ $SECONDS -lt 20 ]
}

# bats test_tags=bookworm
@test "a zombie is counted, listed and announced; when its processes end, it is cleaned up" {
    remember
    hang $HUNG
    job stuck
    [ "$(zombies)" = "t 0" ]
    SECONDS=0
    run -1 bus-wait ScopeZombie:stuck -- hpcnode-ctl destroy stuck
    [ $SECONDS -ge 3 ]
    [ $SECONDS -lt 20 ]
    has "ScopeZombie $BUS_PATH/scope/workload_2dstuck_2escope stuck"
    [[ $output == *"pid $PID (state D)"* ]]
    [ "$(zombies)" = "t 1" ]
    [ "$(property stuck State)" = 's "zombie"' ]
    [ "$(property stuck PIDs)" = "au 1 $PID" ]
    journalctl --sync
    journalctl -q -u hpcnode-cgroupd -o cat | grep -q "^workload-stuck.scope is a zombie: .*pid $PID (state D)"
    cleaned workload-stuck.scope stuck
    [ "$(zombies)" = "t 0" ]
    run -0 hpcnode-ctl wait stuck
    has "state: killed" "signal: 9" "pid_count: 0"
    hpcnode-ctl remove stuck
    unhang
    nothing_left
}

# bats test_tags=native
@test "nothing but another DestroyScope can be done with a zombie" {
    hang $HUNG
    zombie stuck
    refused ScopeZombie KillScope si stuck 9
    refused ScopeZombie KillScope si stuck 15
    refused ScopeZombie KillScope si stuck/main 9
    refused ScopeZombie FreezeScope s stuck
    refused ScopeZombie ThawScope s stuck
    refused ScopeZombie Spawn 'ssasa{sv}' stuck more 1 true 0
    refused ScopeZombie OpenScope ss stuck more
    refused ScopeZombie SetScopeLimits 'sa{sv}' stuck 1 CPUWeight t 50
    refused ScopeZombie RemoveScope s stuck
    mentions workload-stuck.scope "may be used anew"
    # In vain again; all the while it is counted.
    hpcnode-ctl destroy stuck &
    client=$!
    [ "$(zombies)" = "t 1" ]
    [ "$(property stuck State)" = 's "zombie"' ]
    wait $client && false
    [ "$(zombies)" = "t 1" ]
    # And not in vain.
    hpcnode-ctl destroy stuck &
    client=$!
    unhang
    wait $client
    [ "$(zombies)" = "t 0" ]
}

# bats test_tags=native
@test "the name of a zombie may be used at once, and means the new scope" {
    hang $HUNG
    zombie stuck
    old=$PID
    run -0 hpcnode-ctl run --id stuck -- sleep infinity
    has "unit: workload-stuck-2.scope"
    new=$(field pid "$output")
    run -0 hpcnode-ctl inspect stuck
    has "state: running" "pid: $new"
    run -0 hpcnode-ctl inspect workload-stuck.scope
    has "state: zombie" "pids: $old"
    run -0 hpcnode-ctl list --no-tasks --no-legend
    [ ${#lines[@]} -eq 2 ]
    [[ $output == *workload-stuck.scope*zombie* ]]
    [[ $output == *workload-stuck-2.scope*running* ]]
    # It is in use now, wherever the zombie's unit stands.
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice stuck 0
    mentions workload-stuck-2.scope
    # The same after a restart, and with a name that looks like the new unit.
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl inspect stuck
    has "pid: $new"
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice stuck 0
    mentions workload-stuck-2.scope
    run -0 hpcnode-ctl create stuck-2
    has "unit: workload-stuck-2-2.scope"
    cleaned workload-stuck.scope stuck
    # Its record is found by its unit while the new one lives.
    run -0 hpcnode-ctl inspect stuck
    has "state: running"
    run -0 hpcnode-ctl inspect workload-stuck.scope
    has "state: killed" "pid_count: 0"
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice stuck 0
    mentions workload-stuck-2.scope
    hpcnode-ctl destroy stuck
    hpcnode-ctl remove stuck
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice stuck 0
    mentions "hpcnode-ctl remove workload-stuck.scope"
    hpcnode-ctl remove workload-stuck.scope
    run -0 hpcnode-ctl create stuck
    has "unit: workload-stuck.scope"
}

# bats test_tags=native
@test "two zombies of one name" {
    hang $HUNG
    zombie stuck
    job stuck
    refused KillFailed DestroyScope s stuck
    mentions workload-stuck-2.scope
    [ "$(zombies)" = "t 2" ]
    # The newest is meant, after a restart too.
    systemctl restart hpcnode-cgroupd
    [ "$(zombies)" = "t 2" ]
    run -0 hpcnode-ctl inspect stuck
    has "unit: workload-stuck-2.scope" "pid: $PID"
    run -0 hpcnode-ctl create stuck
    has "unit: workload-stuck-3.scope"
    bus-wait ScopeReleased:"$BUS_PATH/scope/workload_2dstuck_2escope" \
        ScopeReleased:"$BUS_PATH/scope/workload_2dstuck_2d2_2escope" -- bash -c "kill $HANG_FS"
    [ "$(zombies)" = "t 0" ]
}

# ---- how a scope gets there ------------------------------------------------------------------

# orphans NAME [OPTION]: when $BATS_TEST_TMPDIR/go is written to, main ends with status 3 and leaves a
# child that hangs. Sets CLIENT.
orphans() {
    local child
    mkfifo "$BATS_TEST_TMPDIR/go"
    hpcnode-ctl run --id "$@" --log "file:$BATS_TEST_TMPDIR/pid" -- \
        bash -c "cat $HUNG/file & echo \$!; read x <$BATS_TEST_TMPDIR/go; exit 3" 3>&- &
    CLIENT=$!
    await file "$BATS_TEST_TMPDIR/pid" $'\n'
    read -r child <"$BATS_TEST_TMPDIR/pid"
    hung "$child"
}

# bats test_tags=native
@test "a job whose main has ended while a child hangs: whoever waits is told after KillTimeoutSec" {
    hang $HUNG
    orphans job
    busctl call --timeout 100 "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" WaitScope s job >"$BATS_TEST_TMPDIR/wait" &
    client=$!
    bus-wait ScopeZombie:job -- bash -c "echo >$BATS_TEST_TMPDIR/go"
    wait $client
    [ "$(<"$BATS_TEST_TMPDIR/wait")" = 'siib "zombie" 3 0 false' ]
    run -0 hpcnode-ctl wait job
    has "state: zombie" "exit: 3"
    [ "$(zombies)" = "t 1" ]
    cleaned workload-job.scope job
    run -0 hpcnode-ctl wait job
    has "state: failed" "exit: 3"
}

# bats test_tags=native
@test "so is a run --wait, with the exit status of main" {
    local status=0
    hang $HUNG
    orphans job --wait
    echo >"$BATS_TEST_TMPDIR/go"
    wait $CLIENT || status=$?
    [ $status -eq 3 ]
    [ "$(property job State)" = 's "zombie"' ]
}

# bats test_tags=native
@test "a job whose main has ended so while the daemon was away" {
    hang $HUNG
    orphans job
    systemctl stop hpcnode-cgroupd
    read -r main <"$(dir job)/payload/main/cgroup.procs"
    echo >"$BATS_TEST_TMPDIR/go"
    await exit "$main"
    bus-wait ScopeZombie:job -- systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait job
    has "state: zombie" "exit: 3"
}

# bats test_tags=bookworm
@test "a scope that is to be frozen" {
    hang $HUNG
    job stuck
    hpcnode-ctl freeze stuck 2>"$BATS_TEST_TMPDIR/freeze" &
    client=$!
    await file "$(dir stuck)/payload/cgroup.freeze" 1
    refused KillFailed DestroyScope s stuck
    wait $client && false
    grep -q "workload-stuck.scope is a zombie" "$BATS_TEST_TMPDIR/freeze"
    run -0 hpcnode-ctl inspect stuck
    has "state: zombie"
    [[ $output != *frozen_by* ]]
    [ "$(<"$(dir stuck)/payload/cgroup.freeze")" = 0 ]
    cleaned workload-stuck.scope stuck
}

# bats test_tags=native
@test "systemctl stop, which PID 1 gives up" {
    hang $HUNG
    job stuck
    remember
    run bus-wait ScopeZombie:stuck -- systemctl stop --no-block workload-stuck.scope
    [ "$status" -eq 0 ]
    [ "$(zombies)" = "t 1" ]
    hpcnode-ctl run --id stuck --wait -- true
    [ "$(systemctl show --value -p ActiveState workload-stuck.scope)" != active ]
    cleaned workload-stuck.scope stuck
    [ "$(zombies)" = "t 0" ]
}

# bats test_tags=native
@test "systemctl stop of a zombie, whose supervisor goes with it" {
    hang $HUNG
    zombie stuck
    systemctl stop workload-stuck.scope # until PID 1 gives up
    [ "$(zombies)" = "t 1" ]
    [ ! -s "$(dir stuck)/supervisor/cgroup.procs" ]
    systemctl restart hpcnode-cgroupd
    still_a_zombie
    refused KillFailed DestroyScope s stuck
    cleaned workload-stuck.scope stuck
    [ "$(zombies)" = "t 0" ]
}

# ---- the daemon comes and goes ---------------------------------------------------------------

still_a_zombie() {
    [ "$(zombies)" = "t 1" ]
    run -0 hpcnode-ctl inspect stuck
    has "state: zombie" "pids: $PID"
    refused ScopeZombie KillScope si stuck 9
}

# bats test_tags=native
@test "a zombie is one after a restart and a crash of the daemon, and is cleaned up then" {
    hang $HUNG
    zombie stuck
    systemctl restart hpcnode-cgroupd
    still_a_zombie
    crash
    still_a_zombie
    cleaned workload-stuck.scope stuck
    run -0 hpcnode-ctl wait stuck
    has "state: killed" "signal: 9"
}

# bats test_tags=native
@test "a zombie whose processes end while the daemon is away is cleaned up afterwards" {
    hang $HUNG
    zombie stuck
    systemctl stop hpcnode-cgroupd
    unhang
    await exit "$PID"
    bus-wait ScopeReleased:stuck -- systemctl start hpcnode-cgroupd
    [ ! -e "$(dir stuck)" ]
    [ "$(zombies)" = "t 0" ]
}

# bats test_tags=native
@test "a daemon killed amid the kill makes a zombie of it when it is back" {
    hang $HUNG
    job stuck
    hpcnode-ctl destroy stuck &
    client=$!
    await file "$(grep -l '^unit=workload-stuck.scope' "$STATE_DIR"/*.scope)" state=releasing
    crash
    wait $client || :
    bus-wait ScopeZombie:stuck -- hpcnode-ctl ping
    still_a_zombie
}

# bats test_tags=native
@test "a freeze that the daemon did not see the end of stays, and so does a thaw" {
    hang $HUNG
    job thick
    hpcnode-ctl freeze thick &
    client=$!
    await file "$(dir thick)/payload/cgroup.freeze" 1
    crash
    wait $client || :
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl inspect thick
    has "state: frozen" "frozen_by: client"
    [ "$(<"$(dir thick)/payload/cgroup.freeze")" = 1 ]
    journalctl --sync
    [ "$(hpcnode-ctl events thick | grep -c " type=job.freeze ")" -eq 1 ]
    # And a thaw that was only noted.
    systemctl stop hpcnode-cgroupd
    sed -i 's/^frozen_by=1/frozen_by=0/' "$(grep -l '^unit=workload-thick.scope' "$STATE_DIR"/*.scope)"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl inspect thick
    has "state: running"
    await file "$(dir thick)/payload/cgroup.freeze" 0
}

# bats test_tags=native
@test "the exit status of main stays known though daemon and supervisor are killed while a child hangs" {
    local supervisor
    hang $HUNG
    orphans job
    echo >"$BATS_TEST_TMPDIR/go"
    await file "$(grep -l '^unit=workload-job.scope' "$STATE_DIR"/*.scope)" main_ended=1
    read -r supervisor <"$(dir job)/supervisor/cgroup.procs"
    daemon_pid
    kill -STOP "$DAEMON"
    kill -KILL "$supervisor" "$DAEMON"
    await exit "$DAEMON"
    systemctl start hpcnode-cgroupd
    bus-wait ScopeReleased:job -- bash -c "kill $HANG_FS"
    run -0 hpcnode-ctl wait job
    has "exit: 3"
}

# bats test_tags=native
@test "so it does when systemd has stopped the job while the daemon was away" {
    hang $HUNG
    orphans job
    systemctl stop hpcnode-cgroupd
    read -r main <"$(dir job)/payload/main/cgroup.procs"
    echo >"$BATS_TEST_TMPDIR/go"
    await exit "$main"
    systemctl stop workload-job.scope || :
    systemctl start hpcnode-cgroupd
    unhang
    run -0 hpcnode-ctl wait job
    has "exit: 3"
}

# bats test_tags=native
@test "no task is started in a job whose main is still being started" {
    hang $HUNG
    hpcnode-ctl run --id hangs --cwd $HUNG/dir -- true &
    client=$!
    await file "$(dir hangs)/payload/main/cgroup.events" "populated 1"
    refused NotFound Spawn 'ssasa{sv}' hangs more 1 true 0
    mentions hangs creating
    wait $client || :
}

# bats test_tags=native
@test "a unit that PID 1 cannot drop is said to be left, as often as somebody asks" {
    needs_plain_build # with sanitizers it takes too long
    hang $HUNG
    job stuck
    # Payload is empty, and the unit is not.
    echo "$PID" >"$(dir stuck)/supervisor/cgroup.procs"
    refused KillFailed DestroyScope s stuck
    mentions workload-stuck.scope "PID 1 has not dropped the unit"
    refused KillFailed DestroyScope s stuck
    bus-wait ScopeReleased:stuck -- bash -c "kill $HANG_FS"
}

# ---- everybody else --------------------------------------------------------------------------

# quick MSEC PID: as long as the process lives, no call and no job takes longer than that.
quick() {
    local n=0 begin took slowest=0
    while kill -0 "$2" 2>/dev/null; do
        n=$((n + 1))
        begin=${EPOCHREALTIME/./}
        call ListScopes
        run -0 hpcnode-ctl run --id "quick-$n" --wait -- true
        hpcnode-ctl remove "quick-$n"
        took=$(((${EPOCHREALTIME/./} - begin) / 1000))
        ((took <= slowest)) || slowest=$took
    done
    echo "# the slowest of $n took $slowest ms" >&3
    [ $n -ge 2 ]
    [ $slowest -lt "$1" ]
}

# bats test_tags=native
@test "others are served as ever while something hangs" {
    # Far below the 8 s and 10 s that whoever hangs is waited for, where the node itself is quick.
    local limit=5000 clients=()
    [ "$NODE_KIND" = container ] || limit=10000
    hang $HUNG
    job stuck
    job starts
    hpcnode-ctl destroy stuck &
    clients+=($!)
    hpcnode-ctl freeze starts &
    clients+=($!)
    hpcnode-ctl run --id hangs --cwd $HUNG/dir -- true &
    clients+=($!)
    quick $limit $!
    wait "${clients[@]}" || :
}

# bats test_tags=native
@test "a task whose directory, program or log hangs is answered, and stops nobody" {
    hpcnode-ctl create alloc
    remember
    hang $HUNG
    local clients=() options=("--cwd $HUNG/dir -- true" "-- $HUNG/program" "--log file:$HUNG/log -- true")
    local words=("working directory" execute log) n
    for n in 0 1 2; do
        # shellcheck disable=SC2086 # options and a command
        hpcnode-ctl run --scope alloc --id "hangs-$n" ${options[n]} >/dev/null 2>"$BATS_TEST_TMPDIR/error-$n" &
        clients+=($!)
    done
    SECONDS=0
    for n in 0 1 2; do
        hpcnode-ctl run --scope alloc --id "other-$n" --wait -- true
    done
    [ $SECONDS -lt 8 ]
    for n in 0 1 2; do
        wait "${clients[n]}" && false
        [ $SECONDS -lt 24 ]
        [[ $(<"$BATS_TEST_TMPDIR/error-$n") == "error: alloc/hangs-$n: "*"${words[n]}"*"$HUNG"*hang* ]]
        [ -e "$(dir alloc)/payload/hangs-$n" ]
        run -1 hpcnode-ctl inspect "alloc/hangs-$n"
    done
    # The name is taken as long as it hangs.
    refused AlreadyExists Spawn 'ssasa{sv}' alloc hangs-0 1 true 0
    [ "$(zombies)" = "t 0" ]
    unhang
    await gone "$(dir alloc)"/payload/hangs-{0,1,2}
    hpcnode-ctl run --scope alloc --id hangs-0 --wait -- true
    call IsScopeEmpty s alloc
    [ "$ANSWER" = "b true" ]
    await gone "$(dir alloc)"/payload/{hangs-0,other-0,other-1,other-2}
    nothing_left
}

# bats test_tags=bookworm
@test "a job whose directory, program or log hangs is answered, and leaves a zombie that leaves nothing" {
    remember
    hang $HUNG
    local clients=() options=("--cwd $HUNG/dir -- true" "-- $HUNG/program" "--log file:$HUNG/log -- true")
    local words=("working directory" execute log) n
    for n in 0 1 2; do
        # shellcheck disable=SC2086 # options and a command
        hpcnode-ctl run --id "hangs-$n" ${options[n]} >/dev/null 2>"$BATS_TEST_TMPDIR/error-$n" &
        clients+=($!)
    done
    SECONDS=0
    for n in 0 1 2; do
        wait "${clients[n]}" && false
        [ $SECONDS -lt 24 ]
        [[ $(<"$BATS_TEST_TMPDIR/error-$n") == "error: hangs-$n"*"${words[n]}"*"$HUNG"*hang*"workload-hangs-$n.scope is a zombie"* ]]
    done
    [ "$(zombies)" = "t 3" ]
    systemctl restart hpcnode-cgroupd
    [ "$(zombies)" = "t 3" ]
    run -0 hpcnode-ctl run --id hangs-0 --wait -- true
    has "unit: workload-hangs-0-2.scope"
    hpcnode-ctl remove hangs-0
    bus-wait ScopeReleased:hangs-0 ScopeReleased:hangs-1 ScopeReleased:hangs-2 -- bash -c "kill $HANG_FS"
    unhang
    [ "$(zombies)" = "t 0" ]
    run -1 hpcnode-ctl inspect hangs-0
    nothing_left
}

# bats test_tags=native
@test "a daemon killed while the start of a job hangs leaves a zombie that leaves nothing" {
    local client
    remember
    hang $HUNG
    hpcnode-ctl run --id hangs --cwd $HUNG/dir -- true 2>/dev/null &
    client=$!
    await file "$BATS_TEST_TMPDIR/hangs" "hangs "
    crash
    ! wait $client || false
    bus-wait ScopeZombie:hangs -- hpcnode-ctl ping
    systemctl restart hpcnode-cgroupd
    [ "$(zombies)" = "t 1" ]
    run -0 hpcnode-ctl run --id hangs --wait -- true
    has "unit: workload-hangs-2.scope"
    hpcnode-ctl remove hangs
    bus-wait ScopeReleased:hangs -- bash -c "kill $HANG_FS"
    unhang
    [ "$(zombies)" = "t 0" ]
    run -1 hpcnode-ctl inspect hangs
    nothing_left
}

# ---- as it happens on real nodes -------------------------------------------------------------

@test "a job that writes to a frozen ext4" {
    [ -n "${NODE_DISK-}" ] || skip "this $NODE_KIND node has no disk to freeze"
    local disk=$BATS_TEST_TMPDIR/disk
    mkdir "$disk"
    mkfs.ext4 -q -F "$NODE_DISK"
    mount "$NODE_DISK" "$disk"
    fsfreeze -f "$disk"
    run -0 hpcnode-ctl run --id stuck -- sh -c "echo >$disk/file"
    PID=$(field pid "$output")
    run -1 bus-wait ScopeZombie:stuck -- hpcnode-ctl destroy stuck
    [[ $output == *"pid $PID (state D)"* ]]
    [ "$(zombies)" = "t 1" ]
    run -0 bus-wait ScopeReleased:stuck -- fsfreeze -u "$disk"
    run -0 hpcnode-ctl wait stuck
    has "state: killed" "signal: 9"
    [ ! -e "$(dir stuck)" ]
    # A log there: the start hangs, and what hung does nothing afterwards.
    fsfreeze -f "$disk"
    run -1 hpcnode-ctl run --id logs --log "file:$disk/log" -- true
    [[ $output == *log*"$disk/log"*hang*zombie* ]]
    run -0 bus-wait ScopeReleased:logs -- fsfreeze -u "$disk"
    run -1 hpcnode-ctl inspect logs
    umount "$disk"
}

# bats test_tags=native
@test "a group of scopes says which of them has processes that cannot be killed, and ends the others" {
    hang $HUNG
    # shellcheck disable=SC2016 # for the inner shell
    run --separate-stderr -0 scope-group one two three -- sh -c 'hpcnode-ctl run --scope two -- cat "$0" && await file "$1" "hangs "' \
        "$HUNG/file" "$BATS_TEST_TMPDIR/hangs"
    # shellcheck disable=SC2154 # set by run
    echo "$stderr"
    [[ $stderr == "warning: cannot destroy two: KillFailed: "*" (state D)"*"; hint: it has live tasks, which were not ended before the teardown" ]]
    [ ! -d "$(dir one)" ]
    [ ! -d "$(dir three)" ]
}
