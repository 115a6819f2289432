#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --pty: a job on a terminal of its own, shown on the one here.
# bats file_tags=native
# shellcheck disable=SC2016 # what is in single quotes is for other shells

load lib

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export TERM=xterm
}

# shown LINE...: on-terminal has shown each of these lines.
shown() {
    output=${output//$'\r'/}
    has "$@"
}

@test "the job has a terminal, which it controls, and nothing else is shown" {
    run -0 on-terminal -- hpcnode-ctl run --id tty --pty -- sh -c \
        'tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo "on $(ps -o tty= -p $$), $(tty </dev/tty)"; ps -o tpgid=,pgid= -p $$'
    tty=$(grep -o '^/dev/pts/[0-9]*' <<<"$output")
    shown "job tty: press ^] three times within a second to leave it" all "on ${tty#/dev/}, /dev/tty"
    read -r foreground group <<<"${lines[-1]//$'\r'/}"
    [ "$foreground" = "$group" ]
    [ ${#lines[@]} -eq 5 ]
}

@test "its modes, size, TERM and colours are those of the terminal here, and --env goes before" {
    export COLORTERM=truecolor NO_COLOR=1
    run -0 on-terminal size:33x111 -- hpcnode-ctl run --pty --env NO_COLOR=2 -- \
        sh -c 'stty -a; echo "$TERM $COLORTERM $NO_COLOR"; env | grep -c NO_COLOR'
    shown "xterm truecolor 2" 1
    [[ $output == *"rows 33; columns 111;"*"erase = ^H;"* ]]
}

@test "the window's size follows" {
    run -0 on-terminal expect:ready size:40x90 expect:"40 90" size:41x91 expect:"41 91" type:$'\x03' -- \
        hpcnode-ctl run --pty -- sh -c 'trap "stty size" WINCH; trap "exit 0" INT; sleep infinity & echo ready; while :; do wait; done'
}

@test "what is typed goes to the job: ^C, ^\\ and ^Z to its foreground processes" {
    # Under job control, each of these runs in a process group of its own.
    run -7 on-terminal expect:'# ' \
        type:$'sh -c "echo ready; exec sleep 1000"\n' expect:$'\rready' type:$'\x03' expect:'# ' type:$'echo status-$?\n' expect:status-130 \
        type:$'sh -c "echo ready; exec sleep 1000"\n' expect:$'\rready' type:$'\x1c' expect:'# ' type:$'echo status-$?\n' expect:status-131 \
        type:$'sh -c "echo ready; exec sleep 1000"\n' expect:$'\rready' type:$'\x1a' expect:Stopped expect:'# ' \
        type:$'exit 7\n' expect:'stopped jobs' type:$'exit 7\n' -- \
        hpcnode-ctl run --pty --env 'PS1=# ' -- bash --norc -i
}

@test "^C ends a job that does not catch it, by SIGINT" {
    run -130 on-terminal expect:ready type:$'\x03' -- hpcnode-ctl run --id interrupted --pty -- sh -c 'echo ready; exec sleep 1000'
    run -0 hpcnode-ctl inspect interrupted
    has "signal: 2" "state: failed"
}

@test "SIGTERM to the client ends the job once, and again kills it; the terminal is as before" {
    run -137 on-terminal expect:ready signal:15 expect:got-it signal:15 -- \
        hpcnode-ctl run --pty -- bash -c 'trap "echo got-it" TERM; echo ready; while :; do sleep 1000 & wait; done'
    [ "$(grep -o got-it <<<"$output" | wc -l)" -eq 1 ]
}

@test "whatever kills the client, the terminal is as before, and the job's hangs up" {
    for signal in 1 3 6 9 11 14; do
        [ $signal != 11 ] || ! has_sanitizers || continue # they make an exit of it
        run -$((128 + signal)) on-terminal expect:ready signal:$signal restored -- \
            hpcnode-ctl run --id hup-$signal --pty -- sh -c 'echo ready; exec sleep 1000'
        run -0 hpcnode-ctl wait hup-$signal
        has "signal: 1"
    done
}

@test "so it is when the process that forwards is killed, or the terminal here has gone" {
    run -129 on-terminal expect:ready run:'pkill -KILL -f -n "[h]pcnode-ctl run --id orphan "' -- \
        hpcnode-ctl run --id orphan --pty -- sh -c 'echo ready; exec sleep 1000'
    run -129 on-terminal expect:ready hangup -- hpcnode-ctl run --id gone --pty -- sh -c 'echo ready; exec sleep 1000'
    run -0 hpcnode-ctl wait gone
    has "signal: 1"
}

@test "an error of run leaves the terminal alone" {
    run -1 on-terminal -- hpcnode-ctl run --pty -- /nonexistent
    [[ $output == *"error: "*"cannot execute "*/nonexistent* ]]
}

@test "all that a job has said is shown, also what it says last" {
    for _ in 1 2 3; do
        on-terminal -- hpcnode-ctl run --pty -- sh -c 'seq 20000; printf end' >out
        diff <(echo "job"; seq 20000; printf end) <(tr -d '\r' <out | sed '1s/ .*//')
    done
    hpcnode-ctl run --pty -- sh -c 'seq 200000; printf end' </dev/null | tr -d '\r' | diff <(seq 200000; printf end) -
    # More than a pipe holds, here a page, is still in the terminal when the job has ended.
    perl -e 'fcntl(STDOUT, 1031, 4096) or die; exec @ARGV' hpcnode-ctl run --id slow --pty -- seq 3000 </dev/null |
        { read -r first; hpcnode-ctl wait slow >/dev/null; echo "$first"; cat; } | tr -d '\r' | diff <(seq 3000) -
}

@test "a process that keeps the terminal open does not keep the client" {
    hpcnode-ctl create kept
    run -4 on-terminal -- hpcnode-ctl run --scope kept --id one --pty -- \
        bash -c 'setsid sleep infinity & seq 1000; exit 4'
    shown 1 1000
    run -5 on-terminal -- hpcnode-ctl run --scope kept --id two --pty -- bash -c 'trap "" HUP; setsid yes & sleep 0.1; exit 5' >/dev/null
}

@test "leaving the job with ^] three times: it goes on, with its terminal" {
    run -0 on-terminal expect:ready type:$'\x1d\x1d\x1d' -- hpcnode-ctl run --id left --pty -- \
        bash -c 'echo ready; until [ -e go ]; do sleep 0.1; done; seq 100000; tty >&2 && echo yes >said; exit 6'
    shown "job left goes on; see hpcnode-ctl wait workload-left.scope"
    run -0 hpcnode-ctl inspect left
    has "state: running"
    run -0 pgrep -f '[h]pcnode-ctl run --id left '
    keeper=$output
    touch go
    run -0 hpcnode-ctl wait left
    has "exit: 6"
    [ -s said ]
    await exit "$keeper"
}

@test "fewer ^] are typed" {
    run -0 on-terminal expect:ready type:$'\x1d\x1dx\x1d\x1d\n' -- hpcnode-ctl run --pty -- \
        sh -c 'echo ready; read -r line; printf %s "$line" | od -An -tx1'
    shown " 1d 1d 78 1d 1d"
}

@test "an editor works" {
    prompt="File Name to Write"
    [[ $(nano --version) != *"version 8."* ]] || prompt="Write to File"
    run -0 on-terminal expect:"GNU nano" type:"some text" expect:"some text" type:$'\x0f' expect:"$prompt: file" \
        type:$'\r' expect:"Wrote 1 line" type:$'\x18' -- hpcnode-ctl run --pty -- nano --ignorercfiles file
    [ "$(cat file)" = "some text" ]
}

@test "without a terminal here there is one for the job, of 24 lines of 80" {
    printf 'some\nmore' | hpcnode-ctl run --pty -- sh -c 'stty size; tty; cat -A; exit 9' >out 2>err || status=$?
    [ "$status" -eq 9 ]
    [[ $(tr -d '\r' <out) == "24 80"$'\n/dev/pts/'*$'\nsome$\nmore' ]]
    [ ! -s err ]
    hpcnode-ctl run --pty -- sh -c 'exec cat' </dev/null >out
    [ ! -s out ]
}

@test "a reader that has gone hangs up the job's terminal" {
    run -0 bash -c 'hpcnode-ctl run --pty -- yes </dev/null | head -1; echo ${PIPESTATUS[0]}'
    [ "${lines[0]}" = $'y\r' ]
    [ "${lines[1]}" = 129 ]
}

@test "output that goes elsewhere is what the job prints, while the terminal is the one typed on" {
    run -0 on-terminal expect:"press ^]" type:$'first\n' run:'await file out "got first"' type:$'\x04' -- \
        sh -c 'hpcnode-ctl run --pty -- sh -c "while read x; do echo got \$x; done" >out'
}

@test "the terminal of another user's job is that user's" {
    run -0 on-terminal -- hpcnode-ctl run --pty --user alice --cwd / -- \
        sh -c 'id -un; t=$(tty); stat -c %U "$t"; echo reopened >"$t"; echo reopened >/dev/tty; stat -c %a "$t"'
    [ "$(grep -c alice <<<"$output")" -eq 2 ]
    [ "$(grep -c reopened <<<"$output")" -eq 2 ]
    shown 620
}

@test "--pipe leaves the caller's terminal to the caller" {
    run -0 on-terminal -- sh -c 'hpcnode-ctl run --pipe -- sh -c "test -t 0 && echo a terminal; ps -o tty= -p \$\$; echo x >/dev/tty"; ps -o tty= -p $$'
    shown "a terminal" "?"
    [[ $output == *"/dev/tty"* ]]
    [[ ${lines[-1]} == pts/* ]]
}

@test "after the daemon was killed the terminal is still the job's" {
    run -8 on-terminal expect:ready run:'systemctl kill -s KILL hpcnode-cgroupd' type:$'typed\n' expect:got-typed \
        run:'systemctl start hpcnode-cgroupd' type:$'again\n' expect:got-again type:$'\x04' -- \
        hpcnode-ctl run --pty -- sh -c 'echo ready; while read x; do echo got-$x; done; exit 8'
}
