#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What happens where memory has a limit: who is ended by the OOM killer, and what is told of it.

load lib

setup() {
    # shellcheck disable=SC2034 # of records
    SINCE=@$(date +%s.%6N)
}

# group_of SCOPE: what is in payload, and what the daemon says of it.
group_of() {
    echo "$(cat "$(dir "$1")/payload/memory.oom.group") $(property "$1" Limits | grep -o '"MemoryOOMGroup" b [a-z]*')"
}

# crowd SCOPE: two tasks that do nothing, and one beside them that takes more than there is.
crowd() {
    local task
    for task in one two; do
        hpcnode-ctl run --scope "$1" --id $task --quiet -- sleep infinity
    done
    run -137 hpcnode-ctl run --scope "$1" --id hog --wait -- "$HELPERS/memory-hog" --hold 64
}

# bats test_tags=bookworm
@test "with --oom-group all of a job, or of a task, is killed at once, and without it the others live" {
    needs_controllers
    hpcnode-ctl create all --memory-max 16M --memory-swap-max 0 --oom-group
    hpcnode-ctl create one --memory-max 16M --memory-swap-max 0
    [ "$(group_of all)" = '1 "MemoryOOMGroup" b true' ]
    [ "$(group_of one)" = '0 ' ]
    supervisor=$(content "$(dir all)/supervisor/cgroup.procs")
    crowd all
    for task in one two; do
        run -0 hpcnode-ctl wait all/$task
        has "state: killed" "oom_killed: 1"
    done
    # The supervisor is not of the group.
    [ "$(content "$(dir all)/supervisor/cgroup.procs")" = "$supervisor" ]
    run -0 hpcnode-ctl run --scope all --wait -- true
    crowd one
    [ "$(hpcnode-ctl list 'one/*' --no-legend | grep -c running)" -eq 2 ]
    # That of a task is its leaf's.
    # shellcheck disable=SC2016 # expanded by the task
    family=(--memory-max 8M --memory-swap-max 0 --wait -- sh -c '"$0" --hold 64; exit 3' "$HELPERS/memory-hog")
    run -3 hpcnode-ctl run --scope one --id single "${family[@]}"
    run -137 hpcnode-ctl run --scope one --id family --oom-group "${family[@]}"
    [ "$(group_of one)" = '0 ' ]
}

@test "--oom-group outlives the daemon and can be set and taken back" {
    needs_controllers
    hpcnode-ctl run --id job --oom-group --quiet -- sleep infinity
    crash
    [ "$(group_of job)" = '1 "MemoryOOMGroup" b true' ]
    hpcnode-ctl set --oom-group=no job
    [ "$(group_of job)" = '0 "MemoryOOMGroup" b false' ]
    hpcnode-ctl set --oom-group --memory-max 64M job
    [ "$(group_of job)" = '1 "MemoryOOMGroup" b true' ]
    # Nothing is changed where another limit is refused: the node has not got that cpu for it.
    systemctl set-property --runtime workload.slice AllowedCPUs=1
    run -1 hpcnode-ctl set --oom-group=no --cpuset-cpus 0 job
    systemctl set-property --runtime workload.slice AllowedCPUs=
    [ "$(group_of job)" = '1 "MemoryOOMGroup" b true' ]
}

# bats test_tags=trixie
@test "a job beyond memory.high is told once a minute, by a daemon that looks once a second" {
    needs_controllers
    needs_plain_build
    head -c 16M /dev/zero >/var/tmp/cached
    sync /var/tmp/cached
    echo 1 >/proc/sys/vm/drop_caches
    # The page cache can be reclaimed again and again.
    hpcnode-ctl run --id slow --memory-high 8M --quiet -- sh -c 'while :; do cat /var/tmp/cached >/dev/null; done'
    await_journal "workload-slow.scope: short of memory" --since "$SINCE"
    # The next daemon goes on where this one was.
    crash
    hpcnode-ctl ping >/dev/null
    daemon_pid
    before=$(awk '/^high/{ print $2 }' "$(dir slow)/memory.events")
    # The deadline of the measurement, not a wait for anything.
    timeout 6 strace -f -qq -p "$DAEMON" -o "$BATS_TEST_TMPDIR/trace" || :
    more=$(($(awk '/^high/{ print $2 }' "$(dir slow)/memory.events") - before))
    looks=$(grep -c '"memory.events"' "$BATS_TEST_TMPDIR/trace")
    woken=$(grep -cE '(epoll_wait|epoll_pwait2?)\(' "$BATS_TEST_TMPDIR/trace")
    echo "# memory.high met $more times: memory.events opened $looks times in 6 s, woken $woken times" >&3
    [ "$more" -ge 60 ]
    # That of the scope and that of payload each time.
    [ "$looks" -ge 2 ] && [ "$looks" -le 16 ]
    # Some of it is for the pressure that this makes.
    [ "$woken" -le 30 ]
    run -0 bus-wait ScopeReleased:slow -- hpcnode-ctl kill slow
    records slow >"$BATS_TEST_TMPDIR/records"
    [ "$(grep -c ' type=job.throttle ' "$BATS_TEST_TMPDIR/records")" -eq 1 ]
    RECORD=$(grep ' type=job.throttle ' "$BATS_TEST_TMPDIR/records")
    told=$(value memory_high_count)
    says "memory_high_since_last=$told" memory_max_count=0 memory_max_since_last=0 memory_oom_count=0
    # shellcheck disable=SC2034 # of value
    RECORD=$(grep ' type=job.exit ' "$BATS_TEST_TMPDIR/records")
    [ "$told" -gt 0 ] && [ "$(value memory_high_count)" -ge $((told + more)) ]
}

# bats test_tags=trixie
@test "each OOM is told once, whether the daemon is killed after it or is away" {
    needs_controllers
    mkfifo "$BATS_TEST_TMPDIR/go"
    hpcnode-ctl create box --memory-max 16M --memory-swap-max 0
    # shellcheck disable=SC2016 # expanded by the task
    run -0 bus-wait ScopeOOM:box -- hpcnode-ctl run --scope box --id first --quiet -- \
        sh -c '"$0" --hold 64; exec sleep infinity' "$HELPERS/memory-hog"
    # shellcheck disable=SC2016
    hpcnode-ctl run --scope box --id second --quiet -- sh -c 'read -r _ <"$1"; "$0" --hold 64; echo over >"$2"; exec sleep infinity' \
        "$HELPERS/memory-hog" "$BATS_TEST_TMPDIR/go" "$BATS_TEST_TMPDIR/over"
    crash
    hpcnode-ctl ping >/dev/null
    systemctl stop hpcnode-cgroupd
    echo >"$BATS_TEST_TMPDIR/go"
    await file "$BATS_TEST_TMPDIR/over" over
    systemctl start hpcnode-cgroupd
    await_journal "workload-box.scope: out of memory: 2 of" --since "$SINCE"
    crash
    hpcnode-ctl ping >/dev/null
    [ "$(records box | sed -n 's/.* type=job.oom .*oom_kill_count=\([0-9]*\).*/\1/p' | paste -sd' ')" = "1 2" ]
}
