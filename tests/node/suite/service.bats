#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The service itself: how it is started, kept alive, and what it brings up.

load lib

six_slices=(pact-audit.slice pact-gpu.slice pact-infra.slice pact-network.slice pact.slice workload.slice)
drop_in=/run/systemd/system/hpcnode-cgroupd.service.d

teardown() {
    if [ -d $drop_in ]; then
        rm -r $drop_in
        systemctl daemon-reload
        systemctl restart hpcnode-cgroupd
    fi
    hpcnode-ctl destroy kept 2>/dev/null && hpcnode-ctl remove kept
    return 0
}

@test "systemctl enable --now starts it, and it is ready when that returns" {
    systemctl disable --now -q hpcnode-cgroupd
    run -3 systemctl is-active hpcnode-cgroupd
    systemctl enable --now -q hpcnode-cgroupd
    run -0 systemctl is-enabled hpcnode-cgroupd
    # No activation by the bus: it has its name already.
    busctl --auto-start=no status "$BUS_NAME" >/dev/null
    systemctl is-active -q "${six_slices[@]}"
}

@test "the bus starts it when it is called" {
    systemctl stop hpcnode-cgroupd
    call SliceOwner s pact.slice
    [ "$ANSWER" = 's "pact"' ]
    # PID 1 may not have read yet that it is ready.
    [[ $(systemctl is-active hpcnode-cgroupd) == activ* ]]
}

# bats test_tags=native
@test "a client says of a daemon that is masked that it is, in one sentence" {
    systemctl stop hpcnode-cgroupd
    systemctl mask --runtime -q hpcnode-cgroupd
    run -1 hpcnode-ctl ping
    systemctl unmask --runtime -q hpcnode-cgroupd
    systemctl start hpcnode-cgroupd
    # In the words of dbus-daemon, or of dbus-broker.
    [[ $output == "error: cannot reach hpcnode-cgroupd: "*[Uu]"nit "*"is masked; see: systemctl status hpcnode-cgroupd" ]] ||
        { echo "$output"; false; }
}

@test "the unit is what the design says" {
    run -0 systemctl show hpcnode-cgroupd
    has Type=notify NotifyAccess=main OOMScoreAdjust=-1000 KillMode=process Restart=on-failure \
        StartLimitIntervalUSec=0 WatchdogUSec=30s RuntimeDirectoryPreserve=yes LogRateLimitIntervalUSec=0 \
        RuntimeDirectoryMode=0700
    daemon_pid
    ! can_lower_oom_score || [ "$(cat "/proc/$DAEMON/oom_score_adj")" = -1000 ]
    [ "$(stat -c '%a %U' "$STATE_DIR")" = "700 root" ]
}

# bats test_tags=native
@test "a daemon that hangs is restarted by its watchdog, and the job goes on" {
    needs_plain_build # a sanitizer handles SIGABRT, which a stopped process cannot
    mkdir -p $drop_in
    printf '[Service]\nWatchdogSec=5\n' >$drop_in/watchdog.conf
    systemctl daemon-reload
    systemctl restart hpcnode-cgroupd
    run -0 hpcnode-ctl run --id kept -- sleep infinity
    job=$(field pid "$output")
    daemon_pid
    kill -STOP "$DAEMON"
    await exit "$DAEMON"
    run -0 hpcnode-ctl inspect kept
    has "state: running" "pid: $job"
    [ "$(systemctl show --value -p NRestarts hpcnode-cgroupd)" -eq 1 ]
}

# bats test_tags=native
@test "a daemon that crashes is restarted without a limit" {
    for _ in 1 2 3 4 5 6 7; do
        crash
        hpcnode-ctl ping
    done
    [[ $(systemctl is-active hpcnode-cgroupd) == activ* ]]
}

@test "the installed introspection is what the running daemon returns" {
    interface() {
        sed -n "/<interface name=\"$1\">/,/<\/interface>/p" "$2" | sed 's/^ *//'
    }
    run -0 hpcnode-ctl run --id kept -- sleep infinity
    scope=$BUS_PATH/scope/workload_2dkept_2escope
    for pair in "$BUS_NAME $BUS_PATH" "$BUS_NAME.Scope $scope" "$BUS_NAME.Task $scope/task/main"; do
        read -r name object <<<"$pair"
        busctl introspect --xml-interface "$BUS_NAME" "$object" >"$BATS_TEST_TMPDIR/running"
        interface "$name" "$BATS_TEST_TMPDIR/running" >"$BATS_TEST_TMPDIR/a"
        interface "$name" /usr/share/dbus-1/interfaces/"$name".xml >"$BATS_TEST_TMPDIR/b"
        [ -s "$BATS_TEST_TMPDIR/a" ]
        diff "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    done
}

