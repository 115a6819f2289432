#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The records of acts: each one once, with its fields, whatever happens to daemon and journald.

load lib

journald_pid() {
    systemctl show -P MainPID systemd-journald
}

teardown() {
    kill -CONT "$(journald_pid)"
    systemctl start hpcnode-cgroupd
    remove_all
    if [ -e "$BATS_TEST_TMPDIR/frozen" ]; then
        fsfreeze -u "$BATS_TEST_TMPDIR/frozen"
        umount -l "$BATS_TEST_TMPDIR/frozen"
    fi
}

setup() {
    # shellcheck disable=SC2034 # of the library
    SINCE=@$(date +%s.%6N)
}

# bats test_tags=native
@test "a job is recorded from its creation to its end" {
    run -3 hpcnode-ctl run --id whole --priority 7 --wait -- sh -c 'exit 3'
    pid=$(field pid "$output")
    [ "$(types whole)" = "cgroup.create job.start job.exit job.cleanup cgroup.destroy" ]
    record cgroup.create whole
    [[ $RECORD == "EVENT schema=hpcnode.v1 ts_unix_ms="[0-9]*" type=cgroup.create scope=whole unit=workload-whole.scope cgroup=/workload.slice/workload-whole.scope uid=0 priority=7 caller_uid=0 caller_pid="[0-9]* ]]
    record job.start whole
    says "pid=$pid" priority=7 start_unix_ms= caller_uid=0 caller_pid= !exit
    record job.exit whole
    says "pid=$pid" state=failed exit=3 !signal oom_killed=0 oom_kill_count=0 cpu_usage_usec= !caller_uid
    [ "$(value exit_unix_ms)" -ge "$(value start_unix_ms)" ]
    record job.cleanup whole
    says state=failed reason=ended exit=3 cpu_usage_usec=
    record cgroup.destroy whole
    says state=failed reason=ended !caller_uid
}

# bats test_tags=native
@test "of a scope's tasks main has records, and who destroys it is named" {
    call CreateScope 'ssa{sv}' workload.slice alloc 0
    hpcnode-ctl run --scope alloc --id rank-0 --wait -- true
    run -0 hpcnode-ctl run --scope alloc --id main -- sleep infinity
    hpcnode-ctl run --scope alloc --id rank-1 -- sleep infinity
    hpcnode-ctl kill alloc/rank-1
    hpcnode-ctl wait alloc/rank-1
    hpcnode-ctl kill --signal TERM alloc/main
    hpcnode-ctl wait alloc/main
    command hpcnode-ctl destroy alloc &
    client=$!
    wait $client
    [ "$(types alloc)" = "cgroup.create job.start job.kill job.exit cgroup.destroy" ]
    record job.start alloc
    says caller_uid=0 "pid=$(field pid "$output")"
    record job.kill alloc
    says signal=15 task=main
    record job.exit alloc
    says state=failed signal=15 !exit
    record cgroup.destroy alloc
    says reason=destroyed caller_uid=0 caller_pid=$client
}

# bats test_tags=native
@test "freezing, thawing and signals are recorded once they are done, with who did it" {
    hpcnode-ctl run --id ice -- sleep infinity
    command hpcnode-ctl freeze ice &
    client=$!
    wait $client
    record job.freeze ice
    says caller_uid=0 caller_pid=$client !task
    hpcnode-ctl freeze ice # changes nothing
    hpcnode-ctl thaw ice
    hpcnode-ctl thaw ice
    hpcnode-ctl kill ice
    hpcnode-ctl wait ice
    [ "$(types ice)" = "cgroup.create job.start job.freeze job.thaw job.kill job.exit job.cleanup cgroup.destroy" ]
    record job.kill ice
    says signal=9 caller_uid=0
    record job.exit ice
    says state=killed signal=9
    run -1 hpcnode-ctl kill ice
    run -1 hpcnode-ctl freeze ice
    [ "$(types ice | wc -w)" -eq 8 ]
}

