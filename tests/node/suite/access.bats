#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Two systems share one tree: who may change what. Everybody may read.

load lib

conf=/etc/hpcnode/cgroupd.conf.d/zz-access.conf

teardown() {
    systemctl stop pact-agent.service lattice-node-agent.service 2>/dev/null || true
    systemctl reset-failed pact-agent.service lattice-node-agent.service 2>/dev/null || true
    [ ! -e $conf ] || { rm $conf; systemctl reload hpcnode-cgroupd; }
    [ ! -e /run/slow-nss ] || end_slow_names
    [ ! -e /run/passwd.kept ] || mv /run/passwd.kept /etc/passwd
    remove_all
}

call_as() {
    local user=$1
    shift
    as "$user" busctl call -- "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" "$@"
}

# Root, from a service of that name.
from() {
    local unit=$1
    shift
    systemd-run --quiet --wait --pipe --collect --unit "$unit" "$@"
}

# A directory server that does not answer: for names that /etc/passwd does not have.
begin_slow_names() {
    mkfifo -m 600 /run/slow-nss
    slow_nss=$(dirname "$(ldconfig -p | sed -n 's/.* => \(.*libc\.so\.6\)$/\1/p' | head -n 1)")/libnss_slow.so.2
    cp "$HELPERS/libnss_slow.so.2" "$slow_nss"
    cp /etc/nsswitch.conf /run/nsswitch.conf
    sed -i 's/^passwd:.*/passwd: files slow/' /etc/nsswitch.conf
}

end_slow_names() {
    cp /run/nsswitch.conf /etc/nsswitch.conf
    rm -f /run/slow-nss /run/nsswitch.conf /usr/lib/*/libnss_slow.so.2 /lib/*/libnss_slow.so.2
}

# Every writing method on SCOPE (live, with a task), RECORD (ended) and SLICE is refused to USER with ERROR.
denied_everything() {
    local user=$1 slice=$2 scope=$3 record=$4 owner=$5 method
    while read -r method; do
        # shellcheck disable=SC2086 # words of a call
        run -1 call_as "$user" $method
        [[ $output == *" is owned by $owner"* ]] || { echo "$method: $output"; return 1; }
        [[ $output == *$slice* || $output == *$scope* || $output == *$record* ]] ||
            { echo "$method does not name the path: $output"; return 1; }
    done <<END
CreateScope ssa{sv} $slice mine 0
Run ssa{sv}asa{sv} $slice mine 0 1 true 0
Spawn ssasa{sv} $scope mine 1 true 0
OpenScope ss $scope mine
AttachProcesses ssau $scope mine 1 $BASHPID
FreezeScope s $scope
ThawScope s $scope
KillScope si $scope 9
KillScope si $scope/main 15
SetScopeLimits sa{sv} $scope 1 CPUWeight t 1
DestroyScope s $scope
RemoveScope s $record
END
}

# A process of the user, that runs until it is killed. Prints its pid.
sleeper() {
    runuser -u "$1" -- sh -c 'sleep 1000 >&- 2>&- 3>&- & echo $!'
}

# Every writing method succeeds for a user, in a slice that it owns.
may_everything() {
    local user=$1 slice=$2
    as "$user" hpcnode-ctl run --slice "$slice" --id own -- sleep infinity
    call_as "$user" Spawn 'ssasa{sv}' own further 2 sleep infinity 0
    as "$user" hpcnode-ctl freeze own
    as "$user" hpcnode-ctl thaw own
    call_as "$user" KillScope si own/further 9
    [ "$(as "$user" hpcnode-ctl wait own/further | sed -n 's/^state: //p')" = killed ]
    if grep -qw cpu "$CGROUPS/cgroup.controllers"; then
        call_as "$user" SetScopeLimits 'sa{sv}' own 1 CPUWeight t 50
    fi
    call_as "$user" AttachProcesses ssau own taken 1 "$(sleeper "$user")"
    as "$user" hpcnode-ctl kill own --signal TERM
    as "$user" hpcnode-ctl wait own >/dev/null
    as "$user" hpcnode-ctl remove own
    as "$user" hpcnode-ctl create --slice "$slice" own
    as "$user" hpcnode-ctl destroy own
}

