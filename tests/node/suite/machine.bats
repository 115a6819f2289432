#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl --machine, with the daemon of a container that has a systemd of its own.
# bats file_tags=native

load lib

setup_file() {
    [ -x /usr/bin/systemd-nspawn ] || return 0
    # With the files of this node, and none of its state.
    mkdir -p /run/box
    mount --bind / /run/box
    systemctl start systemd-machined
    # Returns when it has booted.
    systemd-run --quiet --unit box --service-type notify --property Delegate=yes --property KillMode=mixed \
        --property NotifyAccess=all systemd-nspawn --quiet --keep-unit --machine box --directory /run/box --volatile=overlay \
        --notify-ready=yes --boot systemd.mask=node-command.service
    systemctl start hpcnode-cgroupd
}

setup() {
    [ -x /usr/bin/systemd-nspawn ] || skip "this $NODE_KIND node has no systemd-nspawn"
}

teardown_file() {
    [ -x /usr/bin/systemd-nspawn ] || return 0
    systemctl stop box
    umount /run/box
}

@test "in a container the daemon is started on demand, and the caller is who he is there" {
    run -0 hpcnode-ctl -M box whoami
    has "principal: admin" "uid: 0"
    # PID 1 may still have its message before it that the daemon is ready: this ends when it was read.
    systemctl -M box start hpcnode-cgroupd
    run -0 systemctl -M box is-active hpcnode-cgroupd
    run -0 hpcnode-ctl -M alice@box whoami
    has "principal: other" "uid: 1000"
}

@test "a job in a container is the container's" {
    run -3 hpcnode-ctl -M box run --id far --wait -- sh -c 'pwd; cat /proc/self/cgroup; exit 3'
    has "cgroup: /workload.slice/workload-far.scope"
    run -0 hpcnode-ctl -M box inspect far
    has "state: failed" "exit: 3"
    run -0 systemd-run --machine box --quiet --pipe hpcnode-ctl logs --output=cat far
    [[ $output == /$'\n'*"/workload.slice/workload-far.scope/payload/main" ]]
    run -0 hpcnode-ctl -M box run -q --id live -- sleep infinity
    hpcnode-ctl -M box run --scope live --id t -- sleep infinity
    run -0 systemctl -M box is-active workload-live.scope
    run -0 hpcnode-ctl -M box list --no-legend live
    [[ ${lines[0]} == "live "*" running "* && ${lines[1]} == "live/t "* ]]
    hpcnode-ctl -M box freeze live/t
    run -0 hpcnode-ctl -M box inspect live/t
    has "state: frozen"
    # This node knows nothing of it.
    run -1 hpcnode-ctl inspect live
    hpcnode-ctl -M box kill live
    run -0 hpcnode-ctl -M box wait live
    has "state: killed"
}

@test "a wait outlives the daemon of a container" {
    hpcnode-ctl -M box run -q --id job -- sleep infinity
    timeout 100 hpcnode-ctl -M box wait job >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    systemctl -M box kill --signal KILL hpcnode-cgroupd
    systemctl -M box restart hpcnode-cgroupd
    hpcnode-ctl -M box kill --signal TERM job
    wait $!
    grep -qx "signal: 15" "$BATS_TEST_TMPDIR/out"
}

@test "a container that there is not is named" {
    run -1 hpcnode-ctl -M nobox ping
    [[ $output == *"error: cannot reach hpcnode-cgroupd of nobox: "* ]]
}
