#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl with --host and --machine: what is asked where, and what cannot be.

bats_require_minimum_version 1.5.0
load common

setup_file() {
    export FAKE_LOG=$BATS_FILE_TMPDIR/calls FAKE_FAULTS=$BATS_FILE_TMPDIR/faults
    export SSH_LOG=$BATS_FILE_TMPDIR/ssh
    start_bus "$BATS_FILE_TMPDIR" "$FAKE_DAEMON"
    # Instead of another host, this one: the options and the host are only noted down.
    mkdir "$BATS_FILE_TMPDIR/bin"
    cat >"$BATS_FILE_TMPDIR/bin/ssh" <<'END'
#!/bin/sh
echo "$*" >>"$SSH_LOG"
while [ "$1" != -- ]; do shift; done
[ "$2" != away ] || { echo "ssh: no host away" >&2; exit 255; }
shift 2
exec "$@" --bus-path="$DBUS_SYSTEM_BUS_ADDRESS"
END
    chmod +x "$BATS_FILE_TMPDIR/bin/ssh"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH
}

teardown_file() {
    stop_bus "$BATS_FILE_TMPDIR"
}

setup() {
    : >"$FAKE_LOG"
    : >"$FAKE_FAULTS"
    : >"$SSH_LOG"
}

needs_bridge() {
    command -v systemd-stdio-bridge >/dev/null || skip "needs systemd-stdio-bridge"
}

# went_to ARGUMENTS: the one ssh that there was had these.
went_to() {
    [ "$(cat "$SSH_LOG")" = "$1" ] || { cat "$SSH_LOG"; false; }
}

# refused TEXT ARGUMENT...: usage that is wrong, before ssh or a bus were asked.
refused() {
    run -2 ctl "${@:2}"
    [[ $output == "error: "*"$1"* ]] || { echo "$output"; false; }
    [ ! -s "$SSH_LOG" ]
    [ ! -s "$FAKE_LOG" ]
}

@test "a host is asked by ssh, wherever the option stands" {
    needs_bridge
    run -0 ctl -H me@node7:2222 ping
    [[ $output == "version: 0.0-fake"* ]]
    went_to "-xT -p 2222 -- me@node7 systemd-stdio-bridge"
    : >"$SSH_LOG"
    run -0 ctl whoami --host node7
    went_to "-xT -- node7 systemd-stdio-bridge"
    : >"$SSH_LOG"
    run -7 ctl run --id x --wait -H node7 -- sh -c 'exit 7' -H other
    went_to "-xT -- node7 systemd-stdio-bridge"
}

@test "on another host a job begins in /, unless it is told where" {
    needs_bridge
    cd /usr
    ctl -H node7 run true
    grep -q 'STRING "/";' "$FAKE_LOG"
    : >"$FAKE_LOG"
    ctl -H node7 run --cwd /srv --log file:/tmp/l true
    grep -q '"/srv"' "$FAKE_LOG"
    grep -q '"file:/tmp/l"' "$FAKE_LOG"
}

@test "what limits name on another host is not looked for here" {
    needs_bridge
    for place in --host=node7 --machine=.host; do
        : >"$FAKE_LOG"
        ctl run "$place" --cpuset-cpus 4000 --cpuset-mems 1000 --device /dev/not-here:r --io-max "259:77 rbps=1M" true
        grep -q '"/dev/not-here"' "$FAKE_LOG"
        grep -q '"/dev/block/259:77"' "$FAKE_LOG"
    done
    run -2 ctl run --cpuset-cpus 4000 true
}