@test "CreateHierarchy returns the six slices, and changes nothing, scopes or not" {
    state_of_all() {
        systemctl show -p Id -p InvocationID -p ActiveEnterTimestampMonotonic -p ControlGroup \
            "${six_slices[@]}" workload-kept.scope
    }
    hpcnode-ctl run --id kept -- sleep infinity
    state_of_all >"$BATS_TEST_TMPDIR/before"
    [ "$(grep -c InvocationID=. "$BATS_TEST_TMPDIR/before")" -eq 7 ]
    call CreateHierarchy
    for slice in "${six_slices[@]}"; do
        [[ $ANSWER == 'as 6 '*"\"$slice\""* ]]
    done
    call CreateHierarchy
    state_of_all | diff "$BATS_TEST_TMPDIR/before" -
}

@test "CreateHierarchy brings back a slice that was stopped" {
    systemctl stop pact-gpu.slice
    call CreateHierarchy
    systemctl is-active -q pact-gpu.slice
}

@test "the slices are unit files that others can use while the daemon is away" {
    systemctl stop hpcnode-cgroupd
    run -0 systemd-run -q --wait --pipe --slice=pact-infra.slice cat /proc/self/cgroup
    [[ $output == *0::/pact.slice/pact-infra.slice/*.service ]]
    systemctl start hpcnode-cgroupd
}

@test "the users pact and lattice exist" {
    getent passwd pact lattice
}

@test "the installed configuration sets nothing, and an unknown key in a drop-in is a warning" {
    run -1 grep -vE '^(#|\[|$)' /etc/hpcnode/cgroupd.conf
    mkdir -p /etc/hpcnode/cgroupd.conf.d
    printf '[Scopes]\nNoSuchKey=1\n' >/etc/hpcnode/cgroupd.conf.d/unknown.conf
    systemctl restart hpcnode-cgroupd
    rm /etc/hpcnode/cgroupd.conf.d/unknown.conf
    journalctl --sync
    run -0 journalctl -q -o cat -p warning _SYSTEMD_INVOCATION_ID="$(systemctl show --value -p InvocationID hpcnode-cgroupd)"
    [[ $output == *unknown.conf*NoSuchKey* ]]
}

@test "ping prints the version of the running daemon" {
    run -0 hpcnode-ctl --version
    version=${lines[0]##* }
    run -0 hpcnode-ctl ping
    has "version: $version"
}

# What a process is kept from by a sandbox that it has inherited.
sandbox_of() {
    grep -E '^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Cpus_allowed_list|Mems_allowed_list):' \
        "/proc/$1/status"
    for space in mnt net ipc uts pid user cgroup; do
        readlink "/proc/$1/ns/$space"
    done
    cat "/proc/$1/limits"
}

# bats test_tags=bookworm
@test "no job inherits anything of the daemon's sandbox" {
    systemd-run --quiet --unit plain sleep infinity
    hpcnode-ctl run --id free -- sleep infinity
    pid=$(field pid "$(hpcnode-ctl inspect free)")
    diff <(sandbox_of "$(systemctl show -P MainPID plain)") <(sandbox_of "$pid")
    systemctl stop plain
    hpcnode-ctl kill free
}

@test "the daemon's cgroup has no network and no devices, its jobs have" {
    needs_controllers # where there are none there is no BPF for this, either
    send='echo >/dev/udp/127.0.0.1/9'
    hpcnode-ctl run --pipe -- bash -c "$send"
    run -1 bash -c "echo \$\$ >$CGROUPS/system.slice/hpcnode-cgroupd.service/cgroup.procs; $send"
    [[ $output == *"Operation not permitted"* ]]

    hpcnode-ctl run --pipe -- dd if=/dev/kmsg of=/dev/null count=0 status=none
    run -1 bash -c "echo \$\$ >$CGROUPS/system.slice/hpcnode-cgroupd.service/cgroup.procs; exec 3</dev/kmsg"
    [[ $output == *"Operation not permitted"* ]]
}
