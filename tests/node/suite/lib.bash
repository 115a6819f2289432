# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the files of the node suite share. Runs on the node, as root.
#
# Waiting is for events, with deadlines that an emulated node can keep; see helpers/.

bats_require_minimum_version 1.5.0
PATH=/usr/libexec/hpcnode-tests/bin:$PATH
export SYSTEMD_COLORS=0 SYSTEMD_PAGER='' BATS_TEST_TIMEOUT=170

BUS_NAME=org.hpcnode.Cgroup1
BUS_PATH=/org/hpcnode/Cgroup1
CGROUPS=/sys/fs/cgroup
STATE_DIR=/run/hpcnode-cgroupd
HELPERS=/usr/libexec/hpcnode-tests/bin
export BUS_NAME BUS_PATH CGROUPS STATE_DIR HELPERS

# ---- every file, every test ------------------------------------------------------------------

setup_file() {
    systemctl start hpcnode-cgroupd
}

# What a failed test has left must not fail the next one.
teardown() {
    # No state, no scopes.
    compgen -G "$STATE_DIR/*.scope" >/dev/null || return 0
    remove_all
}

# remove_all: destroys every scope and drops every record, if the daemon can be asked.
remove_all() {
    local unit

    hpcnode-ctl list --no-tasks --no-legend >"$BATS_TEST_TMPDIR/left" || return 0
    while read -r _ unit _; do
        hpcnode-ctl destroy "$unit"
        hpcnode-ctl remove "$unit"
    done <"$BATS_TEST_TMPDIR/left"
}

# Nothing waits for ever, and bats' own time limit does not reach what runs below `run`.
hpcnode-ctl() {
    case $1 in
    run | wait) timeout --foreground 100 hpcnode-ctl "$@" ;;
    *) command hpcnode-ctl "$@" ;;
    esac
}

# ---- the node --------------------------------------------------------------------------------

needs_controllers() {
    grep -qw memory "$CGROUPS"/cgroup.controllers || skip "this $NODE_KIND node has no memory, cpu, io and pids controllers"
}

# A container's root may not have what lowering an oom_score_adj takes.
can_lower_oom_score() {
    (echo -1000 >/proc/self/oom_score_adj) 2>/dev/null
}

has_sanitizers() {
    ldd /usr/libexec/hpcnode-cgroupd | grep -q libasan
}

# Sanitizers change sizes, system calls and threads of what runs.
needs_plain_build() {
    ! has_sanitizers || skip "built with sanitizers"
}

# daemon_pid: sets DAEMON. Amid creations its cgroup has supervisors, too.
daemon_pid() {
    DAEMON=$(systemctl show -P MainPID hpcnode-cgroupd)
    [ "$DAEMON" -gt 0 ] # 0: it does not run
}

# as USER COMMAND...
as() {
    local user=$1
    shift
    runuser -u "$user" -- "$@"
}

# crash: kills the daemon, and waits until it is gone.
crash() {
    daemon_pid
    kill -KILL "$DAEMON"
    await exit "$DAEMON"
}

# kill_supervisor SCOPE: SIGKILL to the process in supervisor/.
kill_supervisor() {
    local pid
    read -r pid <"$(dir "$1")/supervisor/cgroup.procs"
    kill -KILL "$pid"
    await exit "$pid"
}

# The same, and the new one is there.
replace_supervisor() {
    local cursor
    cursor=$(log_cursor)
    kill_supervisor "$1"
    await_log "workload-$1.scope has a new supervisor" "$cursor"
}

# trial_daemon: the daemon is the one with fault points, which is of a version to come, from its next start on.
# usual_daemon, which belongs into teardown: it is not.
TRIAL=/run/systemd/system/hpcnode-cgroupd.service.d/trial.conf
FAULT_FILE=/run/hpcnode-fault

trial_daemon() {
    mkdir -p "${TRIAL%/*}"
    printf '[Service]\nExecStart=\nExecStart=%s/hpcnode-cgroupd-trial\n' "$HELPERS" >$TRIAL
    systemctl daemon-reload
}

usual_daemon() {
    rm -f $TRIAL
    systemctl daemon-reload
}

# arm POINT: the next process that comes by dies there.
arm() {
    echo "at $1"
    daemon_pid
    echo "$1" >$FAULT_FILE
}

# The point was met, and whoever died of it is no more: the daemon, unless it was the supervisor.
met() {
    # Perhaps only after it has answered.
    await gone $FAULT_FILE || {
        echo "never met"
        return 1
    }
    [ "${1-daemon}" = supervisor ] || await exit "$DAEMON"
    systemctl start hpcnode-cgroupd
}

