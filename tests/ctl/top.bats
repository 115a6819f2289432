#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# hpcnode-ctl top: tables for scripts, and the screen.

bats_require_minimum_version 1.5.0
load common

setup_file() {
    export FAKE_BUSY=$BATS_FILE_TMPDIR/busy FAKE_FAULTS=$BATS_FILE_TMPDIR/faults FAKE_LOG=$BATS_FILE_TMPDIR/calls
    start_bus "$BATS_FILE_TMPDIR" "$FAKE_DAEMON"
}

teardown_file() {
    stop_bus "$BATS_FILE_TMPDIR"
}

setup() {
    rm -f "$FAKE_BUSY" "$FAKE_FAULTS" "$FAKE_LOG"
}

teardown() {
    [ -z "${hung-}" ] || kill -CONT "$hung"
}

# screen ROWS STEP... [OPTION...]: top on a terminal of so many lines; see screen.py.
screen() {
    local rows=$1 steps=() options=()
    shift
    for argument; do
        case $argument in
        --*) options+=("$argument") ;;
        *) steps+=("$argument") ;;
        esac
    done
    python3 "$SOURCE_ROOT/tests/ctl/screen.py" "$rows" "${steps[@]}" -- "$CTL" top "${options[@]}"
}

@test "without a terminal one table is printed, of what lives, after the time of one delay" {
    run -0 ctl top --delay 0.1
    [[ ${lines[0]} =~ ^top\ -\ [0-9:]{8}\ \ scopes:\ 1,\ 1\ running,\ 0\ frozen,\ 0\ zombie\ \ tasks:\ 3\ \ records:\ 1$ ]]
    [ "${lines[1]}" = "pressure of the node, %: cpu -, memory -, io -  sorted by cpu" ]
    [[ ${lines[2]} =~ ^NAME\ +STATE\ +TASKS\ +PROCS\ +%CPU\ +MEMORY\ +READ/S\ +WRITE/S\ +%PRESSURE$ ]]
    [[ ${lines[3]} =~ ^one\ +running\ +3\ +5\ +0.00\ +1.5G\ +-\ +-\ +-$ ]]
    [[ ${lines[4]} =~ ^one/rank-a\ +running\ +-\ +3\ +0.00\ +4.0K\ +-\ +-\ +-$ ]]
    [[ ${lines[5]} == "one/rank-b "*frozen* ]]
    [ "${#lines[@]}" -eq 6 ]
}

