#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Device policies, as a task of the scope meets them. The GPUs are nodes without a driver: the kernel says
# ENXIO to whom the policy lets through, and EPERM to all others.

load lib

setup_file() {
    systemctl start hpcnode-cgroupd
    mknod -m 666 /dev/gpu0 c 195 0
    mknod -m 666 /dev/gpu1 c 195 1
    ln -s gpu0 /dev/gpu-link
    [ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11
}

teardown_file() {
    rm -f /dev/gpu0 /dev/gpu1 /dev/gpu-link
    systemctl stop user@1000
}

# touches SCOPE REDIRECTION...: what the kernel says to a task of SCOPE, a word for each.
touches() {
    local scope=$1
    shift
    # shellcheck disable=SC2016 # expanded by the task
    hpcnode-ctl run --scope "$scope" --pipe -- sh -c '
        for redirection; do
            said=$( (eval ": $redirection") 2>&1)
            case $said in
            "") echo open ;;
            *"No such device or address") echo through ;;
            *"Operation not permitted") echo shut ;;
            *) echo "$said" ;;
            esac
        done' sh "$@" | paste -sd' '
}

# bats test_tags=trixie
@test "a GPU belongs to the allocation that was given it" {
    hpcnode-ctl create gpu-zero --device /dev/gpu0:rw
    hpcnode-ctl create gpu-one --device /dev/gpu1:rw
    hpcnode-ctl create gpu-both --device /dev/gpu0 --device /dev/gpu1
    [ "$(touches gpu-zero '</dev/gpu0' '>/dev/gpu0' '</dev/gpu1' '>/dev/gpu1')" = "through through shut shut" ]
    [ "$(touches gpu-one '</dev/gpu0' '>/dev/gpu0' '</dev/gpu1' '>/dev/gpu1')" = "shut shut through through" ]
    [ "$(touches gpu-both '</dev/gpu0' '>/dev/gpu1')" = "through through" ]
}

# bats test_tags=trixie
@test "beside what is given, the pseudo devices stay, and nothing else" {
    hpcnode-ctl create gpu-given --device /dev/gpu0:rw
    [ "$(touches gpu-given '>/dev/null' '</dev/zero' '</dev/full' '</dev/random' '</dev/urandom' '>/dev/kmsg')" = \
        "open open open open open shut" ]
    hpcnode-ctl create gpu-kmsg --device /dev/kmsg:w
    [ "$(touches gpu-kmsg '>/dev/kmsg' '</dev/kmsg')" = "open shut" ]
}

# bats test_tags=trixie
@test "reading and writing are allowed one by one" {
    hpcnode-ctl create gpu-r --device /dev/gpu0:r
    hpcnode-ctl create gpu-w --device /dev/gpu0:w
    [ "$(touches gpu-r '</dev/gpu0' '>/dev/gpu0' '<>/dev/gpu0')" = "through shut shut" ]
    [ "$(touches gpu-w '</dev/gpu0' '>/dev/gpu0' '<>/dev/gpu0')" = "shut through shut" ]
}

# bats test_tags=trixie
@test "no node can be made of a device that is not given" {
    hpcnode-ctl create gpu-maker --device /dev/gpu0:rwm
    hpcnode-ctl run --scope gpu-maker --wait -- mknod "$BATS_TEST_TMPDIR/mine" c 195 0
    run ! hpcnode-ctl run --scope gpu-maker --wait -- mknod "$BATS_TEST_TMPDIR/other" c 195 1
    hpcnode-ctl create gpu-user --device /dev/gpu0:rw
    run ! hpcnode-ctl run --scope gpu-user --wait -- mknod "$BATS_TEST_TMPDIR/again" c 195 0
}

# bats test_tags=trixie
@test "a policy without devices shuts all but the pseudo devices, or those, too" {
    hpcnode-ctl create gpu-all --device-policy auto
    hpcnode-ctl create gpu-closed --device-policy closed
    hpcnode-ctl create gpu-strict --device-policy strict
    hpcnode-ctl create gpu-some --device-policy strict --device /dev/zero:r
    [ "$(touches gpu-all '</dev/gpu0' '>/dev/null')" = "through open" ]
    [ "$(touches gpu-closed '</dev/gpu0' '>/dev/null')" = "shut open" ]
    [ "$(touches gpu-strict '</dev/gpu0' '>/dev/null' '</dev/zero')" = "shut shut shut" ]
    [ "$(touches gpu-some '</dev/zero' '>/dev/zero' '>/dev/null')" = "open shut shut" ]
}