# busy [SEC]: PID 1 reads its units anew, and answers nobody for so long, or until proceed (which it does not wait for
# longer than 90 s). Sets RELOAD to who waits for that. idle, which belongs into teardown: it is over.
GENERATOR=/run/systemd/system-generators/hpcnode-slow
GATE=/run/hpcnode-slow

busy() {
    local until="cat $GATE"
    [ $# -eq 0 ] || until="sleep $1"
    mkdir -p "${GENERATOR%/*}"
    [ -p $GATE ] || mkfifo $GATE
    # shellcheck disable=SC2016 # for the generator
    printf '#!/bin/sh\necho busy >$1/hpcnode-busy\nexec %s\n' "$until" >$GENERATOR
    chmod +x $GENERATOR
    rm -f /run/systemd/generator/hpcnode-busy # of the time before
    systemctl daemon-reload &
    RELOAD=$!
    await file /run/systemd/generator/hpcnode-busy busy
}

# The generator of busy ends.
proceed() {
    : >$GATE
}

still_busy() {
    kill -0 "$RELOAD"
}

idle() {
    [ -e $GENERATOR ] || return 0
    : <>$GATE # whoever reads it has its end
    rm $GENERATOR
    ! still_busy 2>/dev/null || wait "$RELOAD"
}

# hang DIRECTORY: until unhang, which belongs into teardown, every file in it hangs, and hangs in the test's directory
# has a line of each process that looks.
hang() {
    HUNG=$1
    mkdir -p "$HUNG"
    hang-fs "$HUNG" >"$BATS_TEST_TMPDIR/hangs" 3>&- &
    HANG_FS=$!
    await file "$BATS_TEST_TMPDIR/hangs" mounted
}

unhang() {
    ! kill "${HANG_FS-}" 2>/dev/null || wait "$HANG_FS" || :
    HANG_FS=
    [ -n "${HUNG-}" ] || return 0
    ! grep -q " $HUNG " /proc/self/mounts || umount -l "$HUNG"
}

# ---- scopes ----------------------------------------------------------------------------------

# dir SCOPE: the cgroup of a scope right below workload.slice.
dir() {
    echo "$CGROUPS/workload.slice/workload-$1.scope"
}

# content FILE: its words, in one line.
content() {
    local text
    text=$(<"$1")
    echo "${text//$'\n'/ }"
}

# call METHOD [SIGNATURE ARGUMENT...]: a bus call, by the user $CALLER, or root. Sets ANSWER, and on an
# error ERROR_NAME (without its prefix) and ERROR_MESSAGE.
call() {
    local log
    ERROR_NAME='' ERROR_MESSAGE=''
    # shellcheck disable=SC2034 # for the tests
    ANSWER=$(SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console \
        ${CALLER:+runuser -u "$CALLER" --} busctl call -- "$BUS_NAME" "$BUS_PATH" "$BUS_NAME" "$@" 2>"$BATS_TEST_TMPDIR/call") && return
    log=$(<"$BATS_TEST_TMPDIR/call")
    ERROR_NAME=${log##* error-name=}
    ERROR_NAME=${ERROR_NAME%% *}
    ERROR_NAME=${ERROR_NAME#org.hpcnode.Cgroup1.Error.}
    ERROR_NAME=${ERROR_NAME#org.freedesktop.DBus.Error.}
    ERROR_MESSAGE=${log##*$'\n'Call failed: }
    return 1
}

# refused ERROR METHOD [SIGNATURE ARGUMENT...]: the call fails so. The sentence is in ERROR_MESSAGE.
refused() {
    local wanted=$1
    shift
    if call "$@"; then
        echo "not refused: $*"
        return 1
    fi
    [[ $ERROR_NAME == "$wanted" ]] || {
        echo "$* gave $ERROR_NAME: $ERROR_MESSAGE"
        return 1
    }
}

# mentions WORD...: the last error's sentence has each of them.
mentions() {
    local word
    for word; do
        [[ $ERROR_MESSAGE == *"$word"* ]] || {
            echo "no \"$word\" in: $ERROR_MESSAGE"
            return 1
        }
    done
}

# create NAME [KEY TYPE VALUE...]: a scope in workload.slice, with limits.
create() {
    local name=$1
    shift
    call CreateScope 'ssa{sv}' workload.slice "$name" "$(dict_size "$@")" "$@" || {
        echo "$ERROR_NAME: $ERROR_MESSAGE"
        return 1
    }
}

# The number of entries that busctl has to be told; an array's elements follow its own number.
dict_size() {
    local n=0
    while (($# > 0)); do
        n=$((n + 1))
        case $2 in
        a\(s[st]\)) shift $((3 + 2 * $3)) ;;
        ay | as) shift $((3 + $3)) ;;
        *) shift 3 ;;
        esac
    done
    echo $n
}

# property SCOPE NAME: of the scope's object on the bus.
property() {
    local unit=workload-$1.scope
    unit=${unit//-/_2d}
    busctl get-property "$BUS_NAME" "$BUS_PATH/scope/${unit//./_2e}" "$BUS_NAME".Scope "$2"
}

# field NAME TEXT: the value in "name: value" lines, as inspect and wait print them.
field() {
    sed -n "s/^$1: //p" <<<"$2"
}

# has LINE...: the last `run` printed each of these lines.
has() {
    local line
    for line; do
        # shellcheck disable=SC2154 # set by run
        [[ $'\n'$output$'\n' == *$'\n'"$line"$'\n'* ]] || {
            echo "no line \"$line\" in:"
            echo "$output"
            return 1
        }
    done
}

# job_log NAME: what the processes of a scope of workload.slice have printed, as the journal has it.
job_log() {
    journalctl --sync
    journalctl -q -o cat "_SYSTEMD_UNIT=workload-$1.scope" _TRANSPORT=stdout
}

# A place in the journal, to look for something from there on.
log_cursor() {
    journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'
}

# await_journal TEXT OPTION...: until the journal has a message with it. The options are journalctl's.
await_journal() {
    local fd status=0 text=$1
    shift
    exec {fd}< <(exec timeout 120 journalctl -q -f -n all -o cat "$@")
    grep -qm1 -F -- "$text" <&"$fd" || status=$?
    kill $!
    exec {fd}<&-
    return $status
}

# await_log TEXT [CURSOR]: until the daemon has logged it, anew since CURSOR.
await_log() {
    await_journal "$1" -u hpcnode-cgroupd ${2:+--after-cursor="$2"}
}

# ---- records of acts -------------------------------------------------------------------------

# records [ARGUMENT...]: the lines that there are by now, since $SINCE.
records() {
    journalctl --sync
    hpcnode-ctl events --since "$SINCE" "$@"
}

# types SCOPE: the types of its records, in their order, in one line.
types() {
    records "$1" | sed 's/.* type=\([^ ]*\) .*/\1/' | paste -sd ' '
}

# record TYPE [SCOPE]: the only record of the type. Sets RECORD.
record() {
    RECORD=$(records "${@:2}" | grep " type=$1 ")
    [ "$(grep -c . <<<"$RECORD")" -eq 1 ] || { echo "not one $1 of ${2-all}: $RECORD"; return 1; }
}

# says FIELD...: RECORD has each of them ("key=value"); "key=" alone: with any value; "!key": has not.
says() {
    local field
    for field; do
        case $field in
        !*) [[ $RECORD != *" ${field#!}="* ]] ;;
        *=) [[ $RECORD == *" $field"?* ]] ;;
        *) [[ "$RECORD " == *" $field "* ]] ;;
        esac || { echo "not $field: $RECORD"; return 1; }
    done
}

value() {
    sed -n "s/.* $1=\([^ ]*\).*/\1/p" <<<"$RECORD"
}

# ---- nothing left ----------------------------------------------------------------------------

# settled: the daemon has done what it was at. From its start on it looks up the users of its configuration,
# in processes that have descriptors, and whoever is none of those users is answered when that is done.
settled() {
    daemon_pid
    [ -z "$(find "/proc/$DAEMON/fd" -lname '*pidfd*')" ] || runuser -u nobody -- hpcnode-ctl whoami >/dev/null
    # What is answered may not yet be closed, until the next is.
    hpcnode-ctl ping >/dev/null
}

# All that a scope consists of, on the whole node.
what_is_there() {
    settled
    {
        # But for those of clocks: sd-event makes one for each when it is first needed, and keeps it.
        echo "descriptors of the daemon: $(find "/proc/$DAEMON/fd" -type l ! -lname '*timerfd*' | wc -l)"
        systemctl list-units --all --no-legend --plain 'workload*' 'pact*'
        find "$CGROUPS"/workload.slice "$CGROUPS"/pact.slice "$STATE_DIR" \( -type d -o -path "$STATE_DIR/*" \)
        pgrep -a hpcnode-superv
    } | sort
}

remember() {
    what_is_there >"$BATS_TEST_TMPDIR/before"
}

# All is as it was when remember was called.
nothing_left() {
    what_is_there | diff "$BATS_TEST_TMPDIR/before" -
}
