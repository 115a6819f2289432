#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon of a user's own service manager.

load lib

setup_file() {
    # Other files have restarted the bus under it, oftener than PID 1 starts it again by itself.
    systemctl reset-failed systemd-logind
    systemctl restart systemd-logind
    loginctl enable-linger alice
    systemctl start user@1000.service
}

teardown_file() {
    loginctl disable-linger alice
    systemctl stop user@1000.service
}

journald_conf=/run/systemd/journald.conf.d/zz-test.conf

teardown() {
    [ -e $journald_conf ] || return 0
    rm $journald_conf
    systemctl restart systemd-journald
}

as_alice() {
    runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/1000 \
        DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}

@test "an ordinary user runs a job without root, and the bus starts the daemon for it" {
    cd /tmp
    run -7 as_alice hpcnode-ctl --user run --id mine --wait -- sh -c 'id -u >/tmp/mine; exit 7'
    [ "$(cat /tmp/mine)" = 1000 ]
    run -0 as_alice hpcnode-ctl --user inspect mine
    [[ $output == *"state: failed"*"/user@1000.service/workload.slice/workload-mine.scope"*"exit: 7"* ]]
    as_alice hpcnode-ctl --user remove mine
}

@test "a user's scope is a unit of the user's service manager, with its limits in force" {
    needs_controllers
    as_alice hpcnode-ctl --user create mine --memory-max 64M
    [ "$(as_alice systemctl --user show -P MemoryMax workload-mine.scope)" = 67108864 ]
    cgroup=$(as_alice systemctl --user show -P ControlGroup workload-mine.scope)
    [ "$(cat "/sys/fs/cgroup$cgroup/memory.max")" = 67108864 ]
    as_alice hpcnode-ctl --user destroy mine
    [ ! -e "/sys/fs/cgroup$cgroup" ]
}

@test "a user's daemon serves workload.slice only" {
    run -1 as_alice hpcnode-ctl --user create --slice pact.slice mine
    [[ $output == *"pact.slice belongs to pact"* ]]
}

@test "a user reads the records of the own daemon, and no other" {
    cd /tmp
    as_alice hpcnode-ctl --user run --id recorded --wait -- true
    as_alice hpcnode-ctl --user remove recorded
    journalctl --sync
    # Without a journal on disk there is one for all.
    run -1 as_alice hpcnode-ctl --user events
    [[ $output == "error: "*"Storage="* ]]
    mkdir -p ${journald_conf%/*}
    printf '[Journal]\nStorage=persistent\n' >$journald_conf
    systemctl restart systemd-journald
    journalctl --flush
    as_alice hpcnode-ctl --user run --id recorded2 --wait -- true
    as_alice hpcnode-ctl --user remove recorded2
    hpcnode-ctl run --id system --wait -- true
    hpcnode-ctl remove system
    journalctl --sync
    run -0 as_alice hpcnode-ctl --user events
    [ "${#lines[@]}" -eq 5 ]
    [[ ${lines[0]} == *" type=cgroup.create scope=recorded2 "*" uid=1000 "*" caller_uid=1000 "* ]]
    run -0 as_alice journalctl -q -o cat --user -u workload-recorded2.scope
    [[ $output == *"workload-recorded2.scope: cleaned up: exited"* ]]
    [ -z "$(hpcnode-ctl events recorded2)" ]
    [ "$(hpcnode-ctl events system | wc -l)" -eq 5 ]
}