@test "limits are recorded as they were given and as they are changed" {
    needs_controllers
    hpcnode-ctl create tight --slice workload.slice/narrow --memory-max 64M --cpu-weight 50
    record cgroup.create tight
    says 'limit="CPUWeight=50" limit="MemoryMax=67108864"'
    hpcnode-ctl set --memory-max 128M --pids-max 7 tight
    record cgroup.limits tight
    says 'limit="MemoryMax=134217728" limit="TasksMax=7"' caller_uid=0
    [[ $RECORD != *CPUWeight* ]]
    systemctl set-property --runtime workload-narrow.slice AllowedCPUs=1
    run -1 hpcnode-ctl set --cpuset-cpus 0 tight
    record cgroup.limits tight
    hpcnode-ctl events --json=short tight >"$BATS_TEST_TMPDIR/json"
    grep -F '"limit":["MemoryMax=134217728","TasksMax=7"]' "$BATS_TEST_TMPDIR/json"
}

@test "a job that is killed for want of memory is recorded so, with its figures" {
    needs_controllers
    run -137 hpcnode-ctl run --id hungry --memory-max 8M --wait -- dd if=/dev/zero of=/dev/null bs=32M count=1
    [ "$(types hungry)" = "cgroup.create job.start job.oom job.exit job.cleanup cgroup.destroy" ]
    record job.oom hungry
    says oom_kill_count=1
    record job.exit hungry
    says state=killed signal=9 oom_killed=1 oom_kill_count=1
    record job.cleanup hungry
    [ "$(value memory_peak)" -gt 4000000 ]
}

# bats test_tags=native
@test "the end of a scope has its reason" {
    hpcnode-ctl create brief --release-on-empty
    run -0 bus-wait ScopeReleased:brief -- hpcnode-ctl run --scope brief --id task -- true
    record cgroup.destroy brief
    says reason=empty state=exited
    hpcnode-ctl create stopped
    systemctl stop workload-stopped.scope
    hpcnode-ctl wait stopped
    record cgroup.destroy stopped
    says reason=stopped
    hpcnode-ctl run --id stopped-job -- sleep infinity
    systemctl stop workload-stopped-job.scope
    hpcnode-ctl wait stopped-job
    record job.exit stopped-job
    says signal=15
}

# bats test_tags=native
@test "a creation that fails leaves no record" {
    run -1 hpcnode-ctl run --id nothing -- /no/such/program
    [ -z "$(records nothing)" ]
}

@test "processes that cannot be killed are recorded with their states, and that they have gone" {
    [ -n "${NODE_DISK:-}" ] || skip "this $NODE_KIND node has no disk to freeze"
    mkdir -p /etc/hpcnode/cgroupd.conf.d
    printf '[Scopes]\nKillTimeoutSec=3\n' >/etc/hpcnode/cgroupd.conf.d/kill.conf
    systemctl reload hpcnode-cgroupd
    rm /etc/hpcnode/cgroupd.conf.d/kill.conf
    mkfs.ext4 -q "$NODE_DISK"
    mkdir "$BATS_TEST_TMPDIR/frozen"
    mount "$NODE_DISK" "$BATS_TEST_TMPDIR/frozen"
    fsfreeze -f "$BATS_TEST_TMPDIR/frozen"
    run -0 hpcnode-ctl run --id stuck -- sh -c "exec touch $BATS_TEST_TMPDIR/frozen/file"
    pid=$(field pid "$output")
    # Nothing tells of it.
    until [ "$(ps -o state= "$pid")" = D ]; do sleep 0.1; done
    run -1 hpcnode-ctl destroy stuck
    record cgroup.kill_failed stuck
    says reason= pid_count=1 "pids=$pid" states=D caller_uid=0
    run -0 bus-wait ScopeReleased:stuck -- fsfreeze -u "$BATS_TEST_TMPDIR/frozen"
    umount "$BATS_TEST_TMPDIR/frozen"
    rmdir "$BATS_TEST_TMPDIR/frozen"
    [ "$(types stuck)" = "cgroup.create job.start cgroup.kill_failed job.exit cgroup.zombie_cleaned job.cleanup cgroup.destroy" ]
    systemctl reload hpcnode-cgroupd
}

# bats test_tags=native
@test "no record has a command line or an environment" {
    hpcnode-ctl run --id secret --env TOKEN=hunter2 --wait -- sh -c 'exit 0 # hunter2'
    journalctl --sync
    journalctl -o export HPCNODE_SCOPE=secret >"$BATS_TEST_TMPDIR/all"
    grep -q HPCNODE_TYPE=job.cleanup "$BATS_TEST_TMPDIR/all"
    run -1 grep hunter2 "$BATS_TEST_TMPDIR/all"
}

