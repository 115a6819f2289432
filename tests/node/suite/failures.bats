#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A creation or a start that fails says why, and leaves nothing.

# bats file_tags=native
load lib

setup() {
    remember
}

# fails ERROR WORD RUN-OPTION...: `run` fails so, its sentence has WORD, and nothing is left.
fails() {
    local word=$1
    shift
    run -1 --separate-stderr hpcnode-ctl run --id fails "$@"
    [ -z "$output" ]
    # shellcheck disable=SC2154 # set by run
    [[ $stderr == error:*"$word"* ]] || {
        echo "$stderr"
        return 1
    }
    run -1 hpcnode-ctl inspect fails
    nothing_left
}

@test "a missing program leaves nothing" {
    fails /no/such/program -- /no/such/program
    fails no-such-program -- no-such-program
}

@test "a program that is not executable leaves nothing" {
    echo 'true' >"$BATS_TEST_TMPDIR/plain"
    fails "$BATS_TEST_TMPDIR/plain" -- "$BATS_TEST_TMPDIR/plain"
}

@test "a program in no format the kernel knows leaves nothing" {
    printf 'no program at all' >"$BATS_TEST_TMPDIR/binary"
    chmod +x "$BATS_TEST_TMPDIR/binary"
    fails binary -- "$BATS_TEST_TMPDIR/binary"
    printf '#!/no/such/interpreter\n' >"$BATS_TEST_TMPDIR/binary"
    fails binary -- "$BATS_TEST_TMPDIR/binary"
}

@test "a missing working directory leaves nothing" {
    fails /no/such/directory --cwd /no/such/directory -- true
}

@test "an unknown user, or group, leaves nothing" {
    fails no-such-user --user no-such-user -- true
    fails no-such-group --group no-such-group -- true
    fails 4294967295 --user 4294967295 -- true
}

@test "a log file that cannot be written leaves nothing" {
    fails /no/such/log --log file:/no/such/log -- true
}

@test "a failing Run is ExecFailed, an error, and not a job" {
    refused ExecFailed Run 'ssa{sv}asa{sv}' workload.slice fails 0 1 /no/such/program 0
    mentions /no/such/program "No such file"
    refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice fails 0 0 0
    nothing_left
}

@test "a name in use leaves the one that has it alone" {
    run -0 hpcnode-ctl run --id taken -- sleep infinity
    pid=$(field pid "$output")
    remember
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice taken 0
    mentions taken /workload.slice/workload-taken.scope
    refused AlreadyExists Run 'ssa{sv}asa{sv}' workload.slice taken 0 1 true 0
    nothing_left
    run -0 hpcnode-ctl inspect taken
    has "state: running" "pid: $pid"
}

@test "a foreign unit of that name is left alone" {
    systemd-run -q --scope --slice=workload.slice --unit=workload-foreign.scope sleep infinity &
    await file "$(dir foreign)/cgroup.events" "populated 1"
    remember
    refused AlreadyExists CreateScope 'ssa{sv}' workload.slice foreign 0
    mentions workload-foreign.scope
    nothing_left
    systemctl stop workload-foreign.scope
}

@test "a masked slice leaves nothing" {
    systemctl mask --runtime -q workload-masked.slice
    refused CreationFailed CreateScope 'ssa{sv}' workload.slice/masked fails 0
    mentions masked
    systemctl unmask --runtime -q workload-masked.slice
    nothing_left
}

@test "a failed unit of that name is no obstacle" {
    systemd-run -q --scope --slice=workload.slice --unit=workload-again.scope -p RuntimeMaxSec=1 sleep infinity || :
    await_journal "workload-again.scope: Failed" _PID=1
    [ "$(systemctl show --value -p ActiveState workload-again.scope)" = failed ]
    create again
}

@test "a start in a live scope that fails leaves the scope as it was" {
    create live
    remember
    refused ExecFailed Spawn 'ssasa{sv}' live task 1 /no/such/program 0
    refused IO Spawn 'ssasa{sv}' live task 1 /bin/true 1 WorkingDirectory s /no/such/directory
    refused InvalidArgs Spawn 'ssasa{sv}' live task 1 /bin/true 1 User s no-such-user
    refused InvalidArgs Spawn 'ssasa{sv}' live task 1 /bin/true 1 NoSuchOption s x
    refused NotFound Spawn 'ssasa{sv}' no-such-scope task 1 /bin/true 0
    nothing_left
    # The name is free again.
    hpcnode-ctl run --scope live --id task --wait -- true
}

@test "a task's name in use is refused" {
    create live
    hpcnode-ctl run --scope live --id task -- sleep infinity
    refused AlreadyExists Spawn 'ssasa{sv}' live task 1 /bin/true 0
    mentions live/task
}