# bats test_tags=native
@test "everybody may read" {
    hpcnode-ctl run --id seen -- sleep infinity
    for user in alice nobody pact lattice; do
        as $user hpcnode-ctl list | grep -q workload-seen.scope
        as $user hpcnode-ctl inspect seen | grep -qx "state: running"
        as $user hpcnode-ctl metrics seen | grep -qx "nr_processes: 1"
        as $user hpcnode-ctl metrics / >/dev/null
        as $user hpcnode-ctl metrics pact-gpu.slice >/dev/null
        [ "$(as $user hpcnode-ctl owner pact.slice)" = pact ]
        [ "$(as $user hpcnode-ctl empty seen)" = no ]
        as $user hpcnode-ctl ping
        as $user busctl introspect "$BUS_NAME" "$BUS_PATH" >/dev/null
    done
}

# bats test_tags=bookworm
@test "everybody may wait" {
    hpcnode-ctl run --id seen -- sleep infinity
    as alice timeout 100 hpcnode-ctl wait seen >"$BATS_TEST_TMPDIR/answer" &
    client=$!
    hpcnode-ctl kill seen --signal TERM
    wait $client
    grep -qx "signal: 15" "$BATS_TEST_TMPDIR/answer"
}

# bats test_tags=native
@test "everybody may have the slices started, and nothing is started twice" {
    call_as nobody CreateHierarchy
    clients=()
    for _ in {1..50}; do
        call_as nobody CreateHierarchy >/dev/null &
        clients+=($!)
    done
    for client in "${clients[@]}"; do
        wait "$client"
    done
    [ "$(systemctl is-active pact.slice workload.slice | uniq)" = active ]
}

@test "state and sockets are root's alone" {
    hpcnode-ctl run --id seen -- sleep infinity
    run ! as alice ls "$STATE_DIR"
}

# bats test_tags=native
@test "pact may change everything in its own slices, and nothing in workload.slice" {
    for slice in pact.slice pact-infra.slice pact-network.slice pact-gpu.slice pact-audit.slice; do
        as pact hpcnode-ctl create --slice $slice own
        as pact hpcnode-ctl destroy "${slice%.slice}-own.scope"
        as pact hpcnode-ctl remove "${slice%.slice}-own.scope"
    done
    cd /
    may_everything pact pact-gpu.slice

    hpcnode-ctl run --id seen -- sleep infinity
    hpcnode-ctl run --id ended --wait -- true
    remember
    denied_everything pact workload.slice seen ended workload
    for method in FreezeScope ThawScope; do
        run -1 call_as pact $method s seen
        [[ $output == *"emergency"* ]]
    done
    nothing_left
    [ "$(property seen State)" = 's "running"' ]
}

# bats test_tags=native
@test "lattice may change everything in workload.slice, and nothing in pact's" {
    as lattice hpcnode-ctl create --slice workload.slice/alloc-1 nested
    as lattice hpcnode-ctl destroy nested
    cd /
    may_everything lattice workload.slice

    hpcnode-ctl run --slice pact.slice --id seen -- sleep infinity
    hpcnode-ctl run --slice pact.slice --id ended --wait -- true
    remember
    for slice in pact.slice pact-gpu.slice; do
        denied_everything lattice $slice seen ended pact
    done
    nothing_left
    hpcnode-ctl inspect seen | grep -qx "state: running"
}

# bats test_tags=native
@test "whoever is not root names no other user and no priority above the others" {
    cd /
    remember
    for option in "User s root" "User s alice" "Group s root" "User s 0" "Nice i -1"; do
        # shellcheck disable=SC2086 # words of a call
        run -1 call_as lattice Run 'ssa{sv}asa{sv}' workload.slice mine 0 1 true 1 $option
        [[ $output == *"only root may "* ]]
    done
    nothing_left
    run -0 as lattice hpcnode-ctl run --pipe --nice 5 -- "$HELPERS/task-look"
    [[ $output == *"uid=$(id -u lattice)"* && $output == *"gid=$(id -g lattice)"* ]]
    run -0 as lattice hpcnode-ctl run --pipe --nice 5 -- nice
    [[ $output == *5 ]]
}

