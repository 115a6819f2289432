#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon of a user's own service manager.

load lib

setup_file() {
    loginctl enable-linger alice
    systemctl start user@1000.service
}

teardown_file() {
    loginctl disable-linger alice
    systemctl stop user@1000.service
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