# bats test_tags=trixie
@test "classes, links and numbers name devices" {
    hpcnode-ctl create gpu-class --device char-195:r
    hpcnode-ctl create gpu-link --device /dev/gpu-link:rw
    hpcnode-ctl create gpu-number --device /dev/char/195:1:rw
    hpcnode-ctl create gpu-name --device 'char-me?:rw'
    [ "$(touches gpu-class '</dev/gpu0' '</dev/gpu1' '>/dev/gpu1')" = "through through shut" ]
    [ "$(touches gpu-link '</dev/gpu0' '</dev/gpu1')" = "through shut" ]
    [ "$(touches gpu-number '</dev/gpu0' '</dev/gpu1')" = "shut through" ]
    [ "$(touches gpu-name '>/dev/kmsg' '</dev/gpu0')" = "open shut" ]
}

# bats test_tags=trixie
@test "the device is the one that the name had at the time" {
    create gpu-firm DeviceAllow 'a(ss)' 1 /dev/gpu-link rw
    ln -sfn gpu1 /dev/gpu-link
    systemctl daemon-reload
    [ "$(touches gpu-firm '</dev/gpu0' '</dev/gpu1')" = "through shut" ]
    ln -sfn gpu0 /dev/gpu-link
    [ "$(systemctl show -P DeviceAllow workload-gpu-firm.scope)" = "/dev/char/195:0 rw" ]
    [[ $(property gpu-firm Limits) == *'"DeviceAllow" a(ss) 1 "/dev/gpu-link" "rw"'* ]]
}

@test "one device by two names may be used in the ways of both" {
    create gpu-twice DeviceAllow 'a(ss)' 2 /dev/gpu0 r /dev/gpu-link w
    [ "$(touches gpu-twice '</dev/gpu0' '>/dev/gpu0' '</dev/gpu1')" = "through through shut" ]
}

# bats test_tags=trixie
@test "devices stay shut over restarts of the daemon and of PID 1" {
    hpcnode-ctl create gpu-lasting --device /dev/gpu0:rw
    systemctl restart hpcnode-cgroupd
    systemctl daemon-reload
    [ "$(touches gpu-lasting '</dev/gpu0' '</dev/gpu1')" = "through shut" ]
    systemctl daemon-reexec
    [ "$(touches gpu-lasting '</dev/gpu0' '</dev/gpu1')" = "through shut" ]
}

# bats test_tags=trixie
@test "a new list of a live scope takes the place of the old one" {
    hpcnode-ctl create gpu-live --device /dev/gpu0:rw
    hpcnode-ctl set gpu-live --device /dev/gpu1:r
    [ "$(touches gpu-live '</dev/gpu0' '</dev/gpu1' '>/dev/gpu1')" = "shut through shut" ]
    [ "$(systemctl show -P DeviceAllow workload-gpu-live.scope)" = "/dev/char/195:1 r" ]
    systemctl daemon-reload
    [ "$(touches gpu-live '</dev/gpu0' '</dev/gpu1')" = "shut through" ]
    call SetScopeLimits 'sa{sv}' gpu-live 2 DevicePolicy s closed DeviceAllow 'a(ss)' 0
    [ "$(touches gpu-live '</dev/gpu0' '</dev/gpu1' '>/dev/null')" = "shut shut open" ]
    hpcnode-ctl set gpu-live --device /dev/gpu0:r
    [ "$(touches gpu-live '</dev/gpu0' '</dev/gpu1')" = "through shut" ]
}

# bats test_tags=trixie
@test "all devices are opened again by the policy auto and an empty list, or the policy alone" {
    hpcnode-ctl create gpu-again --device /dev/gpu0:rw
    call SetScopeLimits 'sa{sv}' gpu-again 2 DevicePolicy s auto DeviceAllow 'a(ss)' 0
    [ "$(touches gpu-again '</dev/gpu1' '>/dev/kmsg')" = "through open" ]
    hpcnode-ctl set gpu-again --device-policy closed
    [ "$(touches gpu-again '</dev/gpu1' '>/dev/kmsg')" = "shut shut" ]
    hpcnode-ctl set gpu-again --device-policy auto
    [ "$(touches gpu-again '</dev/gpu1' '>/dev/kmsg')" = "through open" ]
}