# bats test_tags=native
@test "nobody may change anything" {
    hpcnode-ctl run --id seen -- sleep infinity
    hpcnode-ctl run --id ended --wait -- true
    hpcnode-ctl run --slice pact.slice --id pacts -- sleep infinity
    hpcnode-ctl run --slice pact.slice --id gone --wait -- true
    remember
    for user in nobody alice; do
        denied_everything $user workload.slice seen ended workload
        denied_everything $user pact.slice pacts gone pact
        run -1 as $user hpcnode-ctl run -- true
        [[ $output == error:* ]]
    done
    nothing_left
    [ "$(property seen State)" = 's "running"' ]
}

# bats test_tags=native
@test "root from pact's or lattice's own unit is taken for that, and else for admin" {
    hpcnode-ctl run --id seen -- sleep infinity
    hpcnode-ctl whoami | grep -qx "principal: admin"
    hpcnode-ctl whoami | grep -qx "may_change: pact.slice workload.slice"
    [ "$(from pact-agent hpcnode-ctl whoami)" = "principal: pact
uid: 0
unit: pact-agent.service
may_change: pact.slice
may_in_emergency: workload.slice" ]
    [ "$(from lattice-node-agent hpcnode-ctl whoami)" = "principal: workload
uid: 0
unit: lattice-node-agent.service
may_change: workload.slice" ]
    run -1 from pact-agent hpcnode-ctl create mine
    [[ $output == *"workload.slice is owned by workload"*"uid 0 (pact)"* ]]
    run -1 from pact-agent hpcnode-ctl destroy seen
    [[ $output == *"/workload.slice/workload-seen.scope is owned by workload"* ]]
    from pact-agent hpcnode-ctl create --slice pact-gpu.slice mine
    run -1 from lattice-node-agent hpcnode-ctl destroy mine
    [[ $output == *"is owned by pact"* ]]
    from pact-agent hpcnode-ctl destroy mine
}

# bats test_tags=native
@test "a unit proves nothing for other users" {
    run -0 from pact-agent -p User=alice hpcnode-ctl whoami
    [ "$output" = "principal: other
uid: 1000
may_ask_polkit: workload.slice" ]
    run -1 from lattice-node-agent -p User=alice hpcnode-ctl create mine
    [[ $output == *"uid 1000 (other)"* ]]
}

# bats test_tags=native
@test "which units and users stand for the systems is configured" {
    mkdir -p ${conf%/*}
    printf '%s\n' '[Ownership]' 'PactUsers=1000' 'WorkloadUsers=nobody lattice' \
        'PactUnits=lattice-node-agent.service other.service' 'WorkloadUnits=' >$conf
    systemctl reload hpcnode-cgroupd
    as alice hpcnode-ctl whoami | grep -qx "principal: pact"
    as nobody hpcnode-ctl whoami | grep -qx "principal: workload"
    as lattice hpcnode-ctl whoami | grep -qx "principal: workload"
    as pact hpcnode-ctl whoami | grep -qx "principal: other"
    from lattice-node-agent hpcnode-ctl whoami | grep -qx "principal: pact"
    from pact-agent hpcnode-ctl whoami | grep -qx "principal: admin"
    rm $conf
    systemctl reload hpcnode-cgroupd
    as alice hpcnode-ctl whoami | grep -qx "principal: other"
    as pact hpcnode-ctl whoami | grep -qx "principal: pact"
}

# bats test_tags=native
@test "wrong owners are refused with file and line, and the old ones stay" {
    mkdir -p ${conf%/*}
    for line in PactUnits=pact-agent PactUnits=../x.service PactUsers=-x WorkloadUsers=4294967295; do
        printf '%s\n' '[Ownership]' "$line" >$conf
        systemctl reload hpcnode-cgroupd
        as pact hpcnode-ctl whoami | grep -qx "principal: pact"
        journalctl --sync
        journalctl -q -o cat -u hpcnode-cgroupd | grep -F "zz-access.conf:2: \"${line#*=}\" in ${line%%=*}= is not "
    done
}

# bats test_tags=native
@test "a user that was known stays so when the name service does not answer any more" {
    as lattice hpcnode-ctl whoami | grep -qx "principal: workload"
    uid=$(id -u lattice)
    cp -p /etc/passwd /run/passwd.kept
    sed -i /^lattice:/d /etc/passwd
    begin_slow_names
    systemctl reload hpcnode-cgroupd
    # By number, and nobody is looked up.
    chroot --userspec="+$uid:+$uid" --groups= / hpcnode-ctl whoami | grep -qx "principal: workload"
}

# bats test_tags=native
@test "a task that waits for the look-up of its user does not come into another's scope of that name" {
    as lattice hpcnode-ctl create first
    uid=$(id -u lattice)
    begin_slow_names
    sed -i 's/^passwd:.*/passwd: slow files/' /etc/nsswitch.conf
    chroot --userspec="+$uid:+$uid" --groups= / busctl call -- "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" \
        Spawn 'ssasa{sv}' first mine 2 sleep infinity 0 >"$BATS_TEST_TMPDIR/answer" 2>&1 3>&- &
    client=$!
    exec {release}>/run/slow-nss # when somebody reads there
    hpcnode-ctl destroy first
    hpcnode-ctl create first
    echo >&"$release"
    if wait $client; then
        false
    fi
    exec {release}>&-
    grep -q "has ended meanwhile" "$BATS_TEST_TMPDIR/answer"
    [ ! -e "$(dir first)/payload/mine" ]
    hpcnode-ctl create --slice pact.slice other # and the daemon goes on
}

# bats test_tags=native
@test "a task has no group that its caller has not" {
    cd /
    [ "$(as lattice hpcnode-ctl run --pipe -- id -G)" = "$(id -G lattice)" ]
    usermod --append --groups video lattice
    run -0 setpriv --reuid lattice --regid lattice --clear-groups hpcnode-ctl run --pipe -- id -G
    gpasswd --delete lattice video
    [ "$output" = "$(id -g lattice)" ]
}

# bats test_tags=native
@test "nobody reads another user's environment, arguments or output" {
    cd /
    as lattice hpcnode-ctl run --id secret --env TOKEN=hunter2 -- sh -c 'echo hunter2; echo up >/tmp/secret.up; exec sleep infinity # hunter2'
    await file /tmp/secret.up up
    pid=$(field pid "$(hpcnode-ctl inspect secret)")
    run ! as alice cat "/proc/$pid/environ"
    for what in "hpcnode-ctl inspect secret" "hpcnode-ctl --json pretty list" "hpcnode-ctl events secret" \
        "journalctl -q -u workload-secret.scope" "systemctl show workload-secret.scope" \
        "busctl call $BUS_NAME $BUS_PATH org.freedesktop.DBus.ObjectManager GetManagedObjects"; do
        # shellcheck disable=SC2086 # words of a command
        run as alice $what
        [[ $output != *hunter2* ]] || { echo "$what: $output"; false; }
    done
    rm /tmp/secret.up
}

# bats test_tags=bookworm
@test "a user that is made while the daemon runs is known at once" {
    mkdir -p ${conf%/*}
    printf '%s\n' '[Ownership]' 'PactUsers=pact newcomer' >$conf
    systemctl reload hpcnode-cgroupd
    useradd --system newcomer
    as newcomer hpcnode-ctl whoami | grep -qx "principal: pact"
    userdel newcomer
}

# bats test_tags=native
@test "a name service that hangs makes nobody else wait" {
    hpcnode-ctl run --id seen -- sleep infinity
    begin_slow_names
    mkdir -p ${conf%/*}
    printf '%s\n' '[Ownership]' 'PactUsers=pact stranger' >$conf
    systemctl reload hpcnode-cgroupd
    # Waits for what stranger's uid may be, and is denied in the end.
    as alice timeout 100 hpcnode-ctl create mine >"$BATS_TEST_TMPDIR/alice" 2>&1 &
    client=$!
    for user in root pact lattice; do
        as $user hpcnode-ctl list >/dev/null
        as $user hpcnode-ctl whoami >/dev/null
        as $user hpcnode-ctl inspect seen >/dev/null
    done
    as lattice hpcnode-ctl create theirs
    as lattice hpcnode-ctl destroy theirs
    kill -0 $client # it still waits
    if wait $client; then
        false
    fi
    grep -q "is owned by workload" "$BATS_TEST_TMPDIR/alice"
    # Asked again after some time only: now alice need not wait.
    began=$EPOCHREALTIME
    run -1 as alice hpcnode-ctl create mine
    [ $((${EPOCHREALTIME/./} - ${began/./})) -lt 6000000 ]
}
