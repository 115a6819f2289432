#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# AttachProcesses: processes that run elsewhere become a task of a scope.

load lib

teardown() {
    # Those that are not in a scope.
    ((!${#STARTED[@]})) || kill -KILL "${STARTED[@]}" 2>/dev/null || :
    ! compgen -G "$STATE_DIR/*.scope" >/dev/null || remove_all
}

setup() {
    STARTED=()
}

# outside COMMAND...: a process outside of any scope of ours. Sets PID.
outside() {
    "$@" >/dev/null 2>&1 3>&- &
    PID=$!
    STARTED+=("$PID")
}

# The same of what prints a number when it is ready: SAID.
saying() {
    local fifo=$BATS_TEST_TMPDIR/said
    mkfifo "$fifo"
    "$@" >"$fifo" 2>&1 3>&- &
    PID=$!
    STARTED+=("$PID")
    read -r SAID <"$fifo"
    rm "$fifo"
}

sleeper() {
    outside sleep infinity
}

# cgroup_of PID: as the kernel has it.
cgroup_of() {
    sed -n 's/^0:://p' "/proc/$1/cgroup"
}

# in_leaf SCOPE/TASK PID...: exactly these are in it.
in_leaf() {
    local leaf
    leaf=$(dir "${1%/*}")/payload/${1#*/}
    shift
    diff <(printf '%s\n' "$@" | sort) <(sort "$leaf/cgroup.procs")
}

# not_attached ERROR SCOPE TASK PID...: refused so, and nothing has come of it.
not_attached() {
    local error=$1 scope=$2 task=$3
    shift 3
    refused "$error" AttachProcesses ssau "$scope" "$task" $# "$@" || return
    [ ! -e "$(dir "$scope")/payload/$task" ] || [ "$task" = taken ]
}

# owned_by USER COMMAND...: a process of that user, outside of any scope. Sets SAID.
owned_by() {
    local user=$1
    shift
    # shellcheck disable=SC2016 # of that shell
    saying setpriv --reuid "$user" --regid "$user" --init-groups "$@" sh -c 'echo $$; exec sleep infinity'
}

# denied USER SCOPE PID WORD...: that user may not attach it, and is told why.
denied() {
    local user=$1 scope=$2 pid=$3
    shift 3
    run -1 as "$user" hpcnode-ctl attach "$scope/guest" "$pid"
    for word in "error: " "$@"; do
        [[ $output == *"$word"* ]] || { echo "no \"$word\" in: $output"; return 1; }
    done
    [ ! -e "$(dir "$scope")/payload/guest" ]
}

# bats test_tags=bookworm
@test "a process that runs elsewhere is a task like any other" {
    remember
    hpcnode-ctl create host
    sleeper
    from=$(cgroup_of "$PID")
    run -0 hpcnode-ctl attach host/guest "$PID"
    has "id: host/guest" "unit: workload-host.scope" "pid: $PID" "cgroup: /workload.slice/workload-host.scope/payload/guest"
    in_leaf host/guest "$PID"
    run -0 hpcnode-ctl inspect host/guest
    has "state: running" "pid: $PID"
    run -0 hpcnode-ctl inspect host
    has "pids: $PID"
    [ "$(hpcnode-ctl empty host)" = no ]
    journalctl --sync
    run -0 hpcnode-ctl events host
    [[ $output == *" type=cgroup.attach scope=host "*" task=guest pid=$PID pid_count=1 pids=$PID from=$from caller_uid=0 caller_pid="* ]]
    run -0 bus-wait TaskExited:guest -- hpcnode-ctl kill host/guest
    run -0 hpcnode-ctl wait host/guest
    [[ $output == *"signal: 9"* || $output == *"state: lost"* ]]
    await gone "$(dir host)/payload/guest"
    hpcnode-ctl destroy host
    hpcnode-ctl remove host
    wait "$PID" || :
    nothing_left
}

# bats test_tags=native
@test "a signal reaches an attached process, and a freeze as well" {
    hpcnode-ctl create host
    sleeper
    hpcnode-ctl attach host/guest "$PID"
    hpcnode-ctl freeze host/guest
    run -0 hpcnode-ctl inspect host/guest
    has "state: frozen"
    hpcnode-ctl thaw host/guest
    hpcnode-ctl kill --signal TERM host/guest
    run -0 hpcnode-ctl wait host/guest
    [[ $output == *"signal: 15"* || $output == *"state: lost"* ]]
}

# bats test_tags=bookworm
@test "its exit status is known while its parent has not taken it, or where the kernel keeps it" {
    hpcnode-ctl create host
    saying odd-process zombie
    hpcnode-ctl attach host/guest "$SAID"
    kill -USR1 "$SAID"
    run -0 hpcnode-ctl wait host/guest
    has "state: failed" "exit: 7"
    [ "$(ps -o stat= -p "$SAID" | cut -c1)" = Z ]
    saying odd-process reaper
    hpcnode-ctl attach host/quick "$SAID"
    kill -USR1 "$SAID"
    run -0 hpcnode-ctl wait host/quick
    if [ "$(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1)" = 6.15 ]; then
        has "state: failed" "exit: 7"
    else
        [[ $output == *"exit: 7"* || $output == *"state: lost"* ]]
    fi
}

# bats test_tags=bookworm
@test "several processes are one task: the first is its own, and it ends with it" {
    hpcnode-ctl create host
    sleeper && a=$PID
    sleeper && b=$PID
    sleeper && c=$PID
    hpcnode-ctl attach host/crew "$b" "$a" "$c"
    in_leaf host/crew "$a" "$b" "$c"
    run -0 hpcnode-ctl inspect host/crew
    has "pid: $b"
    kill "$b"
    run -0 hpcnode-ctl wait host/crew
    in_leaf host/crew "$a" "$c"
    kill "$a" "$c"
    await gone "$(dir host)/payload/crew"
}

# bats test_tags=native
@test "an attached main is the supervised one: when it ends, the rest is killed, and the scope stays" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id other -- sleep infinity
    sleeper && a=$PID
    sleeper
    hpcnode-ctl attach host/main "$a" "$PID"
    [ "$(property host MainPID)" = "u $a" ]
    run -0 bus-wait ScopeEmpty:host -- kill -KILL "$a"
    await exit "$PID"
    run -0 hpcnode-ctl wait host/other
    has "state: killed"
    run -0 hpcnode-ctl inspect host
    has "state: active" "pid_count: 0"
    journalctl --sync
    run -0 hpcnode-ctl events host
    [[ $output == *" type=cgroup.attach "*" type=job.start "*" pid=$a "*" type=job.exit "* ]]
}

# bats test_tags=native
@test "an attached task arms --release-on-empty" {
    hpcnode-ctl create host --release-on-empty
    sleeper
    hpcnode-ctl attach host/guest "$PID"
    kill "$PID"
    run -0 hpcnode-ctl wait host
    has "state: exited"
}

# bats test_tags=native
@test "an attached task outlives the daemon and the supervisor" {
    hpcnode-ctl create kept
    sleeper && a=$PID
    sleeper && b=$PID
    hpcnode-ctl attach kept/one "$a"
    hpcnode-ctl attach kept/main "$b"
    crash
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl inspect kept/one
    has "state: running" "pid: $a"
    cursor=$(log_cursor)
    read -r supervisor <"$(dir kept)/supervisor/cgroup.procs"
    kill -KILL "$supervisor"
    await_log "workload-kept.scope has a new supervisor" "$cursor"
    run -0 hpcnode-ctl inspect kept/one
    has "state: running" "pid: $a"
    run -0 bus-wait TaskExited:main -- kill "$b"
    await exit "$a" # main has ended
    journalctl --sync
    [ "$(hpcnode-ctl events kept | grep -c " type=cgroup.attach ")" -eq 2 ]
}

# ---- what is refused ---------------------------------------------------------------------------

# bats test_tags=native
@test "what is no process, or cannot be one of a scope, is refused" {
    hpcnode-ctl create host
    sleeper
    not_attached InvalidArgs host guest
    mentions "no process is named"
    not_attached InvalidArgs host guest 0
    not_attached InvalidArgs host guest 4294967295
    not_attached InvalidArgs host guest "$PID" "$PID"
    mentions "$PID is named twice"
    # shellcheck disable=SC2046 # 65 numbers
    not_attached InvalidArgs host guest $(seq 100001 100065)
    mentions "more than 64"
    not_attached NotFound host guest "$(($(cat /proc/sys/kernel/pid_max) + 1))"
    not_attached InvalidArgs host ../guest "$PID"
    not_attached NotFound nowhere guest "$PID"
    [ -z "$(ls -d "$(dir host)"/payload/*/)" ]
}

# bats test_tags=native
@test "a process that has ended is refused, also while its parent has not noticed" {
    hpcnode-ctl create host
    saying odd-process zombie
    kill -USR1 "$SAID"
    await exit "$SAID"
    not_attached NotFound host guest "$SAID"
    mentions "$SAID has ended"
}

# bats test_tags=native
@test "a thread that is no process is refused" {
    hpcnode-ctl create host
    saying odd-process threads
    not_attached InvalidArgs host guest "$SAID"
    mentions "is a thread"
    # The process is moved with all of them.
    hpcnode-ctl attach host/guest "$PID"
    [[ $(<"$(dir host)/payload/guest/cgroup.threads") == *"$SAID"* ]]
}

# bats test_tags=native
@test "the service manager, the kernel, the daemon and supervisors are refused" {
    hpcnode-ctl create host
    hpcnode-ctl create other --slice pact.slice
    not_attached PermissionDenied host guest 1
    mentions "process 1 (in \"/init.scope\")" "service manager"
    if [ "$(ps -o comm= -p 2)" = kthreadd ]; then
        not_attached PermissionDenied host guest 2
        mentions "kernel"
    fi
    daemon_pid
    not_attached PermissionDenied host guest "$DAEMON"
    mentions "hpcnode-cgroupd's own"
    for supervisor in "$CGROUPS"/{workload,pact}.slice/*.scope/supervisor/cgroup.procs; do
        not_attached PermissionDenied host guest "$(<"$supervisor")"
        mentions "is the supervisor of a scope"
    done
}

# bats test_tags=native
@test "a process of the other tree is refused, both ways, also for root" {
    hpcnode-ctl create host
    hpcnode-ctl create --slice pact-gpu.slice infra
    sleeper && a=$PID
    sleeper && b=$PID
    hpcnode-ctl attach host/a "$a"
    hpcnode-ctl attach infra/b "$b"
    not_attached PermissionDenied host guest "$b"
    mentions "$b" "pact-gpu-infra.scope" "belongs to pact" "belongs to workload"
    refused PermissionDenied AttachProcesses ssau infra guest 1 "$a"
    mentions "workload-host.scope" "belongs to workload"
    # A name that begins as a tree's does not make it one.
    # shellcheck disable=SC2016 # of that shell
    saying systemd-run --quiet --scope --slice=pactfoo.slice --unit=lookalike sh -c 'echo $$; exec sleep infinity'
    [ "$(cgroup_of "$SAID")" = /pactfoo.slice/lookalike.scope ]
    hpcnode-ctl attach host/lookalike "$SAID"
}

# bats test_tags=native
@test "a process that is a task already is refused, and one that a task has started is not" {
    hpcnode-ctl create host
    hpcnode-ctl create other
    mkfifo "$BATS_TEST_TMPDIR/child"
    run -0 hpcnode-ctl run --scope host --id task -- sh -c "sleep infinity & echo \$! >$BATS_TEST_TMPDIR/child; wait"
    pid=$(field pid "$output")
    read -r child <"$BATS_TEST_TMPDIR/child"
    not_attached AlreadyExists other guest "$pid"
    mentions "task host/task"
    hpcnode-ctl attach other/guest "$child"
    in_leaf other/guest "$child"
    in_leaf host/task "$pid"
}

# bats test_tags=native
@test "a name in use, a frozen scope and a task for a scope are refused" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id taken -- sleep infinity
    sleeper
    not_attached AlreadyExists host taken "$PID"
    refused InvalidArgs AttachProcesses ssau host/taken guest 1 "$PID"
    hpcnode-ctl freeze host
    not_attached CreationFailed host guest "$PID"
    mentions "is frozen"
    hpcnode-ctl thaw host
    hpcnode-ctl attach host/guest "$PID"
}

# bats test_tags=native
@test "it is all or nothing: one that may not be attached keeps the others where they were" {
    hpcnode-ctl create host
    sleeper && a=$PID
    sleeper && b=$PID
    from=$(cgroup_of "$a")
    daemon_pid
    not_attached PermissionDenied host guest "$a" "$b" "$DAEMON"
    mentions "$DAEMON"
    [ "$(cgroup_of "$a")" = "$from" ]
    [ "$(cgroup_of "$b")" = "$from" ]
}

@test "more processes than TasksMax allows are refused" {
    needs_controllers
    create host TasksMax t 2
    sleeper && a=$PID
    sleeper && b=$PID
    sleeper
    not_attached LimitsExceeded host guest "$a" "$b" "$PID"
    mentions "0 of 2 tasks"
    hpcnode-ctl attach host/guest "$a" "$b"
}

# bats test_tags=bookworm
@test "64 processes are attached at once" {
    hpcnode-ctl create host
    pids=()
    for _ in {1..64}; do
        sleeper
        pids+=("$PID")
    done
    hpcnode-ctl attach host/crowd "${pids[@]}"
    in_leaf host/crowd "${pids[@]}"
}

# ---- callers that are not root ------------------------------------------------------------------

# bats test_tags=bookworm
@test "a system's user attaches its own processes, and no other" {
    hpcnode-ctl create host
    owned_by alice
    denied lattice host "$SAID" "is uid 1000's"
    sleeper
    denied lattice host "$PID" "is uid 0's"
    owned_by lattice
    as lattice hpcnode-ctl attach host/own "$SAID"
    in_leaf host/own "$SAID"
    owned_by pact
    denied pact host "$SAID" "is owned by workload"
    as pact hpcnode-ctl create --slice pact-gpu.slice infra
    as pact hpcnode-ctl attach infra/own "$SAID"
    # Its own, and in the other tree.
    refused PermissionDenied AttachProcesses ssau host guest 1 "$SAID"
}

# bats test_tags=native
@test "a process with more rights than its user has is refused" {
    local directory
    directory=$(mktemp -d -p /usr/local) # /tmp may have nosuid
    chmod 755 "$directory"
    install -m 4755 "$HELPERS/odd-process" "$directory/suid"
    install -g tty -m 2755 "$HELPERS/odd-process" "$directory/sgid"
    hpcnode-ctl create host
    saying setpriv --reuid lattice --regid lattice --clear-groups "$directory/suid" threads
    denied lattice host "$PID" "process $PID is uid 0's"
    saying setpriv --reuid lattice --regid lattice --clear-groups "$directory/sgid" threads
    denied lattice host "$PID" "process $PID " "set-group-ID"
    owned_by lattice --inh-caps +kill --ambient-caps +kill
    denied lattice host "$SAID" "process $SAID " "capabilities"
    # Root may.
    hpcnode-ctl attach host/guest "$SAID"
    rm -r "$directory"
}

# ---- a user's own daemon -----------------------------------------------------------------------

# bats test_tags=native
@test "a user's daemon attaches the user's own processes, and no other" {
    as_alice() {
        runuser -u alice -- env XDG_RUNTIME_DIR=/run/user/1000 \
            DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
    }
    # Other files have restarted the bus under it.
    systemctl reset-failed systemd-logind
    systemctl restart systemd-logind
    loginctl enable-linger alice
    systemctl start user@1000.service
    as_alice hpcnode-ctl --user create host
    as_alice systemd-run --user --quiet --unit guest sleep infinity
    pid=$(as_alice systemctl --user show -P MainPID guest)
    run -0 as_alice hpcnode-ctl --user attach host/guest "$pid"
    has "pid: $pid"
    [[ $(cgroup_of "$pid") == */user@1000.service/workload.slice/workload-host.scope/payload/guest ]]
    # Root's in a cgroup that is alice's, and alice's in one that is not.
    sleeper
    as_alice systemd-run --user --quiet --unit nest sleep infinity
    nest=$(cgroup_of "$(as_alice systemctl --user show -P MainPID nest)")
    echo "$PID" >"$CGROUPS$nest/cgroup.procs"
    run -1 as_alice hpcnode-ctl --user attach host/no "$PID"
    [[ $output == *"process $PID is uid 0's: uid 1000 may attach only its own" ]]
    owned_by alice
    run -1 as_alice hpcnode-ctl --user attach host/no "$SAID"
    [[ $output == *"$SAID cannot be moved"*"ermission denied"* ]]
    guest=$(cgroup_of "$pid")
    [ ! -e "$CGROUPS${guest%/*}/no" ] # nothing of what its supervisor has tried
    manager=$(systemctl show -P MainPID user@1000.service)
    run -1 as_alice hpcnode-ctl --user attach host/no "$manager"
    [[ $output == *"is the service manager"* ]]
    as_alice hpcnode-ctl --user destroy host
    loginctl disable-linger alice
    systemctl stop user@1000.service
}
