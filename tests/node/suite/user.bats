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

# bats test_tags=bookworm
@test "an ordinary user runs a job without root, and the bus starts the daemon for it" {
    cd /tmp
    run -7 as_alice hpcnode-ctl --user run --id mine --wait -- sh -c 'id -u >/tmp/mine; exit 7'
    [ "$(cat /tmp/mine)" = 1000 ]
    run -0 as_alice hpcnode-ctl --user inspect mine
    [[ $output == *"state: failed"*"/user@1000.service/workload.slice/workload-mine.scope"*"exit: 7"* ]]
    as_alice hpcnode-ctl --user remove mine
}

# alice_daemon: its process; started by this call, if need be.
alice_daemon() {
    as_alice hpcnode-ctl --user ping >/dev/null
    as_alice systemctl --user show -P MainPID hpcnode-cgroupd
}

# bats test_tags=native
@test "the daemon has no rights but the user's, and its state is the user's" {
    state=/run/user/1000/hpcnode-cgroupd
    pid=$(alice_daemon)
    [ "$(stat -c %U "/proc/$pid")" = alice ]
    grep -qx $'CapPrm:\t0000000000000000' "/proc/$pid/status"
    [ "$(stat -c '%U %a' $state)" = "alice 700" ]
    as_alice hpcnode-ctl --user create mine
    [ "$(stat -c %U $state/*.scope)" = alice ]
    [ "$(stat -c %U "/proc/$(pgrep hpcnode-superv)")" = alice ]
    as_alice hpcnode-ctl --user destroy mine
    as_alice hpcnode-ctl --user remove mine
    [ -z "$(ls $state)" ]
}

# bats test_tags=native
@test "a user's jobs and tasks are listed, frozen, thawed, killed and waited for" {
    as_alice hpcnode-ctl --user run --id mine --cwd / -- sleep infinity
    as_alice hpcnode-ctl --user run --scope mine --id task --cwd / -- sleep infinity
    run -0 as_alice hpcnode-ctl --user list --no-legend
    [[ $output == "mine "*" running "* ]]
    as_alice hpcnode-ctl --user freeze mine/task
    run -0 as_alice hpcnode-ctl --user inspect mine/task
    has "state: frozen"
    as_alice hpcnode-ctl --user thaw mine/task
    as_alice hpcnode-ctl --user kill --signal TERM mine/task
    run -0 as_alice hpcnode-ctl --user wait mine/task
    has "state: failed" "signal: 15"
    as_alice hpcnode-ctl --user freeze mine
    run -0 as_alice hpcnode-ctl --user inspect mine
    has "state: frozen" "frozen_by: client"
    as_alice hpcnode-ctl --user kill mine
    run -0 as_alice hpcnode-ctl --user wait mine
    has "state: killed" "signal: 9"
    as_alice hpcnode-ctl --user remove mine
    [ -z "$(as_alice hpcnode-ctl --user list --no-legend)" ]
}

# bats test_tags=native
@test "a user's job is part of a pipeline" {
    cd /
    run -0 as_alice sh -c 'echo some | hpcnode-ctl --user run --id mine --pipe -- tr s S | cat'
    [ "$output" = Some ]
    as_alice hpcnode-ctl --user remove mine
}

# bats test_tags=native
@test "a user's job outlives the daemon, and how it ends is known" {
    cd /
    as_alice mkfifo /run/user/1000/go
    # shellcheck disable=SC2016 # expanded by the job
    as_alice hpcnode-ctl --user run --id mine -- sh -c 'read -r n </run/user/1000/go; exit "$n"'
    pid=$(alice_daemon)
    kill -KILL "$pid"
    await exit "$pid"
    run -0 as_alice hpcnode-ctl --user inspect mine
    has "state: running"
    as_alice systemctl --user stop hpcnode-cgroupd
    echo 5 >/run/user/1000/go
    rm /run/user/1000/go
    # The bus starts it again.
    run -0 as_alice hpcnode-ctl --user wait mine
    has "state: failed" "exit: 5"
    as_alice hpcnode-ctl --user remove mine
}

# bats test_tags=native
@test "what a user's job prints is in the journal under its name, and by its unit while it runs" {
    cd /
    as_alice hpcnode-ctl --user run --id said -- sh -c 'echo spoken here; sleep infinity'
    await_journal "spoken here" _SYSTEMD_USER_UNIT=workload-said.scope
    as_alice hpcnode-ctl --user kill said
    as_alice hpcnode-ctl --user run --id said2 --wait -- echo in passing
    await_journal "in passing" _UID=1000 -t said2
    as_alice hpcnode-ctl --user run --id said3 --wait --log file:/run/user/1000/said -- echo to a file
    [ "$(cat /run/user/1000/said)" = "to a file" ]
    # Without a journal of the user's own it takes the group to read it.
    run -0 runuser -u alice -G systemd-journal -- env XDG_RUNTIME_DIR=/run/user/1000 hpcnode-ctl --user logs -o cat said
    [ "$output" = "spoken here" ]
    run -0 runuser -u alice -G systemd-journal -- env XDG_RUNTIME_DIR=/run/user/1000 hpcnode-ctl --user logs -o cat said2
    [ "$output" = "in passing" ]
    run -0 as_alice hpcnode-ctl --user logs said3
    [ "$output" = "to a file" ]
    for job in said said2 said3; do as_alice hpcnode-ctl --user remove $job; done
}