@test "what needs this machine is refused for another, with the way to do it" {
    refused "ssh me@node7 hpcnode-ctl run --pipe" -H me@node7 run --pipe true
    refused "ssh -t me@node7 hpcnode-ctl run --pty" -H me@node7 run --pty true
    refused "ssh HOST hpcnode-ctl run --pipe" run --pipe -H node7:22 true
    refused "ssh me@node7 hpcnode-ctl --user list" --user -H me@node7 list
    refused "systemd-run -M box -qP hpcnode-ctl run --pipe" -M box run --pipe true
    refused "systemd-run -M box -qt hpcnode-ctl run --pty" -M box run --pty true
    refused "ssh node7 hpcnode-ctl events" events --host node7
    refused "ssh node7 hpcnode-ctl logs" -H node7 logs a
    refused "ssh node7 hpcnode-ctl logs" logs --host node7 job
    refused "systemd-run --user -M me@box -qP hpcnode-ctl --user events" --user -M me@box events
    refused "ssh node7 hpcnode-ctl pressure --follow" -H node7 pressure --follow
    refused "systemd-run -M box -qP hpcnode-ctl pressure --follow" pressure -M box -f
    refused "option --numa-node: " -H node7 run --numa-node 0 true
    refused "option --numa-node: " run --numa-node 0 -H node7 true
    refused "option --cwd: " -H node7 run --cwd here true
    refused "option --log: " run --log file:here -M .host true
    refused "option --require-path: " -M box run --require-path here true
    refused "--user does not go with --host" --user -H node7 ping
}

@test "a host or container is named, and one of them" {
    refused "option --host: " -H "" ping
    refused "option --host: " -H -oProxyCommand=x ping
    refused "option --machine: " ping -M -x
    refused "option -H needs a value" -H
    refused "option -M needs a value" ping -M
    refused "--machine" -H node7 -M box ping
}

@test "a host that cannot be reached is said so, once" {
    for verb in ping "run --wait true" list; do
        : >"$SSH_LOG"
        # shellcheck disable=SC2086 # words
        run -1 ctl -H away $verb
        [ "${lines[0]}" = "ssh: no host away" ]
        [[ ${lines[1]} == "error: cannot reach hpcnode-cgroupd of away: "*" systemctl -H away "* ]]
        [ "${#lines[@]}" -eq 2 ]
        [ "$(wc -l <"$SSH_LOG")" -eq 1 ]
    done
    run -1 ctl -M no-such-box ping
    [[ $output == "error: cannot reach hpcnode-cgroupd of no-such-box: "* ]]
}

twice_asked() {
    [ "$(wc -l <"$SSH_LOG")" -eq 2 ]
}

@test "a connection to a host that breaks is made anew, and a wait goes on" {
    needs_bridge
    mkfifo "$BATS_TEST_TMPDIR/go"
    # shellcheck disable=SC2016 # expanded by the job
    "$CTL" -H node7 run --id x --wait -- sh -c 'read -r line <"$0"; exit "$line"' "$BATS_TEST_TMPDIR/go" \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    eventually grep -q Member=WaitScope "$FAKE_LOG"
    pkill -P "$pid"
    eventually twice_asked
    echo 5 >"$BATS_TEST_TMPDIR/go"
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 5 ]
}

# start_far: a job that ends with 9 by SIGTERM, on another host and waited for by $pid.
start_far() {
    # shellcheck disable=SC2016 # expanded by the job
    setsid "$CTL" -H node7 run --id x --wait -- sh -c 'trap "exit 9" TERM; echo >"$0"; while :; do sleep 0.1; done' \
        "$BATS_TEST_TMPDIR/ready" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    eventually test -s "$BATS_TEST_TMPDIR/ready"
    eventually grep -q Member=WaitScope "$FAKE_LOG"
}

ends_by_9() {
    eventually pid_gone "$pid" || kill -KILL "$pid"
    status=0
    wait "$pid" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq 9 ]
}

@test "an interrupt that ends ssh as well reaches the job" {
    needs_bridge
    start_far
    kill -TERM -- "-$pid"
    ends_by_9
}

signal_taken() {
    grep -qx $'ShdPnd:\t0*' "/proc/$pid/status"
}

@test "an interrupt that ssh has taken along to its end reaches the job" {
    needs_bridge
    start_far
    pkill -STOP -P "$pid"
    kill -TERM "$pid"
    eventually signal_taken
    pkill -KILL -P "$pid"
    ends_by_9
}
