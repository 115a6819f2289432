#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The output of jobs in the journal.

load lib

# bats test_tags=trixie
@test "the output of echo alone is in journalctl -u of the job's unit" {
    hpcnode-ctl run --id echo --wait -- echo "said by echo"
    journalctl --sync
    run -0 journalctl -q -o cat -u workload-echo.scope
    has "said by echo"
}

# bats test_tags=trixie
@test "so is that of another user's short-lived processes, on both streams" {
    # shellcheck disable=SC2016 # of the job's shell
    hpcnode-ctl run --id chatty --wait --user alice --cwd / -- \
        sh -c 'for i in 1 2 3 4 5; do /bin/echo out $i; /bin/echo err $i >&2; done; printf "no newline"'
    run -0 job_log chatty
    [ "$output" = "$(for i in 1 2 3 4 5; do printf 'out %s\nerr %s\n' $i $i; done; echo "no newline")" ]
}

# bats test_tags=trixie
@test "tasks of one scope share its unit, and are told apart by their pid" {
    hpcnode-ctl create shared
    run -0 hpcnode-ctl run --scope shared --id a --wait -- echo from a
    a=$(field pid "$output")
    run -0 hpcnode-ctl run --scope shared --id b --wait -- echo from b
    b=$(field pid "$output")
    journalctl --sync
    run -0 journalctl -q -o cat -u workload-shared.scope _PID="$a"
    [ "$output" = "from a" ]
    run -0 journalctl -q -o cat -u workload-shared.scope _PID="$b"
    [ "$output" = "from b" ]
}

# bats test_tags=native
@test "a line every 10 ms for 30 s across five restarts of the daemon: none is missing" {
    ticks=3000
    run -0 hpcnode-ctl run --id ticking -- "$HELPERS/tick" $ticks 10
    for restart in 1 2 3 4 5; do
        await_journal $((restart * 500)) _SYSTEMD_UNIT=workload-ticking.scope
        if ((restart % 2)); then
            crash
            systemctl start hpcnode-cgroupd
        else
            systemctl restart hpcnode-cgroupd
        fi
    done
    run -0 hpcnode-ctl wait ticking
    has "exit: 0"
    diff <(seq $ticks) <(job_log ticking)
}