# bats test_tags=native
@test "an entry is found by its MESSAGE_ID, explained by journalctl -x, and shown with its unit" {
    run -3 hpcnode-ctl run --id found --wait -- sh -c 'echo its output; exit 3'
    journalctl --sync
    run -0 journalctl -q -o json MESSAGE_ID=e1a1d7666f4f494ba125db4c5ff03248 HPCNODE_SCOPE=found
    [ "${#lines[@]}" -eq 1 ]
    for pair in HPCNODE_SCHEMA:hpcnode.v1 HPCNODE_TYPE:job.exit HPCNODE_UNIT:workload-found.scope HPCNODE_EXIT:3 \
        HPCNODE_STATE:failed PRIORITY:6 SYSLOG_IDENTIFIER:hpcnode-cgroupd _SYSTEMD_UNIT:hpcnode-cgroupd.service \
        "MESSAGE:workload-found.scope: main task ended: failed, status 3"; do
        [[ $output == *"\"${pair%%:*}\":\"${pair#*:}\""* ]] || { echo "no $pair"; false; }
    done
    run -0 journalctl -q -x HPCNODE_SCOPE=found
    for text in "Scope workload-found.scope was created" "Main task of workload-found.scope has ended: failed"; do
        [[ $output == *"Subject: $text"* ]]
    done
    [[ $output != *@HPCNODE* ]]
    run -0 journalctl -q -o cat -u workload-found.scope
    has "its output" "workload-found.scope: main task ended: failed, status 3"
}

# bats test_tags=native
@test "events takes names, units and paths, the last few, and those since some time" {
    hpcnode-ctl run --id sought --wait -- true
    hpcnode-ctl run --id beside --wait -- true
    records sought >"$BATS_TEST_TMPDIR/sought"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/sought")" -eq 5 ]
    for name in sought.scope workload-sought.scope /workload.slice/workload-sought.scope workload.slice/workload-sought.scope \
        "$(dir sought)" "$(dir sought)/payload" "$BUS_PATH/scope/workload_2dsought_2escope" \
        sought/main workload-sought.scope/main "$(dir sought)/payload/main" "$BUS_PATH/scope/workload_2dsought_2escope/task/main"; do
        hpcnode-ctl events "$name" | diff "$BATS_TEST_TMPDIR/sought" -
    done
    run -0 hpcnode-ctl events -n 2 sought
    [ "$output" = "$(tail -n 2 "$BATS_TEST_TMPDIR/sought")" ]
    RECORD=$(hpcnode-ctl events beside | head -n 1)
    first=$(value ts_unix_ms)
    run -0 hpcnode-ctl events --since "@${first%???}.${first: -3}"
    [ "$output" = "$(hpcnode-ctl events beside)" ]
    run -0 hpcnode-ctl events --since @99999999999
    [ -z "$output" ]
    run -0 hpcnode-ctl events --json=short sought
    [[ ${lines[0]} == '{"schema":"hpcnode.v1","ts_unix_ms":'[0-9]*',"type":"cgroup.create","scope":"sought",'*'"uid":0,'* ]]
    [ "${#lines[@]}" -eq 5 ]
}

# bats test_tags=native
@test "events --follow prints records as they come, and over restarts of daemon and journald" {
    hpcnode-ctl run --id before --wait -- true
    journalctl --sync
    command hpcnode-ctl events --follow -n 1 >"$BATS_TEST_TMPDIR/out" &
    reader=$!
    await file "$BATS_TEST_TMPDIR/out" "type=cgroup.destroy scope=before"
    hpcnode-ctl run --id after --wait -- true
    await file "$BATS_TEST_TMPDIR/out" "type=cgroup.destroy scope=after"
    systemctl restart hpcnode-cgroupd systemd-journald
    hpcnode-ctl run --id later --wait -- true
    await file "$BATS_TEST_TMPDIR/out" "type=cgroup.destroy scope=later"
    kill $reader
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 11 ]
    records -n 11 | diff "$BATS_TEST_TMPDIR/out" -
}

