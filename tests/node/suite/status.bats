#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# How the end of a job comes back to who waits for it, and how who waits ends a job.
# bats file_tags=native
# shellcheck disable=SC2016 # what is in single quotes is for other shells

load lib

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# each NAME SCRIPT: a task NAME-N of the scope "all" for each number N that is read, which is $1 of the script. Prints for each
# the number, the status of `run --wait`, and exit and signal of `wait`.
each() {
    hpcnode-ctl create all >/dev/null
    name=$1 script=$2 xargs -P 4 -I N bash -c '
        hpcnode-ctl run --scope all --id $name-N --log null --wait -- sh -c "$script" sh N >/dev/null
        status=$?
        ended=$(hpcnode-ctl wait all/$name-N)
        echo N $status $(sed -n "s/^exit: //p; s/^signal: /signal /p" <<<"$ended")' | sort -n
}

@test "every exit status passes through run --wait and wait" {
    seq 0 255 | each exit 'exit $1' >ended
    diff <(seq 0 255 | sed 's/.*/& & &/') ended
}

@test "every signal that ends a process passes through, and as 128 and its number" {
    # SIGSTOP ends nothing; the others that stop do nothing to a job, which has no shell to continue it.
    seq 64 | grep -vx 19 | each signal 'ulimit -c 0; kill -$1 $$; exit 0' >ended
    for n in {1..64}; do
        case $n in
        19) ;;
        17 | 18 | 2[0-3] | 28) echo "$n 0 0" ;;
        *) echo "$n $((128 + n)) signal $n" ;;
        esac
    done | diff - ended
}

@test "so does the status that a wrapper makes of it" {
    run -143 hpcnode-ctl run --id wrapped --wait -- sh -c 'sh -c "kill -TERM \$\$"; exit $?'
    run -0 hpcnode-ctl wait wrapped
    has "exit: 143" "state: failed"
    run -1 grep signal: <<<"$output"
    run -5 hpcnode-ctl run --wait -- sh -c 'false; exit 5'
    run -137 hpcnode-ctl run --id shell --wait -- bash -c 'kill -KILL $$; exit 5'
    run -0 hpcnode-ctl wait shell
    has "signal: 9" "state: killed"
}

# Counts what it gets of SIGTERM, and ends when it is told to.
counting_job() {
    cat >job <<'END'
#!/bin/sh
trap 'echo term >>got' TERM
echo up >up
while [ ! -e end ]; do sleep 0.05; done
exit 7
END
    chmod 755 job
}

@test "SIGINT or SIGTERM to a waiting run is one SIGTERM to the job, with --wait and with --pipe" {
    counting_job
    for option in --wait --pipe; do
        for signal in INT TERM; do
            rm -f up got end
            # A shell's background ignores SIGINT; what ignores it does so on.
            env --default-signal=INT hpcnode-ctl run --id "once$option-$signal" $option -- ./job </dev/null 3>&- &
            client=$!
            await file up up
            kill -$signal $client
            await file got term
            touch end
            status=0
            wait $client || status=$?
            [ "$status" -eq 7 ]
            [ "$(cat got)" = term ]
        done
    done
}

@test "a second one kills the job with all its processes" {
    counting_job
    for option in --wait --pipe; do
        rm -f up got end
        command hpcnode-ctl run --id "twice$option" $option -- sh -c 'sleep infinity & exec ./job' </dev/null 3>&- &
        client=$!
        await file up up
        kill -TERM $client
        await file got term
        kill -TERM $client
        status=0
        wait $client || status=$?
        [ "$status" -eq 137 ]
        [ "$(cat got)" = term ]
        run -0 hpcnode-ctl inspect "twice$option"
        has "state: killed" "signal: 9" "pid_count: 0"
    done
}

@test "^C on the terminal ends the job once, and again kills it" {
    counting_job
    run -7 on-terminal run:'await file up up' type:$'\x03' run:'await file got term; touch end' -- \
        hpcnode-ctl run --wait -- ./job
    [ "$(cat got)" = term ]
    rm -f up got end
    run -137 on-terminal run:'await file up up' type:$'\x03' run:'await file got term' type:$'\x03' -- \
        hpcnode-ctl run --pipe -- ./job
    [ "$(cat got)" = term ]
}