# bats test_tags=native
@test "who has no session bus is told where it comes from" {
    run -1 as alice env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS hpcnode-ctl --user list
    [[ $output == "error: "*"XDG_RUNTIME_DIR is not set"*"loginctl enable-linger"*"/run/user/1000"* ]]
    # As sudo -u nobody leaves it; and of a user without a service manager.
    for directory in /run/user/1000 /run/user/65534; do
        run -1 as nobody env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR=$directory hpcnode-ctl --user list
        [[ $output == "error: "*"no session bus of uid 65534 "*"XDG_RUNTIME_DIR=$directory"*"loginctl enable-linger"* ]]
    done
    # A bus that no service manager has.
    run -1 --separate-stderr as_alice dbus-run-session hpcnode-ctl --user list
    # shellcheck disable=SC2154 # set by run
    [[ $stderr == *"error: "*"XDG_RUNTIME_DIR"*"loginctl enable-linger"* ]]
}

@test "a user's limits on memory, cpu and processes act" {
    needs_controllers
    cd /
    run -137 as_alice hpcnode-ctl --user run --id mine --memory-max 16M --memory-swap-max 0 --wait -- tail /dev/zero
    [[ $output == *"job mine was killed: out of memory (limit 16M)"* ]]
    as_alice hpcnode-ctl --user remove mine
    # shellcheck disable=SC2016 # expanded by the job
    run -2 as_alice hpcnode-ctl --user run --id mine --pids-max 1 --wait -- sh -c '/bin/true; exit 0'
    as_alice hpcnode-ctl --user remove mine
    as_alice mkfifo /run/user/1000/go
    # shellcheck disable=SC2016 # expanded by the job
    as_alice hpcnode-ctl --user run --id mine --cpu-max 10000/100000 -- \
        sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; read -r n </run/user/1000/go'
    exec {go}>/run/user/1000/go
    run -0 as_alice hpcnode-ctl --user metrics mine
    [ "$(field cpu_nr_throttled "$output")" -gt 0 ]
    as_alice hpcnode-ctl --user set mine --memory-max 32M
    run -0 as_alice hpcnode-ctl --user inspect mine
    has "memory_max: 33554432"
    as_alice hpcnode-ctl --user kill mine
    exec {go}>&-
    rm /run/user/1000/go
    as_alice hpcnode-ctl --user wait mine
    as_alice hpcnode-ctl --user remove mine
}

# bats test_tags=trixie
@test "what a user's service manager cannot limit is refused, and nothing is left" {
    for limit in "--io-weight 50 io" "--io-max 1M io" "--cpuset-cpus 0 cpuset"; do
        # shellcheck disable=SC2086 # words
        run -1 as_alice hpcnode-ctl --user run --id mine --cwd / ${limit% *} -- true
        [[ $output == "error: workload-mine.scope: "*" the ${limit##* } controller is missing "*"Delegate= of user@.service"* ]]
    done
    run -1 as_alice hpcnode-ctl --user run --id mine --cwd / --device /dev/null -- true
    [[ $output == "error: workload-mine.scope: "*"a user's service manager "*"cannot limit devices"* ]]
    [ -z "$(as_alice hpcnode-ctl --user list --no-legend)" ]
    run ! as_alice systemctl --user --quiet is-active workload-mine.scope
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

# bats test_tags=native
@test "a user drains the own daemon, and that one alone" {
    as_alice hpcnode-ctl --user drain --reason moving
    run -1 as_alice hpcnode-ctl --user create late
    [[ $output == "error: the node is being drained since "*" by uid 1000 (workload): moving; "* ]]
    run -3 hpcnode-ctl drain --status
    as_alice hpcnode-ctl --user drain --cancel
    as_alice hpcnode-ctl --user create late
    as_alice hpcnode-ctl --user destroy late
}

# bats test_tags=native
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

# In a VM of Debian 12 the kernel takes no trigger from a user (before 6.5), on Debian 13 one of 2 s.
@test "a user's daemon lowers the weight of a job when processors are short, and restores it" {
    needs_controllers
    conf=/usr/lib/hpcnode/cgroupd.conf.d/99-pressure.conf # where alice's daemon looks on this node
    weight=$CGROUPS/user.slice/user-1000.slice/user@1000.service/workload.slice/workload-busy.scope/cpu.weight
    printf '[Pressure]\nAdmitCPUSome=off\nDemoteCPUSome=20\nGraceSec=0\nThawSec=2\n' >$conf
    as_alice systemctl --user restart hpcnode-cgroupd
    [ "$(as_alice busctl --user get-property "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" Pressure)" = 's "on"' ]
    as_alice hpcnode-ctl --user run --id busy --priority 10 --cwd / -- sleep infinity
    if [ "$NODE_KIND" = vm ] && [ "$NODE_SUITE" = trixie ]; then
        fds=$(ls -l "/proc/$(pgrep -u alice -x hpcnode-cgroupd)/fd")
        [[ $fds == *"/proc/pressure/cpu"* ]]
    fi
    as_alice hpcnode-ctl --user run --scope busy --id work --cwd / -- \
        sh -c 'for i in 1 2 3 4; do sh -c "while :; do :; done" & done; wait'
    await file "$weight" 10
    run -0 as_alice hpcnode-ctl --user inspect busy
    as_alice hpcnode-ctl --user kill busy/work
    await file "$weight" 100
    as_alice hpcnode-ctl --user destroy busy
    rm $conf
    as_alice systemctl --user restart hpcnode-cgroupd
}