# bats test_tags=native
@test "a reader that follows does not wake up for nothing" {
    needs_plain_build
    hpcnode-ctl run --id seen --wait -- true
    journalctl --sync
    command hpcnode-ctl events --follow -n 1 >"$BATS_TEST_TMPDIR/out" &
    reader=$!
    await file "$BATS_TEST_TMPDIR/out" "scope=seen"
    # The deadline of the measurement, not a wait for anything. Whoever writes to the journal wakes it up.
    timeout 5 strace -f -qq -p $reader -o "$BATS_TEST_TMPDIR/trace" || :
    kill $reader
    head -n 200 "$BATS_TEST_TMPDIR/trace"
    [ "$(grep -c 'poll(' "$BATS_TEST_TMPDIR/trace")" -le 5 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/trace")" -le 100 ]
}

# bats test_tags=native
@test "nothing is recorded twice over restarts" {
    hpcnode-ctl run --id kept -- sleep infinity
    hpcnode-ctl create alloc2
    hpcnode-ctl run --scope alloc2 --id main --wait -- true
    hpcnode-ctl freeze kept
    systemctl restart hpcnode-cgroupd
    hpcnode-ctl ping
    crash
    hpcnode-ctl ping
    [ "$(types kept)" = "cgroup.create job.start job.freeze" ]
    [ "$(types alloc2)" = "cgroup.create job.start job.exit" ]
    hpcnode-ctl kill kept
    hpcnode-ctl wait kept
    crash
    hpcnode-ctl ping
    [ "$(types kept)" = "cgroup.create job.start job.freeze job.kill job.exit job.cleanup cgroup.destroy" ]
}

# bats test_tags=native
@test "what happened while the daemon was away is recorded by the next one, once" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go on
    run -0 hpcnode-ctl run --id away -- sh -c 'read x <go; exit 7'
    pid=$(field pid "$output")
    hpcnode-ctl create alloc3
    hpcnode-ctl run --scope alloc3 --id main -- sh -c 'read x <on; exit 8'
    hpcnode-ctl run --id stopped2 -- sleep infinity
    systemctl stop hpcnode-cgroupd
    echo >go
    echo >on
    await exit "$pid"
    systemctl stop workload-stopped2.scope
    systemctl start hpcnode-cgroupd
    hpcnode-ctl wait away
    hpcnode-ctl wait stopped2
    hpcnode-ctl wait alloc3/main
    crash
    hpcnode-ctl ping
    [ "$(types away)" = "cgroup.create job.start job.exit job.cleanup cgroup.destroy" ]
    record job.exit away
    says exit=7 state=failed
    [ "$(value exit_unix_ms)" -le "$(value ts_unix_ms)" ]
    [ "$(types stopped2)" = "cgroup.create job.start job.exit job.cleanup cgroup.destroy" ]
    record job.exit stopped2
    says signal=15 state=failed
    record cgroup.destroy stopped2
    says reason=stopped
    [ "$(types alloc3)" = "cgroup.create job.start job.exit" ]
    record job.exit alloc3
    says exit=8
}

# bats test_tags=native
@test "a daemon killed amid jobs leaves no act of theirs without a record" {
    bus-flood cycle --in-flight 4 workload.slice amid 60 >/dev/null 2>&1 &
    client=$!
    await file "$(dir amid-20)/cgroup.events" populated
    crash
    wait $client || :
    hpcnode-ctl ping
    hpcnode-ctl list --no-tasks --no-legend >"$BATS_TEST_TMPDIR/known"
    while read -r scope _; do
        [[ $(types "$scope") == cgroup.create* ]] || { echo "$scope was made without a record"; false; }
        hpcnode-ctl destroy "$scope"
    done <"$BATS_TEST_TMPDIR/known"
    records --since -10min | grep ' scope=amid-' >"$BATS_TEST_TMPDIR/all"
    for type in cgroup.create cgroup.destroy; do
        grep " type=$type " "$BATS_TEST_TMPDIR/all" | sed 's/.* scope=\([^ ]*\).*/\1/' | sort -u >"$BATS_TEST_TMPDIR/$type"
    done
    [ -s "$BATS_TEST_TMPDIR/cgroup.create" ]
    # A destroy without a create is of one that was half made.
    [ -z "$(comm -23 "$BATS_TEST_TMPDIR/cgroup.create" "$BATS_TEST_TMPDIR/cgroup.destroy")" ]
}

