#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What one user may take of the daemon: the others are served as before.

# bats file_tags=native

load lib

conf=/etc/hpcnode/cgroupd.conf.d/zz-quota.conf

setup() {
    cd /
    mkdir -p ${conf%/*}
    printf '%s\n' '[Limits]' ScopesMax=3 TasksMax=4 >$conf
    systemctl reload hpcnode-cgroupd
}

teardown() {
    rm -f $conf
    systemctl reload hpcnode-cgroupd
    remove_all
}

@test "a user has so many scopes, and its ended ones do not count" {
    for i in 1 2 3; do
        as lattice hpcnode-ctl create s$i
    done
    remember
    run -1 as lattice hpcnode-ctl create s4
    [[ $output == *"3 scopes; ScopesMax=3 "* ]]
    run -1 as lattice hpcnode-ctl run --id s4 -- true
    [[ $output == *"3 scopes; ScopesMax=3 "* ]]
    run -1 as lattice busctl call "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" CreateScope 'ssa{sv}' workload.slice s4 0
    nothing_left
    as pact hpcnode-ctl create --slice pact.slice p1 # another user's are others
    hpcnode-ctl create r1                            # and root's are not counted
    as lattice hpcnode-ctl destroy s2
    as lattice hpcnode-ctl run --id s4 --wait -- true
    as lattice hpcnode-ctl create s2
}

@test "the count is right after a restart" {
    for i in 1 2 3; do
        as lattice hpcnode-ctl create s$i
    done
    crash
    systemctl start hpcnode-cgroupd
    run -1 as lattice hpcnode-ctl create s4
    [[ $output == *"3 scopes; ScopesMax=3 "* ]]
    as lattice hpcnode-ctl destroy s1
    as lattice hpcnode-ctl create s4
}

@test "a user has so many tasks alive, in all its scopes" {
    as lattice hpcnode-ctl create s1
    as lattice hpcnode-ctl create s2
    for i in 1 2; do
        as lattice hpcnode-ctl run --scope s1 --id t$i -- sleep infinity
        as lattice hpcnode-ctl run --scope s2 --id t$i -- sleep infinity
    done
    run -1 as lattice hpcnode-ctl run --scope s1 --id t5 -- true
    [[ $output == *"4 tasks run in scopes of uid"*"TasksMax=4 "* ]]
    run -1 as lattice hpcnode-ctl run --id job -- true
    [[ $output == *"TasksMax=4 "* ]]
    run -1 as lattice bash -c 'hpcnode-ctl attach s1/t5 $$'
    [[ $output == *"TasksMax=4 "* ]]
    hpcnode-ctl run --scope s1 --id roots -- sleep infinity # root is not held up
    as lattice hpcnode-ctl kill s1/t1
    as lattice hpcnode-ctl wait s1/t1 >/dev/null
    as lattice hpcnode-ctl kill s1/roots
    as lattice hpcnode-ctl wait s1/roots >/dev/null
    as lattice hpcnode-ctl run --scope s1 --id t5 --wait -- true
}

@test "jobs begun at once are not more than the user may have" {
    printf '%s\n' '[Limits]' ScopesMax=20 TasksMax=2 >$conf
    systemctl reload hpcnode-cgroupd
    clients=()
    for i in {1..8}; do
        as lattice hpcnode-ctl run --id j"$i" -- sleep infinity >"$BATS_TEST_TMPDIR/$i" 2>&1 &
        clients+=($!)
    done
    done=0
    for client in "${clients[@]}"; do
        ! wait "$client" || done=$((done + 1))
    done
    [ "$done" -eq 2 ]
    [ "$(grep -l "TasksMax=2 " "$BATS_TEST_TMPDIR"/[1-8] | wc -l)" -eq 6 ]
}

@test "of a user's ended tasks no more are remembered than a few, or as many as it may have alive" {
    as lattice hpcnode-ctl create s1
    for i in {1..20}; do
        as lattice hpcnode-ctl run --scope s1 --id t"$i" --wait -- true
    done
    [ "$(busctl --list tree "$BUS_NAME" | grep -c /task/)" -le 17 ]
    as lattice hpcnode-ctl wait s1/t20 >/dev/null
    run -1 as lattice hpcnode-ctl wait s1/t1
}

@test "records of the user that has the most go first" {
    printf '%s\n' '[Scopes]' RecordsMax=4 >$conf
    systemctl reload hpcnode-cgroupd
    hpcnode-ctl run --id oldest --wait -- true
    for i in {1..6}; do
        as lattice hpcnode-ctl run --id j"$i" --wait -- true
    done
    run -0 hpcnode-ctl list --no-tasks --no-legend
    [[ $output == *workload-oldest.scope* ]]
    [[ $output != *workload-j3.scope* ]]
    [[ $output == *workload-j4.scope* && $output == *workload-j6.scope* ]]
}

@test "a scope that takes too much to remember is refused" {
    long=/dev/$(printf 'd%.0s' {1..250})
    args=()
    for i in {1..240}; do
        mknod "$long$i" c 1 3 || skip "this $NODE_KIND node makes no device nodes"
        args+=("$long$i" rwm)
    done
    remember
    run -1 busctl call "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" CreateScope 'ssa{sv}' workload.slice big 1 \
        DeviceAllow 'a(ss)' 240 "${args[@]}"
    rm "$long"*
    [[ $output == *"big with these limits takes "*"32768"* ]]
    nothing_left
}

@test "a user's pending calls are bounded, and others are served" {
    hpcnode-ctl run --id awaited -- sleep infinity
    : >"$BATS_TEST_TMPDIR/answers"
    as lattice bus-pending 4100 awaited >"$BATS_TEST_TMPDIR/answers" &
    client=$!
    await file "$BATS_TEST_TMPDIR/answers" LimitsExceeded
    as alice hpcnode-ctl inspect awaited >/dev/null
    as alice timeout 100 hpcnode-ctl wait awaited >"$BATS_TEST_TMPDIR/outcome" &
    other=$!
    hpcnode-ctl kill awaited
    wait $other
    wait $client
    grep -qx "state: killed" "$BATS_TEST_TMPDIR/outcome"
    grep -qx "4096 answered, 4 refused" "$BATS_TEST_TMPDIR/answers"
}

@test "the changes of tasks' limits under way for a user are bounded" {
    hpcnode-ctl create box
    hpcnode-ctl run --scope box --id a -- sleep infinity
    : >"$BATS_TEST_TMPDIR/answers"
    exec 9>"$(dir box)/payload/a/cgroup.kill"
    flock 9 # as one that lasts does
    as lattice bus-pending 260 box/a 10 >"$BATS_TEST_TMPDIR/answers" 9>&- &
    client=$!
    await file "$BATS_TEST_TMPDIR/answers" pending
    grep -q LimitsExceeded "$BATS_TEST_TMPDIR/answers"
    [ "$(pgrep -c -P "$(systemctl show -P MainPID hpcnode-cgroupd)")" -eq 256 ]
    exec 9>&-
    wait $client
    grep -q '^[0-9]* answered, [0-9]* refused$' "$BATS_TEST_TMPDIR/answers"
}

@test "who may only look at a task keeps nobody from setting its limits" {
    hpcnode-ctl create box
    hpcnode-ctl run --scope box --id a -- sleep infinity
    leaf=$(dir box)/payload/a
    : >"$BATS_TEST_TMPDIR/lock"
    mkfifo "$BATS_TEST_TMPDIR/end"
    exec 8<>"$BATS_TEST_TMPDIR/end"
    as alice flock "$leaf" sh -c 'echo locked; read -r end' <&8 >"$BATS_TEST_TMPDIR/lock" 3>&- &
    locker=$!
    await file "$BATS_TEST_TMPDIR/lock" locked
    # Where the controller is missing this fails, and at once.
    run hpcnode-ctl set box/a --pids-max 10
    echo >&8
    wait $locker
    [[ $output != *"in 20 s"* ]]
}
