#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The calls of the client library for event loops: very many at once, over one connection.

# bats file_tags=native
load lib

export BATS_TEST_TIMEOUT=400

# 80 scopes with 12 tasks each, and 60 jobs: 1,100 objects.
ALL=(80 12 60)

generator=/run/systemd/system-generators/hpcnode-slow

# Destroying as many scopes one by one would take its time.
teardown() {
    rm -f $generator
    systemctl start dbus.socket dbus.service hpcnode-cgroupd
    hpcnode-ctl list --no-tasks --no-legend | while read -r _ unit _; do
        echo "$unit"
    done | xargs -r -P 8 -I{} sh -c 'hpcnode-ctl destroy {}; hpcnode-ctl remove {}'
}

# begun: all objects are there, and are waited for by $WAITS, which prints into the file "waits".
begun() {
    cd "$BATS_TEST_TMPDIR" || return
    mkfifo go
    exec 9<>go
    run -0 async-calls start "${ALL[@]}" "$PWD/go"
    has "0 wrong"
    async-calls wait "${ALL[@]}" >waits &
    WAITS=$!
    await file waits waiting
}

# end_some: ends a third of the tasks and jobs.
end_some() {
    printf '\n%.0s' {1..340} >&9
}

# ended: when the last task or job has, the scopes are destroyed, and everything was told.
ended() {
    await file waits "scopes left"
    run -0 async-calls destroy "${ALL[@]}"
    wait "$WAITS" || { cat waits; return 1; }
    exec 9>&-
    has "0 wrong"
    grep -qx "1100 ended" waits
}

@test "1,100 waits at once on one connection are each told once how it ended" {
    begun
    end_some
    end_some
    end_some
    ended
}

@test "1,100 waits are told the same though the daemon is killed and started in between" {
    needs_plain_build # with sanitizers it takes too long
    begun
    end_some
    crash
    end_some
    systemctl start hpcnode-cgroupd
    end_some
    ended
}

@test "1,100 waits are told the same though the daemon is stopped in between, and is not started for them" {
    needs_plain_build # with sanitizers it takes too long
    begun
    end_some
    systemctl stop hpcnode-cgroupd
    end_some
    end_some
    sleep 3 # a wait that asks now and then would do so meanwhile
    [[ $(systemctl is-active hpcnode-cgroupd) == inactive ]]
    systemctl start hpcnode-cgroupd
    ended
}

@test "1,100 waits are told the same though the bus is restarted in between" {
    needs_plain_build # with sanitizers it takes too long
    begun
    end_some
    systemctl restart dbus.service
    end_some
    end_some
    ended
}

@test "a wait for what is still being created is told when that fails" {
    cd "$BATS_TEST_TMPDIR"
    # PID 1 is busy, so creating takes its time.
    mkdir -p "${generator%/*}"
    # shellcheck disable=SC2016 # for the generator
    printf '#!/bin/sh\necho busy >$1/hpcnode-busy\nexec sleep 4\n' >$generator
    chmod +x $generator
    systemctl daemon-reload &
    reload=$!
    await file /run/systemd/generator/hpcnode-busy busy
    hpcnode-ctl run --id j-0 -- /nonexistent 2>error &
    client=$!
    # Nothing tells of it yet.
    until call GetScope s j-0; do
        [[ $ERROR_NAME == NotFound ]]
        kill -0 $client
    done
    async-calls wait 0 0 1 >waits &
    waiter=$!
    await file waits waiting
    [[ $(<waits) == waiting ]]
    kill -0 $client
    status=0
    wait $waiter || status=$?
    [ $status -eq 1 ]
    [[ $(<waits) == *"j-0: NotFound"* ]]
    status=0
    wait $client || status=$?
    [ $status -eq 1 ]
    grep nonexistent error
    wait $reload
}

@test "300 creations at once on one connection are all answered" {
    needs_plain_build # with sanitizers it takes too long
    n=300
    run async-calls start $n 0 0
    echo "# $output" >&3
    # A PID 1 that is too busy may refuse some of them.
    told=$output
    run -1 grep -v 'wrong$\|CreationFailed' <<<"$told"
    [ "$(hpcnode-ctl list --no-tasks --no-legend | wc -l)" -eq $((n - $(grep -c CreationFailed <<<"$told"))) ]
}

@test "a handler may block, begin and cancel other calls, and free its handle" {
    cd "$BATS_TEST_TMPDIR"
    mkfifo go
    exec 9<>go
    run -0 async-calls start 1 1 0 "$PWD/go"
    hpcnode-ctl run --id j-0 -- sleep infinity
    async-calls manners 1 1 1 >told &
    manners=$!
    echo >&9
    wait $manners || { cat told; return 1; }
    exec 9>&-
}
