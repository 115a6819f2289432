#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# An idle daemon does nothing.

load lib

# bats test_tags=bookworm
@test "idle for 30 s, with jobs running, the daemon makes no system call but for its watchdog" {
    needs_plain_build
    hpcnode-ctl run --id idle-job -- sleep infinity
    hpcnode-ctl create idle-scope
    daemon_pid
    # The deadline of the measurement, not a wait for anything.
    timeout 30 strace -f -qq -p "$DAEMON" -o "$BATS_TEST_TMPDIR/trace" || :
    sed 's/^[0-9]* *//' "$BATS_TEST_TMPDIR/trace" >"$BATS_TEST_TMPDIR/calls"
    fed=$(grep -c WATCHDOG=1 "$BATS_TEST_TMPDIR/calls") || :
    woken=$(grep -cE '(epoll_wait|epoll_pwait|epoll_pwait2|restart_syscall)\(' "$BATS_TEST_TMPDIR/calls") || :
    echo "# watchdog fed $fed times in 30 s, $(wc -l <"$BATS_TEST_TMPDIR/calls") system calls" >&3
    sed 's/(.*//' "$BATS_TEST_TMPDIR/calls" | sort | uniq -c
    # With WatchdogSec=30 it is fed every 7 to 15 s.
    [ "$fed" -ge 1 ] && [ "$fed" -le 5 ]
    [ "$woken" -le $((fed + 1)) ]
    # One round: the timer, the notification, who sends it and when (no vdso where the clock is no TSC).
    run -1 grep -vE '^(epoll_wait|epoll_pwait2?|restart_syscall|read|timerfd_settime|socket|connect|sendmsg|[gs]etsockopt|close|gett?[pu]?id|gete?[ug]id|clock_gettime)\(' \
        "$BATS_TEST_TMPDIR/calls"
}

@test "an idle supervisor makes no system call, and takes at most 150 KiB" {
    needs_plain_build
    hpcnode-ctl run --id idle-job -- sleep infinity
    read -r pid <"$(dir idle-job)/supervisor/cgroup.procs"
    # Again a measurement. It gives back, once, what the start has used; then there is the call that it
    # sleeps in. It is woken when strace leaves.
    timeout 3 strace -f -qq -p "$pid" -o "$BATS_TEST_TMPDIR/trace" &
    measurement=$!
    await file "$BATS_TEST_TMPDIR/trace" 'epoll_pwait('
    pss=$(sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup")
    wait $measurement || :
    cat "$BATS_TEST_TMPDIR/trace"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/trace")" -le 3 ]
    echo "# PSS of a supervisor: $pss KiB" >&3
    [ "$pss" -le 150 ]
}