@test "a change that is not in force leaves the devices as they were" {
    needs_controllers
    hpcnode-ctl create gpu-open --slice workload.slice/second
    hpcnode-ctl create gpu-some --slice workload.slice/second --device /dev/gpu0:rw
    systemctl set-property --runtime workload-second.slice AllowedCPUs=1
    for scope in gpu-open gpu-some; do
        refused IO SetScopeLimits 'sa{sv}' "$scope" 2 DeviceAllow 'a(ss)' 1 /dev/gpu1 rw AllowedCPUs ay 1 1
        mentions AllowedCPUs "as before"
    done
    # What was sent to PID 1 over the bus before is done.
    busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.DBus.Peer Ping
    [ "$(touches gpu-open '</dev/gpu0' '</dev/gpu1' '>/dev/kmsg')" = "through through open" ]
    [ "$(touches gpu-some '</dev/gpu0' '</dev/gpu1' '>/dev/kmsg')" = "through shut shut" ]
}

@test "a scope that had all devices can be given some" {
    hpcnode-ctl create gpu-open
    [ "$(touches gpu-open '</dev/gpu0' '</dev/gpu1')" = "through through" ]
    hpcnode-ctl set gpu-open --device /dev/gpu0:rw
    [ "$(touches gpu-open '</dev/gpu0' '</dev/gpu1')" = "through shut" ]
}

# bats test_tags=trixie
@test "a supervisor that is put in the place of another needs no device either" {
    hpcnode-ctl create gpu-guarded --device-policy strict
    hpcnode-ctl run --scope gpu-guarded --id stays -- sleep infinity
    supervisor=$(cat "$(dir gpu-guarded)/supervisor/cgroup.procs")
    kill -KILL "$supervisor"
    await exit "$supervisor"
    # It may be placed before it has opened anything: what it needs comes from the daemon, for reading and writing.
    daemon_pid
    [ "$(readlink "/proc/$DAEMON/fd/0")" = /dev/null ]
    grep -qx 'flags:.*2' "/proc/$DAEMON/fdinfo/0"
    [ "$(touches gpu-guarded '>/dev/null')" = shut ]
}

# bats test_tags=trixie
@test "an empty list alone, which would open all devices, is refused" {
    remember
    refused InvalidArgs CreateScope 'ssa{sv}' workload.slice gpu-none 1 DeviceAllow 'a(ss)' 0
    mentions DeviceAllow DevicePolicy closed
    nothing_left
    create gpu-none DevicePolicy s closed DeviceAllow 'a(ss)' 0
    [ "$(touches gpu-none '</dev/gpu0' '>/dev/null')" = "shut open" ]
}

# bats test_tags=bookworm
@test "what is no device, or leads out of /dev, is refused before anything exists" {
    local bad
    remember
    ln -s /dev/gpu0 /dev/shm/shm-link
    ln -s ../etc/passwd /dev/out-link
    ln -s /proc/self/fd/0 /dev/magic-link
    for bad in /dev/no-such-device /dev/shm /dev/shm/shm-link /dev/out-link /dev/magic-link /dev/pts/ptmx /dev/../dev/gpu0 \
        /dev//gpu0 /etc/passwd gpu0 "" /dev/ char-no-such-class block-195x "/dev/gpu0 " /proc/self/root/dev/gpu0; do
        refused InvalidArgs CreateScope 'ssa{sv}' workload.slice refused 1 DeviceAllow 'a(ss)' 1 "$bad" rw
        mentions DeviceAllow "$bad"
        refused InvalidArgs Run 'ssa{sv}asa{sv}' workload.slice refused 1 DeviceAllow 'a(ss)' 1 "$bad" rw 1 /bin/true 0
    done
    for bad in "" x rwmr RW "r w"; do
        refused InvalidArgs CreateScope 'ssa{sv}' workload.slice refused 1 DeviceAllow 'a(ss)' 1 /dev/gpu0 "$bad"
        mentions DeviceAllow /dev/gpu0 "r, w and m"
    done
    rm /dev/shm/shm-link /dev/out-link /dev/magic-link
    nothing_left
}

# A user's service manager may load no device program, and goes on without.
# bats test_tags=native
@test "a policy that is not in force fails the creation, and leaves nothing" {
    systemctl start user@1000
    as_alice() {
        runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/1000 \
            DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
    }
    run -1 as_alice hpcnode-ctl --user create gpu-shut --device /dev/gpu0:rw
    [[ $output == *"DeviceAllow"*"in force"* ]]
    run -1 as_alice hpcnode-ctl --user create gpu-shut --device-policy closed
    [[ $output == *"DevicePolicy"*"in force"* ]]
    [ -z "$(as_alice hpcnode-ctl --user list --no-legend)" ]
    as_alice hpcnode-ctl --user create gpu-open --device-policy auto
    as_alice hpcnode-ctl --user destroy gpu-open
}