@test "what uses a cpu comes first, and has 100 %" {
    touch "$FAKE_BUSY"
    run -0 ctl top -d 1 --no-legend
    [[ ${lines[0]} =~ ^one/rank-b\ +frozen\ +-\ +3\ +(9[0-9]|10[0-9])\.[0-9][0-9]\  ]]
    run -0 ctl top -d 1 --json=short
    [[ $output =~ ^\{\"top\":\[\{\"name\":\"one/rank-b\",.*\"cpu_permyriad\":(9|10)[0-9][0-9][0-9], ]]
}

@test "tables are sorted as one wants, and pressure is that of the resource" {
    run -0 ctl top -d 0.1 --no-legend --sort memory
    [[ ${lines[0]} =~ ^one\ .*\ 12.34$ ]]
    run -0 ctl top -d 0.1 --no-legend --sort=pressure
    [[ ${lines[0]} =~ ^one\ .*\ 12.34$ ]]
    for column in cpu io name tasks; do
        run -0 ctl top -d 0.1 --sort "$column"
        [[ ${lines[1]} == *"sorted by $column" ]]
    done
}

@test "as many tables as are wanted, of what is wanted" {
    run -0 ctl top -b -n 3 -d 0.1 --no-tasks
    [ "$(grep -c ^top <<<"$output")" -eq 3 ]
    [ "$(grep -c '^one ' <<<"$output")" -eq 3 ]
    [[ $output != *rank* ]]
    run -0 ctl top -d 0.1 --no-legend 'one/rank*'
    [[ $output == one/rank-a*one/rank-b* ]]
    run -0 ctl top -d 0.1 --no-legend --no-tasks one/main
    [[ $output == one/main\ * && $output == *" 4.0K "* ]]
}

@test "what is not shown is not asked for" {
    run -0 ctl top -d 0.1 --no-tasks
    run ! grep -q rank_2da "$FAKE_LOG"
    run -0 ctl top -d 0.1
    grep -q rank_2da "$FAKE_LOG"
    run ! grep -q task/main "$FAKE_LOG"
}

@test "wrong values are refused without asking anybody" {
    no_bus
    for delay in 0 0.09 -1 x 1s 1,5 "" 86401 1e3; do
        run -2 ctl top --delay="$delay"
        [[ $output == "error: option --delay: \"$delay\" is not allowed: needed is a number of seconds from 0.1 to 86400" ]]
    done
    for n in 0 -1 x 1.5 "" 4294967296; do
        run -2 ctl top --iterations="$n"
        [[ $output == "error: option --iterations: "* ]]
    done
    for column in "" CPU rss; do
        run -2 ctl top --sort="$column"
        [ "$output" = "error: option --sort: \"$column\" is not allowed: needed is cpu, memory, io, pressure, name or tasks" ]
    done
    run -1 ctl top
    [[ $output == "error: "* ]]
}

@test "what is not there is an error" {
    run -1 ctl top nobody
    [[ $output == 'error: there is no scope or task "nobody"'* ]]
}

@test "a daemon that ends amid tables is said to have, and the next table is printed" {
    # The first list is for the sample before the first table.
    printf '%s\n' "crash ListScopes" >"$BATS_TEST_TMPDIR/crash"
    ctl top -b -n 3 -d 1 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    eventually grep -q ^top "$BATS_TEST_TMPDIR/out"
    for _ in 1 2 3 4 5 6; do
        cat "$BATS_TEST_TMPDIR/crash"
    done >"$FAKE_FAULTS"
    eventually grep -q ^error: "$BATS_TEST_TMPDIR/err"
    rm "$FAKE_FAULTS"
    wait "$pid"
    [ "$(grep -c ^top "$BATS_TEST_TMPDIR/out")" -eq 2 ]
}

@test "on a terminal there is a screen, which keys sort, and q ends" {
    run -0 screen 24 --delay=60 "sorted by cpu =m" "sorted by memory =r" "by memory, reversed=n" "by name =i" \
        "by io =N" "by name =T" "by tasks =p" "by pressure =P" "by cpu =q"
    # It used the alternate screen, and has left it.
    [[ $output == *$'\e[?1049h'*$'\e[?1049l'* ]]
}

@test "tasks are hidden and shown, the keys explained, the delay set" {
    run -0 screen 24 --delay=60 "one/rank-a=t" "!one/rank-a=t" "one/rank-a=h" "Any key goes back= " "one/rank-a=d" \
        "seconds between two looks: =1x" "looks: 1x=\n" '"1x" is not allowed=d' "two looks: =7.5" "looks: 7.5=\n" \
        "every 7.5 s=+" "every 8.5 s=-" "every 7.5 s=q"
    run -0 screen 24 --delay=60 --no-tasks "scopes: 1=q"
    [[ $output != *rank* ]]
}

@test "rows scroll, and the window's new size is followed" {
    # Four lines are above the rows.
    run -0 screen 5 --delay=60 --sort=name " 1.5G =\x1bOB" "one/rank-a=\x1b[6~" "one/rank-b=\x1bOH" " 1.5G =\x1bOF" \
        "one/rank-b=rows 24" "one/rank-a=q"
}

@test "the screen is drawn anew as time goes by, so many times" {
    touch "$FAKE_BUSY"
    run -0 screen 24 --delay=0.1 --iterations=3 "one/rank-b="
    [[ $output == *$'\e[?1049l'* ]]
    [ "$(grep -c Member=ListTasks "$FAKE_LOG")" -eq 4 ]
}

@test "a daemon that goes away is said to have, and the screen stays until it is back" {
    printf 'crash ListTasks\n%.0s' {1..50} >"$BATS_TEST_TMPDIR/crashes"
    run -0 screen 24 --delay=0.5 "one/rank-a=sh cp $BATS_TEST_TMPDIR/crashes $FAKE_FAULTS" \
        "error: =sh rm $FAKE_FAULTS" "!error: =q"
    [[ $output == *$'\e[?1049l'* ]]
}

@test "signals end it with the terminal restored: ^C well, others as they do" {
    run -0 screen 24 --delay=60 "one/rank-a=\x03"
    [[ $output == *$'\e[?1049l'* ]]
    run -143 screen 24 --delay=60 "one/rank-a=kill 15"
    [[ $output == *$'\e[?1049l'* ]]
}

# ended_at_once OUTPUT: that screen did, after its last step; an answer of the daemon would have been waited for longer.
ended_at_once() {
    [[ $1 =~ "ended after "([0-9]+)" ms" ]]
    echo "${BASH_REMATCH[0]}" >&2
    ((BASH_REMATCH[1] < 5000))
    [[ $1 == *$'\e[?1049l'* ]]
}

@test "k sends a signal to what is named, and says what is wrong with it" {
    export FAKE_LOG
    run -0 screen 24 --delay=60 "one/rank-a=k" "follows the name: =one/rank-a\n" "signal 15 sent to one/rank-a=k" \
        "follows the name: =one 1x\n" '"1x" is not allowed: needed is the name or number of a signal=k' \
        "follows the name: =one usr1\n" "signal 10 sent to one=k" "follows the name: =missing kill\n" \
        'error: There is no scope "missing"=k' "follows the name: =\n" "!follows the name=k" "follows the name: =one\x1b" \
        "!follows the name=q"
    [ "$(grep -c KillScope "$FAKE_LOG")" -eq 3 ]
    run -0 grep -A5 KillScope "$FAKE_LOG"
    [[ $output == *'"one/rank-a"'*"15;"*'"one"'*"10;"*'"missing"'*"9;"* ]]
}

@test "keys act while the daemon hangs, and the screen goes on when it does" {
    ctl ping
    local end hang
    hung=$(busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" call org.freedesktop.DBus / org.freedesktop.DBus \
        GetConnectionUnixProcessID s org.hpcnode.Cgroup1)
    hung=${hung#u }
    hang="one/rank-a=sh kill -STOP $hung"
    for end in q "\x03"; do
        run -0 screen 24 --delay=60 "$hang" "= " "=m" "sorted by memory =$end"
        kill -CONT "$hung"
        ended_at_once "$output"
    done
    run -143 screen 24 --delay=60 "$hang" "= " "=m" "sorted by memory =kill 15"
    kill -CONT "$hung"
    ended_at_once "$output"
    # What was hidden while nobody answered is not shown by the answer.
    run -0 screen 24 --delay=60 "$hang" "= " "=tm" "sorted by memory =sh kill -CONT $hung" "!one/rank-a=q"
    kill -CONT "$hung"
    ended_at_once "$output"
}

@test "a terminal that is not known is an error" {
    run -1 script -qec "TERM=nonesuch $CTL top" /dev/null
    [[ $output == *"error: this terminal is not known"* ]]
}