# burst NAME: 300 acts while journald does not read, and the daemon answers all the while.
burst() {
    journalctl --sync
    kill -STOP "$(journald_pid)"
    bus-flood cycle --in-flight 8 workload.slice "$1" 150 >"$BATS_TEST_TMPDIR/answers" &
    client=$!
    while kill -0 $client 2>/dev/null; do
        timeout 20 hpcnode-ctl ping >/dev/null
    done
    wait $client
    # The kernel keeps 512 of them; the others are the daemon's.
    [ -s "$STATE_DIR/journal-queue" ]
}

# complete NAME: each act of the burst has its record.
complete() {
    await gone "$STATE_DIR/journal-queue"
    records --since -10min | grep " scope=$1-" >"$BATS_TEST_TMPDIR/all"
    for type in cgroup.create cgroup.destroy; do
        [ "$(grep " type=$type " "$BATS_TEST_TMPDIR/all" | sed 's/.* scope=\([^ ]*\).*/\1/' | sort -u | wc -l)" -eq 150 ]
    done
    run -1 grep dropped= "$BATS_TEST_TMPDIR/all"
    # In their order.
    sed 's/.* ts_unix_ms=\([0-9]*\).*/\1/' "$BATS_TEST_TMPDIR/all" | sort -nc
}

# bats test_tags=native
@test "while journald is stuck the daemon answers, and nothing of a burst is lost" {
    burst jammed
    kill -CONT "$(journald_pid)"
    complete jammed
    [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 300 ]
}

# bats test_tags=native
@test "nor when the daemon is killed before journald goes on" {
    burst killed
    crash
    hpcnode-ctl ping
    [ -s "$STATE_DIR/journal-queue" ]
    kill -CONT "$(journald_pid)"
    complete killed
    [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 300 ] || {
        sed 's/.* type=\([^ ]*\) .* scope=\([^ ]*\).*/\1 \2/' "$BATS_TEST_TMPDIR/all" | sort | uniq -c | sort -rn | head -n 5
        return 1
    }
}

# bats test_tags=native
@test "a second daemon started by hand takes nothing of what waits for journald" {
    burst twice
    # Now the first can send nothing, the second could.
    daemon_pid
    kill -STOP "$DAEMON"
    kill -CONT "$(journald_pid)"
    journalctl --sync
    run env -u JOURNAL_STREAM /usr/libexec/hpcnode-cgroupd
    kill -CONT "$DAEMON"
    [ "$status" -eq 1 ]
    [[ $output == *"another process has the bus name"* ]]
    complete twice
    [ "$(wc -l <"$BATS_TEST_TMPDIR/all")" -eq 300 ]
}

# bats test_tags=bookworm
@test "a daemon whose stderr is not the journal writes the same lines there" {
    systemctl stop hpcnode-cgroupd
    env -u JOURNAL_STREAM /usr/libexec/hpcnode-cgroupd 2>"$BATS_TEST_TMPDIR/stderr" &
    by_hand=$!
    await file "$BATS_TEST_TMPDIR/stderr" "is ready"
    hpcnode-ctl run --id byhand --wait -- true
    kill $by_hand
    await exit $by_hand
    grep '^EVENT ' "$BATS_TEST_TMPDIR/stderr" >"$BATS_TEST_TMPDIR/lines"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" -eq 5 ]
    records byhand | diff "$BATS_TEST_TMPDIR/lines" -
}

# bats test_tags=native
@test "the service writes no lines, only entries" {
    hpcnode-ctl run --id noline --wait -- true
    journalctl --sync
    run -1 grep -a 'EVENT schema' <(journalctl -q -o cat -u hpcnode-cgroupd)
}

# bats test_tags=native
@test "whoever may not read the journal is told so" {
    run -1 runuser -u alice -- hpcnode-ctl events
    [[ $output == "error: "*"group systemd-journal"* ]]
}

# bats test_tags=native
@test "a forged record of another user is not shown" {
    printf 'MESSAGE_ID=e1a1d7666f4f494ba125db4c5ff03248\nHPCNODE_SCHEMA=hpcnode.v1\nHPCNODE_MANAGER=system\nHPCNODE_TYPE=job.exit\nHPCNODE_SCOPE=forged\nMESSAGE=forged\n' >"$BATS_TEST_TMPDIR/forged"
    chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/forged"
    runuser -u alice -- logger --journald <"$BATS_TEST_TMPDIR/forged"
    journalctl --sync
    [ "$(journalctl -q HPCNODE_SCOPE=forged | wc -l)" -eq 1 ]
    [ -z "$(hpcnode-ctl events forged)" ]
}
