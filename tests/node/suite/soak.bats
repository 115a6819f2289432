#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the daemon holds does not grow with what it has done.

# bats file_tags=native

load lib

export BATS_TEST_TIMEOUT=1500
drop_in=/run/systemd/system/hpcnode-cgroupd.service.d/valgrind.conf

teardown_file() {
    [ -e $drop_in ] || return 0
    rm $drop_in
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
}

resident() {
    sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$DAEMON/status"
}

@test "descriptors and memory of the daemon after 10,000 jobs are as after 100" {
    needs_plain_build
    jobs=10000
    systemctl restart hpcnode-cgroupd
    chaos --calm --jobs 100
    remember
    first=$(resident)
    run -0 chaos --calm --jobs $jobs
    echo "$output"
    last=$(resident)
    echo "# resident after 100 jobs: $first KiB, after $jobs more: $last KiB" >&3
    nothing_left
    # What the allocator does not give back, but nothing of each job.
    [ $((last - first)) -le $((jobs / 20 + 256)) ]
}

# under_valgrind: the daemon runs so from its next start on, and says in $EXITED how it has ended.
under_valgrind() {
    LOG=$BATS_TEST_TMPDIR/valgrind EXITED=$BATS_TEST_TMPDIR/exited
    mkdir -p "$(dirname $drop_in)"
    cat >$drop_in <<EOF
[Service]
ExecStart=
ExecStart=valgrind --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible --error-exitcode=99 --child-silent-after-fork=yes --log-file=$LOG /usr/libexec/hpcnode-cgroupd
ExecStopPost=sh -c 'echo \$EXIT_CODE \$EXIT_STATUS >$EXITED'
TimeoutStartSec=300
TimeoutStopSec=300
WatchdogSec=300
EOF
    systemctl daemon-reload
}

@test "a daemon that ends has made no error with memory, and lost none of it" {
    needs_plain_build
    command -v valgrind >/dev/null || skip "no valgrind on this node"
    under_valgrind
    systemctl restart hpcnode-cgroupd
    for _ in {1..50}; do
        hpcnode-ctl run --id job --wait -- true
        hpcnode-ctl remove job
        hpcnode-ctl create alloc
        run -7 hpcnode-ctl run --scope alloc --id task --wait -- sh -c 'exit 7'
        hpcnode-ctl run --scope alloc -- sleep infinity
        hpcnode-ctl freeze alloc
        hpcnode-ctl thaw alloc
        hpcnode-ctl destroy alloc
        hpcnode-ctl remove alloc
    done
    # What fails, and what lives on.
    run -1 hpcnode-ctl run --id fails -- /no/such/program
    refused InvalidArgs CreateScope 'ssa{sv}' workload.slice alloc 1 MemoryMax t 1
    hpcnode-ctl run --id lives -- sleep infinity
    hpcnode-ctl freeze lives
    # And what nobody should send.
    runuser -u nobody -- bus-fuzz --calls 3000
    runuser -u lattice -- bus-fuzz --calls 1000 --owner workload.slice
    systemctl stop hpcnode-cgroupd
    cat "$LOG"
    [ "$(<"$EXITED")" = "exited 0" ]
    grep -q "ERROR SUMMARY: 0 errors" "$LOG"
    run -1 grep -E '(definitely|indirectly|possibly) lost: [1-9]' "$LOG"
}
