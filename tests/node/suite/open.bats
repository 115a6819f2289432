#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# OpenScope: root is given the directory of a new leaf, and starts the process in it itself.
# bats file_tags=native

# shellcheck disable=SC2030,SC2031 # each test has a PID of its own

load lib

# say_cgroup: for a shell that is started so.
say_cgroup() {
    CGROUP_FILE=$BATS_TEST_TMPDIR/cgroup
    SAY_CGROUP="grep ^0:: /proc/self/cgroup >$CGROUP_FILE"
}

setup() {
    AGENTS=()
}

teardown() {
    ((!${#AGENTS[@]})) || kill -KILL "${AGENTS[@]}" 2>/dev/null || :
    systemctl start hpcnode-cgroupd
    ! compgen -G "$STATE_DIR/*.scope" >/dev/null || remove_all
}

# agent PROGRAM... SCOPE TASK COMMAND...: starts self-start, by way of PROGRAM. SAID is its first line.
agent() {
    local fifos=$BATS_TEST_TMPDIR/agent.${#AGENTS[@]}
    mkfifo "$fifos.in" "$fifos.out"
    "$@" <"$fifos.in" >"$fifos.out" 2>&1 3>&- &
    AGENTS+=($!)
    exec {TO}>"$fifos.in" {FROM}<"$fifos.out"
    heard
}

# opened SCOPE TASK COMMAND...: an agent that has the leaf.
opened() {
    agent self-start "$@"
    [ "$SAID" = open ]
}

tell() {
    echo "$1" >&"$TO"
}

heard() {
    read -r -t 100 SAID <&"$FROM"
}

# begun: the agent's process runs, and the daemon knows. Sets PID.
begun() {
    run -0 bus-wait PropertiesChanged:org.hpcnode.Cgroup1.Task -- bash -c "echo start >&$TO"
    heard
    PID=${SAID#pid }
    [[ $SAID == "pid $PID" ]]
}

# leaves: the last agent ends, and with it its connection.
leaves() {
    kill -KILL "${AGENTS[-1]}"
    await exit "${AGENTS[-1]}"
}

# state SCOPE/TASK STATE: as the daemon has it.
state() {
    run -0 hpcnode-ctl inspect "$1"
    has "state: $2"
}

# in_leaf SCOPE/TASK PID: it is there, beside what it may have started; or with '' nobody is.
in_leaf() {
    content "$(dir "${1%/*}")/payload/${1#*/}/cgroup.procs" | tr ' ' '\n' | grep -qx -- "$2"
}

@test "a process is in the leaf from its first instruction, and a task like any other" {
    remember
    hpcnode-ctl create host
    say_cgroup
    opened host own sh -c "$SAY_CGROUP; exec sleep infinity"
    state host/own starting
    has "id: host/own" "cgroup: /workload.slice/workload-host.scope/payload/own"
    [[ $output != *"pid: "[1-9]* ]]
    in_leaf host/own ''
    [ "$(hpcnode-ctl empty host)" = yes ]
    [ "$(hpcnode-ctl empty host/own)" = no ]
    run -0 busctl tree --list "$BUS_NAME"
    [[ $output == */scope/workload_2dhost_2escope/task/own* ]]
    begun
    await file "$CGROUP_FILE" $'0::/workload.slice/workload-host.scope/payload/own\n'
    state host/own running
    has "pid: $PID"
    in_leaf host/own "$PID"
    run -0 hpcnode-ctl inspect host
    has "pids: $PID"
    hpcnode-ctl freeze host/own
    state host/own frozen
    hpcnode-ctl thaw host/own
    run -0 bus-wait TaskExited:own ScopeEmpty:host -- hpcnode-ctl kill host/own --signal TERM
    run -0 hpcnode-ctl wait host/own
    [[ $output == *"signal: 15"* || $output == *"state: lost"* ]]
    await gone "$(dir host)/payload/own"
    leaves
    hpcnode-ctl destroy host
    hpcnode-ctl remove host
    nothing_left
}

@test "its exit status is known while its parent has not taken it" {
    hpcnode-ctl create host
    mkfifo "$BATS_TEST_TMPDIR/go"
    opened host own sh -c "read -r _ <$BATS_TEST_TMPDIR/go; exit 7"
    begun
    run -0 bus-wait TaskExited:own -- bash -c "echo >$BATS_TEST_TMPDIR/go"
    run -0 hpcnode-ctl wait host/own
    has "state: failed" "exit: 7"
}

@test "one that ends at once has been there: it has ended, is announced, and its leaf goes" {
    hpcnode-ctl create host
    for n in {1..10}; do
        opened host "own-$n" true
        run -0 bus-wait "TaskExited:own-$n" -- bash -c "echo fork >&$TO"
        heard
        heard
        [ "$SAID" = "ended 0" ]
        run -0 hpcnode-ctl wait "host/own-$n"
        [[ $output == *"state: exited"* || $output == *"state: lost"* ]]
        await gone "$(dir host)/payload/own-$n"
    done
}

@test "a main that was started so is the supervised one: when it ends, the rest is killed" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id other -- sleep infinity
    opened host main sleep infinity
    [ "$(property host MainPID)" = "u 0" ]
    begun
    [ "$(property host MainPID)" = "u $PID" ]
    run -0 bus-wait TaskExited:main TaskExited:other ScopeEmpty:host -- kill "$PID"
    run -0 hpcnode-ctl wait host/other
    has "state: killed"
    run -0 hpcnode-ctl inspect host
    has "state: active"
    journalctl --sync
    run -0 hpcnode-ctl events host
    [[ $output == *" type=job.start "*" pid=$PID "*" type=job.exit "* ]]
}

@test "what it starts is in the leaf with it, and further ones can be put there as long as it runs" {
    hpcnode-ctl create host
    opened host own sh -c 'sleep infinity & wait'
    begun
    first=$PID
    tell start
    heard
    [ "$(wc -l <"$(dir host)/payload/own/cgroup.procs")" -ge 3 ]
    state host/own running
    has "pid: $first"
    run -0 bus-wait TaskExited:own -- kill "$first"
    [ "$(hpcnode-ctl empty host)" = no ]
}

# ---- nobody comes ------------------------------------------------------------------------------

@test "a leaf into which nobody came goes with the connection of who has it" {
    hpcnode-ctl create host
    remember
    opened host own true
    bus-pending 1 host/own >"$BATS_TEST_TMPDIR/wait" &
    waiting=$!
    await file "$BATS_TEST_TMPDIR/wait" pending
    [ -d "$(dir host)/payload/own" ]
    leaves
    await gone "$(dir host)/payload/own"
    wait $waiting
    grep -F Error.NotFound "$BATS_TEST_TMPDIR/wait"
    refused NotFound GetScope s host/own
    # Of one that ends with its call.
    call OpenScope ss host own
    await gone "$(dir host)/payload/own"
    # And its name is free.
    run -0 hpcnode-ctl run --scope host --id own --wait -- true
    await gone "$(dir host)/payload/own"
    nothing_left
}

@test "a leaf that nobody has come into is taken back by a kill" {
    hpcnode-ctl create host
    opened host own true
    refused NotFound KillScope si host/own 15
    mentions "host/own" "no process is in it yet"
    hpcnode-ctl kill host/own
    [ ! -e "$(dir host)/payload/own" ]
    run -1 hpcnode-ctl inspect host/own
    # Who has its directory nevertheless is let into nothing, and the name is free.
    tell start
    heard
    [[ $SAID == "error NotFound: "* ]]
    opened host own sleep infinity
    state host/own starting
}

@test "who follows the signals hears once that it goes" {
    hpcnode-ctl create host
    opened host own true
    run -0 bus-wait "InterfacesRemoved:$BUS_PATH/scope/workload_2dhost_2escope" -- \
        bash -c "kill -KILL ${AGENTS[-1]}; await gone $(dir host)/payload/own; hpcnode-ctl destroy host; hpcnode-ctl remove host"
    [ "$(grep -c '/task/own' <<<"$output")" = 1 ]
}

@test "the same when the daemon, or the bus, was restarted meanwhile" {
    hpcnode-ctl create host
    opened host gone true
    opened host own sleep infinity
    systemctl stop hpcnode-cgroupd
    kill -KILL "${AGENTS[0]}"
    await exit "${AGENTS[0]}"
    systemctl start hpcnode-cgroupd
    await gone "$(dir host)/payload/gone"
    state host/own starting
    refused NotFound GetScope s host/gone
    crash
    systemctl start hpcnode-cgroupd
    state host/own starting
    leaves
    await gone "$(dir host)/payload/own"
    opened host own sleep infinity
    systemctl restart dbus.service
    # Its library connects anew when it is next used: this is another connection, maybe of the same name.
    systemctl start hpcnode-cgroupd
    await gone "$(dir host)/payload/own"
    tell start
    heard
    [[ $SAID == "error NotFound: no process was started: "*"has been removed"* ]]
}

@test "a leaf keeps a scope that is released when it is empty, until its process has come and gone" {
    hpcnode-ctl create host --release-on-empty
    opened host own sleep infinity
    run -0 hpcnode-ctl run --scope host --id first --wait -- true
    run -0 hpcnode-ctl inspect host
    has "state: active"
    begun
    kill "$PID"
    run -0 hpcnode-ctl wait host
    has "state: exited"
    hpcnode-ctl remove host
    hpcnode-ctl create host --release-on-empty
    opened host own sleep infinity
    run -0 hpcnode-ctl run --scope host --id first --wait -- true
    leaves
    run -0 hpcnode-ctl wait host
    has "state: exited"
}

@test "a scope that is destroyed takes it along, and who has it starts nobody" {
    remember
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id other -- sleep infinity
    opened host own touch "$BATS_TEST_TMPDIR/ran"
    hpcnode-ctl destroy host
    [ ! -e "$(dir host)" ]
    tell fork
    heard
    [[ $SAID == "error NotFound: no process was started: the cgroup has been removed: its scope or its task has ended"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
    leaves
    hpcnode-ctl remove host
    nothing_left
}

@test "a scope of nothing but a leaf is destroyed at once, and stopped by PID 1" {
    hpcnode-ctl create host
    opened host own true
    SECONDS=0
    hpcnode-ctl destroy host
    [ $SECONDS -lt 3 ]
    hpcnode-ctl remove host
    hpcnode-ctl create host
    opened host own true
    systemctl stop workload-host.scope
    run -0 hpcnode-ctl wait host
    has "state: exited"
    run ! hpcnode-ctl inspect host/own
}

@test "a job's end takes it along" {
    opened_in_job() {
        hpcnode-ctl run --id job -- sleep infinity
        opened job own true
    }
    opened_in_job
    hpcnode-ctl kill job
    run -0 hpcnode-ctl wait job
    has "state: killed"
    tell fork
    heard
    [[ $SAID == "error NotFound: "* ]]
}

# ---- the daemon and the supervisor -------------------------------------------------------------

@test "the daemon may be away when its process comes, and when it ends" {
    hpcnode-ctl create host
    opened host own sleep infinity
    systemctl stop hpcnode-cgroupd
    tell start
    heard
    PID=${SAID#pid }
    systemctl start hpcnode-cgroupd
    state host/own running
    has "pid: $PID"
    crash
    systemctl start hpcnode-cgroupd
    state host/own running
    systemctl stop hpcnode-cgroupd
    kill "$PID"
    systemctl start hpcnode-cgroupd
    run -0 hpcnode-ctl wait host/own
    [[ $output == *"signal: 15"* || $output == *"state: lost"* ]]
}

@test "a leaf, and its process, outlive the supervisor" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id other -- sleep infinity
    opened host own sleep infinity
    replace_supervisor host
    state host/own starting
    begun
    state host/own running
    replace_supervisor host
    state host/own running
    has "pid: $PID"
    run -0 bus-wait TaskExited:own -- kill "$PID"
    opened host next sleep infinity
    replace_supervisor host
    leaves
    await gone "$(dir host)/payload/next"
    state host active
}

@test "without anything else in the scope it goes with the supervisor" {
    hpcnode-ctl create host
    opened host own true
    read -r supervisor <"$(dir host)/supervisor/cgroup.procs"
    run -0 bus-wait ScopeReleased:host -- kill -KILL "$supervisor"
    tell fork
    heard
    [[ $SAID == "error NotFound: "* ]]
}

# ---- what is refused ---------------------------------------------------------------------------

not_opened() {
    local error=$1
    shift
    refused "$error" OpenScope ss "$@" || return
    [ -z "$(find "$(dir host)/payload" -mindepth 1 -type d ! -name taken)" ]
}

@test "only root may, and others are told what they may do" {
    hpcnode-ctl create host
    CALLER=lattice not_opened PermissionDenied host own
    mentions "uid " "only root" "Run or Spawn"
    CALLER=pact not_opened PermissionDenied host own
    mentions "is owned by workload"
    CALLER=alice not_opened PermissionDenied host own
    mentions "is owned by workload"
}

@test "what is no name, no scope, in use or frozen is refused" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id taken -- sleep infinity
    for name in '' . .. ../own a/b -own supervisor/x "$(printf 'x%.0s' {1..300})"; do
        not_opened InvalidArgs host "$name"
    done
    not_opened NotFound nowhere own
    not_opened InvalidArgs host/taken own
    not_opened AlreadyExists host taken
    mentions "in use by pid"
    opened host own sleep infinity
    refused AlreadyExists OpenScope ss host own
    mentions "waits for whoever has opened it"
    refused AlreadyExists Spawn 'ssasa{sv}' host own 1 true 0
    refused AlreadyExists AttachProcesses ssau host own 1 $$
    for call in "KillScope si host/own 15" "FreezeScope s host/own"; do
        # shellcheck disable=SC2086 # words of a call
        refused NotFound $call
        mentions "host/own is starting"
    done
    leaves
    await gone "$(dir host)/payload/own"
    hpcnode-ctl freeze host
    not_opened CreationFailed host own
    mentions "is frozen"
    hpcnode-ctl destroy host
    refused NotFound OpenScope ss host own
}

@test "a leaf of a scope that was frozen meanwhile holds its process until the scope is thawed" {
    hpcnode-ctl create host
    hpcnode-ctl run --scope host --id other -- sleep infinity
    opened host own sh -c 'echo runs'
    hpcnode-ctl freeze host
    begun
    in_leaf host/own "$PID"
    grep -q "^frozen 1" "$(dir host)/payload/cgroup.events"
    hpcnode-ctl thaw host
    heard
    [ "$SAID" = runs ]
}

# ---- without clone3 ----------------------------------------------------------------------------

without_clone3() {
    hpcnode-ctl create host
    say_cgroup
    agent seccomp-exec "$1" self-start host own sh -c "$SAY_CGROUP; exec sleep infinity"
    [ "$SAID" = open ]
    begun
    in_leaf host/own "$PID"
    await file "$CGROUP_FILE" $'0::/workload.slice/workload-host.scope/payload/own\n'
    # A process that may not enter it, which the kernel says as the filter says it.
    tell drop
    tell fork
    heard
    [[ $SAID == "error PermissionDenied: no process was started: the cgroup may not be entered"* ]]
    hpcnode-ctl destroy host
    agent_children=$(ps -o pid= --ppid "${AGENTS[-1]}" | xargs)
    [ "$agent_children" = "$PID" ] # which it has not waited for
    tell fork
    heard
    [[ $SAID == "error "* && $SAID == *"no process was started: "* ]]
    [ "$(ps -o pid= --ppid "${AGENTS[-1]}" | xargs)" = "$PID" ]
}

@test "without clone3 (ENOSYS) a process is held until it is in the leaf" {
    without_clone3 ENOSYS
}

@test "with clone3 refused by a filter (EPERM) a process is held until it is in the leaf" {
    without_clone3 EPERM
}

@test "with a clone3 that knows no cgroups (E2BIG) a process is held until it is in the leaf" {
    without_clone3 E2BIG
}

@test "without privilege nobody enters a leaf that was given to it" {
    hpcnode-ctl create host
    opened host own true
    tell drop
    tell fork
    heard
    [[ $SAID == "error PermissionDenied: no process was started: the cgroup may not be entered"* ]]
}

# ---- a user's own daemon -----------------------------------------------------------------------

@test "a user's own daemon gives its user the leaf" {
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
    # From below the user's manager: elsewhere the kernel lets nobody but root cross.
    mkfifo "$BATS_TEST_TMPDIR/in"
    chmod 777 "$BATS_TEST_TMPDIR"
    as_alice systemd-run --user --quiet --pipe --wait "$HELPERS/self-start" --user host own \
        cat /proc/self/cgroup <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    AGENTS+=($!)
    exec {TO}>"$BATS_TEST_TMPDIR/in"
    await file "$BATS_TEST_TMPDIR/out" open
    tell fork
    await file "$BATS_TEST_TMPDIR/out" "ended 0"
    grep -E '^0::/user.slice/.*/workload.slice/workload-host.scope/payload/own$' "$BATS_TEST_TMPDIR/out"
    tell leave
    as_alice hpcnode-ctl --user destroy host
    loginctl disable-linger alice
    systemctl stop user@1000.service
}
